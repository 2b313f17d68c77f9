//! What commands of LaTeX do to text.

use crate::domain::name::composed;

/// What becomes of a command and its arguments.
pub(super) enum Command {
    Heading(u8),
    /// So many arguments are not printed.
    Skip(usize),
    /// Its argument is printed elsewhere, and read in brackets.
    Note,
    /// Its argument is a paragraph.
    Block,
    /// Its second argument is text.
    Second,
    /// Its arguments are text.
    Text,
}

pub(super) fn command(name: &str) -> Command {
    match name {
        "part" | "chapter" | "section" => Command::Heading(1),
        "subsection" | "frametitle" => Command::Heading(2),
        "subsubsection" => Command::Heading(3),
        "paragraph" => Command::Heading(4),
        "subparagraph" => Command::Heading(5),
        "footnote" | "thanks" | "marginpar" | "footnotetext" => Command::Note,
        "caption" => Command::Block,
        "href" | "hypertarget" | "hyperlink" | "textcolor" | "colorbox" => Command::Second,
        "setlength"
        | "newcommand"
        | "renewcommand"
        | "providecommand"
        | "newtheorem"
        | "addtolength"
        | "setcounter"
        | "definecolor"
        | "hypersetup"
        | "DeclareMathOperator"
        | "addcontentsline" => Command::Skip(2),
        name if name.starts_with("cite") || name.ends_with("cite") || name.ends_with("ref") => Command::Skip(1),
        "label" | "usepackage" | "documentclass" | "bibliography" | "bibliographystyle" | "includegraphics"
        | "input" | "include" | "vspace" | "hspace" | "pagestyle" | "thispagestyle" | "title" | "author" | "date"
        | "index" | "bibitem" | "pagenumbering" | "nocite" | "graphicspath" | "captionsetup" | "color" | "cline"
        | "hyphenation" | "phantom" | "multirow" | "addbibresource" => Command::Skip(1),
        "multicolumn" => Command::Skip(2),
        _ => Command::Text,
    }
}

/// The characters that a command stands for.
pub(super) fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        "%" => "%",
        "&" => "&",
        "$" => "$",
        "#" => "#",
        "_" => "_",
        "{" => "{",
        "}" => "}",
        " " | "," | ";" | ":" | "quad" | "qquad" | "space" => " ",
        "-" | "/" | "!" => "",
        "ss" => "ß",
        "ae" => "æ",
        "AE" => "Æ",
        "oe" => "œ",
        "OE" => "Œ",
        "o" => "ø",
        "O" => "Ø",
        "aa" => "å",
        "AA" => "Å",
        "l" => "ł",
        "L" => "Ł",
        "i" => "ı",
        "j" => "ȷ",
        "dots" | "ldots" | "textellipsis" => "…",
        "textbackslash" => "\\",
        "textasciitilde" => "~",
        "textasciicircum" => "^",
        "textendash" => "–",
        "textemdash" => "—",
        "textquotesingle" => "'",
        "euro" | "texteuro" => "€",
        "pounds" | "textsterling" => "£",
        "S" => "§",
        "P" => "¶",
        "copyright" | "textcopyright" => "©",
        "textregistered" => "®",
        "texttrademark" => "™",
        "textdegree" => "°",
        "LaTeX" => "LaTeX",
        "TeX" => "TeX",
        _ => return None,
    })
}

/// A letter with the accent that a command puts on it.
pub(super) fn accented(accent: &str, letter: &str) -> String {
    let mark = match accent {
        "'" => '\u{301}',
        "`" => '\u{300}',
        "^" => '\u{302}',
        "\"" => '\u{308}',
        "~" => '\u{303}',
        "=" => '\u{304}',
        "." => '\u{307}',
        "c" => '\u{327}',
        "v" => '\u{30c}',
        "u" => '\u{306}',
        "H" => '\u{30b}',
        "k" => '\u{328}',
        "r" => '\u{30a}',
        "d" => '\u{323}',
        _ => '\u{331}',
    };
    let letter = match letter {
        "\\i" => "i",
        "\\j" => "j",
        letter => letter,
    };
    composed(format!("{letter}{mark}"))
}
