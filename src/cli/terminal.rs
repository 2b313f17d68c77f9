//! What is written to standard output, and what is asked.

use std::{
    fmt::Display,
    io::{self, BufRead, IsTerminal, Write},
};

use anyhow::Context;
use serde_json::Value;

/// Writes one line. Fails when nobody reads any more.
pub(super) fn print(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Writes a value in one line.
pub(super) fn print_json(value: &Value) -> io::Result<()> {
    print(value)
}

/// A text of others as one line that does nothing to the terminal.
pub(super) fn line_of(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// A character, or what stands for one that moves the cursor, changes colours or turns the direction of writing.
pub(super) fn visible(character: char) -> char {
    match character {
        character if character.is_whitespace() => ' ',
        character if character.is_control() => '\u{FFFD}',
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        character => character,
    }
}

/// How a part of a text is set off.
#[derive(Clone, Copy)]
pub(super) struct Emphasis {
    is_shown: bool,
}

impl Emphasis {
    /// Bold on a terminal, nothing elsewhere.
    pub(super) fn of_output() -> Self {
        Self::new(io::stdout().is_terminal())
    }

    pub(super) fn new(is_shown: bool) -> Self {
        Self { is_shown }
    }

    pub(super) fn start(self) -> &'static str {
        if self.is_shown { "\x1b[1m" } else { "" }
    }

    pub(super) fn end(self) -> &'static str {
        if self.is_shown { "\x1b[0m" } else { "" }
    }
}

/// Rows as lines whose columns stand below each other.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let most = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..most).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Asks a question on the terminal.
pub(super) fn ask(question: &str) -> anyhow::Result<String> {
    let mut terminal = io::stderr();
    write!(terminal, "{question}").and_then(|()| terminal.flush()).context("the terminal can't be used")?;
    first_line()
}

/// Reads from the terminal without showing the input, or the first line of standard input.
pub(super) fn ask_secret(question: &str) -> anyhow::Result<String> {
    if is_asked() { rpassword::prompt_password(question).context("the terminal can't be used") } else { first_line() }
}

/// Whether there is someone to ask.
pub(super) fn is_asked() -> bool {
    io::stdin().is_terminal()
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("standard input can't be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_does_nothing_to_the_terminal() {
        assert_eq!(line_of("a\nb\tc"), "a b c");
        assert_eq!(line_of("\x1b[2Jgone\u{202E}"), "\u{FFFD}[2Jgone\u{FFFD}");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["größer".to_owned(), "c".to_owned()]];
        assert_eq!(columns(&rows), ["a       b", "größer  c"]);
    }
}
