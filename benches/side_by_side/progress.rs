//! How far it is, for a person who waits at a terminal.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::figures::Figure;
use super::matrix::matrix;
use super::settings::Settings;

/// Runs `body`, and shows meanwhile what it has written to `figures`.
pub(crate) fn shown<T>(settings: &Settings, figures: &Path, body: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return body();
    }
    std::thread::scope(|scope| {
        let (over, is_over) = mpsc::channel::<()>();
        scope.spawn(move || {
            while is_over.recv_timeout(Duration::from_millis(300)) == Err(RecvTimeoutError::Timeout)
            {
                show(settings, figures);
            }
            eprint!("\r\x1b[K");
        });
        let result = body();
        drop(over);
        result
    })
}

fn show(settings: &Settings, figures: &Path) {
    let text = fs::read_to_string(figures).unwrap_or_default();
    let Some(last) = text.lines().rev().find_map(Figure::parse) else {
        return;
    };
    let mut all = matrix(settings.small)
        .into_iter()
        .flat_map(|group| group.scenarios);
    let wanted: Vec<_> = all.by_ref().filter(|one| settings.takes(one)).collect();
    let Some(at) = wanted.iter().position(|one| one.name == last.scenario) else {
        return;
    };
    eprint!(
        "\r\x1b[K{} of {}: {}, round {} of {}",
        at + 1,
        wanted.len(),
        last.scenario,
        last.round + 1,
        settings.rounds(&wanted[at])
    );
    let _ = std::io::stderr().flush();
}
