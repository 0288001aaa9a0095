//! Who made a chain of the firewall.
//!
//! nft notes no author either. But who makes a table for itself gives it its own name, and
//! who shares one with others (iptables-nft has one `filter` for all) names chains or
//! comments rules:
//!
//! | name | whose, and where it is written |
//! |--|--|
//! | `mullvad` | mullvadvpn-app, talpid-core/src/firewall/linux.rs |
//! | `cloudflare-warp` | closed source; as many users show it |
//! | `wg-quick-LINK`, comment `wg-quick(8) rule for LINK` | wireguard-tools, src/wg-quick/linux.bash |
//! | `ts-input`, `ts-forward`, `ts-postrouting` | tailscale, util/linuxfw/nftables_runner.go |
//! | `DOCKER`, `DOCKER-FORWARD`, `-BRIDGE`, `-CT`, `-ISOLATION-STAGE-1`, `-2`, `-INGRESS`, `-USER` | moby, libnetwork/drivers/bridge/internal/iptabler/iptabler.go |
//! | `docker-bridges` | moby, libnetwork/drivers/bridge/internal/nftabler/nftabler.go |
//! | `netavark` | netavark, src/firewall/nft.rs |
//! | `NETAVARK-*`, `NETAVARK_*` | netavark, src/firewall/varktables/types.rs |
//! | `libvirt_network` | libvirt, src/network/network_nftables.c |
//! | `LIBVIRT_INP`, `_OUT`, `_FWO`, `_FWI`, `_FWX`, `_PRT` | libvirt, src/network/network_iptables.c |
//! | `lxd`, `incus` | lxd and incus, firewall/drivers/drivers_nftables.go (`nftablesNamespace`) |
//! | `lxc` | lxc, config/init/common/lxc-net.in |
//! | `firewalld`, `firewalld_policy_drop` | firewalld, src/firewall/core/nftables.py |
//! | `ufw-*`, `ufw6-*` | ufw, its before.rules and before6.rules |
//!
//! `CNI-*` is not here: CNI's plugins make such chains for whoever calls them (Podman before
//! 5, nerdctl, Kubernetes).

use netprof_model::Owner;
use netprof_model::evidence::{ClueKind, Trail};

/// Who makes tables of that name, or chains of that name in a table that all share, or
/// writes such a comment.
pub fn of_chain(
    table: &str,
    chain: &str,
    comment: Option<&str>,
    trail: &mut impl Trail,
) -> Option<Owner> {
    if let Some(owner) = by_table(table) {
        trail.clue(
            ClueKind::Chain,
            format_args!("the nft table is called {table}"),
        );
        return Some(owner);
    }
    if let Some(owner) = by_chain(chain) {
        trail.clue(ClueKind::Chain, format_args!("the chain is called {chain}"));
        return Some(owner);
    }
    let comment = comment?;
    if let Some(link) = comment.strip_prefix("wg-quick(8) rule for ") {
        trail.clue(
            ClueKind::Comment,
            format_args!("a rule says that it is wg-quick's for {link}"),
        );
        return Some(Owner::WgQuick);
    }
    None
}

fn by_table(table: &str) -> Option<Owner> {
    Some(match table {
        "netprof" => Owner::Netprof,
        "mullvad" => Owner::Mullvad,
        "cloudflare-warp" => Owner::Warp,
        "netavark" => Owner::Podman,
        "libvirt_network" => Owner::Libvirt,
        "lxd" | "lxc" | "incus" => Owner::Lxd,
        "firewalld" | "firewalld_policy_drop" => Owner::Firewalld,
        "docker-bridges" => Owner::Docker,
        _ if table.starts_with("wg-quick-") => Owner::WgQuick,
        _ => return None,
    })
}

fn by_chain(chain: &str) -> Option<Owner> {
    Some(match chain {
        "DOCKER"
        | "DOCKER-FORWARD"
        | "DOCKER-BRIDGE"
        | "DOCKER-CT"
        | "DOCKER-ISOLATION-STAGE-1"
        | "DOCKER-ISOLATION-STAGE-2"
        | "DOCKER-INGRESS"
        | "DOCKER-USER" => Owner::Docker,
        "ts-input" | "ts-forward" | "ts-postrouting" => Owner::Tailscale,
        "LIBVIRT_INP" | "LIBVIRT_OUT" | "LIBVIRT_FWO" | "LIBVIRT_FWI" | "LIBVIRT_FWX"
        | "LIBVIRT_PRT" => Owner::Libvirt,
        _ if chain.starts_with("NETAVARK-") || chain.starts_with("NETAVARK_") => Owner::Podman,
        _ if chain.starts_with("ufw-") || chain.starts_with("ufw6-") => Owner::Ufw,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_known_by_their_table_their_name_or_a_comment() {
        for (table, chain, comment, owner) in [
            ("netprof", "out", None, Some(Owner::Netprof)),
            ("mullvad", "output", None, Some(Owner::Mullvad)),
            ("cloudflare-warp", "output", None, Some(Owner::Warp)),
            ("docker-bridges", "forward", None, Some(Owner::Docker)),
            ("wg-quick-wg0", "preraw", None, Some(Owner::WgQuick)),
            ("filter", "ts-input", None, Some(Owner::Tailscale)),
            ("filter", "DOCKER-USER", None, Some(Owner::Docker)),
            ("netavark", "INPUT", None, Some(Owner::Podman)),
            ("libvirt_network", "forward", None, Some(Owner::Libvirt)),
            ("filter", "LIBVIRT_INP", None, Some(Owner::Libvirt)),
            ("filter", "NETAVARK_FORWARD", None, Some(Owner::Podman)),
            ("nat", "NETAVARK-HOSTPORT-DNAT", None, Some(Owner::Podman)),
            ("filter", "ufw6-before-input", None, Some(Owner::Ufw)),
            (
                "firewalld_policy_drop",
                "filter_input",
                None,
                Some(Owner::Firewalld),
            ),
            (
                "raw",
                "PREROUTING",
                Some("wg-quick(8) rule for wg0"),
                Some(Owner::WgQuick),
            ),
            ("filter", "INPUT", None, None),
        ] {
            assert_eq!(
                of_chain(table, chain, comment, &mut ()),
                owner,
                "{table} {chain}"
            );
        }
    }

    #[test]
    fn names_that_only_look_alike_tell_nothing() {
        for (table, chain, comment) in [
            ("mullvad-split", "output", None),
            ("filter", "DOCKERISH", None),
            ("filter", "DOCKER-USER-ALLOWED", None),
            ("filter", "NETAVARKISH", None),
            ("filter", "LIBVIRT_MINE", None),
            ("filter", "CNI-FORWARD", None),
            ("filter", "ts-mine", None),
            ("my-netprof", "out", None),
            ("filter", "OUTPUT", Some("block all but wg-quick(8)")),
        ] {
            assert_eq!(
                of_chain(table, chain, comment, &mut ()),
                None,
                "{table} {chain}"
            );
        }
    }
}
