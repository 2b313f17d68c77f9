//! What a Markdown document says of itself: its title.

use super::text::tidy_title;

/// `title` in its front matter (YAML or TOML), or its first heading of level 1 outside code, without marks.
pub(super) fn title(text: &str) -> Option<String> {
    let (front, body) = split_front(text);
    front.and_then(title_of_front).or_else(|| first_heading(body)).and_then(|title| tidy_title(&title))
}

/// The lines between the marks at the very beginning, with the mark, and the rest.
fn split_front(text: &str) -> (Option<(&str, &str)>, &str) {
    for mark in ["---", "+++"] {
        let Some(inside) = text.strip_prefix(mark).and_then(|rest| rest.strip_prefix('\n')) else { continue };
        let mut end = 0;
        for line in inside.split_inclusive('\n') {
            let is_end = line.trim_end() == mark || (mark == "---" && line.trim_end() == "...");
            if is_end {
                return (Some((mark, &inside[..end])), &inside[end + line.len()..]);
            }
            end += line.len();
        }
    }
    (None, text)
}

fn title_of_front((mark, front): (&str, &str)) -> Option<String> {
    let mut lines = front.lines();
    let separator = if mark == "+++" { '=' } else { ':' };
    let value = lines.by_ref().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        (key.trim_end().trim_matches('"').eq_ignore_ascii_case("title")).then_some(value.trim())
    })?;
    // YAML folds or keeps the indented lines that follow one of these.
    let is_block =
        value.starts_with(['>', '|']) && value[1..].chars().all(|mark| matches!(mark, '-' | '+' | '0'..='9'));
    let continued = lines.take_while(|line| line.starts_with([' ', '\t']) || line.trim().is_empty());
    let folded: String = continued.fold(String::new(), |all, line| all + " " + line.trim());
    let value = if is_block { folded } else { format!("{value}{folded}") };
    let value = value.trim();
    let unquoted = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
    tidy_title(unquoted.unwrap_or(value))
}

fn first_heading(body: &str) -> Option<String> {
    let mut fence: Option<char> = None;
    let mut above = "";
    for line in body.lines() {
        let opening = line.trim_start();
        let mark = ['`', '~'].into_iter().find(|&mark| opening.starts_with(&mark.to_string().repeat(3)));
        if let Some(mark) = mark
            && fence.is_none_or(|open| open == mark)
        {
            fence = if fence.is_some() { None } else { Some(mark) };
            above = "";
            continue;
        }
        if fence.is_some() {
            continue;
        }
        if let Some(heading) = line.strip_prefix("# ") {
            return Some(without_marks(heading.trim_end().trim_end_matches('#')));
        }
        let is_underline = line.starts_with('=') && line.trim_end().bytes().all(|byte| byte == b'=');
        if is_underline && !above.trim().is_empty() {
            return Some(without_marks(above));
        }
        above = line;
    }
    None
}

/// The words of a heading: without emphasis, code marks, tags, the targets of links and escapes.
pub(super) fn without_marks(heading: &str) -> String {
    let mut plain = String::with_capacity(heading.len());
    let mut rest = heading;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = after;
        match character {
            '\\' if after.starts_with(|next: char| next.is_ascii_punctuation()) => {
                plain.push_str(&after[..1]);
                rest = &after[1..];
            }
            '~' if after.starts_with('~') => rest = &after[1..],
            '!' if after.starts_with('[') => {}
            '`' | '[' => {}
            ']' => rest = after_target(after),
            '<' if after.starts_with(|next: char| next.is_ascii_alphabetic() || next == '/') => {
                rest = after.split_once('>').map_or("", |(_, rest)| rest);
            }
            '*' if !(plain.ends_with(' ') && after.starts_with(' ')) => {}
            '_' if !(plain.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)) => {}
            '&' => match entity(after) {
                Some((character, length)) => {
                    plain.push(character);
                    rest = &after[length..];
                }
                None => plain.push('&'),
            },
            character => plain.push(character),
        }
    }
    plain
}

/// What follows `(target)` or `[reference]` at the beginning.
fn after_target(text: &str) -> &str {
    let close = match text.chars().next() {
        Some('(') => ')',
        Some('[') => ']',
        _ => return text,
    };
    text.split_once(close).map_or(text, |(_, rest)| rest)
}

fn entity(text: &str) -> Option<(char, usize)> {
    let known = [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\''), ("nbsp;", ' ')];
    known.into_iter().find(|(name, _)| text.starts_with(name)).map(|(name, character)| (character, name.len()))
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn titles_come_from_front_matter_of_both_kinds() {
        for (text, expected) in [
            ("---\ntitle: \"In front\"\n---\n\n# Otters", "In front"),
            ("---\ntitle: >-\n  Folded title\n  over lines\ndate: 2026-01-01\n---\ntext", "Folded title over lines"),
            ("+++\ntitle = \"Hugo page\"\n+++\n\n## Only level two", "Hugo page"),
            ("---\ndate: 2026-01-01\n---\n# Otters", "Otters"),
        ] {
            assert_eq!(title(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn headings_lose_their_marks() {
        for (text, expected) in [
            ("# **Bold** `code` and [link](http://e.org) &amp; *more*\n", "Bold code and link & more"),
            ("# Doc <a name=\"x\"></a>\n", "Doc"),
            ("Main Title\n==========\n", "Main Title"),
            ("```\n# comment\n```\n# Otters #\n", "Otters"),
            ("# snake_case and 2 * 3 \\# _it_\n", "snake_case and 2 * 3 # it"),
        ] {
            assert_eq!(title(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(title("#NoSpace\n\n## Two\n"), None);
    }
}
