//! What is done before a migration loses data: a copy that is compared with the database, and a word of consent.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use docent::{
    app::{App, Parts},
    config::{Config, DatabaseConfig},
    db::{Database, Way},
    domain::clock::{Clock, SystemClock},
};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};

use crate::support::{
    app::{PATIENCE, TestApp},
    model, postgres,
};

fn migrate(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command
        .arg("migrate")
        .args(arguments)
        .env_clear()
        .env("DOCENT__DATA_DIR", data_dir)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    migrate(data_dir, arguments, environment).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn copies(data_dir: &Path) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(data_dir.join("backups")) else { return Vec::new() };
    files.map(|file| file.unwrap().path()).collect()
}

async fn number(url: &str, statement: &str) -> i64 {
    let connection = sea_orm::Database::connect(url).await.unwrap();
    let statement = Statement::from_string(connection.get_database_backend(), statement);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    let number = row.try_get_by_index::<i64>(0).unwrap();
    connection.close().await.unwrap();
    number
}

/// How many migrations are applied, and after which number of them the next one loses data.
fn applied(data_dir: &Path, environment: &[(&str, &str)]) -> (usize, usize) {
    let status = said(&run(data_dir, &["status"], environment));
    let lines: Vec<_> = status.lines().collect();
    let place = lines.iter().position(|line| line.ends_with("_drop_sync_mode")).unwrap();
    (lines.iter().filter(|line| line.starts_with("applied ")).count(), place)
}

async fn check_consent(data_dir: &Path, environment: &[(&str, &str)], backups: impl AsyncFn() -> i64) {
    assert!(run(data_dir, &["up"], environment).status.success(), "an empty database has nothing to lose");
    assert_eq!(backups().await, 0);
    let (all, before) = applied(data_dir, environment);
    let refused = run(data_dir, &["down"], environment);
    assert!(!refused.status.success() && said(&refused).contains("--destroy-data"), "{}", said(&refused));
    assert_eq!((backups().await, applied(data_dir, environment).0), (0, all), "nothing was done");

    let steps = (all - before).to_string();
    let down = run(data_dir, &["down", "--steps", &steps, "--destroy-data"], environment);
    assert!(down.status.success() && said(&down).contains("is the same as the database"), "{}", said(&down));
    assert_eq!((backups().await, applied(data_dir, environment).0), (1, before));

    let refused = run(data_dir, &["up"], environment);
    assert!(!refused.status.success() && said(&refused).contains("--destroy-data"), "{}", said(&refused));
    assert_eq!(applied(data_dir, environment).0, before);
    let up = run(data_dir, &["up", "--destroy-data"], environment);
    assert!(up.status.success(), "{}", said(&up));
    assert_eq!((backups().await, applied(data_dir, environment).0), (2, all));
}

#[tokio::test]
async fn data_is_lost_only_with_consent_and_after_a_copy_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    check_consent(directory.path(), &[], async || i64::try_from(copies(directory.path()).len()).unwrap()).await;
}

const SCHEMAS: &str = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'docent!_backup!_%' ESCAPE '!'";

#[tokio::test]
async fn data_is_lost_only_with_consent_and_after_a_copy_on_postgres() {
    let (directory, url) = (tempfile::tempdir().unwrap(), postgres::empty_database().await);
    let environment = [("DATABASE_URL", url.as_str())];
    check_consent(directory.path(), &environment, async || number(&url, SCHEMAS).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_has_the_rows_of_the_database() {
    for mut app in [TestApp::on_sqlite().await, TestApp::on_postgres().await] {
        app.stop_worker().await;
        app.user("ada").await.create_collection("Notes, and 'quotes'").await;
        let (database, way) = (&app.app.services().database, Way::Down { steps: 1 });
        let backup = database.migrate(way, app.data_dir(), SystemClock.now()).await.unwrap().unwrap();
        assert!(backup.tables > 20 && backup.rows > 20, "{backup:?}");
        let names = if app.is_on_postgres() {
            let schema = backup.place.strip_prefix("schema ").unwrap();
            number(&app.database_url(), &format!("SELECT count(*) FROM {schema}.collections WHERE name LIKE 'Notes%'"))
                .await
        } else {
            let url = format!("sqlite://{}", backup.place);
            number(&url, "SELECT count(*) FROM collections WHERE name LIKE 'Notes%'").await
        };
        assert_eq!(names, 1);
    }
}

#[test]
fn a_copy_that_was_interrupted_is_none() {
    for point in ["backup-copied", "backup-made"] {
        let directory = tempfile::tempdir().unwrap();
        assert!(run(directory.path(), &["up"], &[]).status.success());
        let all = applied(directory.path(), &[]);
        let failpoints = format!("{point}=1*return");
        let died = run(directory.path(), &["down", "--destroy-data"], &[("FAILPOINTS", &failpoints)]);
        assert!(!died.status.success());
        assert_eq!(applied(directory.path(), &[]), all, "{point}: nothing is reverted before there is a copy");
        let down = run(directory.path(), &["down", "--destroy-data"], &[]);
        assert!(down.status.success(), "{}", said(&down));
        let names: Vec<_> = copies(directory.path());
        assert!(names.iter().all(|path| path.extension().is_some_and(|end| end == "db")), "{point}: {names:?}");
    }
}

#[test]
fn a_copy_that_fails_leaves_the_disk_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["up"], &[]).status.success());
    let all = applied(directory.path(), &[]);
    let failed = run(directory.path(), &["down", "--destroy-data"], &[("FAILPOINTS", "backup-compared=1*return")]);
    assert!(!failed.status.success() && said(&failed).contains("nothing was changed"), "{}", said(&failed));
    assert_eq!((copies(directory.path()), applied(directory.path(), &[])), (vec![], all));
}

/// A server that is started on this data directory, and what it says if it can't.
async fn start(data_dir: &Path) -> Result<App, String> {
    let config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    let parts = Parts { embedder: Some(model::embedder().await), ..Parts::from_config(config).unwrap() };
    Box::pin(App::build(parts)).await.map_err(|error| format!("{error:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_fails_at_each_start_makes_one_copy() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path();
    assert!(run(data_dir, &["up"], &[]).status.success());
    let (all, before) = applied(data_dir, &[]);
    let database = Database::open(&DatabaseConfig::default(), data_dir, None).await.unwrap();
    database.migrate_down(Some(u32::try_from(all - before).unwrap())).await.unwrap();
    database.close().await.unwrap();
    let execute = async |statement: &str| {
        let url = format!("sqlite://{}", data_dir.join("docent.db").display());
        let connection = sea_orm::Database::connect(url).await.unwrap();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    };
    execute("ALTER TABLE collections DROP COLUMN sync_interval_minutes").await;

    for _ in 0..3 {
        let failed = start(data_dir).await.err().unwrap();
        assert!(failed.contains("the database as it was before is") && failed.contains("sync_interval"), "{failed}");
        assert_eq!(copies(data_dir).len(), 1, "{:?}", copies(data_dir));
    }
    // Another database is another copy, and so is one whose newest copy has lost something.
    execute(
        "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, is_active, created_at,
            updated_at)
         VALUES (zeroblob(16), 'ada', 'ada', 'ada@example.org', 'ada@example.org', '!', 'MEMBER', true,
            '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')",
    )
    .await;
    start(data_dir).await.err().unwrap();
    assert_eq!(copies(data_dir).len(), 2);
    let newest = copies(data_dir).into_iter().max().unwrap();
    std::fs::write(&newest, "This is no database.").unwrap();
    start(data_dir).await.err().unwrap();
    assert_eq!(copies(data_dir).len(), 3);

    execute("ALTER TABLE collections ADD COLUMN sync_interval_minutes integer").await;
    start(data_dir).await.unwrap().close().await.unwrap();
}

/// What is written while the database is copied and migrated waits, and then meets the new tables. What was on its way
/// before is in the copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_between_a_copy_and_its_migration() {
    let (directory, url) = (tempfile::tempdir().unwrap(), postgres::empty_database().await);
    let config = DatabaseConfig { url: Some(url.clone()), ..DatabaseConfig::default() };
    let database = Database::open(&config, directory.path(), None).await.unwrap();
    database.migrate_up().await.unwrap();
    let environment = [("DATABASE_URL", url.as_str()), ("FAILPOINTS", "backup-made=sleep(3000)")];
    let (all, before) = applied(directory.path(), &environment);
    database.migrate_down(Some(u32::try_from(all - before).unwrap())).await.unwrap();

    let connect = || sea_orm::Database::connect(&url);
    let insert = |name: &str| {
        format!(
            "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, is_active,
                created_at, updated_at)
             VALUES (gen_random_uuid(), '{name}', '{name}', '{name}', '{name}', '!', 'MEMBER', true, now(), now())"
        )
    };
    let own = connect().await.unwrap();
    own.execute_unprepared(&insert("ada")).await.unwrap();
    let collection = "INSERT INTO collections (id, owner_id, name, name_key, status, is_public, meta, generation,
            sync_mode, document_count, total_bytes, created_at, updated_at)
         SELECT gen_random_uuid(), id, 'Notes', 'notes', 'READY', false, '{}', gen_random_uuid(),
            'ONE_TIME', 0, 0, now(), now() FROM users";
    own.execute_unprepared(collection).await.unwrap();

    // A transaction is on its way that has one table and will need another: it is let through.
    let early = own.begin().await.unwrap();
    early.execute_unprepared(&insert("bob")).await.unwrap();
    let mut migrating = migrate(directory.path(), &["up", "--destroy-data"], &environment).spawn().unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    early.execute_unprepared("UPDATE collections SET name = 'Letters', name_key = 'letters'").await.unwrap();
    assert!(migrating.try_wait().unwrap().is_none(), "it waits");
    early.commit().await.unwrap();

    let locked = "SELECT count(*) FROM pg_locks WHERE relation = 'collections'::regclass AND granted
        AND mode = 'AccessExclusiveLock'";
    let begun = std::time::Instant::now();
    while number(&url, locked).await == 0 {
        assert!(begun.elapsed() < PATIENCE, "the tables are not locked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let [one, other] = [connect().await.unwrap(), connect().await.unwrap()];
    let known = insert("cleo");
    let (kept, refused) = tokio::join!(
        one.execute_unprepared(&known),
        other.execute_unprepared("UPDATE collections SET sync_mode = 'CONTINUOUS'")
    );
    let output = migrating.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    kept.unwrap();
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("sync_mode"), "{refused}");
    let schema = said(&output).split_whitespace().find(|word| word.starts_with("docent_backup_")).unwrap().to_owned();
    let letters = format!("SELECT count(*) FROM {schema}.collections WHERE name = 'Letters'");
    assert_eq!(number(&url, &letters).await, 1);
    assert_eq!(number(&url, &format!("SELECT count(*) FROM {schema}.users")).await, 2);
    assert_eq!(number(&url, "SELECT count(*) FROM users").await, 3);
}

/// On PostgreSQL the copy and the migration are one transaction, so a migration that fails or is killed leaves no copy.
#[tokio::test]
async fn a_migration_that_fails_on_postgres_leaves_no_copy() {
    let (directory, url) = (tempfile::tempdir().unwrap(), postgres::empty_database().await);
    let environment = [("DATABASE_URL", url.as_str())];
    assert!(run(directory.path(), &["up"], &environment).status.success());
    let (all, before) = applied(directory.path(), &environment);
    let config = DatabaseConfig { url: Some(url.clone()), ..DatabaseConfig::default() };
    let database = Database::open(&config, directory.path(), None).await.unwrap();
    database.migrate_down(Some(u32::try_from(all - before).unwrap())).await.unwrap();
    let connection = sea_orm::Database::connect(&url).await.unwrap();
    connection.execute_unprepared("ALTER TABLE collections DROP COLUMN sync_interval_minutes").await.unwrap();
    for failpoints in ["", "backup-made=return"] {
        let environment = [environment[0], ("FAILPOINTS", failpoints)];
        assert!(!run(directory.path(), &["up", "--destroy-data"], &environment).status.success());
        assert_eq!((number(&url, SCHEMAS).await, applied(directory.path(), &[environment[0]]).0), (0, before));
    }
}

/// Whoever reverts waits for another process that migrates, and is not cut off by the time limit of statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reverting_on_postgres_has_no_time_limit() {
    let url = postgres::fresh_database().await;
    let config = DatabaseConfig { url: Some(url.clone()), statement_timeout_seconds: 1, ..DatabaseConfig::default() };
    let database = Database::open(&config, Path::new("."), None).await.unwrap();
    let other = sea_orm::Database::connect(&url).await.unwrap();
    let reader = other.begin().await.unwrap();
    reader.execute_unprepared("LOCK TABLE workers IN ACCESS SHARE MODE").await.unwrap();
    let reverted = tokio::spawn(async move { database.migrate_down(Some(1)).await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    reader.commit().await.unwrap();
    reverted.await.unwrap().unwrap();
}

/// Kills the command at many moments, and lets it run to its end at last.
async fn check_kills(data_dir: &Path, environment: &[(&str, &str)], config: &DatabaseConfig) {
    for round in 0..12_u64 {
        let arguments = if round % 2 == 0 {
            ["down", "--steps", "99", "--destroy-data"].as_slice()
        } else {
            &["up", "--destroy-data"]
        };
        let mut child = migrate(data_dir, arguments, environment).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(20 + 35 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let up = run(data_dir, &["up", "--destroy-data"], environment);
    assert!(up.status.success(), "{}", said(&up));
    let database = Database::open(config, data_dir, None).await.unwrap();
    assert!(database.migrations().await.unwrap().iter().all(|migration| migration.is_applied));
    let backup = database.migrate(Way::Down { steps: 1 }, data_dir, SystemClock.now()).await.unwrap();
    assert!(backup.is_some());
}

#[tokio::test]
async fn a_migration_that_is_killed_can_be_run_again_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    check_kills(directory.path(), &[], &DatabaseConfig::default()).await;
}

#[tokio::test]
async fn a_migration_that_is_killed_can_be_run_again_on_postgres() {
    let (directory, url) = (tempfile::tempdir().unwrap(), postgres::empty_database().await);
    let config = DatabaseConfig { url: Some(url.clone()), ..DatabaseConfig::default() };
    check_kills(directory.path(), &[("DATABASE_URL", url.as_str())], &config).await;
}
