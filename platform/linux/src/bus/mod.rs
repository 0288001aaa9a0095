//! Talks to a bus: many calls at once, one deadline for all of them.
//!
//! Every daemon that is asked here may hang, be stopped in a debugger, or be restarted
//! right now. A timeout for each call would add those times up; so calls go out in one
//! write, and whatever has not been answered when the one deadline passes counts as not
//! answered. No message starts a service (NO_AUTO_START), unless it says so: reading a
//! machine must not change it.
//!
//! One connection serves a whole command. It is only ever kept where all that was asked
//! on it was answered, so no late answer can be taken for another one, and the bus counts
//! no call of ours as still open.
//!
//! What is said is in `dbus`, the socket in [`connection`], who waits for what in
//! [`exchange`].

mod address;
mod connection;
mod exchange;

use std::fmt;
use std::time::Duration;

#[cfg(test)]
pub(crate) use exchange::tests as played;
pub(crate) use exchange::{Exchange, IN_FLIGHT, Signals};

use crate::dbus::{Call, Entry, Malformed, Message, Put, Take, Variant};

/// A bus of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    /// That of the system.
    System,
    /// That of the session of the user with this number. It takes nobody else, not even
    /// root, so it is connected to with that user's rights.
    User(u32),
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system bus"),
            Self::User(uid) => write!(f, "the session bus of user {uid}"),
        }
    }
}

/// How long a daemon may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such bus.
    NoBus(Bus),
    /// The deadline passed.
    NoAnswer,
    /// The service said no: the name of the error, and its words.
    Refused(String, String),
    /// The bus could not be reached, or hung up.
    Bus(Bus, String),
    /// The answer has another shape than the interface says.
    Unexpected(String),
}

impl Failure {
    /// Whether nobody owns the name that was called.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::NoBus(_) => true,
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
    pub(crate) fn is_gone(&self) -> bool {
        self.is_absent()
            || matches!(self, Self::Refused(name, _) if name == "org.freedesktop.DBus.Error.NoReply")
    }

    /// Whether the service has no such object, method or property: it is older.
    pub(crate) fn is_unknown_to_it(&self) -> bool {
        matches!(self, Self::Refused(name, _) if matches!(
            name.as_str(),
            "org.freedesktop.DBus.Error.UnknownMethod"
                | "org.freedesktop.DBus.Error.UnknownInterface"
                | "org.freedesktop.DBus.Error.UnknownObject"
                | "org.freedesktop.DBus.Error.UnknownProperty"
        ))
    }

    /// Whether the service has no such link.
    pub(crate) fn is_no_such_link(&self) -> bool {
        matches!(self, Self::Refused(name, _) if name == "org.freedesktop.resolve1.NoSuchLink")
    }

    /// The failure in words, with `service` as its subject.
    pub(crate) fn words(&self, service: &str) -> String {
        match self {
            Self::NoBus(bus) => format!("{bus} is not there"),
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
            Self::Bus(bus, words) => format!("{bus} cannot be used: {words}"),
            Self::Unexpected(words) => format!("{service} answered in another form: {words}"),
        }
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        Self::Unexpected(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words("the service"))
    }
}

/// The result of one call.
pub(crate) type Answer<T = Message> = Result<T, Failure>;

/// An object of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    /// The bus name.
    pub(crate) service: &'static str,
    /// The path.
    pub(crate) path: &'a str,
    /// The interface that is called.
    pub(crate) interface: &'static str,
}

/// The bus itself.
pub(crate) const BUS: Object<'_> = Object {
    service: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
};

impl Object<'_> {
    /// A call of a method; its arguments are a tuple.
    pub(crate) fn call<B: Put>(&self, method: &str, arguments: &B) -> Answer<Call> {
        let call = Call::new(self.service, self.path, self.interface, method, arguments);
        call.map_err(Failure::from)
    }

    /// A call that reads all properties.
    pub(crate) fn get_all(&self) -> Answer<Call> {
        let properties = Object {
            interface: "org.freedesktop.DBus.Properties",
            ..*self
        };
        properties.call("GetAll", &(self.interface,))
    }

    /// A call that reads one property.
    pub(crate) fn get(&self, property: &str) -> Answer<Call> {
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
pub(crate) fn path(prefix: &str, label: &str) -> String {
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

/// What an answer says: one value.
pub(crate) fn value<'a, T: Take<'a>>(answer: &'a Message) -> Answer<T> {
    let (value,) = body(answer)?;
    Ok(value)
}

/// What a message says: a tuple of values.
pub(crate) fn body<'a, T: Take<'a>>(message: &'a Message) -> Answer<T> {
    message.body().map_err(Failure::from)
}

/// The properties of an object. A value is read when it is asked for: of a dozen and
/// more that a service tells, most are of no use here.
pub(crate) struct Properties<'a>(Vec<Entry<&'a str, Variant<'a>>>);

impl<'a> Properties<'a> {
    /// The answer to [`Object::get_all`].
    pub(crate) fn of(answer: &'a Message) -> Answer<Self> {
        value(answer).map(Self)
    }

    /// A property; none where this version does not have it.
    pub(crate) fn get<T: Take<'a>>(&self, name: &str) -> Answer<Option<T>> {
        let known = self.0.iter().find(|Entry(known, _)| *known == name);
        known.map(|Entry(_, value)| typed(name, value)).transpose()
    }
}

/// The answer to [`Object::get`].
pub(crate) fn property<'a, T: Take<'a>>(name: &str, answer: &'a Message) -> Answer<T> {
    typed(name, &value(answer)?)
}

fn typed<'a, T: Take<'a>>(name: &str, value: &Variant<'a>) -> Answer<T> {
    let typed = value.get();
    typed.map_err(|error| Failure::Unexpected(format!("{name}: {error}")))
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
