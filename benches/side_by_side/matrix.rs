//! All that is measured, as data, and what it may not exceed.

use std::time::Duration;

use super::contender::Contender::{Batch, BatchRead, Ip, Nmstate, Shell, Vpnc, WgQuick};
use super::scenario::{Declared, Group, Row, Scenario, State, Step};

/// Fewer rounds than this tell nothing of a limit.
pub(crate) const ROUNDS: usize = 20;
/// Bytes that the program may have.
pub(crate) const SIZE: u64 = 4 * MB;
const MB: u64 = 1_000_000;
/// The table that the routes of others are in where they are not in main. No rule leads
/// there.
const ELSEWHERE: u32 = 7777;
const MAIN: u32 = 254;

/// All of it, or the same of small numbers.
pub(crate) fn matrix(small: bool) -> Vec<Group> {
    let count = |count: usize| if small { count.min(100) } else { count };
    vec![
        Group {
            title: "A small host",
            scenarios: vec![office(State::Memory), office(State::Disk)],
        },
        Group {
            title: "Routes in the profile",
            scenarios: vec![
                routes("ten", 10, count(10), State::Memory),
                routes("thousand", 1_000, count(1_000), State::Memory),
                routes("ten-thousand", 10_000, count(10_000), State::Memory),
                routes("ten-thousand", 10_000, count(10_000), State::Disk),
            ],
        },
        Group {
            title: "Routes of others",
            scenarios: [("main", MAIN), ("a table of their own", ELSEWHERE)]
                .into_iter()
                .flat_map(|table| {
                    [
                        ("ten", 10),
                        ("thousand", 1_000),
                        ("hundred-thousand", 100_000),
                        ("million", 1_000_000),
                    ]
                    .map(|(name, number)| foreign(name, number, count(number), table))
                })
                .collect(),
        },
        Group {
            title: "Starting, and reading a profile",
            scenarios: vec![
                start(),
                lines("ten", 10, count(10)),
                lines("thousand", 1_000, count(1_000)),
                lines("ten-thousand", 10_000, count(10_000)),
            ],
        },
    ]
}

fn office(state: State) -> Scenario {
    let on = match state {
        State::Memory => "in memory",
        State::Disk => "on a disk",
    };
    let mut rows = vec![
        row(Step::Apply, format!("apply, {on}"), Some(2.0)),
        row(Step::Rollback, format!("rollback, {on}"), Some(2.5)),
    ];
    if state == State::Memory {
        let looks = [(Step::Plan, 2.0), (Step::PlanAgain, 2.0), (Step::Same, 2.5)];
        for (at, (step, limit)) in looks.into_iter().enumerate() {
            rows.insert(at, row(step, step.name(), Some(limit)));
        }
    }
    Scenario {
        name: format!("small {on}").replace(' ', "-"),
        rounds: 61,
        warm_up: 3,
        rows,
        peers: vec![(Shell, 1), (Vpnc, 3), (WgQuick, 3)],
        memory: 6 * MB,
        ..quiet(Declared::Office, state)
    }
}

fn routes(name: &str, number: usize, count: usize, state: State) -> Scenario {
    let many = number == 10_000;
    let limit = |step| match step {
        Step::ApplyAlone if many => Some(1.6),
        Step::Rollback if many => Some(1.4),
        Step::Same if many => Some(4.0),
        _ => None,
    };
    let steps: &[Step] = match (state, number) {
        // Ten lines are read in less time than a start differs by.
        (State::Memory, 10) => &[Step::Plan, Step::Apply, Step::Same, Step::Rollback],
        (State::Memory, _) => &[
            Step::Plan,
            Step::Apply,
            Step::ApplyAlone,
            Step::Same,
            Step::Rollback,
        ],
        (State::Disk, _) => &[Step::Apply, Step::ApplyAlone, Step::Rollback],
    };
    let label = |step: Step| match state {
        State::Memory => format!("{} routes: {}", grouped(number), step.name()),
        State::Disk => format!("{} routes, on a disk: {}", grouped(number), step.name()),
    };
    let slow = if number == 10 { 1 } else { 5 };
    let mut peers = vec![(Batch, 1), (BatchRead, 1), (Nmstate, slow)];
    // Ten thousand processes take half a minute, which says no more than a thousand.
    if !many {
        peers.push((Shell, slow));
    }
    Scenario {
        name: match state {
            State::Memory => format!("routes-{name}"),
            State::Disk => format!("routes-{name}-on-a-disk"),
        },
        rounds: if many { 21 } else { 31 },
        rows: steps
            .iter()
            .map(|&step| row(step, label(step), limit(step)))
            .collect(),
        aside: &[Step::Start, Step::Check],
        peers,
        memory: if number == 10 { 6 * MB } else { 20 * MB },
        ..quiet(Declared::Routes(count), state)
    }
}

fn foreign(name: &str, number: usize, count: usize, (place, table): (&str, u32)) -> Scenario {
    let million = number == 1_000_000;
    let steps = [Step::Plan, Step::Apply, Step::Same, Step::Rollback];
    let label = |step: Step| format!("{} in {place}: {}", grouped(number), step.name());
    let limit = |step| (million && step == Step::Plan).then_some(2.5);
    Scenario {
        name: format!("foreign-{name}-{}", place.replace(' ', "-")),
        foreign: Some((count, table)),
        rounds: if number > 1_000 { 21 } else { 31 },
        time: Duration::from_secs(if million && table == MAIN { 240 } else { 60 }),
        rows: steps.map(|step| row(step, label(step), limit(step))).into(),
        peers: vec![(Shell, if million && table == MAIN { 7 } else { 1 })],
        memory: if number > 1_000 { 12 * MB } else { 6 * MB },
        ..quiet(Declared::Office, State::Memory)
    }
}

fn start() -> Scenario {
    Scenario {
        name: "start".to_owned(),
        rows: vec![row(Step::Start, "start, and end", None)],
        peers: vec![(Ip, 1)],
        rounds: 61,
        ..quiet(Declared::Routes(1), State::Memory)
    }
}

fn lines(name: &str, number: usize, count: usize) -> Scenario {
    let label = format!("check, {} lines", grouped(number));
    Scenario {
        name: format!("lines-{name}"),
        rows: vec![row(Step::Check, label, None)],
        rounds: 61,
        memory: if number > 1_000 { 20 * MB } else { 6 * MB },
        ..quiet(Declared::Routes(count), State::Memory)
    }
}

/// Of which each scenario says what is its own.
fn quiet(declared: Declared, state: State) -> Scenario {
    Scenario {
        name: String::new(),
        declared,
        foreign: None,
        state,
        rounds: 21,
        time: Duration::from_secs(60),
        warm_up: 1,
        rows: Vec::new(),
        aside: &[],
        peers: Vec::new(),
        memory: 6 * MB,
    }
}

fn row(step: Step, label: impl Into<String>, limit: Option<f64>) -> Row {
    Row {
        label: label.into(),
        step,
        limit,
    }
}

/// A number as people read it.
fn grouped(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}
