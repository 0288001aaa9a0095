//! `dns` on macOS: each scope's names go to its servers and to no others.
//!
//! A scope is services of netprof's own in configd's dynamic store ([`service`]): a
//! private key that no other program writes, and that configd makes resolvers of. It is
//! the store's plain memory: a key outlives its writer, but not this boot, nor the link
//! that the scope is asked through. Where that link has gone, [`stale`] says so.
//!
//! A scope that is to be durable is files of `/etc/resolver` instead ([`mod@file`]).
//!
//! `link` does not bind a query to a link as systemd-resolved would have it: configd
//! binds only what comes from the service of a link with addresses (`ip_plugin.c`,
//! `merge_dns_servers`). So a scope with a link is refused unless the routes lead to its
//! servers through that link ([`servers`]), and the kernel is asked again afterwards.

use netprof_model::dns::DnsServer;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::{Scope, Servers, Spanned};
use netprof_model::{Diagnostic, Location, Resource, Section, Snapshot};

use super::Ground;
use crate::claim::{DnsClaim, Place};
use crate::draft::Draft;

mod check;
mod claimants;
mod families;
mod file;
mod ports;
mod servers;
mod service;
mod stale;

pub(super) use check::check;
pub(super) use stale::stale;

/// Wants each scope.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let mut placed: Vec<(&Scope, Option<&Link>)> = Vec::new();
    for scope in &ground.profile.scopes {
        match place(ground, scope, draft) {
            Ok(Some(link)) => placed.push((scope, link)),
            Ok(None) => {}
            Err(error) => refuse(draft, &reason(scope), error, &scope.at),
        }
    }
    let Some((first, _)) = placed.first() else {
        return;
    };
    if !matches!(ground.base.store, Section::Seen(_)) {
        let error = not_known(ground.base).at(first.at.clone());
        for (scope, _) in &placed {
            let message = error.message.clone();
            draft.row(Standing::Blocked, subject(scope), message, &reason(scope));
        }
        draft.diagnostics.push(error);
        return;
    }
    let mut orders = service::Orders::default();
    for (scope, link) in placed {
        let kept_in = if scope.durable {
            file::want(scope, draft)
        } else {
            service::want(scope, link, &mut orders, draft)
        };
        ports::say_left_out(scope, draft);
        claim(scope, link, kept_in, draft);
    }
}

fn subject(scope: &Scope) -> String {
    format!("scope {}", scope.name)
}

fn reason(scope: &Scope) -> Reason {
    Reason::line(&scope.at, subject(scope))
}

fn listed(scope: &Scope) -> &[Spanned<DnsServer>] {
    match &scope.servers {
        Servers::Listed(servers) => servers,
        Servers::Hook(_) | Servers::Dhcp(_) => &[],
    }
}

/// Refuses a scope. Its row is there once, however many reasons there are.
fn refuse(draft: &mut Draft, reason: &Reason, error: Diagnostic, at: &Location) {
    let is_there = draft.rows.iter().any(|row| {
        row.standing == Standing::Blocked && row.subject == reason.text && row.reason == *reason
    });
    if is_there {
        draft.diagnostics.push(error.at(at.clone()));
    } else {
        draft.refuse(reason.text.as_ref(), reason, error, at);
    }
}

fn not_known(base: &Snapshot) -> Diagnostic {
    match &base.store {
        Section::Unreadable(why) => Diagnostic::error(
            "plan::resolver-unreadable",
            format!("configd's dynamic store could not be read: {why}"),
        )
        .help("see what it says: scutil --dns"),
        other => Diagnostic::error(
            "plan::not-known",
            format!(
                "configd's dynamic store is {} in the snapshot",
                other.standing()
            ),
        )
        .help("take the snapshot anew"),
    }
}

/// The link of `scope`, where it names one; none at all where it waits for it.
fn place<'a>(
    ground: &Ground<'a>,
    scope: &Scope,
    draft: &mut Draft,
) -> Result<Option<Option<&'a Link>>, Diagnostic> {
    let (subject, reason) = (subject(scope), reason(scope));
    if let Servers::Hook(at) | Servers::Dhcp(at) = &scope.servers {
        let error = Diagnostic::error(
            "plan::not-carried-out",
            format!("{subject}: servers that are not listed cannot be found out yet"),
        )
        .label("not carried out yet")
        .help("list the servers' addresses");
        refuse(draft, &reason, error, at);
        return Ok(None);
    }
    expressible(scope, ground.base, draft)?;
    let Some(name) = &scope.link else {
        return Ok(Some(None));
    };
    let links = match ground.links.or_row(name, &subject, &reason) {
        Ok(links) => links,
        Err(row) => {
            draft.rows.push(*row);
            return Ok(None);
        }
    };
    match links.as_slice() {
        [link] => Ok(Some(Some(link))),
        several => Err(Diagnostic::error(
            "plan::ambiguous-link",
            format!(
                "{subject} is asked through one link, and several are meant: {}",
                crate::links::names(several.iter().copied())
            ),
        )
        .help("narrow the match of the link")),
    }
}

/// Whether macOS can be told this scope: what it would take in silence and not heed is
/// refused here.
fn expressible(scope: &Scope, base: &Snapshot, draft: &mut Draft) -> Result<(), Diagnostic> {
    let subject = subject(scope);
    for server in listed(scope) {
        let address = server.value.address;
        let link_local = match address {
            std::net::IpAddr::V4(_) => false,
            std::net::IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        if address.is_unspecified() || link_local {
            let why = if link_local {
                "a link-local address is told with its link, which no service of netprof's has"
            } else {
                "this is nobody's address"
            };
            return Err(Diagnostic::error(
                "plan::no-server",
                format!("{subject}: macOS could not ask {address}: {why}"),
            )
            .label("cannot be asked")
            .help("name another address of the server"));
        }
    }
    ports::expressible(scope)?;
    if scope.durable {
        file::expressible(scope, base, draft)?;
    }
    if let Some(domain) = scope
        .domains
        .iter()
        .find(|domain| netprof_model::dns::covers("local", &domain.value))
    {
        let warning = check::multicast(&scope.name, &domain.value);
        draft.diagnostics.push(warning.at(domain.at.clone()));
    }
    Ok(())
}

/// Claims what `scope` is to answer, and that its servers are reached.
fn claim(scope: &Scope, link: Option<&Link>, kept_in: Vec<Resource>, draft: &mut Draft) {
    let dev = link.map(|link| link.name.clone());
    let by = Place::Configd {
        kept_in,
        link: dev.clone(),
    };
    let reason = reason(scope);
    draft.dns_claims.extend(DnsClaim::of(scope, &by, &reason));
    for server in ports::asked(scope).1 {
        draft
            .servers
            .push((server.clone(), dev.clone(), reason.clone()));
    }
}
