//! Answers.

use netprof_macos::route::{Names, Reply};
use netprof_model::plan::RouteAnswer;

use crate::Test;
use crate::kernel::{
    self, DONE, DST, GATE, GATEWAY, HOST, IFA, IFP, LLINFO, MASK, REJECT, STATIC, Slots, UP,
    WASCLONED, answered, mask, sdl, sin,
};

pub(crate) const TESTS: &[Test] = &[
    ("an_answer_is_known_by_process_and_number", own),
    ("a_look_up_answers_link_gateway_and_source", answer),
    (
        "a_neighbour_that_is_silent_can_be_reached_all_the_same",
        silent,
    ),
    ("an_address_that_is_no_gateway_is_none", other_end),
    (
        "what_drops_and_what_is_not_there_is_unreachable",
        unreachable,
    ),
    ("a_deleted_route_is_shown_whole", deleted),
    (
        "a_delete_is_done_though_its_route_cannot_be_read",
        deleted_unread,
    ),
    ("an_add_is_done_or_its_key_is_taken", added),
    ("a_message_that_is_cut_anywhere_is_refused", cut),
];

const PID: u32 = 501;

fn names() -> Names {
    let mut names = Names::default();
    for (index, name) in [(1, "lo0"), (11, "en0"), (25, "utun4")] {
        names.insert(index, name);
    }
    names
}

fn ip4(text: &str) -> Vec<u8> {
    sin(text.parse().unwrap())
}

fn found(gateway: Vec<u8>) -> Slots {
    vec![
        (DST, ip4("10.0.0.0")),
        (GATE, gateway),
        (MASK, mask(true, 8, 0xff)),
        (IFP, sdl(11, "en0", &[2, 0, 0, 0, 0, 0])),
        (IFA, ip4("192.168.7.20")),
    ]
}

fn read(bytes: &[u8]) -> Reply {
    let reply = Reply::read(bytes, PID, 3, &names(), 0).unwrap();
    reply.expect("it is the answer")
}

fn get(index: u16, flags: u32, slots: &Slots) -> Vec<u8> {
    answered(kernel::rt(4, index, flags | DONE, slots), PID, 3, 0)
}

fn own() {
    let message = get(11, UP | GATEWAY, &found(ip4("192.168.7.1")));
    let of = |pid, sequence| Reply::read(&message, pid, sequence, &names(), 0);
    assert!(of(PID, 3).unwrap().is_some());
    assert_eq!(of(PID, 4), Ok(None));
    assert_eq!(of(PID + 1, 3), Ok(None));
    // What another wrote is passed over, even where it means nothing.
    let mut other = message.clone();
    other[13] = 0xff;
    assert_eq!(Reply::read(&other, PID, 4, &names(), 0), Ok(None));
    let link = kernel::link(false, 11, 0x8863, 1500, "en0", &[]);
    assert_eq!(Reply::read(&link, 0, 0, &names(), 0), Ok(None));
}

fn answer() {
    let reply = read(&get(11, UP | GATEWAY | STATIC, &found(ip4("192.168.7.1"))));
    let expected = RouteAnswer {
        table: None,
        dev: Some("en0".to_owned()),
        via: Some("192.168.7.1".parse().unwrap()),
        src: Some("192.168.7.20".parse().unwrap()),
        unreachable: false,
    };
    assert_eq!(reply.answer(), Some(expected));
    let clone = found(ip4("192.168.7.1"));
    let clone = read(&get(11, UP | HOST | GATEWAY | WASCLONED, &clone));
    assert_eq!(clone.answer().unwrap().dev.as_deref(), Some("en0"));
    let neighbour = found(sdl(11, "", &[2, 0, 0x5e, 0, 0x53, 9]));
    let neighbour = read(&get(11, UP | HOST | WASCLONED | LLINFO, &neighbour));
    assert_eq!(neighbour.answer().unwrap().via, None);
}

/// in_arp.c, `arp_lookup_ip`: who does not answer ARP is marked with RTF_REJECT for a
/// while. The way there is the same.
fn silent() {
    let flags = UP | HOST | WASCLONED | LLINFO | REJECT;
    let silent = read(&get(11, flags, &found(sdl(11, "", &[]))));
    let answer = silent.answer().unwrap();
    assert_eq!(
        (answer.dev.as_deref(), answer.unreachable),
        (Some("en0"), false)
    );
    // The clone of a route that drops bears the mark of that route, and drops.
    let flags = UP | HOST | WASCLONED | GATEWAY | REJECT;
    let clone = read(&get(1, flags, &found(ip4("127.0.0.1"))));
    assert!(clone.answer().unwrap().unreachable);
}

fn other_end() {
    let reply = read(&get(25, UP | HOST, &found(ip4("10.8.0.6"))));
    let answer = reply.answer().unwrap();
    assert_eq!((answer.dev.as_deref(), answer.via), (Some("utun4"), None));
}

fn unreachable() {
    for flag in [8, 0x1000] {
        let reply = read(&get(1, UP | GATEWAY | flag, &found(ip4("127.0.0.1"))));
        assert!(reply.answer().unwrap().unreachable);
    }
    for (errno, nowhere) in [(3, true), (51, true), (65, true), (1, false), (22, false)] {
        let asked = kernel::rt(4, 0, UP, &vec![(DST, ip4("10.1.2.3"))]);
        let reply = read(&answered(asked, PID, 3, errno));
        assert_eq!(
            reply.answer().is_some_and(|answer| answer.unreachable),
            nowhere
        );
        assert_eq!(reply.errno, errno);
        assert_eq!(reply.route, None);
    }
}

fn deleted() {
    let mut slots = found(ip4("192.168.7.1"));
    slots.truncate(3);
    let flags = GATEWAY | STATIC | 0x8000 | 0x200_0000 | DONE;
    let gone = answered(kernel::rt(2, 11, flags, &slots), PID, 3, 0);
    let route = read(&gone).route.unwrap();
    assert_eq!(route.key.dst, "10.0.0.0/8".parse().unwrap());
    assert_eq!(route.gateway(), Some("192.168.7.1".parse().unwrap()));
    assert!(netprof_model::State::Route(route.spec).bears_mark());
}

fn deleted_unread() {
    let echoed = vec![(DST, ip4("10.0.0.0")), (MASK, mask(true, 8, 0))];
    let gone = answered(kernel::rt(2, 0, DONE, &echoed), PID, 3, 0);
    let reply = read(&gone);
    assert_eq!((reply.errno, reply.route), (0, None));
}

fn added() {
    let slots = vec![(DST, ip4("10.0.0.0")), (GATE, sdl(25, "", &[]))];
    let add = |errno| answered(kernel::rt(1, 0, UP, &slots), PID, 3, errno);
    let done = read(&add(0));
    assert_eq!((done.errno, done.route), (0, None));
    assert_eq!(read(&add(17)).errno, 17);
}

fn cut() {
    let message = get(11, UP | GATEWAY, &found(ip4("192.168.7.1")));
    for at in 0..message.len() {
        assert!(
            Reply::read(&message[..at], PID, 3, &names(), 0).is_err(),
            "{at}"
        );
    }
    let two = [message.clone(), message].concat();
    assert!(Reply::read(&two, PID, 3, &names(), 0).is_err());
}
