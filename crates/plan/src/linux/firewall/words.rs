//! What to say of a network whose packets a firewall drops, and what would help.

use netprof_model::firewall::BaseChain;
use netprof_model::{Diagnostic, Owner};

use super::{Culprit, Judgement, Lan, Loss, Lost, judge};

/// What `chains` do to the packets of `lan`, if that is worth saying: an error where the
/// network is certainly cut off, a warning where some packets pass or where it cannot be
/// told.
#[must_use]
pub fn said(chains: &[BaseChain], lan: &Lan<'_>) -> Option<Diagnostic> {
    let prefix = lan.prefix;
    Some(match judge(chains, lan) {
        Judgement::Passes => return None,
        Judgement::Dropped(loss) => {
            let told = if loss.is_total() {
                Diagnostic::error
            } else {
                Diagnostic::warning
            };
            told("plan::firewall-drops", lost(&loss, lan))
                .help(help(&loss, lan))
                .whose(loss.by.owner())
        }
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
        ))
        .whose(at.owner()),
    })
}

/// Whether it takes what comes from the network.
fn is_back(by: &Culprit<'_>) -> bool {
    matches!(by.base.hook.as_str(), "input" | "prerouting")
}

/// What is lost, and who takes it.
fn lost(loss: &Loss<'_>, lan: &Lan<'_>) -> String {
    let (by, prefix) = (&loss.by, lan.prefix);
    let back = is_back(by);
    let packets = if back { "answers from" } else { "packets to" };
    let what = match &loss.of {
        Lost::All => format!("{packets} {prefix}"),
        Lost::Protocol(name) => format!("{name} {packets} {prefix}"),
        Lost::Neighbours if back => format!("neighbour advertisements from {prefix}"),
        Lost::Neighbours => format!("neighbour solicitations for {prefix}"),
        Lost::Found if back => format!("neighbour solicitations from {prefix}"),
        Lost::Found => format!("neighbour advertisements to {prefix}"),
        Lost::Part(part, 0) => format!("{packets} {part}, a part of {prefix},"),
        Lost::Part(part, more) => {
            format!("{packets} {part} and {more} more parts of {prefix}")
        }
    };
    let mostly = if loss.exceptions { "mostly " } else { "" };
    let rest = match &loss.of {
        Lost::Found => ": others there may not find this host",
        _ if loss.exceptions => ": only what other rules name would pass",
        Lost::Neighbours => ": without them this host finds nobody there",
        _ => "",
    };
    format!("{what} would {mostly}be dropped by {by}{}{rest}", of(by))
}

fn of(by: &Culprit<'_>) -> String {
    match by.owner() {
        Owner::Unknown => String::new(),
        owner => format!(" of {owner}"),
    }
}

/// What would let the network through. A client's own switch outlives its next connection;
/// a rule that is put before the one that drops may not. For answers it is enough that
/// they belong to a connection: nobody there need be let in who was not asked.
///
/// The switches: `mullvad lan` (mullvadvpn-app, mullvad-cli), `--exit-node-allow-lan-access`
/// (tailscale, cmd/tailscale/cli/set.go), ufw(8), firewall-cmd(1), WARP's split tunnels (as
/// Cloudflare's documentation calls them).
fn help(loss: &Loss<'_>, lan: &Lan<'_>) -> String {
    let by = &loss.by;
    let v4 = lan.prefix.addr().is_ipv4();
    let prefix = match &loss.of {
        Lost::Part(part, _) => part.to_string(),
        _ => lan.prefix.to_string(),
    };
    let wanted = match &loss.of {
        Lost::Neighbours | Lost::Found => "neighbour discovery".to_owned(),
        _ if is_back(by) => format!("answers from {prefix}"),
        _ => prefix.clone(),
    };
    match by.owner() {
        Owner::Mullvad => "let it share the local network: mullvad lan set allow".to_owned(),
        Owner::Warp => format!("exclude {prefix} from the tunnel in WARP's split tunnels"),
        Owner::Tailscale => {
            "let an exit node leave the LAN alone: tailscale set --exit-node-allow-lan-access"
                .to_owned()
        }
        Owner::Ufw if matches!(loss.of, Lost::Neighbours | Lost::Found) => {
            "accept ICMPv6 types 135 and 136 in /etc/ufw/before6.rules".to_owned()
        }
        Owner::Ufw if is_back(by) => format!(
            "accept answers in /etc/ufw/before{}.rules: -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            if v4 { "" } else { "6" }
        ),
        Owner::Ufw => format!("allow it: ufw allow out to {prefix}"),
        // Nobody else may write to its table (NftablesTableOwner, firewalld.conf(5)).
        Owner::Firewalld if is_back(by) => {
            format!("allow {wanted} in its zone: see firewall-cmd --list-all-zones")
        }
        // firewalld.policies(5): only those from HOST are about what the host itself sends.
        Owner::Firewalld => {
            format!("allow {wanted} in the policy from HOST: see firewall-cmd --list-all-policies")
        }
        owner => {
            let client = match owner {
                Owner::Unknown => {
                    "where that rule is written (PostUp of wg-quick, a client's kill switch)"
                        .to_owned()
                }
                owner => format!("in the settings of {owner}"),
            };
            let mut commands = exceptions(loss, &prefix, v4);
            if !v4 && loss.of == Lost::All {
                commands.extend(exceptions(
                    &Loss {
                        of: Lost::Neighbours,
                        ..loss.clone()
                    },
                    &prefix,
                    v4,
                ));
            }
            format!("allow {wanted} {client}, or here: {}", commands.join("; "))
        }
    }
}

/// Commands that let through this chain what it takes.
fn exceptions(loss: &Loss<'_>, prefix: &str, v4: bool) -> Vec<String> {
    let base = loss.by.base;
    // The tables and chains of iptables-nft are to be written by it alone.
    let shared = matches!(base.table.as_str(), "filter" | "mangle" | "raw" | "nat")
        && base.chain.chars().all(|c| c.is_ascii_uppercase());
    let back = is_back(&loss.by);
    // Connections are not known before (NF_IP_PRI_CONNTRACK).
    let early = base.hook == "prerouting" && base.priority < -200;
    if shared {
        let program = if v4 { "iptables" } else { "ip6tables" };
        let matches = match &loss.of {
            Lost::Neighbours | Lost::Found => {
                vec![
                    "-p icmpv6 --icmpv6-type 135".to_owned(),
                    "-p icmpv6 --icmpv6-type 136".to_owned(),
                ]
            }
            _ if back && early && prefix.contains('-') => {
                vec![format!("-m iprange --src-range {prefix}")]
            }
            _ if back && early => vec![format!("-s {prefix}")],
            _ if back => vec!["-m conntrack --ctstate ESTABLISHED,RELATED".to_owned()],
            _ if prefix.contains('-') => vec![format!("-m iprange --dst-range {prefix}")],
            _ => vec![format!("-d {prefix}")],
        };
        let command = |what: String| {
            format!(
                "{program} -t {} -I {} {what} -j ACCEPT",
                base.table, base.chain
            )
        };
        return matches.into_iter().map(command).collect();
    }
    let family = if v4 { "ip" } else { "ip6" };
    let what = match &loss.of {
        Lost::Neighbours | Lost::Found => {
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }".to_owned()
        }
        _ if back && early => format!("{family} saddr {prefix}"),
        _ if back => "ct state established,related".to_owned(),
        _ => format!("{family} daddr {prefix}"),
    };
    vec![format!(
        "nft insert rule {} {} {} {what} accept",
        base.family, base.table, base.chain
    )]
}
