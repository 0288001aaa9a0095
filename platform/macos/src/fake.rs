//! A Mac in memory: a kernel, a configd and preferences that answer in the same bytes.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use netprof_model::Section;
use netprof_model::Snapshot;
use netprof_model::configd::{Domain, ResolverList, Store};
use netprof_model::file::LiveFile;
use netprof_model::link::{Address, Link};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::resource::FILE_MARK;
use netprof_model::route::{Hop, Protocol, Route, RouteKey, RouteSpec, rtf};
use netprof_model::snapshot::Os;
use netprof_plan::macos::configd;
use netprof_plan::macos::put_back::is_host;

use crate::mac::{self, Edit, Family, Found, Kernel, Status, Unedited};
use crate::route::numbers::{EEXIST, ESRCH};
use crate::route::{Names, Request, ioctl, read_routes};
use crate::{files, holder, plist, preferences};

/// The service of the Wi-Fi.
pub(crate) const WIFI: &str = "0F70B221-EEF7-4ACC-96D8-ECBA3A15F132";

/// How many bytes a routing socket holds (xnu, bsd/net/raw_cb.h).
const RAWRCVQ: usize = 8192;

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
    /// What the next delete finds in place of what was there a moment ago.
    pub(crate) raced: Option<RouteSpec>,
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
            addresses: Vec::new(),
            routes: Vec::new(),
            strange: Vec::new(),
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
            raced: None,
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
            .map(|(route, _)| route.spec.clone())
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

/// What IPConfiguration says of a Wi-Fi that is in use: there is a primary service, without
/// which configd reads no file.
fn wifi() -> BTreeMap<String, Value> {
    let text = |text: &str| Value::String(text.to_owned());
    let entity = |name: &str, pairs: &[(&str, Value)]| {
        let pairs = pairs.iter();
        let all: Dictionary = pairs
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let key = Store::service_key(Domain::State, WIFI, name);
        (key, Value::Dictionary(all))
    };
    let address = [
        ("Addresses", Value::strings(["192.168.1.20"])),
        ("SubnetMasks", Value::strings(["255.255.255.0"])),
        ("Router", text("192.168.1.1")),
        ("InterfaceName", text("en0")),
    ];
    let servers = [("ServerAddresses", Value::strings(["192.168.1.1"]))];
    [entity("IPv4", &address), entity("DNS", &servers)].into()
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Socket addresses in the order of their bits, each padded to four bytes.
fn sockaddr(bytes: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            bytes.extend([16, 2, 0, 0]);
            bytes.extend(ip.octets());
            bytes.extend([0; 8]);
        }
        IpAddr::V6(ip) => {
            bytes.extend([28, 30, 0, 0, 0, 0, 0, 0]);
            bytes.extend(ip.octets());
            bytes.extend([0; 4]);
        }
    }
}

impl World {
    fn names(&self) -> Names {
        Names::of(&self.links)
    }

    fn link(&self, name: &str) -> io::Result<usize> {
        let found = self.links.iter().position(|link| link.name == name);
        found.ok_or_else(|| errno(6))
    }

    /// NET_RT_IFLIST2.
    fn iflist(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for link in &self.links {
            let mut message = vec![0; 160];
            let flags = u32::from(link.up) | u32::from(link.loopback) << 3 | 0x40;
            put(&mut message, 2, &[5, 18]);
            put(&mut message, 4, &0x10_u32.to_le_bytes());
            put(&mut message, 8, &flags.to_le_bytes());
            put(&mut message, 12, &(link.index as u16).to_le_bytes());
            put(&mut message, 40, &link.mtu.to_le_bytes());
            let mut name = vec![20, 18, link.index as u8, 0, 0, link.name.len() as u8, 0, 0];
            name.extend(link.name.as_bytes());
            name.resize(20, 0);
            message.extend(name);
            finish(&mut message);
            all.extend(message);
            for address in self.addresses.iter().filter(|one| one.dev == link.name) {
                let mut message = vec![0; 20];
                put(&mut message, 2, &[5, 12]);
                put(&mut message, 4, &0x24_u32.to_le_bytes());
                put(&mut message, 12, &(link.index as u16).to_le_bytes());
                sockaddr(&mut message, address.local.netmask());
                sockaddr(&mut message, address.local.addr());
                finish(&mut message);
                all.extend(message);
            }
        }
        all
    }

    /// A request, as a dump would have the route that it adds or deletes.
    fn route_of(&self, request: &[u8]) -> Route {
        let mut message = request.to_vec();
        let names = self.names();
        // The link is named in the socket address of the gateway, or behind the netmask.
        let index = if request[3] == 1 {
            self.index_of(request)
        } else {
            1
        };
        if u32_at(request, 8) & 0x100_0000 == 0 {
            put(&mut message, 4, &index.to_le_bytes());
        }
        message[3] = 4;
        let routes = read_routes(&message, &names, 0).unwrap().routes;
        let [route] = &routes[..] else {
            panic!("{routes:?}")
        };
        route.clone()
    }

    /// The number in the last socket address of a link.
    fn index_of(&self, request: &[u8]) -> u16 {
        let bits = u32_at(request, 12);
        let mut rest = &request[92..];
        let mut index = 1;
        for _ in 0..bits.count_ones() {
            let length = usize::from(rest[0]).max(4).next_multiple_of(4);
            if rest[0] > 0 && rest[1] == 18 {
                index = u16::from_le_bytes([rest[2], rest[3]]);
            }
            rest = &rest[length.min(rest.len())..];
        }
        index
    }

    /// Where a route stands that the kernel cannot tell from `route`.
    fn at(&self, route: &Route) -> Option<usize> {
        let mut all = self.routes.iter();
        all.position(|(there, _)| {
            there.key == route.key && is_host(&there.spec) == is_host(&route.spec)
        })
    }

    /// What a delete of a host's route takes if there is none: the network's with the
    /// longest mask that begins at the address.
    fn first(&self, route: &Route) -> Option<usize> {
        let all = self.routes.iter().enumerate();
        let chain = all.filter(|(_, (there, _))| {
            is_host(&route.spec)
                && there.key.ifscope == route.key.ifscope
                && there.key.dst.addr() == route.key.dst.addr()
        });
        let longest = chain.max_by_key(|(_, (there, _))| there.key.dst.prefix_len());
        longest.map(|(at, _)| at)
    }

    fn add(&mut self, key: &RouteKey, spec: &RouteSpec) {
        let request = Request::add(key, spec, &self.names(), 0).unwrap();
        let route = self.route_of(request.bytes());
        assert_eq!(
            (&route.key, &route.spec),
            (key, spec),
            "it comes back as it was written"
        );
        self.routes.push((route, request.bytes().to_vec()));
    }

    /// The bytes of a route, as kernel and dump have it.
    fn entry(&self, request: &[u8]) -> Vec<u8> {
        let mut message = request.to_vec();
        put(&mut message, 4, &self.index_of(request).to_le_bytes());
        message[3] = 4;
        message
    }

    fn reply(&mut self, request: &[u8], found: Option<&[u8]>) {
        if self.lost > 0 {
            self.lost -= 1;
            return;
        }
        let mut message = found.map_or_else(|| request.to_vec(), |found| self.entry(found));
        message[3] = request[3];
        put(&mut message, 16, &std::process::id().to_le_bytes());
        put(&mut message, 20, &request[20..24]);
        let flags = u32_at(&message, 8) | 0x40;
        put(&mut message, 8, &flags.to_le_bytes());
        // `sbappendaddr` drops what does not fit.
        let held: usize = self.messages.iter().map(Vec::len).sum();
        if held + message.len() <= RAWRCVQ {
            self.messages.push_back(message);
        }
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

    /// configd makes the list anew, of all that there is.
    fn publish(&mut self) {
        self.due = false;
        self.published = configd::resolvers(&self.snapshot());
    }

    /// configd learns of a change.
    fn changed(&mut self) {
        self.due = true;
        if self.configd == Configd::AtOnce {
            self.publish();
        }
    }

    /// configd is told of what happened to /etc/resolver since it was last looked at, and
    /// looks whether that is there now: `dns_configuration_changed`.
    fn watch_files(&mut self) {
        let now = files::observe(&self.root).seen().cloned();
        if self.listed == now {
            return;
        }
        let there = now.is_some();
        self.listed = now;
        if self.resolvers_save || there {
            self.resolvers_save = there;
            self.changed();
        }
    }

    pub(crate) fn save(&self) {
        let path = self.root.join(preferences::FILE.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let all = Value::Dictionary(self.preferences.clone());
        fs::write(path, plist::to_binary(&all).unwrap()).unwrap();
    }

    /// SCPreferencesApplyChanges: a notice, and no more.
    fn apply(&mut self, unedited: Option<Unedited>) -> Result<(), Unedited> {
        if self.loses_preferences {
            let path = self.root.join(preferences::FILE.trim_start_matches('/'));
            fs::remove_file(path).unwrap();
        }
        if let Some(unedited) = unedited {
            return Err(unedited);
        }
        self.log.push("apply".to_owned());
        match self.lag {
            0 => self.monitor(),
            lag => self.told = Some(lag),
        }
        Ok(())
    }

    /// What PreferencesMonitor makes of the preferences, as far as it is about proxies:
    /// `updateSCDynamicStore` and `flatten` in configd, Plugins/PreferencesMonitor/prefsmon.c.
    fn monitor(&mut self) {
        self.told = None;
        self.store.retain(|key, _| !key.starts_with("Setup:"));
        let at = |path: &[&str]| {
            let mut steps = path.iter();
            steps.try_fold(&self.preferences, |all, key| all.get(*key)?.as_dictionary())
        };
        let members = at(&["Sets", "S", "Network", "Service"]);
        let mut made = Vec::new();
        for id in members.into_iter().flat_map(Dictionary::keys) {
            let is_inactive = |all: &Dictionary| all.contains_key("__INACTIVE__");
            let proxies = at(&["NetworkServices", id, "Proxies"]);
            if at(&["NetworkServices", id]).is_none_or(is_inactive)
                || proxies.is_none_or(|all| all.is_empty() || is_inactive(all))
            {
                continue;
            }
            let key = Store::service_key(Domain::Setup, id, "Proxies");
            made.extend(proxies.map(|all| (key, Value::Dictionary(all.clone()))));
        }
        self.store.extend(made);
        self.changed();
    }

    fn is_broken(&self, call: &str) -> io::Result<()> {
        if self.broken.contains(&call) {
            return Err(errno(5));
        }
        Ok(())
    }
}

fn finish(message: &mut [u8]) {
    let length = u16::try_from(message.len()).unwrap();
    put(message, 0, &length.to_le_bytes());
}

impl Kernel for Fake {
    fn sysctl(&mut self, mib: &[i32]) -> io::Result<Vec<u8>> {
        let world = self.0.borrow();
        match mib {
            [4, 17, 0, 0, 6, 0] => {
                world.is_broken("links")?;
                Ok(world.iflist())
            }
            [4, 17, 0, 0, 1, 0] => {
                world.is_broken("routes")?;
                Ok(world
                    .routes
                    .iter()
                    .map(|(_, bytes)| world.entry(bytes))
                    .chain(world.strange.iter().cloned())
                    .flatten()
                    .collect())
            }
            other => panic!("{other:?}"),
        }
    }

    fn sysctl_named(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let world = self.0.borrow();
        world.is_broken(match name {
            "kern.bootsessionuuid" => "boot",
            _ => "processes",
        })?;
        Ok(match name {
            "kern.bootsessionuuid" => b"5C5E8E4B-0000-0000-0000-000000000001\0".to_vec(),
            "kern.proc.all" => {
                let all = (100..).zip(&world.programs);
                all.flat_map(|(pid, (name, _))| holder::tests::process(pid, name))
                    .collect()
            }
            other => panic!("{other}"),
        })
    }

    fn route_open(&mut self) -> io::Result<()> {
        self.0.borrow_mut().messages.clear();
        Ok(())
    }

    fn route_write(&mut self, message: &[u8]) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        if message[3] == 4 {
            // A look-up: the longest prefix of all, whatever its scope.
            let mut asked = message.to_vec();
            put(&mut asked, 4, &1_u16.to_le_bytes());
            let to = read_routes(&asked, &world.names(), 0).unwrap().routes[0]
                .key
                .dst
                .addr();
            world.log.push(format!("get {to}"));
            let mut fit: Vec<_> = world
                .routes
                .iter()
                .filter(|(route, _)| route.key.dst.contains(&to))
                .cloned()
                .collect();
            fit.sort_by_key(|(route, _)| route.key.dst.prefix_len());
            let Some((_, found)) = fit.pop() else {
                return Err(errno(ESRCH));
            };
            world.reply(message, Some(&found));
            return Ok(());
        }
        let route = world.route_of(message);
        let at = world.at(&route);
        if message[3] == 2 {
            world.log.push(format!("delete {}", route.key));
            if std::mem::take(&mut world.vanishes) {
                world.routes.remove(at.unwrap());
            }
            let Some(at) = world.at(&route).or_else(|| world.first(&route)) else {
                return Err(errno(ESRCH));
            };
            if let Some(spec) = world.raced.take() {
                world.routes.remove(at);
                world.add(&route.key, &spec);
                let (_, taken) = world.routes.pop().unwrap();
                world.reply(message, Some(&taken));
                return Ok(());
            }
            let (_, taken) = world.routes.remove(at);
            world.reply(message, Some(&taken));
            return Ok(());
        }
        assert_eq!(message[3], 1, "RTM_CHANGE is never sent");
        world.log.push(format!("add {}", route.key));
        if let Some(number) = world.refuses_to_add.take() {
            return Err(errno(number));
        }
        if at.is_some() {
            return Err(errno(EEXIST));
        }
        world.routes.push((route, message.to_vec()));
        world.reply(message, None);
        Ok(())
    }

    fn route_read(&mut self) -> io::Result<Vec<u8>> {
        let mut world = self.0.borrow_mut();
        world.is_broken("route_read")?;
        let message = world.messages.pop_front();
        message.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn ioctl(&mut self, family: Family, request: u32, argument: &mut [u8]) -> io::Result<()> {
        assert!(ioctl::is_contained(request, argument), "{request:#x}");
        let mut world = self.0.borrow_mut();
        let name: Vec<u8> = argument[..16]
            .iter()
            .copied()
            .take_while(|byte| *byte > 0)
            .collect();
        let name = String::from_utf8(name).unwrap_or_default();
        let number = u32_at(argument, 16);
        let given = || -> IpAddr {
            match family {
                Family::V4 => <[u8; 4]>::try_from(&argument[20..24]).unwrap().into(),
                Family::V6 => <[u8; 16]>::try_from(&argument[24..40]).unwrap().into(),
            }
        };
        match request {
            ioctl::SIOCGIFMTU => {
                let at = world.link(&name)?;
                put(argument, 16, &world.links[at].mtu.to_le_bytes());
            }
            ioctl::SIOCSIFMTU => {
                let at = world.link(&name)?;
                world.links[at].mtu = number;
                world.log.push(format!("mtu {name} {number}"));
            }
            ioctl::SIOCGIFFLAGS => {
                let at = world.link(&name)?;
                let flags = 0x8040_u16 | u16::from(world.links[at].up);
                put(argument, 16, &flags.to_le_bytes());
            }
            ioctl::SIOCSIFFLAGS => {
                let at = world.link(&name)?;
                assert_eq!(number & 0x8040, 0x8040, "other flags stay");
                world.links[at].up = number & 1 == 1;
                world.log.push(format!("flags {name} {number:#x}"));
            }
            ioctl::SIOCAIFADDR | ioctl::SIOCAIFADDR_IN6 => {
                let ip = given();
                let mask: IpAddr = match family {
                    Family::V4 => <[u8; 4]>::try_from(&argument[52..56]).unwrap().into(),
                    Family::V6 => <[u8; 16]>::try_from(&argument[80..96]).unwrap().into(),
                };
                let local = ipnet::IpNet::with_netmask(ip, mask).unwrap();
                world.log.push(format!("address {name} {local}"));
                world.addresses.push(Address {
                    dev: name,
                    local,
                    peer: None,
                    scope: 254,
                    dynamic: false,
                    secondary: false,
                });
            }
            ioctl::SIOCDIFADDR | ioctl::SIOCDIFADDR_IN6 => {
                let ip = given();
                world.log.push(format!("no address {name} {ip}"));
                world
                    .addresses
                    .retain(|one| one.dev != name || one.local.addr() != ip);
            }
            ioctl::SIOCGIFAGENTDATA => {
                let mut all = world.agents.values().flatten();
                let found = all.find(|one| one[..16] == argument[..16]);
                argument.copy_from_slice(found.ok_or_else(|| errno(2))?);
            }
            ioctl::SIOCGIFAFLAG_IN6 => {
                assert_eq!(family, Family::V6);
                // Autoconfigured and temporary.
                put(argument, 16, &0xc0_u32.to_le_bytes());
            }
            ioctl::SIOCGIFMEDIA if name == "en0" => put(argument, 24, &1_u32.to_le_bytes()),
            ioctl::SIOCGIFMEDIA => return Err(errno(22)),
            other => panic!("{other:#x}"),
        }
        Ok(())
    }

    fn agents(&mut self, link: &str) -> io::Result<Vec<u8>> {
        let world = self.0.borrow();
        let agents = world.agents.get(link).into_iter().flatten();
        Ok(agents.flat_map(|one| one[..16].to_vec()).collect())
    }

    fn descriptors(&mut self, pid: i32) -> io::Result<Vec<u8>> {
        let world = self.0.borrow();
        let (_, units) = &world.programs[(pid - 100) as usize];
        let sockets = (3_i32..).zip(units);
        Ok(sockets
            .flat_map(|(descriptor, _)| [descriptor.to_le_bytes(), 2_i32.to_le_bytes()].concat())
            .collect())
    }

    fn socket(&mut self, pid: i32, descriptor: i32) -> io::Result<Vec<u8>> {
        let world = self.0.borrow();
        let (_, units) = &world.programs[(pid - 100) as usize];
        let unit = units[(descriptor - 3) as usize];
        Ok(holder::tests::control("com.apple.net.utun_control", unit))
    }
}

impl mac::Configd for Fake {
    fn store(&mut self, patterns: &[&str]) -> Result<Vec<u8>, Status> {
        let world = self.0.borrow();
        world
            .is_broken("store")
            .map_err(|error| Status::other(error.to_string()))?;
        let fits = |key: &str| {
            patterns
                .iter()
                .any(|pattern| match pattern.strip_suffix(".*") {
                    Some(start) => key.starts_with(start),
                    None => key == pattern.replace('\\', ""),
                })
        };
        let all = world.store.iter().filter(|(key, _)| fits(key));
        let all: Dictionary = all
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Ok(plist::to_binary(&Value::Dictionary(all)).unwrap())
    }

    fn store_set(&mut self, key: &str, value: &[u8]) -> Result<(), Status> {
        let mut world = self.0.borrow_mut();
        world.log.push(format!("set {key}"));
        world
            .is_broken("store_set")
            .map_err(|error| Status::other(error.to_string()))?;
        world
            .store
            .insert(key.to_owned(), plist::parse(value).unwrap());
        world.changed();
        Ok(())
    }

    fn store_remove(&mut self, key: &str) -> Result<(), Status> {
        let mut world = self.0.borrow_mut();
        world.log.push(format!("remove {key}"));
        world.store.remove(key).unwrap();
        world.changed();
        Ok(())
    }

    fn resolvers(&mut self) -> io::Result<Option<ResolverList>> {
        let mut world = self.0.borrow_mut();
        world.is_broken("resolvers")?;
        // Files are changed behind this Mac's back.
        world.watch_files();
        Ok(world.published.clone())
    }

    fn listen(&mut self) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.log.push("listen".to_owned());
        world.is_broken("listen")
    }

    fn hear(&mut self, limit: Duration) -> io::Result<bool> {
        assert!(limit <= Duration::from_secs(5));
        let mut world = self.0.borrow_mut();
        world.notices += 1;
        world.log.push("hear".to_owned());
        if world.interrupted > 0 {
            world.interrupted -= 1;
            return Err(io::ErrorKind::Interrupted.into());
        }
        world.watch_files();
        match world.configd {
            Configd::After(number) if world.notices >= number => {
                let due = world.due;
                if due {
                    world.publish();
                }
                Ok(due)
            }
            Configd::After(_) => Ok(true),
            Configd::AtOnce | Configd::Never => Ok(false),
        }
    }

    fn edit_preferences(
        &mut self,
        path: &str,
        edit: &mut dyn FnMut(Found<'_>) -> Edit,
    ) -> Result<(), Unedited> {
        let mut world = self.0.borrow_mut();
        world.log.push(format!("edit {path}"));
        let unedited = world.unedited.pop_front();
        if let Some(Unedited::Lock(_) | Unedited::Change(_)) = unedited {
            return Err(unedited.unwrap());
        }
        let mut prefs = world.preferences.clone();
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let last = parts.pop().unwrap();
        let mut at = &mut prefs;
        for part in parts {
            let Some(Value::Dictionary(next)) = at.get_mut(part) else {
                panic!("the framework would make up {part}")
            };
            at = next;
        }
        let found = at.get(last).map(|found| plist::to_binary(found).unwrap());
        match edit(found.as_deref()) {
            Edit::Leave => return Ok(()),
            Edit::Tell => {
                drop(prefs);
                return world.apply(unedited);
            }
            Edit::Set(value) => {
                at.insert(last.to_owned(), plist::parse(&value).unwrap());
            }
            Edit::Remove => {
                at.remove(last).unwrap();
            }
        }
        if let Some(Unedited::Commit(_)) = unedited {
            return Err(unedited.unwrap());
        }
        world.preferences = prefs;
        world.log.push("commit".to_owned());
        world.save();
        world.apply(unedited)
    }

    fn pause(&mut self, _: Duration) {
        let mut world = self.0.borrow_mut();
        world.log.push("pause".to_owned());
        match world.told {
            Some(0 | 1) => world.monitor(),
            Some(left) => world.told = Some(left - 1),
            None => {}
        }
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
