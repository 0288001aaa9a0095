//! Environment variables that name proxies.
//!
//! Each has two spellings, and programs read either: curl takes `http_proxy` in lower case
//! alone, since a web server sets `HTTP_PROXY` from a header of a request (CVE-2016-5387);
//! others take upper case alone. So both are set, alike. There is none for a PAC file, and
//! `ftp_proxy` is left as it is: the language has no proxy for FTP.

use netprof_model::profile::Proxy;

use super::exceptions;

/// The variables that name what `proxy` says, with their values, in both spellings. Where no
/// proxy is named there are none: exceptions alone are from nothing.
pub(crate) fn of(proxy: &Proxy) -> Vec<(String, String)> {
    let named = [
        ("http_proxy", &proxy.http),
        ("https_proxy", &proxy.https),
        ("all_proxy", &proxy.socks),
    ];
    let named = named.into_iter();
    let mut values: Vec<(&str, String)> = named
        .filter_map(|(name, url)| Some((name, url.as_ref()?.value.secret().to_owned())))
        .collect();
    if !values.is_empty() {
        let exceptions = exceptions::list(&proxy.bypass);
        values.extend(exceptions.map(|list| ("no_proxy", list)));
    }
    let both = |(name, value): (&str, String)| {
        [
            (name.to_owned(), value.clone()),
            (name.to_ascii_uppercase(), value),
        ]
    };
    values.into_iter().flat_map(both).collect()
}

/// The variable that lists the others: whoever starts under another profile drops those.
pub const NAMES: &str = "NETPROF_ENV";

/// `variables`, and the one that lists their names.
pub(crate) fn with_names(mut variables: Vec<(String, String)>) -> Vec<(String, String)> {
    let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(" ");
    variables.push((NAMES.to_owned(), names));
    variables
}

/// Whether a variable of this name may be one that netprof has set. The names in
/// [`NAMES`] are whatever somebody has put there.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    if name == NAMES {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let is_one_case = name == lower || name == name.to_ascii_uppercase();
    is_one_case && ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use netprof_model::Location;
    use netprof_model::profile::{ProxyUrl, Spanned};

    use super::*;

    fn spanned<T>(value: T) -> Spanned<T> {
        let file: Arc<str> = "x.kdl".into();
        Spanned {
            value,
            at: Location::of(&file, "", 0, 0),
        }
    }

    #[test]
    fn each_variable_has_both_spellings_and_its_password() {
        let url = |url: &str| Some(spanned(ProxyUrl::new(url)));
        let mut proxy = Proxy {
            http: url("http://me:s3cret@proxy.example.com:3128"),
            https: None,
            socks: url("socks5://proxy.example.com"),
            pac: None,
            bypass: vec![spanned("*.example.com".to_owned())],
            export: Vec::new(),
            at: spanned(()).at,
        };
        let said: Vec<String> = of(&proxy)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let expected = [
            "http_proxy=http://me:s3cret@proxy.example.com:3128",
            "HTTP_PROXY=http://me:s3cret@proxy.example.com:3128",
            "all_proxy=socks5://proxy.example.com",
            "ALL_PROXY=socks5://proxy.example.com",
            "no_proxy=.example.com",
            "NO_PROXY=.example.com",
        ];
        assert_eq!(said, expected);
        let all = with_names(of(&proxy));
        assert!(all.iter().all(|(name, _)| is_variable(name)));
        let names = "http_proxy HTTP_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY";
        assert_eq!(all.last(), Some(&(NAMES.to_owned(), names.to_owned())));
        (proxy.http, proxy.socks, proxy.pac) = (None, None, url("http://wpad.example.com/"));
        assert_eq!(of(&proxy), []);
    }

    #[test]
    fn no_other_variable_is_netprofs() {
        for name in [
            "PATH",
            "",
            "Http_Proxy",
            "http_proxy=",
            "ftp_proxy",
            "x;http_proxy",
        ] {
            assert!(!is_variable(name), "{name}");
        }
    }
}
