//! nft chains that may drop something: which are seen, whose they are, and that what may
//! not be read says so.

use std::process::Command;

use netprof_engine::backend::Backend;
use netprof_linux::Linux;
use netprof_model::snapshot::{BaseChain, XfrmPolicy};
use netprof_model::{Owner, Section, Snapshot};
use netprof_plan::Need;
use netprof_plan::linux::firewall::{Judgement, Lan, Lost, judge};

use crate::namespace::{Test, not_run, sh, try_sh};

pub(crate) const TESTS: &[Test] = &[
    ("chains_that_may_drop_are_seen_with_their_owner", chains),
    ("chains_that_write_marks_are_followed", marks),
    ("rules_of_iptables_nft_are_seen", iptables),
    ("a_set_that_is_too_large_is_not_told", large_set),
    ("what_may_not_be_read_says_so", unreadable),
];

/// The filters that are there, and the IPsec policies.
pub(crate) fn observe() -> (Section<Vec<BaseChain>>, Section<Vec<XfrmPolicy>>) {
    let need = Need {
        filters: true,
        ..Need::default()
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
    let no_ruleset = "cannot read the nft ruleset: Operation not permitted";
    assert_eq!(firewall, Section::Unreadable(no_ruleset.to_owned()));
    assert_eq!(
        netprof_linux::netlink::clamp::table(),
        Section::Unreadable(no_ruleset.to_owned())
    );
    assert_eq!(
        xfrm,
        Section::Unreadable("cannot read the IPsec policies: Operation not permitted".to_owned())
    );
}
