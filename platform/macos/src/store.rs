//! The dynamic store of configd: what is in it, and how netprof writes to it.
//!
//! What netprof sets are plain keys, which outlive the process that set them and go with
//! configd (configd.tproj/_configclose.c). A key is read again right before it is
//! written: whoever has changed it since the plan was made is left alone.

use netprof_engine::Mode;
use netprof_model::configd::Store;
use netprof_model::plist::{Dictionary, Value};
use netprof_model::{Section, State};

use crate::mac::{Mac, Status};
use crate::plist;

/// The keys that are about the network. configd takes a pattern for the whole of a key.
const NETWORK: [&str; 2] = ["State:/Network/.*", "Setup:/Network/.*"];

/// All that the store says of the network.
#[must_use]
pub fn observe<M: Mac>(mac: &mut M) -> Section<Store> {
    match read(mac, &NETWORK) {
        Ok(all) => Section::Seen(Store(
            all.into_iter()
                .filter(|(key, _)| is_told(key))
                .map(|(key, value)| (key, without_secrets(value)))
                .collect(),
        )),
        Err(why) => Section::Unreadable(why),
    }
}

fn read<M: Mac>(mac: &mut M, patterns: &[&str]) -> Result<Dictionary, String> {
    let bytes = mac.store(patterns).map_err(|status| status.to_string())?;
    match plist::parse(&bytes) {
        Ok(Value::Dictionary(all)) => Ok(all),
        Ok(_) => Err("what configd answers is no dictionary".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a key is of use. What the Wi-Fi driver has last heard is long, changes all the
/// time and names the networks of the neighbours.
fn is_told(key: &str) -> bool {
    !key.ends_with("/AirPort") && !key.contains("/AirPort/")
}

const REMOVED: &str = "somebody else has removed it";

/// What stands in place of a secret: a snapshot is a file that people send around.
const HIDDEN: &str = "(not shown)";

/// `value` without the passwords and shared secrets of PPP, L2TP and IPsec services
/// (`SCSchemaDefinitions.h`), which stand in the clear where no keychain has them.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::Dictionary(all) => {
            let shown = all.into_iter().map(|(key, value)| {
                let secret = key.ends_with("Password") || key.ends_with("SharedSecret");
                let value = if secret {
                    Value::String(HIDDEN.to_owned())
                } else {
                    without_secrets(value)
                };
                (key, value)
            });
            Value::Dictionary(shown.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_secrets).collect()),
        other => other,
    }
}

/// The pattern of a single key: a regular expression, as regex(3) extends it.
fn exactly(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len() + 8);
    for c in key.chars() {
        if r"\^$.[]|()?*+{}".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// What a key says.
///
/// # Errors
///
/// Why it cannot be read, in words.
pub fn get<M: Mac>(mac: &mut M, key: &str) -> Result<Option<Value>, String> {
    Ok(read(mac, &[&exactly(key)])?.remove(key))
}

/// Puts `after` in the place of `before`.
///
/// # Errors
///
/// Why not, in words.
pub fn put<M: Mac>(
    mac: &mut M,
    key: &str,
    before: Option<&State>,
    after: Option<&State>,
    mode: Mode,
) -> Result<(), String> {
    let (before, after) = (dictionary(before)?, dictionary(after)?);
    let live = match get(mac, key)? {
        None => None,
        Some(Value::Dictionary(live)) => Some(live),
        Some(_) => return Err("somebody else has put there what is no dictionary".to_owned()),
    };
    if live.as_ref() == after && mode == Mode::Back {
        return Ok(());
    }
    if live.as_ref() != before {
        return Err(match live {
            None => REMOVED.to_owned(),
            Some(_) => "somebody else has changed it".to_owned(),
        });
    }
    let made = match after {
        None if live.is_none() => Ok(()),
        None => match mac.store_remove(key) {
            // It went between the look and this.
            Err(status) if status.code == Status::NO_KEY => match mode {
                Mode::Back => Ok(()),
                Mode::Forward => return Err(REMOVED.to_owned()),
            },
            other => other,
        },
        Some(after) => {
            let value = Value::Dictionary(after.clone());
            let bytes = plist::to_binary(&value).map_err(|error| error.to_string())?;
            mac.store_set(key, &bytes)
        }
    };
    made.map_err(|status| format!("configd refuses it: {status}"))
}

fn dictionary(state: Option<&State>) -> Result<Option<&Dictionary>, String> {
    match state {
        None => Ok(None),
        Some(State::Store(dictionary)) => Ok(Some(dictionary)),
        Some(_) => Err("the change holds something else than a dictionary".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_a_key_fits_nothing_else() {
        assert_eq!(
            exactly("State:/Network/Service/org.netprof.a+b/DNS"),
            r"State:/Network/Service/org\.netprof\.a\+b/DNS"
        );
    }

    #[test]
    fn secrets_are_not_shown_wherever_they_stand() {
        let text = |text: &str| Value::String(text.to_owned());
        let ppp = Dictionary::from([
            ("AuthName".to_owned(), text("me")),
            ("AuthPassword".to_owned(), text("secret")),
            (
                "Proposals".to_owned(),
                Value::Array(vec![Value::Dictionary(Dictionary::from([(
                    "SharedSecret".to_owned(),
                    Value::Data(b"secret".to_vec()),
                )]))]),
            ),
        ]);
        let shown = without_secrets(Value::Dictionary(ppp));
        let Value::Dictionary(shown) = shown else {
            panic!()
        };
        assert_eq!(shown["AuthName"], text("me"));
        assert_eq!(shown["AuthPassword"], text(HIDDEN));
        let inner = shown["Proposals"].items()[0].as_dictionary().unwrap();
        assert_eq!(inner["SharedSecret"], text(HIDDEN));
    }
}
