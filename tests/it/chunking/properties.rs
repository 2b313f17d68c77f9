//! What holds for every text.

use docent::domain::chunking::{ChunkingConfig, ChunkingStrategy, TextChunk};
use docent::embedding::Tokenizer;
use docent::extract::ExtractedText;

use super::{Pieces, config, contents, markdown, plain, split, with_strategy};

const SAMPLES: [&str; 6] = [
    "Otters live in rivers. They eat fish!  Do they sleep afloat?\n\nSome do.\nOthers don't: see the next page.\n\n\n\nEnd",
    "# Überschrift\n\nGrüße, façade, naïve — «Ωmega» und 日本語の文章です。次の文。\n\n## 🦦 Otters 🏞️\n\n- eins\n- zwei 👩‍👩‍👧‍👦 drei\n\n> Zitat\n> mit Zeilen",
    "| Name | Weight |\n| --- | --- |\n| Giant | 32 |\n| Sea | 45 |\n\n```rust\nfn main() {\n    println!(\"# not a heading\");\n}\n```\n\ntext after",
    "supercalifragilisticexpialidocious_and_another_long_identifier.with.dots/and/slashes?query=string&more=1",
    "日本語にはスペースがありません。それでも文章は長く続きます。猫が好きです。犬も好きです。東京都は日本の首都です。",
    "e\u{301}a\u{308}o\u{302} 👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦 \u{200b}x\u{200b}y ---- **** 12:30 a.m. e.g. this. U.S. that\t\ttabs",
];

/// Longer texts out of the samples, in an order that is fixed but follows no pattern.
fn texts() -> Vec<String> {
    let mut state: u64 = 0x5eed;
    let mut next = move |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut texts: Vec<String> = SAMPLES.map(str::to_owned).to_vec();
    for _ in 0..40 {
        let mut text = String::new();
        for _ in 0..next(30) {
            let sample = SAMPLES[next(SAMPLES.len())];
            let end = sample.floor_char_boundary(next(sample.len() + 1));
            text.push_str(&sample[..end]);
            text.push_str(["", " ", "\n", "\n\n", "\n\n\n\n"][next(5)]);
        }
        texts.push(text);
    }
    texts
}

const STRATEGIES: [Option<ChunkingStrategy>; 5] = [
    None,
    Some(ChunkingStrategy::Sentence),
    Some(ChunkingStrategy::Token),
    Some(ChunkingStrategy::Code),
    Some(ChunkingStrategy::Hierarchical),
];

fn for_all(check: impl Fn(&ExtractedText, &ChunkingConfig, &[TextChunk])) {
    for text in texts() {
        for document in [plain(text.clone()), markdown(text.clone())] {
            for (max_tokens, overlap_tokens) in [(1, 0), (2, 1), (7, 3), (20, 0), (20, 10), (64, 16), (256, 300)] {
                for strategy in STRATEGIES {
                    let is_hierarchical = strategy == Some(ChunkingStrategy::Hierarchical);
                    let parent_max_tokens = is_hierarchical.then_some(max_tokens * 3);
                    let sizes = config(max_tokens, overlap_tokens);
                    let config = ChunkingConfig { strategy, parent_max_tokens, ..sizes };
                    check(&document, &config, &split(&document, &config));
                }
            }
        }
    }
}

#[test]
fn every_letter_and_digit_of_a_text_is_in_a_chunk() {
    for_all(|document, ChunkingConfig { max_tokens, .. }, chunks| {
        let mut end = 0;
        let characters: Vec<char> = document.text.chars().collect();
        for chunk in chunks {
            let start = chunk.start_offset as usize;
            let skipped = characters.get(end..start).unwrap_or_default();
            assert!(!skipped.iter().any(|c| c.is_alphanumeric()), "{skipped:?} is lost at {max_tokens}");
            end = chunk.end_offset as usize;
        }
        assert!(!characters[end..].iter().any(|c| c.is_alphanumeric()));
    });
}

#[test]
fn no_chunk_has_more_tokens_than_allowed_and_all_are_counted_right() {
    for_all(|_, ChunkingConfig { max_tokens, .. }, chunks| {
        for chunk in chunks {
            let counted = Pieces::default().token_ranges(&chunk.content).unwrap().len();
            assert!(counted <= *max_tokens as usize, "{counted} > {max_tokens}: {:?}", chunk.content);
            assert_eq!(counted, chunk.token_count as usize, "{:?}", chunk.content);
        }
    });
}

#[test]
fn the_offsets_of_a_chunk_count_characters_and_give_back_its_content() {
    for_all(|document, _, chunks| {
        let characters: Vec<char> = document.text.chars().collect();
        for chunk in chunks {
            let range = chunk.start_offset as usize..chunk.end_offset as usize;
            assert_eq!(characters[range].iter().collect::<String>(), chunk.content);
            assert_eq!(chunk.content.trim(), chunk.content);
            assert!(chunk.content.chars().any(char::is_alphanumeric));
        }
    });
}

#[test]
fn chunks_move_forward_and_repeat_no_more_than_the_overlap() {
    for_all(|document, ChunkingConfig { overlap_tokens, .. }, chunks| {
        let characters: Vec<char> = document.text.chars().collect();
        for pair in chunks.windows(2) {
            assert!(pair[0].start_offset < pair[1].start_offset);
            assert!(pair[0].end_offset < pair[1].end_offset);
            let repeated = characters.get(pair[1].start_offset as usize..pair[0].end_offset as usize);
            let repeated: String = repeated.unwrap_or_default().iter().collect();
            let tokens = Pieces::default().token_ranges(&repeated).unwrap().len();
            assert!(tokens <= *overlap_tokens as usize, "{tokens} tokens of {repeated:?}");
        }
    });
}

#[test]
fn every_chunk_lies_in_its_parent_which_is_not_too_large_and_meets_no_other_one() {
    for_all(|document, ChunkingConfig { parent_max_tokens, .. }, chunks| {
        let Some(most) = parent_max_tokens else {
            assert!(chunks.iter().all(|chunk| chunk.parent.is_none()));
            return;
        };
        let characters: Vec<char> = document.text.chars().collect();
        let parents: Vec<_> = chunks.iter().map(|chunk| chunk.parent.unwrap()).collect();
        for (chunk, parent) in chunks.iter().zip(&parents) {
            assert!(parent.start <= chunk.start_offset && chunk.end_offset <= parent.end, "{parent:?} {chunk:?}");
            let text = &document.text[parent.start_byte as usize..parent.end_byte as usize];
            let by_characters: String = characters[parent.start as usize..parent.end as usize].iter().collect();
            assert_eq!(text, by_characters);
            assert!(Pieces::default().token_ranges(text).unwrap().len() <= *most as usize, "{text:?}");
        }
        assert!(parents.windows(2).all(|pair| pair[0] == pair[1] || pair[0].end <= pair[1].start), "{parents:?}");
    });
}

#[test]
fn the_same_text_gives_the_same_chunks() {
    for_all(|document, config, chunks| {
        assert_eq!(split(document, config), chunks);
    });
}

#[test]
fn plain_text_is_cut_at_paragraphs_then_sentences_then_words() {
    let text = plain("One two three.\n\nFour five. Six seven eight nine ten.\n\nEleven");

    assert_eq!(
        contents(&split(&text, &config(8, 0))),
        ["One two three.", "Four five.", "Six seven eight nine ten.", "Eleven"]
    );
    assert_eq!(contents(&split(&plain("a b c d e f g"), &config(3, 0))), ["a b c", "d e f", "g"]);
}

#[test]
fn an_overlap_begins_with_a_sentence() {
    let text = plain("Aa bb. Cc dd. Ee ff. Gg hh. Ii jj.");

    assert_eq!(contents(&split(&text, &config(9, 4))), ["Aa bb. Cc dd. Ee ff.", "Ee ff. Gg hh. Ii jj."]);
}

#[test]
fn an_overlap_inside_a_sentence_begins_with_a_word() {
    let text = plain("aa bb cc dd ee ff gg");

    assert_eq!(contents(&split(&text, &config(4, 2))), ["aa bb cc dd", "cc dd ee ff", "ee ff gg"]);
}

#[test]
fn marks_of_markdown_mean_nothing_in_plain_text() {
    let text = plain("# One\n\ntext\n\n# Two\n\ntext");

    assert!(split(&text, &config(4, 0)).iter().all(|chunk| chunk.headings.is_empty()));
    assert!(!split(&text, &with_strategy(ChunkingStrategy::Markdown, 4))[0].headings.is_empty());
}

#[test]
fn a_text_without_letters_or_digits_has_no_chunks() {
    assert_eq!(split(&plain(""), &config(10, 0)), []);
    assert_eq!(split(&plain(" \n\n *** --- \u{1f9a6} ... \n"), &config(2, 0)), []);
}

#[test]
fn a_chunk_knows_the_page_on_which_it_starts() {
    let text = "First page.\n\nStill first.\n\nThird page.\n\nFourth.";
    let starts = ["First", "Third", "Third", "Fourth"].map(|word| text.find(word).unwrap());
    let document = ExtractedText { page_starts: starts.to_vec(), ..plain(text) };

    let pages: Vec<_> = split(&document, &config(5, 0)).iter().map(|chunk| chunk.page).collect();

    assert_eq!(pages, [Some(1), Some(1), Some(3), Some(4)]);
    assert!(split(&plain(text), &config(3, 0)).iter().all(|chunk| chunk.page.is_none()));
}
