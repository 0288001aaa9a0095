//! What becomes of a LAN behind rules of nft and of iptables-nft, each as the kernel would
//! run it.

use crate::filters::judged;
use crate::namespace::{Test, not_run, sh, try_sh};

pub(crate) const TESTS: &[Test] = &[
    ("rules_are_read_as_the_kernel_runs_them", rules),
    (
        "kill_switches_of_iptables_nft_are_read",
        switches_of_iptables,
    ),
];

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
