//! Marks inside a line of reStructuredText or AsciiDoc.

/// What is marked is not longer.
const MAX_MARKED_BYTES: usize = 500;

/// What stands before and after the next `end`, if it is near.
fn closed<'a>(text: &'a str, end: &str) -> Option<(&'a str, &'a str)> {
    let length = text[..text.floor_char_boundary(MAX_MARKED_BYTES)].find(end)?;
    Some((&text[..length], &text[length + end.len()..]))
}

/// What a line of reStructuredText says.
pub(super) fn rst(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['`', '*', '|', ':', '_', '\\']) {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        let mark = &marked[..1];
        let after = &marked[1..];
        let (shown, left) = match mark {
            "\\" => after.chars().next().map_or((String::new(), ""), |escaped| {
                let shown = if escaped.is_whitespace() { String::new() } else { escaped.to_string() };
                (shown, &after[escaped.len_utf8()..])
            }),
            "`" if after.starts_with('`') => match closed(&after[1..], "``") {
                Some((code, left)) => (code.to_owned(), left),
                None => ("``".to_owned(), &after[1..]),
            },
            "`" => match closed(after, "`") {
                Some((text, left)) => (without_target(text).to_owned(), left.trim_start_matches('_')),
                None => ("`".to_owned(), after),
            },
            // A role: `:doc:` before the text.
            ":" => match closed(after, ":`") {
                Some((role, left)) if is_name(role) => (String::new(), &after[after.len() - left.len() - 1..]),
                _ => (":".to_owned(), after),
            },
            "*" if is_mark(&plain, after) || after.starts_with('*') => {
                (String::new(), after.strip_prefix('*').unwrap_or(after))
            }
            "|" if !after.starts_with(' ') && closed(after, "|").is_some() => (String::new(), after),
            "|" if !before.is_empty() && !before.ends_with(' ') => (String::new(), after),
            // The end of a reference.
            "_" if before.ends_with([']', ')']) || is_reference(before, after) => (String::new(), after),
            mark => (mark.to_owned(), after),
        };
        plain.push_str(&shown);
        rest = left;
    }
    plain.push_str(rest);
    plain
}

/// Whether a mark between these begins or ends emphasis.
fn is_mark(before: &str, after: &str) -> bool {
    let opens =
        !before.ends_with(char::is_alphanumeric) && !after.is_empty() && !after.starts_with(char::is_whitespace);
    let closes =
        !before.is_empty() && !before.ends_with(char::is_whitespace) && !after.starts_with(char::is_alphanumeric);
    opens || closes
}

fn is_name(role: &str) -> bool {
    !role.is_empty()
        && role.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.' | b'+'))
}

fn is_reference(before: &str, after: &str) -> bool {
    before.ends_with(char::is_alphanumeric)
        && (after.is_empty() || after.starts_with([' ', '.', ',', ';', ':', ')', '_']))
}

/// The text before `<target>`.
fn without_target(text: &str) -> &str {
    match text.split_once('<') {
        Some((label, target)) if target.ends_with('>') => {
            let label = label.trim_end();
            if label.is_empty() { &target[..target.len() - 1] } else { label }
        }
        _ => text,
    }
}

/// What a line of AsciiDoc says.
pub(super) fn asciidoc(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['*', '_', '`', '#', '[', '<', '+']) {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        let after = &marked[1..];
        let (shown, left) = match marked.as_bytes()[0] {
            b'<' => match after.strip_prefix('<').and_then(|inside| closed(inside, ">>")) {
                Some((target, left)) => {
                    (target.split_once(',').map_or(target, |(_, text)| text).trim().to_owned(), left)
                }
                None => ("<".to_owned(), after),
            },
            b'[' => match (macro_start(&plain), closed(after, "]")) {
                // `link:target[text]`, `https://target[text]`
                (Some(start), Some((text, left))) => {
                    let text = text.split(',').next().unwrap_or_default().trim_matches('^').to_owned();
                    let text = if text.is_empty() { target_of(&plain[start..]).to_owned() } else { text };
                    plain.truncate(start);
                    (text, left)
                }
                // `[role]#text#`
                (None, Some((_, left))) if left.starts_with('#') => (String::new(), left),
                _ => ("[".to_owned(), after),
            },
            mark => {
                let mark = char::from(mark);
                if is_mark(&plain, after) || after.starts_with(mark) {
                    (String::new(), after.strip_prefix(mark).unwrap_or(after))
                } else {
                    (mark.to_string(), after)
                }
            }
        };
        plain.push_str(&shown);
        rest = left;
    }
    plain.push_str(rest);
    plain
}

/// Where the macro begins that `plain` ends with, such as `link:target`.
fn macro_start(plain: &str) -> Option<usize> {
    let near = plain.ceil_char_boundary(plain.len().saturating_sub(MAX_MARKED_BYTES));
    let start = plain[near..].rfind([' ', '(', '"', '\t']).map_or(near, |at| near + at + 1);
    let word = &plain[start..];
    let (name, target) = word.split_once(':')?;
    let is_macro =
        ["link", "xref", "mailto", "image", "icon", "http", "https", "footnote", "kbd", "btn", "menu", "term"];
    (is_macro.contains(&name) || target.starts_with("//")).then_some(start)
}

fn target_of(word: &str) -> &str {
    if word.contains("://") { word } else { word.split_once(':').map_or("", |(_, target)| target) }
}

#[cfg(test)]
mod tests {
    use super::{asciidoc, rst};

    #[test]
    fn marks_of_restructuredtext_leave_their_text() {
        for (line, expected) in [
            ("A *soft* and **strong** word", "A soft and strong word"),
            ("see ``snake_case`` and `Docs <https://example.org>`_.", "see snake_case and Docs."),
            ("the :py:func:`open <io.open>` of :doc:`intro`", "the open of intro"),
            ("a reference_ and [1]_, not snake_case", "a reference and [1], not snake_case"),
            ("2 * 3 = 6 at 10:30", "2 * 3 = 6 at 10:30"),
        ] {
            assert_eq!(rst(line), expected);
        }
    }

    #[test]
    fn marks_of_asciidoc_leave_their_text() {
        for (line, expected) in [
            ("A _soft_ and *strong* word, `code` and #mark#", "A soft and strong word, code and mark"),
            ("see https://example.org[the docs] and <<intro,the start>>.", "see the docs and the start."),
            ("link:a.html[] and snake_case, 2 * 3", "a.html and snake_case, 2 * 3"),
            ("**b**old", "bold"),
        ] {
            assert_eq!(asciidoc(line), expected);
        }
    }
}
