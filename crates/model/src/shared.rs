//! Values that many things hold alike.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A value that is shared until somebody changes it: who does gets a copy of their own.
///
/// A thousand routes by one gateway lead the same way, and each of them is in a plan, in
/// what is held, and in what was read back.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Shared<T>(Arc<T>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl<T: PartialEq> PartialEq<T> for Shared<T> {
    fn eq(&self, other: &T) -> bool {
        *self.0 == *other
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Makes one of values that come one behind the other and are alike.
#[derive(Debug, Default)]
pub struct Alike<T>(Option<Shared<T>>);

impl<T: PartialEq> Alike<T> {
    /// `value`, as the one before where they are equal.
    pub fn share(&mut self, value: Shared<T>) -> Shared<T> {
        match &self.0 {
            Some(last) if *last == value => last.clone(),
            _ => self.0.insert(value).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changes_a_shared_value_changes_their_own() {
        let one = Shared::from(String::from("a"));
        let mut other = one.clone();
        assert!(std::ptr::eq(&*one, &*other));
        other.push('b');
        assert_eq!((one.as_str(), other.as_str()), ("a", "ab"));
        assert_ne!(one, other);
    }

    #[test]
    fn what_is_alike_is_held_once() {
        let mut alike = Alike::default();
        let one: Shared<u8> = alike.share(Shared::from(1));
        let same = alike.share(Shared::from(1));
        let other = alike.share(Shared::from(2));
        assert!(std::ptr::eq(&*one, &*same));
        assert_eq!(*other, 2);
    }
}
