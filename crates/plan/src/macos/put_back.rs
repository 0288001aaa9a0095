//! Whether a route that was read can be written back exactly as it was.
//!
//! A change takes a route away only if it can be put back. The codec leaves out what the
//! kernel sets by itself ([`netprof_model::route::rtf`]); what is left here is what
//! would come back as something else, or what a deletion might miss.

use netprof_model::route::{Route, rtf};

/// Why a route cannot be put back as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExact {
    /// It has a lifetime: written back it would stay for ever.
    #[error("it goes by itself after a while, and would come back for good")]
    Expires,
    /// It is to one address, and behind a gateway: route(8) writes such a route as a
    /// host's or as a network's, and the kernel tells the two apart.
    #[error("it may be a host's route or a network's of one address, which cannot be told")]
    HostOrNetwork,
    /// It goes through no link that is there.
    #[error("it goes through no link that is there")]
    NoLink,
}

/// Whether `route` comes back as it is once it was taken away.
///
/// # Errors
///
/// What would be different.
pub fn can_put_back(route: &Route) -> Result<(), NotExact> {
    if route.live.expires.is_some() {
        return Err(NotExact::Expires);
    }
    if route.devices().next().is_none() {
        return Err(NotExact::NoLink);
    }
    let is_single = route.key.dst.prefix_len() == route.key.dst.max_prefix_len();
    if is_single && route.gateway().is_some() && route.spec.flags & rtf::CLONING == 0 {
        return Err(NotExact::HostOrNetwork);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use netprof_model::Owner;
    use netprof_model::route::{Hop, RouteKey, RouteLive, RouteSpec};

    use super::*;

    fn route(dst: &str, hop: Hop) -> Route {
        Route {
            key: RouteKey::unscoped(dst.parse().unwrap()),
            spec: RouteSpec {
                hops: vec![hop],
                ..RouteSpec::default()
            },
            live: RouteLive::default(),
            owner: Owner::Unknown,
        }
    }

    #[test]
    fn a_network_behind_a_gateway_and_a_host_on_a_link_can_be_put_back() {
        let via = Some("10.8.0.1".parse().unwrap());
        let network = route("10.0.0.0/8", Hop::through("utun4", via));
        assert_eq!(can_put_back(&network), Ok(()));
        let host = route("10.0.0.1/32", Hop::through("utun4", None));
        assert_eq!(can_put_back(&host), Ok(()));
    }

    #[test]
    fn what_would_come_back_as_something_else_is_refused() {
        let via = Some("10.8.0.1".parse().unwrap());
        let single = route("10.0.0.1/32", Hop::through("utun4", via));
        assert_eq!(can_put_back(&single), Err(NotExact::HostOrNetwork));
        let mut expiring = route("10.0.0.0/8", Hop::through("utun4", via));
        expiring.live.expires = Some(9);
        assert_eq!(can_put_back(&expiring), Err(NotExact::Expires));
        let nowhere = route("10.0.0.0/8", Hop::default());
        assert_eq!(can_put_back(&nowhere), Err(NotExact::NoLink));
    }
}
