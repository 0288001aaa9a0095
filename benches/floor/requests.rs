//! Requests of rtnetlink(7), in the bytes that go out.

use nix::libc;

const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
pub(crate) const DUMP: u16 = libc::NLM_F_DUMP as u16;
pub(crate) const ACK: u16 = libc::NLM_F_ACK as u16;
/// CREATE and EXCL: what is there already is an error.
const ADD: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
/// netprof's own number on routes and rules.
pub(crate) const OURS: u8 = 110;

/// Requests that go out in one send.
#[derive(Default)]
pub(crate) struct Requests {
    pub(crate) bytes: Vec<u8>,
    /// The number of the last one.
    pub(crate) count: u32,
    last: usize,
}

impl Requests {
    /// Adds a request: its kind, its flags, its fixed header, its attributes.
    pub(crate) fn add(&mut self, kind: u16, flags: u16, header: &[u8], rest: &[(u16, &[u8])]) {
        self.last = self.bytes.len();
        self.count += 1;
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((REQUEST | flags).to_ne_bytes());
        self.bytes.extend(self.count.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(header);
        for (number, value) in rest {
            let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
            self.bytes.extend(length.to_ne_bytes());
            self.bytes.extend(number.to_ne_bytes());
            self.bytes.extend(*value);
            self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        }
        let length = u32::try_from(self.bytes.len() - self.last).unwrap_or(u32::MAX);
        self.bytes[self.last..self.last + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// To be used again, numbered from 1 again.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    pub(crate) fn flag_last(&mut self, flag: u16) {
        let at = self.last + 6;
        self.bytes[at] |= flag as u8;
    }
}

/// A rule `to PREFIX lookup main suppress_prefixlength LENGTH-1` at 110.
pub(crate) fn rule(requests: &mut Requests, forth: bool, to: &[u8], length: u8) {
    const TO_TABLE: u8 = 1;
    let mut header = [0; 12];
    (header[0], header[1]) = (family(to), length);
    (header[4], header[7]) = (libc::RT_TABLE_MAIN, TO_TABLE);
    let suppress = u32::from(length - 1).to_ne_bytes();
    let priority = 110_u32.to_ne_bytes();
    // FRA_DST, FRA_PRIORITY, FRA_SUPPRESS_PREFIXLEN, FRA_PROTOCOL of linux/fib_rules.h
    let rest: [(u16, &[u8]); 4] = [(1, to), (6, &priority), (14, &suppress), (21, &[OURS])];
    match forth {
        true => requests.add(libc::RTM_NEWRULE, ADD, &header, &rest),
        false => requests.add(libc::RTM_DELRULE, 0, &header, &rest),
    }
}

/// A route through a gateway.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) to: [u8; 4],
    pub(crate) length: u8,
    pub(crate) via: [u8; 4],
    pub(crate) link: u32,
    pub(crate) metric: u32,
    pub(crate) table: u32,
    pub(crate) protocol: u8,
}

impl Route {
    pub(crate) fn write(&self, requests: &mut Requests, forth: bool) {
        let mut header = [0; 12];
        (header[0], header[1]) = (libc::AF_INET as u8, self.length);
        (header[5], header[7]) = (self.protocol, libc::RTN_UNICAST);
        let link = self.link.to_ne_bytes();
        let (metric, table) = (self.metric.to_ne_bytes(), self.table.to_ne_bytes());
        let rest: [(u16, &[u8]); 5] = [
            (libc::RTA_DST, &self.to),
            (libc::RTA_GATEWAY, &self.via),
            (libc::RTA_OIF, &link),
            (libc::RTA_PRIORITY, &metric),
            (libc::RTA_TABLE, &table),
        ];
        match forth {
            true => requests.add(libc::RTM_NEWROUTE, ADD, &header, &rest),
            false => requests.add(libc::RTM_DELROUTE, 0, &header, &rest),
        }
    }
}

/// Which way a packet takes.
pub(crate) fn look_up(requests: &mut Requests, to: &[u8]) {
    let mut header = [0; 12];
    (header[0], header[1]) = (family(to), (to.len() * 8) as u8);
    requests.add(libc::RTM_GETROUTE, 0, &header, &[(libc::RTA_DST, to)]);
}

fn family(address: &[u8]) -> u8 {
    match address.len() {
        4 => libc::AF_INET as u8,
        _ => libc::AF_INET6 as u8,
    }
}
