//! Who answers, on the machine as it will be.
//!
//! configd's list is simulated ([`attributed`]), and every name that a scope claims is
//! looked up in it. mDNSResponder asks one resolver alone: that of the longest domain,
//! and of several with one domain that of the lowest order. So a domain that somebody
//! else claims as well is refused, whoever of the two would be asked: the other one never
//! would, and which it is turns when either of them is set up anew.
//!
//! For names that no scope claims there is a domain of no labels. A supplemental resolver
//! of it stands before the default one, which stays in the list behind it: that is said
//! in a note, for programs that read the list themselves. Two supplemental ones are
//! refused, since nothing says which of the two comes first in the list.
//!
//! Where no network is connected, configd may publish nothing and read no files. What it
//! then adds to the first network is known all the same, and who else claims a domain is
//! looked for there.

use netprof_model::configd::Resolver;
use netprof_model::dns::covers;
use netprof_model::{Diagnostic, Name, Snapshot};

use super::{claimants, families, refuse, servers};
use crate::claim::{DnsClaim, Place, UNCLAIMED};
use crate::draft::Draft;
use crate::macos::configd::{Attributed, Made, Origin, attributed};
use crate::macos::resolver::answering;

/// Looks at the resolvers as they will be: each scope's names must go to its servers, and
/// there must be a way to each of them.
pub(in crate::macos) fn check(after: &Snapshot, draft: &mut Draft) {
    let claims = std::mem::take(&mut draft.dns_claims);
    if let Some(first) = claims.first() {
        warn_of_vpn_app(after, first, draft);
        let list = attributed(after);
        let is_asked = list.is_published && is_connected(after);
        if is_asked {
            warn_if_nobody_answers(&list, first, draft);
        } else {
            draft.diagnostics.push(
                Diagnostic::warning(
                    "plan::no-network",
                    "no network is connected: the scopes take effect with the first one that is",
                )
                .at(first.at.clone()),
            );
        }
        for claim in &claims {
            let answer = Answer::of(after, &list, claim);
            answer.warn_of_multicast(draft);
            let verdict = answer.is_nobody_elses().and_then(|()| {
                if is_asked {
                    answer.is_the_scopes()
                } else {
                    Ok(())
                }
            });
            match verdict {
                Err(error) => refuse(draft, &claim.reason, error, &claim.at),
                Ok(()) if is_asked => {
                    answer.say_who_stays_behind(draft);
                    answer.warn_of_the_port(&list, draft);
                    families::check(after, claim, &answer.own, draft);
                }
                Ok(()) => {}
            }
        }
    }
    servers::check(after, draft);
}

/// Whether some network service is primary.
fn is_connected(snapshot: &Snapshot) -> bool {
    let store = snapshot.store.seen();
    ["State:/Network/Global/IPv4", "State:/Network/Global/IPv6"]
        .into_iter()
        .any(|key| store.is_some_and(|store| store.get(key).is_some()))
}

/// What comes of a claim.
struct Answer<'a> {
    after: &'a Snapshot,
    claim: &'a DnsClaim,
    /// The domain that is claimed; none for what no scope claims.
    domain: Option<&'a str>,
    /// The resolvers that are asked, the first first.
    found: Vec<&'a Made<'a>>,
    /// Those of them that the scope itself has.
    own: Vec<&'a Made<'a>>,
}

impl<'a> Answer<'a> {
    fn of(after: &'a Snapshot, list: &'a Attributed<'a>, claim: &'a DnsClaim) -> Self {
        let found = answering(&list.resolvers, |one| &one.resolver, &claim.name);
        let own = found.iter().copied();
        let own = own.filter(|one| is_of(claim, one.origin)).collect();
        Self {
            after,
            claim,
            domain: claim.domain(),
            found,
            own,
        }
    }

    fn scope(&self) -> &'a Name {
        &self.claim.scope
    }

    /// Whether it is the scope's, or asks the very same.
    fn is_right(&self, one: &Made) -> bool {
        let alike = |own: &&Made| claimants::are_alike(&own.resolver, &one.resolver);
        is_of(self.claim, one.origin) || self.own.iter().any(alike)
    }

    /// Those that somebody else has.
    fn others(&self) -> impl Iterator<Item = &'a Made<'a>> {
        let all = self.found.iter().copied();
        all.filter(|one| !self.is_right(one) && !is_multicast(&one.resolver))
    }

    /// Whether it is the default resolver, which a scope for the rest comes before.
    fn is_behind(&self, one: &Made) -> bool {
        self.domain.is_none()
            && !one.resolver.supplemental
            && matches!(one.origin, Origin::Service(_))
    }

    fn warn_of_multicast(&self, draft: &mut Draft) {
        let by_multicast = self.found.iter().any(|one| is_multicast(&one.resolver));
        if let Some(domain) = self.domain
            && by_multicast
            && !covers("local", domain)
        {
            let warning = multicast(self.scope(), domain);
            draft.diagnostics.push(warning.at(self.claim.at.clone()));
        }
    }

    /// Refuses what somebody else claims, too.
    fn is_nobody_elses(&self) -> Result<(), Diagnostic> {
        let domain = self.domain.unwrap_or("");
        let beside: Vec<Origin> = self
            .others()
            .filter(|one| !self.is_behind(one))
            .map(|one| one.origin)
            .collect();
        let mut named: Vec<String> = beside
            .iter()
            .map(|one| claimants::described(self.after, *one, domain))
            .collect();
        let links = claimants::links(self.after, domain);
        let links = links.filter(|path| !is_of(self.claim, Origin::File(path)));
        named.extend(
            links.map(|path| format!("the file {path}, a link: what it says is not known")),
        );
        if named.is_empty() {
            return Ok(());
        }
        let what = match self.domain {
            Some(domain) => format!("names under {domain}"),
            None => "names that no scope claims".to_owned(),
        };
        let is_left_over = |one: &Origin| claimants::is_netprofs(self.after, *one);
        let has_file =
            named.len() > beside.len() || beside.iter().any(|one| matches!(one, Origin::File(_)));
        let help = if beside.iter().any(is_left_over) {
            "it bears netprof's mark, and this profile does not make it: release it with the state folder that it is from, or take it away by hand"
        } else if has_file {
            "take the file away, or leave these names to it"
        } else if self.domain.is_some() {
            "disconnect it, or leave these names to it"
        } else {
            "disconnect it, or leave `default-route` to it"
        };
        let message = format!(
            "scope {}: {what} would also go to {}",
            self.scope(),
            named.join(" and ")
        );
        Err(Diagnostic::error("plan::domain-taken", message)
            .label("this would not hold")
            .help(help))
    }

    /// Refuses what does not make a resolver, and what is not asked first.
    fn is_the_scopes(&self) -> Result<(), Diagnostic> {
        let lost = |message: String| {
            Diagnostic::error("plan::would-lose", message).label("this would not hold")
        };
        if self.own.is_empty() {
            return Err(lost(format!(
                "scope {}: macOS would make no resolver of it that is asked for {}",
                self.scope(),
                self.claim.name
            )));
        }
        let first = self.found.first().filter(|one| !self.is_right(one));
        let Some(first) = first.filter(|_| self.domain.is_none()) else {
            return Ok(());
        };
        Err(lost(format!(
            "scope {}: names that no scope claims would go to {} first, by its order of {}",
            self.scope(),
            first.resolver.nameservers.join(", "),
            first.resolver.order
        ))
        .help(
            "whoever set up that service gave it a `SearchOrder` below every other: disconnect it",
        ))
    }

    fn say_who_stays_behind(&self, draft: &mut Draft) {
        let behind = self.others().filter(|one| self.is_behind(one));
        let servers: Vec<&str> = behind
            .flat_map(|one| &one.resolver.nameservers)
            .map(String::as_str)
            .collect();
        if servers.is_empty() {
            return;
        }
        draft.diagnostics.push(
            Diagnostic::note(
                "plan::stays-behind",
                format!(
                    "macOS keeps {} in its list behind scope {}: only a program that reads the list for itself may ask there",
                    servers.join(" and "),
                    self.scope()
                ),
            )
            .at(self.claim.at.clone()),
        );
    }

    /// The first resolver of the list is what `/etc/resolv.conf` is written from, which
    /// has no word for a port (`dns-configuration.c`; resolver(5)).
    fn warn_of_the_port(&self, list: &Attributed, draft: &mut Draft) {
        let first = list.resolvers.first();
        let Some(first) = first.filter(|one| is_of(self.claim, one.origin)) else {
            return;
        };
        let Some(port) = first.resolver.port.filter(|port| *port != 53) else {
            return;
        };
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::port-not-written",
                format!(
                    "scope {}: programs that read /etc/resolv.conf, such as dig, would ask {} on port 53 and not on {port}: that file has no ports",
                    self.scope(),
                    first.resolver.nameservers.join(" and ")
                ),
            )
            .at(self.claim.at.clone())
            .label("these programs may get no answer any more")
            .help("let a server of the scope listen on port 53, or leave `default-route` away"),
        );
    }
}

/// Whether `origin` is what the scope of `claim` lives in.
fn is_of(claim: &DnsClaim, origin: Origin) -> bool {
    let Place::Configd { kept_in, .. } = &claim.by else {
        return false;
    };
    claimants::resource(origin).is_some_and(|one| kept_in.contains(&one))
}

/// Says that names may be asked for by multicast instead.
pub(super) fn multicast(scope: &Name, domain: &str) -> Diagnostic {
    Diagnostic::warning(
        "plan::multicast-domain",
        format!(
            "scope {scope}: macOS asks the local network for names under {domain} by multicast"
        ),
    )
    .label("these names may never reach the servers")
    .help("use another domain: this one is Bonjour's (RFC 6762)")
}

fn is_multicast(resolver: &Resolver) -> bool {
    matches!(resolver.options.as_deref(), Some("mdns" | "pdns"))
}

fn warn_if_nobody_answers(list: &Attributed, first: &DnsClaim, draft: &mut Draft) {
    let answered = answering(&list.resolvers, |one| &one.resolver, UNCLAIMED);
    if answered
        .iter()
        .any(|one| !one.resolver.nameservers.is_empty())
    {
        return;
    }
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::nobody-answers",
            "no server is left for names that no scope claims",
        )
        .at(first.at.clone())
        .help("give one scope `default-route #true`, or a network service a server"),
    );
}

/// A VPN app that is primary takes every name to its own servers, whatever domains it was
/// set up with (NEDNSSettings, `matchDomains`); and what it does with queries below
/// configd's list, by a DNS proxy say, no list tells.
fn warn_of_vpn_app(after: &Snapshot, first: &DnsClaim, draft: &mut Draft) {
    let primary = after.store.seen().and_then(|store| {
        let global = store.get("State:/Network/Global/IPv4")?;
        after.link(global.get("PrimaryInterface")?.as_str()?)
    });
    let Some(link) = primary.filter(|link| link.owner.is_vpn_app()) else {
        return;
    };
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::vpn-app-primary",
            format!(
                "{} of {} is the primary link: a VPN app may take names from every resolver, and no list says so",
                link.name,
                link.owner.who()
            ),
        )
        .at(first.at.clone())
        .help("after applying, ask: dscacheutil -q host -a name NAME")
        .whose(link.owner),
    );
}
