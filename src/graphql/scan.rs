//! Scans the text of a document before it is parsed.
//!
//! The engine's parser recurses for every bracket: a kilobyte of nested lists can overflow the stack of an unoptimised
//! build. This lexer is a loop, so it can measure the size of any document and the depth of its brackets. It does not
//! judge anything else: the parser rejects what is not GraphQL.

/// The size of a document, as far as its text shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape {
    /// Names, numbers, strings and punctuators; white space, commas and comments are free.
    pub tokens: usize,
    /// The largest number of brackets of any kind that are open at once.
    pub nesting: usize,
}

enum Lexeme {
    Ignored,
    Open,
    Close,
    Other,
}

/// Measures `document` in one pass, without allocating.
#[must_use]
pub fn scan(document: &str) -> Shape {
    let mut rest = document.as_bytes();
    let mut shape = Shape::default();
    let mut open = 0_usize;
    while let Some(first) = rest.first() {
        let (lexeme, length) = lexeme(*first, rest);
        match lexeme {
            Lexeme::Open => open += 1,
            Lexeme::Close => open = open.saturating_sub(1),
            Lexeme::Ignored | Lexeme::Other => {}
        }
        shape.nesting = shape.nesting.max(open);
        shape.tokens += usize::from(!matches!(lexeme, Lexeme::Ignored));
        rest = &rest[length..];
    }
    shape
}

/// The lexeme that `rest` begins with, and its length in bytes (at least one).
fn lexeme(first: u8, rest: &[u8]) -> (Lexeme, usize) {
    match first {
        b' ' | b'\t' | b'\n' | b'\r' | b',' => (Lexeme::Ignored, 1),
        b'#' => (Lexeme::Ignored, run(rest, |byte| !is_line_end(byte))),
        b'(' | b'[' | b'{' => (Lexeme::Open, 1),
        b')' | b']' | b'}' => (Lexeme::Close, 1),
        b'"' => (Lexeme::Other, block_string(rest).unwrap_or_else(|| string(rest))),
        b'.' => (Lexeme::Other, run(rest, |byte| byte == b'.')),
        b'-' | b'0'..=b'9' => {
            (Lexeme::Other, run(rest, |byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte)))
        }
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
            (Lexeme::Other, run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        }
        0x80.. => (Lexeme::Other, run(rest, |byte| byte >= 0x80)),
        _ => (Lexeme::Other, 1),
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn run(rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

/// The length of the block string at the start of `rest`. `None` if there is none or it never ends: the parser then
/// reads `""` and continues after it, so brackets there count.
fn block_string(rest: &[u8]) -> Option<usize> {
    const QUOTES: &[u8] = b"\"\"\"";
    const ESCAPED: &[u8] = b"\\\"\"\"";
    let mut at = rest.starts_with(QUOTES).then_some(QUOTES.len())?;
    while at < rest.len() {
        if rest[at..].starts_with(ESCAPED) {
            at += ESCAPED.len();
        } else if rest[at..].starts_with(QUOTES) {
            return Some(at + QUOTES.len());
        } else {
            at += 1;
        }
    }
    None
}

/// The length of the string at the start of `rest`: up to its closing quote, or to the end of the line, where the
/// parser stops.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            byte if is_line_end(byte) => return at,
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{Shape, scan};

    #[test]
    fn tokens_and_nesting_are_counted_as_the_grammar_counts_them() {
        let cases = [
            ("", 0, 0),
            (" ,\t\r\n # only a comment { ( [", 0, 0),
            ("{ a }", 3, 1),
            ("query Q($a: Int = -1.5e+3) { f(x: [$a, 2]) { ...g @skip(if: true) } }", 33, 3),
            (r#"{ f(s: "brackets [ { ( and a \" quote [") }"#, 8, 2),
            ("{ f(s: \"\"\"block [ \" \\\"\"\" { \"\"\") }", 8, 2),
            ("{ a # { { {\n b }", 4, 1),
            ("{{{ } } }", 6, 3),
            ("]]]] [", 5, 1),
        ];
        for (document, tokens, nesting) in cases {
            assert_eq!(scan(document), Shape { tokens, nesting }, "{document}");
        }
    }

    #[test]
    fn a_block_string_that_never_ends_hides_nothing() {
        assert_eq!(scan(r#"{ f(a: ["""[[" [[[["#).nesting, 7);
    }

    #[test]
    fn a_string_ends_with_its_line() {
        assert_eq!(scan("{ f(a: \"open\n [[[").nesting, 5);
        assert_eq!(scan("\"\\").tokens, 1);
    }

    #[test]
    fn every_text_is_scanned_to_its_end() {
        for text in ["\u{feff}{ a }", "\"", "\"\"\"", "\"\"\"\\", "\\", "é…\0", "...", "-", "\"\\\\"] {
            assert!(scan(text).tokens > 0, "{text}");
        }
    }
}
