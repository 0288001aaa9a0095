//! The laws of planning, each a function of a machine and of profiles for it. They are of
//! every system: [`laws`] holds a system to all of them, on machines and profiles that are
//! drawn.

use std::net::IpAddr;

use ipnet::IpNet;
use netprof_model::held::Held;
use netprof_model::plan::{Change, Plan, Standing};
use netprof_model::profile::Profile;
use netprof_model::resource::Place;
use netprof_model::route::{Route, RouteKind};
use netprof_model::snapshot::{Index, Os};
use netprof_model::{Owner, Resource, Section, Snapshot};
use netprof_plan::linux::fib::Fib;
use netprof_plan::{Drift, after, drift, plan};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::carried_out::carried_out;

mod edits;
pub(crate) mod profiles;
pub(crate) mod words;
pub(crate) mod xnu;

/// Something that was drawn, and shown as what it was made of: a snapshot fills pages.
#[derive(Clone)]
pub(crate) struct Drawn<T> {
    it: T,
    /// What it was made of.
    pub(crate) from: String,
}

impl<T> Drawn<T> {
    pub(crate) fn new(it: T, from: String) -> Self {
        Self { it, from }
    }
}

impl<T> std::ops::Deref for Drawn<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.it
    }
}

impl<T> std::fmt::Debug for Drawn<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n{}", self.from)
    }
}

/// Whether a law holds.
pub(crate) type Verdict = Result<(), TestCaseError>;

/// The kernel's look-up: of Linux by the planner's own simulation of it, which the kernel
/// itself is asked about elsewhere; of macOS by another one.
pub(crate) enum Kernel<'a> {
    Linux(Fib<'a>),
    Macos(&'a Snapshot),
}

impl<'a> Kernel<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        match snapshot.os {
            Os::Linux => Self::Linux(Fib::new(snapshot)),
            Os::Macos => Self::Macos(snapshot),
        }
    }

    /// The link that packets leave by; none where they do not.
    fn link(&self, to: IpAddr) -> Option<String> {
        self.route(to)?.devices().next().map(str::to_owned)
    }

    /// The route that carries packets to `to`, if one does.
    pub(crate) fn route(&self, to: IpAddr) -> Option<&'a Route> {
        match self {
            Self::Linux(fib) => fib.look_up(to, None).route(),
            Self::Macos(snapshot) => {
                let found = xnu::look_up(snapshot, to, None);
                found.filter(|route| route.spec.kind == RouteKind::Unicast)
            }
        }
    }
}

/// What the machines that are drawn have in common.
pub(crate) struct Site {
    /// The network of the LAN.
    pub(crate) lan: &'static str,
    /// Some addresses of its other network, which has too many.
    pub(crate) other: &'static [&'static str],
    /// The link that profiles name `lan`.
    pub(crate) named: &'static [&'static str],
    /// All links of hardware.
    pub(crate) hardware: &'static [&'static str],
    /// The link that profiles name `vpn`.
    pub(crate) tunnel: &'static str,
}

/// What of a snapshot a person would miss: without what netprof remembers, who is
/// thought to own what, and the order in which things happen to be listed.
fn bare(snapshot: &Snapshot) -> Snapshot {
    let mut bare = snapshot.clone();
    bare.held = Section::Absent;
    if let Section::Seen(routes) = &mut bare.routes {
        for route in routes.iter_mut() {
            route.owner = Owner::Unknown;
        }
        let spec = |route: &Route| format!("{:?}", route.spec);
        routes.sort_by(|a, b| (&a.key, spec(a)).cmp(&(&b.key, spec(b))));
    }
    if let Section::Seen(rules) = &mut bare.rules {
        for rule in rules.iter_mut() {
            rule.owner = Owner::Unknown;
        }
        // Rules of one priority never overlap in a way that their order decides.
        rules.sort_by(|a, b| a.key.cmp(&b.key));
    }
    if let Section::Seen(files) = &mut bare.files {
        files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    bare
}

/// Whether a person would take both for one.
pub(crate) fn same(one: &Snapshot, other: &Snapshot) -> Verdict {
    let lines = |snapshot| {
        let json = serde_json::to_string_pretty(&bare(snapshot)).unwrap();
        json.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    if bare(one) == bare(other) {
        return Ok(());
    }
    let (one, other) = (lines(one), lines(other));
    let beyond = |these: &[String], those: &[String]| {
        let all = these.iter().filter(|line| !those.contains(line));
        all.cloned().collect::<Vec<_>>()
    };
    prop_assert_eq!(beyond(&one, &other), beyond(&other, &one));
    Err(TestCaseError::fail("they differ in how often or where"))
}

pub(crate) fn make(profile: &Profile, snapshot: &Snapshot) -> Plan {
    plan(Some((profile, &words::reference(profile))), snapshot)
}

/// The plan of `profile`, which is worth looking at: it is not refused.
pub(crate) fn made(profile: &Profile, snapshot: &Snapshot) -> Result<Plan, TestCaseError> {
    let plan = make(profile, snapshot);
    if plan.is_refused() {
        return Err(TestCaseError::reject("refused"));
    }
    Ok(plan)
}

fn held(snapshot: &Snapshot) -> Held {
    snapshot.held().cloned().unwrap_or_default()
}

/// `machine` after it was started anew with what netprof had made of it as `done`: what is
/// on its disk is there, and all else is as if netprof had never been.
fn started_anew(machine: &Snapshot, done: &Snapshot) -> Snapshot {
    Snapshot {
        place: Place {
            boot: "another".into(),
            ..machine.place.clone()
        },
        files: done.files.clone(),
        // What lies in files is there; a service manager has read netprof's.
        settings: done.settings.clone(),
        preferences: done.preferences.clone(),
        held: done.held.clone(),
        ..machine.clone()
    }
}

pub(crate) fn a_second_plan_is_empty(machine: &Snapshot, profile: &Profile) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    let second = make(profile, &done);
    prop_assert!(!second.is_refused(), "{:?}", second.diagnostics);
    prop_assert_eq!(second.changes, vec![]);
    prop_assert_eq!(second.dropped, vec![]);
    Ok(())
}

pub(crate) fn a_plan_is_not_empty_once_anything_it_made_is_gone(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    for change in &first.changes {
        let broken = after(&done, &[change.inverse()]);
        let second = make(profile, &broken);
        let again = |one: &Change| one.resource == change.resource;
        prop_assert!(
            second.changes.iter().any(again),
            "{} was taken away and not missed",
            change.resource
        );
    }
    Ok(())
}

pub(crate) fn a_release_puts_back_what_was(machine: &Snapshot, profile: &Profile) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    let release = plan(None, &done);
    prop_assert!(!release.is_refused());
    prop_assert_eq!(&release.kept, &vec![]);
    let back = carried_out(&done, &release);
    same(&back, machine)?;
    prop_assert_eq!(&held(&back).resources, &vec![]);
    Ok(())
}

pub(crate) fn a_switch_of_profiles_gives_back_what_the_first_one_found(
    machine: &Snapshot,
    one: &Profile,
    other: &Profile,
) -> Verdict {
    let first = made(one, machine)?;
    let there = carried_out(machine, &first);
    let switch = made(other, &there)?;
    let switched = carried_out(&there, &switch);
    // The same as if the other had come first.
    let direct = make(other, machine);
    same(&switched, &carried_out(machine, &direct))?;
    let back = carried_out(&switched, &plan(None, &switched));
    same(&back, machine)?;
    Ok(())
}

pub(crate) fn what_is_durable_is_found_again_after_a_reboot(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    let started = started_anew(machine, &done);
    // It is made to be the same as before.
    let second = make(profile, &started);
    prop_assert!(!second.is_refused(), "{:?}", second.diagnostics);
    let again = Snapshot {
        place: machine.place.clone(),
        ..carried_out(&started, &second)
    };
    same(&again, &done)?;
    // Or given back: what went with its boot is not looked for.
    let release = plan(None, &started);
    prop_assert!(!release.is_refused());
    prop_assert_eq!(&release.kept, &vec![]);
    let back = carried_out(&started, &release);
    prop_assert_eq!(&held(&back).resources, &vec![]);
    let back = Snapshot {
        place: machine.place.clone(),
        ..back
    };
    same(&back, machine)?;
    Ok(())
}

/// `done` after its link `dev` was taken away and made anew, as a VPN does that connects
/// once more: with what others make of it, and nothing that netprof had on it.
fn reconnected(done: &Snapshot, dev: &str) -> Snapshot {
    let held = held(done).resources.into_iter();
    let on_it = held.filter(|one| one.place.link.as_ref().is_some_and(|link| link.name == dev));
    let gone: Vec<Change> = on_it
        .map(|one| Change {
            id: 0,
            resource: one.resource,
            before: one.committed,
            after: one.original.clone(),
            original: one.original,
            owner: Owner::Netprof,
            lasts: one.lasts,
            link: one.place.link,
            manager: None,
            reasons: Vec::new(),
        })
        .collect();
    numbered(&after(done, &gone), dev, 99)
}

/// `snapshot` with another number for the link `dev`.
fn numbered(snapshot: &Snapshot, dev: &str, number: u32) -> Snapshot {
    let mut snapshot = snapshot.clone();
    if let Section::Seen(links) = &mut snapshot.links {
        let links = links.iter_mut().filter(|link| link.name == dev);
        links.for_each(|link| link.index = number);
    }
    if let Section::Seen(resolved) = &mut snapshot.resolved {
        let links = resolved.links.iter_mut();
        let links = links.filter(|link| link.id.name == dev);
        links.for_each(|link| link.id.index = number);
    }
    snapshot
}

pub(crate) fn what_went_with_a_link_is_made_anew_on_the_next_one(
    machine: &Snapshot,
    profile: &Profile,
    site: &Site,
) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    let next = reconnected(&done, site.tunnel);
    let old = machine.link(site.tunnel).unwrap().index;
    let second = make(profile, &next);
    prop_assert!(!second.is_refused(), "{:?}", second.diagnostics);
    let again = carried_out(&next, &second);
    same(&numbered(&again, site.tunnel, old), &done)?;
    for there in [next, again] {
        let release = plan(None, &there);
        prop_assert!(!release.is_refused());
        prop_assert_eq!(&release.kept, &vec![]);
        let back = carried_out(&there, &release);
        same(&numbered(&back, site.tunnel, old), machine)?;
        prop_assert_eq!(&held(&back).resources, &vec![]);
    }
    Ok(())
}

pub(crate) fn what_somebody_changed_since_is_kept_by_a_release_and_named(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    for edit in edits::of(&first.changes) {
        let edited = after(&done, std::slice::from_ref(&edit.change));
        let drifted: Vec<Drift> = drift(&edited).into_iter().filter(Drift::is_drift).collect();
        let drifted: Vec<&Resource> = drifted.iter().map(|one| &one.held.resource).collect();
        let touched = edit.touches.then_some(&edit.change.resource);
        prop_assert_eq!(drifted, Vec::from_iter(touched), "{:?}", edit.change);

        let release = plan(None, &edited);
        prop_assert!(!release.is_refused());
        let named: Vec<&Resource> = edits::named(&release).collect();
        prop_assert_eq!(named, Vec::from_iter(touched), "{:?}", edit.change);
        let back = carried_out(&edited, &release);
        let live = Index::new(&back).state(&edit.change.resource).unwrap();
        prop_assert_eq!(&live, &edit.left, "{}", edit.change.resource);
        prop_assert_eq!(&held(&back).resources, &vec![]);
    }
    Ok(())
}

/// Where the profile is applied again, what somebody changed since is what a release gives
/// back, and nothing is drift any more.
pub(crate) fn what_somebody_changed_since_outlives_another_apply(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    for edit in edits::of(&first.changes) {
        let edited = after(&done, std::slice::from_ref(&edit.change));
        let again = make(profile, &edited);
        if again.is_refused() {
            continue;
        }
        let again = carried_out(&edited, &again);
        for one in drift(&again) {
            prop_assert!(!one.is_drift(), "{one:?}");
        }
        let back = carried_out(&again, &plan(None, &again));
        let live = Index::new(&back).state(&edit.change.resource).unwrap();
        prop_assert_eq!(&live, &edit.left, "{}", edit.change.resource);
        prop_assert_eq!(&held(&back).resources, &vec![]);
    }
    Ok(())
}

/// A state folder that is lost takes nothing with it that is marked as netprof's.
pub(crate) fn what_a_lost_state_folder_left_is_in_nobodys_way(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    let first = made(profile, machine)?;
    let lost = Snapshot {
        held: Section::Absent,
        ..carried_out(machine, &first)
    };
    let second = make(profile, &lost);
    prop_assert!(!second.is_refused(), "{:?}", second.diagnostics);
    prop_assert_eq!(second.changes, vec![]);
    Ok(())
}

pub(crate) fn every_address_of_a_kept_network_stays_on_it(
    machine: &Snapshot,
    profile: &Profile,
    site: &Site,
) -> Verdict {
    let Some(keep) = &profile.routes.keep_lan else {
        return Ok(());
    };
    let first = made(profile, machine)?;
    let done = carried_out(machine, &first);
    let kernel = Kernel::of(&done);
    let network: IpNet = site.lan.parse().unwrap();
    let addresses = machine.addresses.items().iter();
    let own: Vec<IpAddr> = addresses.map(|one| one.local.addr()).collect();
    let kept = if keep.links.is_empty() {
        site.hardware
    } else {
        site.named
    };
    let other = site.other.iter().map(|to| to.parse().unwrap());
    // And of what lies behind it.
    let behind = keep.also.iter().flat_map(|also| {
        let hosts = also.prefix.hosts().step_by(25);
        hosts.chain(also.prefix.hosts().last())
    });
    let all = network.hosts().chain(other).chain(behind);
    for to in all.filter(|to| !own.contains(to)) {
        let route = kernel.route(to);
        prop_assert!(
            route.is_some_and(|route| kept.iter().any(|dev| route.goes_through(dev))),
            "{to} goes by {route:?}"
        );
    }
    Ok(())
}

/// Changes are made one after the other: packets that leave by one link before and after
/// all of them leave by no other in between.
pub(crate) fn nothing_goes_astray_on_the_way(
    machine: &Snapshot,
    one: &Profile,
    other: &Profile,
) -> Verdict {
    let first = made(one, machine)?;
    let there = carried_out(machine, &first);
    let switch = made(other, &there)?;
    let done = after(&there, &switch.changes);
    let (start, end) = (Kernel::of(&there), Kernel::of(&done));
    let same = |to: &IpAddr| start.link(*to) == end.link(*to);
    let probes = PROBES.map(|to| to.parse::<IpAddr>().unwrap());
    let probes: Vec<IpAddr> = probes.into_iter().filter(same).collect();
    let mut now = there.clone();
    for change in &switch.changes {
        now = after(&now, std::slice::from_ref(change));
        let kernel = Kernel::of(&now);
        for to in &probes {
            prop_assert_eq!(
                kernel.link(*to),
                start.link(*to),
                "{} after {}",
                to,
                change.resource
            );
        }
    }
    Ok(())
}

/// Addresses of every network that machines and profiles have something to say of.
const PROBES: [&str; 23] = [
    "9.9.9.9",
    "192.168.7.1",
    "192.168.7.50",
    "192.168.7.200",
    "192.168.50.9",
    "192.168.50.200",
    "192.168.51.9",
    "10.8.0.1",
    "10.0.0.53",
    "10.64.0.1",
    "10.64.7.1",
    "172.17.0.9",
    "172.17.4.9",
    "172.17.200.9",
    "172.20.0.1",
    "10.87.0.9",
    "10.87.9.9",
    "fd00:87::9",
    "198.51.100.7",
    "203.0.113.9",
    "fd00:7::9",
    "fd00:99::9",
    "2001:db8::9",
];

pub(crate) fn a_change_and_its_inverse_are_nothing(
    machine: &Snapshot,
    profile: &Profile,
) -> Verdict {
    let first = make(profile, machine);
    let done = after(machine, &first.changes);
    let inverse: Vec<Change> = first.changes.iter().rev().map(Change::inverse).collect();
    same(&after(&done, &inverse), machine)
}

/// A plan that is refused is shown, and never carried out: so it says why, and promises
/// nothing about what is held.
pub(crate) fn a_refused_plan_says_why_and_lets_nothing_go(
    machine: &Snapshot,
    one: &Profile,
    other: &Profile,
) -> Verdict {
    let first = make(one, machine);
    let there = if first.is_refused() {
        machine.clone()
    } else {
        carried_out(machine, &first)
    };
    let second = make(other, &there);
    if !second.is_refused() {
        return Err(TestCaseError::reject("carried out"));
    }
    let errors = second.diagnostics.iter().filter(|one| one.is_error());
    let blocked = second.rows.iter();
    let blocked = blocked.filter(|row| row.standing == Standing::Blocked);
    prop_assert!(errors.count() > 0, "nothing says why");
    for row in blocked {
        prop_assert!(!row.detail.is_empty(), "{} says nothing", row.subject);
    }
    prop_assert_eq!(&second.kept, &vec![]);
    prop_assert_eq!(&second.dropped, &vec![]);
    Ok(())
}

/// Of so many machines and profiles, how many plans are carried out, and how many changes
/// they make. Laws that only hold of refused plans would say nothing.
pub(crate) fn carried(
    cases: usize,
    machines: &impl Strategy<Value = Drawn<Snapshot>>,
    profiles: &impl Strategy<Value = Drawn<Profile>>,
) -> (usize, Vec<Change>) {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut made, mut changes) = (0, Vec::new());
    for _ in 0..cases {
        let machine = machines.new_tree(&mut runner).unwrap().current();
        let profile = profiles.new_tree(&mut runner).unwrap().current();
        let plan = make(&profile, &machine);
        if !plan.is_refused() {
            made += 1;
            changes.extend(plan.changes);
        }
    }
    (made, changes)
}

/// As many cases as PROPTEST_CASES says, or enough for every change.
pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let cases = cases.unwrap_or(2_000);
    ProptestConfig {
        cases,
        max_global_rejects: cases * 10,
        ..ProptestConfig::default()
    }
}

/// Holds a system to all laws, on the machines and profiles that `$machines` and
/// `$profiles` draw.
macro_rules! laws {
    ($machines:expr, $profiles:expr, $site:expr) => {
        proptest::proptest! {
            #![proptest_config(crate::law::config())]

            #[test]
            fn a_second_plan_is_empty(machine in $machines, profile in $profiles) {
                crate::law::a_second_plan_is_empty(&machine, &profile)?;
            }

            #[test]
            fn a_plan_is_not_empty_once_anything_it_made_is_gone(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::a_plan_is_not_empty_once_anything_it_made_is_gone(
                    &machine, &profile,
                )?;
            }

            #[test]
            fn a_release_puts_back_what_was(machine in $machines, profile in $profiles) {
                crate::law::a_release_puts_back_what_was(&machine, &profile)?;
            }

            #[test]
            fn a_switch_of_profiles_gives_back_what_the_first_one_found(
                machine in $machines,
                one in $profiles,
                other in $profiles,
            ) {
                crate::law::a_switch_of_profiles_gives_back_what_the_first_one_found(
                    &machine, &one, &other,
                )?;
            }

            #[test]
            fn what_is_durable_is_found_again_after_a_reboot(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::what_is_durable_is_found_again_after_a_reboot(&machine, &profile)?;
            }

            #[test]
            fn what_went_with_a_link_is_made_anew_on_the_next_one(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::what_went_with_a_link_is_made_anew_on_the_next_one(
                    &machine, &profile, &$site,
                )?;
            }

            #[test]
            fn what_somebody_changed_since_is_kept_by_a_release_and_named(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::what_somebody_changed_since_is_kept_by_a_release_and_named(
                    &machine, &profile,
                )?;
            }

            #[test]
            fn what_somebody_changed_since_outlives_another_apply(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::what_somebody_changed_since_outlives_another_apply(
                    &machine, &profile,
                )?;
            }

            #[test]
            fn what_a_lost_state_folder_left_is_in_nobodys_way(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::what_a_lost_state_folder_left_is_in_nobodys_way(
                    &machine, &profile,
                )?;
            }

            #[test]
            fn every_address_of_a_kept_network_stays_on_it(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::every_address_of_a_kept_network_stays_on_it(
                    &machine, &profile, &$site,
                )?;
            }

            #[test]
            fn nothing_goes_astray_on_the_way(
                machine in $machines,
                one in $profiles,
                other in $profiles,
            ) {
                crate::law::nothing_goes_astray_on_the_way(&machine, &one, &other)?;
            }

            #[test]
            fn a_change_and_its_inverse_are_nothing(
                machine in $machines,
                profile in $profiles,
            ) {
                crate::law::a_change_and_its_inverse_are_nothing(&machine, &profile)?;
            }

            #[test]
            fn a_refused_plan_says_why_and_lets_nothing_go(
                machine in $machines,
                one in $profiles,
                other in $profiles,
            ) {
                crate::law::a_refused_plan_says_why_and_lets_nothing_go(
                    &machine, &one, &other,
                )?;
            }
        }
    };
}
