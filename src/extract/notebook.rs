//! Jupyter notebooks: prose as it is, code as code, what it printed as text.

use serde::Deserialize;

use super::{ExtractError, block::Block, detect, document::Document, encoding};
use crate::domain::document::About;

/// Longer output is data, and only its beginning is read.
const MAX_OUTPUT_CHARACTERS: usize = 2000;

#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    cells: Vec<Cell>,
    /// Of the third version.
    #[serde(default)]
    worksheets: Vec<Worksheet>,
}

#[derive(Deserialize)]
struct Worksheet {
    cells: Vec<Cell>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    title: Option<String>,
    language_info: Language,
    kernelspec: Language,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Language {
    name: Option<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(rename = "cell_type")]
    kind: String,
    /// Of headings in the third version.
    #[serde(default)]
    level: Option<u8>,
    #[serde(default, alias = "input")]
    source: Lines,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    text: Lines,
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "text/plain")]
    plain: Lines,
    #[serde(rename = "text/markdown")]
    markdown: Lines,
}

/// A text, as one string or as its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Text(String),
    List(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Lines {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(lines) => lines.concat(),
        }
    }
}

/// Reads a notebook.
///
/// # Errors
/// `CorruptFile` if it is not one, `InvalidEncoding`.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    let Notebook { metadata, cells, worksheets } = serde_json::from_str(&text).map_err(|_| detect::corrupt())?;
    let language = metadata.language_info.name.or(metadata.kernelspec.language).unwrap_or_default();
    let mut document = Document { about: About { title: metadata.title, ..About::default() }, ..Document::default() };
    for cell in cells.into_iter().chain(worksheets.into_iter().flat_map(|sheet| sheet.cells)) {
        let text = cell.source.text();
        match cell.kind.as_str() {
            "markdown" => document.blocks.push(Block::Markdown(text)),
            "heading" => document.blocks.push(Block::Heading { level: cell.level.unwrap_or(1), text }),
            "code" => {
                document.blocks.push(Block::Code { language: language.clone(), text });
                document.blocks.extend(cell.outputs.into_iter().filter_map(output));
            }
            _ => document.blocks.push(Block::Paragraph(text)),
        }
    }
    Ok(document)
}

fn output(output: Output) -> Option<Block> {
    let Data { plain, markdown } = output.data;
    let markdown = markdown.text();
    if !markdown.trim().is_empty() {
        return Some(Block::Markdown(markdown));
    }
    let text: String = (output.text.text() + &plain.text()).chars().take(MAX_OUTPUT_CHARACTERS).collect();
    (!text.trim().is_empty()).then(|| Block::Code { language: String::new(), text })
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    #[test]
    fn cells_are_prose_code_and_what_it_printed() {
        let notebook = r##"{"metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "cells": [
            {"cell_type": "markdown", "source": ["# Tides\n", "\n", "The *moon* pulls."]},
            {"cell_type": "code", "source": "print(6 * 7)", "outputs": [
                {"output_type": "stream", "text": ["42\n"]},
                {"output_type": "display_data", "data": {"text/plain": ["<Figure>"], "image/png": "AAAA"}}]}]}"##;
        let rendered = render(&read(notebook.as_bytes()).unwrap().blocks, 1000).unwrap();
        assert_eq!(
            rendered.text,
            "# Tides\n\nThe *moon* pulls.\n\n```python\nprint(6 * 7)\n```\n\n```\n42\n```\n\n```\n<Figure>\n```"
        );
        assert_eq!(rendered.heading.as_deref(), Some("Tides"));
        assert!(read(b"{}x").is_err());
        let marked = format!("\u{feff}{notebook}");
        assert_eq!(render(&read(marked.as_bytes()).unwrap().blocks, 1000).unwrap().text, rendered.text);
    }
}
