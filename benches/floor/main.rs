//! The floor: what reading a small machine and changing it costs when nothing but the
//! work itself is done.
//!
//! It makes the same reads and writes as netprof does for `office.kdl`, by hand and for
//! that one profile: each thing is asked once, in as few writes as the sockets allow,
//! and of the answers only as much is looked at as tells that it worked. What netprof
//! does on top of this (the language, owners, a plan that explains itself, another
//! machine than this) is what the ratio to it shows.
//!
//!     floor plan PROFILE                 read what a plan rests on
//!     floor same PROFILE STATE           the same with the lock held: nothing to do
//!     floor apply|undo PROFILE STATE     the whole transaction, or the way back
//!     floor --time PROGRAM ARGUMENT...   run a program: nanoseconds, and KiB at its peak
//!
//! The last one is here because a process inherits the peak of the one that started it
//! (`exec_mmap` in fs/exec.c): whoever measures small programs must be small.

#![allow(clippy::print_stdout, reason = "it is a program")]

#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
mod journal;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod stopwatch;
#[cfg(target_os = "linux")]
mod work;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["plan", profile] => work::plan(profile),
        ["same", profile, state] => work::same(profile, state.as_ref()),
        ["apply", profile, state] => work::change(profile, state.as_ref(), true),
        ["undo", profile, state] => work::change(profile, state.as_ref(), false),
        ["--time", program, ref arguments @ ..] => stopwatch::time(program, arguments),
        _ => Err(std::io::Error::other("see benches/floor/main.rs")),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the floor needs Linux");
}
