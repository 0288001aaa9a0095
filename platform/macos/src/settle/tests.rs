use netprof_model::Owner;
use netprof_model::resource::Lasts;

use super::*;

const KEY: &str = "State:/Network/Service/org.netprof.corp/DNS";

fn key(domains: &[&str], servers: &[&str]) -> State {
    State::Store(Dictionary::from([
        (
            "ServerAddresses".to_owned(),
            Value::strings(servers.to_vec()),
        ),
        (
            "SupplementalMatchDomains".to_owned(),
            Value::strings(domains.to_vec()),
        ),
    ]))
}

fn change(before: Option<State>, after: Option<State>) -> Change {
    Change {
        id: 1,
        resource: Resource::Store {
            key: KEY.to_owned(),
        },
        before,
        after,
        original: None,
        owner: Owner::Unknown,
        lasts: Lasts::Boot,
        link: None,
        manager: None,
        reasons: Vec::new(),
    }
}

fn file(text: Option<&str>) -> Change {
    Change {
        resource: Resource::File {
            path: "/etc/resolver/corp.example.com".to_owned(),
        },
        ..change(None, text.map(|text| State::File(FileState::text(text))))
    }
}

fn resolver(domain: &str, servers: &[&str]) -> Resolver {
    Resolver {
        domain: (!domain.is_empty()).then(|| domain.to_owned()),
        nameservers: servers.iter().map(|one| (*one).to_owned()).collect(),
        supplemental: true,
        ..Resolver::default()
    }
}

/// One of a file.
fn flat(domain: &str, servers: &[&str]) -> Resolver {
    Resolver {
        supplemental: false,
        ..resolver(domain, servers)
    }
}

fn list(resolvers: Vec<Resolver>) -> ResolverList {
    ResolverList {
        resolvers,
        ..ResolverList::default()
    }
}

fn missing(change: &Change, others: &[Claim], list: &ResolverList) -> Vec<String> {
    let awaited = Awaited::by(&[change], others);
    awaited
        .missing(Some(list))
        .into_iter()
        .map(|(_, why)| why)
        .collect()
}

#[test]
fn a_key_is_taken_when_each_of_its_domains_has_its_servers() {
    let change = change(
        None,
        Some(key(
            &["corp.example.com", "10.in-addr.arpa"],
            &["10.0.0.53"],
        )),
    );
    let corp = resolver("Corp.Example.com.", &["10.0.0.53"]);
    let reverse = resolver("10.in-addr.arpa", &["10.0.0.53"]);
    let both = list(vec![corp.clone(), reverse]);
    assert_eq!(missing(&change, &[], &both), Vec::<String>::new());
    assert_eq!(
        missing(&change, &[], &list(vec![corp])),
        ["no resolver for 10.in-addr.arpa at 10.0.0.53"]
    );
}

#[test]
fn the_same_domain_at_other_servers_or_another_port_is_somebody_elses() {
    let change = change(None, Some(key(&["corp.example.com"], &["10.0.0.53"])));
    let mut other_port = resolver("corp.example.com", &["10.0.0.53"]);
    other_port.port = Some(5353);
    for other in [
        resolver("corp.example.com", &["192.0.2.1"]),
        resolver("corp.example.com", &["10.0.0.53", "192.0.2.1"]),
        resolver("corp.example.com", &[]),
        resolver("example.com", &["10.0.0.53"]),
        resolver("", &["10.0.0.53"]),
        other_port,
    ] {
        assert_eq!(
            missing(&change, &[], &list(vec![other.clone()])).len(),
            1,
            "{other:?}"
        );
    }
}

/// The same domain at some of the same servers, but not of a match domain, or with another
/// order than netprof's.
#[test]
fn a_resolver_of_another_origin_is_somebody_elses() {
    let all = Dictionary::from([
        (
            "ServerAddresses".to_owned(),
            Value::strings(["10.0.0.53", "10.0.0.54"]),
        ),
        (
            "SupplementalMatchDomains".to_owned(),
            Value::strings(["corp.example.com", ""]),
        ),
        (
            "SupplementalMatchOrders".to_owned(),
            Value::Array(vec![Value::Integer(91_000), Value::Integer(91_001)]),
        ),
    ]);
    let add = change(None, Some(State::Store(all)));
    let with = |order, resolver: Resolver| Resolver { order, ..resolver };
    let every = with(91_001, resolver("", &["10.0.0.53"]));
    for (corp, told) in [
        (
            with(91_000, resolver("corp.example.com", &["10.0.0.53"])),
            0,
        ),
        (with(91_000, flat("corp.example.com", &["10.0.0.53"])), 1),
        (
            with(100_000, resolver("corp.example.com", &["10.0.0.53"])),
            1,
        ),
    ] {
        let published = list(vec![every.clone(), corp]);
        assert_eq!(missing(&add, &[], &published).len(), told);
    }
    // The order of the first may be dropped, and the first is of every name
    // (`dns_configuration_set`).
    let corp = with(91_000, resolver("corp.example.com", &["10.0.0.53"]));
    let published = list(vec![with(0, every), corp]);
    assert_eq!(missing(&add, &[], &published), Vec::<String>::new());
    // And a file's is no match domain's.
    let add = file(Some("nameserver 10.0.0.53\n"));
    let theirs = list(vec![resolver("corp.example.com", &["10.0.0.53"])]);
    assert_eq!(missing(&add, &[], &theirs).len(), 1);
    let ours = list(vec![flat("corp.example.com", &["10.0.0.53"])]);
    assert_eq!(missing(&add, &[], &ours), Vec::<String>::new());
}

#[test]
fn configd_may_leave_out_servers_of_a_family() {
    let change = change(
        None,
        Some(key(&[""], &["10.0.0.53", "fd00::53", "fe80::1%en0"])),
    );
    let published = list(vec![resolver("", &["fe80::1%en0", "fd00::53"])]);
    assert_eq!(missing(&change, &[], &published), Vec::<String>::new());
}

#[test]
fn a_key_is_gone_when_its_resolvers_are_unless_others_claim_the_same() {
    let gone = change(Some(key(&["corp.example.com"], &["10.0.0.53"])), None);
    let still = list(vec![resolver("corp.example.com", &["10.0.0.53"])]);
    assert_eq!(
        missing(&gone, &[], &still),
        ["still a resolver for corp.example.com at 10.0.0.53"]
    );
    assert_eq!(missing(&gone, &[], &list(Vec::new())), Vec::<String>::new());
    let others = claims(&gone.resource, gone.before.as_ref());
    assert_eq!(missing(&gone, &others, &still), Vec::<String>::new());
    // One change takes it away, another brings it.
    let brought = change(None, gone.before.clone());
    let awaited = Awaited::by(&[&gone, &brought], &[]);
    assert_eq!(awaited.missing(Some(&still)), []);
}

#[test]
fn a_file_says_its_domain_by_a_line_or_by_its_name() {
    let claim = |text| {
        let change = file(Some(text));
        claims(&change.resource, change.after.as_ref())
    };
    let [named] = &claim("# netprof: corp\nnameserver 10.0.0.53\nport 5353\n")[..] else {
        panic!()
    };
    assert_eq!(
        (named.shown().as_str(), named.port),
        ("corp.example.com at 10.0.0.53", Some(5353))
    );
    let [other] = &claim("domain example.org.\nnameserver 10.0.0.53.5353\n")[..] else {
        panic!()
    };
    assert_eq!(other.shown(), "example.org at 10.0.0.53");
    assert_eq!(claim("search corp.example.com\n"), []);
}

#[test]
fn files_are_not_awaited_where_nothing_is_published_at_all() {
    let file = file(Some("nameserver 10.0.0.53\n"));
    let awaited = Awaited::by(&[&file], &[]);
    assert_eq!(awaited.missing(None), []);
    assert_eq!(awaited.missing(Some(&list(Vec::new()))).len(), 1);
    let key = change(None, Some(key(&["corp.example.com"], &["10.0.0.53"])));
    assert_eq!(Awaited::by(&[&key], &[]).missing(None).len(), 1);
}

#[test]
fn what_has_no_domains_of_its_own_is_not_awaited() {
    let servers = State::Store(Dictionary::from([(
        "ServerAddresses".to_owned(),
        Value::strings(["10.0.0.53"]),
    )]));
    assert!(Awaited::by(&[&change(None, Some(servers))], &[]).is_empty());
    let mut of_address = change(None, Some(key(&["corp.example.com"], &["10.0.0.53"])));
    of_address.resource = Resource::Store {
        key: KEY.replace("DNS", "IPv4"),
    };
    assert!(Awaited::by(&[&of_address], &[]).is_empty());
}
