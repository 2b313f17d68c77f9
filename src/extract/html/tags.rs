//! What each tag means for the text around it.

use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Root,
    Title,
    Heading(u8),
    OrderedList,
    List,
    Item,
    Term,
    Definition,
    Preformatted,
    Table,
    Row,
    Cell,
    LineBreak,
    Image,
    Drawing,
    /// Begins and ends a paragraph.
    Block,
    /// Goes on in the line, with white space around it.
    Apart,
    /// Goes on in the word.
    Inline,
    /// Its content is no text of the page.
    Skipped,
}

pub(super) fn kind(name: &str) -> Kind {
    match name {
        "html" | "body" => Kind::Root,
        "title" => Kind::Title,
        "h1" => Kind::Heading(1),
        "h2" => Kind::Heading(2),
        "h3" => Kind::Heading(3),
        "h4" => Kind::Heading(4),
        "h5" => Kind::Heading(5),
        "h6" => Kind::Heading(6),
        "ol" => Kind::OrderedList,
        "ul" | "menu" | "dir" => Kind::List,
        "li" => Kind::Item,
        "dt" => Kind::Term,
        "dd" => Kind::Definition,
        "pre" | "xmp" | "listing" | "plaintext" => Kind::Preformatted,
        "table" => Kind::Table,
        "tr" => Kind::Row,
        "td" | "th" => Kind::Cell,
        "br" => Kind::LineBreak,
        "img" => Kind::Image,
        "svg" => Kind::Drawing,
        "address" | "article" | "aside" | "blockquote" | "button" | "caption" | "center" | "details" | "dialog"
        | "div" | "dl" | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "header" | "hgroup" | "hr"
        | "legend" | "main" | "p" | "search" | "section" | "summary" | "tbody" | "textarea" | "tfoot" | "thead" => {
            Kind::Block
        }
        "label" | "input" | "object" | "output" | "text" | "tspan" => Kind::Apart,
        "annotation" | "annotation-xml" | "audio" | "canvas" | "datalist" | "desc" | "iframe" | "metadata" | "nav"
        | "noembed" | "noframes" | "noscript" | "rp" | "rt" | "script" | "select" | "style" | "template" | "video" => {
            Kind::Skipped
        }
        // Elements that a site makes itself are parts of its layout.
        name if name.contains('-') => Kind::Block,
        _ => Kind::Inline,
    }
}

/// A name without its prefix, such as `svg:title`.
pub(super) fn local_name(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Elements that have no content and no end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements that the next one of their kind ends.
pub(super) fn may_stay_open(name: &str) -> bool {
    matches!(name, "p" | "li" | "dt" | "dd" | "tr" | "td" | "th" | "option" | "rt" | "rp")
}

/// Whether an element with these attributes is menu or invisible.
pub(super) fn is_hidden<'a>(attribute: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
    let is_hidden = attribute("hidden").is_some_and(|value| !value.eq_ignore_ascii_case("until-found"));
    let is_menu = attribute("role").is_some_and(|role| role.eq_ignore_ascii_case("navigation"));
    is_hidden || is_menu || attribute("style").is_some_and(|style| hides(&style))
}

fn hides(style: &str) -> bool {
    style.split(';').filter_map(|rule| rule.split_once(':')).any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("display")
            && value.trim().get(..4).is_some_and(|it| it.eq_ignore_ascii_case("none"))
    })
}

/// The language in a class such as `language-rust`, by which highlighters know it.
pub(super) fn code_language(class: &str) -> Option<String> {
    let names = class.split_ascii_whitespace();
    names
        .filter_map(|name| name.strip_prefix("language-").or_else(|| name.strip_prefix("lang-")))
        .map(str::to_owned)
        .next()
}
