//! netprof beside the same work done by hand, and beside the programs that people use
//! for it today; in one run, in turn, in the private namespaces of the end-to-end tests.
//! `benches/run` runs it; `docs/performance.md` says what comes out of it.
//!
//! Times of a machine that others use say little; the ratio of two runs, made one right
//! after the other, says much. So the limits are ratios.
//!
//! As a test (`cargo test`) it runs all of it once and small, to see that it works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "this is a measurement: what does not work ends it, and figures are for people"
)]

#[cfg(target_os = "linux")]
mod contender;
#[cfg(target_os = "linux")]
mod effect;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod harness;
#[cfg(target_os = "linux")]
mod matrix;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod progress;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod settings;
#[cfg(target_os = "linux")]
mod table;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    report::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this measures Linux: nothing was measured");
}
