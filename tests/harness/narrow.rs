//! Ways that take smaller packets than their ends, and on which nobody is told so: whoever
//! forwards says it by ICMP (RFC 1191, RFC 8201), and those who should hear it drop that.

use super::topology::{prepare, settle};
use super::{Lab, Load, Peer, Transfer};

/// Where the server listens, in both families.
pub(crate) const SERVER: [&str; 2] = ["198.51.100.10:80", "[fd00:51::10]:80"];

/// ```text
/// workstation --lan0-- LAN router --mid0, 1280-- MID --srv0-- SRV .10
///        .2  192.168.77.0/24  .1  10.50.0.0/24   .2  198.51.100.0/24
/// ```
/// And fd00:77::/64, fd00:50::/64, fd00:51::/64. The narrow place is beyond the LAN.
#[derive(Debug)]
pub(crate) struct NarrowBeyond<'lab> {
    lab: &'lab Lab,
}

impl<'lab> NarrowBeyond<'lab> {
    pub(crate) fn new(lab: &'lab Lab) -> Self {
        prepare(lab);
        let [lan, mid, srv] = ["lan", "mid", "srv"].map(|name| Peer::new(lab, name));
        lan.cable("lan0");
        lan.run("ip link add mid0 type veth peer name mid0 netns mid");
        mid.run("ip link add srv0 type veth peer name eth0 netns srv");
        lan.forward();
        mid.forward();
        lab.run_each(
            "ip addr add 192.168.77.2/24 dev lan0
             ip addr add fd00:77::2/64 dev lan0
             ip route add default via 192.168.77.1
             ip route add default via fd00:77::1",
        );
        lan.run_each(
            "ip addr add 192.168.77.1/24 dev eth0
             ip addr add fd00:77::1/64 dev eth0
             ip addr add 10.50.0.1/24 dev mid0
             ip addr add fd00:50::1/64 dev mid0
             ip link set mid0 mtu 1280 up
             ip route add default via 10.50.0.2
             ip route add default via fd00:50::2",
        );
        mid.run_each(
            "ip addr add 10.50.0.2/24 dev mid0
             ip addr add fd00:50::2/64 dev mid0
             ip link set mid0 mtu 1280 up
             ip addr add 198.51.100.1/24 dev srv0
             ip addr add fd00:51::1/64 dev srv0
             ip link set srv0 up
             ip route add 192.168.77.0/24 via 10.50.0.1
             ip route add fd00:77::/64 via fd00:50::1",
        );
        serve(&srv);
        settle(lab, &["lan0"]);
        lan.says_no_size("output");
        mid.says_no_size("output");
        Self { lab }
    }

    /// What comes of transfers in both directions and both families.
    pub(crate) fn transfers(&self) -> [Transfer; 4] {
        of_all(|load, to| self.lab.transfer(load, to))
    }
}

/// ```text
/// BOX --box0-- workstation --vpn0, 1280-- GATE --srv0-- SRV .10
///  .2 10.60.0.0/24 .1    .2  10.50.0.0/24  .1  198.51.100.0/24
/// ```
/// And fd00:60::/64, fd00:50::/64, fd00:51::/64. The narrow place is a link of the
/// workstation, which forwards what the box behind it sends. The workstation also has
/// 192.168.77.2 and fd00:77::2 on a LAN whose router leads nowhere.
#[derive(Debug)]
pub(crate) struct NarrowLink<'lab> {
    lab: &'lab Lab,
    inner: Peer<'lab>,
}

impl<'lab> NarrowLink<'lab> {
    pub(crate) fn new(lab: &'lab Lab) -> Self {
        prepare(lab);
        let [lan, inner, gate, srv] =
            ["lan", "box", "gate", "srv"].map(|name| Peer::new(lab, name));
        lan.cable("lan0");
        inner.cable("box0");
        gate.cable("vpn0");
        gate.run("ip link add srv0 type veth peer name eth1 netns srv");
        srv.run("ip link set eth1 name eth0");
        gate.forward();
        lab.run_each(
            "sysctl -qw net.ipv4.ip_forward=1
             sysctl -qw net.ipv6.conf.all.forwarding=1
             sysctl -qw net.ipv4.conf.all.rp_filter=0
             sysctl -qw net.ipv4.conf.vpn0.rp_filter=0
             ip addr add 192.168.77.2/24 dev lan0
             ip addr add fd00:77::2/64 dev lan0
             ip route add default via 192.168.77.1
             ip route add default via fd00:77::1
             ip addr add 10.60.0.1/24 dev box0
             ip addr add fd00:60::1/64 dev box0
             ip addr add 10.50.0.2/24 dev vpn0
             ip addr add fd00:50::2/64 dev vpn0
             ip link set vpn0 mtu 1280
             ip route add 198.51.100.0/24 via 10.50.0.1
             ip route add fd00:51::/64 via fd00:50::1",
        );
        inner.run_each(
            "ip addr add 10.60.0.2/24 dev eth0
             ip addr add fd00:60::2/64 dev eth0
             ip route add default via 10.60.0.1
             ip route add default via fd00:60::1",
        );
        gate.run_each(
            "ip addr add 10.50.0.1/24 dev eth0
             ip addr add fd00:50::1/64 dev eth0
             ip link set eth0 mtu 1280
             ip addr add 198.51.100.1/24 dev srv0
             ip addr add fd00:51::1/64 dev srv0
             ip link set srv0 up
             ip route add default via 10.50.0.2
             ip route add default via fd00:50::2",
        );
        serve(&srv);
        settle(lab, &["lan0", "box0", "vpn0"]);
        inner.says_no_size("input");
        srv.says_no_size("input");
        Self { lab, inner }
    }

    /// What comes of transfers of the box behind the workstation.
    pub(crate) fn forwarded(&self) -> [Transfer; 4] {
        of_all(|load, to| self.inner.transfer(load, to))
    }

    /// What comes of transfers of the workstation itself.
    pub(crate) fn local(&self) -> [Transfer; 4] {
        of_all(|load, to| self.lab.transfer(load, to))
    }

    /// The same, to the workstation alone and with nothing of what its kernel has learned
    /// of sizes before: what it sends, it is told the size of, and then it knows.
    pub(crate) fn local_down(&self) -> [Transfer; 2] {
        self.lab.run("ip -4 route flush cache");
        self.lab.run("ip -6 route flush cache");
        SERVER.map(|to| self.lab.transfer(Load::Down, to))
    }

    /// Has the workstation's own packets for the server go by the LAN until they are marked,
    /// as those of single programs are that a VPN takes: the connection was begun for the
    /// LAN's size.
    pub(crate) fn lead_marked_ones_through(&self) {
        self.lab.run_each(
            "ip route del 198.51.100.0/24
             ip route del fd00:51::/64
             ip route add 198.51.100.0/24 via 10.50.0.1 table 77
             ip route add fd00:51::/64 via fd00:50::1 table 77
             ip rule add fwmark 7 lookup 77
             ip -6 rule add fwmark 7 lookup 77",
        );
        self.lab.feed(
            "nft -f -",
            "table inet marks {
                chain out {
                    type route hook output priority mangle; policy accept;
                    tcp dport 80 meta mark set 7
                }
            }",
        );
    }
}

fn serve(srv: &Peer<'_>) {
    srv.run_each(
        "ip addr add 198.51.100.10/24 dev eth0
         ip addr add fd00:51::10/64 dev eth0 nodad
         ip link set eth0 up
         ip route add default via 198.51.100.1
         ip route add default via fd00:51::1",
    );
    for address in SERVER {
        srv.exchange_tcp(address);
    }
}

impl Peer<'_> {
    /// Drops what says that a packet was too large.
    fn says_no_size(&self, hook: &str) {
        self.run_each(&format!(
            "nft add table inet deaf
             nft add chain inet deaf told {{ type filter hook {hook} priority 0 ; }}
             nft add rule inet deaf told icmp type destination-unreachable drop
             nft add rule inet deaf told icmpv6 type packet-too-big drop"
        ));
    }
}

/// Up and down by IPv4, up and down by IPv6; at once, since what is stuck takes its time.
fn of_all(transfer: impl Fn(Load, &str) -> Transfer + Sync) -> [Transfer; 4] {
    let [v4, v6] = SERVER;
    let all = [
        (Load::Up, v4),
        (Load::Down, v4),
        (Load::Up, v6),
        (Load::Down, v6),
    ];
    let transfer = &transfer;
    std::thread::scope(|scope| {
        all.map(|(load, to)| scope.spawn(move || transfer(load, to)))
            .map(|one| one.join().expect("it does not panic"))
    })
}
