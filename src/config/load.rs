//! Reads [`Config`] from its sources: defaults, then a file, then the environment. The environment is passed in; nothing
//! here looks it up.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::{Actual, Kind as FigmentKind},
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::{
    Config,
    options::{ENVIRONMENT_PREFIX, Kind, Setting, environment_name, is_secret},
    validate::Refusal,
};

/// The file that is read from the working directory when none is named.
const DEFAULT_FILE: &str = "docent.toml";

/// Older names; `DOCENT__SECTION__KEY` wins over them.
const OLDER_NAMES: [(&str, &str); 8] = [
    ("DATABASE_URL", "database.url"),
    ("DB_POOL_SIZE", "database.pool_size"),
    ("DB_MAX_OVERFLOW", "database.max_overflow"),
    ("DB_POOL_TIMEOUT", "database.pool_timeout_seconds"),
    ("DB_POOL_RECYCLE", "database.pool_recycle_seconds"),
    ("DB_POOL_PRE_PING", "database.pool_pre_ping"),
    ("QDRANT_URL", "vector.url"),
    ("QDRANT_API_KEY", "vector.api_key"),
];

/// All settings by key.
type Known = BTreeMap<String, Setting>;

/// Settings, and where they were read.
#[derive(Clone, PartialEq, Debug)]
pub struct Loaded {
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// The names of the environment variables that were read, in order.
    pub variables: Vec<String>,
}

/// Why the settings could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no settings file {}", path.display())]
    Missing { path: PathBuf },
    #[error("the settings file {} can't be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the settings file {} is not TOML: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    /// Each problem names the setting and where it was read.
    #[error("{}", problems.join("\n"))]
    Invalid { problems: Vec<String> },
}

impl Config {
    /// Reads the settings: defaults, then `file` (`docent.toml` in the working directory when none is named, if there is
    /// one), then the older names in `environment`, then `DOCENT__SECTION__KEY` in `environment`.
    ///
    /// A variable that is empty counts as not set. Lists are separated by commas, or written as in TOML.
    ///
    /// # Errors
    /// When the named file is missing, a file can't be read or parsed, a key is unknown, or a value makes no sense.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let known: Known = Self::default().settings().into_iter().collect();
        let mut problems = Vec::new();

        let file = file_to_read(file, Path::new(DEFAULT_FILE))?;
        let file_layer = file.as_deref().map(read_file).transpose()?;
        if let Some(layer) = &file_layer {
            problems.extend(unknown_keys(layer, &known));
        }
        let variables = read_environment(environment, &known, &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::Invalid { problems });
        }

        let names = variables.iter().map(|(name, _)| name.clone()).collect();
        let layers = file_layer.into_iter().chain(variables.into_iter().map(|(_, layer)| layer));
        let figment = layers.fold(Figment::new(), Figment::merge);
        let config: Self = figment.extract().map_err(|error| ConfigError::Invalid {
            problems: error.into_iter().map(|error| explain(&error, &known)).collect(),
        })?;
        check(config.refusals(), |key| figment.find_metadata(key).map(|metadata| metadata.name.to_string()))?;
        Ok(Loaded { config, file, variables: names })
    }
}

fn check(refusals: Vec<Refusal>, place: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    if refusals.is_empty() {
        return Ok(());
    }
    let named = |Refusal { key, message }| match place(key) {
        Some(place) => format!("{place}: `{key}` {message}"),
        None => format!("`{key}` {message}"),
    };
    Err(ConfigError::Invalid { problems: refusals.into_iter().map(named).collect() })
}

/// Values from one place. Every environment variable is a place of its own, so that messages can name it.
struct Layer {
    place: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn file_to_read(named: Option<&Path>, default: &Path) -> Result<Option<PathBuf>, ConfigError> {
    match named {
        Some(path) if path.exists() => Ok(Some(path.to_owned())),
        Some(path) => Err(ConfigError::Missing { path: path.to_owned() }),
        None => Ok(default.exists().then(|| default.to_owned())),
    }
}

fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let values = Toml::from_str(&text)
        .map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: without_excerpt(&error.to_string()) })?;
    Ok(Layer { place: path.display().to_string(), values })
}

/// The parser's message without the line that it quotes, which may hold a secret.
fn without_excerpt(message: &str) -> String {
    message.lines().filter(|line| !line.contains('|')).collect::<Vec<_>>().join(": ")
}

/// A message for each unknown key of the file.
fn unknown_keys(file: &Layer, known: &Known) -> Vec<String> {
    let place = &file.place;
    let mut messages = Vec::new();
    for (name, value) in &file.values {
        let is_section = known.keys().any(|key| section_of(key) == Some(name));
        match value {
            Value::Dict(_, settings) if is_section => {
                for key in settings.keys().map(|setting| format!("{name}.{setting}")) {
                    if !known.contains_key(&key) {
                        let nearest = nearest(&key, known.keys().map(String::as_str));
                        messages.push(format!("{place}: `{key}` is unknown; did you mean `{nearest}`?"));
                    }
                }
            }
            _ if is_section => messages.push(format!("{place}: `{name}` is a section; write `[{name}]`")),
            _ if !known.contains_key(name) => {
                let nearest = nearest(name, known.keys().map(|key| section_of(key).unwrap_or(key)));
                messages.push(format!("{place}: `{name}` is unknown; did you mean `{nearest}`?"));
            }
            _ => {}
        }
    }
    messages
}

/// Our variables with their names, in the order in which they are applied.
fn read_environment(
    environment: impl Iterator<Item = (String, String)>,
    known: &Known,
    problems: &mut Vec<String>,
) -> Vec<(String, Layer)> {
    let environment: BTreeMap<_, _> = environment.filter(|(_, text)| !text.is_empty()).collect();
    let older = OLDER_NAMES.iter().filter_map(|(name, key)| Some((*name, (*key).to_owned(), environment.get(*name)?)));
    let current = environment.iter().filter_map(|(name, text)| {
        let key = name.strip_prefix(ENVIRONMENT_PREFIX)?.to_lowercase().replace("__", ".");
        Some((name.as_str(), key, text))
    });

    let mut layers = Vec::new();
    for (name, key, text) in older.chain(current) {
        let place = format!("environment variable {name}");
        if let Some(setting) = known.get(&key) {
            layers.push((name.to_owned(), Layer { place, values: nested(&key, value_of(text, setting.kind)) }));
        } else {
            let nearest = environment_name(nearest(&key, known.keys().map(String::as_str)));
            problems.push(format!("{place} is unknown; did you mean {nearest}?"));
        }
    }
    layers
}

/// The text of a variable, parsed as `kind` if possible; otherwise the text itself, which is then rejected with the
/// same message as a text in the file.
fn value_of(text: &str, kind: Kind) -> Value {
    let trimmed = text.trim();
    let read = match kind {
        Kind::Flag => match trimmed.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(Value::from(true)),
            "false" | "0" | "no" | "off" => Some(Value::from(false)),
            _ => None,
        },
        Kind::Whole => {
            trimmed.parse::<u64>().map(Value::from).or_else(|_| trimmed.parse::<i64>().map(Value::from)).ok()
        }
        Kind::Fraction => trimmed.parse::<f64>().map(Value::from).ok(),
        Kind::Text => None,
        Kind::List if trimmed.starts_with('[') => trimmed.parse().ok(),
        Kind::List => {
            let items = trimmed.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::from(items.collect::<Vec<_>>()))
        }
    };
    read.unwrap_or_else(|| Value::from(text))
}

fn nested(key: &str, value: Value) -> Dict {
    match key.split_once('.') {
        Some((section, name)) => {
            Dict::from([(section.to_owned(), Value::from(Dict::from([(name.to_owned(), value)])))])
        }
        None => Dict::from([(key.to_owned(), value)]),
    }
}

/// A value of the wrong type, in our words. A secret is not repeated.
fn explain(error: &figment::Error, known: &Known) -> String {
    let place = error.metadata.as_ref().map(|metadata| format!("{}: ", metadata.name)).unwrap_or_default();
    // The path continues inside a list.
    let key = error.path.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".");
    let Some(setting) = known.get(&key) else { return format!("{place}{}", error.kind) };
    let expected = setting.expected;
    match &error.kind {
        _ if is_secret(setting.name) || error.path.iter().any(|part| is_secret(part)) => {
            format!("{place}`{key}` must be {expected}")
        }
        FigmentKind::InvalidType(found, _) | FigmentKind::InvalidValue(found, _) => {
            format!("{place}`{key}` must be {expected}, not {}", shown(found))
        }
        FigmentKind::UnknownVariant(found, _) => format!("{place}`{key}` must be {expected}, not \"{found}\""),
        other => format!("{place}`{key}` must be {expected}: {other}"),
    }
}

fn shown(found: &Actual) -> String {
    match found {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Str(value) => format!("{value:?}"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn section_of(key: &str) -> Option<&str> {
    key.split_once('.').map(|(section, _)| section)
}

/// The candidate most similar to `name`. The right setting in the wrong section is more similar than any misspelling.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> &'a str {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    candidates
        .min_by_key(|candidate| {
            let whole = strsim::damerau_levenshtein(name, candidate);
            let end = strsim::damerau_levenshtein(&last(name), &last(candidate));
            whole.min(2 * end + 1)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_named_file_the_default_one_is_read_if_it_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let default = directory.path().join(DEFAULT_FILE);
        assert_eq!(file_to_read(None, &default).unwrap(), None);
        std::fs::write(&default, "").unwrap();
        assert_eq!(file_to_read(None, &default).unwrap(), Some(default));
    }
}
