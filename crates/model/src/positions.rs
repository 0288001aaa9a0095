//! Where resources stand in a list.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::Resource;

/// Where each resource stands in a list that somebody else keeps.
///
/// It holds a hash of each instead of a copy: of ten thousand routes a copy costs as much
/// as the list.
#[derive(Debug, Default)]
pub struct Positions {
    hashes: RandomState,
    by_hash: HashMap<u64, usize>,
    /// Those whose hash somebody else has: as good as none.
    others: Vec<usize>,
}

impl Positions {
    /// Where `resource` stands; `at` tells what stands at a position.
    pub fn find<'a>(
        &self,
        resource: &Resource,
        at: impl Fn(usize) -> Option<&'a Resource>,
    ) -> Option<usize> {
        let first = self.by_hash.get(&self.hashes.hash_one(resource));
        let mut all = first.into_iter().chain(&self.others).copied();
        all.find(|position| at(*position) == Some(resource))
    }

    /// Notes that `resource`, which stands nowhere yet, stands at `position`.
    pub fn insert(&mut self, resource: &Resource, position: usize) {
        self.note(self.hashes.hash_one(resource), position);
    }

    fn note(&mut self, hash: u64, position: usize) {
        let there = *self.by_hash.entry(hash).or_insert(position);
        if there != position {
            self.others.push(position);
        }
    }

    /// Notes that `resource` does not stand at `position` any more.
    pub fn remove(&mut self, resource: &Resource, position: usize) {
        let hash = self.hashes.hash_one(resource);
        if self.by_hash.get(&hash) == Some(&position) {
            self.by_hash.remove(&hash);
        }
        self.others.retain(|other| *other != position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
