//! `netprof list`: the profiles there are, which is active, which match now; and the
//! tunnels and routes that no profile ever means.

use std::fmt::Write;

use netprof_model::plan::ProfileRef;
use netprof_model::route::Route;
use netprof_model::snapshot::Os;
use netprof_model::{Diagnostic, Section, Severity, Snapshot};
use netprof_plan::macos::phantom;
use netprof_plan::{Fits, Need, Routes, fits};
use netprof_profile::{Found, Resolved};
use serde_json::{Value, json};

use super::{Result, transaction};
use crate::answer::Answer;
use crate::context::{Context, HERE, absolute};

/// Lists the profiles.
pub fn run(context: &Context) -> Result {
    let listing = context.library.list();
    let mut diagnostics: Vec<Diagnostic> = listing.diagnostics;
    let active = match context.folder.held() {
        Ok(held) => held.active().cloned(),
        Err(error) => {
            // The list is whole without it, but for one mark.
            diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                ..transaction::refusal(&context.invocation, &error)
            });
            None
        }
    };
    let resolved = |found: &Found| {
        let what = format!("{}#{}", found.file.display(), found.name);
        context.library.resolve(&what, HERE).ok()
    };
    let profiles: Vec<_> = listing.profiles.iter().map(resolved).collect();
    let matches_by_owner = |one: &Resolved| {
        let mut links = one.profile.links.iter();
        links.any(|link| link.matching.owner.is_some())
    };
    let need = Need {
        resolver: true,
        // Whether a tunnel is idle is a matter of who holds it, and so are links that are
        // matched by their owner.
        owners: HERE == Os::Macos || profiles.iter().flatten().any(matches_by_owner),
        routes: Routes::of_defaults(),
        ..Need::default()
    };
    // Whether a profile fits has nothing to do with what is held.
    let snapshot = context.observe(need, Section::Unread)?;
    let rows: Vec<Row> = listing
        .profiles
        .iter()
        .zip(&profiles)
        .map(|(found, resolved)| Row {
            is_active: is_active(found, active.as_ref()),
            found,
            fits: resolved.as_ref().map(|one| fits(&one.profile, &snapshot)),
        })
        .collect();
    let mut text = String::new();
    if rows.is_empty() {
        let folders = context.library.folders().iter();
        let folders: Vec<String> = folders.map(|folder| folder.display().to_string()).collect();
        let _ = writeln!(text, "No profile is in {}", folders.join(", "));
    }
    let width = rows
        .iter()
        .map(|row| row.found.name.as_str().len())
        .max()
        .unwrap_or(0);
    for row in &rows {
        row.write(&mut text, width);
    }
    let passed_over = PassedOver::of(&snapshot);
    passed_over.write(&mut text);
    let body = json!({
        "active": active,
        "profiles": rows.iter().map(Row::object).collect::<Vec<_>>(),
        "idle_links": passed_over.links,
        "stale_routes": passed_over.routes.iter().map(|route| route.key.to_string()).collect::<Vec<_>>(),
    });
    Ok(Answer::done(text, body).with(diagnostics, listing.sources))
}

fn is_active(found: &Found, active: Option<&ProfileRef>) -> bool {
    active.is_some_and(|active| {
        active.name == found.name.as_str() && absolute(&found.file) == active.file
    })
}

/// What is there, leads nowhere, and is never meant by a profile.
struct PassedOver<'a> {
    links: Vec<&'a str>,
    routes: Vec<&'a Route>,
}

impl<'a> PassedOver<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        if snapshot.os != Os::Macos {
            return Self {
                links: Vec::new(),
                routes: Vec::new(),
            };
        }
        let links = phantom::phantoms(snapshot).into_iter();
        Self {
            links: links.map(|link| link.name.as_str()).collect(),
            routes: phantom::stale_routes(snapshot),
        }
    }

    fn write(&self, text: &mut String) {
        if !self.links.is_empty() {
            let _ = writeln!(
                text,
                "\nIdle tunnels, which no `match` means: {}",
                self.links.join(", ")
            );
        }
        for route in &self.routes {
            let dev = route.devices().next().unwrap_or("a link");
            let _ = writeln!(
                text,
                "\nA route to {} leads through {dev}, which is down or gone",
                route.key.dst
            );
        }
    }
}

/// One profile.
struct Row<'a> {
    found: &'a Found,
    is_active: bool,
    fits: Option<Fits>,
}

impl Row<'_> {
    fn write(&self, text: &mut String, width: usize) {
        let found = self.found;
        let mark = if self.is_active { '*' } else { ' ' };
        let mut notes = Vec::new();
        if found.broken {
            notes.push("broken".to_owned());
        }
        if found.shadowed {
            notes.push("shadowed by an earlier folder".to_owned());
        }
        if found.ambiguous {
            notes.push("two files of this folder have it".to_owned());
        }
        match &self.fits {
            Some(Fits::Yes) => notes.push("matches now".to_owned()),
            Some(Fits::No(why)) => notes.push(format!("does not match: {why}")),
            Some(Fits::Unknown(why)) => notes.push(format!("may match: {why}")),
            Some(Fits::ByHand) | None => {}
        }
        let name = found.name.as_str();
        let description = found.description.as_deref().unwrap_or("");
        let _ = writeln!(
            text,
            "{}",
            format!("{mark} {name:width$}  {description}").trim_end()
        );
        let mut under = found.file.display().to_string();
        for note in notes {
            let _ = write!(under, "; {note}");
        }
        let _ = writeln!(text, "  {:width$}  {under}", "");
    }

    fn object(&self) -> Value {
        let (matches, why) = match &self.fits {
            None => (None, None),
            Some(Fits::ByHand) => (Some("by-hand"), None),
            Some(Fits::Yes) => (Some("yes"), None),
            Some(Fits::No(why)) => (Some("no"), Some(why)),
            Some(Fits::Unknown(why)) => (Some("unknown"), Some(why)),
        };
        json!({
            "name": self.found.name,
            "description": self.found.description,
            "file": self.found.file,
            "active": self.is_active,
            "broken": self.found.broken,
            "shadowed": self.found.shadowed,
            "ambiguous": self.found.ambiguous,
            "matches": matches,
            "why": why,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be made has failed")]

    use netprof_model::link::{Address, Link};
    use netprof_model::route::{Hop, RouteKey, RouteLive, RouteSpec};

    use super::*;

    #[test]
    fn what_no_profile_means_is_shown() {
        let utun = |index, name: &str| Link {
            kind: Some("utun".to_owned()),
            ..Link::new(index, name)
        };
        let address = Address {
            dev: "utun4".to_owned(),
            local: "10.8.0.6/32".parse().unwrap(),
            peer: None,
            scope: 0,
            dynamic: false,
            secondary: false,
        };
        let left_behind = Route {
            key: RouteKey::unscoped("10.0.0.0/8".parse().unwrap()),
            spec: RouteSpec {
                hops: vec![Hop::through("utun7", None)],
                ..RouteSpec::default()
            }
            .into(),
            live: RouteLive::default(),
            owner: netprof_model::Owner::Unknown,
        };
        let mut mac = Snapshot {
            links: Section::Seen(vec![
                Link::new(4, "en0"),
                utun(16, "utun0"),
                utun(17, "utun1"),
                utun(20, "utun4"),
            ]),
            addresses: Section::Seen(vec![address]),
            routes: Section::Seen(vec![left_behind]),
            store: Section::Seen(netprof_model::configd::Store::default()),
            ..Snapshot::empty(Os::Macos)
        };
        let mut text = String::new();
        PassedOver::of(&mac).write(&mut text);
        assert_eq!(
            text,
            "\nIdle tunnels, which no `match` means: utun0, utun1\n\
             \nA route to 10.0.0.0/8 leads through utun7, which is down or gone\n"
        );
        mac.os = Os::Linux;
        text.clear();
        PassedOver::of(&mac).write(&mut text);
        assert_eq!(text, "");
    }
}
