//! What a test does stays inside.

use std::fs;
use std::os::unix::process::CommandExt;

use crate::harness::{Daemon, Lab, Peer, Tun};

pub(crate) fn links_files_and_processes_are_private(lab: &Lab) {
    let links = lab.ip("link");
    let names: Vec<&str> = links
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|link| link["ifname"].as_str())
        .collect();
    // ifb and the like may come with each new namespace; no cable does.
    assert!(names.contains(&"lo"), "{names:?}");
    assert!(
        links
            .as_array()
            .unwrap()
            .iter()
            .all(|link| link["operstate"] != "UP"),
        "{links:#}"
    );
    assert_eq!(lab.run("hostname").trim(), "workstation");
    assert!(!fs::exists("/etc/resolv.conf").unwrap());
    for path in [
        env!("CARGO_MANIFEST_DIR"),
        env!("CARGO_BIN_EXE_netprof"),
        "/var/lib/dpkg/status",
    ] {
        assert!(!fs::exists(path).unwrap(), "{path}");
    }

    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids: Vec<String> = pids
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    // Pid 1 and this body.
    assert_eq!(pids.len(), 2, "{pids:?}");
    assert_eq!(
        fs::read_to_string("/proc/1/comm").unwrap(),
        fs::read_to_string("/proc/self/comm").unwrap()
    );

    lab.write("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    let _tun = Tun::new(lab, "tun7");
    // A process that leaves its parent and its session is in here all the same:
    // the runner fails a test that leaves one behind.
    lab.sh("setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 &");
}

pub(crate) fn netprof_runs_only_inside(lab: &Lab) {
    lab.netprof("--version").exits(0);

    // The guard reads the marker at each run.
    fs::rename("/.netprof-lab", "/marker").unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let refused = std::panic::catch_unwind(|| lab.netprof("--version"));
    std::panic::set_hook(hook);
    fs::rename("/marker", "/.netprof-lab").unwrap();
    assert!(refused.is_err());
}

pub(crate) fn nothing_of_usr_can_be_changed(lab: &Lab) {
    for path in ["/usr/bin/ip", "/usr/lib/new"] {
        assert!(
            fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .is_err(),
            "{path}"
        );
    }
    // A test may add programs of its own.
    lab.write("/usr/local/bin/hello", "#!/bin/sh\necho hello\n");
    lab.run("chmod 755 /usr/local/bin/hello");
    assert_eq!(lab.run("hello"), "hello\n");
}

pub(crate) fn what_a_peer_does_stays_on_the_peer(lab: &Lab) {
    let peer = Peer::new(lab, "elsewhere");
    let before = lab.ip("addr");
    peer.run_each(
        "ip link add only-here type bridge
         ip addr add 192.0.2.7/24 dev only-here",
    );
    assert_eq!(lab.ip("addr"), before);
    assert!(peer.run("ip addr").contains("192.0.2.7"));

    let mut command = peer.command("sleep 1000");
    command.arg0("server");
    let mut daemon = Daemon::start("sleep", command);
    assert!(daemon.is_running());
    assert!(!daemon.stop().success());
    assert!(!daemon.is_running());
}

pub(crate) fn a_person_is_not_root(lab: &Lab) {
    let output = lab.command_as_person("ip link set lo up").output().unwrap();
    assert!(!output.status.success());
    let output = lab
        .command_as_person("touch /home/person/mine")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        lab.netprof_command_as_person("--version")
            .status()
            .unwrap()
            .success()
    );
}
