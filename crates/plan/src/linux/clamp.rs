//! `clamp-mss`: the table of nft that is netprof's own.
//!
//! One table is for all links that the profile names, so it is one wanted state with as many
//! reasons. Its rules name links by their names: a rule stays when its link goes, and holds
//! again for the next one of that name.
//!
//! What somebody else has in a table of that name cannot be written back, so netprof never
//! takes such a table away: not where it was there before, and not where somebody has put
//! something into netprof's own.

use std::collections::BTreeSet;

use netprof_model::link::Link;
use netprof_model::nft_table::NftTable;
use netprof_model::plan::Reason;
use netprof_model::{Diagnostic, Resource, Section, Snapshot, State};

use super::Ground;
use crate::draft::{Draft, Wanted};

/// What a network without any tunnel takes: an Ethernet's size.
const USUAL: u32 = 1500;

/// Wants the segment size to fit the links that the profile names.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let (mut links, mut reasons) = (BTreeSet::new(), Vec::new());
    for decl in &ground.profile.clamp_mss {
        let subject = format!("clamp-mss {}", decl.link.value);
        let reason = Reason::line(&decl.at, "clamp-mss");
        match ground.links.or_row(&decl.link, &subject, &reason) {
            Err(row) => draft.rows.push(*row),
            Ok(found) => {
                for link in found {
                    let said = lowers_nothing(link, ground.base, draft);
                    draft
                        .diagnostics
                        .extend(said.map(|one| one.at(decl.at.clone())));
                    links.insert(link.name.clone());
                }
                reasons.push((reason, &decl.at));
            }
        }
    }
    let Some((first, at)) = reasons.first() else {
        return;
    };
    if let Some(error) = refusal(ground.base) {
        return draft.refuse(Resource::NftTable.to_string(), first, error, at);
    }
    draft.want(Wanted::new(
        Resource::NftTable,
        State::NftTable(Box::new(NftTable {
            clamped: links.into_iter().collect(),
            others: Vec::new(),
        })),
        None,
        reasons.into_iter().map(|(reason, _)| reason).collect(),
    ));
}

/// Why there cannot be such a table, or none of netprof's.
fn refusal(base: &Snapshot) -> Option<Diagnostic> {
    match &base.nft_table {
        Section::Absent => None,
        Section::Unreadable(why) if base.privileged => Some(not_told(
            why,
            "a smaller `mtu` of the link does the same for connections of this machine",
        )),
        Section::Unreadable(why) => Some(not_told(
            why,
            "try again as root: the kernel shows its nft tables to nobody else",
        )),
        Section::Unread => Some(not_told("it was not looked for", "take the snapshot anew")),
        Section::Seen(table) => theirs(table),
    }
}

fn not_told(why: &str, help: &str) -> Diagnostic {
    let message = format!("whether there is an nft table inet netprof cannot be told: {why}");
    Diagnostic::error("plan::not-known", message)
        .label("this needs that table for itself")
        .help(help)
}

/// That others have something in the table, if so.
fn theirs(table: &NftTable) -> Option<Diagnostic> {
    (!table.others.is_empty()).then(|| {
        let message = format!(
            "there is an nft table inet netprof that is not as netprof makes it: {}",
            table.others.join("; ")
        );
        Diagnostic::error("plan::key-taken", message)
            .label("this needs that table for itself")
            .help(
                "look at it with `nft -a list table inet netprof`; move what is not netprof's \
                 to another table, and `nft delete table inet netprof`",
            )
    })
}

/// Says that nobody is told a smaller segment, because nothing that this machine knows of
/// takes more than `link`.
fn lowers_nothing(link: &Link, base: &Snapshot, draft: &Draft) -> Option<Diagnostic> {
    let size = |link: &Link| {
        let dev = link.name.clone();
        match draft.wants(&Resource::Mtu { dev }).map(|one| &one.state) {
            Some(State::Mtu { mtu }) => *mtu,
            _ => link.mtu,
        }
    };
    let own = size(link);
    let mut others = base.links.items().iter();
    let lowers = own < USUAL
        || others.any(|one| one.up && !one.loopback && one.name != link.name && size(one) > own);
    (!lowers).then(|| {
        let message = format!(
            "{} takes packets of {own} bytes, as large as any here: `clamp-mss` lowers nothing on it",
            link.name
        );
        Diagnostic::warning("plan::clamp-lowers-nothing", message)
            .label("this changes no connection")
            .help("say `mtu` with what the path takes, too: `clamp-mss` tells both ends of it")
    })
}
