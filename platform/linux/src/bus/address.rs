//! Where a bus listens.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::Bus;

/// Where the system bus does where nobody says otherwise (D-Bus specification,
/// 'Well-known Message Bus Instances').
const STANDARD: &str = "unix:path=/run/dbus/system_bus_socket";

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A file.
    Path(PathBuf),
    /// A name without a file (unix(7)).
    Abstract(Vec<u8>),
}

/// Where `bus` listens: for the system's, what the environment says or the standard. A
/// user's is where the service manager of that user has it (systemd's `dbus.socket` for
/// users; pam_systemd(8) makes the folder), whoever's environment this is.
pub(super) fn of(bus: Bus) -> String {
    match bus {
        Bus::System => env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(|_| STANDARD.to_owned()),
        Bus::User(uid) => format!("unix:path=/run/user/{uid}/bus"),
    }
}

/// The addresses in a list of them, in their order: each is to be tried until one works
/// (D-Bus specification, 'Server Addresses').
///
/// # Errors
///
/// None of them is a Unix socket.
pub(super) fn parse(list: &str) -> Result<Vec<Address>, String> {
    let mut known = Vec::new();
    for entry in list.split(';').filter(|entry| !entry.is_empty()) {
        let Some(keys) = entry.strip_prefix("unix:") else {
            continue;
        };
        for (key, value) in keys.split(',').filter_map(|pair| pair.split_once('=')) {
            let place = |value: &str| {
                unescaped(value).ok_or_else(|| format!("its address is garbled: {entry}"))
            };
            match key {
                "path" => {
                    let path = OsString::from_vec(place(value)?);
                    known.push(Address::Path(path.into()));
                }
                "abstract" => known.push(Address::Abstract(place(value)?)),
                _ => {}
            }
        }
    }
    if known.is_empty() {
        return Err(format!("its address names no Unix socket: {list}"));
    }
    Ok(known)
}

/// A value, with each `%` and its two hexadecimal digits as the byte that they stand for.
fn unescaped(value: &str) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut plain = Vec::with_capacity(value.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Address {
        Address::Path(text.into())
    }

    #[test]
    fn both_kinds_of_unix_sockets_are_taken() {
        assert_eq!(
            parse("unix:path=/run/dbus/system_bus_socket,guid=0123").unwrap(),
            [path("/run/dbus/system_bus_socket")]
        );
        assert_eq!(
            parse("unix:guid=0123,abstract=a%2fb").unwrap(),
            [Address::Abstract(b"a/b".to_vec())]
        );
    }

    #[test]
    fn all_of_a_list_are_tried_in_its_order() {
        assert_eq!(
            parse("tcp:host=localhost,port=1;unix:path=/a%20b;unix:path=/c").unwrap(),
            [path("/a b"), path("/c")]
        );
    }

    #[test]
    fn what_is_no_unix_socket_is_said() {
        for list in [
            "",
            "tcp:host=localhost,port=1",
            "unix:runtime=yes",
            "nonsense",
        ] {
            assert!(
                parse(list).unwrap_err().contains("no Unix socket"),
                "{list}"
            );
        }
        for list in ["unix:path=/a%", "unix:path=/a%2", "unix:path=/a%zz"] {
            assert!(parse(list).unwrap_err().contains("garbled"), "{list}");
        }
    }
}
