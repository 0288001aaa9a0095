//! URLs of proxies, and what is reached without one.
//!
//! No message here repeats what was written: it may hold a password.

use std::net::{IpAddr, Ipv6Addr};

use netprof_model::profile::ProxyUrl;
use netprof_model::secret;

use super::{Read, domain, text};
use crate::code;
use crate::form::Refusal;
use crate::suggest::{Shown, list};
use crate::syntax::Value;

/// The URL of a proxy for HTTP or HTTPS.
pub(crate) fn http_url(value: &Value<'_>) -> Read<ProxyUrl> {
    url(value, &["http", "https"], "http://proxy.example.com:3128")
}

/// The URL of a SOCKS proxy.
pub(crate) fn socks_url(value: &Value<'_>) -> Read<ProxyUrl> {
    url(
        value,
        &["socks5", "socks5h", "socks4", "socks4a", "socks"],
        "socks5://proxy.example.com:1080",
    )
}

/// The URL of a script that chooses a proxy.
pub(crate) fn pac_url(value: &Value<'_>) -> Read<ProxyUrl> {
    if let Value::Text(text) = value
        && let Some(path) = text.strip_prefix("file://")
        && path.starts_with('/')
        && is_plain(text)
    {
        return Ok(ProxyUrl::new(text.clone()));
    }
    url(
        value,
        &["http", "https", "file"],
        "http://wpad.example.com/proxy.pac",
    )
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '<' | '>' | '^' | '`' | '{' | '|' | '}')
    })
}

fn url(value: &Value<'_>, schemes: &[&str], example: &str) -> Read<ProxyUrl> {
    let text = text(value)?;
    let wrong = |message: String| {
        Err(
            Refusal::new(code::BAD_URL, message, "not the URL of a proxy")
                .help(format!("write a URL such as \"{example}\"")),
        )
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("a proxy is named by a URL with its scheme".to_owned());
    };
    let scheme = scheme.to_ascii_lowercase();
    if !schemes.contains(&scheme.as_str()) {
        return wrong(format!(
            "this proxy has one of the schemes {}",
            list(schemes)
        ));
    }
    if !is_plain(text) {
        return wrong(
            "a URL has a character that must be written as `%` and two digits".to_owned(),
        );
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if user.is_none() && path.contains('@') || user.is_some_and(|user| user.contains('@')) {
        return wrong(
            "a user or password in a URL has a character that must be escaped".to_owned(),
        );
    }
    if secret::password(text).is_some_and(|at| &text[at] == secret::HIDDEN) {
        return Err(Refusal::new(
            code::BAD_URL,
            "the password in a URL is `***`, which stands for one that is not shown".to_owned(),
            "copied from where passwords are hidden",
        )
        .help("write the password itself"));
    }
    let (host, port) = match host.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => {
                (None, (!rest.is_empty()).then_some(rest))
            }
            _ => return wrong("the address in a URL is no IPv6 address".to_owned()),
        },
        None => match host.find(':') {
            Some(at) => (Some(&host[..at]), Some(&host[at..])),
            None => (Some(host), None),
        },
    };
    if let Some(host) = host
        && domain(&Value::Text(host.into())).is_err()
    {
        return wrong("a URL names no host that could exist".to_owned());
    }
    let port_is_right = port.is_none_or(|port| {
        port.strip_prefix(':')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u16>().ok())
            .is_some_and(|port| port > 0)
    });
    if !port_is_right {
        return wrong("the port in a URL is no number from 1 to 65535".to_owned());
    }
    Ok(ProxyUrl::new(text))
}

/// What is reached without a proxy: a host, `*.DOMAIN`, an address or a prefix.
///
/// It is what every program that reads a list of exceptions can be told. Some know more
/// (ports, `*` within a name), and then others take the entry for something else.
pub(crate) fn bypass(value: &Value<'_>) -> Read<String> {
    let written = text(value)?;
    let wrong = |help: String| {
        // Somebody may have put a whole URL here, or what is one to them.
        let message = match written.contains('@') {
            true => "what has an `@` is no host, domain or prefix".to_owned(),
            false => format!("`{}` is no host, domain or prefix", Shown(written)),
        };
        Refusal::new(code::BAD_HOST, message, "not a host").help(help)
    };
    if let Some(help) = not_for_all(written) {
        return Err(wrong(help));
    }
    if written.contains('/') {
        return super::prefix(value).map(|net| net.to_string());
    }
    if let Ok(address) = written.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let (under, host) = match written.strip_prefix("*.") {
        Some(host) => ("*.", host),
        None => match written.strip_prefix('.') {
            Some(host) => (".", host),
            None => ("", written),
        },
    };
    // Without a dot at its end, which wget and requests would look for in a URL.
    match domain(&Value::Text(host.into())) {
        Ok(domain) => Ok(format!("{under}{domain}")),
        Err(_) => Err(wrong(EACH_IN_QUOTES.to_owned())),
    }
}

const EACH_IN_QUOTES: &str =
    "write \"localhost\", \"*.corp.example.com\" or \"127.0.0.0/8\", each in its own quotes";

/// What to write in the place of an entry that some programs know and others do not.
fn not_for_all(written: &str) -> Option<String> {
    // Which part of one with an `@` is the host, and no password, only its writer knows.
    if written.contains([',', ' ', '\t', '@']) {
        return Some(EACH_IN_QUOTES.to_owned());
    }
    if let Some((_, rest)) = written.split_once("://") {
        let authority = rest.split('/').next().unwrap_or(rest);
        let host = authority.split(':').next().unwrap_or(authority);
        return Some(format!("leave the scheme out: write \"{}\"", Shown(host)));
    }
    let inner = written
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    if let Some((address, _)) = inner {
        return Some(format!(
            "write \"{}\", without brackets and port",
            Shown(address)
        ));
    }
    if written.parse::<IpAddr>().is_err()
        && let Some((host, port)) = written.split_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        let host = Shown(host);
        return Some(format!(
            "a host is reached directly on all its ports: write \"{host}\""
        ));
    }
    let starred = written.strip_prefix("*.").unwrap_or(written);
    if starred.contains('*') {
        return Some("`*` stands for the first parts of a name alone, as in \"*.corp.example.com\"; for no proxy at all write no `proxy`".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_written_in_one_way() {
        for (written, is) in [
            ("NAS.example.com.", "nas.example.com"),
            ("*.Corp.example.com.", "*.corp.example.com"),
            (".corp.example.com", ".corp.example.com"),
            ("FD00:0::1", "fd00::1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
        ] {
            let read = bypass(&Value::Text(written.into()));
            assert_eq!(read.ok().as_deref(), Some(is), "{written}");
        }
    }
}
