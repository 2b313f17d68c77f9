//! reStructuredText to blocks, line by line.

use super::{Block, Lists, Written, indent, inline, numbered};

/// Directives whose body is code.
const CODE: [&str; 5] = ["code", "code-block", "sourcecode", "parsed-literal", "math"];
/// Directives that say nothing of their own.
const SILENT: [&str; 10] =
    ["toctree", "contents", "raw", "index", "include", "meta", "highlight", "currentmodule", "role", "default-role"];

pub(super) fn read(text: &str) -> Written {
    let mut reader = Reader { lines: text.lines().collect(), ..Reader::default() };
    while reader.at < reader.lines.len() {
        reader.step();
    }
    reader.end_paragraph();
    Written { blocks: reader.blocks, title: None }
}

#[derive(Default)]
struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    blocks: Vec<Block>,
    paragraph: Vec<&'a str>,
    lists: Lists,
    /// The margin of the last item, and whether it was numbered.
    last_item: (usize, bool),
    /// The kinds of underline, from the outermost.
    underlines: Vec<(char, bool)>,
}

impl<'a> Reader<'a> {
    fn step(&mut self) {
        let line = self.lines[self.at];
        let trimmed = line.trim();
        if trimmed.is_empty() {
            self.end_paragraph();
            self.at += 1;
        } else if self.heading() {
        } else if trimmed.starts_with("+-") && self.paragraph.is_empty() {
            self.grid_table();
        } else if is_border(trimmed) && self.paragraph.is_empty() {
            self.simple_table();
        } else if let Some(rest) = trimmed.strip_prefix(".. ").or_else(|| (trimmed == "..").then_some("")) {
            self.end_paragraph();
            self.explicit(indent(line), rest);
        } else if let Some((marker, text)) = item(trimmed) {
            self.end_paragraph();
            self.item(line, marker, text);
        } else {
            self.text(line);
        }
    }

    /// A title with a line of punctuation below it, and perhaps above it.
    fn heading(&mut self) -> bool {
        let over = underline(self.lines[self.at]).filter(|_| self.paragraph.is_empty());
        let title_at = self.at + usize::from(over.is_some());
        let (Some(&title), Some(&below)) = (self.lines.get(title_at), self.lines.get(title_at + 1)) else {
            return false;
        };
        let Some((mark, length)) = underline(below) else { return false };
        let title = title.trim();
        let is_long_enough = length + 2 >= title.chars().count() || length >= 4;
        let is_same = over.is_none_or(|(over, _)| over == mark);
        if title.is_empty() || underline(title).is_some() || !is_long_enough || !is_same || !self.paragraph.is_empty() {
            return false;
        }
        let style = (mark, over.is_some());
        let known = self.underlines.iter().position(|it| *it == style);
        let level = known.unwrap_or_else(|| {
            self.underlines.push(style);
            self.underlines.len() - 1
        });
        self.lists.end();
        let level = u8::try_from(level + 1).unwrap_or(u8::MAX);
        self.blocks.push(Block::Heading { level, text: inline::rst(title) });
        self.at = title_at + 2;
        true
    }

    fn text(&mut self, line: &'a str) {
        self.at += 1;
        self.paragraph.push(line.trim());
        if !line.trim_end().ends_with("::") {
            return;
        }
        let base = indent(line);
        let last = self.paragraph.pop().map(|line| line.trim_end_matches(':').trim_end());
        self.paragraph.extend(last.filter(|line| !line.is_empty()));
        self.end_paragraph();
        let body = self.indented(base);
        self.blocks.push(Block::Code { language: String::new(), text: body.join("\n") });
    }

    fn item(&mut self, line: &'a str, marker: &'a str, text: &'a str) {
        let margin = indent(line);
        let mut lines = vec![text];
        self.at += 1;
        while let Some(&next) = self.lines.get(self.at) {
            if next.trim().is_empty() || indent(next) <= margin || item(next.trim()).is_some() {
                break;
            }
            lines.push(next.trim());
            self.at += 1;
        }
        // Items at the same margin are of one list, unless only one of them is numbered.
        let is_numbered = marker.len() > 1;
        if std::mem::replace(&mut self.last_item, (margin, is_numbered)) == (margin, !is_numbered) {
            self.lists.end();
        }
        let shown = if is_numbered { marker.replace('#', "1") } else { "-".to_owned() };
        let mark = format!("{margin:>4}");
        let text = inline::rst(&lines.join(" "));
        let block = self.lists.item(&mark, shown, text.trim_end_matches(':').to_owned());
        self.blocks.push(block);
    }

    /// What begins with two dots: a directive, a note, a target or a remark.
    fn explicit(&mut self, margin: usize, rest: &'a str) {
        self.at += 1;
        let body = self.indented(margin);
        if let Some((label, text)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            let more = body.iter().map(|line| line.trim());
            let text = std::iter::once(text).chain(more).collect::<Vec<_>>().join(" ");
            self.blocks.push(Block::Paragraph(format!("[{label}] {}", inline::rst(&text))));
            return;
        }
        let Some((name, argument)) = rest.split_once("::").filter(|(name, _)| !name.starts_with(['_', '|'])) else {
            return;
        };
        let (options, body): (Vec<&str>, Vec<&str>) = {
            let is_option = |line: &&str| line.trim_start().starts_with(':');
            let count = body.iter().take_while(|line| is_option(line)).count();
            (body[..count].to_vec(), body[count..].to_vec())
        };
        let name = name.trim().to_ascii_lowercase();
        if CODE.contains(&name.as_str()) {
            let (language, text) = if name == "math" { ("math", argument.trim()) } else { (argument.trim(), "") };
            let text = format!("{text}\n{}", body.join("\n"));
            self.blocks.push(Block::Code { language: language.to_owned(), text });
        } else if matches!(name.as_str(), "image" | "figure") {
            let alternative = options.iter().find_map(|option| option.trim().strip_prefix(":alt:"));
            self.blocks.extend(alternative.map(|text| Block::Paragraph(text.trim().to_owned())));
            self.inner(&body);
        } else if !SILENT.contains(&name.as_str()) {
            if !argument.trim().is_empty() {
                self.blocks.push(Block::Paragraph(inline::rst(argument.trim())));
            }
            self.inner(&body);
        }
    }

    /// The body of a directive is a document of its own.
    fn inner(&mut self, body: &[&str]) {
        self.blocks.extend(read(&body.join("\n")).blocks.into_iter().map(|block| block.below(2)));
    }

    /// The lines that follow, deeper than `margin`, without what they are indented by.
    fn indented(&mut self, margin: usize) -> Vec<&'a str> {
        let start = self.at;
        while let Some(&line) = self.lines.get(self.at)
            && (line.trim().is_empty() || indent(line) > margin)
        {
            self.at += 1;
        }
        let lines = &self.lines[start..self.at];
        let least = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
        let mut lines: Vec<_> = lines.iter().map(|line| line.get(least..).unwrap_or_default()).collect();
        let blank = lines.iter().take_while(|line| line.trim().is_empty()).count();
        lines.drain(..blank);
        lines
    }

    fn grid_table(&mut self) {
        self.end_paragraph();
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut is_new = true;
        while let Some(line) =
            self.lines.get(self.at).map(|line| line.trim()).filter(|line| line.starts_with(['+', '|']))
        {
            self.at += 1;
            if line.starts_with('+') {
                is_new = true;
                continue;
            }
            let cells = line.trim_matches('|').split('|').map(|cell| inline::rst(cell.trim()));
            if std::mem::take(&mut is_new) {
                rows.push(cells.collect());
            } else if let Some(row) = rows.last_mut() {
                for (index, cell) in cells.enumerate() {
                    row.resize(row.len().max(index + 1), String::new());
                    row[index] = format!("{} {cell}", row[index]);
                }
            }
        }
        self.blocks.push(Block::Table(rows));
    }

    /// Columns that stand under the gaps of a line of equals signs.
    fn simple_table(&mut self) {
        self.end_paragraph();
        let border: Vec<char> = self.lines[self.at].chars().collect();
        let starts: Vec<usize> =
            (0..border.len()).filter(|&at| border[at] == '=' && (at == 0 || border[at - 1] != '=')).collect();
        self.at += 1;
        let mut rows = Vec::new();
        let mut blank = false;
        while let Some(&line) = self.lines.get(self.at) {
            self.at += 1;
            if is_border(line.trim()) {
                // The border below the header is not the last one.
                let goes_on = self.lines.get(self.at).is_some_and(|next| !next.trim().is_empty());
                if goes_on && rows.len() <= 2 {
                    continue;
                }
                break;
            }
            if line.trim().is_empty() {
                if std::mem::replace(&mut blank, true) {
                    break;
                }
                continue;
            }
            blank = false;
            let characters: Vec<char> = line.chars().collect();
            let cell = |index: usize| {
                let start = starts[index].min(characters.len());
                let end = starts.get(index + 1).copied().unwrap_or(characters.len()).min(characters.len());
                inline::rst(characters[start..end].iter().collect::<String>().trim())
            };
            rows.push((0..starts.len()).map(cell).collect());
        }
        self.blocks.push(Block::Table(rows));
    }

    fn end_paragraph(&mut self) {
        if self.paragraph.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.paragraph);
        // `:Author: Anna`, or a line of verse.
        let is_field = |line: &&str| line.starts_with(':') && line[1..].contains(": ");
        let lines: Vec<_> = if lines.iter().all(is_field) {
            lines.into_iter().map(|line| inline::rst(&line[1..])).collect()
        } else {
            vec![inline::rst(&lines.join(" "))]
        };
        self.lists.end();
        self.blocks.push(Block::Paragraph(lines.join("\n")));
    }
}

/// The character of a line that consists of one kind of punctuation, and its length.
fn underline(line: &str) -> Option<(char, usize)> {
    let line = line.trim_end();
    let mark = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 2 && line.chars().all(|character| character == mark)).then_some((mark, line.len()))
}

fn is_border(line: &str) -> bool {
    line.contains("= =") || line.contains("=  =") && line.chars().all(|character| matches!(character, '=' | ' '))
}

fn item(line: &str) -> Option<(&str, &str)> {
    let bullet = line.strip_prefix(['-', '*', '+', '•']).and_then(|rest| rest.strip_prefix(' '));
    bullet.map(|text| ("-", text)).or_else(|| numbered(line))
}

#[cfg(test)]
mod tests {
    use super::{super::super::block::render, read};

    #[test]
    fn structure_is_kept_and_marks_are_not() {
        let text = ".. _target:\n\n=======\nHarbour\n=======\n\nBoats *moor* here,\nsee :doc:`map`.\n\nPiers\n-----\n\n- north\n- south\n  pier\n\n\
             1. first\n2. second\n\n.. note:: Mind the tide.\n\n.. code-block:: python\n   :linenos:\n\n   x = 1\n\n.. a remark\n   of two lines\n\n\
             Example::\n\n    literal text\n\n=====  =====\nName   Size\n=====  =====\nOslo   big\n=====  =====\n\n+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n\nEnd.\n";
        assert_eq!(
            render(&read(text).blocks, 10_000).unwrap().text,
            "# Harbour\n\nBoats moor here, see map.\n\n## Piers\n\n- north\n- south pier\n\n1. first\n2. second\n\nMind the tide.\n\n\
             ```python\nx = 1\n```\n\nExample\n\n```\nliteral text\n```\n\n| Name | Size |\n| --- | --- |\n| Oslo | big |\n\n\
             | a | b |\n| --- | --- |\n| 1 | 2 |\n\nEnd."
        );
    }
}
