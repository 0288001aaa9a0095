//! The conversation with the kernel about links, addresses, routes and rules.

use std::collections::HashSet;
use std::ops::ControlFlow;

use netprof_model::link::{Address, Link};
use netprof_model::plan::{RouteAnswer, RouteProbe};
use netprof_model::route::{Protocol, Route};
use netprof_model::rule::Rule;
use netprof_model::seeded::Seeded;
use netprof_plan::{Need, Sieve};

use super::answer;
use super::numbers::*;
use super::route::{RouteFilter, RouteReader, RouteView};
use super::socket::{ATTEMPTS, NETLINK_ROUTE, Socket, pause_before};
use super::standing::Details;
use super::wire::{Malformed, Message, Messages, Requests, Unwritable};
use super::{Error, LinkNames, address, link, look_up, route, rule};

const READ_ROUTES: &str = "read the routes";

/// So many routes of tables that nobody asks for are passed by in one dump. To ask for a
/// few tables one by one takes the time in which the kernel tells of about a hundred routes.
const MOST_PASSED_BY: usize = 128;

/// What rtnetlink tells of one moment.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The links.
    pub links: Vec<Link>,
    /// The addresses.
    pub addresses: Vec<Address>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The routes that were asked for.
    pub routes: Vec<Route>,
}

/// The kernel, as rtnetlink(7) shows it.
#[derive(Debug)]
pub struct Kernel {
    pub(super) socket: Socket,
    /// What was read of netprof's routes since something was written.
    pub(super) details: Details,
}

impl Kernel {
    /// Opens the conversation.
    pub fn connect() -> Result<Self, Error> {
        Ok(Self {
            socket: Socket::open(NETLINK_ROUTE)?,
            details: Details::unread(),
        })
    }

    /// Reads the links.
    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        self.socket
            .dump("read the links", link::dump, Vec::new, |links, message| {
                if message.kind == RTM_NEWLINK {
                    links.push(link::decode(message.payload)?);
                }
                Ok(())
            })
    }

    /// Reads the rules, in the order in which they are asked.
    pub fn rules(&mut self) -> Result<Vec<Rule>, Error> {
        self.socket
            .dump("read the rules", rule::dump, Vec::new, |rules, message| {
                if message.kind == RTM_NEWRULE {
                    rules.extend(rule::decode(message.payload)?);
                }
                Ok(())
            })
    }

    /// Calls `each` on every route that `filter` lets through, as it streams in.
    /// Where the dump was disturbed, all begins anew with a `fresh` collection.
    pub fn stream_routes<T>(
        &mut self,
        filter: RouteFilter,
        fresh: impl Fn() -> T,
        mut each: impl FnMut(&mut T, &RouteView<'_>) -> Result<(), Malformed>,
    ) -> Result<T, Error> {
        let streamed = self.socket.dump(
            READ_ROUTES,
            |requests, sequence| route::dump(requests, sequence, filter),
            &fresh,
            |collection, message| match route_in(message, filter)? {
                Some(view) => each(collection, &view),
                None => Ok(()),
            },
        );
        match streamed {
            // A table that does not exist has no routes.
            Err(Error::Refused { source, .. })
                if filter.table.is_some() && source.errno == ENOENT =>
            {
                Ok(fresh())
            }
            other => other,
        }
    }

    /// Reads links, addresses, rules and the routes that `need` asks for, so that they fit
    /// together: a route or an address of a link that came up meanwhile is read anew with
    /// its link.
    pub fn tables(&mut self, need: &Need) -> Result<Tables, Error> {
        self.details = Details::unread();
        for attempt in 0..ATTEMPTS {
            pause_before(attempt);
            let mut links = self.links()?;
            links.sort_by_key(|link| link.index);
            let names = LinkNames::of(&links);
            let Some(addresses) = self.addresses(&names)? else {
                continue;
            };
            let rules = self.rules()?;
            let sieve = need.sieve(&links, &addresses, &rules);
            // A sieve lets all of netprof's routes through that are in its tables.
            let read = sieve.tables().cloned();
            let mut reads = 0..ATTEMPTS;
            let routes = sieve.read(|sieve| match reads.next() {
                Some(_) => self.routes(sieve, &names).map_err(Some)?.ok_or(None),
                None => Err(None),
            });
            match routes {
                Ok(routes) => {
                    self.details = Details::of(&routes, read);
                    return Ok(Tables {
                        links,
                        addresses,
                        rules,
                        routes,
                    });
                }
                Err(Some(error)) => return Err(error),
                // Something came up meanwhile.
                Err(None) => {}
            }
        }
        Err(Error::Unsteady {
            operation: "read links and routes",
        })
    }

    /// The addresses; none where one is of a link without a name.
    fn addresses(&mut self, names: &LinkNames) -> Result<Option<Vec<Address>>, Error> {
        self.socket.dump(
            "read the addresses",
            address::dump,
            || Some(Vec::new()),
            |addresses, message| {
                if message.kind != RTM_NEWADDR {
                    return Ok(());
                }
                match (address::decode(message.payload, names)?, &mut *addresses) {
                    (address::Decoded::Address(address), Some(list)) => list.push(address),
                    (address::Decoded::UnknownLink(_), _) => *addresses = None,
                    _ => {}
                }
                Ok(())
            },
        )
    }

    /// The routes that `sieve` lets through; none where one of them goes through a link
    /// without a name.
    ///
    /// One dump of everything is the shortest way on most machines, and how long it is shows
    /// only on the way: where it brings many routes of tables that nobody asks for, it is
    /// broken off, and each table is asked for by itself.
    fn routes(&mut self, sieve: &Sieve, names: &LinkNames) -> Result<Option<Vec<Route>>, Error> {
        let filters: Vec<RouteFilter> = match sieve.tables() {
            None => vec![RouteFilter::default()],
            Some(tables) => {
                if tables.len() > 1
                    && let Some(routes) = self.routes_of_all_tables(sieve, names)?
                {
                    return Ok(routes);
                }
                let tables = tables.iter();
                tables.map(|table| RouteFilter::of_table(*table)).collect()
            }
        };
        let mut all = Vec::new();
        for filter in filters {
            let caught = self.stream_routes(filter, Caught::default, |caught, view| {
                caught.take(view, sieve, names)
            })?;
            match caught.routes {
                None => return Ok(None),
                Some(routes) if all.is_empty() => all = routes,
                Some(routes) => all.extend(routes),
            }
        }
        Ok(Some(all))
    }

    /// The same, by one dump; none where that was broken off.
    #[allow(clippy::type_complexity, reason = "each layer says another thing")]
    fn routes_of_all_tables(
        &mut self,
        sieve: &Sieve,
        names: &LinkNames,
    ) -> Result<Option<Option<Vec<Route>>>, Error> {
        let whole = RouteFilter::default();
        let read = self.socket.dump_until(
            READ_ROUTES,
            |requests, sequence| route::dump(requests, sequence, whole),
            || (Caught::default(), 0),
            |(caught, passed_by), message| {
                if let Some(view) = route_in(message, whole)? {
                    if !sieve.has_table(view.table) {
                        *passed_by += 1;
                        if *passed_by > MOST_PASSED_BY {
                            return Ok(ControlFlow::Break(()));
                        }
                    } else {
                        caught.take(&view, sieve, names)?;
                    }
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(match read {
            ControlFlow::Continue((caught, _)) => Some(caught.routes),
            ControlFlow::Break(()) => None,
        })
    }

    /// The routes that `filter` lets through and that go through links with these names.
    pub(super) fn routes_through(
        &mut self,
        filter: RouteFilter,
        names: &LinkNames,
    ) -> Result<Vec<Route>, Error> {
        let mut reader = RouteReader::default();
        self.stream_routes(filter, Vec::new, |routes: &mut Vec<Route>, view| {
            routes.extend(reader.read(view, names)?);
            Ok(())
        })
    }

    /// Asks which way packets would take. One answer for each probe.
    pub fn look_up(&mut self, probes: &[RouteProbe]) -> Result<Vec<RouteAnswer>, Error> {
        const OPERATION: &str = "look up routes";
        if probes.is_empty() {
            return Ok(Vec::new());
        }
        let names = LinkNames::of(&self.links()?);
        let mut answers = Vec::with_capacity(probes.len());
        while answers.len() < probes.len() {
            let left = &probes[answers.len()..];
            let some = &left[..left.len().min(self.socket.window())];
            match self.ask(OPERATION, some, &names) {
                Ok(of_some) => answers.extend(of_some),
                // One of them was longer than any that is known.
                Err(Error::Overrun { .. }) if self.socket.receive_one_by_one() => {}
                Err(other) => return Err(other),
            }
        }
        Ok(answers)
    }

    /// One answer for each probe, of which there are no more than there is room for.
    fn ask(
        &mut self,
        operation: &'static str,
        probes: &[RouteProbe],
        names: &LinkNames,
    ) -> Result<Vec<RouteAnswer>, Error> {
        self.socket.refresh()?;
        let mut requests = Requests::default();
        let mut answers: Vec<Option<RouteAnswer>> = vec![None; probes.len()];
        let mut asked = Vec::with_capacity(probes.len());
        for (at, probe) in probes.iter().enumerate() {
            let sequence = self.socket.next_sequence();
            match look_up::encode(&mut requests, sequence, probe, names) {
                Ok(()) => asked.push((sequence, at)),
                // No packet leaves by a link that is not there.
                Err(Unwritable::NoLink(_)) => answers[at] = Some(look_up::no_way()),
                Err(source) => return Err(Error::Encode { operation, source }),
            }
        }
        let malformed = |source| Error::Decode { operation, source };
        if !asked.is_empty() {
            self.socket.send(&requests, operation)?;
            self.socket.give_up();
        }
        let mut left = asked.len();
        while left > 0 {
            let datagrams = self.socket.receive_short(operation)?;
            for message in datagrams.flat_map(Messages::new) {
                let message = message.map_err(malformed)?;
                let Ok(at) = asked.binary_search_by_key(&message.sequence, |(seq, _)| *seq) else {
                    continue;
                };
                let answer = if message.kind == NLMSG_ERROR {
                    match answer::decode(&message).map_err(malformed)? {
                        // An acknowledgement that nobody asked for.
                        Ok(()) => continue,
                        Err(error) => look_up::decode_error(error)
                            .map_err(|source| Error::Refused { operation, source })?,
                    }
                } else {
                    look_up::decode(message.payload, names).map_err(malformed)?
                };
                let slot = &mut answers[asked[at].1];
                left -= usize::from(slot.is_none());
                *slot = Some(answer);
            }
        }
        self.socket.finished();
        Ok(answers.into_iter().flatten().collect())
    }
}

/// The route that `message` of a dump tells of, if `filter` lets it through.
fn route_in<'a>(
    message: &Message<'a>,
    filter: RouteFilter,
) -> Result<Option<RouteView<'a>>, Malformed> {
    if message.kind != RTM_NEWROUTE {
        return Ok(None);
    }
    Ok(RouteView::parse(message.payload)?.filter(|view| view.passes(filter)))
}

/// What a sieve lets through of a dump.
struct Caught {
    /// None once a route goes through a link without a name.
    routes: Option<Vec<Route>>,
    reader: RouteReader,
    /// The tables and links of routes that tell whose a link is.
    told: HashSet<(u32, u32), Seeded>,
}

impl Default for Caught {
    fn default() -> Self {
        Self {
            routes: Some(Vec::new()),
            reader: RouteReader::default(),
            told: HashSet::default(),
        }
    }
}

impl Caught {
    fn take(
        &mut self,
        view: &RouteView<'_>,
        sieve: &Sieve,
        names: &LinkNames,
    ) -> Result<(), Malformed> {
        let Some(list) = &mut self.routes else {
            return Ok(());
        };
        let protocol = Protocol(view.protocol);
        // One with several hops names no link here, and is always taken.
        let tells = sieve.tells_owners(view.table, protocol)
            && (view.oif == 0 || self.told.insert((view.table, view.oif)));
        if tells || sieve.takes(view.destination()?, view.table, protocol) {
            match self.reader.read(view, names)? {
                Ok(route) => list.push(route),
                Err(_) => self.routes = None,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look-up that changes nothing: the way to the machine itself.
    fn probes() -> Vec<RouteProbe> {
        let to = |last| RouteProbe {
            to: [127, 0, 0, last].into(),
            oif: None,
        };
        (1..=200).map(to).collect()
    }

    #[test]
    fn an_answer_that_is_too_long_is_asked_for_again() {
        let mut kernel = Kernel::connect().unwrap();
        let known = kernel.look_up(&probes()).unwrap();
        assert_eq!(known.len(), probes().len());
        assert!(kernel.socket.short.is_some());
        // The header of an answer alone takes more.
        kernel.socket.short = Some(8);
        assert_eq!(kernel.look_up(&probes()).unwrap(), known);
        assert_eq!(kernel.socket.short, None);
        assert_eq!(kernel.look_up(&probes()).unwrap(), known);
    }
}
