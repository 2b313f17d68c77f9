//! Words as sparse vectors. BM25 is split in two parts. The part that depends only on the text (how often a word
//! occurs, how long the text is) is computed here when the point is written. The engine computes how rare a word is
//! among the searched generations when it searches.
//!
//! Both stores use this tokenizer, Qdrant's own (English stop words and stemmer), so that a collection has the same
//! ranking in either store.

use std::{
    num::NonZeroUsize,
    sync::{LazyLock, Mutex, PoisonError},
};

use lru::LruCache;
use qdrant_edge::{
    SparseVector,
    bm25_embed::{EdgeBm25, EdgeBm25Config},
    external::ordered_float::{FloatIsNan, NotNan},
};

use crate::{config::SearchConfig, domain::name::plain};

use super::VectorError;

/// Turns texts into BM25 vectors.
pub(super) struct Lexicon(EdgeBm25);

impl Lexicon {
    /// # Errors
    /// `Refused` if BM25's settings are out of range.
    pub(super) fn new(settings: &SearchConfig) -> Result<Self, VectorError> {
        let refused = |source| VectorError::Refused { action: "setting up BM25", source };
        let config = config(settings).map_err(|error| refused(error.into()))?;
        EdgeBm25::new(config).map(Self).map_err(|error| refused(error.into()))
    }

    /// The vector of a chunk; `None` if it has no words.
    pub(super) fn chunk(&self, text: &str) -> Option<SparseVector> {
        Some(self.0.embed_document(&plain(text))).filter(|vector| !vector.is_empty())
    }

    /// The vector of a question; `None` if it has no words.
    pub(super) fn question(&self, text: &str) -> Option<SparseVector> {
        Some(self.0.embed_query(&plain(text))).filter(|vector| !vector.is_empty())
    }
}

/// The stems of words, as numbers. Texts repeat a few thousand words, and finding a stem takes ten times as long as looking it up.
struct Stems {
    lexicon: Option<Lexicon>,
    known: Mutex<LruCache<String, Option<u32>>>,
}

/// Words whose stems are remembered, and the most bytes of such a word: 4 MiB at most, for all questions.
const KNOWN_WORDS: NonZeroUsize = NonZeroUsize::new(32_768).unwrap();
const KNOWN_WORD_BYTES: usize = 32;

static STEMS: LazyLock<Stems> = LazyLock::new(|| Stems {
    // The settings weigh words; they don't decide which words are equal, and their defaults are in range.
    lexicon: Lexicon::new(&SearchConfig::default()).ok(),
    known: Mutex::new(LruCache::new(KNOWN_WORDS)),
});

impl Stems {
    fn all(&self, text: &str) -> Vec<u32> {
        let vector = self.lexicon.as_ref().and_then(|lexicon| lexicon.question(text));
        vector.map(|vector| vector.indices).unwrap_or_default()
    }

    /// `None` for a stop word.
    fn of(&self, word: &str) -> Option<u32> {
        if word.len() > KNOWN_WORD_BYTES {
            return self.all(word).first().copied();
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.get_or_insert_ref(word, || self.all(word).first().copied())
    }
}

/// Finds the words of a text that match a question, as in the lexical leg: by stem, without stop words.
pub struct WordMatcher {
    asked: Vec<u32>,
}

impl WordMatcher {
    /// A matcher for the words of `question`.
    #[must_use]
    pub fn new(question: &str) -> Self {
        Self { asked: STEMS.all(question) }
    }

    /// The number of the stem of `word`, if the question contains it.
    #[must_use]
    pub fn stem_of(&self, word: &str) -> Option<u32> {
        STEMS.of(word).filter(|stem| self.asked.contains(stem))
    }
}

fn config(settings: &SearchConfig) -> Result<EdgeBm25Config, FloatIsNan> {
    Ok(EdgeBm25Config {
        k: NotNan::new(f64::from(settings.bm25_k1))?,
        b: NotNan::new(f64::from(settings.bm25_b))?,
        avg_len: NotNan::new(f64::from(settings.bm25_average_length))?,
        ..EdgeBm25Config::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        Lexicon::new(&SearchConfig::default()).unwrap()
    }

    #[test]
    fn inflections_of_a_word_meet() {
        let question = lexicon().question("indexing").unwrap();
        let chunk = lexicon().chunk("The indexes are rebuilt.").unwrap();
        assert!(question.indices.iter().all(|word| chunk.indices.contains(word)));
    }

    #[test]
    fn a_word_meets_itself_in_another_unicode_form() {
        for (asked, written) in [
            ("M\u{fc}ller", "Frau Mu\u{308}ller wohnt hier."),
            ("Mu\u{308}ller", "Frau M\u{fc}ller wohnt hier."),
            ("office", "The o\u{fb03}ce is \u{fb01}ne."),
            ("ABC123", "\u{ff21}\u{ff22}\u{ff23}\u{ff11}\u{ff12}\u{ff13} is the code."),
        ] {
            let question = lexicon().question(asked).unwrap();
            let chunk = lexicon().chunk(written).unwrap();
            assert!(question.indices.iter().all(|word| chunk.indices.contains(word)), "{asked}");
        }
    }

    #[test]
    fn a_text_of_stop_words_has_no_vector() {
        assert_eq!(lexicon().question("the of and"), None);
        assert_eq!(lexicon().chunk(" … "), None);
    }

    #[test]
    fn a_repeated_word_weighs_more_and_a_long_chunk_less() {
        let weight = |text: &str| lexicon().chunk(text).unwrap().values[0];
        assert!(weight("tram tram") > weight("tram"));
        let padded = format!("tram {}", "filler ".repeat(500));
        let tram = lexicon().question("tram").unwrap().indices[0];
        let vector = lexicon().chunk(&padded).unwrap();
        let place = vector.indices.iter().position(|&word| word == tram).unwrap();
        assert!(vector.values[place] < weight("tram"));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let settings = SearchConfig { bm25_b: 1.5, ..SearchConfig::default() };
        assert!(matches!(Lexicon::new(&settings), Err(VectorError::Refused { .. })));
    }
}
