//! What is read from the routing socket: answers to one's own requests.
//!
//! Every listener sees every message, its own requests among them as they come back. An
//! answer is known by process and number together. One `read` is one message. A listener
//! that is slow loses messages without a sign.
//!
//! Kernel: xnu, `bsd/net/rtsock.c` (`route_output`).

use std::net::IpAddr;

use netprof_model::plan::RouteAnswer;
use netprof_model::route::{Route, RouteKind};

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
