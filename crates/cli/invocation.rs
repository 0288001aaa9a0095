//! The command lines that netprof prints for a person to paste.
//!
//! They do what they say under the options and the environment that netprof was itself
//! started with: sudo(8) keeps neither where profiles are nor where the state is, so both are
//! said again.

use std::path::PathBuf;

use crate::args::Global;

/// The variables that say where something of netprof's is.
const VARIABLES: [&str; 2] = ["NETPROF_PROFILES", "NETPROF_STATE_DIR"];

/// How netprof was started, as far as another run of it must be started alike.
pub struct Invocation {
    profiles: Option<PathBuf>,
    environment: Vec<(&'static str, String)>,
}

impl Invocation {
    /// With these options, and the variables that `variable` tells.
    pub fn new(global: &Global, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = VARIABLES.into_iter();
        Self {
            profiles: global.profiles.clone(),
            environment: set
                .filter_map(|name| Some((name, variable(name)?)))
                .collect(),
        }
    }

    /// netprof with `words`, in this shell.
    pub fn of(&self, words: &[&str]) -> String {
        let folder = self.profiles.as_ref().map(|one| one.display().to_string());
        let profiles = folder
            .iter()
            .flat_map(|folder| ["--profiles", folder.as_str()]);
        let all = ["netprof"].into_iter().chain(profiles);
        let quoted: Vec<String> = all.chain(words.iter().copied()).map(quoted).collect();
        quoted.join(" ")
    }

    /// The same as root.
    pub fn as_root(&self, words: &[&str]) -> String {
        let mut line = "sudo ".to_owned();
        if !self.environment.is_empty() {
            line.push_str("env ");
        }
        for (name, value) in &self.environment {
            line.push_str(&format!("{name}={} ", quoted(value)));
        }
        line + &self.of(words)
    }
}

/// A word as sh(1) takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,#".contains(c);
    // A comment starts with a `#` that begins a word.
    if !word.is_empty() && !word.starts_with('#') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(profiles: Option<&str>, set: &[(&str, &str)]) -> Invocation {
        let global = Global {
            json: false,
            profiles: profiles.map(PathBuf::from),
        };
        Invocation::new(&global, |name| {
            let found = set.iter().find(|(one, _)| *one == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn another_run_is_started_as_this_one_was() {
        let bare = invocation(None, &[("HOME", "/root")]);
        assert_eq!(bare.of(&["plan", "office"]), "netprof plan office");
        assert_eq!(bare.as_root(&["release"]), "sudo netprof release");
        let elsewhere = invocation(Some("my dotfiles"), &[("NETPROF_STATE_DIR", "/srv/state")]);
        assert_eq!(
            elsewhere.of(&["check", "./it's.kdl#office"]),
            r"netprof --profiles 'my dotfiles' check './it'\''s.kdl#office'"
        );
        assert_eq!(
            elsewhere.as_root(&["apply", "office"]),
            "sudo env NETPROF_STATE_DIR=/srv/state netprof --profiles 'my dotfiles' apply office"
        );
    }

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        for word in ["", "a b", "$HOME", "#a", "~", "a;b", "a*"] {
            assert_eq!(quoted(word), format!("'{word}'"));
        }
        for word in ["office", "./a.kdl#b", "/h\u{e4}user/x", "10.0.0.0/8"] {
            assert_eq!(quoted(word), word);
        }
    }
}
