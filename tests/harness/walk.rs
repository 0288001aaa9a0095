//! Other network software, walked through all that happens to it in a day, first alone
//! and then with netprof beside it: what a person would notice at each stage, and what
//! `plan` and `status` say of it.
//!
//! What is seen is also a table of docs/clients.md, which `tests/clients --write` writes
//! and each walk compares with what it saw.

use serde_json::Value;

use super::clients::Client;
use super::{Bus, Holdings, Lab, Picture, Resolved, Seen, StageTable, VpnSite};

/// The route to the network behind the LAN, as plans name it.
pub(crate) const FAR: &str = "route4 192.168.88.0/24 table 254 metric 0 tos 0";

const DOCS: &str = include_str!("../../docs/clients.md");

/// What netprof has to say of a client, at which stage.
pub(crate) struct Told {
    /// What `plan` shows that the client claims: the domains of its link.
    pub(crate) names: &'static [&'static str],
    /// What it says behind the owner of those.
    pub(crate) then: &'static str,
    /// What it says besides, on either stream.
    pub(crate) plan: &'static [&'static str],
    /// Whether corp's names are corp's once the profile is applied.
    pub(crate) corp_names: &'static str,
    /// How `status` has the link's names after the client has said again what it has to
    /// say, after a reconnect, a disconnect, a kill.
    pub(crate) said_again: &'static str,
    pub(crate) reconnected: &'static str,
    pub(crate) disconnected: &'static str,
    pub(crate) killed: &'static str,
    /// Which routes `plan` wants to add while the client is disconnected.
    pub(crate) wants_when_disconnected: &'static [&'static str],
}

impl Told {
    /// Of a client that makes its link anew each time.
    pub(crate) const DEFAULT: Self = Self {
        names: &[],
        then: ", which",
        plan: &[],
        corp_names: "yes",
        said_again: "holds",
        reconnected: "expired",
        disconnected: "expired",
        killed: "expired",
        wants_when_disconnected: &[],
    };
}

/// The site, its resolver, and a client of it.
pub(crate) struct Beside<'lab> {
    lab: &'lab Lab,
    pub(crate) site: VpnSite<'lab>,
    _resolved: Resolved,
    _bus: Bus,
}

impl<'lab> Beside<'lab> {
    pub(crate) fn new(lab: &'lab Lab) -> Self {
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

    pub(crate) fn look(&self) -> Seen {
        Seen::look(self.lab, &self.site)
    }

    /// Applies the profile, after which it holds: by what is seen, by what `plan` would
    /// still do, and by what `status` says.
    #[track_caller]
    pub(crate) fn apply(&self) -> Seen {
        let lab = self.lab;
        lab.netprof("apply office").exits(0);
        lab.netprof("plan office --exit-code").exits(0);
        let status = lab.netprof("status --json --exit-code").exits(0).json();
        assert_eq!(status["missing"], 0, "{status:#}");
        self.look()
    }

    /// Applies the profile to what a client has made of it meanwhile. What a person would
    /// notice of that, netprof does too.
    #[track_caller]
    fn mend(&self, applied: &Seen) {
        let lab = self.lab;
        let between = self.look();
        if between != *applied {
            let would = lab.netprof("plan office --exit-code").status;
            assert_eq!(would, Some(5), "{between:?}");
            assert!(lab.netprof("status --json").json()["missing"].as_u64() > Some(0));
        }
        assert_eq!(self.apply(), *applied, "after {between:?}");
    }

    /// How `status` has the names of a link.
    fn names_stand(&self, link: &str) -> String {
        let status = self.lab.netprof("status --json").exits(0).json();
        let resource = format!("dns link {link}");
        let all = status["resources"].as_array().expect("a list");
        let one = all.iter().find(|one| one["resource"] == resource.as_str());
        let one = one.map(|one| one["standing"].as_str().expect("a word"));
        one.unwrap_or("not held").to_owned()
    }

    /// Which routes `plan` would add.
    pub(crate) fn would_add(&self) -> Vec<String> {
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

/// Walks a client through all stages: first alone, then with netprof beside it.
pub(crate) fn walk<'lab, C: Client + 'lab>(
    lab: &'lab Lab,
    title: &str,
    told: &Told,
    make: impl FnOnce(&VpnSite<'lab>) -> C,
) {
    let beside = Beside::new(lab);
    let client = &mut make(&beside.site);
    lab.write_profile("office", &client.profile(""));
    let link = client.link();
    let before = Picture::take(lab);
    let held_before = Holdings::look(lab);
    let left = || Holdings::look(lab).left_since(&held_before);

    // What it does by itself, to the end that it is killed.
    client.connect();
    client.say_again();
    client.reconnect();
    client.disconnect();
    let alone_disconnected = beside.look();
    client.connect();
    client.kill();
    let alone_killed = beside.look();
    client.start_again();
    let alone_last = beside.look();
    let alone = client.blur(Picture::take(lab));
    client.clear_up();
    before.assert_same(&Picture::take(lab));

    let mut table = StageTable::new(title, client.has());
    let seen_before = beside.look();
    assert_eq!(seen_before.kept(), Seen::KEPT);
    table.add("before", &seen_before, client.serves(), "");

    client.connect();
    let connected = beside.look();
    let serves = client.serves();
    table.add("connected", &connected, serves, "");
    assert_plan_names(lab, client, told);

    let applied = beside.apply();
    table.add("applied", &applied, client.serves(), "");
    assert_eq!(applied.kept(), Seen::KEPT);
    assert_eq!(applied.corp_names, told.corp_names);
    assert_eq!(applied.other_traffic, connected.other_traffic);
    assert_eq!(client.serves(), serves);

    if client.say_again() {
        assert_eq!(beside.names_stand(link), told.said_again);
        beside.mend(&applied);
        table.add("said again", &applied, client.serves(), "");
    }

    client.reconnect();
    assert_eq!(beside.names_stand(link), told.reconnected);
    beside.mend(&applied);
    table.add("reconnected", &applied, client.serves(), "");

    client.disconnect();
    let disconnected = beside.look();
    table.add("disconnected", &disconnected, client.serves(), &left());
    assert_eq!(disconnected.kept(), Seen::KEPT);
    assert_eq!(disconnected.other_traffic, alone_disconnected.other_traffic);
    assert_eq!(beside.names_stand(link), told.disconnected);
    assert_eq!(beside.would_add(), told.wants_when_disconnected);

    client.connect();
    assert_eq!(beside.apply(), applied);
    client.kill();
    let killed = beside.look();
    table.add("killed", &killed, client.serves(), &left());
    assert_eq!(killed.kept(), Seen::KEPT);
    assert_eq!(killed.other_traffic, alone_killed.other_traffic);
    assert_eq!(beside.names_stand(link), told.killed);
    assert_eq!(beside.apply(), killed);

    if client.start_again() {
        beside.mend(&killed);
        table.add("started again", &killed, client.serves(), &left());
    }

    lab.netprof("release").exits(0);
    let released = beside.look();
    table.add("released", &released, client.serves(), &left());
    assert_eq!(released, alone_last);
    alone.assert_same(&client.blur(Picture::take(lab)));
    table.compare_with(DOCS, &client.version());
}

/// That a plan says beforehand whose names it changes, and what is there.
#[track_caller]
fn assert_plan_names(lab: &Lab, client: &dyn Client, told: &Told) {
    let said = lab.netprof("plan office").exits(0);
    let text = [said.stdout, said.stderr].concat();
    for says in told.plan {
        assert!(text.contains(says), "{says:?} is not in:\n{text}");
    }
    if told.names.is_empty() {
        return;
    }
    let planned = lab.netprof("plan office --json").exits(0).json();
    let resource = format!("dns link {}", client.link());
    let change = changes(&planned)
        .iter()
        .find(|change| change["resource"] == resource.as_str())
        .unwrap_or_else(|| panic!("no {resource}: {planned:#}"));
    assert_eq!(change["owner"], client.owner(), "{change:#}");
    let names = format!("{} -> ", told.names.join(" "));
    assert!(text.contains(&names), "{names:?} is not in:\n{text}");
    let owner = format!("owner {}{}", client.owner(), told.then);
    assert!(text.contains(&owner), "{owner:?} is not in:\n{text}");
}
