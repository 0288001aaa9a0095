//! The kernel of the Mac in memory: its table of routes, its routing socket, its ioctls.

use std::io;
use std::net::IpAddr;

use netprof_model::link::Address;
use netprof_model::route::{Route, RouteKey, RouteSpec, rtf};
use netprof_plan::macos::put_back::is_host;
use netprof_plan::macos::rib::{Found, Rib};

use super::{Fake, Neighbour, World};
use crate::holder;
use crate::mac::{Family, Kernel};
use crate::route::numbers::{EEXIST, ENETUNREACH, ESRCH, RTF_LLINFO};
use crate::route::{Request, ioctl, read_routes};

/// How many bytes a routing socket holds (xnu, bsd/net/raw_cb.h).
const RAWRCVQ: usize = 8192;

pub(super) fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
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

fn finish(message: &mut [u8]) {
    let length = u16::try_from(message.len()).unwrap();
    put(message, 0, &length.to_le_bytes());
}

impl World {
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

    pub(super) fn add(&mut self, key: &RouteKey, spec: &RouteSpec) {
        let request = Request::add(key, spec, &self.names(), 0).unwrap();
        let route = self.route_of(request.bytes());
        assert_eq!(
            (&route.key, &*route.spec),
            (key, spec),
            "it comes back as it was written"
        );
        self.routes.push((route, request.bytes().to_vec()));
    }

    /// RTM_GET, over the planner's simulation of the kernel.
    fn look_up(&mut self, request: &[u8]) -> io::Result<()> {
        let mut asked = request.to_vec();
        let is_bound = u32_at(request, 8) & rtf::IFSCOPE != 0;
        let index = u16::from_le_bytes([request[4], request[5]]);
        put(&mut asked, 4, &1_u16.to_le_bytes());
        let asked = read_routes(&asked, &self.names(), 0).unwrap().routes;
        let to = asked[0].key.dst.addr();
        self.log.push(format!("get {to}"));
        let bound = self
            .links
            .iter()
            .find(|link| link.index == u32::from(index));
        let bound = bound.filter(|_| is_bound).map(|link| link.name.as_str());
        let snapshot = self.snapshot();
        let found = match Rib::new(&snapshot).look_up(to, bound) {
            Found::Nothing => return Err(errno(ESRCH)),
            Found::Route(found) | Found::Here(found) => found,
        };
        let dev = found.devices().next();
        let mut near = self.neighbours.iter();
        let near = near.find(|one| one.ip == to && dev == Some(&one.dev));
        let entry = match near.filter(|_| found.gateway().is_none()) {
            Some(near) => self.clone_of(near),
            None => {
                let mut all = self.routes.iter();
                let (_, bytes) = all.find(|(route, _)| route == found).unwrap();
                self.entry(bytes)
            }
        };
        self.reply(request, Some(&entry));
        Ok(())
    }

    /// The entry of a neighbour (`RTM_RESOLVE`, and `arp_lookup_ip` for a silent one).
    fn clone_of(&self, neighbour: &Neighbour) -> Vec<u8> {
        let index = self.names().index(&neighbour.dev).unwrap();
        let mut entry = vec![0; 92];
        let silent = if neighbour.silent { rtf::REJECT } else { 0 };
        let flags = 1 | rtf::HOST | RTF_LLINFO | rtf::WASCLONED | rtf::IFSCOPE | silent;
        put(&mut entry, 2, &[5, 4]);
        put(&mut entry, 4, &index.to_le_bytes());
        put(&mut entry, 8, &flags.to_le_bytes());
        put(&mut entry, 12, &3_u32.to_le_bytes());
        sockaddr(&mut entry, neighbour.ip);
        entry.extend([20, 18]);
        entry.extend(index.to_le_bytes());
        entry.extend([0; 16]);
        finish(&mut entry);
        entry
    }

    /// Whether the kernel finds a link for a route (`ifa_ifwithroute_common_locked`): one
    /// with an address of its family, for what has no gateway, and else one that leads to
    /// the gateway.
    fn has_way(&self, route: &Route) -> bool {
        let same = |ip: IpAddr| ip.is_ipv4() == route.key.dst.addr().is_ipv4();
        let mut addresses = self.addresses.iter();
        match route.gateway() {
            None => {
                let dev = route.devices().next();
                addresses.any(|one| dev == Some(&one.dev) && same(one.local.addr()))
            }
            Some(via) => {
                let snapshot = self.snapshot();
                addresses.any(|one| one.local.contains(&via))
                    || Rib::new(&snapshot).look_up(via, None) != Found::Nothing
            }
        }
    }

    /// The bytes of a route, as kernel and dump have it.
    pub(super) fn entry(&self, request: &[u8]) -> Vec<u8> {
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
        let mut message = found.unwrap_or(request).to_vec();
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
                    .chain(world.neighbours.iter().map(|one| world.clone_of(one)))
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
            return world.look_up(message);
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
            if let Some(spec) = world.raced.pop_front() {
                world.routes.remove(at);
                world.add(&route.key, &spec);
                let (_, taken) = world.routes.pop().unwrap();
                let taken = world.entry(&taken);
                world.reply(message, Some(&taken));
                return Ok(());
            }
            let (_, taken) = world.routes.remove(at);
            let taken = world.entry(&taken);
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
        if !world.has_way(&route) {
            return Err(errno(ENETUNREACH));
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
