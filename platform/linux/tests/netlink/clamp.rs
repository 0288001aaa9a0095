//! The table of nft that is netprof's own: it is what nft would make of the same words, what
//! others put into it shows, and nothing else is ever written.

use std::io::Write;
use std::process::{Command, Stdio};

use netprof_engine::backend::{Backend, Mode};
use netprof_linux::Linux;
use netprof_linux::netlink::answer;
use netprof_linux::netlink::clamp::batch;
use netprof_linux::netlink::socket::{NETLINK_NETFILTER, Socket};
use netprof_linux::netlink::wire::Messages;
use netprof_model::nft_table::NftTable;
use netprof_model::plan::{Change, Reason};
use netprof_model::resource::Lasts;
use netprof_model::{Owner, Resource, Section, State};
use netprof_plan::Need;

use crate::filters;
use crate::namespace::{Test, sh};

pub(crate) const TESTS: &[Test] = &[
    ("the_own_table_is_as_nft_would_make_it", as_nft),
    ("the_own_table_comes_and_goes_and_no_other_does", no_other),
    ("what_others_do_to_the_own_table_shows_and_stays", others),
    ("a_table_of_that_name_that_is_not_ours_shows", taken),
    ("an_own_table_that_went_is_gone", gone),
    ("a_batch_for_another_ruleset_is_refused", another_ruleset),
];

fn clamped(links: &[&str]) -> NftTable {
    NftTable {
        clamped: links.iter().map(|link| (*link).to_owned()).collect(),
        others: Vec::new(),
    }
}

fn change(before: Option<NftTable>, after: Option<NftTable>) -> Change {
    Change {
        id: 1,
        resource: Resource::NftTable,
        before: before.map(|table| State::NftTable(table.into())),
        after: after.map(|table| State::NftTable(table.into())),
        original: None,
        owner: Owner::Unknown,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: vec![Reason::plain("a test")],
    }
}

fn make(before: Option<NftTable>, after: Option<NftTable>) -> Result<(), String> {
    let made = Linux::new().apply(&[change(before, after)], Mode::Forward);
    made.map_err(|mut refused| refused.remove(0).why)
}

fn seen() -> Section<NftTable> {
    let need = Need {
        nft_table: true,
        ..Need::default()
    };
    let snapshot = Linux::new().observe(need).expect("it can be observed");
    snapshot.nft_table
}

/// The table for `links`, in the words of nft.
fn words(links: &[&str]) -> String {
    let chain = |name: &str, side: &str| {
        let rule = |link: &&str| {
            format!(
                "\t\t{side} \"{link}\" tcp flags syn / syn,rst tcp option maxseg size set rt mtu comment \"netprof\"\n"
            )
        };
        let rules: String = links.iter().map(rule).collect();
        format!(
            "\tchain {name} {{\n\t\ttype filter hook {name} priority mangle; policy accept;\n{rules}\t}}\n"
        )
    };
    let (into, out) = (chain("forward", "iifname"), chain("postrouting", "oifname"));
    format!("table inet netprof {{\n{into}\n{out}}}\n")
}

fn feed(text: &str) {
    let mut nft = Command::new("nft");
    let mut nft = nft.args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = nft.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    assert!(nft.wait().unwrap().success(), "{text}");
}

fn as_nft() {
    assert_eq!(seen(), Section::Absent);
    // Names of links have no more than 15 characters.
    let sets: [&[&str]; 3] = [&["tun0"], &["long-name-of-15", "wg0"], &[]];
    for links in sets {
        make(None, Some(clamped(links))).unwrap();
        assert_eq!(sh("nft list table inet netprof"), words(links));
        assert_eq!(seen(), Section::Seen(clamped(links)));
        sh("nft delete table inet netprof");
        assert_eq!(seen(), Section::Absent);
        // The other way round: what nft writes is the same to the kernel.
        feed(&words(links));
        assert_eq!(seen(), Section::Seen(clamped(links)));
        make(Some(clamped(links)), None).unwrap();
        assert_eq!(seen(), Section::Absent);
    }
}

/// Tables of others, of the same family and of that name in another one.
const STRANGERS: &str = "
    table inet filter {
        set s { type ipv4_addr; elements = { 192.0.2.1 } }
        chain forward { type filter hook forward priority mangle; policy accept; ip saddr @s drop; }
    }
    table ip netprof {
        chain forward { type filter hook forward priority mangle; policy drop; counter; }
    }
";

fn no_other() {
    feed(STRANGERS);
    let before = sh("nft -a list ruleset");
    let filters = filters::observe();
    make(None, Some(clamped(&["tun0"]))).unwrap();
    // It drops nothing and marks nothing.
    assert_eq!(filters::observe(), filters);
    let all = sh("nft list tables");
    assert_eq!(
        all,
        "table inet filter\ntable ip netprof\ntable inet netprof\n"
    );
    let next = clamped(&["tun0", "wg0"]);
    make(Some(clamped(&["tun0"])), Some(next.clone())).unwrap();
    assert_eq!(sh("nft list table inet netprof"), words(&["tun0", "wg0"]));
    make(Some(next.clone()), None).unwrap();
    assert_eq!(sh("nft -a list ruleset"), before);
    // On the way back, what is as it shall be is done.
    let inverse = change(Some(next), None);
    let done = Linux::new().apply(&[inverse], Mode::Back);
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(sh("nft -a list ruleset"), before);
}

fn others() {
    let own = || Some(clamped(&["tun0"]));
    let edits = [
        (
            "add rule inet netprof forward counter",
            "rule 5 of chain forward",
        ),
        (
            "insert rule inet netprof postrouting oifname tun0 accept",
            "rule 5 of chain postrouting",
        ),
        (
            "add chain inet netprof mine",
            "further chains, sets or objects: 1",
        ),
        (
            "add set inet netprof mine { type ipv4_addr; }",
            "further chains, sets or objects: 1",
        ),
        (
            "delete rule inet netprof postrouting handle 4",
            "no rule for tun0 in chain postrouting",
        ),
        (
            "replace rule inet netprof forward handle 2 iifname tun1 drop",
            "rule 2 of chain forward",
        ),
        (
            "replace rule inet netprof forward handle 2 iifname tun0 tcp flags syn / syn,rst tcp option maxseg size set rt mtu",
            "rule 2 of chain forward",
        ),
        (
            "add table inet netprof { flags dormant; }",
            "the table has flags 1",
        ),
        (
            "chain inet netprof forward { policy drop; }",
            "chain forward is another one",
        ),
    ];
    for (edit, named) in edits {
        make(None, own()).unwrap();
        sh(&format!("nft '{edit}'"));
        let Section::Seen(found) = seen() else {
            panic!("{edit}: {:?}", seen());
        };
        assert!(
            found.others.contains(&named.to_owned()),
            "{edit}: {found:?}"
        );
        let before = sh("nft -a list ruleset");
        for after in [None, Some(clamped(&["wg0"]))] {
            let why = make(own(), after).unwrap_err();
            assert_eq!(why, "somebody has changed it since");
        }
        let why = make(None, Some(found)).unwrap_err();
        assert_eq!(why, "what others had in it cannot be written");
        assert_eq!(sh("nft -a list ruleset"), before);
        sh("nft delete table inet netprof");
    }
}

fn taken() {
    for theirs in [
        "table inet netprof { }",
        "table inet netprof { chain c { type filter hook input priority 0; policy drop; }; }",
    ] {
        feed(theirs);
        let before = sh("nft -a list ruleset");
        let Section::Seen(found) = seen() else {
            panic!("{theirs}");
        };
        assert!(!found.others.is_empty() && !State::NftTable(Box::new(found)).bears_mark());
        let why = make(None, Some(clamped(&["tun0"]))).unwrap_err();
        assert_eq!(why, "somebody has changed it since");
        assert_eq!(sh("nft -a list ruleset"), before);
        sh("nft delete table inet netprof");
    }
}

fn gone() {
    make(None, Some(clamped(&["tun0"]))).unwrap();
    sh("nft flush ruleset");
    let why = make(Some(clamped(&["tun0"])), None).unwrap_err();
    assert_eq!(why, "it is gone");
    let back = change(Some(clamped(&["tun0"])), None);
    assert!(Linux::new().apply(&[back], Mode::Back).is_ok());
}

fn another_ruleset() {
    let mut socket = Socket::open(NETLINK_NETFILTER).unwrap();
    let mut numbers = 1..;
    let next = || numbers.next().unwrap();
    let batch = batch(12345, false, Some(&clamped(&["tun0"])), next).unwrap();
    socket.send(&batch.requests, "write a batch").unwrap();
    let answer = socket.receive("write a batch").unwrap();
    let message = Messages::new(answer).next().unwrap().unwrap();
    assert_eq!(message.sequence, batch.first);
    let refused = answer::decode(&message).unwrap().unwrap_err();
    assert_eq!(refused.errno, nix::errno::Errno::ERESTART as i32);
    assert_eq!(seen(), Section::Absent);
}
