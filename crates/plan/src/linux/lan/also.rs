//! `also`: prefixes behind a gateway on the LAN, and the way to each.

use std::net::IpAddr;

use netprof_model::Diagnostic;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::{Also, KeepLan};
use netprof_model::route::Route;
use netprof_model::rule::Family;

use super::{Home, Kept};
use crate::draft::Draft;
use crate::links;
use crate::linux::{MAIN, metric_or_default};

/// What is kept behind the LAN; what waits or is refused is said.
pub(super) fn of<'a>(home: &Home<'a, '_>, node: &KeepLan, draft: &mut Draft) -> Vec<Kept<'a>> {
    let mut kept = Vec::new();
    for also in &node.also {
        let reason = Reason::line(&also.at, "keep-lan also");
        let subject = format!("keep-lan also {}", also.prefix);
        match way(home, also) {
            Ok(way) => kept.push(Kept {
                subject,
                prefix: also.prefix,
                source: way.via.and_then(|via| source(home, way.link, via)),
                links: vec![way.link],
                via: way.via,
                metric: way.live.map_or_else(
                    || metric_or_default(&also.prefix, None),
                    |live| live.key.metric,
                ),
                is_new: way.live.is_none(),
                overrides: way.overrides,
                reason,
                at: also.at.clone(),
            }),
            // On another LAN than the one that the profile was written for, the gateway
            // is not there: the rest of the plan is as good as ever.
            Err(Lost::Elsewhere(via)) => {
                let detail = format!("waits for a LAN with {via}");
                draft.row(Standing::Waiting, subject, detail, &reason);
            }
            Err(Lost::Refused(error)) => draft.refuse(subject, &reason, *error, &also.at),
        }
    }
    kept
}

/// The way to a prefix behind a gateway.
struct Way<'a> {
    link: &'a Link,
    /// The gateway; none where a live route has the prefix on the link itself.
    via: Option<IpAddr>,
    /// The live route that is that way already.
    live: Option<&'a Route>,
    /// Whether a live route leads elsewhere, and the profile says better.
    overrides: bool,
}

/// Why there is no way.
enum Lost {
    /// No kept link is in the network of this gateway.
    Elsewhere(IpAddr),
    Refused(Box<Diagnostic>),
}

impl From<Diagnostic> for Lost {
    fn from(error: Diagnostic) -> Self {
        Self::Refused(Box::new(error))
    }
}

fn way<'a>(home: &Home<'a, '_>, also: &Also) -> Result<Way<'a>, Lost> {
    let prefix = also.prefix;
    if prefix.prefix_len() == 0 {
        return Err(
            Diagnostic::error("plan::everything-kept", "`also` cannot keep every address")
                .help("name the networks behind the LAN's gateway")
                .into(),
        );
    }
    if let Some(via) = also.via.filter(|via| home.ground.is_own(*via)) {
        return Err(Diagnostic::error(
            "plan::gateway-unreachable",
            format!("{via} is an address of this host"),
        )
        .label("this is no gateway")
        .help("name the router that the network lies behind")
        .into());
    }
    let live = home
        .ground
        .fib
        .exact(MAIN, &prefix)
        .iter()
        .copied()
        .find(|route| home.goes_home(route) && route.spec.hops.len() == 1);
    if let Some(live) = live
        && also.via.is_none_or(|via| live.gateway() == Some(via))
        && let Some(link) = live.devices().next().and_then(|dev| home.ground.link(dev))
    {
        return Ok(Way {
            link,
            via: live.gateway(),
            live: Some(live),
            overrides: false,
        });
    }
    let (link, via) = match also.via {
        Some(via) => (neighbour(home, via)?, via),
        None => default(home, also)?,
    };
    Ok(Way {
        link,
        via: Some(via),
        live: None,
        overrides: live.is_some(),
    })
}

/// The kept link that `via` is a neighbour on.
fn neighbour<'a>(home: &Home<'a, '_>, via: IpAddr) -> Result<&'a Link, Lost> {
    let is_link_local = matches!(via, IpAddr::V6(via) if via.is_unicast_link_local());
    if !is_link_local {
        return match home.ground.neighbour(via) {
            Some(link) if home.is_kept(&link.name) => Ok(link),
            _ => Err(Lost::Elsewhere(via)),
        };
    }
    // A link-local gateway is on any link: only one can be meant.
    match home.links {
        [only] => Ok(only),
        several => Err(ambiguous(several, &format!("{via}"))),
    }
}

/// The default gateway of the one kept link that has one.
fn default<'a>(home: &Home<'a, '_>, also: &Also) -> Result<(&'a Link, IpAddr), Lost> {
    let family = Family::of(&also.prefix);
    let mut ways = home
        .links
        .iter()
        .filter_map(|link| Some((*link, gateways(home, link, family).next()?)));
    match (ways.next(), ways.next()) {
        (Some(way), None) => Ok(way),
        (None, _) => Err(Diagnostic::error(
            "plan::no-gateway",
            format!(
                "no kept link has a route to {}, or a default gateway",
                also.prefix
            ),
        )
        .label("no way there is known")
        .help("name the gateway: `also \"PREFIX\" via=\"ADDRESS\"`")
        .into()),
        // Two links in one LAN have the same gateway, and then either will do.
        (Some((first, via)), Some((_, other))) if via == other => {
            Ok((home.ground.neighbour(via).unwrap_or(first), via))
        }
        (Some(_), Some(_)) => Err(ambiguous(home.links, &also.prefix.to_string())),
    }
}

fn ambiguous(links: &[&Link], to: &str) -> Lost {
    Diagnostic::error(
        "plan::ambiguous-gateway",
        format!(
            "several kept links could lead to {to}: {}",
            links::names(links.iter().copied())
        ),
    )
    .label("it is not said through which")
    .help("name the gateway: `also \"PREFIX\" via=\"ADDRESS\"`")
    .into()
}

/// The gateways of the default routes through `link`, the best first.
pub(super) fn gateways<'a>(
    home: &Home<'a, '_>,
    link: &'a Link,
    family: Family,
) -> impl Iterator<Item = IpAddr> {
    home.ground
        .fib
        .exact(MAIN, &family.everything())
        .iter()
        .flat_map(|route| &route.spec.hops)
        .filter(|hop| hop.dev.as_ref() == Some(&link.name))
        .filter_map(|hop| hop.via)
}

/// The address of `link` that packets to `gateway` come from.
fn source(home: &Home, link: &Link, gateway: IpAddr) -> Option<IpAddr> {
    let mut addresses = home.ground.base.addresses.items().iter();
    addresses
        .find(|one| one.dev == link.name && one.local.contains(&gateway) && !one.secondary)
        .map(|one| one.local.addr())
}
