//! What the files of pages are called.

use url::Url;

use super::escapes::decoded;

/// The longest file name, in characters.
const MAX_NAME: usize = 200;
const MARKUP: &str = ".html";

/// Whether something is what pages show or are designed with, rather than say.
pub(super) fn is_no_text(content_type: Option<&str>) -> bool {
    let media_type = media_type(content_type);
    ["image/", "audio/", "video/", "font/"].iter().any(|kind| media_type.starts_with(kind))
        || matches!(media_type.as_str(), "text/css" | "text/javascript" | "application/javascript")
}

/// The name of a page: the last part of its path. Its ending says what it is, because the name counts more than the
/// declared type: `index.php` is a page and no program.
pub(super) fn file_name(url: &Url, content_type: Option<&str>) -> String {
    let last = url.path().rsplit('/').find(|part| !part.is_empty()).map(decoded);
    let name = last.filter(|name| !matches!(name.as_str(), "." | "..")).unwrap_or_else(|| host(url));
    let is_kept = |character: &char| !character.is_control();
    let plain = |character: char| if matches!(character, '/' | '\\') { '_' } else { character };
    let is_markup = matches!(media_type(content_type).as_str(), "text/html" | "application/xhtml+xml");
    let is_named_so = [MARKUP, ".htm", ".xhtml"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    let ending = if is_markup && name.contains('.') && !is_named_so { MARKUP } else { "" };
    let short: String = name.chars().filter(is_kept).map(plain).take(MAX_NAME - MARKUP.len()).collect();
    let name = short.trim();
    if name.is_empty() { format!("page{ending}") } else { format!("{name}{ending}") }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).replace(':', "_")
}

/// A media type without its parameters.
fn media_type(content_type: Option<&str>) -> String {
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_page_says_what_it_is() {
        let html = Some("text/html; charset=utf-8");
        for (url, content_type, name) in [
            ("https://docs.a.test/", html, "docs.a.test.html"),
            ("https://a.test/docs/", html, "docs"),
            ("https://a.test/index.php?page=2", html, "index.php.html"),
            ("https://a.test/Intro.HTML", html, "Intro.HTML"),
            ("https://a.test/H%C3%A4fen%2Fx.pdf", Some("application/pdf"), "Häfen_x.pdf"),
            ("https://a.test/%2e%2e%2f", html, ".._.html"),
            ("http://[::1]/", html, "__1"),
        ] {
            assert_eq!(file_name(&Url::parse(url).unwrap(), content_type), name, "{url}");
        }
    }

    #[test]
    fn pictures_and_styles_are_no_text() {
        for content_type in ["image/png", "IMAGE/SVG+xml", "text/css; charset=utf-8", "video/mp4"] {
            assert!(is_no_text(Some(content_type)), "{content_type}");
        }
        assert!(!is_no_text(None) && !is_no_text(Some("text/html")) && !is_no_text(Some("application/pdf")));
    }
}
