//! What is checked of every text, whichever reader it comes from.

use super::{ExtractError, ExtractedText, FileKind, language};
use crate::domain::document::{DocumentWarning, DocumentWarningCode, ProcessingErrorCode};

/// The most warnings of one document. A damaged file may have one for each of its pages.
const MAX_WARNINGS: usize = 100;

/// The first of these warnings, and how many there are more.
pub(super) fn first(mut warnings: Vec<DocumentWarning>) -> Vec<DocumentWarning> {
    let more = warnings.len().saturating_sub(MAX_WARNINGS);
    if more > 0 {
        warnings.truncate(MAX_WARNINGS);
        let message = format!("{more} more warnings are not listed.");
        warnings.push(DocumentWarning::new(DocumentWarningCode::PartSkipped, message));
    }
    warnings
}

/// Refuses a text that is too long or has hardly a readable character, and notes doubts about the others. Finds out the
/// language of a text whose file does not say it.
///
/// # Errors
/// `LimitExceeded` or `NoText`.
pub(super) fn check(mut extracted: ExtractedText, max_text_bytes: usize) -> Result<ExtractedText, ExtractError> {
    if extracted.text.len() > max_text_bytes {
        return Err(ExtractError::too_much_text(max_text_bytes));
    }
    let count = Count::of(&extracted.text);
    if count.readable == 0 && count.replaced + count.private == 0 {
        let may_be_scan = extracted.content_type == FileKind::Pdf.media_type();
        return Err(if may_be_scan { ExtractError::no_text_in_pages() } else { ExtractError::no_text() });
    }
    if count.replaced + count.private > count.readable {
        return Err(ExtractError::permanent(
            ProcessingErrorCode::NoText,
            "Most characters of the file can't be read: it does not say what they mean. Save it again in the program it \
             came from, or run text recognition (OCR) on it, and upload the result.",
        ));
    }
    if count.replaced > 0 && !extracted.warnings.iter().any(|it| it.code == DocumentWarningCode::CharactersReplaced) {
        let message = format!("{} characters of the text could not be read.", count.replaced);
        extracted.warnings.push(DocumentWarning::new(DocumentWarningCode::CharactersReplaced, message));
    }
    if extracted.about.language.is_none() && !extracted.is_code {
        extracted.about.language = language::detected(&extracted.text).map(str::to_owned);
    }
    Ok(extracted)
}

/// How many characters of a text are of which kind.
#[derive(Default)]
struct Count {
    readable: usize,
    replaced: usize,
    /// Of a meaning that only their font has.
    private: usize,
}

impl Count {
    fn of(text: &str) -> Self {
        let mut count = Self::default();
        for character in text.chars() {
            match character {
                char::REPLACEMENT_CHARACTER => count.replaced += 1,
                '\u{e000}'..='\u{f8ff}' => count.private += 1,
                character => count.readable += usize::from(character.is_alphanumeric()),
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str) -> Result<Vec<DocumentWarning>, ProcessingErrorCode> {
        let extracted =
            ExtractedText { text: text.into(), content_type: "text/plain".into(), ..ExtractedText::default() };
        check(extracted, 1000).map(|text| text.warnings).map_err(|error| error.code)
    }

    #[test]
    fn of_many_warnings_the_first_are_listed_and_the_others_counted() {
        let many = |count: usize| {
            let warning = |number| DocumentWarning::new(DocumentWarningCode::PageSkipped, format!("Page {number}."));
            first((0..count).map(warning).collect())
        };
        assert_eq!(many(MAX_WARNINGS).len(), MAX_WARNINGS);
        let warnings = many(MAX_WARNINGS + 7);
        assert_eq!(warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(warnings[MAX_WARNINGS].message, "7 more warnings are not listed.");
    }

    #[test]
    fn a_text_of_replacements_is_refused_and_a_few_of_them_are_a_warning() {
        assert_eq!(check_text("\u{fffd}\u{fffd}\u{e123} ab"), Err(ProcessingErrorCode::NoText));
        assert_eq!(check_text(" .. "), Err(ProcessingErrorCode::NoText));
        assert_eq!(check_text("a text \u{f0b7} of words"), Ok(Vec::new()));
        let warnings = check_text("a text \u{fffd} of words").unwrap();
        assert_eq!(warnings[0].code, DocumentWarningCode::CharactersReplaced);
    }
}
