//! Container engines: what is theirs is known as theirs, stays as it is, and is reached.

use serde_json::Value;

use crate::harness::{Docker, Lab, Office, Picture, PodmanContainer, Tailscale};

const OFFICE: &str = r#"
profile "office" {
    link "lan" { match name="lan0"; }
    link "corp" { match name="corp0"; }
    routes {
        keep-localhost
        keep-lan "lan" { also "192.168.88.0/24"; }
        route "10.0.0.0/8" via="10.99.0.1" link="corp"
    }
}
"#;

/// The owner of each link, as a snapshot has it.
fn owner(lab: &Lab, link: &str) -> String {
    let snapshot = lab.netprof("snapshot").exits(0).json();
    let links = snapshot["links"]["value"].as_array().unwrap();
    let found = links.iter().find(|one| one["name"] == link);
    found.unwrap()["owner"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// All that an engine has set up: links, addresses, packet filters.
fn engines_state(lab: &Lab) -> [Value; 3] {
    [lab.ip("link"), lab.ip("addr"), lab.nft()]
}

pub(crate) fn docker_keeps_what_is_its_own(lab: &Lab) {
    let _office = Office::new(lab);
    let mut docker = Docker::start(lab);
    lab.run("docker network create one");
    let number = lab.run("docker network inspect --format {{.Id}} one");
    let bridge = format!("br-{}", &number[..12]);
    assert_eq!(owner(lab, "docker0"), "docker");
    assert_eq!(owner(lab, &bridge), "docker");

    let container = docker.container(lab, "box", "docker0", "10.201.0.2/24", "10.201.0.1");
    let is_connected = || {
        let reaches = |to: &str| {
            let ping = format!("ping -n -q -c 1 -W 1 {to}");
            container.command(&ping).output().unwrap().status.success()
        };
        reaches("192.168.77.50") && reaches("192.168.88.1") && lab.reaches("10.201.0.2")
    };
    assert!(is_connected());
    lab.write_profile("office", OFFICE);
    let before = Picture::take(lab);
    let of_engine = engines_state(lab);
    lab.netprof("apply office").exits(0);
    assert_eq!(engines_state(lab), of_engine);
    assert!(is_connected());

    // It goes on as before: a network comes and goes.
    lab.run("docker network create two");
    lab.netprof("plan office --exit-code").exits(0);
    lab.run("docker network rm two");
    lab.netprof("status --exit-code").exits(0);
    assert_eq!(engines_state(lab), of_engine);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
    assert!(is_connected());

    // At its end it leaves its bridges, and what is netprof's stays.
    lab.netprof("apply office").exits(0);
    docker.stop();
    lab.netprof("status --exit-code").exits(0);
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));
}

pub(crate) fn a_route_into_dockers_network_names_both(lab: &Lab) {
    let _office = Office::new(lab);
    let _docker = Docker::start(lab);
    let _mesh = Tailscale::up(lab);
    let plan = |prefix: &str| {
        let profile = format!(
            "profile \"clash\" {{ link \"vpn\" {{ match name=\"tailscale0\"; }}\n \
             routes {{ route \"{prefix}\" link=\"vpn\"; }}; }}"
        );
        lab.write_profile("clash", &profile);
        lab.netprof("plan clash")
    };
    let said = plan("10.201.0.128/25").exits(0).stderr;
    let both = "through tailscale0 of tailscale takes addresses of 10.201.0.0/24, the network of docker on docker0";
    assert!(said.contains(both), "{said}");
    let said = plan("10.201.0.0/24").exits(1).stderr;
    assert!(said.contains("through docker0 of docker"), "{said}");
    // What is wider takes nothing away.
    let said = plan("10.201.0.0/16").exits(0).stderr;
    assert!(!said.contains("docker"), "{said}");
}

pub(crate) fn podman_keeps_what_is_its_own(lab: &Lab) {
    let _office = Office::new(lab);
    let container = PodmanContainer::start(lab);
    assert_eq!(owner(lab, "podman0"), "podman");
    let is_connected = || {
        container.reaches("192.168.77.50")
            && container.reaches("192.168.88.1")
            && lab.reaches(&container.address())
    };
    assert!(is_connected());
    lab.write_profile("office", OFFICE);
    let before = Picture::take(lab);
    let of_engine = engines_state(lab);
    lab.netprof("apply office").exits(0);
    assert_eq!(engines_state(lab), of_engine);
    assert!(is_connected());
    lab.netprof("release").exits(0);
    before.assert_same(&Picture::take(lab));

    // The bridge goes with the last container, and nothing of netprof's with it.
    lab.netprof("apply office").exits(0);
    container.end();
    assert!(!lab.succeeds("ip link show podman0"));
    lab.netprof("status --exit-code").exits(0);
    lab.netprof("plan office --exit-code").exits(0);
    lab.netprof("release").exits(0);
}
