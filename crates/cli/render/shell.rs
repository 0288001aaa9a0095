//! Variables as code of a shell.
//!
//! What is printed here is run by whoever asked, so a value must come out of the shell as it
//! went in, whatever it is. Each shell has one kind of quotes in which next to nothing has a
//! meaning, and every value stands in those. A statement ends with a `;` as well as with its
//! line, since `eval $(...)` without quotes makes one line of all.

use std::fmt::Write;
use std::path::Path;

use clap::ValueEnum;

/// A shell that code can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash(1).
    Bash,
    /// zsh(1).
    Zsh,
    /// fish(1), for `| source`.
    Fish,
    /// Nushell, which runs no code that is made while it runs: for a file that its own
    /// configuration names.
    Nushell,
    /// Any shell of POSIX: dash, ksh, busybox.
    Posix,
}

impl Shell {
    /// The one that a path such as `$SHELL` leads to; of POSIX, where it is none of the others.
    pub fn at(path: &Path) -> Self {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("bash") => Self::Bash,
            Some("zsh") => Self::Zsh,
            Some("fish") => Self::Fish,
            Some("nu") => Self::Nushell,
            _ => Self::Posix,
        }
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
        let mut code = String::new();
        for name in unset {
            let _ = match self {
                Self::Bash | Self::Zsh | Self::Posix => writeln!(code, "unset {name};"),
                // Of a variable that is not set, only its status is unlike.
                Self::Fish => writeln!(code, "set -e {name};"),
                Self::Nushell => writeln!(code, "hide-env --ignore-errors {name};"),
            };
        }
        for (name, value) in set {
            let quoted = self.quoted(value);
            let _ = match self {
                Self::Bash | Self::Zsh | Self::Posix => writeln!(code, "export {name}={quoted};"),
                Self::Fish => writeln!(code, "set -gx {name} {quoted};"),
                Self::Nushell => writeln!(code, "$env.{name} = {quoted};"),
            };
        }
        code
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
                "netprof env --shell nushell | save -f ~/.netprof.nu",
                "env.nu, and `source ~/.netprof.nu` in config.nu",
            ),
            Self::Posix => ("eval \"$(netprof env --shell posix)\"", "~/.profile"),
        }
    }

    fn quoted(self, value: &str) -> String {
        let (quote, escaped) = match self {
            // Nothing has a meaning but the quote itself, which stands outside of them.
            Self::Bash | Self::Zsh | Self::Posix => ('\'', value.replace('\'', r"'\''")),
            // fish takes a backslash before these two for a sign of its own, also in quotes.
            Self::Fish => ('\'', value.replace('\\', r"\\").replace('\'', r"\'")),
            // There is no way to have a single quote within single quotes.
            Self::Nushell => ('"', value.replace('\\', r"\\").replace('"', "\\\"")),
        };
        format!("{quote}{escaped}{quote}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_told_by_the_name_of_its_program() {
        for (path, shell) in [
            ("/bin/bash", Shell::Bash),
            ("/usr/local/bin/zsh", Shell::Zsh),
            ("/usr/bin/fish", Shell::Fish),
            ("nu", Shell::Nushell),
            ("/bin/dash", Shell::Posix),
            ("/usr/bin/tcsh-of-mine", Shell::Posix),
            ("", Shell::Posix),
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
                "hide-env --ignore-errors http_proxy;\n$env.no_proxy = \"a'b\\\\\\\"$x\";\n",
            ),
        ] {
            assert_eq!(shell.code(&set, &unset), code);
            assert!(shell.usage().0.contains(shell.name()));
        }
        assert_eq!(Shell::Zsh.code(&[], &[]), "");
    }
}
