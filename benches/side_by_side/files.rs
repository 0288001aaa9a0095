//! The files that the contenders read, inside: profiles, scripts, batches.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use super::contender::{FILES, FLOOR};
use super::harness::{Lab, outside};
use super::scenario::{Declared, Scenario};

/// Programs, and what is the same in every scenario.
pub(crate) fn install(lab: &Lab) {
    install_program(&outside().floor, FLOOR);
    if let Some(program) = &outside().nmstatectl {
        install_program(program, "/usr/local/bin/nmstatectl");
    }
    lab.write_profile("office", include_str!("office.kdl"));
    for (name, text) in [
        ("look.sh", include_str!("look.sh")),
        ("office-apply.sh", include_str!("apply.sh")),
        ("office-undo.sh", include_str!("undo.sh")),
        ("batch.sh", include_str!("batch.sh")),
        ("vpnc.sh", include_str!("vpnc.sh")),
        ("wg.sh", include_str!("wg.sh")),
        ("nmstate.sh", include_str!("nmstate.sh")),
    ] {
        lab.write(format!("{FILES}/{name}"), text);
    }
    // Where resolved is asked by way of the C library, vpnc-script sets it, too.
    lab.write(
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files resolve dns\n",
    );
}

/// What is a scenario's own.
pub(crate) fn write(lab: &Lab, scenario: &Scenario) {
    let Declared::Routes(count) = scenario.declared else {
        return;
    };
    let profile = every(count, |to| {
        format!("        route \"{to}\" via=\"{ROUTER}\"\n")
    });
    let words = |verb: &str| {
        every(count, |to| {
            format!("route {verb} {to} via {ROUTER} dev lan0\n")
        })
    };
    let shell = |verb: &str| {
        let all = every(count, |to| {
            format!("ip route {verb} {to} via {ROUTER} dev lan0\n")
        });
        format!("{all}ip route\n")
    };
    let nmstate = |state: &str| {
        let all = every(count, |to| {
            format!(
                "  - destination: {to}\n    next-hop-address: {ROUTER}\n    next-hop-interface: lan0\n{state}"
            )
        });
        format!("routes:\n  config:\n{all}")
    };
    for (name, text) in [
        (
            "routes.kdl",
            format!("profile \"routes\" {{\n    routes {{\n{profile}    }}\n}}\n"),
        ),
        ("add.batch", words("add")),
        ("replace.batch", words("replace")),
        ("del.batch", words("del")),
        ("routes-apply.sh", shell("add")),
        ("routes-undo.sh", shell("del")),
        ("present.yml", nmstate("")),
        ("absent.yml", nmstate("    state: absent\n")),
    ] {
        lab.write(format!("{FILES}/{name}"), text);
    }
}

/// A tunnel with keys of this run.
pub(crate) fn write_wireguard(lab: &Lab) {
    let key = lab.run("wg genkey");
    let peer = lab.feed("wg pubkey", &lab.run("wg genkey"));
    let text = include_str!("wg0.conf")
        .replace("PRIVATE", key.trim())
        .replace("PUBLIC", peer.trim());
    let path = format!("{FILES}/wg0.conf");
    lab.write(&path, text);
    lab.run(&format!("chmod 600 {path}"));
}

const ROUTER: &str = "192.168.77.1";

/// 16.0.0.0/24, 16.0.1.0/24 and so on.
fn every(count: usize, line: impl Fn(&str) -> String) -> String {
    let mut all = String::new();
    for at in 0..count {
        let to = format!("16.{}.{}.0/24", at >> 8, at & 0xff);
        let _ = write!(all, "{}", line(&to));
    }
    all
}

fn install_program(mut from: &File, to: &str) {
    let mut file = File::options()
        .create_new(true)
        .write(true)
        .mode(0o755)
        .open(to)
        .expect("the root is ours");
    std::io::copy(&mut from, &mut file).expect("a program can be copied");
    file.set_permissions(PermissionsExt::from_mode(0o755))
        .expect("it is ours");
}
