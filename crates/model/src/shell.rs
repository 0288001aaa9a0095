//! Command lines that a person may paste into a shell.
//!
//! Files have names that others chose: of what is printed for pasting, every word must come
//! out of the shell as it went in, or nothing of it may be printed.

use std::borrow::Cow;

/// `words` as one line of sh(1). Where a terminal does not show one of them as it is, what is
/// pasted would be another: then there is no command, and only that word is named.
#[must_use]
pub fn line(words: &[&str]) -> String {
    if let Some(word) = words.iter().find(|word| word.contains(is_lost)) {
        let named = quoted(&word.replace(is_lost, "?"));
        return format!("(no command, since a name has characters that cannot be shown: {named})");
    }
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

/// `path` where a command line takes what starts with a dash for an option.
#[must_use]
pub fn operand(path: &str) -> Cow<'_, str> {
    match path.starts_with('-') {
        true => Cow::Owned(format!("./{path}")),
        false => Cow::Borrowed(path),
    }
}

/// Whether a terminal shows nothing of `c`, or the others otherwise for it: what Unicode calls
/// control (Cc), format (Cf), line and paragraph separator (Zl, Zp).
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}')
}

/// Also what stands for bytes that are no UTF-8: of those nothing is left to paste.
fn is_lost(c: char) -> bool {
    c == char::REPLACEMENT_CHARACTER || is_hidden(c)
}

/// A word as sh(1) takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,#".contains(c);
    // A comment starts with a `#` that begins a word, and zsh(1) takes `=word` for the path of
    // the command `word`.
    if !word.is_empty() && !word.starts_with(['#', '=']) && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        for word in ["", "a b", "$HOME", "#a", "=a", "~", "a;b", "a*", "!a"] {
            assert_eq!(line(&[word]), format!("'{word}'"));
        }
        for word in ["office", "./a.kdl#b", "/h\u{e4}user/x", "10.0.0.0/8", "a=b"] {
            assert_eq!(line(&[word]), word);
        }
        assert_eq!(line(&["ls", "it's", "-l"]), r"ls 'it'\''s' -l");
    }

    #[test]
    fn a_word_that_would_be_pasted_as_another_makes_no_command() {
        let lost = [
            '\u{1b}',
            '\n',
            '\t',
            '\r',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{202e}',
            '\u{2028}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
            '\u{fffd}',
        ];
        for c in lost {
            let said = line(&["netprof", "check", &format!("a;{c}'b")]);
            assert!(said.starts_with('(') && !said.contains("netprof"), "{said}");
            assert!(said.ends_with(r"'a;?'\''b')"), "{said}");
        }
    }

    #[test]
    fn no_path_passes_for_an_option() {
        assert_eq!(operand("-p.json"), "./-p.json");
        assert_eq!(operand("a/-p.json"), "a/-p.json");
    }
}
