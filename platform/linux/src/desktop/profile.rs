//! dconf's profile: which databases a user's values are looked for in.

/// The databases of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The user's own, in which values are written. Without one nothing is.
    pub user: Option<String>,
    /// Those of the system that come behind it, whose locks count.
    pub system: Vec<String>,
}

impl Default for Profile {
    /// Where there is no profile (dconf(7)).
    fn default() -> Self {
        Self {
            user: Some("user".to_owned()),
            system: Vec::new(),
        }
    }
}

impl Profile {
    /// The profile that a text is. Values are written to the first database, if it is one
    /// of the user's: no other way to keep them is known here (dconf-engine-profile.c).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| {
            let (line, _comment) = line.split_once('#').unwrap_or((line, ""));
            line.trim()
        });
        let mut databases = lines.filter(|line| !line.is_empty());
        let first = databases.next().unwrap_or_default();
        let user = first.strip_prefix("user-db:").filter(|name| is_name(name));
        let system = databases.filter_map(|line| line.strip_prefix("system-db:"));
        Self {
            user: user.map(str::to_owned),
            system: system
                .filter(|name| is_name(name))
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// Whether it names a file in a folder, and no other place; and an object of dconf's
/// service, whose path ends in it.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_database_is_written_to_if_it_is_the_users() {
        let profile = |text| {
            let Profile { user, system } = Profile::parse(text);
            (user, system.join(" "))
        };
        let user = |name: &str| Some(name.to_owned());
        assert_eq!(
            profile("# ours\n user-db:user # first\n\nsystem-db:local\nsystem-db:site\n"),
            (user("user"), "local site".to_owned())
        );
        assert_eq!(profile("user-db:mine"), (user("mine"), String::new()));
        for (text, system) in [
            ("", ""),
            ("service-db:keyfile/user\n", ""),
            ("system-db:local\nuser-db:user\n", ""),
            ("user-db:../../etc/x\nsystem-db:local\n", "local"),
            ("user-db:user/\nsystem-db:..\n", ""),
        ] {
            assert_eq!(profile(text), (None, system.to_owned()), "{text}");
        }
    }
}
