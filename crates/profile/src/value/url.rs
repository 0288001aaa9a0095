//! URLs of proxies, and what is reached without one.
//!
//! No message here repeats what was written: it may hold a password.

use std::net::Ipv6Addr;

use netprof_model::profile::ProxyUrl;

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
pub(crate) fn bypass(value: &Value<'_>) -> Read<String> {
    let written = text(value)?;
    if written.contains('/') {
        return super::prefix(value).map(|net| net.to_string());
    }
    let host = written
        .strip_prefix("*.")
        .or_else(|| written.strip_prefix('.'));
    let is_address = written.parse::<std::net::IpAddr>().is_ok();
    if is_address || domain(&Value::Text(host.unwrap_or(written).into())).is_ok() {
        return Ok(written.to_ascii_lowercase());
    }
    Err(Refusal::new(
        code::BAD_HOST,
        format!("`{}` is no host, domain or prefix", Shown(written)),
        "not a host",
    )
    .help("write \"localhost\", \"*.corp.example.com\" or \"127.0.0.0/8\", each in its own quotes"))
}
