//! Links by number and by name.
//!
//! The kernel's messages name links by number, netprof by name: a number means
//! nothing to a person, and nothing after the next boot.

use std::collections::HashMap;

use netprof_model::link::Link;
use netprof_model::seeded::Seeded;

use super::wire::Unwritable;

/// Which name belongs to which number.
#[derive(Clone, Debug, Default)]
pub struct LinkNames {
    by_index: HashMap<u32, String, Seeded>,
    by_name: HashMap<String, u32, Seeded>,
}

impl LinkNames {
    /// The names of `links`.
    #[must_use]
    pub fn of(links: &[Link]) -> Self {
        let mut names = Self::default();
        for link in links {
            names.insert(link.index, &link.name);
        }
        names
    }

    /// Adds a link.
    pub fn insert(&mut self, index: u32, name: &str) {
        self.by_index.insert(index, name.to_owned());
        self.by_name.insert(name.to_owned(), index);
    }

    /// The name of link `index`.
    #[must_use]
    pub fn name(&self, index: u32) -> Option<&str> {
        self.by_index.get(&index).map(String::as_str)
    }

    /// The number of the link `name`.
    pub fn index(&self, name: &str) -> Result<u32, Unwritable> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| Unwritable::NoLink(name.to_owned()))
    }
}
