//! As much of JavaScript as it takes to pass over what is no code (ECMA-262, 12).

/// Whether `text` defines a function called `name`: `function name`, or `name = ...`, outside
/// of comments, strings and regular expressions.
pub(super) fn defines(text: &str, name: &str) -> bool {
    let mut tokens = Tokens {
        rest: text,
        last: None,
    };
    let (mut previous, mut before) = (None, None);
    while let Some(token) = tokens.next() {
        let declared = previous == Some("function") && token == name;
        let assigned = before != Some("=") && previous == Some(name) && token == "=";
        // `a == b` is no assignment; neither is `a => b`, of a parameter.
        if declared || assigned && !tokens.rest.starts_with(['=', '>']) {
            return true;
        }
        (before, previous) = (previous, Some(token));
    }
    false
}

/// The words and signs of a script.
struct Tokens<'t> {
    rest: &'t str,
    last: Option<&'t str>,
}

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Option<&'t str> {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let first = self.rest.chars().next()?;
            let after = &self.rest[first.len_utf8()..];
            match first {
                '/' if after.starts_with('/') => self.skip_to(after, "\n"),
                '/' if after.starts_with('*') => self.skip_to(&after[1..], "*/"),
                '/' if self.may_start_expression() => self.skip_regex(after),
                '"' | '\'' | '`' => self.skip_string(after, first),
                _ => break,
            }
        }
        let is_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let word = self
            .rest
            .find(|c| !is_of_word(c))
            .unwrap_or(self.rest.len());
        let sign = self.rest.chars().next().map_or(0, char::len_utf8);
        let (token, rest) = self.rest.split_at(word.max(sign));
        self.rest = rest;
        self.last = Some(token);
        self.last
    }

    /// What follows the next `end`; nothing, where there is none.
    fn skip_to(&mut self, from: &'t str, end: &str) {
        self.rest = from.split_once(end).map_or("", |(_, after)| after);
    }

    /// Whether a value may stand here, which a `/` starts then. After a value it divides.
    fn may_start_expression(&self) -> bool {
        self.last.is_none_or(|last| {
            let is_value = last.ends_with(|c: char| c.is_alphanumeric() || "_$)]}".contains(c));
            !is_value || matches!(last, "return" | "typeof" | "case" | "in" | "else")
        })
    }

    fn skip_string(&mut self, from: &'t str, quote: char) {
        let mut escaped = false;
        let end = from.find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        self.rest = end.map_or("", |at| &from[at + 1..]);
        self.last = Some("\"");
    }

    fn skip_regex(&mut self, from: &'t str) {
        let (mut escaped, mut in_class) = (false, false);
        let end = from.find(|c| {
            let ends = c == '/' && !escaped && !in_class || c == '\n';
            if !escaped {
                in_class = c == '[' || in_class && c != ']';
            }
            escaped = c == '\\' && !escaped;
            ends
        });
        self.rest = end.map_or("", |at| &from[at + 1..]);
        self.last = Some("\"");
    }
}

#[cfg(test)]
mod tests {
    use super::defines;

    fn is_pac(text: &str) -> bool {
        defines(text, "FindProxyForURL")
    }

    #[test]
    fn a_definition_is_found_however_it_is_written() {
        for text in [
            "function FindProxyForURL(url, host) { return 'DIRECT'; }",
            "\u{feff}// proxies\nfunction\n  FindProxyForURL (u,h){}",
            "var FindProxyForURL = function (url, host) {}",
            "this.FindProxyForURL=(url) => 'DIRECT'",
            "var quote = /[/'\"]/; function FindProxyForURL() {}",
            "var half = all / 2; var s = 'it\\'s /'; function FindProxyForURL() {}",
            "/* a\n'quote */ x = `}'`; function FindProxyForURL() {}",
        ] {
            assert!(is_pac(text), "{text}");
        }
    }

    #[test]
    fn what_only_speaks_of_it_is_no_definition() {
        for text in [
            "",
            "<!doctype html><title>FindProxyForURL</title>",
            "// function FindProxyForURL() {}",
            "/* function FindProxyForURL() {} ",
            "var s = 'function FindProxyForURL() {}';",
            "var s = \"\\\"; function FindProxyForURL() {}\";",
            "function FindProxyForURLEx(url, host) {}",
            "if (FindProxyForURL == null) {}",
            "FindProxyForURL(url, host);",
            "x = /function FindProxyForURL/",
            "http_proxy=http://proxy.example.com:3128",
        ] {
            assert!(!is_pac(text), "{text}");
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        for text in [
            "'",
            "'\\",
            "/",
            "/[",
            "`\\",
            "\u{e4}\u{20ac}/\u{1f600}",
            "/*/",
            "a/b/c",
        ] {
            assert!(!is_pac(text), "{text}");
        }
    }
}
