use crate::namespace::Test;

pub(crate) const TESTS: &[Test] = &[];
