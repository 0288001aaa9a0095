//! GNOME: keys below `/system/proxy/` of dconf (`org.gnome.system.proxy.gschema.xml`).
//!
//! A proxy is used if its host is not empty and its port not 0. Without one for https, the
//! one for http is taken; one for SOCKS is for whatever has none of its own. What is asked
//! without a proxy is compared with `ignore-hosts`, in which all that the language has means
//! what it says, but for `*.example.com`, which is the domain itself, too
//! (`gsimpleproxyresolver.c`, `gproxyresolvergnome.c`). `enabled` and `use-same-proxy` are
//! looked at by nothing that was looked at.

use netprof_model::plist::{Dictionary, Value};

use super::Said;

/// The user's database, below the home.
pub const DATABASE: &str = ".config/dconf/user";

/// Where the keys are.
pub const FOLDER: &str = "/system/proxy/";

const MODE: &str = "mode";
const PAC_URL: &str = "autoconfig-url";
const IGNORED: &str = "ignore-hosts";
const HTTP_HOST: &str = "http/host";
const HTTP_PORT: &str = "http/port";
const HTTP_PASSWORD: &str = "http/use-authentication";

/// The keys that netprof may touch. The password of a proxy is none of them.
pub const KEYS: [&str; 11] = [
    MODE,
    PAC_URL,
    IGNORED,
    HTTP_HOST,
    HTTP_PORT,
    HTTP_PASSWORD,
    "https/host",
    "https/port",
    "socks/host",
    "socks/port",
    "ftp/host",
];

/// What is said, over what is set.
pub(super) fn over(said: &Said<'_>, all: &mut Dictionary) -> Vec<String> {
    let mut notes = Vec::new();
    let text = |text: &str| Value::String(text.to_owned());
    if !said.bypass.is_empty() {
        let hosts = said.bypass.iter().map(|word| word.value.clone());
        all.insert(IGNORED.to_owned(), Value::strings(hosts));
    }
    if let Some(pac) = said.pac {
        all.insert(MODE.to_owned(), text("auto"));
        all.insert(PAC_URL.to_owned(), text(pac));
        return notes;
    }
    if !said.names_any() {
        return notes;
    }
    all.insert(MODE.to_owned(), text("manual"));
    all.insert("ftp/host".to_owned(), text(""));
    notes.extend(said.left_out());
    notes.extend(withhold_password(said, all));
    for (scheme, endpoint) in said.schemes() {
        let host = endpoint.map_or("", |endpoint| &endpoint.host);
        all.insert(format!("{scheme}/host"), text(host));
        if let Some(endpoint) = endpoint {
            let port = Value::Integer(endpoint.port.into());
            all.insert(format!("{scheme}/port"), port);
        }
    }
    notes
}

/// The password that is set is for the proxy that is set: another is not sent it.
fn withhold_password(said: &Said<'_>, all: &mut Dictionary) -> Option<String> {
    let [Some(http), ..] = &said.named else {
        return None;
    };
    let endpoint = &http.value;
    let is_same = all.get(HTTP_HOST).and_then(Value::as_str) == Some(&endpoint.host)
        && all.get(HTTP_PORT) == Some(&Value::Integer(endpoint.port.into()));
    if is_same || all.get(HTTP_PASSWORD) != Some(&Value::Boolean(true)) {
        return None;
    }
    all.insert(HTTP_PASSWORD.to_owned(), Value::Boolean(false));
    Some("the password that is set is not sent: it is for another proxy".to_owned())
}
