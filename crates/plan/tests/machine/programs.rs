//! What a person's programs go by, in words: `environment seen http_proxy=http://old` for the
//! variables of a service manager, `docker-client seen proxies={}` for the members of a file.
//! Without a word there is neither. What is said twice is what is said last.

use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::{Section, Snapshot};

pub(super) fn environment(snapshot: &mut Snapshot, words: &[&str]) {
    let user = "me".to_owned();
    set(snapshot, Settings::Environment { user }, words);
}

pub(super) fn docker_client(snapshot: &mut Snapshot, words: &[&str]) {
    let (user, path) = ("me".to_owned(), "/home/me/.docker/config.json".to_owned());
    set(snapshot, Settings::DockerClient { user, path }, words);
}

fn set(snapshot: &mut Snapshot, settings: Settings, words: &[&str]) {
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    let all: Dictionary = pairs
        .map(|(name, value)| match value {
            "true" => (name.to_owned(), Value::Boolean(true)),
            text => (name.to_owned(), Value::String(text.to_owned())),
        })
        .collect();
    let holds = match words {
        [] => Section::Absent,
        _ => Section::Seen(all),
    };
    let live = super::items(&mut snapshot.settings);
    live.retain(|one| one.settings != settings);
    live.push(LiveSettings::new(settings, holds));
}
