//! Whether a daemon on the bus looks at the same network as this process.
//!
//! In a network namespace of its own (a container, `ip netns exec`) a program still
//! reaches the host's bus, and there link 2 is another link: a SetLinkDNS would hit
//! the host. So the namespace of the process behind the name is compared with our own.
//!
//! `/proc/PID/ns/net` may be read only by who may trace that process (proc(5)). What
//! anybody may look at is `/proc/PID/net/dev`: the kernel makes these files once for
//! each network namespace, and their inode numbers come from one pool
//! (`proc_alloc_inum` in fs/proc/generic.c), so the same number means the same
//! namespace.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use netprof_model::snapshot::SameNamespace;

/// Whether process `pid` is in the network namespace of this thread. `bus_says_of_us` is
/// the number that the bus has for this very process: where it is another one, the bus
/// counts in another pid namespace, and `pid` says nothing here.
#[must_use]
pub(super) fn same(proc: &Path, pid: u32, bus_says_of_us: u32) -> SameNamespace {
    let ourselves = std::process::id();
    if bus_says_of_us != ourselves {
        return SameNamespace::Unverified(format!(
            "the bus counts processes in another pid namespace: we are {ourselves} here and {bus_says_of_us} there"
        ));
    }
    match is_ours(proc, pid) {
        Ok(true) => SameNamespace::Yes,
        Ok(false) => SameNamespace::No,
        Err(error) => {
            SameNamespace::Unverified(format!("/proc/{pid} cannot be looked at: {error}"))
        }
    }
}

/// Whether process `pid` of this pid namespace is in the network namespace of this thread.
///
/// # Errors
///
/// That process is gone, or nothing of it may be looked at.
pub(crate) fn is_ours(proc: &Path, pid: u32) -> io::Result<bool> {
    let both = |file: &str| -> io::Result<bool> {
        let of = |whose: &str| -> io::Result<u64> {
            Ok(fs::metadata(proc.join(whose).join(file))?.ino())
        };
        Ok(of("thread-self")? == of(&pid.to_string())?)
    };
    // Both files must be there for both of us: a number of one and of the other cannot
    // be compared.
    both("ns/net").or_else(|_| both("net/dev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_in_its_own_namespace() {
        let pid = std::process::id();
        assert_eq!(same(Path::new("/proc"), pid, pid), SameNamespace::Yes);
    }

    #[test]
    fn a_bus_that_counts_otherwise_proves_nothing() {
        let pid = std::process::id();
        assert!(matches!(
            same(Path::new("/proc"), pid, pid + 1),
            SameNamespace::Unverified(why) if why.contains("pid namespace")
        ));
    }

    #[test]
    fn a_process_that_is_gone_proves_nothing() {
        let pid = std::process::id();
        assert!(matches!(
            same(Path::new("/proc"), u32::MAX, pid),
            SameNamespace::Unverified(_)
        ));
    }

    #[test]
    fn files_of_the_network_have_one_number_for_each_namespace() {
        // What `same` rests on where the namespace itself may not be read.
        let ino = |path: &str| fs::metadata(path).unwrap().ino();
        assert_eq!(
            ino("/proc/thread-self/net/dev"),
            ino(&format!("/proc/{}/net/dev", std::process::id()))
        );
        if nix::unistd::geteuid().is_root() {
            let here = ino("/proc/thread-self/net/dev");
            let there = std::thread::spawn(move || {
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
                    .ok()
                    .map(|()| ino("/proc/thread-self/net/dev"))
            });
            if let Some(there) = there.join().unwrap() {
                assert_ne!(here, there);
            }
        }
    }
}
