//! Source code: a block of code in the language of its file name.

/// The names of languages by the extensions of their files.
const LANGUAGES: [(&str, &[&str]); 35] = [
    ("bash", &["sh", "bash", "zsh"]),
    ("c", &["c", "h"]),
    ("clojure", &["clj", "cljs"]),
    ("cpp", &["cc", "cpp", "cxx", "hh", "hpp"]),
    ("csharp", &["cs"]),
    ("css", &["css", "scss", "less"]),
    ("dart", &["dart"]),
    ("elixir", &["ex", "exs"]),
    ("erlang", &["erl"]),
    ("fsharp", &["fs"]),
    ("go", &["go"]),
    ("graphql", &["graphql", "gql"]),
    ("haskell", &["hs"]),
    ("java", &["java"]),
    ("javascript", &["js", "mjs", "cjs", "jsx"]),
    ("julia", &["jl"]),
    ("kotlin", &["kt", "kts"]),
    ("lua", &["lua"]),
    ("ocaml", &["ml", "mli"]),
    ("pascal", &["pas"]),
    ("perl", &["pl", "pm"]),
    ("php", &["php"]),
    ("powershell", &["ps1"]),
    ("protobuf", &["proto"]),
    ("python", &["py", "pyi"]),
    ("r", &["r"]),
    ("ruby", &["rb"]),
    ("rust", &["rs"]),
    ("scala", &["scala"]),
    ("sql", &["sql"]),
    ("swift", &["swift"]),
    ("tsx", &["tsx"]),
    ("typescript", &["ts"]),
    ("vb", &["vb"]),
    ("zig", &["zig"]),
];

/// The extensions of all languages.
pub(super) fn extensions() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().flat_map(|(_, extensions)| extensions.iter().copied())
}

/// The language of a file with this extension, in lower case.
pub(super) fn language(extension: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|(_, extensions)| extensions.contains(&extension)).map(|(language, _)| *language)
}
