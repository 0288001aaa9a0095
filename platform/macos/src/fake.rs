//! A Mac in memory: a kernel, a configd and preferences that answer in the same bytes.

mod configd;
mod kernel;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netprof_model::configd::{ResolverList, Store};
use netprof_model::file::LiveFile;
use netprof_model::link::{Address, Link};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::FILE_MARK;
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteSpec, rtf};
use netprof_model::snapshot::Os;
use netprof_model::{Section, Snapshot};

use crate::files;
use crate::mac::Unedited;
use crate::route::{Names, Request, ioctl};
use configd::wifi;
use kernel::{errno, put};

/// The service of the Wi-Fi.
pub(crate) const WIFI: &str = "0F70B221-EEF7-4ACC-96D8-ECBA3A15F132";

/// How configd does in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configd {
    /// It publishes with the notice of that number, from 1, what it knows of by then.
    After(usize),
    /// It publishes at once, and nobody hears of it later.
    AtOnce,
    /// It never does.
    Never,
}

/// What the kernel knows of a neighbour.
#[derive(Clone, Debug)]
struct Neighbour {
    ip: IpAddr,
    dev: String,
    /// It has not answered ARP for a while.
    silent: bool,
}

/// Routes that are legal and that the model has no words for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Strange {
    /// Its netmask has holes.
    Netmask,
    /// Its link has gone.
    Link,
}

/// All that there is of it.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) links: Vec<Link>,
    pub(crate) addresses: Vec<Address>,
    routes: Vec<(Route, Vec<u8>)>,
    /// What else stands in the table.
    strange: Vec<Vec<u8>>,
    /// Neighbours that somebody has sent something to: clones of the network's route.
    neighbours: Vec<Neighbour>,
    /// A key that goes right before the next one is removed.
    pub(crate) goes: Option<String>,
    pub(crate) store: BTreeMap<String, Value>,
    pub(crate) configd: Configd,
    published: Option<ResolverList>,
    notices: usize,
    /// How many waits a signal ends.
    pub(crate) interrupted: usize,
    /// Whether configd knows of a change that it has not published yet.
    due: bool,
    /// What was last seen in /etc/resolver; none where that was not there.
    listed: Option<Vec<LiveFile>>,
    /// `resolvers_save` of `dns_configuration_changed` (configd,
    /// Plugins/IPMonitor/dns-configuration.c): whether the folder was there when configd
    /// was last told of a change, and false until it is told of the first.
    resolvers_save: bool,
    pub(crate) preferences: Dictionary,
    /// Why the next edits of the preferences end, and where.
    pub(crate) unedited: VecDeque<Unedited>,
    /// For how many pauses configd's PreferencesMonitor has not read what it was told to.
    pub(crate) lag: usize,
    /// How many are left, where it was told.
    told: Option<usize>,
    /// Whether their file is gone when a commit returns.
    pub(crate) loses_preferences: bool,
    pub(crate) agents: HashMap<String, Vec<[u8; ioctl::NETAGENT_REQ]>>,
    /// Programs, and the units of utun that they hold.
    pub(crate) programs: Vec<(&'static str, Vec<i32>)>,
    /// What the next deletes find in place of what was there a moment ago.
    pub(crate) raced: VecDeque<RouteSpec>,
    /// Whether what the next delete is of went a moment ago.
    pub(crate) vanishes: bool,
    /// The number with which the kernel refuses the next add.
    pub(crate) refuses_to_add: Option<i32>,
    /// How many answers are lost from here on.
    pub(crate) lost: usize,
    /// Which calls fail altogether.
    pub(crate) broken: Vec<&'static str>,
    messages: VecDeque<Vec<u8>>,
    /// What was done, in order.
    pub(crate) log: Vec<String>,
}

/// The Mac that a test and a backend share.
#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Rc<RefCell<World>>);

impl Fake {
    /// A Wi-Fi, a tunnel and lo0; no routes.
    pub(crate) fn new(root: &Path) -> Self {
        fs::create_dir_all(root.join("etc")).unwrap();
        let link = |index, name: &str, kind: Option<&str>| Link {
            kind: kind.map(str::to_owned),
            loopback: name == "lo0",
            ..Link::new(index, name)
        };
        let fake = Self(Rc::new(RefCell::new(World {
            root: root.to_owned(),
            links: vec![
                link(1, "lo0", None),
                link(4, "en0", None),
                link(9, "utun4", Some("utun")),
            ],
            addresses: vec![
                address("lo0", "127.0.0.1/8"),
                address("en0", "192.168.1.20/24"),
                address("utun4", "10.8.0.2/24"),
            ],
            routes: Vec::new(),
            strange: Vec::new(),
            neighbours: Vec::new(),
            goes: None,
            store: wifi(),
            configd: Configd::AtOnce,
            published: None,
            notices: 0,
            interrupted: 0,
            due: false,
            listed: None,
            resolvers_save: false,
            preferences: Dictionary::new(),
            unedited: VecDeque::new(),
            lag: 0,
            told: None,
            loses_preferences: false,
            agents: HashMap::new(),
            programs: Vec::new(),
            raced: VecDeque::new(),
            vanishes: false,
            refuses_to_add: None,
            lost: 0,
            broken: Vec::new(),
            messages: VecDeque::new(),
            log: Vec::new(),
        })));
        fake.publish();
        fake
    }

    /// Takes the log.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().log)
    }

    /// Somebody else adds a route.
    pub(crate) fn has_route(&self, key: &RouteKey, spec: &RouteSpec) {
        self.0.borrow_mut().add(key, spec);
    }

    /// Somebody else adds a route that nothing here has words for.
    pub(crate) fn has_strange_route(&self, strange: Strange) {
        let mut world = self.0.borrow_mut();
        let (key, spec) = (
            RouteKey::unscoped("172.16.0.0/24".parse().unwrap()),
            RouteSpec {
                hops: vec![Hop::through("en0", None)],
                flags: rtf::STATIC,
                protocol: Protocol::STATIC,
                ..RouteSpec::default()
            },
        );
        let request = Request::add(&key, &spec, &world.names(), 0).unwrap();
        let mut entry = world.entry(request.bytes());
        match strange {
            // The second byte of the netmask, behind destination and gateway.
            Strange::Netmask => put(&mut entry, 92 + 16 + 20 + 4 + 1, &[0]),
            Strange::Link => put(&mut entry, 4, &77_u16.to_le_bytes()),
        }
        world.strange.push(entry);
    }

    /// Somebody has sent something to a neighbour.
    pub(crate) fn has_neighbour(&self, ip: &str, dev: &str, silent: bool) {
        let neighbour = Neighbour {
            ip: ip.parse().unwrap(),
            dev: dev.to_owned(),
            silent,
        };
        self.0.borrow_mut().neighbours.push(neighbour);
    }

    /// Whether the store has a key.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.0.borrow().store.contains_key(key)
    }

    pub(crate) fn spec(&self, key: &RouteKey) -> Option<RouteSpec> {
        self.specs(key).into_iter().next()
    }

    /// Of all routes with that key.
    pub(crate) fn specs(&self, key: &RouteKey) -> Vec<RouteSpec> {
        let world = self.0.borrow();
        let all = world.routes.iter();
        all.filter(|(route, _)| &route.key == key)
            .map(|(route, _)| RouteSpec::clone(&route.spec))
            .collect()
    }

    /// What configd has, it publishes.
    pub(crate) fn publish(&self) {
        self.0.borrow_mut().publish();
    }

    /// The Mac is started anew: what was in the store is gone, and configd, which reads
    /// the files as they are, has been told of no change of them yet.
    pub(crate) fn restart(&self) {
        let mut world = self.0.borrow_mut();
        world.store = wifi();
        world.monitor();
        world.resolvers_save = false;
        world.listed = files::observe(&world.root).seen().cloned();
        world.publish();
    }

    /// The preferences are on the disk, and configd has read them.
    pub(crate) fn save(&self) {
        let mut world = self.0.borrow_mut();
        world.save();
        world.monitor();
    }
}
/// An address of a link, as it is read back.
pub(crate) fn address(dev: &str, local: &str) -> Address {
    Address {
        dev: dev.to_owned(),
        local: local.parse().unwrap(),
        peer: None,
        scope: 0,
        dynamic: false,
        secondary: false,
    }
}

impl World {
    fn names(&self) -> Names {
        Names::of(&self.links)
    }

    /// All of it that configd and the kernel go by, as the planner's simulations take it.
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            links: Section::Seen(self.links.clone()),
            addresses: Section::Seen(self.addresses.clone()),
            routes: Section::Seen(self.routes.iter().map(|(route, _)| route.clone()).collect()),
            store: Section::Seen(Store(self.store.clone())),
            files: files::observe(&self.root),
            ..Snapshot::empty(Os::Macos)
        }
    }

    fn is_broken(&self, call: &str) -> io::Result<()> {
        if self.broken.contains(&call) {
            return Err(errno(5));
        }
        Ok(())
    }
}

/// A file of netprof's own.
pub(crate) fn own_file(server: &str) -> netprof_model::State {
    use std::os::unix::fs::MetadataExt;
    let made = tempfile::tempfile().unwrap().metadata().unwrap();
    let text = format!("{FILE_MARK}corp\nnameserver {server}\n");
    netprof_model::State::File(netprof_model::file::FileState::Regular {
        content: netprof_model::file::Content(text.into_bytes()),
        mode: 0o644,
        uid: made.uid(),
        gid: made.gid(),
    })
}
