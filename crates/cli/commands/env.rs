//! `netprof env`: the variables of the profile that is in force, for a shell to run.
//!
//! It is run by each shell that starts, so it reads one small file, the one that `apply` wrote
//! for this person, and asks nobody; below the home that the list of users has for them, as
//! `apply` does, whatever `$HOME` says. What a shell has from an earlier profile is named in one
//! of its own variables, and what is no longer so is unset.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use netprof_model::Diagnostic;
use netprof_model::profile::ProxyUrl;
use netprof_plan::proxy::environment::{self, Variable};
use netprof_plan::proxy::{NAMES, is_variable};
use netprof_posix::user;
use serde_json::{Map, Value, json};

use super::Result;
use crate::answer::{Answer, chain};
use crate::context::HERE;
use crate::render::shell::Shell;

/// More than the longest list of exceptions.
const MAX_SIZE: u64 = 1 << 20;

/// Prints code of `shell`, or of the one that this person logs in to.
pub fn run(shell: Option<Shell>) -> Result {
    let variable = |name: &str| std::env::var(name).ok();
    let of_login = || shell_of(&variable("SHELL").unwrap_or_default());
    let shell = match shell.map_or_else(of_login, Ok) {
        Ok(shell) => shell,
        Err(refusal) => return Err(Answer::refused(vec![refusal]).into()),
    };
    let file = user::own().map(|user| environment::of(&user, HERE));
    let set = match file.as_deref().map(|file| variables(Path::new(file))) {
        None => None,
        Some(Ok(found)) => found,
        Some(Err(refusal)) => return Err(Answer::refused(vec![refusal]).into()),
    };
    let is_in_force = set.is_some();
    let set = set.unwrap_or_default();
    let earlier = variable(NAMES).unwrap_or_default();
    let unset: Vec<String> = earlier
        .split(' ')
        .chain((!earlier.is_empty()).then_some(NAMES))
        .filter(|name| is_variable(name) && set.iter().all(|(other, _)| other != name))
        .map(str::to_owned)
        .collect();
    let shown: Vec<Variable> = set
        .iter()
        .map(|(name, value)| (name.clone(), ProxyUrl::new(value).redacted()))
        .collect();
    let values = shown
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)));
    let body = json!({
        "shell": shell.name(),
        "file": file.as_ref().filter(|_| is_in_force),
        "set": values.collect::<Map<String, Value>>(),
        "unset": unset,
    });
    // On a terminal somebody looks, and nothing runs what is printed.
    let is_looked_at = io::stdout().is_terminal();
    let code = shell.code(if is_looked_at { &shown } else { &set }, &unset);
    let absent = (!is_in_force).then_some(file.as_deref());
    let said = is_looked_at.then(|| note(shell, absent, shown != set));
    Ok(Answer {
        diagnostics: said.into_iter().collect(),
        ..Answer::done(code, body)
    })
}

/// The shell that `$SHELL` names.
fn shell_of(path: &str) -> std::result::Result<Shell, Diagnostic> {
    Shell::at(Path::new(path)).ok_or_else(|| {
        let why = match path {
            "" => "no shell is named: $SHELL is not set".to_owned(),
            _ => format!("$SHELL is {path}, which is no shell that netprof has the words of"),
        };
        Diagnostic::error("env::shell", why)
            .help("name the one that is to run this, such as: netprof env --shell posix")
    })
}

/// What is said to a person; `absent` is the file that was looked for where it is not there.
fn note(shell: Shell, absent: Option<Option<&str>>, is_covered: bool) -> Diagnostic {
    let said = match (absent, is_covered) {
        (Some(Some(file)), _) => {
            format!("no profile in force has a proxy with `export \"env\"`: {file} is not there")
        }
        (Some(None), _) => "whoever runs this is not in the list of users".to_owned(),
        (None, true) => {
            "this is for a shell to run; on a terminal passwords are covered".to_owned()
        }
        (None, false) => "this is for a shell to run".to_owned(),
    };
    let (usage, place) = shell.usage();
    Diagnostic::note("env::for-a-shell", said).help(format!("{usage} in {place}"))
}

/// The variables of the file that netprof wrote for whoever runs this; none where there is no
/// such file.
fn variables(file: &Path) -> std::result::Result<Option<Vec<Variable>>, Diagnostic> {
    let shown = file.display();
    let refused = |why: &str, help: String| {
        Diagnostic::error("env::file", format!("{shown} {why}")).help(help)
    };
    let again = "netprof apply writes it anew, once it is taken away".to_owned();
    let text = match read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let why = format!("cannot be read: {}", chain(&error));
            return Err(refused(&why, format!("see who may read it: ls -l {shown}")));
        }
        Ok(text) => text,
    };
    match environment::read(&text) {
        Ok(variables) => Ok(Some(variables)),
        Err(foreign) => Err(refused(&foreign.to_string(), again)),
    }
}

/// What the file says, if it is one that nobody else can have put there. Opening a FIFO would
/// wait for somebody to write.
fn read(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.uid() != user::effective() {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("others may write to it"));
    }
    let mut text = String::new();
    file.take(MAX_SIZE).read_to_string(&mut text)?;
    Ok(text)
}
