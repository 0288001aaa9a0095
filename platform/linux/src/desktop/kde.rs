//! KDE's file: how its members stand in it.

use netprof_model::plist::{Dictionary, Value};
use netprof_model::settings::OTHERS;
use netprof_plan::linux::desktop::kde::GROUP;
use netprof_posix::members::Format;

use super::kconfig::Group;

/// A file of KConfig's, of which the group of proxies is looked at.
pub struct KConfig;

impl Format for KConfig {
    fn members(content: &[u8], names: &[&str]) -> Result<Dictionary, String> {
        let group = Group::of(content, GROUP);
        let mut all = Dictionary::new();
        for name in names {
            if let Some(value) = group.get(name) {
                all.insert((*name).to_owned(), text(value));
            }
        }
        if !edited(content, names, |_| None).is_empty() {
            all.insert(OTHERS.to_owned(), Value::Boolean(true));
        }
        Ok(all)
    }

    fn edited(content: Option<&[u8]>, names: &[&str], all: &Dictionary) -> Result<Vec<u8>, String> {
        let content = content.unwrap_or_default();
        Ok(edited(content, names, |name| match all.get(name)? {
            Value::String(text) => Some(text.as_bytes()),
            Value::Data(bytes) => Some(bytes),
            _ => None,
        }))
    }
}

fn edited<'a>(content: &[u8], names: &[&str], value: impl Fn(&str) -> Option<&'a [u8]>) -> Vec<u8> {
    let mut content = content.to_vec();
    for name in names {
        content = Group::of(&content, GROUP).with(name, value(name));
    }
    content
}

fn text(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => Value::Data(value.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use netprof_plan::linux::desktop::kde::KEYS;

    use super::*;

    fn members(content: &[u8]) -> Dictionary {
        KConfig::members(content, &KEYS).unwrap()
    }

    #[test]
    fn what_is_read_of_a_file_and_put_over_another_state_is_the_file() {
        let before = b"a=1\n\n[Proxy Settings]\nProxyType=0\nNoProxyFor=caf\xe9\nother=x\n";
        let found = members(before);
        assert_eq!(found["ProxyType"], Value::String("0".to_owned()));
        assert_eq!(found["NoProxyFor"], Value::Data(b"caf\xe9".to_vec()));
        assert_eq!(found[OTHERS], Value::Boolean(true));
        let mut made = found.clone();
        for (key, value) in [
            ("ProxyType", "1"),
            ("NoProxyFor", ""),
            ("httpProxy", "http://a 1"),
        ] {
            made.insert(key.to_owned(), Value::String(value.to_owned()));
        }
        let after = KConfig::edited(Some(before), &KEYS, &made).unwrap();
        assert_eq!(members(&after), made);
        assert_eq!(
            KConfig::edited(Some(&after), &KEYS, &found).unwrap(),
            before
        );
    }

    #[test]
    fn a_file_of_netprofs_entries_alone_has_no_others() {
        let made = Dictionary::from([("ProxyType".to_owned(), Value::String("1".to_owned()))]);
        let new = KConfig::edited(None, &KEYS, &made).unwrap();
        assert_eq!(new, b"[Proxy Settings]\nProxyType=1\n");
        assert_eq!(members(&new), made);
        assert_eq!(members(b""), Dictionary::new());
    }
}
