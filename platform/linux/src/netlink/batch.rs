//! Changes on their way to the kernel, many in one send.
//!
//! A send with a thousand requests costs one change of context where a thousand sends
//! cost a thousand, and only the last request asks to be acknowledged: errors are told
//! without being asked for. The kernel carries out a send before it returns from it
//! (`netlink_unicast_kernel`), so all answers are there by then. It goes on behind a
//! request that it refused, so each answer is brought back to its change by its
//! sequence number. The requests of one change always go in one send: a kill falls
//! between two sends, and never between the removal of the old and the addition of the
//! new.

use std::collections::BTreeMap;

use netprof_engine::backend::{Mode, Refusal};
use netprof_model::Resource;
use netprof_model::plan::Change;

use super::answer::{self, KernelError};
use super::changes::{self, Step};
use super::kernel::Kernel;
use super::numbers::{ENOENT, ESRCH, NLM_F_ACK, NLMSG_ERROR};
use super::standing::{Asked, Details, Hit, Standing};
use super::wire::{Messages, Requests, Unwritable};
use super::{Error, LinkNames, Write};

/// Requests are sent in pieces of about this size: far below the default send
/// buffer (208 KiB), beyond which the kernel says EMSGSIZE.
const PIECE: usize = 64 * 1024;

impl Kernel {
    /// Makes changes, in their order, with as few sends as possible.
    ///
    /// The kernel goes on behind a request that it refused. Of a change with two
    /// requests, of which only one was made, that one is taken back.
    pub fn apply(&mut self, changes: &[&Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        let mut batch = Batch::new(self, changes);
        let mut steps = Vec::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            steps.extend(changes::steps(change, mode).map(|step| (at, step)));
        }
        let mut failed = batch.run(&steps);
        // By change: as a rule there are none.
        let mut refusals: BTreeMap<usize, String> = BTreeMap::new();
        for (number, why) in &failed {
            let (at, step) = &steps[*number];
            let is_done = mode == Mode::Back && step.write == Write::Delete && why.is_gone();
            if is_done || matches!(why, NotMade::Withheld) {
                continue;
            }
            let refusal = refusals.entry(*at).or_default();
            if !refusal.is_empty() {
                refusal.push_str("; ");
            }
            refusal.push_str(&why.to_string());
        }
        if refusals.is_empty() {
            return Ok(());
        }
        let mut undo = Vec::new();
        for (at, of_one) in refusals.keys().map(|at| {
            let start = steps.partition_point(|(other, _)| other < at);
            let end = steps.partition_point(|(other, _)| other <= at);
            (*at, start..end)
        }) {
            let made = of_one.rev().filter(|number| !failed.contains_key(number));
            undo.extend(made.map(|number| (at, steps[number].1.inverse())));
        }
        failed = batch.run(&undo);
        for (number, why) in failed {
            if let Some(refusal) = refusals.get_mut(&undo[number].0) {
                refusal.push_str(&format!("; taking its first half back failed: {why}"));
            }
        }
        Err(refusals
            .into_iter()
            .map(|(at, why)| Refusal {
                change: Box::new(changes[at].clone()),
                why,
            })
            .collect())
    }
}

/// Why one request was not carried out.
#[derive(Debug, thiserror::Error)]
enum NotMade {
    #[error("{0}")]
    Refused(#[from] KernelError),
    #[error("{0}")]
    Unwritable(#[from] Unwritable),
    /// Another rule would be removed.
    #[error("the kernel would remove another rule, which stands before it: {0}")]
    Hits(String),
    /// What it depends on could not be read.
    #[error("{0}")]
    Unread(String),
    /// It was not sent, because the other half of its change cannot be written.
    #[error("not sent")]
    Withheld,
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
            Self::Hits(_) | Self::Unread(_) | Self::Withheld | Self::Unanswered(_) => false,
        }
    }
}

/// What was not made of some steps, by the place of each: as a rule nothing.
type NotMadeOf = BTreeMap<usize, NotMade>;

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

    /// Sends `steps`. What was not made of them, by the place of each.
    fn run(&mut self, steps: &[(usize, Step<'_>)]) -> NotMadeOf {
        let mut failed = NotMadeOf::new();
        if steps.is_empty() {
            return failed;
        }
        let mut standing = self.standing(steps);
        let mut window = self.kernel.socket.window();
        let mut number = 0;
        // Whose request is the last one.
        let mut last = None;
        for change in steps.chunk_by(|one, next| one.0 == next.0) {
            let (first, end, waiting) = (number, self.requests.end(), self.waiting.len());
            for (at, step) in change {
                let sequence = self.kernel.socket.next_sequence();
                match self.write(*at, step, last, sequence, &mut standing) {
                    Ok(()) => {
                        self.waiting.push((sequence, number));
                        last = Some(step);
                    }
                    Err(why) => {
                        failed.insert(number, why);
                    }
                }
                number += 1;
            }
            let adds_nothing = (first..).zip(change).any(|(number, (_, step))| {
                step.write != Write::Delete && failed.contains_key(&number)
            });
            if adds_nothing {
                self.requests.cut(end);
                self.waiting.truncate(waiting);
                last = None;
                for number in first..number {
                    failed.entry(number).or_insert(NotMade::Withheld);
                }
            }
            if self.requests.bytes().len() >= PIECE || self.waiting.len() >= window {
                self.flush(&mut failed);
                last = None;
                // Behind a send that failed there is another socket.
                window = self.kernel.socket.window();
            }
        }
        self.flush(&mut failed);
        failed
    }

    /// What stands where something is to be removed: one dump for all of it, or none where
    /// it was just seen that there is nothing else to hit.
    fn standing(&mut self, steps: &[(usize, Step<'_>)]) -> Result<Standing, String> {
        let mut asked = Asked::by(steps.iter().map(|(_, step)| step));
        let details = std::mem::replace(&mut self.kernel.details, Details::unread());
        // What is added here may have some.
        let only_removes = || steps.iter().all(|(_, step)| step.write == Write::Delete);
        asked.routes = asked
            .routes
            .filter(|filter| !(details.are_absent(*filter) && only_removes()));
        let words = |error: Error| error.to_string();
        let rules = match asked.rules {
            true => Some(self.kernel.rules().map_err(words)?),
            false => None,
        };
        let routes = match asked.routes {
            Some(filter) => Some(
                self.kernel
                    .routes_through(filter, &self.names)
                    .map_err(words)?,
            ),
            None => None,
        };
        Ok(Standing::new(rules, routes))
    }

    fn write(
        &mut self,
        at: usize,
        step: &Step<'_>,
        last: Option<&Step<'_>>,
        sequence: u32,
        standing: &mut Result<Standing, String>,
    ) -> Result<(), NotMade> {
        changes::same_link(self.changes[at], &self.names)?;
        match standing {
            Ok(standing) => match standing.note(step) {
                Hit::Exactly => {}
                Hit::Gone => {
                    // As the kernel says it.
                    let errno = match step.resource {
                        Resource::Route(_) => ESRCH,
                        _ => ENOENT,
                    };
                    return Err(NotMade::Refused(KernelError { errno, says: None }));
                }
                Hit::Other(rule) => {
                    let words = format!("{} {}", rule.selector(), rule.verdict());
                    return Err(NotMade::Hits(words));
                }
            },
            Err(why) if step.write == Write::Delete => return Err(NotMade::Unread(why.clone())),
            Err(_) => {}
        }
        Ok(step.encode_behind(last, &mut self.requests, sequence, &self.names)?)
    }

    /// Sends what waits. What was not answered for certain counts as not made.
    fn flush(&mut self, failed: &mut NotMadeOf) {
        if self.waiting.is_empty() {
            return;
        }
        if let Err(error) = self.exchange(failed) {
            self.kernel.socket.give_up();
            for (_, number) in &self.waiting {
                let unanswered = || NotMade::Unanswered(error.to_string());
                failed.entry(*number).or_insert_with(unanswered);
            }
        }
        self.waiting.clear();
        self.requests.clear();
    }

    fn exchange(&mut self, failed: &mut NotMadeOf) -> Result<(), Error> {
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
                    failed.insert(self.waiting[which].1, error.into());
                }
                if Some(message.sequence) == last {
                    return Ok(());
                }
            }
        }
    }
}
