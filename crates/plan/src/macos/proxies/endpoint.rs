//! A proxy's host and port, which is all that the preferences keep of its URL.

use netprof_model::Diagnostic;
use netprof_model::profile::ProxyUrl;

/// Where a proxy listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Endpoint {
    /// The host and port of `url`, if they are all that it says.
    pub(super) fn of(url: &ProxyUrl) -> Result<Self, Diagnostic> {
        without_user(url)?;
        let text = url.secret();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            // Names are sent to the proxy or looked up here as CFNetwork likes: it has no
            // setting for it.
            "socks" | "socks5" | "socks5h" => 1080,
            "https" => {
                return Err(cannot(
                    "macOS talks to a proxy without TLS: it has no setting for an `https://` proxy",
                    "write `http://` if the proxy takes that, or name it by a `pac` file",
                ));
            }
            _ => {
                return Err(cannot(
                    "macOS takes a SOCKS proxy for one of version 5",
                    "write `socks5://` if the proxy speaks that",
                ));
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !matches!(path, "" | "/") {
            return Err(cannot(
                "macOS keeps a host and a port of a proxy, and nothing that follows",
                "take away what stands after the host and port",
            ));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']').unwrap_or((inner, "")),
            None => authority
                .find(':')
                .map_or((authority, ""), |at| authority.split_at(at)),
        };
        let port = port
            .strip_prefix(':')
            .and_then(|digits| digits.parse().ok());
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(usual),
        })
    }
}

/// Refuses a URL with a user. What is said of it does not repeat it.
pub(super) fn without_user(url: &ProxyUrl) -> Result<(), Diagnostic> {
    let text = url.secret();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if !authority.contains('@') {
        return Ok(());
    }
    Err(Diagnostic::error(
        "plan::proxy-password",
        "macOS keeps the user and password of a proxy in the keychain, which netprof does not write",
    )
    .label("this names a user")
    .help("leave them out: macOS asks for them once, and keeps them itself"))
}

fn cannot(why: &str, help: &str) -> Diagnostic {
    Diagnostic::error("plan::proxy-not-expressible", why)
        .label("cannot be said to macOS")
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Endpoint, Diagnostic> {
        Endpoint::of(&ProxyUrl::new(url))
    }

    #[test]
    fn a_host_and_a_port_are_kept_and_the_usual_port_is_said() {
        for (url, host, port) in [
            ("http://proxy.example:3128", "proxy.example", 3128),
            ("http://proxy.example/", "proxy.example", 80),
            ("HTTP://[fd00::1]:8080", "fd00::1", 8080),
            ("http://[fd00::1]", "fd00::1", 80),
            ("socks5h://10.0.0.1", "10.0.0.1", 1080),
        ] {
            let endpoint = of(url).unwrap_or_else(|error| panic!("{url}: {}", error.message));
            assert_eq!(
                (endpoint.host.as_str(), endpoint.port),
                (host, port),
                "{url}"
            );
        }
    }

    #[test]
    fn what_the_preferences_cannot_say_is_refused_and_no_password_is_repeated() {
        for url in [
            "https://proxy.example:3129",
            "socks4a://proxy.example",
            "http://proxy.example/path",
            "http://me:s3cret@proxy.example:3128",
            "socks5://me@proxy.example",
        ] {
            let error = of(url).expect_err(url);
            assert!(error.is_error(), "{url}");
            assert!(!format!("{error:?}").contains("s3cret"), "{url}");
        }
    }
}
