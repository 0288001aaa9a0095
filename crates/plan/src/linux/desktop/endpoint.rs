//! A proxy's host and port, which is all that a desktop keeps of its URL.

use netprof_model::Diagnostic;
use netprof_model::profile::ProxyUrl;

/// Where a proxy listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The host; an IPv6 address in brackets, since it becomes a part of URLs again.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether SOCKS is spoken in a version before 5.
    pub(super) is_old_socks: bool,
    /// Whether the URL names a user.
    pub(super) has_user: bool,
}

impl Endpoint {
    /// The host and port of `url`, if a desktop can be told all that matters of it.
    pub(super) fn of(url: &ProxyUrl) -> Result<Self, Diagnostic> {
        let (scheme, authority, path) = split(url.secret());
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "https" {
            return Err(cannot(
                "desktops talk to a proxy without TLS: they have no setting for an `https://` proxy",
                "write `http://` if the proxy takes that, or name it by a `pac` file",
            ));
        }
        if !matches!(path, "" | "/") {
            return Err(cannot(
                "desktops keep a host and a port of a proxy, and nothing that follows",
                "take away what stands after the host and port",
            ));
        }
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let in_brackets = place.rfind(']').map_or(0, |at| at + 1);
        let colon = place[in_brackets..].find(':').map(|at| in_brackets + at);
        let (host, port) = match colon {
            Some(at) => (&place[..at], place[at + 1..].parse().ok()),
            None => (place, None),
        };
        let usual = if scheme == "http" { 80 } else { 1080 };
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(usual),
            is_old_socks: scheme.starts_with("socks4"),
            has_user: user.is_some(),
        })
    }
}

/// Refuses the URL of a PAC file with a user: nobody asks for the password of one. What is
/// said of it does not repeat it.
pub(super) fn without_user(url: &ProxyUrl) -> Result<(), Diagnostic> {
    let (_, authority, _) = split(url.secret());
    if !authority.contains('@') {
        return Ok(());
    }
    Err(Diagnostic::error(
        "plan::proxy-password",
        "what a desktop goes by can be read by every program of that person, so no password is written to it",
    )
    .label("this names a user")
    .help("put the file where no password is needed"))
}

/// The scheme of a URL, its authority, and what follows.
fn split(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    (scheme, authority, path)
}

pub(super) fn cannot(why: &str, help: &str) -> Diagnostic {
    Diagnostic::error("plan::proxy-not-expressible", why)
        .label("cannot be said to a desktop")
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_kept_and_the_usual_port_is_said() {
        for (url, host, port, has_user) in [
            ("http://proxy.example:3128", "proxy.example", 3128, false),
            ("http://proxy.example/", "proxy.example", 80, false),
            ("HTTP://[fd00::1]:8080", "[fd00::1]", 8080, false),
            ("http://[fd00::1]", "[fd00::1]", 80, false),
            ("socks5h://10.0.0.1", "10.0.0.1", 1080, false),
            (
                "http://me:s3c:r3t@proxy.example:1",
                "proxy.example",
                1,
                true,
            ),
            ("http://me@[::1]:1", "[::1]", 1, true),
        ] {
            let of = Endpoint::of(&ProxyUrl::new(url));
            let of = of.unwrap_or_else(|error| panic!("{url}: {}", error.message));
            assert_eq!(
                (&*of.host, of.port, of.has_user),
                (host, port, has_user),
                "{url}"
            );
        }
    }

    #[test]
    fn what_a_desktop_cannot_be_told_is_refused_and_no_password_is_repeated() {
        for url in [
            "https://me:s3cret@proxy.example:3129",
            "http://me:s3cret@proxy.example/path",
        ] {
            let error = Endpoint::of(&ProxyUrl::new(url)).expect_err(url);
            assert!(!format!("{error:?}").contains("s3cret"), "{url}");
        }
        let pac = ProxyUrl::new("http://me:s3cret@wpad.example/proxy.pac");
        let error = without_user(&pac).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"));
        assert!(without_user(&ProxyUrl::new("file:///etc/proxy.pac")).is_ok());
    }
}
