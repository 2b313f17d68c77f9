//! Names and words as people write them: one form for text that looks the same, one key for comparison, and what names
//! must not contain.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_script::{Script, ScriptExtension, UnicodeScript};

/// The form in which names and texts are stored: NFC, so that a letter and its accent are one character, however it was
/// typed.
#[must_use]
pub fn composed<'a>(text: impl Into<Cow<'a, str>>) -> String {
    let text = text.into();
    if is_nfc(&text) { text.into_owned() } else { text.chars().nfc().collect() }
}

/// The form in which words are looked for: NFKC, so that ligatures and letters of full width are plain letters.
#[must_use]
pub fn plain(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfkc().collect() }
}

/// What names are compared and ordered by: NFC after Unicode's full case folding, without characters that are not seen,
/// and with every white space as a space. Two names with one key are one name.
#[must_use]
pub fn folded(text: &str) -> String {
    let seen = text.nfd().filter(|character| !is_ignorable(*character));
    let spaced = seen.map(|character| if character.is_whitespace() { ' ' } else { character });
    spaced.default_case_fold().nfc().collect()
}

/// Why a name is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// It has a character that is not seen, or that turns the direction of those around it.
    Invisible(char),
    /// It has a letter or digit in another dress: full width, mathematical, in a circle.
    Disguised(char),
    /// This part of it mixes alphabets whose letters look alike.
    Mixed(String),
}

/// What is wrong with a name that identifies an account. Such a name must be in one alphabet, without disguises.
#[must_use]
pub fn flaw_of_identifier(name: &str) -> Option<Flaw> {
    let is_hidden = |character: &char| is_ignorable(*character) || is_unseen(*character);
    let hidden = name.chars().find(is_hidden).map(Flaw::Invisible);
    let disguised = || name.chars().find(|character| is_disguised(*character)).map(Flaw::Disguised);
    let mixed = || mixes_alphabets(name, "").then(|| Flaw::Mixed(name.to_owned()));
    hidden.or_else(disguised).or_else(mixed)
}

/// What is wrong with a title or an address, which may have words in several alphabets.
#[must_use]
pub fn flaw_of_title(title: &str) -> Option<Flaw> {
    let mut previous = None;
    for character in title.chars() {
        let is_hidden = is_ignorable(character) && !belongs_behind(previous, character);
        if is_hidden || is_unseen(character) {
            return Some(Flaw::Invisible(character));
        }
        previous = Some(character);
    }
    let is_border = |character: char| !character.is_alphanumeric() && character.script() == Script::Common;
    title.split(is_border).find(|word| mixes_alphabets(word, SYMBOLS)).map(|word| Flaw::Mixed(word.to_owned()))
}

/// Greek letters that are no look-alikes, and stand for quantities and units in words of other alphabets.
const SYMBOLS: &str = "ΓΔΘΛΞΠΣΦΨΩδθλμξπφψ";

/// Alphabets that are written together (UTS 39, «highly restrictive»).
const TOGETHER: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

/// Whether it mixes letters of alphabets that are not written together, apart from those in `exempt`.
fn mixes_alphabets(text: &str, exempt: &str) -> bool {
    let scripts = || {
        let letters = text.chars().filter(move |character| !exempt.contains(*character));
        letters.map(|character| character.script_extension()).filter(|of| !of.is_empty())
    };
    let shared = scripts().fold(ScriptExtension::default(), ScriptExtension::intersection);
    let are_together = |group: &[Script]| scripts().all(|of| group.iter().any(|script| of.contains_script(*script)));
    shared.is_empty() && !TOGETHER.into_iter().any(are_together)
}

/// Joiners and selectors of a form change what is before them in scripts and emoji that need them, and are not seen
/// anywhere else.
fn belongs_behind(previous: Option<char>, character: char) -> bool {
    let Some(previous) = previous else { return false };
    let is_plain = matches!(previous.script(), Script::Latin | Script::Greek | Script::Cyrillic);
    match character {
        '\u{200c}' | '\u{200d}' => !previous.is_ascii() && !is_plain,
        '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{e0100}'..='\u{e01ef}' => {
            previous.is_ascii_digit() || (!previous.is_ascii() && !is_plain)
        }
        _ => false,
    }
}

/// Unicode's `Default_Ignorable_Code_Point`: among them zero-width and bidirectional characters.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What is not seen though Unicode does not call it ignorable: controls, separators of lines, marks of annotations, the
/// empty Braille cell.
fn is_unseen(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}')
}

/// Letters and digits that stand for plain ones: super- and subscript, letter-like, enclosed, ligatures, full width,
/// mathematical.
fn is_disguised(character: char) -> bool {
    matches!(
        character,
        '\u{2070}'..='\u{209f}'
            | '\u{2100}'..='\u{214f}'
            | '\u{2460}'..='\u{24ff}'
            | '\u{fb00}'..='\u{fb06}'
            | '\u{ff01}'..='\u{ff5e}'
            | '\u{1d400}'..='\u{1d7ff}'
            | '\u{1f100}'..='\u{1f1ff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_form_or_what_is_not_seen_have_one_key() {
        for (one, other) in [
            ("\u{c4}rger", "\u{e4}RGER"),
            ("R\u{e9}sum\u{e9}.txt", "re\u{301}sume\u{301}.TXT"),
            ("Stra\u{df}e", "STRASSE"),
            ("\u{396}\u{3b5}\u{3cd}\u{3c2}", "\u{396}\u{395}\u{38e}\u{3a3}"),
            ("\u{416}\u{430}\u{43d}\u{43d}\u{430}", "\u{436}\u{410}\u{43d}\u{43d}\u{430}"),
            ("My Letters", "my\u{a0}letters"),
            ("Sal\u{200b}aries", "salaries"),
            ("\u{2764}\u{fe0f} Recipes", "\u{2764} recipes"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
            assert_eq!(folded(&folded(one)), folded(one));
        }
        for (one, other) in [("ada", "ada\u{301}"), ("caf\u{e9}", "cafe"), ("a b", "ab")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn a_name_is_kept_in_one_form() {
        assert_eq!(composed("U\u{308}nal"), "\u{dc}nal");
        assert_eq!(composed("Ada"), "Ada");
    }

    #[test]
    fn names_of_one_alphabet_are_good_identifiers() {
        for name in [
            "ada",
            "ada.b-c_9",
            "\u{dc}nal",
            "\u{436}\u{430}\u{43d}\u{43d}\u{430}_88",
            "\u{3b6}\u{3b5}\u{3cd}\u{3c2}",
            "\u{5317}\u{4eac}abc",
            "\u{65e5}\u{672c}\u{306e}\u{30c6}\u{30b9}\u{30c8}",
            "\u{d55c}\u{ad6d}\u{8a9e}",
            "\u{e19}\u{e49}\u{e33}",
            "\u{928}\u{940}\u{932}",
        ] {
            assert_eq!(flaw_of_identifier(name), None, "{name}");
            assert_eq!(flaw_of_title(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_hide_or_pretend_something_are_no_identifiers() {
        for name in
            ["ad\u{200b}a", "ada\u{202e}", "\u{2066}ada", "ad\u{ad}a", "a\u{200d}da", "ada\u{fe0f}", "ad\u{115f}a"]
        {
            assert!(matches!(flaw_of_identifier(name), Some(Flaw::Invisible(_))), "{name:?}");
        }
        for name in ["\u{ff41}da", "\u{1d41a}da", "\u{24d0}da"] {
            assert!(matches!(flaw_of_identifier(name), Some(Flaw::Disguised(_))), "{name:?}");
        }
        for name in ["\u{430}da", "ad\u{3b1}", "p\u{430}ypal"] {
            assert_eq!(flaw_of_identifier(name), Some(Flaw::Mixed(name.to_owned())));
        }
    }

    #[test]
    fn titles_may_have_words_in_several_alphabets_and_no_word_in_two() {
        for title in [
            "\u{dc}berweisungen 2026",
            "\u{41e}\u{442}\u{447}\u{451}\u{442} Siemens",
            "IT-\u{43e}\u{442}\u{434}\u{435}\u{43b}",
            "\u{394}t and k\u{3a9}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} and \u{2764}\u{fe0f}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{ff21}\u{ff22}\u{793e}",
        ] {
            assert_eq!(flaw_of_title(title), None, "{title}");
        }
        for title in ["Sal\u{200b}aries", "Sal\u{200d}aries", "\u{202e}evil", "a\u{2028}b", "Sal\u{fe0f}aries"] {
            assert!(matches!(flaw_of_title(title), Some(Flaw::Invisible(_))), "{title:?}");
        }
        assert_eq!(flaw_of_title("My S\u{430}laries"), Some(Flaw::Mixed("S\u{430}laries".into())));
    }
}
