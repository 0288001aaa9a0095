//! The command lines that netprof prints for a person to paste.
//!
//! They do what they say under the options and the environment that netprof was itself
//! started with: sudo(8) keeps neither where profiles are nor where the state is, so both are
//! said again. Where it was sudo(8) that started netprof, the person's own shell has none of
//! what was set behind it, either.

use std::ffi::OsString;
use std::path::PathBuf;

use netprof_model::shell;

use crate::args::Global;

/// The variables that say where something of netprof's is.
const VARIABLES: [&str; 2] = ["NETPROF_PROFILES", "NETPROF_STATE_DIR"];

/// Those that say who became root: sudo(8), pkexec(1) and doas(1) set one each.
const CALLERS: [&str; 3] = ["SUDO_UID", "PKEXEC_UID", "DOAS_USER"];

/// How netprof was started, as far as another run of it must be started alike.
pub struct Invocation {
    profiles: Option<PathBuf>,
    /// As env(1) takes them.
    environment: Vec<String>,
    /// Whether somebody else's shell is where commands are pasted.
    is_raised: bool,
    /// What was asked for, options and all.
    asked: Vec<String>,
}

impl Invocation {
    /// With these options, the variables that `variable` tells, and all that was `asked`.
    pub fn new(
        global: &Global,
        variable: impl Fn(&str) -> Option<OsString>,
        asked: impl Iterator<Item = OsString>,
    ) -> Self {
        let set = VARIABLES.into_iter();
        Self {
            profiles: global.profiles.clone(),
            environment: set
                .filter_map(|name| Some(format!("{name}={}", variable(name)?.display())))
                .collect(),
            is_raised: CALLERS.into_iter().any(|name| variable(name).is_some()),
            asked: asked.map(|word| word.display().to_string()).collect(),
        }
    }

    /// netprof with `words`, in this shell.
    pub fn of(&self, words: &[&str]) -> String {
        self.line(&[], self.is_raised, &self.with_options(words))
    }

    /// The same as root.
    pub fn as_root(&self, words: &[&str]) -> String {
        self.line(&["sudo"], true, &self.with_options(words))
    }

    /// What was asked for, asked by root.
    pub fn again_as_root(&self) -> String {
        self.line(&["sudo"], true, &self.asked)
    }

    fn with_options(&self, words: &[&str]) -> Vec<String> {
        let folder = self.profiles.as_ref().map(|one| one.display().to_string());
        let profiles = folder
            .iter()
            .flat_map(|folder| ["--profiles".into(), shell::operand(folder)]);
        let words = words.iter().map(|word| (*word).into());
        profiles
            .chain(words)
            .map(|word| word.into_owned())
            .collect()
    }

    fn line(&self, before: &[&str], says_environment: bool, words: &[String]) -> String {
        let mut all = before.to_vec();
        if says_environment && !self.environment.is_empty() {
            all.push("env");
            all.extend(self.environment.iter().map(String::as_str));
        }
        all.push("netprof");
        all.extend(words.iter().map(String::as_str));
        shell::line(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(profiles: Option<&str>, set: &[(&str, &str)]) -> Invocation {
        let global = Global {
            json: false,
            profiles: profiles.map(PathBuf::from),
        };
        let variable = |name: &str| {
            let found = set.iter().find(|(one, _)| *one == name)?;
            Some(found.1.into())
        };
        Invocation::new(
            &global,
            variable,
            ["status", "--json"].map(Into::into).into_iter(),
        )
    }

    #[test]
    fn another_run_is_started_as_this_one_was() {
        let bare = invocation(None, &[("HOME", "/root")]);
        assert_eq!(bare.of(&["plan", "office"]), "netprof plan office");
        assert_eq!(bare.as_root(&["release"]), "sudo netprof release");
        assert_eq!(bare.again_as_root(), "sudo netprof status --json");
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

    /// `sudo env NETPROF_STATE_DIR=/srv netprof status` is answered in a shell that knows of
    /// no such folder.
    #[test]
    fn what_was_set_behind_sudo_is_said_also_without_it() {
        for caller in CALLERS {
            let raised = invocation(None, &[(caller, "1000"), ("NETPROF_STATE_DIR", "/srv/a b")]);
            assert_eq!(
                raised.of(&["plan", "office"]),
                "env 'NETPROF_STATE_DIR=/srv/a b' netprof plan office"
            );
        }
    }

    #[test]
    fn a_folder_is_not_taken_for_an_option() {
        let odd = invocation(Some("-x"), &[]);
        assert_eq!(odd.of(&["list"]), "netprof --profiles ./-x list");
    }

    /// The name of another folder would be pasted.
    #[cfg(unix)]
    #[test]
    fn what_is_no_text_makes_no_command() {
        use std::os::unix::ffi::OsStringExt;

        let folder = OsString::from_vec(b"/srv/\xff".to_vec());
        let global = Global {
            json: false,
            profiles: Some(folder.into()),
        };
        let said = Invocation::new(&global, |_| None, std::iter::empty()).of(&["list"]);
        assert!(!said.contains("netprof"), "{said}");
    }
}
