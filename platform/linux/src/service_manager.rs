//! The service manager of a user, and the variables that it starts everything with
//! (org.freedesktop.systemd1(5), `Environment` and `UnsetAndSetEnvironment`).
//!
//! It is spoken to over its user's bus and never by a program's arguments, which anybody
//! can read: a value may hold a password.
//!
//! The manager has two sorts of variables: those that it was told, and below them those that
//! it has read from files when it started (`core/manager.c`, `client_environment` over
//! `transient_environment`). Of the latter none can be unset. So what is still there after it
//! was unset is made empty, which every program takes for the same; and an empty one counts
//! here as none.
//!
//! What it was told goes with it, so it says which it is by the time of its start. That stays
//! when it starts its program anew, as what it was told does (`manager_serialize`).

use std::path::Path;
use std::time::Duration;

use netprof_engine::Mode;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::MANAGER;
use netprof_model::{Section, State};
use netprof_plan::proxy::is_variable;
use nix::unistd::User;

use crate::bus::{self, Answer, Bus, Exchange, Object};

const SYSTEMD: Object<'_> = Object {
    service: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};

/// How long it takes at least that a bus which was just started is joined.
const A_MOMENT: Duration = Duration::from_millis(5);

/// Which service is meant where one is in words.
const NAME: &str = "the user's service manager";

/// The variables of proxies that the manager of the user of that name has; absent where none
/// runs.
pub(crate) fn observe(user: &str) -> Section<Dictionary> {
    let Some(bus) = bus_of(user) else {
        return Section::Absent;
    };
    match connect(bus).and_then(|mut exchange| read(&mut exchange)) {
        Ok(variables) => Section::Seen(variables),
        Err(failure) if failure.is_absent() => Section::Absent,
        Err(failure) => Section::Unreadable(failure.words(NAME)),
    }
}

/// Puts `after` to where `before` is.
pub(crate) fn put(
    user: &str,
    (before, after): (Option<&State>, Option<&State>),
    mode: Mode,
) -> Result<(), String> {
    let none = Dictionary::new();
    let of = |state: Option<&State>| state.and_then(State::settings).unwrap_or(&none).clone();
    let (before, after) = (of(before), of(after));
    let bus = bus_of(user).ok_or_else(|| format!("{NAME} does not run ({user})"))?;
    let told = |failure: bus::Failure| failure.words(NAME);
    let mut exchange = connect(bus).map_err(told)?;
    let live = read(&mut exchange).map_err(told)?;
    if live == after && mode == Mode::Back {
        return Ok(());
    }
    if live != before {
        let why = format!("the variables of {NAME} are not what they were");
        return Err(format!("{why}: somebody else has changed them"));
    }
    write(&mut exchange, &live, &after).map_err(told)
}

/// The bus of a user whose manager runs, which is when it listens on a socket of its own.
fn bus_of(user: &str) -> Option<Bus> {
    let uid = User::from_name(user).ok().flatten()?.uid;
    let own = format!("/run/user/{uid}/systemd/private");
    Path::new(&own).exists().then(|| Bus::User(uid.as_raw()))
}

/// A connection on which the manager answers. It may be this one that has it start the bus,
/// which it joins only then.
fn connect(bus: Bus) -> Answer<Exchange> {
    let mut exchange = Exchange::open(bus, None)?;
    loop {
        match read(&mut exchange) {
            Err(failure) if failure.is_absent() && exchange.pause(A_MOMENT) => {}
            Err(failure) => return Err(failure),
            Ok(_) => return Ok(exchange),
        }
    }
}

fn read(exchange: &mut Exchange) -> Answer<Dictionary> {
    const PROPERTY: &str = "Environment";
    let answer = exchange.call_one(SYSTEMD.get(PROPERTY))?;
    let all: Vec<&str> = bus::property(PROPERTY, &answer)?;
    let variables = all
        .iter()
        .filter_map(|assignment| assignment.split_once('='));
    let ours = variables.filter(|(name, value)| is_variable(name) && !value.is_empty());
    let mut ours: Dictionary = ours
        .map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())))
        .collect();
    ours.insert(MANAGER.to_owned(), Value::String(started(exchange)?));
    Ok(ours)
}

/// When the manager was started, which tells it from those before it.
fn started(exchange: &mut Exchange) -> Answer<String> {
    const PROPERTY: &str = "UserspaceTimestamp";
    let answer = exchange.call_one(SYSTEMD.get(PROPERTY))?;
    let microseconds: u64 = bus::property(PROPERTY, &answer)?;
    Ok(microseconds.to_string())
}

/// Both at once, so that nothing is ever started with one half.
fn write(exchange: &mut Exchange, live: &Dictionary, after: &Dictionary) -> Answer<()> {
    let gone = |name: &&String| is_variable(name) && !after.contains_key(*name);
    let unset: Vec<&str> = live.keys().filter(gone).map(String::as_str).collect();
    let variables = after.iter().filter(|(name, _)| is_variable(name));
    let values = variables.filter_map(|(name, value)| {
        let value = value.as_str()?;
        Some(format!("{name}={value}"))
    });
    let set: Vec<String> = values.collect();
    exchange.call_one(SYSTEMD.call("UnsetAndSetEnvironment", &(unset, set)))?;
    let left = read(exchange)?;
    let empty: Vec<String> = left
        .keys()
        .filter(gone)
        .map(|name| format!("{name}="))
        .collect();
    if !empty.is_empty() {
        exchange.call_one(SYSTEMD.call("SetEnvironment", &(empty,)))?;
    }
    Ok(())
}
