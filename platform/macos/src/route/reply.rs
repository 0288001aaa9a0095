//! What is read from the routing socket: answers to one's own requests, and what happens
//! to others.
//!
//! Every listener sees every message, its own requests among them as they come back. An
//! answer is known by process and number together ([`Reply::read`]); all else is an event
//! ([`Event::read`]). One `read` is one message. A listener that is slow loses messages
//! without a sign, so an event is a reason to look anew and no description of the table:
//! a route that somebody else added comes back as *he* wrote it, without the link that
//! the kernel found for it.
//!
//! Kernel: xnu, `bsd/net/rtsock.c` (`route_output`, `rt_newaddrmsg`, `rt_ifmsg`).

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::plan::RouteAnswer;
use netprof_model::route::{Route, RouteKind, rtf};

use super::decode;
use super::error::Malformed;
use super::message::Message;
use super::names::Names;
use super::numbers::*;

/// The kernel's answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What was asked (`RTM_*`).
    pub kind: u8,
    /// Why it was refused; 0 where it was done.
    pub errno: i32,
    /// The route that was found, or the one that was deleted, as far as it can be read.
    /// None where it was refused, and for an add, which comes back as it was written.
    pub route: Option<Route>,
    /// The source address that the route has.
    pub source: Option<IpAddr>,
    /// Whether what was found is what the kernel knows of a neighbour (`RTF_LLINFO`).
    pub neighbour: bool,
}

impl Reply {
    /// Reads a message: none where it is not the answer to the request with the number
    /// `sequence` of process `pid`. `now` as for [`super::read_routes`].
    ///
    /// # Errors
    ///
    /// [`Malformed`], as for [`super::read_routes`]; for what another wrote only where it
    /// is no message at all.
    pub fn read(
        bytes: &[u8],
        pid: u32,
        sequence: u32,
        names: &Names,
        now: i64,
    ) -> Result<Option<Self>, Malformed> {
        let message = Message::only(bytes)?;
        if !matches!(message.kind, RTM_ADD | RTM_DELETE | RTM_GET)
            || message.asked_by() != Some((pid, sequence))
        {
            return Ok(None);
        }
        let (header, all) = message.route()?;
        let mut reply = Self {
            kind: message.kind,
            errno: header.errno,
            route: None,
            source: None,
            neighbour: header.flags & RTF_LLINFO != 0,
        };
        if header.errno == 0 && message.kind != RTM_ADD {
            let route = decode::route(&message, &header, &all, names, now);
            reply.route = match message.kind {
                // It is done, and how the route was is only more to know.
                RTM_DELETE => route.ok().flatten(),
                _ => route?,
            };
            let source = all.get(RTA_IFA).map(|own| own.ip()).transpose()?.flatten();
            reply.source = source.map(|own| own.ip);
        }
        Ok(Some(reply))
    }

    /// Whether it was refused because the key is taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.errno == EEXIST
    }

    /// Whether it was refused because there is no such route.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.errno == ESRCH
    }

    /// What a look-up answered; none where it was refused for a reason that says nothing
    /// of the way.
    ///
    /// A neighbour that does not answer ARP bears `RTF_REJECT` for some seconds
    /// (`arp_lookup_ip` in `bsd/netinet/in_arp.c`), which says nothing of the way either. On
    /// a clone of another kind that flag is its parent's (`RTM_RESOLVE` in
    /// `rtrequest_common_locked`), and counts.
    #[must_use]
    pub fn answer(&self) -> Option<RouteAnswer> {
        let nowhere = RouteAnswer {
            unreachable: true,
            ..RouteAnswer::default()
        };
        match (self.errno, &self.route) {
            (ESRCH | ENETUNREACH | EHOSTUNREACH, _) => Some(nowhere),
            (0, Some(route)) if !self.leads_on(route.spec.kind) => Some(nowhere),
            (0, Some(route)) => Some(RouteAnswer {
                table: None,
                dev: route.devices().next().map(str::to_owned),
                via: route.gateway(),
                src: self.source,
                unreachable: false,
            }),
            _ => None,
        }
    }
}

impl Reply {
    fn leads_on(&self, kind: RouteKind) -> bool {
        match kind {
            RouteKind::Unicast => true,
            RouteKind::Unreachable => self.neighbour,
            _ => false,
        }
    }
}

/// What happened to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was added.
    Added,
    /// It was removed.
    Removed,
    /// It was changed, by a writer or by a router's redirect.
    Changed,
}

/// Something that happened to the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To a route.
    Route {
        /// What.
        what: Happened,
        /// Its destination, where it can be said.
        dst: Option<IpNet>,
        /// The process that did it; 0 for the kernel.
        pid: u32,
    },
    /// To an address of a link.
    Address {
        /// Whether it was added.
        added: bool,
        /// The number of the link.
        link: u32,
        /// The address, of IPv4 or IPv6.
        ip: Option<IpAddr>,
    },
    /// To a link.
    Link {
        /// Its number.
        link: u32,
        /// Whether it is up (IFF_UP).
        up: bool,
        /// Whether it runs (IFF_RUNNING).
        running: bool,
    },
    /// Nothing that changes where packets go: questions of others, what was refused to
    /// them, look-ups that failed, clones, neighbours, multicast groups, and kinds that
    /// are not known. The kind (`RTM_*`).
    Other(u8),
}

impl Event {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where it does not fit its own lengths.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let message = Message::only(bytes)?;
        let kind = message.kind;
        let what = match kind {
            RTM_ADD => Happened::Added,
            RTM_DELETE => Happened::Removed,
            RTM_CHANGE | RTM_REDIRECT => Happened::Changed,
            RTM_NEWADDR | RTM_DELADDR => {
                let (header, all) = message.address()?;
                let own = all.get(RTA_IFA).map(|own| own.ip()).transpose()?.flatten();
                return Ok(Self::Address {
                    added: kind == RTM_NEWADDR,
                    link: header.index.into(),
                    ip: own.map(|own| own.ip),
                });
            }
            RTM_IFINFO => {
                let (header, _) = message.link(false)?;
                return Ok(Self::Link {
                    link: header.index.into(),
                    up: header.flags & IFF_UP != 0,
                    running: header.flags & IFF_RUNNING != 0,
                });
            }
            other => return Ok(Self::Other(other)),
        };
        let (header, all) = message.route()?;
        if header.errno != 0 || header.flags & (rtf::WASCLONED | RTF_LLINFO) != 0 {
            return Ok(Self::Other(kind));
        }
        // A writer may say what it likes; that something happened is enough.
        let dst = decode::destination(header.flags, &all).ok().flatten();
        Ok(Self::Route {
            what,
            dst: dst.map(|dst| dst.net),
            pid: header.pid,
        })
    }
}
