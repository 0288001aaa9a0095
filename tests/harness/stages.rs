//! What a person would notice of a machine at some moment, and what is left on it.
//!
//! Packets are sent and names are asked for; which server saw a name and from which
//! address traffic arrived is what the other side says. What is left is what ip, nft and
//! busctl show beside an earlier look.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lab::Lab;
use super::topology::VpnSite;

/// An address of the world outside, reached through the tunnel or through the LAN.
const OUTSIDE: &str = "198.51.100.80";
/// Places on the LAN: a host, the network behind its router, the router by IPv6.
const LAN: [&str; 3] = ["192.168.77.50", "192.168.88.1", "fd00:77::1"];
const CORP_NAME: (&str, &str) = ("git.corp.example", "10.99.5.5");
/// A name of the LAN, and one of the world.
const OTHER_NAMES: [&str; 2] = ["nas.home.arpa", "www.example.com"];

/// One look at the machine, in the words of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) lan: String,
    pub(crate) localhost: String,
    pub(crate) corp_names: String,
    pub(crate) other_names: String,
    pub(crate) other_traffic: String,
}

impl Seen {
    /// What netprof keeps, whatever becomes of the tunnel: LAN, localhost, other names.
    pub(crate) const KEPT: [&'static str; 3] = ["yes", "yes", "LAN's server"];

    /// How that is.
    pub(crate) fn kept(&self) -> [&str; 3] {
        [&self.lan, &self.localhost, &self.other_names]
    }

    /// Sets up what `look` asks: services on the LAN, at corp, outside.
    pub(crate) fn prepare(site: &VpnSite<'_>) {
        site.lan.run(&format!("ip addr add {OUTSIDE}/32 dev lo"));
        // The world knows the way back into a tunnel and to a cable.
        for network in [
            VpnSite::CABLE,
            "10.6.0.0/24",
            "10.7.0.0/24",
            "10.8.0.0/24",
            "10.9.0.0/24",
            "100.64.0.0/10",
        ] {
            site.lan
                .run(&format!("ip route add {network} via {}", VpnSite::SERVER));
        }
        // Nobody's corporate network forwards to the LAN at home.
        for elsewhere in ["192.168.77.50/32", "192.168.88.0/24"] {
            site.server
                .run(&format!("ip route add unreachable {elsewhere}"));
        }
        site.lan.serve_tcp(&format!("{OUTSIDE}:80"));
        site.lan.serve_tcp("192.168.77.50:8080");
        site.server.serve_tcp("10.99.5.5:80");
    }

    pub(crate) fn look(lab: &Lab, site: &VpnSite<'_>) -> Self {
        lab.forget_names();
        site.lan_dns.forget();
        site.corp_dns.forget();
        // What fails takes its time, so all of it is tried at once.
        let (lost, lost_here, greeting, outside, corp) = std::thread::scope(|scope| {
            let lost = scope.spawn(|| unreached(lab, &LAN));
            let here = scope.spawn(|| unreached(lab, &["127.0.0.1", "::1"]));
            let greeting = scope.spawn(|| lab.greeting("192.168.77.50:8080"));
            let outside = scope.spawn(|| lab.greeting(&format!("{OUTSIDE}:80")));
            let corp = scope.spawn(|| lab.dig("A", CORP_NAME.0));
            let others = OTHER_NAMES.map(|name| scope.spawn(move || lab.dig("A", name)));
            for other in others {
                other.join().expect("it does not panic");
            }
            (
                lost.join().expect("it does not panic"),
                here.join().expect("it does not panic"),
                greeting.join().expect("it does not panic"),
                outside.join().expect("it does not panic"),
                corp.join().expect("it does not panic"),
            )
        });
        // Where both servers are asked, the answer of one is enough for who asked: the other
        // has heard of it once it has heard of something that was sent later.
        for server in ["192.168.77.1", "10.99.0.1"] {
            lab.output(&format!(
                "dig +short +time=1 +tries=1 @{server} later.invalid"
            ));
        }
        let mut lost = lost;
        if lost.is_empty() && greeting.as_deref() != Some("lan 192.168.77.2") {
            lost.push("TCP".to_owned());
        }
        let corp_asked = asked(site, &[CORP_NAME.0]);
        Self {
            lan: yes_unless(&lost),
            localhost: yes_unless(&lost_here),
            corp_names: if corp == [CORP_NAME.1] && corp_asked == "corp's server" {
                "yes".to_owned()
            } else {
                format!("no: {corp_asked}")
            },
            other_names: asked(site, &OTHER_NAMES),
            other_traffic: match outside.as_deref() {
                Some("lan 192.168.77.2") => "LAN",
                Some("lan 10.97.0.2") => "cable",
                Some(_) => "tunnel",
                None => "nowhere",
            }
            .to_owned(),
        }
    }
}

/// Which of some addresses do not answer.
fn unreached(lab: &Lab, addresses: &[&str]) -> Vec<String> {
    std::thread::scope(|scope| {
        let tries: Vec<_> = addresses
            .iter()
            .map(|address| (address, scope.spawn(|| lab.reaches(address))))
            .collect();
        tries
            .into_iter()
            .filter_map(|(address, reached)| {
                let reached = reached.join().expect("it does not panic");
                (!reached).then(|| (*address).to_owned())
            })
            .collect()
    })
}

fn yes_unless(lost: &[String]) -> String {
    if lost.is_empty() {
        "yes".to_owned()
    } else {
        format!("no: {}", lost.join(", "))
    }
}

/// Whose server saw some of the names.
fn asked(site: &VpnSite<'_>, names: &[&str]) -> String {
    let saw = |server: &super::DnsServer| names.iter().any(|name| server.saw(name));
    match (saw(&site.lan_dns), saw(&site.corp_dns)) {
        (true, true) => "both servers",
        (true, false) => "LAN's server",
        (false, true) => "corp's server",
        (false, false) => "nobody was asked",
    }
    .to_owned()
}

/// What there is on the machine, in a few words each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holdings(BTreeSet<String>);

impl Holdings {
    pub(crate) fn look(lab: &Lab) -> Self {
        let mut all = BTreeSet::new();
        for link in lab.ip("link").as_array().into_iter().flatten() {
            all.insert(format!("link {}", text(link, "ifname")));
        }
        for family in [4, 6] {
            for route in lab.routes(family).as_array().into_iter().flatten() {
                all.extend(describe_route(route));
            }
            for rule in lab.rules(family).as_array().into_iter().flatten() {
                let priority = rule["priority"].as_u64().unwrap_or_default();
                let to = match text(rule, "dst") {
                    "" => String::new(),
                    destination => format!(" to {destination}"),
                };
                let family = if family == 6 { IPV6 } else { "" };
                all.insert(format!("{}rule {priority}{to}{family}", whose(rule)));
            }
        }
        for table in lab.nft()["nftables"].as_array().into_iter().flatten() {
            let table = &table["table"];
            if table.is_object() {
                all.insert(format!(
                    "nft {} {}",
                    text(table, "family"),
                    text(table, "name")
                ));
            }
        }
        let resolved = lab.resolved();
        for (name, link) in resolved["links"].as_object().into_iter().flatten() {
            if link["DNS"]
                .as_array()
                .is_some_and(|servers| !servers.is_empty())
            {
                all.insert(format!("names of {name}"));
            }
        }
        for link in lab.ip("addr").as_array().into_iter().flatten() {
            all.extend(describe_single_addresses(link));
        }
        let policies = lab.output("ip -o xfrm policy");
        let policies = String::from_utf8_lossy(&policies.stdout).into_owned();
        all.extend(policies.lines().filter_map(describe_policy));
        for (name, value, words) in SETTINGS {
            let found = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"));
            if found.is_ok_and(|found| found.trim() == value) {
                all.insert(words.to_owned());
            }
        }
        Self(all)
    }

    /// What is more than before, and what is less; what is netprof's shortly.
    pub(crate) fn left_since(&self, before: &Self) -> String {
        let more: BTreeSet<&String> = self.0.difference(&before.0).collect();
        let mut words: Vec<String> = Vec::new();
        let mut ours = 0;
        for one in &more {
            if one.starts_with(OURS) {
                ours += 1;
            } else if more.contains(&format!("{one}{IPV6}")) {
                words.push(format!("{one} (both families)"));
            } else if one
                .strip_suffix(IPV6)
                .is_none_or(|stem| !more.contains(&stem.to_owned()))
            {
                words.push((*one).clone());
            }
        }
        words.extend(
            before
                .0
                .difference(&self.0)
                .map(|one| format!("gone: {one}")),
        );
        if ours > 0 {
            words.push(format!("{ours} of netprof's"));
        }
        if words.is_empty() {
            return "nothing".to_owned();
        }
        words.join(", ")
    }
}

/// Settings of the whole machine that clients change: below `net.ipv4`, to which value,
/// and how that is said.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("conf/all/src_valid_mark", "1", "src_valid_mark"),
    ("conf/all/send_redirects", "0", "send_redirects is off"),
    ("ip_forward", "1", "ip_forward"),
];

/// How a rule of IPv6 ends.
const IPV6: &str = " (IPv6)";
/// How what netprof made begins.
const OURS: &str = "netprof's ";

/// By the number that netprof signs with, which ip shows.
fn whose(one: &Value) -> &'static str {
    if text(one, "protocol") == "110" {
        OURS
    } else {
        ""
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Not what the kernel makes beside every address.
fn describe_route(route: &Value) -> Option<String> {
    let destination = text(route, "dst");
    let kernels = ["local", "broadcast", "multicast", "anycast"].contains(&text(route, "type"));
    if kernels || destination.starts_with("fe80:") || destination.starts_with("ff00:") {
        return None;
    }
    let table = match text(route, "table") {
        "" | "main" => String::new(),
        table => format!(" table {table}"),
    };
    let way = match text(route, "gateway") {
        "" => format!(" dev {}", text(route, "dev")),
        gateway => format!(" via {gateway}"),
    };
    Some(format!("{}route {destination}{way}{table}", whose(route)))
}

/// Addresses of a link beside which no route shows that they are there.
fn describe_single_addresses(link: &Value) -> Vec<String> {
    let name = text(link, "ifname");
    let addresses = link["addr_info"].as_array().into_iter().flatten();
    addresses
        .filter(|one| one["prefixlen"] == 32)
        .map(|one| format!("address {} on {name}", text(one, "local")))
        .collect()
}

/// An IPsec policy for what leaves, out of a line of ip: `src FROM dst TO \ dir out ...`.
fn describe_policy(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let leaves = words.windows(2).any(|pair| pair == ["dir", "out"]);
    match words[..] {
        ["src", from, "dst", to, ..] if leaves => Some(format!("policy from {from} to {to}")),
        _ => None,
    }
}
