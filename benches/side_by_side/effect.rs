//! Whether a contender did what it says, judged by other tools. Single routes are asked
//! for by look-ups: a dump of a million would take longer than what is measured.

use super::contender::Contender;
use super::harness::Lab;
use super::scenario::{Declared, Scenario};

/// A command, and what it prints while the profile holds.
type Sign = (&'static str, &'static str);

const OFFICE: [Sign; 6] = [
    ("ip rule", "to 192.168.77.0/24"),
    ("ip -6 rule", "to fd00:77::/64"),
    ("ip route get fibmatch 10.99.5.9", "10.99.5.0/24"),
    ("ip route get fibmatch 172.20.0.1", "172.20.0.0/14"),
    ("resolvectl dns corp0", "10.99.5.5"),
    (
        "resolvectl domain corp0",
        "corp.example ~99.10.in-addr.arpa",
    ),
];
const VPNC: [Sign; 4] = [
    ("ip route get fibmatch 10.98.0.9", "10.98.0.0/16 dev tun0"),
    ("ip route get fibmatch 172.21.0.9", "172.21.0.0/16 dev tun0"),
    ("resolvectl dns tun0", "10.99.5.5"),
    ("resolvectl domain tun0", "corp.example"),
];
const WG_QUICK: [Sign; 4] = [
    ("ip route get fibmatch 10.98.0.9", "10.98.0.0/16 dev wg0"),
    ("ip route get fibmatch 172.21.0.9", "172.21.0.0/16 dev wg0"),
    ("resolvectl dns wg0", "10.99.5.5"),
    ("resolvectl domain wg0", "corp.example"),
];

/// Panics unless the profile holds, or does not.
pub(crate) fn assert_is(lab: &Lab, scenario: &Scenario, by: Contender, on: bool) {
    let signs: &[Sign] = match (by, scenario.declared) {
        (Contender::Vpnc, _) => &VPNC,
        (Contender::WgQuick, _) => &WG_QUICK,
        (_, Declared::Office) => &OFFICE,
        (_, Declared::Routes(count)) => return assert_routes(lab, by, if on { count } else { 0 }),
    };
    for (command, text) in signs {
        // Where a link is gone the command fails, which is off as well.
        let output = lab.output(command).stdout;
        let shown = String::from_utf8_lossy(&output);
        assert_eq!(shown.contains(text), on, "{by:?}: {command}: {shown}");
    }
    if signs == OFFICE {
        let all_names = lab.run("resolvectl domain corp0").contains("~.");
        assert_eq!(all_names, !on, "{by:?}: whether corp has all names");
    }
}

/// Panics unless so many routes of the profile are there, each as declared.
fn assert_routes(lab: &Lab, by: Contender, count: usize) {
    let shown = lab.run("ip route show root 16.0.0.0/8 via 192.168.77.1 dev lan0");
    let mut found: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), count, "{by:?}: routes of the profile");
}

/// Panics unless so many routes of others are in a table.
pub(crate) fn assert_foreign(lab: &Lab, count: usize, table: u32) {
    // A table that never had a route is unknown to the kernel, and ip says so.
    let shown = lab.sh(&format!(
        "ip route show table {table} proto bgp 2>/dev/null | wc -l"
    ));
    assert_eq!(shown.trim(), count.to_string(), "routes in table {table}");
}
