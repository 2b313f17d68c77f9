//! The surface of the server: the fields of the schema, and the paths in its sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};

/// A field that returns an object: its parent type, its name, and the type that it returns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lead {
    pub parent: String,
    pub field: String,
    pub to: String,
    pub is_nullable: bool,
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

fn objects() -> Vec<(String, Vec<FieldDefinition>)> {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    let fields = |kind: &TypeKind| match kind {
        TypeKind::Object(kind) => Some(kind.fields.iter().map(|field| field.node.clone()).collect()),
        TypeKind::Interface(kind) => Some(kind.fields.iter().map(|field| field.node.clone()).collect()),
        _ => None,
    };
    let types = document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(&definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.filter_map(|definition| Some((definition.name.node.to_string(), fields(&definition.kind)?))).collect()
}

/// Every field of the three roots, whatever it gives.
pub fn roots() -> BTreeSet<String> {
    let is_root = |name: &str| matches!(name, "Query" | "Mutation" | "Subscription");
    let objects = objects().into_iter().filter(|(name, _)| is_root(name));
    objects
        .flat_map(|(name, fields)| fields.into_iter().map(move |field| format!("{name}.{}", field.name.node)))
        .collect()
}

/// Every field of other types that gives an object, an interface, or a list of them.
pub fn leads() -> BTreeSet<Lead> {
    let objects = objects();
    let names: BTreeSet<_> = objects.iter().map(|(name, _)| name.clone()).collect();
    let mut leads = BTreeSet::new();
    for (parent, fields) in objects {
        if matches!(parent.as_str(), "Query" | "Mutation" | "Subscription") {
            continue;
        }
        for field in fields {
            let to = base(&field.ty.node).to_owned();
            if names.contains(&to) {
                let (field, is_nullable) = (field.name.node.to_string(), field.ty.node.nullable);
                leads.insert(Lead { parent: parent.clone(), field, to, is_nullable });
            }
        }
    }
    leads
}

/// What each mutation returns, as a selection: of an object its id, or its values if it has none.
static PAYLOADS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let objects: BTreeMap<_, _> = objects().into_iter().collect();
    let below = |field: &FieldDefinition| objects.get(base(&field.ty.node));
    let names = |fields: &[FieldDefinition]| {
        let values = fields.iter().filter(|field| below(field).is_none());
        let names: Vec<_> = values.map(|field| field.name.node.to_string()).collect();
        if names.iter().any(|name| name == "id") { "id".to_owned() } else { names.join(" ") }
    };
    let select = |field: &FieldDefinition| match below(field) {
        Some(fields) => format!("{} {{ {} }}", field.name.node, names(fields)),
        None => field.name.node.to_string(),
    };
    let payload =
        |mutation: &FieldDefinition| below(mutation).into_iter().flatten().map(select).collect::<Vec<_>>().join(" ");
    objects["Mutation"].iter().map(|mutation| (mutation.name.node.to_string(), payload(mutation))).collect()
});

/// The selection of everything that a mutation returns.
pub fn payload(mutation: &str) -> &'static str {
    PAYLOADS.get(mutation).unwrap_or_else(|| panic!("there is no mutation {mutation}"))
}

/// The actions that the API knows.
pub fn actions() -> BTreeSet<String> {
    let document = parse_schema(docent::graphql::sdl()).unwrap();
    let values = document.definitions.iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) if definition.node.name.node == "Action" => {
            match &definition.node.kind {
                TypeKind::Enum(kind) => {
                    Some(kind.values.iter().map(|value| value.node.value.node.to_string()).collect())
                }
                _ => None,
            }
        }
        _ => None,
    });
    values.expect("the enum Action")
}

/// Every path in the sources that has a handler.
pub fn paths() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = BTreeSet::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(path).unwrap();
                assert!(!source.contains(".nest(") && !source.contains("_service("), "a path that is not read here");
                let routes = source.split(".route(").skip(1);
                paths.extend(routes.map(|rest| rest.split('"').nth(1).unwrap().to_owned()));
            }
        }
    }
    paths
}
