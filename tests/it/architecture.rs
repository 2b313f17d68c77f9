//! Which module may use which. The table below is the one in ARCHITECTURE.md; these tests read the sources and check
//! it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A module of the application.
struct Module {
    name: &'static str,
    /// The modules that it uses: these and no others.
    uses: &'static [&'static str],
    /// The vendor crates that only it may name.
    owns: &'static [&'static str],
}

const fn module(name: &'static str, uses: &'static [&'static str], owns: &'static [&'static str]) -> Module {
    Module { name, uses, owns }
}

/// The layers from the ground up, and their modules. A module uses only modules of earlier rows.
const LAYERS: &[(&str, &[Module])] = &[
    (
        "ground",
        &[
            module("domain", &[], &["caseless", "unicode_normalization", "unicode_script"]),
            module("error", &[], &[]),
            module("config", &[], &["figment", "strsim"]),
            module("telemetry", &["config"], &["tracing_subscriber"]),
            module("data_dir", &[], &[]),
            module("disk", &[], &["rustix"]),
            module("lifecycle", &[], &[]),
            module("pinned", &[], &["reqwest"]),
        ],
    ),
    (
        ADAPTERS,
        &[
            module("auth", &["domain", "error"], &["argon2", "jsonwebtoken"]),
            module("db", &["domain", "config"], &["sea_orm", "sea_orm_migration", "sea_query_sqlx", "migration"]),
            module("vector", &["domain", "config", "disk"], &["qdrant_edge", "qdrant_client"]),
            module(
                "embedding",
                &["domain", "config", "pinned"],
                &["docent_kernels", "reqwest", "safetensors", "tokenizers"],
            ),
            module("blob", &["domain", "disk"], &["object_store"]),
            module("source", &["domain"], &["flate2", "globset", "html5gum", "object_store", "reqwest", "rustix"]),
            module(
                "extract",
                &["domain", "config", "pinned"],
                &[
                    "cfb",
                    "chardetng",
                    "compressed_rtf",
                    "csv",
                    "html5gum",
                    "libloading",
                    "mail_parser",
                    "quick_xml",
                    "rlimit",
                    "rustix",
                    "tree_sitter",
                    "tree_sitter_cpp",
                    "tree_sitter_go",
                    "tree_sitter_java",
                    "tree_sitter_python",
                    "tree_sitter_rust",
                    "tree_sitter_typescript",
                    "whatlang",
                    "zip",
                ],
            ),
        ],
    ),
    (
        "built on adapters",
        &[
            module("chunking", &["domain", "embedding", "extract"], &["pulldown_cmark", "unicode_segmentation"]),
            module("queue", &["domain", "db"], &[]),
            module("jobs", &["domain", "db"], &[]),
            module("events", &["domain", "db"], &[]),
            module("ingest", &["domain", "vector", "embedding", "extract", "chunking"], &[]),
        ],
    ),
    (
        "use cases",
        &[module(
            "service",
            &[
                "domain",
                "error",
                "config",
                "disk",
                "auth",
                "db",
                "vector",
                "embedding",
                "blob",
                "source",
                "extract",
                "chunking",
                "events",
                "jobs",
            ],
            &[],
        )],
    ),
    (
        "doors",
        &[
            module(
                "worker",
                &[
                    "domain", "error", "config", "disk", "db", "vector", "blob", "source", "extract", "queue", "jobs",
                    "ingest", "service",
                ],
                &[],
            ),
            module("graphql", &["domain", "error", "config", "auth", "db", "service"], &["async_graphql"]),
            module(
                "http",
                &["domain", "error", "config", "auth", "service", "graphql"],
                &["axum", "flate2", "hyper", "hyper_util", "rlimit", "rust_embed"],
            ),
            module(
                "app",
                &[
                    "domain",
                    "error",
                    "config",
                    "data_dir",
                    "disk",
                    "auth",
                    "db",
                    "vector",
                    "embedding",
                    "blob",
                    "source",
                    "extract",
                    "service",
                    "worker",
                    "graphql",
                    "http",
                ],
                &["axum"],
            ),
            module(
                "cli",
                &[
                    "domain",
                    "error",
                    "config",
                    "telemetry",
                    "data_dir",
                    "lifecycle",
                    "pinned",
                    "auth",
                    "db",
                    "embedding",
                    "source",
                    "extract",
                    "ingest",
                    "service",
                    "graphql",
                    "http",
                    "app",
                ],
                &["clap", "clap_complete", "docent_client", "indicatif", "rpassword", "toml"],
            ),
        ],
    ),
];

/// The layer whose modules don't use each other.
const ADAPTERS: &str = "adapters";

/// More floors than this and nobody sees the whole house any more.
const MAX_FLOORS: usize = 9;

/// Every module, from the ground up.
fn modules() -> impl Iterator<Item = &'static Module> {
    LAYERS.iter().flat_map(|(_, modules)| *modules)
}

/// A source file: its module and its code, without comments and unit tests.
pub struct Source {
    pub path: PathBuf,
    pub module: String,
    pub code: String,
}

/// The source files of the application.
fn sources() -> Vec<Source> {
    sources_in("src")
}

/// The source files in a folder of the project, but for those that only say which modules there are.
fn sources_in(folder: &str) -> Vec<Source> {
    let files = files_in(folder).into_iter();
    files.filter(|source| !["main", "lib"].contains(&source.module.as_str())).collect()
}

/// The source files in a folder of the project.
pub fn files_in(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let module = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
            let text = fs::read_to_string(&path).unwrap();
            Source { module, code: code_of(&text), path }
        })
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
    let without_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
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

/// The modules and what each of them uses.
struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    fn of(sources: &[Source]) -> Self {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in sources {
            uses.entry(source.module.clone()).or_default().extend(used_modules(&source.code));
        }
        let modules: BTreeSet<_> = uses.keys().cloned().collect();
        for (module, used) in &mut uses {
            used.retain(|name| name != module && modules.contains(name));
        }
        Self(uses)
    }

    fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// The height of the drawing in which each module stands above all that it uses. A circle has no height.
    fn floors(&self) -> usize {
        let mut below: BTreeSet<String> = BTreeSet::new();
        let mut floors = 0;
        loop {
            let floor = self.0.iter().filter(|(module, used)| !below.contains(*module) && used.is_subset(&below));
            let floor: Vec<_> = floor.map(|(module, _)| module.clone()).collect();
            if floor.is_empty() {
                return floors;
            }
            below.extend(floor);
            floors += 1;
        }
    }

    /// The modules that `module` uses, and those that these use, and so on.
    fn reachable(&self, module: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![module];
        while let Some(used) = open.pop().and_then(|module| self.0.get(module)) {
            for name in used {
                if reached.insert(name.as_str()) {
                    open.push(name);
                }
            }
        }
        reached
    }

    /// Groups of modules that use each other, directly or through others.
    fn circles(&self) -> BTreeSet<BTreeSet<&str>> {
        let modules = || self.0.keys().map(String::as_str);
        let meet = |one: &str, other: &str| self.reachable(one).contains(other) && self.reachable(other).contains(one);
        modules()
            .filter(|module| meet(module, module))
            .map(|module| modules().filter(|other| meet(module, other)).collect())
            .collect()
    }

    /// Imports of modules that stand above, or beside where that is not allowed.
    fn upwards(&self) -> Vec<String> {
        let place = |name: &str| modules().position(|module| module.name == name);
        let is_adapter = |name: &str| {
            LAYERS.iter().any(|(layer, modules)| *layer == ADAPTERS && modules.iter().any(|module| module.name == name))
        };
        let imports = self.0.iter().flat_map(|(module, used)| used.iter().map(move |used| (module, used)));
        imports
            .filter(|(module, used)| place(used) >= place(module) || (is_adapter(module) && is_adapter(used)))
            .map(|(module, used)| format!("{module} uses {used}"))
            .collect()
    }
}

#[test]
fn every_module_uses_what_the_table_says() {
    let imports = Imports::of(&sources());
    let listed: BTreeSet<_> = modules().map(|module| module.name.to_owned()).collect();
    let found: BTreeSet<_> = imports.0.keys().cloned().collect();
    assert_eq!(listed, found, "the table lists the modules on the left");
    for module in modules() {
        let listed: BTreeSet<_> = module.uses.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(listed, imports.0[module.name], "the table says that {} uses those on the left", module.name);
    }
}

#[test]
fn nothing_imports_upwards_or_in_a_circle() {
    let imports = Imports::of(&sources());
    let (floors, upwards, circles) = (imports.floors(), imports.upwards(), imports.circles());
    println!(
        "src: {} modules, {} imports, {floors} floors, {} imports upwards, {} circles",
        imports.0.len(),
        imports.count(),
        upwards.len(),
        circles.len(),
    );
    assert!(upwards.is_empty(), "{upwards:?}");
    assert!(circles.is_empty(), "{circles:?}");
    assert!(floors <= MAX_FLOORS, "{floors} floors");
}

#[test]
fn the_benchmarks_have_no_circle() {
    let imports = Imports::of(&sources_in("benches/src"));
    let (floors, circles) = (imports.floors(), imports.circles());
    println!(
        "benches: {} modules, {} imports, {floors} floors, {} circles",
        imports.0.len(),
        imports.count(),
        circles.len()
    );
    assert!(circles.is_empty(), "{circles:?}");
}

#[test]
fn faults_of_adapters_become_public_errors_in_one_place() {
    for source in sources().iter().filter(|source| !source.path.ends_with("service/fault.rs")) {
        assert!(!source.code.contains("> for Error {"), "{} makes public errors", source.path.display());
    }
}

#[test]
fn vendor_crates_are_named_only_by_their_owners() {
    let vendors: BTreeSet<_> = modules().flat_map(|module| module.owns).collect();
    let mut violations = Vec::new();
    for source in sources() {
        let owner = modules().find(|module| module.name == source.module);
        for vendor in &vendors {
            let owns = owner.is_some_and(|module| module.owns.contains(vendor));
            if !owns && names_crate(&source.code, vendor) {
                violations.push(format!("{} names {vendor}", source.path.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn rows_are_known_only_to_the_database_layer() {
    for source in sources().iter().filter(|source| source.module != "db") {
        assert!(!source.code.contains("entity::"), "{} names an entity", source.path.display());
    }
}

#[test]
fn only_workers_and_commands_read_with_the_scope_of_the_system() {
    // Beside those who build it: the definition, what the policy says of it, and what repositories do with it.
    let may = ["worker", "cli", "domain", "db"];
    for source in sources().iter().filter(|source| !may.contains(&source.module.as_str())) {
        let lines: Vec<_> = source.code.lines().filter(|line| line.contains("Scope::System")).collect();
        assert!(lines.is_empty(), "{}: {lines:?}", source.path.display());
    }
}

#[test]
fn only_who_has_to_find_out_who_asks_reads_without_a_scope() {
    let may = [
        "db/credentials.rs",
        "service/accounts.rs",
        "service/callers.rs",
        "service/password_resets.rs",
        "service/sample.rs",
        "service/sessions.rs",
    ];
    for source in sources().iter().filter(|source| source.code.contains(".credentials()")) {
        assert!(may.iter().any(|known| source.path.ends_with(known)), "{} has no scope", source.path.display());
    }
    // Nobody reads for nobody in particular because some scope has to be named.
    let may = ["domain", "auth", "db"];
    for source in sources().iter().filter(|source| source.code.contains("Scope::Anonymous")) {
        assert!(may.contains(&source.module.as_str()), "{} reads for nobody", source.path.display());
    }
}

#[test]
fn only_the_policy_says_which_role_may_do_what() {
    // Roles are distinguished where they are defined, stored, shown and transferred. No other place checks a role.
    let may = [
        "domain/collection.rs",
        "domain/policy.rs",
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
    let table = docent::domain::policy::to_markdown();
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

/// The document's chapter of that name.
fn chapter(title: &str) -> String {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let (_, chapter) = document.split_once(&format!("\n## {title}\n")).unwrap();
    chapter.split("\n## ").next().unwrap_or_default().to_owned()
}

#[test]
fn the_architecture_document_has_the_same_table() {
    let names = |names: &[&str]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
    let expected: Vec<_> = LAYERS
        .iter()
        .flat_map(|(layer, modules)| modules.iter().map(move |module| (layer, module)))
        .map(|(layer, module)| {
            [format!("`{}`", module.name), (*layer).to_owned(), names(module.uses), names(module.owns)]
        })
        .collect();
    let layers = chapter("Layers");
    let rows = layers.lines().filter(|line| line.starts_with("| `"));
    let documented: Vec<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            [cells[0], cells[1], cells[3], cells[4]].map(str::to_owned)
        })
        .collect();
    for (expected, documented) in expected.iter().zip(&documented) {
        assert_eq!(expected, documented, "the row on the left is missing in ARCHITECTURE.md");
    }
    assert_eq!(expected.len(), documented.len());
}
