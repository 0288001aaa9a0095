//! What every command has at hand.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use netprof_engine::{Backend, Caller, StateFolder};
use netprof_model::held::Held;
use netprof_model::plan::ProfileRef;
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Name, Section, Snapshot, shell};
use netprof_plan::Need;
use netprof_profile::{Library, Resolved};

use crate::answer::{Answer, failure};
use crate::args::Global;
use crate::commands::refusal;
use crate::invocation::Invocation;
pub use crate::platform::HERE;
use crate::platform::{STATE_FOLDER, System};
use crate::render::plan::Title;
use netprof_posix::{signal, user};

/// What every command has at hand.
pub struct Context {
    /// Where profiles are looked for.
    pub library: Library,
    /// Where netprof keeps what it holds.
    pub folder: StateFolder,
    /// How to start netprof once more.
    pub invocation: Invocation,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether stderr takes colours.
    pub colour: bool,
}

impl Context {
    /// From the command line and the environment.
    pub fn new(global: &Global) -> Self {
        // A folder may have any name, also one that is no UTF-8.
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = user::home(|name| variable(name)?.into_string().ok());
        let folders = [
            global.profiles.clone(),
            variable("NETPROF_PROFILES").map(PathBuf::from),
            home.map(|home| home.join(".config/netprof/profiles")),
            Some(PathBuf::from("/etc/netprof/profiles")),
        ];
        let state = variable("NETPROF_STATE_DIR").unwrap_or_else(|| OsString::from(STATE_FOLDER));
        Self {
            library: Library::new(folders.into_iter().flatten()),
            folder: StateFolder::at(state),
            invocation: Invocation::new(global, variable, std::env::args_os().skip(1)),
            json: global.json,
            // https://no-color.org: any value that is not empty.
            colour: variable("NO_COLOR").is_none() && std::io::stderr().is_terminal(),
        }
    }

    /// The live state, as far as `need` goes, beside what netprof holds.
    pub fn observe(&self, need: Need, held: Section<Held>) -> Result<Snapshot, Answer> {
        let mut snapshot = System::new()
            .observe(need)
            .map_err(|error| Answer::refused(vec![failure("observe::failed", &error)]))?;
        snapshot.held = held;
        Ok(snapshot)
    }

    /// What netprof holds; a command that rests on it is refused where it cannot be read.
    pub fn held(&self) -> Result<Held, Answer> {
        self.folder
            .held()
            .map_err(|error| Answer::refused(vec![refusal(&self.invocation, &error)]))
    }

    /// Refuses, unless this process may change the network. `again` is what was asked for.
    pub fn needs_rights(&self, again: &[&str]) -> Result<(), Answer> {
        if user::may_change() {
            return Ok(());
        }
        Err(Answer::refused(vec![
            Diagnostic::error(
                "rights::needed",
                "this changes routes, rules and the resolver, which needs root: nothing was changed",
            )
            .help(self.invocation.as_root(again)),
        ]))
    }

    /// From here on a person's wish to stop takes the transaction back.
    pub fn catch_signals(&self) -> Result<(), Answer> {
        signal::catch().map_err(|error| Answer::refused(vec![failure("signal::failed", &error)]))
    }

    /// Who asks for what, and when.
    pub fn caller(&self, again: &[&str]) -> Caller {
        Caller {
            command: format!("netprof {}", again.join(" ")),
            started: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }

    /// `profile` as an argument: its name, where that means it, else where it stands.
    pub fn argument(&self, profile: &ProfileRef) -> String {
        let name = Name::new(&profile.name).ok();
        let found = name.and_then(|name| self.library.find(&name));
        match found {
            Some(file) if absolute(&file) == profile.file => profile.name.clone(),
            _ => format!("{}#{}", shell::operand(&profile.file), profile.name),
        }
    }

    /// What `what` may have been meant for, where it is a file's name or a profile's, and was
    /// taken for the other.
    fn otherwise(&self, what: &str) -> Option<Diagnostic> {
        let is_file = Path::new(what).is_file();
        if !Library::is_path(what) {
            let here = format!("there is a file {what} in this folder");
            let note = Diagnostic::note("profile::file-here", here);
            let named = shell::line(&[&format!("./{what}")]);
            return is_file.then(|| note.help(format!("a file is named with a slash: {named}")));
        }
        let name = Name::new(what.strip_suffix(".kdl")?).ok()?;
        let file = self.library.find(&name).filter(|_| !is_file)?;
        let there = format!("there is a profile \"{name}\" in {}", file.display());
        let note = Diagnostic::note("profile::named-elsewhere", there);
        Some(note.help(format!("a profile is named without an ending: {name}")))
    }

    /// The profile that `what` names, for `os`.
    pub fn resolve(&self, what: &str, os: Os) -> Result<Resolved, Answer> {
        self.library.resolve(what, os).map_err(|mut refused| {
            refused.diagnostics.extend(self.otherwise(what));
            Answer::refused(Vec::new()).with(refused.diagnostics, refused.sources)
        })
    }
}

/// Whether a wish to stop has come.
pub fn is_stopped() -> bool {
    signal::caught()
}

/// What a plan says of the profile that it was made from. The file is named so that
/// it is found from any folder.
pub fn reference(resolved: &Resolved) -> ProfileRef {
    ProfileRef {
        name: resolved.profile.name.to_string(),
        file: absolute(Path::new(resolved.profile.at.file.as_ref())),
        sha256: resolved.sha256.clone(),
    }
}

/// A file by a name that leads to it from any folder.
pub fn absolute(file: &Path) -> String {
    let path = std::path::absolute(file);
    let path = path.as_deref().unwrap_or(file);
    path.to_string_lossy().into_owned()
}

/// What a plan of `resolved` is called.
pub fn title(resolved: &Resolved) -> Title<'_> {
    Title {
        name: resolved.profile.name.as_str(),
        file: &resolved.profile.at.file,
    }
}
