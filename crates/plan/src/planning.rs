//! From a profile and a snapshot to a plan: the steps, in their order.

use netprof_model::plan::{Plan, ProfileRef};
use netprof_model::profile::Profile;
use netprof_model::snapshot::Index;
use netprof_model::{Diagnostic, Section, Snapshot};

use crate::after::{Turn, turned};
use crate::holdings::Holdings;
use crate::{base, diff, draft, os};

/// What must change so that `profile` holds on the machine of `snapshot`; for none,
/// so that nothing is held any more.
#[must_use]
pub fn plan(profile: Option<(&Profile, &ProfileRef)>, snapshot: &Snapshot) -> Plan {
    let mut plan = Plan {
        profile: profile.map(|(_, reference)| reference.clone()),
        ..Plan::default()
    };
    if let Some(refusal) = refuse(snapshot) {
        plan.diagnostics.push(refusal);
        return plan;
    }
    let live = Index::new(snapshot);
    let holdings = Holdings::of(snapshot);
    let base = base::base(&live, &holdings);
    let mut draft = draft::Draft::default();
    if let Some((profile, _)) = profile {
        os::desire(profile, &base, &mut draft);
    }
    diff::fill(&mut plan, &mut draft, &live, &holdings);
    if draft.claims_anything() {
        let turns = plan.changes.iter().map(Turn::from);
        os::check(&turned(snapshot, |_| true, turns), &mut draft);
    }
    plan.rows = draft.rows;
    plan.expectations = draft.expectations;
    plan.diagnostics = draft.diagnostics;
    if plan.is_refused() {
        // Nothing will be done, so nothing will be left or let go, either.
        plan.kept.clear();
        plan.dropped.clear();
    }
    plan
}

/// Why nothing at all can be planned on `snapshot`, if so.
fn refuse(snapshot: &Snapshot) -> Option<Diagnostic> {
    if snapshot.version != netprof_model::snapshot::VERSION {
        return Some(Diagnostic::error(
            "plan::snapshot-version",
            format!(
                "the snapshot has format version {}, and this netprof reads {}",
                snapshot.version,
                netprof_model::snapshot::VERSION
            ),
        ));
    }
    if let Section::Unreadable(why) = &snapshot.held {
        return Some(
            Diagnostic::error(
                "plan::not-known",
                format!("what netprof holds cannot be read: {why}"),
            )
            .help("its own routes would be taken for somebody else's: try again as root"),
        );
    }
    let elsewhere = snapshot
        .held()?
        .resources
        .iter()
        .find(|one| snapshot.is_elsewhere(&one.place))?;
    Some(
        Diagnostic::error(
            "plan::elsewhere",
            format!(
                "netprof holds {} in another network namespace",
                elsewhere.resource
            ),
        )
        .help("run netprof there, or name another state folder with NETPROF_STATE_DIR"),
    )
}
