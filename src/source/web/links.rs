//! Where pages and sitemaps lead to.

use std::io::Read;

use flate2::read::GzDecoder;
use html5gum::{StartTag, Token, Tokenizer, naive_next_state};
use url::Url;

/// The largest sitemap (sitemaps.org: 50 MB), unpacked.
pub(super) const MAX_SITEMAP_BYTES: u64 = 50 * 1024 * 1024;

/// The targets of a page's links, in their order, without what its author does not vouch for.
pub(super) fn links(page: &[u8], address: &Url) -> Vec<Url> {
    let (mut base, mut links) = (None, Vec::new());
    let mut tokens = Tokenizer::new(page);
    while let Some(Ok(token)) = tokens.next() {
        let Token::StartTag(tag) = token else { continue };
        if let Some(state) = naive_next_state(&tag.name) {
            tokens.set_state(state);
        }
        match tag.name.as_slice() {
            b"base" if base.is_none() => base = attribute(&tag, b"href").and_then(|href| address.join(&href).ok()),
            b"a" | b"area" if !is_unvouched(&tag) => {
                links.extend(target(&tag, b"href", base.as_ref().unwrap_or(address)));
            }
            b"frame" | b"iframe" => links.extend(target(&tag, b"src", base.as_ref().unwrap_or(address))),
            _ => {}
        }
    }
    links
}

/// Whether bytes may be a page with links.
pub(super) fn looks_like_markup(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

fn target(tag: &StartTag<()>, name: &[u8], base: &Url) -> Option<Url> {
    base.join(attribute(tag, name)?.trim()).ok()
}

fn is_unvouched(tag: &StartTag<()>) -> bool {
    let rel = attribute(tag, b"rel").unwrap_or_default();
    rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("nofollow"))
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    tag.attributes.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// What a sitemap lists.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Sitemap {
    pub(super) pages: Vec<String>,
    pub(super) sitemaps: Vec<String>,
}

/// Reads a sitemap: XML, or a URL a line, as it is or compressed. `None` if it unpacks to too much.
pub(super) fn sitemap(bytes: &[u8]) -> Option<Sitemap> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Some(plain_sitemap(bytes));
    }
    let mut plain = Vec::new();
    // What is damaged is read as far as it goes.
    let _ = GzDecoder::new(bytes).take(MAX_SITEMAP_BYTES + 1).read_to_end(&mut plain);
    (plain.len() as u64 <= MAX_SITEMAP_BYTES).then(|| plain_sitemap(&plain))
}

fn plain_sitemap(bytes: &[u8]) -> Sitemap {
    if looks_like_markup(bytes) {
        return xml_sitemap(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| line.trim_matches(['\u{feff}', ' ', '\t']));
    Sitemap { pages: lines.filter(|line| !line.is_empty()).map(str::to_owned).collect(), sitemaps: Vec::new() }
}

/// The elements of sitemaps are simple enough for the reader of pages.
fn xml_sitemap(bytes: &[u8]) -> Sitemap {
    let (mut found, mut location, mut is_index) = (Sitemap::default(), None::<String>, false);
    let mut tokens = Tokenizer::new(bytes);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => match tag.name.as_slice() {
                b"sitemap" => is_index = true,
                b"url" => is_index = false,
                b"loc" => location = Some(String::new()),
                _ => {}
            },
            Token::EndTag(tag) if tag.name.as_slice() == b"loc" => {
                let list = if is_index { &mut found.sitemaps } else { &mut found.pages };
                let location = location.take().unwrap_or_default();
                list.extend(Some(location.trim().to_owned()).filter(|location| !location.is_empty()));
            }
            Token::String(text) => append(&mut location, &text),
            // How the reader of pages sees marked sections of XML.
            Token::Comment(text) => {
                if let Some(text) = text.strip_prefix(b"[CDATA[") {
                    append(&mut location, text.strip_suffix(b"]]").unwrap_or(text));
                }
            }
            Token::EndTag(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    found
}

fn append(location: &mut Option<String>, text: &[u8]) {
    if let Some(location) = location {
        location.push_str(&String::from_utf8_lossy(text));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn found(page: &str) -> Vec<String> {
        let address = Url::parse("https://a.test/docs/intro.html").unwrap();
        links(page.as_bytes(), &address).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_are_found_wherever_they_stand_and_resolved() {
        let page = "<!doctype html><nav><a href=next.html>Next</a></nav><script>'<a href=\"no\">'</script>
            <!-- <a href=no> --><A HREF=' /top '>Top</A><map><area href=\"?q=1&amp;b=2#end\"></map>
            <a rel='noopener NoFollow' href=no>No</a><iframe src=//b.test/frame></iframe><a name=here>";
        let expected = [
            "https://a.test/docs/next.html",
            "https://a.test/top",
            "https://a.test/docs/intro.html?q=1&b=2#end",
            "https://b.test/frame",
        ];
        assert_eq!(found(page), expected);
        assert_eq!(found("<base href='/other/'><base href='/no/'><a href=x>x</a>"), ["https://a.test/other/x"]);
    }

    #[test]
    fn sitemaps_are_read_in_every_form() {
        let xml = "\u{feff}<?xml version='1.0'?><urlset xmlns:image='x'><url><loc> https://a.test/?a=1&amp;b </loc>
            <image:loc>https://a.test/no.png</image:loc></url>
            <url><loc><![CDATA[https://a.test/c]]></loc></url></urlset>";
        let pages = ["https://a.test/?a=1&b", "https://a.test/c"].map(str::to_owned).to_vec();
        let expected = Sitemap { pages, sitemaps: Vec::new() };
        assert_eq!(sitemap(xml.as_bytes()).unwrap(), expected);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(xml.as_bytes()).unwrap();
        assert_eq!(sitemap(&packed.finish().unwrap()).unwrap(), expected);
        let index = "<sitemapindex><sitemap><loc>https://a.test/1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(sitemap(index.as_bytes()).unwrap().sitemaps, ["https://a.test/1.xml"]);
        assert_eq!(sitemap(b"https://a.test/1\r\n\nhttps://a.test/2").unwrap().pages.len(), 2);
    }
}
