//! From what must hold and what is to what must change.
//!
//! Each resource is decided by itself, from three states: what is *live*, what
//! netprof *committed*, and what was there *originally*. What is live and was
//! committed by netprof goes back to its original where it is no longer wanted; what
//! somebody else changed since is theirs, and stays.

use netprof_model::held::{HeldResource, TakenBack};
use netprof_model::plan::{Change, DropReason, Dropped, Kept, Plan, Reason, Standing};
use netprof_model::resource::Resource;
use netprof_model::snapshot::{Index, NotKnown, Os};
use netprof_model::{Diagnostic, Owner, Snapshot, State};

use crate::draft::{Draft, Wanted};
use crate::holdings::{Holding, Holdings};
use crate::order;

/// Compares `draft` with what is live and held, and fills `plan`.
pub(crate) fn fill(plan: &mut Plan, draft: &mut Draft, live: &Index, holdings: &Holdings) {
    let snapshot = live.snapshot();
    let wanted = draft.take_wanted();
    let mut is_wanted = vec![false; holdings.all.len()];
    let entries: Vec<Option<&HeldResource>> = wanted
        .iter()
        .map(|one| {
            let at = holdings.place(&one.resource)?;
            is_wanted[at] = true;
            let one = &holdings.all[at];
            (!one.has_expired).then_some(one.entry)
        })
        .collect();

    let unwanted = holdings.all.iter().zip(is_wanted);
    for (Holding { entry, has_expired }, _) in unwanted.filter(|(_, is_wanted)| !is_wanted) {
        if *has_expired {
            plan.dropped.push(Dropped {
                resource: entry.resource.clone(),
                why: DropReason::Expired,
            });
            continue;
        }
        match live.state(&entry.resource) {
            // It stays held, and is given back once it can be told what is there.
            Err(unknown) => draft
                .diagnostics
                .push(still_held(&entry.resource, &unknown, snapshot)),
            Ok(state) => give_back(plan, draft, entry, state, live),
        }
    }
    // One row or one change for each, and as a rule a row for what is held: lists that grow
    // by doubling would take twice that.
    let unchanged = entries.iter().flatten().count();
    plan.changes.reserve_exact(wanted.len() - unchanged);
    draft.rows.reserve_exact(unchanged);
    for (one, entry) in wanted.into_iter().zip(entries) {
        match live.state(&one.resource) {
            Err(unknown) => {
                let error = not_known(&one.resource, &unknown, snapshot);
                draft.diagnostics.push(error.at(first_of(one.reasons).at));
            }
            Ok(state) => make_so(plan, draft, one, entry, state, live),
        }
    }
    order::sort(&mut plan.changes);
    for (id, change) in (1..).zip(&mut plan.changes) {
        change.id = id;
    }
}

/// A resource that is held and no longer wanted.
fn give_back(
    plan: &mut Plan,
    draft: &mut Draft,
    entry: &HeldResource,
    live: Option<State>,
    index: &Index,
) {
    let resource = entry.resource.clone();
    let back = without(entry, live.as_ref());
    if live == back.state {
        return let_go(plan, entry, live, back.theirs, index);
    }
    if let Some(why) = index.unreachable(&resource) {
        draft.diagnostics.push(still_held_for(&resource, why));
        return;
    }
    let why = if entry.original.is_some() {
        "what was there before"
    } else {
        "no longer wanted"
    };
    let mut reasons = vec![Reason::plain(why)];
    if let Resource::Proxies { service } = &resource
        && let Some(service) = index.service(service)
    {
        // What netprof knows it by says nothing to a person.
        reasons.push(Reason::plain(format!("service {}", service.name)));
    }
    reasons.extend(back.settings.iter().map(|one| Reason::left(one)));
    plan.changes.push(Change {
        id: 0,
        owner: index.owner(&resource),
        resource,
        before: live,
        original: back.state.clone(),
        after: back.state,
        lasts: entry.lasts.clone(),
        link: entry.place.link.clone(),
        manager: manager(entry, index),
        reasons,
    });
}

/// What is no longer held, though nothing is written to it: it is as it was, or as somebody
/// else has made it.
fn let_go(plan: &mut Plan, entry: &HeldResource, live: Option<State>, theirs: bool, index: &Index) {
    let resource = entry.resource.clone();
    if theirs {
        plan.kept.push(Kept {
            owner: index.owner(&resource),
            resource: resource.clone(),
            committed: entry.committed.clone(),
            live,
        });
    }
    plan.dropped.push(Dropped {
        resource,
        why: if theirs {
            DropReason::Foreign
        } else {
            DropReason::Original
        },
    });
}

/// What would be there in the place of `live`, had netprof not made what it holds.
pub(crate) fn without(entry: &HeldResource, live: Option<&State>) -> TakenBack {
    if is_numbered(live) {
        return TakenBack {
            state: entry.original.clone(),
            theirs: false,
            settings: Vec::new(),
        };
    }
    entry.without(live)
}

fn manager(entry: &HeldResource, index: &Index) -> Option<netprof_model::link::LinkManager> {
    match &entry.resource {
        Resource::DnsLink { dev } => index.snapshot().link(dev).and_then(|link| link.manager),
        _ => None,
    }
}

/// A resource that is wanted.
fn make_so(
    plan: &mut Plan,
    draft: &mut Draft,
    wanted: Wanted,
    entry: Option<&HeldResource>,
    live: Option<State>,
    index: &Index,
) {
    let is_alike = |live: &State| live.is_alike(&wanted.state);
    if live.as_ref().is_some_and(is_alike) || is_same_rule(live.as_ref(), &wanted.state) {
        match entry {
            None if is_own(live.as_ref()) => say_left_over(draft, index.snapshot().os),
            Some(entry) => hold_anew(plan, entry, &wanted, live, index),
            None => {}
        }
        let reason = first_of(wanted.reasons);
        draft.unchanged(wanted.resource, wanted.state, reason);
        return;
    }
    if let Some(why) = index.unreachable(&wanted.resource) {
        let reason = first_of(wanted.reasons);
        draft.row(Standing::Waiting, wanted.resource.to_string(), why, &reason);
        return;
    }
    if entry.is_none() && live.is_some() && !is_own(live.as_ref()) && !wanted.replace {
        let owner = index.owner(&wanted.resource);
        let message = format!(
            "{} is taken by {owner}, and holds something else",
            wanted.resource
        );
        let reason = first_of(wanted.reasons);
        draft.row(
            Standing::Blocked,
            wanted.resource.to_string(),
            &message,
            &reason,
        );
        draft.diagnostics.push(
            Diagnostic::error("plan::key-taken", message)
                .at(reason.at)
                .help("netprof writes only where it alone writes; take that one away first"),
        );
        return;
    }
    // Where somebody changed it after netprof did, what they left is what a release
    // must give back: it is what would be there without netprof.
    let original = match entry {
        Some(entry) => without(entry, live.as_ref()).state,
        None if is_numbered(live.as_ref()) => None,
        None => {
            if is_own(live.as_ref()) {
                say_left_over(draft, index.snapshot().os);
            }
            live.clone()
        }
    };
    plan.changes.push(Change {
        id: 0,
        owner: match live {
            None => Owner::Netprof,
            Some(_) => index.owner(&wanted.resource),
        },
        resource: wanted.resource,
        before: live,
        after: Some(wanted.state),
        original,
        lasts: wanted.lasts,
        link: wanted.link,
        manager: wanted.manager,
        reasons: wanted.reasons,
    });
}

/// What is wanted is there, and held as something else: somebody has made it so, or it is
/// there for another reason by now. Else what is there would be called changed for ever.
fn hold_anew(
    plan: &mut Plan,
    entry: &HeldResource,
    wanted: &Wanted,
    live: Option<State>,
    index: &Index,
) {
    let of_network = Reason::are_of_network(&wanted.reasons);
    let holds = entry.holds(live.as_ref());
    if holds && entry.of_network == of_network {
        return;
    }
    let back = without(entry, live.as_ref());
    if live == back.state {
        return let_go(plan, entry, live, back.theirs, index);
    }
    plan.still_held.push(HeldResource {
        original: back.state,
        committed: live,
        of_network,
        ..entry.clone()
    });
}

/// Says once that something of netprof's is there that this state folder knows nothing
/// of.
fn say_left_over(draft: &mut Draft, os: Os) {
    const CODE: &str = "plan::left-over";
    if draft.diagnostics.iter().any(|said| said.code == CODE) {
        return;
    }
    let what = "things of netprof's are there that it does not hold: a release will leave them";
    let help = match os {
        Os::Linux => {
            "another state folder made them: see `ip rule`, `ip route show table all proto 110` \
             and `nft list table inet netprof`"
        }
        Os::Macos => {
            "another state folder made them: see `scutil --dns`, /etc/resolver and `netstat -rn`"
        }
    };
    draft
        .diagnostics
        .push(Diagnostic::warning(CODE, what).help(help));
}

/// Whether it bears netprof's own mark.
fn is_own(live: Option<&State>) -> bool {
    live.is_some_and(State::bears_mark)
}

/// Whether it bears netprof's own number, and so is nobody else's, though the kernel may
/// have taken a part of it away. The mark of a file or of a dictionary says less: it stays
/// where somebody has written below it.
fn is_numbered(live: Option<&State>) -> bool {
    matches!(live, Some(State::Route(_) | State::Rule(_))) && is_own(live)
}

/// A rule is all in its key: one of somebody else that says the same does the same.
fn is_same_rule(live: Option<&State>, wanted: &State) -> bool {
    matches!((live, wanted), (Some(State::Rule(_)), State::Rule(_)))
}

fn first_of(reasons: Vec<Reason>) -> Reason {
    let first = reasons.into_iter().next();
    first.unwrap_or_else(|| Reason::plain(""))
}

fn not_known(resource: &Resource, unknown: &NotKnown, snapshot: &Snapshot) -> Diagnostic {
    Diagnostic::error(
        "plan::not-known",
        format!("what {resource} holds is not known: {unknown}"),
    )
    .help(once_known(resource, unknown, snapshot))
}

fn still_held(resource: &Resource, unknown: &NotKnown, snapshot: &Snapshot) -> Diagnostic {
    Diagnostic::warning(
        "plan::still-held",
        format!("{resource} stays held, since what it holds is not known: {unknown}"),
    )
    .help(once_known(resource, unknown, snapshot))
}

/// What would let it be known what `resource` holds.
fn once_known(resource: &Resource, unknown: &NotKnown, snapshot: &Snapshot) -> &'static str {
    if *unknown == NotKnown::ELSEWHERE {
        return "do the same again in the location that has this service: Apple menu > Location";
    }
    match resource {
        Resource::DnsLink { .. } | Resource::DnsDelegate { .. } => {
            "do the same again once systemd-resolved runs"
        }
        Resource::Store { .. } | Resource::Proxies { .. } => {
            "do the same again once configd answers"
        }
        _ if unknown.why.is_none() => "take the snapshot anew: this one was taken without it",
        _ if !snapshot.privileged => "root may know more: do the same again with sudo",
        Resource::File { .. } => "mend that file, then do the same again",
        Resource::Settings(settings) if settings.path().is_some() => {
            "mend that file, then do the same again"
        }
        _ => "do the same again once it can be read",
    }
}

/// What can be read and not be changed now.
fn still_held_for(resource: &Resource, why: &str) -> Diagnostic {
    Diagnostic::warning(
        "plan::still-held",
        format!("{resource} stays held, since nobody can be told: {why}"),
    )
    .help("do the same again once that user has logged in")
}
