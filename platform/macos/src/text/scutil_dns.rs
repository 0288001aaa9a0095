//! `scutil --dns`: the resolvers, as configd publishes them.
//!
//! The lines and their order are those of configd, `dnsinfo/dnsinfo_logging.h`. Older
//! releases leave out the flags or the reachability where there are none, and word the
//! latter without its number; with `-d` the flags have a number, too, and there is a
//! `config id` (which no part of netprof needs).
//!
//! [`parse`] takes the tool's output whole. [`excerpt`] takes what people paste of it:
//! an address that was redacted is kept as the text that stands there, and each line
//! that cannot be taken for what the tool prints is handed back instead of being read.

use netprof_model::configd::{Resolver, ResolverList};

use super::reach;
use super::{Unexpected, is_remark, numbered, prefixed};

const GENERAL: &str = "DNS configuration";
const SCOPED: &str = "DNS configuration (for scoped queries)";
const SERVICE: &str = "DNS configuration (for service-specific queries)";
const NOTHING: &str = "No DNS configuration available";

/// Why the output of `scutil --dns` was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The tool says that there is none, or said nothing.
    #[error("there is no DNS configuration")]
    NoConfiguration,
    /// A line is not as the tool prints it.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// The resolvers of a whole output.
///
/// # Errors
///
/// [`Error`]: which line is not as the tool prints it.
pub fn parse(text: &str) -> Result<ResolverList, Error> {
    if text.trim().is_empty() || text.trim() == NOTHING {
        return Err(Error::NoConfiguration);
    }
    let mut reader = Reader::new();
    for (number, line) in numbered(text) {
        reader.line(number, line, Part::Whole)?;
    }
    Ok(reader.list)
}

/// The resolvers of a part of an output, and the lines that were left out.
///
/// Remarks (`#`, `>`, `$ `), `[...]` and the two stars of Markdown around a line are no
/// part of the output and are passed over. Where a second output begins, the rest is left
/// out: two states are not one.
#[must_use]
pub fn excerpt(text: &str) -> (ResolverList, Vec<Unexpected>) {
    let mut reader = Reader::new();
    let mut left_out = Vec::new();
    for (number, line) in numbered(text) {
        let plain = line.trim().trim_start_matches("**").trim_end_matches("**");
        if is_remark(line) || plain == "[...]" {
            continue;
        }
        if let Err(unexpected) = reader.line(number, plain, Part::Excerpt) {
            let ends = unexpected.expected == NO_SECOND;
            left_out.push(unexpected);
            if ends {
                break;
            }
        }
    }
    (reader.list, left_out)
}

const NO_SECOND: &str = "no second output";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Excerpt,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    General,
    Scoped,
    Service,
}

struct Reader {
    list: ResolverList,
    section: Option<Section>,
    /// Whether the last `resolver #N` could be read, so that what follows is its.
    inside: bool,
    /// The names of the lines that the current resolver has had.
    had: Vec<&'static str>,
}

impl Reader {
    fn new() -> Self {
        Self {
            list: ResolverList::default(),
            section: None,
            inside: false,
            had: Vec::new(),
        }
    }

    fn resolvers(&mut self) -> &mut Vec<Resolver> {
        match self.section {
            None | Some(Section::General) => &mut self.list.resolvers,
            Some(Section::Scoped) => &mut self.list.scoped,
            Some(Section::Service) => &mut self.list.service_specific,
        }
    }

    fn line(&mut self, number: usize, line: &str, part: Part) -> Result<(), Unexpected> {
        let refuse = |expected| Err(Unexpected::new(number, expected, line));
        let text = line.trim();
        if text.is_empty() {
            return Ok(());
        }
        let section = match text {
            GENERAL => Some(Section::General),
            SCOPED => Some(Section::Scoped),
            SERVICE => Some(Section::Service),
            _ => None,
        };
        if section.is_some() {
            if self.section >= section {
                return refuse(NO_SECOND);
            }
            if part == Part::Whole && self.section.is_none() && section != Some(Section::General) {
                return refuse("`DNS configuration`");
            }
            self.section = section;
            self.inside = false;
            return Ok(());
        }
        if part == Part::Whole && self.section.is_none() {
            return refuse("`DNS configuration`");
        }
        if let Some(place) = text.strip_prefix("resolver #") {
            self.inside = false;
            let place: Option<usize> = place.parse().ok();
            let next = self.resolvers().len() + 1;
            match (place, part) {
                (Some(place), Part::Whole) if place == next => {}
                (Some(_), Part::Excerpt) => {}
                _ => return refuse("`resolver #` and the next number"),
            }
            self.resolvers().push(Resolver::default());
            self.inside = true;
            self.had.clear();
            return Ok(());
        }
        if !self.inside {
            return refuse("`resolver #` and a number");
        }
        if text.starts_with("config id: ") {
            return Ok(());
        }
        // Flags that are none leave nothing behind their colon.
        let field = text
            .split_once(" : ")
            .or_else(|| text.strip_suffix(" :").map(|name| (name, "")));
        let Some((name, value)) = field else {
            return refuse("a name, a colon and a value");
        };
        self.field(name.trim_end(), value.trim())
            .map_err(|expected| Unexpected::new(number, expected, line))
    }

    /// Takes one line of the current resolver; the error is what was expected.
    fn field(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        if let Some((list, place)) = indexed(name) {
            let Some(one) = self.resolvers().last_mut() else {
                return Err("a resolver before it");
            };
            let (list, expected) = match list {
                "search domain" => (&mut one.search, "the next search domain"),
                "nameserver" => (&mut one.nameservers, "the next nameserver"),
                "sortaddr" => (&mut one.sort, "the next sortaddr"),
                _ => return Err("a line of a resolver"),
            };
            if place != list.len() {
                return Err(expected);
            }
            list.push(value.to_owned());
            return Ok(());
        }
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
            return Err("a line of a resolver");
        };
        if self.had.contains(&name) {
            return Err("each line of a resolver once");
        }
        let Some(one) = self.resolvers().last_mut() else {
            return Err("a resolver before it");
        };
        match name {
            "domain" => one.domain = Some(value.to_owned()),
            "options" => one.options = Some(value.to_owned()),
            "port" => one.port = Some(port(value).ok_or("a port")?),
            "timeout" => one.timeout = Some(value.parse().map_err(|_| "seconds")?),
            "if_index" => one.link = Some(link(value).ok_or("a number and a name in brackets")?),
            "service_identifier" => {
                one.service_identifier = Some(value.parse().map_err(|_| "a number")?);
            }
            "flags" => set_flags(one, value).ok_or("names of flags")?,
            "reach" => one.reach = Some(reach::parse(value).ok_or("how it can be reached")?),
            "order" => one.order = value.parse().map_err(|_| "a number")?,
            _ => {}
        }
        self.had.push(name);
        Ok(())
    }
}

const NAMES: [&str; 9] = [
    "domain",
    "options",
    "port",
    "timeout",
    "if_index",
    "service_identifier",
    "flags",
    "reach",
    "order",
];

/// `nameserver[0]` as its name and its number.
fn indexed(name: &str) -> Option<(&str, usize)> {
    let (list, place) = name.strip_suffix(']')?.split_once('[')?;
    Some((list, place.parse().ok()?))
}

/// A port. It is printed as a signed number of 16 bits, so from 32768 on it is negative.
fn port(text: &str) -> Option<u16> {
    let number: i32 = text.parse().ok()?;
    match u16::try_from(number) {
        Ok(port) => Some(port),
        Err(_) => i16::try_from(number).ok().map(i16::cast_unsigned),
    }
}

/// `12 (en0)`; a link that is gone is printed as `?`.
fn link(text: &str) -> Option<(u32, Option<String>)> {
    let (index, name) = text.split_once(" (")?;
    let name = name.strip_suffix(')')?;
    let name = (name != "?").then(|| name.to_owned());
    Some((index.parse().ok()?, name))
}

fn set_flags(resolver: &mut Resolver, text: &str) -> Option<()> {
    let words = match text.split_once('(') {
        Some((number, words)) => {
            prefixed(number.trim())?;
            words.strip_suffix(')')?
        }
        None => text,
    };
    for word in words.split(',').map(str::trim) {
        match word {
            "Scoped" => resolver.scoped = true,
            "Service-specific" => resolver.service_specific = true,
            "Supplemental" => resolver.supplemental = true,
            "Request A records" => resolver.requests_a = true,
            "Request AAAA records" => resolver.requests_aaaa = true,
            "" if words.is_empty() => {}
            // Bits that have no name.
            other => {
                prefixed(other)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
