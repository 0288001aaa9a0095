//! Whole rulesets of nft: what changes while it is read, sleeps, or is large.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use netprof_engine::backend::Backend;
use netprof_linux::Linux;
use netprof_model::Section;
use netprof_plan::Need;

use crate::filters::{judged, verdict};
use crate::namespace::{Test, sh};

pub(crate) const TESTS: &[Test] = &[
    ("two_rulesets_that_take_turns_are_never_read_as_one", turns),
    ("chains_of_a_dormant_table_count_for_nothing", dormant),
    ("a_large_set_is_put_in_order_once_for_all_rules", large_set),
    ("a_map_leads_to_rules_with_sets_of_their_own", map_of_chains),
];

const FOUR: (&str, &str) = ("192.168.77.0/24", "192.168.77.2");

/// A process that ends with its test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Each of two rulesets lets the LAN pass; the set of one with the rules of the other
/// drops it, and so does the policy of one without its rules.
fn turns() {
    sh("ip link add lan0 type bridge");
    let ruleset = |policy: &str, element: &str, rules: &str| {
        format!(
            "table inet t
            delete table inet t
            table inet t {{
                set s {{ type ipv4_addr; flags interval; elements = {{ {element} }}; }}
                chain c {{ type filter hook output priority 0; policy {policy};
                    {rules}
                }}
            }}"
        )
    };
    let one = ruleset("accept", "10.0.0.0/8", "ip daddr @s drop");
    let other = ruleset("drop", "192.168.0.0/16", "ip daddr @s accept");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [("one", &one), ("other", &other)] {
        std::fs::write(path(name), text).unwrap();
        sh(&format!("nft -f {}", path(name)));
        assert_eq!(judged(FOUR.0, FOUR.1), "passes");
    }
    let line = format!(
        "while nft -f {} && nft -f {}; do :; done",
        path("one"),
        path("other")
    );
    let child = Command::new("sh").args(["-c", &line]).spawn();
    let mut child = Ending(child.expect("there is a shell"));
    let need = Need {
        filters: true,
        ..Need::default()
    };
    let (mut seen, mut unsteady, mut wrong) = (0, 0, Vec::new());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(6) {
        let snapshot = Linux::new()
            .observe(need.clone())
            .expect("it can be observed");
        match &snapshot.firewall {
            Section::Seen(_) => seen += 1,
            Section::Unreadable(why) => {
                assert!(why.contains("it changed each time"), "{why}");
                unsteady += 1;
            }
            other => panic!("nft is there: {other:?}"),
        }
        let found = verdict(&snapshot, FOUR.0, FOUR.1);
        if found != "passes" {
            wrong.push(found);
        }
    }
    let ended = child.0.try_wait().expect("it can be asked");
    assert!(ended.is_none(), "nothing took turns any more");
    assert!(wrong.is_empty(), "{} of {seen}: {wrong:?}", wrong.len());
    assert!(unsteady < seen, "{unsteady} looks saw nothing, {seen} did");
}

/// nft(8): a dormant table's chains are at no hook.
fn dormant() {
    sh("ip link add lan0 type bridge");
    sh("nft -f - <<'EOF'
        table inet t { flags dormant;
            chain c { type filter hook output priority 0; policy drop; }
        }
EOF");
    assert_eq!(judged(FOUR.0, FOUR.1), "passes");
    sh("nft add table inet t");
    assert_eq!(judged(FOUR.0, FOUR.1), "dropped by c");
}

/// The set of many rules is read once, and what they keep of it is bounded: the first of
/// them are told, and of the others it is said that they are not.
fn large_set() {
    sh("ip link add lan0 type bridge");
    sh("nft -f - <<'EOF'
table ip t {
    set s { type ipv4_addr; }
    set local { type ipv4_addr; flags interval; elements = { 192.168.0.0/16 }; }
    chain c { type filter hook output priority 0; policy accept; ip daddr @local drop; }
    chain f { type filter hook forward priority 0; policy accept; ip daddr @s drop; }
}
EOF
        for at in $(seq 0 29); do awk -v at=$at 'BEGIN {
            printf \"add element ip t s { 11.%d.0.0\", at
            for (i = 1; i < 2000; i++)
                printf \", 11.%d.%d.%d\", at, i / 128, i % 128 * 2
            print \" }\"
        }' | nft -f - || exit 1; done");
    assert_eq!(judged(FOUR.0, FOUR.1), "dropped by c");
    sh("nft flush chain ip t c
        for at in $(seq 20); do nft add rule ip t c ip daddr @s accept; done
        nft add rule ip t c ip daddr @local drop");
    let many = Instant::now();
    let found = judged(FOUR.0, FOUR.1);
    let many = many.elapsed();
    assert!(
        found == "dropped by c" || found == "unclear in c: set s",
        "{found}"
    );
    assert!(many < Duration::from_secs(3), "{many:?}");
}

fn map_of_chains() {
    sh("ip link add lan0 type bridge");
    sh("nft -f - <<'EOF'
table ip t {
    set local { type ipv4_addr; flags interval; elements = { 192.168.0.0/16 }; }
    chain deep { ip daddr @local drop; }
    map m { type ifname : verdict; elements = { lan0 : jump deep }; }
    chain c { type filter hook output priority 0; policy accept; oifname vmap @m; }
}
EOF");
    assert_eq!(judged(FOUR.0, FOUR.1), "dropped by deep");
}
