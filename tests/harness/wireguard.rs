//! WireGuard in the kernel: the far side of a `VpnSite`, and wg-quick on this one.

use super::{Lab, VpnSite, until};

const FOLDER: &str = "/root/wireguard";

/// The far side, and the keys of both.
#[derive(Debug)]
pub(crate) struct WireGuard<'lab> {
    lab: &'lab Lab,
    key: String,
    server: String,
}

impl<'lab> WireGuard<'lab> {
    /// Not run without the kernel's WireGuard. The far side has it too, and sends what
    /// comes out of the tunnel on.
    pub(crate) fn serve(lab: &'lab Lab, site: &VpnSite<'_>) -> Self {
        lab.needs_links_of("wireguard", "");
        let pair = || {
            let key = lab.run("wg genkey");
            let public = lab.feed("wg pubkey", &key);
            (key.trim().to_owned(), public.trim().to_owned())
        };
        let (server_key, server) = pair();
        let (key, client) = pair();
        lab.write(format!("{FOLDER}/server.key"), &server_key);
        lab.write(format!("{FOLDER}/client.key"), &key);
        site.server.run_each(&format!(
            "ip link add wgs type wireguard
             wg set wgs listen-port 51820 private-key {FOLDER}/server.key peer {client} allowed-ips 10.7.0.2/32,fd00:7::2/128
             ip addr add 10.7.0.1/24 dev wgs
             ip addr add fd00:7::1/64 dev wgs
             ip link set wgs up"
        ));
        Self { lab, key, server }
    }

    /// Writes wg-quick's file: what goes into the tunnel, and more lines for
    /// `[Interface]`.
    pub(crate) fn write(&self, allowed: &str, more: &str) {
        let Self { key, server, .. } = self;
        let text = format!(
            "[Interface]\nPrivateKey = {key}\nAddress = 10.7.0.2/32, fd00:7::2/128\n{more}\n\
             [Peer]\nPublicKey = {server}\nEndpoint = {}:51820\nAllowedIPs = {allowed}\n",
            VpnSite::SERVER
        );
        self.lab.write("/etc/wireguard/wg0.conf", text);
    }

    pub(crate) fn up(&self) {
        self.lab.run("wg-quick up wg0");
    }

    pub(crate) fn down(&self) {
        self.lab.run("wg-quick down wg0");
        self.until_gone();
    }

    /// Somebody removes the link, and wg-quick hears nothing of it.
    pub(crate) fn delete_link(&self) {
        self.lab.run("ip link del wg0");
        self.until_gone();
    }

    /// What nobody does after that: takes away what is left of wg-quick's.
    pub(crate) fn forget_rules(&self) {
        for family in ["-4", "-6"] {
            self.lab.run_each(&format!(
                "ip {family} rule del table 51820
                 ip {family} rule del table main suppress_prefixlength 0"
            ));
        }
        self.lab.run_each(
            "nft delete table ip wg-quick-wg0
             nft delete table ip6 wg-quick-wg0",
        );
    }

    /// What wg-quick does without: another link, made and routed by hand.
    pub(crate) fn up_by_hand(&self, link: &str, allowed: &str) {
        let server = &self.server;
        self.lab.run_each(&format!(
            "ip link add {link} type wireguard
             wg set {link} private-key {FOLDER}/client.key peer {server} endpoint {}:51820 allowed-ips {allowed}
             ip addr add 10.7.0.2/32 dev {link}
             ip addr add fd00:7::2/128 dev {link}
             ip link set {link} up",
            VpnSite::SERVER
        ));
    }

    fn until_gone(&self) {
        until("wg0 is gone", || !self.lab.succeeds("ip link show wg0"));
    }
}
