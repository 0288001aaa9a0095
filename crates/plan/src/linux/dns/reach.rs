//! Whether what resolved is told reaches any program at all.

use std::net::{IpAddr, Ipv4Addr};

use netprof_model::snapshot::{Resolved, SameNamespace};
use netprof_model::{Diagnostic, Location, Owner, Section, Snapshot};

use crate::draft::Draft;

/// The addresses that resolved's stub listens on (systemd-resolved.service(8)).
pub(super) const STUBS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54)),
];

/// The resolver, where programs of this machine reach it.
pub(super) fn check<'a>(
    base: &'a Snapshot,
    draft: &mut Draft,
    at: &Location,
) -> Result<&'a Resolved, Diagnostic> {
    let resolved = match &base.resolved {
        Section::Seen(resolved) => resolved,
        Section::Absent => {
            return Err(Diagnostic::error(
                "plan::no-resolver",
                "systemd-resolved does not run here; a forwarder of netprof's own is not there yet",
            )
            .help("start it: systemctl enable --now systemd-resolved"));
        }
        Section::Unreadable(why) => {
            return Err(Diagnostic::error(
                "plan::resolver-unreadable",
                format!("systemd-resolved could not be read: {why}"),
            )
            .help("see what it says: systemctl status systemd-resolved; resolvectl status"));
        }
        Section::Unread => {
            return Err(Diagnostic::error(
                "plan::not-known",
                "the snapshot does not hold the resolver's state",
            )
            .help("take the snapshot anew"));
        }
    };
    match &resolved.namespace {
        SameNamespace::Yes => {}
        SameNamespace::No => {
            return Err(Diagnostic::error(
                "plan::foreign-resolver",
                "the systemd-resolved on the bus serves another network namespace: its links are not these",
            )
            .help("run netprof where resolved runs"));
        }
        SameNamespace::Unverified(why) if base.privileged => {
            return Err(Diagnostic::error(
                "plan::foreign-resolver",
                format!(
                    "whether systemd-resolved serves this network namespace cannot be told: {why}"
                ),
            )
            .help("run netprof where resolved runs"));
        }
        SameNamespace::Unverified(why) => draft.diagnostics.push(
            Diagnostic::note(
                "plan::unreadable",
                format!(
                    "whether systemd-resolved serves this network namespace was not checked: {why}"
                ),
            )
            .at(at.clone()),
        ),
    }
    programs(base, resolved, draft, at)?;
    Ok(resolved)
}

/// Whether programs ask resolved: by the stub that resolv.conf names, or by glibc's
/// `resolve` service.
fn programs(
    base: &Snapshot,
    resolved: &Resolved,
    draft: &mut Draft,
    at: &Location,
) -> Result<(), Diagnostic> {
    let conf = base.resolv_conf.seen();
    let by_stub = resolved.stub
        && conf.is_some_and(|conf| {
            conf.servers
                .first()
                .is_some_and(|first| STUBS.contains(first))
        });
    let by_nss = base.nsswitch.seen().is_some_and(|nss| {
        let place = |name: &str| nss.hosts.iter().position(|service| service == name);
        nss.resolve_library
            && place("resolve").is_some_and(|resolve| place("dns").is_none_or(|dns| resolve < dns))
    });
    if by_stub {
        return Ok(());
    }
    let owner = conf.map_or(Owner::Unknown, |conf| conf.owner);
    let what = match (conf, &base.resolv_conf) {
        (Some(conf), _)
            if conf.servers.iter().any(|server| STUBS.contains(server)) && !resolved.stub =>
        {
            "/etc/resolv.conf names resolved's stub, which is switched off".to_owned()
        }
        (Some(conf), _) => {
            let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
            format!(
                "/etc/resolv.conf{} names {} and not resolved",
                match owner {
                    Owner::Unknown => String::new(),
                    owner => format!(" of {}", owner.who()),
                },
                if servers.is_empty() {
                    "no server".to_owned()
                } else {
                    servers.join(", ")
                }
            )
        }
        (None, Section::Unreadable(why)) => format!("/etc/resolv.conf cannot be read ({why})"),
        (None, _) => "there is no /etc/resolv.conf".to_owned(),
    };
    if by_nss {
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::partly-reached",
                format!("{what}: only programs that use glibc's resolver will see the scopes"),
            )
            .at(at.clone())
            .help("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf")
            .whose(owner),
        );
        return Ok(());
    }
    Err(Diagnostic::error(
        "plan::resolver-not-reached",
        format!("{what}: no program would see the scopes"),
    )
    .help("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf")
    .whose(owner))
}
