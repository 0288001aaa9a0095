//! The configd of the Mac in memory: its store, the resolvers that it publishes, and what
//! its PreferencesMonitor makes of the preferences.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use netprof_model::configd::{Domain, ResolverList, Store};
use netprof_model::plist::{Dictionary, Value};
use netprof_plan::macos::configd;

use super::{Configd, Fake, WIFI, World};
use crate::mac::{self, Edit, Status, Unedited};
use crate::{files, plist, preferences};

/// What IPConfiguration says of a Wi-Fi that is in use: there is a primary service, without
/// which configd reads no file.
pub(super) fn wifi() -> BTreeMap<String, Value> {
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

impl World {
    /// configd makes the list anew, of all that there is.
    pub(super) fn publish(&mut self) {
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
    pub(super) fn watch_files(&mut self) {
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
    pub(super) fn monitor(&mut self) {
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
        if let Some(gone) = world.goes.take() {
            world.store.remove(&gone);
        }
        if world.store.remove(key).is_none() {
            return Err(Status {
                code: Status::NO_KEY,
                words: "No such key".to_owned(),
            });
        }
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
        edit: &mut dyn FnMut(mac::Found<'_>) -> Edit,
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
