//! nft chains and IPsec policies.

use std::process::Command;

use netprof_engine::backend::Backend;
use netprof_linux::Linux;
use netprof_model::snapshot::{BaseChain, XfrmPolicy};
use netprof_model::{Owner, Section};
use netprof_plan::{Need, Routes};

use crate::namespace::{Test, not_run, sh, try_sh};

pub(crate) const TESTS: &[Test] = &[
    ("chains_that_may_drop_are_seen_with_their_owner", chains),
    ("rules_of_iptables_nft_are_seen", iptables),
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

fn chain(family: &str, table: &str, chain: &str, hook: &str, priority: i32) -> BaseChain {
    BaseChain {
        family: family.to_owned(),
        table: table.to_owned(),
        chain: chain.to_owned(),
        hook: hook.to_owned(),
        priority,
        policy_drops: false,
        rules_drop: false,
        owner: Owner::Unknown,
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
    assert_eq!(observe().0, Section::Seen(wanted));
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
    assert_eq!(observe().0, Section::Seen(vec![wanted]));
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
        owner: Owner::Unknown,
    };
    assert_eq!(
        seen,
        [
            XfrmPolicy {
                action: "block".to_owned(),
                transforms: false,
                priority: 0,
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
        Section::Unreadable("cannot read the nft chains: Operation not permitted".to_owned())
    );
    assert_eq!(
        xfrm,
        Section::Unreadable("cannot read the IPsec policies: Operation not permitted".to_owned())
    );
}
