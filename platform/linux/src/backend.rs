//! Linux as a backend of the engine: netlink and resolved together.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use netprof_engine::backend::{Backend, BackendError, Mode, Refusal};
use netprof_model::link::LinkManager;
use netprof_model::nft_table::NftTable;
use netprof_model::plan::{Change, RouteAnswer, RouteProbe};
use netprof_model::resource::Place;
use netprof_model::snapshot::{BaseChain, Os};
use netprof_model::{Owner, Resource, Section, Snapshot, State};
use netprof_plan::Need;
use netprof_plan::linux::owner;
use netprof_plan::proxy::environment;
use netprof_posix::changes::{each, or_refused, refusal};
use netprof_posix::{files, user};

use crate::netlink::changes::is_netlink;
use crate::netlink::filters::Firewall;
use crate::netlink::kernel::{Kernel, Tables};
use crate::netlink::{Error, clamp, filters};
use crate::owner as found;
use crate::resolver::Resolver;
use crate::{engines, networkd, settings};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const NAMESPACE: &str = "/proc/self/ns/net";
/// Where networkd and NetworkManager keep a file for each link that they know.
const MANAGERS: [&str; 2] = ["/run/systemd/netif/links", "/run/NetworkManager/devices"];

/// This machine, as seen from this network namespace.
pub struct Linux {
    kernel: Option<Kernel>,
    resolver: Resolver,
}

impl Default for Linux {
    fn default() -> Self {
        Self::new()
    }
}

impl Linux {
    /// This machine. Nothing is opened yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            kernel: None,
            resolver: Resolver::connect(),
        }
    }

    fn kernel(&mut self) -> Result<&mut Kernel, Error> {
        match &mut self.kernel {
            Some(kernel) => Ok(kernel),
            none => Ok(none.insert(Kernel::connect()?)),
        }
    }

    fn apply_netlink(&mut self, changes: &[&Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        match self.kernel() {
            Ok(kernel) => kernel.apply(changes, mode),
            Err(error) => Err(changes
                .iter()
                .map(|change| refusal(change, error.to_string()))
                .collect()),
        }
    }
}

impl Backend for Linux {
    fn place(&mut self) -> Result<Place, BackendError> {
        Ok(place()?)
    }

    fn observe(&mut self, mut need: Need) -> Result<Snapshot, BackendError> {
        // The bus answers while the kernel is read. It also knows which service manages
        // which link, where there is such a service.
        let bus = need.resolver || (need.owners && MANAGERS.iter().any(knows_links));
        if bus {
            self.resolver.begin();
        }
        let mut snapshot = Snapshot::empty(Os::Linux);
        snapshot.place = place()?;
        snapshot.privileged = user::may_change();
        if need.session || need.engines {
            snapshot.user = user::invoking();
        }
        if need.engines {
            let engines = engines::observe(Path::new("/"), snapshot.user.as_ref());
            for engine in engines.iter().filter(|one| one.unreachable.is_none()) {
                need.add(&engine.told_in());
            }
            snapshot.engines = Section::Seen(engines);
        }
        snapshot.settings = settings::observe(&need, snapshot.user.as_ref());
        let mut paths = need.files.clone();
        let session = snapshot.user.iter().filter(|_| need.session);
        paths.extend(session.map(|user| environment::of(user, Os::Linux)));
        if !paths.is_empty() {
            let (files, unreadable) = files::observe(Path::new("/"), &paths);
            snapshot.files = Section::Seen(files);
            snapshot.unreadable_files = unreadable;
        }
        if need.nft_table {
            snapshot.nft_table = clamp::table();
        }
        let mut tables = self.kernel()?.tables(&need)?;
        let mut chains = None;
        let mut named = HashMap::new();
        if need.filters {
            (snapshot.firewall, chains, named) = split(filters::firewall());
            snapshot.xfrm = filters::xfrm_policies();
        }
        if bus {
            let sections = self.resolver.observe(&tables.links);
            for link in &mut tables.links {
                link.manager = sections.managers.get(&link.name).copied();
            }
            if sections.managers.values().any(is_networkd) {
                snapshot.networkd = Section::Seen(networkd::configuration(Path::new("/")));
            }
            if need.resolver {
                snapshot.resolved = sections.resolved;
                snapshot.resolv_conf = sections.resolv_conf;
                snapshot.nsswitch = sections.nsswitch;
            }
        }
        if need.owners {
            attribute(&mut tables, chains.as_ref(), &named);
        }
        if let Section::Seen(policies) = &mut snapshot.xfrm
            && !policies.is_empty()
        {
            let daemons = found::key_daemons();
            for policy in policies {
                policy.owner = owner::of_policy(policy.reqid, &daemons, &mut policy.evidence);
            }
        }
        snapshot.links = Section::Seen(tables.links);
        snapshot.addresses = Section::Seen(tables.addresses);
        snapshot.rules = Section::Seen(tables.rules);
        if need.asks_for_routes() {
            snapshot.routes = Section::Seen(tables.routes);
        }
        Ok(snapshot)
    }

    fn apply(&mut self, changes: &[Change], mode: Mode) -> Result<(), Vec<Refusal>> {
        let mut refusals = Vec::new();
        for run in changes.chunk_by(|a, b| sort(a) == sort(b)) {
            let all: Vec<&Change> = run.iter().collect();
            let made = match run.first().map(sort) {
                Some(Sort::Netlink) => self.apply_netlink(&all, mode),
                Some(Sort::Names) => self.resolver.apply(&all, mode),
                Some(Sort::Other) => each(&all, mode, |change| apply_other(change, mode)),
                None => Ok(()),
            };
            if let Err(refused) = made {
                refusals.extend(refused);
                // Towards the plan, what follows may rest on what was refused. On
                // the way back everything is tried.
                if mode == Mode::Forward {
                    break;
                }
            }
        }
        or_refused(refusals)
    }

    fn look_up(&mut self, probes: &[RouteProbe]) -> Result<Vec<RouteAnswer>, BackendError> {
        Ok(self.kernel()?.look_up(probes)?)
    }
}

/// What is made in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// Links, addresses, rules and routes: over one socket.
    Netlink,
    /// What a resolver is told: over one connection.
    Names,
    /// One by one.
    Other,
}

fn sort(change: &Change) -> Sort {
    match change.resource {
        _ if is_netlink(change) => Sort::Netlink,
        Resource::DnsLink { .. } | Resource::DnsDelegate { .. } => Sort::Names,
        _ => Sort::Other,
    }
}

fn apply_other(change: &Change, mode: Mode) -> Result<(), String> {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    match &change.resource {
        Resource::NftTable => {
            let [before, after] = [before, after].map(nft_table);
            clamp::put(before, after, mode)
        }
        Resource::File { path } => files::put(Path::new("/"), path, before, after, mode),
        Resource::Settings(settings) => settings::put(settings, (before, after), mode),
        other => Err(format!("Linux has no {}", other.kind())),
    }
}

fn nft_table(state: Option<&State>) -> Option<&NftTable> {
    match state {
        Some(State::NftTable(table)) => Some(table),
        _ => None,
    }
}

/// Whether a service has ever known a link. systemd makes networkd's folder at every boot
/// (tmpfiles.d/systemd-network.conf), whether networkd runs or not, and to ask on the bus
/// costs as much as a plan. A folder that may not be looked into may hold anything.
fn knows_links(folder: impl AsRef<Path>) -> bool {
    match fs::read_dir(folder) {
        Ok(mut files) => files.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

fn is_networkd(manager: &LinkManager) -> bool {
    *manager == LinkManager::Networkd
}

/// Names whose links, rules and routes are: every row of a plan does, and a tunnel's owner is
/// its process. `chains` are those who have chains in the firewall, `named` the links that
/// such chains are about.
fn attribute(tables: &mut Tables, chains: Option<&HashSet<Owner>>, named: &HashMap<String, Owner>) {
    let processes = found::processes(&tables.links);
    let partners = owner::partners(&tables.rules, &tables.routes);
    let settings = found::wireguard_files(&tables.links);
    for link in &mut tables.links {
        let clues = owner::Clues {
            holders: &processes.holders,
            running: &processes.running,
            partners: &partners,
            settings: &settings,
            addresses: &tables.addresses,
            chains,
            named,
        };
        let mut evidence = Vec::new();
        link.owner = owner::of_link(link, &clues, &mut evidence);
        link.evidence = evidence;
    }
    owner::attribute(&tables.links, &mut tables.rules, &mut tables.routes);
}

/// The chains of a firewall, and who has chains there.
type Split = (
    Section<Vec<BaseChain>>,
    Option<HashSet<Owner>>,
    HashMap<String, Owner>,
);

fn split(read: Section<Firewall>) -> Split {
    let none = HashMap::new;
    match read {
        Section::Seen(Firewall {
            chains,
            owners,
            named,
        }) => (Section::Seen(chains), Some(owners), named),
        // Without nft nobody has chains of nft, and others cannot be seen.
        Section::Absent => (Section::Absent, None, none()),
        Section::Unreadable(why) => (Section::Unreadable(why), None, none()),
        Section::Unread => (Section::Unread, None, none()),
    }
}

/// Which boot and which network namespace this is.
fn place() -> Result<Place, Error> {
    let file = |path| move |source| Error::File { path, source };
    let boot = fs::read_to_string(BOOT_ID).map_err(file(BOOT_ID))?;
    let netns = fs::metadata(NAMESPACE).map_err(file(NAMESPACE))?.ino();
    Ok(Place {
        boot: boot.trim().into(),
        netns,
        link: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_knows_links_once_it_has_a_file_of_one() {
        let run = tempfile::tempdir().unwrap();
        let links = run.path().join("links");
        assert!(!knows_links(&links));
        fs::create_dir(&links).unwrap();
        assert!(!knows_links(&links));
        fs::write(links.join("2"), "").unwrap();
        assert!(knows_links(&links));
        // What cannot be looked into is asked.
        assert!(knows_links(links.join("2")));
    }
}
