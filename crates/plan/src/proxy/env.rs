//! `export "env"`: variables for shells, and for what a person's service manager starts.
//!
//! There is one file. The manager reads it whenever it starts (environment.d(5)), and
//! `netprof env` for each shell. The manager that runs already is told besides, over the bus
//! of its person: what it starts from now on has the variables, which on most desktops is
//! every program. What runs already keeps what it was started with; nothing can change that.

use netprof_model::file::{Content, FileState};
use netprof_model::plan::{Reason, Standing};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::profile::{Export, Proxy, Spanned};
use netprof_model::resource::Lasts;
use netprof_model::settings::Settings;
use netprof_model::snapshot::Os;
use netprof_model::user::User;
use netprof_model::{Diagnostic, Resource, Section, Snapshot, State};

use super::environment::{self, Variable};
use super::variables;
use crate::draft::{Draft, Wanted};

/// Wants the file and the manager's variables.
pub(super) fn desire(proxy: &Proxy, told: &Spanned<Export>, base: &Snapshot, draft: &mut Draft) {
    let reason = Reason::line(&told.at, "proxy export \"env\"");
    let mut omit = |subject: &str, why: &str| {
        draft.row(Standing::Omitted, subject, why, &reason);
    };
    let named = variables::of(proxy);
    if proxy.pac.is_some() {
        let why = "no variable names a PAC file, and no program that goes by variables reads one";
        omit("proxy pac", why);
    }
    if named.is_empty() {
        if proxy.pac.is_none() {
            omit("proxy", "no proxy is named");
        }
        return;
    }
    let Some(user) = super::whose(base, told, &reason, draft) else {
        return;
    };
    say_if_root(user, told, draft);
    let variables = variables::with_names(named);
    want_file(proxy, user, &variables, &reason, base.os, draft);
    match base.os {
        Os::Linux => want_of_manager(user, &variables, &reason, base, draft),
        Os::Macos => {
            let subject = format!("environment of {}", user.name);
            let why = "macOS starts apps without these; most of them go by `export \"system\"`";
            draft.row(Standing::Omitted, subject, why, &reason);
        }
    }
}

/// Under sudo it is the one who called it.
fn say_if_root(user: &User, told: &Spanned<Export>, draft: &mut Draft) {
    if user.uid != 0 {
        return;
    }
    draft.diagnostics.push(
        Diagnostic::note(
            "plan::for-root",
            format!("these are variables for {} alone, who runs this", user.name),
        )
        .at(told.at.clone())
        .help("to have them yourself, call netprof by sudo from your own shell"),
    );
}

fn want_file(
    proxy: &Proxy,
    user: &User,
    variables: &[Variable],
    reason: &Reason,
    os: Os,
    draft: &mut Draft,
) {
    let text = environment::write("proxy, for `netprof env`", variables);
    let file = FileState::Regular {
        content: Content(text.into_bytes()),
        mode: if super::has_password(proxy) {
            0o600
        } else {
            0o644
        },
        uid: user.uid,
        gid: user.gid,
    };
    let path = environment::of(user, os);
    draft.want(Wanted {
        lasts: Lasts::Durable,
        ..Wanted::new(
            Resource::File { path },
            State::File(file),
            None,
            vec![reason.clone()],
        )
    });
}

/// The file outlives the manager, and what it has read from there when it was started is
/// netprof's doing as well: so these are durable like it.
fn want_of_manager(
    user: &User,
    variables: &[Variable],
    reason: &Reason,
    base: &Snapshot,
    draft: &mut Draft,
) {
    let settings = Settings::Environment {
        user: user.name.clone(),
    };
    let mut live = base.settings.items().iter();
    let live = live.find(|one| one.settings == settings);
    let mut all = match live.map(|live| &live.holds) {
        Some(Section::Seen(all)) => all.clone(),
        Some(Section::Absent) => {
            let why = "no service manager of theirs is on a bus: it reads the file when it starts";
            draft.row(Standing::Omitted, settings.to_string(), why, reason);
            return;
        }
        // It is said of the resource why.
        _ => Dictionary::new(),
    };
    let values = variables.iter().cloned();
    all.extend(values.map(|(name, value)| (name, Value::String(value))));
    draft.want(Wanted {
        lasts: Lasts::Durable,
        // What a login shell has put there is put back by a release.
        replace: true,
        ..Wanted::new(
            Resource::Settings(settings),
            State::Settings(all),
            None,
            vec![reason.clone()],
        )
    });
}
