//! The schema as a file: `schema.graphql` is what clients generate their types from, and it is the documentation.

use std::{fs, path::PathBuf};

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, ServiceDocument, TypeDefinition, TypeKind, TypeSystemDefinition},
};

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema.graphql")
}

#[test]
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
fn every_scalar_says_where_it_is_specified() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    let scalars: Vec<_> = types(&document).filter(|definition| matches!(definition.kind, TypeKind::Scalar)).collect();
    assert_eq!(scalars.len(), 4);
    for scalar in scalars {
        let specified = scalar.directives.iter().any(|directive| directive.node.name.node == "specifiedBy");
        assert!(specified, "{}", scalar.name.node);
    }
}

/// A client that leaves a variable out, for an argument that may not be null, is refused even if it has a default.
#[test]
fn what_has_a_default_may_be_null() {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    for definition in types(&document) {
        let arguments = fields(&definition.kind).flat_map(|field| &field.arguments).map(|argument| &argument.node);
        for value in arguments.chain(input_fields(&definition.kind)) {
            let description = value.description.as_ref().map_or("", |text| text.node.as_str());
            let place = format!("{}.{}", definition.name.node, value.name.node);
            assert!(value.default_value.is_none(), "{place}");
            assert!(value.ty.node.nullable || !description.contains("Default:"), "{place}");
        }
    }
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
