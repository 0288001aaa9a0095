//! Domains.

use super::{Read, text};
use crate::code;
use crate::form::Refusal;
use crate::suggest::Shown;
use crate::syntax::Value;

/// A domain, in lower case and without a dot at its end (RFC 1035, section 2.3.4).
pub(crate) fn domain(value: &Value<'_>) -> Read<String> {
    let written = text(value)?;
    let wrong = |message: String, help: String| {
        Err(Refusal::new(code::BAD_DOMAIN, message, "not a domain").help(help))
    };
    if matches!(written, "." | "~." | "*") {
        return wrong(
            "a scope does not take every name by a domain".to_owned(),
            "write `default-route #true` in the scope".to_owned(),
        );
    }
    if let Some(rest) = written.strip_prefix('~') {
        return wrong(
            "`~` is resolved's way to write a domain that is not searched".to_owned(),
            format!(
                "write \"{}\": `domains` are searched only where `search` says so",
                Shown(rest)
            ),
        );
    }
    if let Some(rest) = written
        .strip_prefix("*.")
        .or_else(|| written.strip_prefix('.'))
    {
        return wrong(
            "a domain stands for everything under it by itself".to_owned(),
            format!("write \"{}\"", Shown(rest)),
        );
    }
    let domain = written
        .strip_suffix('.')
        .unwrap_or(written)
        .to_ascii_lowercase();
    if domain.is_empty() {
        return wrong(
            "a domain is empty".to_owned(),
            "write a domain such as \"corp.example.com\"".to_owned(),
        );
    }
    if let Some(c) = domain.chars().find(|c| !c.is_ascii()) {
        return wrong(
            format!("`{c}` cannot stand in a domain as it is sent"),
            "write the form that starts with `xn--`".to_owned(),
        );
    }
    if let Some(c) = domain
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
    {
        return wrong(
            format!("`{}` cannot stand in a domain", c.escape_default()),
            "a domain has letters, digits, `-`, `_` and dots".to_owned(),
        );
    }
    if domain.len() > 253 {
        return wrong(
            format!(
                "a domain has 253 characters at most, this has {}",
                domain.len()
            ),
            "a longer one has no place in a DNS message".to_owned(),
        );
    }
    for label in domain.split('.') {
        let problem = if label.is_empty() {
            "two dots follow each other in a domain"
        } else if label.len() > 63 {
            "a part of a domain has 63 characters at most"
        } else if label.starts_with('-') || label.ends_with('-') {
            "a part of a domain does not start or end with `-`"
        } else {
            continue;
        };
        return wrong(
            problem.to_owned(),
            "write a domain such as \"corp.example.com\"".to_owned(),
        );
    }
    Ok(domain)
}
