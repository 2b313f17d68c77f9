//! Where a text falls into parts by its own structure, stronger than sentences.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, OffsetIter, Options, Parser, Tag, TagEnd};

use crate::extract::{CodeBlock, CodeLanguage, CodeOutline, CodePart, ParsedCode, PartTitle};

/// The strength of what would be a border if it didn't part a heading from what follows it, or a remark from its subject.
const NONE: u8 = 0;
/// The strength of a border before a paragraph, list item, table row or the like, or before an item of source code. Parts of
/// items are weaker, the deeper they are.
const BLOCK: u8 = 5;
/// The strength of a border before a thematic break.
const RULE: u8 = 6;
/// The least strength of a border before a heading.
const HEADING: u8 = 7;
/// The strength of a border that no chunk crosses.
const FIXED: u8 = u8::MAX;
/// The level of a heading that is an item of source code. Its parts are below it.
const ITEM_LEVEL: u8 = 7;
/// Longer headings, and header rows, are cut where they are shown above a chunk.
pub(super) const MAX_TITLE_CHARACTERS: usize = 200;

/// The borders of a text, in order.
pub(super) struct Borders {
    list: Vec<Border>,
    pub headings: Vec<Heading>,
    /// In order.
    pub tables: Vec<Table>,
    /// Whether items of source code are among the borders.
    has_items: bool,
}

/// A place before which a chunk may end, in bytes.
struct Border {
    at: usize,
    strength: u8,
}

/// A heading. One without a title ends those before it.
pub(super) struct Heading {
    pub at: usize,
    /// From 1, the outermost.
    pub level: u8,
    pub title: String,
}

/// A table that has a header row.
pub(super) struct Table {
    /// Where the rows below the header begin, and where they end.
    pub rows: Range<usize>,
    /// The cells of the header, as they are in the text.
    pub header: String,
}

impl Borders {
    /// No borders.
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    fn of(list: Vec<Border>) -> Self {
        Self { list, headings: Vec::new(), tables: Vec::new(), has_items: false }
    }

    /// The blank lines of a text without markup.
    pub fn of_paragraphs(text: &str) -> Self {
        let mut list = Vec::new();
        let mut at = 0;
        let mut after_blank = false;
        for line in text.split_inclusive('\n') {
            let is_blank = line.trim().is_empty();
            if after_blank && !is_blank {
                list.push(Border { at, strength: BLOCK });
            }
            after_blank = is_blank;
            at += line.len();
        }
        Self::of(list)
    }

    /// The blocks of a text in Markdown. None lies between a heading and what follows it.
    pub fn of_markdown(text: &str) -> Self {
        let mut scan = Scan::new(text);
        for (event, range) in events(text) {
            scan.event(&event, range);
        }
        scan.borders
    }

    /// The blocks of a text in Markdown, and the parts of the code in it.
    pub fn of_code(text: &str, code: &CodeOutline) -> Self {
        let mut borders = Self { has_items: true, ..Self::of_markdown(text) };
        code.parsed.iter().for_each(|parsed| borders.add_parts(parsed));
        borders.list.sort_by_key(|border| border.at);
        borders.headings.sort_by_key(|heading| heading.at);
        // The last item ends there.
        borders.list.push(Border { at: text.len(), strength: FIXED });
        borders
    }

    /// What is known of a text in Markdown that is cut without regard to its blocks.
    pub fn of_sentences(text: &str) -> Self {
        let mut borders = Self::of_markdown(text);
        borders.list.retain(|border| border.strength == NONE);
        borders
    }

    fn add_parts(&mut self, ParsedCode { range, parts }: &ParsedCode) {
        for CodePart { at, depth, is_attached, title } in parts {
            let at = range.start + at;
            let strength = if *is_attached { NONE } else { (BLOCK + 1).saturating_sub(*depth).max(1) };
            self.list.push(Border { at, strength });
            let title = match title {
                PartTitle::Same => continue,
                PartTitle::Ended => String::new(),
                PartTitle::Of(line) => line.clone(),
            };
            self.headings.push(Heading { at, level: ITEM_LEVEL.saturating_add(*depth), title });
        }
        self.headings.push(Heading { at: range.end, level: ITEM_LEVEL, title: String::new() });
    }

    /// Makes these places, which are in order, borders that no chunk crosses.
    pub fn fix(&mut self, places: &[usize]) {
        self.list.retain(|border| places.binary_search(&border.at).is_err());
        self.list.extend(places.iter().map(|&at| Border { at, strength: FIXED }));
        self.list.sort_by_key(|border| border.at);
    }

    /// The first border in `after + 1..=limit` that no chunk crosses.
    pub fn first_fixed(&self, after: usize, limit: usize) -> Option<usize> {
        self.within(after, limit).iter().find(|border| border.strength == FIXED).map(|border| border.at)
    }

    /// The strongest border in `after + 1..=limit`, the last one of several.
    pub fn strongest(&self, after: usize, limit: usize) -> Option<usize> {
        let window = self.within(after, limit).iter().filter(|border| border.strength > NONE);
        window.max_by_key(|border| (border.strength, border.at)).map(|border| border.at)
    }

    /// Whether a chunk that ends at `at` would end with a heading.
    pub fn parts_heading(&self, at: usize) -> bool {
        self.strength(at) == Some(NONE)
    }

    /// The end of the item that begins at `at`, if one does and its end is in `at + 1..=limit`: the next border that is as
    /// strong.
    pub fn item_end(&self, at: usize, limit: usize) -> Option<usize> {
        let strength = self.strength(at).filter(|strength| self.has_items && *strength > NONE)?;
        self.within(at, limit).iter().find(|border| border.strength >= strength).map(|border| border.at)
    }

    fn strength(&self, at: usize) -> Option<u8> {
        let found = self.list.binary_search_by_key(&at, |border| border.at).ok()?;
        Some(self.list[found].strength)
    }

    /// The last heading in `after + 1..=limit`.
    pub fn last_heading(&self, after: usize, limit: usize) -> Option<usize> {
        let window = self.within(after, limit);
        window.iter().rev().find(|border| border.strength >= HEADING).map(|border| border.at)
    }

    fn within(&self, after: usize, limit: usize) -> &[Border] {
        let start = self.list.partition_point(|border| border.at <= after);
        let length = self.list[start..].partition_point(|border| border.at <= limit);
        &self.list[start..start + length]
    }
}

/// The blocks of code in a text in Markdown whose language can be parsed, outside of quotes and lists.
pub(super) fn code_blocks(text: &str) -> Vec<CodeBlock> {
    let mut blocks = Vec::new();
    let mut depth = 0;
    let mut language = None;
    let mut range = 0..0;
    for (event, place) in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if depth == 0 => {
                language = CodeLanguage::of_fence(&info);
                range = 0..0;
            }
            Event::Text(_) if language.is_some() => {
                range = if range.is_empty() { place } else { range.start..place.end };
            }
            Event::End(TagEnd::CodeBlock) => {
                let language = language.take().filter(|_| !range.is_empty());
                blocks.extend(language.map(|language| CodeBlock { language, range: range.clone() }));
            }
            Event::Start(tag) if is_container(&tag) => depth += 1,
            Event::End(tag) if ends_container(tag) => depth -= 1,
            _ => {}
        }
    }
    blocks
}

fn events(text: &str) -> OffsetIter<'_> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    Parser::new_ext(text, options).into_offset_iter()
}

/// Collects borders from the events of the parser.
struct Scan<'a> {
    text: &'a str,
    borders: Borders,
    /// Quotes, lists and the like around the event.
    depth: usize,
    /// The heading whose title is being read.
    open: Option<Heading>,
    /// The end of the last heading.
    heading_end: usize,
    /// The start of the line of the last border requested, and that border.
    line_start: usize,
    seen: usize,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, borders: Borders::none(), depth: 0, open: None, heading_end: 0, line_start: 0, seen: 0 }
    }

    fn event(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            // A heading inside a quote or list is a block like others there.
            Event::Start(Tag::Heading { level, .. }) if self.depth == 0 => {
                let level = rank(*level);
                let at = self.border(range.start, HEADING + 6 - level);
                self.open = Some(Heading { at, level, title: String::new() });
                self.heading_end = range.end;
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(heading) = self.open.take().filter(|heading| !heading.title.trim().is_empty()) {
                    self.borders.headings.push(Heading { title: heading.title.trim().to_owned(), ..heading });
                }
            }
            Event::Text(text) | Event::Code(text) => self.title(text),
            Event::SoftBreak | Event::HardBreak => self.title(" "),
            Event::Rule => {
                self.border(range.start, RULE);
            }
            Event::End(TagEnd::TableHead) => self.table(range),
            Event::End(TagEnd::Table) => {
                if let Some(table) = self.borders.tables.last_mut().filter(|table| table.rows.start >= range.start) {
                    table.rows.end = range.end;
                }
            }
            Event::Start(tag) if is_block(tag) => {
                self.border(range.start, BLOCK);
                self.depth += usize::from(is_container(tag));
            }
            Event::End(tag) if ends_container(*tag) => self.depth -= 1,
            _ => {}
        }
    }

    fn title(&mut self, text: &str) {
        if let Some(heading) = &mut self.open {
            let room = MAX_TITLE_CHARACTERS.saturating_sub(heading.title.chars().count());
            heading.title.extend(text.chars().take(room));
        }
    }

    /// Records a table whose header row is there.
    fn table(&mut self, head: Range<usize>) {
        let row = self.text.get(head.clone()).unwrap_or_default().trim().trim_matches('|').trim();
        if row.chars().any(char::is_alphanumeric) {
            let header = row.chars().take(MAX_TITLE_CHARACTERS).collect();
            self.borders.tables.push(Table { rows: head.end..head.end, header });
        }
    }

    /// Records a border at the beginning of the line of `byte`, and returns that place.
    fn border(&mut self, byte: usize, strength: u8) -> usize {
        // Blocks come in order, so only what lies between them is searched for line ends.
        if let Some(between) = self.text.as_bytes().get(self.seen..byte) {
            if let Some(line_end) = between.iter().rposition(|&byte| byte == b'\n') {
                self.line_start = self.seen + line_end + 1;
            }
            self.seen = byte;
        }
        let at = self.line_start;
        if at > self.borders.list.last().map_or(0, |last| last.at) {
            let since_heading = self.text.get(self.heading_end..at).filter(|_| self.heading_end > 0);
            let follows_heading = since_heading.is_some_and(|text| text.trim().is_empty());
            self.borders.list.push(Border { at, strength: if follows_heading { NONE } else { strength } });
        }
        at
    }
}

fn rank(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

fn is_block(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::List(_)
            | Tag::Item
            | Tag::Table(_)
            | Tag::TableRow
            | Tag::MetadataBlock(_)
    )
}

fn is_container(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::BlockQuote(_) | Tag::List(_) | Tag::Item)
}

fn ends_container(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item)
}
