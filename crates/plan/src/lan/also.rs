//! `also`: prefixes behind a gateway on the LAN, and the way to each.

use std::net::IpAddr;

use netprof_model::Diagnostic;
use netprof_model::link::Link;
use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::{Also, KeepLan};
use netprof_model::route::Route;
use netprof_model::rule::Family;

use super::{Home, Terrain};
use crate::draft::Draft;
use crate::ground::Ground;
use crate::links;

/// One prefix behind the LAN, and the way to it.
pub(crate) struct Behind<'a> {
    pub(crate) subject: String,
    pub(crate) also: Also,
    pub(crate) way: Way<'a>,
    pub(crate) reason: Reason,
}

/// What is kept behind the LAN; what waits or is refused is said.
pub(crate) fn of<'a, R>(
    home: &Home<'a, '_, R>,
    node: &KeepLan,
    draft: &mut Draft,
) -> Vec<Behind<'a>>
where
    Ground<'a, R>: Terrain<'a>,
{
    let mut kept = Vec::new();
    for also in &node.also {
        let reason = Reason::line(&also.at, "keep-lan also");
        let subject = format!("keep-lan also {}", also.prefix);
        match way(home, also) {
            Ok(way) => kept.push(Behind {
                subject,
                also: also.clone(),
                way,
                reason,
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
pub(crate) struct Way<'a> {
    pub(crate) link: &'a Link,
    /// The gateway; none where a live route has the prefix on the link itself.
    pub(crate) via: Option<IpAddr>,
    /// The live route that is that way already.
    pub(crate) live: Option<&'a Route>,
    /// Whether a live route leads elsewhere, and the profile says better.
    pub(crate) overrides: bool,
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

fn way<'a, R>(home: &Home<'a, '_, R>, also: &Also) -> Result<Way<'a>, Lost>
where
    Ground<'a, R>: Terrain<'a>,
{
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
        .exact(&prefix)
        .into_iter()
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
fn neighbour<'a, R>(home: &Home<'a, '_, R>, via: IpAddr) -> Result<&'a Link, Lost>
where
    Ground<'a, R>: Terrain<'a>,
{
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
fn default<'a, R>(home: &Home<'a, '_, R>, also: &Also) -> Result<(&'a Link, IpAddr), Lost>
where
    Ground<'a, R>: Terrain<'a>,
{
    let family = Family::of(&also.prefix);
    let mut ways = home
        .links
        .iter()
        .filter_map(|link| Some((*link, home.ground.gateways(link, family).first().copied()?)));
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
