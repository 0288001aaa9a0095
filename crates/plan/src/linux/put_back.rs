//! Whether a dumped route can be put back exactly.

use netprof_model::route::Route;

/// Whether `route` could be put back exactly once it was deleted.
///
/// # Errors
///
/// Why not, in words.
pub fn can_put_back(route: &Route) -> Result<(), String> {
    if route.live.dead {
        return Err("a link of it is down".to_owned());
    }
    Ok(())
}
