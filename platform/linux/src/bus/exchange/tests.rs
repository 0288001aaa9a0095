//! Against a thread that plays the bus, and says what zbus has written.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle};

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use zbus::wire::{BE, Endian, LE, serialized::Context, to_bytes};
use zbus::{DynamicType, Variant};

use super::*;
use crate::bus::{Object, Properties, body, property};

/// More than any of these takes, so that a test which hangs fails.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(60);

const REPLY: u8 = 2;
const ERROR: u8 = 3;
pub(crate) const SIGNAL: u8 = 4;

const SYSTEM: super::Bus = super::Bus::System;

const SERVICE: Object<'_> = Object {
    service: "org.example",
    path: "/org/example",
    interface: "org.example.Thing",
};

/// A message as zbus writes it, in either byte order.
pub(crate) fn message<B>(
    endian: Endian,
    kind: u8,
    fields: Vec<(u8, Variant<'_>)>,
    says: &B,
) -> Vec<u8>
where
    B: serde::Serialize + DynamicType,
{
    let body = to_bytes(Context::new(endian, 0), says).unwrap();
    let signature = says.signature().to_string();
    let signature = signature.strip_prefix('(').unwrap_or(&signature);
    let signature = signature.strip_suffix(')').unwrap_or(signature);
    let mut fields = fields;
    if !signature.is_empty() {
        let typed = zbus::Signature::try_from(signature).unwrap();
        fields.push((8, Variant::from(typed)));
    }
    let order = if endian == LE { b'l' } else { b'B' };
    let length = u32::try_from(body.len()).unwrap();
    let head = (order, kind, 0u8, 1u8, length, 77u32, fields);
    let head = to_bytes(Context::new(endian, 0), &head).unwrap();
    let mut all = head.bytes().to_vec();
    // Of several values zbus writes the type as that of one structure, which a message's
    // own is not (D-Bus specification, 'Signature' of a message).
    let as_structure = format!("({signature})\0");
    if all.ends_with(as_structure.as_bytes()) {
        all.truncate(all.len() - as_structure.len() - 1);
        all.push(u8::try_from(signature.len()).unwrap());
        all.extend(signature.bytes().chain([0]));
        let length: [u8; 4] = all[12..16].try_into().unwrap();
        let length = match endian == LE {
            true => (u32::from_le_bytes(length) - 2).to_le_bytes(),
            false => (u32::from_be_bytes(length) - 2).to_be_bytes(),
        };
        all[12..16].copy_from_slice(&length);
    }
    all.resize(all.len().next_multiple_of(8), 0);
    all.extend(body.bytes());
    all
}

pub(crate) fn reply<B: serde::Serialize + DynamicType>(serial: u32, says: &B) -> Vec<u8> {
    message(LE, REPLY, vec![(5, serial.into())], says)
}

fn signal(member: &'static str, says: &str) -> Vec<u8> {
    let fields = vec![
        (1, zbus::ObjectPath::try_from("/").unwrap().into()),
        (2, "org.example.Thing".into()),
        (3, member.into()),
    ];
    message(LE, SIGNAL, fields, &(says,))
}

/// The other end.
pub(crate) struct Bus {
    stream: UnixStream,
    came: Vec<u8>,
}

impl Bus {
    /// Lets the client in, and answers its Hello.
    fn greet(stream: UnixStream) -> Self {
        let mut bus = Self {
            stream,
            came: Vec::new(),
        };
        bus.read_greeting();
        // As dbus-daemon: it asks who comes, and takes nothing for an answer.
        bus.write(b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n");
        let (hello, member) = bus.call();
        assert_eq!((hello, member.as_str()), (HELLO, "Hello"));
        bus.write(&reply(hello, &":1.7"));
        bus.write(&signal("NameAcquired", ":1.7"));
        bus
    }

    fn read_greeting(&mut self) {
        let end = loop {
            if let Some(at) = self.came.windows(7).position(|seven| seven == b"BEGIN\r\n") {
                break at + 7;
            }
            assert!(self.read(), "no greeting");
        };
        let greeting: Vec<u8> = self.came.drain(..end).collect();
        // Who we are here is not who we are to a bus outside of our user namespace.
        assert_eq!(greeting, b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n");
    }

    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer).unwrap_or(0);
        self.came.extend(&buffer[..length]);
        length > 0
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next call: its number and the method.
    pub(crate) fn call(&mut self) -> (u32, String) {
        self.next().expect("a call")
    }

    pub(crate) fn next(&mut self) -> Option<(u32, String)> {
        loop {
            if let Some((length, _)) = Message::lengths(&self.came).unwrap()
                && self.came.len() >= length
            {
                let bytes: Vec<u8> = self.came.drain(..length).collect();
                let serial = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
                let call = Message::parse(bytes).unwrap();
                return Some((serial, call.member().to_owned()));
            }
            if !self.read() {
                return None;
            }
        }
    }

    /// Waits until the client has gone.
    pub(crate) fn until_it_leaves(mut self) {
        while self.read() {}
    }
}

/// Runs `plays` as the bus, and connects to it.
fn beside<F>(patience: Duration, plays: F) -> (Answer<Exchange>, JoinHandle<()>)
where
    F: FnOnce(UnixStream) + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let listener = UnixListener::bind(&path).unwrap();
    let bus = thread::spawn(move || {
        let _folder = folder;
        plays(listener.accept().unwrap().0);
    });
    (connect(&path, patience), bus)
}

fn connect(path: &Path, patience: Duration) -> Answer<Exchange> {
    Exchange::connect(SYSTEM, &format!("unix:path={}", path.display()), patience)
}

/// The same with a bus that has let the client in.
pub(crate) fn greeted(plays: impl FnOnce(Bus) + Send + 'static) -> (Exchange, JoinHandle<()>) {
    let (exchange, bus) = beside(LONG, |stream| plays(Bus::greet(stream)));
    (exchange.unwrap(), bus)
}

fn ask(method: &str) -> Answer<Call> {
    SERVICE.call(method, &())
}

fn number(answer: Answer) -> Answer<u32> {
    value(&answer?)
}

#[test]
fn no_socket_is_no_bus() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = connect(&folder.path().join("bus"), SHORT);
    assert_eq!(nowhere.map(drop), Err(Failure::NoBus(SYSTEM)));
}

#[test]
fn the_first_address_that_works_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let _listener = UnixListener::bind(&path).unwrap();
    let list = format!("unix:path=/nowhere/at/all;unix:path={}", path.display());
    assert!(Exchange::connect(SYSTEM, &list, SHORT).is_ok());
}

#[test]
fn a_bus_that_does_not_answer_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let _listener = UnixListener::bind(&path).unwrap();
    let started = Instant::now();
    let mut exchange = connect(&path, SHORT).unwrap();
    let answer = exchange.call_one(ask("A"));
    assert!(matches!(answer, Err(Failure::Bus(_, why)) if why.contains("did not answer")));
    assert!(started.elapsed() >= SHORT);
    assert!(started.elapsed() < LONG);
    assert!(!exchange.is_as_new());
}

#[test]
fn a_bus_that_accepts_nobody_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let (unix, stream) = (AddressFamily::Unix, SockType::Stream);
    let listener = socket::socket(unix, stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    socket::bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    socket::listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let _waits = UnixStream::connect(&path).unwrap();
    let started = Instant::now();
    let refused = connect(&path, SHORT).map(drop);
    assert!(matches!(refused, Err(Failure::Bus(_, why)) if why.contains("did not answer")));
    assert!(started.elapsed() >= SHORT);
    assert!(started.elapsed() < LONG);
}

#[test]
fn the_first_calls_go_out_before_the_bus_has_said_anything() {
    let (exchange, bus) = beside(LONG, |stream| {
        let mut bus = Bus {
            stream,
            came: Vec::new(),
        };
        bus.read_greeting();
        assert_eq!(bus.call().1, "Hello");
        let (serial, member) = bus.call();
        assert_eq!(member, "A");
        for piece in [&b"DA"[..], b"TA\r\n", b"OK 0123456789abcdef", b"\r\n"] {
            bus.write(piece);
        }
        bus.write(&reply(HELLO, &":1.7"));
        bus.write(&reply(serial, &5u32));
        bus.until_it_leaves();
    });
    let mut exchange = exchange.unwrap();
    let sent = exchange.send(vec![ask("A")]);
    let answer = exchange.wait(sent).pop().unwrap();
    assert_eq!(number(answer), Ok(5));
    assert_eq!(exchange.own_name(), Ok(":1.7".to_owned()));
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn answers_come_in_any_order_and_in_any_pieces() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let serials: Vec<u32> = (0..3).map(|_| bus.call().0).collect();
        // Two in one write, with something else in between; the third byte by byte.
        let mut both = reply(serials[2], &22u32);
        both.extend(signal("Unasked", "noise"));
        both.extend(reply(serials[0], &20u32));
        bus.write(&both);
        for byte in reply(serials[1], &21u32) {
            bus.write(&[byte]);
        }
        bus.until_it_leaves();
    });
    let calls = ["A", "B", "C"].map(ask).into_iter().collect();
    let answers: Vec<_> = exchange.call(calls).into_iter().map(number).collect();
    assert_eq!(answers, [Ok(20), Ok(21), Ok(22)]);
    assert!(exchange.is_as_new());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn both_byte_orders_are_read() {
    for endian in [LE, BE] {
        let (mut exchange, bus) = greeted(move |mut bus| {
            let (serial, _) = bus.call();
            let all = std::collections::HashMap::from([
                ("Name", Variant::from("lan0")),
                ("Mask", Variant::from(0x0102_0304_0506_0708u64)),
                (
                    "DNS",
                    Variant::from(vec![(2i32, vec![10u8, 0, 0, 1], 53u16)]),
                ),
            ]);
            bus.write(&message(endian, REPLY, vec![(5, serial.into())], &all));
            let (serial, _) = bus.call();
            let one = Variant::from(7i32);
            bus.write(&message(endian, REPLY, vec![(5, serial.into())], &one));
            bus.until_it_leaves();
        });
        let answer = exchange.call_one(SERVICE.get_all()).unwrap();
        let all = Properties::of(&answer).unwrap();
        assert_eq!(all.get("Name"), Ok(Some("lan0")));
        assert_eq!(all.get("Mask"), Ok(Some(0x0102_0304_0506_0708u64)));
        assert_eq!(
            all.get("DNS"),
            Ok(Some(vec![(2i32, vec![10u8, 0, 0, 1], 53u16)]))
        );
        assert_eq!(all.get::<u32>("None"), Ok(None));
        assert!(matches!(
            all.get::<bool>("Name"),
            Err(Failure::Unexpected(_))
        ));
        let answer = exchange.call_one(SERVICE.get("One")).unwrap();
        assert_eq!(property("One", &answer), Ok(7i32));
        assert!(matches!(
            body::<(u32,)>(&answer),
            Err(Failure::Unexpected(_))
        ));
        drop(exchange);
        bus.join().unwrap();
    }
}

#[test]
fn an_error_brings_its_name_and_its_words() {
    let (mut exchange, bus) = greeted(|mut bus| {
        for (says, more) in [("no such thing", true), ("", false)] {
            let (serial, _) = bus.call();
            let fields = vec![(4, "org.example.Error".into()), (5, serial.into())];
            let error = match more {
                true => message(LE, ERROR, fields, &(says,)),
                false => message(LE, ERROR, fields, &()),
            };
            bus.write(&error);
        }
        bus.until_it_leaves();
    });
    for words in ["no such thing", ""] {
        assert_eq!(
            exchange.call_one(ask("A")).map(drop),
            Err(Failure::Refused("org.example.Error".into(), words.into()))
        );
    }
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn an_answer_that_is_too_long_fails_alone() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let (first, second) = (bus.call().0, bus.call().0);
        let long = "x".repeat(3 * LONGEST);
        bus.write(&signal("Unasked", &long));
        bus.write(&reply(first, &long));
        bus.write(&reply(second, &8u32));
        bus.until_it_leaves();
    });
    let mut answers = exchange.call(vec![ask("A"), ask("B")]).into_iter();
    let too_long = answers.next().unwrap();
    assert!(matches!(too_long, Err(Failure::Unexpected(why)) if why.contains("bytes long")));
    assert_eq!(number(answers.next().unwrap()), Ok(8));
    assert!(exchange.is_as_new());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn what_is_no_bus_is_left_at_once() {
    let rejects: &[&'static [u8]] = &[
        b"REJECTED EXTERNAL DBUS_COOKIE_SHA1\r\nERROR\r\n",
        b"ERROR \"no\"\r\n",
        // It asks for more than nothing.
        b"DATA\r\nDATA\r\nOK 0123\r\n",
        b"DATA 00\r\nOK 0123\r\n",
        b"DATA\r\nREJECTED EXTERNAL\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        // A line without an end.
        &[b'O'; 5000],
        // No byte order, another version, no end of its header, longer than D-Bus allows.
        b"OK 0123\r\nxxxxxxxxxxxxxxxxxxxxxxxx",
        b"OK 0123\r\nl\x02\x00\x02\0\0\0\0\x01\0\0\0\0\0\0\0",
        b"OK 0123\r\nl\x02\x00\x01\0\0\0\0\x01\0\0\0\0\0\0\x01",
        b"OK 0123\r\nl\x02\x00\x01\0\0\0\x7f\x01\0\0\0\0\0\0\0",
        b"OK 0123\r\nl\x02\x00\x01\xff\xff\xff\xff\x01\0\0\0\xff\xff\xff\xff",
        // An answer to nothing.
        b"OK 0123\r\nl\x02\x00\x01\0\0\0\0\x01\0\0\0\0\0\0\0",
    ];
    for says in rejects {
        let says = *says;
        let (exchange, bus) = beside(LONG, move |mut stream| {
            stream.write_all(says).unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        });
        let mut exchange = exchange.unwrap();
        let started = Instant::now();
        let answer = exchange.call_one(ask("A")).map(drop);
        assert!(
            matches!(answer, Err(Failure::Bus(..))),
            "{answer:?} {says:?}"
        );
        assert!(started.elapsed() < LONG / 2);
        assert!(!exchange.is_as_new());
        drop(exchange);
        bus.join().unwrap();
    }
}

#[test]
fn a_bus_that_refuses_hello_is_said() {
    let (exchange, bus) = beside(LONG, |stream| {
        let mut bus = Bus {
            stream,
            came: Vec::new(),
        };
        bus.read_greeting();
        let (hello, _) = bus.call();
        bus.write(b"OK 0123456789abcdef0123456789abcdef\r\n");
        let fields = vec![
            (4, "org.freedesktop.DBus.Error.LimitsExceeded".into()),
            (5, hello.into()),
        ];
        bus.write(&message(LE, ERROR, fields, &("too many connections",)));
        bus.until_it_leaves();
    });
    let mut exchange = exchange.unwrap();
    let answer = exchange.call_one(ask("A")).map(drop);
    assert!(matches!(answer, Err(Failure::Bus(_, why)) if why.contains("too many connections")));
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn a_bus_that_hangs_up_fails_what_is_not_answered() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let (first, second) = (bus.call().0, bus.call().0);
        bus.write(&reply(first, &1u32));
        let half = reply(second, &2u32);
        bus.write(&half[..half.len() / 2]);
    });
    let hung_up = Err(Failure::Bus(SYSTEM, "it has hung up".to_owned()));
    let answers = exchange.call(vec![ask("A"), ask("B")]);
    let answers: Vec<_> = answers.into_iter().map(number).collect();
    assert_eq!(answers, [Ok(1), hung_up.clone()]);
    bus.join().unwrap();
    // Nothing is waited for afterwards.
    let started = Instant::now();
    assert_eq!(number(exchange.call_one(ask("C"))), hung_up);
    assert_eq!(number(exchange.signal(|_| true)), hung_up);
    assert!(started.elapsed() < LONG / 2);
    assert!(!exchange.is_as_new());
}

#[test]
fn a_bus_that_hung_up_meanwhile_is_not_asked_again() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let (serial, _) = bus.call();
        bus.write(&reply(serial, &1u32));
    });
    assert_eq!(number(exchange.call_one(ask("A"))), Ok(1));
    bus.join().unwrap();
    assert!(!exchange.is_as_new());
}

#[test]
fn a_connection_is_kept_until_the_bus_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let listener = UnixListener::bind(&path).unwrap();
    let bus = thread::spawn(move || {
        for answers in [1..3u32, 9..10] {
            let mut bus = Bus::greet(listener.accept().unwrap().0);
            for answer in answers {
                let (serial, _) = bus.call();
                bus.write(&reply(serial, &answer));
            }
        }
    });
    let address = format!("unix:path={}", path.display());
    let mut exchange = Exchange::open_at(SYSTEM, &address, None).unwrap();
    assert_eq!(number(exchange.call_one(ask("A"))), Ok(1));
    let mut exchange = Exchange::open_at(SYSTEM, &address, Some(exchange)).unwrap();
    assert_eq!(exchange.serial, 2, "the same");
    assert_eq!(number(exchange.call_one(ask("B"))), Ok(2));
    // The bus goes away, and another one comes.
    exchange.give(LONG);
    while exchange.failed.is_none() {
        let _ = exchange.next();
    }
    let mut exchange = Exchange::open_at(SYSTEM, &address, Some(exchange)).unwrap();
    assert_eq!(exchange.serial, HELLO, "another one");
    assert_eq!(number(exchange.call_one(ask("C"))), Ok(9));
    bus.join().unwrap();
    // And no other one comes.
    drop(folder);
    assert_eq!(
        Exchange::open_at(SYSTEM, &address, Some(exchange)).map(drop),
        Err(Failure::NoBus(SYSTEM))
    );
}

#[test]
fn a_late_answer_is_not_that_of_another_call() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let (first, _) = bus.call();
        let (second, _) = bus.call();
        // Late, twice, and to what was never asked.
        bus.write(&reply(first, &1u32));
        bus.write(&reply(first, &11u32));
        bus.write(&reply(second + 40, &40u32));
        bus.write(&reply(second, &2u32));
        bus.write(&reply(second, &22u32));
        let (third, _) = bus.call();
        bus.write(&reply(third, &3u32));
        bus.until_it_leaves();
    });
    // However busy the machine: the bus has let us in before the time is short.
    exchange.own_name().unwrap();
    exchange.give(SHORT);
    assert_eq!(number(exchange.call_one(ask("A"))), Err(Failure::NoAnswer));
    exchange.give(LONG);
    assert_eq!(number(exchange.call_one(ask("B"))), Ok(2));
    assert_eq!(number(exchange.call_one(ask("C"))), Ok(3));
    // For the bus the first call may still be open, and counts.
    assert!(!exchange.is_as_new());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn one_service_is_asked_so_much_at_a_time() {
    let other = Object {
        service: "org.example.Other",
        ..SERVICE
    };
    let (mut exchange, bus) = greeted(|mut bus| {
        let mut out: VecDeque<u32> = VecDeque::new();
        let mut others = 0;
        while out.len() < IN_FLIGHT || others < 1 {
            let (serial, member) = bus.call();
            match member.as_str() {
                "Other" => others += 1,
                _ => out.push_back(serial),
            }
        }
        bus.stream.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(bus.next(), None, "more than its share");
        bus.stream.set_read_timeout(None).unwrap();
        // Each answer makes room for one more call.
        for _ in 0..6 {
            bus.write(&reply(out.pop_front().unwrap(), &1u32));
            out.push_back(bus.call().0);
        }
        for serial in out {
            bus.write(&reply(serial, &1u32));
        }
        bus.until_it_leaves();
    });
    let mut calls: Vec<_> = (0..IN_FLIGHT + 6).map(|_| ask("Thing")).collect();
    calls.push(other.call("Other", &()));
    exchange.give(Duration::from_secs(2));
    let answers = exchange.call(calls);
    let (last, first) = answers.split_last().unwrap();
    assert!(first.iter().all(Result::is_ok));
    assert!(matches!(last, Err(Failure::NoAnswer)), "it holds nobody up");
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn noise_does_not_keep_anybody() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let noise = signal("Unasked", "noise").repeat(100);
        while bus.stream.write_all(&noise).is_ok() {}
    });
    exchange.own_name().unwrap();
    exchange.give(SHORT);
    let started = Instant::now();
    assert_eq!(number(exchange.call_one(ask("A"))), Err(Failure::NoAnswer));
    assert!(started.elapsed() < LONG / 2);
    exchange.listens_to = Some(("org.example.Thing", "Unasked"));
    exchange.give(SHORT);
    assert_eq!(number(exchange.signal(|_| false)), Err(Failure::NoAnswer));
    assert_eq!(number(exchange.call_one(ask("B"))), Err(Failure::NoAnswer));
    let kept: usize = exchange.signals.iter().map(Message::length).sum();
    assert!(kept <= LONGEST);
    assert!(started.elapsed() < LONG / 2);
    assert!(!exchange.is_as_new());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn signals_count_from_when_they_were_asked_for() {
    let wanted = Signals {
        rule: "type='signal'".to_owned(),
        interface: "org.example.Thing",
        member: "Done",
    };
    let (mut exchange, bus) = greeted(|mut bus| {
        let (serial, member) = bus.call();
        assert_eq!(member, "AddMatch");
        let mut stale = signal("Done", "stale");
        stale.extend(reply(serial, &()));
        stale.extend(signal("Done", "early"));
        stale.extend(signal("Undone", "other"));
        bus.write(&stale);
        let (serial, _) = bus.call();
        bus.write(&reply(serial, &1u32));
        bus.write(&signal("Done", "late"));
        assert_eq!(bus.call().1, "RemoveMatch");
        bus.write(&signal("Done", "too late"));
        let (serial, _) = bus.call();
        bus.write(&reply(serial, &2u32));
        bus.until_it_leaves();
    });
    exchange.listen(&wanted).unwrap();
    assert_eq!(number(exchange.call_one(ask("A"))), Ok(1));
    let first = exchange.signal(|_| true).unwrap();
    assert_eq!(body::<(&str,)>(&first), Ok(("early",)));
    let is_late = |signal: &Message| body::<(&str,)>(signal) == Ok(("late",));
    assert!(exchange.signal(is_late).is_ok());
    exchange.stop_listening(&wanted);
    assert_eq!(number(exchange.call_one(ask("B"))), Ok(2));
    assert!(exchange.signals.is_empty());
    assert!(exchange.is_as_new());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn what_cannot_be_said_fails_alone() {
    let (mut exchange, bus) = greeted(|mut bus| {
        let (serial, member) = bus.call();
        assert_eq!(member, "B");
        bus.write(&reply(serial, &2u32));
        bus.until_it_leaves();
    });
    let nowhere = Object {
        path: "nowhere",
        ..SERVICE
    };
    let calls = vec![
        SERVICE.call("A", &("a\0b",)),
        ask("B"),
        nowhere.call("C", &()),
    ];
    let answers: Vec<_> = exchange.call(calls).into_iter().map(number).collect();
    assert!(matches!(answers[0], Err(Failure::Unexpected(_))));
    assert_eq!(answers[1], Ok(2));
    assert!(matches!(answers[2], Err(Failure::Unexpected(_))));
    assert!(exchange.is_as_new());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn more_than_fits_the_socket_is_sent_all_the_same() {
    let (mut exchange, bus) = greeted(|mut bus| {
        for _ in 0..8 {
            let (serial, _) = bus.call();
            // It talks while it is talked to.
            bus.write(&signal("Unasked", &"x".repeat(100_000)));
            bus.write(&reply(serial, &serial));
        }
        bus.until_it_leaves();
    });
    let text = "x".repeat(400_000);
    let calls: Vec<_> = (0..8).map(|_| SERVICE.call("A", &(&text,))).collect();
    let answers: Vec<_> = exchange.call(calls).into_iter().map(number).collect();
    assert_eq!(answers, (2..10).map(Ok).collect::<Vec<_>>());
    drop(exchange);
    bus.join().unwrap();
}

#[test]
fn what_has_come_counts_though_the_time_is_over() {
    let (has_answered, answered) = std::sync::mpsc::channel();
    let (mut exchange, bus) = greeted(move |mut bus| {
        let (serial, _) = bus.call();
        bus.write(&reply(serial, &1u32));
        has_answered.send(()).unwrap();
        bus.until_it_leaves();
    });
    let sent = exchange.send(vec![ask("A")]);
    exchange.own_name().unwrap();
    answered.recv().unwrap();
    exchange.give(Duration::ZERO);
    assert_eq!(number(exchange.wait(sent).pop().unwrap()), Ok(1));
    drop(exchange);
    bus.join().unwrap();
}
