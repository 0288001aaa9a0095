//! GVDB: the file that dconf keeps its values in, a hash table made to be mapped.
//!
//! The service replaces the file whole and never writes into it, so what is read at once
//! is one state. It lies in a home, so nothing in it is trusted: whatever its bytes are, a
//! look-up takes time linear in their number, and what does not fit is not there.
//!
//! A file begins with a signature, whose byte order is that of the values, and says where
//! its table is. A table has words of a filter (which a reader may pass over), the first
//! item of each bucket, and the items. The name of an item is the end of a path; the
//! beginning is that of its parent. Numbers of the tables are little-endian
//! (gvdb-format.h, gvdb-reader.c).

/// A table of a file.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    file: &'a [u8],
    big: bool,
    buckets: &'a [[u8; 4]],
    items: &'a [[u8; ITEM]],
}

/// Hash, parent, where its name begins, the name's length, kind, nothing, and where its
/// content begins and ends.
const ITEM: usize = 24;

/// The kinds of items that are looked up.
const VALUE: u8 = b'v';
const TABLE: u8 = b'H';

/// Of an item that is nobody's child.
const NO_PARENT: u32 = u32::MAX;

impl<'a> Table<'a> {
    /// The table that a file begins with; none where it is no such file.
    #[must_use]
    pub fn of(file: &'a [u8]) -> Option<Self> {
        let big = match file.get(..8)? {
            b"GVariant" => false,
            b"raVGtnai" => true,
            _ => return None,
        };
        let header = file.get(8..24)?;
        let version = number(header, 0)?;
        (version == 0).then(|| Self::at(file, big, header.get(8..)?))?
    }

    /// The table in a part of a file. As in GVDB itself, one that does not fit is empty.
    fn at(file: &'a [u8], big: bool, pointer: &[u8]) -> Option<Self> {
        let empty = Self {
            file,
            big,
            buckets: &[],
            items: &[],
        };
        let Some(part) = part(file, pointer, 4) else {
            return Some(empty);
        };
        let split = || {
            // The rest of the first word is how far the filter shifts.
            let words = index(number(part, 0)? & ((1 << 27) - 1))?.checked_mul(4)?;
            let buckets = index(number(part, 4)?)?.checked_mul(4)?;
            let rest = part.get(8..)?.get(words..)?;
            let (buckets, _) = rest.get(..buckets)?.as_chunks();
            let (items, left) = rest.get(buckets.len() * 4..)?.as_chunks();
            left.is_empty().then_some(Self {
                buckets,
                items,
                ..empty
            })
        };
        Some(split().unwrap_or(empty))
    }

    /// Whether numbers in values are big-endian.
    #[must_use]
    pub fn is_big_endian(&self) -> bool {
        self.big
    }

    /// The variant that is kept under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let item = self.look_up(name.as_bytes(), VALUE)?;
        part(self.file, item.get(16..)?, 8)
    }

    /// The table that is kept under a name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<Self> {
        let item = self.look_up(name.as_bytes(), TABLE)?;
        Self::at(self.file, self.big, item.get(16..)?)
    }

    fn look_up(&self, name: &[u8], kind: u8) -> Option<&'a [u8; ITEM]> {
        let hash = hash(name);
        let bucket = index(hash)?.checked_rem(self.buckets.len())?;
        let first = |bucket: usize| index(u32::from_le_bytes(*self.buckets.get(bucket)?));
        let from = first(bucket)?;
        let until = first(bucket + 1).map_or(self.items.len(), |next| next.min(self.items.len()));
        let mut items = self.items.get(from..until)?.iter();
        items.find(|item| {
            number(*item, 0) == Some(hash) && item[14] == kind && self.is_called(item, name)
        })
    }

    /// Whether the name of an item, with those of its parents before it, is `name`.
    fn is_called(&self, mut item: &'a [u8; ITEM], mut name: &[u8]) -> bool {
        loop {
            let Some(own) = self.name_of(item) else {
                return false;
            };
            let Some(rest) = name.strip_suffix(own) else {
                return false;
            };
            let parent = number(item, 4).unwrap_or(NO_PARENT);
            if parent == NO_PARENT {
                return rest.is_empty();
            }
            // One without a name could be its own parent.
            let next = index(parent).and_then(|at| self.items.get(at));
            match next {
                Some(parent) if !own.is_empty() => (item, name) = (parent, rest),
                _ => return false,
            }
        }
    }

    fn name_of(&self, item: &[u8; ITEM]) -> Option<&'a [u8]> {
        let start = index(number(item, 8)?)?;
        let length = usize::from(u16::from_le_bytes([item[12], item[13]]));
        self.file.get(start..start.checked_add(length)?)
    }
}

/// The number of four bytes at `at`.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*four))
}

fn index(number: u32) -> Option<usize> {
    usize::try_from(number).ok()
}

/// The part of a file that `pointer` says, if it is aligned so.
fn part<'a>(file: &'a [u8], pointer: &[u8], alignment: usize) -> Option<&'a [u8]> {
    let start = index(number(pointer, 0)?)?;
    let end = index(number(pointer, 4)?)?;
    let is_aligned = start.is_multiple_of(alignment);
    file.get(start..end).filter(|_| is_aligned)
}

/// The hash of a name: that of Bernstein, over signed bytes.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| {
        hash.wrapping_mul(33)
            .wrapping_add_signed(i32::from(byte.cast_signed()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::desktop::gvariant;
    use netprof_model::plist::Value;

    /// What dconf's service made of `gsettings set` and `dconf write`.
    const USER: &[u8] = include_bytes!("databases/user");
    /// What `dconf compile` made of a folder with locks.
    const LOCAL: &[u8] = include_bytes!("databases/local");

    fn value(table: &Table<'_>, name: &str) -> Option<Value> {
        let variant = table.get(name)?;
        Some(gvariant::value(variant, table.is_big_endian()))
    }

    #[test]
    fn what_dconf_has_written_is_read() {
        let table = Table::of(USER).unwrap();
        let text = |text: &str| Some(Value::String(text.to_owned()));
        for (key, wanted) in [
            ("mode", text("manual")),
            ("http/host", text("proxy.corp.example")),
            ("http/port", Some(Value::Integer(3128))),
            ("use-same-proxy", Some(Value::Boolean(false))),
            (
                "ignore-hosts",
                Some(Value::strings(["localhost", "127.0.0.0/8", "*.home.arpa"])),
            ),
            // dconf takes any type under any key, and programs pass over it.
            ("https/port", text("text")),
            ("https/host", None),
            ("", None),
            ("http/", None),
        ] {
            assert_eq!(
                value(&table, &format!("/system/proxy/{key}")),
                wanted,
                "{key}"
            );
        }
        let scale = "/org/gnome/desktop/interface/text-scaling-factor";
        assert!(matches!(value(&table, scale), Some(Value::Data(_))));
        assert!(table.table(".locks").is_none());
    }

    #[test]
    fn locks_are_a_table_in_the_table() {
        let table = Table::of(LOCAL).unwrap();
        assert_eq!(
            value(&table, "/system/proxy/mode"),
            Some(Value::String("none".to_owned()))
        );
        let locks = table.table(".locks").unwrap();
        for (key, is_locked) in [("mode", true), ("http/host", true), ("http/port", false)] {
            let key = format!("/system/proxy/{key}");
            assert_eq!(locks.get(&key).is_some(), is_locked, "{key}");
        }
    }

    #[test]
    fn what_is_no_database_is_none() {
        for bytes in [&b""[..], b"GVariant", b"raVGtnai\0\0\0\0", &USER[1..]] {
            assert!(Table::of(bytes).is_none());
        }
        let mut newer = USER.to_vec();
        newer[8] = 1;
        assert!(Table::of(&newer).is_none());
        // The service replaces such a file by one with what it has in mind.
        let cut = &USER[..24];
        assert_eq!(Table::of(cut).unwrap().get("/system/proxy/mode"), None);
    }

    /// Whatever is asked of whatever bytes has an answer.
    fn ask(bytes: &[u8]) {
        let Some(table) = Table::of(bytes) else {
            return;
        };
        for name in ["/system/proxy/mode", "/system/proxy/http/host", "", "/"] {
            let _ = value(&table, name);
            let _ = table.table(name).map(|inner| value(&inner, name));
        }
        let _ = table
            .table(".locks")
            .map(|locks| locks.get("/system/proxy/mode"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            ask(&[b"GVariant\0\0\0\0", &bytes[..]].concat());
            ask(&bytes);
        }

        #[test]
        fn no_broken_database_makes_the_reader_panic(
            (whole, cut, changes) in prop::sample::select(vec![USER, LOCAL]).prop_flat_map(|whole| (
                Just(whole),
                0..=whole.len(),
                prop::collection::vec((0..whole.len(), any::<u8>()), 0..8),
            ))
        ) {
            let mut bytes = whole.to_vec();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            ask(&bytes);
            ask(&bytes[..cut]);
        }
    }

    #[test]
    fn an_item_that_is_its_own_parent_is_nobody() {
        // One bucket, and one item with this hash, no name and itself as parent.
        let mut file = b"GVariant".to_vec();
        let mut put = |number: u32| file.extend(number.to_le_bytes());
        for number in [0, 0, 24, 60, 0, 1, 0, hash(b"/a"), 0, 0] {
            put(number);
        }
        file.extend([0, 0, VALUE, 0]);
        file.extend([0; 8]);
        assert_eq!(file.len(), 60);
        assert_eq!(Table::of(&file).unwrap().get("/a"), None);
    }
}
