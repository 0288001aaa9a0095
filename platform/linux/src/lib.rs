//! The Linux backend: what talks to the kernel and to systemd-resolved.

pub mod netlink;
pub mod owner;
pub mod resolver;
