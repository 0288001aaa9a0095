//! The network services of the current location and their proxies.
//!
//! They are read from the file that SCPreferences reads (`SCPreferences.h` gives its
//! name, `SCSchemaDefinitions.h` its keys), which every user may: so a plan needs no
//! privilege and no call of the framework. They are written by SCPreferences alone, under
//! its lock, as everything that runs on a Mac does.
//!
//! What is written there is not yet what programs get: SCPreferencesApplyChanges is a
//! notice, and configd copies the proxies of each service into the dynamic store when it
//! has read it (`updateSCDynamicStore` and `flatten`, Plugins/PreferencesMonitor/prefsmon.c).
//! So a change is done when the store shows it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use netprof_engine::Mode;
use netprof_model::configd::{Domain, NetworkService, Preferences, Store};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Section, State};

use crate::mac::{Edit, Found, Mac, Status, Unedited};
use crate::{plist, store};

/// The file.
pub const FILE: &str = "/Library/Preferences/SystemConfiguration/preferences.plist";

/// How often the lock is tried while somebody else has it, and how long to wait between.
/// Who holds it writes a file: that is over in a moment, or it is stuck.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// How often the store is looked at, and how long to wait between: 5 s in all, as for
/// resolvers.
const LOOKS: usize = 101;
const INTERVAL: Duration = Duration::from_millis(50);

/// The services of the current location, as the file below `root` has them.
#[must_use]
pub fn observe(root: &Path) -> Section<Preferences> {
    match read(root) {
        Ok(Some(all)) => Section::Seen(parse(&all)),
        Ok(None) => Section::Absent,
        Err(why) => Section::Unreadable(why),
    }
}

fn read(root: &Path) -> Result<Option<Dictionary>, String> {
    let bytes = match fs::read(root.join(FILE.trim_start_matches('/'))) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{FILE}: {error}")),
    };
    match plist::parse(&bytes) {
        Ok(Value::Dictionary(all)) => Ok(Some(all)),
        Ok(_) => Err(format!("{FILE}: it is no dictionary")),
        Err(error) => Err(format!("{FILE}: {error}")),
    }
}

/// The dictionary at a path of dictionaries.
fn at<'a>(all: &'a Dictionary, path: &[&str]) -> Option<&'a Dictionary> {
    path.iter()
        .try_fold(all, |all, key| all.get(*key)?.as_dictionary())
}

fn text(all: &Dictionary, key: &str) -> Option<String> {
    all.get(key)?.as_str().map(str::to_owned)
}

/// What marks a service, or a protocol of one, as switched off (kSCResvInactive).
const INACTIVE: &str = "__INACTIVE__";

/// The services of the current location, in its order; behind them those that the order
/// does not name.
#[must_use]
pub fn parse(all: &Dictionary) -> Preferences {
    // "/Sets/ID".
    let current = all
        .get("CurrentSet")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let path: Vec<&str> = current.split('/').filter(|part| !part.is_empty()).collect();
    let Some(set) = at(all, &path).filter(|_| !path.is_empty()) else {
        return Preferences::default();
    };
    let members = at(set, &["Network", "Service"]);
    let order =
        at(set, &["Network", "Global", "IPv4"]).and_then(|global| global.get("ServiceOrder"));
    let ordered = order.into_iter().flat_map(Value::words);
    let mut ids: Vec<&str> = ordered
        .filter(|id| members.is_some_and(|members| members.contains_key(*id)))
        .collect();
    for id in members.into_iter().flat_map(Dictionary::keys) {
        if !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    let services = ids.into_iter().filter_map(|id| service(all, id)).collect();
    Preferences {
        location: text(set, "UserDefinedName"),
        services,
    }
}

fn service(all: &Dictionary, id: &str) -> Option<NetworkService> {
    let service = at(all, &["NetworkServices", id])?;
    let interface = at(service, &["Interface"]);
    let of_interface = |key: &str| interface.and_then(|interface| text(interface, key));
    let kind = match of_interface("Hardware").as_deref() {
        // What SCNetworkInterfaceGetInterfaceType says of it; its configuration is that
        // of an Ethernet.
        Some("AirPort") => Some("IEEE80211".to_owned()),
        _ => of_interface("Type"),
    };
    // The device of a PPP is a modem; a VPN has none.
    let has_link = !matches!(kind.as_deref(), Some("PPP" | "VPN" | "IPSec" | "L2TP"));
    Some(NetworkService {
        id: id.to_owned(),
        name: text(service, "UserDefinedName")
            .or_else(|| of_interface("UserDefinedName"))
            .unwrap_or_default(),
        link: of_interface("DeviceName").filter(|_| has_link),
        kind,
        enabled: !service.contains_key(INACTIVE),
        proxies: at(service, &["Proxies"]).cloned(),
    })
}

/// Puts `after` in the place of `before` as the proxies of a service. What is there is
/// compared under the lock.
///
/// # Errors
///
/// Why not, in words.
pub fn put<M: Mac>(
    mac: &mut M,
    root: &Path,
    service: &str,
    before: Option<&State>,
    after: Option<&State>,
    mode: Mode,
) -> Result<(), String> {
    let (before, after) = (proxies(before)?, proxies(after)?);
    // A path is cut at its slashes.
    if service.is_empty() || service.contains('/') {
        return Err(format!("'{service}' is no identifier of a network service"));
    }
    // The framework makes what a path leads through: it would make up a service.
    let all = read(root)?.unwrap_or_default();
    if at(&all, &["NetworkServices", service]).is_none() {
        return match mode {
            Mode::Back => Ok(()),
            Mode::Forward => Err(format!("there is no network service {service} any more")),
        };
    }
    let wanted = match after {
        Some(after) => {
            let value = Value::Dictionary(after.clone());
            Some(plist::to_binary(&value).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    let in_effect = parse(&all)
        .services
        .iter()
        .any(|one| one.id == service && one.enabled);
    // Where all of it is as it was, also what configd goes by, no lock is needed, and
    // somebody else's is no obstacle.
    if mode == Mode::Back
        && in_effect
        && at(&all, &["NetworkServices", service, "Proxies"]) == after
        && is_shown(mac, service, after) == Ok(true)
    {
        return sync(root);
    }
    let path = format!("/NetworkServices/{service}/Proxies");
    let mut locked = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            mac.pause(PAUSE);
        }
        let mut decided = Ok(Edit::Leave);
        let edited = mac.edit_preferences(&path, &mut |found| {
            decided = decide(found, &path, [before, after], wanted.as_deref(), mode);
            decided.clone().unwrap_or(Edit::Leave)
        });
        match edited {
            Ok(()) => {
                return match decided? {
                    Edit::Leave => Ok(()),
                    Edit::Tell | Edit::Set(_) | Edit::Remove => {
                        sync(root)?;
                        match in_effect {
                            true => settle(mac, service, after),
                            // Nobody goes by those of a service that is switched off.
                            false => Ok(()),
                        }
                    }
                };
            }
            Err(Unedited::Lock(status)) if matches!(status.code, Status::BUSY | Status::STALE) => {
                locked = Unedited::Lock(status).to_string();
            }
            Err(unedited) => return Err(unedited.to_string()),
        }
    }
    Err(format!("{locked}, for {} s now", (PAUSE * 20).as_secs()))
}

/// What is to be done where `found` stands at `path`. `wanted` is what is to stand there,
/// as a property list.
fn decide(
    found: Found<'_>,
    path: &str,
    [before, after]: [Option<&Dictionary>; 2],
    wanted: Option<&[u8]>,
    mode: Mode,
) -> Result<Edit, String> {
    let live = match found.map(plist::parse).transpose() {
        Ok(None) => None,
        Ok(Some(Value::Dictionary(live))) => Some(live),
        Ok(Some(_)) => return Err(format!("{path} is no dictionary")),
        Err(error) => return Err(format!("{path}: {error}")),
    };
    if live.as_ref() == after && mode == Mode::Back {
        // A stop between commit and apply leaves configd with what was before.
        return Ok(Edit::Tell);
    }
    if live.as_ref() != before {
        return Err("somebody else has changed these proxies".to_owned());
    }
    Ok(match wanted {
        Some(wanted) => Edit::Set(wanted.to_owned()),
        None if live.is_some() => Edit::Remove,
        None => Edit::Leave,
    })
}

/// Brings the file to the disk: SCPreferencesCommitChanges writes, closes and renames it,
/// and no more (configd, SystemConfiguration.fproj/SCPCommit.c), but what a journal calls
/// done must outlive a power cut.
fn sync(root: &Path) -> Result<(), String> {
    let file = root.join(FILE.trim_start_matches('/'));
    let folder = file.parent().unwrap_or(root);
    [&file, folder]
        .into_iter()
        .try_for_each(|path| File::open(path)?.sync_all())
        .map_err(|error| format!("{FILE} cannot be brought to the disk: {error}"))
}

/// Waits until configd goes by `proxies`.
fn settle<M: Mac>(mac: &mut M, service: &str, proxies: Option<&Dictionary>) -> Result<(), String> {
    for look in 0..LOOKS {
        if look > 0 {
            mac.pause(INTERVAL);
        }
        if is_shown(mac, service, proxies)? {
            return Ok(());
        }
    }
    let seconds = (INTERVAL * 100).as_secs();
    Err(format!("configd does not go by them, {seconds} s later"))
}

/// Whether the store shows `proxies` of a service: its own dictionaries have keys of
/// their own there, and where nothing is left, or it is switched off, there is no key.
fn is_shown<M: Mac>(
    mac: &mut M,
    service: &str,
    proxies: Option<&Dictionary>,
) -> Result<bool, String> {
    let active = proxies
        .into_iter()
        .filter(|all| !all.contains_key(INACTIVE));
    let wanted: Dictionary = active
        .flatten()
        .filter(|(_, value)| value.as_dictionary().is_none())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let key = Store::service_key(Domain::Setup, service, "Proxies");
    let live = store::get(mac, &key)?;
    let live = live.as_ref().and_then(Value::as_dictionary);
    Ok(live.cloned().unwrap_or_default() == wanted)
}

fn proxies(state: Option<&State>) -> Result<Option<&Dictionary>, String> {
    match state {
        None => Ok(None),
        Some(State::Proxies(proxies)) => Ok(Some(proxies)),
        Some(_) => Err("the change holds something else than proxies".to_owned()),
    }
}
