//! The commands that change something: apply, release, rollback, recover.

use std::ops::ControlFlow;

use netprof_model::held::Held;
use netprof_model::plan::Plan;
use netprof_model::resource::Place;
use netprof_model::{Section, Snapshot};
use netprof_plan::Need;

use crate::backend::Backend;
use crate::compose::compose;
use crate::error::Error;
use crate::folder::StateFolder;
use crate::history;
use crate::journal::{self, Intent, Kind, Stage};
use crate::recover;
use crate::report::{Outcome, Recovered, Report};
use crate::secrets;
use crate::store::Store;
use crate::transaction::{Planned, Run};
use crate::verify;

/// Who asks, and when.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The command, for whoever finds the state folder locked.
    pub command: String,
    /// When it was started, in seconds since the start of 1970 (UTC).
    pub started: u64,
}

/// The state folder, locked, and the system that it is about. One command at a time
/// has it; the lock is given up when it is dropped.
#[must_use = "the lock is given up when this is dropped"]
pub struct Engine<'a> {
    store: Store,
    backend: &'a mut dyn Backend,
    cancelled: &'a dyn Fn() -> bool,
    started: u64,
    /// This boot and network namespace; asked for once.
    here: Option<Place>,
}

impl<'a> Engine<'a> {
    /// Makes the state folder where it is missing, checks it, locks it and reads what
    /// is held. Nothing is changed outside of it.
    ///
    /// `cancelled` is asked between the steps of a transaction: once it says yes,
    /// what was done is taken back, unless it was committed already.
    ///
    /// # Errors
    ///
    /// [`Error::UnsafeFolder`], [`Error::Locked`], or what is wrong with a file.
    pub fn lock(
        folder: &StateFolder,
        backend: &'a mut dyn Backend,
        caller: &Caller,
        cancelled: &'a dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let store = folder.lock(&caller.command)?;
        Ok(Self::on(store, backend, caller.started, cancelled))
    }

    pub(crate) fn on(
        store: Store,
        backend: &'a mut dyn Backend,
        started: u64,
        cancelled: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            store,
            backend,
            cancelled,
            started,
            here: None,
        }
    }

    /// What is held now: what must be read for a plan depends on it, too.
    #[must_use]
    pub fn held(&self) -> &Held {
        self.store.held()
    }

    /// Observes, plans and carries the plan out, whole or not at all. A plan of no
    /// profile is a release.
    ///
    /// `planner` gets what is live with what is held in it, and is asked once.
    ///
    /// # Errors
    ///
    /// Nothing was changed, beside what an earlier crash had left and was taken back.
    /// What fails later is an [`Outcome`].
    pub fn apply(
        &mut self,
        need: Need,
        planner: impl FnOnce(&Snapshot) -> Plan,
    ) -> Result<Report, Error> {
        let recovered = match self.recover_first()? {
            ControlFlow::Continue(recovered) => recovered,
            ControlFlow::Break(report) => return Ok(report),
        };
        let snapshot = self.observe(need)?;
        let mut plan = planner(&snapshot);
        self.unlend(snapshot);
        if plan.is_refused() {
            return Ok(self.report(Outcome::Refused, plan, recovered));
        }
        if self.is_nothing(&plan) {
            return Ok(self.report(Outcome::Unchanged, plan, recovered));
        }
        let kind = match plan.profile {
            Some(_) => Kind::Apply,
            None => Kind::Release,
        };
        let intent = self.intent(kind, &mut plan)?;
        let outcome = self.carry_out(intent, &mut plan)?;
        Ok(self.report(outcome, plan, recovered))
    }

    /// Undoes the newest committed transaction that is not undone yet, or all of them
    /// down to and with `to`, as one transaction. What somebody else changed since
    /// stays as it is, and is in the plan as kept.
    ///
    /// # Errors
    ///
    /// As for [`Engine::apply`]; [`Error::NothingToRollBack`], [`Error::NotOnStack`],
    /// [`Error::Elsewhere`].
    pub fn rollback(&mut self, to: Option<u64>) -> Result<Report, Error> {
        let recovered = match self.recover_first()? {
            ControlFlow::Continue(recovered) => recovered,
            ControlFlow::Break(report) => return Ok(report),
        };
        let undone = self.to_undo(to)?;
        let intents = self.intents(&undone)?;
        let changes = intents.iter().flat_map(|intent| &intent.changes);
        let snapshot = self.observe(verify::need_to_undo(changes))?;
        let composed = compose(&snapshot, intents, self.store.next());
        self.unlend(snapshot);
        let mut plan = composed?;
        let stack = &self.held().stack;
        plan.profile = stack[..stack.len() - undone.len()]
            .last()
            .and_then(|one| one.profile.clone());
        let intent = Intent {
            undone,
            ..self.intent(Kind::Rollback, &mut plan)?
        };
        let outcome = self.carry_out(intent, &mut plan)?;
        Ok(self.report(outcome, plan, recovered))
    }

    /// Takes back what a crash left, or what could not be taken back the last time;
    /// none if there is nothing of that sort. Every other command does it first.
    ///
    /// # Errors
    ///
    /// [`Error::UnfinishedElsewhere`] where it was made in another network namespace of this
    /// boot, or why its journal cannot be used.
    pub fn recover(&mut self) -> Result<Option<Recovered>, Error> {
        if !self.store.is_unfinished() {
            return Ok(None);
        }
        let here = self.here()?;
        recover::recover(self.run(), here)
    }

    fn here(&mut self) -> Result<Place, Error> {
        if let Some(here) = &self.here {
            return Ok(here.clone());
        }
        let place = self.backend.place();
        let here = place.map_err(|source| Error::Place { source })?;
        self.here = Some(here.clone());
        Ok(here)
    }

    fn run(&mut self) -> Run<'_> {
        Run {
            store: &mut self.store,
            backend: self.backend,
            cancelled: self.cancelled,
        }
    }

    fn observe(&mut self, need: Need) -> Result<Snapshot, Error> {
        let here = self.here()?;
        let mut snapshot = self
            .backend
            .observe(need)
            .map_err(|source| Error::Observe { source })?;
        // What a recovery compares with must come from the same source.
        snapshot.place = here;
        snapshot.held = Section::Seen(self.store.lend());
        Ok(snapshot)
    }

    /// Takes back what is held, which a snapshot has for as long as it is planned on: there
    /// may be too much of it for two copies.
    fn unlend(&mut self, snapshot: Snapshot) {
        if let Section::Seen(held) = snapshot.held {
            self.store.take_back(held);
        }
    }

    /// Recovers, as every command does first; the report that ends the command where that
    /// did not come to its end.
    fn recover_first(&mut self) -> Result<ControlFlow<Report, Option<Recovered>>, Error> {
        Ok(match self.recover()? {
            Some(Recovered::Incomplete(incomplete)) => {
                let outcome = Outcome::RollbackIncomplete(incomplete);
                ControlFlow::Break(self.report(outcome, Plan::default(), None))
            }
            recovered => ControlFlow::Continue(recovered),
        })
    }

    /// Whether a plan would leave everything as it is, also what is held.
    fn is_nothing(&self, plan: &Plan) -> bool {
        let held = self.held();
        let same = match (&plan.profile, held.active()) {
            (Some(new), Some(old)) => (&new.name, &new.sha256) == (&old.name, &old.sha256),
            (None, None) => held.resources.is_empty(),
            _ => false,
        };
        same && plan.changes.is_empty() && plan.dropped.is_empty() && plan.still_held.is_empty()
    }

    /// What is meant by `plan`, with its changes: those are not in the plan until they are
    /// carried out.
    fn intent(&mut self, kind: Kind, plan: &mut Plan) -> Result<Intent, Error> {
        if let Some(resource) = secrets::missing(plan, self.held()) {
            return Err(Error::PasswordGone {
                resource: Box::new(resource.clone()),
            });
        }
        let lost = secrets::lost(plan, self.held());
        Ok(Intent {
            transaction: self.store.next(),
            kind,
            profile: plan.profile.clone(),
            place: self.here()?,
            started: self.started,
            undone: Vec::new(),
            changes: std::mem::take(&mut plan.changes),
            still_held: plan.still_held.clone(),
            dropped: plan.dropped.clone(),
            kept: plan.kept.clone(),
            lost,
        })
    }

    /// Carries `intent` out, and puts its changes back into `plan`.
    fn carry_out(&mut self, intent: Intent, plan: &mut Plan) -> Result<Outcome, Error> {
        let planned = Planned {
            run: self.run(),
            intent,
            expectations: &plan.expectations,
        };
        let journaled = planned.journal()?;
        let done = journaled
            .apply()
            .and_then(|applied| applied.verify())
            .and_then(|verified| verified.commit());
        let (outcome, changes) = match done {
            Ok((committed, changes)) => (Outcome::Committed(committed), changes),
            Err(failed) => match failed.roll_back() {
                (Ok(back), changes) => (Outcome::RolledBack(back), changes),
                (Err(incomplete), changes) => (Outcome::RollbackIncomplete(incomplete), changes),
            },
        };
        plan.changes = changes;
        Ok(outcome)
    }

    /// The transactions to undo, newest first.
    fn to_undo(&self, to: Option<u64>) -> Result<Vec<u64>, Error> {
        let stack = &self.held().stack;
        let newest = stack.last().map(|one| one.transaction);
        let to = to.or(newest).ok_or(Error::NothingToRollBack)?;
        let at = stack.iter().position(|one| one.transaction == to);
        let at = at.ok_or_else(|| history::off_stack(self.store.disk.as_ref(), to))?;
        Ok(stack[at..]
            .iter()
            .rev()
            .map(|one| one.transaction)
            .collect())
    }

    fn intents(&self, numbers: &[u64]) -> Result<Vec<Intent>, Error> {
        let disk = self.store.disk.as_ref();
        let committed = |number: &u64| match journal::read::<Intent>(disk, *number)? {
            Some(journal) if journal.stage == Stage::Committed => Ok(journal.intent),
            _ => Err(Error::Damaged {
                path: disk.journal_path(*number),
                why: "it does not say that it was committed, and what is held says so".to_owned(),
            }),
        };
        numbers.iter().map(committed).collect()
    }

    fn report(&mut self, outcome: Outcome, plan: Plan, recovered: Option<Recovered>) -> Report {
        Report {
            outcome,
            plan,
            recovered,
            warnings: std::mem::take(&mut self.store.warnings),
        }
    }
}
