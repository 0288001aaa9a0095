//! The calls themselves: the only code that is compiled on macOS alone, so that no test
//! elsewhere reaches it. It carries bytes and looks into none of them.

mod configd;
mod kernel;

use std::fs::File;

use crate::backend::Macos;

/// This Mac. What a call needs open is opened for the first one.
#[derive(Debug, Default)]
pub struct Here {
    routing: Option<File>,
    v4: Option<File>,
    v6: Option<File>,
    notices: Option<File>,
}

impl Macos<Here> {
    /// The Mac that this runs on. Nothing is opened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Here::default(), "/")
    }
}
