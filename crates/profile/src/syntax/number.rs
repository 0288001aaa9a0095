//! Numbers.

use super::Value;

/// Reads a number of any of KDL's forms.
pub(super) fn number(word: &str) -> Option<Value<'static>> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, base)| digits.strip_prefix(prefix).map(|rest| (rest, base)));
    if let Some((digits, base)) = based {
        return integer(digits, base, negative);
    }
    let is_digits = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c == '_')
    };
    if is_digits(digits) {
        return integer(digits, 10, negative);
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    (is_digits(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits))
        .then_some(Value::OtherNumber)
}

fn integer(digits: &str, base: u32, negative: bool) -> Option<Value<'static>> {
    let valid = digits.starts_with(|c: char| c.is_digit(base))
        && digits.chars().all(|c| c.is_digit(base) || c == '_');
    if !valid {
        return None;
    }
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    Some(match i128::from_str_radix(&plain, base) {
        Ok(value) => Value::Integer(if negative { -value } else { value }),
        Err(_) => Value::OtherNumber,
    })
}
