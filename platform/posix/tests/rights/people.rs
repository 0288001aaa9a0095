//! alice, who is in a team, and what lies in her home.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use libtest_mimic::{Arguments, Completion, Trial};
use netprof_engine::Mode;
use netprof_model::State;
use netprof_model::file::{Content, FileState};
use netprof_posix::{files, rights};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::umask;
use nix::unistd::{Gid, getegid, geteuid, getgroups, setgroups};

const ALICE: u32 = 5001;
/// A group that a service shares with her home, and that she is not in.
const WWW: u32 = 5002;
/// A group that she is in.
const TEAM: u32 = 5003;
/// Whom the list does not have.
const STRANGER: u32 = 5009;

type Test = (&'static str, fn(&Home));

const TESTS: &[Test] = &[
    (
        "a_home_of_another_group_is_written_as_its_owner",
        a_home_of_another_group_is_written_as_its_owner,
    ),
    (
        "a_file_of_one_of_her_groups_keeps_it",
        a_file_of_one_of_her_groups_keeps_it,
    ),
    (
        "what_only_the_group_of_root_may_read_is_not_read",
        what_only_the_group_of_root_may_read_is_not_read,
    ),
    (
        "whom_the_list_does_not_have_is_in_no_other_group",
        whom_the_list_does_not_have_is_in_no_other_group,
    ),
    (
        "folders_are_made_for_everybody_whatever_the_umask",
        folders_are_made_for_everybody_whatever_the_umask,
    ),
];

pub(crate) fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let required = env::var("NETPROF_TESTS_REQUIRED").is_ok_and(|value| value == "1");
    let trials = TESTS.iter().map(|&(name, test)| {
        Trial::ignorable_test(name, move || {
            if geteuid().is_root() {
                // Root may be in groups, as after login(1).
                setgroups(&[Gid::from_raw(0), Gid::from_raw(WWW)])?;
                // A mount namespace and a umask are a thread's own (unshare(2)).
                let done = thread::spawn(move || test(&Home::new())).join();
                return done
                    .map(|()| Completion::Completed)
                    .map_err(|_| "see above".into());
            }
            match "this is not root, whose rights are changed" {
                why if required => Err(why.into()),
                why => Ok(Completion::ignored_with(why)),
            }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A root folder with the home of alice in it.
struct Home(tempfile::TempDir);

const FILE: &str = "/home/alice/.config/one.conf";

impl Home {
    fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let all = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, all, None::<&str>).unwrap();
        let root = tempfile::tempdir().unwrap();
        for (list, text) in [
            (
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nalice:x:5001:5001::/home/alice:/bin/sh\n",
            ),
            (
                "/etc/group",
                "root:x:0:root\nalice:x:5001:\nwww:x:5002:\nteam:x:5003:alice\n",
            ),
        ] {
            let made = root.path().join(list.trim_start_matches("/etc/"));
            fs::write(&made, text).unwrap();
            mount(
                Some(&made),
                list,
                None::<&str>,
                MsFlags::MS_BIND,
                None::<&str>,
            )
            .unwrap();
        }
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = Self(root);
        home.folder("/home/alice", (ALICE, ALICE));
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        files::below(self.0.path(), path)
    }

    fn folder(&self, path: &str, (uid, gid): (u32, u32)) {
        let folder = self.path(path);
        fs::create_dir_all(&folder).unwrap();
        chown(&folder, Some(uid), Some(gid)).unwrap();
    }

    fn file(&self, path: &str, (uid, gid): (u32, u32), mode: u32) {
        let file = self.path(path);
        fs::write(&file, "theirs\n").unwrap();
        chown(&file, Some(uid), Some(gid)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn put(&self, before: Option<&State>, after: Option<&State>) -> Result<(), String> {
        files::put(self.0.path(), FILE, before, after, Mode::Forward)
    }
}

fn text(text: &str, (uid, gid): (u32, u32), mode: u32) -> State {
    State::File(FileState::Regular {
        content: Content(text.as_bytes().to_vec()),
        mode,
        uid,
        gid,
    })
}

fn whose(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid())
}

fn ids() -> (u32, u32, Vec<u32>) {
    let groups = getgroups().unwrap().into_iter().map(|group| group.as_raw());
    let mut groups: Vec<u32> = groups.collect();
    groups.sort_unstable();
    (geteuid().as_raw(), getegid().as_raw(), groups)
}

fn a_home_of_another_group_is_written_as_its_owner(home: &Home) {
    home.folder("/home/alice", (ALICE, WWW));
    let before = ids();
    let one = text("one\n", (ALICE, ALICE), 0o600);
    home.put(None, Some(&one)).unwrap();
    assert_eq!(whose(&home.path(FILE)), (ALICE, ALICE));
    assert_eq!(whose(home.path(FILE).parent().unwrap()), (ALICE, ALICE));
    home.put(Some(&one), None).unwrap();
    assert_eq!(ids(), before);
}

fn a_file_of_one_of_her_groups_keeps_it(home: &Home) {
    home.folder("/home/alice/.config", (ALICE, ALICE));
    home.file(FILE, (ALICE, TEAM), 0o640);
    let theirs = text("theirs\n", (ALICE, TEAM), 0o640);
    home.put(Some(&theirs), Some(&text("one\n", (ALICE, TEAM), 0o640)))
        .unwrap();
    assert_eq!(whose(&home.path(FILE)), (ALICE, TEAM));
    assert_eq!(fs::read_to_string(home.path(FILE)).unwrap(), "one\n");
}

fn what_only_the_group_of_root_may_read_is_not_read(home: &Home) {
    // A home that root shares, as `chgrp root` of it does.
    home.folder("/home/alice", (ALICE, 0));
    home.folder("/secret", (0, 0));
    home.file("/secret/one.conf", (0, 0), 0o440);
    symlink(home.path("/secret"), home.path("/home/alice/.config")).unwrap();
    let place = home.path(FILE);
    let read = rights::along(&place, || fs::read(&place)).unwrap();
    assert_eq!(
        read.unwrap_err().kind(),
        std::io::ErrorKind::PermissionDenied
    );
    let within = rights::along(&place, ids).unwrap();
    assert_eq!(within, (ALICE, ALICE, vec![ALICE, TEAM]));
}

fn whom_the_list_does_not_have_is_in_no_other_group(home: &Home) {
    home.folder("/home/alice", (STRANGER, WWW));
    let place = home.path(FILE);
    let within = rights::along(&place, ids).unwrap();
    assert_eq!(within, (STRANGER, WWW, vec![]));
}

fn folders_are_made_for_everybody_whatever_the_umask(home: &Home) {
    umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let path = "/etc/containers/containers.conf.d/one.conf";
    let one = text("one\n", (0, 0), 0o644);
    files::put(home.0.path(), path, None, Some(&one), Mode::Forward).unwrap();
    for folder in home.path(path).ancestors().skip(1).take(3) {
        assert_eq!(fs::metadata(folder).unwrap().mode() & 0o777, 0o755);
    }
    home.put(None, Some(&text("one\n", (ALICE, ALICE), 0o600)))
        .unwrap();
    let theirs = fs::metadata(home.path(FILE).parent().unwrap()).unwrap();
    assert_eq!(theirs.mode() & 0o777, 0o700);
}
