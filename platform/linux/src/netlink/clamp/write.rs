//! The table as requests.

use netprof_model::nft_table::NftTable;

use super::super::numbers::*;
use super::super::wire::{Body, Requests, Unwritable};
use super::numbers::*;
use super::{COMMENT, PRIORITY, TABLE, Way};

const IPPROTO_TCP: u8 = 6;
/// Where the flags of a TCP header are, and two of them (RFC 9293, 3.1).
const FLAGS_AT: u32 = 13;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
/// The option of the maximum segment size, and where in it the size stands (RFC 9293, 3.2).
const TCPOPT_MSS: u8 = 2;
const SIZE_AT: u32 = 2;

type Written = Result<(), Unwritable>;

/// Requests that the kernel carries out whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// All of them.
    pub requests: Requests,
    /// The number of its beginning.
    pub first: u32,
    /// The number of the last that is always answered.
    pub last: u32,
}

/// The batch that takes the table away, if it is there, and makes the one that is wanted, on
/// the ruleset with that number and on no other. Each request has the `next` number.
///
/// # Errors
///
/// Where the name of a link is too long for a rule.
pub fn batch(
    generation: u32,
    is_there: bool,
    after: Option<&NftTable>,
    mut next: impl FnMut() -> u32,
) -> Result<Batch, Unwritable> {
    let mut requests = Requests::default();
    let first = next();
    of_batch(&mut requests, NFNL_MSG_BATCH_BEGIN, first, |body| {
        number(body, NFNL_BATCH_GENID, generation)
    })?;
    let mut last = first;
    let mut add = |kind, flags, write: &dyn Fn(&mut Body<'_>) -> Written| {
        last = next();
        requests.add(kind, NLM_F_REQUEST | flags, last, |body| {
            body.header(&INET);
            write(body)
        })
    };
    let name = |body: &mut Body<'_>| body.text(NFTA_TABLE_NAME, TABLE);
    if is_there {
        add(NFT_MSG_DELTABLE, 0, &name)?;
    }
    if let Some(after) = after {
        let new = NLM_F_CREATE | NLM_F_EXCL;
        add(NFT_MSG_NEWTABLE, new, &name)?;
        for way in Way::BOTH {
            add(NFT_MSG_NEWCHAIN, new, &|body| chain(body, way))?;
            for link in &after.clamped {
                let flags = NLM_F_CREATE | NLM_F_APPEND;
                add(NFT_MSG_NEWRULE, flags, &|body| rule(body, way, link))?;
            }
        }
    }
    // Not every kernel answers the end of a batch.
    requests.flag_last(NLM_F_ACK);
    of_batch(&mut requests, NFNL_MSG_BATCH_END, next(), |_| Ok(()))?;
    Ok(Batch {
        requests,
        first,
        last,
    })
}

fn of_batch(
    requests: &mut Requests,
    kind: u16,
    sequence: u32,
    write: impl FnOnce(&mut Body<'_>) -> Written,
) -> Written {
    requests.add(kind, NLM_F_REQUEST, sequence, |body| {
        // The last two bytes are a number in the network's order.
        body.header(&[AF_UNSPEC, 0, 0, NFNL_SUBSYS_NFTABLES]);
        write(body)
    })
}

/// Adds a number in the network's byte order.
fn number(body: &mut Body<'_>, kind: u16, value: u32) -> Written {
    body.attribute(kind, &value.to_be_bytes())
}

impl Way {
    pub(super) fn hook(self) -> u32 {
        match self {
            Self::In => NF_INET_FORWARD,
            Self::Out => NF_INET_POST_ROUTING,
        }
    }

    fn name_of_link(self) -> u32 {
        match self {
            Self::In => NFT_META_IIFNAME,
            Self::Out => NFT_META_OIFNAME,
        }
    }
}

fn chain(body: &mut Body<'_>, way: Way) -> Written {
    body.text(NFTA_CHAIN_TABLE, TABLE)?;
    body.text(NFTA_CHAIN_NAME, way.chain())?;
    body.nest(NFTA_CHAIN_HOOK, |body| {
        number(body, NFTA_HOOK_HOOKNUM, way.hook())?;
        number(body, NFTA_HOOK_PRIORITY, PRIORITY.cast_unsigned())
    })?;
    number(body, NFTA_CHAIN_POLICY, NF_ACCEPT)?;
    body.text(NFTA_CHAIN_TYPE, "filter")
}

fn rule(body: &mut Body<'_>, way: Way, link: &str) -> Written {
    body.text(NFTA_RULE_TABLE, TABLE)?;
    body.text(NFTA_RULE_CHAIN, way.chain())?;
    body.nest(NFTA_RULE_EXPRESSIONS, |body| expressions(body, way, link))?;
    body.attribute(NFTA_RULE_USERDATA, &comment())
}

/// The comment as nft keeps it with a rule: what it is, its length, and its text with a zero
/// at its end.
pub(super) fn comment() -> Vec<u8> {
    let length = u8::try_from(COMMENT.len() + 1).unwrap_or(u8::MAX);
    let mut bytes = vec![NFTNL_UDATA_RULE_COMMENT, length];
    bytes.extend_from_slice(COMMENT.as_bytes());
    bytes.push(0);
    bytes
}

/// One attribute of an expression.
enum Part<'a> {
    Number(u16, u32),
    Byte(u16, u8),
    /// What a register is compared or combined with.
    Value(u16, &'a [u8]),
}

/// What nft makes of `iifname LINK tcp flags syn / syn,rst tcp option maxseg size set rt mtu`,
/// or `oifname`: all of it goes through one register.
pub(super) fn expressions(body: &mut Body<'_>, way: Way, link: &str) -> Written {
    use Part::{Byte, Number, Value};
    const REG: u32 = NFT_REG_1;
    // IFNAMSIZ: zeros to the end, so that a name which only begins so does not match.
    let mut name = [0; 16];
    let fits = name.get_mut(..link.len()).filter(|_| link.len() < 16);
    let room = fits.ok_or_else(|| Unwritable::NoLink(link.to_owned()))?;
    room.copy_from_slice(link.as_bytes());

    let load = |key| [Number(NFTA_META_KEY, key), Number(NFTA_META_DREG, REG)];
    let is = |bytes| {
        [
            Number(NFTA_CMP_SREG, REG),
            Number(NFTA_CMP_OP, NFT_CMP_EQ),
            Value(NFTA_CMP_DATA, bytes),
        ]
    };
    let all: [(&str, &[Part<'_>]); 10] = [
        ("meta", &load(way.name_of_link())),
        ("cmp", &is(&name)),
        ("meta", &load(NFT_META_L4PROTO)),
        ("cmp", &is(&[IPPROTO_TCP])),
        (
            "payload",
            &[
                Number(NFTA_PAYLOAD_DREG, REG),
                Number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER),
                Number(NFTA_PAYLOAD_OFFSET, FLAGS_AT),
                Number(NFTA_PAYLOAD_LEN, 1),
            ],
        ),
        (
            "bitwise",
            &[
                Number(NFTA_BITWISE_SREG, REG),
                Number(NFTA_BITWISE_DREG, REG),
                Number(NFTA_BITWISE_LEN, 1),
                Value(NFTA_BITWISE_MASK, &[SYN | RST]),
                Value(NFTA_BITWISE_XOR, &[0]),
            ],
        ),
        ("cmp", &is(&[SYN])),
        // In the machine's byte order.
        (
            "rt",
            &[
                Number(NFTA_RT_KEY, NFT_RT_TCPMSS),
                Number(NFTA_RT_DREG, REG),
            ],
        ),
        (
            "byteorder",
            &[
                Number(NFTA_BYTEORDER_SREG, REG),
                Number(NFTA_BYTEORDER_DREG, REG),
                Number(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON),
                Number(NFTA_BYTEORDER_LEN, 2),
                Number(NFTA_BYTEORDER_SIZE, 2),
            ],
        ),
        (
            "exthdr",
            &[
                Byte(NFTA_EXTHDR_TYPE, TCPOPT_MSS),
                Number(NFTA_EXTHDR_OFFSET, SIZE_AT),
                Number(NFTA_EXTHDR_LEN, 2),
                Number(NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT),
                Number(NFTA_EXTHDR_SREG, REG),
            ],
        ),
    ];
    all.iter().try_for_each(|(name, parts)| {
        body.nest(NFTA_LIST_ELEM, |body| {
            body.text(NFTA_EXPR_NAME, name)?;
            body.nest(NFTA_EXPR_DATA, |body| {
                parts.iter().try_for_each(|part| match part {
                    Number(kind, value) => number(body, *kind, *value),
                    Byte(kind, value) => body.attribute(*kind, &[*value]),
                    Value(kind, value) => {
                        body.nest(*kind, |body| body.attribute(NFTA_DATA_VALUE, value))
                    }
                })
            })
        })
    })
}
