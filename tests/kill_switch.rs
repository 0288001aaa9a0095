//! Kill switches: firewalls that cut the LAN off however right the routes are. Each is
//! shown to do so first, by pings; then what `plan` says of it; then that nothing is said
//! once the firewall lets the LAN pass, and that `apply` does its work.

use serde_json::Value;

use crate::harness::{Lab, Office, WgQuick};

const LAN: &str = r#"
profile "lan" {
    link "lan" { match name="lan0"; }
    routes { keep-lan "lan"; }
}
"#;

/// What a VPN client does that lets nothing pass but its tunnel: the form of Mullvad's
/// table, with its rules for DHCP and neighbours. `LAN` stands where it allows the LAN.
const MULLVAD: &str = r#"
add table inet mullvad
delete table inet mullvad
table inet mullvad {
    chain prerouting {
        type filter hook prerouting priority -199; policy accept;
        ip saddr 203.0.113.10 udp sport 51820 meta mark set 0x6d6f6c65
    }
    chain output {
        type filter hook output priority filter; policy drop;
        oif "lo" accept
        ct mark 0x00000f41 accept
        udp sport 68 ip daddr 255.255.255.255 udp dport 67 accept
        ip6 daddr ff02::1:ff00:0/104 icmpv6 type nd-neighbor-solicit accept
        ip6 daddr fe80::/10 icmpv6 type nd-neighbor-solicit accept
        ip6 daddr fe80::/10 icmpv6 type nd-neighbor-advert accept
        ip daddr 203.0.113.10 udp dport 51820 meta mark 0x6d6f6c65 accept
        udp dport 53 reject
        tcp dport 53 reject with tcp reset
        oifname "tun0" accept
        THERE
        reject
    }
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct mark 0x00000f41 accept
        udp sport 67 udp dport 68 accept
        ip6 saddr fe80::/10 icmpv6 type { nd-router-advert, nd-redirect } accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ip saddr 203.0.113.10 udp sport 51820 ct state established accept
        iifname "tun0" accept
        BACK
    }
    chain mangle { type route hook output priority mangle; policy accept; }
    chain nat {
        type nat hook postrouting priority srcnat; policy accept;
        oif != "lo" ct mark 0x00000f41 masquerade
    }
}
"#;

/// The networks that it allows where it shares the LAN.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const PRIVATE6: [&str; 2] = ["fe80::/10", "fc00::/7"];

fn mullvad(shares_the_lan: bool) -> String {
    let rules = |end: &str| {
        let v4 = PRIVATE.map(|net| format!("ip {end} {net} accept"));
        let v6 = PRIVATE6.map(|net| format!("ip6 {end} {net} accept"));
        let all: Vec<String> = v4.into_iter().chain(v6).collect();
        if shares_the_lan {
            all.join("\n")
        } else {
            String::new()
        }
    };
    MULLVAD
        .replace("THERE", &rules("daddr"))
        .replace("BACK", &rules("saddr"))
}

const BOTH: [&str; 2] = ["192.168.77.50", "fd00:77::50"];

/// What `plan` says of the firewall, each as its severity and message.
fn said(lab: &Lab, status: i32) -> Vec<(String, String)> {
    let ran = lab.netprof("--json plan lan").exits(status);
    firewalls(&ran.json())
}

fn firewalls(object: &Value) -> Vec<(String, String)> {
    let diagnostics = object["diagnostics"].as_array().unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    diagnostics
        .iter()
        .filter(|one| text(one, "code").starts_with("plan::firewall-"))
        .map(|one| (text(one, "severity"), text(one, "message")))
        .collect()
}

/// The LAN passes, nothing is said, and a profile is applied and released.
fn assert_quiet(lab: &Lab, lan: &[&str]) {
    for address in lan {
        assert!(lab.reaches(address), "{address}");
    }
    assert_eq!(said(lab, 0), []);
    lab.netprof("apply lan").exits(0);
    for address in lan {
        assert!(lab.reaches(address), "{address}");
    }
    assert_eq!(firewalls(&lab.netprof("--json status").exits(0).json()), []);
    lab.netprof("release").exits(0);
}

pub(crate) fn a_vpn_that_shares_no_lan_is_refused_and_named(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("lan", LAN);
    lab.feed("nft -f -", &mullvad(false));
    assert!(BOTH.iter().all(|address| !lab.reaches(address)));
    let dropped = |net: &str, handle: u64| {
        let message = format!(
            "packets to {net} would be dropped by nft rule inet mullvad output handle {handle} of mullvad"
        );
        ("error".to_owned(), message)
    };
    let reject = handle(lab, "inet mullvad output", "reject");
    assert_eq!(
        said(lab, 1),
        [
            dropped("192.168.77.0/24", reject),
            dropped("fd00:77::/64", reject)
        ]
    );
    let shown = lab.netprof("plan lan").exits(1);
    assert!(
        shown.stderr.contains("mullvad lan set allow"),
        "{}",
        shown.stderr
    );
    lab.netprof("apply lan").exits(1);

    lab.feed("nft -f -", &mullvad(true));
    assert_quiet(lab, &BOTH);
}

/// The handle of the rule of a chain whose end is `ends`, as nft(8) has it.
fn handle(lab: &Lab, chain: &str, ends: &str) -> u64 {
    let listed = lab.run(&format!("nft -a list chain {chain}"));
    let mut lines = listed.lines().rev();
    let rule = lines.find(|line| {
        let rule = line.split(" # handle").next().unwrap_or_default();
        rule.trim() == ends
    });
    let handle = rule.and_then(|line| line.rsplit(' ').next());
    handle.unwrap().parse().unwrap()
}

pub(crate) fn answers_that_are_dropped_cut_the_lan_off_as_well(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("lan", LAN);
    let strict = |more: &str| {
        format!(
            "add table ip strict\ndelete table ip strict
            table ip strict {{
                set friends {{ type ipv4_addr; flags interval; elements = {{ 10.0.0.0/8, {more} }}; }}
                chain in {{ type filter hook input priority 0; policy drop;
                    iif lo accept; ip saddr @friends accept; }}
            }}"
        )
    };
    lab.feed("nft -f -", &strict("172.16.0.0/12"));
    assert!(!lab.reaches("192.168.77.50") && lab.reaches("fd00:77::50"));
    let message =
        "answers from 192.168.77.0/24 would be dropped by the policy of nft chain ip strict in";
    assert_eq!(said(lab, 1), [("error".to_owned(), message.to_owned())]);
    lab.feed("nft -f -", &strict("192.168.64.0/19"));
    assert_quiet(lab, &BOTH);
}

/// What wg-quick(8) gives as an example of a kill switch, by iptables-nft.
pub(crate) fn the_kill_switch_of_wg_quicks_manual_is_refused(lab: &Lab) {
    if !lab.succeeds("iptables-nft -V") {
        lab.not_run("the root has no iptables-nft");
    }
    let _office = Office::new(lab);
    let _wg = WgQuick::up(lab);
    lab.write_profile("lan", LAN);
    assert!(lab.reaches("192.168.77.50"));
    let switch = "OUTPUT ! -o wg0 -m mark ! --mark 51820 -m addrtype ! --dst-type LOCAL";
    lab.run(&format!("iptables-nft -I {switch} -j REJECT"));
    assert!(!lab.reaches("192.168.77.50") && lab.reaches("fd00:77::50"));
    let found = said(lab, 1);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "error");
    assert!(
        found[0].1.starts_with(
            "packets to 192.168.77.0/24 would be dropped by nft rule ip filter OUTPUT handle "
        ),
        "{found:?}"
    );
    // What plan says would help does.
    let shown = lab.netprof("plan lan").exits(1);
    let help = "iptables -t filter -I OUTPUT -d 192.168.77.0/24 -j ACCEPT";
    assert!(shown.stderr.contains(help), "{}", shown.stderr);
    lab.run(&help.replace("iptables", "iptables-nft"));
    assert_quiet(lab, &BOTH);
}

pub(crate) fn a_firewall_that_cannot_be_told_is_only_warned_of(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("lan", LAN);
    lab.feed(
        "nft -f -",
        "table netdev none {}
        table inet odd { chain in { type filter hook input priority 0; policy drop;
            ether saddr != 02:00:00:00:00:99 accept; }; }",
    );
    assert!(BOTH.iter().all(|address| lab.reaches(address)));
    let found = said(lab, 0);
    assert_eq!(found.len(), 2, "{found:?}");
    for (severity, message) in found {
        assert_eq!(severity, "warning");
        assert!(
            message.contains("cannot be told: nft rule inet odd in handle "),
            "{message}"
        );
        assert!(
            message.ends_with("depends on a comparison of the kind of a link"),
            "{message}"
        );
    }
    lab.netprof("apply lan").exits(0);
    lab.netprof("release").exits(0);
}

pub(crate) fn ports_that_are_shut_are_nothing_to_say(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("lan", LAN);
    lab.feed(
        "nft -f -",
        "table inet usual {
            chain in { type filter hook input priority 0; policy drop;
                ct state vmap { established : accept, related : accept, invalid : drop }
                iif lo accept; meta l4proto ipv6-icmp accept; tcp dport 22 accept; }
            chain out { type filter hook output priority 0; policy accept;
                tcp dport 25 reject; }
        }",
    );
    assert_quiet(lab, &BOTH);
    // One that is kept away is said.
    lab.run("nft add rule inet usual out ip daddr 192.168.77.50 drop");
    assert!(!lab.reaches(BOTH[0]) && lab.reaches(BOTH[1]));
    let dropped = handle(lab, "inet usual out", "ip daddr 192.168.77.50 drop");
    let message = format!(
        "packets to 192.168.77.50, a part of 192.168.77.0/24, would be dropped by nft rule inet usual out handle {dropped}"
    );
    assert_eq!(said(lab, 0), [("warning".to_owned(), message)]);
}

/// Neighbours of IPv6 are asked for by packets to a group, which come past the same chains
/// as all others.
pub(crate) fn a_switch_that_forgets_neighbour_discovery_cuts_ipv6_off(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("lan", LAN);
    lab.feed(
        "nft -f -",
        "table ip6 only { chain out { type filter hook output priority 0; policy drop;
            ip6 daddr fd00:77::/64 accept; }; }",
    );
    lab.run("ip -6 neigh flush dev lan0");
    assert!(lab.reaches(BOTH[0]) && !lab.reaches(BOTH[1]));
    let message = "neighbour solicitations for fd00:77::/64 would be dropped by the policy of nft chain ip6 only out: without them this host finds nobody there";
    assert_eq!(said(lab, 1), [("error".to_owned(), message.to_owned())]);
    // What plan says would help does.
    let shown = lab.netprof("plan lan").exits(1);
    let help = "nft insert rule ip6 only out icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";
    assert!(shown.stderr.contains(help), "{}", shown.stderr);
    lab.feed("nft -f -", help.trim_start_matches("nft "));
    lab.run("ip -6 neigh flush dev lan0");
    assert_quiet(lab, &BOTH);
}

/// A switch that is thrown after the profile was applied: nothing has drifted, and the LAN
/// is gone all the same.
pub(crate) fn status_tells_of_a_kill_switch_that_came_later(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("lan", LAN);
    lab.netprof("apply lan").exits(0);
    assert!(BOTH.iter().all(|address| lab.reaches(address)));
    lab.feed("nft -f -", &mullvad(false));
    assert!(BOTH.iter().all(|address| !lab.reaches(address)));
    let status = lab.netprof("--json status --exit-code").exits(5).json();
    assert_eq!(status["drift"], Value::Bool(false));
    let found = firewalls(&status);
    assert_eq!(found.len(), 2, "{status:#}");
    // It says so in the words of the plan, which is refused.
    assert_eq!(status["refused"], Value::Bool(true));
    let is = |wanted: &str, found: &[(String, String)]| {
        found.iter().all(|(severity, message)| {
            severity == wanted && message.contains("inet mullvad output")
        })
    };
    assert!(is("error", &found), "{status:#}");
    // Also when the profile can no longer be read as it was applied.
    lab.write_profile("lan", &LAN.replace("keep-lan", "keep-localhost; keep-lan"));
    let found = firewalls(&lab.netprof("--json status").exits(0).json());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(is("warning", &found), "{found:?}");
    lab.feed("nft -f -", &mullvad(true));
    assert!(BOTH.iter().all(|address| lab.reaches(address)));
    assert_eq!(firewalls(&lab.netprof("--json status").exits(0).json()), []);
    lab.netprof("release").exits(0);
}
