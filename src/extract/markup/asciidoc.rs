//! AsciiDoc to blocks, line by line.

use super::{Block, Lists, Written, inline, numbered};

pub(super) fn read(text: &str) -> Written {
    let mut reader = Reader::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(fence) = fence(line) {
            reader.end_paragraph();
            let body = lines.by_ref().take_while(|line| line.trim_end() != fence);
            match fence.as_bytes()[0] {
                b'/' => body.for_each(drop),
                b'|' => {
                    let body: Vec<_> = body.collect();
                    reader.blocks.push(Block::Table(rows(&body)));
                }
                // Quotes, examples and the like are text.
                b'_' | b'=' | b'*' => {
                    let body: Vec<_> = body.collect();
                    reader.blocks.extend(read(&body.join("\n")).blocks);
                }
                _ => {
                    let body: Vec<_> = body.collect();
                    let language = std::mem::take(&mut reader.language);
                    reader.blocks.push(Block::Code { language, text: body.join("\n") });
                }
            }
        } else {
            reader.line(line);
        }
    }
    reader.end_paragraph();
    Written { blocks: reader.blocks, title: None }
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    paragraph: Vec<String>,
    /// The mark and marker of the item whose text the paragraph is.
    item: Option<(String, String)>,
    lists: Lists,
    /// The language of the next code.
    language: String,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed == "+" {
            self.end_paragraph();
        } else if let Some((level, title)) = heading(trimmed) {
            self.end_paragraph();
            self.lists.end();
            self.blocks.push(Block::Heading { level, text: inline::asciidoc(title) });
        } else if trimmed.starts_with("//") || is_attribute(trimmed) || trimmed.starts_with("include::") {
            // Remarks and settings.
        } else if let Some(attributes) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            self.end_paragraph();
            if let Some(language) = attributes.strip_prefix("source,").or_else(|| attributes.strip_prefix(',')) {
                language.split(',').next().unwrap_or_default().clone_into(&mut self.language);
            }
        } else if let Some(image) = trimmed.strip_prefix("image::") {
            let text = image.split_once('[').map_or("", |(_, text)| text.trim_end_matches(']'));
            let text = text.split(',').next().unwrap_or_default();
            self.blocks.push(Block::Paragraph(text.trim_matches('"').to_owned()));
        } else if let Some((mark, marker, text)) = item(trimmed) {
            self.end_paragraph();
            self.item = Some((mark, marker));
            self.paragraph.push(text.to_owned());
        } else {
            self.paragraph
                .push(trimmed.strip_prefix('.').filter(|_| self.paragraph.is_empty()).unwrap_or(trimmed).to_owned());
        }
    }

    fn end_paragraph(&mut self) {
        let lines = std::mem::take(&mut self.paragraph);
        let text = inline::asciidoc(&lines.join(" "));
        if let Some((mark, marker)) = self.item.take() {
            let block = self.lists.item(&mark, marker, text);
            self.blocks.push(block);
        } else if !lines.is_empty() {
            self.lists.end();
            self.blocks.push(Block::Paragraph(text));
        }
    }
}

/// The line that begins and ends a block.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let is_table = matches!(line, "|===" | ",===" | ":===");
    let is_fence = ["----", "....", "////", "____", "====", "****", "++++", "```"]
        .iter()
        .any(|fence| line.starts_with(fence) && line.bytes().all(|byte| byte == line.as_bytes()[0]));
    (is_table || is_fence).then_some(line)
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let level = line.bytes().take_while(|&byte| byte == b'=').count();
    let title = line[level..].strip_prefix(' ')?;
    ((1..=6).contains(&level)).then(|| (u8::try_from(level).unwrap_or(6), title))
}

fn is_attribute(line: &str) -> bool {
    line.strip_prefix(':')
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(name, value)| !name.contains(' ') && (value.is_empty() || value.starts_with(' ')))
}

/// The mark, the marker and the text of an item.
fn item(line: &str) -> Option<(String, String, &str)> {
    let (mark, text) = line.split_once(' ')?;
    let is_bullet = mark == "-" || (mark.len() <= 5 && mark.bytes().all(|byte| byte == b'*'));
    let is_counted = mark.len() <= 5 && mark.bytes().all(|byte| byte == b'.');
    if is_bullet || is_counted {
        let marker = if is_bullet { "-" } else { "1." };
        return Some((mark.to_owned(), marker.to_owned(), text));
    }
    if let Some((marker, text)) = numbered(line) {
        return Some(("1.".to_owned(), marker.to_owned(), text));
    }
    None
}

/// The rows of a table: cells begin with a bar; a row is a line, or what follows an empty line.
fn rows(lines: &[&str]) -> Vec<Vec<String>> {
    let width = lines.iter().map(|line| cells(line).len()).find(|&count| count > 0).unwrap_or(1);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines {
        for cell in cells(line) {
            match rows.last_mut().filter(|row| row.len() < width) {
                Some(row) => row.push(cell),
                None => rows.push(vec![cell]),
            }
        }
        let is_more = !line.contains('|') && !line.trim().is_empty();
        if let Some(last) = rows.last_mut().and_then(|row| row.last_mut()).filter(|_| is_more) {
            last.push(' ');
            last.push_str(&inline::asciidoc(line.trim()));
        }
    }
    rows
}

/// What follows each bar. Before it, how a cell is set: `2+a|`.
fn cells(line: &str) -> Vec<String> {
    let mut cells: Vec<String> = line.split('|').skip(1).map(|cell| inline::asciidoc(cell.trim())).collect();
    let count = cells.len();
    for cell in cells.iter_mut().take(count.saturating_sub(1)) {
        let set = cell.rsplit(' ').next().unwrap_or_default();
        let is_set =
            !set.is_empty() && set.len() <= 4 && set.ends_with(['a', 'h', 'e', 'm', 's', '+']) && set.contains('+');
        if is_set {
            cell.truncate(cell.len() - set.len());
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::{super::super::block::render, read};

    #[test]
    fn structure_is_kept_and_marks_are_not() {
        let text = "= Harbour\nAnna Ek\n:toc:\n\n// a remark\n== Piers\n\nBoats *moor* here,\nsee <<map,the map>>.\n\n* north\n** deep\n* south\n\n\
             . first\n. second\n\nNOTE: Mind the tide.\n\n.A listing\n[source,ruby]\n----\nputs 1\n----\n\n|===\n| Name | Size\n\n| Oslo\n| big\n|===\n\nEnd.\n";
        assert_eq!(
            render(&read(text).blocks, 10_000).unwrap().text,
            "# Harbour\n\nAnna Ek\n\n## Piers\n\nBoats moor here, see the map.\n\n- north\n  - deep\n- south\n  1. first\n  1. second\n\n\
             NOTE: Mind the tide.\n\nA listing\n\n```ruby\nputs 1\n```\n\n| Name | Size |\n| --- | --- |\n| Oslo | big |\n\nEnd."
        );
    }
}
