//! The schema as a file: `schema.graphql` is what clients generate their types from, and it is the documentation.

use std::{collections::BTreeSet, fs, path::PathBuf};

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, ServiceDocument, TypeDefinition, TypeKind, TypeSystemDefinition},
};
use docent::domain::page::{DEFAULT_PAGE_SIZE, DEFAULT_TEXT_PART};

/// Words that descriptions do without, in lower case, each with its reason. They are looked for as whole words.
const AVOIDED_WORDS: &[(&str, &str)] = &[
    ("she", "a caller is «they» or «the caller»"),
    ("he", "a caller is «they» or «the caller»"),
    ("her", "a caller is «they» or «the caller»"),
    ("his", "a caller is «they» or «the caller»"),
    ("whom", "a shorter sentence does without it"),
    ("whoever", "say who: «users with an invitation»"),
    ("thereof", "old; repeat the noun"),
    ("the like", "name what is meant"),
    ("nobody may", "say who may, or «can't be»"),
    ("become of", "the term is «outcome» or «result»"),
    ("became of", "the term is «outcome» or «result»"),
    ("unlike that of", "the term is «unique»"),
    ("good for", "the term is «allows», «valid» or «permission»"),
    ("opens nothing", "the term is «revoked»"),
    ("flow back", "the term is «refill rate»"),
    ("begin behind", "say «after»"),
    ("go on behind", "say «after»"),
    ("to be cut", "the term is «split»"),
    ("the input is refused", "the term is «validation error»"),
    ("does not restrict", "the term is «filter»"),
    ("taken in", "the term is «ingest»"),
    ("to take in", "the term is «ingest»"),
    ("passage", "the term is «chunk»"),
    ("passages", "the term is «chunk»"),
    ("draft", "the term is «content»"),
    ("epoch", "the term is «generation»"),
    ("payer", "the term is «caller» or «viewer»"),
];

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema.graphql")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it says whether to write the file")]
fn the_schema_file_is_the_schema() {
    let schema = docent::graphql::sdl();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(file(), &schema).unwrap();
    }
    let written = fs::read_to_string(file()).unwrap_or_default();
    let difference = schema.lines().zip(written.lines()).position(|(new, old)| new != old);
    assert!(
        schema == written,
        "schema.graphql differs from line {} on. If that is meant, run the test again with UPDATE_SCHEMA=1.",
        difference.unwrap_or_else(|| schema.lines().count().min(written.lines().count())) + 1,
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    let mut silent = Vec::new();
    for definition in types(&document) {
        let name = definition.name.node.as_str();
        let mut expect = |description: Option<&str>, place: &str| {
            if !description.is_some_and(|text| text.trim_end().ends_with(['.', '`'])) {
                silent.push(format!("{name}{place}"));
            }
        };
        expect(definition.description.as_ref().map(|text| text.node.as_str()), "");
        for field in fields(&definition.kind) {
            let place = format!(".{}", field.name.node);
            expect(field.description.as_ref().map(|text| text.node.as_str()), &place);
            for argument in &field.arguments {
                let place = format!("{place}({}:)", argument.node.name.node);
                expect(argument.node.description.as_ref().map(|text| text.node.as_str()), &place);
            }
        }
        for field in input_fields(&definition.kind) {
            expect(field.description.as_ref().map(|text| text.node.as_str()), &format!(".{}", field.name.node));
        }
        if let TypeKind::Enum(kind) = &definition.kind {
            for value in &kind.values {
                let description = value.node.description.as_ref().map(|text| text.node.as_str());
                expect(description, &format!(".{}", value.node.value.node));
            }
        }
    }
    assert!(silent.is_empty(), "no description, or not a sentence: {silent:#?}");
}

#[test]
fn the_schema_is_described_in_plain_words() {
    let found = avoided_words(&docent::graphql::sdl());
    assert!(found.is_empty(), "say it in plain words: {found:#?}");
}

#[test]
fn a_word_to_avoid_is_found_across_lines_and_only_as_a_whole_word() {
    let found = |text: &str| avoided_words(text).len();
    assert_eq!(found("What she may do."), 1);
    assert_eq!(found("The actions that the key is good\n  for."), 1);
    assert_eq!(found("Passage: the other one, published here."), 1);
    assert_eq!(found("The other one, published here."), 0);
}

#[test]
fn every_scalar_says_where_it_is_specified() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    let scalars: Vec<_> = types(&document).filter(|definition| matches!(definition.kind, TypeKind::Scalar)).collect();
    assert_eq!(scalars.len(), 4);
    for scalar in scalars {
        let specified = scalar.directives.iter().any(|directive| directive.node.name.node == "specifiedBy");
        assert!(specified, "{}", scalar.name.node);
    }
}

/// A client that omits a variable for a non-null argument is rejected even if the argument has a default. Fields of inputs
/// have no default in the schema: programs that are made from it would send that value as if they had chosen it.
#[test]
fn what_has_a_default_may_be_null() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    for definition in types(&document) {
        let arguments = fields(&definition.kind).flat_map(|field| &field.arguments).map(|argument| &argument.node);
        for value in arguments.chain(input_fields(&definition.kind)) {
            let description = value.description.as_ref().map_or("", |text| text.node.as_str());
            let place = format!("{}.{}", definition.name.node, value.name.node);
            let has_default = value.default_value.is_some() || description.contains("Default:");
            assert!(value.ty.node.nullable || !has_default, "{place}");
        }
        for value in input_fields(&definition.kind) {
            assert!(value.default_value.is_none(), "{}.{}", definition.name.node, value.name.node);
        }
    }
}

#[test]
fn the_size_of_a_page_that_the_schema_shows_is_the_one_that_is_used() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    for field in types(&document).flat_map(|definition| fields(&definition.kind)) {
        let Some(first) = field.arguments.iter().find(|argument| argument.node.name.node == "first") else { continue };
        let shown = first.node.default_value.as_ref().map(|value| value.node.to_string());
        let used = if field.name.node == "text" { DEFAULT_TEXT_PART } else { DEFAULT_PAGE_SIZE };
        assert_eq!(shown, Some(used.to_string()), "{}", field.name.node);
    }
}

/// A list that is not priced by its pages would be as cheap as one row, however many it has.
#[test]
fn every_list_with_pages_is_priced_by_them() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    let has = |field: &FieldDefinition, name: &str| field.arguments.iter().any(|each| each.node.name.node == name);
    let paged: BTreeSet<&str> = types(&document)
        .flat_map(|definition| fields(&definition.kind))
        // The parts of a text are priced by their characters.
        .filter(|field| has(field, "first") && has(field, "after") && field.name.node != "text")
        .map(|field| field.name.node.as_str())
        .collect();
    assert_eq!(paged, BTreeSet::from(docent::graphql::cost::PAGED));
}

/// The words to avoid that a text has, each with its reason.
fn avoided_words(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = format!(" {} ", words.collect::<Vec<_>>().join(" ").to_lowercase());
    let found = AVOIDED_WORDS.iter().filter(|(avoided, _)| words.contains(&format!(" {avoided} ")));
    found.map(|(avoided, reason)| format!("«{avoided}»: {reason}")).collect()
}

fn types(document: &ServiceDocument) -> impl Iterator<Item = &TypeDefinition> {
    document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(&definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    })
}

fn fields(kind: &TypeKind) -> impl Iterator<Item = &FieldDefinition> {
    let fields = match kind {
        TypeKind::Object(kind) => kind.fields.as_slice(),
        TypeKind::Interface(kind) => kind.fields.as_slice(),
        TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => &[],
    };
    fields.iter().map(|field| &field.node)
}

fn input_fields(kind: &TypeKind) -> impl Iterator<Item = &InputValueDefinition> {
    let fields = match kind {
        TypeKind::InputObject(kind) => kind.fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|field| &field.node)
}
