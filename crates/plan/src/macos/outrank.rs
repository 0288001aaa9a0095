//! Outranking: where a route cannot be better than another, only longer.
//!
//! To win over somebody else's route, netprof adds routes to the two halves of its
//! destination. They leave the other one where it is, which is what its owner expects to
//! find, and they lapse for nobody. A route to a single address has no halves.

use ipnet::IpNet;
use netprof_model::route::Route;

use super::rib::Rib;

/// At most this many routes are outranked for one prefix. Each costs two routes of
/// netprof's own, and a table that somebody fills with more is not to be won by filling
/// it further.
pub(super) const MOST: usize = 64;

/// Why somebody's routes cannot be outranked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unbeatable<'a> {
    /// It is to a single address.
    Single(&'a Route),
    /// There are so many, the first of them this one.
    Many(usize, &'a Route),
}

/// The prefixes that netprof must route itself so that each of `rivals` is outranked, each
/// with the rival that it is a half of. A half to which there is a route already needs
/// none: either it is a rival, too, or it leads where it should.
///
/// # Errors
///
/// The rival that cannot be outranked.
pub(super) fn halves<'a>(
    rib: &Rib<'a>,
    rivals: &[&'a Route],
) -> Result<Vec<(IpNet, &'a Route)>, Unbeatable<'a>> {
    if let Some(first) = rivals.first()
        && rivals.len() > MOST
    {
        return Err(Unbeatable::Many(rivals.len(), first));
    }
    let mut all = Vec::new();
    for rival in rivals {
        let dst = rival.key.dst;
        let Ok(halves) = dst.subnets(dst.prefix_len() + 1) else {
            return Err(Unbeatable::Single(rival));
        };
        let free = halves.filter(|half| rib.exact(half).is_empty());
        all.extend(free.map(|half| (half, *rival)));
    }
    Ok(all)
}
