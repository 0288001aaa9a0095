//! Finishing what a crash left, or what could not be taken back the last time.
//!
//! An unfinished transaction is always taken back, never carried on: whoever wanted
//! it may be gone, and so may the VPN that it was for. Only the newest can be
//! unfinished, because every command that changes something comes here first.

use netprof_model::resource::Place;

use crate::error::Error;
use crate::report::Recovered;
use crate::transaction::{Failed, Run};

/// Takes back the unfinished transaction, from `here`; none if there is no such.
pub(crate) fn recover(run: Run<'_>, here: Place) -> Result<Option<Recovered>, Error> {
    let Some(journal) = run.store.take_unfinished() else {
        return Ok(None);
    };
    let made = &journal.intent.place;
    if here.boot == made.boot && here.netns != made.netns {
        let transaction = journal.intent.transaction;
        let netns = made.netns;
        let path = run.store.disk.journal_path(transaction);
        run.store.put_unfinished(journal);
        return Err(Error::UnfinishedElsewhere {
            transaction,
            netns,
            journal: path,
        });
    }
    let failed = Failed::earlier(run, here, journal)?;
    let (back, _) = failed.roll_back();
    Ok(Some(match back {
        Ok(back) => Recovered::RolledBack(back),
        Err(incomplete) => Recovered::Incomplete(incomplete),
    }))
}
