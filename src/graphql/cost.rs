//! Prices an operation from its document, before execution: one point per field with a selection set, times the page
//! sizes above it, plus surcharges for work that costs more than reading rows.
//!
//! Pages are counted as full, so the price is an upper bound.

use std::{collections::HashMap, convert::Infallible};

use async_graphql::{
    Name, Value,
    parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet},
};
use serde_json::{Map, Value as Json};

use crate::domain::page::{DEFAULT_PAGE_SIZE, DEFAULT_TEXT_PART, MAX_PAGE_SIZE, MAX_TEXT_PART};

/// Fields whose rows come in pages.
pub const PAGED: [&str; 14] = [
    "apiKeys",
    "auditLog",
    "chunks",
    "collections",
    "documents",
    "events",
    "invitations",
    "members",
    "operations",
    "runs",
    "search",
    "sessions",
    "sources",
    "users",
];
/// A search calls the engine and embeds the question.
const SEARCH: u64 = 20;
/// Characters of a text that cost a point.
const TEXT_POINT: u64 = 1000;
/// A part that begins at a character makes the server read the text up to there.
const TEXT_FROM: u64 = 100;
/// The text of a parent is read from its file.
const PARENT: u64 = 5;
/// A preview reads a file and splits its text.
const PREVIEW: u64 = 50;
/// A preview of a source lists a directory, or requests pages of a site.
const SOURCE_PREVIEW: u64 = 200;
/// Objects of the schema that cost a point: they are in memory. The standard introspection query costs some 150 points.
const SCHEMA_OBJECTS: u64 = 500;
/// Fields of introspection that lead to several objects, and to how many about.
const SCHEMA_ROWS: [(&str, u64); 7] = [
    ("args", 2),
    ("directives", 5),
    ("enumValues", 2),
    ("fields", 8),
    ("inputFields", 2),
    ("possibleTypes", 2),
    ("types", 250),
];
/// A mutation writes and waits for the disk.
const MUTATION: u64 = 10;
/// A subscription reads events again and again.
const SUBSCRIPTION: u64 = 20;
/// What a document costs that is ingested: it is stored, and waits for a worker. As many as one call may have at the most have to
/// be within `limits.request_points` of the defaults.
const DOCUMENT: u64 = 4;
/// Mutations that compute the hash of a password.
const HASHING: [&str; 4] = ["passwordChange", "passwordReset", "sessionCreate", "userRegister"];
const HASH: u64 = 100;

/// The price of an operation, in points.
pub fn price(document: &ExecutableDocument, operation: &OperationDefinition, variables: &Map<String, Json>) -> u32 {
    let mut prices = Prices { document, operation, variables, is_introspection: false, known: HashMap::new() };
    let below = prices.selections(&operation.selection_set.node);
    let roots = prices.roots(&operation.selection_set.node);
    let own = match operation.ty {
        OperationType::Query => 1,
        OperationType::Mutation => roots.saturating_mul(MUTATION),
        OperationType::Subscription => SUBSCRIPTION,
    };
    u32::try_from(below.saturating_add(own)).unwrap_or(u32::MAX)
}

struct Prices<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Map<String, Json>,
    /// Whether what is priced is below `__schema` or `__type`.
    is_introspection: bool,
    /// Fragments, outside and inside introspection.
    known: HashMap<(&'a Name, bool), u64>,
}

impl<'a> Prices<'a> {
    /// Cycles of fragments are already rejected.
    fn selections(&mut self, set: &'a SelectionSet) -> u64 {
        set.items.iter().fold(0, |total: u64, selection| {
            total.saturating_add(match &selection.node {
                Selection::Field(field) => self.field(&field.node),
                Selection::InlineFragment(inline) => self.selections(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            })
        })
    }

    fn fragment(&mut self, name: &'a Name) -> u64 {
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        let key = (name, self.is_introspection);
        if let Some(price) = self.known.get(&key) {
            return *price;
        }
        let price = self.selections(&fragment.node.selection_set.node);
        self.known.insert(key, price);
        price
    }

    fn field(&mut self, field: &'a Field) -> u64 {
        let name = field.name.node.as_str();
        if name == "__schema" || name == "__type" {
            return self.introspection(field);
        }
        let own = if HASHING.contains(&name) {
            HASH
        } else if name == "search" {
            SEARCH
        } else if name == "text" && !field.selection_set.node.items.is_empty() {
            self.text(field)
        } else if name == "parent" {
            PARENT
        } else if name == "chunkingPreview" {
            PREVIEW
        } else if name == "sourcePreview" {
            SOURCE_PREVIEW
        } else if name == "documentsIngest" {
            DOCUMENT.saturating_mul(self.length(field, "documents"))
        } else if name == "uploadsCreate" {
            self.length(field, "files")
        } else if name == "generationCompare" {
            SEARCH.saturating_mul(2).saturating_mul(self.length(field, "queries"))
        } else {
            u64::from(!field.selection_set.node.items.is_empty())
        };
        let below = self.selections(&field.selection_set.node);
        own.saturating_add(below.saturating_mul(self.rows(field)))
    }

    /// The schema about itself: objects without rows, of which there are many.
    fn introspection(&mut self, field: &'a Field) -> u64 {
        let outside = std::mem::replace(&mut self.is_introspection, true);
        let objects = self.selections(&field.selection_set.node);
        self.is_introspection = outside;
        1 + objects / SCHEMA_OBJECTS
    }

    /// A part of a text is read from its file and sent, whatever is selected of it.
    fn text(&self, field: &Field) -> u64 {
        let number = |name| self.argument(field, name).as_ref().and_then(Json::as_u64);
        let characters = number("first").unwrap_or(u64::from(DEFAULT_TEXT_PART)).clamp(1, u64::from(MAX_TEXT_PART));
        let way = if number("from").unwrap_or(0) > 0 { TEXT_FROM } else { 0 };
        characters.div_ceil(TEXT_POINT) + way
    }

    /// How long a list in the input is.
    fn length(&self, field: &Field, list: &str) -> u64 {
        let list = self.argument(field, "input").and_then(|mut input| input.get_mut(list).map(Json::take));
        list.and_then(|list| list.as_array().map(Vec::len)).map_or(1, |length| length as u64).max(1)
    }

    /// How many rows a field has at most.
    fn rows(&self, field: &Field) -> u64 {
        let name = field.name.node.as_str();
        if self.is_introspection {
            return SCHEMA_ROWS.iter().find(|(several, _)| *several == name).map_or(1, |(_, rows)| *rows);
        }
        if name == "generationCompare" {
            // Each question has so many hits in each of the two.
            let hits = self.argument(field, "input").and_then(|input| input.get("first")?.as_u64());
            return self.length(field, "queries").saturating_mul(page_size(hits));
        }
        if name == "nodes" {
            // `nodes(ids:)` of the query; a connection's `nodes` has no arguments, and its rows are counted already.
            let ids = self.argument(field, "ids");
            return ids.and_then(|ids| ids.as_array().map(Vec::len)).map_or(1, |length| length as u64).max(1);
        }
        if !PAGED.contains(&name) {
            return 1;
        }
        page_size(self.argument(field, "first").as_ref().and_then(Json::as_u64))
    }

    /// The value of an argument, with the values of the variables.
    fn argument(&self, field: &Field, name: &str) -> Option<Json> {
        let value = field.get_argument(name)?.node.clone();
        let value = value.into_const_with(|name| Ok::<_, Infallible>(self.variable(&name)));
        value.unwrap_or_else(|never| match never {}).into_json().ok()
    }

    fn variable(&self, name: &Name) -> Value {
        if let Some(value) = self.variables.get(name.as_str()) {
            return Value::from_json(value.clone()).unwrap_or_default();
        }
        let definitions = self.operation.variable_definitions.iter();
        let definition = definitions.map(|each| &each.node).find(|each| each.name.node == *name);
        definition.and_then(|each| each.default_value.as_ref()).map_or(Value::Null, |value| value.node.clone())
    }

    /// The fields at the root.
    fn roots(&self, set: &SelectionSet) -> u64 {
        set.items.iter().fold(0, |total: u64, selection| {
            total.saturating_add(match &selection.node {
                Selection::Field(_) => 1,
                Selection::InlineFragment(inline) => self.roots(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    fragment.map_or(0, |fragment| self.roots(&fragment.node.selection_set.node))
                }
            })
        })
    }
}

/// How many rows a page has at most.
fn page_size(first: Option<u64>) -> u64 {
    first.unwrap_or(u64::from(DEFAULT_PAGE_SIZE)).clamp(1, u64::from(MAX_PAGE_SIZE))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn price_of(source: &str, variables: Json) -> u32 {
        let document = parse_query(source).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let Json::Object(variables) = variables else { panic!("an object") };
        price(&document, &operation.node, &variables)
    }

    #[test]
    fn a_field_that_leads_further_costs_a_point_for_each_row_that_it_is_in() {
        assert_eq!(price_of("{ server { version } }", json!({})), 2);
        assert_eq!(price_of("{ collections(first: 5) { nodes { name owner { username } } } }", json!({})), 12);
        assert_eq!(price_of("{ collections { nodes { name } } }", json!({})), 22);
    }

    #[test]
    fn pages_inside_pages_multiply() {
        let query =
            "query($n: Int = 3) { collections(first: 10) { nodes { documents(first: $n) { nodes { uri } } } } }";
        assert_eq!(price_of(query, json!({})), 1 + 1 + 10 * (1 + 1 + 3));
        assert_eq!(price_of(query, json!({ "n": 100 })), 1 + 1 + 10 * (1 + 1 + 100));
        assert_eq!(price_of(query, json!({ "n": 100_000 })), 1 + 1 + 10 * (1 + 1 + 100));
    }

    #[test]
    fn fragments_cost_what_their_fields_cost_wherever_they_are_spread() {
        let query = "{ a: collections(first: 2) { ...P } b: collections(first: 3) { ...P } }
            fragment P on CollectionConnection { nodes { owner { username } } }";
        assert_eq!(price_of(query, json!({})), 1 + (1 + 2 * 2) + (1 + 3 * 2));
    }

    #[test]
    fn a_search_costs_more_than_a_list_and_its_hits_count() {
        let query =
            "query($first: Int) { search(input: { query: \"x\" }, first: $first) { nodes { document { uri } } } }";
        assert_eq!(price_of(query, json!({ "first": 5 })), 1 + 20 + 5 * 2);
        assert_eq!(price_of("{ search(input: { query: \"x\" }, first: 5) { nodes { score } } }", json!({})), 26);
    }

    #[test]
    fn mutations_pay_for_the_disk_and_for_the_hash() {
        assert_eq!(price_of("mutation { operationCancel(input: {}) { operation { id } } }", json!({})), 12);
        assert_eq!(price_of("mutation { sessionCreate(input: {}) { accessToken } }", json!({})), 110);
    }

    #[test]
    fn documents_and_uploads_cost_as_many_points_as_there_are() {
        let ingest = "mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } } }";
        let documents = |count| json!({ "input": { "documents": vec![json!({}); count] } });
        assert_eq!(price_of(ingest, documents(1)), 10 + 4 + 1);
        assert_eq!(price_of(ingest, documents(10_000)), 10 + 40_000 + 1);
        let create = "mutation { uploadsCreate(input: { files: [{}, {}, {}] }) { uploads { id } } }";
        assert_eq!(price_of(create, json!({})), 10 + 3 + 1);
    }

    #[test]
    fn a_text_costs_what_is_asked_of_it_and_the_way_to_it() {
        let query = "query($n: Int, $from: Int) { document(id: \"x\") { text(first: $n, from: $from) { content } } }";
        for (variables, text) in [
            (json!({}), 10),
            (json!({ "n": 1 }), 1),
            (json!({ "n": 1001 }), 2),
            (json!({ "n": 100_000, "from": 0 }), 100),
            (json!({ "n": 1_000_000_000 }), 100),
            (json!({ "n": 1, "from": 1 }), 101),
        ] {
            assert_eq!(price_of(query, variables.clone()), 1 + 1 + text, "{variables}");
        }
        let many = "{ collections(first: 10) { nodes { documents(first: 20) { nodes { text { length } } } } } }";
        assert_eq!(price_of(many, json!({})), 1 + 1 + 10 * (1 + 1 + 20 * (1 + 10)));
        // The text of a chunk is no page.
        assert_eq!(price_of("{ a { text } }", json!({})), 2);
    }

    #[test]
    fn named_nodes_are_counted() {
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Document { collection { name } } } }";
        assert_eq!(price_of(query, json!({ "ids": ["a", "b", "c"] })), 1 + 1 + 3);
    }

    #[test]
    fn introspection_costs_about_as_much_as_reading_rows_that_take_as_long() {
        assert_eq!(price_of("{ __typename }", json!({})), 1);
        assert_eq!(price_of("{ __type(name: \"X\") { name } }", json!({})), 2);
        let of_type = format!("{}name{}", "ofType { ".repeat(9), " }".repeat(9));
        let standard = format!(
            "{{ __schema {{ types {{ ...T }} directives {{ args {{ ...V }} }} }} }}
             fragment T on __Type {{
                 fields {{ args {{ ...V }} type {{ ...R }} }} inputFields {{ ...V }} interfaces {{ ...R }}
                 enumValues {{ name }} possibleTypes {{ ...R }}
             }}
             fragment V on __InputValue {{ type {{ ...R }} }}
             fragment R on __Type {{ {of_type} }}"
        );
        let price = price_of(&standard, json!({}));
        assert!((100..300).contains(&price), "{price}");
        // Lists below lists below lists, and each of them several times.
        let fields =
            (0..25).map(|number| format!("a{number}: fields {{ type {{ name }} }} ")).collect::<Vec<_>>().concat();
        let nested = format!("{{ __schema {{ types {{ fields {{ type {{ {fields} }} }} }} }} }}");
        assert!(price_of(&nested, json!({})) > 5 * price, "{}", price_of(&nested, json!({})));
        // A fragment costs inside introspection what it costs there, wherever it was spread before.
        let shared = "{ ...F __schema { types { ...F } } } fragment F on __Type { fields { type { kind } } }";
        assert_eq!(price_of(shared, json!({})), 1 + (1 + 1) + (1 + 250 * (1 + 8) / 500));
    }

    #[test]
    fn each_question_of_a_comparison_has_a_page_of_hits_in_each_of_two_generations() {
        let query = "query($input: GenerationCompareInput!) {
            generationCompare(input: $input) { queries { hits { document { uri } } otherHits { rank } } }
        }";
        let input = |queries: usize, first: Json| json!({ "input": { "queries": vec!["x"; queries], "first": first } });
        let below = 1 + (1 + 1) + 1;
        assert_eq!(price_of(query, input(1, json!(null))), 1 + 2 * 20 + 20 * below);
        assert_eq!(price_of(query, input(20, json!(100))), 1 + 20 * 2 * 20 + 20 * 100 * below);
    }

    #[test]
    fn lists_of_sources_are_pages_and_a_preview_of_one_is_no_read() {
        let query = "{ collection(id: \"x\") { sources(first: 50) { nodes { runs(first: 10) { nodes { operation { id } } } } } } }";
        assert_eq!(price_of(query, json!({})), 1 + 1 + 1 + 50 * (1 + 1 + 10 * (1 + 1)));
        assert_eq!(price_of("{ sourcePreview(input: { sourceId: \"x\" }) { uri } }", json!({})), 201);
    }
}
