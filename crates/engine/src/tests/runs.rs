//! Lists with runs: whatever is written is read as it was, and neighbours that are alike
//! take little.

use std::sync::Arc;

use netprof_model::held::HeldResource;
use netprof_model::link::LinkId;
use netprof_model::plan::{Change, Reason};
use netprof_model::resource::{Lasts, Place, Resource, State};
use netprof_model::route::{Hop, Protocol, RouteKey, RouteSpec};
use netprof_model::{Location, Owner};
use proptest::prelude::*;

use crate::{json, runs};

#[derive(Debug, PartialEq)]
struct Changes(Vec<Change>);

#[derive(Debug, PartialEq)]
struct Held(Vec<HeldResource>);

impl Changes {
    fn read(text: &str) -> serde_json::Result<Self> {
        json::read_runs(text, runs::changes::One::take, |text, cut| {
            runs::changes::whole(serde_json::from_str(text)?, cut).map(Self)
        })
    }

    fn written(&self) -> String {
        let mut text = Vec::new();
        runs::changes::write(&mut text, &self.0).expect("it is written to memory");
        String::from_utf8(text).expect("text")
    }
}

impl Held {
    fn read(text: &str) -> serde_json::Result<Self> {
        json::read_runs(text, runs::take, |text, cut| {
            runs::held::whole(serde_json::from_str(text)?, cut).map(Self)
        })
    }

    fn written(&self) -> String {
        let mut text = Vec::new();
        runs::held::write(&mut text, &self.0).expect("it is written to memory");
        String::from_utf8(text).expect("text")
    }
}

/// Routes of all sorts, and now and then something else.
fn resource(number: u32) -> Resource {
    let mut key = RouteKey {
        dst: ipnet::Ipv4Net::new((0x0a00_0000 + (number << 8)).into(), 24)
            .expect("a prefix")
            .into(),
        table: 254,
        metric: 0,
        tos: 0,
        ifscope: None,
    };
    match number % 7 {
        1 => key.dst = "fd00:0:0:1::/64".parse().expect("a prefix"),
        2 => key.metric = u32::MAX,
        3 => key.tos = 4,
        4 => key.ifscope = Some("utun\"4".to_owned()),
        5 => {
            let dev = "lan0".to_owned();
            return Resource::Mtu { dev };
        }
        _ => {}
    }
    Resource::Route(key)
}

fn state(which: u8) -> Option<State> {
    let spec = RouteSpec {
        protocol: Protocol(which),
        hops: vec![Hop::through("tun0", Some([192, 168, 1, which].into()))],
        ..RouteSpec::default()
    };
    (which > 0).then(|| State::Route(spec.into()))
}

fn reason(line: u32, which: u8) -> Reason {
    let at = Location {
        file: Arc::from(if which == 1 { "a.kdl" } else { "b.kdl" }),
        line,
        column: 9,
        length: 40 + line,
        offset: line * 60,
    };
    match which {
        0 => Reason::plain("no longer wanted"),
        3 => Reason::line(&at, "keep-lan").of_network(),
        _ => Reason::line(&at, "route"),
    }
}

fn change(id: u32, (after, reasons, lasts): (u8, Vec<u8>, bool)) -> Change {
    Change {
        id,
        resource: resource(id),
        before: None,
        after: state(after),
        original: state(after / 2),
        owner: Owner::Netprof,
        lasts: if lasts { Lasts::Link } else { Lasts::Boot },
        link: lasts.then(|| {
            let name = "tun0".to_owned();
            LinkId { index: 7, name }.into()
        }),
        manager: None,
        reasons: reasons.into_iter().map(|which| reason(id, which)).collect(),
    }
}

fn held(number: u32, (committed, of_network): (u8, bool)) -> HeldResource {
    HeldResource {
        resource: resource(number),
        original: state(committed / 2),
        committed: state(committed),
        transaction: u64::from(committed),
        place: Place {
            boot: "first".into(),
            netns: 1,
            link: None,
        },
        lasts: Lasts::Boot,
        of_network,
    }
}

proptest! {
    #[test]
    fn changes_are_read_as_they_were_written(
        drawn in prop::collection::vec(
            (0_u8..3, prop::collection::vec(0_u8..4, 0..3), any::<bool>()),
            0..12,
        ),
    ) {
        let all: Vec<Change> = (1..).zip(drawn).map(|(id, one)| change(id, one)).collect();
        // As version 1 had it.
        let plain = serde_json::to_string(&all).expect("JSON");
        let all = Changes(all);
        let runs = all.written();
        prop_assert!(runs.len() <= plain.len());
        for one in &all.0 {
            let resource = serde_json::to_string(&one.resource).expect("JSON");
            prop_assert!(runs.contains(&resource), "{} in {}", resource, runs);
        }
        prop_assert_eq!(&Changes::read(&plain).expect("plain"), &all);
        prop_assert_eq!(&Changes::read(&runs).expect("runs"), &all);
    }

    #[test]
    fn what_is_held_is_read_as_it_was_written(
        drawn in prop::collection::vec((0_u8..3, any::<bool>()), 0..12),
    ) {
        let all: Vec<HeldResource> = (1..).zip(drawn).map(|(at, one)| held(at, one)).collect();
        let plain = serde_json::to_string(&all).expect("JSON");
        let all = Held(all);
        let runs = all.written();
        prop_assert!(runs.len() <= plain.len());
        for one in &all.0 {
            let resource = serde_json::to_string(&one.resource).expect("JSON");
            prop_assert!(runs.contains(&resource), "{} in {}", resource, runs);
        }
        prop_assert_eq!(&Held::read(&plain).expect("plain"), &all);
        prop_assert_eq!(&Held::read(&runs).expect("runs"), &all);
    }
}

#[test]
fn ten_thousand_routes_that_lead_the_same_way_take_a_hundred_bytes_each() {
    let all = (1..=10_000)
        .map(|id| change(id, (2, vec![1], true)))
        .collect();
    let written = Changes(all).written();
    assert!(written.len() < 1_200_000, "{} bytes", written.len());
    let all = (1..=10_000).map(|at| held(at, (2, false))).collect();
    let written = Held(all).written();
    assert!(written.len() < 700_000, "{} bytes", written.len());
}

#[test]
fn a_change_without_a_resource_is_refused() {
    let ids = [1..2, 1..4];
    for all in ids.map(|ids| ids.map(|id| change(id, (1, vec![1], true)))) {
        let text = Changes(all.collect()).written();
        for (good, bad) in [("resource", "resorce"), ("each", "eech"), ("dst", "dsd")] {
            let broken = text.replace(good, bad);
            if broken != text {
                let read = Changes::read(&broken);
                assert!(read.is_err(), "{broken}");
            }
        }
    }
}

/// Whoever writes such a file by another program has other blanks, and maps in any order.
#[test]
fn runs_are_read_however_they_are_written() {
    let changes = Changes((6..9).map(|id| change(id, (1, vec![1], true))).collect());
    let held = Held((6..9).map(|at| held(at, (2, false))).collect());
    let other = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        // Its maps are sorted by name.
        serde_json::to_string_pretty(&value).expect("JSON")
    };
    let read = Changes::read(&other(&changes.written())).expect("changes");
    assert_eq!(read, changes);
    let read = Held::read(&other(&held.written())).expect("held");
    assert_eq!(read, held);
}

/// Rows are cut out of runs, and out of nothing that looks like one.
#[test]
fn what_is_cut_out_is_rows_of_runs() {
    let text = Held(vec![held(6, (2, false)), held(7, (2, false))]).written();
    let (short, cut) = json::cut(&text, runs::take);
    assert_eq!(cut.map(|rows| rows.len()).collect::<Vec<_>>(), [2]);
    assert!(short.ends_with(",\"each\":[]}]"), "{short}");
    let quoted = serde_json::to_string(&text).expect("JSON");
    for other in [quoted, text.replace("[{\"kind\"", "[ {\"kind\"")] {
        let (short, cut) = json::cut(&other, runs::take);
        assert_eq!((short, cut.count()), (other, 0));
    }
}

/// A dictionary may hold what looks like a run, if in another order than netprof writes.
#[test]
fn what_looks_like_a_run_is_read_as_what_it_is() {
    let strange = concat!(
        r#"{"state":"store","a":1,"each":"#,
        r#"[{"kind":"route","dst":"1.0.0.0/8","table":1,"metric":0}]}"#
    );
    let mut all: Vec<HeldResource> = (5..8).map(|at| held(at, (2, false))).collect();
    all[0].committed = Some(serde_json::from_str(strange).expect("a state"));
    let sorted = serde_json::to_string(&all[0].committed).expect("JSON");
    let all = Held(all);
    let text = all.written().replace(&sorted, strange);
    assert!(text.contains(strange), "{text}");
    assert_eq!(Held::read(&text).expect("held"), all);
}

#[test]
fn a_run_without_rows_is_refused() {
    let text = Changes((6..8).map(|id| change(id, (1, vec![1], true))).collect()).written();
    let start = text.find("\"each\":").expect("a run") + "\"each\":".len();
    for rows in ["[]", "null", "{}", "\"[]\"", "[1]", "[{}]"] {
        let broken = format!("{}{rows}}}]", &text[..start]);
        let read = Changes::read(&broken);
        assert!(read.is_err(), "{broken}");
    }
}
