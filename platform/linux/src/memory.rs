//! What is freed is used again.

/// Has the allocator keep what is freed, to be used again, until the process ends.
///
/// By itself glibc maps a block of 128 KiB or more from the kernel and gives it back when it is
/// freed (mallopt(3)): a plan of ten thousand routes makes a dozen such lists one after the
/// other, and the kernel would clear and hand out their pages anew for each. That was a third
/// of all page faults, and a process of netprof's is over soon.
///
/// To be called before there is a second thread. Another C library keeps its own way.
pub fn keep_freed() {
    #[cfg(target_env = "gnu")]
    {
        use nix::libc;

        /// The most that glibc takes (`HEAP_MAX_SIZE / 2` in its malloc/arena.c).
        const LARGEST: libc::c_int = 32 << 20;

        // SAFETY: mallopt(3) sets numbers of the allocator, for which it takes any, and is safe
        // while no other thread allocates.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * LARGEST);
        }
    }
}
