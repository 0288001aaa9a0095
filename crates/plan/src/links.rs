//! Which live links a profile means by its own names for them.

use std::collections::HashMap;
use std::fmt;

use netprof_model::link::{Address, Link};
use netprof_model::plan::{Reason, Row, Standing};
use netprof_model::profile::{LinkDecl, LinkMatch, Profile, Spanned};
use netprof_model::route::Route;
use netprof_model::{Diagnostic, Name, Snapshot};

use crate::os::is_idle;

/// What a name for links stands for on this machine.
#[derive(Clone, Debug)]
pub(crate) enum Meant<'a> {
    /// These links, all of them up; at least one.
    Links(Vec<&'a Link>),
    /// An optional link that is not there, or is down.
    Waits(String),
    /// It cannot be told, or it is not there and needed. A diagnostic says why.
    Blocked(String),
}

/// The links of a profile, found on a machine.
#[derive(Debug)]
pub(crate) struct Links<'a> {
    meant: HashMap<&'a Name, Meant<'a>>,
}

impl<'a> Links<'a> {
    /// Finds every link of `profile` in `snapshot`. What is wrong with one is said
    /// once, at its declaration, however often it is used.
    pub(crate) fn find(
        profile: &'a Profile,
        snapshot: &'a Snapshot,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let meant = profile
            .links
            .iter()
            .map(|decl| (&decl.name, find(decl, snapshot, diagnostics)))
            .collect();
        Self { meant }
    }

    /// What `name` stands for.
    pub(crate) fn meant(&self, name: &Name) -> Meant<'a> {
        self.meant
            .get(name)
            .cloned()
            // The profile's own checks have said it already.
            .unwrap_or_else(|| Meant::Blocked(format!("link {name} is not declared")))
    }

    /// The links of `name`, of which there may be none.
    pub(crate) fn of(&self, name: &Name) -> Vec<&'a Link> {
        match self.meant(name) {
            Meant::Links(links) => links,
            Meant::Waits(_) | Meant::Blocked(_) => Vec::new(),
        }
    }

    /// The links of `name`; where there are none, the row that says so for `subject`.
    pub(crate) fn or_row(
        &self,
        name: &Spanned<Name>,
        subject: impl fmt::Display,
        reason: &Reason,
    ) -> Result<Vec<&'a Link>, Box<Row>> {
        let (standing, detail) = match self.meant(&name.value) {
            Meant::Links(links) => return Ok(links),
            Meant::Waits(detail) => (Standing::Waiting, detail),
            Meant::Blocked(detail) => (Standing::Blocked, detail),
        };
        Err(Box::new(Row {
            standing,
            subject: subject.to_string().into(),
            resource: None,
            detail,
            reason: reason.clone(),
        }))
    }
}

fn find<'a>(
    decl: &LinkDecl,
    snapshot: &'a Snapshot,
    diagnostics: &mut Vec<Diagnostic>,
) -> Meant<'a> {
    let name = &decl.name;
    if decl.matching.ssid.is_some() {
        diagnostics.push(
            Diagnostic::error(
                "plan::not-carried-out",
                format!("link {name} is matched by `ssid`, which is not read yet"),
            )
            .at(decl.at.clone())
            .help("match it by `name`, `kind`, `address` or `gateway`"),
        );
        return Meant::Blocked(format!("link {name} cannot be matched by `ssid` yet"));
    }
    let fitting: Vec<&Link> = snapshot
        .links
        .items()
        .iter()
        .filter(|link| fits(&decl.matching, link, snapshot))
        .collect();
    // A tunnel that leads nowhere is none that anybody means.
    let (idle, fitting): (Vec<&Link>, Vec<&Link>) = fitting
        .into_iter()
        .partition(|link| is_idle(link, snapshot));
    let up: Vec<&Link> = fitting.iter().copied().filter(|link| link.up).collect();
    if up.is_empty() {
        let why = match fitting.first() {
            Some(down) => format!("{} is down", down.name),
            None => why_not(&decl.matching, snapshot, idle.len()),
        };
        if decl.optional {
            return Meant::Waits(format!("waits for link {name}: {why}"));
        }
        diagnostics.push(
            Diagnostic::error("plan::no-link", format!("no link is {name}: {why}"))
                .at(decl.at.clone())
                .label("nothing matches this")
                .help(format!(
                    "links that are up: {}; add `optional=#true` if the profile can do without it",
                    names(snapshot.links.items().iter().filter(|link| link.up))
                )),
        );
        return Meant::Blocked(format!("needs link {name}: {why}"));
    }
    if up.len() > 1 && !decl.many {
        diagnostics.push(
            Diagnostic::error(
                "plan::ambiguous-link",
                format!(
                    "link {name} matches several links: {}",
                    names(up.iter().copied())
                ),
            )
            .at(decl.at.clone())
            .label("several links match this")
            .help("narrow the match, or add `many=#true` to mean all of them"),
        );
        return Meant::Blocked(format!("link {name} is ambiguous"));
    }
    Meant::Links(up)
}

/// The names of `links`, for a person.
pub(crate) fn names<'a>(links: impl Iterator<Item = &'a Link>) -> String {
    let all: Vec<&str> = links.map(|link| link.name.as_str()).collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    }
}

fn fits(wanted: &LinkMatch, link: &Link, snapshot: &Snapshot) -> bool {
    let defaults = || {
        let routes = snapshot.routes.items().iter();
        routes.filter(|route| is_default(route) && route.goes_through(&link.name))
    };
    // A link that is not the primary one of a Mac has a gateway for its own sockets.
    let scoped = || {
        let routes = snapshot.routes.items().iter();
        routes.filter(|route| {
            route.key.dst.prefix_len() == 0 && route.key.ifscope.as_ref() == Some(&link.name)
        })
    };
    may_fit(wanted, link, snapshot.addresses.items())
        && wanted.gateway.is_none_or(|gateway| {
            defaults()
                .chain(scoped())
                .any(|route| route.spec.hops.iter().any(|hop| hop.via == Some(gateway)))
        })
        && wanted
            .default_route
            .is_none_or(|wanted| defaults().next().is_some() == wanted)
}

/// Whether a link fits, as far as can be told without routes.
pub(crate) fn may_fit(wanted: &LinkMatch, link: &Link, addresses: &[Address]) -> bool {
    let LinkMatch {
        name,
        kind,
        owner,
        address,
        mac,
        // Refused before.
        ssid: _,
        // Of routes.
        gateway: _,
        default_route: _,
    } = wanted;
    name.as_deref()
        .is_none_or(|pattern| glob(pattern, &link.name))
        && kind
            .as_ref()
            .is_none_or(|kind| link.kind.as_ref() == Some(kind))
        && owner.is_none_or(|owner| {
            link.owner == owner || link.manager.is_some_and(|manager| owner == manager.into())
        })
        && address.is_none_or(|prefix| {
            let mut all = addresses.iter();
            all.any(|one| one.dev == link.name && prefix.contains(&one.local.addr()))
        })
        && mac.as_ref().is_none_or(|mac| {
            link.mac
                .as_ref()
                .is_some_and(|own| own.eq_ignore_ascii_case(mac))
        })
}

/// Why no link fits, where `idle` tunnels would have.
fn why_not(wanted: &LinkMatch, snapshot: &Snapshot, idle: usize) -> String {
    if idle > 0 {
        return passed_over(idle);
    }
    nearest(wanted, snapshot)
}

/// That `idle` tunnels are none that anybody means.
fn passed_over(idle: usize) -> String {
    match idle {
        1 => "none is in use, and 1 idle tunnel was passed over".to_owned(),
        several => format!("none is in use, and {several} idle tunnels were passed over"),
    }
}

/// Why no link fits, said of the one that comes nearest: the name is what people go by.
fn nearest(wanted: &LinkMatch, snapshot: &Snapshot) -> String {
    let named = LinkMatch {
        name: wanted.name.clone(),
        ..LinkMatch::default()
    };
    let named = |link: &&Link| !link.loopback && fits(&named, link, snapshot);
    let links = || snapshot.links.items().iter().filter(named);
    let near = links().find(|link| !is_idle(link, snapshot));
    let Some(near) = near else {
        let idle = links().count();
        if idle > 0 {
            return passed_over(idle);
        }
        return match &wanted.name {
            Some(pattern) => format!("none is named {pattern}"),
            None => "none matches".to_owned(),
        };
    };
    // Of several none is the one that was meant.
    if links().filter(|link| !is_idle(link, snapshot)).count() > 1 {
        return format!("none matches {}", written(wanted));
    }
    let dev = &near.name;
    let single = |one: LinkMatch| !fits(&one, near, snapshot);
    if let Some(prefix) = wanted.address
        && single(LinkMatch {
            address: Some(prefix),
            ..LinkMatch::default()
        })
    {
        return format!("{dev} has no address in {prefix}");
    }
    if let Some(gateway) = wanted.gateway
        && single(LinkMatch {
            gateway: Some(gateway),
            ..LinkMatch::default()
        })
    {
        return format!("{dev} has no default route by {gateway}");
    }
    if let Some(kind) = &wanted.kind
        && near.kind.as_ref() != Some(kind)
    {
        return format!("{dev} is not of kind {kind}");
    }
    if let Some(owner) = wanted.owner
        && single(LinkMatch {
            owner: Some(owner),
            ..LinkMatch::default()
        })
    {
        return format!("{dev} is not known to be of {owner}");
    }
    if let (Some(mac), Some(own)) = (&wanted.mac, &near.mac)
        && !own.eq_ignore_ascii_case(mac)
    {
        return format!("{dev} has the hardware address {own}");
    }
    format!("{dev} does not match all of it")
}

/// What a link must be, as the profile writes it.
fn written(wanted: &LinkMatch) -> String {
    let texts = wanted
        .texts()
        .map(|(property, text)| format!("{property}=\"{text}\""));
    let flag = wanted
        .default_route
        .map(|flag| format!("default-route=#{flag}"));
    texts.chain(flag).collect::<Vec<_>>().join(" ")
}

/// Whether `route` is a default route for packets that nobody says more of.
pub(crate) fn is_default(route: &Route) -> bool {
    route.key.is_default()
}

/// Whether `text` fits `pattern`, in which `*` is any text and `?` any character.
fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it has taken so far: going
    // back to the last one alone keeps this linear in practice and never exponential.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_pattern_fits_as_a_shell_would_have_it() {
        for (pattern, text) in [
            ("tun*", "tun0"),
            ("*", ""),
            ("w?p*s*", "wlp0s20"),
            ("a*b*c", "aXbXbXc"),
            ("eth0", "eth0"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("tun*", "utun0"), ("?", ""), ("a*b", "ac"), ("eth", "eth0")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(2_000) + "b";
        assert!(!glob(&pattern, &"a".repeat(4_000)));
    }
}
