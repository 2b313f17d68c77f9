//! Finds the words of a question in a chunk.

use std::{ops::Range, sync::OnceLock};

use crate::vector::WordMatcher;

/// An excerpt of a chunk with the positions of matching words. All positions are in characters (Unicode scalar values).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Highlight {
    /// The excerpt, exactly as in the chunk.
    pub text: String,
    /// Where the excerpt starts in the chunk.
    pub start_offset: usize,
    /// The matching words, as ranges of `text`.
    pub ranges: Vec<Range<usize>>,
}

/// Characters that an excerpt shows on either side of its matches, at least to the next word boundary.
const CONTEXT: usize = 60;
/// Excerpts of one chunk.
const MAX_PIECES: usize = 3;

/// Finds the words of one question in chunks. They match as in the lexical leg: by stem, without stop words.
pub struct Highlighter {
    query: String,
    /// Created when the first chunk is shown, because not every search selects highlights.
    matcher: OnceLock<WordMatcher>,
}

impl Highlighter {
    /// For the words of `query`.
    #[must_use]
    pub fn new(query: &str) -> Self {
        Self { query: query.to_owned(), matcher: OnceLock::new() }
    }

    /// Excerpts of `text` that contain words of the question, in text order: those with the most different words, if
    /// there are more than three.
    #[must_use]
    pub fn highlights(&self, text: &str) -> Vec<Highlight> {
        highlights(self.matcher.get_or_init(|| WordMatcher::new(&self.query)), text)
    }
}

fn highlights(matcher: &WordMatcher, text: &str) -> Vec<Highlight> {
    let characters: Vec<char> = text.chars().collect();
    let matches: Vec<_> = words(&characters)
        .filter_map(|range| {
            let word: String = characters[range.clone()].iter().collect();
            matcher.stem_of(&word).map(|stem| (range, stem))
        })
        .collect();

    // Matches close to each other share an excerpt.
    let mut pieces: Vec<&[(Range<usize>, u32)]> =
        matches.chunk_by(|(left, _), (right, _)| right.start - left.end <= 2 * CONTEXT).collect();
    let variety = |piece: &[(Range<usize>, u32)]| {
        let mut stems: Vec<_> = piece.iter().map(|(_, stem)| stem).collect();
        stems.sort_unstable();
        stems.dedup();
        stems.len()
    };
    pieces.sort_by_key(|piece| std::cmp::Reverse(variety(piece)));
    pieces.truncate(MAX_PIECES);
    pieces.sort_by_key(|piece| piece[0].0.start);
    pieces.into_iter().map(|piece| cut(&characters, piece)).collect()
}

fn cut(characters: &[char], piece: &[(Range<usize>, u32)]) -> Highlight {
    let (first, last) = (&piece[0].0, &piece[piece.len() - 1].0);
    let mut start = first.start.saturating_sub(CONTEXT);
    while start > 0 && start < first.start && !characters[start - 1].is_whitespace() {
        start += 1;
    }
    let mut end = (last.end + CONTEXT).min(characters.len());
    while end > last.end && end < characters.len() && !characters[end].is_whitespace() {
        end -= 1;
    }
    Highlight {
        text: characters[start..end].iter().collect(),
        start_offset: start,
        ranges: piece.iter().map(|(range, _)| range.start - start..range.end - start).collect(),
    }
}

/// The runs of letters and digits.
fn words(characters: &[char]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut place = 0;
    std::iter::from_fn(move || {
        let start = place + characters[place..].iter().position(|character| character.is_alphanumeric())?;
        let length = characters[start..].iter().position(|character| !character.is_alphanumeric());
        place = length.map_or(characters.len(), |length| start + length);
        Some(start..place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(query: &str, text: &str) -> Vec<Highlight> {
        Highlighter::new(query).highlights(text)
    }

    fn marked(query: &str, text: &str) -> Vec<Vec<String>> {
        find(query, text)
            .iter()
            .map(|piece| {
                let characters: Vec<char> = piece.text.chars().collect();
                piece.ranges.iter().map(|range| characters[range.clone()].iter().collect()).collect()
            })
            .collect()
    }

    #[test]
    fn inflected_words_are_marked_and_stop_words_are_not() {
        assert_eq!(marked("the running of engines", "An engine runs in the yard."), [["engine", "runs"]]);
    }

    #[test]
    fn ranges_count_characters_and_not_bytes() {
        assert_eq!(marked("tram", "Žižkov 🚋 tram — dépôt"), [["tram"]]);
    }

    #[test]
    fn pieces_say_where_they_stand_in_the_text() {
        let text = format!("{} tram {}", "filler ".repeat(40), "filler ".repeat(40));
        let pieces = find("tram", &text);
        let characters: Vec<char> = text.chars().collect();
        for piece in &pieces {
            let length = piece.text.chars().count();
            let found: String = characters[piece.start_offset..piece.start_offset + length].iter().collect();
            assert_eq!(found, piece.text);
        }
        assert_eq!(pieces.len(), 1);
    }

    #[test]
    fn distant_matches_get_pieces_of_their_own_and_the_most_varied_win() {
        let gap = "filler ".repeat(60);
        let text = format!("tram {gap} tram {gap} tram depot {gap} tram");
        let pieces = marked("tram depot", &text);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().any(|piece| piece.len() == 2));
    }

    #[test]
    fn a_text_without_the_words_has_no_pieces() {
        assert!(marked("tram", "A bus.").is_empty());
        assert!(marked("", "A bus.").is_empty());
    }
}
