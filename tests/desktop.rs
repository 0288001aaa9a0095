//! `export "desktop"`: what GNOME's and KDE's own tools see of it, and what is left.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::harness::{BUS, Lab, Office, Picture, Ran, Session, until};

/// Told to the desktop of the person who called sudo; a route, to see that it is taken back
/// with the rest.
const PROFILE: &str = r#"
profile "office" {
    link "lan" { match name="lan0"; }
    routes { route "198.18.0.0/15" via="192.168.77.1" link="lan"; }
    proxy {
        http "http://me:s3cret@proxy.corp.example:3128"
        socks "socks5://10.0.0.9"
        bypass "localhost" "127.0.0.0/8" "*.home.arpa" "192.168.77.0/24"
        export "desktop"
    }
}
"#;

const PROFILE_FILE: &str = "/tmp/office.kdl";
const DATABASE: &str = "/home/person/.config/dconf/user";

fn sudo(lab: &Lab, arguments: &str) -> Command {
    let mut command = lab.netprof_command(arguments);
    command.env("SUDO_UID", "1000");
    command
}

/// netprof, as sudo runs it for the person.
fn netprof(lab: &Lab, arguments: &str) -> Ran {
    Ran::new(arguments, sudo(lab, arguments).output().unwrap())
}

fn apply(lab: &Lab) -> Ran {
    netprof(lab, &format!("apply {PROFILE_FILE}"))
}

/// A workstation with a cable, whose person has set some of GNOME's settings.
fn gnome(lab: &Lab) -> (Office<'_>, Session) {
    let office = Office::new(lab);
    lab.write(PROFILE_FILE, PROFILE);
    let session = Session::open(lab);
    for set in [
        "mode 'none'",
        "ignore-hosts ['localhost','old.example']",
        "use-same-proxy false",
    ] {
        session.run(lab, &format!("gsettings set org.gnome.system.proxy {set}"));
    }
    let of_http = "org.gnome.system.proxy.http";
    for set in [
        "host old.example",
        "use-authentication true",
        "authentication-password old",
    ] {
        session.run(lab, &format!("gsettings set {of_http} {set}"));
    }
    (office, session)
}

fn get(lab: &Lab, session: &Session, key: &str) -> String {
    let line = format!("gsettings get org.gnome.system.proxy{key}");
    session.run(lab, &line).trim_end().to_owned()
}

/// All that is set below `/system/proxy/`, which tells what is set to its default from what
/// is not set.
fn dump(lab: &Lab, session: &Session) -> String {
    session.run(lab, "dconf dump /system/proxy/")
}

pub(crate) fn a_desktop_is_told_and_everything_goes_back(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let (before, picture) = (dump(lab, &session), Picture::take(lab));
    let mut watch = session.start(lab, "dconf-watch", "dconf watch /system/proxy/");
    let mut monitor = session.start(lab, "gsettings", "gsettings monitor org.gnome.system.proxy");
    // Neither says when it listens: it hears of a change once it does.
    until("both listen", || {
        session.run(lab, "dconf write /system/proxy/ftp/port 1");
        session.run(lab, "dconf reset /system/proxy/ftp/port");
        session.run(
            lab,
            "gsettings set org.gnome.system.proxy use-same-proxy true",
        );
        session.run(
            lab,
            "gsettings set org.gnome.system.proxy use-same-proxy false",
        );
        watch.log().contains("ftp/port") && monitor.log().contains("use-same-proxy")
    });
    assert_eq!(dump(lab, &session), before);

    // Whoever it is for sees the same as root does.
    let plan = format!("plan {PROFILE_FILE} --json");
    let by_person = lab.netprof_command_as_person(&plan).output().unwrap();
    let by_person = Ran::new(&plan, by_person).exits(0).json();
    assert_eq!(by_person["changes"], netprof(lab, &plan).json()["changes"]);

    let said = apply(lab).exits(0);
    assert!(
        said.stdout.contains("without user and password"),
        "{}",
        said.stdout
    );
    for (key, value) in [
        (" mode", "'manual'"),
        (".http host", "'proxy.corp.example'"),
        (".http port", "3128"),
        (".http use-authentication", "false"),
        (".https host", "''"),
        (".ftp host", "''"),
        (".socks host", "'10.0.0.9'"),
        (".socks port", "1080"),
        (
            " ignore-hosts",
            "['localhost', '127.0.0.0/8', '*.home.arpa', '192.168.77.0/24']",
        ),
        // What no profile names.
        (" use-same-proxy", "false"),
        (".http authentication-password", "'old'"),
    ] {
        assert_eq!(get(lab, &session, key), value, "{key}");
    }
    watch.until_logged("http/port");
    monitor.until_logged("mode: 'manual'");
    let kept = fs::read(DATABASE).unwrap();
    assert!(!kept.windows(6).any(|six| six == b"s3cret"));
    for said in [
        &said.stdout,
        &said.stderr,
        &netprof(lab, "status --json").stdout,
    ] {
        assert!(!said.contains("s3cret"), "{said}");
    }

    // The same again is nothing to do.
    let again = netprof(lab, &format!("plan {PROFILE_FILE} --json"))
        .exits(0)
        .json();
    assert_eq!(again["changes"].as_array().unwrap().len(), 0, "{again:#}");
    netprof(lab, "release").exits(0);
    assert_eq!(dump(lab, &session), before);
    picture.assert_same(&Picture::take(lab));
    apply(lab).exits(0);
    netprof(lab, "rollback").exits(0);
    assert_eq!(dump(lab, &session), before);
    picture.assert_same(&Picture::take(lab));
}

/// Each key that a snapshot has is what dconf's own reader says, and each other is unset.
pub(crate) fn what_is_read_is_what_dconf_says(lab: &Lab) {
    let (_office, session) = gnome(lab);
    // Enough for a table of many buckets, and another type than the schema has.
    for number in 0..300 {
        let key = format!("/org/example/of{}/key{number}", number % 7);
        session.run(lab, &format!("dconf write {key} {number}"));
    }
    session.run(lab, "dconf write /system/proxy/https/port 1.5");
    session.run(lab, "dconf write /system/proxy/socks/port 2147483647");
    let long: Vec<String> = (0..90).map(|n| format!("'host-{n}.example'")).collect();
    let long = format!("[{}]", long.join(","));
    session.run(
        lab,
        &format!("dconf write /system/proxy/ignore-hosts {long}"),
    );
    let snapshot = netprof(lab, "snapshot").exits(0).json();
    let all = snapshot["settings"]["value"].as_array().unwrap();
    let gnome = all.iter().find(|one| one["of"] == "gnome").unwrap();
    let holds = gnome["holds"]["value"].as_object().unwrap();
    for key in [
        "mode",
        "autoconfig-url",
        "ignore-hosts",
        "http/host",
        "http/port",
        "http/use-authentication",
        "https/host",
        "socks/host",
        "socks/port",
        "ftp/host",
    ] {
        let said = session.run(lab, &format!("dconf read /system/proxy/{key}"));
        let ours = holds.get(key).map_or(String::new(), |value| {
            format!(
                "{}\n",
                value.to_string().replace('"', "'").replace(',', ", ")
            )
        });
        assert_eq!(ours, said, "{key}");
    }
    assert!(holds["https/port"]["<data>"].is_string(), "{gnome:#}");
    assert_eq!(holds.len(), 6, "{gnome:#}");
}

pub(crate) fn a_setting_that_the_person_changes_stays(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let before = dump(lab, &session);
    apply(lab).exits(0);
    session.run(lab, "gsettings set org.gnome.system.proxy.http port 9999");
    let status = netprof(lab, "status");
    assert!(status.stdout.contains("http/port"), "{}", status.stdout);
    let released = netprof(lab, "release").exits(0);
    assert!(released.stdout.contains("http/port"), "{}", released.stdout);
    let port = "port=9999\n";
    let after = dump(lab, &session);
    assert!(after.contains(port));
    assert_eq!(after.replace(port, ""), before);
}

pub(crate) fn without_a_session_nobody_is_told(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let before = dump(lab, &session);
    session.close();
    // It waits for one, and the rest is done.
    let said = apply(lab).exits(0);
    assert!(
        said.stdout.contains("person has no session"),
        "{}",
        said.stdout
    );
    assert!(lab.run("ip route").contains("198.18.0.0/15"));
    let session = Session::open(lab);
    assert_eq!(dump(lab, &session), before);
    apply(lab).exits(0);
    assert_eq!(get(lab, &session, " mode"), "'manual'");

    // What was told stays told, and is given back once somebody can be told. A rollback is
    // whole or not at all.
    session.close();
    let back = netprof(lab, "rollback").exits(3);
    assert!(
        back.stderr
            .contains("session bus of user 1000 is not there"),
        "{}",
        back.stderr
    );
    assert!(lab.run("ip route").contains("198.18.0.0/15"));
    let said = netprof(lab, "release").exits(0);
    assert!(
        said.stderr.contains("stays held"),
        "{}\n{}",
        said.stdout,
        said.stderr
    );
    assert!(!lab.run("ip route").contains("198.18.0.0/15"));
    let session = Session::open(lab);
    assert_eq!(get(lab, &session, " mode"), "'manual'");
    netprof(lab, "release").exits(0);
    assert_eq!(dump(lab, &session), before);
}

pub(crate) fn a_bus_that_is_dead_takes_all_of_it_back(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let (before, picture) = (dump(lab, &session), Picture::take(lab));
    session.crash();
    let said = apply(lab).exits(3);
    assert!(
        said.stderr.contains("session bus of user 1000"),
        "{}",
        said.stderr
    );
    picture.assert_same(&Picture::take(lab));
    fs::remove_file(BUS).unwrap();
    assert_eq!(dump(lab, &Session::open(lab)), before);
}

pub(crate) fn a_service_that_hangs_is_not_waited_for(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let (before, picture) = (dump(lab, &session), Picture::take(lab));
    lab.run("pkill -STOP -x dconf-service");
    let said = apply(lab).exits(3);
    assert!(
        said.stderr
            .contains("dconf-service did not answer within 2 s"),
        "{}",
        said.stderr
    );
    picture.assert_same(&Picture::take(lab));
    // It does nothing of it afterwards, either: it answers in the order of calls.
    lab.run("pkill -CONT -x dconf-service");
    session.run(lab, "dconf write /org/example/key 1");
    assert_eq!(dump(lab, &session), before);
}

pub(crate) fn a_key_that_an_administrator_has_locked_is_refused(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let before = dump(lab, &session);
    lab.write("/etc/dconf/profile/user", "user-db:user\nsystem-db:site\n");
    lab.write(
        "/etc/dconf/db/site.d/00-proxy",
        "[system/proxy]\nmode='none'\n",
    );
    lab.write("/etc/dconf/db/site.d/locks/proxy", "/system/proxy/mode\n");
    lab.run("dconf compile /etc/dconf/db/site /etc/dconf/db/site.d");
    let writable = "gsettings writable org.gnome.system.proxy mode";
    assert_eq!(session.run(lab, writable), "false\n");
    let said = apply(lab).exits(1);
    assert!(said.stderr.contains("`mode` locked"), "{}", said.stderr);
    assert_eq!(dump(lab, &session), before);
}

/// A session may have another folder for its settings than its person's home says.
pub(crate) fn a_service_that_keeps_another_database_is_not_told(lab: &Lab) {
    let (_office, session) = gnome(lab);
    session.close();
    let elsewhere = ("XDG_CONFIG_HOME", "/home/person/elsewhere");
    let _session = Session::open_with(lab, &[elsewhere]);
    let before = fs::read(DATABASE).unwrap();
    let said = apply(lab).exits(3);
    assert!(
        said.stderr.contains("/home/person/elsewhere/dconf"),
        "{}",
        said.stderr
    );
    assert_eq!(fs::read(DATABASE).unwrap(), before);
    assert!(!fs::exists("/home/person/elsewhere/dconf/user").unwrap());
}

pub(crate) fn kdes_file_is_put_back_byte_for_byte(lab: &Lab) {
    const FILE: &str = "/home/person/.config/kioslaverc";
    const WRITTEN: &str = "ProxyUrlDisplayFlags=15\n\n[Proxy Settings]\nNoProxyFor=old.example\nProxyType=0\nReversedException=true\nhttpsProxy=http://old.example 8080\n\n[Other]\na=1";
    let _office = Office::new(lab);
    lab.write(PROFILE_FILE, PROFILE);
    let session = Session::open(lab);
    lab.write("/home/person/.config/kdeglobals", "[General]\n");
    lab.make_folder_of("person", "/home/person/.config");
    let monitor = "dbus-monitor --session type=signal,interface=org.kde.KIO.Scheduler";
    let mut monitor = session.start(lab, "dbus-monitor", monitor);
    monitor.until_logged("NameAcquired");

    // There was none, and there is none.
    apply(lab).exits(0);
    let new = fs::read_to_string(FILE).unwrap();
    let said = "[Proxy Settings]\nProxyType=1\nNoProxyFor=localhost,127.0.0.0/8,.home.arpa,192.168.77.0/24\nhttpProxy=http://proxy.corp.example 3128\nhttpsProxy=\nsocksProxy=socks://10.0.0.9 1080\nftpProxy=\n";
    assert_eq!(new, said);
    assert_eq!(lab.run(&format!("stat -c %U:%a {FILE}")), "person:600\n");
    monitor.until_logged("reparseSlaveConfiguration");
    netprof(lab, "release").exits(0);
    assert!(!fs::exists(FILE).unwrap());

    // There was one, behind a symbolic link, and with a mode of its own.
    lab.make_folder_of("person", "/home/person/dotfiles");
    lab.write("/home/person/dotfiles/kioslaverc", WRITTEN);
    lab.make_folder_of("person", "/home/person/dotfiles");
    lab.run("chmod 640 /home/person/dotfiles/kioslaverc");
    lab.run(&format!("ln -s ../dotfiles/kioslaverc {FILE}"));
    apply(lab).exits(0);
    let made = WRITTEN
        .replace("=old.example\n", "=localhost,127.0.0.0/8,.home.arpa,192.168.77.0/24\n")
        .replace("ProxyType=0", "ProxyType=1")
        .replace("ReversedException=true", "ReversedException=false")
        .replace(
            "httpsProxy=http://old.example 8080",
            "httpsProxy=\nhttpProxy=http://proxy.corp.example 3128\nsocksProxy=socks://10.0.0.9 1080\nftpProxy=",
        );
    let file = || fs::read_to_string(FILE).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&file()), sorted(&made));
    assert!(file().ends_with("[Other]\na=1"));
    // What somebody else changes meanwhile stays.
    fs::write(FILE, file().replace("a=1", "a=2")).unwrap();
    netprof(lab, "release").exits(0);
    assert_eq!(file(), WRITTEN.replace("a=1", "a=2"));
    assert_eq!(
        lab.run("stat -c %F:%a /home/person/dotfiles/kioslaverc"),
        "regular file:640\n"
    );
    assert!(fs::symlink_metadata(FILE).unwrap().is_symlink());
    assert!(!fs::exists(DATABASE).unwrap(), "nobody has GNOME here");

    // A link of the person's leads root to nothing that is not theirs.
    lab.write("/etc/of-root", WRITTEN);
    lab.run(&format!("ln -sfn /etc/of-root {FILE}"));
    let said = apply(lab).exits(1);
    assert!(said.stderr.contains("symbolic link"), "{}", said.stderr);
    assert_eq!(fs::read_to_string("/etc/of-root").unwrap(), WRITTEN);
}

/// At some moments of an apply, and at least once while something was half done.
pub(crate) fn a_kill_is_recovered_from(lab: &Lab) {
    let (_office, session) = gnome(lab);
    let before = dump(lab, &session);
    apply(lab).exits(0);
    let after = dump(lab, &session);
    netprof(lab, "release").exits(0);
    let begun = Instant::now();
    apply(lab).exits(0);
    let whole = begun.elapsed();
    netprof(lab, "release").exits(0);
    let (mut back, mut new) = (0, 0);
    // A busy machine may need more time for one of them than for another.
    for number in 0..100 {
        let mut child = sudo(lab, &format!("apply {PROFILE_FILE}")).spawn().unwrap();
        // The choice of a moment: what has happened by then is up to the scheduler.
        thread::sleep(whole * (number % 25) / 20);
        let _ = child.kill();
        child.wait().unwrap();
        let recovered = netprof(lab, "recover --json").exits(0).json();
        let now = dump(lab, &session);
        if now == before {
            back += u8::from(recovered["outcome"] == "rolled-back");
        } else {
            assert_eq!(now, after);
            new += 1;
            netprof(lab, "release").exits(0);
            assert_eq!(dump(lab, &session), before);
        }
        if back > 1 && new > 1 {
            return;
        }
    }
    panic!("{back} taken back, {new} in the new state");
}
