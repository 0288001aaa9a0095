//! A plan in the making: what must hold, before it is compared with what is.

use std::borrow::Cow;

use ipnet::IpNet;
use netprof_model::dns::DnsServer;
use netprof_model::link::{Link, LinkId, LinkManager};
use netprof_model::plan::{Expectation, Reason, Row, Standing};
use netprof_model::positions::Positions;
use netprof_model::profile::Spanned;
use netprof_model::resource::Lasts;
use netprof_model::route::{Protocol, Route};
use netprof_model::rule::{RuleKey, RuleSpec};
use netprof_model::shared::Shared;
use netprof_model::{Diagnostic, Location, Owner, Resource, State};

use crate::claim::{Claim, DnsClaim};

/// What one resource must hold.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) resource: Resource,
    pub(crate) state: State,
    pub(crate) lasts: Lasts,
    pub(crate) link: Option<Shared<LinkId>>,
    pub(crate) manager: Option<LinkManager>,
    /// Whether what somebody else holds there may be replaced.
    pub(crate) replace: bool,
    pub(crate) reasons: Vec<Reason>,
}

impl Wanted {
    /// Something of netprof's own, which goes with `link` where it is on one.
    pub(crate) fn new(
        resource: Resource,
        state: State,
        link: Option<&Link>,
        reasons: Vec<Reason>,
    ) -> Self {
        Self {
            resource,
            state,
            lasts: if link.is_some() {
                Lasts::Link
            } else {
                Lasts::Boot
            },
            link: link.map(|link| link.id().into()),
            manager: None,
            replace: false,
            reasons,
        }
    }

    /// A rule of netprof's own.
    pub(crate) fn rule(key: RuleKey, reasons: Vec<Reason>) -> Self {
        let spec = RuleSpec {
            protocol: Protocol::NETPROF,
        };
        Self::new(
            Resource::Rule(Box::new(key)),
            State::Rule(spec),
            None,
            reasons,
        )
    }
}

/// Everything that a profile wants of one machine, and what there is to say about it.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) wanted: Vec<Wanted>,
    at: Positions,
    pub(crate) rows: Vec<Row>,
    /// The networks that are kept reachable.
    pub(crate) kept: Vec<IpNet>,
    /// What must win, to be looked at once the changes are known.
    pub(crate) claims: Vec<Claim>,
    /// Who must answer which names, likewise.
    pub(crate) dns_claims: Vec<DnsClaim>,
    /// Servers that must be reached, and through which link.
    pub(crate) servers: Vec<(Spanned<DnsServer>, Option<String>, Reason)>,
    pub(crate) expectations: Vec<Expectation>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Draft {
    /// Wants it. What is wanted twice and alike is wanted for two reasons; what is
    /// wanted in two ways is a contradiction of the profile's.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        let Some(at) = self.place(&wanted.resource) else {
            self.at.insert(&wanted.resource, self.wanted.len());
            self.wanted.push(wanted);
            return;
        };
        let there = &mut self.wanted[at];
        if there.state == wanted.state {
            let new = wanted.reasons.into_iter();
            let new: Vec<Reason> = new
                .filter(|reason| !there.reasons.contains(reason))
                .collect();
            there.reasons.extend(new);
            return;
        }
        let said = |reasons: &[Reason]| match reasons.first() {
            Some(Reason {
                at: Some(at), text, ..
            }) => format!("`{text}` in line {}", at.line),
            Some(Reason { text, .. }) => text.to_string(),
            None => "another line".to_owned(),
        };
        let message = format!(
            "{} and {} want {} to be two things",
            said(&there.reasons),
            said(&wanted.reasons),
            wanted.resource
        );
        let reason = wanted
            .reasons
            .first()
            .cloned()
            .unwrap_or_else(|| Reason::plain(""));
        self.row(
            Standing::Blocked,
            wanted.resource.to_string(),
            &message,
            &reason,
        );
        self.diagnostics.push(
            Diagnostic::error("plan::contradiction", message)
                .at(reason.at)
                .help("say it once: a network behind the LAN is either kept or routed"),
        );
    }

    /// Whether there is anything to look at once the changes are known.
    pub(crate) fn claims_anything(&self) -> bool {
        !(self.claims.is_empty() && self.dns_claims.is_empty() && self.servers.is_empty())
    }

    /// What is wanted of `resource`.
    pub(crate) fn wants(&self, resource: &Resource) -> Option<&Wanted> {
        self.place(resource).map(|at| &self.wanted[at])
    }

    /// Where it is in `wanted`.
    fn place(&self, resource: &Resource) -> Option<usize> {
        self.at.find(resource, |at| {
            self.wanted.get(at).map(|wanted| &wanted.resource)
        })
    }

    /// Takes out what is wanted: nothing more can be.
    pub(crate) fn take_wanted(&mut self) -> Vec<Wanted> {
        self.at = Positions::default();
        std::mem::take(&mut self.wanted)
    }

    /// Adds a row.
    pub(crate) fn row(
        &mut self,
        standing: Standing,
        subject: impl Into<String>,
        detail: impl Into<String>,
        reason: &Reason,
    ) {
        self.rows.push(Row {
            standing,
            subject: Cow::Owned(subject.into()),
            resource: None,
            detail: detail.into(),
            reason: reason.clone(),
        });
    }

    /// Says that a resource is as it must be.
    pub(crate) fn unchanged(&mut self, resource: Resource, state: State, reason: Reason) {
        self.rows.push(Row {
            standing: Standing::Unchanged,
            subject: reason.text.clone(),
            resource: Some((resource, state)),
            detail: String::new(),
            reason,
        });
    }

    /// Says that somebody else's route does what a declared one would: as it is, and whose.
    pub(crate) fn is_there(&mut self, route: &Route, reason: &Reason) {
        let resource = Resource::Route(route.key.clone());
        self.unchanged(resource, State::Route(route.spec.clone()), reason.clone());
        if let Some(row) = self.rows.last_mut()
            && !matches!(route.owner, Owner::Netprof | Owner::Unknown)
        {
            row.detail = format!("owner {}", route.owner.who());
        }
    }

    /// Refuses `subject`: an error at `at`, and a blocked row that keeps its place in
    /// the plan.
    pub(crate) fn refuse(
        &mut self,
        subject: impl Into<String>,
        reason: &Reason,
        diagnostic: Diagnostic,
        at: &Location,
    ) {
        self.row(
            Standing::Blocked,
            subject,
            diagnostic.message.clone(),
            reason,
        );
        self.diagnostics.push(diagnostic.at(at.clone()));
    }
}
