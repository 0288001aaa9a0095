//! A durable scope as files of `/etc/resolver`.
//!
//! configd reads each file of that folder as a resolver of the domain that the file is
//! named after (`dnsinfo_flatfile.c`; resolver(5)), at every change of the network and
//! whenever the folder changes. So there is one file for each domain. A domain of a
//! profile is a file name as it stands: it has no `/`, does not start with a dot and is
//! shorter than 255 bytes.
//!
//! A file's `search` stays with its own resolver and out of the first one's list, but
//! mDNSResponder searches what any resolver for every program says (`mDNSMacOSX.c`,
//! `ConfigSearchDomains`). A name that is searched stands in the file of the domain that
//! it lies under. Of `nameserver` and `search` only so many are read as libresolv has
//! room for, and one `port`; whether a port that a `nameserver` line carries is heeded is
//! not published. More than that is refused.

use netprof_model::dns::covers;
use netprof_model::file::FileState;
use netprof_model::profile::Scope;
use netprof_model::resource::{FILE_MARK, Lasts};
use netprof_model::{Diagnostic, Resource, Snapshot, State};

use super::ports::port;
use super::{listed, reason, subject};
use crate::draft::{Draft, Wanted};
use crate::macos::configd::files::{FOLDER, SEARCH, SERVERS};

/// Whether files can say this scope.
pub(super) fn expressible(
    scope: &Scope,
    base: &Snapshot,
    draft: &mut Draft,
) -> Result<(), Diagnostic> {
    let subject = subject(scope);
    for domain in &scope.domains {
        let own = path(&domain.value);
        let mut files = base.files.items().iter().map(|file| file.path.as_str());
        // Most disks of Macs are indifferent to case, and nothing here tells which are.
        let same = files.find(|path| *path != own && path.eq_ignore_ascii_case(&own));
        if let Some(other) = same {
            let message = format!(
                "{subject}: {other} is taken by somebody else, and is the same file as {own} on a disk that does not tell case apart"
            );
            return Err(Diagnostic::error("plan::key-taken", message)
                .label("the file of this domain is there already")
                .help("take that file away, or leave these names to it"));
        }
    }
    let refuse = |why: String, help: &str| {
        let message = format!("{subject} is durable, and {why}");
        Err(Diagnostic::error("plan::not-durable", message)
            .label("a file of /etc/resolver cannot say this")
            .help(help))
    };
    if scope.default_route {
        return refuse(
            "no file takes the names that no scope claims".to_owned(),
            "take `durable` away from it, or `default-route`",
        );
    }
    let servers = listed(scope);
    if servers.len() > SERVERS {
        return refuse(
            format!(
                "a file has {SERVERS} servers at most, this has {}",
                servers.len()
            ),
            "name fewer servers",
        );
    }
    let mut ports = servers.iter().map(|server| port(&server.value));
    let first = ports.next();
    if let (Some(first), Some(other)) = (first, ports.find(|other| first != Some(*other))) {
        return refuse(
            format!("a file has one port for all servers, not {first} and {other}"),
            "name servers on one port",
        );
    }
    let longest = scope
        .domains
        .iter()
        .map(|one| searched(scope, &one.value).count());
    if longest.max().is_some_and(|count| count > SEARCH) {
        return refuse(
            format!("a file has {SEARCH} names to search at most"),
            "search fewer names",
        );
    }
    if let Some(server) = servers
        .iter()
        .find(|server| server.value.address.is_loopback() && port(&server.value) != 53)
    {
        draft.diagnostics.push(
            Diagnostic::note(
                "plan::port-may-be-ignored",
                format!(
                    "macOS 15.6 is reported to ask {} on port 53",
                    server.value.address
                ),
            )
            .at(server.at.clone())
            .help("see whether it does: dscacheutil -q host -a name NAME"),
        );
    }
    Ok(())
}

/// Wants the files of `scope`, and says which those are.
pub(super) fn want(scope: &Scope, draft: &mut Draft) -> Vec<Resource> {
    let mut kept_in = Vec::new();
    for domain in &scope.domains {
        let resource = Resource::File {
            path: path(&domain.value),
        };
        kept_in.push(resource.clone());
        let state = State::File(FileState::text(text(scope, &domain.value)));
        draft.want(Wanted {
            lasts: Lasts::Durable,
            ..Wanted::new(resource, state, None, vec![reason(scope)])
        });
    }
    kept_in
}

fn path(domain: &str) -> String {
    format!("{FOLDER}{domain}")
}

/// The names that are searched by the file of `domain`: those that lie under it and under
/// no longer domain of the scope.
fn searched<'a>(scope: &'a Scope, domain: &'a str) -> impl Iterator<Item = &'a str> {
    let home = |name: &str| {
        let over = scope.domains.iter().filter(|one| covers(&one.value, name));
        over.max_by_key(|one| one.value.len())
            .map(|one| one.value.as_str())
    };
    let names = scope.search.iter().map(|one| one.value.as_str());
    names.filter(move |name| home(name) == Some(domain))
}

fn text(scope: &Scope, domain: &str) -> String {
    let mut text = format!("{FILE_MARK}scope {}\n", scope.name);
    for server in listed(scope) {
        text.push_str(&format!("nameserver {}\n", server.value.address));
    }
    if let Some(port) = listed(scope).first().map(|server| port(&server.value))
        && port != 53
    {
        text.push_str(&format!("port {port}\n"));
    }
    let names: Vec<&str> = searched(scope, domain).collect();
    if !names.is_empty() {
        text.push_str(&format!("search {}\n", names.join(" ")));
    }
    text
}
