//! `pac`: whether a file that is to choose proxies can be one.
//!
//! Such a file is JavaScript, and a program calls its `FindProxyForURL` for each URL. One
//! that does not define it is passed over by some programs and lets others reach nothing,
//! and none of them says so. So that is looked for, outside of comments and strings, in a
//! file of this machine. What the function returns nobody knows but who runs it, and a file
//! behind `http` may be another one from each network: nothing is fetched.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use netprof_model::Diagnostic;
use netprof_model::profile::Profile;
use netprof_model::snapshot::Os;

use crate::code;
use crate::limit::Findings;
use crate::source;

mod script;

/// Chromium and Firefox stop at one megabyte.
const MAX_SIZE: u64 = 1 << 20;

/// Finds whether the file that `profile` names can choose a proxy; says whether it may be
/// one. A file of another system is not here.
pub(crate) fn check(profile: &Profile, os: Os, found: &mut Findings) -> bool {
    let pac = profile.proxy.as_ref().and_then(|proxy| proxy.pac.as_ref());
    let Some(pac) = pac.filter(|_| os.as_str() == std::env::consts::OS) else {
        return true;
    };
    let Some(path) = path(pac.value.secret()) else {
        return true;
    };
    let shown = path.display();
    match read(&path).map(|text| script::defines(&text, "FindProxyForURL")) {
        Ok(true) => true,
        Ok(false) => {
            found.error(code::NOT_PAC, &pac.at, "", || {
                Diagnostic::error(
                    code::NOT_PAC,
                    format!("{shown} is no PAC file: it defines no FindProxyForURL"),
                )
                .at(pac.at.clone())
                .label("chooses no proxy")
                .help(
                    "a PAC file holds: function FindProxyForURL(url, host) { return \"DIRECT\"; }",
                )
            });
            false
        }
        Err(error) => {
            found.warning(code::PAC_UNREADABLE, &pac.at, "", || {
                let reason = source::reason(&error);
                Diagnostic::warning(
                    code::PAC_UNREADABLE,
                    format!("the PAC file {shown} cannot be read: {reason}"),
                )
                .at(pac.at.clone())
                .label("not looked at")
                .help("programs that are told of it read it with their own rights")
            });
            true
        }
    }
}

/// The file that a URL names, where that is one of this machine.
fn path(url: &str) -> Option<PathBuf> {
    let (scheme, path) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("file") || !path.starts_with('/') {
        return None;
    }
    // There a path ends (RFC 3986, section 3.3).
    let path = path.split(['?', '#']).next()?;
    let (mut decoded, mut rest) = (String::with_capacity(path.len()), path);
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let digits = after
            .get(..2)
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        // Beyond ASCII a name may be in any encoding.
        let byte = digits.filter(u8::is_ascii)?;
        decoded.push(char::from(byte));
        rest = &after[2..];
    }
    decoded.push_str(rest);
    Some(decoded.into())
}

/// What the file says, if it is one: opening a FIFO would wait for somebody to write.
fn read(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::other("it is larger than a megabyte"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_this_machine_names_a_file() {
        let of = |url| path(url).map(|path| path.display().to_string());
        assert_eq!(of("file:///etc/a%20b.pac").as_deref(), Some("/etc/a b.pac"));
        assert_eq!(of("FILE:///x").as_deref(), Some("/x"));
        assert_eq!(of("file:///x.pac?v=2#a").as_deref(), Some("/x.pac"));
        assert_eq!(of("file:///a%3fb").as_deref(), Some("/a?b"));
        for url in [
            "http://wpad/x.pac",
            "file://nas/x.pac",
            "file:///%zz",
            "file:///%e4",
            "file:///%4",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }
}
