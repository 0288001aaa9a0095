//! The kernel's numbers, as its headers under `include/uapi/linux` name them.
//!
//! They are written down here, not taken from libc, so that the codec is compiled
//! and tested on every operating system; those that only a conversation needs are for
//! Linux alone.

// linux/netlink.h
pub(super) const NLM_F_REQUEST: u16 = 0x1;
#[cfg(target_os = "linux")]
pub(super) const NLM_F_ACK: u16 = 0x4;
#[cfg(target_os = "linux")]
pub(super) const NLM_F_DUMP_INTR: u16 = 0x10;
pub(super) const NLM_F_ACK_TLVS: u16 = 0x200;
pub(super) const NLM_F_CAPPED: u16 = 0x100;
pub(super) const NLM_F_DUMP: u16 = 0x300;
pub(super) const NLM_F_REPLACE: u16 = 0x100;
pub(super) const NLM_F_EXCL: u16 = 0x200;
pub(super) const NLM_F_CREATE: u16 = 0x400;
#[cfg(target_os = "linux")]
pub(super) const NLM_F_APPEND: u16 = 0x800;
#[cfg(any(target_os = "linux", test))]
pub(super) const NLMSG_ERROR: u16 = 2;
#[cfg(target_os = "linux")]
pub(super) const NLMSG_DONE: u16 = 3;
pub(super) const NLMSGERR_ATTR_MSG: u16 = 1;
pub(super) const NLA_F_NESTED: u16 = 0x8000;
pub(super) const NLA_TYPE_MASK: u16 = 0x3fff;

// linux/rtnetlink.h
pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_GETLINK: u16 = 18;
pub(super) const RTM_NEWADDR: u16 = 20;
pub(super) const RTM_DELADDR: u16 = 21;
pub(super) const RTM_GETADDR: u16 = 22;
pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const RTM_DELROUTE: u16 = 25;
pub(super) const RTM_GETROUTE: u16 = 26;
pub(super) const RTM_NEWRULE: u16 = 32;
pub(super) const RTM_DELRULE: u16 = 33;
pub(super) const RTM_GETRULE: u16 = 34;

pub(super) const AF_UNSPEC: u8 = 0;
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

pub(super) const RTA_DST: u16 = 1;
pub(super) const RTA_SRC: u16 = 2;
pub(super) const RTA_OIF: u16 = 4;
pub(super) const RTA_GATEWAY: u16 = 5;
pub(super) const RTA_PRIORITY: u16 = 6;
pub(super) const RTA_PREFSRC: u16 = 7;
pub(super) const RTA_MULTIPATH: u16 = 9;
pub(super) const RTA_FLOW: u16 = 11;
pub(super) const RTA_CACHEINFO: u16 = 12;
pub(super) const RTA_TABLE: u16 = 15;
pub(super) const RTA_VIA: u16 = 18;
pub(super) const RTA_PREF: u16 = 20;
pub(super) const RTA_ENCAP_TYPE: u16 = 21;
pub(super) const RTA_ENCAP: u16 = 22;
pub(super) const RTA_EXPIRES: u16 = 23;
pub(super) const RTA_PAD: u16 = 24;
pub(super) const RTA_NH_ID: u16 = 30;

pub(super) const RTNH_F_DEAD: u32 = 0x01;
pub(super) const RTNH_F_ONLINK: u32 = 0x04;
pub(super) const RTNH_F_OFFLOAD: u32 = 0x08;
pub(super) const RTNH_F_LINKDOWN: u32 = 0x10;
pub(super) const RTNH_F_UNRESOLVED: u32 = 0x20;
pub(super) const RTNH_F_TRAP: u32 = 0x40;
pub(super) const RTM_F_NOTIFY: u32 = 0x100;
pub(super) const RTM_F_CLONED: u32 = 0x200;
pub(super) const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
pub(super) const RTM_F_OFFLOAD: u32 = 0x4000;
pub(super) const RTM_F_TRAP: u32 = 0x8000;
pub(super) const RTM_F_OFFLOAD_FAILED: u32 = 0x2000_0000;

// linux/if_link.h, linux/if.h, linux/if_arp.h
pub(super) const IFLA_ADDRESS: u16 = 1;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_MTU: u16 = 4;
pub(super) const IFLA_LINK: u16 = 5;
pub(super) const IFLA_MASTER: u16 = 10;
pub(super) const IFLA_LINKINFO: u16 = 18;
pub(super) const IFLA_AF_SPEC: u16 = 26;
pub(super) const IFLA_EXT_MASK: u16 = 29;
pub(super) const IFLA_LINK_NETNSID: u16 = 37;
pub(super) const IFLA_MIN_MTU: u16 = 50;
pub(super) const IFLA_MAX_MTU: u16 = 51;
pub(super) const IFLA_INFO_KIND: u16 = 1;
pub(super) const IFLA_INET6_CONF: u16 = 2;
pub(super) const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
pub(super) const IFF_UP: u32 = 0x1;
pub(super) const IFF_LOOPBACK: u32 = 0x8;
pub(super) const IFF_LOWER_UP: u32 = 0x1_0000;
pub(super) const ARPHRD_ETHER: u16 = 1;
pub(super) const ARPHRD_IEEE1394: u16 = 24;
pub(super) const ARPHRD_INFINIBAND: u16 = 32;

// linux/if_addr.h
pub(super) const IFA_ADDRESS: u16 = 1;
pub(super) const IFA_LOCAL: u16 = 2;
pub(super) const IFA_FLAGS: u16 = 8;
pub(super) const IFA_F_SECONDARY: u32 = 0x01;
pub(super) const IFA_F_PERMANENT: u32 = 0x80;

// linux/fib_rules.h
pub(super) const FRA_DST: u16 = 1;
pub(super) const FRA_SRC: u16 = 2;
pub(super) const FRA_IIFNAME: u16 = 3;
pub(super) const FRA_GOTO: u16 = 4;
pub(super) const FRA_PRIORITY: u16 = 6;
pub(super) const FRA_FWMARK: u16 = 10;
pub(super) const FRA_SUPPRESS_IFGROUP: u16 = 13;
pub(super) const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
pub(super) const FRA_TABLE: u16 = 15;
pub(super) const FRA_FWMASK: u16 = 16;
pub(super) const FRA_OIFNAME: u16 = 17;
pub(super) const FRA_PAD: u16 = 18;
pub(super) const FRA_UID_RANGE: u16 = 20;
pub(super) const FRA_PROTOCOL: u16 = 21;
pub(super) const FRA_IP_PROTO: u16 = 22;
pub(super) const FRA_SPORT_RANGE: u16 = 23;
pub(super) const FRA_DPORT_RANGE: u16 = 24;
pub(super) const FRA_SPORT_MASK: u16 = 28;
pub(super) const FRA_DPORT_MASK: u16 = 29;
pub(super) const FR_ACT_TO_TBL: u8 = 1;
pub(super) const FR_ACT_GOTO: u8 = 2;
pub(super) const FR_ACT_NOP: u8 = 3;
pub(super) const FR_ACT_BLACKHOLE: u8 = 6;
pub(super) const FR_ACT_UNREACHABLE: u8 = 7;
pub(super) const FR_ACT_PROHIBIT: u8 = 8;
pub(super) const FIB_RULE_PERMANENT: u32 = 0x1;
pub(super) const FIB_RULE_INVERT: u32 = 0x2;
pub(super) const FIB_RULE_UNRESOLVED: u32 = 0x4;
pub(super) const FIB_RULE_IIF_DETACHED: u32 = 0x8;
pub(super) const FIB_RULE_OIF_DETACHED: u32 = 0x10;

// linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
pub(super) const NFT_MSG_NEWTABLE: u16 = 0x0a00;
pub(super) const NFT_MSG_GETTABLE: u16 = 0x0a01;
#[cfg(target_os = "linux")]
pub(super) const NFT_MSG_DELTABLE: u16 = 0x0a02;
pub(super) const NFT_MSG_NEWGEN: u16 = 0x0a0f;
pub(super) const NFT_MSG_GETGEN: u16 = 0x0a10;
pub(super) const NFT_MSG_NEWRULE: u16 = 0x0a06;
pub(super) const NFT_MSG_GETRULE: u16 = 0x0a07;
pub(super) const NFT_MSG_NEWSET: u16 = 0x0a09;
pub(super) const NFT_MSG_GETSET: u16 = 0x0a0a;
pub(super) const NFT_MSG_NEWSETELEM: u16 = 0x0a0c;
pub(super) const NFT_MSG_GETSETELEM: u16 = 0x0a0d;
pub(super) const NFT_MSG_NEWCHAIN: u16 = 0x0a03;
pub(super) const NFT_MSG_GETCHAIN: u16 = 0x0a04;

// linux/xfrm.h
pub(super) const XFRM_MSG_NEWPOLICY: u16 = 0x13;
pub(super) const XFRM_MSG_GETPOLICY: u16 = 0x15;

// asm-generic/errno-base.h, errno.h: the same on every machine that Linux runs
// on, but for mips, sparc, alpha and parisc.
pub(super) const ENOENT: i32 = 2;
pub(super) const ESRCH: i32 = 3;
pub(super) const EACCES: i32 = 13;
#[cfg(target_os = "linux")]
pub(super) const ERESTART: i32 = 85;
pub(super) const ENODEV: i32 = 19;
pub(super) const EINVAL: i32 = 22;
#[cfg(target_os = "linux")]
pub(super) const EPROTONOSUPPORT: i32 = 93;
pub(super) const EADDRNOTAVAIL: i32 = 99;
pub(super) const ENETUNREACH: i32 = 101;
pub(super) const EHOSTUNREACH: i32 = 113;
