//! What to say of a network whose packets a firewall drops, and what would help.

use netprof_model::firewall::BaseChain;
use netprof_model::{Diagnostic, Owner};

use super::{Culprit, Judgement, Lan, judge};

/// What `chains` do to the packets of `lan`, if that is worth saying: an error where every
/// packet is certainly dropped, a warning where some pass or where it cannot be told.
#[must_use]
pub fn said(chains: &[BaseChain], lan: &Lan<'_>) -> Option<Diagnostic> {
    let prefix = lan.prefix;
    Some(match judge(chains, lan) {
        Judgement::Passes => return None,
        Judgement::Dropped(by) => Diagnostic::error(
            "plan::firewall-drops",
            format!("{} {by}{}", lost(&by, lan, "would be dropped by"), of(&by)),
        )
        .help(help(&by, lan)),
        Judgement::MostlyDropped(by) => Diagnostic::warning(
            "plan::firewall-drops",
            format!(
                "{} {by}{}: only what other rules name would pass",
                lost(&by, lan, "would mostly be dropped by"),
                of(&by)
            ),
        )
        .help(help(&by, lan)),
        Judgement::Unclear(at, what) => Diagnostic::warning(
            "plan::firewall-unclear",
            format!(
                "whether {prefix} stays reachable cannot be told: {at}{} depends on {what}",
                of(&at)
            ),
        )
        .help(format!(
            "if it is cut off, allow {prefix} there; see the rules: nft -a list table {} {}",
            at.base.family, at.base.table
        )),
    })
}

/// What is lost, without who takes it.
fn lost(by: &Culprit<'_>, lan: &Lan<'_>, how: &str) -> String {
    let way = match by.base.hook.as_str() {
        "input" | "prerouting" => "answers from",
        _ => "packets to",
    };
    format!("{way} {} {how}", lan.prefix)
}

fn of(by: &Culprit<'_>) -> String {
    match by.owner() {
        Owner::Unknown => String::new(),
        owner => format!(" of {owner}"),
    }
}

/// What would let the network through. A client's own switch outlives its next connection;
/// a rule that is put before the one that drops may not.
///
/// The switches: `mullvad lan` (mullvadvpn-app, mullvad-cli), `--exit-node-allow-lan-access`
/// (tailscale, cmd/tailscale/cli/set.go), ufw(8), firewall-cmd(1), WARP's split tunnels (as
/// Cloudflare's documentation calls them).
fn help(by: &Culprit<'_>, lan: &Lan<'_>) -> String {
    let prefix = lan.prefix;
    let away = matches!(by.base.hook.as_str(), "input" | "prerouting");
    match by.owner() {
        Owner::Mullvad => "let it share the local network: mullvad lan set allow".to_owned(),
        Owner::Warp => format!("exclude {prefix} from the tunnel in WARP's split tunnels"),
        Owner::Tailscale => {
            "let an exit node leave the LAN alone: tailscale set --exit-node-allow-lan-access"
                .to_owned()
        }
        Owner::Ufw if away => format!("allow it: ufw allow from {prefix}"),
        Owner::Ufw => format!("allow it: ufw allow out to {prefix}"),
        Owner::Firewalld => format!(
            "put {prefix} into a zone that accepts: firewall-cmd --zone=trusted --add-source={prefix}"
        ),
        _ => {
            let client = match by.owner() {
                Owner::Unknown => {
                    "where that rule is written (PostUp of wg-quick, a client's kill switch)"
                        .to_owned()
                }
                owner => format!("in the settings of {owner}"),
            };
            format!(
                "allow {prefix} {client}, or here: {}",
                exception(by, lan, away)
            )
        }
    }
}

/// A command that lets the network through this chain.
fn exception(by: &Culprit<'_>, lan: &Lan<'_>, away: bool) -> String {
    let prefix = lan.prefix;
    let base = by.base;
    let v4 = prefix.addr().is_ipv4();
    let end = if away {
        ("-s", "saddr")
    } else {
        ("-d", "daddr")
    };
    // The tables and chains of iptables-nft are to be written by it alone.
    let shared = matches!(base.table.as_str(), "filter" | "mangle" | "raw" | "nat")
        && base.chain.chars().all(|c| c.is_ascii_uppercase());
    if shared {
        let program = if v4 { "iptables" } else { "ip6tables" };
        return format!(
            "{program} -t {} -I {} {} {prefix} -j ACCEPT",
            base.table, base.chain, end.0
        );
    }
    let family = if v4 { "ip" } else { "ip6" };
    format!(
        "nft insert rule {} {} {} {family} {} {prefix} accept",
        base.family, base.table, base.chain, end.1
    )
}
