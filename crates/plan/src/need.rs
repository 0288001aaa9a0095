//! What of a machine must be read for a plan.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::held::{Held, HeldResource};
use netprof_model::link::{Address, Link};
use netprof_model::profile::{Containers, KeepLan, LinkMatch, Profile, RouteTarget, Servers};
use netprof_model::route::RouteKey;
use netprof_model::rule::Rule;
use netprof_model::settings::Settings;
use netprof_model::{Name, Resource, State, space};

use crate::sieve::{ITSELF, Links, Networks, Question, Sieve};
use crate::{containers, linux, tables};

/// What of a machine must be read. Links, addresses and rules always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// systemd-resolved, `/etc/resolv.conf` and nsswitch; configd's dynamic store and
    /// `/etc/resolver`.
    pub resolver: bool,
    /// nft chains that drop, and IPsec policies: what can undo a route.
    pub filters: bool,
    /// Which process holds which tunnel: costs a walk through all processes.
    pub owners: bool,
    /// The preferences of network services, with their proxies (macOS).
    pub preferences: bool,
    /// Container engines, and the files that say where their networks are cut from.
    pub engines: bool,
    /// What the person on whose behalf this runs has told programs of proxies.
    pub session: bool,
    /// The table of nft that is netprof's own (Linux).
    pub nft_table: bool,
    /// These settings.
    pub settings: Vec<Settings>,
    /// The files at these paths.
    pub files: Vec<String>,
    /// Which routes.
    pub routes: Routes,
}

/// Which routes must be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Routes {
    /// Every one of every table.
    #[default]
    All,
    /// At least those that bear on this. macOS has one list of routes, which is short: there
    /// all are read.
    Of(Box<Question>),
}

impl Routes {
    /// At least those with these keys.
    pub fn of_keys<'a>(keys: impl IntoIterator<Item = &'a RouteKey>) -> Self {
        Self::Of(Box::new(Question::of_keys(keys)))
    }

    /// At least the default routes of links, by which links may be told apart.
    #[must_use]
    pub fn of_defaults() -> Self {
        Self::Of(Box::new(Question::of_defaults()))
    }
}

impl Need {
    /// Everything: what `netprof snapshot` reads.
    pub const EVERYTHING: Self = Self {
        resolver: true,
        filters: true,
        owners: true,
        preferences: true,
        engines: true,
        session: true,
        nft_table: true,
        settings: Vec::new(),
        files: Vec::new(),
        routes: Routes::All,
    };

    /// What `resource` holds must be read. Which routes, [`Routes`] says.
    pub fn add(&mut self, resource: &Resource) {
        self.resolver |= resource.is_of_resolver();
        match resource {
            Resource::Proxies { .. } => self.preferences = true,
            Resource::NftTable => self.nft_table = true,
            Resource::Settings(settings) => self.settings.push(settings.clone()),
            Resource::File { path } => self.files.push(path.clone()),
            Resource::LinkUp { .. }
            | Resource::Address { .. }
            | Resource::Rule(_)
            | Resource::Route(_)
            | Resource::DnsLink { .. }
            | Resource::DnsDelegate { .. }
            | Resource::Store { .. }
            | Resource::Mtu { .. } => {}
        }
    }

    /// Whether any route must be read.
    #[must_use]
    pub fn asks_for_routes(&self) -> bool {
        match &self.routes {
            Routes::All => true,
            Routes::Of(question) => question.asks_for_any(),
        }
    }

    /// What lets the routes through that must be read, on a machine with these links,
    /// addresses and rules.
    #[must_use]
    pub fn sieve(&self, links: &[Link], addresses: &[Address], rules: &[Rule]) -> Sieve {
        match &self.routes {
            Routes::All => Sieve::open(),
            Routes::Of(question) => {
                let sieve = Sieve::of(question, links, addresses, rules);
                if self.owners {
                    sieve.and_owners(rules)
                } else {
                    sieve
                }
            }
        }
    }
}

/// What must be read to plan `profile` where `held` is held; and to say how that stands.
#[must_use]
pub fn need(profile: Option<&Profile>, held: Option<&Held>) -> Need {
    let mut need = Need {
        // Every row of a plan names an owner, and a tunnel's is its process.
        owners: true,
        routes: Routes::Of(Box::new(question(profile, held))),
        ..Need::default()
    };
    for one in held.map_or(&[][..], |held| &held.resources) {
        need.add(&one.resource);
    }
    if let Some(profile) = profile {
        add_profile(&mut need, profile);
    }
    need
}

fn add_profile(need: &mut Need, profile: &Profile) {
    let has_proxy = profile.proxy.is_some();
    let containers = &profile.containers;
    // Whose proxies programs are told is in the dynamic store as well (macOS).
    need.resolver |= !profile.scopes.is_empty() || has_proxy;
    need.filters |= profile.routes.keep_lan.is_some() || containers.keep_local.is_some();
    need.preferences |= has_proxy;
    need.session |= has_proxy;
    need.engines |= *containers != Containers::default();
    need.nft_table |= !profile.clamp_mss.is_empty();
}

fn question(profile: Option<&Profile>, held: Option<&Held>) -> Question {
    let mut question = Question {
        tables: tables::of_held(held),
        ..Question::default()
    };
    // Few, of many routes.
    let mut gateways = BTreeSet::new();
    for one in held.map_or(&[][..], |held| &held.resources) {
        ask_of_held(&mut question, &mut gateways, one);
    }
    if let Some(profile) = profile {
        ask_of_profile(&mut question, profile);
    }
    question.follows_rules |= !gateways.is_empty();
    question.around.extend(gateways);
    question.around.sort();
    question.around.dedup();
    question
}

/// What is there in the place of what is held, whether its gateway is still a neighbour and
/// its network still there, and which way the packets of a kept network go.
fn ask_of_held(question: &mut Question, gateways: &mut BTreeSet<IpNet>, one: &HeldResource) {
    let key = match &one.resource {
        Resource::Route(key) => key,
        Resource::Rule(key) => {
            if let Some((prefix, _)) = linux::kept_by(key) {
                question.within.push(prefix);
                question.follows_rules = true;
            }
            return;
        }
        _ => return,
    };
    question.around.push(key.dst);
    if key.table == linux::TABLE {
        // What it may be a copy of.
        question.tables.insert(linux::MAIN);
    }
    if let Some(State::Route(spec)) = &one.committed {
        let via = spec.hops.iter().filter_map(|hop| hop.via);
        gateways.extend(via.map(IpNet::from));
    }
}

fn ask_of_profile(question: &mut Question, profile: &Profile) {
    question.follows_rules = true;
    let mut ask = |address: IpAddr| question.around.push(address.into());
    ITSELF.into_iter().for_each(&mut ask);
    for scope in &profile.scopes {
        if let Servers::Listed(servers) = &scope.servers {
            let servers = servers.iter();
            servers.for_each(|server| ask(server.value.address));
        }
    }
    for route in &profile.routes.routes {
        if let RouteTarget::Through { via: Some(via), .. } = route.target {
            ask(via);
        }
    }
    let declared = profile.routes.routes.iter();
    question.probed = declared.map(|route| route.prefix).collect();
    if let Some(keep_lan) = &profile.routes.keep_lan {
        ask_of_lan(question, profile, keep_lan);
    }
    if profile.containers != Containers::default() {
        ask_of_containers(question, profile);
    }
}

fn ask_of_lan(question: &mut Question, profile: &Profile, keep_lan: &KeepLan) {
    for also in &keep_lan.also {
        question.within.push(also.prefix);
        question.around.extend(also.via.map(IpNet::from));
    }
    let is_named = |name: &Name| keep_lan.links.iter().any(|link| link.value == *name);
    let named = profile.links.iter().filter(|link| is_named(&link.name));
    // Whose a link is, is told with the help of its routes.
    let of_anybody = |matching: &LinkMatch| LinkMatch {
        owner: None,
        ..matching.clone()
    };
    let links: Vec<_> = named.map(|link| of_anybody(&link.matching)).collect();
    // A link that is not declared is refused, and no other is kept in its place.
    let of = match (keep_lan.links.is_empty(), links.is_empty()) {
        (true, _) => Links::Hardware,
        (false, false) => Links::Fitting(links),
        (false, true) => return,
    };
    question.networks.push(Networks {
        of,
        public: keep_lan.allow_public,
    });
}

/// Where containers have their addresses, and may have them: what else is there is in their
/// way, in whatever table. And all that a network of theirs could be proposed to lie in.
fn ask_of_containers(question: &mut Question, profile: &Profile) {
    question.everywhere = true;
    question.within.extend(space::PRIVATE);
    let declared = containers::declared(profile);
    question
        .within
        .extend(declared.iter().map(|one| one.prefix));
    question.networks.push(Networks {
        of: Links::Bridges,
        public: true,
    });
}
