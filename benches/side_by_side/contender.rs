//! Who does it, and with which words.

use std::fs::File;
use std::path::Path;

use super::harness::{NETPROF, outside};
use super::scenario::{Declared, Scenario, Step};

/// The program to compare with, inside.
pub(crate) const FLOOR: &str = "/usr/local/bin/floor";
/// The state folders that are in memory.
pub(crate) const IN_MEMORY: &str = "/var/lib";
/// Where scripts and profiles are, inside.
pub(crate) const FILES: &str = "/srv";

const NMSTATECTL: &str = "/usr/local/bin/nmstatectl";

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// By hand.
    Floor,
    Netprof,
    /// One command after the other.
    Shell,
    /// `ip -batch`.
    Batch,
    /// The same, and `ip route show` afterwards.
    BatchRead,
    Vpnc,
    WgQuick,
    Nmstate,
    /// `ip`, just started.
    Ip,
}

impl Contender {
    pub(crate) const PEERS: [Self; 7] = [
        Self::Shell,
        Self::Batch,
        Self::BatchRead,
        Self::Vpnc,
        Self::WgQuick,
        Self::Nmstate,
        Self::Ip,
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Floor, Self::Netprof].into_iter().chain(Self::PEERS)
    }

    /// As people know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Netprof => "netprof",
            Self::Shell => "shell",
            Self::Batch => "`ip -batch`",
            Self::BatchRead => "`ip -batch`, read back",
            Self::Vpnc => "vpnc-script",
            Self::WgQuick => "wg-quick",
            Self::Nmstate => "nmstatectl",
            Self::Ip => "`ip -V`",
        }
    }

    /// Why it cannot take part here.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let has = |program: &str| Path::new("/usr/bin").join(program).exists();
        let here = match self {
            Self::Vpnc => has("/usr/share/vpnc-scripts/vpnc-script"),
            Self::WgQuick => has("wg-quick") && has("wireguard-go"),
            Self::Nmstate => outside().nmstatectl.is_some(),
            _ => true,
        };
        if !here {
            return Some("not installed");
        }
        let tun = || File::options().read(true).write(true).open("/dev/net/tun");
        match self {
            Self::Vpnc | Self::WgQuick if tun().is_err() => Some("no tun here"),
            _ => None,
        }
    }

    /// What it runs, where this is something that it does.
    pub(crate) fn line(self, step: Step, scenario: &Scenario, state: &str) -> Option<String> {
        match self {
            Self::Floor => floor(step, scenario, state),
            Self::Netprof => netprof(step, scenario),
            Self::Shell => shell(step, scenario),
            Self::Ip => (step == Step::Start).then(|| "ip -V".to_owned()),
            Self::Batch | Self::BatchRead => {
                let file = match step {
                    Step::Apply => "add",
                    Step::Same => "replace",
                    Step::Rollback => "del",
                    _ => return None,
                };
                Some(match self {
                    Self::Batch => format!("ip -batch {FILES}/{file}.batch"),
                    _ => format!("sh -e {FILES}/batch.sh {FILES}/{file}.batch"),
                })
            }
            Self::Vpnc => forth_or_back(step, "connect", "disconnect")
                .map(|word| format!("sh -e {FILES}/vpnc.sh {word}")),
            Self::WgQuick => {
                forth_or_back(step, "up", "down").map(|word| format!("sh -e {FILES}/wg.sh {word}"))
            }
            Self::Nmstate => match (step, scenario.declared) {
                (Step::Plan, Declared::Routes(_)) => {
                    Some(format!("sh -e {FILES}/nmstate.sh {FILES}/present.yml"))
                }
                (Step::Apply | Step::Same, Declared::Routes(_)) => {
                    Some(format!("{NMSTATECTL} apply -k {FILES}/present.yml"))
                }
                (Step::Rollback, Declared::Routes(_)) => {
                    Some(format!("{NMSTATECTL} apply -k {FILES}/absent.yml"))
                }
                _ => None,
            },
        }
    }

    /// What somebody else does before it can begin, and after it has ended: a VPN client
    /// makes the link before it calls its script.
    pub(crate) fn around(self) -> Option<[&'static str; 2]> {
        (self == Self::Vpnc).then_some([
            "ip tuntap add dev tun0 mode tun",
            "ip tuntap del dev tun0 mode tun",
        ])
    }
}

fn floor(step: Step, scenario: &Scenario, state: &str) -> Option<String> {
    let profile = profile(scenario);
    let state = format!("{state}/floor");
    let words = match (step, scenario.declared) {
        (Step::Start, _) => "nothing".to_owned(),
        (Step::Check, _) => format!("read {profile}"),
        (Step::Plan | Step::PlanAgain, Declared::Office) => format!("plan {profile}"),
        (Step::Same, Declared::Office) => format!("same {profile} {state}"),
        (Step::Apply, Declared::Office) => format!("apply {profile} {state}"),
        (Step::Rollback, Declared::Office) => format!("undo {profile} {state}"),
        (Step::Plan | Step::PlanAgain, Declared::Routes(_)) => format!("many plan {profile}"),
        (Step::Same, Declared::Routes(count)) => format!("many dump {count}"),
        (Step::Apply, Declared::Routes(count)) => format!("many apply {count} {profile} {state}"),
        (Step::Rollback, Declared::Routes(count)) => format!("many undo {count} {profile} {state}"),
        (Step::ApplyAlone, _) => return None,
    };
    Some(format!("{FLOOR} {words}"))
}

fn netprof(step: Step, scenario: &Scenario) -> Option<String> {
    // As a person would: by name where it is one of theirs.
    let profile = match scenario.declared {
        Declared::Office => "office".to_owned(),
        Declared::Routes(_) => profile(scenario),
    };
    Some(match step {
        Step::Start => format!("{NETPROF} --version"),
        Step::Check => format!("{NETPROF} check {profile}"),
        Step::Plan | Step::PlanAgain => format!("{NETPROF} plan {profile}"),
        Step::Apply | Step::Same => format!("{NETPROF} apply {profile}"),
        Step::Rollback => format!("{NETPROF} rollback"),
        Step::ApplyAlone => return None,
    })
}

fn shell(step: Step, scenario: &Scenario) -> Option<String> {
    let names = match scenario.declared {
        Declared::Office => "office",
        Declared::Routes(_) => "routes",
    };
    Some(match step {
        Step::Plan | Step::PlanAgain | Step::Same => format!("sh -e {FILES}/look.sh {names}"),
        Step::Apply => format!("sh -e {FILES}/{names}-apply.sh"),
        Step::Rollback => format!("sh -e {FILES}/{names}-undo.sh"),
        _ => return None,
    })
}

fn forth_or_back(step: Step, forth: &'static str, back: &'static str) -> Option<&'static str> {
    match step {
        Step::Apply => Some(forth),
        Step::Rollback => Some(back),
        _ => None,
    }
}

/// Where the profile is.
fn profile(scenario: &Scenario) -> String {
    match scenario.declared {
        Declared::Office => "/root/.config/netprof/profiles/office.kdl".to_owned(),
        Declared::Routes(_) => format!("{FILES}/routes.kdl"),
    }
}
