//! A second opinion on the batch that makes netprof's table of nft: netlink-packet-netfilter
//! reads in it what was meant. What the kernel and nft make of it, `netlink/clamp.rs` asks.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use netlink_packet_core::{DefaultNla, NetlinkDeserializable, NetlinkHeader};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChainAttribute, ChainMessage, Cmp, DataAttribute, ExpressionAttribute, Expressions,
    Hook, HookNumber, InetHookNumber, ListAttribute, Meta, MetaKey, NfTablesMessage, Operator,
    Payload, Register, RuleAttribute, RuleMessage, TableAttribute, TableMessage,
};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netprof_linux::netlink::clamp::batch;
use netprof_linux::netlink::wire::{Messages, Unwritable};
use netprof_model::nft_table::NftTable;

const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const EXCL: u16 = 0x200;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

fn clamped(links: &[&str]) -> NftTable {
    NftTable {
        clamped: links.iter().map(|link| (*link).to_owned()).collect(),
        others: Vec::new(),
    }
}

fn of_batch(message: ControlMessage) -> NetfilterMessage {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 10);
    NetfilterMessage::new(header, NetfilterMessageInner::None(message))
}

fn of_table(message: NfTablesMessage) -> NetfilterMessage {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Inet, 0, 0);
    NetfilterMessage::new(header, message)
}

fn table() -> TableMessage {
    TableMessage {
        attributes: vec![TableAttribute::Name("netprof".to_owned())],
    }
}

fn chain(name: &str, hook: InetHookNumber) -> NetfilterMessage {
    let attributes = vec![
        ChainAttribute::Table("netprof".to_owned()),
        ChainAttribute::Name(name.to_owned()),
        ChainAttribute::Hook(vec![
            Hook::Number(HookNumber::Inet(hook)),
            Hook::Priority((-150_i32).cast_unsigned()),
        ]),
        ChainAttribute::Policy(1),
        ChainAttribute::Type("filter".to_owned()),
    ];
    of_table(NfTablesMessage::NewChain(ChainMessage { attributes }))
}

fn rule(chain: &str, key: MetaKey, link: &str) -> NetfilterMessage {
    let attributes = vec![
        RuleAttribute::Table("netprof".to_owned()),
        RuleAttribute::Chain(chain.to_owned()),
        RuleAttribute::Expressions(expressions(key, link)),
        RuleAttribute::UserData(b"\x00\x08netprof\x00".to_vec()),
    ];
    of_table(NfTablesMessage::NewRule(RuleMessage { attributes }))
}

/// What `nft --debug=netlink` shows of such a rule.
fn expressions(key: MetaKey, link: &str) -> Vec<ListAttribute<ExpressionAttribute>> {
    let mut name = link.as_bytes().to_vec();
    name.resize(16, 0);
    let load = |key| {
        Expressions::Meta(vec![
            Meta::Key(key),
            Meta::DestinationRegister(Register::Reg1),
        ])
    };
    let is = |value: &[u8]| {
        Expressions::Cmp(vec![
            Cmp::SourceRegister(Register::Reg1),
            Cmp::Op(Operator::Equal),
            Cmp::Data(DataAttribute::Value(value.to_vec())),
        ])
    };
    let number = |(kind, value): (u16, u32)| DefaultNla::new(kind, value.to_be_bytes().to_vec());
    let other = |name: &str, attributes: &[(u16, u32)]| Expressions::Other {
        expression_type: name.to_owned(),
        attributes: attributes.iter().copied().map(number).collect(),
    };
    let maxseg = Expressions::Other {
        expression_type: "exthdr".to_owned(),
        attributes: [
            vec![DefaultNla::new(2, vec![2])],
            [(3, 2), (4, 2), (6, 1), (7, 1)].map(number).to_vec(),
        ]
        .concat(),
    };
    let all = [
        load(key),
        is(&name),
        load(MetaKey::L4Proto),
        is(&[6]),
        Expressions::Payload(vec![
            Payload::DestinationRegister(Register::Reg1),
            Payload::Base(2),
            Payload::Offset(13),
            Payload::Len(1),
        ]),
        Expressions::Bitwise(vec![
            Bitwise::SourceRegister(Register::Reg1),
            Bitwise::DestinationRegister(Register::Reg1),
            Bitwise::Length(1),
            Bitwise::Mask(DataAttribute::Value(vec![0x06])),
            Bitwise::Xor(DataAttribute::Value(vec![0])),
        ]),
        is(&[0x02]),
        other("rt", &[(2, 3), (1, 1)]),
        other("byteorder", &[(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)]),
        maxseg,
    ];
    all.into_iter().map(Into::into).collect()
}

/// The messages of a batch, as the library reads them, with their flags.
fn read(is_there: bool, after: Option<&NftTable>) -> Vec<(NetfilterMessage, u16)> {
    let mut number = 6;
    let next = || {
        number += 1;
        number
    };
    let batch = batch(0x0102_0304, is_there, after, next).unwrap();
    let messages: Vec<_> = Messages::new(batch.requests.bytes())
        .map(Result::unwrap)
        .collect();
    let numbers: Vec<u32> = messages.iter().map(|message| message.sequence).collect();
    assert_eq!(numbers, Vec::from_iter(7..=number));
    assert_eq!((batch.first, batch.last), (7, number - 1));
    let read = |message: &netprof_linux::netlink::wire::Message<'_>| {
        let mut header = NetlinkHeader::default();
        header.message_type = message.kind;
        let parsed = NetfilterMessage::deserialize(&header, message.payload).unwrap();
        (parsed, message.flags)
    };
    messages.iter().map(read).collect()
}

#[test]
fn a_table_is_made_as_it_was_meant() {
    let links = ["tun0", "long-name-of-15"];
    // Of the beginning the library keeps no attributes; the kernel refuses a batch for
    // another ruleset, which `netlink/clamp.rs` has it do.
    let mut meant = vec![
        (of_batch(ControlMessage::BatchBegin), REQUEST),
        (of_table(NfTablesMessage::DeleteTable(table())), REQUEST),
        (
            of_table(NfTablesMessage::NewTable(table())),
            REQUEST | CREATE | EXCL,
        ),
    ];
    let ways = [
        ("forward", InetHookNumber::Forward, MetaKey::Iifname),
        ("postrouting", InetHookNumber::PostRouting, MetaKey::Oifname),
    ];
    for (name, hook, key) in ways {
        meant.push((chain(name, hook), REQUEST | CREATE | EXCL));
        let rules = links.map(|link| (rule(name, key, link), REQUEST | CREATE | APPEND));
        meant.extend(rules);
    }
    meant.last_mut().unwrap().1 |= ACK;
    meant.push((of_batch(ControlMessage::BatchEnd), REQUEST));
    assert_eq!(read(true, Some(&clamped(&links))), meant);
}

#[test]
fn a_table_is_taken_away_alone() {
    let meant = [
        (of_batch(ControlMessage::BatchBegin), REQUEST),
        (
            of_table(NfTablesMessage::DeleteTable(table())),
            REQUEST | ACK,
        ),
        (of_batch(ControlMessage::BatchEnd), REQUEST),
    ];
    assert_eq!(read(true, None), meant);
}

#[test]
fn the_batch_names_the_ruleset_that_it_is_for() {
    let batch = batch(0x0102_0304, true, None, || 1).unwrap();
    let begin = Messages::new(batch.requests.bytes()).next().unwrap();
    // nfgenmsg, and NFNL_BATCH_GENID in the network's byte order.
    assert_eq!(begin.unwrap().payload[4 + 4..], [1, 2, 3, 4]);
}

#[test]
fn a_name_that_no_link_has_is_not_cut_short() {
    let name = "a-name-of-16-chr";
    let written = batch(1, false, Some(&clamped(&[name])), || 1);
    assert_eq!(written, Err(Unwritable::NoLink(name.to_owned())));
}
