//! Where chunks end by each strategy.

use std::collections::BTreeSet;

use docent::domain::chunking::{ChunkingConfig, ChunkingStrategy};
use docent::extract::ExtractedText;

use super::{config, contents, markdown, plain, split, split_with_code, with_strategy};

const TEXT: &str = "One two three.\n\nFour five. Six seven eight nine ten.\n\nEleven";

#[test]
fn sentences_fill_a_chunk_across_paragraphs() {
    let sentences = with_strategy(ChunkingStrategy::Sentence, 8);
    let expected = ["One two three.\n\nFour five.", "Six seven eight nine ten.", "Eleven"];
    assert_eq!(contents(&split(&plain(TEXT), &sentences)), expected);
}

#[test]
fn windows_of_tokens_are_full_and_repeat_as_many_tokens_as_they_shall() {
    let windows = with_strategy(ChunkingStrategy::Token, 5);
    let expected = ["One two three.", "Four five. Six", "seven eight nine", "ten.\n\nEleven"];
    assert_eq!(contents(&split(&plain(TEXT), &windows)), expected);

    let overlapping = ChunkingConfig { overlap_tokens: 2, ..windows };
    let chunks = split(&plain("aa bb. cc dd ee ff gg hh"), &overlapping);
    assert_eq!(contents(&chunks), ["aa bb. cc dd", "cc dd ee ff gg", "ff gg hh"]);
}

#[test]
fn chunks_of_a_text_with_headings_carry_them_whatever_the_strategy() {
    let text =
        format!("# Otters\n\n{}\n\n## Food\n\n{}", "One two three. ".repeat(10), "Fish and more fish. ".repeat(10));
    for strategy in [ChunkingStrategy::Sentence, ChunkingStrategy::Token, ChunkingStrategy::Code] {
        let chunks = split(&markdown(text.clone()), &with_strategy(strategy, 12));
        assert_eq!(chunks[1].headings, ["Otters"], "{strategy:?}");
        assert_eq!(chunks.last().unwrap().headings, ["Otters", "Food"], "{strategy:?}");
    }
}

#[test]
fn small_chunks_end_with_their_parents_which_end_where_larger_chunks_would() {
    let text = format!("# Otters\n\n{}\n\n# Fish\n\n{}", "One two three. ".repeat(8), "Few words. ".repeat(5));
    let config = ChunkingConfig { parent_max_tokens: Some(48), ..with_strategy(ChunkingStrategy::Hierarchical, 12) };
    let document = markdown(text);
    let chunks = split(&document, &config);
    let parents: Vec<_> = chunks.iter().map(|chunk| chunk.parent.unwrap().start).collect();
    let larger = split(&document, &with_strategy(ChunkingStrategy::Markdown, 48));
    assert_eq!(
        parents.iter().copied().collect::<BTreeSet<_>>(),
        larger.iter().map(|chunk| chunk.start_offset).collect()
    );
    assert!(chunks.len() > 2 * larger.len(), "{chunks:#?}");
    assert!(chunks.iter().any(|chunk| chunk.content.starts_with("# Fish")), "{chunks:#?}");
}

const RUST: &str = "```rust
use std::fmt;

/// How a boat moors.
impl Boat {
    /// Goes to the pier.
    fn moor(&self) {
        self.go_to_the_pier();
        self.stop();
    }

    fn sail(&self) {
        self.go_out_to_sea();
    }
}

const MOST: u8 = 12;

fn main() {
    let boat = Boat::new(\"Anna\", MOST);
    boat.sail();
    boat.moor();
}
```";

fn code(text: &str) -> ExtractedText {
    ExtractedText { is_code: true, ..markdown(text) }
}

#[tokio::test]
async fn source_code_is_cut_at_its_items_with_their_remarks_and_names_what_it_is_in() {
    let chunks = split_with_code(code(RUST), &config(60, 0)).await;
    let found: Vec<_> = chunks.iter().map(|chunk| chunk.content.lines().next().unwrap().trim()).collect();
    assert_eq!(found, ["```rust", "/// How a boat moors.", "fn sail(&self) {", "fn main() {"], "{chunks:#?}");
    assert_eq!(chunks[2].headings, ["impl Boat {", "fn sail(&self) {"]);
    assert_eq!(chunks[3].headings, ["fn main() {"]);
}

#[tokio::test]
async fn code_in_markdown_is_cut_at_its_items_only_if_that_is_asked() {
    let text = format!("# Boats\n\n{RUST}\n\n{}", "Words after the code. ".repeat(20));
    let found = split_with_code(markdown(text.clone()), &with_strategy(ChunkingStrategy::Code, 60)).await;
    let sail = found.iter().find(|chunk| chunk.content.starts_with("fn sail")).unwrap();
    assert_eq!(sail.headings, ["Boats", "impl Boat {", "fn sail(&self) {"]);
    assert_eq!(found.last().unwrap().headings, ["Boats"]);
    let plain = split_with_code(markdown(text), &with_strategy(ChunkingStrategy::Markdown, 60)).await;
    assert!(plain.iter().all(|chunk| chunk.headings == ["Boats"]), "{plain:#?}");
}

/// Functions of 12, 14, 16, 6, 15 and 11 tokens.
const FUNCTIONS: [&str; 6] = [
    "fn sail() {\n    go_out();\n}",
    "fn moor() {\n    let line = rope(1);\n}",
    "fn tow(a: u8) {\n    pull(a, 3);\n}",
    "fn up() {}",
    "fn anchor() {\n    drop(chain, 12);\n}",
    "fn row() {\n    pull(1);\n}",
];

#[tokio::test]
async fn an_item_that_fits_is_never_cut_for_the_sake_of_an_overlap() {
    let text = format!("```rust\n{}\n```", FUNCTIONS.join("\n\n"));
    for overlap in 0..=8 {
        let chunks = split_with_code(code(&text), &config(16, overlap)).await;
        for function in FUNCTIONS {
            let is_whole = chunks.iter().any(|chunk| chunk.content.contains(function));
            assert!(is_whole, "{function} is cut with an overlap of {overlap}: {chunks:#?}");
        }
        let repeats = chunks.windows(2).any(|pair| pair[1].start_offset < pair[0].end_offset);
        assert_eq!(repeats, overlap > 0, "an item that leaves room has an overlap: {chunks:#?}");
    }
}
