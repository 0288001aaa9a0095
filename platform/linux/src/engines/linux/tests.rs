use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;

/// Rights are those of all threads (nptl(7)): who takes a person's would be in the way of
/// whoever writes a file meanwhile.
static RIGHTS: Mutex<()> = Mutex::new(());

struct Machine {
    folder: tempfile::TempDir,
    _rights: MutexGuard<'static, ()>,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let rights = RIGHTS.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
            _rights: rights,
        };
        for (path, text) in files {
            machine.write(path, text);
        }
        machine
    }

    fn place(&self, path: &str) -> PathBuf {
        files::below(self.folder.path(), path)
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// A process of whoever runs the tests, in the namespace of this test.
    fn dockerd(&self, pid: &str, words: &[&str], environment: &str) {
        let words: String = words.iter().flat_map(|word| [word, "\0"]).collect();
        self.write(&format!("/proc/{pid}/comm"), "dockerd\n");
        self.write(&format!("/proc/{pid}/cmdline"), &words);
        self.write(&format!("/proc/{pid}/environ"), environment);
        self.write("/proc/here", "");
        self.roots(pid, self.folder.path());
        for whose in [pid, "thread-self"] {
            fs::create_dir_all(self.place(&format!("/proc/{whose}/ns"))).unwrap();
            let _ = symlink(
                self.place("/proc/here"),
                self.place(&format!("/proc/{whose}/ns/net")),
            );
        }
    }

    /// What a process has for its root folder.
    fn roots(&self, pid: &str, root: &Path) {
        let place = self.place(&format!("/proc/{pid}/root"));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&place);
        symlink(root, place).unwrap();
    }

    /// A process becomes `user`'s.
    fn give(&self, pid: &str, user: &User) {
        chown(self.place(&format!("/proc/{pid}")), Some(user.uid), None).unwrap();
    }

    fn observe(&self, user: Option<&User>) -> Vec<Engine> {
        // The folder of a test may be reached by a link itself.
        observe(&fs::canonicalize(self.folder.path()).unwrap(), user)
    }
}

fn files_of(engines: &[Engine]) -> Vec<String> {
    let shown = engines.iter().map(|one| {
        let user = one.user.as_deref().unwrap_or("all");
        format!("{} {user} {}", one.kind, one.file)
    });
    shown.collect()
}

/// A person, whose home is there and theirs.
fn me(machine: &Machine) -> User {
    let home = machine.place("/home/me");
    fs::create_dir_all(&home).unwrap();
    let mut uid = fs::metadata(&home).unwrap().uid();
    if uid == 0 {
        uid = 4_000_000;
        // They have to get there.
        fs::set_permissions(machine.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        chown(&home, Some(uid), Some(uid)).unwrap();
    }
    User {
        name: "me".to_owned(),
        uid,
        gid: fs::metadata(&home).unwrap().gid(),
        home: "/home/me".to_owned(),
    }
}

#[test]
fn an_engine_is_there_with_its_program() {
    let bare = Machine::new(&[]);
    assert_eq!(bare.observe(Some(&me(&bare))), []);
    drop(bare);
    let machine = Machine::new(&[("/usr/sbin/dockerd", ""), ("/usr/bin/podman", "")]);
    let system = [
        "docker all /etc/docker/daemon.json",
        "podman all /etc/containers/containers.conf.d/60-netprof.conf",
    ];
    let me = me(&machine);
    assert_eq!(files_of(&machine.observe(Some(&me))), system);
    // A person who has set one up has one of their own.
    machine.write("/home/me/.config/systemd/user/docker.service", "");
    machine.write("/home/me/.local/share/containers/storage", "");
    let all = machine.observe(Some(&me));
    let own = [
        "docker me /home/me/.config/docker/daemon.json",
        "podman me /home/me/.config/containers/containers.conf.d/60-netprof.conf",
    ];
    assert_eq!(files_of(&all), [system, own].concat());
    assert!(all.iter().all(|one| one.daemon == Section::Absent));
}

#[test]
fn a_file_is_where_links_lead_and_where_the_daemon_was_told() {
    let machine = Machine::new(&[("/usr/bin/dockerd", ""), ("/opt/dots/real.json", "{}")]);
    fs::create_dir_all(machine.place("/etc/docker")).unwrap();
    symlink(
        "../../opt/dots/link.json",
        machine.place("/etc/docker/daemon.json"),
    )
    .unwrap();
    symlink("real.json", machine.place("/opt/dots/link.json")).unwrap();
    assert_eq!(
        files_of(&machine.observe(None)),
        ["docker all /opt/dots/real.json"]
    );
    // It need not be there to be followed.
    fs::remove_file(machine.place("/opt/dots/real.json")).unwrap();
    assert_eq!(
        files_of(&machine.observe(None)),
        ["docker all /opt/dots/real.json"]
    );
    // A circle leads nowhere.
    symlink("link.json", machine.place("/opt/dots/real.json")).unwrap();
    assert_eq!(machine.observe(None).len(), 1);
}

#[test]
fn what_a_person_says_of_theirs_leads_to_what_is_theirs() {
    let machine = Machine::new(&[
        ("/etc/secret.json", "{}"),
        ("/etc/folder/daemon.json", "{}"),
    ]);
    let me = me(&machine);
    let file = "/home/me/.config/docker/daemon.json";
    machine.write("/home/me/.config/docker/real.json", "{}");
    symlink("real.json", machine.place(file)).unwrap();
    let files_now = || files_of(&machine.observe(Some(&me)));
    assert_eq!(files_now(), ["docker me /home/me/.config/docker/real.json"]);
    // Where everything is the tester's there is nobody else.
    if me.uid != 4_000_000 {
        return;
    }
    fs::remove_file(machine.place(file)).unwrap();
    symlink(machine.place("/etc/secret.json"), machine.place(file)).unwrap();
    assert_eq!(files_now(), [format!("docker me {file}")]);
    fs::remove_dir_all(machine.place("/home/me/.config/docker")).unwrap();
    symlink(
        machine.place("/etc/folder"),
        machine.place("/home/me/.config/docker"),
    )
    .unwrap();
    assert_eq!(files_now(), [format!("docker me {file}")]);
}

#[test]
fn what_is_beside_is_read_as_it_is_written() {
    let text = r#"{"bip": "1.2.3.4/8", "bridge": "br0", "live-restore":true, "x": 1}"#;
    let machine = Machine::new(&[("/usr/bin/dockerd", ""), ("/etc/docker/daemon.json", text)]);
    let beside = machine.observe(None)[0].beside.clone();
    let shown: Vec<_> = beside
        .iter()
        .map(|(name, json)| format!("{name} {json}"))
        .collect();
    assert_eq!(shown, ["bridge \"br0\"", "live-restore true"]);
}

#[test]
fn what_podman_reads_later_is_found() {
    let folder = "/etc/containers/containers.conf.d";
    let machine = Machine::new(&[("/usr/bin/podman", "")]);
    for (name, text) in [
        (
            "50-early.conf",
            "[network]\ndefault_subnet = \"10.0.0.0/24\"\n",
        ),
        (
            "60-netprof.conf",
            "[network]\ndefault_subnet = \"10.0.0.0/24\"\n",
        ),
        (
            "70-other.conf",
            "[network]\n#default_subnet = \"10.0.0.0/24\"\nfoo = 1\n",
        ),
        ("80-late.conf", "[network]\n  default_subnet_pools=[]\n"),
        ("90-flat.conf", "network.default_subnet = \"10.0.0.0/24\"\n"),
        ("99-not-read", "default_subnet = 1\n"),
    ] {
        machine.write(&format!("{folder}/{name}"), text);
    }
    let link = |name: &str, to: &str| {
        symlink(to, machine.place(&format!("{folder}/{name}"))).unwrap();
    };
    link("75-link.conf", "99-not-read");
    link("76-nowhere.conf", "not-there");
    let later =
        ["75-link.conf", "80-late.conf", "90-flat.conf"].map(|name| format!("{folder}/{name}"));
    assert_eq!(machine.observe(None)[0].later, later);
}

#[test]
fn a_daemon_that_runs_tells_where_its_file_is() {
    let machine = Machine::new(&[]);
    machine.dockerd(
        "41",
        &["dockerd", "--bip=10.0.0.1/24"],
        "A=b\0XDG_CONFIG_HOME=/cfg\0",
    );
    // A zombie has no words.
    machine.dockerd("40", &[], "");
    let owner = fs::metadata(machine.place("/proc/41")).unwrap().uid();
    let user = User {
        uid: owner,
        ..me(&machine)
    };
    let engines = machine.observe(Some(&user));
    let file = if owner == 0 {
        "/etc/docker/daemon.json"
    } else {
        "/cfg/docker/daemon.json"
    };
    assert_eq!((engines.len(), engines[0].file.as_str()), (1, file));
    let daemon = engines[0].daemon.seen().unwrap();
    assert_eq!(
        (daemon.pid, daemon.flags.join(" ")),
        (41, "--bip=10.0.0.1/24".to_owned())
    );
    // Nobody listens there.
    assert!(matches!(daemon.networks, Section::Unreadable(_)));

    machine.dockerd(
        "41",
        &[
            "dockerd",
            "--config-file",
            "/srv/d.json",
            "-H",
            "unix:///x.sock",
        ],
        "",
    );
    let engines = machine.observe(Some(&user));
    assert_eq!(engines[0].file, "/srv/d.json");
    let Section::Unreadable(why) = &engines[0].daemon.seen().unwrap().containers else {
        panic!("nobody listens there");
    };
    assert!(why.starts_with("/x.sock: "), "{why}");
}

#[test]
fn a_daemon_in_a_container_is_not_the_machines() {
    let machine = Machine::new(&[("/box/etc/docker/daemon.json", "{}")]);
    let me = me(&machine);
    for runs_without_root in [false, true] {
        machine.dockerd("41", &["dockerd"], "");
        if runs_without_root {
            machine.give("41", &me);
        }
        let found = || machine.observe(Some(&me)).len();
        assert_eq!(found(), 1);
        machine.roots("41", &machine.place("/box"));
        assert_eq!(found(), 0);
        // It has ended meanwhile.
        machine.roots("41", &machine.place("/not-there"));
        assert_eq!(found(), 0);
    }
}

#[test]
fn a_file_that_netprof_must_not_write_is_named_with_the_reason() {
    let machine = Machine::new(&[("/etc/theirs.json", r#"{"bridge": "br0"}"#)]);
    let me = me(&machine);
    let told = |file: &str| {
        machine.dockerd("41", &["dockerd", "--config-file", file], "");
        machine.give("41", &me);
        let engine = machine.observe(Some(&me)).remove(0);
        assert_eq!((engine.file.as_str(), engine.beside.len()), (file, 0));
        engine.unreachable.unwrap_or_default()
    };
    assert!(told("d.json").starts_with("it was started with --config-file=d.json, "));
    assert_eq!(told("/home/me/d.json"), "");
    // Where everything is the tester's there is nobody else.
    if me.uid == 4_000_000 {
        let why = "/etc/theirs.json does not lie in what is me's own";
        assert_eq!(told("/etc/theirs.json"), why);
    }
}
