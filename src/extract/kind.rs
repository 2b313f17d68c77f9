//! The kinds of file that can be read, and the names they go by.

use serde::{Deserialize, Serialize};

use super::source_code;
use crate::domain::format::FileFormat;

/// Defines the kinds from one table: media type, what people call it, extensions, other media types.
macro_rules! kinds {
    ($($kind:ident: $media_type:literal, $label:literal, [$($extension:literal),*], [$($other:literal),*];)+) => {
        /// A kind of file that has a reader.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
        pub enum FileKind { $($kind,)+ }

        impl FileKind {
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its media type.
            #[must_use]
            pub fn media_type(self) -> &'static str {
                match self { $(Self::$kind => $media_type,)+ }
            }

            /// What people call it, with its article.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$kind => $label,)+ }
            }

            fn extensions(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &[$($extension),*],)+ }
            }

            fn other_media_types(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &[$($other),*],)+ }
            }
        }
    };
}

kinds! {
    PlainText: "text/plain", "plain text", ["txt", "text", "log", "yaml", "yml", "toml"], [];
    Markdown: "text/markdown", "Markdown", ["md", "markdown", "mdown", "mkd"], ["text/x-markdown"];
    // Its extensions are those of its languages, most of which have no registered media type.
    SourceCode: "text/plain", "source code", [], [];
    Html: "text/html", "an HTML page", ["html", "htm", "xhtml"], ["application/xhtml+xml"];
    Pdf: "application/pdf", "a PDF file", ["pdf"], [];
    Docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document (DOCX)",
        ["docx", "docm", "dotx"], [];
    Pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "a PowerPoint presentation (PPTX)", ["pptx", "pptm", "ppsx"], [];
    Xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "an Excel workbook (XLSX)",
        ["xlsx", "xlsm"], [];
    Odt: "application/vnd.oasis.opendocument.text", "an OpenDocument text (ODT)", ["odt", "ott"], [];
    Ods: "application/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet (ODS)", ["ods", "ots"], [];
    Odp: "application/vnd.oasis.opendocument.presentation", "an OpenDocument presentation (ODP)", ["odp", "otp"], [];
    Rtf: "application/rtf", "an RTF document", ["rtf"], ["text/rtf"];
    Epub: "application/epub+zip", "an EPUB book", ["epub"], [];
    Eml: "message/rfc822", "an e-mail (EML)", ["eml"], [];
    Msg: "application/vnd.ms-outlook", "an Outlook message (MSG)", ["msg"], [];
    Mbox: "application/mbox", "a mailbox (MBOX)", ["mbox"], [];
    Mhtml: "multipart/related", "a saved web page (MHTML)", ["mht", "mhtml"], ["application/x-mimearchive"];
    Calendar: "text/calendar", "a calendar (ICS)", ["ics", "ical"], [];
    Contacts: "text/vcard", "contacts (VCF)", ["vcf", "vcard"], ["text/x-vcard"];
    Csv: "text/csv", "a table in CSV", ["csv"], [];
    Tsv: "text/tab-separated-values", "a table in TSV", ["tsv", "tab"], [];
    Json: "application/json", "JSON", ["json", "geojson"], ["text/json"];
    JsonLines: "application/jsonl", "JSON Lines", ["jsonl", "ndjson"], ["application/x-ndjson", "application/x-jsonlines"];
    Notebook: "application/x-ipynb+json", "a Jupyter notebook (IPYNB)", ["ipynb"], [];
    Xml: "application/xml", "XML", ["xml"], ["text/xml"];
    ReStructuredText: "text/x-rst", "reStructuredText", ["rst", "rest"], [];
    AsciiDoc: "text/asciidoc", "AsciiDoc", ["adoc", "asciidoc"], ["text/x-asciidoc"];
    Latex: "application/x-tex", "LaTeX", ["tex", "ltx", "latex"], ["application/x-latex", "text/x-tex"];
    SubRip: "application/x-subrip", "subtitles (SRT)", ["srt"], [];
    WebVtt: "text/vtt", "subtitles (VTT)", ["vtt"], [];
    Zip: "application/zip", "a ZIP archive", ["zip"], [];
}

impl FileKind {
    /// The kind that a file name promises by its extension, if it is one that has a reader.
    #[must_use]
    pub fn from_name(file_name: &str) -> Option<Self> {
        let extension = extension(file_name)?;
        let named = Self::ALL.iter().copied().find(|kind| kind.extensions().contains(&extension.as_str()));
        named.or_else(|| source_code::language(&extension).map(|_| Self::SourceCode))
    }

    /// The kind that a declared media type promises. General types such as `application/octet-stream` promise nothing, nor
    /// does that of ZIP archives: many documents are ZIP containers, and senders name them so.
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_its = |kind: &Self| kind.media_type() == essence || kind.other_media_types().contains(&essence.as_str());
        Self::ALL.iter().copied().find(is_its).filter(|kind| *kind != Self::Zip)
    }

    /// The formats that can be read.
    #[must_use]
    pub fn formats() -> Vec<FileFormat> {
        Self::ALL.iter().copied().map(Self::format).collect()
    }

    fn format(self) -> FileFormat {
        let extensions = match self {
            Self::SourceCode => source_code::extensions().collect(),
            _ => self.extensions().to_vec(),
        };
        let media_types = [self.media_type()].into_iter().chain(self.other_media_types().iter().copied()).collect();
        FileFormat { label: self.label(), media_types, extensions }
    }

    /// Whether its files are text, whatever it means.
    pub(super) fn is_text(self) -> bool {
        match self {
            Self::PlainText
            | Self::Markdown
            | Self::SourceCode
            | Self::Html
            | Self::Mbox
            | Self::Mhtml
            | Self::Calendar
            | Self::Contacts
            | Self::Csv
            | Self::Tsv
            | Self::Json
            | Self::JsonLines
            | Self::Notebook
            | Self::Xml
            | Self::ReStructuredText
            | Self::AsciiDoc
            | Self::Latex
            | Self::SubRip
            | Self::WebVtt => true,
            Self::Pdf
            | Self::Docx
            | Self::Pptx
            | Self::Xlsx
            | Self::Odt
            | Self::Ods
            | Self::Odp
            | Self::Rtf
            | Self::Epub
            | Self::Eml
            | Self::Msg
            | Self::Zip => false,
        }
    }

    /// Whether its text needs no reader that could be attacked.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Self::PlainText | Self::Markdown | Self::SourceCode)
    }
}

/// The extension of a file name, in lower case.
pub(super) fn extension(file_name: &str) -> Option<String> {
    file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
}
