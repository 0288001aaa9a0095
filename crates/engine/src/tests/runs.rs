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

use crate::runs::changes::One;
use crate::{json, runs, store};

#[derive(Debug, PartialEq)]
struct Changes(Vec<Change>);

#[derive(Debug, PartialEq)]
struct Held(Vec<HeldResource>);

impl Changes {
    fn read(text: &str) -> serde_json::Result<Self> {
        Self::read_with(text, One::take)
    }

    /// What serde alone reads.
    fn by_serde(text: &str) -> serde_json::Result<Self> {
        Self::read_with(text, |_| None)
    }

    fn read_with(
        text: &str,
        by_hand: fn(&mut json::Text<'_>) -> Option<One>,
    ) -> serde_json::Result<Self> {
        json::read_runs(text, by_hand, |runs| {
            runs::changes::whole(serde_json::from_str(runs.text)?, runs).map(Self)
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
        Self::read_with(text, runs::take)
    }

    /// What serde alone reads.
    fn by_serde(text: &str) -> serde_json::Result<Self> {
        Self::read_with(text, |_| None)
    }

    fn read_with(
        text: &str,
        by_hand: fn(&mut json::Text<'_>) -> Option<Resource>,
    ) -> serde_json::Result<Self> {
        json::read_runs(text, by_hand, |runs| {
            runs::held::whole(serde_json::from_str(runs.text)?, runs).map(Self)
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
        left_out: committed % 2 == 1,
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

/// A route that is told apart by nothing but numbers.
fn plain(bits: u32, length: u8, table: u32, metric: u32) -> Resource {
    let dst = ipnet::Ipv4Net::new(bits.into(), length).expect("a prefix");
    Resource::Route(RouteKey {
        dst: dst.into(),
        table,
        metric,
        tos: 0,
        ifscope: None,
    })
}

prop_compose! {
    fn any_plain()(
        bits in any::<u32>(),
        length in 0..=32_u8,
        table in prop_oneof![Just(0), Just(254), any::<u32>()],
        metric in prop_oneof![Just(0), Just(u32::MAX), any::<u32>()],
    ) -> Resource {
        plain(bits, length, table, metric)
    }
}

proptest! {
    /// All rows of such runs are read by hand, and as serde reads them.
    #[test]
    fn plain_routes_are_read_by_hand_as_by_serde(
        runs in prop::collection::vec((prop::collection::vec(any_plain(), 2..50), 1..4_u8), 1..4),
    ) {
        let (mut changes, mut all) = (Vec::new(), Vec::new());
        for (at, (resources, reason)) in runs.iter().enumerate() {
            // Neighbours of two runs are not alike.
            let after = u8::try_from(at + 1).expect("few");
            for resource in resources {
                let id = u32::try_from(changes.len() + 1).expect("few");
                let resource = resource.clone();
                let one = held(id, (after, false));
                all.push(HeldResource { resource: resource.clone(), ..one });
                let one = change(id, (after, vec![*reason], true));
                changes.push(Change { resource, ..one });
            }
        }
        let (changes, all) = (Changes(changes), Held(all));
        let lengths: Vec<usize> = runs.iter().map(|(resources, _)| resources.len()).collect();
        let text = changes.written();
        let cut = json::cut(&text, One::take).1;
        prop_assert_eq!(cut.iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), &lengths[..]);
        prop_assert_eq!(&Changes::by_serde(&text).expect("by serde"), &changes);
        prop_assert_eq!(&Changes::read(&text).expect("by hand"), &changes);
        let text = all.written();
        let cut = json::cut(&text, runs::take).1;
        prop_assert_eq!(cut.iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), lengths);
        prop_assert_eq!(&Held::by_serde(&text).expect("by serde"), &all);
        prop_assert_eq!(&Held::read(&text).expect("by hand"), &all);
    }
}

/// What was read, or the words of the refusal.
fn said<T>(read: serde_json::Result<T>) -> Result<T, String> {
    read.map_err(|error| error.to_string())
}

/// Whatever is wrong with one row: it is read or refused as by serde, in the same words.
#[test]
fn a_row_that_is_not_as_it_is_written_is_as_serde_has_it() {
    let resources = [1, 2, 3].map(|n| plain(0x0a00_0000 + (n << 8), 24, 254, n));
    let text = |resources: &[Resource]| {
        let one = |(id, resource): (u32, &Resource)| Change {
            resource: resource.clone(),
            ..change(id, (1, vec![1], false))
        };
        let all = |(at, resource): (u32, &Resource)| HeldResource {
            resource: resource.clone(),
            ..held(at, (1, false))
        };
        let changes = (1..).zip(resources).map(one).collect();
        let all = (1..).zip(resources).map(all).collect();
        (Changes(changes).written(), Held(all).written())
    };
    let (changes, all) = text(&resources);
    let row = r#"{"kind":"route","dst":"10.0.2.0/24","table":254,"metric":2}"#;
    let with = |from: &str, to: &str| {
        assert!(row.contains(from), "{from}");
        row.replace(from, to)
    };
    // And whether it is read.
    let rows = [
        (with("/24", "/33"), false),
        (with("/24", "/256"), false),
        (with("/24", ""), false),
        (with("10.0.2.0", "10.0.256.0"), false),
        (with("10.0.2.0", "10.0.02.0"), true),
        (with("10.0.2.0", "10.0.2"), false),
        (with("10.0.2.0", "10.0.2.9"), true),
        (with(":254", ":01"), false),
        (with(":254", ":-1"), false),
        (with(":254", ":1.0"), false),
        (with(":254", ":1e0"), false),
        (with(":254", ":4294967295"), true),
        (with(":254", ":4294967296"), false),
        (with(":254", ":\"254\""), false),
        (with(":254", ": 254"), true),
        (with("\"metric\":2", "\"metric\":2,\"tos\":4"), true),
        (with("\"metric\":2", "\"metric\":2,\"metric\":2"), false),
        (with(",\"metric\":2", ""), false),
        (with("}", ",}"), false),
        (with("}", "},"), false),
        (with("}", "}]"), false),
        (with("}", ""), false),
        (String::new(), false),
    ];
    for (other, is_read) in rows {
        let changes = changes.replace(row, &other);
        let read = said(Changes::read(&changes));
        assert_eq!(read, said(Changes::by_serde(&changes)));
        assert_eq!(read.is_ok(), is_read, "{changes}: {read:?}");
        let all = all.replace(row, &other);
        let read = said(Held::read(&all));
        assert_eq!(read, said(Held::by_serde(&all)));
        assert_eq!(read.is_ok(), is_read, "{all}: {read:?}");
    }
    // Torn at any place.
    for end in 0..changes.len() {
        let read = said(Changes::read(&changes[..end]));
        assert_eq!(read, said(Changes::by_serde(&changes[..end])));
        assert!(read.is_err(), "{}", &changes[..end]);
    }
    for end in 0..all.len() {
        assert!(Held::read(&all[..end]).is_err(), "{}", &all[..end]);
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
    assert!(short.ends_with(",\"each\":[]}]"), "{short}");
    let [(at, rows)] = cut.as_slice() else {
        panic!("one list is cut out: {cut:?}");
    };
    assert_eq!((&short[*at..], rows.len()), ("[]}]", 2));
    let quoted = serde_json::to_string(&text).expect("JSON");
    for other in [quoted, text.replace("[{\"kind\"", "[ {\"kind\"")] {
        let (short, cut) = json::cut(&other, runs::take);
        assert_eq!((short, cut.len()), (other, 0));
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

/// Rows of a list that nobody asks for are no rows of a run that has none.
#[test]
fn what_was_cut_out_does_not_go_elsewhere() {
    let row = r#"{"kind":"route","dst":"10.0.0.0/8","table":254,"metric":0}"#;
    let place = serde_json::to_string(&held(1, (0, false)).place).expect("JSON");
    let run = |each: &str| {
        format!(
            r#"{{"original":null,"committed":null,"transaction":1,"place":{place},"lasts":"boot","each":{each}}}"#
        )
    };
    let file = |resources: &str, unknown: &str| {
        let text = format!(
            r#"{{"version":2,"through":5,"stack":[],"resources":[{resources}],"x":0,"each":{unknown}}}"#
        );
        store::parse(text.as_bytes()).map(|held| held.resources.len())
    };
    let full = run(&format!("[{row},{row}]"));
    assert_eq!(file(&full, "[]"), Some(2));
    assert_eq!(file(&full, &format!("[{row}]")), Some(2));
    for empty in ["[]", "[ ]", "null"].map(run) {
        assert_eq!(file(&empty, &format!("[{row}]")), None);
        assert_eq!(file(&format!("{full},{empty}"), &format!("[{row}]")), None);
        assert_eq!(file(&format!("{empty},{full}"), &format!("[{row}]")), None);
        assert_eq!(file(&format!("{empty},{full}"), "[]"), None);
    }
}

/// One thing or the other, so that nothing of it is lost without a word.
#[test]
fn what_is_both_alone_and_a_run_is_refused() {
    let changes = Changes((6..9).map(|id| change(id, (1, vec![1], true))).collect()).written();
    let all = Held((6..9).map(|at| held(at, (2, false))).collect()).written();
    assert!(Changes::read(&changes).is_ok() && Held::read(&all).is_ok());
    let resource = serde_json::to_string(&resource(6)).expect("JSON");
    let alone = format!(r#"[{{"resource":{resource},"#);
    for more in [
        r#"[{"id":1,"#.to_owned(),
        alone.clone(),
        alone.replace("[{", r#"[{"id":1,"#),
    ] {
        let both = changes.replacen("[{", &more, 1);
        assert!(Changes::read(&both).is_err(), "{both}");
    }
    let both = all.replacen("[{", &alone, 1);
    assert!(Held::read(&both).is_err(), "{both}");
    // Without a number, and without a resource.
    let change = serde_json::to_string(&[change(6, (1, vec![1], true))]).expect("JSON");
    for name in ["\"id\"", "\"resource\""] {
        let less = change.replacen(name, "\"other\"", 1);
        assert!(
            Changes::read(&change).is_ok() && Changes::read(&less).is_err(),
            "{less}"
        );
    }
}
