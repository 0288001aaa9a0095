//! Figures, and what is made of them: medians, and medians of the ratios of runs that
//! were made one after the other. A busy machine slows both of a pair.

use std::fmt::Write;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// By hand.
    Floor,
    /// netprof.
    Netprof,
    /// By shell commands.
    Shell,
}

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Floor, Self::Netprof, Self::Shell];

    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Netprof => "netprof",
            Self::Shell => "shell",
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) case: String,
    pub(crate) round: usize,
    pub(crate) contender: Contender,
    pub(crate) nanoseconds: u64,
    pub(crate) kibibytes: u64,
}

impl Figure {
    pub(crate) fn line(&self) -> String {
        format!(
            "{}\t{}\t{}\t{}\t{}",
            self.case,
            self.round,
            self.contender.name(),
            self.nanoseconds,
            self.kibibytes
        )
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split('\t');
        let mut next = || words.next();
        let (case, round, name) = (next()?, next()?, next()?);
        Some(Self {
            case: case.to_owned(),
            round: round.parse().ok()?,
            contender: Contender::ALL.into_iter().find(|one| one.name() == name)?,
            nanoseconds: next()?.parse().ok()?,
            kibibytes: next()?.parse().ok()?,
        })
    }
}

/// What became of one case.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) runs: usize,
    /// Of netprof and of the shell, to the floor.
    pub(crate) to_floor: [f64; 2],
    /// Of the shell, to netprof.
    pub(crate) shell_to_netprof: f64,
    /// In milliseconds, as [`Contender::ALL`].
    pub(crate) medians: [f64; 3],
    /// The highest peak of all runs, in KiB.
    pub(crate) peaks: [u64; 3],
}

/// One row for each case, in their order.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let figures: Vec<Figure> = text.lines().filter_map(Figure::parse).collect();
    let mut names: Vec<&str> = Vec::new();
    for figure in &figures {
        if !names.contains(&figure.case.as_str()) {
            names.push(&figure.case);
        }
    }
    names.into_iter().map(|name| row(name, &figures)).collect()
}

fn row(name: &str, figures: &[Figure]) -> Row {
    let of = |contender| -> Vec<&Figure> {
        let mut all: Vec<&Figure> = figures
            .iter()
            .filter(|one| one.case == name && one.contender == contender)
            .collect();
        all.sort_by_key(|one| one.round);
        all
    };
    let all = Contender::ALL.map(of);
    let ratio = |one: usize, other: usize| {
        let pairs = all[one].iter().zip(&all[other]);
        median(pairs.map(|(a, b)| a.nanoseconds as f64 / b.nanoseconds as f64))
    };
    Row {
        case: name.to_owned(),
        runs: all[0].len(),
        to_floor: [ratio(1, 0), ratio(2, 0)],
        shell_to_netprof: ratio(2, 1),
        medians: [0, 1, 2]
            .map(|at: usize| median(all[at].iter().map(|one| one.nanoseconds as f64 / 1e6))),
        peaks: [0, 1, 2].map(|at: usize| {
            let peaks = all[at].iter().map(|one| one.kibibytes);
            peaks.max().unwrap_or_default()
        }),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// What may not be exceeded.
const RATIO_LIMIT: f64 = 2.5;
const MEMORY_LIMIT: u64 = 12 * 1024;
const SIZE_LIMIT: u64 = 8 << 20;

/// The table, and what exceeds its limit.
pub(crate) fn table(rows: &[Row], size: u64) -> (String, Vec<String>) {
    let mut text = String::from(
        "| | netprof / floor | shell / floor | shell / netprof | floor ms | netprof ms | shell ms | peak of netprof | peak of the floor |\n|--|--|--|--|--|--|--|--|--|\n",
    );
    let mut over = Vec::new();
    for row in rows {
        let [netprof, shell] = row.to_floor;
        let [floor_ms, netprof_ms, shell_ms] = row.medians;
        let [floor_peak, peak, _] = row.peaks.map(|peak| peak as f64 / 1024.0);
        let _ = writeln!(
            text,
            "| {} | **{netprof:.2}** | {shell:.1} | {:.1} | {floor_ms:.2} | {netprof_ms:.2} | {shell_ms:.1} | {peak:.1} MiB | {floor_peak:.1} MiB |",
            row.case, row.shell_to_netprof
        );
        if netprof > RATIO_LIMIT {
            over.push(format!(
                "{}: {netprof:.2} times the floor; the limit is {RATIO_LIMIT}",
                row.case
            ));
        }
        if row.peaks[1] > MEMORY_LIMIT {
            over.push(format!(
                "{}: {peak:.1} MiB at its peak; the limit is {} MiB",
                row.case,
                MEMORY_LIMIT / 1024
            ));
        }
    }
    let runs = rows.first().map_or(0, |row| row.runs);
    let mebibytes = size as f64 / f64::from(1 << 20);
    let _ = writeln!(
        text,
        "\nThe program is {mebibytes:.1} MiB. {runs} runs of each, in turn."
    );
    if size > SIZE_LIMIT {
        over.push(format!(
            "the program is {mebibytes:.1} MiB; the limit is {} MiB",
            SIZE_LIMIT >> 20
        ));
    }
    (text, over)
}
