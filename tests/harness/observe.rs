//! State as other tools see it, without what changes on its own.
//!
//! netprof is never asked what netprof did. The kernel is read by ip and nft,
//! resolved by busctl. Lifetimes, counters, handles and link-state flags would
//! differ between two looks at the same state, so they are left out here, once,
//! for every comparison.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Lab;

impl Lab {
    /// What an `ip` command shows, as JSON, without what is volatile.
    pub(crate) fn ip(&self, arguments: &str) -> Value {
        let text = self.run(&format!("ip -j -d {arguments}"));
        let text = if text.trim().is_empty() { "[]" } else { &text };
        let mut value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("ip {arguments}: {error}"));
        strip_kernel(&mut value);
        value
    }

    /// All routes of a family (`4` or `6`), of all tables, in a fixed order.
    pub(crate) fn routes(&self, family: u8) -> Value {
        let mut routes = self.ip(&format!("-{family} route show table all"));
        if let Some(routes) = routes.as_array_mut() {
            routes.sort_by_key(Value::to_string);
        }
        routes
    }

    /// All rules of a family, as they are tried.
    pub(crate) fn rules(&self, family: u8) -> Value {
        self.ip(&format!("-{family} rule"))
    }

    /// The rules of all packet filters.
    pub(crate) fn nft(&self) -> Value {
        if !Path::new("/usr/sbin/nft").exists() {
            return Value::Null;
        }
        let mut value =
            serde_json::from_str(&self.run("nft -j list ruleset")).expect("nft prints JSON");
        strip_nft(&mut value);
        value
    }

    /// Everything that resolved holds: for itself, per link, per delegate.
    /// Null when it is not there.
    pub(crate) fn resolved(&self) -> Value {
        const RESOLVED: &str = "org.freedesktop.resolve1 /org/freedesktop/resolve1";
        const MANAGER: &str = "org.freedesktop.resolve1.Manager";
        let Some(mut global) = self.properties(RESOLVED, MANAGER) else {
            return Value::Null;
        };
        strip_resolved(&mut global);
        in_order_of_links(&mut global);
        let mut links = Map::new();
        for link in self.ip("link").as_array().into_iter().flatten() {
            let (Some(index), Some(name)) = (link["ifindex"].as_u64(), link["ifname"].as_str())
            else {
                continue;
            };
            // It has no object for lo.
            let Ok(path) = self.bus_call(RESOLVED, &format!("{MANAGER} GetLink i {index}")) else {
                continue;
            };
            let object = format!(
                "org.freedesktop.resolve1 {}",
                path[0].as_str().unwrap_or_default()
            );
            if let Some(mut link) = self.properties(&object, "org.freedesktop.resolve1.Link") {
                strip_resolved(&mut link);
                links.insert(name.to_owned(), link);
            }
        }
        let mut delegates = Map::new();
        let listed = self.bus_call(RESOLVED, &format!("{MANAGER} ListDelegates"));
        for delegate in listed
            .iter()
            .flat_map(|answer| answer[0].as_array().into_iter().flatten())
        {
            let (Some(name), Some(path)) = (delegate[0].as_str(), delegate[1].as_str()) else {
                continue;
            };
            let object = format!("org.freedesktop.resolve1 {path}");
            if let Some(mut delegate) =
                self.properties(&object, "org.freedesktop.resolve1.DnsDelegate")
            {
                strip_resolved(&mut delegate);
                delegates.insert(name.to_owned(), delegate);
            }
        }
        json!({ "global": global, "links": links, "delegates": delegates })
    }

    /// What resolved holds for one link, as busctl prints properties.
    pub(crate) fn resolved_link(&self, link: &str) -> Value {
        self.resolved()["links"][link].clone()
    }

    /// All properties of an object's interface; `None` if there is none.
    fn properties(&self, object: &str, interface: &str) -> Option<Value> {
        let call = format!("org.freedesktop.DBus.Properties GetAll s {interface}");
        let mut properties = self.bus_call(object, &call).ok()?.get(0)?.clone();
        for property in properties.as_object_mut()?.values_mut() {
            // {"type":"b","data":true}: the type says nothing in a picture.
            *property = property["data"].take();
        }
        Some(properties)
    }

    /// The arguments of a method's answer, or the error's text.
    pub(crate) fn bus_call(&self, object: &str, call: &str) -> Result<Value, String> {
        let output = self.output(&format!(
            "busctl --json=short --auto-start=no call {object} {call}"
        ));
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        // A method without results prints nothing.
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok(answer["data"].clone())
    }
}

fn strip_kernel(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip_kernel),
        Value::Object(object) => {
            // Whether something expires is state; when, is not.
            for key in ["valid_life_time", "preferred_life_time", "expires"] {
                if let Some(time) = object.get_mut(key) {
                    let forever = time.as_u64() == Some(u64::from(u32::MAX));
                    *time = Value::from(if forever { "forever" } else { "limited" });
                }
            }
            // Bridges and their ports show when they will next do what they always do.
            object.retain(|key, _| !key.ends_with("_timer"));
            if let Some(Value::Array(flags)) = object.get_mut("flags") {
                flags.retain(|flag| {
                    !["dead", "linkdown", "offload", "trap"]
                        .contains(&flag.as_str().unwrap_or_default())
                });
            }
            for key in ["tentative", "used", "age", "cache"] {
                object.remove(key);
            }
            object.values_mut().for_each(strip_kernel);
        }
        _ => {}
    }
}

fn strip_nft(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item.get("metainfo").is_none());
            items.iter_mut().for_each(strip_nft);
        }
        Value::Object(object) => {
            for key in ["handle", "packets", "bytes"] {
                object.remove(key);
            }
            object.values_mut().for_each(strip_nft);
        }
        _ => {}
    }
}

fn strip_resolved(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        // Which server was used last, and how often, is not configuration.
        object
            .retain(|key, _| !key.ends_with("Statistics") && !key.starts_with("CurrentDNSServer"));
        // Whether it is asked for LLMNR, too, depends on what it heard of first when a manager
        // of links let go of one. The first bit is unicast DNS.
        if let Some(scopes) = object.get_mut("ScopesMask") {
            *scopes = Value::from(scopes.as_u64().unwrap_or_default() & 1);
        }
        // A set, printed in the order of a hash table that is seeded anew.
        if let Some(Value::Array(anchors)) = object.get_mut("DNSSECNegativeTrustAnchors") {
            anchors.sort_by_key(Value::to_string);
        }
    }
}

/// What links have is listed with the whole, link by link as a hash table has them, which
/// is another order when links have come and gone. What one link has, or none, stays in
/// its order: the first is asked first.
fn in_order_of_links(global: &mut Value) {
    for name in ["DNS", "DNSEx", "Domains"] {
        if let Some(Value::Array(all)) = global.get_mut(name) {
            all.sort_by_key(|one| one[0].as_u64());
        }
    }
}
