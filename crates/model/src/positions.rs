//! Where things stand in a list.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};

use crate::seeded::Seeded;

/// Where each thing stands in a list that somebody else keeps.
///
/// It holds a hash of each instead of a copy: of ten thousand routes a copy costs as much
/// as the list.
#[derive(Debug, Default)]
pub struct Positions {
    hashes: Seeded,
    by_hash: HashMap<u64, usize, Seeded>,
    /// Those whose hash somebody else has: as good as none.
    others: Vec<usize>,
}

impl Positions {
    /// Makes room for `more`.
    pub fn reserve(&mut self, more: usize) {
        self.by_hash.reserve(more);
    }

    /// Where `thing` stands; `at` tells what stands at a position.
    pub fn find<T: Hash + Eq, B: Borrow<T>>(
        &self,
        thing: &T,
        at: impl Fn(usize) -> Option<B>,
    ) -> Option<usize> {
        let first = self.by_hash.get(&self.hashes.hash_one(thing));
        let mut all = first.into_iter().chain(&self.others).copied();
        all.find(|position| at(*position).is_some_and(|there| there.borrow() == thing))
    }

    /// Where `thing` stands; where that is nowhere, it stands at `position` from now on.
    pub fn find_or_insert<T: Hash + Eq, B: Borrow<T>>(
        &mut self,
        thing: &T,
        position: usize,
        at: impl Fn(usize) -> Option<B>,
    ) -> Option<usize> {
        let is_thing =
            |position: &usize| at(*position).is_some_and(|there| there.borrow() == thing);
        let entry = self.by_hash.entry(self.hashes.hash_one(thing));
        let first = match &entry {
            Entry::Occupied(first) => Some(first.get()),
            // Also where the first of those with this hash was removed.
            Entry::Vacant(_) => None,
        };
        let found = first
            .into_iter()
            .chain(&self.others)
            .copied()
            .find(is_thing);
        if found.is_none() {
            match entry {
                Entry::Occupied(_) => self.others.push(position),
                Entry::Vacant(free) => {
                    free.insert(position);
                }
            }
        }
        found
    }

    /// Notes that `thing`, which stands nowhere yet, stands at `position`.
    pub fn insert<T: Hash>(&mut self, thing: &T, position: usize) {
        let hash = self.hashes.hash_one(thing);
        let there = *self.by_hash.entry(hash).or_insert(position);
        if there != position {
            self.others.push(position);
        }
    }

    /// Notes that `thing` does not stand at `position` any more.
    pub fn remove<T: Hash>(&mut self, thing: &T, position: usize) {
        let hash = self.hashes.hash_one(thing);
        if self.by_hash.get(&hash) == Some(&position) {
            self.by_hash.remove(&hash);
        }
        self.others.retain(|other| *other != position);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::*;
    use crate::Resource;

    fn link(dev: &str) -> Resource {
        Resource::LinkUp {
            dev: dev.to_owned(),
        }
    }

    #[test]
    fn each_is_found_where_it_stands_until_it_is_removed() {
        let list: Vec<Resource> = ["a", "b", "c"].map(link).to_vec();
        let at = |position: usize| list.get(position);
        let mut positions = Positions::default();
        for (position, resource) in list.iter().enumerate() {
            assert_eq!(positions.find(resource, at), None);
            positions.insert(resource, position);
        }
        assert_eq!(positions.find(&link("b"), at), Some(1));
        positions.remove(&link("b"), 1);
        assert_eq!(positions.find(&link("b"), at), None);
        assert_eq!(positions.find(&link("c"), at), Some(2));
        assert_eq!(positions.find_or_insert(&link("b"), 1, at), None);
        assert_eq!(positions.find_or_insert(&link("b"), 3, at), Some(1));
    }

    /// Things of one hash.
    #[derive(Debug, PartialEq, Eq)]
    struct Alike(u8);

    impl Hash for Alike {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }

    #[test]
    fn those_with_one_hash_are_told_apart() {
        let list = [0, 1, 2].map(Alike);
        let at = |position: usize| list.get(position);
        let mut positions = Positions::default();
        positions.insert(&list[0], 0);
        positions.insert(&list[1], 1);
        assert_eq!(positions.find_or_insert(&list[2], 2, at), None);
        let find_all = |positions: &Positions| list.each_ref().map(|one| positions.find(one, at));
        assert_eq!(find_all(&positions), [Some(0), Some(1), Some(2)]);
        positions.remove(&list[2], 2);
        assert_eq!(find_all(&positions), [Some(0), Some(1), None]);
        // The others stay where they are when the first of them goes.
        positions.remove(&list[0], 0);
        assert_eq!(find_all(&positions), [None, Some(1), None]);
        assert_eq!(positions.find_or_insert(&list[1], 3, at), Some(1));
        assert_eq!(positions.find_or_insert(&list[0], 0, at), None);
        assert_eq!(find_all(&positions), [Some(0), Some(1), None]);
    }
}
