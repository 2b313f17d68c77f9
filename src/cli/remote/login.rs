//! `docent login`.

use anyhow::{anyhow, bail};
use clap::Args;
use docent_client::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    Api, Board, Environment, Server,
    credentials::{self, API_KEY, Stored, URL},
    terminal,
};

const LOGIN: &str = include_str!("graphql/login.graphql");
const API_KEY_CREATE: &str = include_str!("graphql/api_key_create.graphql");
const API_KEY_REVOKE: &str = include_str!("graphql/api_key_revoke.graphql");

/// Where `docent serve` listens if it is not told otherwise.
const LOCAL: &str = "http://127.0.0.1:8080";

/// What a key that is made here allows: what the commands need, and nothing that deletes or shares.
const ACTIONS: [&str; 4] = ["COLLECTION_READ", "COLLECTION_CREATE", "DOCUMENT_INGEST", "OPERATION_READ"];

/// What `docent login` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Login {
    /// The address of the server. Default: DOCENT_URL, or http://127.0.0.1:8080.
    #[arg(long)]
    url: Option<String>,
    /// Log in with the password of this account: its user name or e-mail address.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// How the caller shows who they are.
enum Proof {
    Key(String),
    Password { login: String, password: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Viewer {
    username: String,
    api_key: Option<Key>,
}

#[derive(Deserialize)]
struct Key {
    name: String,
    actions: Vec<String>,
}

impl Login {
    pub(super) async fn run(self, environment: &Environment) -> anyhow::Result<()> {
        let path = credentials::path(environment)?;
        let url = match self.url.as_deref().or(credentials::value(environment, URL)) {
            Some(url) => url.to_owned(),
            None => ask_url()?,
        };
        let board = Board::new(self.json);
        let api = Api::open(&Server { url: url.clone(), key: None }, board.clone()).await?;
        if is_readable_on_the_way(&url) {
            board.note(&format!("The connection to {url} is not encrypted: others in the network can read the key."));
        }
        let (key, made_key) = match ask_proof(self.username)? {
            Proof::Key(key) => (key, None),
            Proof::Password { login, password } => {
                let before =
                    Stored::read(&path).ok().flatten().filter(|stored| credentials::is_same(&stored.url, &url));
                let (key, id) = make_key(&api, &login, &password, before.and_then(|stored| stored.made_key)).await?;
                (key, Some(id))
            }
        };
        let (viewer, allowed) = verify(&url, &key, &board).await?;
        Stored { url: url.clone(), api_key: key, made_key }.write(&path)?;
        if self.json {
            let key = json!({ "name": allowed.name, "actions": allowed.actions });
            terminal::print_json(&json!({ "url": url, "username": viewer, "apiKey": key, "file": path }))?;
        } else {
            let (viewer, name, path) = (terminal::line_of(&viewer), terminal::line_of(&allowed.name), path.display());
            terminal::print(format_args!("Logged in to {url} as {viewer}, with the API key «{name}»."))?;
            terminal::print(format_args!("It allows {}. It is stored in {path}.", allowed.actions.join(", ")))?;
        }
        if credentials::value(environment, API_KEY).is_some() {
            board.note(&format!("{API_KEY} is set, and takes precedence over the stored key."));
        }
        Ok(())
    }
}

fn ask_url() -> anyhow::Result<String> {
    let answer = if terminal::is_asked() {
        terminal::ask(&format!("Address of the server [{LOCAL}]: "))?
    } else {
        String::new()
    };
    Ok(if answer.trim().is_empty() { LOCAL.to_owned() } else { answer.trim().to_owned() })
}

fn ask_proof(username: Option<String>) -> anyhow::Result<Proof> {
    if let Some(login) = username {
        return Ok(Proof::Password { login, password: terminal::ask_secret("Password: ")? });
    }
    let key = terminal::ask_secret("API key (leave it empty to log in with a password): ")?.trim().to_owned();
    if !key.is_empty() {
        return Ok(Proof::Key(key));
    }
    if !terminal::is_asked() {
        bail!("standard input has no API key in its first line");
    }
    let login = terminal::ask("User name or e-mail address: ")?.trim().to_owned();
    Ok(Proof::Password { login, password: terminal::ask_secret("Password: ")? })
}

/// Creates a key in a session that ends at once. The key of the login before is revoked. Returns the secret and the id.
async fn make_key(api: &Api, login: &str, password: &str, before: Option<String>) -> anyhow::Result<(String, String)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        api_key: Made,
        secret: String,
    }
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    api.client.log_in(login, password).await.map_err(|error| match error.code() {
        Some("WRONG_CREDENTIALS") => anyhow!("the user name or the password is wrong"),
        _ => api.explain(error),
    })?;
    let input = json!({ "name": key_name(), "actions": ACTIONS });
    let made = api.client.mutate::<Payload>(API_KEY_CREATE, "apiKeyCreate", json!({ "input": input })).await;
    if let (Ok(_), Some(id)) = (&made, before) {
        // It may have been revoked already, or be another account's.
        let _: Result<Value, Error> = api.client.mutate(API_KEY_REVOKE, "apiKeyRevoke", json!({ "id": id })).await;
    }
    // A session that is not ended here ends by itself.
    let _ = api.client.log_out().await;
    let made = made.map_err(|error| api.explain(error))?;
    Ok((made.secret, made.api_key.id))
}

/// By what people recognise the key in their list.
fn key_name() -> String {
    let host =
        ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|path| std::fs::read_to_string(path).ok());
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    host.map_or_else(|| "Command line".to_owned(), |host| format!("Command line on {host}"))
}

/// Whose key it is, and what it allows.
async fn verify(url: &str, key: &str, board: &Board) -> anyhow::Result<(String, Key)> {
    let api = Api::open(&Server { url: url.to_owned(), key: Some(key.to_owned()) }, board.clone()).await?;
    let viewer: Viewer = api.query(LOGIN, "viewer", Value::Null).await?;
    match viewer.api_key {
        Some(key) => Ok((viewer.username, key)),
        None => bail!(
            "this is the access token of a session, which ends in minutes: log in with an API key, or with a user name \
             and password"
        ),
    }
}

/// Whether the key would travel through a network in plain text.
fn is_readable_on_the_way(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    };
    url.scheme() == "http" && !is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_readable_on_its_way_to_another_machine_without_tls() {
        for url in ["http://example.org", "http://192.168.0.2:8080", "http://[2001:db8::1]"] {
            assert!(is_readable_on_the_way(url), "{url}");
        }
        for url in ["https://example.org", "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]"] {
            assert!(!is_readable_on_the_way(url), "{url}");
        }
    }
}
