//! LaTeX to blocks: what is printed, without macros being run.
//!
//! Commands that are known say what becomes of their arguments; of others the arguments are text.

mod commands;
mod source;

use super::{Block, Lists, Written};
use commands::{Command, accented, command, symbol};
use source::{Source, without_remarks};

/// Environments whose content is code.
const CODE: [&str; 4] = ["verbatim", "lstlisting", "minted", "Verbatim"];
/// Environments whose content is an equation.
const MATH: [&str; 10] =
    ["equation", "align", "gather", "multline", "eqnarray", "displaymath", "math", "flalign", "alignat", "dmath"];
/// Environments that are not printed as text.
const SILENT: [&str; 4] = ["tikzpicture", "comment", "filecontents", "pgfpicture"];
/// Environments inside each other.
const MAX_DEPTH: usize = 100;

pub(super) fn read(text: &str) -> Written {
    let text = without_remarks(text);
    let (preamble, body) = text.split_once("\\begin{document}").unwrap_or(("", &text));
    let body = body.split("\\end{document}").next().unwrap_or_default();
    let find = |name: &str, text: &str| {
        let at = text.find(&format!("\\{name}"))?;
        Source::new(&text[at + 1 + name.len()..]).argument().map(|title| inline(title, 0))
    };
    let title = find("title", preamble).or_else(|| find("title", body));
    let mut reader = Reader::default();
    reader.blocks.extend(title.clone().map(|text| Block::Heading { level: 1, text }));
    let author = find("author", preamble).or_else(|| find("author", body));
    reader.blocks.extend(author.map(Block::Paragraph));
    reader.read(body, 0);
    reader.end_paragraph();
    Written { blocks: reader.blocks, title }
}

/// The text of an argument.
fn inline(text: &str, depth: usize) -> String {
    let mut reader = Reader::default();
    reader.read(text, depth + 1);
    reader.end_paragraph();
    let mut words = String::new();
    for block in reader.blocks {
        if let Block::Paragraph(text) | Block::Item { text, .. } | Block::Code { text, .. } = block {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(&text);
        }
    }
    words
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    paragraph: String,
    /// The marker of the item whose text the paragraph is, and how many lists there are around it.
    item: Option<(String, usize)>,
    lists: Lists,
    /// The next number of each list that is open; none where its items have no numbers.
    numbers: Vec<Option<usize>>,
}

impl Reader {
    fn read(&mut self, text: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let mut source = Source::new(text);
        while let Some(character) = source.next() {
            match character {
                '\\' => self.control(&mut source, depth),
                '$' => {
                    let delimiter = if source.skip("$") { "$$" } else { "$" };
                    let math = source.until(delimiter);
                    self.paragraph.push_str(math);
                }
                '{' | '}' => {}
                '\n' if source.is_at_blank_line() => self.end_paragraph(),
                '\n' | '~' => self.paragraph.push(' '),
                '-' if source.skip("--") => self.paragraph.push('—'),
                '-' if source.skip("-") => self.paragraph.push('–'),
                '`' if source.skip("`") => self.paragraph.push('“'),
                '\'' if source.skip("'") => self.paragraph.push('”'),
                '`' => self.paragraph.push('‘'),
                '\'' => self.paragraph.push('’'),
                character => self.paragraph.push(character),
            }
        }
    }

    fn control(&mut self, source: &mut Source<'_>, depth: usize) {
        let name = source.control_name();
        match name {
            "\\" | "newline" | "linebreak" | "tabularnewline" => {
                source.option();
                self.paragraph.push('\n');
            }
            "par" => self.end_paragraph(),
            "(" => self.paragraph.push_str(source.until("\\)")),
            "[" => self.paragraph.push_str(source.until("\\]")),
            "begin" => self.environment(source, depth),
            "end" => drop(source.argument()),
            "item" => self.item(source, depth),
            "verb" | "lstinline" => self.paragraph.push_str(source.delimited()),
            "'" | "`" | "^" | "\"" | "~" | "=" | "." | "c" | "v" | "u" | "H" | "k" | "r" | "d" | "b" => {
                let letter = source.letter();
                self.paragraph.push_str(&accented(name, letter));
            }
            name => match symbol(name) {
                Some(text) => {
                    source.skip("{}");
                    self.paragraph.push_str(text);
                }
                None => self.command(&command(name), source, depth),
            },
        }
    }

    fn command(&mut self, command: &Command, source: &mut Source<'_>, depth: usize) {
        match command {
            &Command::Heading(level) => {
                source.skip("*");
                source.option();
                if let Some(title) = source.argument() {
                    self.end_paragraph();
                    self.lists.end();
                    self.blocks.push(Block::Heading { level, text: inline(title, depth) });
                }
            }
            &Command::Skip(count) => {
                source.skip("*");
                source.option();
                for _ in 0..count {
                    source.option();
                    source.argument();
                }
            }
            Command::Note => {
                source.option();
                if let Some(note) = source.argument() {
                    let note = inline(note, depth);
                    self.paragraph.extend([" (", note.trim(), ")"]);
                }
            }
            Command::Block => {
                source.skip("*");
                source.option();
                if let Some(text) = source.argument() {
                    self.end_paragraph();
                    self.blocks.push(Block::Paragraph(inline(text, depth)));
                }
            }
            // `\href{target}{text}`
            Command::Second => {
                source.argument();
                if let Some(text) = source.argument() {
                    self.read(text, depth + 1);
                }
            }
            Command::Text => {
                source.option();
            }
        }
    }

    fn environment(&mut self, source: &mut Source<'_>, depth: usize) {
        let Some(full_name) = source.argument() else { return };
        let name = full_name.trim_end_matches('*');
        let body = source.until_end(full_name);
        if CODE.contains(&name) {
            self.end_paragraph();
            let mut code = Source::new(body);
            code.option();
            let language =
                if name == "minted" { code.argument().unwrap_or_default().to_owned() } else { String::new() };
            self.blocks.push(Block::Code { language, text: code.rest().to_owned() });
        } else if MATH.contains(&name) {
            self.end_paragraph();
            self.blocks.push(Block::Paragraph(source::without_labels(body)));
        } else if matches!(name, "itemize" | "enumerate" | "description") {
            self.end_paragraph();
            self.numbers.push((name == "enumerate").then_some(1));
            let mut body = Source::new(body);
            body.option();
            self.read(body.rest(), depth + 1);
            self.end_paragraph();
            self.numbers.pop();
            if self.numbers.is_empty() {
                self.lists.end();
            }
        } else if matches!(name, "tabular" | "tabularx" | "tabulary" | "longtable" | "array") {
            self.end_paragraph();
            let mut body = Source::new(body);
            body.option();
            if matches!(name, "tabularx" | "tabulary") {
                body.argument();
            }
            body.argument();
            self.blocks.push(Block::Table(rows(body.rest(), depth)));
        } else if !SILENT.contains(&name) {
            self.end_paragraph();
            let mut body = Source::new(body);
            body.option();
            if matches!(name, "minipage" | "thebibliography" | "multicols" | "wrapfigure") {
                body.argument();
            }
            self.read(body.rest(), depth + 1);
            self.end_paragraph();
        }
    }

    fn item(&mut self, source: &mut Source<'_>, depth: usize) {
        self.end_paragraph();
        let label = source.option().map(|label| inline(label, depth));
        let marker = match self.numbers.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}.", *number - 1)
            }
            _ => "-".to_owned(),
        };
        self.item = Some((marker, self.numbers.len()));
        if let Some(label) = label {
            self.paragraph = format!("{label}: ");
        }
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        if text.trim().is_empty() {
            return;
        }
        match self.item.take() {
            Some((marker, depth)) => {
                let block = self.lists.item(&format!("{depth:>4}"), marker, text);
                self.blocks.push(block);
            }
            None => self.blocks.push(Block::Paragraph(text)),
        }
    }
}

fn rows(body: &str, depth: usize) -> Vec<Vec<String>> {
    let rows =
        body.split("\\\\").map(|row| source::split_unescaped(row, '&').map(|cell| inline(cell, depth)).collect());
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::{super::super::block::render, read};

    #[test]
    fn structure_is_kept_and_commands_are_not() {
        let text = "\\documentclass{article}\n\\usepackage{x} % a remark\n\\title{The \\emph{Harbour}}\n\\author{Anna Ek}\n\
             \\begin{document}\n\\maketitle\n\\section{Piers}\\label{sec:piers}\nBoats \\textbf{moor} here~\\cite{ek}, at 5\\% of cost ---\n\
             see \\href{http://example.org}{the map}\\footnote{It is old.}. G\\\"oteborg, caf\\'{e}, ``quoted''.\n\n\
             \\begin{enumerate}\n\\item north\n\\item south\n\\begin{itemize}\\item deep\\end{itemize}\n\\end{enumerate}\n\
             \\begin{verbatim}\nx = 1 % kept\n\\end{verbatim}\n\
             \\begin{tabular}{|l|r|}\n\\hline\nName & Size \\\\ \\hline\nOslo & 1 \\& 2 \\\\\n\\end{tabular}\n\
             \\begin{equation}\\label{e}E = mc^2\\end{equation}\nWhere $E$ is energy.\n\\end{document}\nnever seen";
        let written = read(text);
        assert_eq!(written.title.as_deref(), Some("The Harbour"));
        let text = render(&written.blocks, 10_000).unwrap().text;
        assert_eq!(
            text,
            "# The Harbour\n\nAnna Ek\n\n# Piers\n\nBoats moor here , at 5% of cost — see the map (It is old.). Göteborg, café, “quoted”.\n\n\
             1. north\n2. south\n   - deep\n\n```\nx = 1 % kept\n```\n\n| Name | Size |\n| --- | --- |\n| Oslo | 1 & 2 |\n\n\
             E = mc^2\n\nWhere E is energy."
        );
    }

    #[test]
    fn what_is_not_closed_or_nests_without_end_is_read_as_far_as_it_goes() {
        let deep = format!("{}x", "\\begin{center}".repeat(100_000));
        drop(read(&deep));
        let open = read("\\section{Open\nText $math \\emph{more");
        assert!(!render(&open.blocks, 10_000).unwrap().text.is_empty());
    }
}
