//! Where the server is, and the key for it: from the environment, or from the file that `docent login` writes.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::Environment;

/// The address of the server. The names have one underscore, since those with two are settings of the server.
pub(super) const URL: &str = "DOCENT_URL";
/// The key for it.
pub(super) const API_KEY: &str = "DOCENT_API_KEY";

/// A server, and the key for it if there is one.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) key: Option<String>,
}

impl Server {
    /// What the environment says, or else the file.
    pub(super) fn find(environment: &Environment) -> anyhow::Result<Self> {
        let stored = Stored::read(&path(environment)?)?;
        let url =
            value(environment, URL).map(str::to_owned).or_else(|| stored.as_ref().map(|stored| stored.url.clone()));
        let Some(url) = url else {
            bail!("no server is known: run `docent login`, or set {URL} and {API_KEY}");
        };
        // Another server is not shown the key.
        let of_the_file = || stored.filter(|stored| is_same(&stored.url, &url)).map(|stored| stored.api_key);
        let key = value(environment, API_KEY).map(str::to_owned).or_else(of_the_file);
        Ok(Self { url, key })
    }
}

/// The value of a variable. An empty one counts as not set.
pub(super) fn value<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Whether two addresses are those of one server.
pub(super) fn is_same(url: &str, other: &str) -> bool {
    url.trim_end_matches('/') == other.trim_end_matches('/')
}

/// The file that `docent login` writes.
pub(super) fn path(environment: &Environment) -> anyhow::Result<PathBuf> {
    let below_home = || Some(Path::new(value(environment, "HOME")?).join(".config"));
    // A relative path counts as none, as the XDG specification says.
    let named = value(environment, "XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = named.or_else(below_home);
    let folder = folder.context("there is no place for credentials: neither HOME nor XDG_CONFIG_HOME is set")?;
    Ok(folder.join("docent/credentials.toml"))
}

/// What the file holds.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) url: String,
    pub(super) api_key: String,
    /// The id of a key that `docent login` made. The next login revokes it.
    pub(super) made_key: Option<String>,
}

impl Stored {
    /// `None` if there is no file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
        };
        // The parser quotes what it does not understand, and that may be the key.
        let Ok(stored) = toml::from_str(&text) else {
            bail!("{} is damaged: remove it and run `docent login`", path.display());
        };
        Ok(Some(stored))
    }

    /// Replaces the file. Only its owner can read it, from the first byte on.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        self.try_write(path).with_context(|| format!("{} can't be written", path.display()))
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // A string of JSON is one of TOML, too.
        let quoted = |text: &str| Value::from(text).to_string();
        let mut lines = format!(
            "# Written by `docent login`. Who has this key can do what it allows.\nurl = {}\napi_key = {}\n",
            quoted(&self.url),
            quoted(&self.api_key)
        );
        if let Some(id) = &self.made_key {
            lines = format!("{lines}made_key = {}\n", quoted(id));
        }
        let draft = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        // It may be left from a login that was killed.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_environment_wins_and_no_other_server_gets_the_key() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        assert!(Server::find(&environment(&[("HOME", home)])).is_err());
        let stored = Stored { url: "http://one:1/".into(), api_key: "a \"key\"".into(), made_key: None };
        stored.write(&path(&environment(&[("HOME", home)])).unwrap()).unwrap();
        let found = |variables: &[(&str, &str)]| {
            let server = Server::find(&environment(&[&[("HOME", home)], variables].concat())).unwrap();
            (server.url, server.key)
        };
        let key = Some("a \"key\"".to_owned());
        assert_eq!(found(&[]), ("http://one:1/".to_owned(), key.clone()));
        assert_eq!(found(&[(URL, ""), (API_KEY, "")]), ("http://one:1/".to_owned(), key.clone()));
        assert_eq!(found(&[(URL, "http://one:1")]), ("http://one:1".to_owned(), key));
        assert_eq!(found(&[(URL, "http://two:1")]), ("http://two:1".to_owned(), None));
        assert_eq!(found(&[(API_KEY, "other")]), ("http://one:1/".to_owned(), Some("other".to_owned())));
    }

    #[test]
    fn the_file_of_one_who_has_an_own_place_for_settings_is_there() {
        let variables = [("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "/settings")];
        assert_eq!(path(&environment(&variables)).unwrap(), Path::new("/settings/docent/credentials.toml"));
        let variables = [("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "settings")];
        assert_eq!(path(&environment(&variables)).unwrap(), Path::new("/home/ada/.config/docent/credentials.toml"));
    }
}
