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
            limit: harness::Tree::$tree.time_limit(),
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
// Beside what people really run.
#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod walks;
// What netprof is for.
#[cfg(target_os = "linux")]
mod containers_vpn;
#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod engines;
#[cfg(target_os = "linux")]
mod examples;
#[cfg(target_os = "linux")]
mod input;
#[cfg(target_os = "linux")]
mod interruptions;
#[cfg(target_os = "linux")]
mod kill_switch;
#[cfg(target_os = "linux")]
mod lan;
#[cfg(target_os = "linux")]
mod managed;
#[cfg(target_os = "linux")]
mod owners;
#[cfg(target_os = "linux")]
mod packet_size;
#[cfg(target_os = "linux")]
mod pools;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod put_back;
#[cfg(target_os = "linux")]
mod resolver_faults;
#[cfg(target_os = "linux")]
mod routes;
#[cfg(target_os = "linux")]
mod scopes;
#[cfg(target_os = "linux")]
mod several;
#[cfg(target_os = "linux")]
mod state_folder;
#[cfg(target_os = "linux")]
mod transactions;
#[cfg(target_os = "linux")]
mod undo;
#[cfg(target_os = "linux")]
mod vpn;
// What most kernels lack that tests run on.
#[cfg(target_os = "linux")]
mod kernel;
// That a test would see a difference.
#[cfg(target_os = "linux")]
mod pictures;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    harness::main(tests![
        // Tree, then name. Host is this machine's own distribution; Newer has a
        // systemd-resolved that reads DNS delegates; Vm runs in the machine that
        // tests/vm starts, and elsewhere where the kernel can do it.
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
        Host tunnels::wg_quick_claims_what_its_stand_in_claims,
        Host managed_links::networkd_configures_a_link,
        Host managed_links::networkd_refuses_what_resolved_is_told,
        Host managed_links::networkmanager_configures_a_link,
        Host scopes::a_scope_takes_its_names_from_a_link_that_took_all,
        Host scopes::a_third_link_and_a_global_server_see_nothing,
        Host scopes::a_link_that_only_searches_does_not_take_the_rest,
        Host scopes::an_old_resolved_has_no_place_for_a_scope_without_a_link,
        Host lan::the_lan_is_kept_against_routes_inside_it,
        Host lan::the_lan_is_kept_against_an_equal_prefix_with_a_better_metric,
        Host lan::a_network_behind_the_lan_is_kept_against_a_better_default_route,
        Host lan::the_lan_is_kept_against_wg_quick,
        Host lan::the_lan_is_kept_against_strongswan,
        Host lan::the_lan_is_kept_against_a_tailscale_subnet,
        Host lan::the_lan_is_kept_against_a_tailscale_exit_node,
        Host lan::after_a_roam_a_rule_captures_nothing,
        Host lan::after_a_roam_the_next_apply_takes_a_copy_away,
        Host lan::a_public_lan_is_refused_unless_allowed,
        Host lan::after_a_roam_nothing_is_left_behind_an_ipv6_router,
        Host lan::two_links_in_one_lan_are_kept_as_one,
        Host kill_switch::a_vpn_that_shares_no_lan_is_refused_and_named,
        Host kill_switch::answers_that_are_dropped_cut_the_lan_off_as_well,
        Host kill_switch::the_kill_switch_of_wg_quicks_manual_is_refused,
        Host kill_switch::a_firewall_that_cannot_be_told_is_only_warned_of,
        Host kill_switch::ports_that_are_shut_are_nothing_to_say,
        Host kill_switch::a_switch_that_forgets_neighbour_discovery_cuts_ipv6_off,
        Host kill_switch::status_tells_of_a_kill_switch_that_came_later,
        Host owners::owners_are_told_by_what_programs_leave,
        Host owners::a_bridge_by_hand_is_not_dockers,
        Host owners::a_bridge_that_dockers_chains_name_is_dockers,
        Host owners::a_plan_says_how_owners_were_found,
        Host transactions::a_refused_change_takes_back_all_sixty,
        Host transactions::a_plan_file_made_stale_by_somebody_elses_route_is_refused,
        Host transactions::a_plan_is_not_empty_once_any_committed_thing_is_gone,
        Host transactions::localhost_is_mended,
        Host transactions::a_switch_of_profiles_is_one_transaction,
        Host transactions::a_foreign_edit_survives_a_release,
        Host transactions::what_goes_with_its_link_is_neither_drift_nor_work,
        Host transactions::apply_without_rights_says_what_it_needs,
        Host transactions::a_printed_command_works_wherever_the_profile_was_found,
        Host put_back::an_ordinary_route_is_put_back,
        Host put_back::a_route_with_metrics_and_onlink_is_put_back,
        Host put_back::a_route_over_several_ways_is_put_back_or_refused,
        Host put_back::a_route_by_a_nexthop_object_is_put_back,
        Host put_back::what_would_come_back_as_something_else_is_refused,
        Host put_back::a_route_for_some_sources_only_is_put_back,
        Host routes::a_taken_destination_is_refused_without_replace,
        Host routes::sources_metrics_and_unreachable_hold_and_come_off,
        Host routes::routes_that_packets_would_not_take_go_where_they_do,
        Host routes::a_gateway_is_where_its_network_is,
        Host routes::a_gateway_may_be_reached_by_a_declared_route,
        Host routes::longer_prefixes_of_main_win_beside_netprofs_table,
        Host examples::an_applied_example_holds_and_comes_off,
        Host examples::an_example_shows_when_any_one_thing_of_it_goes,
        Host desktop::a_desktop_is_told_and_everything_goes_back,
        Host desktop::what_is_read_is_what_dconf_says,
        Host desktop::a_setting_that_the_person_changes_stays,
        Host desktop::without_a_session_nobody_is_told,
        Host desktop::a_bus_that_is_dead_takes_all_of_it_back,
        Host desktop::a_service_that_hangs_is_not_waited_for,
        Host desktop::a_key_that_an_administrator_has_locked_is_refused,
        Host desktop::a_service_that_keeps_another_database_is_not_told,
        Host desktop::kdes_file_is_put_back_byte_for_byte,
        Host desktop::a_kill_is_recovered_from,
        Host input::a_broken_profile_changes_nothing,
        Host input::what_is_no_file_is_refused_and_not_waited_for,
        Host input::a_plan_file_that_is_none_is_refused,
        Host input::a_link_that_goes_between_plan_and_apply_is_missed,
        Host input::a_route_that_the_kernel_refuses_is_named,
        Host input::a_wrong_command_line_changes_nothing,
        Host proxy::a_shell_has_the_variables_and_drops_them,
        Host proxy::the_shell_is_the_one_that_is_logged_in_to,
        Host proxy::any_value_comes_out_of_a_shell_as_it_went_in,
        Host proxy::curl_goes_through_the_proxy_and_past_it,
        Host proxy::a_service_manager_is_told_and_forgets,
        Host proxy::a_service_manager_forgets_what_it_has_read,
        Host proxy::the_docker_client_is_told_and_nothing_else_of_its_file_changes,
        Host proxy::it_is_the_caller_of_sudo_who_is_told,
        Host proxy::what_no_system_has_is_refused_and_nothing_is_dropped_in_silence,
        Host proxy::what_is_kept_and_not_left_out_is_warned_of,
        Host proxy::a_password_shows_nowhere,
        Host proxy::a_password_that_a_manager_has_shows_nowhere,
        Host state_folder::a_state_folder_that_cannot_be_trusted_is_refused,
        Host state_folder::a_damaged_held_json_is_derived_anew_or_refused,
        Host vpn::openvpn_keeps_the_tunnel_and_the_lan_its_own,
        Host vpn::what_openvpn_sets_anew_is_mended_by_the_next_apply,
        Host walks::openvpn_whose_script_takes_all_names,
        Newer walks::openvpn_that_takes_all_names_by_itself,
        Host walks::openconnect_with_a_full_tunnel,
        Host walks::openconnect_with_a_split_tunnel,
        Host clients::openconnect_that_deletes_a_route_of_the_persons,
        Host walks::wg_quick_with_all_traffic,
        Host clients::wg_quick_that_comes_before_what_keeps_the_lan,
        Host walks::strongswan_with_all_traffic,
        Host walks::tailscale_with_the_lans_subnet_and_an_exit_node,
        Host clients::tailscale_that_takes_over_resolv_conf,
        Host walks::networkmanager,
        Newer walks::networkmanager_that_is_current,
        Host walks::networkd,
        Newer walks::networkd_that_is_current,
        Engines walks::docker,
        Engines walks::podman,
        Host managed::a_link_of_networkd_is_told_through_networkd,
        Host managed::a_link_of_networkmanager_lasts_until_its_next_update,
        Newer managed::a_link_of_networkd_is_told_through_networkd,
        Newer managed::a_link_of_networkmanager_lasts_until_its_next_update,
        Host managed::networkmanagers_reapply_leaves_what_is_netprofs,
        Newer managed::networkmanagers_reapply_leaves_what_is_netprofs,
        Host managed::a_connection_that_networkmanager_brings_up_anew_is_mended,
        Newer managed::a_connection_that_networkmanager_brings_up_anew_is_mended,
        Host managed::what_networkd_deletes_is_foretold_named_and_mended,
        Newer managed::what_networkd_deletes_is_foretold_named_and_mended,
        Host managed::what_goes_when_networkd_ends_is_mended,
        Newer managed::what_goes_when_networkd_ends_is_mended,
        Host managed::a_release_waits_for_a_networkd_that_was_killed,
        Newer managed::a_release_waits_for_a_networkd_that_was_killed,
        Host managed::a_networkd_that_leaves_foreign_things_deletes_nothing,
        Newer managed::a_networkd_that_leaves_foreign_things_deletes_nothing,
        Host several::alpha_beta_mesh_come,
        Host several::alpha_mesh_beta_come,
        Host several::beta_alpha_mesh_come,
        Host several::beta_mesh_alpha_come,
        Host several::mesh_alpha_beta_come,
        Host several::mesh_beta_alpha_come,
        Host several::alpha_wg_quick_mesh_come,
        Host several::alpha_mesh_wg_quick_come,
        Host several::wg_quick_alpha_mesh_come,
        Host several::wg_quick_mesh_alpha_come,
        Host several::mesh_alpha_wg_quick_come,
        Host several::mesh_wg_quick_alpha_come,
        Host several::both_servers_have_one_address,
        Host several::one_of_them_is_killed,
        Host several::they_come_again_in_another_order,
        Host several::a_release_gives_all_three_what_they_claimed,
        Host several::a_release_gives_wg_quick_what_it_claimed_too,
        Engines engines::docker_keeps_what_is_its_own,
        Engines engines::a_route_into_dockers_network_names_both,
        Engines engines::podman_keeps_what_is_its_own,
        Engines containers_vpn::dockers_networks_are_kept_from_what_openvpn_pushes,
        Engines containers_vpn::podmans_network_is_kept_from_what_openvpn_pushes,
        Engines containers_vpn::a_bridge_that_appears_in_a_pool_is_reached_at_once,
        Engines containers_vpn::a_bridge_without_containers_is_kept_too,
        Engines pools::docker_cuts_its_networks_where_the_profile_says,
        Engines pools::what_was_not_there_is_gone_again_unless_somebody_else_uses_it,
        Engines pools::what_docker_would_choke_on_is_refused_and_nothing_is_changed,
        Engines pools::podman_cuts_its_networks_where_the_profile_says,
        Engines pools::a_person_is_told_in_their_own_files_and_with_their_own_rights,
        Engines pools::a_kill_leaves_files_as_they_were_or_as_they_are_to_be,
        Host resolver_faults::without_a_bus_there_is_no_resolver,
        Host resolver_faults::a_resolver_that_is_gone_is_refused,
        Host resolver_faults::a_resolver_that_hangs_is_refused_in_time,
        Host resolver_faults::a_resolver_of_another_namespace_is_not_this_machines,
        Host resolver_faults::a_user_namespace_hides_no_resolver,
        Host resolver_faults::scopes_that_no_program_would_reach_are_refused,
        Host interruptions::a_wish_to_stop_takes_all_of_it_back,
        Host interruptions::a_kill_is_recovered_from,
        Host packet_size::a_smaller_link_leads_through_a_black_hole,
        Host packet_size::clamping_helps_what_is_forwarded_into_a_smaller_link,
        Host packet_size::clamping_helps_own_packets_that_are_led_elsewhere,
        Host packet_size::a_link_that_comes_again_is_clamped_at_once,
        Host packet_size::what_somebody_puts_into_the_table_is_named_and_stays,
        Host packet_size::a_table_of_that_name_is_refused,
        Host packet_size::a_table_that_was_flushed_is_missed_and_made_anew,
        Host packet_size::a_size_that_would_take_more_with_it_is_refused,
        Host packet_size::networkmanager_sets_the_size_of_its_link_anew,
        Newer packet_size::networkmanager_sets_the_size_of_its_link_anew,
        Host packet_size::networkd_sets_the_size_of_its_link_anew,
        Newer packet_size::networkd_sets_the_size_of_its_link_anew,
        Host packet_size::without_root_a_plan_says_what_it_could_not_see,
        Host undo::what_resolved_takes_half_of_is_taken_back,
        Host undo::a_resolver_that_is_restarted_meanwhile_ends_as_it_was,
        Host undo::a_resolver_that_is_gone_for_long_is_undone_by_the_next_command,
        Host undo::a_rule_of_somebody_elses_is_not_removed_in_place_of_ours,
        Host undo::what_was_put_back_outlives_a_restart_of_resolved,
        Newer undo::what_was_put_back_outlives_a_restart_of_resolved,
        Newer undo::what_resolved_takes_half_of_is_taken_back,
        Newer undo::a_delegate_that_resolved_takes_half_of_is_taken_back,
        Newer undo::a_kill_leaves_no_file_of_a_delegate,
        Newer undo::a_delegate_is_undone_though_the_resolver_went_away,
        Newer scopes::a_scope_takes_its_names_from_a_link_that_took_all,
        Newer scopes::a_scope_without_a_link_is_a_delegate,
        Vm walks::wg_quick_over_the_kernels_wireguard,
        Vm walks::strongswan_with_policies_in_the_kernel,
        Vm kernel::wg_quick_over_the_kernels_wireguard_leaves_the_lan,
        Vm kernel::rules_that_come_before_netprofs_own_are_gone_before,
        Vm kernel::a_link_that_wg_quick_lost_is_no_obstacle,
        Vm kernel::wireguard_without_wg_quick_has_its_scope_and_routes,
        Vm kernel::strongswan_with_an_address_of_its_own_leaves_the_lan,
        Vm kernel::a_policy_that_takes_the_lan_is_refused,
        Vm kernel::policies_of_an_xfrm_link_take_what_is_routed_into_it,
        Vm kernel::a_link_in_a_vrf_is_not_in_a_network_of_main,
        Vm kernel::dummy_links_are_matched_by_their_kind,
    ])
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the end-to-end tests need Linux: none was run");
}
