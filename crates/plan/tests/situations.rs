//! Who answers a name on a Mac, in situations that are met in life.
//!
//! Each file of `situations/` is one: where it is from, the dictionaries and the files
//! of /etc/resolver in the words of `mac/mod.rs`, and what must come of them:
//!
//! ```text
//! ? git.corp.example   10.0.0.53 on utun4 | 10.9.0.53     who answers, the first first
//! ? printer.local      multicast
//! = ipv4 wifi en0 192.168.1.1     the primary service, its link and its router
//! = dns wifi                      the service of the default
//! = search corp.example           the domains of the first resolver
//! = order 100400                  its order
//! = requests A AAAA               what the first resolver is asked for
//! = scoped 10.0.0.53 on utun4     the resolvers of programs that name a link
//! = resolv.conf nameserver 10.0.0.53 / nameserver 10.0.0.54
//! = nothing                       there is no configuration at all
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mac;

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use mac::mac;
use netprof_model::configd::Resolver;
use netprof_plan::macos::configd::{self, Elected};
use netprof_plan::macos::resolver::who_answers;

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/situations");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let trials = names
        .into_iter()
        .map(|name| {
            let shown = name.trim_end_matches(".txt").replace('-', "_");
            Trial::test(shown, move || situation(&name))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn situation(name: &str) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/situations");
    let text = std::fs::read_to_string(path.join(name)).unwrap();
    let is_claim = |line: &&str| line.starts_with("? ") || line.starts_with("= ");
    let facts: Vec<&str> = text.lines().filter(|line| !is_claim(line)).collect();
    let claims: Vec<&str> = text.lines().filter(is_claim).collect();
    assert!(!claims.is_empty(), "it claims nothing");
    let mac = mac(&facts.join("\n"));
    let primary = configd::primary(&mac);
    let published = configd::published(&mac);
    let list = published.as_ref().map(|published| &published.resolvers);
    let mut wrong = Vec::new();
    for claim in claims {
        let (sign, rest) = claim.split_at(2);
        let (what, wanted) = rest.split_once(' ').unwrap_or((rest, ""));
        let first = || &list.expect("there is a list").resolvers[0];
        let found = match (sign, what) {
            ("? ", name) => shown(&who_answers(list.expect("there is a list"), name)),
            (_, "ipv4") => elected(primary.ipv4.as_ref()),
            (_, "ipv6") => elected(primary.ipv6.as_ref()),
            (_, "dns") => primary.dns.clone().unwrap_or_else(|| "none".to_owned()),
            (_, "search") => first().search.join(" "),
            (_, "order") => first().order.to_string(),
            (_, "requests") => {
                let all = [("A", first().requests_a), ("AAAA", first().requests_aaaa)];
                let all = all.iter().filter(|one| one.1).map(|one| one.0);
                all.collect::<Vec<_>>().join(" ")
            }
            (_, "scoped") => shown(&list.unwrap().scoped.iter().collect::<Vec<_>>()),
            (_, "resolv.conf") => {
                let text = &published.as_ref().unwrap().resolv_conf;
                text.lines().collect::<Vec<_>>().join(" / ")
            }
            (_, "nothing") => match list {
                None => String::new(),
                Some(_) => "there is a list".to_owned(),
            },
            other => panic!("{other:?}"),
        };
        if found != wanted.trim() {
            wrong.push(format!("{claim}\n  but it is: {found}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("\n").into())
}

fn elected(elected: Option<&Elected>) -> String {
    let Some(elected) = elected else {
        return "none".to_owned();
    };
    let router = elected.router.map(|router| format!(" {router}"));
    format!(
        "{} {}{}",
        elected.service,
        elected.link,
        router.unwrap_or_default()
    )
}

fn shown(resolvers: &[&Resolver]) -> String {
    if resolvers.is_empty() {
        return "nobody".to_owned();
    }
    let each = resolvers.iter().map(|resolver| {
        let who = match resolver.options.as_deref() {
            Some("mdns") => "multicast".to_owned(),
            Some("pdns") => "private".to_owned(),
            _ => resolver.nameservers.join(" "),
        };
        match &resolver.link {
            Some((_, Some(link))) => format!("{who} on {link}"),
            _ => who,
        }
    });
    each.collect::<Vec<_>>().join(" | ")
}
