//! From plain data to what is printed.

pub mod diagnostics;
pub mod evidence;
pub mod json;
pub mod macos;
pub mod plan;
pub mod settings;
pub mod shell;
pub mod words;
