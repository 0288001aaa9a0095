//! What Linux and macOS have alike, since POSIX says so: signals, users, their rights, files.

mod attributes;
pub mod changes;
pub mod docker_client;
pub mod files;
pub mod members;
pub mod rights;
pub mod signal;
pub mod user;
