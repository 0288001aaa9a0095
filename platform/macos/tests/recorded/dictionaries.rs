//! `scutil --proxy`, and `show` within scutil.

use netprof_macos::text::{dictionary, schema};
use netprof_model::plist::{Dictionary, Value};

use crate::Recording;

pub(crate) const ALL: &[Recording] = &[
    ("scutil-proxy/01-none.txt", |text| {
        let all = exact(text);
        assert_eq!(all["FTPPassive"], Value::Integer(1));
        let words: Vec<&str> = all["ExceptionsList"].words().collect();
        assert_eq!(words, ["*.local", "169.254/16"]);
    }),
    ("scutil-proxy/02-clash-http-https-socks.txt", |text| {
        let all = exact(text);
        assert!(all["HTTPEnable"].is_true() && all["SOCKSEnable"].is_true());
        assert!(!all["ProxyAutoConfigEnable"].is_true());
        assert_eq!(all["HTTPPort"], Value::Integer(7892));
        assert_eq!(all["HTTPProxy"].as_str(), Some("127.0.0.1"));
    }),
    ("scutil-proxy/03-pac-from-vpn.txt", |text| {
        let url = &exact(text)["ProxyAutoConfigURLString"];
        assert_eq!(url.as_str(), Some("http://wpad.company.com/wpad.dat"));
    }),
    ("scutil-proxy/04-disabled-keys.txt", |text| {
        assert_eq!(exact(text)["HTTPSEnable"], Value::Integer(0));
    }),
    ("scutil-proxy/05-wpad-handwritten.txt", |text| {
        let all = read(text);
        assert!(all["ProxyAutoDiscoveryEnable"].is_true());
        // Indented by four; that apart, as the tool has it.
        assert_eq!(printed(&all), text.replace("    ", "  "));
    }),
    ("scutil-proxy/06-scoped-handwritten.txt", |text| {
        let all = read(text);
        let scoped = all["__SCOPED__"].as_dictionary().unwrap();
        let en0 = scoped["en0"].as_dictionary().unwrap();
        assert_eq!(en0["HTTPSPort"], Value::Integer(9000));
        // Not in the order of the tool; that apart, the same lines.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&printed(&all)), sorted(text));
    }),
    ("scutil-show/01-service-ipv4-dhcp.txt", |text| {
        let (key, value) = only(text);
        let id = "0F70B221-EEF7-4ACC-96D8-ECBA3A15F132";
        assert_eq!(key, Some(format!("State:/Network/Service/{id}/IPv4")));
        let all = value.as_dictionary().unwrap();
        let routes = all["AdditionalRoutes"].items();
        let second = routes[1].as_dictionary().unwrap();
        assert_eq!(second["SubnetMask"].as_str(), Some("255.255.0.0"));
        let output = text.split_once('\n').unwrap().1;
        assert_eq!(dictionary::print(&value), output);
    }),
    ("scutil-show/02-anyconnect-dns.txt", |text| {
        let all = read(text);
        assert_eq!(all["SearchOrder"], Value::Integer(1));
        let domains: Vec<&str> = all["SupplementalMatchDomains"].words().collect();
        assert_eq!(domains, ["", "corp.local"]);
        // Somebody's editor took the space at the end of a line.
        assert_eq!(printed(&all), text.replace("    0 :\n", "    0 : \n"));
    }),
    ("scutil-show/03-global-ipv4-vpn-primary.txt", |text| {
        assert_eq!(exact(text)["PrimaryInterface"].as_str(), Some("utun4"));
    }),
    ("scutil-show/04-pptp-ios-dns-ipv4-global.txt", |text| {
        let (shown, left_out) = dictionary::dialogue(text);
        assert_eq!(left_out, []);
        let keys: Vec<&str> = shown.iter().filter_map(|(key, _)| key.as_deref()).collect();
        let id = "0505C977-CD9A-4759-AE38-F5C84B68332D";
        assert_eq!(
            keys,
            [
                format!("State:/Network/Service/{id}/DNS").as_str(),
                &format!("State:/Network/Service/{id}/IPv4"),
                "State:/Network/Global/IPv4",
                "State:/Network/Global/DNS",
            ]
        );
        let dns = schema::typed(shown[0].1.clone());
        let dns = dns.as_dictionary().unwrap();
        let orders = dns["SupplementalMatchOrders"].items();
        assert_eq!(orders, [Value::Integer(100_000)]);
    }),
    ("scutil-show/05-leftover-default-override.txt", |text| {
        let all = exact(text);
        let no_search = &all["SupplementalMatchDomainsNoSearch"];
        assert_eq!(*no_search, Value::Integer(1));
        assert_eq!(all["SupplementalMatchDomains"], Value::strings([""]));
    }),
];

/// The dictionary that the output shows, its numbers as numbers.
fn read(text: &str) -> Dictionary {
    let value = schema::typed(dictionary::parse(text).expect("it is whole"));
    assert_eq!(only(text), (None, dictionary::parse(text).unwrap()));
    value.as_dictionary().unwrap().clone()
}

/// The same, of an output that comes out the same when it is printed.
fn exact(text: &str) -> Dictionary {
    let all = read(text);
    assert_eq!(printed(&all), text);
    all
}

fn printed(all: &Dictionary) -> String {
    dictionary::print(&Value::Dictionary(all.clone()))
}

/// The only value of a dialogue, with its key.
fn only(text: &str) -> (Option<String>, Value) {
    let (mut shown, left_out) = dictionary::dialogue(text);
    assert_eq!(left_out, []);
    assert_eq!(shown.len(), 1);
    shown.pop().unwrap()
}
