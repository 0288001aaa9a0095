//! wg-quick over WireGuard in user space or in the kernel: all of both families by two
//! rules and a table, all names through the resolvconf(8) of systemd.

use super::super::lab::Lab;
use super::super::picture::Picture;
use super::super::topology::VpnSite;
use super::super::wg_quick::{Runs, Settings, Tunnel};
use super::{Client, Way, kernel, until_corp_answers, until_names_are_taken, version_of};

/// wg-quick with `AllowedIPs = 0.0.0.0/0, ::/0` and a `DNS` line.
#[derive(Debug)]
pub(crate) struct WgQuick<'lab> {
    lab: &'lab Lab,
    tunnel: Tunnel<'lab>,
}

const ALL: &str = "0.0.0.0/0, ::/0";

impl<'lab> WgQuick<'lab> {
    pub(crate) fn new(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        Self::make(lab, site, Runs::InUserSpace, ALL)
    }

    /// Over the kernel's WireGuard; not run without it.
    pub(crate) fn in_kernel(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        Self::make(lab, site, Runs::InKernel, ALL)
    }

    /// With other `AllowedIPs`; what is more than all traffic gets routes in main.
    pub(crate) fn allowing(lab: &'lab Lab, site: &VpnSite<'_>, allowed: &str) -> Self {
        Self::make(lab, site, Runs::InUserSpace, allowed)
    }

    fn make(lab: &'lab Lab, site: &VpnSite<'_>, runs: Runs, allowed: &str) -> Self {
        let settings = Settings {
            runs,
            number: 7,
            endpoint: VpnSite::SERVER,
            allowed,
            names: "10.99.0.1, corp.example",
        };
        let tunnel = Tunnel::new(lab, &site.server, settings);
        Self { lab, tunnel }
    }
}

impl Client for WgQuick<'_> {
    fn way(&self) -> Way {
        Way::tunnel("wg0", "10.7.0.0/24")
    }

    fn version(&self) -> String {
        let tools = version_of(self.lab, "wg --version");
        let under_it = match self.tunnel.runs {
            Runs::InUserSpace => {
                let version = version_of(self.lab, "wireguard-go --version");
                format!("wireguard-go {version}")
            }
            Runs::InKernel => kernel(self.lab),
        };
        format!("wireguard-tools {tools}, {under_it}")
    }

    fn owner(&self) -> &'static str {
        "wg-quick"
    }

    /// It leaves the priorities of its rules to the kernel, which takes the next free one before the first rule
    /// that there is (`fib_default_rule_pref` in net/core/fib_rules.c).
    fn blur(&self, picture: Picture) -> Picture {
        picture.with_rules_in_order_only()
    }

    fn connect(&mut self) {
        self.tunnel.up();
        until_names_are_taken(self.lab, self.link());
        until_corp_answers(self.lab);
    }

    /// It has no command for that: its service is restarted.
    fn reconnect(&mut self) {
        self.disconnect();
        self.connect();
    }

    fn disconnect(&mut self) {
        self.tunnel.down();
    }

    fn kill(&mut self) {
        self.tunnel.kill();
    }

    fn clear_up(&mut self) {
        self.tunnel.forget();
        self.tunnel.reset_settings();
    }
}
