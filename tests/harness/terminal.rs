//! A terminal: some things are said to a person otherwise than to a program.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use nix::pty::openpty;

use super::Lab;

impl Lab {
    /// Runs a command on a terminal, as which all three of its streams are one. What the
    /// terminal shows, and the exit status.
    pub(crate) fn on_a_terminal(&self, mut command: Command) -> (String, Option<i32>) {
        if !Path::new("/dev/pts/ptmx").exists() {
            self.run_each(
                "mkdir -p /dev/pts
                 mount -t devpts -o newinstance,ptmxmode=0666 none /dev/pts",
            );
            symlink("pts/ptmx", "/dev/ptmx").expect("there is none yet");
        }
        let terminal = openpty(None, None).expect("a terminal can be had");
        let slave = || terminal.slave.try_clone().expect("it can be duplicated");
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let mut child = command.spawn().expect("it can be started");
        // The end of a terminal comes when nobody holds it any more.
        drop(command);
        drop(terminal.slave);
        let mut shown = Vec::new();
        // Which Linux tells as an error (EIO).
        let _ = File::from(terminal.master).read_to_end(&mut shown);
        let status = child.wait().expect("it can be waited for");
        (String::from_utf8_lossy(&shown).into_owned(), status.code())
    }
}
