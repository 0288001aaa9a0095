//! The laws of the D-Bus codec, and zbus as a second opinion on it.
//!
//! - zbus reads what we write, and we read what it writes, in both byte orders.
//! - What we have no use for is passed over, whatever it is.
//! - No bytes whatever make the reader panic, or go without an end.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::HashMap;

use netprof_linux::dbus::{Call, Entry, Kind, Malformed, Message, ObjectPath, Reader, Variant};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use zbus::OwnedVariant;
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{BE, Endian, LE};

type Server = (i32, Vec<u8>, u16, String);
type Head = (u8, u8, u8, u8, u32, u32, Vec<(u8, OwnedVariant)>);

fn server() -> impl Strategy<Value = Server> {
    (any::<i32>(), vec(any::<u8>(), 0..17), any::<u16>(), text())
}

/// A text that D-Bus can carry.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}

fn endian() -> impl Strategy<Value = Endian> {
    any::<bool>().prop_map(|big| if big { BE } else { LE })
}

/// Any value that zbus can say.
fn variant() -> impl Strategy<Value = zbus::Variant<'static>> {
    let leaf = prop_oneof![
        any::<u8>().prop_map(zbus::Variant::from),
        any::<bool>().prop_map(zbus::Variant::from),
        any::<i16>().prop_map(zbus::Variant::from),
        any::<u16>().prop_map(zbus::Variant::from),
        any::<i32>().prop_map(zbus::Variant::from),
        any::<u32>().prop_map(zbus::Variant::from),
        any::<i64>().prop_map(zbus::Variant::from),
        any::<u64>().prop_map(zbus::Variant::from),
        any::<f64>().prop_map(zbus::Variant::from),
        text().prop_map(zbus::Variant::from),
        Just(zbus::ObjectPath::try_from("/a/b").unwrap().into()),
        Just(zbus::Signature::try_from("a{sv}").unwrap().into()),
        vec(any::<u64>(), 0..4).prop_map(zbus::Variant::from),
        vec(server(), 0..3).prop_map(zbus::Variant::from),
        vec(vec(text(), 0..3), 0..3).prop_map(zbus::Variant::from),
        hash_map(text(), any::<u16>(), 0..4).prop_map(zbus::Variant::from),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|value| zbus::Variant::Variant(Box::new(value))),
            (inner.clone(), any::<u8>()).prop_map(|(value, byte)| (byte, value).into()),
            vec(inner, 0..3).prop_map(zbus::Variant::from),
        ]
    })
}

/// A call as zbus writes it, which is a message like any other.
fn built<B>(endian: Endian, says: &B) -> zbus::Message
where
    B: serde::Serialize + zbus::DynamicType,
{
    zbus::Message::method_call("/org/example", "Do")
        .destination("org.example")
        .interface("org.example.Thing")
        .sender(":1.7")
        .endian(endian)
        .build(says)
        .unwrap()
}

fn parsed(message: &zbus::Message) -> Message {
    Message::parse(message.data().bytes().to_vec()).unwrap()
}

/// What zbus makes of a call of ours: its header, and where its body begins.
fn header_of(call: &[u8]) -> (HashMap<u8, OwnedVariant>, usize) {
    let data = Data::new(call.to_vec(), Context::new(LE, 0));
    let (head, length): (Head, usize) = data.deserialize().unwrap();
    let (order, kind, flags, version, body, serial, fields) = head;
    assert_eq!((order, kind, flags, version, serial), (b'l', 1, 2, 1, 42));
    let start = length.next_multiple_of(8);
    assert_eq!(call.len() - start, usize::try_from(body).unwrap());
    (fields.into_iter().collect(), start)
}

proptest! {
    #[test]
    fn zbus_reads_what_we_write(
        index in any::<i32>(),
        servers in vec(server(), 0..5),
        domains in vec((text(), any::<bool>()), 0..5),
        mode in text(),
    ) {
        let says = (index, &servers, &domains, mode.as_str(), true);
        let call = Call::new("org.example", "/org/example/_31", "org.example.Thing", "Do", &says);
        let bytes = call.unwrap().bytes(42);
        let (fields, start) = header_of(&bytes);
        let path = zbus::ObjectPath::try_from(fields[&1].try_clone().unwrap()).unwrap();
        prop_assert_eq!(path.as_str(), "/org/example/_31");
        for (code, value) in [(2, "org.example.Thing"), (3, "Do"), (6, "org.example")] {
            prop_assert_eq!(<&str>::try_from(&*fields[&code]).unwrap(), value);
        }
        let signature = zbus::Signature::try_from(fields[&8].try_clone().unwrap()).unwrap();
        prop_assert_eq!(signature.to_string_no_parens(), "ia(iayqs)a(sb)sb");
        type Body = (i32, Vec<Server>, Vec<(String, bool)>, String, bool);
        let data = Data::new(bytes[start..].to_vec(), Context::new(LE, 0));
        let (body, length): (Body, usize) = data.deserialize().unwrap();
        prop_assert_eq!(length, bytes.len() - start);
        prop_assert_eq!(body, (index, servers, domains, mode, true));
    }

    #[test]
    fn we_read_what_zbus_writes(
        endian in endian(),
        servers in vec(server(), 0..5),
        (byte, number, long) in (any::<u8>(), any::<u32>(), any::<u64>()),
        said in text(),
    ) {
        let path = zbus::ObjectPath::try_from("/a/_31").unwrap();
        let message = parsed(&built(endian, &(byte, &servers, long, (number, &path), &said)));
        prop_assert_eq!(message.interface(), "org.example.Thing");
        prop_assert_eq!(message.member(), "Do");
        prop_assert_eq!(message.sender(), ":1.7");
        prop_assert_eq!(message.signature(), "ya(iayqs)t(uo)s");
        prop_assert_eq!(message.kind(), Kind::Call);
        type Body<'a> = (u8, Vec<Server>, u64, (u32, ObjectPath), &'a str);
        let (a, b, c, (d, e), f): Body<'_> = message.body().unwrap();
        prop_assert_eq!((a, b, c, d, e.as_str(), f), (byte, servers, long, number, "/a/_31", &*said));
        let another = matches!(message.body::<(u8,)>(), Err(Malformed::Type { .. }));
        prop_assert!(another);
    }

    #[test]
    fn what_is_of_no_use_is_passed_over(
        endian in endian(),
        all in hash_map(text(), variant(), 0..8),
        wanted in any::<u64>(),
    ) {
        let mut all = all;
        all.insert("Wanted".to_owned(), wanted.into());
        let message = parsed(&built(endian, &(&all, "end")));
        let (read, end): (Vec<Entry<&str, Variant<'_>>>, &str) = message.body().unwrap();
        prop_assert_eq!(end, "end");
        prop_assert_eq!(read.len(), all.len());
        for Entry(name, value) in read {
            prop_assert!(all.contains_key(name));
            if name == "Wanted" {
                prop_assert_eq!(value.get::<u64>(), Ok(wanted));
                prop_assert!(value.get::<u32>().is_err());
            }
        }
    }

    #[test]
    fn a_message_without_its_end_is_none(
        endian in endian(), servers in vec(server(), 0..4), cut in any::<prop::sample::Index>(),
    ) {
        let built = built(endian, &(&servers, 7u8));
        let whole = built.data().bytes();
        prop_assert_eq!(Message::lengths(whole).unwrap().unwrap().0, whole.len());
        let cut = cut.index(whole.len());
        if let Ok(message) = Message::parse(whole[..cut].to_vec()) {
            prop_assert!(message.body::<(Vec<Server>, u8)>().is_err());
        }
        let mut longer = whole.to_vec();
        longer.push(0);
        let message = Message::parse(longer).unwrap();
        prop_assert!(message.body::<(Vec<Server>, u8)>().is_err());
    }

    #[test]
    fn a_broken_message_is_an_error_and_no_panic(
        endian in endian(),
        all in hash_map(text(), variant(), 1..4),
        servers in vec(server(), 1..3),
        breaks in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for message in [built(endian, &(&all,)), built(endian, &(&servers,))] {
            let mut bytes = message.data().bytes().to_vec();
            for (at, with) in &breaks {
                let at = at.index(bytes.len());
                bytes[at] = *with;
            }
            read_in_every_way(bytes);
        }
    }

    #[test]
    fn any_bytes_are_an_error_and_no_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Message::lengths(&bytes);
        read_in_every_way(bytes.clone());
        let mut like_one = bytes;
        like_one.splice(..like_one.len().min(4), [b'l', 2, 0, 1]);
        read_in_every_way(like_one);
    }
}

fn read_in_every_way(bytes: Vec<u8>) {
    let Ok(message) = Message::parse(bytes.clone()) else {
        return;
    };
    let _ = (message.member(), message.words(), message.error_name());
    let _ = message.body::<(Vec<Server>,)>();
    let _ = message.body::<(Vec<Entry<&str, Variant<'_>>>,)>();
    let mut reader = Reader::new(&bytes, false);
    let _ = reader.variant();
}

#[test]
fn answers_say_to_what() {
    let call = built(LE, &());
    let reply = zbus::Message::method_return(&call.header())
        .sender("org.freedesktop.DBus")
        .build(&(true,))
        .unwrap();
    let to = call.primary_header().serial_num().get();
    assert_eq!(parsed(&reply).kind(), Kind::Reply(to));
    assert_eq!(parsed(&reply).body::<(bool,)>(), Ok((true,)));
    assert_eq!(parsed(&reply).words(), "");

    let error = zbus::Message::error(&call.header(), "org.example.Error")
        .build(&("in words", 7u32))
        .unwrap();
    let error = parsed(&error);
    assert_eq!(error.kind(), Kind::Error(to));
    assert_eq!(
        (error.error_name(), error.words()),
        ("org.example.Error", "in words")
    );

    let signal = zbus::Message::signal("/a", "org.example.Thing", "Done")
        .build(&())
        .unwrap();
    assert_eq!(parsed(&signal).kind(), Kind::Signal);
}

#[test]
fn a_signal_goes_to_whoever_listens_and_a_call_may_start_who_is_called() {
    let head = |bytes: Vec<u8>| -> Head {
        let data = Data::new(bytes, Context::new(LE, 0));
        data.deserialize().unwrap().0
    };
    let codes = |head: Head| {
        let mut codes: Vec<u8> = head.6.into_iter().map(|(code, _)| code).collect();
        codes.sort_unstable();
        codes
    };
    let signal = Call::signal("/a", "org.example.Thing", "Changed", &("it",)).unwrap();
    let head_of_signal = head(signal.without_reply().bytes(7));
    assert_eq!((head_of_signal.1, head_of_signal.2), (4, 3), "a signal");
    assert_eq!(codes(head_of_signal), [1, 2, 3, 8], "to nobody");

    let call = Call::new("org.example", "/a", "org.example.Thing", "Do", &()).unwrap();
    assert_eq!(head(call.clone().bytes(7)).2, 2, "starts nobody");
    assert_eq!(head(call.starting().bytes(7)).2, 0, "may start somebody");
}

#[test]
fn what_no_bus_would_pass_on_is_not_written() {
    let call =
        |path: &str, text: &str| Call::new("org.example", path, "org.example.I", "M", &(text,));
    assert!(call("/", "text").is_ok());
    assert!(call("/", "a\0b").is_err());
    for path in ["", "a", "/a/", "//", "/a-b", "/a\0"] {
        assert!(call(path, "text").is_err(), "{path}");
    }
    assert!(Call::new("org.example", "/", "org.example.I", "M", &7u32).is_err());
    let quiet = call("/", "text").unwrap().without_reply().bytes(1);
    assert_eq!(quiet[2], 3);
}

/// Variants in variants, each a signature of one: as many as the body holds.
#[test]
fn endless_nesting_is_refused() {
    let mut nested = b"\x01v\0".repeat(300_000);
    nested.extend(b"\x01y\0\x07");
    assert!(Reader::new(&nested, false).variant().is_err());
    let mut shallow = b"\x01v\0".repeat(20);
    shallow.extend(b"\x01y\0\x07");
    assert!(Reader::new(&shallow, false).variant().is_ok());
    // And structures in each of them.
    let mut structures = vec![251];
    structures.extend([b'('; 125]);
    structures.push(b'v');
    structures.extend([b')'; 125]);
    structures.push(0);
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        bytes.extend(&structures);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    assert!(Reader::new(&bytes, false).variant().is_err());
}
