//! nft chains and IPsec policies.

use std::process::Command;

use netprof_engine::backend::Backend;
use netprof_linux::Linux;
use netprof_model::snapshot::{BaseChain, XfrmPolicy};
use netprof_model::{Owner, Section, Snapshot};
use netprof_plan::linux::firewall::{Judgement, Lan, Lost, judge};
use netprof_plan::{Need, Routes};

use crate::namespace::{Test, not_run, sh, try_sh};

pub(crate) const TESTS: &[Test] = &[
    ("chains_that_may_drop_are_seen_with_their_owner", chains),
    ("chains_that_write_marks_are_followed", marks),
    ("rules_of_iptables_nft_are_seen", iptables),
    ("rules_are_read_as_the_kernel_runs_them", rules),
    (
        "kill_switches_of_iptables_nft_are_read",
        switches_of_iptables,
    ),
    ("a_set_that_is_too_large_is_not_told", large_set),
    ("policies_of_ipsec_are_seen", policies),
    ("policies_for_some_packets_only_say_so", narrow_policies),
    ("what_may_not_be_read_says_so", unreadable),
];

fn observe() -> (Section<Vec<BaseChain>>, Section<Vec<XfrmPolicy>>) {
    let need = Need {
        resolver: false,
        filters: true,
        owners: false,
        preferences: false,
        routes: Routes::All,
    };
    let snapshot = Linux::new().observe(need).expect("it can be observed");
    (snapshot.firewall, snapshot.xfrm)
}

/// The chains without their rules and how their owners were found.
fn bare() -> Section<Vec<BaseChain>> {
    match observe().0 {
        Section::Seen(chains) => {
            let bare = |chain: BaseChain| {
                assert_eq!(chain.evidence.is_empty(), chain.owner == Owner::Unknown);
                assert_eq!(chain.rules.is_some(), chain.hook != "forward");
                BaseChain {
                    rules: None,
                    evidence: Vec::new(),
                    ..chain
                }
            };
            Section::Seen(chains.into_iter().map(bare).collect())
        }
        other => other,
    }
}

/// What becomes of a LAN behind the link `lan0`.
pub(crate) fn judged(prefix: &str, source: &str) -> String {
    let need = Need {
        filters: true,
        ..Need::default()
    };
    let snapshot = Linux::new().observe(need).expect("it can be observed");
    verdict(&snapshot, prefix, source)
}

/// What becomes of a LAN behind the link `lan0` in what was seen.
pub(crate) fn verdict(snapshot: &Snapshot, prefix: &str, source: &str) -> String {
    let lan = Lan {
        prefix: prefix.parse().unwrap(),
        link: snapshot.link("lan0").expect("lan0 is there"),
        source: Some(source.parse().unwrap()),
    };
    match judge(snapshot.firewall.items(), &lan) {
        Judgement::Passes => "passes".to_owned(),
        Judgement::Dropped(loss) => {
            let what = match loss.of {
                Lost::All => String::new(),
                Lost::Protocol(name) => format!("{name} "),
                Lost::Neighbours => "neighbours ".to_owned(),
                Lost::Found => "found ".to_owned(),
                Lost::Part(part, _) => format!("{part} "),
            };
            let mostly = if loss.exceptions { "mostly " } else { "" };
            format!("{what}{mostly}dropped by {}", loss.by.chain)
        }
        Judgement::Unclear(at, what) => format!("unclear in {}: {what}", at.chain),
    }
}

/// Rules of a chain, the hook that it is at, and what becomes of an IPv4 and of an IPv6
/// LAN.
const FORMS: &[(&str, &str, &str, &str)] = &[
    ("output", "drop", "dropped by c", "dropped by c"),
    ("output", "reject", "dropped by c", "dropped by c"),
    ("output", "meta nfproto ipv4 drop", "dropped by c", "passes"),
    (
        "output",
        "ip daddr 192.168.0.0/16 drop",
        "dropped by c",
        "passes",
    ),
    (
        "output",
        "ip daddr 192.168.64.0/20 drop",
        "dropped by c",
        "passes",
    ),
    (
        "output",
        "ip daddr 192.168.64.0/21 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "ip daddr 192.168.77.0-192.168.77.255 drop",
        "dropped by c",
        "passes",
    ),
    (
        "output",
        "ip daddr != 192.168.77.0/24 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "ip daddr 192.168.77.1 drop",
        "192.168.77.1 dropped by c",
        "passes",
    ),
    (
        "output",
        "ip daddr { 10.0.0.0/8, 192.168.0.0/16 } drop",
        "dropped by c",
        "passes",
    ),
    (
        "output",
        "ip daddr != { 10.0.0.0/8, 192.168.0.0/16 } drop",
        "passes",
        "passes",
    ),
    ("output", "ip daddr @local drop", "dropped by c", "passes"),
    ("output", "ip daddr @nowhere drop", "passes", "passes"),
    (
        "output",
        "ip6 daddr fd00::/8 drop",
        "passes",
        "dropped by c",
    ),
    (
        "output",
        "ip6 daddr { fc00::/7, fe80::/10 } drop",
        "passes",
        "dropped by c",
    ),
    (
        "output",
        "ip saddr 192.168.77.2 drop",
        "dropped by c",
        "passes",
    ),
    (
        "output",
        "ip6 saddr fd00:77::/64 drop",
        "passes",
        "dropped by c",
    ),
    (
        "output",
        "oifname lan0 drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "oifname \"lan*\" drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "oifname != \"wg*\" drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "oifname { lan0, lo } drop",
        "dropped by c",
        "dropped by c",
    ),
    ("output", "oifname != { lan0, lo } drop", "passes", "passes"),
    ("output", "oif lan0 drop", "dropped by c", "dropped by c"),
    ("output", "oif != lo drop", "dropped by c", "dropped by c"),
    ("output", "iifname lan0 drop", "passes", "passes"),
    (
        "output",
        "meta mark != 51820 drop",
        "dropped by c",
        "dropped by c",
    ),
    ("output", "meta mark 51820 drop", "passes", "passes"),
    (
        "output",
        "meta mark and 0xff0000 == 0x80000 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "meta mark and 0xff0000 != 0x80000 drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ct mark 0xf41 accept; drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ct state new drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ct state established,related accept; drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ct state { new, invalid } drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ct state != new drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "output",
        "ct state vmap { established : accept, new : drop }",
        "dropped by c",
        "dropped by c",
    ),
    (
        "input",
        "ct state vmap { established : accept, new : drop }; drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "input",
        "ct state established,related accept; drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "input",
        "ct state & (established | related) == 0 drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "input",
        "ct state new accept; drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "input",
        "iifname lan0 ip saddr 192.168.77.0/24 accept; drop",
        "passes",
        "dropped by c",
    ),
    (
        "input",
        "fib saddr . iif oif missing drop",
        "passes",
        "passes",
    ),
    (
        "input",
        "fib daddr type local accept; drop",
        "passes",
        "found dropped by c",
    ),
    ("input", "ip daddr 10.64.1.2 drop", "passes", "passes"),
    (
        "prerouting",
        "iifname != wg0 fib saddr type != local drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "prerouting",
        "iifname != wg0 ip daddr 10.7.0.2 fib saddr type != local drop",
        "passes",
        "passes",
    ),
    (
        "postrouting",
        "oifname wg0 ct mark 0xf41 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "fib daddr type != local drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "meta l4proto tcp drop",
        "TCP dropped by c",
        "TCP dropped by c",
    ),
    (
        "output",
        "meta l4proto { tcp, udp } drop",
        "dropped by c",
        "dropped by c",
    ),
    ("output", "ip protocol icmp drop", "passes", "passes"),
    ("output", "udp dport 53 reject", "passes", "passes"),
    (
        "output",
        "tcp dport { 80, 443 } accept; drop",
        "mostly dropped by c",
        "neighbours dropped by c",
    ),
    (
        "output",
        "udp sport 68 ip daddr 255.255.255.255 udp dport 67 accept; drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "meta skuid 1000 accept; drop",
        "mostly dropped by c",
        "mostly dropped by c",
    ),
    (
        "output",
        "meta skuid != 1000 drop",
        "mostly dropped by c",
        "mostly dropped by c",
    ),
    (
        "output",
        "limit rate 5/second accept; drop",
        "mostly dropped by c",
        "mostly dropped by c",
    ),
    (
        "output",
        "ether daddr 02:00:00:00:00:01 drop",
        "unclear in c: a comparison of the kind of a link",
        "unclear in c: a comparison of the kind of a link",
    ),
    (
        "output",
        "counter log prefix \"x\" jump deep",
        "dropped by deep",
        "passes",
    ),
    ("output", "goto deep", "dropped by deep", "passes"),
    (
        "output",
        "ip daddr vmap { 10.0.0.0/8 : accept, 192.168.77.0/24 : goto deep }",
        "dropped by deep",
        "passes",
    ),
    (
        "output",
        "oifname vmap { lo : accept, lan0 : jump deep }",
        "dropped by deep",
        "passes",
    ),
    (
        "output",
        "ip daddr . meta l4proto { 192.168.77.1 . tcp } accept; drop",
        "unclear in c: set __set0",
        "dropped by c",
    ),
    (
        "output",
        "meta mark set 7 meta mark 7 accept; drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "meta mark set ct mark meta mark 0 drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "notrack ct state untracked drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "output priority raw",
        "notrack ct state untracked drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ip daddr vmap { 192.168.0.0/16 : jump back, * : drop }",
        "passes",
        "passes",
    ),
    (
        "output",
        "ip daddr vmap { 10.0.0.0/8 : jump back, * : drop }",
        "dropped by c",
        "passes",
    ),
    (
        "output",
        "ip6 daddr fd00:77::/64 accept; meta nfproto ipv6 drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "output",
        "ip6 daddr fd00:77::/64 accept; icmpv6 type nd-neighbor-solicit accept; meta nfproto ipv6 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "ip6 daddr { fd00:77::/64, ff02::1:ff00:0/104 } accept; meta nfproto ipv6 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "ip6 daddr fd00:77::/64 accept; ip6 hoplimit 255 icmpv6 type { 130, 133-136 } icmpv6 code 0 limit rate 9/second accept; meta nfproto ipv6 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "ip6 daddr fd00:77::/64 accept; icmpv6 type echo-request accept; meta nfproto ipv6 drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "input",
        "icmpv6 type nd-neighbor-advert drop",
        "passes",
        "neighbours dropped by c",
    ),
    (
        "input",
        "icmpv6 type nd-neighbor-solicit drop",
        "passes",
        "found dropped by c",
    ),
    (
        "input",
        "icmpv6 type echo-request limit rate over 4/second drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "update @flood { ip daddr limit rate over 1000/second } drop",
        "passes",
        "passes",
    ),
    ("output", "limit name \"lim\" drop", "passes", "passes"),
    ("output", "quota name \"q\" drop", "passes", "passes"),
    (
        "output",
        "add @flood { ip saddr limit rate over 1000/second } drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "counter name \"n\" drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "meta mark set 0x10000 meta mark and 0xff0000 > 0x100 drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "meta mark and 0xff0000 > 0x100 drop",
        "passes",
        "passes",
    ),
    (
        "output",
        "meta mark set 0x20000 meta mark and 0xff0000 0x10000-0x30000 drop",
        "dropped by c",
        "dropped by c",
    ),
    (
        "output",
        "ip daddr 0.0.0.0/0 drop",
        "dropped by c",
        "passes",
    ),
    ("output", "ip daddr != 0.0.0.0/0 drop", "passes", "passes"),
    ("output", "jhash ip daddr mod 2 0 drop", "passes", "passes"),
];

fn rules() {
    sh("ip link add lan0 type bridge");
    let mut wrong = Vec::new();
    for (hook, rules, v4, v6) in FORMS {
        let rules = rules.replace("; ", "\n");
        let hook = match hook.contains("priority") {
            true => (*hook).to_owned(),
            false => format!("{hook} priority 0"),
        };
        let table = format!(
            "table inet t {{
                set local {{ type ipv4_addr; flags interval; elements = {{ 192.168.0.0/16 }}; }}
                set flood {{ type ipv4_addr; flags dynamic; size 65535; }}
                limit lim {{ rate over 1000/second; }}
                quota q {{ over 1000 mbytes; }}
                counter n {{ }}
                set nowhere {{ type ipv4_addr; elements = {{ 192.168.78.1, 192.168.76.1 }}; }}
                chain deep {{ ip daddr 192.168.0.0/16 drop; }}
                chain back {{ return; }}
                chain c {{ type filter hook {hook}; policy accept;
                    {rules}
                }}
            }}"
        );
        sh(&format!("nft -f - <<'EOF'\n{table}\nEOF"));
        let found = (
            judged("192.168.77.0/24", "192.168.77.2"),
            judged("fd00:77::/64", "fd00:77::2"),
        );
        if found != ((*v4).to_owned(), (*v6).to_owned()) {
            wrong.push(format!("{hook}: {rules}: {found:?}"));
        }
        sh("nft delete table inet t");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// PostUp of wg-quick(8)'s example, and others that are often copied.
fn switches_of_iptables() {
    if !try_sh("iptables-nft -V").0 {
        not_run("there is no iptables-nft");
    }
    sh("ip link add lan0 type bridge");
    let (mut wrong, mut refused) = (Vec::new(), Vec::new());
    let rules = [
        (
            "-I OUTPUT ! -o wg0 -m mark ! --mark 0xca6c -m addrtype ! --dst-type LOCAL -j REJECT",
            "dropped by OUTPUT",
        ),
        (
            "-I OUTPUT ! -o wg0 ! -d 192.168.0.0/16 -m mark ! --mark 0xca6c -m addrtype ! --dst-type LOCAL -j REJECT",
            "passes",
        ),
        ("-I OUTPUT ! -o wg+ -j DROP", "dropped by OUTPUT"),
        ("-I OUTPUT ! -o lan+ -j DROP", "passes"),
        (
            "-I OUTPUT -m conntrack --ctstate NEW -j DROP",
            "dropped by OUTPUT",
        ),
        (
            "-I OUTPUT -m conntrack --ctstate ESTABLISHED -j DROP",
            "passes",
        ),
        ("-P OUTPUT DROP", "dropped by OUTPUT"),
        (
            "-I INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j DROP",
            "dropped by INPUT",
        ),
        ("-I OUTPUT -p tcp -m tcp --dport 25 -j REJECT", "passes"),
        ("-I OUTPUT -m owner ! --uid-owner 0 -j DROP", "passes"),
        (
            "-t raw -I PREROUTING -m rpfilter --invert -j DROP",
            "unclear",
        ),
        (
            "-t mangle -I OUTPUT -j MARK --set-mark 7 && iptables-nft -I OUTPUT -m mark ! --mark 7 -j DROP",
            "passes",
        ),
        (
            "-t mangle -I OUTPUT -j CONNMARK --set-mark 7 && iptables-nft -I INPUT -m connmark ! --mark 7 -j DROP",
            "passes",
        ),
        (
            "-t mangle -I PREROUTING -j CONNMARK --restore-mark && iptables-nft -I INPUT -m mark ! --mark 0 -j DROP",
            "passes",
        ),
        (
            "-t raw -I OUTPUT -j CT --notrack && iptables-nft -I INPUT -m conntrack ! --ctstate ESTABLISHED -j DROP",
            "dropped by INPUT",
        ),
    ];
    for (rule, found) in rules {
        let (taken, why) = try_sh(&format!("iptables-nft {rule}"));
        if !taken {
            refused.push(format!("{rule}: {why}"));
            continue;
        }
        let judged = judged("192.168.77.0/24", "192.168.77.2");
        if !judged.starts_with(found) {
            wrong.push(format!("{rule}: {judged}"));
        }
        sh(
            "iptables-nft -P OUTPUT ACCEPT; iptables-nft -F OUTPUT; iptables-nft -F INPUT
            iptables-nft -t mangle -F; iptables-nft -t raw -F",
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A kernel may lack a match of xtables: that is not run, and what is right of the rest
    // says nothing of it.
    if !refused.is_empty() {
        not_run(&format!(
            "{} of {} rules could not be written: {}",
            refused.len(),
            rules.len(),
            refused.join("; ")
        ));
    }
}

/// A list of addresses of a whole country decides nothing here but its memory.
fn large_set() {
    sh("ip link add lan0 type bridge");
    sh("nft -f - <<'EOF'
table ip t {
    set s { type ipv4_addr; }
    chain c { type filter hook output priority 0; policy accept; ip daddr @s drop; }
}
EOF
        for at in $(seq 0 35); do awk -v at=$at 'BEGIN {
            printf \"add element ip t s { 11.%d.0.0\", at
            for (i = 1; i < 2000; i++)
                printf \", 11.%d.%d.%d\", at, i / 128, i % 128 * 2
            print \" }\"
        }' | nft -f - || exit 1; done");
    assert_eq!(
        judged("192.168.77.0/24", "192.168.77.2"),
        "unclear in c: set s"
    );
    assert_eq!(judged("fd00:77::/64", "fd00:77::2"), "passes");
}

fn chain(family: &str, table: &str, chain: &str, hook: &str, priority: i32) -> BaseChain {
    BaseChain {
        family: family.to_owned(),
        table: table.to_owned(),
        chain: chain.to_owned(),
        hook: hook.to_owned(),
        priority,
        policy_drops: false,
        rules_drop: false,
        rules: None,
        owner: Owner::Unknown,
        evidence: Vec::new(),
    }
}

fn chains() {
    assert_eq!(observe().0, Section::Seen(Vec::new()));
    let rules = "
        table inet harmless {
            chain in { type filter hook input priority 0; policy accept;
                ip saddr 10.0.0.1 counter accept; tcp dport 22 jump other; }
            chain other { return; }
        }
        table inet strict {
            chain in { type filter hook input priority 5; policy drop; }
            chain out { type filter hook output priority -5; policy accept; }
        }
        table ip docker-bridges {
            chain forwarding { type filter hook forward priority 0; policy accept; jump deeper; }
            chain deeper { ip daddr 10.0.0.9 counter drop; }
        }
        table ip6 wg-quick-wg0 {
            chain preraw { type filter hook prerouting priority -300; policy accept;
                ip6 daddr fd00::1 fib saddr type != local reject; }
        }
        table ip mapped {
            map verdicts { type ipv4_addr : verdict; elements = { 10.0.0.1 : drop }; }
            chain post { type filter hook postrouting priority 0; ip daddr vmap @verdicts; }
        }
        table ip sets {
            set known { type ipv4_addr; elements = { 10.0.0.1 }; }
            chain post { type filter hook postrouting priority 0; ip daddr @known accept; }
        }
    ";
    sh(&format!("nft -f - <<'EOF'\n{rules}\nEOF"));
    let wanted = vec![
        BaseChain {
            policy_drops: true,
            ..chain("inet", "strict", "in", "input", 5)
        },
        BaseChain {
            rules_drop: true,
            owner: Owner::Docker,
            ..chain("ip", "docker-bridges", "forwarding", "forward", 0)
        },
        BaseChain {
            rules_drop: true,
            ..chain("ip", "mapped", "post", "postrouting", 0)
        },
        BaseChain {
            rules_drop: true,
            owner: Owner::WgQuick,
            ..chain("ip6", "wg-quick-wg0", "preraw", "prerouting", -300)
        },
    ];
    assert_eq!(bare(), Section::Seen(wanted));
}

/// Chains that drop nothing, but write what those that drop ask for.
fn marks() {
    sh("ip link add lan0 type bridge");
    let mut wrong = Vec::new();
    for (before, asks, found) in [
        (
            "meta mark set 7",
            "output priority 0; policy drop; meta mark 7 accept",
            "passes",
        ),
        (
            "meta mark set 6",
            "output priority 0; policy drop; meta mark 7 accept",
            "dropped by c",
        ),
        (
            "ct mark set 7",
            "input priority 0; policy drop; ct mark 7 accept",
            "passes",
        ),
        (
            "ct mark set 7",
            "input priority 0; policy drop; ct mark != 7 accept",
            "dropped by c",
        ),
        (
            "goto there",
            "input priority 0; policy drop; ct mark 7 accept",
            "passes",
        ),
        (
            "counter",
            "input priority 0; policy drop; ct state established accept",
            "passes",
        ),
        (
            "notrack",
            "input priority 0; policy drop; ct state established accept",
            "dropped by c",
        ),
    ] {
        let priority = if before == "notrack" { -300 } else { -150 };
        sh(&format!(
            "nft -f - <<'EOF'
table inet t {{
    chain there {{ ct mark set 7; }}
    chain before {{ type route hook output priority {priority}; policy accept; {before}; }}
    chain forwards {{ type filter hook forward priority 0; policy accept; ct mark set 7; }}
    chain c {{ type filter hook {asks}; }}
}}
EOF"
        ));
        let judged = judged("192.168.77.0/24", "192.168.77.2");
        let chains = observe().0;
        let mut chains = chains.items().iter().map(|chain| chain.chain.as_str());
        let marks = before != "counter";
        assert!(chains.clone().all(|chain| chain != "forwards"));
        assert_eq!(chains.any(|chain| chain == "before"), marks, "{before}");
        if judged != found {
            wrong.push(format!("{before}: {asks}: {judged}"));
        }
        sh("nft delete table inet t");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn iptables() {
    if !try_sh("iptables-nft -V").0 {
        not_run("there is no iptables-nft");
    }
    sh("iptables-nft -A INPUT -s 10.0.0.1 -j REJECT");
    let wanted = BaseChain {
        rules_drop: true,
        ..chain("ip", "filter", "INPUT", "input", 0)
    };
    assert_eq!(bare(), Section::Seen(vec![wanted]));
}

fn policies() {
    assert_eq!(observe().1, Section::Seen(Vec::new()));
    sh(
        "ip xfrm policy add src 10.0.0.0/8 dst 10.1.0.0/16 dir out priority 7 \
        tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel",
    );
    sh("ip xfrm policy add src fd00::/8 dst ::/0 dir in action block");
    let Section::Seen(mut seen) = observe().1 else {
        panic!("they can be read");
    };
    seen.sort_by_key(|policy| policy.direction.clone());
    let policy = |direction: &str, from: &str, to: &str| XfrmPolicy {
        direction: direction.to_owned(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        action: "allow".to_owned(),
        transforms: true,
        priority: 7,
        if_id: 0,
        selective: false,
        reqid: Some(0),
        owner: Owner::Unknown,
        evidence: Vec::new(),
    };
    assert_eq!(
        seen,
        [
            XfrmPolicy {
                action: "block".to_owned(),
                transforms: false,
                priority: 0,
                reqid: None,
                ..policy("in", "fd00::/8", "::/0")
            },
            policy("out", "10.0.0.0/8", "10.1.0.0/16"),
        ]
    );
}

/// What holds for some packets only must not be taken to hold for all.
fn narrow_policies() {
    sh("ip link add way0 type bridge");
    let template = "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel";
    let policies = [
        ("", 0, false),
        ("if_id 42", 42, false),
        ("mark 7 mask 0xff", 0, true),
        ("mark 0 mask 0xff", 0, false),
        ("proto tcp", 0, true),
        ("proto udp dport 53", 0, true),
        ("proto udp sport 53", 0, true),
        ("dev way0", 0, true),
    ];
    for (number, (what, _, _)) in policies.iter().enumerate() {
        // A selector's words stand before the direction, the others behind it.
        let (selector, rest) = if what.starts_with("proto") || what.starts_with("dev") {
            (*what, "")
        } else {
            ("", *what)
        };
        sh(&format!(
            "ip xfrm policy add src 10.0.{number}.0/24 dst 10.1.0.0/16 {selector} dir out {rest} {template}"
        ));
    }
    let Section::Seen(mut seen) = observe().1 else {
        panic!("they can be read");
    };
    seen.sort_by_key(|policy| policy.from);
    assert_eq!(seen.len(), policies.len());
    for (policy, (what, if_id, selective)) in seen.iter().zip(policies) {
        assert_eq!(
            (policy.if_id, policy.selective),
            (if_id, selective),
            "{what}"
        );
    }
}

/// Without CAP_NET_ADMIN neither can be read: this program starts itself once more,
/// without it.
fn unreadable() {
    const AGAIN: &str = "NETPROF_NETLINK_UNPRIVILEGED";
    if std::env::var(AGAIN).is_err() {
        let output = Command::new("setpriv")
            .args(["--bounding-set=-net_admin", "--inh-caps=-net_admin", "--"])
            .arg(std::env::current_exe().unwrap())
            .env(AGAIN, "1")
            .output()
            .expect("setpriv(1) starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        return;
    }
    let (firewall, xfrm) = observe();
    assert_eq!(
        firewall,
        Section::Unreadable("cannot read the nft ruleset: Operation not permitted".to_owned())
    );
    assert_eq!(
        xfrm,
        Section::Unreadable("cannot read the IPsec policies: Operation not permitted".to_owned())
    );
}
