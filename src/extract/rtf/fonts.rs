//! The code pages of text: that of its font, or that of the file.

use std::collections::HashMap;

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, MACINTOSH, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

#[derive(Default)]
pub(super) struct Fonts {
    code_page: Option<&'static Encoding>,
    encodings: HashMap<i32, &'static Encoding>,
    /// The font that is being defined.
    defined: i32,
}

impl Fonts {
    pub(super) fn set_code_page(&mut self, number: i32) {
        self.code_page = match number {
            65001 => Some(UTF_8),
            932 => Some(SHIFT_JIS),
            936 => Some(GBK),
            949 => Some(EUC_KR),
            950 => Some(BIG5),
            10000 => Some(MACINTOSH),
            number => Encoding::for_label(format!("windows-{number}").as_bytes()),
        };
    }

    pub(super) fn define(&mut self, font: i32) {
        self.defined = font;
    }

    /// The character set of the font that is being defined.
    pub(super) fn set_charset(&mut self, number: i32) {
        let encoding = match number {
            77 => MACINTOSH,
            128 => SHIFT_JIS,
            129 => EUC_KR,
            134 => GBK,
            136 => BIG5,
            161 => WINDOWS_1253,
            162 => WINDOWS_1254,
            163 => WINDOWS_1258,
            177 => WINDOWS_1255,
            178 => WINDOWS_1256,
            186 => WINDOWS_1257,
            204 => WINDOWS_1251,
            222 => WINDOWS_874,
            238 => WINDOWS_1250,
            _ => return,
        };
        self.encodings.insert(self.defined, encoding);
    }

    pub(super) fn encoding(&self, font: i32) -> &'static Encoding {
        self.encodings.get(&font).copied().or(self.code_page).unwrap_or(WINDOWS_1252)
    }
}
