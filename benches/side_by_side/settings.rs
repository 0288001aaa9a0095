//! What was asked for on the command line, in a form that goes inside as a file: the
//! process there starts without arguments and without an environment.

use std::path::{Path, PathBuf};

use super::scenario::Scenario;

/// What is measured, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Only scenarios with one of these in their name.
    filters: Vec<String>,
    /// So many rounds of each, instead of its own number.
    rounds: Option<usize>,
    /// A hundred of what there should be a million of: to see that all of it works.
    pub(crate) small: bool,
    /// Write the tables to docs/performance.md.
    pub(crate) write: bool,
    /// Whether cargo wants a measurement, or a test: then limits do not count.
    pub(crate) measurement: bool,
    pub(crate) nmstatectl: Option<PathBuf>,
}

impl Settings {
    /// Of the command line. A test gets whatever libtest would have got; what is nothing
    /// to us is passed over.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let arguments: Vec<String> = arguments.collect();
        let mut settings = Self {
            measurement: arguments.iter().any(|argument| argument == "--bench"),
            nmstatectl: on_path("nmstatectl"),
            ..Self::default()
        };
        if !settings.measurement {
            settings.rounds = Some(1);
            settings.small = true;
        }
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--small" => settings.small = true,
                "--write" => settings.write = true,
                "--rounds" => {
                    let number = arguments.next().and_then(|word| word.parse().ok());
                    settings.rounds =
                        Some(number.filter(|&n| n > 0).ok_or("--rounds needs a number")?);
                }
                option if option.starts_with('-') => {
                    if settings.measurement {
                        return Err(format!(
                            "{option}: there are --rounds N, --small and --write"
                        ));
                    }
                }
                filter => settings.filters.push(filter.to_owned()),
            }
        }
        if settings.write
            && (settings.small || settings.rounds.is_some() || !settings.filters.is_empty())
        {
            return Err("what is written is all of it: --write goes with nothing else".to_owned());
        }
        Ok(settings)
    }

    pub(crate) fn takes(&self, scenario: &Scenario) -> bool {
        let name = scenario.name.as_str();
        self.filters.is_empty()
            || self
                .filters
                .iter()
                .any(|filter| name.contains(filter.as_str()))
    }

    pub(crate) fn rounds(&self, scenario: &Scenario) -> usize {
        self.rounds.unwrap_or(scenario.rounds)
    }

    /// How many rounds there must be: who asks for fewer gets fewer.
    pub(crate) fn least(&self, rounds: usize) -> usize {
        self.rounds.map_or(rounds, |asked| rounds.min(asked))
    }

    /// For [`Settings::from_lines`].
    pub(crate) fn lines(&self) -> String {
        let mut all = format!("small {}\n", self.small);
        for filter in &self.filters {
            all += &format!("filter {filter}\n");
        }
        if let Some(rounds) = self.rounds {
            all += &format!("rounds {rounds}\n");
        }
        if let Some(path) = &self.nmstatectl {
            all += &format!("nmstatectl {}\n", path.display());
        }
        all
    }

    pub(crate) fn from_lines(text: &str) -> Self {
        let mut settings = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            match name {
                "small" => settings.small = value == "true",
                "filter" => settings.filters.push(value.to_owned()),
                "rounds" => settings.rounds = value.parse().ok(),
                "nmstatectl" => settings.nmstatectl = Some(value.into()),
                _ => {}
            }
        }
        settings
    }
}

/// Where this machine has a program that the trees do not have.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut all = std::env::split_paths(&path).map(|folder| folder.join(program));
    all.find(|file: &PathBuf| Path::is_file(file))
}
