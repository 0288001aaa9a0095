//! Figures, and what is made of them: medians, and medians of the ratios of runs of the
//! same round. A busy machine slows both of a pair.

use super::contender::Contender;
use super::scenario::Step;

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) scenario: String,
    pub(crate) step: Step,
    pub(crate) round: usize,
    pub(crate) contender: Contender,
    pub(crate) nanoseconds: u64,
    pub(crate) kibibytes: u64,
}

impl Figure {
    pub(crate) fn line(&self) -> String {
        let (step, contender) = (self.step.name(), self.contender.name());
        format!(
            "{}\t{step}\t{}\t{contender}\t{}\t{}",
            self.scenario, self.round, self.nanoseconds, self.kibibytes
        )
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split('\t');
        let mut next = || words.next();
        let (scenario, step, round, name) = (next()?, next()?, next()?, next()?);
        Some(Self {
            scenario: scenario.to_owned(),
            step: Step::ALL.into_iter().find(|one| one.name() == step)?,
            round: round.parse().ok()?,
            contender: Contender::all().find(|one| one.name() == name)?,
            nanoseconds: next()?.parse().ok()?,
            kibibytes: next()?.parse().ok()?,
        })
    }
}

/// All that came out.
pub(crate) struct Figures {
    all: Vec<Figure>,
    /// Who was not there, and why.
    missing: Vec<(String, String)>,
}

impl Figures {
    pub(crate) fn parse(text: &str) -> Self {
        let missing = |line: &str| {
            let (name, why) = line.strip_prefix("missing\t")?.split_once('\t')?;
            Some((name.to_owned(), why.to_owned()))
        };
        Self {
            all: text.lines().filter_map(Figure::parse).collect(),
            missing: text.lines().filter_map(missing).collect(),
        }
    }

    pub(crate) fn missing(&self, contender: Contender) -> Option<&str> {
        let found = self
            .missing
            .iter()
            .find(|(name, _)| name == contender.name());
        found.map(|(_, why)| why.as_str())
    }

    /// How long each run took, in nanoseconds, with its round.
    pub(crate) fn times(&self, scenario: &str, step: Step, by: Contender) -> Vec<(usize, f64)> {
        if step != Step::ApplyAlone || by == Contender::Floor {
            let step = if step == Step::ApplyAlone {
                Step::Apply
            } else {
                step
            };
            let of = self.of(scenario, step, by);
            return of.map(|one| (one.round, one.nanoseconds as f64)).collect();
        }
        let of = |step| self.times(scenario, step, by);
        let (check, start) = (of(Step::Check), of(Step::Start));
        let reading = paired(&check, &start, |check, start| check - start);
        paired(&of(Step::Apply), &reading, |apply, reading| apply - reading)
    }

    /// The highest peak of all runs, in bytes.
    pub(crate) fn peak(&self, scenario: &str, step: Step, by: Contender) -> u64 {
        let peaks = self.of(scenario, step, by).map(|one| one.kibibytes * 1024);
        peaks.max().unwrap_or_default()
    }

    fn of(&self, scenario: &str, step: Step, by: Contender) -> impl Iterator<Item = &Figure> {
        self.all
            .iter()
            .filter(move |one| one.scenario == scenario && one.step == step && one.contender == by)
    }
}

/// A median, and the middle half around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of as many values as there are; none has none.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |quarters: usize| {
            let at = last * quarters;
            let (below, part) = (values[at / 4], (at % 4) as f64 / 4.0);
            below + part * (values[(at / 4 + 1).min(last)] - below)
        };
        Some(Self {
            low: at(1),
            median: at(2),
            high: at(3),
        })
    }

    /// Of the ratios of pairs of the same round.
    pub(crate) fn of_ratios(these: &[(usize, f64)], to: &[(usize, f64)]) -> Option<Self> {
        let ratios = paired(these, to, |this, to| this / to);
        Self::of(ratios.into_iter().map(|(_, ratio)| ratio))
    }
}

fn paired(
    these: &[(usize, f64)],
    others: &[(usize, f64)],
    both: impl Fn(f64, f64) -> f64,
) -> Vec<(usize, f64)> {
    let pair = |&(round, this): &(usize, f64)| {
        let (_, other) = others.iter().find(|(other, _)| *other == round)?;
        Some((round, both(this, *other)))
    };
    these.iter().filter_map(pair).collect()
}
