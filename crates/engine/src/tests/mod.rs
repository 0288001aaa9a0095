//! The engine against a simulated system and a simulated disk.
//!
//! - `world`: both simulations, with a fault at any step, and power cuts
//! - `machine`: the machines, a Linux and a Mac: each law is of both
//! - `profiles`: small plans for them, drawn at random
//! - `laws`: what must hold for every plan
//! - `crashes`: a kill or a power cut at every step, and at every step of recovering
//! - `faults`: a failing call at every step; what the reports say
//! - `boots`: what outlives a boot and what does not, and a configd that starts anew
//! - `halves`: changes that were made in part, and what nobody can tell whose it is
//! - `settings`: what a transaction changes a part of
//! - `framing`: the bytes of a journal, torn, cut and overwritten
//! - `folders`: the state folder on a real file system
//! - `runs`: lists whose neighbours are alike

mod boots;
mod crashes;
mod faults;
mod folders;
mod framing;
mod halves;
mod laws;
mod machine;
mod profiles;
mod runs;
mod secrets;
mod settings;
mod world;

/// As many cases as PROPTEST_CASES says, or `enough` for every change.
fn cases(enough: u32) -> proptest::prelude::ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let cases = asked.and_then(|text| text.parse().ok()).unwrap_or(enough);
    proptest::prelude::ProptestConfig::with_cases(cases)
}
