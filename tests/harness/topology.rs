//! Networks to put a workstation into.
//!
//! `Office` is the everyday conflict: a LAN, and a corporate link whose client
//! took all names. `VpnSite` is what a real VPN client needs: a LAN router, a
//! VPN server beyond it, and things that only the server can reach. Addresses
//! of documentation and private ranges, names of example domains.

use super::{Bus, DnsServer, Lab, Peer, Resolved, Zone, until};

/// ```text
///  192.168.88.0/24 -- LAN router .1 --lan0-- workstation --corp0-- CORP .1 -- 10.99.5.5
///  203.0.113.80    --'  192.168.77.0/24 .2                .2  10.99.0.0/24
/// ```
/// The LAN is fd00:77::/64 too, corp fd00:99::/64. Names: `home.arpa` on the
/// LAN's server, `corp.example` on corp's.
#[derive(Debug)]
pub(crate) struct Office<'lab> {
    pub(crate) lan: Peer<'lab>,
    pub(crate) corp: Peer<'lab>,
    pub(crate) lan_dns: DnsServer,
    pub(crate) corp_dns: DnsServer,
}

impl<'lab> Office<'lab> {
    /// Links, addresses, routes and servers, but no resolver.
    pub(crate) fn new(lab: &'lab Lab) -> Self {
        prepare(lab);
        let lan = Peer::new(lab, "lan");
        let corp = Peer::new(lab, "corp");
        lan.cable("lan0");
        corp.cable("corp0");
        lan.forward();
        lan.run_each(
            "ip addr add 192.168.77.1/24 dev eth0
             ip addr add 192.168.77.50/24 dev eth0
             ip addr add fd00:77::1/64 dev eth0
             ip addr add fd00:77::50/64 dev eth0
             ip link add far type bridge
             ip addr add 192.168.88.1/24 dev far
             ip addr add 192.168.88.50/24 dev far
             ip addr add fd00:88::1/64 dev far
             ip link set far up
             ip addr add 203.0.113.80/32 dev lo",
        );
        corp.run_each(
            "ip addr add 10.99.0.1/24 dev eth0
             ip addr add fd00:99::1/64 dev eth0
             ip addr add 10.99.5.5/32 dev lo
             ip addr add fd00:99:5::5/128 dev lo",
        );
        lab.run_each(
            "ip addr add 192.168.77.2/24 dev lan0
             ip addr add fd00:77::2/64 dev lan0
             ip addr add 10.99.0.2/24 dev corp0
             ip addr add fd00:99::2/64 dev corp0
             ip route add default via 192.168.77.1
             ip route add default via fd00:77::1
             ip route add 192.168.88.0/24 via 192.168.77.1",
        );
        settle(lab, &["lan0", "corp0"]);
        let lan_dns = DnsServer::start(&lan, &lan_zone());
        let corp_dns = DnsServer::start(&corp, &corp_zone());
        Self {
            lan,
            corp,
            lan_dns,
            corp_dns,
        }
    }

    /// A third link: `third0` 172.20.0.2/24, `third.example` on its server.
    pub(crate) fn add_third(&self) -> (Peer<'lab>, DnsServer) {
        let lab = self.lan.lab();
        let third = Peer::new(lab, "third");
        third.cable("third0");
        third.run("ip addr add 172.20.0.1/24 dev eth0");
        lab.run("ip addr add 172.20.0.2/24 dev third0");
        settle(lab, &["third0"]);
        let server = DnsServer::start(
            &third,
            &Zone::new().host("db.third.example", &["172.20.0.9"]),
        );
        (third, server)
    }

    /// The resolver as a corporate client leaves it: both links have their
    /// server, and corp took every name (`~.`).
    pub(crate) fn start_resolver(&self) -> Resolver {
        let lab = self.lan.lab();
        let bus = Bus::start(lab);
        let resolved = Resolved::start(lab);
        lab.run_each(
            "resolvectl dns lan0 192.168.77.1
             resolvectl dns corp0 10.99.0.1
             resolvectl domain corp0 ~.",
        );
        // Nothing that was asked while setting up is the test's.
        self.lan_dns.forget();
        self.corp_dns.forget();
        Resolver {
            resolved,
            _bus: bus,
        }
    }
}

/// The bus and resolved; ended in this order.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) resolved: Resolved,
    _bus: Bus,
}

/// ```text
///  workstation --lan0-- LAN router --203.0.113.0/24-- VPN server .10 -- 10.99.0.0/16
///   192.168.77.2         .1                            DNS and services 10.99.0.1, 10.99.5.5
/// ```
/// The inner services answer to the outside as well as through a tunnel only
/// where a route leads there: the LAN router has none.
#[derive(Debug)]
pub(crate) struct VpnSite<'lab> {
    pub(crate) lan: Peer<'lab>,
    pub(crate) server: Peer<'lab>,
    pub(crate) lan_dns: DnsServer,
    pub(crate) corp_dns: DnsServer,
}

impl<'lab> VpnSite<'lab> {
    pub(crate) const SERVER: &'static str = "203.0.113.10";
    /// The network of the cable into the corporate network, and the gateway there.
    pub(crate) const CABLE: &'static str = "10.97.0.0/24";
    pub(crate) const GATEWAY: &'static str = "10.97.0.1";

    pub(crate) fn new(lab: &'lab Lab) -> Self {
        prepare(lab);
        let lan = Peer::new(lab, "lan");
        let server = Peer::new(lab, "vpn");
        lan.cable("lan0");
        lan.forward();
        server.forward();
        lan.run_each(
            "ip addr add 192.168.77.1/24 dev eth0
             ip addr add 192.168.77.50/24 dev eth0
             ip addr add fd00:77::1/64 dev eth0
             ip link add far type bridge
             ip addr add 192.168.88.1/24 dev far
             ip link set far up
             ip link add wan0 type veth peer name wan0 netns vpn
             ip addr add 203.0.113.1/24 dev wan0
             ip link set wan0 up",
        );
        server.run_each(
            "ip addr add 203.0.113.10/24 dev wan0
             ip link set wan0 up
             ip route add default via 203.0.113.1
             ip link add corp type bridge
             ip addr add 10.99.0.1/16 dev corp
             ip addr add 10.99.5.5/16 dev corp
             ip link set corp up",
        );
        join_lan(lab);
        until("the VPN server can be reached", || {
            lab.reaches(Self::SERVER)
        });
        let lan_dns = DnsServer::start(&lan, &lan_zone());
        let corp_dns = DnsServer::start(&server, &corp_zone());
        Self {
            lan,
            server,
            lan_dns,
            corp_dns,
        }
    }

    /// Plugs a cable into the corporate network: `corp0`, on which nothing is set here.
    pub(crate) fn plug_in(&self) {
        self.server.cable("corp0");
        self.server
            .run(&format!("ip addr add {}/24 dev eth0", Self::GATEWAY));
        settle(self.server.lab(), &["corp0"]);
    }
}

/// The workstation in the LAN, behind its router and with the way to what lies behind that.
pub(super) fn join_lan(lab: &Lab) {
    lab.run_each(
        "ip addr add 192.168.77.2/24 dev lan0
         ip addr add fd00:77::2/64 dev lan0
         ip route add default via 192.168.77.1
         ip route add 192.168.88.0/24 via 192.168.77.1",
    );
    settle(lab, &["lan0"]);
}

pub(super) fn lan_zone() -> Zone {
    Zone::new()
        .host("router.home.arpa", &["192.168.77.1", "fd00:77::1"])
        .host("nas.home.arpa", &["192.168.77.50", "fd00:77::50"])
        .host("www.example.com", &["203.0.113.80"])
}

fn corp_zone() -> Zone {
    Zone::new()
        .host("git.corp.example", &["10.99.5.5", "fd00:99:5::5"])
        .host("intranet.corp.example", &["10.99.0.1", "fd00:99::1"])
}

/// lo is up, and IPv6 does nothing on its own: no duplicate detection to wait
/// for, no address or route that appears between two looks.
pub(super) fn prepare(lab: &Lab) {
    lab.run("ip link set lo up");
    lab.run(super::peer::QUIET_IPV6);
}

/// Waits until the kernel has given a link what it gives it by itself for IPv6: the route of
/// its address comes last, from a work queue.
pub(crate) fn until_addressed(lab: &Lab, link: &str) {
    until(&format!("{link} has its address"), || {
        let own = lab.run(&format!("ip -6 route show table local dev {link}"));
        own.contains("local fe80::")
    });
}

/// A link's carrier and its IPv6 routes come from a work queue of the kernel.
pub(super) fn settle(lab: &Lab, links: &[&str]) {
    for link in links {
        until(&format!("{link} is settled"), || {
            let state = std::fs::read_to_string(format!("/sys/class/net/{link}/operstate"));
            state.is_ok_and(|state| state.trim() == "up")
                && lab
                    .run(&format!("ip -6 addr show dev {link} scope link"))
                    .contains("fe80::")
                && !lab
                    .run(&format!("ip -6 addr show dev {link}"))
                    .contains("tentative")
                && lab
                    .run(&format!("ip -6 route show dev {link}"))
                    .contains("fe80::/64")
        });
    }
}
