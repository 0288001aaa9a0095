//! The tables of docs/clients.md: what was seen at which stage.
//!
//! A test compares its table with the page's. Where `tests/clients --write` runs it, it
//! prints it instead, and the process outside of the namespaces writes it to a file.

use std::fmt::Write;

use super::stages::Seen;
use super::trial::{TABLE_LINE, TABLES};

/// A table as it grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StageTable(String);

impl StageTable {
    pub(crate) fn new(title: &str) -> Self {
        Self(format!(
            "### {title}\n\n\
             | stage | LAN | localhost | corp names | other names | other traffic | left over |\n\
             |--|--|--|--|--|--|--|\n"
        ))
    }

    pub(crate) fn add(&mut self, stage: &str, seen: &Seen, left_over: &str) {
        let _ = writeln!(
            self.0,
            "| {stage} | {} | {} | {} | {} | {} | {left_over} |",
            seen.lan, seen.localhost, seen.corp_names, seen.other_names, seen.other_traffic,
        );
    }

    /// Panics unless a page has this table; or prints it, and with what it ran, for who
    /// writes the page.
    #[track_caller]
    pub(crate) fn compare_with(&self, page: &str, versions: &str) {
        if std::env::var_os(TABLES).is_some() {
            let text = format!("{}\nWith {versions}.\n", self.0);
            for line in text.lines() {
                println!("{TABLE_LINE}{line}");
            }
            return;
        }
        assert!(
            page.contains(&self.0),
            "docs/clients.md does not have this; if it is right: tests/clients --write\n\n{}",
            self.0
        );
    }
}
