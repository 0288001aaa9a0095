//! What the kernel answers to a request: done, or an error in its own words.
//!
//! With NETLINK_EXT_ACK the kernel says more than a number ("Nexthop has invalid
//! gateway"): those words are what a person needs. With NETLINK_CAP_ACK it does not
//! send the request back with each error. Layout: `struct nlmsgerr`.

use std::fmt;

use super::numbers::*;
use super::wire::{Attributes, Malformed, Message, u32_at};

/// The kernel's refusal of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// The error's number, positive.
    pub errno: i32,
    /// The kernel's own words.
    pub says: Option<String>,
}

impl KernelError {
    /// Whether it says that what was to be removed is not there.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.errno, ESRCH | ENOENT | EADDRNOTAVAIL | ENODEV)
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.errno).to_string();
        // The standard library adds the number in brackets.
        let text = text.split(" (os error").next().unwrap_or_default();
        match &self.says {
            Some(says) => write!(f, "{says} ({text})"),
            None => f.write_str(text),
        }
    }
}

impl std::error::Error for KernelError {}

/// Reads NLMSG_ERROR: `Ok` for an acknowledgement.
pub fn decode(message: &Message<'_>) -> Result<Result<(), KernelError>, Malformed> {
    let code = u32_at(message.payload, 0).ok_or(Malformed("error message"))?;
    let errno = code.cast_signed().saturating_neg();
    if errno == 0 {
        return Ok(Ok(()));
    }
    // The request's header follows the number, its body too unless it was capped.
    let mut at = 4 + 16;
    if message.flags & NLM_F_CAPPED == 0 {
        let length = u32_at(message.payload, 4).unwrap_or(0) as usize;
        at = length.saturating_sub(1).saturating_add(4) / 4 * 4 + 4;
    }
    let says = if message.flags & NLM_F_ACK_TLVS == 0 {
        None
    } else {
        words(message.payload.get(at..).unwrap_or_default())
    };
    Ok(Err(KernelError { errno, says }))
}

/// Reads the end of a dump, which carries an error where the dump failed on its way.
pub fn decode_done(message: &Message<'_>) -> Result<(), KernelError> {
    let code = u32_at(message.payload, 0).unwrap_or(0).cast_signed();
    let errno = code.saturating_neg();
    if errno <= 0 {
        return Ok(());
    }
    Err(KernelError {
        errno,
        says: words(message.payload.get(4..).unwrap_or_default()),
    })
}

fn words(bytes: &[u8]) -> Option<String> {
    let attribute = Attributes::new(bytes).find(NLMSGERR_ATTR_MSG).ok()??;
    Some(attribute.text()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::{Messages, Requests};

    /// An answer as the kernel sends it: with the request's header alone, or, without
    /// NETLINK_CAP_ACK, with its body of 6 bytes behind it.
    fn refusal(capped: bool) -> Requests {
        let mut requests = Requests::default();
        let flags = NLM_F_ACK_TLVS | if capped { NLM_F_CAPPED } else { 0 };
        let added = requests.add(NLMSG_ERROR, flags, 9, |body| {
            body.header(&(-17i32).to_ne_bytes());
            body.header(&22u32.to_ne_bytes());
            body.header(&[0; 12]);
            if !capped {
                body.header(&[7; 6]);
            }
            body.text(NLMSGERR_ATTR_MSG, "Route is taken")
        });
        added.expect("it can be written");
        requests
    }

    #[test]
    fn the_kernels_words_are_found_behind_the_request() {
        for capped in [true, false] {
            let requests = refusal(capped);
            let message = Messages::new(requests.bytes()).next().unwrap().unwrap();
            let error = decode(&message).unwrap().unwrap_err();
            assert_eq!(error.errno, 17);
            assert_eq!(error.to_string(), "Route is taken (File exists)");
        }
    }

    #[test]
    fn no_number_but_zero_is_an_acknowledgement() {
        for code in [i32::MIN, -1, 1, i32::MAX] {
            let mut requests = Requests::default();
            let added = requests.add(NLMSG_ERROR, 0, 9, |body| {
                body.header(&code.to_ne_bytes());
                body.header(&[0; 16]);
                Ok(())
            });
            added.unwrap();
            let message = Messages::new(requests.bytes()).next().unwrap().unwrap();
            assert!(decode(&message).unwrap().is_err(), "{code}");
        }
    }

    #[test]
    fn an_acknowledgement_is_no_error() {
        let mut requests = Requests::default();
        let added = requests.add(NLMSG_ERROR, 0, 9, |body| {
            body.header(&[0; 20]);
            Ok(())
        });
        added.unwrap();
        let message = Messages::new(requests.bytes()).next().unwrap().unwrap();
        assert_eq!(decode(&message), Ok(Ok(())));
    }
}
