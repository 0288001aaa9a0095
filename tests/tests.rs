//! The end-to-end tests of netprof: a real kernel and real daemons, each test
//! in network, mount and pid namespaces of its own. This file is their index;
//! `docs/testing.md` says how to run one and how to write one.
//!
//! A test that cannot run here shows as ignored, with the reason. It never
//! passes for that; with NETPROF_TESTS_REQUIRED=1 it fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "all of this is a test, also where no #[test] says so"
)]

#[cfg(target_os = "linux")]
mod harness;

#[cfg(target_os = "linux")]
macro_rules! tests {
    ($($tree:ident $module:ident::$name:ident),* $(,)?) => {
        &[$(harness::Test {
            name: concat!(stringify!($module), "::", stringify!($name)),
            tree: harness::Tree::$tree,
            body: $module::$name,
            limit: harness::TIME_LIMIT,
        }),*]
    };
}

// The ground that all else stands on: what a test does stays inside.
#[cfg(target_os = "linux")]
mod namespaces;
// What the other side does, without netprof: if one of these fails, a daemon or
// the kernel behaves in another way than the rest assumes.
#[cfg(target_os = "linux")]
mod managed_links;
#[cfg(target_os = "linux")]
mod resolver;
#[cfg(target_os = "linux")]
mod rivals;
#[cfg(target_os = "linux")]
mod tunnels;
// That a test would see a difference.
#[cfg(target_os = "linux")]
mod pictures;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    harness::main(tests![
        // Tree, then name. Host is this machine's own distribution; Newer has a
        // systemd-resolved that reads DNS delegates.
        Host namespaces::links_files_and_processes_are_private,
        Host namespaces::netprof_runs_only_inside,
        Host namespaces::nothing_of_usr_can_be_changed,
        Host namespaces::what_a_peer_does_stays_on_the_peer,
        Host namespaces::a_person_is_not_root,
        Host pictures::the_same_state_makes_the_same_picture,
        Host pictures::each_kind_of_change_shows,
        Host resolver::corp_with_all_names_sees_the_names_of_the_lan,
        Host resolver::scoped_names_go_to_their_server_only,
        Host resolver::addresses_and_names_are_answered_both_ways,
        Host resolver::restart_keeps_what_links_were_told,
        Host resolver::old_resolved_dies_of_a_reload,
        Newer resolver::a_delegate_answers_its_domain,
        Newer resolver::scoped_names_go_to_their_server_only,
        Host rivals::tailscale_takes_a_subnet_that_equals_the_lan,
        Host rivals::tailscale_takes_all_names,
        Host rivals::wg_quick_takes_all_but_the_lan,
        Host rivals::strongswan_takes_the_lan_too,
        Host tunnels::openvpn_carries_the_corporate_network,
        Host tunnels::openvpn_full_tunnel_takes_the_far_subnet,
        Host managed_links::networkd_configures_a_link,
        Host managed_links::networkd_refuses_what_resolved_is_told,
        Host managed_links::networkmanager_configures_a_link,
    ])
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the end-to-end tests need Linux: none was run");
}
