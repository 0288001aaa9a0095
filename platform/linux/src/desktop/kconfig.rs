//! KConfig's files: entries of one group are changed, and every other byte stays.
//!
//! A file is lines: `[Group]`, `key=value`, `# comment`. Of two lines with the same key
//! the later one counts, in whichever part of the file with the name of the group it
//! stands. A key may be followed by a language or by options: `[$e]` (the value is
//! expanded by a shell), `[$d]` (the key is deleted), `[$i]` (whoever comes later cannot
//! change it), and `[$i]` may follow the name of a group or stand alone for all of a file
//! (kconfigini.cpp; 'KDE System Administration/Kiosk').
//!
//! What was added is taken away byte for byte: an entry goes behind the last one of its
//! group, and where the group has none, behind the end, with its own head and an empty
//! line before it, which go with its last entry. A line keeps the spaces in it, and a file
//! its line ends and its last line's lack of one.

/// A group of a file.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    name: &'a str,
    /// All lines, without what ends them. One that ends in a line end has an empty last
    /// line here.
    lines: Vec<&'a [u8]>,
    /// The heads of the group, by their lines.
    heads: Vec<usize>,
    entries: Vec<Entry<'a>>,
    locked: bool,
}

#[derive(Clone, Debug)]
struct Entry<'a> {
    line: usize,
    key: &'a [u8],
    /// Nothing stands between the key and its value.
    plain: bool,
    locked: bool,
}

impl<'a> Group<'a> {
    /// The group `name` of a file.
    #[must_use]
    pub fn of(file: &'a [u8], name: &'a str) -> Self {
        let mut group = Self {
            name,
            lines: file.split(|byte| *byte == b'\n').collect(),
            heads: Vec::new(),
            entries: Vec::new(),
            locked: false,
        };
        let mut is_here = false;
        for (at, line) in group.lines.iter().enumerate() {
            let line = line.trim_ascii();
            if line.starts_with(b"[") {
                let Some((head, locked)) = head(line) else {
                    continue;
                };
                is_here = head == name.as_bytes();
                group.locked |= locked && (is_here || head.is_empty());
                if is_here {
                    group.heads.push(at);
                }
            } else if is_here && let Some(entry) = entry(line, at) {
                group.entries.push(entry);
            }
        }
        group
    }

    /// The value of a key as it is written; none where the file does not say it in so many
    /// words.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let line = self.lines.get(self.plain(key)?)?;
        let (_, value, _) = split(line);
        Some(value)
    }

    /// Whether an administrator has said that nobody changes the key.
    #[must_use]
    pub fn is_locked(&self, key: &str) -> bool {
        let mut entries = self.entries.iter();
        self.locked || entries.any(|entry| entry.locked && entry.key == key.as_bytes())
    }

    /// The file with this value for a key, or without the key.
    #[must_use]
    pub fn with(&self, key: &str, value: Option<&[u8]>) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = self.lines.iter().map(|line| line.to_vec()).collect();
        match (self.plain(key), value) {
            (Some(at), Some(value)) => {
                let (before, _, behind) = split(self.lines[at]);
                lines[at] = [before, value, behind].concat();
            }
            (Some(at), None) => self.remove(&mut lines, at),
            (None, Some(value)) => self.add(&mut lines, &[key.as_bytes(), b"=", value].concat()),
            (None, None) => {}
        }
        lines.join(&b'\n')
    }

    /// The line that counts for a key, if it is a plain one.
    fn plain(&self, key: &str) -> Option<usize> {
        let mut entries = self.entries.iter().rev();
        let last = entries.find(|entry| entry.key == key.as_bytes())?;
        last.plain.then_some(last.line)
    }

    fn add(&self, lines: &mut Vec<Vec<u8>>, entry: &[u8]) {
        // Lines end as the first one does.
        let end: &[u8] = match self.lines.first() {
            Some(first) if first.ends_with(b"\r") => b"\r",
            _ => b"",
        };
        let ended = |line: &[u8]| [line, end].concat();
        if let Some(last) = self.entries.last() {
            lines.insert(last.line + 1, ended(entry));
            return;
        }
        let mut new = vec![ended(format!("[{}]", self.name).as_bytes()), ended(entry)];
        let is_empty_file = matches!(&self.lines[..], [only] if only.is_empty());
        if !is_empty_file {
            new.insert(0, end.to_vec());
        }
        let at = match lines.last() {
            Some(last) if last.is_empty() => lines.len() - 1,
            _ => lines.len(),
        };
        lines.splice(at..at, new);
    }

    /// Removes an entry, and the head that it was the last one of.
    fn remove(&self, lines: &mut Vec<Vec<u8>>, at: usize) {
        let head = self.heads.iter().rev().find(|head| **head < at);
        let head = *head.unwrap_or(&at);
        let is_head = |line: &&[u8]| {
            let line = line.trim_ascii();
            line.starts_with(b"[") && self::head(line).is_some()
        };
        let rest = self.lines.get(head + 1..).unwrap_or_default();
        let length = rest.iter().take_while(|line| !is_head(line)).count();
        let is_empty = (head + 1..=head + length)
            .filter(|line| *line != at)
            .all(|line| self.lines[line].trim_ascii().is_empty());
        lines.remove(at);
        if !is_empty {
            return;
        }
        lines.remove(head);
        let before = head.checked_sub(1);
        if let Some(before) = before.filter(|line| self.lines[*line].trim_ascii().is_empty()) {
            lines.remove(before);
        }
    }
}

/// The name in a head, and whether it is followed by `[$i]`; that alone is about the whole
/// file, and the head of no group.
fn head(line: &[u8]) -> Option<(&[u8], bool)> {
    let inner = line.strip_prefix(b"[")?;
    if inner == b"$i]" {
        return Some((b"", true));
    }
    let end = inner.iter().position(|byte| *byte == b']')?;
    match (inner.get(..end)?, inner.get(end + 1..)?) {
        (name, b"[$i]") => Some((name, true)),
        // What follows is the name of a group in the group.
        (_, rest) if rest.starts_with(b"[") => Some((inner, rest.ends_with(b"[$i]"))),
        (name, _) => Some((name, false)),
    }
}

/// The entry that a line is.
fn entry(line: &[u8], at: usize) -> Option<Entry<'_>> {
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let end = line.iter().position(|byte| *byte == b'=');
    let full = line.get(..end.unwrap_or(line.len()))?.trim_ascii();
    let start = full.iter().position(|byte| *byte == b'[');
    let (key, options) = full.split_at(start.unwrap_or(full.len()));
    Some(Entry {
        line: at,
        key,
        plain: options.is_empty() && end.is_some(),
        locked: options
            .split(|byte| *byte == b'[')
            .any(|option| option.starts_with(b"$") && option.contains(&b'i')),
    })
}

/// The value in a line, what stands before it and what behind it.
fn split(line: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let equals = line.iter().position(|byte| *byte == b'=');
    let from = equals.map_or(line.len(), |at| at + 1);
    let rest = line.get(from..).unwrap_or_default();
    let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let (before, rest) = line.split_at(from + spaces.count());
    let (value, behind) = rest.split_at(rest.trim_ascii_end().len());
    (before, value, behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &str = "Proxy Settings";
    const KEYS: [&str; 3] = ["ProxyType", "httpProxy", "Proxy Config Script"];

    fn get<'a>(file: &'a str, key: &str) -> Option<&'a str> {
        let value = Group::of(file.as_bytes(), NAME).get(key)?;
        std::str::from_utf8(value).ok()
    }

    fn with(file: &str, key: &str, value: Option<&str>) -> String {
        let group = Group::of(file.as_bytes(), NAME);
        String::from_utf8(group.with(key, value.map(str::as_bytes))).unwrap()
    }

    /// As `kcmshell5 proxy` leaves it.
    const WRITTEN: &str = "PersistentProxyConnection=false\nProxyUrlDisplayFlags=15\n\n[$Version]\nupdate_info=kioslave.upd:kde2.2/r1\n\n[Proxy Settings]\nNoProxyFor=\nProxy Config Script=\nProxyType=0\nReversedException=false\nhttpProxy=http://old.example 8080\n";

    #[test]
    fn a_value_changes_where_it_stands() {
        assert_eq!(get(WRITTEN, "ProxyType"), Some("0"));
        assert_eq!(get(WRITTEN, "NoProxyFor"), Some(""));
        assert_eq!(get(WRITTEN, "socksProxy"), None);
        assert_eq!(get(WRITTEN, "ProxyUrlDisplayFlags"), None, "another group");
        let on = with(WRITTEN, "ProxyType", Some("1"));
        assert_eq!(on, WRITTEN.replace("ProxyType=0", "ProxyType=1"));
        let spaced = "[Proxy Settings]\r\n  ProxyType =  0 \r\n";
        let on = with(spaced, "ProxyType", Some("1"));
        assert_eq!(on, spaced.replace('0', "1"));
    }

    #[test]
    fn an_entry_that_was_not_there_goes_behind_the_last_one() {
        let more = with(WRITTEN, "socksProxy", Some("socks://a 1080"));
        assert_eq!(more, format!("{WRITTEN}socksProxy=socks://a 1080\n"));
        assert_eq!(
            with("[Other]\na=1\n", "ProxyType", Some("1")),
            "[Other]\na=1\n\n[Proxy Settings]\nProxyType=1\n"
        );
        assert_eq!(
            with("", "ProxyType", Some("1")),
            "[Proxy Settings]\nProxyType=1\n"
        );
    }

    #[test]
    fn the_later_line_counts_and_a_line_with_options_is_not_written_over() {
        let expanded = "[Proxy Settings]\nhttpProxy=http://a 1\nhttpProxy[$e]=$http_proxy\n";
        assert_eq!(get(expanded, "httpProxy"), None);
        let named = with(expanded, "httpProxy", Some("http://b 2"));
        assert_eq!(named, format!("{expanded}httpProxy=http://b 2\n"));
        assert_eq!(get(&named, "httpProxy"), Some("http://b 2"));
        assert_eq!(with(&named, "httpProxy", None), expanded);
    }

    #[test]
    fn what_an_administrator_has_locked_is_locked() {
        for (file, is) in [
            (WRITTEN, false),
            ("[$i]\n[Proxy Settings]\nProxyType=0\n", true),
            ("[Proxy Settings][$i]\nProxyType=0\n", true),
            ("[Proxy Settings]\nProxyType[$i]=0\n", true),
            ("[Proxy Settings]\nProxyType[$ei]=0\n", true),
            ("[Proxy Settings]\nhttpProxy[$i]=0\n", false),
            ("[Other][$i]\nProxyType=0\n", false),
            ("[Proxy Settings][Inner][$i]\nProxyType=0\n", false),
        ] {
            let group = Group::of(file.as_bytes(), NAME);
            assert_eq!(group.is_locked("ProxyType"), is, "{file}");
        }
    }

    /// Lines that a file may be made of, broken ones among them.
    fn file() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "",
            " ",
            "# comment",
            "[Proxy Settings]",
            "[Proxy Settings]",
            "[Proxy Settings][Inner]",
            "[Other]",
            "[broken",
            "ProxyType=0",
            "ProxyType = 4 ",
            "ProxyType=",
            "ProxyType",
            "httpProxy=http://a 1",
            "httpProxy[$e]=$x",
            "httpProxy[$d]",
            "other=1",
        ]);
        let end = prop::sample::select(vec!["\n", "\r\n"]);
        (prop::collection::vec(line, 0..12), end, any::<bool>()).prop_map(|(lines, end, last)| {
            let mut file = lines.join(end);
            if last && !file.is_empty() {
                file.push_str(end);
            }
            file
        })
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_and_taking_it_back_is_the_file_from_before(
            before in file(),
            keys in prop::sample::subsequence(KEYS.to_vec(), 1..=3).prop_shuffle(),
            back in Just(KEYS.to_vec()).prop_shuffle(),
        ) {
            let mut file = before.clone();
            for key in &keys {
                file = with(&file, key, Some("http://new.example 3128"));
                prop_assert_eq!(get(&file, key), Some("http://new.example 3128"));
            }
            for key in back.iter().filter(|key| keys.contains(key)) {
                file = with(&file, key, get(&before, key));
                prop_assert_eq!(get(&file, key), get(&before, key));
            }
            prop_assert_eq!(file, before);
        }

        #[test]
        fn any_bytes_are_a_file(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let group = Group::of(&bytes, NAME);
            prop_assert_eq!(group.with("ProxyType", None).len() <= bytes.len(), true);
            let set = group.with("ProxyType", Some(b"1"));
            let set = Group::of(&set, NAME);
            prop_assert_eq!(set.get("ProxyType"), Some(&b"1"[..]));
        }
    }
}
