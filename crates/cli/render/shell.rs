//! Variables as code of a shell.
//!
//! What is printed here is run by whoever asked, so a value must come out of the shell as it
//! went in, whatever it is. Each shell has one kind of quotes in which next to nothing has a
//! meaning, and every value stands in those. A statement ends with a `;` as well as with its
//! line, since `eval $(...)` without quotes makes one line of all.
//!
//! Nushell runs no code that is made while it runs, but in a file, where a password would lie
//! around for everybody to read. So it is handed a record for its `load-env`, which can set
//! and not unset: a variable that goes is empty, which every program takes for none. (A null
//! is handed on to programs by some versions, as a text: `env_to_string` of its
//! `nu-engine/src/env.rs`.)

use std::fmt::Write;
use std::path::Path;

use clap::ValueEnum;
use serde_json::{Map, Value};

/// A shell that code can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash(1).
    Bash,
    /// zsh(1).
    Zsh,
    /// fish(1), for `| source`.
    Fish,
    /// Nushell, for `| from json | load-env`.
    Nushell,
    /// Any shell of POSIX: dash, ksh, busybox.
    Posix,
}

/// The quotes of a shell.
#[derive(Clone, Copy)]
enum Quotes {
    /// Nothing has a meaning in them but the quote itself, which stands outside of them.
    Posix,
    /// A backslash is a sign of its own before a quote and before another, also in quotes.
    Fish,
}

impl Quotes {
    fn around(self, value: &str) -> String {
        let escaped = match self {
            Self::Posix => value.replace('\'', r"'\''"),
            Self::Fish => value.replace('\\', r"\\").replace('\'', r"\'"),
        };
        format!("'{escaped}'")
    }
}

impl Shell {
    /// The one that a path such as `$SHELL` leads to; none where it is unknown, as csh is: what
    /// it would make of another's code nobody can say.
    pub fn at(path: &Path) -> Option<Self> {
        Some(match path.file_name()?.to_str()? {
            "bash" => Self::Bash,
            "zsh" => Self::Zsh,
            "fish" => Self::Fish,
            "nu" => Self::Nushell,
            "sh" | "dash" | "ash" | "ksh" | "ksh93" | "mksh" | "oksh" | "busybox" => Self::Posix,
            _ => return None,
        })
    }

    /// Its name, as `--shell` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Nushell => "nushell",
            Self::Posix => "posix",
        }
    }

    /// Code that sets and unsets these variables, whose names are those of a shell.
    pub fn code(self, set: &[(String, String)], unset: &[String]) -> String {
        match self {
            Self::Bash | Self::Zsh | Self::Posix => {
                statements(("unset", "export", "="), Quotes::Posix, set, unset)
            }
            // Where a variable is not set, `set -e` fails, and says nothing.
            Self::Fish => statements(("set -e", "set -gx", " "), Quotes::Fish, set, unset),
            Self::Nushell => record(set, unset),
        }
    }

    /// What a person writes for this code to be run, and where.
    pub fn usage(self) -> (&'static str, &'static str) {
        match self {
            Self::Bash => ("eval \"$(netprof env --shell bash)\"", "~/.bashrc"),
            Self::Zsh => ("eval \"$(netprof env --shell zsh)\"", "~/.zshrc"),
            Self::Fish => (
                "netprof env --shell fish | source",
                "~/.config/fish/config.fish",
            ),
            Self::Nushell => (
                "netprof env --shell nushell | from json | load-env",
                "~/.config/nushell/config.nu",
            ),
            Self::Posix => ("eval \"$(netprof env --shell posix)\"", "~/.profile"),
        }
    }
}

/// A statement for each, in these words for taking away and for setting, and what stands
/// between a name and its value.
fn statements(
    (unset_it, set_it, between): (&str, &str, &str),
    quotes: Quotes,
    set: &[(String, String)],
    unset: &[String],
) -> String {
    let mut code = String::new();
    for name in unset {
        let _ = writeln!(code, "{unset_it} {name};");
    }
    for (name, value) in set {
        let quoted = quotes.around(value);
        let _ = writeln!(code, "{set_it} {name}{between}{quoted};");
    }
    code
}

/// A record, also where there is nothing to say.
fn record(set: &[(String, String)], unset: &[String]) -> String {
    let gone = unset.iter().map(|name| (name.as_str(), ""));
    let set = set.iter().map(|(name, value)| (name.as_str(), &**value));
    let all = gone.chain(set);
    let all: Map<String, Value> = all
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    format!("{}\n", Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_told_by_the_name_of_its_program() {
        for (path, shell) in [
            ("/bin/bash", Some(Shell::Bash)),
            ("/usr/local/bin/zsh", Some(Shell::Zsh)),
            ("/usr/bin/fish", Some(Shell::Fish)),
            ("nu", Some(Shell::Nushell)),
            ("/bin/sh", Some(Shell::Posix)),
            ("/bin/dash", Some(Shell::Posix)),
            ("/usr/bin/mksh", Some(Shell::Posix)),
            ("/bin/tcsh", None),
            ("/bin/csh", None),
            ("/usr/bin/elvish", None),
            ("/usr/bin/xonsh", None),
            ("/usr/sbin/nologin", None),
            ("", None),
        ] {
            assert_eq!(Shell::at(Path::new(path)), shell, "{path}");
        }
    }

    #[test]
    fn each_shell_has_its_own_words_and_quotes() {
        let set = [("no_proxy".to_owned(), r#"a'b\"$x"#.to_owned())];
        let unset = ["http_proxy".to_owned()];
        for (shell, code) in [
            (
                Shell::Bash,
                "unset http_proxy;\nexport no_proxy='a'\\''b\\\"$x';\n",
            ),
            (
                Shell::Fish,
                "set -e http_proxy;\nset -gx no_proxy 'a\\'b\\\\\"$x';\n",
            ),
            (
                Shell::Nushell,
                "{\"http_proxy\":\"\",\"no_proxy\":\"a'b\\\\\\\"$x\"}\n",
            ),
        ] {
            assert_eq!(shell.code(&set, &unset), code);
            assert!(shell.usage().0.contains(shell.name()));
        }
        assert_eq!(Shell::Zsh.code(&[], &[]), "");
        assert_eq!(Shell::Nushell.code(&[], &[]), "{}\n");
    }

    #[test]
    fn nobody_is_told_to_keep_a_password_in_a_file() {
        for shell in Shell::value_variants() {
            let (line, place) = shell.usage();
            for word in ["save", ">", "tee"] {
                assert!(
                    !line.contains(word) && !place.contains(word),
                    "{line} {place}"
                );
            }
        }
    }
}
