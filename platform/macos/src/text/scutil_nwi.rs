//! `scutil --nwi`: which links configd takes for the ways out, best first.
//!
//! The lines are those of configd, `nwi/network_state_information_logging.h`. The output
//! is taken whole or not at all, and [`print()`] makes the very same bytes of it again.

use std::fmt::Write as _;

use netprof_plan::macos::configd::reach::print as reach_text;

use super::reach;
use super::{Unexpected, numbered, prefixed};

/// What `scutil --nwi` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkInformation {
    /// IPv4.
    pub ipv4: Family,
    /// IPv6.
    pub ipv6: Family,
    /// Every link that counts, best first, whatever its family.
    pub links: Vec<String>,
}

/// One address family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// Its links, best first.
    pub states: Vec<LinkState>,
    /// How the Internet can be reached (`SCNetworkReachabilityFlags`).
    pub reach: u32,
}

/// One link of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Its name.
    pub link: String,
    /// [`LinkState::IPV4`] and the like.
    pub flags: u32,
    /// Its first address.
    pub address: String,
    /// The server of the VPN that it is the tunnel of.
    pub vpn_server: Option<String>,
    /// How the Internet can be reached through it (`SCNetworkReachabilityFlags`).
    pub reach: u32,
}

impl LinkState {
    /// The link has IPv4.
    pub const IPV4: u32 = 0x1;
    /// The link has IPv6.
    pub const IPV6: u32 = 0x2;
    /// The link has servers for names.
    pub const DNS: u32 = 0x4;
    /// IPv4 goes through IPv6 there.
    pub const CLAT46: u32 = 0x40;

    const WORDS: [(u32, &str); 4] = [
        (Self::IPV4, "IPv4"),
        (Self::IPV6, "IPv6"),
        (Self::DNS, "DNS"),
        (Self::CLAT46, "CLAT46"),
    ];

    /// The flags as they are printed; none where one of them has no word.
    fn flags_text(flags: u32) -> Option<String> {
        let known = Self::WORDS.iter().fold(0, |known, (bit, _)| known | bit);
        if flags & !known != 0 {
            return None;
        }
        let words: Vec<&str> = Self::WORDS
            .iter()
            .filter(|(bit, _)| flags & bit != 0)
            .map(|(_, word)| *word)
            .collect();
        Some(match flags {
            0 => "0x0 ".to_owned(),
            _ => format!("0x{flags:x} ({})", words.join(",")),
        })
    }
}

const HEAD: &str = "Network information";
const IPV4: &str = "IPv4 network interface information";
const IPV6: &str = "IPv6 network interface information";
const NO_IPV4: &str = "   No IPv4 states found";
const NO_IPV6: &str = "   No IPv6 states found";
const LINKS: &str = "Network interfaces: ";

/// What the output says.
///
/// # Errors
///
/// [`Unexpected`]: the first line that is not as the tool prints it.
pub fn parse(text: &str) -> Result<NetworkInformation, Unexpected> {
    let mut lines = Lines {
        all: numbered(text).collect(),
        next: 0,
    };
    lines.exactly(HEAD, "`Network information`")?;
    lines.exactly("", "an empty line")?;
    lines.exactly(IPV4, "`IPv4 network interface information`")?;
    let ipv4 = lines.family(NO_IPV4)?;
    lines.exactly("", "an empty line")?;
    lines.exactly(IPV6, "`IPv6 network interface information`")?;
    let ipv6 = lines.family(NO_IPV6)?;
    let mut links = Vec::new();
    if lines.peek().is_some() {
        lines.exactly("", "an empty line")?;
        let names = lines.value(LINKS, "`Network interfaces: `")?;
        links = names.split(' ').map(str::to_owned).collect();
        if links.iter().any(String::is_empty) {
            return Err(lines.before("names with one space between them"));
        }
    }
    match lines.peek() {
        None => Ok(NetworkInformation { ipv4, ipv6, links }),
        Some(_) => Err(lines.refuse("the end")),
    }
}

struct Lines<'a> {
    all: Vec<(usize, &'a str)>,
    next: usize,
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.all.get(self.next).map(|(_, line)| *line)
    }

    fn refuse(&self, expected: &'static str) -> Unexpected {
        let found = self.peek().unwrap_or_default();
        Unexpected::new(self.next + 1, expected, found)
    }

    /// The line before does not do after all.
    fn before(&self, expected: &'static str) -> Unexpected {
        let at = self.next.saturating_sub(1);
        let found = self.all.get(at).map_or("", |(_, line)| line);
        Unexpected::new(at + 1, expected, found)
    }

    fn exactly(&mut self, wanted: &str, expected: &'static str) -> Result<(), Unexpected> {
        if self.peek() != Some(wanted) {
            return Err(self.refuse(expected));
        }
        self.next += 1;
        Ok(())
    }

    fn value(&mut self, head: &str, expected: &'static str) -> Result<&'a str, Unexpected> {
        let Some(value) = self.peek().and_then(|line| line.strip_prefix(head)) else {
            return Err(self.refuse(expected));
        };
        self.next += 1;
        Ok(value)
    }

    fn family(&mut self, none: &str) -> Result<Family, Unexpected> {
        let mut family = Family::default();
        if self.peek() == Some(none) {
            self.next += 1;
            if none == NO_IPV6 {
                // configd ends this sentence, and this one alone, with a line's end of
                // its own.
                self.exactly("", "an empty line")?;
            }
        } else {
            loop {
                family.states.push(self.state()?);
                if self.peek() == Some("") {
                    break;
                }
            }
        }
        self.exactly("", "an empty line")?;
        family.reach = self.reach("   REACH : flags ")?;
        Ok(family)
    }

    fn state(&mut self) -> Result<LinkState, Unexpected> {
        const EXPECTED: &str = "a link and its flags";
        let line = self.peek().unwrap_or_default();
        let Some((link, flags)) = line.split_once(" : flags      : ") else {
            return Err(self.refuse(EXPECTED));
        };
        let link = link.trim_start();
        let number = flags.split(' ').next().and_then(prefixed);
        let Some(number) = number.filter(|bits| LinkState::flags_text(*bits).is_some()) else {
            return Err(self.refuse(EXPECTED));
        };
        self.exactly(&head_of(link, number), EXPECTED)?;
        let address = self.value("           address    : ", "`address    : `")?;
        let vpn_server = self
            .value("           VPN server : ", "")
            .ok()
            .map(str::to_owned);
        let reach = self.reach("           reach      : ")?;
        Ok(LinkState {
            link: link.to_owned(),
            flags: number,
            address: address.to_owned(),
            vpn_server,
            reach,
        })
    }

    fn reach(&mut self, head: &str) -> Result<u32, Unexpected> {
        const EXPECTED: &str = "how it can be reached";
        let text = self.value(head, EXPECTED)?;
        reach::parse(text)
            .filter(|flags| reach_text(*flags) == text)
            .ok_or_else(|| self.before(EXPECTED))
    }
}

fn head_of(link: &str, flags: u32) -> String {
    let flags = LinkState::flags_text(flags).unwrap_or_else(|| format!("0x{flags:x}"));
    format!(" {link:>7} : flags      : {flags}")
}

/// What the tool prints for it.
#[must_use]
pub fn print(information: &NetworkInformation) -> String {
    let mut text = format!("{HEAD}\n\n{IPV4}\n");
    print_family(&mut text, &information.ipv4, NO_IPV4);
    let _ = write!(text, "\n{IPV6}\n");
    // The second line's end is configd's own; see `Lines::family`.
    print_family(&mut text, &information.ipv6, "   No IPv6 states found\n");
    if !information.links.is_empty() {
        let _ = write!(text, "\n{LINKS}{}\n", information.links.join(" "));
    }
    text
}

fn print_family(text: &mut String, family: &Family, none: &str) {
    if family.states.is_empty() {
        let _ = writeln!(text, "{none}");
    }
    for state in &family.states {
        let _ = writeln!(text, "{}", head_of(&state.link, state.flags));
        let _ = writeln!(text, "           address    : {}", state.address);
        if let Some(server) = &state.vpn_server {
            let _ = writeln!(text, "           VPN server : {server}");
        }
        let _ = writeln!(text, "           reach      : {}", reach_text(state.reach));
    }
    let _ = write!(text, "\n   REACH : flags {}\n", reach_text(family.reach));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TUNNEL: &str = "\
Network information

IPv4 network interface information
   utun6 : flags      : 0x5 (IPv4,DNS)
           address    : 10.8.0.6
           VPN server : 192.0.2.1
           reach      : 0x00000003 (Reachable,Transient Connection)
     en0 : flags      : 0x5 (IPv4,DNS)
           address    : 192.168.1.17
           reach      : 0x00000002 (Reachable)

   REACH : flags 0x00000003 (Reachable,Transient Connection)

IPv6 network interface information
   No IPv6 states found


   REACH : flags 0x00000000 (Not Reachable)

Network interfaces: utun6 en0
";

    #[test]
    fn a_tunnel_that_is_the_way_out_is_read_and_printed() {
        let information = parse(TUNNEL).expect("it is whole");
        let [tunnel, wifi] = information.ipv4.states.as_slice() else {
            panic!("two links: {information:?}");
        };
        assert_eq!(tunnel.link, "utun6");
        assert_eq!(tunnel.flags, LinkState::IPV4 | LinkState::DNS);
        assert_eq!(tunnel.vpn_server.as_deref(), Some("192.0.2.1"));
        assert_eq!(wifi.address, "192.168.1.17");
        assert_eq!(wifi.vpn_server, None);
        assert_eq!(information.ipv4.reach, 3);
        assert_eq!(information.ipv6, Family::default());
        assert_eq!(information.links, ["utun6", "en0"]);
        assert_eq!(print(&information), TUNNEL);
    }

    #[test]
    fn a_mac_without_a_network_prints_no_links() {
        let none = NetworkInformation::default();
        let text = print(&none);
        assert!(text.ends_with("(Not Reachable)\n"), "{text}");
        assert_eq!(parse(&text), Ok(none));
    }

    #[test]
    fn a_cut_output_is_refused_where_it_ends() {
        let cut: String = TUNNEL
            .lines()
            .take(6)
            .map(|line| format!("{line}\n"))
            .collect();
        let error = parse(&cut).expect_err("it is cut");
        assert_eq!(error.line, 7);
        assert_eq!(error.expected, "how it can be reached");
    }

    #[test]
    fn a_line_too_many_is_refused() {
        let error = parse(&format!("{TUNNEL}more\n")).expect_err("there is more");
        assert_eq!((error.line, error.expected), (21, "the end"));
    }

    #[test]
    fn words_that_contradict_the_number_are_refused() {
        let text = TUNNEL.replacen("0x5 (IPv4,DNS)", "0x5 (IPv4)", 1);
        assert_eq!(parse(&text).expect_err("0x5 is more").line, 4);
    }

    fn state() -> impl Strategy<Value = LinkState> {
        let flags = prop::sample::select(vec![0, 1, 2, 4, 5, 6, 7, 0x40, 0x47]);
        let server = prop::option::of("[0-9a-f.:]{1,20}");
        (
            "[a-z]{1,9}[0-9]",
            flags,
            "[0-9a-f.:]{1,20}",
            server,
            any::<u32>(),
        )
            .prop_map(|(link, flags, address, vpn_server, reach)| LinkState {
                link,
                flags,
                address,
                vpn_server,
                reach,
            })
    }

    fn family() -> impl Strategy<Value = Family> {
        (prop::collection::vec(state(), 0..4), any::<u32>())
            .prop_map(|(states, reach)| Family { states, reach })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            ipv4 in family(),
            ipv6 in family(),
            links in prop::collection::vec("[a-z]{1,9}[0-9]", 0..4),
        ) {
            let information = NetworkInformation { ipv4, ipv6, links };
            prop_assert_eq!(parse(&print(&information)), Ok(information));
        }

        #[test]
        fn what_is_read_is_printed_the_same(
            lines in prop::collection::vec(prop::sample::select(TUNNEL.lines().collect::<Vec<_>>()), 0..25),
        ) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            if let Ok(information) = parse(&text) {
                prop_assert_eq!(print(&information), text);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC|\n)*") {
            let _ = parse(&text);
        }
    }
}
