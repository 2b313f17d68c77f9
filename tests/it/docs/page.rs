//! Pages of the documentation, taken apart.

use std::{fs, path::Path};

/// A Markdown file of the project.
pub struct Page {
    /// Below the project.
    pub path: String,
    pub text: String,
}

/// Something in a page that can be run.
pub struct Snippet {
    /// Where it begins in the page, from 1.
    pub line: usize,
    pub language: String,
    pub text: String,
}

/// What users read: the README and the folder `docs`.
pub fn manual() -> Vec<Page> {
    let mut paths: Vec<_> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().display()))
        .filter(|path| is_markdown(path))
        .collect();
    paths.push("README.md".to_owned());
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn is_markdown(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

impl Page {
    pub fn read(path: impl Into<String>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path, text }
    }

    /// The lines outside of fenced blocks.
    pub fn prose(&self) -> impl Iterator<Item = &str> {
        let mut is_fenced = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with("```");
            is_fenced ^= is_fence;
            !is_fenced && !is_fence
        })
    }

    /// The fenced blocks in their order, and of a `console` the commands in it. Blocks below the name of a file are parts of
    /// that file, which the tests of the clients compare and run.
    pub fn snippets(&self) -> Vec<Snippet> {
        let mut snippets = Vec::new();
        let mut lines = (1..).zip(self.text.lines());
        let mut before = "";
        while let Some((line, start)) = lines.next() {
            let Some(language) = start.strip_prefix("```") else {
                before = start;
                continue;
            };
            let block: Vec<_> = lines.by_ref().take_while(|(_, text)| *text != "```").collect();
            if before.starts_with("<!-- ") {
                continue;
            }
            if language == "console" {
                let commands = block.iter().filter_map(|(line, text)| Some((line, text.strip_prefix("$ ")?)));
                snippets.extend(commands.map(|(line, command)| Snippet::new(*line, "sh", &[command])));
            } else {
                let texts: Vec<_> = block.iter().map(|(_, text)| *text).collect();
                snippets.push(Snippet::new(line + 1, language, &texts));
            }
        }
        snippets
    }
}

impl Snippet {
    fn new(line: usize, language: &str, lines: &[&str]) -> Self {
        Self { line, language: language.to_owned(), text: lines.join("\n") + "\n" }
    }
}
