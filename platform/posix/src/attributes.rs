//! What files and folders bear beside their content: extended attributes (xattr(7)).
//!
//! A file that is replaced by another one of its name would lose its access control list
//! and its label, which are attributes; so those are given to the new one first. And a
//! folder that netprof made bears a word that says so, because nothing else would: it goes
//! again with the last file in it, and one that was there before stays.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use rustix::fs::{XattrFlags, getxattr, lgetxattr, llistxattr, lsetxattr, setxattr};
use rustix::io::Errno;

/// Says of a folder that netprof made it.
const MADE: &str = "user.netprof.made";

/// The access control list of a file, whose mask is the group's bits of its mode (acl(5)).
const LIST: &[u8] = b"system.posix_acl_access";

/// The longest attribute, and the longest list of names (XATTR_SIZE_MAX and XATTR_LIST_MAX
/// in include/uapi/linux/limits.h).
const LONGEST: usize = 1 << 16;

/// Gives `new` the attributes of `old`. Where it is to have another mode it does not get the
/// access control list, which would make it the old one again.
///
/// # Errors
///
/// One that could not be read or given: without it the file would be another one.
pub(crate) fn copy(old: &Path, new: &Path) -> io::Result<()> {
    let mut names = vec![0; LONGEST];
    let length = match llistxattr(old, &mut names[..]) {
        // A file system without attributes, and where nothing is.
        Err(Errno::NOTSUP | Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        length => length?,
    };
    let mode = |path: &Path| fs::symlink_metadata(path).map(|found| found.mode());
    let is_another = mode(old)? != mode(new)?;
    let mut value = vec![0; LONGEST];
    let mut there = vec![0; LONGEST];
    for name in names[..length].split(|byte| *byte == 0) {
        if name.is_empty() || is_of_content(name) || is_another && name == LIST {
            continue;
        }
        let told = |error: Errno| {
            let name = String::from_utf8_lossy(name);
            io::Error::other(format!("its attribute {name} cannot be kept: {error}"))
        };
        let length = lgetxattr(old, name, &mut value[..]).map_err(told)?;
        // What it has got already, such as a label by its folder, needs no right to be set.
        let is_there = lgetxattr(new, name, &mut there[..]);
        if is_there.is_ok_and(|there_length| there[..there_length] == value[..length]) {
            continue;
        }
        lsetxattr(new, name, &value[..length], XattrFlags::empty()).map_err(told)?;
    }
    Ok(())
}

/// Whether an attribute says something of the bytes of a file and is made by the system:
/// it would be wrong of others (security/integrity in Linux; macOS's own).
fn is_of_content(name: &[u8]) -> bool {
    name == b"security.ima" || name == b"security.evm" || name.starts_with(b"com.apple.")
}

/// Says of a folder that netprof made it. A file system that cannot keep that keeps the
/// folder instead.
pub(crate) fn mark_made(folder: &Path) {
    let _ = setxattr(folder, MADE, b"1", XattrFlags::empty());
}

/// Whether netprof made a folder.
pub(crate) fn is_made(folder: &Path) -> bool {
    getxattr(folder, MADE, &mut [0; 1][..]).is_ok()
}
