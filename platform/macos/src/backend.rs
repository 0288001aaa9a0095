//! macOS as a backend of the engine: the kernel and configd together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use netprof_engine::{Backend, BackendError, Mode, Refusal};
use netprof_model::file::LiveFile;
use netprof_model::plan::{Change, RouteAnswer, RouteProbe};
use netprof_model::resource::Place;
use netprof_model::snapshot::Os;
use netprof_model::{Resource, Section, Snapshot, State};
use netprof_plan::Need;
use netprof_plan::macos::owner::attribute;
use netprof_plan::proxy::environment;
use netprof_posix::changes::{each, or_refused, refusal};
use netprof_posix::{files as whole, user};

use crate::mac::Mac;
use crate::settle::{self, Awaited};
use crate::{files, holder, kernel, link, owner, preferences, settings, store};

/// This Mac, or one in its place.
#[derive(Debug, Default)]
pub struct Macos<M> {
    mac: M,
    root: PathBuf,
}

impl<M: Mac> Macos<M> {
    /// The Mac that `mac` reaches, with its files below `root`.
    #[must_use]
    pub fn of(mac: M, root: impl AsRef<Path>) -> Self {
        Self {
            mac,
            root: root.as_ref().to_owned(),
        }
    }

    fn place(&mut self) -> Result<Place, BackendError> {
        let failed = |why: String| BackendError {
            operation: "tell which boot this is".to_owned(),
            why,
        };
        // New with each boot, which the time of the boot is not: that moves with the
        // clock (bsd/kern/kern_sysctl.c).
        let bytes = self.mac.sysctl_named("kern.bootsessionuuid");
        let bytes = bytes.map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes);
        let boot = text.trim_end_matches('\0').trim();
        if boot.is_empty() {
            return Err(failed("kern.bootsessionuuid is empty".to_owned()));
        }
        Ok(Place {
            boot: boot.into(),
            // There is one network.
            netns: 0,
            link: None,
        })
    }

    /// Makes changes of one sort.
    fn apply_run(&mut self, sort: Sort, run: &[&Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        match sort {
            Sort::Route => kernel::apply_routes(&mut self.mac, run, mode),
            Sort::Names => self.apply_names(run, mode),
            Sort::Other => each(run, mode, |change| match &change.resource {
                Resource::Proxies { service } => preferences::put(
                    &mut self.mac,
                    &self.root,
                    service,
                    change.before.as_ref(),
                    change.after.as_ref(),
                    mode,
                ),
                Resource::LinkUp { .. } | Resource::Address { .. } | Resource::Mtu { .. } => {
                    link::put(&mut self.mac, change, mode)
                }
                Resource::File { path } => {
                    let (before, after) = (change.before.as_ref(), change.after.as_ref());
                    whole::put(&self.root, path, before, after, mode)
                }
                Resource::Settings(of) => {
                    let sides = (change.before.as_ref(), change.after.as_ref());
                    settings::put(&self.root, of, sides, mode)
                }
                other => Err(format!("macOS has no {}", other.kind())),
            }),
        }
    }

    /// Makes changes of what configd makes resolvers of, and waits until it has. On the
    /// way back nothing rests on that, so what is not seen in time is no failure.
    fn apply_names(&mut self, run: &[&Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        // Before the first of them: a notice that nobody listens for is lost.
        let heard = self.mac.listen();
        each(run, mode, |change| {
            let (before, after) = (change.before.as_ref(), change.after.as_ref());
            match &change.resource {
                Resource::Store { key } => store::put(&mut self.mac, key, before, after, mode),
                Resource::File { path } => files::put(&self.root, path, before, after, mode),
                other => Err(format!("{} is no matter of names", other.kind())),
            }
        })?;
        let awaited = Awaited::by(run, &self.claims(run));
        if awaited.is_empty() {
            return Ok(());
        }
        let missing = match heard {
            Ok(()) => awaited.wait(&mut self.mac),
            Err(error) => {
                let why = format!("configd's notices cannot be heard: {error}");
                run.iter().map(|change| (*change, why.clone())).collect()
            }
        };
        if missing.is_empty() || mode == Mode::Back {
            return Ok(());
        }
        Err(missing
            .into_iter()
            .map(|(change, why)| refusal(change, why))
            .collect())
    }

    /// The resolvers that all other keys and files stand for. What cannot be read stands
    /// for none.
    fn claims(&mut self, run: &[&Change]) -> Vec<settle::Claim> {
        let is_other = |resource: &Resource| run.iter().all(|change| change.resource != *resource);
        let mut claims = Vec::new();
        if let Section::Seen(store) = store::observe(&mut self.mac) {
            for (key, value) in store.0 {
                let resource = Resource::Store { key };
                if let Some(all) = value.as_dictionary().filter(|_| is_other(&resource)) {
                    let state = State::Store(all.clone());
                    claims.extend(settle::claims(&resource, Some(&state)));
                }
            }
        }
        for file in files::observe(&self.root).items() {
            let resource = Resource::File {
                path: file.path.clone(),
            };
            if is_other(&resource) {
                let state = State::File(file.state.clone());
                claims.extend(settle::claims(&resource, Some(&state)));
            }
        }
        claims
    }
}

/// The files of both. That those of resolvers cannot be read holds of all.
fn both(resolvers: Section<Vec<LiveFile>>, others: Vec<LiveFile>) -> Section<Vec<LiveFile>> {
    match resolvers {
        Section::Seen(mut files) => {
            files.extend(others);
            Section::Seen(files)
        }
        Section::Unreadable(why) => Section::Unreadable(why),
        Section::Absent | Section::Unread => Section::Seen(others),
    }
}

/// What is made in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// Routes: over one routing socket, beside one dump.
    Route,
    /// What configd makes resolvers of: waited for once.
    Names,
    /// One by one.
    Other,
}

fn sort(change: &Change) -> Sort {
    match change.resource {
        Resource::Route(_) => Sort::Route,
        Resource::Store { .. } => Sort::Names,
        Resource::File { ref path } if files::is_resolver(path) => Sort::Names,
        _ => Sort::Other,
    }
}

impl<M: Mac> Backend for Macos<M> {
    fn place(&mut self) -> Result<Place, BackendError> {
        Macos::place(self)
    }

    fn observe(&mut self, need: Need) -> Result<Snapshot, BackendError> {
        let mut snapshot = Snapshot::empty(Os::Macos);
        snapshot.place = Macos::place(self)?;
        snapshot.privileged = user::may_change();
        let mut tables = kernel::tables(&mut self.mac)?;
        kernel::complete(&mut self.mac, &mut tables);
        // Whose a link or a route is, the services say, too.
        let store = if need.resolver || need.owners {
            store::observe(&mut self.mac)
        } else {
            Section::Unread
        };
        if need.owners {
            let holders = if tables.links.iter().any(is_tunnel) {
                holder::tunnels(&mut self.mac)
            } else {
                HashMap::new()
            };
            let services = store.seen().map(owner::Services::of).unwrap_or_default();
            for link in &mut tables.links {
                let agents = if is_tunnel(link) {
                    owner::agents(&mut self.mac, &link.name)
                } else {
                    Vec::new()
                };
                let mut evidence = Vec::new();
                link.owner = owner::link_owner(link, &holders, &services, &agents, &mut evidence);
                link.evidence = evidence;
            }
        }
        attribute(&tables.links, store.seen(), &mut tables.routes);
        // Whether a tunnel is idle is a matter of the services, too.
        snapshot.store = store;
        if need.resolver {
            snapshot.resolvers = match self.mac.resolvers() {
                Ok(Some(list)) => Section::Seen(list),
                Ok(None) => Section::Absent,
                Err(error) => Section::Unreadable(error.to_string()),
            };
            snapshot.files = files::observe(&self.root);
        }
        snapshot.user = user::invoking().filter(|_| need.session);
        let user = snapshot.user.as_ref();
        snapshot.settings = settings::observe(&self.root, &need, user);
        let is_other = |path: &&String| !files::is_resolver(path);
        let mut others: Vec<String> = need.files.iter().filter(is_other).cloned().collect();
        others.extend(user.map(|user| environment::of(user, Os::Macos)));
        if !others.is_empty() {
            let (others, unreadable) = whole::observe(&self.root, &others);
            snapshot.files = both(snapshot.files, others);
            snapshot.unreadable_files = unreadable;
        }
        if need.preferences {
            snapshot.preferences = preferences::observe(&self.root);
        }
        snapshot.links = Section::Seen(tables.links);
        snapshot.addresses = Section::Seen(tables.addresses);
        snapshot.routes = Section::Seen(tables.routes);
        // There are none on macOS.
        snapshot.rules = Section::Absent;
        snapshot.resolved = Section::Absent;
        snapshot.nsswitch = Section::Absent;
        snapshot.firewall = Section::Absent;
        snapshot.xfrm = Section::Absent;
        Ok(snapshot)
    }

    fn apply(&mut self, changes: &[Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        let mut refused = Vec::new();
        for run in changes.chunk_by(|a, b| sort(a) == sort(b)) {
            let Some(first) = run.first() else { continue };
            let all: Vec<&Change> = run.iter().collect();
            if let Err(one) = self.apply_run(sort(first), &all, mode) {
                refused.extend(one);
                if mode == Mode::Forward {
                    break;
                }
            }
        }
        or_refused(refused)
    }

    fn look_up(&mut self, probes: &[RouteProbe]) -> Result<Vec<RouteAnswer>, BackendError> {
        kernel::look_up(&mut self.mac, probes)
    }
}

/// Whether a process holds it, or an app has set it up.
fn is_tunnel(link: &netprof_model::link::Link) -> bool {
    matches!(link.kind.as_deref(), Some("utun" | "ipsec" | "ppp"))
}

#[cfg(test)]
mod tests;
