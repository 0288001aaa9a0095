//! What is measured, inside: each step by all contenders in turn, each from the same
//! state.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::time::Instant;

use super::contender::{Contender, FLOOR, IN_MEMORY};
use super::effect::{assert_foreign, assert_is};
use super::figures::Figure;
use super::files;
use super::harness::{Lab, Office, outside};
use super::matrix::matrix;
use super::scenario::{Scenario, State, Step};

/// In the order in which they can follow each other.
const STANDING: [Step; 3] = [Step::Start, Step::Check, Step::Plan];
const CHANGING: [Step; 4] = [Step::Apply, Step::PlanAgain, Step::Same, Step::Rollback];

/// All of it.
pub(crate) fn measure(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    files::install(lab);
    let settings = &outside().settings;
    for group in matrix(settings.small) {
        let mut peers = group.peers();
        peers.retain(|&peer| match peer.missing() {
            Some(why) => {
                note(&format!("missing\t{}\t{why}", peer.name()));
                false
            }
            None => true,
        });
        if peers.contains(&Contender::WgQuick) {
            files::write_wireguard(lab);
        }
        for scenario in group.scenarios.iter().filter(|one| settings.takes(one)) {
            Machine::new(lab, scenario, &peers).measure();
        }
    }
}

/// A scenario under way.
struct Machine<'a> {
    lab: &'a Lab,
    scenario: &'a Scenario,
    /// Who takes part, and in each how manieth round.
    contenders: Vec<(Contender, usize)>,
    state: String,
}

impl<'a> Machine<'a> {
    fn new(lab: &'a Lab, scenario: &'a Scenario, present: &[Contender]) -> Self {
        let mut contenders = vec![(Contender::Floor, 1), (Contender::Netprof, 1)];
        let peers = scenario.peers.iter().copied();
        contenders.extend(peers.filter(|(peer, _)| present.contains(peer)));
        let state = match scenario.state {
            State::Memory => IN_MEMORY.to_owned(),
            // The disk is outside of this root: only an open folder leads there.
            State::Disk => {
                let disk = outside().disk.as_raw_fd();
                format!("/proc/{}/fd/{disk}", std::process::id())
            }
        };
        Self {
            lab,
            scenario,
            contenders,
            state,
        }
    }

    fn measure(&self) {
        files::write(self.lab, self.scenario);
        if let Some((count, table)) = self.scenario.foreign {
            self.lab
                .run(&format!("{FLOOR} foreign add {count} {table}"));
            assert_foreign(self.lab, count, table);
        }
        let small = outside().settings.small;
        let warm_up = if small { 0 } else { self.scenario.warm_up };
        for round in 0..warm_up {
            self.round(round, false, true);
        }
        let started = Instant::now();
        for round in 0..outside().settings.rounds(self.scenario) {
            if started.elapsed() < self.scenario.time {
                self.round(round, true, small);
            }
        }
        if let Some((count, table)) = self.scenario.foreign {
            self.lab
                .run(&format!("{FLOOR} foreign del {count} {table}"));
        }
        for owner in ["floor", "netprof"] {
            // Journals of many routes add up.
            let _ = fs::remove_dir_all(format!("{}/{owner}", self.state));
        }
    }

    fn round(&self, round: usize, counts: bool, checks: bool) {
        let mut contenders: Vec<Contender> = self
            .contenders
            .iter()
            .filter(|(_, each)| round.is_multiple_of(*each))
            .map(|(contender, _)| *contender)
            .collect();
        // Whoever is first finds other caches than who comes after.
        if round % 2 == 1 {
            contenders.reverse();
        }
        let run = |contender: Contender, step| {
            let Some(line) = contender.line(step, self.scenario, &self.state) else {
                return;
            };
            let (nanoseconds, kibibytes) = self.run(&line);
            if counts {
                let figure = Figure {
                    scenario: self.scenario.name.clone(),
                    step,
                    round,
                    contender,
                    nanoseconds,
                    kibibytes,
                };
                note(&figure.line());
            }
        };
        let check = |contender, on| {
            if checks {
                assert_is(self.lab, self.scenario, contender, on);
            }
        };
        for step in STANDING
            .into_iter()
            .filter(|&step| self.scenario.times(step))
        {
            for &contender in &contenders {
                run(contender, step);
            }
        }
        let changes = |one: &Contender| {
            let line = one.line(Step::Apply, self.scenario, &self.state);
            line.is_some() && self.scenario.times(Step::Apply)
        };
        for contender in contenders.into_iter().filter(changes) {
            let [before, after] = contender.around().map_or([None, None], |two| two.map(Some));
            before.map(|line| self.lab.run(line));
            check(contender, false);
            for step in CHANGING
                .into_iter()
                .filter(|&step| self.scenario.times(step))
            {
                run(contender, step);
                check(contender, step != Step::Rollback);
            }
            after.map(|line| self.lab.run(line));
        }
    }

    /// Runs a line by the stopwatch of the floor.
    fn run(&self, line: &str) -> (u64, u64) {
        // It panics outside of the namespaces, where nothing of this may run.
        drop(self.lab.netprof_command(""));
        // A file: a daemon that stays would hold a pipe open.
        let log = File::options()
            .create(true)
            .append(true)
            .open("/logs/measured.log");
        let output = self
            .lab
            .command(&format!("{FLOOR} --time {line}"))
            .env("NETPROF_STATE_DIR", format!("{}/netprof", self.state))
            .stderr(log.map_or_else(|_| Stdio::null(), Stdio::from))
            .output()
            .expect("the stopwatch can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers = text.split_whitespace().map(str::parse);
        match (output.status.success(), numbers.next(), numbers.next()) {
            (true, Some(Ok(nanoseconds)), Some(Ok(kibibytes))) => (nanoseconds, kibibytes),
            _ => panic!("{}: {line}: {}\n{text}", self.scenario.name, output.status),
        }
    }
}

/// Tells the process outside.
fn note(line: &str) {
    let mut to = &outside().figures;
    writeln!(to, "{line}").expect("figures can be written");
}
