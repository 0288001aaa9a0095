//! What somebody may have meant.

use std::fmt;

/// The candidate that `written` is most likely a slip of, if any is close.
pub(crate) fn closest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // A third of the letters may be wrong; of a short word, one.
    let allowed = (written.chars().count() / 3).clamp(1, 4);
    let mut started = None;
    let closest = candidates
        .into_iter()
        .inspect(|candidate| {
            // Somebody who stopped early may be several letters off.
            if started.is_none() && written.len() >= 3 && candidate.starts_with(written) {
                started = Some(*candidate);
            }
        })
        .filter(|candidate| candidate.len() < 256 && written.len() < 256)
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    closest.or(started)
}

/// "did you mean `x`?", else `otherwise`.
pub(crate) fn did_you_mean<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    match closest(written, candidates) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => otherwise(),
    }
}

/// `words` as one list: "`a`, `b` and `c`".
pub(crate) fn list<T: fmt::Display>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// Text that a person wrote, as it is shown in a message: on one line, and cut
/// where it is long.
pub(crate) struct Shown<'t>(pub(crate) &'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 64;
        for (number, c) in self.0.chars().enumerate() {
            if number == LONGEST {
                return f.write_str("...");
            }
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                fmt::Write::write_char(f, c)?;
            }
        }
        Ok(())
    }
}

/// How many letters are to be put in, left out, replaced or swapped with their
/// neighbour to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let nodes = ["domains", "search", "servers", "link", "default-route"];
        assert_eq!(closest("server", nodes), Some("servers"));
        assert_eq!(closest("sreach", nodes), Some("search"));
        assert_eq!(closest("default_route", nodes), Some("default-route"));
        assert_eq!(closest("dom", nodes), Some("domains"));
        assert_eq!(closest("proxy", nodes), None);
        assert_eq!(closest("", nodes), None);
    }

    #[test]
    fn a_swap_counts_as_one() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
