//! The table as requests.

use netlink_packet_core::{DefaultNla, Emitable, NetlinkSerializable};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChainAttribute, ChainMessage, Cmp, DataAttribute, ExpressionAttribute, Expressions,
    Hook, HookNumber, InetHookNumber, ListAttribute, Meta, MetaKey, NfTablesMessage, Operator,
    Payload, Register, RuleAttribute, RuleMessage, TableAttribute, TableMessage,
};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netprof_model::nft_table::NftTable;

use super::super::numbers::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};
use super::super::wire::{Requests, Unwritable};
use super::{COMMENT, PRIORITY, TABLE, Way};

const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFNL_MSG_BATCH_BEGIN: u8 = 16;
const NFNL_BATCH_GENID: u16 = 1;
const NF_ACCEPT: u32 = 1;
const IPPROTO_TCP: u8 = 6;
/// NFT_PAYLOAD_TRANSPORT_HEADER.
const TRANSPORT: u32 = 2;
/// Where the flags of a TCP header are, and which of them (RFC 9293, 3.1).
const FLAGS: u32 = 13;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
/// The option of the maximum segment size, and where in it the size stands.
const TCPOPT_MSS: u8 = 2;
const SIZE_AT: u32 = 2;

/// One request of a batch.
pub(super) struct Request {
    message: NetfilterMessage,
    flags: u16,
}

impl Request {
    fn of_table(message: NfTablesMessage, flags: u16) -> Self {
        let header = NetfilterHeader::new(NetfilterProtoFamily::Inet, 0, 0);
        Self {
            message: NetfilterMessage::new(header, message),
            flags: NLM_F_REQUEST | flags,
        }
    }

    fn of_batch(message: ControlMessage) -> Self {
        let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, NFNL_SUBSYS_NFTABLES);
        Self {
            message: NetfilterMessage::new(header, NetfilterMessageInner::None(message)),
            flags: NLM_F_REQUEST,
        }
    }

    /// Writes it behind `requests`.
    pub(super) fn add_to(&self, requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
        let mut bytes = vec![0; Emitable::buffer_len(&self.message)];
        self.message.emit(&mut bytes);
        requests.add(self.message.message_type(), self.flags, sequence, |body| {
            body.raw(&bytes);
            Ok(())
        })
    }
}

/// Begins a batch that is for the ruleset with that number and no other.
pub(super) fn begin(
    requests: &mut Requests,
    sequence: u32,
    generation: u32,
) -> Result<(), Unwritable> {
    let number = DefaultNla::new(NFNL_BATCH_GENID, generation.to_be_bytes().to_vec());
    let message = ControlMessage::Other {
        message_type: NFNL_MSG_BATCH_BEGIN,
        attributes: vec![number],
    };
    Request::of_batch(message).add_to(requests, sequence)
}

/// Ends a batch.
pub(super) fn end(requests: &mut Requests, sequence: u32) -> Result<(), Unwritable> {
    Request::of_batch(ControlMessage::BatchEnd).add_to(requests, sequence)
}

/// What takes the table away that is there, and makes the one that is wanted.
pub(super) fn messages(is_there: bool, after: Option<&NftTable>) -> Vec<Request> {
    let mut all = Vec::new();
    let table = || TableMessage {
        attributes: vec![TableAttribute::Name(TABLE.to_owned())],
    };
    if is_there {
        all.push(Request::of_table(NfTablesMessage::DeleteTable(table()), 0));
    }
    if let Some(after) = after {
        let new = NLM_F_CREATE | NLM_F_EXCL;
        all.push(Request::of_table(NfTablesMessage::NewTable(table()), new));
        for way in Way::BOTH {
            all.push(Request::of_table(
                NfTablesMessage::NewChain(chain(way)),
                new,
            ));
            let add = NLM_F_CREATE | NLM_F_APPEND;
            let rules = after.clamped.iter().map(|link| rule(way, link));
            all.extend(rules.map(|rule| Request::of_table(NfTablesMessage::NewRule(rule), add)));
        }
    }
    all
}

impl Way {
    /// NF_INET_*.
    pub(super) fn hook_number(self) -> u32 {
        self.hook().into()
    }

    fn hook(self) -> InetHookNumber {
        match self {
            Self::In => InetHookNumber::Forward,
            Self::Out => InetHookNumber::PostRouting,
        }
    }

    fn name_of_link(self) -> MetaKey {
        match self {
            Self::In => MetaKey::Iifname,
            Self::Out => MetaKey::Oifname,
        }
    }
}

fn chain(way: Way) -> ChainMessage {
    ChainMessage {
        attributes: vec![
            ChainAttribute::Table(TABLE.to_owned()),
            ChainAttribute::Name(way.chain().to_owned()),
            ChainAttribute::Hook(vec![
                Hook::Number(HookNumber::Inet(way.hook())),
                Hook::Priority(PRIORITY.cast_unsigned()),
            ]),
            ChainAttribute::Policy(NF_ACCEPT),
            ChainAttribute::Type("filter".to_owned()),
        ],
    }
}

fn rule(way: Way, link: &str) -> RuleMessage {
    RuleMessage {
        attributes: vec![
            RuleAttribute::Table(TABLE.to_owned()),
            RuleAttribute::Chain(way.chain().to_owned()),
            RuleAttribute::Expressions(expressions(way, link)),
            RuleAttribute::UserData(comment()),
        ],
    }
}

/// The comment as nft keeps it with a rule: what it is, its length, and its text with a zero
/// at its end.
pub(super) fn comment() -> Vec<u8> {
    const NFTNL_UDATA_RULE_COMMENT: u8 = 0;
    let length = u8::try_from(COMMENT.len() + 1).unwrap_or(u8::MAX);
    [
        &[NFTNL_UDATA_RULE_COMMENT, length],
        COMMENT.as_bytes(),
        &[0],
    ]
    .concat()
}

/// What nft makes of `iifname LINK tcp flags syn / syn,rst tcp option maxseg size set rt mtu`,
/// or `oifname`.
fn expressions(way: Way, link: &str) -> Vec<ListAttribute<ExpressionAttribute>> {
    // IFNAMSIZ: zeros to the end, so that a name which only begins so does not match.
    let mut name = link.as_bytes().to_vec();
    name.resize(16, 0);
    let load = |key| {
        Expressions::Meta(vec![
            Meta::Key(key),
            Meta::DestinationRegister(Register::Reg1),
        ])
    };
    let is = |value: Vec<u8>| {
        Expressions::Cmp(vec![
            Cmp::SourceRegister(Register::Reg1),
            Cmp::Op(Operator::Equal),
            Cmp::Data(DataAttribute::Value(value)),
        ])
    };
    let all = [
        load(way.name_of_link()),
        is(name),
        load(MetaKey::L4Proto),
        is(vec![IPPROTO_TCP]),
        Expressions::Payload(vec![
            Payload::DestinationRegister(Register::Reg1),
            Payload::Base(TRANSPORT),
            Payload::Offset(FLAGS),
            Payload::Len(1),
        ]),
        Expressions::Bitwise(vec![
            Bitwise::SourceRegister(Register::Reg1),
            Bitwise::DestinationRegister(Register::Reg1),
            Bitwise::Length(1),
            Bitwise::Mask(DataAttribute::Value(vec![SYN | RST])),
            Bitwise::Xor(DataAttribute::Value(vec![0])),
        ]),
        is(vec![SYN]),
        rt_mtu(),
        to_network_order(),
        set_maxseg(),
    ];
    all.into_iter().map(Into::into).collect()
}

/// The register that everything goes through.
const REG_1: u32 = 1;

/// An expression that the library has no name for.
fn other(name: &str, attributes: impl IntoIterator<Item = DefaultNla>) -> Expressions {
    Expressions::Other {
        expression_type: name.to_owned(),
        attributes: attributes.into_iter().collect(),
    }
}

fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_be_bytes().to_vec())
}

/// `rt mtu`: into the register, in the machine's byte order.
fn rt_mtu() -> Expressions {
    const NFTA_RT_DREG: u16 = 1;
    const NFTA_RT_KEY: u16 = 2;
    const NFT_RT_TCPMSS: u32 = 3;
    let attributes = [
        number(NFTA_RT_KEY, NFT_RT_TCPMSS),
        number(NFTA_RT_DREG, REG_1),
    ];
    other("rt", attributes)
}

fn to_network_order() -> Expressions {
    const NFTA_BYTEORDER_SREG: u16 = 1;
    const NFTA_BYTEORDER_DREG: u16 = 2;
    const NFTA_BYTEORDER_OP: u16 = 3;
    const NFTA_BYTEORDER_LEN: u16 = 4;
    const NFTA_BYTEORDER_SIZE: u16 = 5;
    const NFT_BYTEORDER_HTON: u32 = 1;
    let attributes = [
        number(NFTA_BYTEORDER_SREG, REG_1),
        number(NFTA_BYTEORDER_DREG, REG_1),
        number(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON),
        number(NFTA_BYTEORDER_LEN, 2),
        number(NFTA_BYTEORDER_SIZE, 2),
    ];
    other("byteorder", attributes)
}

/// `tcp option maxseg size set`, to what is in the register.
fn set_maxseg() -> Expressions {
    const NFTA_EXTHDR_TYPE: u16 = 2;
    const NFTA_EXTHDR_OFFSET: u16 = 3;
    const NFTA_EXTHDR_LEN: u16 = 4;
    const NFTA_EXTHDR_OP: u16 = 6;
    const NFTA_EXTHDR_SREG: u16 = 7;
    const NFT_EXTHDR_OP_TCPOPT: u32 = 1;
    let attributes = [
        DefaultNla::new(NFTA_EXTHDR_TYPE, vec![TCPOPT_MSS]),
        number(NFTA_EXTHDR_OFFSET, SIZE_AT),
        number(NFTA_EXTHDR_LEN, 2),
        number(NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT),
        number(NFTA_EXTHDR_SREG, REG_1),
    ];
    other("exthdr", attributes)
}

/// The expressions of the rule for `link`, as they are sent.
pub(super) fn expression_bytes(way: Way, link: &str) -> Vec<u8> {
    let all = expressions(way, link);
    let mut bytes = vec![0; all.as_slice().buffer_len()];
    all.as_slice().emit(&mut bytes);
    bytes
}
