//! The source of a LaTeX document, at some place in it.

/// Longer options are text in brackets.
const MAX_OPTION_BYTES: usize = 2000;

pub(super) struct Source<'a> {
    rest: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// Skips `text` if it is what follows.
    pub(super) fn skip(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// The name of a command after its back slash: letters, or one other character. Space after letters belongs to it.
    pub(super) fn control_name(&mut self) -> &'a str {
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let length = if letters > 0 { letters } else { self.rest.chars().next().map_or(0, char::len_utf8) };
        let (name, rest) = self.rest.split_at(length);
        self.rest = if letters > 0 { rest.trim_start_matches([' ', '\t']) } else { rest };
        name
    }

    /// What stands in the next braces, or the character that stands for them.
    pub(super) fn argument(&mut self) -> Option<&'a str> {
        let after = self.rest.trim_start();
        let inside = after.strip_prefix('{')?;
        let length = closing(inside, '{', '}');
        self.rest = inside.get(length + 1..).unwrap_or_default();
        Some(&inside[..length])
    }

    /// What stands in the next square brackets, if they follow at once.
    pub(super) fn option(&mut self) -> Option<&'a str> {
        let inside = self.rest.trim_start_matches([' ', '\t']).strip_prefix('[')?;
        let length = closing(&inside[..inside.floor_char_boundary(MAX_OPTION_BYTES)], '[', ']');
        let rest = inside[length..].strip_prefix(']')?;
        self.rest = rest;
        Some(&inside[..length])
    }

    /// The letter that an accent is for.
    pub(super) fn letter(&mut self) -> &'a str {
        if let Some(letter) = self.argument() {
            return letter;
        }
        self.rest = self.rest.trim_start_matches(' ');
        let length = if self.rest.starts_with("\\i") || self.rest.starts_with("\\j") {
            2
        } else {
            self.rest.chars().next().map_or(0, char::len_utf8)
        };
        let (letter, rest) = self.rest.split_at(length);
        self.rest = rest;
        letter
    }

    /// What stands before `end`, which is skipped.
    pub(super) fn until(&mut self, end: &str) -> &'a str {
        let (inside, rest) = self.rest.split_once(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        inside
    }

    /// What stands between two equal characters.
    pub(super) fn delimited(&mut self) -> &'a str {
        match self.next() {
            Some('{') => self.until("}"),
            Some(mark) => self.until(mark.encode_utf8(&mut [0; 4])),
            None => "",
        }
    }

    /// The body of an environment up to its end, with those of the same name inside it.
    pub(super) fn until_end(&mut self, name: &str) -> &'a str {
        let (begin, end) = (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}"));
        let text = self.rest;
        let mut depth = 1;
        let mut at = 0;
        while let Some(found) = text[at..].find(&end) {
            depth += text[at..at + found].matches(&begin).count();
            depth -= 1;
            at += found + end.len();
            if depth == 0 {
                self.rest = &text[at..];
                return &text[..at - end.len()];
            }
        }
        self.rest = "";
        text
    }

    /// Whether only white space stands on the line that begins here. It is skipped then.
    pub(super) fn is_at_blank_line(&mut self) -> bool {
        let after = self.rest.trim_start_matches([' ', '\t']);
        if !after.starts_with('\n') {
            return false;
        }
        self.rest = after.trim_start();
        true
    }
}

/// Where the bracket closes that was opened before `text`.
fn closing(text: &str, open: char, close: char) -> usize {
    let mut depth = 0;
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            character if character == open => depth += 1,
            character if character == close && depth == 0 => return at,
            character if character == close => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The parts of a text between characters that no back slash precedes.
pub(super) fn split_unescaped(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    text.split(move |character| {
        let is_separator = character == separator && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_separator
    })
}

/// An equation without the names by which it is referred to.
pub(super) fn without_labels(equation: &str) -> String {
    let mut parts = equation.split("\\label{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// A text without what stands after percent signs, save in code.
pub(super) fn without_remarks(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        let begins = ["\\begin{verbatim}", "\\begin{lstlisting}", "\\begin{minted}", "\\begin{Verbatim}"];
        let ends = ["\\end{verbatim}", "\\end{lstlisting}", "\\end{minted}", "\\end{Verbatim}"];
        is_code =
            (is_code || begins.iter().any(|begin| line.contains(begin))) && !ends.iter().any(|end| line.contains(end));
        let shown = if is_code { None } else { split_unescaped(line, '%').next() };
        match shown {
            // The remark takes the end of its line with it.
            Some(shown) if shown.len() < line.len() => clean.push_str(shown.trim_start()),
            _ => clean.push_str(line),
        }
    }
    clean
}
