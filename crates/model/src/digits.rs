//! Numbers and addresses as text, digit by digit.
//!
//! What is formatted by [`std::fmt`] goes through several tables and calls for each number,
//! and an address is four of them: where there are ten thousand, they take most of the time.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

/// Room for the longest that is written here: `255.255.255.255/32`.
#[derive(Default)]
pub(crate) struct Digits {
    bytes: [u8; 18],
    length: usize,
}

impl Digits {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn number(&mut self, number: u32) {
        let mut power = 1;
        while number / power >= 10 {
            power *= 10;
        }
        while power > 0 {
            self.push(b'0' + (number / power % 10).to_le_bytes()[0]);
            power /= 10;
        }
    }

    fn address(&mut self, address: Ipv4Addr) {
        let [first, others @ ..] = address.octets();
        self.octet(first);
        for octet in others {
            self.push(b'.');
            self.octet(octet);
        }
    }

    /// The same as of any number, without a division by one that is not known.
    fn octet(&mut self, octet: u8) {
        if octet >= 100 {
            self.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            self.push(b'0' + octet / 10 % 10);
        }
        self.push(b'0' + octet % 10);
    }

    fn put(&self, text: &mut String) {
        text.push_str(self.as_str());
    }

    pub(crate) fn as_str(&self) -> &str {
        // Nothing but digits, dots and a slash.
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl From<Ipv4Net> for Digits {
    fn from(network: Ipv4Net) -> Self {
        let mut digits = Self::default();
        digits.address(network.addr());
        digits.push(b'/');
        digits.octet(network.prefix_len());
        digits
    }
}

/// Writes a number.
pub fn number(text: &mut String, number: u32) {
    let mut digits = Digits::default();
    digits.number(number);
    digits.put(text);
}

/// Writes an address.
pub fn address(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let mut digits = Digits::default();
            digits.address(address);
            digits.put(text);
        }
        // Where its longest run of zeros is takes more than its digits.
        IpAddr::V6(address) => {
            let _ = write!(text, "{address}");
        }
    }
}

/// Writes a prefix.
pub fn network(text: &mut String, network: IpNet) {
    match network {
        IpNet::V4(network) => Digits::from(network).put(text),
        IpNet::V6(network) => {
            let _ = write!(text, "{network}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T>(value: T, write: fn(&mut String, T)) -> String {
        let mut text = String::from("a ");
        write(&mut text, value);
        text.split_off(2)
    }

    #[test]
    fn the_least_and_the_most_are_written_whole() {
        for n in [0, 9, 10, 99, 100, 999_999_999, 1_000_000_000, u32::MAX] {
            assert_eq!(written(n, number), n.to_string());
        }
        for text in ["0.0.0.0/0", "255.255.255.255/32", "::/0", "fd00::1/64"] {
            assert_eq!(written(text.parse().expect("a prefix"), network), text);
        }
    }

    #[test]
    fn they_are_what_fmt_makes_of_them() {
        for n in (0..=u32::MAX).step_by(4_194_301) {
            assert_eq!(written(n, number), n.to_string());
            let four = IpAddr::from(n.to_be_bytes());
            let six = IpAddr::from((u128::from(n) << 64 | 1).to_be_bytes());
            for ip in [four, six] {
                assert_eq!(written(ip, address), ip.to_string());
                let net = IpNet::new(ip, (n % 33) as u8).expect("a prefix");
                assert_eq!(written(net, network), net.to_string());
            }
        }
    }
}
