use super::*;

const PATH: &str = "/etc/netprof/one.conf";

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        below(self.0.path(), PATH)
    }

    fn put(&self, before: Option<&State>, after: Option<&State>, mode: Mode) -> Result<(), String> {
        put(self.0.path(), PATH, before, after, mode)
    }

    fn seen(&self) -> Vec<FileState> {
        let paths = [PATH.to_owned(), PATH.to_owned()];
        let (files, unreadable) = observe(self.0.path(), &paths);
        assert!(unreadable.is_empty(), "{unreadable:?}");
        files.into_iter().map(|file| file.state).collect()
    }
}

/// A file of whoever runs the tests.
fn text(text: &str, mode: u32) -> State {
    let made = tempfile::tempfile().unwrap().metadata().unwrap();
    State::File(FileState::Regular {
        content: Content(text.as_bytes().to_vec()),
        mode,
        uid: made.uid(),
        gid: made.gid(),
    })
}

#[test]
fn a_file_is_made_changed_and_removed_and_nothing_is_left_beside_it() {
    let root = Root::new();
    assert_eq!(root.seen(), []);
    let (one, two) = (text("one\n", 0o640), text("two\n", 0o600));
    for (before, after) in [
        (None, Some(&one)),
        (Some(&one), Some(&two)),
        (Some(&two), None),
    ] {
        root.put(before, after, Mode::Forward).unwrap();
        let state = after.map(|state| match state {
            State::File(file) => file.clone(),
            other => panic!("{other:?}"),
        });
        assert_eq!(root.seen(), Vec::from_iter(state));
        let folder = fs::read_dir(root.path().parent().unwrap());
        let count = folder.map_or(0, |folder| folder.count());
        assert_eq!(count, usize::from(after.is_some()));
    }
}

#[test]
fn what_somebody_has_changed_is_not_touched() {
    let root = Root::new();
    let (one, two) = (text("one\n", 0o644), text("two\n", 0o644));
    root.put(None, Some(&one), Mode::Forward).unwrap();
    fs::write(root.path(), "theirs\n").unwrap();
    for mode in [Mode::Forward, Mode::Back] {
        for after in [Some(&two), None] {
            assert!(
                root.put(Some(&one), after, mode)
                    .unwrap_err()
                    .contains("somebody")
            );
        }
    }
    assert_eq!(fs::read_to_string(root.path()).unwrap(), "theirs\n");
}

#[test]
fn a_way_back_that_was_gone_already_is_no_failure() {
    let root = Root::new();
    let one = text("one\n", 0o644);
    root.put(Some(&one), None, Mode::Back).unwrap();
    assert!(root.put(Some(&one), None, Mode::Forward).is_err());
}

#[test]
fn a_link_is_read_as_one_and_not_followed() {
    let root = Root::new();
    let elsewhere = root.0.path().join("elsewhere");
    fs::write(&elsewhere, "theirs\n").unwrap();
    fs::create_dir_all(root.path().parent().unwrap()).unwrap();
    symlink(&elsewhere, root.path()).unwrap();
    let target = elsewhere.display().to_string();
    let link = FileState::Symlink { target };
    assert_eq!(root.seen(), vec![link.clone()]);
    let one = text("one\n", 0o644);
    root.put(Some(&State::File(link.clone())), Some(&one), Mode::Forward)
        .unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs\n");
    root.put(Some(&one), Some(&State::File(link.clone())), Mode::Back)
        .unwrap();
    assert_eq!(root.seen(), [link]);
}

#[test]
fn a_folder_and_a_pipe_in_its_place_are_told_at_once_and_the_others_are_read() {
    const OTHER: &str = "/other.conf";
    let paths = [PATH.to_owned(), OTHER.to_owned()];
    for make in [
        |path: &Path| fs::create_dir_all(path).unwrap(),
        |path: &Path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
    ] {
        let root = Root::new();
        fs::create_dir_all(root.path().parent().unwrap()).unwrap();
        make(&root.path());
        fs::write(root.0.path().join("other.conf"), "").unwrap();
        let (files, unreadable) = observe(root.0.path(), &paths);
        assert!(unreadable[PATH].contains("neither a file"));
        let [other] = &*files else {
            panic!("{files:?}")
        };
        assert_eq!((unreadable.len(), &*other.path), (1, OTHER));
    }
}

#[test]
fn what_a_kill_left_is_in_nobodys_way() {
    let root = Root::new();
    let one = text("one\n", 0o644);
    fs::create_dir_all(root.path().parent().unwrap()).unwrap();
    let beside = root.path().with_file_name(".netprof.one.conf");
    fs::write(&beside, "half").unwrap();
    root.put(None, Some(&one), Mode::Forward).unwrap();
    assert!(!beside.exists());
}

/// The value of an attribute of a file.
fn attribute(path: &Path) -> Option<Vec<u8>> {
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(path, "user.theirs", &mut value[..]).ok()?;
    Some(value[..length].to_vec())
}

#[test]
fn a_folder_that_was_made_goes_with_the_last_file_and_another_stays() {
    let root = Root::new();
    let one = text("one\n", 0o644);
    let made = root.path().parent().unwrap().to_owned();
    root.put(None, Some(&one), Mode::Forward).unwrap();
    root.put(Some(&one), None, Mode::Forward).unwrap();
    assert!(!root.0.path().join("etc").exists());

    // Somebody has put something into it.
    root.put(None, Some(&one), Mode::Forward).unwrap();
    fs::write(made.join("theirs"), "").unwrap();
    root.put(Some(&one), None, Mode::Back).unwrap();
    assert!(made.join("theirs").exists());
    fs::remove_file(made.join("theirs")).unwrap();
    // It was a kill that left it, and now it is looked at again.
    root.put(Some(&one), None, Mode::Back).unwrap();
    assert!(!root.0.path().join("etc").exists());

    // It was there before.
    fs::create_dir_all(&made).unwrap();
    root.put(None, Some(&one), Mode::Forward).unwrap();
    root.put(Some(&one), None, Mode::Back).unwrap();
    assert!(made.exists());
}

#[test]
fn what_a_file_bears_it_bears_afterwards() {
    let root = Root::new();
    let (one, two) = (text("one\n", 0o640), text("two\n", 0o640));
    root.put(None, Some(&one), Mode::Forward).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(root.path(), "user.theirs", b"kept", flags).unwrap();
    root.put(Some(&one), Some(&two), Mode::Forward).unwrap();
    assert_eq!(attribute(&root.path()).as_deref(), Some(&b"kept"[..]));
    assert_eq!(fs::read_to_string(root.path()).unwrap(), "two\n");
}

/// Lets somebody with a number read a file, and its group not, in the format of
/// include/uapi/linux/posix_acl_xattr.h.
#[cfg(target_os = "linux")]
fn list() -> Vec<u8> {
    let (nobody, somebody) = (u32::MAX, 5001);
    let (owner, user, group, mask, others) = (0x01, 0x02, 0x04, 0x10, 0x20);
    let entries: [(u16, u16, u32); 5] = [
        (owner, 6, nobody),
        (user, 4, somebody),
        (group, 0, nobody),
        (mask, 4, nobody),
        (others, 0, nobody),
    ];
    let version = 2_u32.to_le_bytes();
    let entries = entries.into_iter().flat_map(|(tag, may, id)| {
        let words = [tag.to_le_bytes(), may.to_le_bytes()].concat();
        [words, id.to_le_bytes().to_vec()].concat()
    });
    version.into_iter().chain(entries).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_list_of_who_may_read_stays_with_its_mode_alone() {
    const LIST: &str = "system.posix_acl_access";
    let root = Root::new();
    let one = text("one\n", 0o640);
    let has_list = || rustix::fs::getxattr(root.path(), LIST, &mut [0; 64][..]).is_ok();
    let mode = || fs::metadata(root.path()).unwrap().mode() & 0o777;
    root.put(None, Some(&one), Mode::Forward).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(root.path(), LIST, &list(), flags).unwrap();
    let two = text("two\n", 0o640);
    root.put(Some(&one), Some(&two), Mode::Forward).unwrap();
    assert_eq!((mode(), has_list()), (0o640, true));
    let secret = text("secret\n", 0o600);
    root.put(Some(&two), Some(&secret), Mode::Forward).unwrap();
    assert_eq!((mode(), has_list()), (0o600, false));
}

#[test]
fn a_file_has_one_name_before_and_after_its_folders_are_made() {
    let root = Root::new();
    fs::create_dir_all(root.0.path().join("dots/config")).unwrap();
    symlink("dots/config", root.0.path().join("config")).unwrap();
    let named = || real(root.0.path(), "/config/docker/daemon.json");
    assert_eq!(named(), "/dots/config/docker/daemon.json");
    fs::create_dir(root.0.path().join("config/docker")).unwrap();
    assert_eq!(named(), "/dots/config/docker/daemon.json");
    assert_eq!(
        real(root.0.path(), "/no/such/folder/x"),
        "/no/such/folder/x"
    );
}

#[test]
fn the_way_back_takes_away_what_a_kill_left_on_the_way_there() {
    let root = Root::new();
    let one = text("one\n", 0o644);
    // In the folder that is being made, and in the file that is being written.
    fs::create_dir_all(root.0.path().join(".netprof.etc")).unwrap();
    root.put(Some(&one), None, Mode::Back).unwrap();
    assert_eq!(fs::read_dir(root.0.path()).unwrap().count(), 0);
    let folder = root.path().parent().unwrap().to_owned();
    make(&folder).unwrap();
    fs::write(folder.join(".netprof.one.conf"), "on").unwrap();
    root.put(Some(&one), None, Mode::Back).unwrap();
    assert_eq!(fs::read_dir(root.0.path()).unwrap().count(), 0);
}

#[test]
fn a_pipe_in_the_place_of_a_folder_is_not_waited_for() {
    let root = Root::new();
    let pipe = root.0.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let refused = sync(&pipe).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
}
