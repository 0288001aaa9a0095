//! Waiting for a condition, where no event can be had.
//!
//! Daemons have no one way to say that they are ready. So the condition itself
//! is asked again and again, for a bounded time, and what it last looked like
//! is part of the failure.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Long for a test machine that is busy; short of the limit of a test.
pub(crate) const SOON: Duration = Duration::from_secs(15);

const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_some(what, || if condition() { Ok(()) } else { Err("not yet") });
}

/// Waits until `look` sees `expected`.
#[track_caller]
pub(crate) fn until_sees<T: Debug + PartialEq<U>, U: Debug + ?Sized>(
    what: &str,
    expected: &U,
    mut look: impl FnMut() -> T,
) {
    until_some(what, || {
        let seen = look();
        if seen == *expected { Ok(()) } else { Err(seen) }
    });
}

/// Waits until `attempt` is `Ok`, and returns what it found.
#[track_caller]
pub(crate) fn until_some<T, E: Debug>(what: &str, attempt: impl FnMut() -> Result<T, E>) -> T {
    match within(SOON, attempt) {
        Ok(found) => found,
        Err(last) => panic!("{what}: not within {} s; last: {last:?}", SOON.as_secs()),
    }
}

/// Tries for a time; the last error if that was not enough. Always tries once.
pub(crate) fn within<T, E>(
    time: Duration,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let deadline = Instant::now() + time;
    loop {
        match attempt() {
            Ok(found) => return Ok(found),
            Err(last) if Instant::now() >= deadline => return Err(last),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
