//! A net under the scopes, which knows nothing of how they are made: every statement that a request makes is looked at as
//! text, and a table with things that belong to somebody must not be read without words that say whose.
//!
//! What the net lets through without such words is listed here, statement by statement, with the reason.

use std::sync::{Arc, Mutex, PoisonError};

/// Tables of objects that belong to an account.
const SCOPED: [&str; 22] = [
    "api_key_collections",
    "api_keys",
    "audit_log",
    "chunks",
    "collection_members",
    "collections",
    "documents",
    "extractions",
    "generations",
    "indexed_documents",
    "invitations",
    "operation_documents",
    "operation_events",
    "operations",
    "password_resets",
    "refresh_tokens",
    "sessions",
    "source_files",
    "source_runs",
    "sources",
    "uploads",
    "users",
];

/// Words that say for which caller a statement reads: a role, public collections, an owner, or no rows at all.
const SCOPES: [&str; 8] = [
    r#""collection_members"."user_id" ="#,
    r#""collections"."is_public" ="#,
    r#""sessions"."user_id" ="#,
    r#""uploads"."user_id" ="#,
    r#""operations"."user_id" ="#,
    r#""api_keys"."user_id" ="#,
    "WHERE ? = ?",
    "AND ? = ?",
];

/// Statements without such words: how they begin, after FROM, and why that is right.
const EXCEPTIONS: &[(&str, &str)] = &[
    (r#""users" WHERE "users"."username_key" >= ?"#, "an administrator sees every account"),
    (r#""users" WHERE "users"."username_key" = ? OR "users"."email_key" = ?"#, "somebody logs in"),
    (r#""users" WHERE "users"."username_key" = ?"#, "whether a name is taken; who is given a role"),
    (r#""users" WHERE "users"."email_key" = ?"#, "whether an address is taken"),
    (r#""users" WHERE "users"."is_active" = ?"#, "whether there is an account at all"),
    (r#""users" WHERE "users"."role" = ? AND "users"."is_active" = ?"#, "whether an administrator is left"),
    (r#""users" WHERE "users"."id" IN (?)"#, "an administrator sees every account"),
    (
        r#""users" WHERE "users"."id" = ? AND "users"."deleted_at" IS NULL LIMIT ?"#,
        "an account is changed, by an administrator, by its user, or with a token, or gets a role or a collection",
    ),
    (r#""users" WHERE TRUE"#, "an administrator lists accounts"),
    (r#""audit_log" WHERE TRUE"#, "an administrator reads the log"),
    (r#""audit_log" WHERE "audit_log"."id" IN (?)"#, "an administrator reads the log"),
    (r#""sessions" WHERE "sessions"."id" = ? LIMIT ?"#, "the login of a refresh token that was presented"),
    (r#""sessions" WHERE "sessions"."user_id""#, "whether a login comes from a known address"),
    (
        r#""sessions" WHERE "sessions"."id" IN (SELECT "refresh_tokens"."session_id" FROM "refresh_tokens""#,
        "whether the login of a refresh token that was presented has ended",
    ),
    (r#""refresh_tokens" WHERE "refresh_tokens"."digest" = ?"#, "whoever has a token may use it"),
    (r#""refresh_tokens" WHERE "refresh_tokens"."family" = ?"#, "so may whoever had one"),
    (r#""password_resets" WHERE "password_resets"."digest" = ?"#, "whoever has a token may use it"),
    (r#""invitations" WHERE "invitations"."digest" = ?"#, "whoever has an invitation may use it"),
    (r#""invitations" WHERE TRUE"#, "an administrator lists invitations"),
    (r#""invitations" WHERE "invitations"."id" IN (?)"#, "an administrator reads or withdraws an invitation"),
    (r#""api_key_collections" WHERE"#, "the collections of keys that were read before"),
    (r#""collections" WHERE "collections"."owner_id" = ? AND "collections"."name_key" = ?"#, "whether a name is taken"),
    (
        r#""collections" WHERE "collections"."owner_id" = ? AND "collections"."status" <> ?"#,
        "the collections of a user who deletes their account",
    ),
    (
        r#""collection_members" WHERE "collection_members"."collection_id" IN (?) AND "collection_members"."user_id" <> ?"#,
        "who else has a role in collections that the transaction holds",
    ),
    (
        r#""collection_members" WHERE "collection_members"."collection_id" = ? AND "collection_members"."user_id""#,
        "the role of a user in a collection that the transaction holds",
    ),
    (
        r#""documents" WHERE "documents"."collection_id" = ? AND "documents"."uri" IN (?)"#,
        "in a collection that the transaction holds",
    ),
    (
        r#""documents" WHERE "documents"."id" IN (?) AND "documents"."collection_id" = ?"#,
        "in a collection that the transaction holds",
    ),
    (
        r#""documents" WHERE "documents"."collection_id" = ? AND "documents"."status" IN (?)"#,
        "in a collection that the transaction holds",
    ),
    (
        r#""documents" WHERE "documents"."collection_id" = ? AND substr("documents"."uri", ?) = ?"#,
        "in a collection that the transaction holds",
    ),
    (
        r#""documents" WHERE "documents"."collection_id" = ? AND "documents"."source_id" = ?"#,
        "in a collection that the transaction holds",
    ),
    (
        r#""operation_documents" WHERE "operation_documents"."document_id" IN (?) AND EXISTS(SELECT ? FROM "documents""#,
        "of documents that the transaction holds",
    ),
    (r#""documents" WHERE "documents"."source_id" = ?"#, "how many documents a source has that the transaction holds"),
    (
        r#""sources" WHERE "sources"."id" = ? AND "sources"."collection_id" = ?"#,
        "in a collection that the transaction holds",
    ),
    (r#""sources" WHERE "sources"."collection_id" = ?"#, "how many a collection has that the transaction holds"),
    (r#""generations" WHERE TRUE ORDER BY "generations"."placement""#, "whether the models in use are there"),
    (r#""generations" WHERE "generations"."placement" > ?"#, "whether the models in use are there"),
    (r#""generations" WHERE "generations"."id" = ? LIMIT ?"#, "of a collection that the transaction holds"),
    (r#""generations" WHERE "generations"."collection_id" = ?"#, "of a collection that the transaction holds"),
    (
        r#""indexed_documents" WHERE "indexed_documents"."generation_id" = ?"#,
        "of a generation whose collection the transaction holds",
    ),
    (r#""indexed_documents" AS "there" WHERE"#, "of a generation whose collection the transaction holds"),
    (
        r#""indexed_documents" WHERE "indexed_documents"."document_id" IN (?)"#,
        "of documents that the transaction holds",
    ),
    (r#""collections" WHERE "collections"."owner_id" = ? LIMIT ?"#, "how much an account stores"),
    (
        r#""operation_documents" WHERE "operation_documents"."operation_id" IN (SELECT "operations"."id" FROM "operations" WHERE "operations"."collection_id" "#,
        "how much is on its way to a collection that the transaction holds, or to those of an account",
    ),
    (
        r#""operation_documents" WHERE "operation_documents"."operation_id" = ? AND "operation_documents"."outcome" = ?"#,
        "of an operation that the transaction holds",
    ),
];

tokio::task_local! {
    static COMPLAINTS: Arc<Mutex<Vec<String>>>;
}

/// Runs a request with the net below it.
///
/// # Panics
/// When a statement of the request reads without a scope.
pub async fn over<T>(request: impl Future<Output = T>) -> T {
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let answer = COMPLAINTS.scope(Arc::clone(&complaints), request).await;
    let complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(complaints.is_empty(), "statements without a scope:\n{}", complaints.join("\n"));
    answer
}

/// Looks at a statement, if a request makes it.
pub fn watch(statement: &str) {
    let _ = COMPLAINTS.try_with(|complaints| {
        if let Some(complaint) = complaint(statement) {
            complaints.lock().unwrap_or_else(PoisonError::into_inner).push(complaint);
        }
    });
}

fn complaint(statement: &str) -> Option<String> {
    if !statement.starts_with("SELECT") && !statement.starts_with("WITH") {
        return None;
    }
    let text = without_numbers(statement);
    let mut tail = text.find(" FROM ").map_or("", |place| &text[place + 6..]);
    // A count is made around the rows that it counts.
    while let Some(place) = tail.find(" FROM ").filter(|_| tail.starts_with("(SELECT")) {
        tail = &tail[place + 6..];
    }
    let reads_scoped = SCOPED.iter().any(|table| tail.contains(&format!("\"{table}\"")));
    let is_scoped = SCOPES.iter().any(|words| text.contains(words));
    let is_known = EXCEPTIONS.iter().any(|(shape, _)| tail.starts_with(shape));
    (reads_scoped && !is_scoped && !is_known).then(|| tail.to_owned())
}

/// Both databases' placeholders as `?`, and lists of them as one.
fn without_numbers(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len());
    let mut characters = statement.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '$' && characters.peek().is_some_and(char::is_ascii_digit) {
            while characters.peek().is_some_and(char::is_ascii_digit) {
                characters.next();
            }
            text.push('?');
        } else {
            text.push(character);
        }
    }
    while text.contains("?, ?") {
        text = text.replace("?, ?", "?");
    }
    text
}

#[test]
fn the_net_holds_what_has_no_scope_and_lets_through_what_has() {
    let bare = r#"SELECT "documents"."id" FROM "documents" WHERE "documents"."id" IN ($1, $2)"#;
    assert!(complaint(bare).is_some());
    let scoped =
        r#"SELECT 1 FROM "documents" WHERE EXISTS(SELECT 1 FROM "collections" WHERE "collections"."is_public" = $1)"#;
    assert!(complaint(scoped).is_none());
    assert!(complaint(r#"SELECT 1 FROM "jobs""#).is_none());
}
