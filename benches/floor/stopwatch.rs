//! How long a program takes from before it is started to after it has ended, and how
//! much memory it and what it started had at their peak (wait4(2)).

use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::libc;

pub(crate) fn time(program: &str, arguments: &[&str]) -> io::Result<()> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let started = Instant::now();
    let child = command.spawn()?;
    let pid = child.id().cast_signed();
    let mut status = 0;
    // SAFETY: all of it zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both point to what wait4 writes; nobody else waits for this child.
    let ended = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let took = started.elapsed().as_nanos();
    if ended != pid {
        return Err(io::Error::last_os_error());
    }
    if status != 0 {
        return Err(io::Error::other(format!(
            "{program} {arguments:?}: wait status {status:#x}"
        )));
    }
    println!("{took} {}", usage.ru_maxrss);
    Ok(())
}
