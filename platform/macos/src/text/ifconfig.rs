//! `ifconfig` and `ifconfig -v`: links and their addresses, as network_cmds,
//! `ifconfig.tproj/ifconfig.c`, prints them.
//!
//! A link begins at the margin, and what is indented belongs to it. Of that, much is of
//! no interest to netprof and is passed over by its first words; what is neither that nor
//! understood is handed back.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netprof_model::Owner;
use netprof_model::link::{Address, Link};

use super::{Unexpected, hexadecimal, is_remark, numbered, prefixed};
use crate::route::numbers::{IFF_LOOPBACK, IFF_RUNNING, IFF_UP};
use crate::route::{driver, mac, scope};

/// One link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// `IFF_*` of xnu's `bsd/net/if.h`.
    pub flags: u32,
    /// The largest packet.
    pub mtu: u32,
    /// The kernel's number: `-v` prints it, and a link-local address has it.
    pub index: Option<u32>,
    /// The hardware address.
    pub mac: Option<String>,
    /// Whether there is a carrier, where the driver says.
    pub active: Option<bool>,
    /// The addresses, in the order of the output.
    pub addresses: Vec<Address>,
    /// The members of a bridge or a bond.
    pub members: Vec<String>,
    /// What a vlan lies over.
    pub lower: Option<String>,
    /// Who has registered something for the link (`-v`).
    pub agents: Vec<Agent>,
}

/// A network agent: what a service registers with the kernel for a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Whose: `NetworkExtension`, `Skywalk`, `ids501`, ...
    pub domain: String,
    /// What for: `VPN`, `clientchannel`, ...
    pub kind: String,
    /// In words.
    pub description: String,
}

/// The links of `text`, and the lines that were left out.
#[must_use]
pub fn parse(text: &str) -> (Vec<Interface>, Vec<Unexpected>) {
    let mut all: Vec<Interface> = Vec::new();
    let mut left_out = Vec::new();
    let mut inside = false;
    for (number, line) in numbered(text) {
        if line.trim().is_empty() || is_remark(line) {
            continue;
        }
        let read = if line.starts_with([' ', '\t']) {
            match all.last_mut().filter(|_| inside) {
                Some(interface) => interface.line(line.trim()),
                None => Err("a link before it"),
            }
        } else {
            let head = head(line);
            inside = head.is_ok();
            head.map(|interface| all.push(interface))
        };
        if let Err(expected) = read {
            left_out.push(Unexpected::new(number, expected, line));
        }
    }
    for interface in &mut all {
        interface.mark_secondary();
    }
    (all, left_out)
}

/// `en0: flags=8863<UP,...> mtu 1500 index 15`
fn head(line: &str) -> Result<Interface, &'static str> {
    const EXPECTED: &str = "a link, its flags and its MTU";
    let (name, rest) = line.split_once(": flags=").ok_or(EXPECTED)?;
    let (flags, rest) = rest.split_once('<').ok_or(EXPECTED)?;
    let (_, rest) = rest.split_once('>').ok_or(EXPECTED)?;
    let mut interface = Interface {
        name: name.to_owned(),
        flags: hexadecimal(flags).ok_or(EXPECTED)?,
        ..Interface::default()
    };
    let mut words = rest.split_whitespace();
    let mut mtu = None;
    while let Some(word) = words.next() {
        let value = words.next().and_then(|value| value.parse().ok());
        match word {
            "mtu" => mtu = value,
            "index" => interface.index = value,
            _ => {}
        }
    }
    interface.mtu = mtu.ok_or(EXPECTED)?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then_some(interface).ok_or(EXPECTED)
}

/// What lines begin with that are of no interest.
const PASSED_OVER: &[&str] = &[
    "options=",
    "eflags=",
    "xflags=",
    "hwassist=",
    "nd6 options=",
    "media:",
    "supported media:",
    "type:",
    "Configuration:",
    "id ",
    "maxage ",
    "root id ",
    "ipfilter ",
    "ifmaxaddr ",
    "Address cache:",
    "netif:",
    "flowswitch:",
    "generation id:",
    "link quality:",
    "link rate:",
    "uplink rate:",
    "downlink rate:",
    "state availability:",
    "state",
    "scheduler:",
    "effective interface:",
    "qosmarking ",
    "timestamp:",
    "low power mode:",
    "multi layer packet logging",
    "routermode4:",
    "routermode6:",
    "desc:",
    "tunnel ",
    "bond mode:",
];

impl Interface {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "inet" => self.inet(rest),
            "inet6" => self.inet6(rest),
            "ether" => {
                self.mac = hardware(rest).ok_or("a hardware address")?;
                Ok(())
            }
            "status:" => match rest {
                "active" => self.set_active(true),
                "inactive" => self.set_active(false),
                _ => Err("`active` or `inactive`"),
            },
            "member:" => {
                let member = rest.split_whitespace().next().ok_or("a member")?;
                self.members.push(member.to_owned());
                Ok(())
            }
            "bond" if rest.starts_with("interfaces:") => {
                let names = rest.split_whitespace().skip(1);
                self.members.extend(names.map(str::to_owned));
                Ok(())
            }
            "vlan:" => {
                let lower = rest.split_once("parent interface: ");
                let (_, lower) = lower.ok_or("a parent interface")?;
                self.lower = (lower != "<none>").then(|| lower.to_owned());
                Ok(())
            }
            "agent" => self.agent(rest),
            // Somebody's mail client broke the line.
            _ if line.starts_with("desc:\"") && self.describe(line) => Ok(()),
            _ if PASSED_OVER.iter().any(|head| line.starts_with(head)) => Ok(()),
            _ => Err("what ifconfig prints of a link"),
        }
    }

    fn set_active(&mut self, active: bool) -> Result<(), &'static str> {
        self.active = Some(active);
        Ok(())
    }

    /// `domain:NetworkExtension type:VPN flags:0xf desc:"VPN: name"`
    fn agent(&mut self, text: &str) -> Result<(), &'static str> {
        const EXPECTED: &str = "domain, type, flags and description of an agent";
        let rest = text.strip_prefix("domain:").ok_or(EXPECTED)?;
        let (domain, rest) = rest.split_once(" type:").ok_or(EXPECTED)?;
        let (kind, rest) = rest.split_once(" flags:").ok_or(EXPECTED)?;
        self.agents.push(Agent {
            domain: domain.to_owned(),
            kind: kind.to_owned(),
            description: String::new(),
        });
        if let Some((_, description)) = rest.split_once(" desc:") {
            self.describe(&format!("desc:{description}"));
        }
        Ok(())
    }

    /// Takes the description of the last agent; says no if it has one.
    fn describe(&mut self, text: &str) -> bool {
        let Some(agent) = self.agents.last_mut() else {
            return false;
        };
        let text = text.trim_start_matches("desc:");
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let first = agent.description.is_empty();
        if first {
            agent.description = quoted.unwrap_or(text).to_owned();
        }
        first
    }

    /// `10.8.0.6 --> 10.8.0.5 netmask 0xffffffff broadcast 10.8.0.255`
    fn inet(&mut self, text: &str) -> Result<(), &'static str> {
        const EXPECTED: &str = "an IPv4 address and its netmask";
        let mut words = text.split_whitespace();
        let own: Ipv4Addr = parsed(words.next()).ok_or(EXPECTED)?;
        let (mut peer, mut mask) = (None, None);
        while let Some(word) = words.next() {
            match word {
                "-->" => peer = Some(parsed(words.next()).ok_or(EXPECTED)?),
                "netmask" => mask = Some(words.next().and_then(netmask).ok_or(EXPECTED)?),
                "broadcast" => {
                    words.next();
                }
                _ => {}
            }
        }
        let mask = mask.ok_or(EXPECTED)?;
        let local = IpNet::with_netmask(own.into(), mask.into()).map_err(|_| EXPECTED)?;
        self.push(local, peer.map(IpAddr::V4), false, false);
        Ok(())
    }

    /// `fe80::1%en0 --> fe80::2%en0 prefixlen 64 secured scopeid 0x4`
    fn inet6(&mut self, text: &str) -> Result<(), &'static str> {
        const EXPECTED: &str = "an IPv6 address and the length of its prefix";
        fn address(word: &str) -> Option<Ipv6Addr> {
            word.split('%').next()?.parse().ok()
        }
        let mut words = text.split_whitespace();
        let own = words.next().and_then(address).ok_or(EXPECTED)?;
        let (mut peer, mut length) = (None, None);
        let (mut dynamic, mut temporary) = (false, false);
        while let Some(word) = words.next() {
            match word {
                "-->" => peer = Some(words.next().and_then(address).ok_or(EXPECTED)?),
                "prefixlen" => length = parsed(words.next()),
                "scopeid" => {
                    let scope = words.next().and_then(prefixed).ok_or("a scope")?;
                    self.index = self.index.or(Some(scope));
                }
                "autoconf" | "dynamic" => dynamic = true,
                "temporary" => (dynamic, temporary) = (true, true),
                _ => {}
            }
        }
        let local = length.and_then(|length| IpNet::new(own.into(), length).ok());
        let peer = peer.map(IpAddr::V6);
        self.push(local.ok_or(EXPECTED)?, peer, dynamic, temporary);
        Ok(())
    }

    fn push(&mut self, local: IpNet, peer: Option<IpAddr>, dynamic: bool, temporary: bool) {
        self.addresses.push(Address {
            dev: self.name.clone(),
            local,
            // A tunnel without another end is printed with its own address as one.
            peer: peer.filter(|peer| *peer != local.addr()),
            scope: scope(local.addr()),
            dynamic,
            secondary: temporary,
        });
    }

    /// A further IPv4 address of a prefix has no connected route of its own.
    fn mark_secondary(&mut self) {
        let mut prefixes = HashSet::new();
        for address in &mut self.addresses {
            if address.local.addr().is_ipv4() && address.local.prefix_len() < 32 {
                address.secondary = !prefixes.insert(address.local.trunc());
            }
        }
    }

    /// The link, as netprof would read it from the kernel, under the number `index`.
    #[must_use]
    pub fn link(&self, index: u32) -> Link {
        let has = |flag| self.flags & flag != 0;
        Link {
            kind: driver(&self.name).map(str::to_owned),
            up: has(IFF_UP),
            carrier: has(IFF_RUNNING) && self.active != Some(false),
            loopback: has(IFF_LOOPBACK),
            mtu: self.mtu,
            mac: self.mac.clone(),
            owner: self.owner(),
            ..Link::new(index, self.name.as_str())
        }
    }

    /// Who made the link, as far as an agent says so.
    fn owner(&self) -> Owner {
        let by = |agent: &Agent| match (agent.domain.as_str(), agent.kind.as_str()) {
            ("NetworkExtension", "VPN") => Some(Owner::NetworkExtension),
            // identityservicesd, one for each user.
            (domain, "clientchannel") if domain.starts_with("ids") => Some(Owner::Apple),
            _ => None,
        };
        self.agents.iter().find_map(by).unwrap_or_default()
    }
}

fn parsed<T: std::str::FromStr>(word: Option<&str>) -> Option<T> {
    word.and_then(|word| word.parse().ok())
}

/// `0xffffff00`; `-f inet:dotted` prints `255.255.255.0`.
fn netmask(text: &str) -> Option<Ipv4Addr> {
    let number = prefixed(text).map(Ipv4Addr::from);
    number.or_else(|| text.parse().ok())
}

/// The hardware address, if it is one that may be known.
fn hardware(text: &str) -> Option<Option<String>> {
    let mut bytes = Vec::new();
    for part in text.split(':') {
        let fits = (1..=2).contains(&part.len());
        bytes.push(u8::try_from(fits.then(|| hexadecimal(part))??).ok()?);
    }
    let bytes: [u8; 6] = bytes.try_into().ok()?;
    Some(mac(&bytes))
}

#[cfg(test)]
mod tests;
