use netprof_plan::macos::configd::print;
use proptest::prelude::*;

use super::*;

const WHOLE: &str = "\
DNS configuration

resolver #1
  search domain[0] : corp.example.com
  search domain[1] : example.com
  nameserver[0] : 10.0.0.53
  nameserver[1] : fe80::1%en0
  sortaddr[0] : 10.0.0.0/255.0.0.0
  port     : 5353
  if_index : 12 (en0)
  flags    : Supplemental, Request A records, Request AAAA records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)
  order    : 100000

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5
  flags    : Request A records
  reach    : 0x00000000 (Not Reachable)
  order    : 300000

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 10.0.0.53
  if_index : 40 (?)
  flags    : Scoped
  reach    : 0x00000002 (Reachable)

DNS configuration (for service-specific queries)

resolver #1
  nameserver[0] : 192.0.2.53
  service_identifier : 7
  flags    : Service-specific, Request A records
  reach    : 0x00000002 (Reachable)
";

#[test]
fn every_line_of_the_tool_is_read() {
    let list = parse(WHOLE).expect("it is whole");
    let [first, second] = list.resolvers.as_slice() else {
        panic!("two resolvers: {list:?}");
    };
    assert_eq!(first.search, ["corp.example.com", "example.com"]);
    assert_eq!(first.nameservers, ["10.0.0.53", "fe80::1%en0"]);
    assert_eq!(first.sort, ["10.0.0.0/255.0.0.0"]);
    assert_eq!(first.port, Some(5353));
    assert_eq!(first.link, Some((12, Some("en0".to_owned()))));
    assert!(first.supplemental && first.requests_a && first.requests_aaaa);
    assert!(!first.scoped && !first.service_specific);
    assert_eq!(first.reach, Some(0x2_0002));
    assert_eq!(first.order, 100_000);
    assert_eq!(second.domain.as_deref(), Some("local"));
    assert_eq!(second.options.as_deref(), Some("mdns"));
    assert_eq!(second.timeout, Some(5));
    assert_eq!(list.scoped[0].link, Some((40, None)));
    assert!(list.scoped[0].scoped);
    assert_eq!(list.service_specific[0].service_identifier, Some(7));
    assert!(list.service_specific[0].service_specific);
    assert_eq!(excerpt(WHOLE), (list, Vec::new()));
}

#[test]
fn older_releases_word_the_reachability_alone_and_leave_lines_out() {
    let list = parse(
        "DNS configuration\n\nresolver #1\n  nameserver[0] : 10.0.0.1\n  reach    : \
         Reachable,Directly Reachable Address\n\nresolver #2\n  domain   : local\n",
    )
    .expect("it is whole");
    assert_eq!(list.resolvers[0].reach, Some(0x2_0002));
    assert_eq!(list.resolvers[1].reach, None);
    assert_eq!(list.resolvers[1].order, 0);
}

#[test]
fn numbers_of_a_verbose_output_are_read_with_their_words() {
    let list = parse(
        "DNS configuration\n\nresolver #1\n  flags    : 0x00004006 (Supplemental, Request A \
         records, Request AAAA records)\n  reach    : 0x00000002 (Reachable)\n  config id: x\n",
    );
    let list = list.expect("it is whole");
    assert!(list.resolvers[0].supplemental && list.resolvers[0].requests_aaaa);
    assert_eq!(list.resolvers[0].reach, Some(2));
}

#[test]
fn high_ports_are_printed_as_negative_numbers() {
    assert_eq!(port("-1"), Some(65535));
    assert_eq!(port("-32768"), Some(32768));
    assert_eq!(port("53"), Some(53));
    assert_eq!(port("65535"), Some(65535));
    assert_eq!(port("-32769"), None);
    assert_eq!(port("65536"), None);
}

#[test]
fn a_resolver_without_flags_has_none() {
    let list = parse("DNS configuration\n\nresolver #1\n  flags    : \n  order    : 1\n");
    let expected = Resolver {
        order: 1,
        ..Resolver::default()
    };
    assert_eq!(list.expect("it is whole").resolvers, [expected]);
}

#[test]
fn no_configuration_is_no_empty_list() {
    assert_eq!(parse(""), Err(Error::NoConfiguration));
    assert_eq!(
        parse("No DNS configuration available\n"),
        Err(Error::NoConfiguration)
    );
    assert_eq!(parse("DNS configuration\n"), Ok(ResolverList::default()));
}

#[test]
fn what_is_not_the_tools_is_named_with_its_line() {
    for (text, told) in [
        (
            "resolver #1\n",
            "line 1: expected `DNS configuration`, found `resolver #1`",
        ),
        (
            "DNS configuration\n  port     : 53\n",
            "line 2: expected `resolver #` and a number, found `port     : 53`",
        ),
        (
            "DNS configuration\nresolver #2\n",
            "line 2: expected `resolver #` and the next number, found `resolver #2`",
        ),
        (
            "DNS configuration\nresolver #1\n  nameserver[1] : 10.0.0.1\n",
            "line 3: expected the next nameserver, found `nameserver[1] : 10.0.0.1`",
        ),
        (
            "DNS configuration\nresolver #1\n  order    : 1\n  order    : 1\n",
            "line 4: expected each line of a resolver once, found `order    : 1`",
        ),
        (
            "DNS configuration\nresolver #1\n  colour   : red\n",
            "line 3: expected a line of a resolver, found `colour   : red`",
        ),
        (
            "DNS configuration\nresolver #1\n  flags    : Scoped, Cut o\n",
            "line 3: expected names of flags, found `flags    : Scoped, Cut o`",
        ),
        (
            "DNS configuration\nDNS configuration\n",
            "line 2: expected no second output, found `DNS configuration`",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn an_excerpt_says_what_it_leaves_out() {
    let (list, left_out) = excerpt(
        "# seen on Monday\n> scutil --dns\nresolver #4\n  domain   : <managed>\n  \
         nameserver[0] : <ip>\n  **flags    : Supplemental**\n[...]\nresolver #8 - #9\n  \
         domain   : x.example\nresolver #10\n  order    : 3 - 4\n  nameserver[0] : 10.0.0.1\n",
    );
    assert_eq!(list.resolvers.len(), 2);
    assert_eq!(list.resolvers[0].domain.as_deref(), Some("<managed>"));
    assert_eq!(list.resolvers[0].nameservers, ["<ip>"]);
    assert!(list.resolvers[0].supplemental);
    assert_eq!(list.resolvers[1].nameservers, ["10.0.0.1"]);
    assert_eq!(list.resolvers[1].domain, None);
    let lines: Vec<usize> = left_out.iter().map(|one| one.line).collect();
    assert_eq!(lines, [8, 9, 11]);
}

#[test]
fn of_two_outputs_an_excerpt_takes_the_first() {
    let (list, left_out) = excerpt(
        "DNS configuration (for scoped queries)\nresolver #1\n  domain   : a\nDNS configuration \
         (for scoped queries)\nresolver #1\n  domain   : b\n",
    );
    assert_eq!(list.scoped.len(), 1);
    assert_eq!(list.scoped[0].domain.as_deref(), Some("a"));
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].expected, NO_SECOND);
}

#[test]
fn a_large_output_takes_time_by_its_length() {
    // Ten thousand resolvers: where each line looked at all those before it, this would
    // take minutes.
    let mut text = String::from("DNS configuration\n");
    for place in 1..=10_000 {
        text.push_str(&format!(
            "\nresolver #{place}\n  domain   : {place}.example\n"
        ));
    }
    assert_eq!(parse(&text).expect("it is whole").resolvers.len(), 10_000);
}

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9.:%<>-]{1,16}"
}

fn resolver() -> impl Strategy<Value = Resolver> {
    let words = || prop::collection::vec(word(), 0..4);
    let maybe = || prop::option::of(word());
    let number = || prop::option::of(1_u32..);
    let link = prop::option::of((any::<u32>(), prop::option::of("[a-z]{1,8}[0-9]")));
    (
        (maybe(), words(), words(), words(), maybe()),
        (prop::option::of(1_u16..), number(), link, number()),
        any::<[bool; 5]>(),
        (prop::option::of(any::<u32>()), any::<u32>()),
    )
        .prop_map(|(texts, numbers, flags, (reach, order))| {
            let (domain, search, nameservers, sort, options) = texts;
            let (port, timeout, link, service_identifier) = numbers;
            let [
                scoped,
                service_specific,
                supplemental,
                requests_a,
                requests_aaaa,
            ] = flags;
            Resolver {
                domain,
                search,
                nameservers,
                sort,
                options,
                port,
                timeout,
                link,
                service_identifier,
                scoped,
                service_specific,
                supplemental,
                requests_a,
                requests_aaaa,
                reach,
                order,
            }
        })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        resolvers in prop::collection::vec(resolver(), 0..4),
        scoped in prop::collection::vec(resolver(), 0..3),
        service_specific in prop::collection::vec(resolver(), 0..3),
    ) {
        let list = ResolverList { resolvers, scoped, service_specific };
        let text = print::scutil(&list);
        prop_assert_eq!(excerpt(&text), (list.clone(), vec![]));
        prop_assert_eq!(parse(&text), Ok(list));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\PC|\n| : |resolver #1|DNS configuration|\\[0\\])*") {
        let _ = parse(&text);
        let _ = excerpt(&text);
    }

    #[test]
    fn any_lines_of_the_tool_in_any_order_are_read_or_refused(
        lines in prop::collection::vec(prop::sample::select(WHOLE.lines().collect::<Vec<_>>()), 0..40),
    ) {
        let text = lines.join("\n");
        let whole = parse(&text);
        let (list, left_out) = excerpt(&text);
        // What is taken whole is taken in parts, too, and nothing of it is left out.
        if let Ok(whole) = whole {
            prop_assert_eq!((whole, Vec::new()), (list, left_out));
        }
    }
}
