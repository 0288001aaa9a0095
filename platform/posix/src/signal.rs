//! A person's wish to stop, as a flag that a transaction looks at between its steps.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static STOPPED: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: nix::libc::c_int) {
    STOPPED.store(true, Ordering::SeqCst);
}

/// From here on SIGINT, SIGTERM and SIGHUP no longer end the process: they are
/// remembered, so that a transaction can take itself back in good order.
///
/// # Errors
///
/// The kernel refuses a handler (sigaction(2)); it has no reason to.
pub fn catch() -> nix::Result<()> {
    let action = SigAction::new(
        SigHandler::Handler(stop),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is safe in a signal
        // handler (signal-safety(7)).
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Whether one of them came.
#[must_use]
pub fn caught() -> bool {
    STOPPED.load(Ordering::SeqCst)
}
