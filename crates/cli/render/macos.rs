//! What macOS keeps in dictionaries and files, in the words that a person reads.
//!
//! The dictionaries hold more than anybody wants to read, and what netprof did not write
//! may hold anything: of a dictionary only what is known is said, so that nothing secret
//! is shown by accident.

use netprof_model::State;
use netprof_model::dns::DnsServer;
use netprof_model::file::FileState;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::profile::ProxyUrl;
use netprof_model::resource::STORE_MARK;

/// The service that a key of the dynamic store is about.
pub fn service(key: &str) -> &str {
    let path = key.split_once("/Service/").map_or(key, |(_, path)| path);
    path.split('/').next().unwrap_or(path)
}

/// The scope that a DNS service of netprof's is named after.
pub fn scope(state: &State) -> Option<&str> {
    match state {
        State::Store(all) => all.get(STORE_MARK)?.as_str(),
        _ => None,
    }
}

/// A DNS service: its domains and its servers.
pub fn store(all: &Dictionary) -> String {
    format!("{} -> {}", domains(all), servers(all))
}

/// What becomes of a DNS service: one line or more.
pub fn store_change(before: &Dictionary, after: &Dictionary) -> Vec<String> {
    let mut lines = vec![store(after)];
    for (was, is) in [
        (domains(before), domains(after)),
        (servers(before), servers(after)),
    ] {
        if was != is {
            lines.push(format!("was {was}"));
        }
    }
    if lines.len() == 1 {
        lines.push("another place in the order, or another link".to_owned());
    }
    lines
}

fn words<'a>(all: &'a Dictionary, key: &str) -> impl Iterator<Item = &'a str> {
    all.get(key).into_iter().flat_map(Value::words)
}

fn domains(all: &Dictionary) -> String {
    let searched = !all
        .get("SupplementalMatchDomainsNoSearch")
        .is_some_and(Value::is_true);
    let names: Vec<&str> = words(all, "SupplementalMatchDomains")
        .map(|domain| match domain {
            "" => "every other name",
            domain => domain,
        })
        .collect();
    match (names.as_slice(), searched) {
        ([], _) => "no domain".to_owned(),
        (names, true) => format!("{} (searched)", names.join(" ")),
        (names, false) => names.join(" "),
    }
}

fn servers(all: &Dictionary) -> String {
    let port = all.get("ServerPort").and_then(Value::as_integer);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let shown = |word: &str| match word.parse() {
        Ok(address) => DnsServer {
            port,
            ..DnsServer::at(address)
        }
        .to_string(),
        Err(_) => word.to_owned(),
    };
    let servers: Vec<String> = words(all, "ServerAddresses").map(shown).collect();
    if servers.is_empty() {
        return "no server".to_owned();
    }
    servers.join(" ")
}

/// What a file says, on one line; that a server is one goes without saying.
pub fn file(file: &FileState) -> String {
    if let FileState::Symlink { target } = file {
        return format!("-> {target}");
    }
    let text = file.lossy();
    let said = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
        .map(|line| line.strip_prefix("nameserver ").unwrap_or(line));
    said.collect::<Vec<_>>().join(" ")
}

/// The proxies of a service that are in use.
pub fn proxies(all: &Dictionary) -> String {
    let said: Vec<String> = aspects(all)
        .into_iter()
        .filter_map(|(_, said)| said)
        .collect();
    if said.is_empty() {
        return "no proxy".to_owned();
    }
    said.join(" ")
}

/// What becomes of the proxies of a service: a line for each that is another then.
pub fn proxies_change(before: &Dictionary, after: &Dictionary) -> Vec<String> {
    let mut lines: Vec<String> = aspects(before)
        .into_iter()
        .zip(aspects(after))
        .filter(|((_, was), (_, is))| was != is)
        .map(|((name, was), (_, is))| match (was, is) {
            (None, Some(is)) => is,
            (Some(was), Some(is)) => {
                let was = was.strip_prefix(name).unwrap_or(&was);
                format!("{is} (was{was})")
            }
            (Some(was), None) => format!("no {was}"),
            (None, None) => String::new(),
        })
        .collect();
    if lines.is_empty() {
        lines.push("other settings".to_owned());
    }
    lines
}

/// What can be said of a service's proxies: what each is about, and what it says, if it
/// says anything. Always the same ones, in the same order.
fn aspects(all: &Dictionary) -> Vec<(&'static str, Option<String>)> {
    let on = |key: &str| all.get(key).is_some_and(Value::is_true);
    let text = |key: &str| all.get(key).and_then(Value::as_str);
    let mut said = Vec::new();
    for (head, name) in [
        ("HTTP", "http"),
        ("HTTPS", "https"),
        ("SOCKS", "socks"),
        ("FTP", "ftp"),
        ("RTSP", "rtsp"),
        ("Gopher", "gopher"),
    ] {
        let host = text(&format!("{head}Proxy")).filter(|_| on(&format!("{head}Enable")));
        let port = all.get(&format!("{head}Port")).and_then(Value::as_integer);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        said.push((
            name,
            host.map(|host| format!("{name} {}{port}", bracketed(host))),
        ));
    }
    let pac = text("ProxyAutoConfigURLString").filter(|_| on("ProxyAutoConfigEnable"));
    said.push((
        "pac",
        pac.map(|url| format!("pac {}", ProxyUrl::new(url).redacted())),
    ));
    let search = on("ProxyAutoDiscoveryEnable").then(|| "search for a pac file".to_owned());
    said.push(("search", search));
    let exceptions: Vec<&str> = words(all, "ExceptionsList").collect();
    let exceptions = (!exceptions.is_empty()).then(|| format!("bypass {}", exceptions.join(" ")));
    said.push(("bypass", exceptions));
    said
}

/// A host as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        return format!("[{host}]");
    }
    host.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(json: &str) -> Dictionary {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
    }

    #[test]
    fn a_dns_service_is_its_domains_and_its_servers() {
        let all = dictionary(
            r#"{"ServerAddresses":["10.0.0.53","fd00::53"],"ServerPort":5353,"NetprofScope":"corp",
                "SupplementalMatchDomains":["corp.example.com",""],"SupplementalMatchOrders":[80000,80001],
                "SupplementalMatchDomainsNoSearch":1}"#,
        );
        assert_eq!(
            store(&all),
            "corp.example.com every other name -> 10.0.0.53:5353 [fd00::53]:5353"
        );
        let mut other = all.clone();
        other.remove("ServerPort");
        other.remove("SupplementalMatchDomainsNoSearch");
        assert_eq!(
            store_change(&other, &all),
            [
                store(&all).as_str(),
                "was corp.example.com every other name (searched)",
                "was 10.0.0.53 fd00::53"
            ]
        );
        other = all.clone();
        other.insert("NetprofLink".to_owned(), Value::String("utun4".to_owned()));
        assert_eq!(store_change(&all, &other).len(), 2);
    }

    #[test]
    fn proxies_are_what_is_switched_on_and_no_password() {
        let before = dictionary(
            r#"{"HTTPEnable":0,"HTTPProxy":"old.example","HTTPPort":80,"ProxyAutoConfigEnable":1,
                "ProxyAutoConfigURLString":"http://me:s3cret@wpad.example/x.pac",
                "ExceptionsList":["*.local","169.254/16"],"FTPPassive":1,"SOCKSPassword":"s3cret"}"#,
        );
        assert_eq!(
            proxies(&before),
            "pac http://me:***@wpad.example/x.pac bypass *.local 169.254/16"
        );
        let after = dictionary(
            r#"{"HTTPEnable":1,"HTTPProxy":"fd00::1","HTTPPort":3128,"ProxyAutoConfigEnable":0,
                "ProxyAutoConfigURLString":"http://me:s3cret@wpad.example/x.pac",
                "ExceptionsList":["localhost"],"FTPPassive":1,"SOCKSPassword":"s3cret"}"#,
        );
        assert_eq!(
            proxies_change(&before, &after),
            [
                "http [fd00::1]:3128",
                "no pac http://me:***@wpad.example/x.pac",
                "bypass localhost (was *.local 169.254/16)"
            ]
        );
        assert_eq!(proxies_change(&after, &after), ["other settings"]);
        assert_eq!(proxies(&Dictionary::new()), "no proxy");
    }

    #[test]
    fn a_resolver_file_is_what_it_says_without_its_comments() {
        let text = FileState::text("# netprof: scope test\nnameserver 127.0.0.1\nport 5353\n");
        assert_eq!(file(&text), "127.0.0.1 port 5353");
    }
}
