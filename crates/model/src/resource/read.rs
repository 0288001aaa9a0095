//! Reading resources and states.
//!
//! serde reads an enum that is told by a tag by first keeping all of its fields in a tree,
//! because the tag may come last. netprof writes the tag first, and a file may hold ten
//! thousand of these: so where the tag is the first field, the others are read right
//! into the variant. Where it is not, serde has its way.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::{AddressSpec, IpNet, Resource, State};
use crate::dns::{DnsDelegate, DnsLink};
use crate::file::FileState;
use crate::name::Name;
use crate::nft_table::NftTable;
use crate::plist::Dictionary;
use crate::route::{RouteKey, RouteSpec};
use crate::rule::{RuleKey, RuleSpec};
use crate::settings::Settings;
use crate::shared::Shared;

/// An enum that is told by a tag.
trait Tagged<'de>: Sized {
    /// The name of the field that tells.
    const TAG: &'static str;
    /// What is read, for whoever gets something else.
    const WHAT: &'static str;
    /// The tag of the variant that there are thousands of.
    const FREQUENT: &'static str;
    /// The same, read by serde, in whatever order the fields are.
    type Any: Deserialize<'de> + Into<Self>;

    /// Reads that variant from the fields behind the tag.
    fn frequent<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error>;
}

struct TagFirst<T>(PhantomData<T>);

impl<'de, T: Tagged<'de>> Visitor<'de> for TagFirst<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(Text(key)) = map.next_key()? else {
            return Err(A::Error::missing_field(T::TAG));
        };
        let mut value = None;
        if key == T::TAG {
            let Text(tag) = map.next_value()?;
            if tag == T::FREQUENT {
                return T::frequent(map);
            }
            value = Some(tag);
        }
        let begun = Begun {
            key: Some(key),
            value,
            rest: map,
        };
        T::Any::deserialize(MapAccessDeserializer::new(begun)).map(Into::into)
    }
}

/// A text that is not copied where it need not be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A map of which the first key was taken already, and maybe its value.
struct Begun<'de, A> {
    key: Option<Cow<'de, str>>,
    value: Option<Cow<'de, str>>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Begun<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.key.take() {
            Some(key) => seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(CowStrDeserializer::new(value)),
            None => self.rest.next_value_seed(seed),
        }
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TagFirst(PhantomData))
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TagFirst(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum AnyResource {
    LinkUp { dev: String },
    Address { dev: String, local: IpNet },
    Rule(Box<RuleKey>),
    Route(RouteKey),
    DnsLink { dev: String },
    DnsDelegate { name: Name },
    Store { key: String },
    File { path: String },
    Mtu { dev: String },
    Proxies { service: String },
    Settings(Settings),
    NftTable,
}

impl From<AnyResource> for Resource {
    fn from(any: AnyResource) -> Self {
        match any {
            AnyResource::LinkUp { dev } => Self::LinkUp { dev },
            AnyResource::Address { dev, local } => Self::Address { dev, local },
            AnyResource::Rule(key) => Self::Rule(key),
            AnyResource::Route(key) => Self::Route(key),
            AnyResource::DnsLink { dev } => Self::DnsLink { dev },
            AnyResource::DnsDelegate { name } => Self::DnsDelegate { name },
            AnyResource::Store { key } => Self::Store { key },
            AnyResource::File { path } => Self::File { path },
            AnyResource::Mtu { dev } => Self::Mtu { dev },
            AnyResource::Proxies { service } => Self::Proxies { service },
            AnyResource::Settings(settings) => Self::Settings(settings),
            AnyResource::NftTable => Self::NftTable,
        }
    }
}

impl<'de> Tagged<'de> for Resource {
    const TAG: &'static str = "kind";
    const WHAT: &'static str = "a resource";
    const FREQUENT: &'static str = "route";
    type Any = AnyResource;

    fn frequent<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        RouteKey::deserialize(MapAccessDeserializer::new(fields)).map(Self::Route)
    }
}

#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum AnyState {
    LinkUp { up: bool },
    Address(AddressSpec),
    Rule(RuleSpec),
    Route(Shared<RouteSpec>),
    DnsLink(Box<DnsLink>),
    DnsDelegate(Box<DnsDelegate>),
    Store(Dictionary),
    File(FileState),
    Mtu { mtu: u32 },
    Proxies(Dictionary),
    Settings(Dictionary),
    NftTable(Box<NftTable>),
}

impl From<AnyState> for State {
    fn from(any: AnyState) -> Self {
        match any {
            AnyState::LinkUp { up } => Self::LinkUp { up },
            AnyState::Address(spec) => Self::Address(spec),
            AnyState::Rule(spec) => Self::Rule(spec),
            AnyState::Route(spec) => Self::Route(spec),
            AnyState::DnsLink(link) => Self::DnsLink(link),
            AnyState::DnsDelegate(delegate) => Self::DnsDelegate(delegate),
            AnyState::Store(dictionary) => Self::Store(dictionary),
            AnyState::File(file) => Self::File(file),
            AnyState::Mtu { mtu } => Self::Mtu { mtu },
            AnyState::Proxies(dictionary) => Self::Proxies(dictionary),
            AnyState::Settings(dictionary) => Self::Settings(dictionary),
            AnyState::NftTable(table) => Self::NftTable(table),
        }
    }
}

impl<'de> Tagged<'de> for State {
    const TAG: &'static str = "state";
    const WHAT: &'static str = "a state";
    const FREQUENT: &'static str = "route";
    type Any = AnyState;

    fn frequent<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        let spec = RouteSpec::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(Self::Route(spec.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some of each kind, as they are written.
    const RESOURCES: [&str; 5] = [
        r#"{"kind":"link-up","dev":"lo"}"#,
        r#"{"kind":"route","dst":"10.0.0.0/8","table":254,"metric":50,"tos":4}"#,
        r#"{"kind":"dns-delegate","name":"corp"}"#,
        r#"{"kind":"file","path":"/etc/resolver/corp"}"#,
        r#"{"kind":"address","dev":"lo","local":"127.0.0.1/8"}"#,
    ];
    const STATES: [&str; 4] = [
        r#"{"state":"link-up","up":true}"#,
        r#"{"state":"route","kind":"unicast","protocol":110,"scope":253,"hops":[{"dev":"tun0"}]}"#,
        r#"{"state":"rule","protocol":110}"#,
        r#"{"state":"proxies","HTTPEnable":1}"#,
    ];

    /// `text` with its first field behind the others.
    fn turned(text: &str) -> String {
        let (first, rest) = text[1..text.len() - 1].split_once(',').expect("two fields");
        format!("{{{rest},{first}}}")
    }

    #[test]
    fn the_order_of_the_fields_makes_no_difference() {
        for text in RESOURCES {
            let read: Resource = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
            assert_eq!(
                serde_json::from_str::<Resource>(&turned(text)).unwrap(),
                read
            );
        }
        for text in STATES {
            let read: State = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::from_str::<State>(&turned(text)).unwrap(), read);
            let again = serde_json::to_string(&read).expect("JSON");
            assert_eq!(serde_json::from_str::<State>(&again).unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        for text in [
            r#"{}"#,
            r#"{"dst":"10.0.0.0/8"}"#,
            r#"{"kind":"route"}"#,
            r#"{"kind":"rout","dst":"10.0.0.0/8"}"#,
            r#"[]"#,
        ] {
            assert!(serde_json::from_str::<Resource>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_route_costs_no_more_than_it_must() {
        assert!(size_of::<Resource>() <= 64, "{}", size_of::<Resource>());
        assert!(
            size_of::<Option<State>>() <= 40,
            "{}",
            size_of::<Option<State>>()
        );
    }
}
