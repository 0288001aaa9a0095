//! Proxies as programs have them: in real shells, through a real proxy, in what a real
//! service manager starts, and in the file of the Docker client. And their passwords, which
//! are nowhere else.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;

use crate::harness::{Lab, Office, UserSession};

/// Nothing else on a machine is called so.
const PASSWORD: &str = "s3cr3t-9f41c7";
/// Where variables are for a shell that starts.
const FILE: &str = "/root/.config/environment.d/60-netprof.conf";

/// A proxy on the LAN, which stays reachable past it.
fn profile(name: &str, says: &str, export: &str) -> String {
    format!(
        "profile \"{name}\" {{
            proxy {{
                {says}
                export {export}
            }}
        }}"
    )
}

const HTTP: &str = "http \"http://192.168.77.1:3128\"
    https \"http://192.168.77.1:3128\"
    bypass \"localhost\" \"127.0.0.1\" \"::1\" \"*.corp.example\" \"192.168.77.0/24\"";

const SOCKS: &str = "socks \"socks5://192.168.77.1:1080\"
    bypass \"localhost\" \"127.0.0.1\" \"::1\"";

/// Each shell, and how code of netprof's is run in it.
const SHELLS: [(&str, &str); 4] = [
    ("bash", "eval \"$(netprof env --shell bash)\""),
    ("zsh", "eval \"$(netprof env --shell zsh)\""),
    ("dash", "eval \"$(netprof env --shell posix)\""),
    ("fish", "netprof env --shell fish | source"),
];

/// The variables of proxies that a program has where `script` has been run in `shell`.
fn variables(lab: &Lab, shell: &str, script: &str) -> Vec<String> {
    let mut command = lab.command(&format!("{shell} -c"));
    command.arg(format!("{script}\nenv -0"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{shell}: {script}: {output:?}");
    assert!(output.stderr.is_empty(), "{shell}: {script}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let of_proxies = |line: &&str| {
        let name = line.split('=').next().unwrap_or_default();
        name.to_ascii_lowercase().ends_with("_proxy")
    };
    let mut found: Vec<String> = text
        .split('\0')
        .filter(of_proxies)
        .map(str::to_owned)
        .collect();
    found.sort();
    found
}

pub(crate) fn a_shell_has_the_variables_and_drops_them(lab: &Lab) {
    lab.write_profile("http", &profile("http", HTTP, "\"env\""));
    lab.write_profile("socks", &profile("socks", SOCKS, "\"env\""));
    let exceptions = "localhost,127.0.0.1,::1,.corp.example,192.168.77.0/24";
    let http = [
        "HTTPS_PROXY=http://192.168.77.1:3128".to_owned(),
        "HTTP_PROXY=http://192.168.77.1:3128".to_owned(),
        format!("NO_PROXY={exceptions}"),
        "http_proxy=http://192.168.77.1:3128".to_owned(),
        "https_proxy=http://192.168.77.1:3128".to_owned(),
        format!("no_proxy={exceptions}"),
    ];
    let socks = [
        "ALL_PROXY=socks5://192.168.77.1:1080",
        "NO_PROXY=localhost,127.0.0.1,::1",
        "all_proxy=socks5://192.168.77.1:1080",
        "no_proxy=localhost,127.0.0.1,::1",
    ];
    for (shell, run) in SHELLS {
        let before: Vec<String> = variables(lab, shell, run);
        assert_eq!(before, [""; 0], "{shell}");
        lab.netprof("apply http").exits(0);
        assert_eq!(variables(lab, shell, run), http, "{shell}");
        // Another profile comes while the shell is there.
        let other = format!("{run}\nnetprof apply socks >/dev/null 2>&1\n{run}");
        assert_eq!(variables(lab, shell, &other), socks, "{shell}");
        // What nobody of netprof's has set stays.
        let theirs = format!("export ftp_proxy=theirs\n{run}");
        let theirs = theirs.replace('=', if shell == "fish" { " " } else { "=" });
        let theirs = theirs.replace("export", if shell == "fish" { "set -gx" } else { "export" });
        let found = variables(lab, shell, &theirs);
        assert!(found.contains(&"ftp_proxy=theirs".to_owned()), "{found:?}");
        let none = format!("{run}\nnetprof release >/dev/null 2>&1\n{run}");
        assert_eq!(variables(lab, shell, &none), [""; 0], "{shell}");
    }
    assert!(!Path::new(FILE).exists());
}

pub(crate) fn the_shell_is_the_one_that_is_logged_in_to(lab: &Lab) {
    lab.write_profile("http", &profile("http", HTTP, "\"env\""));
    lab.netprof("apply http").exits(0);
    for (shell, says) in [("/usr/bin/fish", "set -gx "), ("/bin/sh", "export ")] {
        let mut command = lab.netprof_command("env");
        let output = command.env("SHELL", shell).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(says), "{shell}: {text}");
    }
    // What an unknown one makes of another's code nobody can say.
    for shell in ["/bin/tcsh", "/usr/bin/xonsh", ""] {
        let mut command = lab.netprof_command("env");
        let output = command.env("SHELL", shell).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
        assert!(
            said.contains("$SHELL") && said.contains("--shell"),
            "{said}"
        );
    }
    let mut told = lab.netprof_command("env --shell nushell");
    // The file is where `apply` has written it, whatever a shell has for its home.
    let told = told.env("HOME", "/srv").output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["http_proxy"], "http://192.168.77.1:3128");
    let mut told = lab.netprof_command("env --shell nushell");
    let told = told.env("NETPROF_ENV", "NETPROF_ENV all_proxy http_proxy");
    let told: serde_json::Value = serde_json::from_slice(&told.output().unwrap().stdout).unwrap();
    assert_eq!(told["all_proxy"], "", "what goes is none");
    let told = lab.netprof("env --shell posix --json").exits(0).json();
    assert_eq!(told["set"]["http_proxy"], "http://192.168.77.1:3128");
    assert_eq!(told["file"], FILE);
    lab.netprof("env --shell tcsh").exits(2);

    // What somebody else may have written is not run.
    let good = fs::read_to_string(FILE).unwrap();
    for (text, mode) in [
        (good.replace("http_proxy", "LD_PRELOAD"), 0o644),
        (good.replace("# netprof", "# somebody"), 0o644),
        (good.clone(), 0o666),
    ] {
        fs::write(FILE, text).unwrap();
        fs::set_permissions(FILE, fs::Permissions::from_mode(mode)).unwrap();
        let refused = lab.netprof("env --shell posix").exits(1);
        assert_eq!(refused.stdout, "");
        assert!(refused.stderr.contains(FILE), "{}", refused.stderr);
    }
}

/// Values that shells take apart, and many that a simple generator draws.
fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "'",
        "''",
        "\"",
        "\\",
        "\\\\'",
        "$HOME",
        "${HOME}",
        "$$",
        "`id`",
        "$(id)",
        "!!",
        "a b  c",
        "#a",
        "~no-such-user",
        "*",
        ";id",
        "&id",
        "\\n",
        "%20",
        "{a,b}",
        "=ls",
        "-n",
        "\u{e4}\u{20ac}",
    ]
    .map(str::to_owned)
    .into();
    let mut seed: u32 = 7;
    for length in 1..100 {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b' ' + u8::try_from((seed >> 16) % 95).unwrap())
        };
        values.push((0..length % 24 + 1).map(|_| next()).collect());
    }
    // A value at whose ends there are blanks is none of a URL or a list, and what the
    // generator says of a tilde is no longer what a shell takes for one.
    values.retain(|value| {
        value.trim() == value && (!value.contains('~') || value == "~no-such-user")
    });
    values
}

/// The file is written here by the rules of environment.d(5) alone, and read by its own
/// generator as well as by netprof.
pub(crate) fn any_value_comes_out_of_a_shell_as_it_went_in(lab: &Lab) {
    const NAMES: [&str; 8] = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ];
    let generator =
        "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator";
    for values in values().chunks(NAMES.len()) {
        let mut text = "# netprof: a test\n".to_owned();
        let mut expected = Vec::new();
        for (name, value) in NAMES.iter().zip(values) {
            let mut escaped = value.replace('\\', "\\\\").replace('$', "$$");
            for c in ["\"", "`"] {
                escaped = escaped.replace(c, &format!("\\{c}"));
            }
            text.push_str(&format!("{name}=\"{escaped}\"\n"));
            expected.push(format!("{name}={value}"));
        }
        expected.sort();
        lab.write(FILE, &text);
        for (shell, run) in SHELLS {
            assert_eq!(variables(lab, shell, run), expected, "{shell}: {text}");
        }
        let theirs = format!("set -a; eval \"$({generator})\"");
        assert_eq!(variables(lab, "bash", &theirs), expected, "{text}");
    }
}

pub(crate) fn curl_goes_through_the_proxy_and_past_it(lab: &Lab) {
    let office = Office::new(lab);
    let proxy = office.lan.serve_proxy("192.168.77.1:3128");
    let web = office.lan.serve_web("192.168.77.50:80");
    lab.write(
        "/etc/hosts",
        "192.168.77.50 nas.corp.example www.example.com\n",
    );
    let with_password = HTTP.replace("http://192", &format!("http://me:{PASSWORD}@192"));
    lab.write_profile("http", &profile("http", &with_password, "\"env\""));
    let curl = |url: &str| {
        let mut command = lab.command("bash -c");
        command.arg(format!("{}; curl -sS -m 5 {url}", SHELLS[0].1));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(curl("http://www.example.com/"), "from the server\n");
    assert_eq!(web.take().len(), 1);

    lab.netprof("apply http").exits(0);
    assert_eq!(curl("http://www.example.com/"), "from the proxy\n");
    // me:s3cr3t-9f41c7
    let who = "Proxy-Authorization: Basic bWU6czNjcjN0LTlmNDFjNw==";
    let asked = format!("GET http://www.example.com/ HTTP/1.1 {who}");
    assert_eq!(proxy.take(), [asked]);
    // A name without an address is the proxy's matter.
    assert_eq!(curl("http://nowhere.example.com/"), "from the proxy\n");
    assert_eq!(proxy.take().len(), 1);
    let _ = curl("https://www.example.com/");
    let tunnel = format!("CONNECT www.example.com:443 HTTP/1.1 {who}");
    assert_eq!(proxy.take(), [tunnel]);
    assert_eq!(web.take(), [""; 0]);
    for past in ["http://nas.corp.example/", "http://192.168.77.50/"] {
        assert_eq!(curl(past), "from the server\n");
    }
    assert_eq!((proxy.take().len(), web.take().len()), (0, 2));

    lab.netprof("release").exits(0);
    assert_eq!(curl("http://www.example.com/"), "from the server\n");
}

pub(crate) fn a_service_manager_is_told_and_forgets(lab: &Lab) {
    let session = UserSession::start(lab);
    lab.write_profile("http", &profile("http", HTTP, "\"env\""));
    lab.write_profile("socks", &profile("socks", SOCKS, "\"env\""));
    // Somebody's login shell has put one there.
    session.systemctl("set-environment http_proxy=http://theirs FOO=bar");
    let before = session.systemctl("show-environment");

    lab.netprof("apply http").exits(0);
    let through = Some("http://192.168.77.1:3128".to_owned());
    assert_eq!(session.variable("http_proxy"), through);
    assert_eq!(session.variable("HTTPS_PROXY"), through);
    assert_eq!(session.variable("FOO").as_deref(), Some("bar"));
    assert!(
        lab.netprof("status --exit-code")
            .exits(0)
            .stdout
            .contains("root")
    );

    // One that is changed by somebody is theirs, the others are put back.
    lab.netprof("apply socks").exits(0);
    assert_eq!(
        session.variable("http_proxy").as_deref(),
        Some("http://theirs")
    );
    assert_eq!(session.variable("HTTPS_PROXY"), None);
    session.systemctl("set-environment ALL_PROXY=socks5://other");
    lab.netprof("status --exit-code").exits(5);
    lab.netprof("release").exits(0);
    assert_eq!(
        session.variable("ALL_PROXY").as_deref(),
        Some("socks5://other")
    );
    session.systemctl("unset-environment ALL_PROXY");
    assert_eq!(session.systemctl("show-environment"), before);
}

/// What a manager has read from the file when it was started can never be unset.
pub(crate) fn a_service_manager_forgets_what_it_has_read(lab: &Lab) {
    lab.write_profile("http", &profile("http", HTTP, "\"env\""));
    let applied = lab.netprof("apply http").exits(0);
    assert!(
        applied
            .stdout
            .contains("no service manager of theirs is on a bus"),
        "{}",
        applied.stdout
    );
    let session = UserSession::start(lab);
    let through = Some("http://192.168.77.1:3128".to_owned());
    assert_eq!(session.variable("http_proxy"), through);
    drop(session);

    // It runs, and ends, and one that is new has read the file.
    lab.netprof("release").exits(0);
    let session = UserSession::start(lab);
    // This is told to one that ends, and nobody tells it to the next.
    session.systemctl("set-environment http_proxy=http://theirs");
    lab.netprof("apply http").exits(0);
    drop(session);
    lab.netprof("status --exit-code").exits(0);
    let session = UserSession::start(lab);
    assert_eq!(session.variable("http_proxy"), through);
    lab.netprof("status --exit-code").exits(0);
    lab.netprof("release").exits(0);
    for name in ["http_proxy", "HTTPS_PROXY", "no_proxy", "NETPROF_ENV"] {
        assert_eq!(session.variable(name), None, "{name}");
    }
}

/// As the Docker client writes it, with what people put there besides.
const DOCKER: &str = "{\r\n\t\"auths\": { \"registry.example\": {} },\r\n\t\"proxies\": {\r\n\t\t\"tcp://one:2375\": {\"httpProxy\":\"http://one\"},\r\n\t\t\"default\": {\r\n\t\t\t\"ftpProxy\": \"http://ftp\",\r\n\t\t\t\"httpProxy\": \"http://old\"\r\n\t\t}\r\n\t},\r\n\t\"psFormat\": \"x\"\r\n}";

pub(crate) fn the_docker_client_is_told_and_nothing_else_of_its_file_changes(lab: &Lab) {
    let with_password = HTTP.replace("http://192", &format!("http://me:{PASSWORD}@192"));
    lab.write_profile("http", &profile("http", HTTP, "\"docker\""));
    lab.write_profile("secret", &profile("secret", &with_password, "\"docker\""));
    let (link, real) = ("/root/.docker/config.json", "/root/dotfiles/docker.json");
    let read = || serde_json::from_slice::<Value>(&fs::read(real).unwrap()).unwrap();
    lab.write(real, DOCKER);
    fs::create_dir_all("/root/.docker").unwrap();
    symlink("../dotfiles/docker.json", link).unwrap();
    fs::set_permissions(real, fs::Permissions::from_mode(0o644)).unwrap();

    lab.netprof("apply http").exits(0);
    let file = read();
    assert_eq!(
        file["proxies"]["default"]["httpProxy"],
        "http://192.168.77.1:3128"
    );
    assert_eq!(file["proxies"]["default"]["ftpProxy"], "http://ftp");
    assert_eq!(
        file["proxies"]["default"]["noProxy"],
        "localhost,127.0.0.1,::1,.corp.example,192.168.77.0/24"
    );
    assert_eq!(file["proxies"]["tcp://one:2375"]["httpProxy"], "http://one");
    assert_eq!(file["auths"]["registry.example"], serde_json::json!({}));

    // Others may read it: no place for a password.
    let refused = lab.netprof("apply secret").exits(1);
    assert!(
        refused.stderr.contains(&format!("chmod 600 {real}")),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains(PASSWORD));
    fs::set_permissions(real, fs::Permissions::from_mode(0o600)).unwrap();
    lab.netprof("apply secret").exits(0);
    assert!(fs::read_to_string(real).unwrap().contains(PASSWORD));
    lab.netprof("rollback").exits(0);
    lab.netprof("release").exits(0);
    assert_eq!(fs::read_to_string(real).unwrap(), DOCKER);
    assert_eq!(fs::metadata(real).unwrap().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(link).unwrap().is_symlink());

    // What is no JSON object is refused, and as it was.
    fs::write(real, "{ \"proxies\": ").unwrap();
    let refused = lab.netprof("apply http").exits(1);
    assert!(refused.stderr.contains(real), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(real).unwrap(), "{ \"proxies\": ");

    // Where there is none, it is made, and goes.
    fs::remove_dir_all("/root/.docker").unwrap();
    lab.netprof("apply secret").exits(0);
    assert_eq!(fs::metadata(link).unwrap().mode() & 0o777, 0o600);
    lab.netprof("release").exits(0);
    assert!(!Path::new("/root/.docker").exists());

    // Somebody has logged in to a registry meanwhile: that stays.
    lab.netprof("apply http").exits(0);
    let text = fs::read_to_string(link).unwrap();
    fs::write(link, text.replacen('{', "{\"auths\": {},", 1)).unwrap();
    lab.netprof("release").exits(0);
    let left: Value = serde_json::from_slice(&fs::read(link).unwrap()).unwrap();
    assert_eq!(left, serde_json::json!({ "auths": {} }));
}

/// The one who called sudo is told, and theirs is what was written.
pub(crate) fn it_is_the_caller_of_sudo_who_is_told(lab: &Lab) {
    let who = lab.command_as_person("true").output().unwrap();
    assert!(who.status.success());
    let with_password = HTTP.replace("http://192", &format!("http://me:{PASSWORD}@192"));
    lab.write(
        "/home/person/.config/netprof/profiles/http.kdl",
        profile("http", &with_password, "\"env\" \"docker\""),
    );
    lab.run("chown -R person:person /home/person");
    let mut apply = lab.netprof_command("apply http");
    let output = apply.env("SUDO_UID", "1000").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for file in [
        ".config/environment.d/60-netprof.conf",
        ".docker/config.json",
    ] {
        let found = fs::metadata(Path::new("/home/person").join(file)).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o777),
            (1000, 1000, 0o600)
        );
    }
    let told = lab
        .netprof_command_as_person("env --shell bash")
        .output()
        .unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.contains(PASSWORD), "{text}");
    // Root does not run what lies in somebody's home.
    let mut as_root = lab.netprof_command("env --shell bash");
    let none = as_root.env("HOME", "/home/person").output().unwrap();
    assert!(none.status.success() && none.stdout.is_empty(), "{none:?}");
    let mut release = lab.netprof_command("release");
    assert!(release.env("SUDO_UID", "1000").status().unwrap().success());
    assert!(!Path::new("/home/person/.docker").exists());
    assert!(!Path::new("/home/person/.config/environment.d").exists());
}

pub(crate) fn what_no_system_has_is_refused_and_nothing_is_dropped_in_silence(lab: &Lab) {
    let pac = "pac \"http://wpad.example/proxy.pac\"";
    for (says, export, status, said) in [
        (
            HTTP,
            "\"system\"",
            1,
            "Linux keeps no proxies for all programs",
        ),
        (pac, "\"env\"", 0, "no variable names a PAC file"),
        (pac, "\"docker\"", 0, "names no PAC file to a container"),
        ("bypass \"localhost\"", "\"env\"", 0, "no proxy is named"),
    ] {
        lab.write_profile("p", &profile("p", says, export));
        let plan = lab.netprof("plan p").exits(status);
        let all = format!("{}{}", plan.stdout, plan.stderr);
        assert!(all.contains(said), "{said}?\n{all}");
    }
    lab.write_profile(
        "p",
        "profile \"p\" { proxy { http \"http://proxy.example:3128\"; }; }",
    );
    let plan = lab.netprof("plan p").exits(0);
    assert!(plan.stdout.contains("nobody is told"), "{}", plan.stdout);
}

pub(crate) fn what_is_kept_and_not_left_out_is_warned_of(lab: &Lab) {
    let _office = Office::new(lab);
    let with_lan = |says: &str| {
        let link = "link \"lan\" { match name=\"lan0\"; }\n routes { keep-lan \"lan\"; }\n proxy {";
        profile("p", says, "\"env\"").replace("proxy {", link)
    };
    lab.write_profile("p", &with_lan(SOCKS));
    let plan = lab.netprof("plan p").exits(0);
    assert!(
        plan.stderr.contains("add to `bypass`: \"192.168.77.0/24\""),
        "{}",
        plan.stderr
    );
    lab.write_profile("p", &with_lan(HTTP));
    let plan = lab.netprof("plan p").exits(0);
    assert!(!plan.stderr.contains("proxied-network"), "{}", plan.stderr);
}

/// Every file below the root that somebody else than its owner may read, and that has the
/// password in it.
fn shown_to_others(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let skipped = ["/proc", "/sys", "/dev", "/usr"].map(Path::new);
        if kind.is_dir() && !skipped.contains(&path.as_path()) {
            shown_to_others(&path, found);
        }
        let is_read = kind.is_file() && entry.metadata().unwrap().mode() & 0o044 != 0;
        if is_read && contains(&fs::read(&path).unwrap(), PASSWORD) {
            found.push(path.display().to_string());
        }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// The same with a service manager that has it.
pub(crate) fn a_password_that_a_manager_has_shows_nowhere(lab: &Lab) {
    let _session = UserSession::start(lab);
    a_password_shows_nowhere(lab);
}

pub(crate) fn a_password_shows_nowhere(lab: &Lab) {
    let with_password = HTTP.replace("http://192", &format!("http://me:{PASSWORD}@192"));
    let profiles = "/root/.config/netprof/profiles/secret.kdl";
    let everybody = "\"env\" \"desktop\" \"docker\"";
    lab.write(profiles, profile("secret", &with_password, everybody));
    let kde = "/root/.config/kioslaverc";
    lab.write(kde, "[Proxy Settings]\nProxyType=0\n");
    // A profile that somebody else can read is its author's matter.
    fs::set_permissions(profiles, fs::Permissions::from_mode(0o600)).unwrap();
    lab.write_profile("http", &profile("http", HTTP, everybody));
    let wrong = with_password.replace("3128", "312x");
    lab.write("/root/wrong.kdl", profile("wrong", &wrong, "\"env\""));
    fs::set_permissions("/root/wrong.kdl", fs::Permissions::from_mode(0o600)).unwrap();
    let plans = "/root/.plan";

    let one = |arguments: &str, status: i32, is_on_terminal: bool| {
        let (all, ended) = if is_on_terminal {
            lab.on_a_terminal(lab.netprof_command(arguments))
        } else {
            let ran = lab.netprof(arguments);
            (format!("{}{}", ran.stdout, ran.stderr), ran.status)
        };
        assert!(!all.contains(PASSWORD), "{arguments}: {all}");
        assert_eq!(ended, Some(status), "{arguments}: {all}");
        let mut found = Vec::new();
        shown_to_others(Path::new("/"), &mut found);
        assert_eq!(found, [""; 0], "after {arguments}");
    };
    let look = |arguments: &str, status: i32| {
        for json in ["", " --json"] {
            for is_on_terminal in [false, true] {
                one(&format!("{arguments}{json}"), status, is_on_terminal);
            }
        }
    };
    look("check secret", 0);
    look("check /root/wrong.kdl", 1);
    look("show secret", 0);
    look("plan secret", 0);
    look(&format!("plan secret --output {plans}"), 0);
    look("apply /root/wrong.kdl", 1);
    for (json, is_on_terminal) in [
        ("", false),
        (" --json", false),
        ("", true),
        (" --json", true),
    ] {
        one(&format!("apply secret{json}"), 0, is_on_terminal);
        assert!(
            contains(&fs::read(FILE).unwrap(), PASSWORD),
            "or this tests nothing"
        );
        assert!(contains(&fs::read(kde).unwrap(), "192.168.77.1"));
        one(&format!("apply http{json}"), 0, is_on_terminal);
        one(&format!("rollback{json}"), 0, is_on_terminal);
        one(&format!("release{json}"), 0, is_on_terminal);
    }
    one("apply secret", 0, false);
    for arguments in [
        "status",
        "plan secret",
        "plan http",
        "history",
        "snapshot",
        "list",
    ] {
        look(arguments, 0);
    }
    // Somebody has changed one of the two: it is shown what was and what is.
    let docker = "/root/.docker/config.json";
    let text = fs::read_to_string(docker).unwrap();
    fs::write(docker, text.replace("3128", "3129")).unwrap();
    look("status", 0);
    look("plan http", 0);
    fs::write(docker, text).unwrap();
    // Failures: what is in the way is told, and what is in it is not.
    let text = fs::read_to_string(FILE).unwrap();
    fs::write(FILE, text.replace("https_proxy", "PATH")).unwrap();
    look("env --shell posix", 1);
    one("release", 0, false);
    lab.write(docker, format!("{{ \"proxies\": \"http://me:{PASSWORD}@"));
    fs::set_permissions(docker, fs::Permissions::from_mode(0o600)).unwrap();
    look("plan secret", 1);
    look("apply secret", 1);

    // On a terminal it is covered, in a pipe it is what it is for.
    fs::remove_file(docker).unwrap();
    fs::remove_file(FILE).unwrap();
    lab.netprof("apply secret").exits(0);
    let (shown, _) = lab.on_a_terminal(lab.netprof_command("env --shell bash"));
    assert!(shown.contains("http://me:***@192.168.77.1:3128"), "{shown}");
    assert!(
        lab.netprof("env --shell bash")
            .exits(0)
            .stdout
            .contains(PASSWORD)
    );
    let shown = lab.netprof("env --shell posix --json").exits(0).stdout;
    assert!(!shown.contains(PASSWORD), "{shown}");
}
