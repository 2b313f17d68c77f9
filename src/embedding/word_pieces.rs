//! The word pieces of plain words, as the library of the model's tokenizer finds them.
//!
//! Nearly all words of most texts consist of printable ASCII characters. The library follows each character from the original
//! through every step; looking plain words up in the vocabulary takes a fraction of that. What is not plain is left to the
//! library. Must not know about texts and models.

use std::{collections::HashMap, ops::Range};

use tokenizers::{ModelWrapper, NormalizerWrapper, PreTokenizerWrapper};

/// The vocabulary, and which words are plain.
pub(super) struct WordPieces {
    /// The pieces that begin a word, in lower case.
    first: HashMap<Box<[u8]>, u32>,
    /// The pieces that continue one, without the prefix that marks them.
    next: HashMap<Box<[u8]>, u32>,
    longest_piece: usize,
    /// The token of words that have no pieces.
    unknown: u32,
    /// Words with more characters are unknown.
    longest_word: usize,
    is_plain: [bool; 256],
}

/// A token, and the bytes of the text that it stands for.
pub(super) struct Token {
    pub id: u32,
    pub range: Range<usize>,
}

impl WordPieces {
    /// The vocabulary of `tokenizer`, if that splits words as BERT does.
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Option<Self> {
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else { return None };
        let Some(NormalizerWrapper::BertNormalizer(normaliser)) = tokenizer.get_normalizer() else { return None };
        let Some(PreTokenizerWrapper::BertPreTokenizer(_)) = tokenizer.get_pre_tokenizer() else { return None };
        if !normaliser.clean_text || !normaliser.lowercase {
            return None;
        }
        let mut is_plain = [false; 256];
        is_plain[usize::from(b'!')..=usize::from(b'~')].fill(true);
        // Tokens that the library looks for before it splits words.
        for token in tokenizer.get_added_tokens_decoder().values() {
            let initial = *token.content.as_bytes().first()?;
            if token.content.contains(is_space) {
                return None;
            }
            is_plain[usize::from(initial.to_ascii_lowercase())] = false;
            is_plain[usize::from(initial.to_ascii_uppercase())] = false;
        }

        let mut first: HashMap<Box<[u8]>, u32> = HashMap::new();
        let mut next: HashMap<Box<[u8]>, u32> = HashMap::new();
        let vocabulary = tokenizer.get_vocab(false);
        let unknown = *vocabulary.get(&model.unk_token)?;
        for (piece, id) in vocabulary {
            if let Some(continued) = piece.strip_prefix(&model.continuing_subword_prefix) {
                next.insert(continued.as_bytes().into(), id);
            }
            first.insert(piece.into_bytes().into(), id);
        }
        let longest_piece = first.keys().map(|piece| piece.len()).max()?;
        Some(Self { first, next, longest_piece, unknown, longest_word: model.max_input_chars_per_word, is_plain })
    }

    /// Whether `split` may be called with the word.
    pub(super) fn is_plain(&self, word: &[u8]) -> bool {
        word.iter().all(|byte| self.is_plain[usize::from(*byte)])
    }

    /// Appends the tokens of a plain word that begins at `start`.
    pub(super) fn split(&self, word: &[u8], mut start: usize, tokens: &mut Vec<Token>) {
        let word = word.to_ascii_lowercase();
        // Each punctuation mark is a word by itself.
        for part in word.chunk_by(|left, right| !left.is_ascii_punctuation() && !right.is_ascii_punctuation()) {
            self.split_part(part, start, tokens);
            start += part.len();
        }
    }

    /// Appends the longest piece that begins the part, then the longest that continues it, and so on to its end.
    fn split_part(&self, part: &[u8], start: usize, tokens: &mut Vec<Token>) {
        let before = tokens.len();
        let mut done = 0;
        while done < part.len() {
            let known = if done == 0 { &self.first } else { &self.next };
            let longest = part.len().min(done + self.longest_piece);
            let piece = (done + 1..=longest).rev().find_map(|end| Some((end, *known.get(&part[done..end])?)));
            let Some((end, id)) = piece.filter(|_| part.len() <= self.longest_word) else {
                tokens.truncate(before);
                tokens.push(Token { id: self.unknown, range: start..start + part.len() });
                return;
            };
            tokens.push(Token { id, range: start + done..start + end });
            done = end;
        }
    }
}

/// The characters at which words end. There are others, which are not plain.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\n' | '\r' | '\t')
}
