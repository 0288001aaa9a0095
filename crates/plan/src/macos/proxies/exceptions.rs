//! `bypass`: what is reached without a proxy, in the words of `ExceptionsList`.
//!
//! CFNetwork compares a host with each word: letter by letter; label by label from the
//! right, where `*` or an empty first label stands for any number of labels; and an IPv4
//! address with `a.b.c.d/LENGTH`, in which trailing zeros may be left out, as macOS' own
//! `169.254/16` does, and the length is from 1 to 31 (for 32 it shifts by the width of
//! the number). There is no such form for IPv6 (`Proxies/ProxySupport.c`,
//! `_CFNetworkDoesNeedProxy`). A list with an empty word or a line break in it is not
//! published at all by configd, so a word of the profile's checked language is all that
//! ever comes here.

use ipnet::IpNet;
use netprof_model::Diagnostic;
use netprof_model::profile::{Proxy, Spanned};

use crate::draft::Draft;

/// The list that says what `proxy` bypasses; none where it does not say.
pub(super) fn of(proxy: &Proxy, draft: &mut Draft) -> Option<Vec<String>> {
    let first = proxy.bypass.first()?;
    if proxy.pac.is_some() {
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::bypass-unused",
                "where there is a `pac` file macOS asks it alone, and looks at no `bypass`",
            )
            .at(first.at.clone())
            .label("has no effect beside `pac`")
            .help("let the file return \"DIRECT\" for these"),
        );
    }
    let words = proxy.bypass.iter().map(|word| exception(word, draft));
    Some(words.collect())
}

/// One word.
fn exception(word: &Spanned<String>, draft: &mut Draft) -> String {
    let Ok(prefix) = word.value.parse::<IpNet>() else {
        return word.value.clone();
    };
    if prefix.prefix_len() == prefix.max_prefix_len() {
        return prefix.addr().to_string();
    }
    if prefix.addr().is_ipv6() || prefix.prefix_len() == 0 {
        let what = if prefix.prefix_len() == 0 {
            "every address"
        } else {
            "an IPv6 prefix"
        };
        draft.diagnostics.push(
            Diagnostic::warning(
                "plan::bypass-not-understood",
                format!("macOS has no way to say that {what} is reached without a proxy"),
            )
            .at(word.at.clone())
            .label("programs will pass over this")
            .help("name the hosts, such as \"*.corp.example.com\", or their addresses"),
        );
    }
    word.value.clone()
}
