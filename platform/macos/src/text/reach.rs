//! Whether servers can be reached, as scutil(8) words it.
//!
//! The bits are `SCNetworkReachabilityFlags` of SystemConfiguration's
//! `SCNetworkReachability.h`; the words and their order are those of configd,
//! `SystemConfiguration.fproj/SCNetworkReachabilityLogging.h`, on a Mac: a mobile network
//! has a word on other systems of Apple's alone.

use std::fmt::Write as _;

const WORDS: [(u32, &str); 8] = [
    (0x2, "Reachable"),
    (0x1, "Transient Connection"),
    (0x4, "Connection Required"),
    (0x8, "Automatic Connection On Traffic"),
    (0x20, "Automatic Connection On Demand"),
    (0x10, "Intervention Required"),
    (0x1_0000, "Local Address"),
    (0x2_0000, "Directly Reachable Address"),
];
const NONE: &str = "Not Reachable";

/// The flags, as the newer releases print them: `0x00000002 (Reachable)`.
#[must_use]
pub fn print(flags: u32) -> String {
    let mut words: Vec<String> = WORDS
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, word)| (*word).to_owned())
        .collect();
    let rest = WORDS.iter().fold(flags, |rest, (bit, _)| rest & !bit);
    if rest != 0 {
        words.push(format!("0x{rest:08x}"));
    }
    if words.is_empty() {
        words.push(NONE.to_owned());
    }
    let mut text = format!("0x{flags:08x}");
    let _ = write!(text, " ({})", words.join(","));
    text
}

/// The flags that `text` names: in hexadecimal with the words behind it, or, as releases
/// before 10.13 printed them, in words alone. None where a word is not known.
#[must_use]
pub fn parse(text: &str) -> Option<u32> {
    match text.split_once('(') {
        Some((number, words)) => {
            let flags = hexadecimal(number.trim())?;
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
            None => hexadecimal(word)?,
        };
        Some(flags | bits)
    })
}

/// A number in hexadecimal with `0x` before it.
pub(super) fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x")?;
    // from_str_radix would take a sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn flags_are_worded_in_the_order_of_configd() {
        assert_eq!(print(0), "0x00000000 (Not Reachable)");
        assert_eq!(print(3), "0x00000003 (Reachable,Transient Connection)");
        assert_eq!(
            print(0x3_0002),
            "0x00030002 (Reachable,Local Address,Directly Reachable Address)"
        );
        assert_eq!(print(0x4_0002), "0x00040002 (Reachable,0x00040000)");
    }

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
