//! `docent search`.

use clap::{Args, ValueEnum};
use docent_client::PageInfo;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, collections,
    terminal::{self, Emphasis},
};

const SEARCH: &str = include_str!("graphql/search.graphql");

/// Hits of a page.
const PAGE: usize = 100;
/// Characters of a chunk that are shown where no word of it matches.
const EXCERPT: usize = 300;

/// What `docent search` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Search {
    /// The question, in plain words.
    #[arg(required = true, value_name = "QUESTION")]
    words: Vec<String>,
    /// A collection to search, by its name or id. It can be given several times. Default: all.
    #[arg(long, value_name = "NAME")]
    collection: Vec<String>,
    /// By meaning, by words, or both.
    #[arg(long, value_enum, default_value_t = Mode::Hybrid)]
    mode: Mode,
    /// How many hits to show.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Print the result as one JSON object, with the names of the API.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Hybrid,
    Semantic,
    Lexical,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "HYBRID",
            Self::Semantic => "SEMANTIC",
            Self::Lexical => "LEXICAL",
        }
    }
}

/// A page of hits, and what the search says beside them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    nodes: Vec<Value>,
    page_info: PageInfo,
    is_partial: bool,
    legs: Vec<Value>,
}

#[derive(Deserialize)]
struct Leg {
    kind: String,
    state: String,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Hit {
    rank: u32,
    score: f64,
    highlights: Vec<Highlight>,
    chunk: Chunk,
    document: Document,
}

#[derive(Deserialize)]
struct Highlight {
    text: String,
    ranges: Vec<Range>,
}

/// Positions of characters.
#[derive(Deserialize)]
struct Range {
    start: usize,
    end: usize,
}

#[derive(Deserialize)]
struct Chunk {
    content: String,
    page: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    title: Option<String>,
    file_name: String,
    uri: String,
    collection: Collection,
}

#[derive(Deserialize)]
struct Collection {
    name: String,
}

impl Search {
    pub(super) async fn run(self, api: &Api) -> anyhow::Result<()> {
        let mut input = json!({ "query": self.words.join(" "), "mode": self.mode.name() });
        if !self.collection.is_empty() {
            let mut ids = Vec::new();
            for wanted in &self.collection {
                ids.extend(collections::find_some(api, wanted).await?.into_iter().map(|collection| collection.id));
            }
            input["collectionIds"] = ids.into();
        }
        let (hits, last) = find(api, &input, self.limit.into()).await?;
        if self.json {
            let found = json!({ "hits": hits, "isPartial": last.is_partial, "legs": last.legs });
            return Ok(terminal::print_json(&found)?);
        }
        let hits: Vec<Hit> = api.typed(hits.into())?;
        let legs: Vec<Leg> = api.typed(last.legs.into())?;
        for leg in legs.iter().filter(|leg| leg.state == "FAILED") {
            let reason = terminal::line_of(leg.message.as_deref().unwrap_or("no reason was given"));
            api.board.note(&format!("The {} leg failed: {reason}", leg.kind.to_lowercase()));
        }
        if last.is_partial {
            api.board.note("Only the newest collections were searched: name others with --collection.");
        }
        if hits.is_empty() {
            api.board.note("Nothing was found.");
        }
        let emphasis = Emphasis::of_output();
        for (number, hit) in hits.iter().enumerate() {
            if number > 0 {
                terminal::print("")?;
            }
            for line in lines(hit, emphasis) {
                terminal::print(line)?;
            }
        }
        Ok(())
    }
}

/// So many hits, or all that there are, and the last page of them without its hits.
async fn find(api: &Api, input: &Value, limit: usize) -> anyhow::Result<(Vec<Value>, Found)> {
    let (mut hits, mut after) = (Vec::new(), None);
    loop {
        let variables = json!({ "input": input, "first": PAGE.min(limit - hits.len()), "after": after });
        let mut found: Found = api.query(SEARCH, "search", variables).await?;
        hits.append(&mut found.nodes);
        after = found.page_info.next(after.as_deref()).map_err(|error| api.explain(error))?;
        if after.is_none() || hits.len() >= limit {
            return Ok((hits, found));
        }
    }
}

/// How a hit is shown: its title, where it is, and what of it matches.
fn lines(hit: &Hit, emphasis: Emphasis) -> Vec<String> {
    let Hit { rank, score, highlights, chunk, document } = hit;
    let title = terminal::line_of(document.title.as_deref().unwrap_or(&document.file_name));
    let page = chunk.page.map_or_else(String::new, |page| format!(", page {page}"));
    let mut lines = vec![format!("{rank}. {}{title}{}{page}", emphasis.start(), emphasis.end())];
    let (collection, uri) = (terminal::line_of(&document.collection.name), terminal::line_of(&document.uri));
    lines.push(format!("   {collection}: {uri}  ({score:.3})"));
    if highlights.is_empty() {
        let mut characters = chunk.content.trim().chars();
        let excerpt: String = characters.by_ref().take(EXCERPT).collect();
        let rest = if characters.next().is_some() { "…" } else { "" };
        lines.push(format!("   {}{rest}", terminal::line_of(&excerpt)));
    }
    lines.extend(highlights.iter().map(|highlight| format!("   {}", marked(highlight, emphasis))));
    lines
}

/// An excerpt in one line, with its matching words set off.
fn marked(highlight: &Highlight, emphasis: Emphasis) -> String {
    let mut marked = String::new();
    for (position, character) in highlight.text.chars().enumerate() {
        if highlight.ranges.iter().any(|range| range.start == position && range.end > position) {
            marked.push_str(emphasis.start());
        }
        marked.push(terminal::visible(character));
        if highlight.ranges.iter().any(|range| range.end == position + 1) {
            marked.push_str(emphasis.end());
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_words_are_set_off_on_a_terminal_and_left_as_they_are_elsewhere() {
        let highlight =
            json!({ "text": "Über\ntrams\x1b", "ranges": [{ "start": 0, "end": 4 }, { "start": 5, "end": 10 }] });
        let highlight: Highlight = serde_json::from_value(highlight).unwrap();
        let shown = "\x1b[1mÜber\x1b[0m \x1b[1mtrams\x1b[0m\u{FFFD}";
        assert_eq!(marked(&highlight, Emphasis::new(true)), shown);
        assert_eq!(marked(&highlight, Emphasis::new(false)), "Über trams\u{FFFD}");
    }
}
