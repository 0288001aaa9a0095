//! What people and other programs do to that which netprof has made: they put their own in
//! its place, write below its mark, or click one setting of many.

use netprof_model::file::FileState;
use netprof_model::plan::{Change, Plan};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::STORE_MARK;
use netprof_model::route::Protocol;
use netprof_model::{Resource, State};

/// One edit.
pub(super) struct Edit {
    /// From what netprof made to what somebody makes of it.
    pub(super) change: Change,
    /// Whether it touches anything that netprof made.
    pub(super) touches: bool,
    /// What must be there once netprof is gone.
    pub(super) left: Option<State>,
}

/// What there is to do to each of `changes`.
pub(super) fn of(changes: &[Change]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for change in changes {
        let Some(made) = &change.after else { continue };
        let edit = |theirs: State, touches, left: State| Edit {
            change: Change {
                before: change.after.clone(),
                after: Some(theirs),
                ..change.clone()
            },
            touches,
            left: Some(left),
        };
        if let Some(made) = made.settings() {
            let original = change.original.as_ref().and_then(State::settings);
            let original = original.cloned().unwrap_or_default();
            let is_proxies = matches!(change.resource, Resource::Proxies { .. });
            let mut keys = made.keys();
            let own = keys.find(|key| made.get(*key) != original.get(*key));
            // No profile here says anything of SOCKS.
            for (key, touches) in [
                (own.map(String::as_str), true),
                (Some("SOCKSEnable"), false),
            ] {
                let Some(key) = key else { continue };
                let with = |all: &Dictionary| {
                    let mut all = all.clone();
                    all.insert(key.to_owned(), Value::Integer(4242));
                    match is_proxies {
                        true => State::Proxies(all),
                        false => State::Settings(all),
                    }
                };
                edits.push(edit(with(made), touches, with(&original)));
            }
            continue;
        }
        let whole = others(made).into_iter();
        let whole = whole.filter(|theirs| change.original.as_ref() != Some(theirs));
        edits.extend(whole.map(|theirs| edit(theirs.clone(), true, theirs)));
    }
    edits
}

/// What a plan says is as somebody else made it, all of it or a setting.
pub(super) fn named(plan: &Plan) -> impl Iterator<Item = &Resource> {
    let says = |change: &&Change| {
        let mut reasons = change.reasons.iter();
        reasons.any(|reason| reason.text.contains("is left as it is"))
    };
    let kept = plan.kept.iter().map(|one| &one.resource);
    let parts = plan.changes.iter().filter(says);
    kept.chain(parts.map(|change| &change.resource))
}

/// What somebody else might make of `state`.
fn others(state: &State) -> Vec<State> {
    let mut theirs = state.clone();
    match &mut theirs {
        State::Route(spec) => spec.protocol = Protocol::BOOT,
        State::Rule(spec) => spec.protocol = Protocol::BOOT,
        State::Address(spec) => spec.scope += 1,
        State::DnsLink(dns) => dns.servers.clear(),
        State::DnsDelegate(dns) => dns.servers.clear(),
        State::Store(all) => {
            all.insert("SearchOrder".to_owned(), Value::Integer(7));
            let below = theirs.clone();
            if let State::Store(all) = &mut theirs {
                all.remove(STORE_MARK);
            }
            return vec![theirs, below];
        }
        State::File(file) => {
            let below = FileState::text(file.lossy() + "nameserver 192.0.2.1\n");
            let other = FileState::text("nameserver 192.0.2.1\n");
            return [other, below].map(State::File).to_vec();
        }
        State::Mtu { mtu } => *mtu -= 1,
        // Looked at setting by setting.
        State::Proxies(_) | State::Settings(_) => return Vec::new(),
        State::NftTable(table) => table.others.push("counter".to_owned()),
        // It is up or down, and both are somebody's.
        State::LinkUp { .. } => return Vec::new(),
    }
    vec![theirs]
}
