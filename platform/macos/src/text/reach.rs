//! Whether servers can be reached, in the words of scutil(8)
//! ([`netprof_plan::macos::configd::reach`]), read.

use netprof_plan::macos::configd::reach::{NONE, WORDS};

use super::prefixed;

/// The flags that `text` names: in hexadecimal with the words behind it, or, as releases
/// before 10.13 printed them, in words alone. None where a word is not known.
#[must_use]
pub fn parse(text: &str) -> Option<u32> {
    match text.split_once('(') {
        Some((number, words)) => {
            let flags = prefixed(number.trim())?;
            (words_of(words.strip_suffix(')')?)? == flags).then_some(flags)
        }
        None => words_of(text),
    }
}

fn words_of(text: &str) -> Option<u32> {
    text.split(',').map(str::trim).try_fold(0, |flags, word| {
        let known = WORDS.iter().find(|(_, known)| *known == word);
        let bits = match known {
            Some((bit, _)) => *bit,
            None if word == NONE => 0,
            None => prefixed(word)?,
        };
        Some(flags | bits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use netprof_plan::macos::configd::reach::print;
    use proptest::prelude::*;

    #[test]
    fn words_alone_are_enough() {
        assert_eq!(
            parse("Reachable,Directly Reachable Address"),
            Some(0x2_0002)
        );
        assert_eq!(parse("Reachable, Transient Connection"), Some(3));
        assert_eq!(parse("Not Reachable"), Some(0));
    }

    #[test]
    fn words_that_contradict_the_number_or_are_cut_are_refused() {
        assert_eq!(parse("0x00000002 (Not Reachable)"), None);
        assert_eq!(parse("Reachable,Directly R"), None);
        assert_eq!(parse("0x00000002 (Reachable"), None);
        assert_eq!(parse("0x+0000002 (Reachable)"), None);
        assert_eq!(parse(""), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(flags: u32) {
            prop_assert_eq!(parse(&print(flags)), Some(flags));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = parse(&text);
        }
    }
}
