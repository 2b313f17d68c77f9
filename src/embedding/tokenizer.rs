//! The tokenizer of a model.

use std::ops::Range;

use super::{
    EmbeddingError, Tokenizer,
    word_pieces::{Token, WordPieces, is_space},
};

/// About how many bytes the library tokenises at a time. It needs a hundred times the memory of its input.
const PIECE_BYTES: usize = 16 * 1024;

/// A tokenizer as `tokenizer.json` describes it, without the truncation and padding in the file.
pub(super) struct ModelTokenizer {
    library: tokenizers::Tokenizer,
    words: Option<WordPieces>,
    /// The tokens before and after every text.
    specials: [u32; 2],
    max_tokens: usize,
}

impl ModelTokenizer {
    /// Reads the content of `tokenizer.json`.
    pub(super) fn load(file: &[u8], max_tokens: usize) -> Result<Self, EmbeddingError> {
        let unusable = |source| EmbeddingError::Model { action: "reading its tokenizer", source };
        let mut library = tokenizers::Tokenizer::from_bytes(file).map_err(unusable)?;
        library.with_padding(None);
        library.with_truncation(None).map_err(failed)?;
        let specials = library.encode_fast("", true).map_err(failed)?;
        let specials = <[u32; 2]>::try_from(specials.get_ids()).map_err(|source| unusable(source.into()))?;
        Ok(Self { words: WordPieces::of(&library), library, specials, max_tokens })
    }

    /// What the model reads: the ids of the tokens between the two special ones, cut to what the model takes.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, EmbeddingError> {
        let tokens = self.tokens(text)?;
        let [start, end] = self.specials;
        let ids = tokens.iter().map(|token| token.id).take(self.max_tokens - self.specials.len());
        Ok([start].into_iter().chain(ids).chain([end]).collect())
    }

    fn tokens(&self, text: &str) -> Result<Vec<Token>, EmbeddingError> {
        let mut tokens = Vec::new();
        // Neighbouring words that are left to the library.
        let mut left = 0..0;
        let mut start = 0;
        for word in text.split(is_space) {
            let range = start..start + word.len();
            start = range.end + 1;
            let words = self.words.as_ref().filter(|words| words.is_plain(word.as_bytes()));
            if words.is_some() || left.len() >= PIECE_BYTES {
                self.split_with_library(text, left, &mut tokens)?;
                left = range.end..range.end;
            }
            match words {
                Some(words) => words.split(word.as_bytes(), range.start, &mut tokens),
                None => left = left.start.min(range.start)..range.end,
            }
        }
        self.split_with_library(text, left, &mut tokens)?;
        Ok(tokens)
    }

    fn split_with_library(
        &self,
        text: &str,
        range: Range<usize>,
        tokens: &mut Vec<Token>,
    ) -> Result<(), EmbeddingError> {
        if range.is_empty() {
            return Ok(());
        }
        let start = range.start;
        let encoding = self.library.encode(&text[range], false).map_err(failed)?;
        let places = encoding.get_offsets().iter().map(|(from, to)| start + from..start + to);
        tokens.extend(encoding.get_ids().iter().zip(places).map(|(id, range)| Token { id: *id, range }));
        Ok(())
    }
}

impl Tokenizer for ModelTokenizer {
    fn token_ranges(&self, text: &str) -> Result<Vec<Range<usize>>, EmbeddingError> {
        Ok(self.tokens(text)?.into_iter().map(|token| token.range).collect())
    }
}

fn failed(source: tokenizers::Error) -> EmbeddingError {
    EmbeddingError::Model { action: "splitting a text into tokens", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer like BERT's with a small vocabulary.
    const FILE: &str = r###"{
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [
            {"id": 1, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
            {"id": 2, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
        ],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}
            }
        },
        "decoder": null,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 6,
            "vocab": {
                "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "ab": 5, "##a": 6, "##ab": 7, "##b": 8, "abba": 9,
                ".": 10, "-": 11, "#": 12, "\u4e2d": 13, "e": 14, "##e": 15, "[": 16, "]": 17
            }
        }
    }"###;

    /// What texts are made of: plain and other characters, and tokens that are looked for before words.
    const PARTS: [&str; 32] = [
        "a", "b", "A", "B", "ab", "abba", "e", "c", " ", " ", " ", "\n", "\t", "\r", ".", "-", "#", "##a", "[", "]",
        "[SEP]", "[CLS]", "[cls]", "\0", "\u{b}", "\u{7f}", "é", "e\u{301}", "中", "\u{a0}", "\u{2003}", "ẞ",
    ];

    #[test]
    fn tokens_are_those_of_the_library() {
        let tokenizer = ModelTokenizer::load(FILE.as_bytes(), 8).unwrap();
        assert!(tokenizer.words.is_some());
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..5000 {
            let text: String = (0..random(24)).map(|_| PARTS[random(32) as usize]).collect();
            let expected = tokenizer.library.encode(text.as_str(), true).unwrap();
            let (ids, places) = (expected.get_ids(), expected.get_offsets());
            let inner = 1..ids.len() - 1;

            let places: Vec<_> = places[inner.clone()].iter().map(|(from, to)| *from..*to).collect();
            assert_eq!(tokenizer.token_ranges(&text).unwrap(), places, "{text:?}");
            let cut = [&ids[..1], &ids[inner.start..inner.end.min(7)], &ids[ids.len() - 1..]].concat();
            assert_eq!(tokenizer.ids(&text).unwrap(), cut, "{text:?}");
        }
    }

    #[test]
    fn a_text_without_plain_words_is_split_in_pieces() {
        let tokenizer = ModelTokenizer::load(FILE.as_bytes(), 8).unwrap();
        let text = "é ".repeat(PIECE_BYTES);
        let ranges = tokenizer.token_ranges(&text).unwrap();
        assert_eq!(ranges.len(), PIECE_BYTES);
        assert!(ranges.iter().enumerate().all(|(index, range)| *range == (3 * index..3 * index + 2)));
    }

    #[test]
    fn other_tokenizers_are_left_to_the_library() {
        for (found, replaced) in [("\"lowercase\": true", "\"lowercase\": false"), ("BertPreTokenizer", "Whitespace")] {
            let file = FILE.replace(found, replaced);
            let tokenizer = ModelTokenizer::load(file.as_bytes(), 8).unwrap();
            assert!(tokenizer.words.is_none());
            assert_eq!(tokenizer.ids("ab é ab").unwrap().len(), 5);
        }
    }
}
