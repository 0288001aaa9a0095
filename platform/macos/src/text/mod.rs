//! What the command line tools of macOS print, as data.
//!
//! netprof itself asks the kernel and configd, never a tool. People, however, describe a
//! Mac by what its tools print, and there it is that one finds out how a Mac really
//! looks: so a test or a report of a bug can start from pasted text, and from nothing
//! else ([`paste`]).
//!
//! What is pasted is seldom whole. It is cut, redacted, indented anew, decorated with a
//! prompt. So a parser here either says on which line it expected what ([`Unexpected`]),
//! or, where it may go on, hands back such a sentence for each line that it left out:
//! nothing is dropped in silence, and nothing that is not in the text is made up.

pub mod dictionary;
pub mod ifconfig;
pub mod netstat;
pub mod paste;
pub mod reach;
pub mod schema;
pub mod scutil_dns;
pub mod scutil_nwi;

/// A line that is not what stands there in the tool's own output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, found `{found}`")]
pub struct Unexpected {
    /// Which line, from 1; one past the last where the text ends too early.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
    /// The head of what does.
    pub found: String,
}

impl Unexpected {
    /// How much of a line is quoted.
    const QUOTED: usize = 80;

    pub(crate) fn new(line: usize, expected: &'static str, found: &str) -> Self {
        Self {
            line,
            expected,
            found: found.trim().chars().take(Self::QUOTED).collect(),
        }
    }
}

/// The lines of `text` with their numbers, from 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().zip(1..).map(|(line, number)| (number, line))
}

/// A number in hexadecimal: from_str_radix would take a sign.
fn hexadecimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// One with `0x` before it.
fn prefixed(text: &str) -> Option<u32> {
    hexadecimal(text.strip_prefix("0x")?)
}

/// Whether a line is somebody's remark or a shell's prompt, and no output.
fn is_remark(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with('>') || line.starts_with("$ ")
}
