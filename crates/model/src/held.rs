//! What netprof holds: what it made, and what was there before.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::plan::ProfileRef;
use crate::plist::Dictionary;
use crate::resource::{Lasts, Place, Resource, State};
use crate::settings::{MANAGER, is_alike};

/// The version of what is held, as a snapshot has it. `held.json` is written more closely,
/// and has a version of its own.
pub const VERSION: u32 = 1;

/// What netprof holds at the moment: a summary of its journals, from which it can
/// be derived anew at any time. It holds no secrets: any user may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The version of the format.
    pub version: u32,
    /// The newest transaction that is summed up here; 0 for none.
    pub through: u64,
    /// Committed transactions that can be undone, oldest first.
    pub stack: Vec<Committed>,
    /// What is held, in the order in which it was first taken.
    pub resources: Vec<HeldResource>,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            version: VERSION,
            through: 0,
            stack: Vec::new(),
            resources: Vec::new(),
        }
    }
}

impl Held {
    /// The profile of the newest transaction that was not undone; none after a release.
    #[must_use]
    pub fn active(&self) -> Option<&ProfileRef> {
        self.stack.last().and_then(|newest| newest.profile.as_ref())
    }

    /// What is held of `resource`.
    #[must_use]
    pub fn get(&self, resource: &Resource) -> Option<&HeldResource> {
        self.resources
            .iter()
            .find(|held| &held.resource == resource)
    }
}

/// One committed transaction that was not undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Its number, from 1.
    pub transaction: u64,
    /// The profile that it made so; none for a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileRef>,
}

/// One resource that netprof holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldResource {
    /// Which.
    pub resource: Resource,
    /// What was there before netprof first touched it; none if it was absent.
    #[serde(default)]
    pub original: Option<State>,
    /// What netprof made of it; none if it removed it.
    #[serde(default)]
    pub committed: Option<State>,
    /// The transaction that committed this.
    pub transaction: u64,
    /// Where it lives.
    pub place: Place,
    /// How long it lasts.
    pub lasts: Lasts,
    /// Whether it is there for a network that its link is in, and for nothing else: it
    /// is for nothing once the link has left that network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_network: bool,
    /// Whether a password was left out of what was there or of what was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
}

impl HeldResource {
    /// What would be there in the place of `live`, had netprof never been.
    #[must_use]
    pub fn without(&self, live: Option<&State>) -> TakenBack {
        let live = self.as_recorded(live);
        taken_back(
            live.as_deref(),
            self.committed.as_ref(),
            self.original.as_ref(),
        )
    }

    /// Whether everything that netprof made of it is in `live`.
    #[must_use]
    pub fn holds(&self, live: Option<&State>) -> bool {
        let live = self.as_recorded(live);
        let (live, made, found) = (
            live.as_deref(),
            self.committed.as_ref(),
            self.original.as_ref(),
        );
        live == made
            || Sides::of(live, made, found).is_some_and(|sides| {
                let mut changed = sides.changed();
                changed.all(|key| is_alike(sides.live.get(key), sides.made.get(key)))
            })
    }

    /// The same with `***` for each password in it: what others may read.
    #[must_use]
    pub fn redacted(&self) -> Cow<'_, Self> {
        let shown = |state: &'_ Option<State>| match state.as_ref().map(State::redacted) {
            Some(Cow::Owned(shown)) => Some(shown),
            _ => None,
        };
        let (original, committed) = (shown(&self.original), shown(&self.committed));
        if original.is_none() && committed.is_none() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            original: original.or_else(|| self.original.clone()),
            committed: committed.or_else(|| self.committed.clone()),
            left_out: true,
            ..self.clone()
        })
    }

    /// `live` in the form in which this was recorded: without its passwords, where whoever
    /// reads this was not told them.
    fn as_recorded<'a>(&self, live: Option<&'a State>) -> Option<Cow<'a, State>> {
        live.map(|live| match self.left_out {
            true => live.redacted(),
            false => Cow::Borrowed(live),
        })
    }
}

/// What is there once what was made of it is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// What is there then.
    pub state: Option<State>,
    /// Whether somebody else has changed what was made, and that stays.
    pub theirs: bool,
    /// The settings that stay so, where the others are taken back.
    pub settings: Vec<String>,
}

/// What becomes of `live` where somebody made `made` of what they had `found`, and takes
/// it back.
///
/// What is as it was made goes back to what was found. What is neither was changed by
/// somebody else, and stays. Of settings a profile changes some: each of those is looked at
/// by itself, and all others are as they are now. Everything else is one piece.
///
/// What was found with a service manager that is gone is nothing to go back to.
#[must_use]
pub fn taken_back(live: Option<&State>, made: Option<&State>, found: Option<&State>) -> TakenBack {
    let fresh = found.and_then(|found| of_new_manager(live?, found));
    let found = fresh.as_ref().or(found);
    let whole = |state: Option<&State>, theirs| TakenBack {
        state: state.cloned(),
        theirs,
        settings: Vec::new(),
    };
    if live == made || live == found {
        return whole(found, false);
    }
    let Some(sides) = Sides::of(live, made, found) else {
        return whole(live, true);
    };
    let mut back = sides.live.clone();
    let mut theirs = Vec::new();
    for key in sides.changed() {
        let value = sides.live.get(key);
        if is_alike(value, sides.made.get(key)) {
            match sides.found.get(key) {
                Some(value) => back.insert(key.clone(), value.clone()),
                None => back.remove(key),
            };
        } else if !is_alike(value, sides.found.get(key)) {
            theirs.push(key.clone());
        }
    }
    if back == *sides.live {
        return whole(live, !theirs.is_empty());
    }
    TakenBack {
        state: (found.is_some() || !back.is_empty()).then(|| sides.sort.with_settings(back)),
        theirs: !theirs.is_empty(),
        settings: theirs,
    }
}

/// What is found with the manager of `live` where `found` is of another one.
fn of_new_manager(live: &State, found: &State) -> Option<State> {
    let manager = live.settings()?.get(MANAGER)?;
    let former = found.settings()?.get(MANAGER)?;
    let nothing = || Dictionary::from([(MANAGER.to_owned(), manager.clone())]);
    (manager != former).then(|| found.with_settings(nothing()))
}

static NO_SETTINGS: Dictionary = Dictionary::new();

/// The settings that each of three states consists of.
struct Sides<'a> {
    live: &'a Dictionary,
    made: &'a Dictionary,
    found: &'a Dictionary,
    /// One of the three.
    sort: &'a State,
}

impl<'a> Sides<'a> {
    /// None where one of them does not consist of settings.
    fn of(
        live: Option<&'a State>,
        made: Option<&'a State>,
        found: Option<&'a State>,
    ) -> Option<Self> {
        let of = |state: Option<&'a State>| match state {
            None => Some(&NO_SETTINGS),
            Some(state) => state.settings(),
        };
        Some(Self {
            live: of(live)?,
            made: of(made)?,
            found: of(found)?,
            sort: live.or(made).or(found)?,
        })
    }

    /// The settings that netprof changed.
    fn changed(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        let (made, found) = (self.made, self.found);
        let all: BTreeSet<&String> = made.keys().chain(found.keys()).collect();
        all.into_iter()
            .filter(move |key| *key != MANAGER && made.get(*key) != found.get(*key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::FileState;
    use crate::plist::Value;

    fn proxies(all: &[(&str, i64)]) -> Option<State> {
        let all = all.iter();
        let all = all.map(|(key, value)| ((*key).to_owned(), Value::Integer(*value)));
        Some(State::Proxies(all.collect()))
    }

    fn back(live: &Option<State>, made: &Option<State>, found: &Option<State>) -> TakenBack {
        taken_back(live.as_ref(), made.as_ref(), found.as_ref())
    }

    #[test]
    fn a_setting_that_nobody_made_anything_of_stays_as_it_is_now() {
        let found = proxies(&[("HTTPEnable", 0), ("FTPPassive", 1)]);
        let made = proxies(&[("HTTPEnable", 1), ("HTTPPort", 3128), ("FTPPassive", 1)]);
        let live = proxies(&[("HTTPEnable", 1), ("HTTPPort", 3128), ("FTPPassive", 0)]);
        let taken = back(&live, &made, &found);
        assert_eq!(
            taken.state,
            proxies(&[("HTTPEnable", 0), ("FTPPassive", 0)])
        );
        assert!(!taken.theirs);
    }

    #[test]
    fn what_a_manager_was_told_is_not_given_back_to_the_next() {
        let of = |manager: &str, all: &[(&str, &str)]| {
            let all = all.iter().copied().chain([(MANAGER, manager)]);
            let all = all.map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())));
            Some(State::Settings(all.collect()))
        };
        let found = of("1", &[("http_proxy", "http://login")]);
        let made = of("1", &[("http_proxy", "http://p"), ("no_proxy", "a")]);
        assert_eq!(back(&made, &made, &found).state, found);
        // It has read from a file what netprof has put there, whichever of them was told last.
        let next = of("2", &[("http_proxy", "http://p"), ("no_proxy", "a")]);
        for made in [&made, &next] {
            let taken = back(&next, made, &found);
            assert_eq!((taken.state, taken.theirs), (of("2", &[]), false));
        }
        let changed = of("2", &[("http_proxy", "http://own"), ("no_proxy", "a")]);
        let taken = back(&changed, &made, &found);
        assert_eq!(taken.state, of("2", &[("http_proxy", "http://own")]));
        assert_eq!(taken.settings, ["http_proxy"]);
        assert_eq!(back(&of("2", &[]), &made, &found).state, of("2", &[]));
    }

    #[test]
    fn a_setting_that_somebody_changed_since_stays_and_the_others_go_back() {
        let found = proxies(&[("HTTPEnable", 0)]);
        let made = proxies(&[("HTTPEnable", 1), ("HTTPPort", 3128)]);
        let live = proxies(&[("HTTPEnable", 1), ("HTTPPort", 80)]);
        let taken = back(&live, &made, &found);
        assert_eq!(taken.state, proxies(&[("HTTPEnable", 0), ("HTTPPort", 80)]));
        assert!(taken.theirs);
        assert_eq!(taken.settings, ["HTTPPort"]);
    }

    #[test]
    fn a_setting_that_was_only_written_anew_is_still_as_it_was_made() {
        let members = |text: &str| {
            let all = [("pools".to_owned(), Value::String(text.to_owned()))];
            Some(State::Settings(all.into()))
        };
        let (made, found) = (members("[{\"size\": 24}]"), members("[ ]"));
        let live = members("[\n  {\"size\":24}\n]");
        let taken = back(&live, &made, &found);
        assert_eq!((taken.state, taken.theirs), (found.clone(), false));
        let other = members("[{\"size\": 25}]");
        assert!(back(&other, &made, &found).theirs);
        assert!(!back(&members("[]"), &made, &found).theirs);
    }

    #[test]
    fn where_there_were_no_settings_none_are_left() {
        let made = proxies(&[("HTTPEnable", 1)]);
        assert_eq!(back(&made, &made, &None).state, None);
        let more = proxies(&[("HTTPEnable", 1), ("FTPPassive", 1)]);
        let taken = back(&more, &made, &None);
        assert_eq!(taken.state, proxies(&[("FTPPassive", 1)]));
    }

    #[test]
    fn what_is_one_piece_stays_whole_once_somebody_changed_it() {
        let file = |text: &str| Some(State::File(FileState::text(text)));
        let (made, found) = (file("# netprof: a\nb\n"), file("before\n"));
        let live = file("# netprof: a\nb\nmine\n");
        let taken = back(&live, &made, &found);
        assert_eq!((taken.state, taken.theirs), (live, true));
        assert_eq!(back(&made, &made, &found).state, found);
        assert!(!back(&found, &made, &found).theirs);
        assert!(back(&None, &made, &found).theirs);
    }
}
