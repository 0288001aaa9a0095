//! Believe the effect, not the call: what is live is compared with what was planned.
//!
//! There is no count of attempts and no way around it: what is not verified is not
//! committed.

use netprof_model::Resource;
use netprof_model::plan::{Change, Expectation};
use netprof_model::snapshot::Index;
use netprof_plan::{Need, Routes};

use crate::backend::Backend;
use crate::error::{Difference, Error, Missed};

/// What must be read to see what `changes` touch: less than a plan needs, because
/// neither an owner nor a firewall is part of what a resource holds, and no route but
/// theirs is looked at.
pub(crate) fn need<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Need {
    let mut need = Need::default();
    let mut keys = Vec::new();
    for change in changes {
        need.add(&change.resource);
        if let Resource::Route(key) = &change.resource {
            keys.push(key);
        }
    }
    need.routes = Routes::of_keys(keys);
    need
}

/// The same, to take `changes` back: whose that is which is kept is said.
pub(crate) fn need_to_undo<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Need {
    Need {
        owners: true,
        ..need(changes)
    }
}

/// Whether every change shows in the live state.
pub(crate) fn read_back(backend: &mut dyn Backend, changes: &[Change]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let snapshot = backend
        .observe(need(changes))
        .map_err(|source| Error::Observe { source })?;
    let index = Index::new(&snapshot);
    let mut differences = Vec::new();
    for change in changes {
        let found = index
            .state(&change.resource)
            .map_err(|source| Error::NotKnown {
                resource: Box::new(change.resource.clone()),
                source,
            })?;
        if found != change.after {
            differences.push(Difference {
                resource: change.resource.clone(),
                wanted: change.after.clone(),
                found,
            });
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::Differs { differences })
}

/// So many look-ups at a time: more in one go are no faster, and their answers take room.
const AT_A_TIME: usize = 2048;

/// Whether packets go where the plan promises: present is not enough, something
/// else can still win.
pub(crate) fn ask(backend: &mut dyn Backend, expectations: &[Expectation]) -> Result<(), Error> {
    let mut missed = Vec::new();
    for expectations in expectations.chunks(AT_A_TIME) {
        let probes: Vec<_> = expectations.iter().map(|one| one.probe.clone()).collect();
        let answers = backend
            .look_up(&probes)
            .map_err(|source| Error::LookUp { source })?;
        if answers.len() != probes.len() {
            return Err(Error::Answers {
                asked: probes.len(),
                given: answers.len(),
            });
        }
        let all = expectations.iter().zip(answers);
        let lost = all.filter(|(expectation, answer)| !expectation.answer.is_met_by(answer));
        missed.extend(lost.map(|(expectation, answer)| Missed {
            expectation: expectation.clone(),
            answer,
        }));
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(Error::WrongWay { missed })
}
