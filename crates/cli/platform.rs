//! The one place where netprof knows which operating system it was built for.

use netprof_model::snapshot::Os;

#[cfg(target_os = "linux")]
pub use netprof_linux::Linux as System;
#[cfg(target_os = "macos")]
pub use netprof_macos::System;

/// The operating system that netprof runs on.
#[cfg(target_os = "linux")]
pub const HERE: Os = Os::Linux;
/// The operating system that netprof runs on.
#[cfg(target_os = "macos")]
pub const HERE: Os = Os::Macos;

/// Where netprof keeps what it holds (hier(7)).
#[cfg(target_os = "linux")]
pub const STATE_FOLDER: &str = "/var/lib/netprof";
/// Where netprof keeps what it holds (hier(7)): macOS comes without /var/lib, and a state
/// folder is made only where the one above it is there.
#[cfg(target_os = "macos")]
pub const STATE_FOLDER: &str = "/var/db/netprof";

/// Sets up the process, before there is a second thread.
pub fn begin() {
    #[cfg(target_os = "linux")]
    netprof_linux::memory::keep_freed();
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("netprof has a backend for Linux and for macOS only");
