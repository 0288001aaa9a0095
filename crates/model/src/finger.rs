//! Searching a sorted list from where the last search ended.

use std::cell::Cell;
use std::cmp::Ordering;

/// The place in a sorted list where the last search ended, and the next one begins.
///
/// Ten thousand routes are looked up one after the other, and nearly always in their order:
/// then each is found by a step or two. Out of order a search takes twice the steps of one
/// that halves the list, and no more.
#[derive(Clone, Debug, Default)]
pub struct Finger(Cell<usize>);

impl Finger {
    /// The place of the first of `sorted` that `before` does not take, which is taken for all
    /// that come earlier: [`slice::partition_point`].
    pub fn partition_point<T>(&self, sorted: &[T], before: impl Fn(&T) -> bool) -> usize {
        let found = self.search(sorted, |one| match before(one) {
            true => Ordering::Less,
            false => Ordering::Greater,
        });
        found.unwrap_or_else(|behind| behind)
    }

    /// A place in `sorted` that `compare` calls equal, or where there is none that of the first
    /// which it calls greater: [`slice::binary_search_by`].
    ///
    /// # Errors
    ///
    /// The place where it would be.
    pub fn search<T>(
        &self,
        sorted: &[T],
        compare: impl Fn(&T) -> Ordering,
    ) -> Result<usize, usize> {
        // All before `low` are less, and all from `high` on are greater.
        let (mut low, mut high) = (0, sorted.len());
        let (mut at, mut step) = (self.0.get(), 1);
        while low < high {
            at = at.min(high - 1);
            match compare(&sorted[at]) {
                Ordering::Less => low = at + 1,
                Ordering::Greater => high = at,
                Ordering::Equal => {
                    self.0.set(at + 1);
                    return Ok(at);
                }
            }
            // By steps that double away from the last place, until it is passed.
            at = match (low, high) {
                (0, high) => high.saturating_sub(step),
                (low, high) if high == sorted.len() => low + step - 1,
                (low, high) => low.midpoint(high),
            };
            step *= 2;
        }
        self.0.set(low);
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, and after how many looks at an element.
    fn search(finger: &Finger, sorted: &[usize], wanted: usize) -> (usize, usize) {
        let looks = Cell::new(0);
        let found = finger.partition_point(sorted, |one| {
            looks.set(looks.get() + 1);
            *one < wanted
        });
        (found, looks.get())
    }

    #[test]
    fn wherever_it_begins_it_finds_the_same() {
        for count in 0..20 {
            let sorted: Vec<usize> = (0..count).map(|n| n * 2).collect();
            for begin in 0..=2 * count {
                for wanted in 0..=2 * count {
                    let finger = Finger::default();
                    search(&finger, &sorted, begin);
                    let (found, _) = search(&finger, &sorted, wanted);
                    assert_eq!(found, sorted.partition_point(|one| *one < wanted));
                }
            }
        }
    }

    #[test]
    fn a_list_that_became_shorter_is_searched_all_the_same() {
        let finger = Finger::default();
        search(&finger, &[1, 2, 3, 4], 4);
        assert_eq!(search(&finger, &[1, 2], 2).0, 1);
        assert_eq!(search(&finger, &[], 2).0, 0);
    }

    #[test]
    fn each_is_found_and_what_is_not_there_by_its_place() {
        let sorted: Vec<usize> = (0..20).map(|n| n * 2).collect();
        for begin in 0..=40 {
            for wanted in 0..=40 {
                let finger = Finger::default();
                search(&finger, &sorted, begin);
                let found = finger.search(&sorted, |one| one.cmp(&wanted));
                assert_eq!(found, sorted.binary_search(&wanted));
            }
        }
    }

    #[test]
    fn what_is_there_is_found_in_order_by_one_look() {
        let sorted: Vec<usize> = (0..1_000).collect();
        let (finger, looks) = (Finger::default(), Cell::new(0));
        for wanted in 0..1_000 {
            let found = finger.search(&sorted, |one| {
                looks.set(looks.get() + 1);
                one.cmp(&wanted)
            });
            assert_eq!(found, Ok(wanted));
        }
        assert_eq!(looks.get(), 1_000);
    }

    #[test]
    fn what_is_asked_for_in_order_takes_two_looks() {
        let sorted: Vec<usize> = (0..10_000).collect();
        let finger = Finger::default();
        for wanted in 0..10_000 {
            let (found, looks) = search(&finger, &sorted, wanted);
            assert_eq!(found, wanted);
            assert!(looks <= 2, "{looks} for {wanted}");
        }
        // And out of order twice as many as there are halves, and two.
        for wanted in [7_000, 3, 9_999, 0, 5_000] {
            let (_, looks) = search(&finger, &sorted, wanted);
            assert!(looks <= 2 * 14 + 2, "{looks} for {wanted}");
        }
    }
}
