//! The documentation lists what the code has, its links lead somewhere, and its snippets work.

mod links;
pub mod page;
mod settings;
mod snippets;

use std::{collections::BTreeSet, fs, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of the table below a heading.
fn rows<'d>(document: &'d str, heading: &str) -> Vec<Vec<&'d str>> {
    let (_, section) = document.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '`', '|'])).collect())
        .collect()
}

#[test]
fn every_code_of_an_error_is_documented() {
    let (document, source) = (read("docs/errors.md"), read("src/error.rs"));
    let names: Vec<_> =
        source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \"")).collect();
    let codes: BTreeSet<_> = names.iter().map(|(_, code)| code.trim_end_matches("\",")).collect();
    let documented = rows(&document, "## Codes in `errors`");
    assert_eq!(documented.iter().map(|row| row[0]).collect::<BTreeSet<_>>(), codes);
}

#[test]
fn every_code_of_a_validation_error_is_documented() {
    let document = read("docs/errors.md");
    let schema = parse_schema(docent::graphql::sdl()).unwrap();
    let codes: BTreeSet<String> = schema
        .definitions
        .into_iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) if ty.node.name.node == "UserErrorCode" => match ty.node.kind {
                TypeKind::Enum(kind) => Some(kind.values),
                _ => None,
            },
            _ => None,
        })
        .flatten()
        .map(|value| value.node.value.node.to_string())
        .collect();
    let documented: BTreeSet<_> =
        rows(&document, "## Codes in `userErrors`").iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(documented, codes);
}

#[test]
fn lists_go_forwards_only_as_documented() {
    assert!(read("docs/lists.md").contains("There is no `last` and no `before`."));
    let schema = docent::graphql::sdl();
    let names = schema.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name);
    let backwards: Vec<_> = names.filter(|name| matches!(*name, "last" | "before")).collect();
    assert_eq!(backwards, Vec::<&str>::new());
}
