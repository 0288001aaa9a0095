//! What is to be done, and why.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Location};
use crate::held::HeldResource;
use crate::link::{LinkId, LinkManager};
use crate::owner::Owner;
use crate::resource::{Lasts, Resource, State};
use crate::shared::Shared;

/// Which profile, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProfileRef {
    /// Its name.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// The SHA-256 of the resolved profile, in hexadecimal.
    pub sha256: String,
}

/// Why something is done: a line of a profile, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenReason")]
pub struct Reason {
    /// The line.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
    /// The words; most reasons are the name of a node.
    pub text: Cow<'static, str>,
    /// Whether it is a network that a link is in, and none once the link has left that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_network: bool,
}

/// A reason as it is written: serde keeps what it flattens in a tree of its own while it
/// reads, and there is a reason for each of ten thousand changes.
#[derive(Deserialize)]
struct WrittenReason {
    file: Option<Arc<str>>,
    line: Option<u32>,
    column: Option<u32>,
    length: Option<u32>,
    offset: Option<u32>,
    text: Cow<'static, str>,
    #[serde(default)]
    of_network: bool,
}

impl From<WrittenReason> for Reason {
    fn from(written: WrittenReason) -> Self {
        let WrittenReason {
            file,
            line,
            column,
            length,
            offset,
            text,
            of_network,
        } = written;
        let at = || {
            Some(Location {
                file: file?,
                line: line?,
                column: column?,
                length: length?,
                offset: offset?,
            })
        };
        Self {
            at: at(),
            text,
            of_network,
        }
    }
}

impl Reason {
    /// A reason that stands on a line of a profile.
    #[must_use]
    pub fn line(at: &Location, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at: Some(at.clone()),
            text: text.into(),
            of_network: false,
        }
    }

    /// A reason that no profile names.
    #[must_use]
    pub fn plain(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at: None,
            text: text.into(),
            of_network: false,
        }
    }

    /// That a setting which somebody has changed since stays so.
    #[must_use]
    pub fn left(setting: &str) -> Self {
        Self::plain(format!(
            "{setting} is left as it is: somebody has changed it since"
        ))
    }

    /// The same, of a network that a link is in.
    #[must_use]
    pub fn of_network(self) -> Self {
        Self {
            of_network: true,
            ..self
        }
    }

    /// Whether all of `reasons` that stand on a line are of networks that links are in.
    #[must_use]
    pub fn are_of_network(reasons: &[Self]) -> bool {
        reasons.iter().any(|reason| reason.of_network)
            && reasons
                .iter()
                .all(|reason| reason.of_network || reason.at.is_none())
    }
}

/// What a change does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It was absent.
    Add,
    /// It is there before and after.
    Change,
    /// It will be absent.
    Remove,
}

/// One resource, from what it holds to what it will hold. Swapping the two sides
/// gives the inverse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number within the plan, from 1.
    pub id: u32,
    /// Which resource.
    pub resource: Resource,
    /// What it holds now, complete; none if it is absent.
    #[serde(default)]
    pub before: Option<State>,
    /// What it will hold, complete; none if it will be absent.
    #[serde(default)]
    pub after: Option<State>,
    /// What a release puts there: what was there before netprof first touched it.
    #[serde(default)]
    pub original: Option<State>,
    /// Who owns what is there now.
    pub owner: Owner,
    /// How long it lasts.
    pub lasts: Lasts,
    /// The link that it goes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Shared<LinkId>>,
    /// The service that it must be written through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<LinkManager>,
    /// Why, and further words for a person.
    pub reasons: Vec<Reason>,
}

impl Change {
    /// What it does.
    #[must_use]
    pub fn action(&self) -> Action {
        match (&self.before, &self.after) {
            (None, _) => Action::Add,
            (Some(_), Some(_)) => Action::Change,
            (Some(_), None) => Action::Remove,
        }
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
            ..self.clone()
        }
    }
}

/// How something that needs no change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is so already.
    Unchanged,
    /// It waits for an optional link that is not there.
    Waiting,
    /// It cannot be done; the plan is refused.
    Blocked,
    /// It was asked for and is left out, with the reason.
    Omitted,
}

/// A row of a plan that is no change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// How it stands.
    pub standing: Standing,
    /// What it is about, in the words of the profile; of most the name of a node.
    pub subject: Cow<'static, str>,
    /// The resource that it is about, if it is about just one, and what that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<(Resource, State)>,
    /// More about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Why it is in the plan.
    pub reason: Reason,
}

/// What must be found when the kernel is asked, after the changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What is asked.
    pub probe: RouteProbe,
    /// What must be answered: of ten thousand routes by one gateway, the same.
    pub answer: Shared<RouteAnswer>,
    /// Why.
    pub reason: Reason,
}

/// A route look-up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteProbe {
    /// The destination.
    pub to: IpAddr,
    /// The link that the asking socket is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oif: Option<String>,
}

/// What a route look-up answers. In an expectation, `None` is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteAnswer {
    /// The table that the route was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// The link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// The gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The source address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<IpAddr>,
    /// Whether the kernel refuses to send there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreachable: bool,
}

impl RouteAnswer {
    /// Whether `given` is what was expected.
    #[must_use]
    pub fn is_met_by(&self, given: &Self) -> bool {
        fn holds<T: PartialEq>(want: Option<&T>, given: Option<&T>) -> bool {
            want.is_none() || want == given
        }
        self.unreachable == given.unreachable
            && holds(self.table.as_ref(), given.table.as_ref())
            && holds(self.dev.as_ref(), given.dev.as_ref())
            && holds(self.via.as_ref(), given.via.as_ref())
            && holds(self.src.as_ref(), given.src.as_ref())
    }
}

/// A resource that netprof held, that somebody else has changed since: it is left
/// as it is, and no longer held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which.
    pub resource: Resource,
    /// What netprof had made of it.
    #[serde(default)]
    pub committed: Option<State>,
    /// What it holds now.
    #[serde(default)]
    pub live: Option<State>,
    /// Who owns it now.
    pub owner: Owner,
}

/// A resource that is no longer held although nothing is written to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Which.
    pub resource: Resource,
    /// Why.
    pub why: DropReason,
}

/// Why a resource is no longer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DropReason {
    /// Its link, its boot or its namespace is gone.
    Expired,
    /// It is what it was before netprof came.
    Original,
    /// Somebody else has changed it.
    Foreign,
}

/// What is to be done, in the order in which it is done, and all that was found out
/// on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The profile; none for a release.
    #[serde(default)]
    pub profile: Option<ProfileRef>,
    /// The changes, in order of execution.
    pub changes: Vec<Change>,
    /// What needs no change, waits, is blocked or left out.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// What must hold afterwards.
    #[serde(default)]
    pub expectations: Vec<Expectation>,
    /// What somebody else changed and stays so.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// What is no longer held.
    #[serde(default)]
    pub dropped: Vec<Dropped>,
    /// What stays held, or is held in another way, although nothing is written to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still_held: Vec<HeldResource>,
    /// What there is to say.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// How many rows of which sort a plan has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Resources that are added.
    pub add: usize,
    /// Resources that are changed.
    pub change: usize,
    /// Resources that are removed.
    pub remove: usize,
    /// What is so already.
    pub unchanged: usize,
    /// What waits for an optional link.
    pub waiting: usize,
    /// What cannot be done.
    pub blocked: usize,
}

impl Plan {
    /// How many rows of which sort it has.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let changes = |action| self.changes.iter().filter(|c| c.action() == action).count();
        let rows = |standing| self.rows.iter().filter(|r| r.standing == standing).count();
        Summary {
            add: changes(Action::Add),
            change: changes(Action::Change),
            remove: changes(Action::Remove),
            unchanged: rows(Standing::Unchanged),
            waiting: rows(Standing::Waiting),
            blocked: rows(Standing::Blocked),
        }
    }

    /// Whether it may be carried out: nothing is blocked and no diagnostic is an error.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let is_blocked = |row: &Row| row.standing == Standing::Blocked;
        self.rows.iter().any(is_blocked) || crate::diagnostic::any_error(&self.diagnostics)
    }
}
