//! Changes that are made one by one.

use netprof_engine::{Mode, Refusal};
use netprof_model::plan::Change;

/// Makes changes one by one. Forward, what follows may rest on what was refused; on the
/// way back everything is tried.
///
/// # Errors
///
/// Each change that was refused, with the words of why.
pub fn each(
    run: &[&Change],
    mode: Mode,
    mut make: impl FnMut(&Change) -> Result<(), String>,
) -> Result<(), Vec<Refusal>> {
    let mut refused = Vec::new();
    for change in run {
        if let Err(why) = make(change) {
            refused.push(refusal(change, why));
            if mode == Mode::Forward {
                break;
            }
        }
    }
    or_refused(refused)
}

/// All that was refused, if anything was.
///
/// # Errors
///
/// That.
pub fn or_refused(refused: Vec<Refusal>) -> Result<(), Vec<Refusal>> {
    if refused.is_empty() {
        Ok(())
    } else {
        Err(refused)
    }
}

/// A change that was refused.
#[must_use]
pub fn refusal(change: &Change, why: String) -> Refusal {
    Refusal {
        change: Box::new(change.clone()),
        why,
    }
}
