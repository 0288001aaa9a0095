//! What a person's own programs are told of proxies.

use netprof_model::plan::Plan;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::{Resource, Section, Snapshot};

use crate::machine::machine;
use crate::planned::{described, made};

const LINK: &str = "link wlan0\naddr wlan0 192.168.7.20/24\nuser me\n";

const PROXY: &str = r#"
    proxy {
        http "http://me:s3cret@proxy.corp.example:3128"
        export "docker" "desktop" "env"
    }
"#;

/// The machine of two people: what netprof holds for one of them is in the snapshot of the
/// other, and before theirs.
fn of_two(text: &str) -> Snapshot {
    let mut machine = machine(&format!("{LINK}{text}"));
    let user = || "anna".to_owned();
    let path = |file: &str| format!("/home/anna/{file}");
    let of_anna = [
        Settings::DockerClient {
            user: user(),
            path: path(".docker/config.json"),
        },
        Settings::Kde {
            user: user(),
            path: path(".config/kioslaverc"),
        },
        Settings::Gnome { user: user() },
        Settings::Environment { user: user() },
    ];
    let one = ("proxy".to_owned(), Value::Integer(1));
    let live = of_anna
        .map(|one_of| LiveSettings::new(one_of, Section::Seen(Dictionary::from([one.clone()]))));
    let Section::Seen(all) = &mut machine.settings else {
        panic!("not looked for");
    };
    all.splice(0..0, live);
    machine
}

fn changed(plan: &Plan) -> Vec<&Settings> {
    let settings = plan
        .changes
        .iter()
        .filter_map(|change| match &change.resource {
            Resource::Settings(settings) => Some(settings),
            _ => None,
        });
    settings.collect()
}

#[test]
fn nobody_is_told_the_proxy_of_another_person() {
    let machine = of_two("gnome\nkde\nenvironment seen\ndocker-client");
    let plan = made(PROXY, &machine);
    assert!(!plan.is_refused(), "{}", described(&plan));
    let told = changed(&plan);
    assert_eq!(told.len(), 4, "{}", described(&plan));
    for one in told {
        assert_eq!(one.user(), Some("me"), "{one}");
    }
}

#[test]
fn who_has_no_file_in_the_snapshot_is_not_given_that_of_another() {
    let profile = PROXY.replace(r#" "desktop" "env""#, "");
    let plan = made(&profile, &of_two(""));
    assert!(plan.is_refused(), "{}", described(&plan));
    assert_eq!(changed(&plan), [] as [&Settings; 0]);
}
