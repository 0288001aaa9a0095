//! Which answer belongs to which call, and how long it is waited for.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use netprof_posix::rights;
use nix::unistd::getegid;

use super::address::{self, Address};
use super::connection::{Broken, Connection, Incoming, LONGEST};
use super::{Answer, BUS, Bus, Failure, PATIENCE, value};
use crate::dbus::{Call, Kind, Message};

/// How many calls to one service are out at a time. The bus limits how many answers one
/// client may wait for (128 by default on a system bus, `max_replies_per_connection` in
/// dbus-daemon(1)).
pub(crate) const IN_FLIGHT: usize = 24;

/// A connection to the bus, and the time that is left for it.
#[derive(Debug)]
pub(crate) struct Exchange {
    bus: Bus,
    connection: Connection,
    /// The number of the last call.
    serial: u32,
    /// The name that the bus has given to this client; none while it has said nothing.
    own_name: Option<String>,
    /// Calls that were sent: their numbers, and the answer once that has come.
    asked: Vec<(u32, Option<Answer>)>,
    /// The interface and the name of the signals that are kept.
    listens_to: Option<(&'static str, &'static str)>,
    signals: Vec<Message>,
    /// The deadline.
    end: Instant,
    /// When the next calls end: before the deadline where time is left for others.
    stop: Instant,
    /// Why the connection is of no use any more.
    failed: Option<Failure>,
}

/// The number of Hello, which every connection begins with.
const HELLO: u32 = 1;

impl Exchange {
    /// The connection that was kept, if it is as good as a new one; else a new one. This
    /// is the one place where a bus that was started anew is noticed: what was asked of
    /// the old one has failed.
    pub(crate) fn open(bus: Bus, kept: Option<Self>) -> Answer<Self> {
        Self::open_at(bus, &address::of(bus), kept)
    }

    fn open_at(bus: Bus, addresses: &str, kept: Option<Self>) -> Answer<Self> {
        if let Some(mut kept) = kept
            && kept.bus == bus
            && kept.is_as_new()
        {
            kept.give(PATIENCE);
            return Ok(kept);
        }
        Self::connect(bus, addresses, PATIENCE)
    }

    fn connect(bus: Bus, addresses: &str, patience: Duration) -> Answer<Self> {
        let end = Instant::now() + patience;
        let unusable = |why| Failure::Bus(bus, why);
        let mut failure = Failure::NoBus(bus);
        for address in address::parse(addresses).map_err(unusable)? {
            let left = end.saturating_duration_since(Instant::now());
            match open(bus, &address, left) {
                Ok(connection) => return Self::begin(bus, connection, end),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    failure = not_answered(bus);
                }
                Err(error) => failure = unusable(error.to_string()),
            }
        }
        Err(failure)
    }

    /// Hello is sent with the first calls.
    fn begin(bus: Bus, mut connection: Connection, end: Instant) -> Answer<Self> {
        connection.put(&BUS.call("Hello", &())?.bytes(HELLO));
        Ok(Self {
            bus,
            connection,
            serial: HELLO,
            own_name: None,
            asked: Vec::new(),
            listens_to: None,
            signals: Vec::new(),
            end,
            stop: end,
            failed: None,
        })
    }

    /// Whether nothing that was said on the connection is still to come, and the bus is
    /// there.
    fn is_as_new(&mut self) -> bool {
        self.signals.clear();
        self.listens_to = None;
        self.failed.is_none()
            && self.own_name.is_some()
            && self.asked.is_empty()
            && self.connection.is_idle()
    }

    /// The name that the bus has given to this client.
    pub(crate) fn own_name(&mut self) -> Answer<String> {
        loop {
            if let Some(name) = &self.own_name {
                return Ok(name.clone());
            }
            self.next()?;
        }
    }

    /// Gives the next calls a time of their own.
    pub(crate) fn restart_clock(&mut self) {
        self.give(PATIENCE);
    }

    /// Gives the next calls so much time.
    pub(crate) fn give(&mut self, time: Duration) {
        self.end = Instant::now() + time;
        self.stop = self.end;
    }

    /// Leaves `time` for what comes later: until [`Exchange::use_all_time`], calls end
    /// that much before the deadline.
    pub(crate) fn leave(&mut self, time: Duration) {
        self.stop = self.end.checked_sub(time).unwrap_or(self.end);
    }

    /// Lets calls take until the deadline.
    pub(crate) fn use_all_time(&mut self) {
        self.stop = self.end;
    }

    /// How much time is left.
    fn time_left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Sends calls without waiting. Their answers are there for [`Exchange::wait`].
    pub(crate) fn send(&mut self, calls: Vec<Answer<Call>>) -> Vec<Answer<u32>> {
        let sent = calls.into_iter().map(|call| self.put(call?)).collect();
        self.connection.flush();
        sent
    }

    fn put(&mut self, call: Call) -> Answer<u32> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        // The four thousand millionth call would be given the number of the first.
        self.serial = self.serial.wrapping_add(1).max(1);
        self.connection.put(&call.bytes(self.serial));
        self.asked.push((self.serial, None));
        Ok(self.serial)
    }

    /// The answers to calls that were sent, in their order.
    pub(crate) fn wait(&mut self, sent: Vec<Answer<u32>>) -> Vec<Answer> {
        let mut failure = Failure::NoAnswer;
        while sent.iter().flatten().any(|serial| self.is_out(*serial)) {
            if let Err(why) = self.next() {
                failure = why;
                break;
            }
        }
        sent.into_iter()
            .map(|serial| self.answer(serial?).unwrap_or(Err(failure.clone())))
            .collect()
    }

    fn is_out(&self, serial: u32) -> bool {
        self.asked
            .iter()
            .any(|(asked, answer)| *asked == serial && answer.is_none())
    }

    /// The answer to a call, where it has come. A call without an answer stays known: the
    /// connection is not kept for others then.
    fn answer(&mut self, serial: u32) -> Option<Answer> {
        let has_come =
            |(asked, answer): &(u32, Option<Answer>)| *asked == serial && answer.is_some();
        let at = self.asked.iter().position(has_come)?;
        self.asked.swap_remove(at).1
    }

    /// Sends calls and waits for their answers, not too many at a time to any service:
    /// one that hangs holds nobody else up.
    pub(crate) fn call(&mut self, calls: Vec<Answer<Call>>) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(calls.len());
        let mut lanes: Vec<Lane> = Vec::new();
        for (at, call) in calls.into_iter().enumerate() {
            match call {
                Err(failure) => answers.push(Some(Err(failure))),
                Ok(call) => {
                    answers.push(None);
                    let service = call.service();
                    match lanes.iter_mut().find(|lane| lane.service == service) {
                        Some(lane) => lane.waiting.push_back((at, call)),
                        None => lanes.push(Lane {
                            service,
                            waiting: VecDeque::from([(at, call)]),
                            out: Vec::new(),
                        }),
                    }
                }
            }
        }
        let failure = loop {
            for lane in &mut lanes {
                while lane.out.len() < IN_FLIGHT
                    && let Some((at, call)) = lane.waiting.pop_front()
                {
                    match self.put(call) {
                        Ok(serial) => lane.out.push((serial, at)),
                        Err(failure) => set(&mut answers, at, Err(failure)),
                    }
                }
            }
            if lanes.iter().all(|lane| lane.out.is_empty()) {
                // Each call has been answered.
                break Failure::NoAnswer;
            }
            self.connection.flush();
            if let Err(failure) = self.next() {
                break failure;
            }
            for lane in &mut lanes {
                lane.out.retain(|(serial, at)| match self.answer(*serial) {
                    None => true,
                    Some(answer) => {
                        set(&mut answers, *at, answer);
                        false
                    }
                });
            }
        };
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or(Err(failure.clone())))
            .collect()
    }

    /// One call.
    pub(crate) fn call_one(&mut self, call: Answer<Call>) -> Answer {
        let answer = self.call(vec![call]).pop();
        answer.unwrap_or(Err(Failure::NoAnswer))
    }

    /// Has the bus tell of signals, and keeps those of that interface and name from now
    /// on.
    pub(crate) fn listen(&mut self, signals: &Signals) -> Answer<()> {
        self.call_one(BUS.call("AddMatch", &(&signals.rule,)))?;
        // What has come until here was asked for earlier.
        self.signals.clear();
        self.listens_to = Some((signals.interface, signals.member));
        Ok(())
    }

    /// The opposite of [`Exchange::listen`].
    pub(crate) fn stop_listening(&mut self, signals: &Signals) {
        self.listens_to = None;
        self.signals.clear();
        self.tell(BUS.call("RemoveMatch", &(&signals.rule,)));
    }

    /// Sends a call whose answer nobody waits for. Whoever is called takes it before all
    /// that is sent later.
    pub(crate) fn tell(&mut self, call: Answer<Call>) {
        if let Ok(call) = call {
            self.serial = self.serial.wrapping_add(1).max(1);
            self.connection
                .put(&call.without_reply().bytes(self.serial));
            self.connection.flush();
        }
    }

    /// The first signal that `wanted` takes, among those that have come since
    /// [`Exchange::listen`] and those to come.
    pub(crate) fn signal(&mut self, wanted: impl Fn(&Message) -> bool) -> Answer {
        let mut failure = None;
        loop {
            if let Some(at) = self.signals.iter().position(&wanted) {
                return Ok(self.signals.swap_remove(at));
            }
            self.signals.clear();
            if let Some(failure) = failure {
                return Err(failure);
            }
            failure = self.next().err();
        }
    }

    /// Lets time pass, at most until the deadline. False when that has come.
    pub(crate) fn pause(&mut self, time: Duration) -> bool {
        std::thread::sleep(time.min(self.time_left()));
        !self.time_left().is_zero()
    }

    /// Waits until something has come that somebody waits for.
    fn next(&mut self) -> Answer<()> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        // Whoever sends us what nobody waits for cannot keep us here.
        let mut looked = false;
        loop {
            match self.connection.next(self.stop, &mut looked) {
                Ok(incoming) => {
                    if self.keep(incoming)? {
                        return Ok(());
                    }
                }
                Err(Broken::TimeOver) => return Err(self.no_answer()),
                Err(Broken::HungUp) => return self.fail("it has hung up".to_owned()),
                Err(Broken::Garbage(why)) => return self.fail(why),
            }
        }
    }

    fn no_answer(&self) -> Failure {
        match self.own_name {
            Some(_) => Failure::NoAnswer,
            None => not_answered(self.bus),
        }
    }

    fn fail<T>(&mut self, why: String) -> Answer<T> {
        let failure = Failure::Bus(self.bus, why);
        self.failed = Some(failure.clone());
        Err(failure)
    }

    /// Keeps what somebody waits for. Whether it is an answer, or a signal in time.
    fn keep(&mut self, incoming: Incoming) -> Answer<bool> {
        let (kind, answer) = match incoming {
            Incoming::TooLong(kind, length) => {
                let why = format!("it is {length} bytes long, and {LONGEST} are read at most");
                (kind, Err(Failure::Unexpected(why)))
            }
            Incoming::Message(message) => (message.kind(), Ok(message)),
        };
        match (kind, answer) {
            (Kind::Reply(HELLO) | Kind::Error(HELLO), answer) => {
                match answer.and_then(checked).and_then(|hello| value(&hello)) {
                    Ok(name) => self.own_name = Some(name),
                    Err(failure) => return self.fail(failure.words("the bus")),
                }
                Ok(true)
            }
            (Kind::Reply(serial) | Kind::Error(serial), answer) => {
                // Nobody can answer what was not asked, or twice.
                let mut asked = self.asked.iter_mut();
                let Some((_, place)) = asked.find(|(asked, _)| *asked == serial) else {
                    return Ok(false);
                };
                if place.is_some() {
                    return Ok(false);
                }
                *place = Some(answer.and_then(checked));
                Ok(true)
            }
            (Kind::Signal, Ok(signal)) => {
                let is = (signal.interface(), signal.member());
                let kept: usize = self.signals.iter().map(Message::length).sum();
                if self.listens_to != Some(is) || kept + signal.length() > LONGEST {
                    return Ok(false);
                }
                self.signals.push(signal);
                Ok(Instant::now() < self.stop)
            }
            _ => Ok(false),
        }
    }
}

/// Signals that the bus is asked for.
pub(crate) struct Signals {
    /// Which (D-Bus specification, 'Match Rules').
    pub(crate) rule: String,
    /// Their interface.
    pub(crate) interface: &'static str,
    /// Their name.
    pub(crate) member: &'static str,
}

/// The calls to one service.
struct Lane {
    service: &'static str,
    waiting: VecDeque<(usize, Call)>,
    /// The number of each call that is out, and the place of its answer.
    out: Vec<(u32, usize)>,
}

fn set(answers: &mut [Option<Answer>], at: usize, answer: Answer) {
    if let Some(place) = answers.get_mut(at) {
        *place = Some(answer);
    }
}

fn not_answered(bus: Bus) -> Failure {
    let why = format!("it did not answer within {} s", PATIENCE.as_secs());
    Failure::Bus(bus, why)
}

/// Connects with the rights that `bus` wants: it goes by who connects (`SO_PEERCRED` in
/// unix(7)).
fn open(bus: Bus, address: &Address, patience: Duration) -> io::Result<Connection> {
    let connect = || Connection::open(address, patience);
    match bus {
        Bus::System => connect(),
        Bus::User(uid) => rights::of(uid, getegid().as_raw(), connect).flatten(),
    }
}

/// An error reply as a failure.
fn checked(reply: Message) -> Answer {
    match reply.kind() {
        Kind::Error(_) => Err(Failure::Refused(
            reply.error_name().to_owned(),
            reply.words().to_owned(),
        )),
        _ => Ok(reply),
    }
}

#[cfg(test)]
pub(crate) mod tests;
