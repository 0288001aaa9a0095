//! What configd, simulated, publishes beside the list, and the corners of the list that
//! no situation of `situations/` reaches.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mac;

use mac::{dictionary, mac};
use netprof_model::configd::{Resolver, ResolverList};
use netprof_plan::macos::configd::{self, print};

const WIFI: &str = "
    link 14 en0
    order wifi
    Setup wifi IPv4 ConfigMethod=DHCP
    State wifi IPv4 InterfaceName=en0 Addresses=[192.168.1.20] Router=192.168.1.1
    State wifi DNS ServerAddresses=[192.168.1.1] DomainName=home.arpa
";

/// The text of the resolvers for `domain`, of a Mac with Wi-Fi and `more`.
fn of_domain(more: &str, domain: &str) -> String {
    let list = configd::resolvers(&mac(&format!("{WIFI}\n{more}"))).unwrap();
    let text = print::scutil(&list);
    let all = text
        .split("\n\n")
        .map(|block| format!("{}\n", block.trim_end()));
    let all = all.filter(|block| block.contains(&format!("domain   : {domain}\n")));
    let without_number = all.map(|block| block.split_once('\n').unwrap().1.to_owned());
    without_number.collect::<Vec<_>>().join("--\n")
}

#[test]
fn the_primary_services_are_published() {
    // As github.com/exelban/stats/issues/2143 shows it of a proxy that is a tunnel: the
    // router of an interface that needs none is its own address.
    let primary = configd::primary(&mac("
        link 22 utun4
        State proxy IPv4 InterfaceName=utun4 Addresses=[198.18.0.1] Router=198.18.0.1 OverridePrimary=1
        State proxy IPv6 InterfaceName=utun4 Addresses=[fd00::1] PrefixLength=[64] Router=fd00::1
    "));
    let wanted = "PrimaryInterface=utun4 PrimaryService=proxy Router=198.18.0.1";
    assert_eq!(primary.ipv4.unwrap().global(), dictionary(wanted));
    // IPv6 has none then.
    let wanted = "PrimaryInterface=utun4 PrimaryService=proxy";
    assert_eq!(primary.ipv6.unwrap().global(), dictionary(wanted));
}

#[test]
fn the_first_resolver_is_published_for_those_that_know_but_one() {
    let published = configd::published(&mac(WIFI)).unwrap();
    let wanted = "ServerAddresses=[192.168.1.1] SearchDomains=[home.arpa]";
    assert_eq!(published.dns, dictionary(wanted));

    // A service that matches every name comes to be the first, with the search list of
    // the default.
    let every = "State vpn DNS ServerAddresses=[10.0.0.53] ServerPort=5353 \
                 SupplementalMatchDomains=[\"\" corp.example]";
    let published = configd::published(&mac(&format!("{WIFI}\n{every}"))).unwrap();
    let wanted = "ServerAddresses=[10.0.0.53] SearchDomains=[corp.example home.arpa] \
                  SearchOrder=100400 ServerPort=5353";
    assert_eq!(published.dns, dictionary(wanted));
    assert_eq!(
        published.resolv_conf,
        "search corp.example home.arpa\nnameserver 10.0.0.53\n"
    );
}

#[test]
fn only_a_default_beside_a_service_for_every_name_keeps_its_order() {
    let orders = |text: &str| {
        let list = configd::resolvers(&mac(text)).unwrap().resolvers;
        [list[0].order, list[1].order]
    };
    let every = "State vpn DNS ServerAddresses=[10.0.0.53] SupplementalMatchDomains=[\"\"]";
    assert_eq!(orders(&format!("{WIFI}\n{every}")), [100_400, 200_000]);
    assert_eq!(orders(WIFI), [0, 300_000]);
    // Without a default it is the order of the service that is dropped.
    assert_eq!(orders(every), [0, 300_000]);
}

#[test]
fn a_service_that_programs_name_is_no_answer_for_others() {
    // It is listed for its link too (add_service_specific_resolvers).
    let text = format!(
        "{WIFI}
        link 20 utun5
        State app DNS InterfaceName=utun5 ServiceIdentifier=77 ServerAddresses=[10.7.0.53]
        State twin DNS ServiceIdentifier=77 ServerAddresses=[10.8.0.53]"
    );
    let list = configd::resolvers(&mac(&text)).unwrap();
    let text = print::scutil(&list);
    let (_, rest) = text.split_once("(for scoped queries)\n").unwrap();
    assert_eq!(
        rest,
        "
resolver #1
  search domain[0] : home.arpa
  nameserver[0] : 192.168.1.1
  if_index : 14 (en0)
  flags    : Scoped, Request A records

resolver #2
  nameserver[0] : 10.7.0.53
  if_index : 20 (utun5)
  flags    : Scoped, Request A records, Request AAAA records

DNS configuration (for service-specific queries)

resolver #1
  nameserver[0] : 10.7.0.53
  if_index : 20 (utun5)
  service_identifier : 77
  flags    : Service-specific, Request A records, Request AAAA records
"
    );
}

#[test]
fn every_keyword_of_a_file_is_read() {
    let file = "file corp.example domain Lab.Example.. \\ NAMESERVER 10.0.0.53 \\ \
                nameserver ::1 \\ nameserver 10.0.0.55.5300 \\ nameserver 10.0.0.56 \\ \
                port 0x35 \\ port 54 \\ search one.example. two.example \\ \
                search_order 010 \\ sortlist 10.0.0.0 192.168.0.0/255.255.0.0 x 10.1.0.0 \\ \
                timeout 3 \\ options debug  ndots:2 \\ interface en0 \\ ; comment \\ # comment";
    assert_eq!(
        of_domain(file, "Lab.Example"),
        "  domain   : Lab.Example
  search domain[0] : one.example
  search domain[1] : two.example
  nameserver[0] : 10.0.0.53
  nameserver[1] : ::1
  nameserver[2] : 10.0.0.55
  sortaddr[0] : 10.0.0.0/255.0.0.0
  sortaddr[1] : 192.168.0.0/255.255.0.0
  options  : debug ndots:2
  port     : 53
  timeout  : 3
  if_index : 14 (en0)
  flags    : Request A records, Request AAAA records
  order    : 8
"
    );
}

#[test]
fn flags_of_a_file_stand_in_place_of_all_others() {
    // Also of those that a server on this host brings.
    let file = "file test nameserver 127.0.0.1 \\ flags a";
    assert_eq!(
        of_domain(file, "test"),
        "  domain   : test\n  nameserver[0] : 127.0.0.1\n  flags    : Request A records\n"
    );
    let file = "file test nameserver 10.0.0.53 \\ interface en0 \\ flags Scoped AAAA";
    let list = configd::resolvers(&mac(&format!("{WIFI}\n{file}"))).unwrap();
    assert_eq!(list.scoped.last().unwrap().domain.as_deref(), Some("test"));
}

#[test]
fn a_server_on_this_host_is_asked_for_everything() {
    let own = |server: &str| {
        let key = format!(
            "State own DNS ServerAddresses=[{server}] SupplementalMatchDomains=[corp.example]"
        );
        of_domain(&key, "corp.example")
    };
    let both = "  flags    : Supplemental, Request A records, Request AAAA records\n";
    let one = "  flags    : Supplemental, Request A records\n";
    assert!(own("127.0.0.1").contains(both), "{}", own("127.0.0.1"));
    assert!(own("::1").contains(both), "{}", own("::1"));
    // No other address is, not even another of this host.
    assert!(own("127.0.2.2").contains(one), "{}", own("127.0.2.2"));
}

#[test]
fn what_is_known_of_reachability_is_printed() {
    let with = |reach| Resolver {
        reach: Some(reach),
        link: Some((9, None)),
        ..Resolver::default()
    };
    let list = ResolverList {
        resolvers: [0, 3, 0x2_0002, 0x3_0002, 0x47].map(with).into(),
        ..ResolverList::default()
    };
    let text = print::scutil(&list);
    let lines = text.lines().filter(|line| line.starts_with("  reach"));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "  reach    : 0x00000000 (Not Reachable)",
            "  reach    : 0x00000003 (Reachable,Transient Connection)",
            "  reach    : 0x00020002 (Reachable,Directly Reachable Address)",
            "  reach    : 0x00030002 (Reachable,Local Address,Directly Reachable Address)",
            "  reach    : 0x00000047 (Reachable,Transient Connection,Connection Required,0x00000040)",
        ]
    );
    // A link that has gone since.
    assert!(text.contains("  if_index : 9 (?)\n"), "{text}");
}

#[test]
fn servers_of_both_families_are_ordered_where_each_stands_together() {
    let ordered = |servers: &str| {
        let key = format!(
            "State own DNS ServerAddresses=[{servers}] SupplementalMatchDomains=[corp.example]"
        );
        let list = configd::resolvers(&mac(&format!("{WIFI}\n{key}"))).unwrap();
        let all = list.resolvers.into_iter();
        let mut all = all.filter(|one| one.domain.as_deref() == Some("corp.example"));
        all.next().unwrap().nameservers.join(" ")
    };
    // RFC 6724: global IPv6, IPv4, local IPv6.
    assert_eq!(
        ordered("10.0.0.1 10.0.0.2 2001:db8::1"),
        "2001:db8::1 10.0.0.1 10.0.0.2"
    );
    assert_eq!(ordered("2001:db8::1 10.0.0.1"), "2001:db8::1 10.0.0.1");
    assert_eq!(
        ordered("fd00::1 fd00::2 10.0.0.1"),
        "10.0.0.1 fd00::1 fd00::2"
    );
    assert_eq!(
        ordered("10.0.0.1 2001:db8::1 10.0.0.2"),
        "10.0.0.1 2001:db8::1 10.0.0.2"
    );
}

#[test]
fn addresses_to_prefer_are_for_the_default_and_its_link_alone() {
    let sort = WIFI.replace(
        "DomainName",
        "SortList=[10.0.0.0/255.0.0.0 bad 192.168.0.0] DomainName",
    );
    let vpn = "
        link 18 utun4
        State vpn IPv4 InterfaceName=utun4 Addresses=[10.8.0.2] DestAddresses=[10.8.0.2]
        State vpn DNS ServerAddresses=[10.0.0.53] SortList=[10.0.0.0] SupplementalMatchDomains=[corp.example]";
    let list = configd::resolvers(&mac(&format!("{sort}\n{vpn}"))).unwrap();
    let sorts: Vec<_> = list
        .resolvers
        .iter()
        .take(2)
        .map(|one| one.sort.join(" "))
        .collect();
    assert_eq!(sorts, ["10.0.0.0/255.0.0.0 192.168.0.0/255.255.255.0", ""]);
    let sorts: Vec<_> = list.scoped.iter().map(|one| one.sort.join(" ")).collect();
    assert_eq!(
        sorts,
        [
            "10.0.0.0/255.0.0.0 192.168.0.0/255.255.255.0",
            "10.0.0.0/255.0.0.0"
        ]
    );
}

#[test]
fn the_first_service_of_a_link_is_its_resolver() {
    // By the user's order; a service that is not in it comes after.
    let two = "
        State also IPv4 InterfaceName=en0 Addresses=[192.168.1.21] Router=192.168.1.1
        State also DNS ServerAddresses=[10.0.0.53]";
    let list = configd::resolvers(&mac(&format!("{WIFI}\n{two}"))).unwrap();
    let servers: Vec<_> = list
        .scoped
        .iter()
        .map(|one| one.nameservers.concat())
        .collect();
    assert_eq!(servers, ["192.168.1.1"]);
    // Even where nothing comes of it, because it has no address.
    let blocks =
        "State 0 DNS InterfaceName=en0 ServerAddresses=[10.0.0.53] SupplementalMatchDomains=[a]";
    let text = format!("{WIFI}\n{blocks}").replace("order wifi", "");
    assert_eq!(configd::resolvers(&mac(&text)).unwrap().scoped, []);
}

#[test]
fn a_service_that_keeps_a_place_leaves_none_to_the_others() {
    // IsNULL, as of a VPN that connects on demand (ElectionResultsGetPrimary).
    let null = "
        link 18 utun4
        State vpn IPv4 InterfaceName=utun4 Addresses=[10.8.0.2] DestAddresses=[10.8.0.2] OverridePrimary=1 IsNULL=true";
    assert_eq!(
        configd::primary(&mac(&format!("{WIFI}\n{null}"))),
        configd::Primary::default()
    );
}

#[test]
fn of_two_services_without_servers_that_of_ipv4_has_the_default() {
    let primary = configd::primary(&mac("
        link 1 stf0
        link 14 en0
        State four IPv4 InterfaceName=en0 Addresses=[192.168.1.20] Router=192.168.1.1
        State six IPv6 InterfaceName=stf0 Addresses=[2002::1] PrefixLength=[16] Router=2002::2
    "));
    assert_eq!(primary.ipv6.unwrap().service, "six");
    assert_eq!(primary.dns.as_deref(), Some("four"));
    // With servers that of IPv6 has it.
    let primary = configd::primary(&mac("
        link 1 stf0
        link 14 en0
        order six
        State four IPv4 InterfaceName=en0 Addresses=[192.168.1.20] Router=192.168.1.1
        State six IPv6 InterfaceName=stf0 Addresses=[2002::1] PrefixLength=[16] Router=2002::2
        State six DNS ServerAddresses=[2002::53]
    "));
    assert_eq!(primary.dns.as_deref(), Some("six"));
}
