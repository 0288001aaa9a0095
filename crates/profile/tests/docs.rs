//! The pages for users say what is so: each block of KDL is read, and each that is marked
//! `must-fail` is refused.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use netprof_model::Owner;
use netprof_model::snapshot::Os;
use netprof_profile::Library;

const PAGE: &str = include_str!("../../../docs/profile-language.md");

/// Every page that shows KDL, by its name.
const PAGES: [(&str, &str); 2] = [
    ("docs/profile-language.md", PAGE),
    ("README.md", include_str!("../../../README.md")),
];

/// The blocks of KDL of a page: the line of each, whether it must fail, its text.
fn blocks(page: &str) -> Vec<(usize, bool, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let text: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        match info {
            "kdl" => blocks.push((number + 1, false, text.join("\n"))),
            "kdl,must-fail" => blocks.push((number + 1, true, text.join("\n"))),
            _ => {}
        }
    }
    blocks
}

/// A block as a file: what is only a part stands in a profile with two links.
fn whole(block: &str) -> String {
    if block.contains("profile \"") {
        return block.to_owned();
    }
    let links = ["vpn", "lan"].map(|name| {
        if block.contains(&format!("link \"{name}\" {{")) {
            String::new()
        } else {
            format!("link \"{name}\" {{ match name=\"{name}\"; }};")
        }
    });
    // On the same line, so that places in messages are those of the page.
    format!("profile \"example\" {{ {} {block}\n}}", links.concat())
}

#[test]
fn every_block_is_read_or_refused_as_it_says() {
    let fail = |fails: bool| blocks(PAGE).iter().filter(|block| block.1 == fails).count();
    assert!(fail(true) > 10 && fail(false) > 10);
    for (page, text) in PAGES {
        let all = blocks(text);
        assert!(!all.is_empty(), "{page} shows none");
        all.iter().for_each(|block| holds(page, block));
    }
}

fn holds(page: &str, (line, must_fail, block): &(usize, bool, String)) {
    let text = whole(block);
    let first = text.split('"').nth(1).expect("a profile has a name");
    for os in [Os::Linux, Os::Macos] {
        let wanted = format!("{page}#{first}");
        match Library::default().resolve_text(&wanted, &text, os) {
            Ok(_) => assert!(!must_fail, "{page}: line {line} is read"),
            Err(refused) => {
                assert!(must_fail, "{page}: line {line}: {:#?}", refused.diagnostics);
                let count = refused.diagnostics.len();
                assert!(
                    count <= 2,
                    "{page}: line {line} shows more than it is about: {count}"
                );
            }
        }
    }
}

#[test]
fn the_page_names_every_owner_that_a_link_may_have() {
    let makes_links = |owner: &Owner| owner.is_vpn() || owner.is_engine();
    for owner in Owner::ALL.into_iter().filter(makes_links) {
        assert!(PAGE.contains(&format!("`{owner}`")), "{owner}");
    }
}

#[test]
fn the_page_names_every_node_and_every_property() {
    for word in [
        "profile",
        "description",
        "include",
        "link",
        "match",
        "dns",
        "scope",
        "domains",
        "search",
        "servers",
        "default-route",
        "durable",
        "routes",
        "keep-localhost",
        "keep-lan",
        "also",
        "route",
        "unreachable",
        "containers",
        "keep-local",
        "docker",
        "podman",
        "bridge",
        "subnet",
        "pool",
        "proxy",
        "http",
        "https",
        "socks",
        "pac",
        "bypass",
        "export",
        "mtu",
        "clamp-mss",
        "when",
        "ssid",
        "gateway-mac",
        "dns-suffix",
        "address",
        "reachable",
        "os",
        "remove",
        "optional=",
        "many=",
        "name=",
        "kind=",
        "owner=",
        "address=",
        "gateway=",
        "mac=",
        "ssid=",
        "default-route=",
        "from=",
        "allow-public=",
        "via=",
        "link=",
        "metric=",
        "src=",
        "replace=",
        "size=",
    ] {
        assert!(PAGE.contains(word), "`{word}` is not on the page");
    }
}
