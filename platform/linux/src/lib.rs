//! The Linux backend: what talks to the kernel, to systemd-resolved and to desktops.
//!
//! What the kernel and resolved *mean* is plain Rust in `crates/plan`; here is only
//! how they are read and written. The codecs are compiled and tested on every
//! operating system, the conversations on Linux alone.

pub mod dbus;
pub mod desktop;
pub mod engines;
pub mod netlink;
pub mod resolver;

#[cfg(target_os = "linux")]
mod backend;
#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
pub mod memory;
#[cfg(target_os = "linux")]
pub mod networkd;
#[cfg(target_os = "linux")]
pub mod owner;
#[cfg(target_os = "linux")]
mod service_manager;
#[cfg(target_os = "linux")]
mod settings;

#[cfg(target_os = "linux")]
pub use backend::Linux;
