//! The tables of docs/clients.md: what was seen at which stage.
//!
//! A test compares its table with the page's, if it ran the versions that the page names;
//! with others it prints what it saw, and says that this was not compared. Where
//! `tests/clients --write` runs it, it prints it instead, and the process outside of the
//! namespaces writes it to a file.

use std::fmt::Write;

use super::stages::Seen;
use super::trial::{NOTE, TABLE_LINE, TABLES};

/// A table as it grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StageTable(String);

impl StageTable {
    /// With a column more for what `has` names.
    pub(crate) fn new(title: &str, has: Option<&str>) -> Self {
        let mut table = Self(format!("### {title}\n\n"));
        let heads = [
            "LAN",
            "localhost",
            "corp names",
            "other names",
            "other traffic",
        ];
        let columns = table.line("stage", heads, has, "left over");
        let _ = writeln!(table.0, "|{}", "--|".repeat(columns));
        table
    }

    pub(crate) fn add(&mut self, stage: &str, seen: &Seen, serves: Option<&str>, left_over: &str) {
        let cells = [
            &seen.lan,
            &seen.localhost,
            &seen.corp_names,
            &seen.other_names,
            &seen.other_traffic,
        ];
        self.line(stage, cells.map(String::as_str), serves, left_over);
    }

    /// Adds a line; how many cells it has.
    fn line(&mut self, first: &str, seen: [&str; 5], more: Option<&str>, last: &str) -> usize {
        let cells = [first].into_iter().chain(seen).chain(more).chain([last]);
        let cells: Vec<&str> = cells.collect();
        let _ = writeln!(self.0, "| {} |", cells.join(" | "));
        cells.len()
    }

    /// Panics unless a page that names these versions has this table; or prints it, and
    /// with what it ran, for who writes the page.
    #[track_caller]
    pub(crate) fn compare_with(&self, page: &str, versions: &str) {
        if std::env::var_os(TABLES).is_some() {
            let text = format!("{}\nWith {versions}.\n", self.0);
            for line in text.lines() {
                println!("{TABLE_LINE}{line}");
            }
            return;
        }
        match self.stands_in(page, versions) {
            Stands::AsIs => {}
            Stands::Otherwise => panic!(
                "docs/clients.md does not have this; if it is right: tests/clients --write\n\n{}",
                self.0
            ),
            Stands::OfOthers(known) => {
                println!(
                    "{NOTE}not compared with docs/clients.md: this ran {versions}, the page has {known}"
                );
                for line in self.0.lines().filter(|line| !page.contains(line)) {
                    println!("{NOTE}the page does not have: {line}");
                }
            }
        }
    }

    /// How a page has this table. What other versions do may differ, and is no fault of
    /// ours: only those that the page names are held to it.
    fn stands_in(&self, page: &str, versions: &str) -> Stands {
        let title = self.0.lines().next().unwrap_or_default();
        let mut lines = page.lines().skip_while(|line| *line != title).skip(1);
        let section = lines.by_ref().take_while(|line| !line.starts_with("### "));
        let known = section
            .filter_map(|line| line.strip_prefix("With ")?.strip_suffix('.'))
            .next();
        match known {
            Some(known) if known != versions => Stands::OfOthers(known.to_owned()),
            _ if page.contains(&self.0) => Stands::AsIs,
            _ => Stands::Otherwise,
        }
    }
}

/// How a page has a table.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    AsIs,
    /// Not at all, or with other cells.
    Otherwise,
    /// With what these versions do.
    OfOthers(String),
}

/// A table is held to the page for the versions that the page names.
pub(super) fn check() -> Result<(), String> {
    let table = |cell: &str| StageTable(format!("### One\n\n| a |\n|--|\n| {cell} |\n"));
    let page = "text\n\n### One\n\n| a |\n|--|\n| yes |\n\nWith thing 1.2.\n\n\
                ### Two\n\nWith thing 2.0.\n";
    let others = || Stands::OfOthers("thing 1.2".to_owned());
    for (cell, versions, stands) in [
        ("yes", "thing 1.2", Stands::AsIs),
        ("no", "thing 1.2", Stands::Otherwise),
        ("no", "thing 2.0", others()),
        ("yes", "thing 2.0", others()),
    ] {
        let found = table(cell).stands_in(page, versions);
        if found != stands {
            return Err(format!("{cell}, {versions}: {found:?}, not {stands:?}"));
        }
    }
    let unknown = StageTable("### Three\n".to_owned()).stands_in(page, "thing 2.0");
    match unknown {
        Stands::Otherwise => Ok(()),
        other => Err(format!("a table that is not there: {other:?}")),
    }
}
