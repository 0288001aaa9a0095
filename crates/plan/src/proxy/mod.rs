//! `proxy`: who is told of proxies, and in which words.
//!
//! What is a person's own is told alike on every system, here: variables, and the Docker
//! client. What a system itself keeps is that system's ([`crate::macos`]), and so are
//! desktops ([`crate::linux::desktop`]).

mod docker;
mod env;
pub mod environment;
pub(crate) mod exceptions;
mod kept;
mod variables;

use netprof_model::plan::{Reason, Standing};
use netprof_model::profile::{Export, Profile, Proxy, ProxyUrl, Spanned};
use netprof_model::snapshot::Os;
use netprof_model::user::User;
use netprof_model::{Diagnostic, Snapshot};

use crate::draft::Draft;
use crate::linux::desktop;

pub use variables::{NAMES, is_variable};

/// Wants each place to be told that is a person's own.
pub(crate) fn desire(profile: &Profile, base: &Snapshot, draft: &mut Draft) {
    let Some(proxy) = &profile.proxy else {
        return;
    };
    if proxy.export.is_empty() {
        let reason = Reason::line(&proxy.at, "proxy");
        let detail = "no `export`: nobody is told";
        draft.row(Standing::Omitted, "proxy", detail, &reason);
    }
    for told in &proxy.export {
        match (told.value, base.os) {
            (Export::Env, _) => env::desire(proxy, told, base, draft),
            (Export::Docker, _) => docker::desire(proxy, told, base, draft),
            (Export::System, Os::Linux) => refuse_system(told, draft),
            (Export::Desktop, Os::Linux) => desktop::desire(proxy, told, base, draft),
            (Export::System | Export::Desktop, Os::Macos) => {}
        }
    }
    kept::check(proxy, draft);
}

fn refuse_system(told: &Spanned<Export>, draft: &mut Draft) {
    let error = Diagnostic::error(
        "plan::no-system-proxies",
        "Linux keeps no proxies for all programs: each asks somebody else",
    )
    .label("there is no such place on Linux")
    .help("say who is to be told: export \"env\" \"desktop\" \"docker\"; \"system\" belongs into an `os \"macos\"` block");
    let node = "proxy export \"system\"";
    draft.refuse(node, &Reason::line(&told.at, node), error, &told.at);
}

/// The person who is told; it is refused where nobody knows who that is, which is so of an
/// older snapshot as well.
pub(crate) fn whose<'a>(
    base: &'a Snapshot,
    told: &Spanned<Export>,
    reason: &Reason,
    draft: &mut Draft,
) -> Option<&'a User> {
    if base.user.is_none() {
        let error = Diagnostic::error(
            "plan::not-known",
            "the snapshot does not say whose programs are to be told",
        )
        .label("nobody to tell")
        .help("take the snapshot anew, as a user that `getent passwd` knows");
        draft.refuse(reason.text.clone(), reason, error, &told.at);
    }
    base.user.as_ref()
}

/// The URLs of proxies that `proxy` names, each for some sort of traffic.
fn named(proxy: &Proxy) -> impl Iterator<Item = &Spanned<ProxyUrl>> {
    [&proxy.http, &proxy.https, &proxy.socks]
        .into_iter()
        .flatten()
}

/// Whether any of them has a password.
fn has_password(proxy: &Proxy) -> bool {
    named(proxy).any(|url| url.value.redacted() != url.value.secret())
}
