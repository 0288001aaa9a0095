//! Taking nodes apart, strictly.
//!
//! A [`Form`] hands out the arguments and properties of one node and remembers
//! which of them somebody asked for; what is left at the end is reported as
//! unknown. So no reader of a node can forget to refuse what it does not know.

use std::collections::BTreeSet;

use netprof_model::profile::Spanned;
use netprof_model::{Diagnostic, Location};

use crate::code;
use crate::source::Source;
use crate::suggest::{Shown, did_you_mean, list};
use crate::syntax::{Entry, Node, Nodes, Span, Value};

/// Why a value is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    code: &'static str,
    message: String,
    label: String,
    help: Option<String>,
}

impl Refusal {
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A value, and where in the text it stands. Few of them keep their place: a
/// [`Location`] is made of those alone, by [`Report::spanned`].
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// How many errors are kept, of which the first in the text are shown.
const KEPT: usize = 100;

/// What was found in one file.
pub(crate) struct Report<'s> {
    source: &'s Source,
    diagnostics: Vec<Diagnostic>,
    /// How many errors were found after [`KEPT`] of them.
    more: usize,
    /// Whether parts of the file could not be read: what is missing may be there.
    pub(crate) torn: bool,
}

impl<'s> Report<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self {
            source,
            diagnostics: Vec::new(),
            more: 0,
            torn: false,
        }
    }

    pub(crate) fn location(&self, span: Span) -> Location {
        self.source.location(span)
    }

    /// The value with the place that it keeps.
    pub(crate) fn spanned<T>(&self, placed: Placed<T>) -> Spanned<T> {
        Spanned {
            value: placed.value,
            at: self.location(placed.span),
        }
    }

    /// How many errors were found so far.
    pub(crate) fn count(&self) -> usize {
        self.diagnostics.len() + self.more
    }

    /// The errors that were kept, and how many more there are.
    pub(crate) fn into_parts(self) -> (Vec<Diagnostic>, usize) {
        (self.diagnostics, self.more)
    }

    /// Counts an error that nobody will see, if enough of them are kept.
    fn is_full(&mut self) -> bool {
        let full = self.diagnostics.len() >= KEPT;
        self.more += usize::from(full);
        full
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
    }

    pub(crate) fn refuse(&mut self, span: Span, refusal: Refusal) {
        if self.is_full() {
            return;
        }
        let mut diagnostic = Diagnostic::error(refusal.code, refusal.message)
            .at(self.location(span))
            .label(refusal.label);
        diagnostic.help = refusal.help;
        self.diagnostics.push(diagnostic);
    }

    /// Refuses a node because of what it lacks, unless that may have been unreadable.
    pub(crate) fn missing(&mut self, span: Span, refusal: Refusal) {
        if !self.torn {
            self.refuse(span, refusal);
        }
    }

    /// Refuses a node that is not known in `parent`, which takes `known`.
    pub(crate) fn unknown_node(&mut self, node: Node<'_>, parent: &str, known: &[&str]) {
        if self.is_full() {
            return;
        }
        let name = Shown(node.name());
        let help = did_you_mean(node.name(), known.iter().copied(), || {
            match home_of(node.name()) {
                Some(home) => format!("`{name}` stands in {home}"),
                None => format!("{parent} takes {}", list(known)),
            }
        });
        self.refuse(
            node.name.span,
            Refusal::new(
                code::UNKNOWN_NODE,
                format!("{parent} has no `{name}`"),
                "not known here",
            )
            .help(help),
        );
    }
}

/// Where a node that is in the wrong place belongs.
fn home_of(node: &str) -> Option<&'static str> {
    Some(match node {
        "profile" => "the file itself, not in another node",
        "description" | "when" | "os" => "a `profile`",
        "include" | "dns" | "routes" | "containers" | "proxy" | "mtu" | "clamp-mss" | "remove" => {
            "a `profile` or an `os` block"
        }
        "match" => "a `link` that is declared in the profile",
        "scope" => "`dns`",
        "domains" | "search" | "servers" | "default-route" | "durable" => "a `scope` in `dns`",
        "keep-localhost" | "keep-lan" | "route" | "unreachable" => "`routes`",
        "also" => "`keep-lan` in `routes`",
        "keep-local" | "docker" | "podman" => "`containers`",
        "bridge" => "`docker` in `containers`",
        "subnet" => "`podman` in `containers`",
        "pool" => "`docker` or `podman` in `containers`",
        "http" | "https" | "socks" | "pac" | "bypass" | "export" => "`proxy`",
        "ssid" | "gateway-mac" | "dns-suffix" | "reachable" => "`when`",
        _ => return None,
    })
}

/// One node that is being taken apart.
pub(crate) struct Form<'n> {
    pub(crate) node: Node<'n>,
    /// How many entries nobody asked for yet. Where there is none, whatever else is
    /// asked for is not there, and nothing is unknown.
    left: usize,
    /// How many arguments were handed out.
    taken: usize,
    known: Known,
}

/// The properties of a node that were asked for. No node takes more than a few, and of
/// ten thousand routes each asks for them: a list is made only for those beyond.
#[derive(Default)]
struct Known {
    few: [Option<&'static str>; 8],
    more: Vec<&'static str>,
}

impl Known {
    fn insert(&mut self, key: &'static str) {
        match self.few.iter_mut().find(|place| place.is_none()) {
            Some(free) => *free = Some(key),
            None => self.more.push(key),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.few.iter().flatten().chain(&self.more).copied()
    }

    fn contains(&self, key: &str) -> bool {
        self.iter().any(|known| known == key)
    }
}

impl<'n> Form<'n> {
    pub(crate) fn new(node: Node<'n>, report: &mut Report<'_>) -> Self {
        let entries = node.entries();
        let types = entries.iter().filter_map(|entry| entry.ty);
        for span in node.ty.into_iter().chain(types) {
            report.refuse(
                span,
                Refusal::new(
                    code::TYPE_ANNOTATION,
                    "a type annotation means nothing in a profile",
                    "no types here",
                )
                .help("remove it with its parentheses"),
            );
        }
        Self {
            node,
            left: entries.len(),
            taken: 0,
            known: Known::default(),
        }
    }

    /// The node's name.
    pub(crate) fn name(&self) -> &'n str {
        self.node.name()
    }

    /// Hands out an argument.
    fn take(&mut self) {
        self.taken += 1;
        self.left -= 1;
    }

    fn positional(&self) -> impl Iterator<Item = &'n Entry<'n>> + use<'n> {
        self.node
            .entries()
            .iter()
            .filter(|entry| entry.key.is_none())
    }

    fn keyed<'k>(&self, key: &'k str) -> impl Iterator<Item = &'n Entry<'n>> + use<'n, 'k> {
        let entries = self.node.entries().iter();
        entries.filter(move |entry| entry.key.as_ref().is_some_and(|word| word.text == key))
    }

    /// The next argument, which must be there; `what` says what it is.
    pub(crate) fn argument<T>(
        &mut self,
        report: &mut Report<'_>,
        what: &str,
        read: impl Fn(&Value<'_>) -> Result<T, Refusal>,
    ) -> Option<Placed<T>> {
        let Some(entry) = self.positional().nth(self.taken) else {
            let name = self.name();
            report.missing(
                self.node.name.span,
                Refusal::new(
                    code::MISSING_ARGUMENT,
                    format!("`{name}` needs {what}"),
                    format!("{what} must follow"),
                )
                .help(format!("write {name} {}", example(what))),
            );
            return None;
        };
        self.take();
        value(report, entry, read)
    }

    /// All further arguments; a value that stands twice is refused.
    pub(crate) fn arguments<T: Ord + Clone>(
        &mut self,
        report: &mut Report<'_>,
        read: impl Fn(&Value<'_>) -> Result<T, Refusal>,
    ) -> Vec<Spanned<T>> {
        let mut values: Vec<Spanned<T>> = Vec::new();
        let mut seen = BTreeSet::new();
        for entry in self.positional().skip(self.taken) {
            self.take();
            let Some(value) = value(report, entry, &read) else {
                continue;
            };
            if !seen.insert(value.value.clone()) {
                report.refuse(
                    entry.span,
                    Refusal::new(
                        code::REPEATED_VALUE,
                        format!("`{}` has the same value twice", self.name()),
                        "stands already before",
                    )
                    .help("remove one of them"),
                );
            } else {
                values.push(report.spanned(value));
            }
        }
        values
    }

    /// All further arguments, of which there must be one; `what` says what they are.
    pub(crate) fn some_arguments<T: Ord + Clone>(
        &mut self,
        report: &mut Report<'_>,
        what: &str,
        read: impl Fn(&Value<'_>) -> Result<T, Refusal>,
    ) -> Vec<Spanned<T>> {
        if self.positional().nth(self.taken).is_none() {
            let name = self.name();
            report.missing(
                self.node.name.span,
                Refusal::new(
                    code::MISSING_ARGUMENT,
                    format!("`{name}` needs {what}"),
                    format!("{what} must follow"),
                )
                .help(format!("write {name} {}", example(what))),
            );
        }
        self.arguments(report, read)
    }

    /// Whether the property of that key is given, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keyed(key).next().is_some()
    }

    /// The property of that key; like an argument it is handed out once.
    pub(crate) fn property<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        read: impl Fn(&Value<'_>) -> Result<T, Refusal>,
    ) -> Option<Placed<T>> {
        if self.left == 0 || self.known.contains(key) {
            return None;
        }
        self.known.insert(key);
        let mut found = self.keyed(key);
        let first = found.next()?;
        self.left -= 1;
        for again in found {
            self.left -= 1;
            // KDL lets the last one win, which is never what somebody meant.
            report.refuse(
                again.key.as_ref().map_or(again.span, |word| word.span),
                Refusal::new(
                    code::REPEATED_VALUE,
                    format!("`{key}=` is given twice"),
                    "given already before",
                )
                .help("remove one of them"),
            );
        }
        value(report, first, read)
    }

    /// The boolean property of that key, false where it is not given.
    pub(crate) fn flag(&mut self, report: &mut Report<'_>, key: &'static str) -> bool {
        self.property(report, key, crate::value::boolean)
            .is_some_and(|flag| flag.value)
    }

    /// Help for a property that is known here, and called otherwise elsewhere.
    fn in_other_words(&self, key: &str) -> Option<String> {
        let (own, _) = OTHER_WORDS
            .into_iter()
            .find(|(own, words)| self.known.contains(own) && words.contains(&key))?;
        let more = match own {
            "link" => ", with the name of a `link` that the profile declares",
            _ => "",
        };
        Some(format!("it is called `{own}=` here{more}"))
    }

    /// Ends a node that takes no children.
    pub(crate) fn leaf(self, report: &mut Report<'_>) {
        if let Some(block) = self.node.block {
            report.refuse(
                block.first(),
                Refusal::new(
                    code::NO_CHILDREN,
                    format!("`{}` takes no block", self.name()),
                    "this block",
                )
                .help("remove the braces and what is in them"),
            );
        }
        self.entries_end(report);
    }

    /// Ends a node that takes children, and hands them out.
    pub(crate) fn block(self, report: &mut Report<'_>) -> Nodes<'n> {
        self.entries_end(report);
        self.node.children()
    }

    fn entries_end(&self, report: &mut Report<'_>) {
        if self.left == 0 {
            return;
        }
        let name = self.name();
        for entry in self.positional().skip(self.taken) {
            let refusal = Refusal::new(
                code::EXTRA_ARGUMENT,
                format!("`{name}` takes {} here", arguments(self.taken)),
                "one too many",
            );
            let help = match &entry.value {
                Value::Text(text) if self.known.contains(text) => {
                    format!("a property is written with `=`: {text}=...")
                }
                _ => "remove it".to_owned(),
            };
            report.refuse(entry.span, refusal.help(help));
        }
        for entry in self.node.entries() {
            let Some(key) = &entry.key else { continue };
            if self.known.contains(&key.text) {
                continue;
            }
            let help = did_you_mean(&key.text, self.known.iter(), || {
                if let Some(help) = self.in_other_words(&key.text) {
                    help
                } else if self.known.iter().next().is_none() {
                    format!("`{name}` has no properties: values stand after it without a key")
                } else {
                    format!(
                        "`{name}` takes {}",
                        list(self.known.iter().map(|key| format!("{key}=")))
                    )
                }
            });
            report.refuse(
                key.span,
                Refusal::new(
                    code::UNKNOWN_PROPERTY,
                    format!("`{name}` has no property `{}`", Shown(&key.text)),
                    "not known here",
                )
                .help(help),
            );
        }
    }
}

/// What other programs call a property: ip-route(8), systemd.network(5).
const OTHER_WORDS: [(&str, &[&str]); 4] = [
    ("link", &["dev", "device", "interface", "iface"]),
    ("name", &["dev", "device", "interface", "iface"]),
    ("via", &["gateway", "gw", "nexthop"]),
    ("metric", &["priority", "preference"]),
];

/// What could stand where `what` is missing.
fn example(what: &str) -> &'static str {
    match what {
        "a name" | "the name of a profile" => "\"office\"",
        "the name of a link" => "\"vpn\"",
        "a text" => "\"Corporate VPN up\"",
        "a domain" => "\"corp.example.com\"",
        "a prefix" => "\"10.0.0.0/8\"",
        "the address of a server" => "\"10.0.0.53\"",
        "a number of bytes" => "\"vpn\" 1400",
        "a URL" => "\"http://proxy.example.com:3128\"",
        "a host" => "\"localhost\" \"*.corp.example.com\"",
        "a place" => "\"env\"",
        "a hardware address" => "\"aa:bb:cc:dd:ee:ff\"",
        "a host and port" => "\"intranet.example.com:443\"",
        "the name of a network" => "\"Office\"",
        "#true or #false" => "#true",
        "what is to be removed" => "scope \"NAME\"",
        _ => "\"linux\"",
    }
}

fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        many => format!("{many} arguments"),
    }
}

fn value<T>(
    report: &mut Report<'_>,
    entry: &Entry<'_>,
    read: impl Fn(&Value<'_>) -> Result<T, Refusal>,
) -> Option<Placed<T>> {
    match read(&entry.value) {
        Ok(value) => Some(Placed {
            value,
            span: entry.span,
        }),
        Err(refusal) => {
            report.refuse(entry.span, refusal);
            None
        }
    }
}

/// Which of the nodes that may stand once were seen, and where.
#[derive(Default)]
pub(crate) struct Once<'n> {
    seen: Vec<Node<'n>>,
}

impl<'n> Once<'n> {
    /// Whether `node` is the first of its name; a further one is refused.
    pub(crate) fn first(&mut self, report: &mut Report<'_>, node: Node<'n>, help: &str) -> bool {
        let earlier = self.seen.iter().find(|seen| seen.name() == node.name());
        let Some(earlier) = earlier else {
            self.seen.push(node);
            return true;
        };
        let line = report.location(earlier.name.span).line;
        report.refuse(
            node.name.span,
            Refusal::new(
                code::REPEATED_NODE,
                format!("`{}` stands twice, first on line {line}", node.name()),
                "the second one",
            )
            .help(help.to_owned()),
        );
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    /// The errors of one node, which that reader takes apart.
    fn errors(text: &str, read: impl Fn(&mut Form<'_>, &mut Report<'_>)) -> Vec<Diagnostic> {
        let source = Source::new("x.kdl", text);
        let parsed = parse(text);
        let mut report = Report::new(&source);
        let node = parsed.tree.nodes().next().expect("a node");
        let mut form = Form::new(node, &mut report);
        read(&mut form, &mut report);
        form.leaf(&mut report);
        report.into_parts().0
    }

    #[test]
    fn a_node_may_have_any_number_of_properties() {
        let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let given: String = keys.iter().map(|key| format!(" {key}=#true")).collect();
        let ask_all = |form: &mut Form<'_>, report: &mut Report<'_>| {
            for key in keys {
                assert!(form.flag(report, key), "{key}");
            }
        };
        assert_eq!(errors(&format!("node{given}"), ask_all), []);
        let unknown = errors(&format!("node{given} zebra=#true"), ask_all);
        let [unknown] = unknown.as_slice() else {
            panic!("{unknown:#?}");
        };
        assert_eq!(unknown.code, code::UNKNOWN_PROPERTY);
        let help = unknown.help.as_deref().expect("help");
        for key in keys {
            assert!(help.contains(&format!("{key}=")), "{help}");
        }
    }

    #[test]
    fn a_property_is_handed_out_once() {
        let ask_twice = |form: &mut Form<'_>, report: &mut Report<'_>| {
            assert!(form.flag(report, "a"));
            assert!(!form.flag(report, "a"));
        };
        assert_eq!(errors("node a=#true", ask_twice), []);
        // What nobody asked for is not taken for the one that was asked for again.
        let unknown = errors("node a=#true zebra=#true", ask_twice);
        let codes: Vec<&str> = unknown.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, [code::UNKNOWN_PROPERTY]);
    }
}
