//! Two VPNs and a mesh at once, connected and ended in any order: what holds while all
//! three are there, and that a release ends in what they alone would have left.
//!
//! Each order is run twice from the same state, once without netprof, and both ends are
//! compared whole. Links are made anew each time, under whichever name is free, so that
//! what netprof held on one is gone with it or belongs to another by now.

use crate::harness::{Bus, Client, Lab, Picture, Resolved, Second, TwoSites, until};
use Client::{Alpha, Beta, Mesh};

const SEVERAL: &str = r#"
profile "several" {
    link "lan" { match name="lan0"; }
    link "alpha" optional=#true { match name="tun*" address="10.8.0.0/24"; }
    link "beta" optional=#true { match name="BETA" address="10.9.0.0/24"; }
    dns {
        scope "home" { domains "home.arpa"; servers "192.168.77.1"; link "lan"; default-route #true; }
        scope "alpha" { domains "alpha.example"; servers "10.98.0.1"; link "alpha"; }
        scope "beta" { domains "beta.example"; servers "10.99.0.1"; link "beta"; }
    }
    routes {
        keep-localhost
        keep-lan "lan" { also "192.168.88.0/24"; }
        route "10.98.0.0/16" link="alpha"
        route "10.99.0.0/16" link="beta"
    }
}
"#;

/// An order of three.
type Order = [Client; 3];

const ORDERS: [Order; 6] = [
    [Alpha, Beta, Mesh],
    [Alpha, Mesh, Beta],
    [Beta, Alpha, Mesh],
    [Beta, Mesh, Alpha],
    [Mesh, Alpha, Beta],
    [Mesh, Beta, Alpha],
];

/// How the clients end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Each by its own command.
    Orderly,
    /// The one at this place is killed, and the profile is applied after each end.
    Killed(usize),
}

struct Run<'lab> {
    lab: &'lab Lab,
    sites: TwoSites<'lab>,
    /// Before anybody came.
    calm: Picture,
    _resolved: Resolved,
    _bus: Bus,
}

impl<'lab> Run<'lab> {
    fn new(lab: &'lab Lab, second: Second) -> Self {
        // Both need no link; the links' servers are told to resolved.
        let bus = Bus::start(lab);
        let resolved = Resolved::start(lab);
        let sites = TwoSites::new(lab, second);
        let beta = if second == Second::WgQuick {
            "wg0"
        } else {
            "tun*"
        };
        lab.write_profile("several", &SEVERAL.replace("BETA", beta));
        Self {
            lab,
            sites,
            calm: Picture::take(lab),
            _resolved: resolved,
            _bus: bus,
        }
    }

    fn go(&mut self, going: Order, end: End, mut after_each: impl FnMut(&Lab)) {
        for (at, client) in going.into_iter().enumerate() {
            if end == End::Killed(at) {
                self.sites.kill(client);
            } else {
                self.sites.disconnect(client);
            }
            after_each(self.lab);
        }
    }

    /// Back to the calm, by hand where the clients have left something.
    fn calm_down(&self) {
        self.sites.clean_up();
        self.calm.assert_same(&Picture::take(self.lab));
    }

    /// One order of coming and one of going: netprof leaves nothing, and takes nothing
    /// that the clients leave.
    fn order(&mut self, coming: Order, going: Order, end: End) {
        println!("{coming:?} come, {going:?} go, {end:?}");
        for client in coming {
            self.sites.connect(client);
        }
        self.go(going, end, |_| {});
        let alone = Picture::take(self.lab);
        self.calm_down();

        self.come_and_apply(coming);
        self.assert_each_has_its_own();
        self.go(going, end, |lab| {
            if end != End::Orderly {
                lab.netprof("apply several").exits(0);
            }
        });
        self.lab.netprof("release").exits(0);
        alone.assert_same(&Picture::take(self.lab));
        assert_eq!(held(self.lab), 0, "something is still held");
        self.calm_down();
    }

    fn come_and_apply(&mut self, coming: Order) {
        for client in coming {
            self.sites.connect(client);
            self.lab.netprof("apply several").exits(0);
        }
    }

    /// While all are connected, and without a word of netprof's but that it is content.
    fn assert_each_has_its_own(&self) {
        let (lab, sites) = (self.lab, &self.sites);
        for address in ["192.168.77.50", "192.168.88.1", "127.0.0.1", "::1"] {
            assert!(lab.reaches(address), "{address} is out of reach");
        }
        for (service, greeting) in [
            ("10.98.5.5:80", "alpha 10.8.0."),
            ("10.99.5.5:80", "beta 10.9.0."),
        ] {
            let said = lab.greeting(service).unwrap_or_default();
            assert!(said.starts_with(greeting), "{service}: {said:?}");
        }
        for server in [&sites.lan_dns, &sites.alpha_dns, &sites.beta_dns] {
            server.forget();
        }
        lab.forget_names();
        for (name, addresses) in [
            ("nas.home.arpa", vec!["192.168.77.50", "fd00:77::50"]),
            ("www.other.example", vec!["203.0.113.80", "fd00:88::80"]),
            ("git.alpha.example", vec!["10.98.5.5", "fd00:98:5::5"]),
            ("db.beta.example", vec!["10.99.5.5", "fd00:99:5::5"]),
        ] {
            assert_eq!(lab.getent(name), addresses, "{name}");
        }
        assert_eq!(
            sites.lan_dns.names_seen(),
            ["nas.home.arpa", "www.other.example"]
        );
        assert_eq!(sites.alpha_dns.names_seen(), ["git.alpha.example"]);
        assert_eq!(sites.beta_dns.names_seen(), ["db.beta.example"]);
        lab.netprof("plan several --exit-code").exits(0);
        lab.netprof("status --exit-code").exits(0);
    }
}

/// How many resources netprof still holds.
fn held(lab: &Lab) -> usize {
    let status = lab.netprof("status --json").exits(0).json();
    status["resources"].as_array().unwrap().len()
}

/// All orders of going for one order of coming.
fn orders(lab: &Lab, second: Second, coming: usize) {
    let mut run = Run::new(lab, second);
    for going in ORDERS {
        run.order(ORDERS[coming], going, End::Orderly);
    }
}

pub(crate) fn alpha_beta_mesh_come(lab: &Lab) {
    orders(lab, Second::OpenVpn, 0);
}

pub(crate) fn alpha_mesh_beta_come(lab: &Lab) {
    orders(lab, Second::OpenVpn, 1);
}

pub(crate) fn beta_alpha_mesh_come(lab: &Lab) {
    orders(lab, Second::OpenVpn, 2);
}

pub(crate) fn beta_mesh_alpha_come(lab: &Lab) {
    orders(lab, Second::OpenVpn, 3);
}

pub(crate) fn mesh_alpha_beta_come(lab: &Lab) {
    orders(lab, Second::OpenVpn, 4);
}

pub(crate) fn mesh_beta_alpha_come(lab: &Lab) {
    orders(lab, Second::OpenVpn, 5);
}

pub(crate) fn alpha_wg_quick_mesh_come(lab: &Lab) {
    orders(lab, Second::WgQuick, 0);
}

pub(crate) fn alpha_mesh_wg_quick_come(lab: &Lab) {
    orders(lab, Second::WgQuick, 1);
}

pub(crate) fn wg_quick_alpha_mesh_come(lab: &Lab) {
    orders(lab, Second::WgQuick, 2);
}

pub(crate) fn wg_quick_mesh_alpha_come(lab: &Lab) {
    orders(lab, Second::WgQuick, 3);
}

pub(crate) fn mesh_alpha_wg_quick_come(lab: &Lab) {
    orders(lab, Second::WgQuick, 4);
}

pub(crate) fn mesh_wg_quick_alpha_come(lab: &Lab) {
    orders(lab, Second::WgQuick, 5);
}

pub(crate) fn both_servers_have_one_address(lab: &Lab) {
    let mut run = Run::new(lab, Second::OpenVpnAtAlphasAddress);
    for (coming, going) in ORDERS.into_iter().zip(ORDERS.into_iter().rev()) {
        run.order(coming, going, End::Orderly);
    }
}

pub(crate) fn one_of_them_is_killed(lab: &Lab) {
    let mut run = Run::new(lab, Second::OpenVpn);
    let mut coming = ORDERS.into_iter().cycle();
    for going in ORDERS {
        for place in 0..3 {
            let coming = coming.next().unwrap();
            run.order(coming, going, End::Killed(place));
        }
        // Each order of going meets other orders of coming.
        coming.next();
    }
}

/// Nothing is released in between: what is held is of links that are gone, under names
/// that the other one has by now.
pub(crate) fn they_come_again_in_another_order(lab: &Lab) {
    let mut run = Run::new(lab, Second::OpenVpn);
    for coming in ORDERS {
        println!("{coming:?} come");
        run.come_and_apply(coming);
        run.assert_each_has_its_own();
        run.go(coming, End::Orderly, |_| {});
    }
    lab.netprof("release").exits(0);
    assert_eq!(held(lab), 0, "something is still held");
    run.calm_down();
}

pub(crate) fn a_release_gives_all_three_what_they_claimed(lab: &Lab) {
    all_three_get_back_what_they_claimed(lab, Second::OpenVpn);
}

pub(crate) fn a_release_gives_wg_quick_what_it_claimed_too(lab: &Lab) {
    all_three_get_back_what_they_claimed(lab, Second::WgQuick);
}

fn all_three_get_back_what_they_claimed(lab: &Lab, second: Second) {
    let mut run = Run::new(lab, second);
    for coming in ORDERS {
        println!("{coming:?} come");
        for client in coming {
            run.sites.connect(client);
        }
        if second == Second::WgQuick {
            // Its first rule asks main, where alpha has taken its network.
            assert_eq!(lab.greeting("10.99.5.5:80"), None);
        } else {
            // The LAN's other network is the mesh's.
            assert!(!lab.reaches("192.168.88.1"));
        }
        // And the names are everybody's.
        lab.forget_names();
        lab.getent("db.beta.example");
        // Beta's server may have answered before alpha's has heard of it.
        until("alpha's server is asked", || {
            run.sites.alpha_dns.saw("db.beta.example")
        });
        let claimed = Picture::take(lab);
        lab.netprof("apply several").exits(0);
        run.assert_each_has_its_own();
        lab.netprof("release").exits(0);
        claimed.assert_same(&Picture::take(lab));
        run.go(coming, End::Orderly, |_| {});
        run.calm_down();
    }
}
