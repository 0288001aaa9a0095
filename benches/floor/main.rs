//! The floor: what reading a small machine and changing it costs when nothing but the
//! work itself is done.
//!
//! It makes the same reads and writes as netprof does, by hand and for one profile: each thing is asked once, in as few writes as the sockets allow,
//! and of the answers only as much is looked at as tells that it worked. What netprof
//! does on top of this (the language, owners, a plan that explains itself, another
//! machine than this) is what the ratio to it shows.
//!
//!     floor plan PROFILE                    read what a plan rests on
//!     floor same PROFILE STATE              the same with the lock held: nothing to do
//!     floor apply|undo PROFILE STATE        the whole transaction, or the way back
//!     floor many plan PROFILE               the same for N routes that a profile declares
//!     floor many apply|undo N PROFILE STATE
//!     floor many dump N                     one dump of them
//!     floor foreign add|del N TABLE         N routes of somebody else
//!     floor read FILE                       start, and read a file
//!     floor nothing                         start, and end
//!     floor --time PROGRAM ARGUMENT...      run a program: nanoseconds, and KiB at its peak
//!
//! The last one is here because a process inherits the peak of the one that started it
//! (`exec_mmap` in fs/exec.c): whoever measures small programs must be small.

#![allow(clippy::print_stdout, reason = "it is a program")]

#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
mod datagrams;
#[cfg(target_os = "linux")]
mod journal;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod many;
#[cfg(target_os = "linux")]
mod office;
#[cfg(target_os = "linux")]
mod requests;
#[cfg(target_os = "linux")]
mod stopwatch;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["nothing"] => Ok(()),
        ["read", file] => std::fs::read(file).map(|bytes| println!("{} bytes", bytes.len())),
        ["plan", profile] => office::plan(profile),
        ["same", profile, state] => office::same(profile, state.as_ref()),
        ["apply", profile, state] => office::change(profile, state.as_ref(), true),
        ["undo", profile, state] => office::change(profile, state.as_ref(), false),
        ["many", "plan", profile] => many::plan(profile),
        ["many", "dump", count] => many::dump(number(count)?),
        ["many", "apply", count, profile, state] => {
            many::change(number(count)?, profile, state.as_ref(), true)
        }
        ["many", "undo", count, profile, state] => {
            many::change(number(count)?, profile, state.as_ref(), false)
        }
        ["foreign", "add", count, table] => many::foreign(number(count)?, number(table)?, true),
        ["foreign", "del", count, table] => many::foreign(number(count)?, number(table)?, false),
        ["--time", program, ref arguments @ ..] => stopwatch::time(program, arguments),
        _ => Err(std::io::Error::other("see benches/floor/main.rs")),
    }
}

#[cfg(target_os = "linux")]
fn number<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    word: &str,
) -> std::io::Result<T> {
    word.parse().map_err(std::io::Error::other)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the floor needs Linux");
}
