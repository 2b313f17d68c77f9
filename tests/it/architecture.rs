//! Who may use whom. The table below is the one in ARCHITECTURE.md; these tests read the sources and hold it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A layer, the layers that it may use, and the vendor crates that only it may name.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    ("domain", &[], &["caseless", "unicode_normalization", "unicode_script"]),
    ("config", &["domain"], &["figment", "strsim"]),
    ("disk", &[], &["rustix"]),
    ("error", &["domain", "config", "blob", "db", "embedding", "vector"], &[]),
    ("auth", &["domain", "config", "error"], &["argon2", "jsonwebtoken"]),
    ("db", &["domain", "config", "error", "auth"], &["sea_orm", "sea_orm_migration", "migration"]),
    ("vector", &["domain", "config", "disk"], &["qdrant_edge", "qdrant_client"]),
    ("embedding", &["domain", "config"], &["candle_core", "tokenizers", "reqwest"]),
    ("blob", &["domain", "config", "disk"], &["object_store"]),
    ("extract", &["domain", "config"], &["xberg", "rlimit"]),
    ("chunking", &["domain", "config", "embedding", "extract"], &["pulldown_cmark", "unicode_segmentation"]),
    ("queue", &["domain", "db"], &[]),
    ("events", &["domain", "db"], &[]),
    ("ingest", &["domain", "db", "embedding", "extract", "chunking", "vector"], &[]),
    (
        "service",
        &[
            "domain",
            "config",
            "error",
            "auth",
            "db",
            "vector",
            "embedding",
            "blob",
            "disk",
            "extract",
            "events",
            "queue",
            "ingest",
        ],
        &[],
    ),
    (
        "worker",
        &[
            "domain",
            "config",
            "error",
            "auth",
            "db",
            "vector",
            "embedding",
            "blob",
            "disk",
            "extract",
            "events",
            "queue",
            "ingest",
            "service",
        ],
        &[],
    ),
    (
        "graphql",
        &["domain", "config", "error", "auth", "service", "events", "db", "vector", "embedding"],
        &["async_graphql"],
    ),
    (
        "http",
        &["domain", "config", "error", "auth", "service", "graphql"],
        &["axum", "flate2", "hyper", "hyper_util", "rlimit", "rust_embed"],
    ),
    ("lifecycle", &[], &[]),
    ("telemetry", &["config"], &["tracing_subscriber"]),
    (
        "app",
        &[
            "domain",
            "config",
            "error",
            "auth",
            "db",
            "vector",
            "embedding",
            "blob",
            "disk",
            "extract",
            "events",
            "queue",
            "service",
            "worker",
            "graphql",
            "http",
            "lifecycle",
        ],
        &["axum"],
    ),
    (
        "cli",
        &[
            "domain",
            "config",
            "error",
            "auth",
            "db",
            "vector",
            "embedding",
            "blob",
            "disk",
            "extract",
            "chunking",
            "ingest",
            "service",
            "worker",
            "graphql",
            "http",
            "lifecycle",
            "telemetry",
            "app",
        ],
        &["clap", "indicatif", "rpassword"],
    ),
];

/// A source file of the application: its layer and its code, without comments and unit tests.
struct Source {
    path: PathBuf,
    layer: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let layer = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
            let text = fs::read_to_string(&path).unwrap();
            Source { layer, code: code_of(&text), path }
        })
        .filter(|source| !["main", "lib"].contains(&source.layer.as_str()))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

fn code_of(text: &str) -> String {
    let without_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    without_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that the code names: `crate::x` and the names in `use crate::{x, y::z}`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for piece in code.split("crate::").skip(1) {
        match piece.strip_prefix('{') {
            None => {
                used.insert(leading_word(piece));
            }
            Some(group) => {
                let mut depth = 0;
                let mut at_start = true;
                for (index, character) in group.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        character if at_start && !character.is_whitespace() => {
                            used.insert(leading_word(&group[index..]));
                            at_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used
}

fn leading_word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::")).any(|(place, _)| {
        let before = code[..place].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_' || character == ':')
    }) || code.contains(&format!("use {name};"))
}

#[test]
fn every_layer_uses_only_the_layers_below_it() {
    let modules: BTreeSet<_> = LAYERS.iter().map(|(name, ..)| *name).collect();
    let mut violations = Vec::new();
    for source in sources() {
        let Some((_, allowed, _)) = LAYERS.iter().find(|(name, ..)| *name == source.layer) else {
            violations.push(format!("{} is in no layer", source.path.display()));
            continue;
        };
        for used in used_modules(&source.code) {
            if used != source.layer && modules.contains(used.as_str()) && !allowed.contains(&used.as_str()) {
                violations.push(format!("{} uses {used}", source.path.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn vendor_crates_are_named_only_by_their_owners() {
    let mut violations = Vec::new();
    for source in sources() {
        for (_, _, vendors) in LAYERS {
            for vendor in *vendors {
                let owns = LAYERS.iter().any(|(name, _, own)| *name == source.layer && own.contains(vendor));
                if !owns && names_crate(&source.code, vendor) {
                    violations.push(format!("{} names {vendor}", source.path.display()));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn rows_are_known_only_to_the_database_layer() {
    for source in sources().iter().filter(|source| source.layer != "db") {
        assert!(!source.code.contains("entity::"), "{} names an entity", source.path.display());
    }
}

#[test]
fn only_workers_and_commands_read_with_the_scope_of_the_system() {
    // Beside those who build it: the definition, what the policy says of it, and what repositories do with it.
    let may = ["worker", "cli", "domain", "auth", "db"];
    for source in sources().iter().filter(|source| !may.contains(&source.layer.as_str())) {
        let lines: Vec<_> = source.code.lines().filter(|line| line.contains("Scope::System")).collect();
        assert!(lines.is_empty(), "{}: {lines:?}", source.path.display());
    }
}

#[test]
fn only_the_policy_says_which_role_may_do_what() {
    // Roles are told apart where they are defined, stored, shown and handed over; nowhere is one of them asked for.
    let may = [
        "domain/collection.rs",
        "auth/policy.rs",
        "db/entity/",
        "db/repo/users.rs",
        "graphql/types/",
        "service/members.rs",
    ];
    for source in sources() {
        let path = source.path.display().to_string();
        let names_role = ["CollectionRole::Owner", "CollectionRole::Editor", "CollectionRole::Viewer"]
            .iter()
            .any(|role| source.code.contains(role));
        // A new collection has an owner.
        let is_known = may.iter().any(|known| path.contains(known)) || path.ends_with("service/collections.rs");
        assert!(is_known || !names_role, "{path} asks for a role itself");
    }
}

#[test]
fn the_architecture_document_prints_the_policy() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let table = docent::auth::policy::to_markdown();
    assert!(document.contains(&table), "put this into ARCHITECTURE.md, under «Who may do what»:\n{table}");
}

#[test]
fn every_file_says_what_it_is_and_is_short_enough_to_read() {
    for source in sources() {
        let text = fs::read_to_string(&source.path).unwrap();
        assert!(text.starts_with("//!"), "{} does not say what it is", source.path.display());
        assert!(text.lines().count() <= 600, "{} holds a second idea", source.path.display());
    }
}

#[test]
fn the_architecture_document_has_the_same_table() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    for (name, _, vendors) in LAYERS {
        let row = document.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for `{name}`"));
        for vendor in *vendors {
            let spelled = vendor.replace('_', "-");
            assert!(row.contains(vendor) || row.contains(&spelled), "the row of `{name}` does not name {vendor}");
        }
    }
}
