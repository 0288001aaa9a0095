//! Where container engines cut their networks from: the files, and what real engines make
//! of them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::harness::{Docker, Lab, Office, Picture, PodmanContainer};

const FILE: &str = "/etc/docker/daemon.json";
const PODMAN_FILE: &str = "/etc/containers/containers.conf.d/60-netprof.conf";

const PROFILE: &str = r#"
profile "pools" {
    containers {
        docker { bridge "172.30.0.1/24"; pool "172.31.0.0/16" size=24; }
        podman { subnet "192.168.240.0/24"; pool "192.168.241.0/24" size=28; }
    }
}
"#;

fn lies_in(subnet: IpNet, pool: &str) {
    let pool: IpNet = pool.parse().unwrap();
    assert!(pool.contains(&subnet), "{subnet} does not lie in {pool}");
}

/// The addresses of Docker's default bridge.
fn docker0(lab: &Lab) -> Vec<String> {
    let shown = lab.ip("addr show docker0");
    let addresses = shown[0]["addr_info"].as_array().unwrap().iter();
    let v4 = addresses.filter(|one| one["family"] == "inet");
    v4.map(|one| format!("{}/{}", one["local"].as_str().unwrap(), one["prefixlen"]))
        .collect()
}

pub(crate) fn docker_cuts_its_networks_where_the_profile_says(lab: &Lab) {
    const REAL: &str = "/opt/dots/docker.json";
    const TEXT: &str =
        "{\r\n\t\"storage-driver\" : \"vfs\" ,\r\n\r\n\t\"log-opts\":{ \"max-size\":\"1m\"\r\n} }";
    let _office = Office::new(lab);
    lab.write(REAL, TEXT);
    fs::set_permissions(REAL, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir_all("/etc/docker").unwrap();
    symlink("../../opt/dots/docker.json", FILE).unwrap();
    lab.write_profile("pools", PROFILE);

    let mut docker = Docker::start_as_told(lab, "");
    assert!(!docker0(lab).contains(&"172.30.0.1/24".to_owned()));
    let said = lab.netprof("plan pools").exits(0).stdout;
    let waits = "waits for Docker to start anew; no container runs";
    assert!(said.contains(waits), "{said}");
    lab.netprof("apply pools").exits(0);
    assert!(lab.netprof("plan pools").exits(0).stdout.contains(waits));
    lab.netprof("plan pools --exit-code").exits(0);
    lab.netprof("status --exit-code").exits(0);
    assert!(Path::new(FILE).is_symlink());
    let real = fs::metadata(REAL).unwrap();
    assert_eq!(real.mode() & 0o7777, 0o640);
    let all: serde_json::Value = serde_json::from_slice(&fs::read(REAL).unwrap()).unwrap();
    assert_eq!(all["log-opts"]["max-size"], "1m");

    docker.stop();
    docker = Docker::start_as_told(lab, "");
    assert_eq!(docker0(lab), ["172.30.0.1/24"]);
    lies_in(docker.new_network(lab, "one"), "172.31.0.0/16");
    let said = lab.netprof("plan pools").exits(0).stdout;
    assert!(!said.contains("waits"), "{said}");

    lab.netprof("rollback").exits(0);
    assert_eq!(fs::read_to_string(REAL).unwrap(), TEXT);
    assert!(Path::new(FILE).is_symlink());
    assert_eq!(fs::metadata(REAL).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_dir("/opt/dots").unwrap().count(), 1);
    docker.stop();
    docker = Docker::start_as_told(lab, "");
    let other = docker.new_network(lab, "other");
    assert!(
        !"172.31.0.0/16".parse::<IpNet>().unwrap().contains(&other),
        "{other}"
    );
    // What it has once had for its own bridge it keeps until it is told another address.
    assert_eq!(docker0(lab), ["172.30.0.1/24"]);
    docker.stop();
}

pub(crate) fn what_was_not_there_is_gone_again_unless_somebody_else_uses_it(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("pools", PROFILE);
    let folders = [FILE, PODMAN_FILE].map(|path| Path::new(path).parent().unwrap());
    fs::remove_dir(folders[0]).unwrap();
    let before = Picture::take(lab);
    lab.netprof("apply pools").exits(0);
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    assert_eq!(folders.map(Path::exists), [false, false]);

    lab.netprof("apply pools").exits(0);
    let mut all: serde_json::Value = serde_json::from_slice(&fs::read(FILE).unwrap()).unwrap();
    all["debug"] = true.into();
    fs::write(FILE, format!("{all:#}")).unwrap();
    lab.netprof("status --exit-code").exits(0);
    lab.netprof("release").exits(0);
    assert_eq!(fs::read_to_string(FILE).unwrap(), "{\n  \"debug\": true\n}");

    // What somebody has changed since is theirs.
    lab.netprof("apply pools").exits(0);
    let mut all: serde_json::Value = serde_json::from_slice(&fs::read(FILE).unwrap()).unwrap();
    all["bip"] = "10.11.12.1/24".into();
    fs::write(FILE, format!("{all:#}")).unwrap();
    lab.netprof("status --exit-code").exits(5);
    let said = lab.netprof("release").exits(0).stdout;
    assert!(said.contains("bip"), "{said}");
    let left: serde_json::Value = serde_json::from_slice(&fs::read(FILE).unwrap()).unwrap();
    assert_eq!(
        left,
        serde_json::json!({"bip": "10.11.12.1/24", "debug": true})
    );
}

pub(crate) fn what_docker_would_choke_on_is_refused_and_nothing_is_changed(lab: &Lab) {
    let _office = Office::new(lab);
    lab.write_profile("pools", PROFILE);
    let refused = |said: &str| {
        let before = Picture::take(lab);
        let stderr = lab.netprof("apply pools").exits(1).stderr;
        assert!(stderr.contains(said), "{stderr}");
        assert!(stderr.contains("pools.kdl:4:"), "{stderr}");
        before.assert_same(&Picture::take(lab));
    };
    for (text, said) in [
        ("{\n  // mine\n}", "line 2, column 3: key must be a string"),
        ("[]", "line 1, column 1"),
        ("", "line 1, column 1"),
        (
            "{\"debug\": true, \"debug\": false}",
            "line 1, column 17: \"debug\" is here for the second time",
        ),
        (
            "{\"bridge\": \"br7\"}",
            "daemon.json says \"bridge\": \"br7\"",
        ),
    ] {
        lab.write(FILE, text);
        refused(said);
    }
    fs::remove_file(FILE).unwrap();
    fs::create_dir(FILE).unwrap();
    refused("neither a file nor");
    fs::remove_dir(FILE).unwrap();

    let mut docker = Docker::start_as_told(lab, "--storage-driver=vfs --bip 10.3.0.1/24");
    refused(&format!(
        "process {}, was started with --bip=10.3.0.1/24, and does not start",
        docker.pid()
    ));
    docker.stop();
    // It is as is said.
    lab.write(FILE, "{\"bip\": \"172.30.0.1/24\"}");
    let ended = lab.output("dockerd --bip 10.3.0.1/24");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("specified both as a flag and in the configuration file: bip"),
        "{said}"
    );
}

/// The subnet of a new network of Podman's.
fn podman_network(lab: &Lab, name: &str) -> IpNet {
    lab.run(&format!("podman network create {name}"));
    let shown = lab.run(&format!("podman network inspect {name}"));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown[0]["subnets"][0]["subnet"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

pub(crate) fn podman_cuts_its_networks_where_the_profile_says(lab: &Lab) {
    let _office = Office::new(lab);
    PodmanContainer::set_up(lab);
    lab.write_profile("pools", PROFILE);
    lab.netprof("apply pools").exits(0);
    lies_in(podman_network(lab, "one"), "192.168.241.0/24");
    let container = PodmanContainer::run(lab, "");
    let address: IpNet = format!("{}/32", container.address()).parse().unwrap();
    lies_in(address, "192.168.240.0/24");
    container.end();
    lab.run("podman network rm one");

    // A file that is read later wins, and that is said.
    let later = "/etc/containers/containers.conf.d/90-mine.conf";
    lab.write(
        later,
        "[network]\ndefault_subnet_pools = [{\"base\" = \"10.44.0.0/16\", \"size\" = 24}]\n",
    );
    let said = lab.netprof("plan pools").exits(0).stderr;
    assert!(said.contains(later), "{said}");
    lies_in(podman_network(lab, "two"), "10.44.0.0/16");
    lab.run("podman network rm two");
    fs::remove_file(later).unwrap();

    lab.netprof("rollback").exits(0);
    assert!(!Path::new(PODMAN_FILE).parent().unwrap().exists());
    lies_in(podman_network(lab, "three"), "10.0.0.0/8");
    lab.run("podman network rm three");
}

pub(crate) fn a_person_is_told_in_their_own_files_and_with_their_own_rights(lab: &Lab) {
    const OWN: &str = "/home/person/.config/docker/daemon.json";
    const OWN_PODMAN: &str = "/home/person/.config/containers/containers.conf.d/60-netprof.conf";
    let _office = Office::new(lab);
    lab.write_profile("pools", PROFILE);
    // Not run where no other id exists.
    lab.command_as_person("true");
    lab.make_folder_of("person", "/home/person/.local/share/containers");
    // Some keep their settings elsewhere.
    fs::create_dir_all("/home/person/dots/config").unwrap();
    symlink("dots/config", "/home/person/.config").unwrap();
    lab.write("/home/person/.config/systemd/user/docker.service", "");
    lab.make_folder_of("person", "/home/person");
    let sudo = |line: &str, status: i32| {
        let mut command = lab.netprof_command(line);
        command.env("SUDO_UID", "1000").env("SUDO_USER", "person");
        let ran = crate::harness::Ran::new(line, command.output().unwrap());
        ran.exits(status)
    };
    let apply = "apply /root/.config/netprof/profiles/pools.kdl";
    sudo(apply, 0);
    for path in [OWN, OWN_PODMAN] {
        let file = fs::metadata(path).unwrap();
        assert_eq!(
            (file.uid(), file.gid(), file.mode() & 0o777),
            (1000, 1000, 0o644),
            "{path}"
        );
        assert_eq!(
            fs::metadata(Path::new(path).parent().unwrap())
                .unwrap()
                .uid(),
            1000
        );
    }
    sudo(
        &format!("{} --exit-code", apply.replace("apply", "plan")),
        0,
    );
    let mine = lab
        .command_as_person(&format!("cat {OWN}"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&mine.stdout).contains("172.30.0.1/24"));
    sudo("rollback", 0);
    for path in [OWN, OWN_PODMAN] {
        assert!(!Path::new(path).parent().unwrap().exists(), "{path}");
    }

    // What they may not read themselves is not read for them.
    lab.write("/etc/secret.json", "{\"bip\": \"10.66.0.1/24\"}");
    fs::set_permissions("/etc/secret.json", fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir_all(Path::new(OWN).parent().unwrap()).unwrap();
    lab.make_folder_of("person", "/home/person");
    symlink("/etc/secret.json", OWN).unwrap();
    let said = sudo(apply, 1).stderr;
    assert!(!said.contains("10.66.0.1"), "{said}");
    assert_eq!(
        fs::read_to_string("/etc/secret.json").unwrap(),
        "{\"bip\": \"10.66.0.1/24\"}"
    );
}

pub(crate) fn a_kill_leaves_files_as_they_were_or_as_they_are_to_be(lab: &Lab) {
    const MOMENTS: u32 = 24;
    let _office = Office::new(lab);
    lab.write_profile("pools", PROFILE);
    lab.write(FILE, "{ \"debug\":true }");
    let before = Picture::take(lab);
    let begun = Instant::now();
    lab.netprof("apply pools").exits(0);
    let whole = begun.elapsed();
    let after = Picture::take(lab);
    lab.netprof("rollback").exits(0);
    before.assert_same(&Picture::take(lab));
    for moment in 0..MOMENTS {
        let mut child = lab.netprof_command("apply pools").spawn().unwrap();
        // A moment is chosen here, and nothing waited for.
        std::thread::sleep(whole * moment / MOMENTS + Duration::from_micros(1));
        let _ = child.kill();
        child.wait().unwrap();
        lab.netprof("recover").exits(0);
        let found = Picture::take(lab);
        if found.differs_in(&after).is_empty() {
            lab.netprof("rollback").exits(0);
        }
        before.assert_same(&Picture::take(lab));
    }
}
