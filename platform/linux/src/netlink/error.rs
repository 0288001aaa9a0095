//! What can fail while the kernel is read or asked.

use std::io;

use netprof_engine::backend::BackendError;

use super::answer::KernelError;
use super::wire::{Malformed, Unwritable};

/// Why the kernel could not be read or asked. `operation` is what was tried, as in
/// 'cannot ...'.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A netlink socket could not be opened.
    #[error("cannot open a netlink socket: {source}")]
    Open {
        /// Why.
        source: io::Error,
    },
    /// A request could not be written.
    #[error("cannot {operation}: {source}")]
    Encode {
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: Unwritable,
    },
    /// A request could not be sent.
    #[error("cannot {operation}: sending failed: {source}")]
    Send {
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The answer could not be received.
    #[error("cannot {operation}: receiving failed: {source}")]
    Receive {
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The kernel did not answer in time.
    #[error("cannot {operation}: no answer within 2 seconds")]
    TimedOut {
        /// What was tried.
        operation: &'static str,
    },
    /// The answer did not fit into the socket's buffer, and a part of it is lost.
    #[error("cannot {operation}: a part of the answer was lost")]
    Overrun {
        /// What was tried.
        operation: &'static str,
    },
    /// The kernel refused.
    #[error("cannot {operation}: {source}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The kernel's words.
        source: KernelError,
    },
    /// The answer was no netlink.
    #[error("cannot {operation}: {source}")]
    Decode {
        /// What was tried.
        operation: &'static str,
        /// What was wrong.
        source: Malformed,
    },
    /// What was read changed all the while.
    #[error("cannot {operation}: it changed each time while it was read")]
    Unsteady {
        /// What was tried.
        operation: &'static str,
    },
    /// A file of the kernel's could not be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl From<Error> for BackendError {
    fn from(error: Error) -> Self {
        let operation = match &error {
            Error::Open { .. } => "open a netlink socket".to_owned(),
            Error::File { path, .. } => format!("read {path}"),
            Error::Encode { operation, .. }
            | Error::Send { operation, .. }
            | Error::Receive { operation, .. }
            | Error::TimedOut { operation }
            | Error::Overrun { operation }
            | Error::Refused { operation, .. }
            | Error::Decode { operation, .. }
            | Error::Unsteady { operation } => (*operation).to_owned(),
        };
        // The error's own text begins with what was tried.
        let text = error.to_string();
        let why = text
            .strip_prefix(&format!("cannot {operation}: "))
            .unwrap_or(&text);
        Self {
            why: why.to_owned(),
            operation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backends_error_says_once_what_was_tried() {
        let source = || io::Error::from_raw_os_error(1);
        for error in [
            Error::Open { source: source() },
            Error::File {
                path: "/proc/x",
                source: source(),
            },
            Error::Send {
                operation: "read the links",
                source: source(),
            },
            Error::Unsteady {
                operation: "read the links",
            },
        ] {
            let text = error.to_string();
            assert_eq!(BackendError::from(error).to_string(), text);
        }
    }
}
