//! The language of a text whose file does not say it.

use whatlang::Lang;

/// How much of a text is looked at. More would not change the answer.
const SAMPLE_BYTES: usize = 8 << 10;

/// The language of a text as a tag (BCP 47), where there is hardly a doubt.
pub(super) fn detected(text: &str) -> Option<&'static str> {
    let found = whatlang::detect(&text[..text.floor_char_boundary(SAMPLE_BYTES)])?;
    found.is_reliable().then(|| tag(found.lang()))
}

/// BCP 47 takes the code of two letters where there is one.
fn tag(language: Lang) -> &'static str {
    match language {
        Lang::Epo => "eo",
        Lang::Eng => "en",
        Lang::Rus => "ru",
        Lang::Cmn => "zh",
        Lang::Spa => "es",
        Lang::Por => "pt",
        Lang::Ita => "it",
        Lang::Ben => "bn",
        Lang::Fra => "fr",
        Lang::Deu => "de",
        Lang::Ukr => "uk",
        Lang::Kat => "ka",
        Lang::Ara => "ar",
        Lang::Hin => "hi",
        Lang::Jpn => "ja",
        Lang::Heb => "he",
        Lang::Yid => "yi",
        Lang::Pol => "pl",
        Lang::Amh => "am",
        Lang::Jav => "jv",
        Lang::Kor => "ko",
        Lang::Nob => "nb",
        Lang::Dan => "da",
        Lang::Swe => "sv",
        Lang::Fin => "fi",
        Lang::Tur => "tr",
        Lang::Nld => "nl",
        Lang::Hun => "hu",
        Lang::Ces => "cs",
        Lang::Ell => "el",
        Lang::Bul => "bg",
        Lang::Bel => "be",
        Lang::Mar => "mr",
        Lang::Kan => "kn",
        Lang::Ron => "ro",
        Lang::Slv => "sl",
        Lang::Hrv => "hr",
        Lang::Srp => "sr",
        Lang::Mkd => "mk",
        Lang::Lit => "lt",
        Lang::Lav => "lv",
        Lang::Est => "et",
        Lang::Tam => "ta",
        Lang::Vie => "vi",
        Lang::Urd => "ur",
        Lang::Tha => "th",
        Lang::Guj => "gu",
        Lang::Uzb => "uz",
        Lang::Pan => "pa",
        Lang::Aze => "az",
        Lang::Ind => "id",
        Lang::Tel => "te",
        Lang::Pes => "fa",
        Lang::Mal => "ml",
        Lang::Ori => "or",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Sin => "si",
        Lang::Khm => "km",
        Lang::Tuk => "tk",
        Lang::Aka => "ak",
        Lang::Zul => "zu",
        Lang::Sna => "sn",
        Lang::Afr => "af",
        Lang::Lat => "la",
        Lang::Slk => "sk",
        Lang::Cat => "ca",
        Lang::Tgl => "tl",
        Lang::Hye => "hy",
        Lang::Cym => "cy",
    }
}

#[cfg(test)]
mod tests {
    use super::detected;

    #[test]
    fn a_text_of_some_sentences_has_a_language_and_numbers_have_none() {
        for (language, text) in [
            ("en", "The ferry leaves the harbour every morning, and in winter it waits until the ice has been broken."),
            ("de", "Die Fähre verlässt jeden Morgen den Hafen, und im Winter wartet sie, bis das Eis gebrochen ist."),
            (
                "fr",
                "Le bac quitte le port chaque matin, et en hiver il attend que la glace soit brisée par le brise-glace.",
            ),
            ("ja", "フェリーは毎朝港を出発し、冬は氷が割れるまで待ちます。"),
        ] {
            assert_eq!(detected(text), Some(language), "{text}");
        }
        assert_eq!(detected("12 34.5 | 17 | 0x1f"), None);
    }
}
