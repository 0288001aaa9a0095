//! What dockerd(8) was started with, as far as it is about addresses.
//!
//! dockerd reads its command line as spf13/pflag does: `--name=value` or `--name value`;
//! of a letter `-b value`, `-b=value` or `-bvalue`. A flag that is on the command line
//! and a member of the same name in its file keep it from starting
//! (`findConfigurationConflicts` in daemon/config/config.go of moby).

/// The flags that are about addresses: their names, the letter that stands for one, and
/// whether they stand alone.
const FLAGS: [(&str, Option<char>, bool); 6] = [
    ("bip", None, false),
    ("bridge", Some('b'), false),
    ("default-address-pool", None, false),
    ("default-gateway", None, false),
    ("fixed-cidr", None, false),
    ("live-restore", None, true),
];

/// The words of a command line that netprof looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The file that it reads, where that is named.
    pub config_file: Option<String>,
    /// Where it listens.
    pub hosts: Vec<String>,
    /// What it was told of addresses, each as `--name=value`.
    pub flags: Vec<String>,
}

impl CommandLine {
    /// What is in `bytes`, the content of `/proc/PID/cmdline`: words that each end with a
    /// zero (proc_pid_cmdline(5)).
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut words = text.split_terminator('\0').skip(1);
        let mut read = Self::default();
        while let Some(word) = words.next() {
            let mut value = |given: Option<&str>| match given {
                Some(given) => Some(given.to_owned()),
                None => words.next().map(str::to_owned),
            };
            if let Some(given) = named(word, "config-file", None) {
                read.config_file = value(given);
            } else if let Some(given) = named(word, "host", Some('H')) {
                read.hosts.extend(value(given));
            } else if let Some(((name, _, alone), given)) = FLAGS
                .iter()
                .find_map(|flag| Some((flag, named(word, flag.0, flag.1)?)))
            {
                let given = given.or(alone.then_some("true"));
                let flag = value(given).map(|value| format!("--{name}={value}"));
                read.flags.extend(flag);
            }
        }
        read
    }
}

/// Whether `word` is the flag `name` or its letter, and the value that is in the same word.
fn named<'w>(word: &'w str, name: &str, letter: Option<char>) -> Option<Option<&'w str>> {
    let rest = match word.strip_prefix("--") {
        Some(long) => long.strip_prefix(name)?,
        None => {
            let rest = word.strip_prefix('-')?.strip_prefix(letter?)?;
            return Some((!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest)));
        }
    };
    match rest.strip_prefix('=') {
        None if rest.is_empty() => Some(None),
        given => given.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> CommandLine {
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|word| [word, "\0"])
            .collect::<String>()
            .into();
        CommandLine::parse(&bytes)
    }

    #[test]
    fn a_flag_is_found_in_each_of_its_forms() {
        for words in [
            &["dockerd", "--bip=10.0.0.1/24", "-b", "br0"][..],
            &["dockerd", "--bip", "10.0.0.1/24", "-bbr0"],
            &[
                "dockerd",
                "-D",
                "--bip",
                "10.0.0.1/24",
                "--bridge=br0",
                "--dns=1.1.1.1",
            ],
            &[
                "dockerd",
                "--log-level",
                "warn",
                "--bip=10.0.0.1/24",
                "-b=br0",
            ],
        ] {
            assert_eq!(read(words).flags, ["--bip=10.0.0.1/24", "--bridge=br0"]);
        }
    }

    #[test]
    fn each_pool_is_kept_and_what_is_alike_in_part_is_another_flag() {
        let all = read(&[
            "dockerd",
            "--bipv6=x",
            "--fixed-cidr-v6=fd00::/64",
            "--default-address-pool",
            "base=10.1.0.0/16,size=24",
            "--default-address-pool=base=10.2.0.0/16,size=24",
        ]);
        let pool = |n| format!("--default-address-pool=base=10.{n}.0.0/16,size=24");
        assert_eq!(all.flags, [pool(1), pool(2)]);
    }

    #[test]
    fn a_flag_that_stands_alone_takes_no_other_word() {
        let all = read(&["dockerd", "--live-restore", "--bip=10.0.0.1/24"]);
        assert_eq!(all.flags, ["--live-restore=true", "--bip=10.0.0.1/24"]);
        let off = read(&["dockerd", "--live-restore=false"]);
        assert_eq!(off.flags, ["--live-restore=false"]);
    }

    #[test]
    fn it_tells_where_its_file_is_and_where_it_listens() {
        let all = read(&[
            "dockerd",
            "-H",
            "fd://",
            "-Htcp://0:2375",
            "--config-file",
            "/x.json",
        ]);
        assert_eq!(all.config_file.as_deref(), Some("/x.json"));
        assert_eq!(all.hosts, ["fd://", "tcp://0:2375"]);
        assert_eq!(read(&[]), CommandLine::default());
        assert_eq!(read(&["dockerd", "--bip"]), CommandLine::default());
    }
}
