//! What is measured, inside: each case by three contenders in turn, each from the same
//! state.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use super::figures::{Contender, Figure};
use super::harness::{Lab, NETPROF, Office, outside};

/// Rounds that are not counted: caches, and a check that each did what it says.
const WARM_UP: usize = 3;
const ROUNDS: usize = 61;

const FLOOR: &str = "/usr/local/bin/floor";
const PROFILE: &str = "/root/.config/netprof/profiles/office.kdl";
const IN_MEMORY: &str = "/var/lib";

/// A program to be run: its words, and where netprof keeps its state.
type Step = (String, String);

struct Case {
    name: &'static str,
    /// What is timed, and what is run before and after without being timed.
    timed: [Step; 3],
    before: Option<[Step; 3]>,
    after: Option<[Step; 3]>,
    /// Whether the profile is applied while the case is measured.
    on: bool,
}

/// All of it.
pub(crate) fn measure(lab: &Lab) {
    let office = Office::new(lab);
    let _resolver = office.start_resolver();
    install_floor();
    lab.write_profile("office", include_str!("office.kdl"));
    for (name, text) in [
        ("look", include_str!("look.sh")),
        ("apply", include_str!("apply.sh")),
        ("undo", include_str!("undo.sh")),
    ] {
        lab.write(format!("/srv/{name}.sh"), text);
    }
    // The disk is outside of this root: only an open folder leads there.
    let disk = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        outside().disk.as_raw_fd()
    );
    for case in cases(&disk) {
        case.measure(lab);
    }
}

/// What the three contenders run; the floor keeps its state beside netprof's.
fn steps(floor: &str, netprof: &str, script: &str, state: &str) -> [Step; 3] {
    let own = format!("{state}/floor");
    let with_state = if floor == "plan" { "" } else { own.as_str() };
    [
        format!("{FLOOR} {floor} {PROFILE} {with_state}"),
        format!("{NETPROF} {netprof}"),
        format!("sh -e /srv/{script}.sh"),
    ]
    .map(|line| (line, format!("{state}/netprof")))
}

fn cases(disk: &str) -> Vec<Case> {
    let memory = IN_MEMORY;
    let apply = |state| steps("apply", "apply office", "apply", state);
    let undo = |state| steps("undo", "rollback", "undo", state);
    let looks = |name, floor, netprof, on| Case {
        name,
        timed: steps(floor, netprof, "look", memory),
        before: None,
        after: None,
        on,
    };
    vec![
        looks("plan, changes needed", "plan", "plan office", false),
        looks("plan, nothing to change", "plan", "plan office", true),
        looks("apply, nothing to change", "same", "apply office", true),
        Case {
            name: "apply, on a disk",
            timed: apply(disk),
            before: None,
            after: Some(undo(disk)),
            on: false,
        },
        Case {
            name: "apply, in memory",
            timed: apply(memory),
            before: None,
            after: Some(undo(memory)),
            on: false,
        },
        Case {
            name: "rollback, on a disk",
            timed: undo(disk),
            before: Some(apply(disk)),
            after: None,
            on: false,
        },
        Case {
            name: "rollback, in memory",
            timed: undo(memory),
            before: Some(apply(memory)),
            after: None,
            on: false,
        },
    ]
}

impl Case {
    fn measure(&self, lab: &Lab) {
        let hold = |forth: bool| {
            if self.on {
                let words = if forth { "apply office" } else { "rollback" };
                run(
                    lab,
                    &(format!("{NETPROF} {words}"), format!("{IN_MEMORY}/netprof")),
                );
            }
        };
        hold(true);
        for round in 0..WARM_UP + ROUNDS {
            for (at, contender) in Contender::ALL.into_iter().enumerate() {
                if let Some(before) = &self.before {
                    run(lab, &before[at]);
                    assert_is(lab, true, round);
                } else {
                    assert_is(lab, self.on, round);
                }
                let (nanoseconds, kibibytes) = run(lab, &self.timed[at]);
                if let Some(after) = &self.after {
                    assert_is(lab, true, round);
                    run(lab, &after[at]);
                }
                assert_is(lab, self.on, round);
                if round >= WARM_UP {
                    let figure = Figure {
                        case: self.name.to_owned(),
                        round: round - WARM_UP,
                        contender,
                        nanoseconds,
                        kibibytes,
                    };
                    let mut to = &outside().figures;
                    writeln!(to, "{}", figure.line()).expect("figures can be written");
                }
            }
        }
        hold(false);
    }
}

/// Runs a line by the stopwatch of the floor.
fn run(lab: &Lab, (line, state): &Step) -> (u64, u64) {
    // It panics outside of the namespaces, where nothing of this may run.
    drop(lab.netprof_command(""));
    let mut command = lab.command(&format!("{FLOOR} --time {line}"));
    command.env("NETPROF_STATE_DIR", state);
    let output = command.output().expect("the stopwatch can be run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace().map(str::parse);
    match (output.status.success(), numbers.next(), numbers.next()) {
        (true, Some(Ok(nanoseconds)), Some(Ok(kibibytes))) => (nanoseconds, kibibytes),
        _ => panic!(
            "{line}: {}\n{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// In the warm-up rounds: whether the profile holds, judged by other tools.
fn assert_is(lab: &Lab, on: bool, round: usize) {
    if round >= WARM_UP {
        return;
    }
    let shown = [
        ("ip rule", "192.168.77.0/24"),
        ("ip -6 rule", "fd00:77::/64"),
        ("ip route", "10.99.5.0/24"),
        ("ip route", "172.20.0.0/14"),
        ("resolvectl dns corp0", "10.99.5.5"),
        (
            "resolvectl domain corp0",
            "corp.example ~99.10.in-addr.arpa",
        ),
    ];
    for (command, text) in shown {
        let all = lab.run(command);
        assert_eq!(all.contains(text), on, "{command}: {all}");
    }
    assert_eq!(lab.run("resolvectl domain corp0").contains("~."), !on);
}

fn install_floor() {
    let mut to = std::fs::File::options()
        .create_new(true)
        .write(true)
        .mode(0o755)
        .open(FLOOR)
        .expect("the root is ours");
    std::io::copy(&mut &outside().floor, &mut to).expect("the floor can be copied");
    to.set_permissions(PermissionsExt::from_mode(0o755))
        .expect("it is ours");
}
