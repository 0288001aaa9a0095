//! What one measurement is made of: a machine, a profile, what is run, and what of it is
//! a line of a table.

use std::time::Duration;

use super::contender::Contender;

/// Something that is run and timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To start, and to end at once.
    Start,
    /// To read a profile.
    Check,
    Plan,
    Apply,
    /// To plan what is so already.
    PlanAgain,
    /// To apply what is so already.
    Same,
    Rollback,
    /// Not run: an apply, less what a check takes longer than a start in the same round.
    ApplyAlone,
}

impl Step {
    pub(crate) const ALL: [Self; 8] = [
        Self::Start,
        Self::Check,
        Self::Plan,
        Self::Apply,
        Self::PlanAgain,
        Self::Same,
        Self::Rollback,
        Self::ApplyAlone,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Check => "check",
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::PlanAgain => "plan, nothing to change",
            Self::Same => "apply, nothing to change",
            Self::Rollback => "rollback",
            Self::ApplyAlone => "apply, less reading the profile",
        }
    }
}

/// What the profile declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// `office.kdl`: names, a kept LAN, two routes.
    Office,
    /// So many routes, a line each.
    Routes(usize),
}

/// Where netprof keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// On a tmpfs, where a sync costs nothing.
    Memory,
    Disk,
}

/// One line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) step: Step,
    /// How many times the floor it may take.
    pub(crate) limit: Option<f64>,
}

/// A machine, a profile, and what is done with them.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) declared: Declared,
    /// So many routes of somebody else, in this table.
    pub(crate) foreign: Option<(usize, u32)>,
    pub(crate) state: State,
    pub(crate) rounds: usize,
    /// After this, no further round is begun: a netprof that has become slow, or a busy
    /// machine, must not take hours. The tables say how many rounds there were.
    pub(crate) time: Duration,
    /// Rounds that are not counted: caches, and checks that each did what it says.
    pub(crate) warm_up: usize,
    pub(crate) rows: Vec<Row>,
    /// Steps that are timed without being rows.
    pub(crate) aside: &'static [Step],
    /// Who takes part, and in each how manieth round only.
    pub(crate) peers: Vec<(Contender, usize)>,
    /// Bytes of memory that netprof may take.
    pub(crate) memory: u64,
}

impl Scenario {
    pub(crate) fn times(&self, step: Step) -> bool {
        self.aside.contains(&step) || self.rows.iter().any(|row| row.step == step)
    }
}

/// Scenarios that are one table.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) scenarios: Vec<Scenario>,
}

impl Group {
    /// Who of them takes part anywhere.
    pub(crate) fn peers(&self) -> Vec<Contender> {
        let takes_part = |peer: &Contender| {
            let mut all = self.scenarios.iter().flat_map(|scenario| &scenario.peers);
            all.any(|(one, _)| one == peer)
        };
        Contender::PEERS.into_iter().filter(takes_part).collect()
    }
}
