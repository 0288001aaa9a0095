//! `docs/json.md` in itself: its examples, its types, and that nothing passes it by.

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;

use netprof_model::Owner;
use serde_json::Value;

#[cfg(target_os = "linux")]
use crate::bench::Bench;
use crate::json_page::{PAGE, SHAPES, complaints, is_documented, linked, look};

/// The blocks of JSON of the page, each with the heading that it stands below.
fn examples() -> Vec<(String, Value)> {
    let mut heading = "";
    let mut found = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("##") {
            heading = line.trim_start_matches(['#', ' ']);
        }
        if line == "```json" {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let value = serde_json::from_str(&text.join("\n"));
            found.push((heading.to_owned(), value.expect("it is JSON")));
        }
    }
    found
}

#[test]
fn every_example_of_the_page_is_as_it_says() {
    let examples = examples();
    assert!(examples.len() > 6);
    for (heading, value) in examples {
        if value["command"].is_string() {
            is_documented(&value);
            continue;
        }
        let mut wrong = Vec::new();
        let kind = format!("[it](#{heading})");
        look(&SHAPES, &kind, &value, &heading, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn the_page_names_every_owner() {
    let (_, list) = PAGE.split_once("\n## owners\n").unwrap();
    for owner in Owner::ALL {
        assert!(list.contains(&format!("`{owner}`")), "{owner}");
    }
}

#[test]
fn every_type_of_the_page_is_one() {
    for (shape, fields) in SHAPES.iter() {
        for (name, kind) in fields {
            let kind = kind.trim_start_matches("section of ");
            for one in kind
                .split(" or ")
                .map(|one| one.trim_start_matches("list of "))
            {
                let is_plain = matches!(
                    one,
                    "string"
                        | "number"
                        | "boolean"
                        | "null"
                        | "object"
                        | "map"
                        | "dictionary"
                        | "absent"
                );
                let leads_on = linked(one).is_some_and(|to| SHAPES.contains_key(to));
                assert!(is_plain || leads_on, "{shape}.{name}: {one}");
            }
        }
    }
}

/// `object` alone holds anything, so it is for what is nobody's business.
#[test]
fn what_is_not_internal_is_spelled_out() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let columns = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let open: Vec<_> = columns
        .filter(|row| row.get(1).is_some_and(|kind| kind.contains("object")))
        .collect();
    assert!(!open.is_empty());
    for row in open {
        let is_internal = row.get(2).is_some_and(|said| said.starts_with("internal"));
        assert!(is_internal, "{row:?}");
    }
}

/// All that a profile can hold beside links, scopes and routes.
#[cfg(target_os = "linux")]
#[test]
fn a_profile_is_shown_as_the_page_says() {
    let bench = Bench::new();
    bench.write(
        "whole.kdl",
        r#"
        profile "whole" {
            link "vpn" { match name="tun*"; }
            containers {
                keep-local
                docker { bridge "172.30.0.1/24"; pool "172.31.0.0/16" size=24; }
                podman { subnet "192.168.240.0/24"; pool "192.168.241.0/24" size=28; }
            }
            proxy {
                http "http://me:s3cret@proxy.example.com:3128"
                https "http://proxy.example.com:3128"
                socks "socks5://proxy.example.com:1080"
                pac "http://wpad.example.com/proxy.pac"
                bypass "localhost"
                export "env"
            }
            mtu "vpn" 1400
            clamp-mss "vpn"
            when {
                link "vpn"
                ssid "Office"
                gateway-mac "aa:bb:cc:dd:ee:ff"
                dns-suffix "corp.example.com"
                address "10.0.0.0/8"
                reachable "intranet.example.com:443"
            }
        }
        "#,
    );
    let shown = bench.run("show whole.kdl --json").exits(0).json();
    for (shape, at) in [
        ("containers", "/containers"),
        ("docker", "/containers/docker"),
        ("podman", "/containers/podman"),
        ("proxy", "/proxy"),
        ("mtu", "/mtu/0"),
        ("clamp-mss", "/clamp_mss/0"),
        ("when", "/when"),
    ] {
        let found = shown["resolved"].pointer(at).and_then(Value::as_object);
        let found: BTreeSet<_> = found.expect("it is shown").keys().collect();
        assert!(SHAPES[shape].keys().eq(found), "{shape}: {shown:#}");
    }
}

#[test]
fn what_is_not_on_the_page_is_complained_of() {
    let good = &examples()[2].1;
    assert_eq!(complaints(&SHAPES, good), [""; 0]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut one = good.clone();
        change(&mut one);
        complaints(&SHAPES, &one)
    };
    let added = with(&|one| one["profiles"][0]["colour"] = "red".into());
    assert_eq!(added, ["list.profiles[0].colour is not there"]);
    let other = with(&|one| one["active"] = 1.into());
    assert_eq!(other.len(), 1);
    let gone = with(&|one| {
        one.as_object_mut().unwrap().remove("profiles");
    });
    assert_eq!(gone, ["list.profiles is not printed"]);
}
