//! Which values of the network's dictionaries are numbers.
//!
//! In text a number looks like a string of digits, so text alone cannot tell them apart.
//! Here the key decides: those below are CFNumber, or arrays of CFNumber, in
//! SystemConfiguration's `SCSchemaDefinitions.h`, or are numbers that configd writes
//! under keys of its own (`__FLAGS__` and the like, configd,
//! `Plugins/IPMonitor/dns-configuration.c`). Every other value stays the text that it
//! is: a wrong guess would compare as a difference that is none.

use netprof_model::plist::{Dictionary, Value};

const NUMBERS: &[&str] = &[
    // IPv4 and Global.
    "OverridePrimary",
    "PPPOverridePrimary",
    "ServiceIndex",
    // IPv6. `PrefixLength` is an array with an address, and a number with a route.
    "Flags",
    "PrefixLength",
    // DNS.
    "SearchOrder",
    "ServerPort",
    "ServerTimeout",
    "ServiceIdentifier",
    "SupplementalMatchDomainsNoSearch",
    "SupplementalMatchOrders",
    "__FLAGS__",
    "__IF_INDEX__",
    "__ORDER__",
    // Proxies.
    "ExcludeSimpleHostnames",
    "FTPEnable",
    "FTPPassive",
    "FTPPort",
    "GopherEnable",
    "GopherPort",
    "HTTPEnable",
    "HTTPPort",
    "HTTPSEnable",
    "HTTPSPort",
    "ProxyAutoConfigEnable",
    "ProxyAutoDiscoveryEnable",
    "RTSPEnable",
    "RTSPPort",
    "SOCKSEnable",
    "SOCKSPort",
    // Links.
    "LinkQuality",
    "MTU",
    // Every entity that is switched off.
    "__INACTIVE__",
];

/// `value` with the numbers that its keys say it holds.
#[must_use]
pub fn typed(value: Value) -> Value {
    match value {
        Value::Dictionary(all) => Value::Dictionary(typed_dictionary(all)),
        Value::Array(items) => Value::Array(items.into_iter().map(typed).collect()),
        other => other,
    }
}

/// The same of a dictionary.
#[must_use]
pub fn typed_dictionary(all: Dictionary) -> Dictionary {
    all.into_iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Array(items) if NUMBERS.contains(&key.as_str()) => {
                    Value::Array(items.into_iter().map(number).collect())
                }
                Value::String(_) if NUMBERS.contains(&key.as_str()) => number(value),
                other => typed(other),
            };
            (key, value)
        })
        .collect()
}

/// The number that a text is in the tool's own writing; else the text.
fn number(value: Value) -> Value {
    let number = value.as_str().and_then(|text| {
        let number: i64 = text.parse().ok()?;
        (number.to_string() == text).then_some(number)
    });
    number.map_or(value, Value::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: Value) -> Value {
        Value::Dictionary(Dictionary::from([(key.to_owned(), value)]))
    }

    #[test]
    fn the_key_says_what_is_a_number() {
        let text = || Value::String("1".to_owned());
        assert_eq!(
            typed(one("HTTPEnable", text())),
            one("HTTPEnable", Value::Integer(1))
        );
        assert_eq!(typed(one("HTTPProxy", text())), one("HTTPProxy", text()));
        assert_eq!(
            typed(one("SupplementalMatchOrders", Value::strings(["-1", "2"]))),
            one(
                "SupplementalMatchOrders",
                Value::Array(vec![Value::Integer(-1), Value::Integer(2)])
            )
        );
        assert_eq!(
            typed(one("__SCOPED__", one("en0", one("HTTPPort", text())))),
            one("__SCOPED__", one("en0", one("HTTPPort", Value::Integer(1))))
        );
    }

    #[test]
    fn what_no_tool_would_print_for_a_number_stays_text() {
        for odd in ["", "01", "+1", "1.5", " 1", "0x1", "99999999999999999999"] {
            let value = one("HTTPPort", Value::String(odd.to_owned()));
            assert_eq!(typed(value.clone()), value);
        }
        let value = one("OverridePrimary", Value::Boolean(true));
        assert_eq!(typed(value.clone()), value);
    }
}
