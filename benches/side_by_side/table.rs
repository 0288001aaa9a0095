//! Tables of what came out, and what exceeds its limit.

use std::fmt::Write;

use super::contender::Contender;
use super::figures::{Figures, Spread};
use super::matrix::SIZE;
use super::scenario::{Group, Row, Scenario, Step};

/// One table for each group that was measured, and what is over a limit or was measured
/// in fewer than `least` rounds.
pub(crate) fn tables(
    groups: &[Group],
    figures: &Figures,
    size: u64,
    least: usize,
) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut over = Vec::new();
    for group in groups {
        let peers = group.peers();
        let mut lines = String::new();
        for scenario in &group.scenarios {
            for row in &scenario.rows {
                let one = Measured {
                    scenario,
                    row,
                    figures,
                };
                lines += &one.line(&peers, &mut over).unwrap_or_default();
            }
            let name = scenario.name.as_str();
            let first = scenario.rows.first().map(|row| row.step);
            let rounds = first.map(|step| figures.times(name, step, Contender::Netprof).len());
            if let Some(rounds @ 1..) = rounds
                && rounds < least
            {
                over.push(format!(
                    "{name}: {rounds} rounds in the time it has; fewer than {least} tell nothing"
                ));
            }
        }
        if lines.is_empty() {
            continue;
        }
        let names: String = peers
            .iter()
            .map(|peer| format!(" {} |", peer.name()))
            .collect();
        let _ = write!(
            text,
            "**{}**\n\n| | netprof / floor | floor ms | netprof ms | peak MB | rounds |{names}\n|--|--|--|--|--|--|{}\n{lines}\n",
            group.title,
            "--|".repeat(peers.len())
        );
    }
    let sign = sign(size <= SIZE);
    let (size, limit) = (mb(size), mb(SIZE));
    let _ = writeln!(text, "The program is {size:.1} {sign} {limit:.0} MB.");
    if sign == OVER {
        over.push(format!(
            "the program is {size:.2} MB; the limit is {limit:.0} MB"
        ));
    }
    (text, over)
}

/// A row and all that is known of it.
struct Measured<'a> {
    scenario: &'a Scenario,
    row: &'a Row,
    figures: &'a Figures,
}

impl Measured<'_> {
    fn line(&self, peers: &[Contender], over: &mut Vec<String>) -> Option<String> {
        let (row, label) = (self.row, self.row.label.as_str());
        let (floor, netprof) = (self.times(Contender::Floor), self.times(Contender::Netprof));
        let ratio = Spread::of_ratios(&netprof, &floor)?;
        let mut cells = vec![label.to_owned()];
        cells.push(match row.limit {
            None => format!("**{:.2}**", ratio.median),
            Some(limit) => {
                let sign = sign(ratio.median <= limit);
                if sign == OVER {
                    over.push(format!(
                        "{label}: {:.2} times the floor (half of the runs {:.2} to {:.2}); the limit is {limit}",
                        ratio.median, ratio.low, ratio.high
                    ));
                }
                format!("**{:.2}** {sign} {limit:.1}", ratio.median)
            }
        });
        for times in [&floor, &netprof] {
            let middle = Spread::of(times.iter().map(|(_, time)| time / 1e6))?.median;
            cells.push(short(middle));
        }
        cells.push(self.peak(over));
        cells.push(netprof.len().to_string());
        for &peer in peers {
            cells.push(self.beside(peer, &netprof, over));
        }
        Some(format!("| {} |\n", cells.join(" | ")))
    }

    fn peak(&self, over: &mut Vec<String>) -> String {
        // What is not run has no memory of its own.
        if self.row.step == Step::ApplyAlone {
            return "–".to_owned();
        }
        let name = self.scenario.name.as_str();
        let peak = self.figures.peak(name, self.row.step, Contender::Netprof);
        let sign = sign(peak <= self.scenario.memory);
        let (peak, limit) = (mb(peak), mb(self.scenario.memory));
        if sign == OVER {
            let label = &self.row.label;
            over.push(format!(
                "{label}: {peak:.1} MB at its peak; the limit is {limit:.0} MB"
            ));
        }
        format!("{peak:.1} {sign} {limit:.0}")
    }

    /// How many times as long as netprof a peer takes.
    fn beside(&self, peer: Contender, netprof: &[(usize, f64)], over: &mut Vec<String>) -> String {
        let Some(ratio) = Spread::of_ratios(&self.times(peer), netprof) else {
            let takes_part = self.scenario.peers.iter().any(|(one, _)| *one == peer);
            let does_it = takes_part && peer.line(self.row.step, self.scenario, "").is_some();
            let missing = self.figures.missing(peer).filter(|_| does_it);
            return missing.unwrap_or("–").to_owned();
        };
        if ratio.median < 1.0 {
            over.push(format!(
                "{}: {} takes {:.2} times as long as netprof (half of the runs {:.2} to {:.2}); it may not be faster",
                self.row.label, peer.name(), ratio.median, ratio.low, ratio.high
            ));
        }
        match ratio.median < 1.0 {
            true => format!("**{:.2}** < 1", ratio.median),
            false => short(ratio.median),
        }
    }

    fn times(&self, by: Contender) -> Vec<(usize, f64)> {
        self.figures.times(&self.scenario.name, self.row.step, by)
    }
}

const WITHIN: &str = "≤";
const OVER: &str = ">";

fn sign(within: bool) -> &'static str {
    if within { WITHIN } else { OVER }
}

/// Three digits, as far as there are that many before the point.
fn short(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// In megabytes of a million bytes.
fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
