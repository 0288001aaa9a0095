//! Who a program, a bundle or a service of the dynamic store belongs to.
//!
//! The names are those that the programs give themselves; what no table has is not
//! guessed. A table is data: the first row whose beginning fits decides.

use netprof_model::Owner;

type Table = &'static [(&'static str, Owner)];

/// Programs that hold tunnels, by the first 16 bytes of their names: the kernel keeps no
/// more (`MAXCOMLEN` in bsd/sys/param.h).
const PROGRAMS: Table = &[
    ("openvpn", Owner::Openvpn),
    ("acvc-openvpn", Owner::AwsVpn),
    ("openconnect", Owner::Openconnect),
    ("vpnc", Owner::Openconnect),
    ("tailscaled", Owner::Tailscale),
    ("IPNExtension", Owner::Tailscale),
    ("io.tailscale.ipn", Owner::Tailscale),
    ("WireGuardNetwork", Owner::Wireguard),
    ("wireguard-go", Owner::WgQuick),
    ("boringtun", Owner::WgQuick),
    ("charon", Owner::Strongswan),
    ("vpnagentd", Owner::Anyconnect),
    ("PanGPS", Owner::Globalprotect),
    ("ZscalerTunnel", Owner::Zscaler),
    ("warp-svc", Owner::Warp),
    ("CloudflareWARP", Owner::Warp),
    ("mullvad-daemon", Owner::Mullvad),
    ("pppd", Owner::Pppd),
    // AirDrop and Handoff, iCloud, a phone or watch beside the Mac, Private Relay.
    ("rapportd", Owner::Apple),
    ("identityservices", Owner::Apple),
    ("sharingd", Owner::Apple),
    ("remotepairingdev", Owner::Apple),
    ("networkservicepr", Owner::Apple),
    // Who sets up a tunnel for an app, and may hold it beside the app's own process.
    ("nesessionmanager", Owner::NetworkExtension),
    ("neagent", Owner::NetworkExtension),
];

/// Bundles of apps with a VPN, as the type of a network service has them, and what
/// programs call the services that they make up in the dynamic store.
const BUNDLES: Table = &[
    ("io.tailscale.", Owner::Tailscale),
    ("com.wireguard.", Owner::Wireguard),
    ("com.cisco.anyconnect", Owner::Anyconnect),
    ("com.cisco.secureclient", Owner::Anyconnect),
    ("com.paloaltonetworks.", Owner::Globalprotect),
    ("gpd.pan", Owner::Globalprotect),
    ("com.zscaler.", Owner::Zscaler),
    ("com.cloudflare.", Owner::Warp),
    ("net.mullvad.", Owner::Mullvad),
    ("net.openvpn.", Owner::Openvpn),
    ("openvpn-", Owner::Openvpn),
];

fn find(table: Table, name: &str) -> Owner {
    table
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or(Owner::Unknown, |(_, owner)| *owner)
}

/// The owner that a program's name stands for.
#[must_use]
pub fn by_program(name: &str) -> Owner {
    find(PROGRAMS, name)
}

/// The owner that the name of a bundle, or the identifier of a service, stands for.
#[must_use]
pub fn by_bundle(name: &str) -> Owner {
    find(BUNDLES, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_as_short_as_the_kernel_keeps_it() {
        for (name, _) in PROGRAMS {
            assert!(name.len() <= 16, "{name}");
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for table in [PROGRAMS, BUNDLES] {
            for (at, (name, owner)) in table.iter().enumerate() {
                assert_eq!(find(table, name), *owner, "row {at}: {name}");
            }
        }
    }

    #[test]
    fn programs_and_bundles_are_known_by_the_beginning_of_their_names() {
        assert_eq!(by_program("identityservices"), Owner::Apple);
        assert_eq!(by_program("openvpn-osx"), Owner::Openvpn);
        assert_eq!(by_program("bash"), Owner::Unknown);
        assert_eq!(by_program(""), Owner::Unknown);
        assert_eq!(by_bundle("io.tailscale.ipn.macsys"), Owner::Tailscale);
        assert_eq!(by_bundle("com.cisco.anyconnect"), Owner::Anyconnect);
        assert_eq!(
            by_bundle("0F70B221-EEF7-4ACC-96D8-ECBA3A15F132"),
            Owner::Unknown
        );
    }
}
