//! State folders that somebody else prepared, or that were damaged. What stands there
//! decides what is written as root, so it is believed only as far as it can be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::harness::{Lab, Office, Picture};
use crate::input::{DEEP, GOOD, assert_refused, bounded};

pub(crate) fn a_state_folder_that_cannot_be_trusted_is_refused(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("good", GOOD);
    lab.write("/tmp/state/file", "");
    lab.run_each(
        "mkdir -m 0755 /tmp/state/real
         mkdir -m 0775 /tmp/state/group
         mkdir -m 0757 /tmp/state/others
         mkfifo /tmp/state/fifo",
    );
    // The umask has a say in what mkdir makes.
    for (name, mode) in [("group", 0o775), ("others", 0o757)] {
        let path = Path::new("/tmp/state").join(name);
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    symlink("real", "/tmp/state/link").unwrap();
    let before = Picture::take(lab);
    for (name, says) in [
        ("file", "is not a folder"),
        ("fifo", "is not a folder"),
        ("link", "is a symbolic link"),
        ("link/", "is a symbolic link"),
        ("group", "may be written to by others (mode 0775)"),
        ("others", "may be written to by others (mode 0757)"),
        ("no/such", "cannot make the folder /tmp/state/no/such"),
        ("file/under", "/tmp/state/file/under"),
    ] {
        for command in ["apply good", "release", "rollback", "recover"] {
            let mut netprof = lab.netprof_command(command);
            netprof.env("NETPROF_STATE_DIR", format!("/tmp/state/{name}"));
            let refused = bounded(netprof, command).exits(1);
            assert!(refused.stderr.contains(says), "{name}: {}", refused.stderr);
        }
        // Those that only look say what is wrong, or see that nothing is held.
        for command in ["status", "plan good", "list", "history"] {
            let mut netprof = lab.netprof_command(command);
            netprof.env("NETPROF_STATE_DIR", format!("/tmp/state/{name}"));
            let status = bounded(netprof, command).status;
            assert!(
                matches!(status, Some(0 | 1)),
                "{name}: {command}: {status:?}"
            );
        }
    }
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_damaged_held_json_is_derived_anew_or_refused(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("good", GOOD);
    let before = Picture::take(lab);
    lab.netprof("apply good").exits(0);
    let applied = Picture::take(lab);
    let held = "/var/lib/netprof/held.json";
    let good = fs::read_to_string(held).unwrap();
    for damaged in [
        String::new(),
        good[..good.len() / 2].to_owned(),
        "{\"a\":".repeat(DEEP),
        "x".repeat(3 << 20),
        good.replace("\"version\":2", "\"version\":\"one\""),
    ] {
        fs::write(held, damaged).unwrap();
        let status = bounded(lab.netprof_command("status"), "status").exits(0);
        assert!(
            status.stdout.starts_with("good: active"),
            "{}",
            status.stdout
        );
        bounded(lab.netprof_command("apply good"), "apply good").exits(0);
        applied.assert_same(&Picture::take(lab));
    }
    // What a newer netprof wrote, and what is no file, is not guessed at.
    fs::write(held, good.replace("\"version\":2", "\"version\":9")).unwrap();
    assert_refused(lab, "release", "format version 9");
    lab.run_each(&format!("rm {held}\n mkfifo {held}"));
    assert_refused(lab, "release", "held.json: it is not a plain file");
    lab.run_each(&format!("rm {held}\n mkdir {held}"));
    assert_refused(lab, "release", "held.json");
    applied.assert_same(&Picture::take(lab));
    lab.run(&format!("rmdir {held}"));
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}
