//! Texts that were made to be expensive. Each of these takes hours or the stack if work grows faster than the text.

use std::sync::atomic::Ordering;

use docent::chunking::{self, Bounds, Outline, SplitError};
use docent::extract::ExtractedText;

use super::{Pieces, config, markdown, plain, unbounded};

/// Cuts `text`; the tokenizer may see each byte of it three times: once for the map, once or twice to be sure.
fn count(text: &ExtractedText) -> usize {
    let tokenizer = Pieces::default();
    let chunks = chunking::split(text, &config(256, 32), &Outline::default(), &tokenizer, &unbounded()).unwrap();
    let work = tokenizer.bytes.load(Ordering::Relaxed);
    assert!(work <= 3 * text.text.len(), "{work} bytes tokenised for {}", text.text.len());
    chunks.len()
}

#[test]
fn a_line_of_five_megabytes_without_a_space_is_cut() {
    let line = "x".repeat(5_000_000);

    assert_eq!(count(&plain(line)), 611);
}

#[test]
fn a_hundred_thousand_headings_are_cut() {
    assert!(count(&markdown("# a\n".repeat(100_000))) > 700);
    assert!(count(&markdown("# a\n\nb\n\n".repeat(100_000))) > 1000);
    assert!(count(&markdown("###### a\n\nb\n\n# c\n\nd\n\n".repeat(50_000))) > 1000);
}

#[test]
fn a_hundred_thousand_nested_quotes_are_cut() {
    assert_eq!(count(&markdown(format!("{} deep", ">".repeat(100_000)))), 1);
    assert!(count(&markdown(format!("{}a\n{}", "> ".repeat(2_000), "b\n".repeat(20_000)))) > 70);
}

#[test]
fn a_hundred_thousand_nested_list_items_are_cut() {
    assert_eq!(count(&markdown(format!("{}deep", "- ".repeat(100_000)))), 1);
}

#[test]
fn openings_that_are_never_closed_are_cut() {
    for opening in ["[", "![", "**a ", "_a ", "`", "<a ", "[a](", "|", "<!--", "&", "\\"] {
        count(&markdown(opening.repeat(100_000) + "end"));
    }
}

#[test]
fn four_megabytes_of_prose_are_cut() {
    let prose = "Otters are carnivorous mammals. The 14 species live in water, mostly; some at sea.\n\n".repeat(50_000);

    assert!(count(&plain(prose.clone())) > 4_000);
    assert!(count(&markdown(prose)) > 4_000);
}

#[test]
fn megabytes_without_a_border_are_cut() {
    assert!(count(&plain("word ".repeat(500_000))) > 1_900);
    assert!(count(&plain("日本語".repeat(300_000))) > 300);
    assert_eq!(count(&plain(" ".repeat(2_000_000) + "x")), 1);
    assert_eq!(count(&plain("\n".repeat(2_000_000) + "x")), 1);
    assert_eq!(count(&plain(".".repeat(1_000_000) + "x")), 1);
}

#[test]
fn a_text_with_too_many_chunks_is_given_up_as_soon_as_that_is_known() {
    let text = plain("a ".repeat(1_000_000));
    let tokenizer = Pieces::default();
    let bounds = Bounds { max_chunks: 100, ..unbounded() };
    let outline = Outline::default();

    let error = chunking::split(&text, &config(16, 8), &outline, &tokenizer, &bounds).unwrap_err();

    assert!(matches!(error, SplitError::TooManyChunks { limit: 100 }), "{error}");
    let work = tokenizer.bytes.load(Ordering::Relaxed);
    assert!(work < 100_000, "{work} bytes tokenised");
    assert_eq!(
        chunking::split(&plain("a b c"), &config(1, 0), &outline, &tokenizer, &Bounds { max_chunks: 3, ..bounds })
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn cutting_stops_when_nobody_needs_the_chunks() {
    let tokenizer = Pieces::default();
    let bounds = unbounded();
    bounds.stop.cancel();

    let (text, outline) = (plain("a ".repeat(1_000_000)), Outline::default());
    let error = chunking::split(&text, &config(16, 8), &outline, &tokenizer, &bounds).unwrap_err();

    assert!(matches!(error, SplitError::Stopped), "{error}");
    assert_eq!(tokenizer.bytes.load(Ordering::Relaxed), 0);
}
