//! What other network software claims, without that software.
//!
//! The kernel state that Tailscale, wg-quick and strongSwan leave on a real
//! machine, recorded once and set up here by ip and nft. Programs that answer
//! back (OpenVPN, networkd, NetworkManager) run for real instead.

use std::fs::File;
use std::os::fd::AsRawFd;

use super::{Lab, until};

/// A tun link with a program behind it: without one it has no carrier, and
/// its routes count as down. Gone when this value is.
#[derive(Debug)]
pub(crate) struct Tun {
    _device: File,
}

/// `struct ifreq` of netdevice(7), as far as TUNSETIFF reads it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// IFF_TUN | IFF_NO_PI
const TUN_WITHOUT_HEADER: u16 = 0x1001;

nix::ioctl_write_int!(tunsetiff, b'T', 202);

impl Tun {
    /// The device that links are made with; the test is not run without it.
    pub(crate) fn open_device(lab: &Lab) -> File {
        let device = File::options().read(true).write(true).open("/dev/net/tun");
        device.unwrap_or_else(|error| lab.not_run(&format!("/dev/net/tun: {error}")))
    }

    /// Makes the link, without addresses and down.
    pub(crate) fn new(lab: &Lab, name: &str) -> Self {
        let device = Self::open_device(lab);
        let mut request = InterfaceRequest {
            name: [0; 16],
            flags: TUN_WITHOUT_HEADER,
            rest: [0; 22],
        };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        let address =
            std::ptr::from_mut(&mut request) as usize as nix::sys::ioctl::ioctl_param_type;
        // SAFETY: the kernel reads and writes one ifreq at this address, which
        // is alive and of that size. (TUNSETIFF is declared as taking an int.)
        unsafe { tunsetiff(device.as_raw_fd(), address) }
            .unwrap_or_else(|error| panic!("TUNSETIFF {name}: {error}"));
        Self { _device: device }
    }
}

/// Tailscale: table 52, rules 5210 to 5270 in both families, its nft chains.
#[derive(Debug)]
pub(crate) struct Tailscale {
    _tun: Tun,
}

impl Tailscale {
    pub(crate) fn up(lab: &Lab) -> Self {
        let tun = Tun::new(lab, "tailscale0");
        tailscale_link(lab);
        tailscale_rules(lab);
        // The kernel finishes an IPv6 address in a work queue (addrconf_dad_work).
        until("the address is there", || {
            lab.run("ip -6 route show table local")
                .contains("fd7a:115c:a1e0::1")
        });
        Self { _tun: tun }
    }

    /// A subnet that another node offers: also one that is the LAN's own.
    pub(crate) fn accept_route(&self, lab: &Lab, prefix: &str) {
        lab.run(&format!("ip route add {prefix} dev tailscale0 table 52"));
    }

    /// All traffic through another node.
    pub(crate) fn use_exit_node(&self, lab: &Lab) {
        lab.run("ip route add default dev tailscale0 table 52");
        lab.run("ip -6 route add default dev tailscale0 table 52");
    }

    /// What it tells resolved with MagicDNS and a global name server.
    pub(crate) fn claim_names(&self, lab: &Lab) {
        lab.run("resolvectl dns tailscale0 100.100.100.100");
        lab.run("resolvectl domain tailscale0 tail1234.ts.net ~100.100.in-addr.arpa ~.");
    }
}

const TAILSCALE_FILTER: &str = r#"
table ip filter {
  chain ts-input {
    ip saddr 100.101.102.103 iifname "lo" accept
    ip saddr 100.115.92.0/23 iifname != "tailscale0" return
    ip saddr 100.64.0.0/10 iifname != "tailscale0" drop
    iifname "tailscale0" accept
  }
  chain INPUT { type filter hook input priority filter; policy accept; counter jump ts-input; }
}
"#;

/// What tailscaled says of its link: addresses, and table 52 with the other nodes.
pub(super) fn tailscale_link(lab: &Lab) {
    lab.run_each(
        "ip link set tailscale0 mtu 1280 up
         ip addr add 100.101.102.103/32 dev tailscale0
         ip -6 addr add fd7a:115c:a1e0::1/128 dev tailscale0
         ip route add 100.64.0.0/10 dev tailscale0 table 52
         ip route add 100.100.100.100 dev tailscale0 table 52
         ip -6 route add fd7a:115c:a1e0::/48 dev tailscale0 table 52",
    );
}

const TAILSCALE_RULES: [&str; 4] = [
    "pref 5210 fwmark 0x80000/0xff0000 lookup main",
    "pref 5230 fwmark 0x80000/0xff0000 lookup default",
    "pref 5250 fwmark 0x80000/0xff0000 unreachable",
    "pref 5270 lookup 52",
];

/// Its rules and its chains, which outlive its link.
pub(super) fn tailscale_rules(lab: &Lab) {
    for family in ["-4", "-6"] {
        for rule in TAILSCALE_RULES {
            lab.run(&format!("ip {family} rule add {rule}"));
        }
    }
    lab.feed("nft -f -", TAILSCALE_FILTER);
}

/// What `tailscaled --cleanup` does, which its service runs at its end.
pub(super) fn tailscale_cleanup(lab: &Lab) {
    for family in ["-4", "-6"] {
        for rule in TAILSCALE_RULES {
            lab.run(&format!("ip {family} rule del {rule}"));
        }
    }
    lab.run("nft delete table ip filter");
}

/// wg-quick with `AllowedIPs = 0.0.0.0/0, ::/0`: what is not marked as its own
/// goes to table 51820, unless main has something better than a default route.
#[derive(Debug)]
pub(crate) struct WgQuick {
    _tun: Tun,
}

impl WgQuick {
    pub(crate) fn up(lab: &Lab) -> Self {
        let tun = Tun::new(lab, "wg0");
        lab.run_each(
            "ip -4 addr add 10.7.0.2/32 dev wg0
             ip -6 addr add fd00:7::2/128 dev wg0
             ip link set wg0 mtu 1420 up
             sysctl -qw net.ipv4.conf.all.src_valid_mark=1",
        );
        for family in ["-4", "-6"] {
            for line in [
                "route add default dev wg0 table 51820",
                "rule add not fwmark 51820 table 51820 pref 32765",
                "rule add table main suppress_prefixlength 0 pref 32764",
            ] {
                lab.run(&format!("ip {family} {line}"));
            }
        }
        Self { _tun: tun }
    }
}

/// strongSwan with a virtual address: rule 220, which outlives the connection,
/// and everything through table 220.
#[derive(Debug)]
pub(crate) struct StrongSwan {
    _tun: Tun,
}

impl StrongSwan {
    pub(crate) fn up(lab: &Lab) -> Self {
        let tun = Tun::new(lab, "ipsec0");
        lab.run_each(
            "ip addr add 10.6.0.1/32 dev ipsec0
             ip link set ipsec0 mtu 1400 up
             ip route add default dev ipsec0 table 220 proto static src 10.6.0.1
             ip rule add pref 220 not fwmark 0x42 lookup 220",
        );
        Self { _tun: tun }
    }
}
