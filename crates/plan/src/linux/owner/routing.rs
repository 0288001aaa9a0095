//! Who put a route or a rule there.
//!
//! Protocols say who signed. Beyond that, each VPN has its own tables, priorities and
//! marks:
//!
//! - Tailscale: what bears the mark 0x80000 to main by rule 5210, to default by 5230, and no
//!   further by 5250; the rest to table 52 by 5270. Where OpenWrt's mwan3 runs, the same
//!   from 1300 on (tailscale, wgengine/router/osrouter/router_linux.go: `ipRules`,
//!   `ipPolicyPrefBase`). With another mark of one's own the first three say nothing.
//! - Mullvad: rule `not fwmark 0x6d6f6c65 lookup 1836018789`, the same number twice, `mole`
//!   (mullvadvpn-app, talpid-routing/src/unix/linux.rs; TUNNEL_FW_MARK and TUNNEL_TABLE_ID
//!   in talpid-core/src/linux/mod.rs).
//! - WARP: rule `not fwmark 0x100cf lookup 65743` (closed source; as many users show it).
//! - wg-quick: rule `not fwmark N lookup N`, from N 51820 on (wireguard-tools,
//!   src/wg-quick/linux.bash: `add_default`). With a mark of one's own N is any number:
//!   that says nothing.
//! - strongSwan: rule 220 to table 220, also where it installs no routes, with a mark where
//!   one is set (strongswan, conf/options/charon.opt: `routing_table`, `routing_table_prio`;
//!   seen in its issue 1626).
//!
//! A rule is a program's if it is just as the program writes it, and a table if such a rule
//! leads there. Numbers alone tell nothing: anybody may have a table 52, and whoever wants
//! Tailscale asked first writes a rule of his own to its table.
//!
//! Mullvad and wg-quick each have a partner to their rule, `lookup main
//! suppress_prefixlength 0`, which says nothing alone.
//!
//! A route that nobody signed is its link's owner's, if that is a VPN, a container engine
//! or a manager of links: what cannot be told is unknown.

use std::collections::{BTreeSet, HashMap};

use netprof_model::evidence::{ClueKind, Trail};
use netprof_model::link::Link;
use netprof_model::route::{Protocol, Route};
use netprof_model::rule::{Rule, RuleAction};
use netprof_model::{Owner, Snapshot};

const TABLE_TAILSCALE: u32 = 52;
const TABLE_STRONGSWAN: u32 = 220;
/// `ip rule` priorities that Tailscale counts from: everywhere, and beside mwan3.
const BASES_TAILSCALE: [u32; 2] = [5200, 1300];
const TABLE_WG_QUICK: u32 = 51820;
const TABLE_WARP: u32 = 65743;
const MARK_WARP: u32 = 0x100cf;
/// The bytes `mole`.
const MULLVAD: u32 = 0x6d6f_6c65;
const TABLE_MAIN: u32 = 254;
const TABLE_DEFAULT: u32 = 253;
const MARK_TAILSCALE: u32 = 0x80000;

/// What the links and rules of a machine say of the routes: few, and looked at once.
#[derive(Debug, Default)]
pub struct Marks<'a> {
    links: HashMap<&'a str, Owner>,
    /// Tables that a rule gives away.
    tables: HashMap<u32, Owner>,
}

impl<'a> Marks<'a> {
    /// What `links` and `rules` say.
    #[must_use]
    pub fn of(links: &'a [Link], rules: &[Rule]) -> Self {
        Self {
            links: links
                .iter()
                .map(|link| {
                    let owner = link.manager.map_or(link.owner, Owner::from);
                    (link.name.as_str(), owner)
                })
                .collect(),
            tables: rules
                .iter()
                .filter_map(|rule| Some((looked_up(rule)?, signature(rule)?.owner())))
                // Tailscale sends its own packets to these, which are everybody's.
                .filter(|(table, _)| !matches!(*table, TABLE_MAIN | TABLE_DEFAULT))
                .collect(),
        }
    }

    /// The same of a snapshot.
    #[must_use]
    pub fn of_snapshot(snapshot: &'a Snapshot) -> Self {
        Self::of(snapshot.links.items(), snapshot.rules.items())
    }

    /// Whose a table is, by a rule that leads to it.
    pub(super) fn table(&self, table: u32) -> Option<Owner> {
        self.tables.get(&table).copied()
    }

    /// Whose the rule is that `lookup main suppress_prefixlength 0` stands beside.
    fn partner(&self) -> Option<(u32, Owner)> {
        let mut all = self
            .tables
            .iter()
            .filter(|(_, owner)| matches!(owner, Owner::WgQuick | Owner::Mullvad));
        let (table, owner) = all.next()?;
        // Both at once: whose of the two cannot be told.
        all.all(|(_, other)| other == owner)
            .then_some((*table, *owner))
    }
}

/// The form of a rule that just one program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    /// A priority, with where it leads.
    Priority(Owner, u32),
    /// `not fwmark MARK lookup TABLE`.
    Mark(Owner, u32),
}

impl Signature {
    fn owner(self) -> Owner {
        let (Self::Priority(owner, _) | Self::Mark(owner, _)) = self;
        owner
    }
}

fn looked_up(rule: &Rule) -> Option<u32> {
    match rule.key.action {
        RuleAction::Lookup(table) => Some(table),
        _ => None,
    }
}

fn signature(rule: &Rule) -> Option<Signature> {
    let key = &rule.key;
    let table = looked_up(rule);
    let step = BASES_TAILSCALE
        .iter()
        .find_map(|base| key.priority.checked_sub(*base));
    let is_marked = key.fwmark.is_some_and(|(mark, _)| mark == MARK_TAILSCALE);
    let is_tailscales = match step {
        Some(10) => is_marked && table == Some(TABLE_MAIN),
        Some(30) => is_marked && table == Some(TABLE_DEFAULT),
        Some(50) => is_marked && key.action == RuleAction::Unreachable,
        Some(70) => table == Some(TABLE_TAILSCALE),
        _ => false,
    };
    if is_tailscales {
        return Some(Signature::Priority(Owner::Tailscale, key.priority));
    }
    let table = table?;
    if key.priority == TABLE_STRONGSWAN && table == TABLE_STRONGSWAN {
        return Some(Signature::Priority(Owner::Strongswan, key.priority));
    }
    let (mark, _) = key.fwmark.filter(|_| key.not)?;
    let owner = match (mark, table) {
        (MULLVAD, MULLVAD) => Owner::Mullvad,
        (MARK_WARP, TABLE_WARP) => Owner::Warp,
        _ if mark == table && table >= TABLE_WG_QUICK => Owner::WgQuick,
        _ => return None,
    };
    Some(Signature::Mark(owner, mark))
}

/// Names the owners of rules and routes. The links carry theirs already.
pub fn attribute(links: &[Link], rules: &mut [Rule], routes: &mut [Route]) {
    let marks = Marks::of(links, rules);
    for rule in rules.iter_mut() {
        rule.owner = of_rule(rule, &marks, &mut ());
    }
    for route in routes {
        route.owner = of_route(route, &marks, &mut ());
    }
}

/// Which links routes go through in a table that is some VPN's: that table and its owner.
/// Nothing is looked through where no rule leads to such a table.
#[must_use]
pub fn partners(rules: &[Rule], routes: &[Route]) -> HashMap<String, (u32, Owner)> {
    let marks = Marks::of(&[], rules);
    let mut partners = HashMap::new();
    if marks.tables.is_empty() {
        return partners;
    }
    for route in routes {
        let table = route.key.table;
        if let Some(owner) = marks.table(table)
            && route.spec.protocol != Protocol::NETPROF
        {
            for dev in route.devices() {
                partners.entry(dev.to_owned()).or_insert((table, owner));
            }
        }
    }
    partners
}

/// The tables of VPNs that `rules` lead to.
pub(crate) fn tables_of_vpns(rules: &[Rule]) -> BTreeSet<u32> {
    let marks = Marks::of(&[], rules);
    let led_to = rules.iter().filter_map(|rule| match rule.key.action {
        RuleAction::Lookup(table) => Some(table),
        _ => None,
    });
    led_to
        .filter(|table| marks.table(*table).is_some())
        .collect()
}

/// Who made `rule`.
pub fn of_rule(rule: &Rule, marks: &Marks<'_>, trail: &mut impl Trail) -> Owner {
    let key = &rule.key;
    if rule.spec.protocol == Protocol::NETPROF {
        return of_protocol(Protocol::NETPROF, trail);
    }
    match signature(rule) {
        Some(Signature::Priority(owner, priority)) => {
            trail.clue(
                ClueKind::Priority,
                format_args!("{owner} writes such a rule of priority {priority}"),
            );
            return owner;
        }
        Some(Signature::Mark(owner, mark)) => {
            let table = looked_up(rule).unwrap_or_default();
            trail.clue(
                ClueKind::Mark,
                format_args!("{owner} sends what lacks the mark {mark:#x} to table {table}"),
            );
            return owner;
        }
        None => {}
    }
    if looked_up(rule) == Some(TABLE_MAIN)
        && key.selector().is_empty()
        && key.suppress_prefixlength == Some(0)
        && let Some((table, owner)) = marks.partner()
    {
        trail.clue(
            ClueKind::Partner,
            format_args!("{owner} puts such a rule before its one for table {table}"),
        );
        return owner;
    }
    of_protocol(rule.spec.protocol, trail)
}

/// Who made `route`.
pub fn of_route(route: &Route, marks: &Marks<'_>, trail: &mut impl Trail) -> Owner {
    let protocol = route.spec.protocol;
    // These say who they are, through whatever link they go.
    let told = matches!(
        protocol,
        Protocol::NETPROF | Protocol::KERNEL | Protocol::RA | Protocol::DHCP
    );
    if told {
        return of_protocol(protocol, trail);
    }
    if let Some(owner) = marks.table(route.key.table) {
        trail.clue(
            ClueKind::Table,
            format_args!("a rule of {owner}'s leads to its table {}", route.key.table),
        );
        return owner;
    }
    // What nobody signed is its link's owner's, where that is a program that sets up
    // routes of its own.
    let unsigned = matches!(
        protocol,
        Protocol::UNSPEC | Protocol::BOOT | Protocol::STATIC
    );
    let by_link = route
        .devices()
        .filter_map(|dev| Some((dev, marks.links.get(dev).copied()?)))
        .find(|(_, owner)| sets_up_routes(*owner));
    match by_link {
        Some((dev, owner)) if unsigned => {
            trail.clue(
                ClueKind::Link,
                format_args!("it goes through {dev}, which is {owner}'s, and nobody signed it"),
            );
            owner
        }
        _ => of_protocol(protocol, trail),
    }
}

fn sets_up_routes(owner: Owner) -> bool {
    owner.is_vpn() || owner.is_engine() || matches!(owner, Owner::NetworkManager | Owner::Networkd)
}

/// `boot` is what ip-route(8) says when it is not told what to say. The number of a
/// routing daemon is a name, and none of an owner that is known here.
fn of_protocol(protocol: Protocol, trail: &mut impl Trail) -> Owner {
    let owner = match protocol {
        Protocol::NETPROF => Owner::Netprof,
        Protocol::KERNEL => Owner::Kernel,
        Protocol::RA => Owner::Ra,
        Protocol::DHCP => Owner::Dhcp,
        Protocol::BOOT => Owner::User,
        _ => Owner::Unknown,
    };
    let Protocol(number) = protocol;
    match owner {
        Owner::User => trail.clue(
            ClueKind::Protocol,
            format_args!("protocol {number} is what ip(8) writes when it is told no other"),
        ),
        Owner::Unknown if number > 4 => trail.clue(
            ClueKind::Protocol,
            format_args!("protocol {number} is nobody's that is known"),
        ),
        Owner::Unknown => {}
        owner => trail.clue(
            ClueKind::Protocol,
            format_args!("protocol {number} is that of {}", owner.who()),
        ),
    }
    owner
}

#[cfg(test)]
mod tests {
    use netprof_model::link::LinkManager;
    use netprof_model::route::{Hop, RouteKey, RouteLive, RouteSpec};
    use netprof_model::rule::{Family, RuleKey, RuleSpec};

    use super::*;

    fn link(name: &str, owner: Owner, manager: Option<LinkManager>) -> Link {
        Link {
            owner,
            manager,
            ..Link::new(1, name)
        }
    }

    fn route(protocol: u8, table: u32, dev: &str) -> Route {
        Route {
            key: RouteKey {
                dst: "10.0.0.0/8".parse().unwrap(),
                table,
                metric: 0,
                tos: 0,
                ifscope: None,
            },
            spec: RouteSpec {
                protocol: Protocol(protocol),
                hops: vec![Hop::through(dev, None)],
                ..RouteSpec::default()
            }
            .into(),
            live: RouteLive::default(),
            owner: Owner::Unknown,
        }
    }

    fn rule(priority: u32, protocol: Protocol, action: RuleAction) -> Rule {
        Rule {
            key: RuleKey::new(Family::V4, priority, action),
            spec: RuleSpec { protocol },
            owner: Owner::Unknown,
        }
    }

    /// The two rules of wg-quick(8) with a default route.
    fn rules_of_wg_quick(table: u32) -> [Rule; 2] {
        let mut own = rule(32764, Protocol::BOOT, RuleAction::Lookup(table));
        own.key.not = true;
        own.key.fwmark = Some((table, u32::MAX));
        let mut partner = rule(32763, Protocol::BOOT, RuleAction::Lookup(254));
        partner.key.suppress_prefixlength = Some(0);
        [own, partner]
    }

    fn owner_of(route: Route, rules: &[Rule]) -> Owner {
        let links = [
            link("eth0", Owner::Unknown, None),
            link("eth1", Owner::Unknown, Some(LinkManager::Networkd)),
            link("wlan0", Owner::Unknown, Some(LinkManager::NetworkManager)),
            link("wg9", Owner::WgQuick, Some(LinkManager::NetworkManager)),
            link("tun0", Owner::Openvpn, None),
            link("docker0", Owner::Docker, None),
        ];
        let mut routes = [route];
        attribute(&links, &mut rules.to_vec(), &mut routes);
        routes[0].owner
    }

    #[test]
    fn what_is_signed_belongs_to_who_signed_it_through_whatever_link() {
        for (protocol, owner) in [
            (110, Owner::Netprof),
            (2, Owner::Kernel),
            (9, Owner::Ra),
            (16, Owner::Dhcp),
        ] {
            for dev in ["eth0", "tun0", "docker0", "wlan0"] {
                assert_eq!(owner_of(route(protocol, 254, dev), &[]), owner);
            }
        }
    }

    #[test]
    fn what_nobody_signed_belongs_to_the_owner_of_its_link() {
        for (protocol, dev, owner) in [
            (3, "tun0", Owner::Openvpn),
            (4, "docker0", Owner::Docker),
            (4, "wlan0", Owner::NetworkManager),
            (4, "wg9", Owner::NetworkManager),
            (4, "eth1", Owner::Networkd),
            (3, "eth0", Owner::User),
            (4, "eth0", Owner::Unknown),
            (186, "tun0", Owner::Unknown),
        ] {
            assert_eq!(
                owner_of(route(protocol, 254, dev), &[]),
                owner,
                "{protocol} {dev}"
            );
        }
    }

    #[test]
    fn vpns_are_known_by_their_tables() {
        let rules = rules_of_wg_quick(51_821);
        let tailscale = [rule(5270, Protocol::UNSPEC, RuleAction::Lookup(52))];
        let charon = [rule(220, Protocol::UNSPEC, RuleAction::Lookup(220))];
        let mut to_main = rule(5210, Protocol::UNSPEC, RuleAction::Lookup(254));
        to_main.key.fwmark = Some((0x80000, 0x00ff_0000));
        assert_eq!(owner_of(route(3, 254, "eth0"), &[to_main]), Owner::User);
        assert_eq!(owner_of(route(3, 52, "eth0"), &tailscale), Owner::Tailscale);
        assert_eq!(owner_of(route(4, 220, "eth0"), &charon), Owner::Strongswan);
        // Anybody may have tables of such numbers.
        assert_eq!(owner_of(route(3, 52, "eth0"), &charon), Owner::User);
        assert_eq!(owner_of(route(4, 220, "eth0"), &tailscale), Owner::Unknown);
        assert_eq!(owner_of(route(3, 51_821, "eth0"), &rules), Owner::WgQuick);
        assert_eq!(owner_of(route(3, 51_821, "eth0"), &[]), Owner::User);
        assert_eq!(owner_of(route(110, 52, "eth0"), &tailscale), Owner::Netprof);
    }

    #[test]
    fn rules_are_known_by_protocol_priority_and_partner() {
        let mut marked = rule(5210, Protocol::UNSPEC, RuleAction::Lookup(254));
        marked.key.fwmark = Some((0x80000, 0x00ff_0000));
        let mut strong = rule(220, Protocol::UNSPEC, RuleAction::Lookup(220));
        strong.key.not = true;
        strong.key.fwmark = Some((0x42, u32::MAX));
        let mut rules = vec![
            rule(0, Protocol::KERNEL, RuleAction::Lookup(255)),
            rule(110, Protocol::NETPROF, RuleAction::Lookup(254)),
            marked,
            rule(5270, Protocol::UNSPEC, RuleAction::Lookup(52)),
            rule(1370, Protocol::UNSPEC, RuleAction::Lookup(52)),
            strong,
            rule(900, Protocol::BOOT, RuleAction::Lookup(7)),
        ];
        rules.extend(rules_of_wg_quick(51_820));
        attribute(&[], &mut rules, &mut []);
        let owners: Vec<Owner> = rules.iter().map(|rule| rule.owner).collect();
        assert_eq!(
            owners,
            [
                Owner::Kernel,
                Owner::Netprof,
                Owner::Tailscale,
                Owner::Tailscale,
                Owner::Tailscale,
                Owner::Strongswan,
                Owner::User,
                Owner::WgQuick,
                Owner::WgQuick,
            ]
        );
    }

    #[test]
    fn a_rule_of_ones_own_beside_a_vpns_is_not_the_vpns() {
        let mut one_of_five = rule(1310, Protocol::BOOT, RuleAction::Lookup(254));
        one_of_five.key.fwmark = Some((5, u32::MAX));
        let mut rules = vec![
            // Another priority between Tailscale's; one of its without its mark, and with
            // another; its table, asked earlier; the same of wg-quick's and strongSwan's.
            rule(5220, Protocol::BOOT, RuleAction::Lookup(254)),
            rule(5210, Protocol::BOOT, RuleAction::Lookup(254)),
            one_of_five,
            rule(9, Protocol::BOOT, RuleAction::Lookup(52)),
            rule(5270, Protocol::BOOT, RuleAction::Lookup(254)),
            rule(8, Protocol::BOOT, RuleAction::Lookup(51_820)),
            rule(219, Protocol::BOOT, RuleAction::Lookup(220)),
            rule(220, Protocol::BOOT, RuleAction::Lookup(221)),
        ];
        let ones_own = rules.len();
        rules.push(rule(5270, Protocol::UNSPEC, RuleAction::Lookup(52)));
        rules.push(rule(220, Protocol::UNSPEC, RuleAction::Lookup(220)));
        rules.extend(rules_of_wg_quick(51_820));
        attribute(&[], &mut rules, &mut []);
        for rule in &rules[..ones_own] {
            assert_eq!(rule.owner, Owner::User, "{rule:?}");
        }
    }

    #[test]
    fn the_partner_alone_is_not_wg_quicks() {
        let [_, partner] = rules_of_wg_quick(51_820);
        let mut rules = [partner];
        attribute(&[], &mut rules, &mut []);
        assert_eq!(rules[0].owner, Owner::User);
    }

    /// A rule that sends to `table` what lacks `mark`.
    fn rule_by_mark(mark: u32, table: u32) -> Rule {
        let mut rule = rule(5199, Protocol::UNSPEC, RuleAction::Lookup(table));
        rule.key.not = true;
        rule.key.fwmark = Some((mark, u32::MAX));
        rule
    }

    #[test]
    fn vpns_with_the_same_kind_of_rule_are_told_apart_by_its_numbers() {
        for (mark, table, owner) in [
            (51_820, 51_820, Owner::WgQuick),
            (51_823, 51_823, Owner::WgQuick),
            (0x6d6f_6c65, 1_836_018_789, Owner::Mullvad),
            (0x100cf, 65_743, Owner::Warp),
            // Of nobody that is known.
            (0x100cf, 65_744, Owner::Unknown),
            (51_820, 51_821, Owner::Unknown),
            (7, 7, Owner::Unknown),
        ] {
            let mut rules = [rule_by_mark(mark, table)];
            let mut routes = [route(4, table, "eth0")];
            attribute(&[], &mut rules, &mut routes);
            assert_eq!(rules[0].owner, owner, "{mark:#x} {table}");
            assert_eq!(routes[0].owner, owner, "{mark:#x} {table}");
        }
    }

    #[test]
    fn a_partner_is_nobodys_where_two_vpns_put_the_same_one() {
        let [own, partner] = rules_of_wg_quick(51_820);
        let mole = rule_by_mark(0x6d6f_6c65, 1_836_018_789);
        let owner = |rules: Vec<Rule>| {
            let mut rules = rules;
            attribute(&[], &mut rules, &mut []);
            rules[0].owner
        };
        assert_eq!(owner(vec![partner.clone(), mole.clone()]), Owner::Mullvad);
        assert_eq!(owner(vec![partner.clone(), own.clone()]), Owner::WgQuick);
        assert_eq!(owner(vec![partner, own, mole]), Owner::User);
    }

    #[test]
    fn whoever_has_an_owner_has_evidence_for_it() {
        let mut rules = vec![
            rule(0, Protocol::KERNEL, RuleAction::Lookup(255)),
            rule(5270, Protocol::UNSPEC, RuleAction::Lookup(52)),
            rule(220, Protocol::UNSPEC, RuleAction::Lookup(220)),
            rule(900, Protocol::STATIC, RuleAction::Lookup(7)),
            rule_by_mark(0x100cf, 65_743),
        ];
        rules.extend(rules_of_wg_quick(51_820));
        let links = [link("tun0", Owner::Openvpn, None)];
        let marks = Marks::of(&links, &rules);
        for rule in &rules {
            let mut trail = Vec::new();
            let owner = of_rule(rule, &marks, &mut trail);
            assert_eq!(trail.is_empty(), owner == Owner::Unknown, "{rule:?}");
        }
        for (protocol, table, dev) in [
            (2, 254, "tun0"),
            (3, 254, "tun0"),
            (3, 254, "eth0"),
            (4, 52, "eth0"),
            (4, 51_820, "eth0"),
            (4, 254, "eth0"),
        ] {
            let mut trail = Vec::new();
            let owner = of_route(&route(protocol, table, dev), &marks, &mut trail);
            assert_eq!(
                trail.is_empty(),
                owner == Owner::Unknown,
                "{protocol} {table}"
            );
        }
        let mut trail = Vec::new();
        of_rule(&rule_by_mark(0x100cf, 65_743), &marks, &mut trail);
        assert_eq!(
            trail[0].says,
            "warp sends what lacks the mark 0x100cf to table 65743"
        );
    }
}
