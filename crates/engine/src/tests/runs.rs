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
use serde::{Deserialize, Serialize};

use crate::runs;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Changes(#[serde(with = "runs::changes")] Vec<Change>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Held(#[serde(with = "runs::held")] Vec<HeldResource>);

fn route(number: u32) -> Resource {
    Resource::Route(RouteKey {
        dst: ipnet::Ipv4Net::new((0x0a00_0000 + (number << 8)).into(), 24)
            .expect("a prefix")
            .into(),
        table: 254,
        metric: 0,
        tos: 0,
        ifscope: None,
    })
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
        resource: route(id),
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
        resource: route(number),
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
        let runs = serde_json::to_string(&all).expect("JSON");
        prop_assert!(runs.len() <= plain.len());
        prop_assert_eq!(&serde_json::from_str::<Changes>(&plain).expect("plain"), &all);
        prop_assert_eq!(&serde_json::from_str::<Changes>(&runs).expect("runs"), &all);
    }

    #[test]
    fn what_is_held_is_read_as_it_was_written(
        drawn in prop::collection::vec((0_u8..3, any::<bool>()), 0..12),
    ) {
        let all: Vec<HeldResource> = (1..).zip(drawn).map(|(at, one)| held(at, one)).collect();
        let plain = serde_json::to_string(&all).expect("JSON");
        let all = Held(all);
        let runs = serde_json::to_string(&all).expect("JSON");
        prop_assert!(runs.len() <= plain.len());
        prop_assert_eq!(&serde_json::from_str::<Held>(&plain).expect("plain"), &all);
        prop_assert_eq!(&serde_json::from_str::<Held>(&runs).expect("runs"), &all);
    }
}

#[test]
fn ten_thousand_routes_that_lead_the_same_way_take_a_hundred_bytes_each() {
    let all = (1..=10_000)
        .map(|id| change(id, (2, vec![1], true)))
        .collect();
    let written = serde_json::to_string(&Changes(all)).expect("JSON");
    assert!(written.len() < 1_200_000, "{} bytes", written.len());
    let all = (1..=10_000).map(|at| held(at, (2, false))).collect();
    let written = serde_json::to_string(&Held(all)).expect("JSON");
    assert!(written.len() < 700_000, "{} bytes", written.len());
}

#[test]
fn a_change_without_a_resource_is_refused() {
    let all = Changes(vec![change(1, (1, vec![1], true))]);
    let text = serde_json::to_string(&all).expect("JSON");
    let broken = text.replace("\"resource\"", "\"resorce\"");
    assert!(
        serde_json::from_str::<Changes>(&broken).is_err(),
        "{broken}"
    );
}
