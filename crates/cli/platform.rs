//! The one place where netprof knows which operating system it was built for.

#[cfg(target_os = "linux")]
pub use netprof_linux::Linux as System;

use netprof_model::snapshot::Os;

/// The operating system that netprof runs on.
#[cfg(target_os = "linux")]
pub const HERE: Os = Os::Linux;

#[cfg(not(target_os = "linux"))]
compile_error!("netprof has a backend for Linux only so far");
