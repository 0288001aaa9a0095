//! The text of `scutil --dns` (configd, `dnsinfo/dnsinfo_logging.h`).

use std::fmt::{self, Display, Write};

use netprof_model::configd::{Resolver, ResolverList};

use super::reach;

/// What `scutil --dns` prints of `list`. The line `reach` of a resolver is left out
/// where it is not known.
#[must_use]
pub fn scutil(list: &ResolverList) -> String {
    let mut text = "DNS configuration\n".to_owned();
    for (at, resolver) in list.resolvers.iter().enumerate() {
        print(&mut text, at, resolver);
    }
    for (what, all) in [
        ("scoped", &list.scoped),
        ("service-specific", &list.service_specific),
    ] {
        if all.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\nDNS configuration (for {what} queries)");
        for (at, resolver) in all.iter().enumerate() {
            print(&mut text, at, resolver);
        }
    }
    text
}

fn print(text: &mut String, at: usize, resolver: &Resolver) {
    let _ = writeln!(text, "\nresolver #{}", at + 1);
    let _ = write!(text, "{}", Lines(resolver));
}

/// The lines of a resolver.
struct Lines<'a>(&'a Resolver);

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolver = self.0;
        if let Some(domain) = &resolver.domain {
            writeln!(f, "  domain   : {domain}")?;
        }
        for (at, domain) in resolver.search.iter().enumerate() {
            writeln!(f, "  search domain[{at}] : {domain}")?;
        }
        for (at, server) in resolver.nameservers.iter().enumerate() {
            writeln!(f, "  nameserver[{at}] : {server}")?;
        }
        for (at, address) in resolver.sort.iter().enumerate() {
            writeln!(f, "  sortaddr[{at}] : {address}")?;
        }
        if let Some(options) = &resolver.options {
            writeln!(f, "  options  : {options}")?;
        }
        if let Some(port) = resolver.port.filter(|port| *port != 0) {
            writeln!(f, "  port     : {port}")?;
        }
        if let Some(timeout) = resolver.timeout.filter(|timeout| *timeout != 0) {
            writeln!(f, "  timeout  : {timeout}")?;
        }
        if let Some((index, name)) = &resolver.link {
            let name = name.as_deref().unwrap_or("?");
            writeln!(f, "  if_index : {index} ({name})")?;
        }
        if let Some(identifier) = resolver.service_identifier.filter(|one| *one != 0) {
            writeln!(f, "  service_identifier : {identifier}")?;
        }
        let flags = [
            ("Scoped", resolver.scoped),
            ("Service-specific", resolver.service_specific),
            ("Supplemental", resolver.supplemental),
            ("Request A records", resolver.requests_a),
            ("Request AAAA records", resolver.requests_aaaa),
        ];
        let flags: Vec<_> = flags.iter().filter(|one| one.1).map(|one| one.0).collect();
        writeln!(f, "  flags    : {}", flags.join(", "))?;
        if let Some(reach) = resolver.reach {
            writeln!(f, "  reach    : {}", reach::print(reach))?;
        }
        if resolver.order != 0 {
            writeln!(f, "  order    : {}", resolver.order)?;
        }
        Ok(())
    }
}
