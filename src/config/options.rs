//! The list of all settings, made from the settings themselves: for the table in `docs/settings.md`, for `docent config print`, and
//! for recognising keys while loading. It never shows a secret.

use std::{fmt, path::PathBuf};

use serde::Serialize;
use url::Url;

use super::{Config, RemoteModel};

/// What stands for a secret wherever settings are shown.
pub(super) const HIDDEN: &str = "***";

/// A setting as `docs/settings.md` documents it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionDoc {
    /// Its key in `docent.toml`: `http.port`.
    pub key: String,
    /// Its environment variable: `DOCENT__HTTP__PORT`.
    pub env: String,
    /// Its default as a TOML value; `None` where the default is that nothing is set.
    pub default: Option<String>,
    /// What it means, in Markdown.
    pub doc: String,
}

/// All settings, in the order in which they are declared.
#[must_use]
pub fn options() -> Vec<OptionDoc> {
    Config::default()
        .settings()
        .into_iter()
        .map(|(key, setting)| OptionDoc {
            env: environment_name(&key),
            key,
            default: setting.shown,
            doc: setting.doc.to_owned(),
        })
        .collect()
}

/// The environment variable of a key.
pub(super) fn environment_name(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// What every environment variable of ours begins with.
pub(super) const ENVIRONMENT_PREFIX: &str = "DOCENT__";

impl Config {
    /// The effective settings as a `docent.toml`. Secrets, and passwords inside URLs, are shown as `***`; a setting
    /// without a value is a comment.
    #[must_use]
    pub fn to_toml_redacted(&self) -> String {
        let mut lines = Vec::new();
        let mut current_section = String::new();
        for (key, setting) in self.settings() {
            let section = key.split_once('.').map_or("", |(section, _)| section);
            if section != current_section {
                section.clone_into(&mut current_section);
                lines.push(format!("\n[{section}]"));
            }
            lines.push(match setting.shown {
                Some(value) => format!("{} = {value}", setting.name),
                None => format!("# {} is not set", setting.name),
            });
        }
        lines.join("\n") + "\n"
    }
}

/// One setting of one section.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) kind: Kind,
    /// What it accepts, to end a sentence with: «a whole number».
    pub(super) expected: &'static str,
    /// Its value as TOML, with secrets hidden; `None` when nothing is set.
    pub(super) shown: Option<String>,
}

impl Setting {
    pub(super) fn new<V: SettingValue>(name: &'static str, doc: &'static str, value: &V) -> Self {
        // Texts, numbers, flags and lists of texts are written the same in JSON and TOML.
        let literal = serde_json::to_string(value).ok().filter(|literal| literal != "null");
        let literal = literal.map(|literal| if literal.starts_with("[{") { with_tables(&literal) } else { literal });
        let shown = literal.map(|literal| without_secret(name, literal));
        Self { name, doc: doc.trim(), kind: V::KIND, expected: V::EXPECTED, shown }
    }
}

/// How the text of an environment variable is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Flag,
    Whole,
    Fraction,
    Text,
    List,
}

/// A type that a setting may have.
pub(super) trait SettingValue: Serialize {
    const KIND: Kind;
    const EXPECTED: &'static str;
}

macro_rules! setting_values {
    ($($type:ty: $kind:ident, $expected:literal;)*) => {$(
        impl SettingValue for $type {
            const KIND: Kind = Kind::$kind;
            const EXPECTED: &'static str = $expected;
        }
    )*};
}

setting_values! {
    bool: Flag, "`true` or `false`";
    u16: Whole, "a whole number from 0 to 65535";
    u32: Whole, "a whole number from 0 to 4294967295";
    u64: Whole, "a whole number that is not negative";
    usize: Whole, "a whole number that is not negative";
    i32: Whole, "a whole number from -2147483648 to 2147483647";
    i64: Whole, "a whole number";
    f32: Fraction, "a number";
    String: Text, "text";
    PathBuf: Text, "a path";
    Vec<String>: List, "a list of texts";
    Vec<RemoteModel>: List, "a list of tables";
}

impl<V: SettingValue> SettingValue for Option<V> {
    const KIND: Kind = V::KIND;
    const EXPECTED: &'static str = V::EXPECTED;
}

/// A list of JSON objects as inline tables. What is null is not set.
fn with_tables(json: &str) -> String {
    let tables: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(json).unwrap_or_default();
    let table = |table: &serde_json::Map<String, serde_json::Value>| {
        let set = table.iter().filter(|(_, value)| !value.is_null());
        let values: Vec<_> = set.map(|(name, value)| format!("{name} = {}", shown_in_table(name, value))).collect();
        format!("{{ {} }}", values.join(", "))
    };
    format!("[{}]", tables.iter().map(table).collect::<Vec<_>>().join(", "))
}

fn shown_in_table(name: &str, value: &serde_json::Value) -> String {
    without_secret(name, value.to_string())
}

/// Whether a setting of this name holds a secret. New settings keep to these endings.
pub(super) fn is_secret(name: &str) -> bool {
    ["secret", "key", "password", "token"].iter().any(|ending| name.ends_with(ending))
}

/// `literal`, the value of the setting `name` as TOML, without what must not be shown.
fn without_secret(name: &str, literal: String) -> String {
    if is_secret(name) {
        format!("\"{HIDDEN}\"")
    } else if let (true, Ok(url)) = (name.ends_with("url"), serde_json::from_str::<String>(&literal)) {
        serde_json::Value::from(without_password(&url)).to_string()
    } else {
        literal
    }
}

/// A URL without the password of its user and without a `password` parameter. Text that can't be parsed as a URL is
/// hidden completely, because its password can't be located.
pub(super) fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return HIDDEN.to_owned() };
    if url.cannot_be_a_base() {
        return HIDDEN.to_owned();
    }
    let mut changed = false;
    if url.password().is_some() {
        if url.set_password(Some(HIDDEN)).is_err() {
            return HIDDEN.to_owned();
        }
        changed = true;
    }
    let mut parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (_, value) in parameters.iter_mut().filter(|(name, _)| name == "password") {
        HIDDEN.clone_into(value);
        changed = true;
    }
    if !changed {
        return text.to_owned();
    }
    if !parameters.is_empty() {
        url.query_pairs_mut().clear().extend_pairs(parameters);
    }
    url.into()
}

/// `Debug` of a section.
pub(super) fn debug(name: &str, settings: Vec<Setting>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut output = formatter.debug_struct(name);
    for setting in settings {
        output.field(setting.name, &format_args!("{}", setting.shown.as_deref().unwrap_or("None")));
    }
    output.finish()
}
