//! Routes as they come in a dump: thousands, one behind the other, that lead the same way.

use netprof_model::route::{Route, RouteLive, RouteSpec};
use netprof_model::shared::{Alike, Shared};

use super::super::names::LinkNames;
use super::super::wire::Malformed;
use super::HEADER;
use super::decode::{RouteView, UnknownLink};

/// Builds the model's routes, and what one holds only where it is something else than what
/// the one before holds.
#[derive(Debug, Default)]
pub struct RouteReader {
    last: Option<Last>,
    alike: Alike<RouteSpec>,
}

/// The last route that was built.
#[derive(Debug)]
struct Last {
    /// All that was said of it but where it leads to.
    header: [u8; HEADER],
    before: Vec<u8>,
    behind: Vec<u8>,
    spec: Shared<RouteSpec>,
    live: RouteLive,
}

impl RouteReader {
    /// Builds the route that `view` is of, as [`RouteView::to_route`] does.
    pub fn read(
        &mut self,
        view: &RouteView<'_>,
        names: &LinkNames,
    ) -> Result<Result<Route, UnknownLink>, Malformed> {
        let (header, before, behind) = view.but_destination();
        if let Some(last) = &self.last
            && (last.header, &*last.before, &*last.behind) == (header, before, behind)
        {
            let (spec, live) = (last.spec.clone(), last.live.clone());
            return Ok(Ok(view.holding(spec, live)?));
        }
        let mut route = match view.to_route(names)? {
            Ok(route) => route,
            Err(unknown) => return Ok(Err(unknown)),
        };
        route.spec = self.alike.share(route.spec);
        self.last = Some(Last {
            header,
            before: before.to_vec(),
            behind: behind.to_vec(),
            spec: route.spec.clone(),
            live: route.live.clone(),
        });
        Ok(Ok(route))
    }
}
