//! Whether packets go where they must, by the one table of macOS, and who takes them if not.

use netprof_model::route::Route;
use netprof_model::shared::Alike;
use netprof_model::{Owner, Snapshot};

use super::put_back::is_host;
use super::rib::{Found, Rib};
use crate::claim::{self, Answer, Claim};
use crate::draft::Draft;

/// Looks at each claim of `draft` on the machine as it will be.
pub(crate) fn check(after: &Snapshot, draft: &mut Draft) {
    if draft.claims.is_empty() {
        return;
    }
    let rib = Rib::new(after);
    let mut alike = Alike::default();
    claim::check(draft, |claim| {
        let found = rib.look_up(claim.to, None);
        if claim.holds(found.route()) {
            return Answer::Holds(alike.share(found.answer().into()));
        }
        let (message, help) = lost(claim, found);
        let owner = match found {
            Found::Nothing => Owner::Unknown,
            Found::Route(route) | Found::Here(route) => route.owner,
        };
        Answer::Lost {
            message,
            help,
            owner,
        }
    });
}

/// What is wrong with a claim that does not hold, and what would help.
fn lost(claim: &Claim, found: Found) -> (String, String) {
    let Claim { to, .. } = claim;
    let subject = claim.subject();
    let way = match found.route().and_then(Route::gateway) {
        Some(via) if claim.direct && via == *to => {
            return (
                format!(
                    "{subject}: {to} lies in the very network that it should be the gateway to"
                ),
                "name a gateway outside of it, or give the gateway a longer route of its own"
                    .to_owned(),
            );
        }
        Some(via) if claim.direct => format!("be sent to {via}, and {}", taken_by(found)),
        _ => taken_by(found),
    };
    let message = format!("{subject}: packets to {to} would still {way}");
    (message, help(found))
}

fn help(found: Found) -> String {
    match found {
        Found::Route(route) | Found::Here(route) if route.owner == Owner::Netprof => {
            "another line of this profile wins here: take one of the two away".to_owned()
        }
        Found::Route(route) | Found::Here(route) if route.key.ifscope.is_some() => format!(
            "see `netstat -rn`: {} is for one link alone, and there it wins over all but a host's route (flag `H`)",
            route.key
        ),
        Found::Route(route) | Found::Here(route) if is_host(&route.spec) => {
            "see `netstat -rn`: a host's route (flag `H`) is found before any other to its address; take it away by hand".to_owned()
        }
        Found::Route(route) | Found::Here(route) => format!(
            "a Mac has no metrics: only a route that is longer than {} wins over it",
            route.key.dst
        ),
        Found::Nothing => "see `netstat -rn` for the routes that there are".to_owned(),
    }
}

/// Who takes a packet, in words.
pub(super) fn taken_by(found: Found) -> String {
    match found {
        Found::Nothing => "find no route".to_owned(),
        Found::Here(_) => "stay on this host, which has the address".to_owned(),
        Found::Route(route) => {
            let way = match route.devices().next() {
                Some(dev) if found.route().is_some() => format!("go through {dev}"),
                _ => "be dropped".to_owned(),
            };
            format!("{way}, by {}", named(route))
        }
    }
}

/// A route and its owner.
pub(super) fn named(route: &Route) -> String {
    match route.owner {
        Owner::Unknown | Owner::Kernel => route.key.to_string(),
        owner => format!("{} of {}", route.key, owner.who()),
    }
}
