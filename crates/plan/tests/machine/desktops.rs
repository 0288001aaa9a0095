//! What a person's desktops go by, in words: `user me`, `gnome mode=none http/port=8080`,
//! `kde ProxyType=0`; each word a key, of which nothing else is set.

use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::{LiveSettings, Settings};
use netprof_model::user::User;
use netprof_model::{Section, Snapshot};

const KDE: &str = "/home/me/.config/kioslaverc";

/// A person whose settings have been looked for.
pub(super) fn user(snapshot: &mut Snapshot, name: &str) {
    snapshot.user = Some(User {
        name: name.to_owned(),
        uid: 1000,
        gid: 1000,
        home: format!("/home/{name}"),
    });
    snapshot.settings = Section::Seen(Vec::new());
}

pub(super) fn gnome(snapshot: &mut Snapshot, words: &[&str]) {
    let settings = Settings::Gnome {
        user: "me".to_owned(),
    };
    add(snapshot, settings, words);
}

pub(super) fn kde(snapshot: &mut Snapshot, words: &[&str]) {
    let settings = Settings::Kde {
        user: "me".to_owned(),
        path: KDE.to_owned(),
    };
    add(snapshot, settings, words);
}

fn add(snapshot: &mut Snapshot, settings: Settings, words: &[&str]) {
    let mut all = Dictionary::new();
    let mut live = LiveSettings::new(settings, Section::Absent);
    for word in words {
        match word.split_once('=') {
            Some(("locked", key)) => live.locked.push(key.to_owned()),
            Some((key, text)) => _ = all.insert(key.to_owned(), value(key, text)),
            None if *word == "unreachable" => {
                live.unreachable = Some("me has no session".to_owned());
            }
            None => panic!("{word}"),
        }
    }
    if !words.is_empty() {
        live.holds = Section::Seen(all);
    }
    super::items(&mut snapshot.settings).push(live);
}

fn value(key: &str, text: &str) -> Value {
    // KDE's file holds nothing but text.
    let is_kdes = key.starts_with(|c: char| c.is_ascii_uppercase()) || key.ends_with("Proxy");
    match text {
        text if key == "ignore-hosts" => Value::strings(text.split(',')),
        "true" | "false" if !is_kdes => Value::Boolean(text == "true"),
        text if !is_kdes && text.parse::<i64>().is_ok() => Value::Integer(text.parse().unwrap()),
        text => Value::String(text.replace('_', " ")),
    }
}
