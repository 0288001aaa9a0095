//! configd, simulated, against what real Macs printed.
//!
//! For each recording of `scutil --dns` there is a Mac (`scutil/NN.txt`, in the words of
//! `mac/mod.rs`) whose dictionaries would make configd print just that. The simulation
//! must print it byte for byte, but for the lines `reach`, which are no matter of
//! dictionaries, and blank lines at the end. Most recordings were cut or edited by those
//! who published them: each difference that is allowed is named here, with its reason.
//!
//! The recordings are other people's and not in this repository. Where the environment
//! variable `NETPROF_MACOS_RECORDED` does not say where they are, the tests are shown as
//! not run. What the simulation prints is pinned everywhere (`snapshots/scutil__*`).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mac;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use mac::mac;
use netprof_plan::macos::configd::{self, print};

/// A recording, and the Macs that print it.
struct Recording {
    file: &'static str,
    /// The Mac; two where the recording has two texts.
    macs: &'static [&'static str],
    /// What is allowed to differ, and why.
    but: &'static [But],
}

/// A way in which a recording is not what was printed.
enum But {
    /// It ends before its end.
    Cut(&'static str),
    /// It is only this part.
    Only(Part, &'static str),
    /// Resolvers of the first part were taken out, from the one to the other.
    Without(usize, usize, &'static str),
    /// Something in our text stands for something else in it.
    Ours(&'static str, &'static str, &'static str),
    /// Something was put into it.
    Theirs(&'static str, &'static str, &'static str),
    /// It tells our text in other words.
    Told(fn(&str) -> String, &'static str),
}

impl But {
    fn why(&self) -> &'static str {
        match self {
            Cut(why)
            | Only(_, why)
            | Without(_, _, why)
            | Ours(_, _, why)
            | Theirs(_, _, why)
            | Told(_, why) => why,
        }
    }
}

enum Part {
    /// The first resolver, without the line that is before all of them.
    First,
    /// The part for scoped queries.
    Scoped,
    /// All but that part.
    Unscoped,
}

use But::{Cut, Only, Ours, Theirs, Told, Without};

const SHORTENED: &str = "its authors shortened it, and say so";
const REPLACED: &str = "the address was replaced when it was recorded, by one of another \
                        kind: of two families the one comes first that RFC 6724 prefers, \
                        and the order shows that this one came after IPv4";

const EDITED: &str = "its authors changed this part: there are no flags, which are always \
                      printed, and there is an order that nothing gives";

const RECORDINGS: &[Recording] = &[
    Recording {
        file: "01-wifi-dualstack",
        macs: &["01"],
        but: &[],
    },
    Recording {
        file: "02-ethernet-and-wifi",
        macs: &["02"],
        but: &[],
    },
    Recording {
        file: "03-tailscale-default-and-domain",
        macs: &["03"],
        but: &[],
    },
    Recording {
        file: "05-tun-proxy-full-with-etc-resolver",
        macs: &["05"],
        but: &[
            Without(4, 8, SHORTENED),
            Ours(
                "(for scoped queries)\n\nresolver #1\n  nameserver[0] : 2606:4700:4700::1111\n  \
                 nameserver[1] : 223.5.5.5\n  nameserver[2] : 119.29.29.29\n  \
                 nameserver[3] : 8.8.8.8\n",
                "(for scoped queries)\n\nresolver #1\n  nameserver[0] : 2606:4700:4700::1111\n",
                SHORTENED,
            ),
        ],
    },
    Recording {
        file: "06-ne-split-tunnel-dualstack",
        macs: &["06"],
        but: &[],
    },
    Recording {
        file: "07-wifi-shortened",
        macs: &["07"],
        but: &[Without(3, 7, SHORTENED)],
    },
    Recording {
        file: "08-split-vpn-domain-over-utun",
        macs: &["08"],
        but: &[
            Ours("2002:db8:0:ff::39e", "2001:db8:0:ff::39e", REPLACED),
            Cut("the index keeps only its first part"),
        ],
    },
    Recording {
        file: "10-tailscale-two-orders",
        macs: &["10"],
        but: &[
            Ours("2002:db8:0:ff::39e", "2001:db8:0:ff::39e", REPLACED),
            Cut("its author cut it within the third resolver"),
        ],
    },
    Recording {
        file: "11-pppd-openfortivpn",
        macs: &["11"],
        but: &[
            Without(3, 8, "its author put [...] there"),
            Ours("10.9.0.1", "<dns1>", "its author made it unreadable"),
            Ours("10.9.0.2", "<dns2>", "its author made it unreadable"),
            Theirs("[...]\n\n", "", "this stands for the resolvers above"),
            Cut("its author cut it within a resolver"),
        ],
    },
    Recording {
        file: "12-old-format-pdns-2017",
        macs: &["12"],
        but: &[],
    },
    Recording {
        file: "14-wifi-ipv4-reachable-not-direct",
        macs: &["14"],
        but: &[Cut("the index keeps only its first part")],
    },
    Recording {
        file: "15-linklocal-nameserver",
        macs: &["15"],
        but: &[Only(Part::First, "its author showed no more")],
    },
    Recording {
        file: "17-magicdns-many-reverse-zones-summarised",
        macs: &["17"],
        but: &[
            Told(
                told_by_ranges,
                "its author wrote ranges of domains and orders",
            ),
            Theirs(
                "<router ipv4>",
                "192.168.1.1",
                "its author made it unreadable",
            ),
            Theirs(
                "  nameserver[1] : <router ipv6>\n",
                "",
                "one server is enough",
            ),
            Theirs("resolver #1 \n", "resolver #1\n", "it was written by hand"),
            Theirs(
                "  search domain[0] : internal.example.com (note: probably because I \
                 configured scutil --set HostName to be <machine_name>.internal.example.com)\n  \
                 search domain[1] : <my-email-address>.beta.tailscale.net\n  \
                 search domain[2] : ts.net\n  \
                 search domain[3] : <router DHCP domain_name>\n",
                "  search domain[0] : me.beta.tailscale.net\n  search domain[1] : home.arpa\n",
                "who gave the two other domains cannot be told from what its author shows",
            ),
            Theirs("<my email address>", "me", "its author made it unreadable"),
        ],
    },
    Recording {
        file: "18-netbird-plus-etc-resolver-same-domain",
        macs: &["18"],
        but: &[
            Told(
                told_of_the_domain,
                "its author showed the two resolvers of one domain, and not their orders",
            ),
            Theirs("resolver #4\n", "resolver #2\n", "others were before it"),
            Theirs("resolver #19\n", "resolver #9\n", "others were before it"),
            Theirs(
                "<managed-domain>",
                "managed.example",
                "its author made it unreadable",
            ),
            Theirs(
                "<netbird-dns-ip>",
                "100.90.0.1",
                "its author made it unreadable",
            ),
        ],
    },
    Recording {
        file: "20-tailscale-first-two",
        macs: &["20"],
        but: &[Cut(SHORTENED)],
    },
    Recording {
        file: "21-etc-resolver-file-search-order-1",
        macs: &["21"],
        but: &[
            Theirs(
                "\n[...]\n",
                "  order    : 301000\n",
                "two texts of one Mac were joined here, and a line was left out",
            ),
            Cut("its author showed no more"),
        ],
    },
    Recording {
        file: "22-scutil-written-supplemental-default",
        macs: &["22"],
        but: &[
            Without(4, 8, SHORTENED),
            Only(Part::Unscoped, EDITED),
            Theirs(
                "\nDNS configuration (for scoped queries)\n\nresolver #1\n  \
                 nameserver[0] : 8.8.8.8\n  if_index : 6 (en0)\n  order    : 1\n",
                "",
                EDITED,
            ),
        ],
    },
    Recording {
        file: "23-unscoped-tun-vpn-search",
        macs: &["23"],
        but: &[Cut("its author cut it within a resolver")],
    },
    Recording {
        file: "25-scoped-amnezia-on-en0",
        macs: &["25"],
        but: &[Only(Part::Scoped, "its author showed no more")],
    },
    Recording {
        file: "26-tunnelblick-aaaa-lost",
        macs: &["26-with", "26-without"],
        but: &[
            Only(Part::Scoped, "its author showed no more"),
            Ours(
                "2001:db8::1\n",
                "2a01:xxxx:yyyy:zzzz::1\n",
                "its author made it unreadable",
            ),
            Theirs(
                "scutil --dns ouput with tunnel enabled (AAAA records not included in flags):\n",
                "",
                "its author says which is which",
            ),
            Theirs(
                "scutil --dns output without the tunnel (with IP dual stack):\n",
                "",
                "its author says which is which",
            ),
            Theirs("**", "", "its author pointed at a line"),
        ],
    },
];

fn main() {
    let arguments = Arguments::from_args();
    let recorded = std::env::var_os("NETPROF_MACOS_RECORDED").map(PathBuf::from);
    let mut trials = Vec::new();
    for recording in RECORDINGS {
        let recorded = recorded.clone();
        let name = format!("prints_what_was_recorded::{}", recording.file);
        trials.push(Trial::ignorable_test(name, move || {
            let Some(folder) = &recorded else {
                return Ok(Completion::ignored_with(
                    "NETPROF_MACOS_RECORDED is not set",
                ));
            };
            compare(recording, folder)?;
            Ok(Completion::Completed)
        }));
        for mac in recording.macs {
            let name = format!("prints_what_it_printed_before::{mac}");
            trials.push(Trial::ignorable_test(name, move || {
                pinned(mac);
                Ok(Completion::Completed)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// What the simulation prints of a Mac of this folder.
fn printed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scutil");
    let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    print::scutil(&configd::resolvers(&mac(&text)).expect("it has resolvers"))
}

fn pinned(name: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("scutil__{name}"), printed(name)));
}

fn compare(recording: &Recording, folder: &Path) -> Result<(), Failed> {
    let path = folder.join(format!("scutil-dns/{}.txt", recording.file));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let mut theirs: String = text
        .lines()
        .filter(|line| !line.starts_with("# source") && !line.starts_with("  reach    :"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut ours: Vec<String> = recording.macs.iter().map(|mac| printed(mac)).collect();
    let mut is_cut = false;
    for but in recording.but {
        match but {
            Cut(_) => is_cut = true,
            Only(part, _) => ours.iter_mut().for_each(|text| *text = only(text, part)),
            Without(from, to, _) => ours
                .iter_mut()
                .for_each(|text| *text = without(text, *from, *to)),
            Told(tell, _) => ours.iter_mut().for_each(|text| *text = tell(text)),
            Ours(from, to, _) => {
                let all = ours.concat();
                assert!(all.contains(from), "ours has no {from:?}:\n{all}");
                ours.iter_mut()
                    .for_each(|text| *text = text.replace(from, to));
            }
            Theirs(from, to, _) => {
                assert!(theirs.contains(from), "theirs has no {from:?}:\n{theirs}");
                theirs = theirs.replace(from, to);
            }
        }
    }
    let theirs = theirs.trim_end();
    let ours = ours.join("\n");
    let ours = ours.trim_end();
    // A line that is cut must be cut at its end.
    let is_same = if is_cut {
        ours.strip_prefix(theirs)
            .is_some_and(|rest| rest.starts_with('\n'))
    } else {
        ours == theirs
    };
    if is_same {
        return Ok(());
    }
    let but: Vec<&str> = recording.but.iter().map(But::why).collect();
    Err(format!("allowed: {but:#?}\nours:\n{ours}\n\ntheirs:\n{theirs}").into())
}

const SCOPED: &str = "DNS configuration (for scoped queries)";

fn only(text: &str, part: &Part) -> String {
    let (general, scoped) = text.split_once(SCOPED).unwrap_or((text, ""));
    match part {
        Part::Scoped => format!("{SCOPED}{scoped}"),
        Part::Unscoped => general.to_owned(),
        Part::First => general.split("\n\n").nth(1).unwrap().to_owned(),
    }
}

/// `text` without some resolvers of its first part.
fn without(text: &str, from: usize, to: usize) -> String {
    let (general, scoped) = text.split_once(SCOPED).unwrap_or((text, ""));
    let blocks: Vec<_> = general
        .split("\n\n")
        .filter(|block| {
            let number = block.strip_prefix("resolver #");
            let number = number.and_then(|rest| rest.lines().next()?.parse().ok());
            number.is_none_or(|number: usize| !(from..=to).contains(&number))
        })
        .collect();
    format!("{}{SCOPED}{scoped}", blocks.join("\n\n"))
}

/// The first 67 resolvers, those of the second to the 65th as one.
fn told_by_ranges(text: &str) -> String {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let field = |block: &str, name: &str| -> String {
        let line = block.lines().find(|line| line.trim().starts_with(name));
        line.unwrap().split(" : ").nth(1).unwrap().to_owned()
    };
    let zones = &blocks[2..=65];
    let mut numbers: Vec<u32> = Vec::new();
    let mut orders: Vec<u32> = Vec::new();
    for zone in zones {
        let domain = field(zone, "domain");
        numbers.push(domain.split_once('.').unwrap().0.parse().unwrap());
        orders.push(field(zone, "order").parse().unwrap());
        assert_eq!(domain.split_once('.').unwrap().1, "100.in-addr.arpa.");
    }
    numbers.sort_unstable();
    orders.sort_unstable();
    let range = |all: &[u32]| {
        assert!(all.windows(2).all(|two| two[0] + 1 == two[1]), "{all:?}");
        (all[0], all[all.len() - 1])
    };
    let (first, last) = range(&numbers);
    let (low, high) = range(&orders);
    let zone = zones[0]
        .replace("resolver #2", "resolver #2 - #65")
        .replace(
            &field(zones[0], "domain"),
            &format!("<{first}-{last}>.100.in-addr.arpa."),
        )
        .replace(&field(zones[0], "order"), &format!("{low} - {high}"));
    [blocks[0], blocks[1], &zone, blocks[66], blocks[67]].join("\n\n")
}

/// The resolvers of one domain, without their orders.
fn told_of_the_domain(text: &str) -> String {
    let blocks = text.split("\n\n");
    let blocks = blocks.filter(|block| block.contains("managed.example"));
    let blocks: Vec<String> = blocks
        .map(|block| {
            let lines = block.lines().filter(|line| !line.starts_with("  order"));
            lines.collect::<Vec<_>>().join("\n")
        })
        .collect();
    blocks.join("\n\n")
}
