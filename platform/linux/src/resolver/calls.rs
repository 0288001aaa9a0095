//! Which calls turn what a link holds into what it shall hold.
//!
//! One rule decides everything here: write only what differs. Each attribute of a
//! link has its own `SetLink*` method, and what nobody writes keeps whatever its owner
//! gave it. The exception is what has no 'unset' of its own: `SetLinkDefaultRoute`
//! takes a plain boolean (org.freedesktop.resolve1(5)), so the only way back to 'not
//! said' is `RevertLink`, which forgets everything (`link_flush_settings` in systemd's
//! resolved-link.c), and a replay of the rest.
//!
//! Three things follow from how the two daemons are built:
//!
//! * Domains and the default-route flag go before servers. A link without servers is
//!   asked nothing (`dns_scope_good_domain`), so a link that gets servers last never
//!   takes a name that it shall not have, not for an instant.
//! * resolved saves a link's settings, for its own next start, only when it sees a
//!   change, and a new order of servers or domains is none for it (nor, in 252, a domain
//!   that stops or starts to be searched: `bus_link_method_set_domains`).
//!   The setting works, and is lost when resolved is restarted. [`Call::Domains`] is
//!   then sent twice, once with a reserved domain more, which makes it save.
//! * networkd keeps its own layer above a `.network` file. `RevertLinkDNS` removes that
//!   layer, and what the file says shows again; nothing else can unset anything there.
//!
//! Everything here is plain data, so that the decision is tested without a daemon.

use netprof_model::dns::{DefaultRoute, DnsDomain, DnsLink, DnsServer};
use netprof_model::link::LinkManager;

/// A domain that no resolver asks anybody for (RFC 6761, section 6.4; resolved's
/// `dns_name_dont_resolve`).
const RESERVED: &str = "netprof.invalid";

/// One call about one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `RevertLink` of resolved, `RevertLinkDNS` of networkd.
    Revert,
    /// `SetLinkDomains`.
    Domains(Vec<DnsDomain>),
    /// `SetLinkDefaultRoute`.
    DefaultRoute(bool),
    /// `SetLinkLLMNR`.
    Llmnr(String),
    /// `SetLinkMulticastDNS`.
    Mdns(String),
    /// `SetLinkDNSOverTLS`.
    DnsOverTls(String),
    /// `SetLinkDNSSEC`.
    Dnssec(String),
    /// `SetLinkDNSSECNegativeTrustAnchors`.
    NegativeTrustAnchors(Vec<String>),
    /// `SetLinkDNSEx`, or `SetLinkDNS` where that is not there.
    Servers(Vec<DnsServer>),
}

impl Call {
    /// The name of the method, the same for resolved and for networkd but for one.
    #[must_use]
    pub fn method(&self, of_networkd: bool) -> &'static str {
        match self {
            Self::Revert if of_networkd => "RevertLinkDNS",
            Self::Revert => "RevertLink",
            Self::Domains(_) => "SetLinkDomains",
            Self::DefaultRoute(_) => "SetLinkDefaultRoute",
            Self::Llmnr(_) => "SetLinkLLMNR",
            Self::Mdns(_) => "SetLinkMulticastDNS",
            Self::DnsOverTls(_) => "SetLinkDNSOverTLS",
            Self::Dnssec(_) => "SetLinkDNSSEC",
            Self::NegativeTrustAnchors(_) => "SetLinkDNSSECNegativeTrustAnchors",
            Self::Servers(_) => "SetLinkDNSEx",
        }
    }
}

/// What is to be sent for one link, and whether it must be looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// Whether the outcome depends on what only the manager knows: read the link once
    /// the calls have taken effect, and send [`difference`] of that and the goal.
    pub then_compare: bool,
}

/// The calls that turn `before` into `after`. `restores` says that `after` is what was
/// there before netprof came, or what a transaction that failed found.
#[must_use]
pub fn calls(
    before: Option<&DnsLink>,
    after: Option<&DnsLink>,
    manager: Option<LinkManager>,
    restores: bool,
) -> Calls {
    let Some(after) = after else {
        return just(vec![Call::Revert]);
    };
    let unset = DnsLink::default();
    let before = before.unwrap_or(&unset);
    let unsets_the_flag =
        before.default_route != after.default_route && after.default_route == DefaultRoute::Unset;
    match manager {
        Some(LinkManager::Networkd) if before == after => Calls::default(),
        Some(LinkManager::Networkd) if restores || unsets_the_flag => Calls {
            calls: vec![Call::Revert],
            then_compare: true,
        },
        Some(LinkManager::Networkd) => just(difference(before, after)),
        // RevertLink and everything that is not as after a RevertLink.
        _ if unsets_the_flag => {
            let mut calls = vec![Call::Revert];
            calls.extend(difference(&unset, after));
            just(calls)
        }
        _ => {
            let mut calls = difference(before, after);
            if is_saved_only_by_force(before, after) {
                let mut more = after.domains.clone();
                more.push(DnsDomain::route(RESERVED));
                if before.servers == after.servers {
                    calls.retain(|call| !matches!(call, Call::Domains(_)));
                }
                calls.push(Call::Domains(more));
                calls.push(Call::Domains(after.domains.clone()));
            }
            just(calls)
        }
    }
}

fn just(calls: Vec<Call>) -> Calls {
    Calls {
        calls,
        then_compare: false,
    }
}

/// The calls for each attribute of `after` that differs from `before`. A flag that
/// becomes unset has none: see [`calls`].
#[must_use]
pub fn difference(before: &DnsLink, after: &DnsLink) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut push = |differs: bool, call: fn(&DnsLink) -> Option<Call>| {
        if differs {
            calls.extend(call(after));
        }
    };
    push(before.domains != after.domains, |to| {
        Some(Call::Domains(to.domains.clone()))
    });
    push(before.default_route != after.default_route, |to| {
        match to.default_route {
            DefaultRoute::Unset => None,
            DefaultRoute::Yes => Some(Call::DefaultRoute(true)),
            DefaultRoute::No => Some(Call::DefaultRoute(false)),
        }
    });
    push(before.llmnr != after.llmnr, |to| {
        Some(Call::Llmnr(to.llmnr.clone()))
    });
    push(before.mdns != after.mdns, |to| {
        Some(Call::Mdns(to.mdns.clone()))
    });
    push(before.dns_over_tls != after.dns_over_tls, |to| {
        Some(Call::DnsOverTls(to.dns_over_tls.clone()))
    });
    push(before.dnssec != after.dnssec, |to| {
        Some(Call::Dnssec(to.dnssec.clone()))
    });
    push(
        before.negative_trust_anchors != after.negative_trust_anchors,
        |to| {
            Some(Call::NegativeTrustAnchors(
                to.negative_trust_anchors.clone(),
            ))
        },
    );
    push(before.servers != after.servers, |to| {
        Some(Call::Servers(to.servers.clone()))
    });
    calls
}

/// Whether resolved would take the last of the calls without noting that its file of
/// saved settings has grown old. Servers go last; what is sent before them is saved with
/// them, where it was not by itself.
fn is_saved_only_by_force(before: &DnsLink, after: &DnsLink) -> bool {
    let names = |link: &DnsLink| sorted(link.domains.iter().map(|d| d.name.clone()));
    let servers = |link: &DnsLink| sorted(link.servers.iter().cloned());
    let others = |link: &DnsLink| DnsLink {
        servers: Vec::new(),
        domains: Vec::new(),
        ..link.clone()
    };
    if before.servers != after.servers {
        return servers(before) == servers(after);
    }
    before.domains != after.domains
        && others(before) == others(after)
        && names(before) == names(after)
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}

/// `link` as it reads where networkd has written it: searched domains come first, for
/// its state file has two lists (SEARCH_DOMAINS and ROUTE_DOMAINS, which resolved reads
/// in this order: `link_update_search_domains`).
#[must_use]
pub fn as_networkd_orders(link: &DnsLink) -> DnsLink {
    let mut link = link.clone();
    link.domains.sort_by_key(|domain| domain.route_only);
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vpn() -> DnsLink {
        DnsLink {
            servers: vec![DnsServer::at([10, 0, 0, 53].into())],
            domains: vec![DnsDomain::route(".")],
            ..DnsLink::default()
        }
    }

    fn split() -> DnsLink {
        DnsLink {
            domains: vec![
                DnsDomain::search("corp.example"),
                DnsDomain::route("10.in-addr.arpa"),
            ],
            ..vpn()
        }
    }

    fn plain(before: &DnsLink, after: &DnsLink) -> Vec<Call> {
        calls(Some(before), Some(after), None, false).calls
    }

    #[test]
    fn only_what_differs_is_written() {
        assert_eq!(
            plain(&vpn(), &split()),
            [Call::Domains(split().domains)],
            "the servers stay"
        );
        assert_eq!(plain(&split(), &split()), []);
    }

    #[test]
    fn domains_go_before_servers() {
        assert_eq!(
            plain(&DnsLink::default(), &split()),
            [
                Call::Domains(split().domains),
                Call::Servers(split().servers)
            ]
        );
    }

    #[test]
    fn the_flag_is_written_as_it_is_said() {
        let said = |flag| DnsLink {
            default_route: flag,
            ..split()
        };
        assert_eq!(
            plain(&split(), &said(DefaultRoute::No)),
            [Call::DefaultRoute(false)]
        );
        assert_eq!(
            plain(&said(DefaultRoute::No), &said(DefaultRoute::Yes)),
            [Call::DefaultRoute(true)]
        );
    }

    #[test]
    fn a_flag_is_unset_by_a_revert_and_a_replay_of_the_rest() {
        let before = DnsLink {
            default_route: DefaultRoute::Yes,
            ..split()
        };
        let after = DnsLink {
            mdns: "yes".into(),
            dnssec: "allow-downgrade".into(),
            negative_trust_anchors: vec!["home.arpa".into()],
            ..vpn()
        };
        assert_eq!(
            plain(&before, &after),
            [
                Call::Revert,
                Call::Domains(after.domains.clone()),
                Call::Mdns("yes".into()),
                Call::Dnssec("allow-downgrade".into()),
                Call::NegativeTrustAnchors(vec!["home.arpa".into()]),
                Call::Servers(after.servers.clone()),
            ]
        );
    }

    #[test]
    fn a_link_that_was_unknown_is_reverted() {
        assert_eq!(
            calls(Some(&split()), None, None, false).calls,
            [Call::Revert]
        );
    }

    #[test]
    fn a_new_order_is_sent_so_that_resolved_saves_it() {
        let mut turned = split();
        turned.domains.reverse();
        let mut more = turned.domains.clone();
        more.push(DnsDomain::route(RESERVED));
        assert_eq!(
            plain(&split(), &turned),
            [Call::Domains(more), Call::Domains(turned.domains.clone())]
        );
        let mut routed = split();
        routed.domains[0].route_only = true;
        assert_eq!(plain(&split(), &routed).len(), 2);
    }

    #[test]
    fn a_new_order_of_servers_is_saved_though_more_was_changed_before_it() {
        let servers = [1, 2].map(|n| DnsServer::at([10, 0, 0, n].into()));
        let before = DnsLink {
            servers: servers.to_vec(),
            ..vpn()
        };
        let after = DnsLink {
            servers: servers.iter().rev().cloned().collect(),
            ..split()
        };
        let mut more = split().domains;
        more.push(DnsDomain::route(RESERVED));
        assert_eq!(
            plain(&before, &after),
            [
                Call::Domains(after.domains.clone()),
                Call::Servers(after.servers.clone()),
                Call::Domains(more),
                Call::Domains(after.domains),
            ]
        );
    }

    #[test]
    fn networkd_is_put_back_by_its_revert_and_a_comparison() {
        let networkd = Some(LinkManager::Networkd);
        assert_eq!(
            calls(Some(&split()), Some(&vpn()), networkd, true),
            Calls {
                calls: vec![Call::Revert],
                then_compare: true
            }
        );
        assert_eq!(
            calls(Some(&vpn()), Some(&split()), networkd, false),
            just(vec![Call::Domains(split().domains)])
        );
        assert_eq!(
            calls(Some(&vpn()), Some(&vpn()), networkd, true),
            Calls::default()
        );
    }

    #[test]
    fn networkd_puts_searched_domains_first() {
        let mut turned = split();
        turned.domains.reverse();
        assert_eq!(as_networkd_orders(&turned), split());
    }

    /// What resolved does with a call, as far as it can be read back.
    fn carry_out(link: &mut DnsLink, call: &Call) {
        match call.clone() {
            Call::Revert => *link = DnsLink::default(),
            Call::Domains(to) => link.domains = to,
            Call::DefaultRoute(true) => link.default_route = DefaultRoute::Yes,
            Call::DefaultRoute(false) => link.default_route = DefaultRoute::No,
            Call::Llmnr(to) => link.llmnr = to,
            Call::Mdns(to) => link.mdns = to,
            Call::DnsOverTls(to) => link.dns_over_tls = to,
            Call::Dnssec(to) => link.dnssec = to,
            Call::NegativeTrustAnchors(to) => link.negative_trust_anchors = to,
            Call::Servers(to) => link.servers = to,
        }
    }

    fn any_link() -> impl Strategy<Value = DnsLink> {
        let servers = prop::collection::vec(
            (0u8..3).prop_map(|n| DnsServer::at([10, 0, 0, n].into())),
            0..3,
        );
        let domains = prop::collection::vec(
            (
                prop::sample::select(vec![".", "a.example", "b.example"]),
                any::<bool>(),
            )
                .prop_map(|(name, route_only)| DnsDomain {
                    name: name.into(),
                    route_only,
                }),
            0..3,
        );
        let flag = prop::sample::select(vec![
            DefaultRoute::Unset,
            DefaultRoute::Yes,
            DefaultRoute::No,
        ]);
        let word = || prop::sample::select(vec![String::new(), "yes".into(), "no".into()]);
        let anchors = prop::collection::vec(Just("home.arpa".to_owned()), 0..2);
        (
            servers,
            domains,
            flag,
            word(),
            word(),
            word(),
            word(),
            anchors,
        )
            .prop_map(
                |(
                    servers,
                    domains,
                    default_route,
                    llmnr,
                    mdns,
                    dns_over_tls,
                    dnssec,
                    negative_trust_anchors,
                )| DnsLink {
                    servers,
                    domains,
                    default_route,
                    llmnr,
                    mdns,
                    dns_over_tls,
                    dnssec,
                    negative_trust_anchors,
                },
            )
    }

    proptest! {
        #[test]
        fn the_calls_lead_from_any_state_to_any_other(before in any_link(), after in any_link()) {
            let mut live = before.clone();
            for call in plain(&before, &after) {
                carry_out(&mut live, &call);
            }
            prop_assert_eq!(live, after);
        }

        #[test]
        fn networkd_is_led_from_any_state_to_any_other(before in any_link(), after in any_link(), file in any_link(), restores in any::<bool>()) {
            // networkd cannot say 'unset' above a file that says yes or no.
            prop_assume!(after.default_route != DefaultRoute::Unset || file.default_route == DefaultRoute::Unset);
            let mut live = before.clone();
            let to_do = calls(Some(&before), Some(&after), Some(LinkManager::Networkd), restores);
            for call in &to_do.calls {
                if *call == Call::Revert { live = file.clone() } else { carry_out(&mut live, call) }
            }
            if to_do.then_compare {
                for call in difference(&live, &after) {
                    carry_out(&mut live, &call);
                }
            }
            prop_assert_eq!(live, after);
        }
    }
}
