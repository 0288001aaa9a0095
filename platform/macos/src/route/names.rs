//! Links by number and by name.
//!
//! The kernel's messages name links by number, netprof by name: a number means nothing to
//! a person, and a link that comes back gets another one.

use std::collections::HashMap;

use netprof_model::link::Link;

use super::error::{Malformed, Unwritable};

/// Which name belongs to which number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    by_index: HashMap<u32, String>,
    by_name: HashMap<String, u32>,
}

impl Names {
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
    ///
    /// # Errors
    ///
    /// [`Malformed::UnknownLink`] where the links were read too early or too late.
    pub fn name(&self, index: u32) -> Result<&str, Malformed> {
        self.by_index
            .get(&index)
            .map(String::as_str)
            .ok_or(Malformed::UnknownLink(index))
    }

    /// The number of the link `name`, as the two bytes of `rtm_index` can say it.
    ///
    /// # Errors
    ///
    /// [`Unwritable`] where there is no such link.
    pub fn index(&self, name: &str) -> Result<u16, Unwritable> {
        let index = self.by_name.get(name);
        let index = index.ok_or_else(|| Unwritable::NoLink(name.to_owned()))?;
        u16::try_from(*index).map_err(|_| Unwritable::LinkNumber(name.to_owned()))
    }
}
