//! Container engines: which there are, what they read and what they go by.
//!
//! Docker has a daemon, which reads its file when it starts and tells over its socket what
//! it goes by. It is asked only while it runs: to connect to a socket that systemd listens
//! on would start it. Podman has none. Nothing that a tool prints for people is read.

pub mod api;
pub mod command_line;

#[cfg(target_os = "linux")]
mod dockerd;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::observe;
