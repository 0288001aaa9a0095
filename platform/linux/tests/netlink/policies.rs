//! IPsec policies.

use netprof_model::snapshot::XfrmPolicy;
use netprof_model::{Owner, Section};

use crate::filters::observe;
use crate::namespace::{Test, sh};

pub(crate) const TESTS: &[Test] = &[
    ("policies_of_ipsec_are_seen", policies),
    ("policies_for_some_packets_only_say_so", narrow_policies),
];

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
