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
        match self.by_hash.entry(self.hashes.hash_one(thing)) {
            Entry::Vacant(free) => {
                free.insert(position);
                None
            }
            Entry::Occupied(first) => {
                let mut all = std::iter::once(first.get()).chain(&self.others).copied();
                let found = all.find(is_thing);
                if found.is_none() {
                    self.others.push(position);
                }
                found
            }
        }
    }

    /// Notes that `thing`, which stands nowhere yet, stands at `position`.
    pub fn insert<T: Hash>(&mut self, thing: &T, position: usize) {
        self.note(self.hashes.hash_one(thing), position);
    }

    fn note(&mut self, hash: u64, position: usize) {
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

    #[test]
    fn those_with_one_hash_are_told_apart() {
        let list: Vec<Resource> = ["a", "b", "c"].map(link).to_vec();
        let at = |position: usize| list.get(position);
        let mut positions = Positions::default();
        let hash = positions.hashes.hash_one(&list[0]);
        for position in 0..3 {
            positions.note(hash, position);
        }
        let b = positions.hashes.hash_one(&list[1]);
        assert!(b != hash, "two of three hashes are alike");
        assert_eq!(positions.find(&list[0], at), Some(0));
        assert_eq!(positions.find(&list[1], at), Some(1));
        assert_eq!(positions.find(&list[2], at), Some(2));
        positions.remove(&list[2], 2);
        assert_eq!(positions.find(&list[2], at), None);
    }
}
