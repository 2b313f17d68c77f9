//! Where pages and sitemaps lead to.

use std::{io::Read, mem};

use flate2::read::GzDecoder;
use html5gum::{
    Span, Tokenizer,
    emitters::callback::{CallbackEmitter, CallbackEvent},
};
use url::Url;

use super::MAX_URL;

/// The largest sitemap (sitemaps.org: 50 MB), unpacked.
pub(super) const MAX_SITEMAP_BYTES: u64 = 50 * 1024 * 1024;
/// What a sitemap lists at most (sitemaps.org).
const MAX_ENTRIES: usize = 50_000;

/// What of markup says where it leads to.
enum Piece {
    Start(Tag),
    End(Vec<u8>),
    Text(Vec<u8>),
    Comment(Vec<u8>),
}

/// A tag with the attributes that count. Others are not kept: it can have a million of them.
#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    href: Option<Vec<u8>>,
    src: Option<Vec<u8>>,
    rel: Option<Vec<u8>>,
    is_closed: bool,
}

/// Reads markup piece by piece. In a page, what is in scripts and the like is no markup.
fn pieces(markup: &[u8], is_page: bool) -> impl Iterator<Item = Piece> {
    let (mut tag, mut attribute) = (Tag::default(), Vec::new());
    let see = move |event: CallbackEvent<'_>, _: Span<()>| -> Option<Piece> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                tag = Tag { name: name.to_vec(), ..Tag::default() };
                None
            }
            CallbackEvent::AttributeName { name } => {
                attribute = name.to_vec();
                None
            }
            CallbackEvent::AttributeValue { value } => {
                let kept = match attribute.as_slice() {
                    b"href" => &mut tag.href,
                    b"src" => &mut tag.src,
                    b"rel" => &mut tag.rel,
                    _ => return None,
                };
                kept.get_or_insert_with(|| value.to_vec());
                None
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                Some(Piece::Start(Tag { is_closed: self_closing, ..mem::take(&mut tag) }))
            }
            CallbackEvent::EndTag { name } => Some(Piece::End(name.to_vec())),
            CallbackEvent::String { value } => Some(Piece::Text(value.to_vec())),
            CallbackEvent::Comment { value } => Some(Piece::Comment(value.to_vec())),
            CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => None,
        }
    };
    let mut emitter = CallbackEmitter::<_, Piece, ()>::new(see);
    emitter.naively_switch_states(is_page);
    Tokenizer::new_with_emitter(markup, emitter).filter_map(Result::ok)
}

/// The targets of a page's links, in their order, without what its author does not vouch for and what is too long for a
/// page. They are looked for while they are asked for: a page can have a million of them.
pub(super) fn links(page: &[u8], address: &Url) -> impl Iterator<Item = Url> {
    let mut base = None;
    pieces(page, true).filter_map(move |piece| {
        let Piece::Start(tag) = piece else { return None };
        match tag.name.as_slice() {
            b"base" if base.is_none() => {
                base = target(tag.href.as_deref(), address);
                None
            }
            b"a" | b"area" if !is_unvouched(&tag) => target(tag.href.as_deref(), base.as_ref().unwrap_or(address)),
            b"frame" | b"iframe" => target(tag.src.as_deref(), base.as_ref().unwrap_or(address)),
            _ => None,
        }
    })
}

/// Whether bytes may be a page with links.
pub(super) fn looks_like_markup(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

fn target(text: Option<&[u8]>, base: &Url) -> Option<Url> {
    let text = text.filter(|text| text.len() <= MAX_URL)?;
    let mut target = base.join(String::from_utf8_lossy(text).trim()).ok()?;
    target.set_fragment(None);
    (target.as_str().len() <= MAX_URL).then_some(target)
}

fn is_unvouched(tag: &Tag) -> bool {
    let mut words = tag.rel.as_deref().unwrap_or_default().split(u8::is_ascii_whitespace);
    words.any(|word| word.eq_ignore_ascii_case(b"nofollow"))
}

/// What a sitemap lists.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Sitemap {
    pub(super) pages: Vec<String>,
    pub(super) sitemaps: Vec<String>,
    /// Whether it was read to its end. If not, it may list more.
    pub(super) is_complete: bool,
}

impl Sitemap {
    /// Notes an entry, unless it is too long for a URL. Returns whether there is room for more.
    fn list(&mut self, text: &str, is_sitemap: bool) -> bool {
        let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
        if self.pages.len() + self.sitemaps.len() == MAX_ENTRIES {
            return text.is_empty();
        }
        if (1..=MAX_URL).contains(&text.len()) {
            let list = if is_sitemap { &mut self.sitemaps } else { &mut self.pages };
            list.push(text.to_owned());
        }
        true
    }
}

/// Reads a sitemap: XML, or a URL a line, as it is or compressed. `None` if it unpacks to too much. Blocks.
pub(super) fn sitemap(bytes: &[u8]) -> Option<Sitemap> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Some(plain_sitemap(bytes));
    }
    let mut plain = Vec::new();
    // What is damaged is read as far as it goes.
    let is_whole = GzDecoder::new(bytes).take(MAX_SITEMAP_BYTES + 1).read_to_end(&mut plain).is_ok();
    (plain.len() as u64 <= MAX_SITEMAP_BYTES).then(|| {
        let found = plain_sitemap(&plain);
        Sitemap { is_complete: found.is_complete && is_whole, ..found }
    })
}

fn plain_sitemap(bytes: &[u8]) -> Sitemap {
    if looks_like_markup(bytes) {
        return xml_sitemap(bytes);
    }
    let mut found = Sitemap::default();
    let mut lines = bytes.split(|byte| *byte == b'\n');
    found.is_complete = lines.all(|line| found.list(&String::from_utf8_lossy(line), false));
    found
}

/// The elements of sitemaps are simple enough for the reader of pages.
fn xml_sitemap(bytes: &[u8]) -> Sitemap {
    let (mut found, mut location, mut is_index) = (Sitemap::default(), None::<String>, false);
    for piece in pieces(bytes, false) {
        match piece {
            Piece::Start(tag) => match tag.name.as_slice() {
                b"urlset" | b"sitemapindex" => found.is_complete = tag.is_closed,
                b"sitemap" => is_index = true,
                b"url" => is_index = false,
                b"loc" => location = Some(String::new()),
                _ => {}
            },
            Piece::End(name) => match name.as_slice() {
                b"urlset" | b"sitemapindex" => found.is_complete = true,
                b"loc" if !found.list(&location.take().unwrap_or_default(), is_index) => {
                    found.is_complete = false;
                    break;
                }
                _ => {}
            },
            Piece::Text(text) => append(&mut location, &text),
            // How the reader of pages sees marked sections of XML.
            Piece::Comment(text) => {
                if let Some(text) = text.strip_prefix(b"[CDATA[") {
                    append(&mut location, text.strip_suffix(b"]]").unwrap_or(text));
                }
            }
        }
    }
    found
}

/// What is too long for a URL with much space around it is none.
fn append(location: &mut Option<String>, text: &[u8]) {
    if let Some(before) = location {
        if before.len() + text.len() > 2 * MAX_URL {
            *location = None;
        } else {
            before.push_str(&String::from_utf8_lossy(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn found(page: &str) -> Vec<String> {
        let address = Url::parse("https://a.test/docs/intro.html").unwrap();
        links(page.as_bytes(), &address).map(String::from).collect()
    }

    #[test]
    fn links_are_found_wherever_they_stand_and_resolved() {
        let page = "<!doctype html><nav><a href=next.html>Next</a></nav><script>'<a href=\"no\">'</script>
            <!-- <a href=no> --><A HREF=' /top '>Top</A><map><area href=\"?q=1&amp;b=2#end\"></map>
            <a rel='noopener NoFollow' href=no>No</a><iframe src=//b.test/frame></iframe><a name=here>";
        let expected = [
            "https://a.test/docs/next.html",
            "https://a.test/top",
            "https://a.test/docs/intro.html?q=1&b=2",
            "https://b.test/frame",
        ];
        assert_eq!(found(page), expected);
        assert_eq!(found("<base href='/other/'><base href='/no/'><a href=x>x</a>"), ["https://a.test/other/x"]);
    }

    #[test]
    fn what_is_too_long_for_a_page_is_no_link_and_no_base() {
        let long = "x".repeat(MAX_URL);
        let page = format!("<base href='/{long}/'><a href='/{long}'>x</a><a href='y'>y</a>");
        assert_eq!(found(&page), ["https://a.test/docs/y"]);
        let (half, umlauts) = ("x".repeat(MAX_URL / 2), "ö".repeat(MAX_URL / 4));
        let page = format!("<base href='/{half}/'><a href='{half}'>x</a><a href='{umlauts}'>y</a><a href='/z'>z</a>");
        assert_eq!(found(&page), ["https://a.test/z"]);
    }

    #[test]
    fn attributes_that_lead_nowhere_are_not_kept() {
        let others: Vec<_> = (0..100_000).map(|number| format!(" a{number}=x")).collect();
        let others = others.concat();
        let page =
            format!("<a{others} HREF=b href=c rel=next>x</a{others}><a href rel=nofollow>y</a><a rel=x href='d'>z</a>");
        assert_eq!(found(&page), ["https://a.test/docs/b", "https://a.test/docs/d"]);
        let mut tags = pieces(page.as_bytes(), true).filter_map(|piece| match piece {
            Piece::Start(tag) => Some(tag),
            Piece::End(_) | Piece::Text(_) | Piece::Comment(_) => None,
        });
        let first = tags.next().unwrap();
        assert_eq!(
            (first.href.as_deref(), first.src, first.rel.as_deref()),
            (Some(&b"b"[..]), None, Some(&b"next"[..]))
        );
    }

    #[test]
    fn links_are_looked_for_only_while_they_are_asked_for() {
        let page = "<base href='https://a.test/'>".to_owned() + &"<a href=a>".repeat(3_000_000);
        let address = Url::parse("https://a.test/").unwrap();
        let begin = std::time::Instant::now();
        assert_eq!(links(page.as_bytes(), &address).take(10).count(), 10);
        assert!(begin.elapsed() < std::time::Duration::from_millis(100), "{:?}", begin.elapsed());
    }

    #[test]
    fn sitemaps_are_read_in_every_form() {
        let xml = "\u{feff}<?xml version='1.0'?><urlset xmlns:image='x'><url><loc> https://a.test/?a=1&amp;b </loc>
            <image:loc>https://a.test/no.png</image:loc></url>
            <url><loc><![CDATA[https://a.test/c]]></loc></url></urlset>";
        let pages = ["https://a.test/?a=1&b", "https://a.test/c"].map(str::to_owned).to_vec();
        let expected = Sitemap { pages, sitemaps: Vec::new(), is_complete: true };
        assert_eq!(sitemap(xml.as_bytes()).unwrap(), expected);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(xml.as_bytes()).unwrap();
        assert_eq!(sitemap(&packed.finish().unwrap()).unwrap(), expected);
        let index = "<sitemapindex><sitemap><loc>https://a.test/1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(sitemap(index.as_bytes()).unwrap().sitemaps, ["https://a.test/1.xml"]);
        assert_eq!(sitemap(b"https://a.test/1\r\n\nhttps://a.test/2").unwrap().pages.len(), 2);
    }

    #[test]
    fn a_sitemap_has_as_many_entries_as_the_protocol_allows() {
        let entry = "<url><loc>https://a.test/</loc></url>";
        let of = |entries: usize| format!("<urlset>{}</urlset>", entry.repeat(entries));
        let most = sitemap(of(MAX_ENTRIES).as_bytes()).unwrap();
        assert!(most.is_complete && most.pages.len() == MAX_ENTRIES);
        let more = sitemap(of(MAX_ENTRIES + 1).as_bytes()).unwrap();
        assert!(!more.is_complete && more.pages.len() == MAX_ENTRIES);
        let lines = sitemap("a\n".repeat(MAX_ENTRIES + 1).as_bytes()).unwrap();
        assert!(!lines.is_complete && lines.pages.len() == MAX_ENTRIES);
        let long = format!("<urlset><url><loc>{}</loc></url>{entry}</urlset>", "x".repeat(3 * MAX_URL));
        assert_eq!(sitemap(long.as_bytes()).unwrap().pages, ["https://a.test/"]);
    }

    #[test]
    fn a_sitemap_that_was_not_sent_to_its_end_is_not_complete() {
        let page = |number| format!("<url><loc>https://a.test/{}</loc></url>", number * number);
        let pages = (0..2000).map(page).collect::<Vec<_>>().concat();
        let xml = format!("<urlset>{pages}</urlset>");
        assert!(sitemap(xml.as_bytes()).unwrap().is_complete);
        let half = sitemap(&xml.as_bytes()[..xml.len() / 2]).unwrap();
        assert!(!half.is_complete && !half.pages.is_empty());
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(xml.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert!(sitemap(&packed).unwrap().is_complete);
        assert!(!sitemap(&packed[..packed.len() / 2]).unwrap().is_complete);
        // Nor is what only says that there is nothing now.
        assert!(!sitemap(b"<html><p>We are back soon.</html>").unwrap().is_complete);
        assert!(sitemap(b"<urlset/>").unwrap().is_complete);
    }
}
