//! Where source code falls into parts: at its items, then at their parts, each together with the remarks above it.
//!
//! A parser of the language finds them (tree-sitter). It is C, and runs in this process: what it may take is bounded, and
//! code that takes more, or is in another language, is cut at its lines.

use std::ops::ControlFlow;

use tree_sitter::{Language, Node, ParseOptions, ParseState, Parser, Tree};

use super::borders::MAX_TITLE_CHARACTERS;

/// Longer code is not parsed: its tree takes many times as much memory.
const MAX_CODE_BYTES: usize = 2 << 20;
/// The parser reports after each hundred or so steps. Code that can be parsed takes far fewer for each byte.
const REPORTS_PER_KIB: usize = 200;
/// Definitions deeper than this are not named above a chunk.
const MAX_TITLE_DEPTH: u8 = 3;

/// A place before which code may be cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// The beginning of its line, in bytes.
    pub at: usize,
    /// From 1, for the items of a file.
    pub depth: u8,
    /// Whether the part belongs to the one before it, which is a remark about it.
    pub is_attached: bool,
    pub title: Title,
}

/// What stands above the chunks that follow a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Title {
    /// What stood there before.
    Same,
    /// No definition of this depth or a deeper one any more.
    Ended,
    /// The first line of a definition.
    Of(String),
}

/// The parts of code in a language, in order. None where the language is not known or the code can't be parsed.
pub(super) fn parts(language: &str, code: &str) -> Vec<Part> {
    let tree = grammar(language).filter(|_| code.len() <= MAX_CODE_BYTES).and_then(|grammar| parsed(&grammar, code));
    tree.map_or_else(Vec::new, |tree| Walk::new(code).over(&tree))
}

/// The grammar of a language, by the names that files and fences give it. That of C++ reads C, that of TSX JavaScript.
fn grammar(language: &str) -> Option<Language> {
    let language = language.split(|it: char| it.is_whitespace() || it == ',').next().unwrap_or_default();
    Some(match language.to_ascii_lowercase().as_str() {
        "rust" | "rs" => tree_sitter_rust::LANGUAGE.into(),
        "python" | "py" | "python3" => tree_sitter_python::LANGUAGE.into(),
        "typescript" | "ts" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        "javascript" | "js" | "mjs" | "jsx" | "tsx" => tree_sitter_typescript::LANGUAGE_TSX.into(),
        "go" | "golang" => tree_sitter_go::LANGUAGE.into(),
        "java" => tree_sitter_java::LANGUAGE.into(),
        "c" | "cpp" | "c++" | "cc" | "cxx" => tree_sitter_cpp::LANGUAGE.into(),
        _ => return None,
    })
}

fn parsed(grammar: &Language, code: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(grammar).ok()?;
    // Counted, not timed: the same code always has the same parts.
    let mut left = (code.len() / 1024 + 1) * REPORTS_PER_KIB;
    let mut report = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut report);
    let mut read = |at: usize, _| code.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

/// One walk over the tree. It does not recurse: nesting is up to the author of the code.
struct Walk<'a> {
    code: &'a str,
    parts: Vec<Part>,
    /// The depths of the definitions that are open.
    open: Vec<u8>,
}

/// A level of the tree.
#[derive(Clone, Copy)]
struct Level {
    /// How many nodes that begin a part are around its nodes.
    depth: u8,
    /// Whether the last node before is a remark about the next one.
    after_remark: bool,
}

impl<'a> Walk<'a> {
    fn new(code: &'a str) -> Self {
        Self { code, parts: Vec::new(), open: Vec::new() }
    }

    fn over(mut self, tree: &Tree) -> Vec<Part> {
        let mut cursor = tree.walk();
        let mut levels = vec![Level { depth: 1, after_remark: false }];
        if !cursor.goto_first_child() {
            return Vec::new();
        }
        while let Some(level) = levels.last_mut() {
            let node = cursor.node();
            let (depth, after_remark) = (level.depth, level.after_remark);
            level.after_remark = is_remark(&node);
            let begins = node.is_named() && self.part(&node, depth, after_remark);
            if cursor.goto_first_child() {
                let depth = if begins { depth.saturating_add(1) } else { depth };
                levels.push(Level { depth, after_remark: false });
                continue;
            }
            while !cursor.goto_next_sibling() {
                levels.pop();
                if !cursor.goto_parent() || levels.is_empty() {
                    break;
                }
            }
        }
        self.parts
    }

    /// Records a node if it begins a part.
    fn part(&mut self, node: &Node<'_>, depth: u8, after_remark: bool) -> bool {
        let start = node.start_byte();
        let Some(before) = self.code.get(..start) else { return false };
        let at = before.rfind('\n').map_or(0, |line_end| line_end + 1);
        let is_new = self.parts.last().map_or(0, |last| last.at) < at;
        // A block of Python begins with its first statement.
        if !is_new || !self.code[at..start].trim().is_empty() || node.kind() == "block" {
            return false;
        }
        let closes = self.open.last().is_some_and(|last| *last >= depth);
        self.open.retain(|last| *last < depth);
        let title = match self.title(node).filter(|_| depth <= MAX_TITLE_DEPTH) {
            Some(title) => {
                self.open.push(depth);
                Title::Of(title)
            }
            None if closes => Title::Ended,
            None => Title::Same,
        };
        self.parts.push(Part { at, depth, is_attached: after_remark && self.follows_closely(at), title });
        true
    }

    /// Whether there is no empty line before this one.
    fn follows_closely(&self, at: usize) -> bool {
        let before = &self.code[..at];
        before[before.trim_end().len()..].matches('\n').count() <= 1
    }

    /// The first line of a definition that is longer than that.
    fn title(&self, node: &Node<'_>) -> Option<String> {
        const DEFINITIONS: [&str; 11] = [
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
        ];
        let kind = node.kind();
        let is_definition =
            ["_item", "_definition", "_declaration", "_specifier"].iter().any(|end| kind.ends_with(end))
                && DEFINITIONS.iter().any(|word| kind.contains(word));
        let is_long = node.end_position().row > node.start_position().row;
        // `export class …`, a decorator and the like are around what they are about.
        let wraps =
            matches!(kind, "export_statement" | "decorated_definition" | "template_declaration" | "type_declaration");
        if !(is_definition || wraps) || !is_long {
            return None;
        }
        let line = self.code.get(node.start_byte()..)?.lines().next()?.trim();
        let title: String = line.chars().take(MAX_TITLE_CHARACTERS).collect();
        title.chars().any(char::is_alphanumeric).then_some(title)
    }
}

fn is_remark(node: &Node<'_>) -> bool {
    ["comment", "attribute", "annotation", "decorator"].iter().any(|word| node.kind().contains(word))
}

#[cfg(test)]
mod tests {
    use super::{Title, parts};

    /// Each part as its depth, its first line, and what it says of itself.
    fn told(language: &str, code: &str) -> Vec<String> {
        let line = |at: usize| code[at..].lines().next().unwrap_or_default().trim().to_owned();
        let tell = |part: super::Part| {
            let mark = match part.title {
                Title::Same => "",
                Title::Ended => " ended",
                Title::Of(_) => " titled",
            };
            let attached = if part.is_attached { " attached" } else { "" };
            format!("{} {}{mark}{attached}", part.depth, line(part.at))
        };
        parts(language, code).into_iter().filter(|part| part.depth <= 2).map(tell).collect()
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
        assert_eq!(told("rust", code), expected);
    }

    #[test]
    fn a_class_of_python_has_its_methods_as_parts() {
        let code = "import os\n\n@dataclass\nclass Boat:\n    \"\"\"A boat.\"\"\"\n\n    def sail(self):\n        go()\n\n    def moor(self):\n        stop()\n";
        let found = told("python", code);
        assert!(found.iter().any(|part| part.starts_with("1 @dataclass titled")), "{found:?}");
        assert!(found.iter().any(|part| part.contains("def moor(self): titled")), "{found:?}");
    }

    #[test]
    fn every_language_is_read_and_others_have_no_parts() {
        for (language, code, second) in [
            ("go", "package a\n\nfunc A() {\n\tgo1()\n}\n\nfunc B() {\n\tgo2()\n}\n", "func B() {"),
            ("java", "class A {\n}\n\nclass B {\n  int x;\n}\n", "class B {"),
            ("c", "int a(void) {\n  return 1;\n}\n\nint b(void) {\n  return 2;\n}\n", "int b(void) {"),
            ("cpp", "class A {\n};\n\nnamespace b {\nint c;\n}\n", "namespace b {"),
            (
                "javascript",
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
            let found = told(language, code);
            assert!(found.iter().any(|part| part.starts_with(&format!("1 {second} titled"))), "{language}: {found:?}");
        }
        assert_eq!(told("cobol", "MOVE A TO B.\n"), Vec::<String>::new());
    }

    #[test]
    fn hostile_code_costs_no_more_than_its_length() {
        for code in ["(".repeat(200_000), "a<".repeat(100_000), "{\n".repeat(100_000), "\u{e9}\"'".repeat(50_000)] {
            for language in ["rust", "python", "tsx", "cpp", "java", "go"] {
                let found = parts(language, &code);
                assert!(found.iter().all(|part| code.is_char_boundary(part.at)));
            }
        }
    }
}
