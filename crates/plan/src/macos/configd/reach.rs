//! Whether servers can be reached, as scutil(8) words it.
//!
//! The bits are `SCNetworkReachabilityFlags` of SystemConfiguration's
//! `SCNetworkReachability.h`; the words and their order are those of configd,
//! `SystemConfiguration.fproj/SCNetworkReachabilityLogging.h`, on a Mac: a mobile network
//! has a word on other systems of Apple's alone.

/// The words, in the order in which they are printed.
pub const WORDS: [(u32, &str); 8] = [
    (0x2, "Reachable"),
    (0x1, "Transient Connection"),
    (0x4, "Connection Required"),
    (0x8, "Automatic Connection On Traffic"),
    (0x20, "Automatic Connection On Demand"),
    (0x10, "Intervention Required"),
    (0x1_0000, "Local Address"),
    (0x2_0000, "Directly Reachable Address"),
];

/// What stands in place of them where there is no bit.
pub const NONE: &str = "Not Reachable";

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
    format!("0x{flags:08x} ({})", words.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
