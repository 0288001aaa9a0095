//! What Linux and macOS have alike, since POSIX says so: signals and users.

pub mod signal;
pub mod user;
