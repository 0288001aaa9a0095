//! `netprof history`: what was done, transaction by transaction.

use std::fmt::Write;
use std::io::ErrorKind;

use netprof_engine::{Ending, Entry, Error};
use serde_json::{Value, json};

use super::{Result, transaction};
use crate::answer::Answer;
use crate::context::Context;

/// Lists the transactions, newest first.
pub fn run(context: &Context) -> Result {
    let mut entries = context.folder.history().map_err(|error| {
        let refusal = transaction::refusal(&context.invocation, &error);
        Answer::refused(vec![match &error {
            Error::File { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                let again = context.invocation.as_root(&["history"]);
                refusal.help(format!("the journals are root's alone: {again}"))
            }
            _ => refusal,
        }])
    })?;
    entries.reverse();
    let mut text = String::new();
    if entries.is_empty() {
        text.push_str("No transaction was made yet.\n");
    }
    for entry in &entries {
        row(&mut text, entry);
    }
    let body = json!({ "transactions": entries.iter().map(object).collect::<Vec<_>>() });
    Ok(Answer::done(text, body))
}

fn row(text: &mut String, entry: &Entry) {
    let (when, what, changes) = match &entry.about {
        None => (String::new(), "?".to_owned(), String::new()),
        Some(about) => (
            time(about.started),
            match &about.profile {
                Some(profile) => format!("{} {}", about.kind.as_str(), profile.name),
                None => about.kind.as_str().to_owned(),
            },
            match about.changes {
                1 => "1 change".to_owned(),
                n => format!("{n} changes"),
            },
        ),
    };
    let ending = match &entry.ending {
        Ending::Committed {
            undone_by: Some(by),
        } => format!("committed, undone by {by}"),
        Ending::RolledBack(why) => format!("rolled back: {why}"),
        Ending::Incomplete(why) => format!("rollback incomplete: {why}"),
        other => other.as_str().to_owned(),
    };
    let line = format!(
        "{:>5}  {when:<20}  {what:<24} {changes:>12}  {ending}",
        entry.transaction
    );
    let _ = writeln!(text, "{}", line.trim_end());
}

fn object(entry: &Entry) -> Value {
    let why = match &entry.ending {
        Ending::RolledBack(why) | Ending::Incomplete(why) => Some(why),
        _ => None,
    };
    let undone_by = match &entry.ending {
        Ending::Committed { undone_by } => *undone_by,
        _ => None,
    };
    json!({
        "transaction": entry.transaction,
        "outcome": entry.ending.as_str(),
        "why": why,
        "undone_by": undone_by,
        "journal": entry.journal,
        "kind": entry.about.as_ref().map(|about| about.kind.as_str()),
        "profile": entry.about.as_ref().and_then(|about| about.profile.as_ref()),
        "started": entry.about.as_ref().map(|about| time(about.started)),
        "changes": entry.about.as_ref().map(|about| about.changes),
        "undone": entry.about.as_ref().map(|about| &about.undone),
    })
}

/// Seconds since 1970 as RFC 3339 writes them, in UTC.
fn time(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // The calendar is counted from a 1 March, so that the leap day comes last
    // (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_time_is_written_as_date_writes_it() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_132_800, "2026-11-20T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }
}
