//! netprof beside real VPN clients, one after the other: what a person would notice at
//! each stage, and what `plan` and `status` say of it.
//!
//! What is seen is also a table of docs/clients.md, which `tests/clients --write` writes
//! and each of these tests compares with what it saw.

use serde_json::Value;

use crate::harness::clients::{
    Client, OpenConnect, OpenVpn, StrongSwan, Tailscale, Tunnel, WgQuick,
};
use crate::harness::{Bus, Holdings, Lab, Picture, Resolved, Seen, StageTable, VpnSite};

const DOCS: &str = include_str!("../docs/clients.md");

/// The route to the network behind the LAN, as plans name it.
const FAR: &str = "route4 192.168.88.0/24 table 254 metric 0 tos 0";

pub(crate) fn openvpn_whose_script_takes_all_names(lab: &Lab) {
    walk(
        lab,
        "OpenVPN, full tunnel, names taken by an up script",
        &Told {
            names: &["~."],
            ..Told::DEFAULT
        },
        |site| Box::new(OpenVpn::with_script(lab, site)),
    );
}

pub(crate) fn openvpn_that_takes_all_names_by_itself(lab: &Lab) {
    walk(
        lab,
        "OpenVPN 2.7, full tunnel, names taken by itself",
        &Told {
            names: &["~."],
            ..Told::DEFAULT
        },
        |site| Box::new(OpenVpn::without_script(lab, site)),
    );
}

pub(crate) fn openconnect_with_a_full_tunnel(lab: &Lab) {
    walk(
        lab,
        "openconnect with vpnc-script, full tunnel",
        &Told {
            names: &["corp.example"],
            // It keeps its link, and what was set on it.
            reconnected: "holds",
            // vpnc-script deletes the route to 192.168.88.0/24, which was not its own.
            wants_when_disconnected: &[FAR],
            ..Told::DEFAULT
        },
        |site| Box::new(OpenConnect::new(lab, site, Tunnel::Full)),
    );
}

pub(crate) fn openconnect_with_a_split_tunnel(lab: &Lab) {
    walk(
        lab,
        "openconnect with vpnc-script, split tunnel",
        &Told {
            names: &["corp.example"],
            reconnected: "holds",
            wants_when_disconnected: &[FAR],
            ..Told::DEFAULT
        },
        |site| Box::new(OpenConnect::new(lab, site, Tunnel::Split)),
    );
}

pub(crate) fn wg_quick_with_all_traffic(lab: &Lab) {
    walk(
        lab,
        "wg-quick with wireguard-go, all traffic",
        &Told {
            names: &["corp.example", "~."],
            ..Told::DEFAULT
        },
        |site| Box::new(WgQuick::new(lab, site)),
    );
}

pub(crate) fn strongswan_with_all_traffic(lab: &Lab) {
    walk(
        lab,
        "strongSwan with kernel-libipsec, all traffic",
        &Told {
            names: &["~."],
            // Its link stays when the connection ends, and its script reverts it.
            reconnected: "changed",
            disconnected: "changed",
            ..Told::DEFAULT
        },
        |site| Box::new(StrongSwan::new(lab, site)),
    );
}

pub(crate) fn tailscale_with_the_lans_subnet_and_an_exit_node(lab: &Lab) {
    walk(
        lab,
        "Tailscale's stand-in, a subnet equal to the LAN and an exit node",
        &Told {
            names: &["tail1234.ts.net", "~100.100.in-addr.arpa", "~."],
            ..Told::DEFAULT
        },
        |site| Box::new(Tailscale::new(lab, site)),
    );
}

/// The kernel puts rules that have no priority before all others but the first, so that
/// after a reconnect wg-quick's come before netprof's, and its half of the LAN in main
/// is found first.
pub(crate) fn wg_quick_that_comes_before_what_keeps_the_lan(lab: &Lab) {
    let beside = Beside::new(lab);
    let allowed = "0.0.0.0/0, ::/0, 192.168.77.0/25, 192.168.88.0/25";
    let mut client = WgQuick::allowing(lab, &beside.site, allowed);
    write_office(lab, &client, "");
    client.connect();
    assert_ne!(beside.look().lan, "yes");
    let applied = beside.apply();
    assert_eq!(applied.kept(), Seen::KEPT);
    for _ in 0..2 {
        client.reconnect();
        assert_ne!(beside.look().lan, "yes");
        let text = lab.netprof("plan office").exits(0).stdout;
        let why = "of wg-quick, which looks into main first";
        assert!(text.contains(why), "{text}");
        assert_eq!(beside.apply(), applied);
    }
    // Without them the usual place is right again.
    client.disconnect();
    assert_eq!(beside.apply().kept(), Seen::KEPT);
    let rules = lab.rules(4).to_string();
    assert_eq!(rules.matches("\"priority\":110,").count(), 2, "{rules}");
    lab.netprof("release").exits(0);
    assert_eq!(beside.look().kept(), Seen::KEPT);
}

/// vpnc-script deletes the routes to what its server excludes when it disconnects, also
/// one that was there before it, and one of netprof's.
pub(crate) fn openconnect_that_deletes_a_route_of_the_persons(lab: &Lab) {
    const ROUTER: &str = "192.168.77.254";
    let beside = Beside::new(lab);
    beside
        .site
        .lan
        .run(&format!("ip addr add {ROUTER}/24 dev eth0"));
    lab.run(&format!("ip route replace 192.168.88.0/24 via {ROUTER}"));
    let router = || lab.way_to("192.168.88.1").expect("there is a way").gateway;
    let right = Some(ROUTER.to_owned());
    let mut client = OpenConnect::new(lab, &beside.site, Tunnel::Split);
    write_office(lab, &client, &format!(" via=\"{ROUTER}\""));
    let before = Picture::take(lab);

    client.connect();
    beside.apply();
    assert_eq!(router(), right);
    client.disconnect();
    // Its own route is gone, and packets go to another router.
    assert_ne!(router(), right);
    let status = lab.netprof("status").exits(0).stdout;
    let says = "\n  + route 192.168.88.0/24  via 192.168.77.254 dev lan0";
    assert!(status.contains(says), "{status}");
    assert_eq!(beside.would_add(), [FAR]);
    beside.apply();
    assert_eq!(router(), right);

    // Now the route is netprof's, which does not help it: that is drift.
    client.connect();
    beside.apply();
    client.disconnect();
    assert_ne!(router(), right);
    let status = lab.netprof("status --exit-code").exits(5).stdout;
    let says = "is gone: somebody deleted it";
    assert!(status.contains(says), "{status}");
    beside.apply();
    assert_eq!(router(), right);

    // What vpnc-script took away before netprof was there to see it stays away.
    lab.netprof("release").exits(0);
    assert_ne!(router(), right);
    assert_eq!(before.differs_in(&Picture::take(lab)), ["routes, IPv4"]);
    lab.run(&format!("ip route add 192.168.88.0/24 via {ROUTER}"));
    before.assert_same(&Picture::take(lab));
}

/// Its resolv.conf passes by whatever resolved is told: everything that netprof made is
/// as it was, and no program sees it.
pub(crate) fn tailscale_that_takes_over_resolv_conf(lab: &Lab) {
    let beside = Beside::new(lab);
    let mut client = Tailscale::new(lab, &beside.site);
    write_office(lab, &client, "");
    client.connect();
    let applied = beside.apply();
    assert_eq!(applied.kept(), Seen::KEPT);

    client.take_resolv_conf();
    let taken = beside.look();
    assert_eq!(taken.other_names, "corp's server");
    let refused = lab.netprof("apply office").exits(1);
    let says = "/etc/resolv.conf of tailscale names 100.100.100.100";
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    assert_eq!(beside.look(), taken);
    let status = lab.netprof("status").exits(0);
    assert!(
        status.stdout.contains("cannot be applied anew"),
        "{}",
        status.stdout
    );
    assert!(status.stderr.contains(says), "{}", status.stderr);

    client.give_back_resolv_conf();
    assert_eq!(beside.apply(), applied);
    lab.netprof("release").exits(0);
    client.disconnect();
}

/// What netprof has to say of a client's link and names, at which stage.
struct Told {
    /// What `plan` shows that the client claims.
    names: &'static [&'static str],
    /// How `status` has the link's names after a reconnect, a disconnect, a kill.
    reconnected: &'static str,
    disconnected: &'static str,
    killed: &'static str,
    /// Which routes `plan` wants to add while the client is disconnected.
    wants_when_disconnected: &'static [&'static str],
}

impl Told {
    /// Of a client that makes its link anew each time.
    const DEFAULT: Self = Self {
        names: &[],
        reconnected: "expired",
        disconnected: "expired",
        killed: "expired",
        wants_when_disconnected: &[],
    };
}

/// The site, its resolver, and a client of it.
struct Beside<'lab> {
    lab: &'lab Lab,
    site: VpnSite<'lab>,
    _resolved: Resolved,
    _bus: Bus,
}

impl<'lab> Beside<'lab> {
    fn new(lab: &'lab Lab) -> Self {
        let site = VpnSite::new(lab);
        Seen::prepare(&site);
        let bus = Bus::start(lab);
        let resolved = Resolved::start(lab);
        lab.run("resolvectl dns lan0 192.168.77.1");
        Self {
            lab,
            site,
            _resolved: resolved,
            _bus: bus,
        }
    }

    fn look(&self) -> Seen {
        Seen::look(self.lab, &self.site)
    }

    /// Applies the profile, after which it holds: by what is seen, by what `plan` would
    /// still do, and by what `status` says.
    #[track_caller]
    fn apply(&self) -> Seen {
        let lab = self.lab;
        lab.netprof("apply office").exits(0);
        lab.netprof("plan office --exit-code").exits(0);
        let status = lab.netprof("status --json --exit-code").exits(0).json();
        assert_eq!(status["missing"], 0, "{status:#}");
        self.look()
    }

    /// How `status` has the names of a link.
    fn names_stand(&self, link: &str) -> String {
        let status = self.lab.netprof("status --json").exits(0).json();
        let resource = format!("dns link {link}");
        let all = status["resources"].as_array().expect("a list");
        let one = all.iter().find(|one| one["resource"] == resource.as_str());
        let one = one.unwrap_or_else(|| panic!("no {resource}: {status:#}"));
        one["standing"].as_str().expect("a word").to_owned()
    }

    /// Which routes `plan` would add.
    fn would_add(&self) -> Vec<String> {
        let plan = self.lab.netprof("plan office --json").exits(0).json();
        changes(&plan)
            .iter()
            .filter(|change| change["action"] == "add")
            .map(|change| change["resource"].as_str().expect("a name").to_owned())
            .filter(|resource| resource.starts_with("route"))
            .collect()
    }
}

fn changes(plan: &Value) -> &[Value] {
    plan["changes"].as_array().expect("a list")
}

fn write_office(lab: &Lab, client: &dyn Client, also: &str) {
    let (link, network, server) = (client.link(), client.network(), client.name_server());
    lab.write_profile(
        "office",
        &format!(
            r#"
profile "office" {{
    link "vpn" optional=#true {{ match name="{link}" address="{network}"; }}
    link "lan" {{ match name="lan0"; }}
    dns {{
        scope "corp" {{
            domains "corp.example" "10.in-addr.arpa"
            search "corp.example"
            servers "{server}"
            link "vpn"
        }}
    }}
    routes {{
        keep-localhost
        keep-lan "lan" {{ also "192.168.88.0/24"{also}; }}
        route "10.0.0.0/8" link="vpn"
    }}
}}
"#
        ),
    );
}

/// Walks a client through all stages: first alone, then with netprof beside it.
fn walk<'lab>(
    lab: &'lab Lab,
    title: &str,
    told: &Told,
    make: impl FnOnce(&VpnSite<'lab>) -> Box<dyn Client + 'lab>,
) {
    let beside = Beside::new(lab);
    let mut client = make(&beside.site);
    let client = client.as_mut();
    let link = client.link();
    write_office(lab, client, "");
    let before = Picture::take(lab);
    let held_before = Holdings::look(lab);
    let left = || Holdings::look(lab).left_since(&held_before);
    let picture = |client: &dyn Client| match client.numbers_its_rules() {
        true => Picture::take(lab),
        false => Picture::take(lab).with_rules_in_order_only(),
    };

    // What it does by itself, to the end that it is killed.
    client.connect();
    client.reconnect();
    client.disconnect();
    let alone_disconnected = beside.look();
    client.connect();
    client.kill();
    let alone_killed = beside.look();
    let alone = picture(client);
    client.clear_up();
    before.assert_same(&Picture::take(lab));

    let mut table = StageTable::new(title);
    let seen_before = beside.look();
    assert_eq!(seen_before.kept(), Seen::KEPT);
    table.add("before", &seen_before, "");

    client.connect();
    let connected = beside.look();
    table.add("connected", &connected, "");
    assert_plan_names(lab, client, told);

    let applied = beside.apply();
    table.add("applied", &applied, "");
    assert_eq!(applied.kept(), Seen::KEPT);
    assert_eq!(applied.corp_names, "yes");
    assert_eq!(applied.other_traffic, connected.other_traffic);

    client.reconnect();
    let between = beside.look();
    assert_eq!(beside.names_stand(link), told.reconnected);
    // What a person would notice, netprof does too.
    let would = lab.netprof("plan office --exit-code").status;
    if between != applied {
        assert_eq!(would, Some(5), "{between:?}");
        assert!(lab.netprof("status --json").json()["missing"].as_u64() > Some(0));
    }
    assert_eq!(beside.apply(), applied, "after {between:?}");
    table.add("reconnected", &applied, "");

    client.disconnect();
    let disconnected = beside.look();
    table.add("disconnected", &disconnected, &left());
    assert_eq!(disconnected.kept(), Seen::KEPT);
    assert_eq!(disconnected.other_traffic, alone_disconnected.other_traffic);
    assert_eq!(beside.names_stand(link), told.disconnected);
    assert_eq!(beside.would_add(), told.wants_when_disconnected);

    client.connect();
    assert_eq!(beside.apply(), applied);
    client.kill();
    let killed = beside.look();
    table.add("killed", &killed, &left());
    assert_eq!(killed.kept(), Seen::KEPT);
    assert_eq!(killed.other_traffic, alone_killed.other_traffic);
    assert_eq!(beside.names_stand(link), told.killed);
    assert_eq!(beside.apply(), killed);

    lab.netprof("release").exits(0);
    let released = beside.look();
    table.add("released", &released, &left());
    assert_eq!(released, alone_killed);
    alone.assert_same(&picture(client));
    table.compare_with(DOCS, &client.version());
}

/// That a plan says beforehand whose names it changes, and what is there.
#[track_caller]
fn assert_plan_names(lab: &Lab, client: &dyn Client, told: &Told) {
    let planned = lab.netprof("plan office --json").exits(0).json();
    let resource = format!("dns link {}", client.link());
    let change = changes(&planned)
        .iter()
        .find(|change| change["resource"] == resource.as_str())
        .unwrap_or_else(|| panic!("no {resource}: {planned:#}"));
    assert_eq!(change["owner"], client.owner(), "{change:#}");
    let text = lab.netprof("plan office").exits(0).stdout;
    let names = format!("{} -> ", told.names.join(" "));
    assert!(text.contains(&names), "{names:?} is not in:\n{text}");
    let owner = format!("owner {}, which", client.owner());
    assert!(text.contains(&owner), "{owner:?} is not in:\n{text}");
}
