//! `proxy { export "desktop"; }` on Linux: what GNOME and KDE programs are told.
//!
//! There is no one place. GNOME's programs, and others that follow it, go by keys of the
//! user's dconf database; KDE's by a file. Whichever of the two a person has is told, and
//! both where there are both: which session is open says nothing of the programs that run
//! in it. Each has a mode in which proxies are named by hand, and one in which a PAC file is
//! asked, and nothing else.
//!
//! A proxy that the profile does not name is none: what somebody else has named for another
//! scheme would come alive with the mode, so it is emptied, and given back by a release.
//! Everything else stays as it is.
//!
//! No desktop is told a user or a password. GNOME has keys for them, which every program of
//! that person can read, and KDE has none; both ask where a proxy asks.

mod endpoint;
pub mod gnome;
pub mod kde;

use netprof_model::plan::{Reason, Standing};
use netprof_model::plist::Dictionary;
use netprof_model::profile::{Export, Proxy, Spanned};
use netprof_model::resource::Lasts;
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::user::User;
use netprof_model::{Diagnostic, Resource, Section, Snapshot, State};

use crate::draft::{Draft, Wanted};
use crate::proxy::whose;
use endpoint::Endpoint;

/// Wants what desktops are told.
pub(crate) fn desire(proxy: &Proxy, told: &Spanned<Export>, base: &Snapshot, draft: &mut Draft) {
    let reason = Reason::line(&told.at, NODE);
    let Some(said) = Said::of(proxy, draft) else {
        return;
    };
    if said.is_nothing() {
        draft.row(Standing::Omitted, NODE, "no proxy is named", &reason);
        return;
    }
    let Some(user) = whose(base, told, &reason, draft) else {
        return;
    };
    let Section::Seen(all) = &base.settings else {
        let standing = base.settings.standing();
        let error = Diagnostic::error(
            "plan::not-known",
            format!("settings of the snapshot are {standing}: what desktops go by is not known"),
        )
        .help("take the snapshot anew");
        draft.refuse(NODE, &reason, error, &told.at);
        return;
    };
    let gnome = all.iter().find(|one| is_gnome_of(user, &one.settings));
    let kde = all.iter().find(|one| is_kde_of(user, &one.settings));
    if gnome.is_none() && kde.is_none() {
        let User { name, home, .. } = user;
        let (gnome, kde) = (gnome::DATABASE, kde::FILE);
        let why =
            format!("{name} has no desktop: neither {home}/{gnome} nor {home}/{kde} is there");
        draft.row(Standing::Omitted, NODE, why, &reason);
    }
    if let Some(gnome) = gnome {
        want(gnome, &said, gnome::over, told, draft);
    }
    if let Some(kde) = kde {
        match kde::cannot_say(&said) {
            Some((error, at)) => draft.refuse(NODE, &Reason::line(at, NODE), error, at),
            None => want(kde, &said, kde::over, told, draft),
        }
    }
}

const NODE: &str = "proxy export \"desktop\"";

fn is_gnome_of(user: &User, settings: &Settings) -> bool {
    matches!(settings, Settings::Gnome { user: of } if *of == user.name)
}

fn is_kde_of(user: &User, settings: &Settings) -> bool {
    matches!(settings, Settings::Kde { user: of, .. } if *of == user.name)
}

/// Puts what is said over what a desktop goes by; with what was emptied or left out, in
/// words.
type Over = fn(&Said<'_>, &mut Dictionary) -> Vec<String>;

fn want(
    live: &LiveSettings,
    said: &Said<'_>,
    over: Over,
    told: &Spanned<Export>,
    draft: &mut Draft,
) {
    let resource = Resource::Settings(live.settings.clone());
    let reason = Reason::line(&told.at, NODE);
    if let Section::Unreadable(why) = &live.holds {
        let error = Diagnostic::error(
            "plan::not-known",
            format!("{} cannot be read: {why}", live.settings),
        )
        .help("put that right, or leave \"desktop\" out of `export`");
        draft.refuse(resource.to_string(), &reason, error, &told.at);
        return;
    }
    let before = live.holds.seen().cloned().unwrap_or_default();
    let mut after = before.clone();
    let notes = over(said, &mut after);
    let mut locked = live.locked.iter();
    if let Some(key) = locked.find(|key| before.get(*key) != after.get(*key)) {
        let error = Diagnostic::error(
            "plan::locked",
            format!(
                "{} has `{key}` locked by an administrator: programs would pass over it",
                live.settings
            ),
        )
        .label("cannot be told")
        .help("ask who set up this machine, or leave \"desktop\" out of `export`");
        draft.refuse(resource.to_string(), &reason, error, &told.at);
        return;
    }
    let mut reasons = vec![reason];
    reasons.extend(notes.into_iter().map(Reason::plain));
    draft.want(Wanted {
        lasts: Lasts::Durable,
        // What a person clicked is kept whole, and given back by a release.
        replace: true,
        ..Wanted::new(resource, State::Settings(after), None, reasons)
    });
}

/// What a profile says of proxies, as far as a desktop can be told.
struct Said<'a> {
    /// Those for http, for https and for SOCKS, in this order.
    named: [Option<Spanned<Endpoint>>; 3],
    /// The address of a PAC file, which desktops ask alone.
    pac: Option<&'a str>,
    bypass: &'a [Spanned<String>],
}

impl<'a> Said<'a> {
    /// None where it cannot be said to any desktop: diagnostics say why.
    fn of(proxy: &'a Proxy, draft: &mut Draft) -> Option<Self> {
        let mut refused = false;
        let mut refuse = |error: Diagnostic, at| {
            refused = true;
            draft.refuse(NODE, &Reason::line(at, NODE), error, at);
        };
        let named = [&proxy.http, &proxy.https, &proxy.socks].map(|url| {
            let Spanned { value, at } = url.as_ref()?;
            let endpoint = Endpoint::of(value).map_err(|error| refuse(error, at));
            endpoint.ok().map(|value| Spanned {
                value,
                at: at.clone(),
            })
        });
        let pac = proxy.pac.as_ref();
        if let Some(Spanned { value, at }) = pac
            && let Err(error) = endpoint::without_user(value)
        {
            refuse(error, at);
        }
        (!refused).then_some(Self {
            named,
            pac: pac.map(|pac| pac.value.secret()),
            bypass: &proxy.bypass,
        })
    }

    /// Each scheme, and its proxy where one is named.
    fn schemes(&self) -> impl Iterator<Item = (&'static str, Option<&Endpoint>)> {
        let named = self.named.iter().map(|one| Some(&one.as_ref()?.value));
        ["http", "https", "socks"].into_iter().zip(named)
    }

    fn names_any(&self) -> bool {
        self.named.iter().any(Option::is_some)
    }

    fn is_nothing(&self) -> bool {
        !self.names_any() && self.pac.is_none() && self.bypass.is_empty()
    }

    /// That a desktop is not told all of it, in words.
    fn left_out(&self) -> Option<String> {
        let mut named = self.named.iter().flatten();
        named
            .any(|one| one.value.has_user)
            .then(|| "without user and password: the desktop asks for them".to_owned())
    }
}
