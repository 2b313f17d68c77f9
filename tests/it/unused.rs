//! Every public item of `src` is used by `src`. The compiler can't tell: all modules are public, for these tests.
//!
//! The sources are read as words, without types. A method is used if a method of that name is called anywhere, a value
//! of an enum if it is named anywhere but in a pattern of the file that declares it. A value that is only converted,
//! from and to rows or the API, is not used: it is a promise without code.

use std::{collections::HashMap, path::Path};

use docent::config::options::options;

use crate::architecture::{Source, files_in};

/// What nothing in `src` uses, and why it is there.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("jobs::count_open", "tests wait until the queue is empty"),
    ("jobs::count_dead", "tests count the jobs that were given up"),
    ("migrate::migrate_up", "tests make databases that hold nothing yet"),
    ("migrate::migrate_down", "tests make databases of earlier versions"),
    ("policy::to_markdown", "a test compares ARCHITECTURE.md with the policy"),
];

/// SeaORM's derive requires an enum of this name beside each entity.
const RELATION: &str = "Relation";

/// The words before the name of an item.
const KEYWORDS: [&str; 7] = ["fn", "struct", "enum", "trait", "type", "const", "static"];

/// Derives with which values of an enum come from outside: a request, a file, the command line.
const MADE_OUTSIDE: [&str; 4] = ["Deserialize", "Enum", "OneofObject", "Subcommand"];

/// A source file, and how others name it.
struct File<'s> {
    name: String,
    folder: String,
    words: Vec<&'s str>,
    /// Where each word is.
    places: HashMap<&'s str, Vec<usize>>,
}

impl<'s> File<'s> {
    fn new(source: &'s Source) -> Self {
        let file = source.path.with_extension("");
        let file: &Path = if file.ends_with("mod") { file.parent().unwrap() } else { &file };
        let last = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = words(&source.code);
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for (place, word) in words.iter().enumerate() {
            places.entry(*word).or_default().push(place);
        }
        Self { name: last(file), folder: last(file.parent().unwrap()), words, places }
    }

    fn word(&self, place: usize) -> &'s str {
        self.words.get(place).copied().unwrap_or_default()
    }

    /// The words before `place`, the last one first.
    fn before(&self, place: usize) -> [&'s str; 2] {
        [1, 2].map(|distance| place.checked_sub(distance).map_or("", |place| self.word(place)))
    }

    /// The place after the group that opens at `place`, or after the one word there.
    fn after(&self, place: usize) -> usize {
        let mut depth = 0;
        for (index, word) in self.words.iter().enumerate().skip(place) {
            match *word {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return index + 1;
            }
        }
        self.words.len()
    }

    fn places_of(&self, name: &str) -> impl Iterator<Item = usize> {
        self.places.get(name).into_iter().flatten().copied()
    }

    /// The public items that are declared here.
    fn items(&self) -> Vec<Item<'s>> {
        let mut items = Vec::new();
        let mut depth = 0;
        for (place, word) in self.words.iter().enumerate() {
            match *word {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                "pub" => self.add_item(place, depth, &mut items),
                _ => {}
            }
        }
        items
    }

    /// Adds the item, if any, that is declared by the `pub` at `place`.
    fn add_item(&self, place: usize, depth: i32, items: &mut Vec<Item<'s>>) {
        let mut place = place + 1;
        if self.word(place) == "(" {
            place = self.after(place);
        }
        while ["async", "const", "unsafe"].contains(&self.word(place)) && !is_name_of_item(self.word(place + 1)) {
            place += 1;
        }
        let (keyword, name) = (self.word(place), self.word(place + 1));
        if !KEYWORDS.contains(&keyword) || name == "$" {
            return;
        }
        let kind = match (keyword, depth) {
            ("fn", 0) => Kind::Function,
            ("fn", _) => Kind::Method,
            _ => Kind::Named,
        };
        items.push(Item { kind, name });
        match keyword {
            "enum" => items.extend(self.values(place)),
            "trait" => {
                let methods = self.body(place).filter(|place| self.word(*place) == "fn");
                items.extend(methods.map(|place| Item { kind: Kind::Method, name: self.word(place + 1) }));
            }
            _ => {}
        }
    }

    /// The places in the body of the item at `place` that are in no group of their own.
    fn body(&self, place: usize) -> impl Iterator<Item = usize> {
        let start = (place..self.words.len()).find(|place| self.word(*place) == "{").unwrap_or(place);
        let end = self.after(start).saturating_sub(1);
        std::iter::successors(Some(start + 1), move |place| Some(self.after(*place)))
            .take_while(move |place| *place < end)
    }

    /// The values of the enum at `place`.
    fn values(&self, place: usize) -> Vec<Item<'s>> {
        let attributes = self.words[..place].iter().rposition(|word| [";", "}"].contains(word)).unwrap_or(0);
        let attributes = &self.words[attributes..place];
        // Each enum with this attribute is the twin of another one, which is checked.
        if attributes.contains(&"remote") {
            return Vec::new();
        }
        let made_outside = attributes.iter().any(|word| MADE_OUTSIDE.contains(word));
        let kind = Kind::Value { of: self.word(place + 1), made_outside };
        let mut values = Vec::new();
        let mut is_first = true;
        for place in self.body(place) {
            let name = self.word(place);
            if name == "," {
                is_first = true;
            } else if is_first && name.starts_with(char::is_uppercase) {
                values.push(Item { kind, name });
                is_first = false;
            }
        }
        values
    }

    fn declares(&self, keyword: &str, name: &str) -> bool {
        self.places_of(name).any(|place| self.before(place)[0] == keyword)
    }

    /// Whether this file names the value of an enum.
    fn names_value(&self, of: &str, value: &str, made_outside: bool) -> bool {
        let is_own = self.declares("enum", of);
        let has_self = is_own || self.declares("for", of);
        let is_alias = |name: &str| self.places_of(name).any(|place| self.before(place) == ["as", of]);
        let is_enum = |name: &str| name == of || (name == "Self" && has_self) || is_alias(name);
        self.places_of(value).any(|place| {
            let [colons, owner] = self.before(place);
            colons == "::" && is_enum(owner) && (made_outside || !is_own || !self.is_pattern(place))
        })
    }

    /// Whether the value at `place` is one that is compared with, in an arm of `match`.
    fn is_pattern(&self, place: usize) -> bool {
        let mut next = place + 1;
        while ["(", "{"].contains(&self.word(next)) {
            next = self.after(next);
        }
        ["=>", "|", "if"].contains(&self.word(next))
    }

    /// Whether this file uses an item that `home` declares.
    fn uses(&self, item: &Item<'_>, home: &File<'_>) -> bool {
        let is_call = |place: usize| {
            let [before, owner] = self.before(place);
            match item.kind {
                _ if KEYWORDS.contains(&before) => false,
                Kind::Function if before == "::" => {
                    [home.name.as_str(), home.folder.as_str(), "super", "self", "crate"].contains(&owner)
                }
                Kind::Function => before != ".",
                Kind::Method => [".", "::"].contains(&before),
                Kind::Named | Kind::Value { .. } => !["impl", "for"].contains(&before),
            }
        };
        match item.kind {
            Kind::Value { of, made_outside } => self.names_value(of, item.name, made_outside),
            _ => self.places_of(item.name).any(is_call),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind<'s> {
    Function,
    Method,
    /// A type, a trait or a constant.
    Named,
    /// A value of an enum.
    Value {
        of: &'s str,
        made_outside: bool,
    },
}

struct Item<'s> {
    kind: Kind<'s>,
    name: &'s str,
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_name_of_item(word: &str) -> bool {
    word.starts_with(is_of_name) && !["async", "extern", "fn", "unsafe"].contains(&word)
}

/// The words of a text: names, `::`, `=>` and single characters. Of a literal, only what it formats.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let literal = length_of_literal(rest);
        let length = match first {
            _ if literal > 0 => literal,
            first if is_of_name(first) => rest.find(|character: char| !is_of_name(character)).unwrap_or(rest.len()),
            _ if rest.starts_with("::") || rest.starts_with("=>") => 2,
            first => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if literal > 0 {
            let formatted =
                word.split('{').skip(1).map(|part| part.split(|character: char| !is_of_name(character)).next());
            words.extend(formatted.flatten().filter(|name| !name.is_empty()));
        } else {
            words.push(word);
        }
        rest = after.trim_start();
    }
    words
}

/// How long the string, character or lifetime is with which the text begins; 0 if it begins with none.
fn length_of_literal(text: &str) -> usize {
    let to_end = |end: &str| text.find(end).map_or(text.len(), |place| place + end.len());
    if text.starts_with("r#\"") {
        return to_end("\"#");
    }
    if text.starts_with('\'') && text.chars().nth(1) != Some('\\') && text.chars().nth(2) != Some('\'') {
        return text[1..].find(|character: char| !is_of_name(character)).map_or(text.len(), |length| length + 1);
    }
    let mut characters = text.char_indices();
    let Some((_, quote @ ('"' | '\''))) = characters.next() else { return 0 };
    while let Some((place, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return place + 1;
        }
    }
    text.len()
}

/// The public items that no file uses.
fn unused(sources: &[Source]) -> Vec<String> {
    let files: Vec<_> = sources.iter().map(File::new).collect();
    let mut unused = Vec::new();
    for home in &files {
        for item in home.items().iter().filter(|item| item.name != RELATION) {
            if !files.iter().any(|file| file.uses(item, home)) {
                let owner: &str = if let Kind::Value { of, .. } = item.kind { of } else { &home.name };
                unused.push(format!("{owner}::{}", item.name));
            }
        }
    }
    unused
}

#[test]
fn every_public_item_is_used() {
    let found = unused(&files_in("src"));
    let unknown: Vec<_> = found.iter().filter(|item| EXCEPTIONS.iter().all(|(known, _)| known != item)).collect();
    assert!(unknown.is_empty(), "nothing in src uses {unknown:?}: use them, or remove them");
    for (known, reason) in EXCEPTIONS {
        assert!(found.iter().any(|item| item == known), "{known} is used, and is no exception any more ({reason})");
    }
}

#[test]
fn every_setting_is_read() {
    let sources = files_in("src");
    let readers: Vec<_> = sources.iter().filter(|source| source.module != "config").map(File::new).collect();
    let is_read =
        |name: &str| readers.iter().any(|file| file.places_of(name).any(|place| file.before(place)[0] == "."));
    let options = options();
    let unread: Vec<_> = options
        .iter()
        .map(|option| option.key.as_str())
        .filter(|key| !is_read(key.rsplit('.').next().unwrap_or(key)))
        .collect();
    assert!(unread.is_empty(), "nothing reads {unread:?}");
}

#[test]
fn what_nothing_uses_is_found() {
    let code = r#"
        pub const NAMED: &str = "a { in a text";
        pub const IDLE: u8 = 1;
        pub fn called() -> Promise<'static> { format!("{NAMED}"); Promise::Kept(Thing.used()) }
        pub async fn forgotten() {}
        pub struct Thing;
        impl Thing {
            pub fn used(&self) {}
            pub(crate) const fn useless(&self) {}
        }
        pub struct Ghost;
        impl Ghost {}
        pub enum Promise { #[doc = "a"] Kept(u8), Broken { by: u8 } }
        fn caller() { match called() { Promise::Kept(_) => {} Promise::Broken { .. } => {} } }
    "#;
    let source = Source { path: "src/sample.rs".into(), module: "sample".into(), code: code.into() };
    let expected = ["sample::IDLE", "sample::forgotten", "sample::useless", "sample::Ghost", "Promise::Broken"];
    assert_eq!(unused(&[source]), expected);
}
