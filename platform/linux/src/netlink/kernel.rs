//! The conversation with the kernel about links, addresses, routes and rules.

use netprof_engine::backend::{Mode, Refusal};
use netprof_model::link::{Address, Link};
use netprof_model::plan::{Change, RouteAnswer, RouteProbe};
use netprof_model::route::Route;
use netprof_model::rule::Rule;

use super::answer::{self, KernelError};
use super::changes::{self, Step};
use super::numbers::*;
use super::route::{RouteFilter, RouteView};
use super::socket::{ATTEMPTS, NETLINK_ROUTE, Socket};
use super::wire::{Malformed, Messages, Requests, Unwritable};
use super::{Error, LinkNames, Write, address, link, look_up, route, rule};

/// Requests are sent in pieces of about this size: far below the default send
/// buffer (208 KiB), beyond which the kernel says EMSGSIZE.
const PIECE: usize = 64 * 1024;

/// What rtnetlink tells of one moment.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The links.
    pub links: Vec<Link>,
    /// The addresses.
    pub addresses: Vec<Address>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The routes.
    pub routes: Vec<Route>,
}

/// The kernel, as rtnetlink(7) shows it.
#[derive(Debug)]
pub struct Kernel {
    socket: Socket,
}

impl Kernel {
    /// Opens the conversation.
    pub fn connect() -> Result<Self, Error> {
        Ok(Self {
            socket: Socket::open(NETLINK_ROUTE)?,
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
            "read the routes",
            |requests, sequence| route::dump(requests, sequence, filter),
            &fresh,
            |collection, message| {
                if message.kind != RTM_NEWROUTE {
                    return Ok(());
                }
                match RouteView::parse(message.payload)? {
                    Some(view) if view.passes(filter) => each(collection, &view),
                    _ => Ok(()),
                }
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

    /// Reads links, addresses, rules and routes, so that they fit together: a route
    /// or an address of a link that came up meanwhile is read anew with its link.
    pub fn tables(&mut self) -> Result<Tables, Error> {
        for _ in 0..ATTEMPTS {
            let mut links = self.links()?;
            links.sort_by_key(|link| link.index);
            let names = LinkNames::of(&links);
            let Some(addresses) = self.addresses(&names)? else {
                continue;
            };
            let rules = self.rules()?;
            let Some(routes) = self.routes(&names)? else {
                continue;
            };
            return Ok(Tables {
                links,
                addresses,
                rules,
                routes,
            });
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

    /// The routes; none where one goes through a link without a name.
    fn routes(&mut self, names: &LinkNames) -> Result<Option<Vec<Route>>, Error> {
        self.stream_routes(
            RouteFilter::default(),
            || Some(Vec::new()),
            |routes, view| {
                if let Some(list) = routes {
                    match view.to_route(names)? {
                        Ok(route) => list.push(route),
                        Err(_) => *routes = None,
                    }
                }
                Ok(())
            },
        )
    }

    /// Asks which way packets would take. One answer for each probe.
    pub fn look_up(&mut self, probes: &[RouteProbe]) -> Result<Vec<RouteAnswer>, Error> {
        const OPERATION: &str = "look up routes";
        if probes.is_empty() {
            return Ok(Vec::new());
        }
        let names = LinkNames::of(&self.links()?);
        let mut answers = Vec::with_capacity(probes.len());
        let window = self.socket.window();
        for probes in probes.chunks(window) {
            answers.extend(self.ask(OPERATION, probes, &names)?);
        }
        Ok(answers)
    }

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
            for message in Messages::new(self.socket.receive(operation)?) {
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

    /// Makes changes, in their order, with as few sends as possible.
    ///
    /// The kernel goes on behind a request that it refused. Of a change with two
    /// requests, of which only one was made, that one is taken back.
    pub fn apply(&mut self, changes: &[&Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        let mut batch = Batch::new(self, changes);
        let mut steps = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            for step in changes::steps(change, mode) {
                steps.push((at, step));
            }
        }
        let results = batch.run(&steps);
        let mut refusals: Vec<Option<String>> = vec![None; changes.len()];
        let mut made: Vec<Vec<Step<'_>>> = vec![Vec::new(); changes.len()];
        for ((at, step), result) in steps.iter().zip(results) {
            match result {
                Ok(()) => made[*at].push(*step),
                Err(why) if mode == Mode::Back && step.write == Write::Delete && why.is_gone() => {}
                Err(why) => {
                    let why = why.to_string();
                    refusals[*at] = Some(match refusals[*at].take() {
                        None => why,
                        Some(first) => format!("{first}; {why}"),
                    });
                }
            }
        }
        let mut undo = Vec::new();
        for (at, made) in made.iter().enumerate() {
            if refusals[at].is_some() {
                undo.extend(made.iter().rev().map(|step| (at, step.inverse())));
            }
        }
        for ((at, _), result) in undo.iter().zip(batch.run(&undo)) {
            if let (Err(why), Some(refusal)) = (result, &mut refusals[*at]) {
                refusal.push_str(&format!("; taking its first half back failed: {why}"));
            }
        }
        let refusals: Vec<Refusal> = changes
            .iter()
            .zip(refusals)
            .filter_map(|(change, why)| {
                Some(Refusal {
                    change: Box::new((*change).clone()),
                    why: why?,
                })
            })
            .collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }
}

/// Why one request was not carried out.
#[derive(Debug, thiserror::Error)]
enum NotMade {
    #[error("{0}")]
    Refused(#[from] KernelError),
    #[error("{0}")]
    Unwritable(#[from] Unwritable),
    /// Whether it was carried out is not known.
    #[error("{0}")]
    Unanswered(String),
}

impl NotMade {
    fn is_gone(&self) -> bool {
        match self {
            Self::Refused(error) => error.is_gone(),
            Self::Unwritable(why) => {
                matches!(why, Unwritable::NoLink(_) | Unwritable::OtherLink(_))
            }
            Self::Unanswered(_) => false,
        }
    }
}

/// Requests on their way to the kernel, and what became of them.
struct Batch<'a> {
    kernel: &'a mut Kernel,
    changes: &'a [&'a Change],
    names: LinkNames,
    requests: Requests,
    /// Sequence number and step of what waits to be sent.
    waiting: Vec<(u32, usize)>,
}

impl<'a> Batch<'a> {
    const OPERATION: &'static str = "write to the kernel";

    fn new(kernel: &'a mut Kernel, changes: &'a [&'a Change]) -> Self {
        let mut names = LinkNames::default();
        for name in changes::devices(changes) {
            if let Ok(index) = nix::net::if_::if_nametoindex(name) {
                names.insert(index, name);
            }
        }
        Self {
            kernel,
            changes,
            names,
            requests: Requests::default(),
            waiting: Vec::new(),
        }
    }

    fn run(&mut self, steps: &[(usize, Step<'_>)]) -> Vec<Result<(), NotMade>> {
        let mut results: Vec<Result<(), NotMade>> = steps.iter().map(|_| Ok(())).collect();
        if steps.is_empty() {
            return results;
        }
        let window = self.kernel.socket.window();
        for (number, (at, step)) in steps.iter().enumerate() {
            let sequence = self.kernel.socket.next_sequence();
            let written = changes::same_link(self.changes[*at], &self.names)
                .and_then(|()| step.encode(&mut self.requests, sequence, &self.names));
            match written {
                Ok(()) => self.waiting.push((sequence, number)),
                Err(why) => results[number] = Err(why.into()),
            }
            if self.requests.bytes().len() >= PIECE || self.waiting.len() >= window {
                self.flush(&mut results);
            }
        }
        self.flush(&mut results);
        results
    }

    /// Sends what waits. What was not answered for certain counts as not made.
    fn flush(&mut self, results: &mut [Result<(), NotMade>]) {
        if self.waiting.is_empty() {
            return;
        }
        if let Err(error) = self.exchange(results) {
            self.kernel.socket.give_up();
            for (_, number) in &self.waiting {
                if results[*number].is_ok() {
                    results[*number] = Err(NotMade::Unanswered(error.to_string()));
                }
            }
        }
        self.waiting.clear();
        self.requests.clear();
    }

    fn exchange(&mut self, results: &mut [Result<(), NotMade>]) -> Result<(), Error> {
        let operation = Self::OPERATION;
        let malformed = |source| Error::Decode { operation, source };
        let socket = &mut self.kernel.socket;
        socket.refresh()?;
        // Errors are always told; one acknowledgement at the end tells that all
        // that was refused has been told by then.
        self.requests.flag_last(NLM_F_ACK);
        socket.send(&self.requests, operation)?;
        let last = self.waiting.last().map(|(sequence, _)| *sequence);
        loop {
            for message in Messages::new(socket.receive(operation)?) {
                let message = message.map_err(malformed)?;
                if message.kind != NLMSG_ERROR {
                    continue;
                }
                let answer = answer::decode(&message).map_err(malformed)?;
                let which = self
                    .waiting
                    .binary_search_by_key(&message.sequence, |(sequence, _)| *sequence);
                if let (Err(error), Ok(which)) = (answer, which) {
                    results[self.waiting[which].1] = Err(error.into());
                }
                if Some(message.sequence) == last {
                    return Ok(());
                }
            }
        }
    }
}
