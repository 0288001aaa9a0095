//! KDE: the group `Proxy Settings` of `kioslaverc`.
//!
//! A proxy is written as `http://host port`, with a space, which everybody who reads the
//! file takes (`KProxyDialog::save` and `KProtocolManager::proxyFor` in KIO; Chromium's and
//! libproxy's readers). `NoProxyFor` is compared letter by letter from the end, so that
//! `.example.com` stands for what lies under that domain, `*.` is no pattern, and a name
//! stands for each that ends in it, too; addresses and prefixes are understood (`revmatch`,
//! `shouldIgnoreProxyFor`). A PAC file is asked without it.

use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Diagnostic, Location};

use super::Said;
use super::endpoint::cannot;
use crate::proxy::exceptions;

/// The file, below the home.
pub const FILE: &str = ".config/kioslaverc";

/// The file that every KDE session writes, below the home: where it is, the other may come.
pub const GLOBALS: &str = ".config/kdeglobals";

/// The group in the file.
pub const GROUP: &str = "Proxy Settings";

const TYPE: &str = "ProxyType";
const SCRIPT: &str = "Proxy Config Script";
const EXCEPTIONS: &str = "NoProxyFor";
const REVERSED: &str = "ReversedException";

/// The keys that netprof may touch.
pub const KEYS: [&str; 8] = [
    TYPE,
    SCRIPT,
    EXCEPTIONS,
    REVERSED,
    "httpProxy",
    "httpsProxy",
    "socksProxy",
    "ftpProxy",
];

/// `KProtocolManager::ProxyType`.
const MANUAL: &str = "1";
const PAC: &str = "2";

/// Why it cannot be said, and where it is written.
pub(super) fn cannot_say<'a>(said: &'a Said<'_>) -> Option<(Diagnostic, &'a Location)> {
    let [.., Some(socks)] = &said.named else {
        return None;
    };
    let is_told = said.pac.is_none() && socks.value.is_old_socks;
    let why = "KDE takes a SOCKS proxy for one of version 5";
    is_told.then(|| {
        let help = "write `socks5://` if the proxy speaks that";
        (cannot(why, help), &socks.at)
    })
}

/// What is said, over what is set.
pub(super) fn over(said: &Said<'_>, all: &mut Dictionary) -> Vec<String> {
    let mut notes = Vec::new();
    let mut set = |key: &str, text: String| all.insert(key.to_owned(), Value::String(text));
    if let Some(pac) = said.pac {
        set(TYPE, PAC.to_owned());
        set(SCRIPT, pac.to_owned());
        if !said.bypass.is_empty() {
            notes.push("KDE asks the `pac` file alone, and looks at no `bypass`".to_owned());
        }
        return notes;
    }
    if said.names_any() {
        set(TYPE, MANUAL.to_owned());
        set("ftpProxy", String::new());
        notes.extend(said.left_out());
        for (scheme, endpoint) in said.schemes() {
            let speaks = if scheme == "socks" { "socks" } else { "http" };
            let proxy = endpoint.map(|one| format!("{speaks}://{} {}", one.host, one.port));
            set(&format!("{scheme}Proxy"), proxy.unwrap_or_default());
        }
    }
    // In the other modes they mean nothing, or are the name of a variable.
    let is_manual = all.get(TYPE).and_then(Value::as_str) == Some(MANUAL);
    if is_manual && let Some(list) = exceptions::list(said.bypass) {
        all.insert(EXCEPTIONS.to_owned(), Value::String(list));
        // Else they would be the only ones that are asked through a proxy.
        if all
            .get(REVERSED)
            .is_some_and(|is| is.as_str() != Some("false"))
        {
            all.insert(REVERSED.to_owned(), Value::String("false".to_owned()));
            notes.push("`NoProxyFor` is no longer reversed".to_owned());
        }
    }
    notes
}
