//! Which service sets up a link by its own configuration, and so rewrites its DNS.
//!
//! networkd counts as the manager of a link exactly where resolved thinks so and
//! refuses to be told anything else (`LinkBusy`): in every state but `pending`,
//! `initialized` and `unmanaged` (`link_is_managed` in resolved-link.c).
//!
//! Where networkd does not answer, what counts is the file that resolved itself goes by
//! (`sd_network_link_get_setup_state`): it stays when networkd is killed, and the link
//! stays busy with it.
//!
//! NetworkManager counts where it has taken a device and can activate something on it
//! (`NMDeviceState`, from `disconnected`). A device that something else has set up and
//! NetworkManager only shows ('connected (externally)', the usual state of a tun device)
//! is not written by it, and does not count.

/// `NM_DEVICE_STATE_DISCONNECTED`.
const NM_DISCONNECTED: u32 = 30;
/// `NM_ACTIVATION_STATE_FLAG_EXTERNAL`.
const NM_EXTERNAL: u32 = 0x80;

/// Whether resolved takes the settings of a link from networkd alone, from networkd's
/// `AdministrativeState` of the link.
#[must_use]
pub fn is_networkds(administrative_state: &str) -> bool {
    !matches!(
        administrative_state,
        "" | "pending" | "initialized" | "unmanaged"
    )
}

/// The administrative state in networkd's file about a link.
#[must_use]
pub fn saved_state(text: &str) -> &str {
    text.lines()
        .find_map(|line| line.strip_prefix("ADMIN_STATE="))
        .unwrap_or_default()
}

/// Whether NetworkManager writes a device: its `Managed` and `State`, and the
/// `StateFlags` of its active connection, where it has one.
#[must_use]
pub fn is_network_managers(managed: bool, state: u32, connection: Option<u32>) -> bool {
    managed && state >= NM_DISCONNECTED && connection.is_none_or(|flags| flags & NM_EXTERNAL == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networkd_manages_what_resolved_calls_busy() {
        for state in ["configuring", "configured", "failed", "linger"] {
            assert!(is_networkds(state), "{state}");
        }
        assert_eq!(
            saved_state("# private\nADMIN_STATE=configured\nOPER_STATE=up\n"),
            "configured"
        );
        assert_eq!(saved_state(""), "");
        for state in ["", "pending", "initialized", "unmanaged"] {
            assert!(!is_networkds(state), "{state}");
        }
    }

    #[test]
    fn network_manager_does_not_write_what_it_only_shows() {
        assert!(is_network_managers(true, 100, Some(0)));
        assert!(is_network_managers(true, 30, None));
        assert!(!is_network_managers(true, 100, Some(0x8c)));
        assert!(!is_network_managers(false, 10, None));
        assert!(!is_network_managers(true, 20, None));
    }
}
