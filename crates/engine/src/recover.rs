//! Finishing what a crash left, or what could not be taken back the last time.
//!
//! An unfinished transaction is always taken back, never carried on: whoever wanted
//! it may be gone, and so may the VPN that it was for. Only the newest can be
//! unfinished, because every command that changes something comes here first.

use crate::error::Error;
use crate::report::Recovered;
use crate::transaction::{Failed, Run};

/// Takes back the unfinished transaction; none if there is no such.
pub(crate) fn recover(run: Run<'_>) -> Result<Option<Recovered>, Error> {
    let Some(journal) = run.store.take_unfinished() else {
        return Ok(None);
    };
    let begun = run
        .backend
        .place()
        .map_err(|source| Error::Place { source })
        .and_then(|here| {
            let made = &journal.intent.place;
            if here.boot == made.boot && here.netns != made.netns {
                return Err(Error::Elsewhere {
                    transaction: journal.intent.transaction,
                });
            }
            Ok(here)
        });
    let here = match begun {
        Ok(here) => here,
        Err(error) => {
            run.store.put_unfinished(journal);
            return Err(error);
        }
    };
    Ok(Some(
        match Failed::earlier(run, here, journal)?.roll_back() {
            Ok(back) => Recovered::RolledBack(back),
            Err(incomplete) => Recovered::Incomplete(incomplete),
        },
    ))
}
