//! How netprof ends: the exit codes are part of its interface.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Refused: nothing was changed.
    Refused,
    /// The command line was wrong.
    Usage,
    /// Failed, and completely rolled back.
    RolledBack,
    /// Failed, and the rollback is incomplete.
    RollbackIncomplete,
    /// There is a difference, and `--exit-code` was given.
    Difference,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::RolledBack => 3,
            Exit::RollbackIncomplete => 4,
            Exit::Difference => 5,
        })
    }
}
