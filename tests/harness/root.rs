//! The root of a test: nothing of the machine is in it but device nodes.
//!
//! It is a tmpfs with the tree's `/usr` bound in read-only, and copies of the
//! tree's `/etc` and `/var`, which are small. An overlay over the whole tree
//! would do too, but in a user namespace it cannot copy up what another id
//! owns, and some kernels and containers have no overlay in an overlay.
//! `/etc` being plain files on one file system also means that programs may
//! rename over `/etc/resolv.conf`, which a bound file would refuse.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, Uid, chdir, chown, pivot_root};

use super::namespace::Privilege;

/// Where daemons log.
pub(super) const LOGS: &str = "/logs";
/// Exists in a test's root and nowhere else.
pub(super) const MARKER: &str = "/.netprof-lab";
/// The repository's example profiles.
pub(crate) const EXAMPLES: &str = "/usr/local/share/netprof/profiles";
/// The id of the account `person`, which is not root.
pub(super) const PERSON: u32 = 1000;
/// The program under test.
pub(crate) const NETPROF: &str = "/usr/local/bin/netprof";

const NONE: Option<&str> = None;

/// Builds the root, makes it this process's own, and lets go of the old one.
pub(super) fn enter_root(tree: &Path, privilege: Privilege) -> Result<(), String> {
    attempt(
        "make mounts private",
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE),
    )?;
    // Not on /tmp: the tree itself may lie there.
    let root = tree.join("mnt");
    tmpfs(&root)?;

    make_folder(&root, "usr", 0o755)?;
    bind_read_only(&tree.join("usr"), &root.join("usr"))?;
    tmpfs(&root.join("usr/local"))?;
    for name in ["bin", "sbin", "lib", "lib64"] {
        io(name, symlink(Path::new("usr").join(name), root.join(name)))?;
    }
    for name in ["etc", "var"] {
        io(name, copy(&tree.join(name), &root.join(name)))?;
    }
    for (name, mode) in [
        ("root", 0o700),
        ("home/person", 0o755),
        ("srv", 0o755),
        ("logs", 0o755),
    ] {
        make_folder(&root, name, mode)?;
    }
    for (name, mode) in [("run", 0o755), ("tmp", 0o1777), ("dev", 0o755)] {
        make_folder(&root, name, mode)?;
        tmpfs(&root.join(name))?;
        io(
            name,
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)),
        )?;
    }
    make_devices(&root)?;
    match privilege {
        Privilege::Root => {
            let person = (Some(Uid::from_raw(PERSON)), Some(Gid::from_raw(PERSON)));
            attempt(
                "chown",
                chown(&root.join("home/person"), person.0, person.1),
            )?;
        }
        Privilege::UserNamespace => io("etc/passwd", map_accounts_to_root(&root))?,
    }

    let netprof = root.join(NETPROF.trim_start_matches('/'));
    io("the netprof to test", copy_standard_input(&netprof))?;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    if examples.is_dir() {
        make_folder(&root, EXAMPLES.trim_start_matches('/'), 0o755)?;
        bind_read_only(&examples, &root.join(EXAMPLES.trim_start_matches('/')))?;
    }

    // Both before the old root goes: a user namespace may mount them only
    // while it can see them already.
    make_folder(&root, "proc", 0o555)?;
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    attempt(
        "mount proc",
        mount(Some("proc"), &root.join("proc"), Some("proc"), plain, NONE),
    )?;
    make_folder(&root, "sys", 0o555)?;
    // Read-only: it is how networkd and NetworkManager see that there is no udev.
    let sys = plain | MsFlags::MS_RDONLY;
    attempt(
        "mount sysfs",
        mount(Some("sysfs"), &root.join("sys"), Some("sysfs"), sys, NONE),
    )?;

    attempt("enter the root", chdir(&root))?;
    // Old and new root stacked in one place need no folder for the old one:
    // pivot_root(2), "pivot_root(".", ".")".
    attempt("pivot_root", pivot_root(".", "."))?;
    attempt("let go of the old root", umount2(".", MntFlags::MNT_DETACH))?;
    attempt("enter the root", chdir("/"))?;
    io(MARKER, fs::write(MARKER, ""))
}

fn attempt<T>(what: &str, result: nix::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

fn io<T>(what: &str, result: std::io::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

fn make_folder(root: &Path, name: &str, mode: u32) -> Result<PathBuf, String> {
    let path = root.join(name);
    io(
        name,
        fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(&path),
    )?;
    Ok(path)
}

fn tmpfs(at: &Path) -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let what = format!("mount a tmpfs on {}", at.display());
    attempt(
        &what,
        mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some("mode=755")),
    )
}

fn bind(from: &Path, to: &Path) -> Result<(), String> {
    let what = format!("bind {}", from.display());
    attempt(
        &what,
        mount(
            Some(from),
            to,
            NONE,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            NONE,
        ),
    )
}

fn bind_read_only(from: &Path, to: &Path) -> Result<(), String> {
    bind(from, to)?;
    // In a user namespace the flags that a mount came with are locked: a
    // remount that does not repeat them is refused (mount_namespaces(7)).
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    let has = attempt("statvfs", statvfs(to))?.flags();
    for (has_flag, flag) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        flags.set(flag, has.contains(has_flag));
    }
    attempt(
        &format!("make {} read-only", to.display()),
        mount(NONE, to, NONE, flags, NONE),
    )
}

/// The program arrives as an open file: a build that replaces it while the
/// tests run would otherwise change what is tested between two of them.
fn copy_standard_input(to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to.parent().expect("a file has a folder"))?;
    let mut file = fs::File::create(to)?;
    // Opened anew, for a position of its own.
    std::io::copy(&mut fs::File::open("/proc/self/fd/0")?, &mut file)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))
}

fn make_devices(root: &Path) -> Result<(), String> {
    let dev = root.join("dev");
    for name in ["null", "zero", "full", "random", "urandom", "net/tun"] {
        let from = Path::new("/dev").join(name);
        // A kernel without tun: the tests that need it say so themselves.
        if !from.exists() {
            continue;
        }
        let to = dev.join(name);
        io(
            name,
            fs::create_dir_all(to.parent().expect("it lies in /dev")),
        )?;
        io(name, fs::write(&to, ""))?;
        bind(&from, &to)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        io(name, symlink(target, dev.join(name)))?;
    }
    make_folder(&dev, "shm", 0o1777)?;
    Ok(())
}

/// With one id mapped there is nobody for a daemon to become: it must believe
/// that its own account is root's.
fn map_accounts_to_root(root: &Path) -> std::io::Result<()> {
    for (file, ids) in [("passwd", 2..4), ("group", 2..3)] {
        let path = root.join("etc").join(file);
        let mapped: String = fs::read_to_string(&path)?
            .lines()
            .map(|line| {
                let mut fields: Vec<&str> = line.split(':').collect();
                for field in fields.get_mut(ids.clone()).into_iter().flatten() {
                    *field = "0";
                }
                fields.join(":") + "\n"
            })
            .collect();
        fs::write(path, mapped)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else if kind.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        fs::set_permissions(to, kind.permissions())
    } else {
        fs::copy(from, to).map(drop)
    }
}
