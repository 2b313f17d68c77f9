//! Where the tokens of a text are, about: an endpoint does not tell how its model splits a text.

use std::ops::Range;

use crate::embedding::{EmbeddingError, Tokenizer};

/// The longest token of ASCII letters and digits, in characters. Models have longer ones, so chunks are shorter than they
/// could be, and never cut off.
const ASCII: usize = 4;

/// The longest token of other letters.
const OTHER: usize = 2;

/// Cuts words into pieces of a fixed length; every other character is a token of its own.
pub(super) struct EstimatedTokens;

impl Tokenizer for EstimatedTokens {
    fn token_ranges(&self, text: &str) -> Result<Vec<Range<usize>>, EmbeddingError> {
        let mut tokens: Vec<Range<usize>> = Vec::new();
        // How many more characters the last token takes, if they are of its kind.
        let (mut room, mut is_ascii) = (0, false);
        for (start, character) in text.char_indices() {
            let end = start + character.len_utf8();
            if character.is_whitespace() {
                room = 0;
            } else if !character.is_alphanumeric() {
                tokens.push(start..end);
                room = 0;
            } else if let Some(last) = tokens.last_mut().filter(|_| room > 0 && character.is_ascii() == is_ascii) {
                last.end = end;
                room -= 1;
            } else {
                is_ascii = character.is_ascii();
                room = if is_ascii { ASCII } else { OTHER } - 1;
                tokens.push(start..end);
            }
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short_pieces_of_words_and_single_marks() {
        let text = "Straßenbahn, 東京 x";
        let tokens = EstimatedTokens.token_ranges(text).unwrap();
        let tokens: Vec<_> = tokens.into_iter().map(|range| &text[range]).collect();
        assert_eq!(tokens, ["Stra", "ß", "enba", "hn", ",", "東京", "x"]);
    }
}
