//! What is: the live state of a machine, as plain data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::configd::{Preferences, ResolverList, Store};
use crate::dns::{DnsDelegate, DnsDomain, DnsLink, DnsServer};
use crate::engine::Engine;
use crate::evidence::Clue;
use crate::file::LiveFile;
use crate::held::{Held, HeldResource};
use crate::link::{Address, Link, LinkId};
use crate::name::Name;
use crate::nft_table::NftTable;
use crate::owner::Owner;
use crate::resource::{Lasts, Place, Resource};
use crate::route::Route;
use crate::rule::Rule;
use crate::secret;
use crate::settings::{LiveSettings, Settings};
use crate::shared::Shared;
use crate::user::User;

pub use crate::firewall::BaseChain;

/// The version of the snapshot format. A file with another one is refused.
pub const VERSION: u32 = 1;

/// What is known of one part of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "value", rename_all = "lowercase")]
pub enum Section<T> {
    /// It was read.
    Seen(T),
    /// It is not there on this machine.
    Absent,
    /// It is there and could not be read: why.
    Unreadable(String),
    /// It was not asked for.
    #[default]
    Unread,
}

/// What each resource holds.
mod index;
/// A section read without a detour.
mod section;

pub use index::{Index, NotKnown};

impl<T> Section<T> {
    /// What was read.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            _ => None,
        }
    }

    /// Whether what was to be read was read, or is known not to be there.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Seen(_) | Self::Absent)
    }

    /// Why it could not be read, though it is there.
    pub fn why_unreadable(&self) -> Option<&str> {
        match self {
            Self::Unreadable(why) => Some(why),
            _ => None,
        }
    }

    /// How the section stands, in a word.
    pub fn standing(&self) -> &'static str {
        match self {
            Self::Seen(_) => "seen",
            Self::Absent => "absent",
            Self::Unreadable(_) => "unreadable",
            Self::Unread => "unread",
        }
    }
}

impl<T> Section<Vec<T>> {
    /// What was read, or nothing.
    pub fn items(&self) -> &[T] {
        self.seen().map_or(&[], Vec::as_slice)
    }

    /// The same, to change.
    fn items_mut(&mut self) -> &mut [T] {
        match self {
            Self::Seen(items) => items,
            _ => &mut [],
        }
    }
}

/// The operating system that a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Linux.
    Linux,
    /// macOS.
    Macos,
}

impl Os {
    /// The name, as it stands in `os "NAME"` of a profile.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
        }
    }
}

/// The live state of a machine, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of the format.
    pub version: u32,
    /// The operating system.
    pub os: Os,
    /// Whether it was taken with the rights to change what it shows.
    pub privileged: bool,
    /// Which boot and which network namespace.
    #[serde(default)]
    pub place: Place,
    /// The links.
    #[serde(default)]
    pub links: Section<Vec<Link>>,
    /// The addresses.
    #[serde(default)]
    pub addresses: Section<Vec<Address>>,
    /// The routes of every table, IPv4 and IPv6.
    #[serde(default)]
    pub routes: Section<Vec<Route>>,
    /// The policy routing rules, IPv4 and IPv6, in the order in which they are asked.
    #[serde(default)]
    pub rules: Section<Vec<Rule>>,
    /// systemd-resolved.
    #[serde(default)]
    pub resolved: Section<Resolved>,
    /// `/etc/resolv.conf`.
    #[serde(default)]
    pub resolv_conf: Section<ResolvConf>,
    /// The `hosts` line of `/etc/nsswitch.conf`.
    #[serde(default)]
    pub nsswitch: Section<Nsswitch>,
    /// What systemd-networkd does with the routes and rules of others.
    #[serde(default)]
    pub networkd: Section<Networkd>,
    /// The chains of nft that may drop packets of this host.
    #[serde(default)]
    pub firewall: Section<Vec<BaseChain>>,
    /// The IPsec policies, which stand above routing.
    #[serde(default)]
    pub xfrm: Section<Vec<XfrmPolicy>>,
    /// The dynamic store of configd (macOS).
    #[serde(default)]
    pub store: Section<Store>,
    /// The resolvers that configd published last (macOS).
    #[serde(default)]
    pub resolvers: Section<ResolverList>,
    /// The network services of the current location, and their proxies (macOS).
    #[serde(default)]
    pub preferences: Section<Preferences>,
    /// The files that were asked for. Of macOS's `/etc/resolver` all, in the order in which
    /// readdir(3) gives them. One that was asked for and is neither in the list nor among the
    /// unreadable ones is not there.
    #[serde(default)]
    pub files: Section<Vec<LiveFile>>,
    /// Files that were asked for and could not be read, with why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable_files: BTreeMap<String, String>,
    /// On whose behalf it was taken; none where nobody's home can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Settings among those of others.
    #[serde(default)]
    pub settings: Section<Vec<LiveSettings>>,
    /// Container engines.
    #[serde(default)]
    pub engines: Section<Vec<Engine>>,
    /// The table of nft that is netprof's own.
    #[serde(default)]
    pub nft_table: Section<NftTable>,
    /// What netprof holds.
    #[serde(default)]
    pub held: Section<Held>,
}

impl Snapshot {
    /// A snapshot of which nothing was read yet.
    #[must_use]
    pub fn empty(os: Os) -> Self {
        Self {
            version: VERSION,
            os,
            privileged: false,
            place: Place::default(),
            links: Section::Unread,
            addresses: Section::Unread,
            routes: Section::Unread,
            rules: Section::Unread,
            resolved: Section::Unread,
            resolv_conf: Section::Unread,
            nsswitch: Section::Unread,
            networkd: Section::Unread,
            firewall: Section::Unread,
            xfrm: Section::Unread,
            store: Section::Unread,
            resolvers: Section::Unread,
            preferences: Section::Unread,
            files: Section::Unread,
            unreadable_files: BTreeMap::new(),
            user: None,
            settings: Section::Unread,
            engines: Section::Unread,
            nft_table: Section::Unread,
            held: Section::Unread,
        }
    }

    /// The same with `***` for each password in it: what others may read.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        for file in self.files.items_mut() {
            file.state = file.state.redacted().into_owned();
        }
        for live in self.settings.items_mut() {
            if let Section::Seen(all) = &mut live.holds {
                *all = secret::redacted_dictionary(all);
            }
        }
        if let Section::Seen(store) = &mut self.store {
            store.0 = secret::redacted_dictionary(&store.0);
        }
        if let Section::Seen(preferences) = &mut self.preferences {
            let services = preferences.services.iter_mut();
            for proxies in services.filter_map(|service| service.proxies.as_mut()) {
                *proxies = secret::redacted_dictionary(proxies);
            }
        }
        if let Section::Seen(held) = &mut self.held {
            for one in &mut held.resources {
                if let Cow::Owned(redacted) = one.redacted() {
                    *one = redacted;
                }
            }
        }
        self
    }

    /// The link of that name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.items().iter().find(|link| link.name == name)
    }

    /// What netprof holds.
    #[must_use]
    pub fn held(&self) -> Option<&Held> {
        self.held.seen()
    }

    /// The place of something on `link`, in this boot and namespace.
    #[must_use]
    pub fn place_on(&self, link: Option<Shared<LinkId>>) -> Place {
        Place {
            link,
            ..self.place.clone()
        }
    }

    /// Whether what lives at `place` is gone: another boot, another namespace, or a
    /// link that is not there any more or was made anew.
    ///
    /// A namespace that is not this one is no evidence of anything, so what was made
    /// there is not expired but out of sight; see [`Snapshot::is_elsewhere`].
    #[must_use]
    pub fn is_expired(&self, place: &Place) -> bool {
        if place.boot != self.place.boot {
            return true;
        }
        !self.is_elsewhere(place)
            && place.link.as_ref().is_some_and(|id| {
                !self
                    .links
                    .items()
                    .iter()
                    .any(|link| link.index == id.index && link.name == id.name)
            })
    }

    /// Whether what is held there is gone by itself; see [`Snapshot::is_expired`]. What
    /// is durable outlives its boot.
    #[must_use]
    pub fn has_expired(&self, held: &HeldResource) -> bool {
        held.lasts != Lasts::Durable && self.is_expired(&held.place)
            || self.is_without_manager(&held.resource)
    }

    /// Whether it is variables of a service manager that does not run: they went with it,
    /// and the next one makes its own of what files say.
    fn is_without_manager(&self, resource: &Resource) -> bool {
        let Resource::Settings(settings @ Settings::Environment { .. }) = resource else {
            return false;
        };
        let mut all = self.settings.items().iter();
        all.any(|one| one.settings == *settings && matches!(one.holds, Section::Absent))
    }

    /// Whether `place` is another network namespace of the same boot.
    #[must_use]
    pub fn is_elsewhere(&self, place: &Place) -> bool {
        place.boot == self.place.boot && place.netns != self.place.netns
    }
}

/// Whether two things look at the same network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameNamespace {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// It could not be told: why.
    Unverified(String),
}

/// What systemd-resolved says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Whether it serves the network namespace of this snapshot.
    pub namespace: SameNamespace,
    /// Whether it listens on 127.0.0.53.
    pub stub: bool,
    /// What holds for no link.
    pub global: DnsGlobal,
    /// What holds for each link.
    pub links: Vec<ResolvedLink>,
    /// The delegates; none where this resolved does not have them (before 258).
    #[serde(default)]
    pub delegates: Option<Vec<LiveDelegate>>,
}

/// What resolved holds for no link: resolved.conf(5), or a foreign resolv.conf.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsGlobal {
    /// The servers.
    #[serde(default)]
    pub servers: Vec<DnsServer>,
    /// The domains.
    #[serde(default)]
    pub domains: Vec<DnsDomain>,
    /// Asked only where there is no other server.
    #[serde(default)]
    pub fallback: Vec<DnsServer>,
}

/// What resolved holds for one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedLink {
    /// The link.
    #[serde(flatten)]
    pub id: LinkId,
    /// What it holds.
    pub dns: DnsLink,
}

/// One delegate that resolved has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDelegate {
    /// The name of its file without the extension.
    pub id: String,
    /// What it holds.
    pub dns: DnsDelegate,
}

impl LiveDelegate {
    /// The prefix of the files that are netprof's own.
    pub const PREFIX: &'static str = "netprof-";

    /// The scope that it carries, where it is netprof's own.
    #[must_use]
    pub fn scope(&self) -> Option<Name> {
        self.id
            .strip_prefix(Self::PREFIX)
            .and_then(|name| Name::new(name).ok())
    }
}

/// What `/etc/resolv.conf` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvConf {
    /// Where it points, if it is a symbolic link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The servers that it names.
    pub servers: Vec<IpAddr>,
    /// The domains that it searches.
    #[serde(default)]
    pub search: Vec<String>,
    /// Who wrote it.
    pub owner: Owner,
    /// How that was found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Clue>,
}

/// How glibc looks names up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nsswitch {
    /// The services of the `hosts` line, in order, without their reactions.
    pub hosts: Vec<String>,
    /// Whether the library of the `resolve` service is there.
    pub resolve_library: bool,
}

/// What systemd-networkd deletes when it sets up a link of its own, as its configuration
/// says: networkd.conf(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Networkd {
    /// Routes that it did not make, through that link or through none
    /// (`ManageForeignRoutes=`).
    pub foreign_routes: bool,
    /// Rules that it did not make (`ManageForeignRoutingPolicyRules=`).
    pub foreign_rules: bool,
}

impl Default for Networkd {
    fn default() -> Self {
        Self {
            foreign_routes: true,
            foreign_rules: true,
        }
    }
}

/// One IPsec policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XfrmPolicy {
    /// `in`, `out` or `forward`.
    pub direction: String,
    /// The source selector.
    pub from: IpNet,
    /// The destination selector.
    pub to: IpNet,
    /// `allow` or `block`.
    pub action: String,
    /// Whether packets that match are transformed: sent through a tunnel.
    pub transforms: bool,
    /// Lower ones win.
    pub priority: u32,
    /// The number of the xfrm link that it belongs to; then it holds only for what is
    /// routed into that one. 0: it holds for all packets.
    #[serde(default)]
    pub if_id: u32,
    /// Whether it holds only for some of the packets between the networks: of a
    /// protocol, a port, a mark, or through one link.
    #[serde(default)]
    pub selective: bool,
    /// The number by which its states are found, if it transforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reqid: Option<u32>,
    /// Who made it.
    #[serde(default)]
    pub owner: Owner,
    /// How that was found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Clue>,
}
