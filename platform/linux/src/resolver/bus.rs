//! Talks to the system bus: many calls at once, one deadline for all of them.
//!
//! Every daemon that is asked here may hang, be stopped in a debugger, or be restarted
//! right now. A proxy object per service with a timeout per call adds those times up;
//! so calls are plain messages here, sent in one write, and whatever has not been
//! answered when the one deadline passes counts as not answered. No message ever starts
//! a service (NO_AUTO_START): reading a machine must not change it.
//!
//! The bus limits how many replies one client may wait for (128 by default on a system
//! bus, `max_replies_per_connection` in dbus-daemon(1)), so no more than [`IN_FLIGHT`]
//! calls to one service are out at a time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::message::{Flags, Type as MessageType};
use zbus::{Connection, DynamicType, Message, MessageStream, OwnedVariant, Variant};

/// How long a daemon may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How many calls to one service are out at a time.
const IN_FLIGHT: usize = 24;

/// Where a system bus listens (D-Bus specification, well-known message bus instances).
const STANDARD_ADDRESS: &str = "unix:path=/run/dbus/system_bus_socket";

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no bus.
    NoBus,
    /// The deadline passed.
    NoAnswer,
    /// The service said no: the name of the error, and its words.
    Refused(String, String),
    /// The bus could not be reached, or hung up.
    Bus(String),
    /// The answer has another shape than the interface says.
    Unexpected(String),
}

impl Failure {
    /// Whether nobody owns the name that was called.
    pub(super) fn is_absent(&self) -> bool {
        match self {
            Self::NoBus => true,
            Self::Refused(name, _) => matches!(
                name.as_str(),
                "org.freedesktop.DBus.Error.ServiceUnknown"
                    | "org.freedesktop.DBus.Error.NameHasNoOwner"
            ),
            _ => false,
        }
    }

    /// Whether nobody owns the name any more, or whoever did went away instead of
    /// answering.
    pub(super) fn is_gone(&self) -> bool {
        self.is_absent()
            || matches!(self, Self::Refused(name, _) if name == "org.freedesktop.DBus.Error.NoReply")
    }

    /// Whether the service has no such object, method or property: it is older.
    pub(super) fn is_unknown_to_it(&self) -> bool {
        matches!(self, Self::Refused(name, _) if matches!(
            name.as_str(),
            "org.freedesktop.DBus.Error.UnknownMethod"
                | "org.freedesktop.DBus.Error.UnknownInterface"
                | "org.freedesktop.DBus.Error.UnknownObject"
                | "org.freedesktop.DBus.Error.UnknownProperty"
        ))
    }

    /// Whether the service has no such link.
    pub(super) fn is_no_such_link(&self) -> bool {
        matches!(self, Self::Refused(name, _) if name == "org.freedesktop.resolve1.NoSuchLink")
    }

    /// The failure in words, with `service` as its subject.
    pub(super) fn words(&self, service: &str) -> String {
        match self {
            Self::NoBus => "there is no system bus".into(),
            Self::NoAnswer => format!("{service} did not answer within {} s", PATIENCE.as_secs()),
            Self::Refused(name, words) => match name.rsplit('.').next().unwrap_or(name) {
                "AccessDenied" => format!("{service} denies access: {words}"),
                "InteractiveAuthorizationRequired" => {
                    format!("{service} wants to be authorised by a person (polkit): run it as root")
                }
                "ServiceUnknown" | "NameHasNoOwner" => format!("{service} is not running"),
                "LinkBusy" if words.contains("managed") => format!(
                    "{service} takes this link's settings from systemd-networkd alone: {words}"
                ),
                "LinkBusy" => format!("{service} does not let this link be set: {words}"),
                "NoSuchLink" => format!("{service} does not know the link: {words}"),
                _ => format!("{service}: {words} ({name})"),
            },
            Self::Bus(words) => format!("the system bus cannot be used: {words}"),
            Self::Unexpected(words) => format!("{service} answered in another form: {words}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words("the service"))
    }
}

/// The result of one call.
pub(super) type Answer<T = Message> = Result<T, Failure>;

/// An object of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    /// The bus name.
    pub(super) service: &'a str,
    /// The path.
    pub(super) path: &'a str,
    /// The interface that is called.
    pub(super) interface: &'a str,
}

impl Object<'_> {
    /// A call of a method.
    pub(super) fn call<B>(&self, method: &str, body: &B) -> Answer
    where
        B: serde::Serialize + DynamicType,
    {
        Message::method_call(self.path, method)
            .destination(self.service)
            .interface(self.interface)
            .with_flags(Flags::NO_AUTO_START)
            .build(body)
            .map_err(|error| Failure::Unexpected(error.to_string()))
    }

    /// A call that reads all properties.
    pub(super) fn get_all(&self) -> Answer {
        let properties = Object {
            interface: "org.freedesktop.DBus.Properties",
            ..*self
        };
        properties.call("GetAll", &(self.interface,))
    }

    /// A call that reads one property.
    pub(super) fn get(&self, property: &str) -> Answer {
        let properties = Object {
            interface: "org.freedesktop.DBus.Properties",
            ..*self
        };
        properties.call("Get", &(self.interface, property))
    }
}

/// The path of an object whose last part is `label`: every byte that a path cannot
/// hold, and a digit at the beginning, as `_` and two hexadecimal digits
/// (sd_bus_path_encode(3)).
pub(super) fn path(prefix: &str, label: &str) -> String {
    let mut path = format!("{prefix}/");
    if label.is_empty() {
        path.push('_');
    }
    for (at, byte) in label.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (byte.is_ascii_digit() && at > 0) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("_{byte:02x}"));
        }
    }
    path
}

/// A connection to the bus, and the time that is left for it.
pub(super) struct Exchange {
    connection: Connection,
    stream: MessageStream,
    replies: HashMap<u32, Message>,
    signals: Vec<Message>,
    end: Instant,
    timer: Timer,
}

impl Exchange {
    /// Connects to the system bus.
    pub(super) async fn open() -> Answer<Self> {
        let address = std::env::var("DBUS_SYSTEM_BUS_ADDRESS");
        Self::open_at(address.as_deref().unwrap_or(STANDARD_ADDRESS), PATIENCE).await
    }

    async fn open_at(address: &str, patience: Duration) -> Answer<Self> {
        let mut timer = Timer::start(patience);
        let connection = timer
            .limit(Builder::address(address).build())
            .await
            .ok_or_else(|| Failure::Bus("it did not answer within 2 s".into()))?
            .map_err(|error| match &error {
                zbus::Error::Connection(cause, _) if cause.kind() == io::ErrorKind::NotFound => {
                    Failure::NoBus
                }
                _ => Failure::Bus(error.to_string()),
            })?;
        Ok(Self {
            end: timer.end,
            stream: MessageStream::from(&connection),
            connection,
            replies: HashMap::new(),
            signals: Vec::new(),
            timer,
        })
    }

    /// The name that the bus has given to this client.
    pub(super) fn own_name(&self) -> String {
        self.connection
            .unique_name()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Gives the next calls a time of their own.
    pub(super) fn restart_clock(&mut self) {
        self.give(PATIENCE);
    }

    /// Gives the next calls so much time.
    pub(super) fn give(&mut self, time: Duration) {
        self.timer = Timer::start(time);
        self.end = self.timer.end;
    }

    /// Leaves `time` for what comes later: until [`Exchange::use_all_time`], calls end
    /// that much before the deadline.
    pub(super) fn leave(&mut self, time: Duration) {
        self.timer = Timer::start(self.time_left().saturating_sub(time));
    }

    /// Lets calls take until the deadline.
    pub(super) fn use_all_time(&mut self) {
        self.timer = Timer::start(self.time_left());
    }

    /// How much time is left.
    pub(super) fn time_left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Sends calls without waiting. Their answers are there for [`Exchange::wait`].
    pub(super) async fn send(&mut self, calls: Vec<Answer>) -> Vec<Answer<u32>> {
        let messages: Vec<Message> = calls.iter().flatten().cloned().collect();
        let sent = self.timer.limit(self.connection.send_all(&messages)).await;
        let sent = match sent {
            None => Err(Failure::NoAnswer),
            Some(Err(error)) => Err(Failure::Bus(error.to_string())),
            Some(Ok(())) => Ok(()),
        };
        calls
            .into_iter()
            .map(|call| {
                let serial = call?.primary_header().serial_num().get();
                sent.clone().map(|()| serial)
            })
            .collect()
    }

    /// The answers to calls that were sent, in their order.
    pub(super) async fn wait(&mut self, sent: Vec<Answer<u32>>) -> Vec<Answer> {
        let mut failure = Failure::NoAnswer;
        while sent
            .iter()
            .flatten()
            .any(|serial| !self.replies.contains_key(serial))
        {
            match self.next().await {
                Ok(message) => self.keep(message),
                Err(why) => {
                    failure = why;
                    break;
                }
            }
        }
        sent.into_iter()
            .map(|serial| {
                let reply = self.replies.remove(&serial?).ok_or(failure.clone())?;
                checked(reply)
            })
            .collect()
    }

    /// Sends calls and waits for their answers, not too many at a time to any service:
    /// one that hangs holds nobody else up.
    pub(super) async fn call(&mut self, calls: Vec<Answer>) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::with_capacity(calls.len());
        let mut lanes: HashMap<String, Lane> = HashMap::new();
        for (at, call) in calls.into_iter().enumerate() {
            answers.push(Err(Failure::NoAnswer));
            match call {
                Err(failure) => answers[at] = Err(failure),
                Ok(message) => {
                    let to = message.header().destination().map(ToString::to_string);
                    let lane = lanes.entry(to.unwrap_or_default()).or_default();
                    lane.waiting.push_back((at, message));
                }
            }
        }
        let mut out: HashMap<u32, (usize, String)> = HashMap::new();
        loop {
            let mut messages = Vec::new();
            for (to, lane) in &mut lanes {
                while lane.out < IN_FLIGHT {
                    let Some((at, message)) = lane.waiting.pop_front() else {
                        break;
                    };
                    lane.out += 1;
                    out.insert(
                        message.primary_header().serial_num().get(),
                        (at, to.clone()),
                    );
                    messages.push(Ok(message));
                }
            }
            if out.is_empty() {
                return answers;
            }
            if !messages.is_empty() {
                for sent in self.send(messages).await {
                    if let Err(failure) = sent {
                        return fill(answers, &failure);
                    }
                }
            }
            match self.next().await {
                Ok(message) => self.keep(message),
                Err(failure) => return fill(answers, &failure),
            }
            let replies = &mut self.replies;
            out.retain(|serial, (at, to)| {
                let Some(reply) = replies.remove(serial) else {
                    return true;
                };
                answers[*at] = checked(reply);
                if let Some(lane) = lanes.get_mut(to) {
                    lane.out -= 1;
                }
                false
            });
        }
    }

    /// One call.
    pub(super) async fn call_one(&mut self, call: Answer) -> Answer {
        let answer = self.call(vec![call]).await.pop();
        answer.unwrap_or(Err(Failure::NoAnswer))
    }

    /// The first signal of that name that `wanted` takes, among those that have come and
    /// those to come. The bus must have been asked for it (AddMatch).
    pub(super) async fn signal(
        &mut self,
        member: &str,
        wanted: impl Fn(&Message) -> bool,
    ) -> Answer {
        loop {
            let is_it = |message: &Message| {
                message.header().member().is_some_and(|m| m == member) && wanted(message)
            };
            if let Some(at) = self.signals.iter().position(is_it) {
                return Ok(self.signals.swap_remove(at));
            }
            let message = self.next().await?;
            self.keep(message);
        }
    }

    /// Lets time pass, at most until the deadline. False when that has come.
    pub(super) async fn pause(&mut self, time: Duration) -> bool {
        let mut pause = Timer::start(time.min(self.time_left()));
        pause.limit(std::future::pending::<()>()).await;
        !self.time_left().is_zero()
    }

    fn keep(&mut self, message: Message) {
        match message.message_type() {
            MessageType::Signal => self.signals.push(message),
            MessageType::MethodReturn | MessageType::Error => {
                if let Some(serial) = message.header().reply_serial() {
                    self.replies.insert(serial.get(), message);
                }
            }
            MessageType::MethodCall => {}
        }
    }

    async fn next(&mut self) -> Answer {
        let stream = &mut self.stream;
        let next = poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
        match self.timer.limit(next).await {
            None => Err(Failure::NoAnswer),
            Some(None) => Err(Failure::Bus("it has hung up".into())),
            Some(Some(Err(error))) => Err(Failure::Bus(error.to_string())),
            Some(Some(Ok(message))) => Ok(message),
        }
    }
}

/// The calls to one service.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<(usize, Message)>,
    out: usize,
}

/// `answers`, with `failure` where there was none.
fn fill(mut answers: Vec<Answer>, failure: &Failure) -> Vec<Answer> {
    for answer in &mut answers {
        if matches!(answer, Err(Failure::NoAnswer)) {
            *answer = Err(failure.clone());
        }
    }
    answers
}

/// An error reply as a failure.
fn checked(reply: Message) -> Answer {
    if reply.message_type() != MessageType::Error {
        return Ok(reply);
    }
    let name = reply.header().error_name().map(ToString::to_string);
    let words = reply.body().deserialize::<String>().unwrap_or_default();
    Err(Failure::Refused(name.unwrap_or_default(), words))
}

/// The body of an answer.
pub(super) fn body<T>(answer: &Message) -> Answer<T>
where
    T: for<'d> serde::Deserialize<'d> + zbus::wire::Type,
{
    answer
        .body()
        .deserialize()
        .map_err(|error| Failure::Unexpected(error.to_string()))
}

/// The properties of an object.
pub(super) struct Properties(HashMap<String, OwnedVariant>);

impl Properties {
    /// The answer to [`Object::get_all`].
    pub(super) fn of(answer: &Message) -> Answer<Self> {
        body(answer).map(Self)
    }

    /// A property; none where this version does not have it.
    pub(super) fn get<T>(&self, name: &str) -> Answer<Option<T>>
    where
        T: TryFrom<Variant<'static>>,
        T::Error: fmt::Display,
    {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        typed(name, value).map(Some)
    }
}

/// The answer to [`Object::get`].
pub(super) fn property<T>(name: &str, answer: &Message) -> Answer<T>
where
    T: TryFrom<Variant<'static>>,
    T::Error: fmt::Display,
{
    typed(name, &body::<OwnedVariant>(answer)?)
}

fn typed<T>(name: &str, value: &OwnedVariant) -> Answer<T>
where
    T: TryFrom<Variant<'static>>,
    T::Error: fmt::Display,
{
    let value = value
        .try_clone()
        .map_err(|error| Failure::Unexpected(format!("{name}: {error}")))?;
    T::try_from(Variant::from(value))
        .map_err(|error| Failure::Unexpected(format!("{name}: {error}")))
}

/// A deadline. zbus gives no timer to its users, so a thread sleeps for it; the thread
/// ends with the deadline or when this is dropped.
struct Timer {
    end: Instant,
    state: Arc<Mutex<Alarm>>,
    _thread_ends_without: mpsc::Sender<()>,
}

#[derive(Default)]
struct Alarm {
    rang: bool,
    waker: Option<Waker>,
}

impl Timer {
    fn start(time: Duration) -> Self {
        let state = Arc::new(Mutex::new(Alarm::default()));
        let (sender, receiver) = mpsc::channel::<()>();
        let alarm = Arc::clone(&state);
        let spawned = thread::Builder::new()
            .name("deadline".into())
            .spawn(move || {
                if receiver.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                    let mut alarm = alarm.lock().unwrap_or_else(PoisonError::into_inner);
                    alarm.rang = true;
                    if let Some(waker) = alarm.waker.take() {
                        waker.wake();
                    }
                }
            });
        if spawned.is_err() {
            // Without a thread no wait can be ended: end all of them at once.
            state.lock().unwrap_or_else(PoisonError::into_inner).rang = true;
        }
        Self {
            end: Instant::now() + time,
            state,
            _thread_ends_without: sender,
        }
    }

    /// The outcome of `future`, or none once the deadline has passed.
    async fn limit<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let mut alarm = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if alarm.rang {
                return Poll::Ready(None);
            }
            alarm.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_as_systemd_does() {
        assert_eq!(path("/a/link", "1"), "/a/link/_31");
        assert_eq!(path("/a/link", "123"), "/a/link/_3123");
        assert_eq!(path("/a", "netprof-a.b"), "/a/netprof_2da_2eb");
        assert_eq!(path("/a", ""), "/a/_");
    }

    #[test]
    fn a_wait_ends_with_its_deadline() {
        let started = Instant::now();
        let outcome = zbus::block_on(async {
            let mut timer = Timer::start(Duration::from_millis(30));
            timer.limit(std::future::pending::<()>()).await
        });
        assert_eq!(outcome, None);
        assert!(started.elapsed() >= Duration::from_millis(30));
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn what_is_ready_is_not_cut_off() {
        let outcome = zbus::block_on(async {
            let mut timer = Timer::start(Duration::ZERO);
            timer.limit(std::future::ready(7)).await
        });
        assert_eq!(outcome, Some(7));
    }

    fn open(path: &std::path::Path) -> Answer<()> {
        let address = format!("unix:path={}", path.display());
        zbus::block_on(Exchange::open_at(&address, Duration::from_millis(50))).map(drop)
    }

    #[test]
    fn no_socket_is_no_bus() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(open(&folder.path().join("bus")), Err(Failure::NoBus));
    }

    #[test]
    fn a_bus_that_does_not_answer_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let _listens = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let started = Instant::now();
        assert!(matches!(open(&path), Err(Failure::Bus(_))));
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn a_property_of_another_type_is_an_error() {
        let value = OwnedVariant::try_from(Variant::from("text")).unwrap();
        let all = Properties(HashMap::from([("DefaultRoute".to_owned(), value)]));
        assert!(matches!(
            all.get::<bool>("DefaultRoute"),
            Err(Failure::Unexpected(_))
        ));
        assert_eq!(all.get::<bool>("LLMNR"), Ok(None));
        assert_eq!(all.get::<String>("DefaultRoute"), Ok(Some("text".into())));
    }

    #[test]
    fn failures_are_told_in_words() {
        let refused = |name: &str, words: &str| Failure::Refused(name.into(), words.into());
        assert_eq!(
            Failure::NoAnswer.words("systemd-resolved"),
            "systemd-resolved did not answer within 2 s"
        );
        assert_eq!(
            refused("org.freedesktop.resolve1.LinkBusy", "Link lan0 is managed.")
                .words("systemd-resolved"),
            "systemd-resolved takes this link's settings from systemd-networkd alone: Link lan0 is managed."
        );
        assert!(refused("org.freedesktop.DBus.Error.NameHasNoOwner", "").is_absent());
        assert!(refused("org.freedesktop.DBus.Error.UnknownMethod", "").is_unknown_to_it());
    }
}
