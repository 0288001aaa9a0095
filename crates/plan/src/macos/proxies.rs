//! `proxy` on macOS: `export "system"` writes the proxies of network services.
//!
//! macOS keeps proxies for each network service in the preferences (SCNetworkProtocol of
//! type `Proxies`; the keys are those of `SCSchemaDefinitions.h`), and programs are told
//! those of the primary service (configd, `Plugins/IPMonitor/proxy-configuration.c`).
//! Which service that is changes with every cable, so all services of the current
//! location with a link of hardware are told the same. A VPN brings its own.
//!
//! What a profile does not name is left as it is, with one exception. CFNetwork looks at
//! a PAC file first, then at the proxy of the scheme, then at SOCKS, and where there is a
//! PAC file it stops there. So a proxy that is named by host would never be used beside a
//! PAC file that is on, and that one is switched off, which the plan shows. What CFNetwork
//! does is from its last published source (CFNetwork-129, `Proxies/ProxySupport.c`,
//! `_CFNetworkFindProxyForURLAsync` and `_CFNetworkDoesNeedProxy`); a newer one is not
//! published.

use netprof_model::configd::NetworkService;
use netprof_model::plan::{Reason, Standing};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::profile::{Export, Proxy, ProxyUrl, Spanned};
use netprof_model::resource::Lasts;
use netprof_model::{Diagnostic, Location, Resource, Section, State};

use super::Ground;
use crate::draft::{Draft, Wanted};

mod endpoint;
mod exceptions;

use endpoint::Endpoint;

/// The types of interfaces that are hardware, or lie over hardware
/// (`SCNetworkInterface.c`). The others are tunnels, which bring proxies of their own.
const HARDWARE: [&str; 8] = [
    "Bluetooth",
    "Bond",
    "Bridge",
    "Ethernet",
    "FireWire",
    "IEEE80211",
    "VLAN",
    "WWAN",
];

const PAC_ENABLE: &str = "ProxyAutoConfigEnable";
const PAC_URL: &str = "ProxyAutoConfigURLString";
const DISCOVERY: &str = "ProxyAutoDiscoveryEnable";
const EXCEPTIONS: &str = "ExceptionsList";

/// Wants the proxies of each service, where the profile tells the system.
pub(super) fn desire(ground: &Ground, draft: &mut Draft) {
    let Some(proxy) = &ground.profile.proxy else {
        return;
    };
    refuse_desktop(proxy, draft);
    let mut places = proxy.export.iter();
    let Some(told) = places.find(|place| place.value == Export::System) else {
        return;
    };
    if says_nothing(proxy) {
        let reason = Reason::line(&proxy.at, "proxy");
        draft.row(Standing::Omitted, "proxy", "no proxy is named", &reason);
        return;
    }
    let reason = Reason::line(&told.at, "proxy");
    let Section::Seen(preferences) = &ground.base.preferences else {
        let standing = ground.base.preferences.standing();
        let error = Diagnostic::error(
            "plan::not-known",
            format!("the preferences of the snapshot are {standing}: which services there are is not known"),
        )
        .help("take the snapshot anew");
        draft.refuse("proxy", &reason, error, &told.at);
        return;
    };
    let Some(settings) = Settings::of(proxy, draft) else {
        return;
    };
    let mut services = Vec::new();
    for service in preferences.services.iter().filter(|one| one.enabled) {
        if !is_hardware(service) {
            let subject = format!("proxies {}", service.name);
            let detail = "left out: a tunnel brings proxies of its own";
            draft.row(Standing::Omitted, subject, detail, &reason);
            continue;
        }
        services.push(service.id.as_str());
        want(service, &settings, told, draft);
    }
    if services.is_empty() {
        let error = Diagnostic::error(
            "plan::no-service",
            "no network service with a link of its own is switched on: nobody could be told of a proxy",
        )
        .label("nobody to tell")
        .help("see what there is: networksetup -listnetworkserviceorder");
        draft.refuse("proxy", &reason, error, &told.at);
        return;
    }
    warn_if_another_is_primary(ground, &services, told, draft);
}

fn says_nothing(proxy: &Proxy) -> bool {
    [&proxy.http, &proxy.https, &proxy.socks, &proxy.pac]
        .into_iter()
        .all(Option::is_none)
        && proxy.bypass.is_empty()
}

/// Refuses the desktop, which is told what the system is told.
fn refuse_desktop(proxy: &Proxy, draft: &mut Draft) {
    let mut places = proxy.export.iter();
    let Some(place) = places.find(|place| place.value == Export::Desktop) else {
        return;
    };
    let node = "proxy export \"desktop\"";
    let error = Diagnostic::error(
        "plan::not-carried-out",
        "macOS has no proxies of a desktop: its apps go by those of the system",
    )
    .label("there is no such place on macOS")
    .help("say `proxy { export \"system\"; }` in an `os \"macos\"` block");
    draft.refuse(node, &Reason::line(&place.at, node), error, &place.at);
}

fn is_hardware(service: &NetworkService) -> bool {
    service.link.is_some()
        && service
            .kind
            .as_deref()
            .is_some_and(|kind| HARDWARE.contains(&kind))
}

fn want(service: &NetworkService, settings: &Settings, told: &Spanned<Export>, draft: &mut Draft) {
    let live = service.proxies.clone().unwrap_or_default();
    let mut reasons = vec![Reason::line(&told.at, format!("service {}", service.name))];
    if holds_password(&live) {
        let error = Diagnostic::error(
            "plan::proxy-password",
            format!(
                "the address of the PAC file of {} holds a password, which would have to be kept to be put back",
                service.name
            ),
        )
        .help("take the password out of that address: System Settings > Network > Proxies");
        draft.refuse(
            format!("proxies {}", service.name),
            &reasons[0],
            error,
            &told.at,
        );
        return;
    }
    let (after, switched_off) = settings.over(live);
    if !switched_off.is_empty() {
        reasons.push(Reason::plain(format!(
            "{} off: it would go before",
            switched_off.join(" and ")
        )));
    }
    draft.want(Wanted {
        lasts: Lasts::Durable,
        // What a person clicked is kept whole, and given back by a release.
        replace: true,
        ..Wanted::new(
            Resource::Proxies {
                service: service.id.clone(),
            },
            State::Proxies(after),
            None,
            reasons,
        )
    });
}

/// Programs that name no link are told the proxies of the primary service. Where that is a
/// tunnel, what is told to the others is not heeded until the tunnel has gone.
fn warn_if_another_is_primary(
    ground: &Ground,
    services: &[&str],
    told: &Spanned<Export>,
    draft: &mut Draft,
) {
    let Some(store) = ground.base.store.seen() else {
        return;
    };
    let primary = ["IPv4", "IPv6"].into_iter().find_map(|family| {
        let global = store.get(&format!("State:/Network/Global/{family}"))?;
        global.get("PrimaryService")?.as_str()
    });
    let Some(id) = primary.filter(|id| !services.contains(id)) else {
        return;
    };
    let preferences = ground.base.preferences.seen();
    let named = preferences.and_then(|all| all.services.iter().find(|one| one.id == id));
    let name = named.map_or(id, |service| service.name.as_str());
    draft.diagnostics.push(
        Diagnostic::warning(
            "plan::proxies-not-primary",
            format!(
                "service {name} is primary: while it is, programs are told its proxies, not these"
            ),
        )
        .at(told.at.clone())
        .help("set the proxies of the VPN in its own settings"),
    );
}

/// Whether the address of a PAC file names a user with a password.
fn holds_password(live: &Dictionary) -> bool {
    let url = live.get(PAC_URL).and_then(Value::as_str).unwrap_or("");
    ProxyUrl::new(url).redacted() != url
}

/// What a profile says of proxies, in the words of the preferences.
struct Settings {
    /// The proxies of schemes, by the head of their keys.
    endpoints: Vec<(&'static str, Endpoint)>,
    pac: Option<String>,
    exceptions: Option<Vec<String>>,
}

impl Settings {
    /// None where the preferences cannot say it: diagnostics say why.
    fn of(proxy: &Proxy, draft: &mut Draft) -> Option<Self> {
        let mut endpoints = Vec::new();
        let mut refused = false;
        let mut refuse = |error: Diagnostic, at: &Location, draft: &mut Draft| {
            refused = true;
            draft.refuse("proxy", &Reason::line(at, "proxy"), error, at);
        };
        for (head, url) in [
            ("HTTP", &proxy.http),
            ("HTTPS", &proxy.https),
            ("SOCKS", &proxy.socks),
        ] {
            let Some(url) = url else { continue };
            match Endpoint::of(&url.value) {
                Ok(endpoint) => endpoints.push((head, endpoint)),
                Err(error) => refuse(error, &url.at, draft),
            }
        }
        if let Some(pac) = &proxy.pac
            && let Err(error) = endpoint::without_user(&pac.value)
        {
            refuse(error, &pac.at, draft);
        }
        let exceptions = exceptions::of(proxy, draft);
        (!refused).then(|| Self {
            endpoints,
            pac: proxy.pac.as_ref().map(|pac| pac.value.secret().to_owned()),
            exceptions,
        })
    }

    /// These settings over `live`, and what had to be switched off for them.
    fn over(&self, mut all: Dictionary) -> (Dictionary, Vec<&'static str>) {
        let mut set = |key: String, value| all.insert(key, value);
        for (head, endpoint) in &self.endpoints {
            set(format!("{head}Enable"), Value::Integer(1));
            set(format!("{head}Proxy"), Value::String(endpoint.host.clone()));
            set(format!("{head}Port"), Value::Integer(endpoint.port.into()));
        }
        if let Some(pac) = &self.pac {
            set(PAC_ENABLE.to_owned(), Value::Integer(1));
            set(PAC_URL.to_owned(), Value::String(pac.clone()));
        }
        if let Some(exceptions) = &self.exceptions {
            set(EXCEPTIONS.to_owned(), Value::strings(exceptions.clone()));
        }
        let mut switched_off = Vec::new();
        let named = !self.endpoints.is_empty() || self.pac.is_some();
        for (key, word, goes_before) in [
            (PAC_ENABLE, "the PAC file", named && self.pac.is_none()),
            (DISCOVERY, "the search for a PAC file", named),
        ] {
            if goes_before && all.get(key).is_some_and(Value::is_true) {
                all.insert(key.to_owned(), Value::Integer(0));
                switched_off.push(word);
            }
        }
        (all, switched_off)
    }
}
