//! Values: what a text or a number must be to mean something.
//!
//! Each reader takes a value and gives back what it means, or a refusal that says
//! what to write instead. None of them knows where the value stands.

mod domain;
mod net;
mod url;

pub(crate) use domain::domain;
pub(crate) use net::{bridge, gateway, host_port, mac, prefix, server};
pub(crate) use url::{bypass, http_url, pac_url, socks_url};

use netprof_model::profile::Export;
use netprof_model::snapshot::Os;
use netprof_model::{Name, Owner};

use crate::code;
use crate::form::Refusal;
use crate::suggest::{Shown, did_you_mean, list};
use crate::syntax::{Value, is_forbidden};

/// What a reader of a value gives.
pub(crate) type Read<T> = Result<T, Refusal>;

fn wrong_type(value: &Value<'_>, wanted: &str) -> Refusal {
    Refusal::new(
        code::WRONG_TYPE,
        format!("{wanted} is expected here, not {}", value.kind()),
        format!("not {wanted}"),
    )
}

/// Any text.
pub(crate) fn text<'v>(value: &'v Value<'_>) -> Read<&'v str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(wrong_type(other, "text").help("put it in quotes")),
    }
}

/// Text that is shown to people, or compared with what a system says.
pub(crate) fn line(value: &Value<'_>) -> Read<String> {
    let text = text(value)?;
    if text.trim().is_empty() {
        return Err(
            Refusal::new(code::BAD_TEXT, "a text is empty", "nothing in it")
                .help("write something, or remove the node"),
        );
    }
    if text
        .chars()
        .any(|c| c != '\n' && (c.is_control() || is_forbidden(c)))
    {
        return Err(Refusal::new(
            code::BAD_TEXT,
            "a text holds a control character",
            "not plain text",
        )
        .help("remove what is written as an escape"));
    }
    Ok(text.to_owned())
}

/// A yes or no.
pub(crate) fn boolean(value: &Value<'_>) -> Read<bool> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        other => Err(wrong_type(other, "a boolean").help("write #true or #false")),
    }
}

fn number(value: &Value<'_>, what: &str, lowest: u32, highest: u32) -> Read<u32> {
    let number = match value {
        Value::Integer(number) => *number,
        Value::Text(text) => {
            let refusal = wrong_type(value, "a number");
            let plain = text.parse::<u32>().is_ok();
            return Err(if plain {
                refusal.help(format!("write {text} without quotes"))
            } else {
                refusal.help(format!("{what} is a number from {lowest} to {highest}"))
            });
        }
        other => {
            let help = format!("{what} is a whole number from {lowest} to {highest}");
            return Err(wrong_type(other, "a number").help(help));
        }
    };
    u32::try_from(number)
        .ok()
        .filter(|number| (lowest..=highest).contains(number))
        .ok_or_else(|| {
            Refusal::new(
                code::OUT_OF_RANGE,
                format!("{what} cannot be {number}"),
                "out of range",
            )
            .help(format!("{what} is a number from {lowest} to {highest}"))
        })
}

/// The metric of a route.
pub(crate) fn metric(value: &Value<'_>) -> Read<u32> {
    number(value, "a metric", 0, u32::MAX)
}

/// The largest packet of a link.
pub(crate) fn mtu(value: &Value<'_>) -> Read<u32> {
    // RFC 791: every host takes 68 bytes; the length field of a packet has 16 bits.
    number(value, "an MTU", 68, 65535)
}

/// The length of a prefix.
pub(crate) fn length(value: &Value<'_>) -> Read<u8> {
    number(value, "the length of a prefix", 1, 128)
        .map(|length| u8::try_from(length).unwrap_or(128))
}

/// A name of a profile, link or scope.
pub(crate) fn name(value: &Value<'_>) -> Read<Name> {
    let text = text(value)?;
    Name::new(text).map_err(|error| {
        let refusal = Refusal::new(code::BAD_NAME, error.to_string(), "not a name");
        let lower: String = text
            .chars()
            .map(|c| {
                if c == ' ' {
                    '-'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect();
        match Name::new(lower) {
            Ok(name) => refusal.help(format!("write \"{name}\"")),
            Err(_) => refusal.help("write a name such as \"office\""),
        }
    })
}

/// A name of an owner.
pub(crate) fn owner(value: &Value<'_>) -> Read<Owner> {
    let text = text(value)?;
    Owner::named(text).ok_or_else(|| {
        let names = Owner::ALL.map(Owner::as_str);
        unknown_word(text, "an owner", &names)
    })
}

/// A name of an operating system.
pub(crate) fn os(value: &Value<'_>) -> Read<Os> {
    let text = text(value)?;
    let all = [Os::Linux, Os::Macos];
    all.into_iter()
        .find(|os| os.as_str() == text)
        .ok_or_else(|| unknown_word(text, "an operating system", &all.map(Os::as_str)))
}

/// The names of those who can be told of proxies.
const EXPORTS: [(&str, Export); 4] = [
    ("env", Export::Env),
    ("desktop", Export::Desktop),
    ("docker", Export::Docker),
    ("system", Export::System),
];

/// The name of somebody who is told of proxies.
pub(crate) fn export_name(value: &Value<'_>) -> Read<&'static str> {
    let text = text(value)?;
    let names = EXPORTS.map(|(name, _)| name);
    names
        .into_iter()
        .find(|name| *name == text)
        .ok_or_else(|| unknown_word(text, "a place that proxies are exported to", &names))
}

/// Who is told of proxies, by name.
pub(crate) fn export(name: &str) -> Option<Export> {
    EXPORTS
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, export)| export)
}

/// The name of somebody who is told of proxies.
pub(crate) fn name_of_export(export: Export) -> &'static str {
    EXPORTS
        .into_iter()
        .find(|(_, known)| *known == export)
        .map_or("", |(name, _)| name)
}

/// Where the servers of a scope come from, other than the profile.
pub(crate) fn origin(value: &Value<'_>) -> Read<Origin> {
    match text(value)? {
        "hook" => Ok(Origin::Hook),
        "dhcp" => Ok(Origin::Dhcp),
        other => Err(unknown_word(
            other,
            "a source of servers",
            &["hook", "dhcp"],
        )),
    }
}

/// Where the servers of a scope come from, other than the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The VPN client's hook.
    Hook,
    /// The link's DHCP lease.
    Dhcp,
}

fn unknown_word(written: &str, what: &str, known: &[&str]) -> Refusal {
    Refusal::new(
        code::UNKNOWN_WORD,
        format!("`{}` is not {what}", Shown(written)),
        "not known",
    )
    .help(did_you_mean(written, known.iter().copied(), || {
        format!("there are {}", list(known))
    }))
}

/// A pattern for the names of links.
pub(crate) fn pattern(value: &Value<'_>) -> Read<String> {
    // IFNAMSIZ of <net/if.h> leaves 15 bytes on Linux and on macOS.
    const LONGEST: usize = 15;
    let text = text(value)?;
    let wrong = |message: &str, help: &str| {
        Err(Refusal::new(code::BAD_PATTERN, message, "fits no link").help(help))
    };
    if text.is_empty() {
        return wrong("a pattern is empty", "write \"*\" for any name");
    }
    if text.contains(['[', ']', '{', '}', '|']) {
        return wrong(
            "a pattern knows `*` and `?` alone",
            "write a `link` for each name, or a wider pattern",
        );
    }
    if text.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
        return wrong(
            "the name of a link has no space and no slash",
            "write a pattern such as \"tun*\"",
        );
    }
    if text.bytes().filter(|byte| *byte != b'*').count() > LONGEST {
        return wrong(
            "the name of a link has 15 bytes at most",
            "shorten it, or use `*`",
        );
    }
    Ok(text.to_owned())
}
