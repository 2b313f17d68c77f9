//! The commands, as processes.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{model, pdfium};

fn docent(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_docent"))
        .args(arguments)
        .env_clear()
        .env("DOCENT__DATA_DIR", data_dir)
        .env("DOCENT__EMBEDDING__MODEL_DIR", model::directory())
        .env("DOCENT__EXTRACTION__LIBRARY_DIR", pdfium::directory())
        .envs(environment.iter().copied())
        .current_dir(data_dir)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn schema_print_writes_the_committed_schema() {
    let directory = tempfile::tempdir().unwrap();
    let output = docent(directory.path(), &["schema", "print"], &[]);
    assert!(output.status.success());
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap();
    assert_eq!(text(&output.stdout), committed);
}

#[test]
fn config_print_shows_what_is_in_force_and_hides_secrets() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("docent.toml"), "[http]\nport = 9000\nhost = \"::1\"\n").unwrap();
    let environment = [
        ("DOCENT__HTTP__PORT", "9001"),
        ("DOCENT__AUTH__SIGNING_SECRET", "a secret of more than thirty-two characters"),
        ("DATABASE_URL", "postgres://ada:hunter2@localhost/docent"),
    ];
    let output = docent(directory.path(), &["config", "print"], &environment);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(printed.contains("port = 9001") && printed.contains("host = \"::1\""), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains("more than thirty-two"), "{printed}");
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_known_one() {
    let directory = tempfile::tempdir().unwrap();
    let output = docent(directory.path(), &["config", "print"], &[("DOCENT__HTTP__PROT", "1")]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("DOCENT__HTTP__PORT"), "{}", text(&output.stderr));
}

#[test]
fn a_database_that_is_down_is_named_without_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [("DATABASE_URL", "postgres://ada:hunter2@127.0.0.1:1/docent"), ("DB_POOL_TIMEOUT", "1")];
    for command in [["migrate", "status"].as_slice(), &["serve"]] {
        let output = docent(directory.path(), command, &environment);
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{command:?}");
        assert!(said.contains("PostgreSQL at 127.0.0.1:1 can't be used"), "{command:?}: {said}");
        assert!(!said.contains("hunter2"), "{command:?}: {said}");
    }
}

#[test]
fn a_server_without_its_model_and_without_the_hub_says_how_to_get_it() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("models");
    let environment = [
        ("DOCENT__EMBEDDING__MODEL_DIR", empty.to_str().unwrap()),
        // Nothing listens on the discard port of this machine.
        ("DOCENT__EMBEDDING__HUB_URL", "http://127.0.0.1:9"),
    ];
    let output = docent(directory.path(), &["serve"], &environment);
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(message.contains("docent model pull") && message.contains("docent model import"), "{message}");
}

#[test]
fn chunks_that_are_longer_than_the_model_reads_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let models = model::directory();
    let environment =
        [("DOCENT__EMBEDDING__MODEL_DIR", models.to_str().unwrap()), ("DOCENT__INGESTION__CHUNK_MAX_TOKENS", "255")];
    let output = docent(directory.path(), &["serve"], &environment);
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(message.contains("`ingestion.chunk_max_tokens` must be at most 254"), "{message}");
}

#[test]
fn a_damaged_model_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("models/all-MiniLM-L6-v2");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("model.safetensors"), "not the weights").unwrap();
    std::fs::copy(model::directory().join("all-MiniLM-L6-v2/tokenizer.json"), folder.join("tokenizer.json")).unwrap();
    let models = directory.path().join("models");
    let environment = [("DOCENT__EMBEDDING__MODEL_DIR", models.to_str().unwrap())];
    for command in [["model", "verify"].as_slice(), &["serve"]] {
        let output = docent(directory.path(), command, &environment);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("is not the pinned one"), "{}", text(&output.stderr));
    }
}

#[test]
fn taking_a_migration_back_needs_to_be_meant() {
    let directory = tempfile::tempdir().unwrap();
    assert!(docent(directory.path(), &["migrate", "up"], &[]).status.success());
    let refused = docent(directory.path(), &["migrate", "down"], &[]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("--destroy-data"));
    let status = text(&docent(directory.path(), &["migrate", "status"], &[]).stdout);
    assert!(status.lines().all(|line| line.starts_with("applied ")), "{status}");
    assert!(docent(directory.path(), &["migrate", "down", "--destroy-data"], &[]).status.success());
    let status = text(&docent(directory.path(), &["migrate", "status"], &[]).stdout);
    assert_eq!(status.lines().filter(|line| line.starts_with("missing ")).count(), 1, "{status}");
}

/// Runs a command that reads a password.
fn with_password(data_dir: &Path, arguments: &[&str], password: &str) -> Output {
    use std::io::Write;

    let mut child = Command::new(env!("CARGO_BIN_EXE_docent"))
        .args(arguments)
        .env_clear()
        .env("DOCENT__DATA_DIR", data_dir)
        .env("DOCENT__EMBEDDING__MODEL_DIR", model::directory())
        .env("DOCENT__EXTRACTION__LIBRARY_DIR", pdfium::directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn an_account_is_opened_with_a_password_from_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let create = |password: &str| {
        let arguments = ["user", "create", "--username", "ada", "--email", "ada@example.org"];
        with_password(directory.path(), &arguments, password)
    };
    let short = create("short\n");
    assert!(!short.status.success());
    assert!(text(&short.stderr).contains('8'), "{}", text(&short.stderr));
    let opened = create("long enough for anybody\n");
    assert!(opened.status.success(), "{}", text(&opened.stderr));
    let again = create("long enough for anybody\n");
    assert!(!again.status.success() && text(&again.stderr).contains("taken"), "{}", text(&again.stderr));
}

#[test]
fn accounts_are_listed_and_get_another_password_and_the_signing_key_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["user", "create", "--username", "ada", "--email", "ada@example.org"];
    assert!(with_password(directory.path(), &arguments, "long enough for anybody\n").status.success());
    let list = docent(directory.path(), &["user", "list"], &[]);
    assert!(text(&list.stdout).starts_with("ada\tada@example.org\tadmin\tactive\t"), "{}", text(&list.stdout));

    let reset =
        |login: &str, password: &str| with_password(directory.path(), &["user", "reset-password", login], password);
    assert!(reset("ADA", "another one\n").status.success());
    let common = reset("ada", "password1\n");
    assert!(text(&common.stderr).contains("too common"), "{}", text(&common.stderr));
    let nobody = reset("eve", "another one\n");
    assert!(!nobody.status.success() && text(&nobody.stderr).contains("docent user list"), "{}", text(&nobody.stderr));

    let key = || std::fs::read(directory.path().join("signing.key")).unwrap();
    let before = key();
    assert!(docent(directory.path(), &["signing-key", "rotate"], &[]).status.success());
    assert_ne!(key(), before);
    assert_eq!(std::fs::read(directory.path().join("signing.previous.key")).unwrap(), before);
    let secret = [("DOCENT__AUTH__SIGNING_SECRET", "a secret of more than thirty-two characters")];
    let configured = docent(directory.path(), &["signing-key", "rotate"], &secret);
    assert!(text(&configured.stderr).contains("auth.previous_signing_secret"), "{}", text(&configured.stderr));
}

#[test]
fn the_doctor_says_with_its_exit_status_whether_damage_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let doctor = |arguments: &[&str]| docent(directory.path(), &[&["doctor"], arguments].concat(), &[]);
    assert!(docent(directory.path(), &["migrate", "up"], &[]).status.success());
    let sound = doctor(&[]);
    assert_eq!((sound.status.code(), text(&sound.stdout).as_str()), (Some(0), "No damage was found.\n"));
    let digest = hex::encode(Sha256::digest("Nobody needs this."));
    let path = directory.path().join("originals").join(&digest[..2]).join(&digest);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "Nobody needs this.").unwrap();
    let long_ago = SystemTime::now() - Duration::from_hours(1);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();

    let found = doctor(&["--json"]);
    assert_eq!(found.status.code(), Some(3), "{}", text(&found.stderr));
    let mut printed: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert!(printed["checkedAt"].take().is_string());
    let subject = format!("original or text {digest}");
    let finding = json!({ "kind": "UNREFERENCED_ORIGINAL", "count": 1, "repaired": 0, "subjects": [subject] });
    assert_eq!(printed, json!({ "checkedAt": null, "isSound": false, "findings": [finding] }));

    let repaired = doctor(&["--repair"]);
    let expected = format!("UNREFERENCED_ORIGINAL: 1 found, 1 repaired. The files are deleted.\n  {subject}\n");
    assert_eq!((repaired.status.code(), text(&repaired.stdout)), (Some(0), expected));
    assert_eq!((doctor(&[]).status.code(), path.exists()), (Some(0), false));
}

#[test]
fn the_doctor_changes_nothing_unless_it_is_to_repair() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| docent(directory.path(), arguments, &[]);
    let refused = |output: &Output, words: &str| {
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(words), "{said}");
    };
    refused(&run(&["doctor"]), "there is no database");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);

    assert!(run(&["migrate", "up"]).status.success());
    assert!(run(&["migrate", "down", "--steps", "2", "--destroy-data"]).status.success());
    let status = || text(&run(&["migrate", "status"]).stdout);
    let before = status();
    refused(&run(&["doctor"]), "2 migrations are pending");
    refused(&run(&["doctor", "--json"]), "docent migrate up");
    assert_eq!(status(), before);
    let logged = docent(directory.path(), &["doctor", "--repair"], &[("DOCENT__TELEMETRY__LOG", "info")]);
    assert_eq!((logged.status.code(), text(&logged.stdout).as_str()), (Some(0), "No damage was found.\n"));
    assert!(text(&logged.stderr).contains(" INFO "), "{}", text(&logged.stderr));
    assert!(status().lines().all(|line| line.starts_with("applied ")), "{}", status());
}

#[test]
fn workers_apart_from_the_server_need_servers_for_the_data() {
    let directory = tempfile::tempdir().unwrap();
    for environment in [&[][..], &[("DATABASE_URL", "postgres://ada@127.0.0.1:1/docent")]] {
        let refused = docent(directory.path(), &["worker"], environment);
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(said.contains("`database.url`") && said.contains("`vector.url`"), "{said}");
    }
}

#[test]
fn documents_build_writes_each_operation_with_its_fragments_under_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("operations");
    std::fs::create_dir_all(folder.join("deeper")).unwrap();
    std::fs::create_dir_all(folder.join("node_modules")).unwrap();
    std::fs::write(folder.join("node_modules/other.graphql"), "{").unwrap();
    let fragments = "# What is shown of an account.\nfragment Account on User { username ...Name }\n\nfragment Name on User { fullName }\n";
    std::fs::write(folder.join("fragments.gql"), fragments).unwrap();
    let operations = "query Version { server { version } }\n# The caller.\nquery Viewer { viewer { ...Account } }\n";
    std::fs::write(folder.join("deeper/operations.graphql"), operations).unwrap();
    let manifest = directory.path().join("manifest.json");
    let arguments = ["documents", "build", folder.to_str().unwrap(), "--output", manifest.to_str().unwrap()];
    let output = docent(directory.path(), &arguments, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let manifest: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
    assert_eq!(manifest["format"], "apollo-persisted-query-manifest");
    let operations = manifest["operations"].as_array().unwrap();
    let bodies = [
        ("Version", "query Version { server { version } }"),
        (
            "Viewer",
            "query Viewer { viewer { ...Account } }\n\nfragment Account on User { username ...Name }\n\nfragment Name on User { fullName }",
        ),
    ];
    assert_eq!(operations.len(), bodies.len());
    for (operation, (name, body)) in operations.iter().zip(bodies) {
        assert_eq!(
            (&operation["name"], &operation["type"], &operation["body"]),
            (&name.into(), &"query".into(), &body.into())
        );
        assert_eq!(operation["id"], docent::graphql::manifest::digest(body));
    }
}

#[test]
fn documents_build_refuses_what_the_server_would_refuse_and_says_where_it_is() {
    let rows = [
        (
            "query A { server { version } }\n\nquery B { noSuchField }\n",
            "operations.graphql:3: B: Unknown field \"noSuchField\"",
        ),
        ("query A { server { version }", "operations.graphql: Syntax error"),
        ("{ server { version } }", "operations.graphql:1: Give the operation a name."),
        ("query A { __typename } query A { __typename }", "Two operations have the same name."),
        ("query A { viewer { ...Missing } }", "operations.graphql:1: A: Unknown fragment"),
        ("fragment F on User { id }", "The document has no operation."),
    ];
    for (operations, expected) in rows {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("operations.graphql"), operations).unwrap();
        let output = docent(directory.path(), &["documents", "build", "."], &[]);
        assert!(!output.status.success(), "{operations}");
        assert!(text(&output.stderr).contains(expected), "{operations}: {}", text(&output.stderr));
    }
    let directory = tempfile::tempdir().unwrap();
    let output = docent(directory.path(), &["documents", "build", "."], &[]);
    assert!(text(&output.stderr).contains("has no .graphql"), "{}", text(&output.stderr));
}
