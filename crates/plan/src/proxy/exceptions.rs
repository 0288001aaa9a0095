//! `bypass` as one list, as programs read it in `no_proxy`.
//!
//! There is no standard. What nearly all of them take alike is a list with commas and
//! without blanks, of addresses and of names; `.corp.example.com` stands for what lies under
//! that domain, which many write without the dot for the same and the domain itself. `*.` is
//! understood by few (Go, Node), and a prefix by some (docs/proxy.md has who), so the one is
//! said in the other's words, and a prefix of one address as that address.

use ipnet::IpNet;
use netprof_model::profile::Spanned;

/// The value of `no_proxy` that says `bypass`; none where there is nothing to say.
pub(crate) fn list(bypass: &[Spanned<String>]) -> Option<String> {
    let words: Vec<String> = bypass.iter().map(|word| exception(&word.value)).collect();
    (!words.is_empty()).then(|| words.join(","))
}

fn exception(word: &str) -> String {
    match word.parse::<IpNet>() {
        Ok(net) if net.prefix_len() == net.max_prefix_len() => net.addr().to_string(),
        _ => word.strip_prefix('*').unwrap_or(word).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use netprof_model::Location;

    use super::*;

    fn list_of(words: &[&str]) -> Option<String> {
        let file: Arc<str> = "x.kdl".into();
        let bypass = words.iter().map(|word| Spanned {
            value: (*word).to_owned(),
            at: Location::of(&file, "", 0, 0),
        });
        list(&bypass.collect::<Vec<_>>())
    }

    #[test]
    fn each_word_is_said_as_most_programs_understand_it() {
        let words = [
            "localhost",
            "127.0.0.1",
            "::1",
            "*.corp.example.com",
            ".lab.example.net",
            "10.0.0.0/8",
            "192.168.1.7/32",
            "fd00::7/128",
        ];
        let said = "localhost,127.0.0.1,::1,.corp.example.com,.lab.example.net,10.0.0.0/8,192.168.1.7,fd00::7";
        assert_eq!(list_of(&words).as_deref(), Some(said));
        assert_eq!(list_of(&[]), None);
    }
}
