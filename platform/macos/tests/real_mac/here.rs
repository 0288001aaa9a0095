use std::collections::BTreeSet;
use std::process::Command;

use libtest_mimic::Failed;
use netprof_engine::Backend;
use netprof_macos::System;
use netprof_macos::text::{netstat, scutil_dns};
use netprof_model::Snapshot;
use netprof_model::configd::ResolverList;
use netprof_model::plan::RouteProbe;
use netprof_plan::Need;
use netprof_plan::macos::configd;
use netprof_plan::macos::put_back::is_host;

fn snapshot() -> Result<Snapshot, Failed> {
    Ok(System::new().observe(Need::EVERYTHING)?)
}

fn printed(program: &str, arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?)
}

fn same<T: PartialEq + std::fmt::Debug>(ours: &T, theirs: &T) -> Result<(), Failed> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("netprof: {ours:#?}\n\nthis Mac: {theirs:#?}").into())
}

/// How servers are reached may have changed between two looks, and is not simulated.
fn without_reach(mut list: ResolverList) -> ResolverList {
    let all = [
        &mut list.resolvers,
        &mut list.scoped,
        &mut list.service_specific,
    ];
    for resolver in all.into_iter().flatten() {
        resolver.reach = None;
    }
    list
}

pub(crate) fn published() -> Result<(), Failed> {
    let snapshot = snapshot()?;
    let ours = snapshot.resolvers.seen().cloned().unwrap_or_default();
    let text = printed("scutil", &["--dns"])?;
    let theirs = scutil_dns::parse(&text).map_err(|error| format!("{error}\n{text}"))?;
    same(&without_reach(ours), &without_reach(theirs))
}

pub(crate) fn simulated() -> Result<(), Failed> {
    let snapshot = snapshot()?;
    let simulated = configd::resolvers(&snapshot).map(without_reach);
    let published = snapshot.resolvers.seen().cloned().map(without_reach);
    same(&simulated, &published)
}

pub(crate) fn routes() -> Result<(), Failed> {
    let shown = |route: &netprof_model::route::Route| {
        let dev = route.devices().next().unwrap_or("-").to_owned();
        let host = is_host(&route.spec);
        (route.key.to_string(), host, dev, route.gateway())
    };
    let ours: BTreeSet<_> = snapshot()?.routes.items().iter().map(shown).collect();
    let (routes, unread) = netstat::routes(&printed("netstat", &["-rn"])?);
    if !unread.is_empty() {
        return Err(format!("netstat prints what is not known: {unread:#?}").into());
    }
    let theirs: BTreeSet<_> = routes.iter().map(shown).collect();
    let only_ours: Vec<_> = ours.difference(&theirs).collect();
    let only_theirs: Vec<_> = theirs.difference(&ours).collect();
    same(&only_ours, &only_theirs)
}

pub(crate) fn look_ups() -> Result<(), Failed> {
    for to in ["127.0.0.1", "198.51.100.1"] {
        let probe = RouteProbe {
            to: to.parse()?,
            oif: None,
        };
        let answers = System::new().look_up(&[probe])?;
        let text = printed("route", &["-n", "get", to])?;
        let field = |name: &str| {
            let mut lines = text.lines().map(str::trim);
            lines
                .find_map(|line| line.strip_prefix(name))
                .map(|rest| rest.trim().to_owned())
        };
        let ours = (
            answers[0].dev.clone(),
            answers[0].via.map(|via| via.to_string()),
        );
        // For an address on the link itself, route(8) prints the link as the gateway.
        let gateway = field("gateway:").filter(|via| via.parse::<std::net::IpAddr>().is_ok());
        same(&ours, &(field("interface:"), gateway))?;
    }
    Ok(())
}
