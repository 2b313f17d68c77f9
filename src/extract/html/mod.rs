//! HTML to blocks, in one walk over its tags.
//!
//! There is no tree: a page that nests a million elements costs no more than its length. What the standard's tree builder
//! repairs is mostly where elements end; here text ends where the next block begins or ends, so nothing needs repair.
//! Menus, scripts, styles, choices and what is hidden are left out.

mod encoding;
mod table;
mod tags;

use std::borrow::Cow;

use html5gum::{StartTag, Token, Tokenizer, naive_next_state};

use super::{block::Block, document::Document, moment};
use crate::domain::document::About;
use table::Frame;
use tags::Kind;

/// An item or a heading with more text than this is a column of a page, whatever its author calls it.
const MAX_LINE_BYTES: usize = 2000;

/// A page as blocks, with what its head says.
#[derive(Default)]
pub(super) struct Page {
    pub blocks: Vec<Block>,
    pub about: About,
}

/// Reads a page from its bytes. `declared_type` is the media type that its sender declared.
pub(super) fn document(bytes: &[u8], declared_type: Option<&str>) -> Document {
    let decoded = encoding::decode(bytes, declared_type);
    let Page { blocks, about } = read(&decoded.text);
    Document { blocks, about, warnings: decoded.warning.into_iter().collect(), lacks_reader: false }
}

/// Reads a page.
pub(super) fn read(page: &str) -> Page {
    let mut walker = Walker { is_xml: page.trim_start().starts_with("<?xml"), ..Walker::default() };
    let mut tokens = Tokenizer::new(page);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                let is_empty = tag.self_closing && (walker.is_xml || walker.svg > 0);
                if let Some(state) = naive_next_state(&tag.name).filter(|_| !is_empty) {
                    tokens.set_state(state);
                }
                walker.start(&tag, is_empty);
            }
            Token::EndTag(tag) => walker.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => walker.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    walker.finish()
}

/// Notes what a `meta` element says of the page. The first of several counts.
fn describe<'t>(about: &mut About, attribute: impl Fn(&str) -> Option<Cow<'t, str>>) {
    let Some(content) = attribute("content") else { return };
    let name = attribute("name").or_else(|| attribute("property")).unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        "author" | "dc.creator" if about.author.is_none() => about.author = Some(content.into_owned()),
        "article:published_time" | "dcterms.created" if about.created_at.is_none() => {
            about.created_at = moment::of_iso(&content);
        }
        "article:modified_time" | "dcterms.modified" if about.modified_at.is_none() => {
            about.modified_at = moment::of_iso(&content);
        }
        _ => {}
    }
}

/// An element whose content is left out.
struct Skipped {
    name: String,
    /// Elements of the same name inside each other.
    depth: usize,
}

struct List {
    /// The number of the next item, in lists that have numbers.
    next: Option<i64>,
    is_new: bool,
}

/// Where the text of an item goes once it is complete.
struct Item {
    depth: usize,
    marker: String,
    is_first: bool,
}

#[derive(Default)]
struct Walker {
    is_xml: bool,
    page: Page,
    /// The tables that are open, the innermost last.
    frames: Vec<Frame>,
    lists: Vec<List>,
    /// The item whose text `line` is.
    item: Option<Item>,
    heading: Option<u8>,
    /// Text since the last block.
    line: String,
    /// The length of `line` where it ends with the term of a definition.
    term: Option<usize>,
    is_term: bool,
    /// Preformatted text, and its language.
    code: Option<(String, String)>,
    skipped: Option<Skipped>,
    title: Option<String>,
    /// Drawings inside each other. Their titles are not the page's.
    svg: usize,
}

impl Walker {
    fn start(&mut self, tag: &StartTag<()>, is_empty: bool) {
        let name = String::from_utf8_lossy(&tag.name);
        let name = tags::local_name(&name);
        if self.goes_on_skipping(name) {
            return;
        }
        let attribute = |name: &str| tag.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value));
        if self.code.is_some() {
            self.start_in_code(name, attribute("class").as_deref());
            return;
        }
        if name == "meta" {
            describe(&mut self.page.about, attribute);
        }
        let kind = tags::kind(name);
        let is_void = is_empty || tags::is_void(name);
        if kind == Kind::Skipped || (kind != Kind::Root && tags::is_hidden(attribute)) {
            if kind == Kind::Block {
                self.boundary();
            }
            if !is_void {
                self.skipped = Some(Skipped { name: name.to_owned(), depth: 1 });
            }
            return;
        }
        match kind {
            Kind::Root => {
                let language = attribute("lang").or_else(|| attribute("xml:lang"));
                self.page.about.language = self.page.about.language.take().or(language.map(Cow::into_owned));
            }
            // A drawing's title is the name of a picture.
            Kind::Title if self.svg > 0 || self.page.about.title.is_some() => {
                self.skipped = (!is_void).then(|| Skipped { name: name.to_owned(), depth: 1 });
            }
            Kind::Title => self.title = (!is_void).then(String::new),
            Kind::Heading(level) => {
                self.flush();
                self.heading = (!is_void).then_some(level);
            }
            Kind::OrderedList => {
                let start = attribute("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
                self.open_list(Some(start));
            }
            Kind::List => self.open_list(None),
            Kind::Item => self.open_item(attribute("value").and_then(|value| value.trim().parse().ok())),
            Kind::Term => {
                self.flush();
                self.is_term = true;
            }
            Kind::Definition => self.open_definition(),
            Kind::Preformatted => {
                let language = attribute("class").as_deref().and_then(tags::code_language).unwrap_or_default();
                self.code = Some((String::new(), language));
            }
            Kind::Table => {
                self.open_table(attribute("role").is_some_and(|role| role == "presentation" || role == "none"));
            }
            Kind::Row => {
                self.close_cell();
                self.with_frame(Frame::open_row);
            }
            Kind::Cell => {
                let span = |name: &str| attribute(name).and_then(|span| span.trim().parse().ok()).unwrap_or(1);
                let (columns, rows) = (span("colspan"), span("rowspan"));
                self.close_cell();
                self.with_frame(|frame| frame.open_cell(columns, rows, name == "th"));
            }
            Kind::LineBreak => self.break_line(),
            Kind::Image => {
                if let Some(description) = attribute("alt").filter(|alt| !alt.trim().is_empty()) {
                    self.space();
                    self.text(&description);
                    self.space();
                }
            }
            Kind::Drawing => {
                self.space();
                self.svg += usize::from(!is_void);
            }
            Kind::Block => self.boundary(),
            Kind::Apart => self.space(),
            Kind::Inline | Kind::Skipped => {}
        }
    }

    fn end(&mut self, name: &str) {
        let name = tags::local_name(name);
        if let Some(skipped) = &mut self.skipped {
            skipped.depth -= usize::from(skipped.name == name);
            if skipped.depth == 0 {
                self.skipped = None;
            }
            return;
        }
        let kind = tags::kind(name);
        if self.code.is_some() {
            if kind == Kind::Preformatted {
                self.close_code();
            }
            return;
        }
        match kind {
            Kind::Title => self.page.about.title = self.page.about.title.take().or(self.title.take()),
            Kind::Heading(_) => {
                self.flush();
                self.heading = None;
            }
            Kind::OrderedList | Kind::List => {
                self.flush();
                self.close_list();
            }
            Kind::Item => {
                self.flush();
                self.item = None;
            }
            Kind::Table => self.close_table(),
            Kind::Row | Kind::Cell => self.close_cell(),
            Kind::Drawing => {
                self.svg = self.svg.saturating_sub(1);
                self.space();
            }
            Kind::Block | Kind::Definition => self.boundary(),
            Kind::Apart => self.space(),
            Kind::Root
            | Kind::Term
            | Kind::Preformatted
            | Kind::LineBreak
            | Kind::Image
            | Kind::Inline
            | Kind::Skipped => {}
        }
    }

    /// Whether the tag is inside something that is left out.
    fn goes_on_skipping(&mut self, name: &str) -> bool {
        let Some(skipped) = &mut self.skipped else { return false };
        let is_same = skipped.name == name;
        // The end tag of these may be missing.
        let is_over = (is_same && tags::may_stay_open(name)) || (skipped.name == "nav" && name == "main");
        if is_over {
            self.skipped = None;
            return false;
        }
        skipped.depth += usize::from(is_same && !tags::is_void(name));
        true
    }

    fn text(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        if let Some(title) = &mut self.title {
            title.push_str(text);
            return;
        }
        if let Some((code, _)) = &mut self.code {
            code.push_str(text);
            return;
        }
        for character in text.chars() {
            if !character.is_whitespace() {
                self.line.push(character);
            } else if !self.line.ends_with([' ', '\n']) {
                self.line.push(' ');
            }
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with([' ', '\n']) {
            self.line.push(' ');
        }
    }

    fn break_line(&mut self) {
        if self.heading.is_some() || self.item.is_some() || self.line.is_empty() {
            self.space();
        } else {
            self.line.push('\n');
        }
    }

    /// Ends a paragraph. Items and headings go on with a space.
    fn boundary(&mut self) {
        if self.term.is_some_and(|length| length == self.line.len()) {
            return;
        }
        let goes_on = self.heading.is_some() || self.item.is_some();
        if goes_on && self.line.len() < MAX_LINE_BYTES {
            self.space();
            return;
        }
        if goes_on {
            self.heading = None;
        }
        self.flush();
    }

    /// Ends the text of whatever is open.
    fn flush(&mut self) {
        self.term = None;
        self.is_term = false;
        if self.line.trim().is_empty() {
            self.line.clear();
            return;
        }
        let text = std::mem::take(&mut self.line);
        let block = match (self.heading, self.item.take()) {
            (Some(level), _) => Block::Heading { level, text },
            (None, Some(Item { depth, marker, is_first })) => Block::Item { depth, marker, is_first, text },
            (None, None) => Block::Paragraph(text),
        };
        self.blocks().push(block);
    }

    /// Where blocks go: into the innermost open cell.
    fn blocks(&mut self) -> &mut Vec<Block> {
        let cells = self.frames.iter_mut().rev().find_map(|frame| frame.cell.as_mut());
        cells.map_or(&mut self.page.blocks, |cell| &mut cell.blocks)
    }

    fn open_list(&mut self, next: Option<i64>) {
        self.flush();
        self.lists.push(List { next, is_new: true });
    }

    fn close_list(&mut self) {
        let floor = self.frames.last().map_or(0, |frame| frame.lists);
        if self.lists.len() > floor {
            self.lists.pop();
        }
        self.item = None;
    }

    fn open_item(&mut self, value: Option<i64>) {
        self.flush();
        let floor = self.frames.last().map_or(0, |frame| frame.lists);
        let depth = self.lists.len().saturating_sub(floor + 1);
        let Some(list) = self.lists.last_mut() else {
            self.item = Some(Item { depth: 0, marker: "-".to_owned(), is_first: false });
            return;
        };
        let is_first = std::mem::take(&mut list.is_new);
        let marker = match &mut list.next {
            Some(next) => {
                let number = value.unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{number}.")
            }
            None => "-".to_owned(),
        };
        self.item = Some(Item { depth, marker, is_first });
    }

    fn open_definition(&mut self) {
        if self.is_term && !self.line.trim().is_empty() {
            self.line.truncate(self.line.trim_end().len());
            self.line.push_str(if self.line.ends_with(':') { " " } else { ": " });
            self.term = Some(self.line.len());
            self.is_term = false;
        } else {
            self.flush();
        }
    }

    fn start_in_code(&mut self, name: &str, class: Option<&str>) {
        let Some((code, language)) = &mut self.code else { return };
        if name == "code" && language.is_empty() {
            *language = class.and_then(tags::code_language).unwrap_or_default();
        }
        let is_break = matches!(tags::kind(name), Kind::LineBreak | Kind::Block | Kind::Item | Kind::Row);
        if is_break && (name == "br" || !(code.is_empty() || code.ends_with('\n'))) {
            code.push('\n');
        }
    }

    fn close_code(&mut self) {
        let Some((code, language)) = self.code.take() else { return };
        if self.item.is_some() && !code.trim().contains('\n') {
            self.space();
            self.text(&code);
            self.space();
            return;
        }
        self.heading = None;
        self.flush();
        self.blocks().push(Block::Code { language, text: code });
    }

    fn open_table(&mut self, is_layout: bool) {
        self.flush();
        let frame = Frame::new(is_layout, self.lists.len(), self.heading.take());
        self.frames.push(frame);
    }

    fn with_frame(&mut self, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }

    fn close_cell(&mut self) {
        if self.code.is_some() {
            self.close_code();
        }
        self.flush();
        self.item = None;
        let lists = &mut self.lists;
        if let Some(frame) = self.frames.last_mut() {
            lists.truncate(frame.lists);
            frame.close_cell();
            self.heading = None;
        }
    }

    fn close_table(&mut self) {
        self.close_cell();
        if let Some(frame) = self.frames.pop() {
            self.heading = frame.heading;
            let mut content = frame.into_table().into_blocks();
            let blocks = self.blocks();
            // Most often there is nothing before a table in its cell, however deep they are nested.
            if blocks.is_empty() {
                *blocks = content;
            } else {
                blocks.append(&mut content);
            }
        }
    }

    fn finish(mut self) -> Page {
        if self.code.is_some() {
            self.close_code();
        }
        while !self.frames.is_empty() {
            self.close_table();
        }
        self.flush();
        self.page.about.title = self.page.about.title.or(self.title);
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(page: &str) -> String {
        render(&read(page).blocks, 1 << 20).unwrap().text
    }

    #[test]
    fn blocks_in_paragraphs_and_captions_stand_once_and_apart() {
        let page = "<p><h2>Head in p</h2><div>First div.</div><div>Second div.</div></p><p>Intro:<ul><li>one</li><li>two</li>\
             </ul>after</p><table><caption>Price list</caption><tr><td>Tea</td><td>2</td></tr></table>";
        let expected = "## Head in p\n\nFirst div.\n\nSecond div.\n\nIntro:\n\n- one\n- two\n\nafter\n\nPrice list\n\n\
             | Tea | 2 |\n| --- | --- |";
        assert_eq!(markdown(page), expected);
    }

    #[test]
    fn words_of_neighbours_are_never_glued() {
        let page = "<ul><li><div>Name</div><div>Anna</div></li><li><p>first</p><p>second</p></li></ul><header>Site</header>\
             <header>Page</header><label>City</label><button>Save</button><my-card>One</my-card><my-card>Two</my-card>";
        assert_eq!(markdown(page), "- Name Anna\n- first second\n\nSite\n\nPage\n\nCity\n\nSave\n\nOne\n\nTwo");
    }

    #[test]
    fn nested_lists_keep_their_order_and_numbers() {
        let page = "<ol start=5><li>fifth<ul><li>sub</li></ul></li><li>sixth</ol><ul><li>run it:<pre><code>cargo run</code></pre>\
             <li>done</ul>";
        assert_eq!(markdown(page), "5. fifth\n   - sub\n6. sixth\n\n- run it: cargo run\n- done");
    }

    #[test]
    fn tables_that_only_place_things_are_their_content() {
        let nested = format!("{}<p>Deep sentence.</p>{}", "<table><tr><td>".repeat(4), "</td></tr></table>".repeat(4));
        assert_eq!(markdown(&nested), "Deep sentence.");
        let cells = "<table><tr><td><a href='https://e.org/?a=1&amp;b'>Report</a><td><b>bold</b> <img src=x alt=Logo>\
             <tr><td rowspan=2>a<td>b<tr><td>c</table>";
        assert_eq!(markdown(cells), "| Report | bold Logo |\n| --- | --- |\n| a | b |\n| | c |");
    }

    #[test]
    fn drawings_and_formulas_stand_where_they_are() {
        let page = "<svg><title>icon</title><style>a{}</style><text>Svg text</text></svg><math><mi>x</mi><mo>=</mo><mn>2</mn>\
             <annotation>x=2</annotation></math><p>End";
        assert_eq!(markdown(page), "Svg text x=2\n\nEnd");
        assert_eq!(read(page).about.title, None);
    }

    #[test]
    fn what_is_not_shown_is_not_read() {
        let page = "<title>T</title><style>p{}</style><script>if (a<b) {}</script><nav>menu<nav>inner</nav></nav><p hidden>no<p>\
             yes<div style='Display: none'>no<div>no</div></div><select><option>no</select><noscript><p>no</p></noscript>\
             <template>no</template> end";
        assert_eq!(markdown(page), "yes\n\nend");
        assert_eq!(read(page).about.title.as_deref(), Some("T"));
    }

    #[test]
    fn an_empty_script_in_xhtml_ends_at_once() {
        let page = "<?xml version='1.0'?><html xml:lang='nb'><head><title/><script src='x'/></head><body><p>Tekst</p></body></html>";
        assert_eq!(markdown(page), "Tekst");
        assert_eq!(read(page).about.language.as_deref(), Some("nb"));
    }

    #[test]
    fn terms_stand_before_their_definitions_and_code_keeps_its_lines() {
        let page = "<dl><dt>Otter<dd><p>swims</p><dt>Mole:<dd>digs</dl><pre class='language-rust'>fn a() {\n    b\n}</pre>line<br>break";
        let expected = "Otter: swims\n\nMole: digs\n\n```rust\nfn a() {\n    b\n}\n```\n\nline\nbreak";
        assert_eq!(markdown(page), expected);
    }

    #[test]
    fn nesting_costs_no_stack() {
        for opening in ["<div>", "<b>", "<ul><li>", "<table><tr><td>", "<nav>", "<svg>"] {
            let page = format!("<p>otters</p>{}deep", opening.repeat(20_000));
            assert!(markdown(&page).starts_with("otters"), "{opening}");
        }
    }
}
