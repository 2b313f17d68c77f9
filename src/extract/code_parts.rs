//! Where source code falls into parts: at its items, then at their parts, each together with the remarks above it.
//!
//! A parser of the language finds them (tree-sitter). It is C, and on hostile code takes memory without a bound, so it runs
//! in the child process only. Code that can't be parsed within the limits has no parts.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tree_sitter::{Language, Node, Parser, Tree};

use crate::domain::document::{DocumentWarning, DocumentWarningCode};

/// Longer blocks are not parsed: a tree takes many times as much memory as its code.
const MAX_BLOCK_BYTES: usize = 2 << 20;
/// Bytes and blocks of one text that are parsed.
const MAX_BYTES: usize = 8 << 20;
const MAX_BLOCKS: usize = 10_000;
/// Parts of one text.
const MAX_PARTS: usize = 100_000;
/// What the child may take, beyond what the program itself does.
pub(super) const MEMORY_BYTES: u64 = 256 << 20;
pub(super) const CPU_SECONDS: u64 = 10;
/// The longest answer of the child.
pub(super) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Definitions deeper than this are not named above a chunk.
const MAX_TITLE_DEPTH: u8 = 3;
const MAX_TITLE_CHARACTERS: usize = 200;
/// Wrappers inside each other that are looked through for what they are about.
const MAX_WRAPPERS: usize = 4;

/// A language whose code can be parsed. The grammar of C++ reads C, and that of TSX reads JavaScript.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CodeLanguage {
    Cpp,
    Go,
    Java,
    Python,
    Rust,
    Tsx,
    TypeScript,
}

impl CodeLanguage {
    /// The language that a fence in Markdown names.
    #[must_use]
    pub fn of_fence(info: &str) -> Option<Self> {
        let name = info.split(|it: char| it.is_whitespace() || it == ',').next().unwrap_or_default();
        Some(match name.to_ascii_lowercase().as_str() {
            "c" | "h" | "cpp" | "c++" | "cc" | "cxx" | "hpp" => Self::Cpp,
            "go" | "golang" => Self::Go,
            "java" => Self::Java,
            "python" | "py" | "python3" => Self::Python,
            "rust" | "rs" => Self::Rust,
            "javascript" | "js" | "mjs" | "jsx" | "tsx" => Self::Tsx,
            "typescript" | "ts" => Self::TypeScript,
            _ => return None,
        })
    }

    fn grammar(self) -> Language {
        match self {
            Self::Cpp => tree_sitter_cpp::LANGUAGE,
            Self::Go => tree_sitter_go::LANGUAGE,
            Self::Java => tree_sitter_java::LANGUAGE,
            Self::Python => tree_sitter_python::LANGUAGE,
            Self::Rust => tree_sitter_rust::LANGUAGE,
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        }
        .into()
    }
}

/// A block of code in a text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CodeBlock {
    pub language: CodeLanguage,
    /// In bytes of the text.
    pub range: Range<usize>,
}

/// A place before which code may be cut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CodePart {
    /// The beginning of its line, in bytes of its block.
    pub at: usize,
    /// From 1, for the items of a file.
    pub depth: u8,
    /// Whether the part belongs to the one before it, which is a remark about it.
    pub is_attached: bool,
    pub title: PartTitle,
}

/// What stands above the chunks that follow a place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PartTitle {
    /// What stood there before.
    Same,
    /// No definition of this depth or a deeper one any more.
    Ended,
    /// The line that names a definition.
    Of(String),
}

/// A block of code that was parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsedCode {
    /// In bytes of the text.
    pub range: Range<usize>,
    /// In order.
    pub parts: Vec<CodePart>,
}

/// What is known of the code in a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodeOutline {
    /// In order.
    pub parsed: Vec<ParsedCode>,
    /// Whether a block is not among them, because it can't be parsed within the limits.
    lacks_blocks: bool,
}

/// The parts of each block, where it has not too many.
pub(super) type BlockParts = Vec<Option<Vec<CodePart>>>;

impl CodeOutline {
    /// What a child said of `blocks`, the first of those that were `found` in `text`. It may be anything.
    pub(super) fn new(text: &str, found: usize, blocks: Vec<CodeBlock>, parts: BlockParts) -> Self {
        let parsed: Vec<_> = blocks
            .into_iter()
            .zip(parts)
            .filter_map(|(CodeBlock { range, .. }, parts)| {
                let code = text.get(range.clone())?;
                let parts = parts.filter(|parts| are_places(parts, code))?;
                Some(ParsedCode { range, parts })
            })
            .collect();
        Self { lacks_blocks: parsed.len() < found, parsed }
    }

    /// What the owner of the document is told.
    #[must_use]
    pub fn warning(&self) -> Option<DocumentWarning> {
        let message = "Source code could not be parsed within the limits of the server. It is split at its lines.";
        self.lacks_blocks.then(|| DocumentWarning::new(DocumentWarningCode::CodeNotParsed, message))
    }
}

fn are_places(parts: &[CodePart], code: &str) -> bool {
    parts.is_sorted_by(|one, next| one.at < next.at) && parts.iter().all(|part| code.is_char_boundary(part.at))
}

/// Those of the blocks that a child may get.
pub(super) fn allowed(blocks: Vec<CodeBlock>) -> Vec<CodeBlock> {
    let mut left = MAX_BYTES;
    let fits = |block: &CodeBlock| {
        let length = block.range.len();
        let fits = length <= MAX_BLOCK_BYTES.min(left);
        left -= if fits { length } else { 0 };
        fits
    };
    blocks.into_iter().filter(fits).take(MAX_BLOCKS).collect()
}

/// The code of these blocks, one after the other, and where they are in it.
pub(super) fn gathered(text: &str, blocks: &[CodeBlock]) -> (String, Vec<CodeBlock>) {
    let mut code = String::new();
    let moved = blocks.iter().map(|block| {
        let start = code.len();
        code.push_str(text.get(block.range.clone()).unwrap_or_default());
        CodeBlock { range: start..code.len(), ..block.clone() }
    });
    let moved = moved.collect();
    (code, moved)
}

/// Parses blocks of code. Runs in the child process only.
pub(super) fn parse(code: &str, blocks: &[CodeBlock]) -> BlockParts {
    let mut left = MAX_PARTS;
    let parse = |block: &CodeBlock| {
        let parts = parts(block.language, code.get(block.range.clone())?, left)?;
        left -= parts.len();
        Some(parts)
    };
    blocks.iter().map(parse).collect()
}

/// The parts of code in a language, in order, unless they are more than `most`.
fn parts(language: CodeLanguage, code: &str, most: usize) -> Option<Vec<CodePart>> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let tree = parser.parse(code, None)?;
    Walk { code, most, parts: Vec::new(), open: Vec::new() }.over(&tree)
}

/// One walk over the tree. It does not recurse: nesting is up to the author of the code.
struct Walk<'a> {
    code: &'a str,
    most: usize,
    parts: Vec<CodePart>,
    /// The depths of the definitions that are open.
    open: Vec<u8>,
}

/// A level of the tree.
#[derive(Clone, Copy)]
struct Level {
    /// How many nodes that begin a part are around its nodes.
    depth: u8,
    /// Whether its nodes are what a wrapper is about.
    is_wrapped: bool,
    /// Whether the last node before is a remark about the next one.
    after_remark: bool,
}

impl Level {
    const OUTERMOST: Self = Self { depth: 1, is_wrapped: false, after_remark: false };

    /// The level below a node of this one that is a part or not.
    fn below(self, node: &Node<'_>, is_part: bool) -> Self {
        // A wrapper and what it is about are one part.
        let is_part = is_part || self.is_wrapped;
        let wraps = is_wrapper(node);
        let depth = if is_part && !wraps { self.depth.saturating_add(1) } else { self.depth };
        Self { depth, is_wrapped: is_part && wraps, after_remark: false }
    }
}

impl Walk<'_> {
    fn over(mut self, tree: &Tree) -> Option<Vec<CodePart>> {
        let mut cursor = tree.walk();
        let mut levels = vec![Level::OUTERMOST];
        if !cursor.goto_first_child() {
            return Some(self.parts);
        }
        while let Some(level) = levels.last_mut() {
            let (node, here) = (cursor.node(), *level);
            level.after_remark = is_remark(&node);
            let is_part = node.is_named() && self.part(&node, here);
            if self.parts.len() > self.most {
                return None;
            }
            if cursor.goto_first_child() {
                levels.push(here.below(&node, is_part));
                continue;
            }
            while !cursor.goto_next_sibling() {
                levels.pop();
                if !cursor.goto_parent() || levels.is_empty() {
                    break;
                }
            }
        }
        Some(self.parts)
    }

    /// Records a node if it begins a part.
    fn part(&mut self, node: &Node<'_>, level: Level) -> bool {
        let Level { depth, is_wrapped, after_remark } = level;
        let start = node.start_byte();
        let at = start.saturating_sub(node.start_position().column);
        let is_new = self.parts.last().map_or(0, |last| last.at) < at;
        let begins_line = is_new && self.code.get(at..start).is_some_and(|before| before.trim().is_empty());
        if !begins_line || is_body(node) {
            return false;
        }
        let closes = self.open.last().is_some_and(|last| *last >= depth);
        self.open.retain(|last| *last < depth);
        let title = match self.title(node).filter(|_| depth <= MAX_TITLE_DEPTH) {
            Some(title) => {
                self.open.push(depth);
                PartTitle::Of(title)
            }
            None if closes => PartTitle::Ended,
            None => PartTitle::Same,
        };
        let is_attached = (is_wrapped || after_remark) && self.follows_closely(at);
        self.parts.push(CodePart { at, depth, is_attached, title });
        true
    }

    /// Whether there is no empty line before this one.
    fn follows_closely(&self, at: usize) -> bool {
        let before = &self.code[..at];
        before[before.trim_end().len()..].matches('\n').count() <= 1
    }

    /// The line that names a definition of several lines.
    fn title(&self, node: &Node<'_>) -> Option<String> {
        let is_long = node.end_position().row > node.start_position().row;
        if !is_long || !(is_definition(node) || is_wrapper(node)) {
            return None;
        }
        let subject = subject(*node);
        let name = ["name", "declarator"].into_iter().find_map(|field| subject.child_by_field_name(field));
        let named = name.unwrap_or(*node);
        let line = named.start_byte().checked_sub(named.start_position().column)?;
        let line = self.code.get(line..)?.lines().next()?.trim();
        let title: String = line.chars().take(MAX_TITLE_CHARACTERS).collect();
        title.chars().any(char::is_alphanumeric).then_some(title)
    }
}

fn is_definition(node: &Node<'_>) -> bool {
    const WORDS: [&str; 13] = [
        "function",
        "method",
        "class",
        "impl",
        "struct",
        "enum",
        "trait",
        "interface",
        "mod_item",
        "namespace",
        "constructor",
        "record",
        "type_declaration",
    ];
    let kind = node.kind();
    let is_whole = ["_item", "_definition", "_declaration", "_specifier"].iter().any(|end| kind.ends_with(end));
    is_whole && WORDS.iter().any(|word| kind.contains(word))
}

/// Whether a node only says something of the definition in it: decorators, `export`, parameters of a template.
fn is_wrapper(node: &Node<'_>) -> bool {
    matches!(node.kind(), "decorated_definition" | "export_statement" | "template_declaration")
}

/// What a wrapper is about.
fn subject(mut node: Node<'_>) -> Node<'_> {
    for _ in 0..MAX_WRAPPERS {
        let count = u32::try_from(node.named_child_count()).unwrap_or(0);
        match count.checked_sub(1).and_then(|last| node.named_child(last)) {
            Some(last) if is_wrapper(&node) => node = last,
            _ => break,
        }
    }
    node
}

/// Whether a node is the body of the one that it is in, whose part it belongs to.
fn is_body(node: &Node<'_>) -> bool {
    ["block", "body", "declaration_list", "compound_statement"].iter().any(|end| node.kind().ends_with(end))
}

fn is_remark(node: &Node<'_>) -> bool {
    ["comment", "attribute", "annotation", "decorator"].iter().any(|word| node.kind().contains(word))
}

#[cfg(test)]
mod tests {
    use super::{CodeBlock, CodeLanguage, CodeOutline, CodePart, MAX_BLOCK_BYTES, MAX_BLOCKS, MAX_BYTES, PartTitle};

    /// Each part as its depth, its first line, and what it says of itself.
    fn told(language: CodeLanguage, code: &str) -> Vec<String> {
        let line = |at: usize| code[at..].lines().next().unwrap_or_default().trim().to_owned();
        let tell = |part: CodePart| {
            let title = match part.title {
                PartTitle::Same => String::new(),
                PartTitle::Ended => " ended".to_owned(),
                PartTitle::Of(title) if title == line(part.at) => " titled".to_owned(),
                PartTitle::Of(title) => format!(" titled {title}"),
            };
            let attached = if part.is_attached { " attached" } else { "" };
            format!("{} {}{title}{attached}", part.depth, line(part.at))
        };
        let parts = super::parts(language, code, usize::MAX).unwrap();
        parts.into_iter().filter(|part| part.depth <= 2).map(tell).collect()
    }

    #[test]
    fn items_and_their_parts_are_found_with_their_remarks() {
        let code = "use std::fmt;\n\n/// A boat.\n#[derive(Debug)]\npub struct Boat {\n    name: String,\n}\n\nimpl Boat {\n    \
            // Sails.\n    fn sail(&self) {\n        go();\n    }\n\n    fn moor(&self) {\n        stop();\n    }\n}\n\nconst MOST: u8 = 1;\n";
        let expected = [
            "1 /// A boat.",
            "1 #[derive(Debug)] attached",
            "1 pub struct Boat { titled attached",
            "2 name: String,",
            "1 impl Boat { titled",
            "2 // Sails.",
            "2 fn sail(&self) { titled attached",
            "2 fn moor(&self) { titled",
            "1 const MOST: u8 = 1; ended",
        ];
        assert_eq!(told(CodeLanguage::Rust, code), expected);
    }

    #[test]
    fn what_is_decorated_exported_or_generic_is_one_part_with_its_wrapper_and_named_by_its_own_line() {
        let code = "import os\n\n@dataclass\nclass Boat:\n    name: str\n\n    def sail(self):\n        go()\n\n    def moor(self):\n        stop()\n";
        let expected = [
            "1 @dataclass titled class Boat:",
            "1 class Boat: titled attached",
            "2 name: str",
            "2 def sail(self): titled",
            "2 def moor(self): titled",
        ];
        assert_eq!(told(CodeLanguage::Python, code), expected);

        let code = "import x from 'x';\n\nexport class Boat {\n  sail() {\n    go();\n  }\n}\n";
        assert_eq!(told(CodeLanguage::Tsx, code), ["1 export class Boat { titled", "2 sail() { titled"]);

        let code = "int a;\n\ntemplate <typename T>\nstruct Boat {\n  T name;\n};\n";
        let expected = ["1 template <typename T> titled struct Boat {", "1 struct Boat { titled attached", "2 T name;"];
        assert_eq!(told(CodeLanguage::Cpp, code), expected);

        let code = "package a;\n\n@Service\npublic class Boat {\n  int name;\n}\n";
        assert_eq!(told(CodeLanguage::Java, code)[0], "1 @Service titled public class Boat {");
    }

    #[test]
    fn every_language_is_read() {
        for (language, code, second) in [
            ("go", "package a\n\nfunc A() {\n\tgo1()\n}\n\nfunc B() {\n\tgo2()\n}\n", "func B() {"),
            ("java", "class A {\n}\n\nclass B {\n  int x;\n}\n", "class B {"),
            ("c", "int a(void) {\n  return 1;\n}\n\nint b(void) {\n  return 2;\n}\n", "int b(void) {"),
            ("cpp", "class A {\n};\n\nnamespace b {\nint c;\n}\n", "namespace b {"),
            (
                "js",
                "function a() {\n  x();\n}\n\nexport class B extends C {\n  m() {}\n}\n",
                "export class B extends C {",
            ),
            (
                "tsx",
                "const a = 1;\n\nexport function B(p: P) {\n  return <b>{p.x}</b>;\n}\n",
                "export function B(p: P) {",
            ),
            ("typescript", "type A = string;\n\ninterface B {\n  x: number;\n}\n", "interface B {"),
        ] {
            let found = told(CodeLanguage::of_fence(language).unwrap(), code);
            assert!(found.iter().any(|part| part.starts_with(&format!("1 {second} titled"))), "{language}: {found:?}");
        }
        assert_eq!(CodeLanguage::of_fence("cobol"), None);
    }

    #[test]
    fn a_line_that_never_ends_is_walked_once() {
        let code = format!("let x = 1;\nlet y = [{}];\n", "a, ".repeat(200_000));
        assert_eq!(told(CodeLanguage::Tsx, &code).len(), 1);
        let nested = format!("int a;\n{}struct B {{\n}};\n", "template <class T>\n".repeat(300));
        assert!(told(CodeLanguage::Cpp, &nested).len() > 300);
    }

    fn block(length: usize) -> CodeBlock {
        CodeBlock { language: CodeLanguage::Go, range: 0..length }
    }

    #[test]
    fn more_blocks_bytes_and_parts_than_allowed_are_left_out() {
        assert_eq!(super::allowed(vec![block(1); MAX_BLOCKS + 1]).len(), MAX_BLOCKS);
        assert_eq!(super::allowed(vec![block(MAX_BLOCK_BYTES + 1), block(1)]), [block(1)]);
        let many = MAX_BYTES / MAX_BLOCK_BYTES;
        assert_eq!(super::allowed(vec![block(MAX_BLOCK_BYTES); many + 1]).len(), many);

        let code = "package a\n\nvar A = 1\n\nvar B = 2\n";
        let count = super::parts(CodeLanguage::Go, code, usize::MAX).unwrap().len();
        assert!(super::parts(CodeLanguage::Go, code, count).is_some());
        assert_eq!(super::parts(CodeLanguage::Go, code, count - 1), None);
    }

    #[test]
    fn an_answer_that_makes_no_sense_leaves_its_block_without_parts() {
        let part = |at| CodePart { at, depth: 1, is_attached: false, title: PartTitle::Same };
        let text = "é\né\n";
        let outline = |parts| CodeOutline::new(text, 1, vec![block(text.len())], parts);
        assert_eq!(outline(vec![Some(vec![part(3)])]).warning(), None);
        for parts in [
            vec![],
            vec![None],
            vec![Some(vec![part(1)])],
            vec![Some(vec![part(99)])],
            vec![Some(vec![part(3), part(3)])],
        ] {
            let outline = outline(parts);
            assert!(outline.parsed.is_empty() && outline.warning().is_some(), "{outline:?}");
        }
    }
}
