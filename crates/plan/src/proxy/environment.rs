//! The file of variables that is a person's, in the words of environment.d(5).
//!
//! The manager of a person's services reads it when it starts, and netprof reads it for each
//! shell that asks. A value stands in double quotes, in which a backslash takes the meaning
//! from `"`, `\`, `` ` `` and `$` (systemd, `basic/env-file.c`); but what comes out of the
//! quotes is then searched for `$NAME`, so that a `$` is written twice, which makes one
//! (`basic/env-util.c`). A line of any other form is not one that netprof has written.

use std::fmt::{self, Write};

use netprof_model::resource::FILE_MARK;
use netprof_model::snapshot::Os;
use netprof_model::user::User;

/// Where the file is in the home of its person.
#[must_use]
pub fn path(os: Os) -> &'static str {
    match os {
        Os::Linux => ".config/environment.d/60-netprof.conf",
        // Nothing of the system's reads it there.
        Os::Macos => ".config/netprof/environment",
    }
}

/// Where the file of `user` is.
#[must_use]
pub fn of(user: &User, os: Os) -> String {
    format!("{}/{}", user.home.trim_end_matches('/'), path(os))
}

/// A variable and its value.
pub type Variable = (String, String);

/// The text that sets `variables` on behalf of `whom`. A value is one line and not empty,
/// which the generator of systemd 252 takes for a mistake.
pub(crate) fn write(whom: &str, variables: &[Variable]) -> String {
    let mut text = format!("{FILE_MARK}{whom}\n");
    for (name, value) in variables {
        let _ = write!(text, "{name}=\"");
        for c in value.chars() {
            match c {
                '"' | '\\' | '`' => text.extend(['\\', c]),
                '$' => text.push_str("$$"),
                _ => text.push(c),
            }
        }
        text.push_str("\"\n");
    }
    text
}

/// Why a text is none that [`write`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It does not start with netprof's mark.
    Unmarked,
    /// This line, from 1, is of another form: somebody has edited it.
    Line(usize),
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarked => f.write_str("does not bear netprof's mark"),
            Self::Line(line) => write!(f, "line {line} is not as netprof writes it"),
        }
    }
}

impl std::error::Error for Foreign {}

/// The variables that a file sets, in its order.
///
/// # Errors
///
/// The file is not netprof's, or no longer as netprof has written it.
pub fn read(text: &str) -> Result<Vec<Variable>, Foreign> {
    let mut lines = text.split_terminator('\n').enumerate();
    if !lines
        .next()
        .is_some_and(|(_, first)| first.starts_with(FILE_MARK))
    {
        return Err(Foreign::Unmarked);
    }
    let read = |(at, line)| variable(line).ok_or(Foreign::Line(at + 1));
    lines.map(read).collect()
}

fn variable(line: &str) -> Option<Variable> {
    let (name, rest) = line.split_once("=\"")?;
    let quoted = rest
        .strip_suffix('"')
        .filter(|_| super::is_variable(name))?;
    let (mut value, mut chars) = (String::with_capacity(quoted.len()), quoted.chars());
    while let Some(c) = chars.next() {
        value.push(match c {
            '\\' => chars.next().filter(|c| matches!(c, '"' | '\\' | '`'))?,
            '$' => chars.next().filter(|c| *c == '$')?,
            '"' | '`' => return None,
            _ if c.is_control() => return None,
            _ => c,
        });
    }
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec(r#"[ -~]{0,6}["$`\\' ]{0,4}\PC{0,4}"#, 0..4)) {
            let names = ["http_proxy", "HTTP_PROXY", "all_proxy", "NO_PROXY"].map(str::to_owned);
            let variables: Vec<Variable> = names.into_iter().zip(values).collect();
            let text = write("proxy of office", &variables);
            prop_assert_eq!(read(&text), Ok(variables));
        }

        #[test]
        fn no_text_is_read_but_as_it_is_written(text in r#"# netprof: x\n([a-z_]{0,3}|http_proxy=["$\\a=]{0,6}\n)*"#) {
            if let Ok(variables) = read(&text) {
                prop_assert_eq!(write("x", &variables), text);
            }
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_told_from_an_edited_one() {
        assert_eq!(read(""), Err(Foreign::Unmarked));
        assert_eq!(read("http_proxy=\"x\"\n"), Err(Foreign::Unmarked));
        let ours = write("office", &[("no_proxy".to_owned(), "a,b".to_owned())]);
        assert_eq!(ours, "# netprof: office\nno_proxy=\"a,b\"\n");
        assert_eq!(
            read(&format!("{ours}PATH=\"/tmp\"\n")),
            Err(Foreign::Line(3))
        );
        assert_eq!(read(&ours.replace('"', "")), Err(Foreign::Line(2)));
        assert_eq!(read(&ours.replace("a,b", "$HOME")), Err(Foreign::Line(2)));
    }
}
