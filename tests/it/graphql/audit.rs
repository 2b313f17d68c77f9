//! The audit log: what is recorded, who can read it, and that no one changes it.

use std::collections::BTreeSet;

use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use docent::{config::Config, service::accounts};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::Caller,
    },
};

const LOG: &str = "query($filter: AuditLogFilter) { auditLog(filter: $filter, first: 100) {
    nodes { action result userId user { username } objectId collectionId message userAgent requestId } totalCount
} }";

async fn log(app: &TestApp, caller: &Caller, filter: Value) -> Vec<Value> {
    app.app.services().audit.flush().await;
    let log = caller.data(LOG, json!({ "filter": filter })).await["auditLog"].clone();
    let nodes = log["nodes"].as_array().unwrap().clone();
    assert_eq!(log["totalCount"], nodes.len());
    nodes
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect()
}

/// The mutations of the schema, as the log names them: `collectionCreate` as `COLLECTION_CREATE`.
fn mutations() -> BTreeSet<String> {
    let sdl = docent::graphql::sdl();
    let document = async_graphql::parser::parse_schema(sdl).unwrap();
    let fields = document.definitions.into_iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(ty) if ty.node.name.node == "Mutation" => match ty.node.kind {
            TypeKind::Object(object) => Some(object.fields),
            _ => None,
        },
        _ => None,
    });
    let name = |field: &str| -> String {
        field.chars().flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_uppercase())).collect()
    };
    fields.unwrap().iter().map(|field| name(&field.node.name.node)).collect()
}

mod no_mutation_is_without_a_line {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        super::every_mutation_leaves_a_line(false).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        super::every_mutation_leaves_a_line(true).await;
    }
}

async fn every_mutation_leaves_a_line(is_on_postgres: bool) {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().to_str().unwrap();
    let mut config = Config::default();
    config.sources.directories = vec![directory.to_owned()];
    let mut app = TestApp::with(config, is_on_postgres).await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.create_collection("Letters").await;
    let done = async |caller: &Caller, mutation: &str, variables: Value| {
        let mut data = caller.data(mutation, variables).await;
        let payload = data.as_object_mut().unwrap().values_mut().next().unwrap().take();
        assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload:#}");
        payload
    };
    let bob_id = bob.data("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let ids = json!({ "id": id, "user": bob_id });
    done(
        &ada,
        "mutation($id: ID!) { collectionUpdate(input: { collectionId: $id, description: \"x\" }) { userErrors { code } } }",
        ids.clone(),
    )
    .await;
    done(&ada, "mutation($id: ID!, $user: ID!) { collectionMemberSet(input: { collectionId: $id, userId: $user, role: EDITOR }) { userErrors { code } } }", ids.clone()).await;
    done(&ada, "mutation($id: ID!, $user: ID!) { collectionMemberRemove(input: { collectionId: $id, userId: $user }) { userErrors { code } } }", ids.clone()).await;
    done(&ada, "mutation { uploadCreate(input: { fileName: \"a.txt\" }) { userErrors { code } } }", json!({})).await;
    let several = "mutation { uploadsCreate(input: { files: [{ fileName: \"a.txt\" }] }) { userErrors { code } } }";
    done(&ada, several, json!({})).await;
    ada.ingest_all(&id, texts(&[("a.txt", "A letter.")])).await;
    let reindex = "mutation($id: ID!) { collectionReindex(input: { collectionId: $id, force: true }) { generation { id } operation { id } userErrors { code } } }";
    let reindexed = done(&ada, reindex, ids.clone()).await;
    ada.ended(reindexed["operation"]["id"].as_str().unwrap()).await;
    done(
        &ada,
        "mutation($id: ID!) { collectionRollback(input: { collectionId: $id }) { userErrors { code } } }",
        ids.clone(),
    )
    .await;
    let generation = json!({ "id": reindexed["generation"]["id"] });
    done(
        &ada,
        "mutation($id: ID!) { collectionPromote(input: { generationId: $id }) { userErrors { code } } }",
        generation,
    )
    .await;
    let create = "mutation($id: ID!, $path: String!) { sourceCreate(input: { collectionId: $id, name: \"s\", location: { directory: { path: $path } } }) { source { id } operation { id } userErrors { code } } }";
    let created = done(&ada, create, json!({ "id": id, "path": directory })).await;
    ada.ended(created["operation"]["id"].as_str().unwrap()).await;
    let source = json!({ "id": created["source"]["id"] });
    done(
        &ada,
        "mutation($id: ID!) { sourceUpdate(input: { id: $id, name: \"t\" }) { userErrors { code } } }",
        source.clone(),
    )
    .await;
    let synced = done(
        &ada,
        "mutation($id: ID!) { sourceSync(input: { id: $id }) { operation { id } userErrors { code } } }",
        source.clone(),
    )
    .await;
    ada.ended(synced["operation"]["id"].as_str().unwrap()).await;
    done(&ada, "mutation($id: ID!) { sourceRemove(input: { id: $id }) { userErrors { code } } }", source).await;
    let document =
        ada.data("query($id: ID!) { collection(id: $id) { documents { nodes { id } } } }", ids.clone()).await;
    let document = document["collection"]["documents"]["nodes"][0]["id"].clone();
    done(
        &ada,
        "mutation($id: ID!) { documentUpdate(input: { id: $id, title: \"t\" }) { userErrors { code } } }",
        json!({ "id": document }),
    )
    .await;
    ada.ingest_all(&id, texts(&[("lost.txt", "\u{fffd}\u{fffd}")])).await;
    let retry =
        "mutation($id: ID!) { documentsRetry(input: { collectionId: $id }) { operation { id } userErrors { code } } }";
    let retried = done(&ada, retry, ids.clone()).await;
    ada.ended(retried["operation"]["id"].as_str().unwrap()).await;
    done(
        &ada,
        "mutation($id: ID!) { documentsDelete(input: { ids: [$id] }) { userErrors { code } } }",
        json!({ "id": document }),
    )
    .await;
    app.abandon_work();
    app.leave_jobs();
    let waiting = ada.ingest(&id, texts(&[("b.txt", "Another.")])).await["operation"]["id"].clone();
    done(
        &ada,
        "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { code } } }",
        json!({ "id": waiting }),
    )
    .await;
    let key = done(&ada, "mutation { apiKeyCreate(input: { name: \"k\", actions: [COLLECTION_READ] }) { apiKey { id } userErrors { code } } }", json!({})).await;
    done(
        &ada,
        "mutation($id: ID!) { apiKeyRevoke(input: { apiKeyId: $id }) { userErrors { code } } }",
        json!({ "id": key["apiKey"]["id"] }),
    )
    .await;
    let invited = "mutation { userInvite(input: {}) { invitation { id } userErrors { code } } }";
    let invited = done(&ada, invited, json!({})).await["invitation"]["id"].clone();
    done(
        &ada,
        "mutation($id: ID!) { invitationWithdraw(input: { invitationId: $id }) { userErrors { code } } }",
        json!({ "id": invited }),
    )
    .await;
    done(
        &ada,
        "mutation($user: ID!) { userRoleSet(input: { userId: $user, role: MEMBER }) { userErrors { code } } }",
        ids.clone(),
    )
    .await;
    let reset = "mutation($user: ID!) { passwordResetCreate(input: { userId: $user }) { token userErrors { code } } }";
    let token = done(&ada, reset, ids.clone()).await["token"].clone();
    done(
        &app.anonymous(),
        "mutation($token: String!) {
            passwordReset(input: { token: $token, newPassword: \"correct horse battery staple\" }) { userErrors { code } }
        }",
        json!({ "token": token }),
    )
    .await;
    done(
        &ada,
        "mutation($user: ID!) { userDeactivate(input: { userId: $user }) { userErrors { code } } }",
        ids.clone(),
    )
    .await;
    done(&ada, "mutation($user: ID!) { userActivate(input: { userId: $user }) { userErrors { code } } }", ids.clone())
        .await;
    done(&ada, "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { userErrors { code } } }", ids)
        .await;
    let login = "mutation { sessionCreate(input: { login: \"ada\", password: \"correct horse battery staple\" }) { refreshToken userErrors { code } } }";
    let session = done(&app.anonymous(), login, json!({})).await;
    done(
        &app.anonymous(),
        "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) { userErrors { code } } }",
        json!({ "token": session["refreshToken"] }),
    )
    .await;
    let change = "mutation { passwordChange(input: { currentPassword: \"correct horse battery staple\", newPassword: \"a new long password\" }) { accessToken userErrors { code } } }";
    let changed = done(&ada, change, json!({})).await;
    let ada = ada.with_token(changed["accessToken"].as_str().unwrap());
    done(
        &app.anonymous().log_in("bob").await,
        "mutation { sessionRevoke(input: {}) { userErrors { code } } }",
        json!({}),
    )
    .await;

    done(
        &app.anonymous().log_in("bob").await,
        "mutation { userDelete(input: { password: \"correct horse battery staple\" }) { userErrors { code } } }",
        json!({}),
    )
    .await;

    let entries = log(&app, &ada, json!({ "result": "DONE" })).await;
    let noted: BTreeSet<String> = actions(&entries).into_iter().map(str::to_owned).collect();
    let missing: Vec<_> = mutations().difference(&noted).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(entries.iter().all(|entry| entry["userId"].is_string()), "{entries:#?}");
}

on_both_databases!(every_change_has_its_line_with_who_did_it_to_what);
async fn every_change_has_its_line_with_who_did_it_to_what(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(&id, texts(&[("a.txt", "A letter.")])).await;
    ada.data(
        "mutation($id: ID!) { collectionUpdate(input: { collectionId: $id, description: \"x\" }) { userErrors { code } } }",
        json!({ "id": id }),
    )
    .await;
    ada.data(
        "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { deletedId } }",
        json!({ "id": id }),
    )
    .await;
    let entries = log(&app, &ada, json!({ "result": "DONE" })).await;
    assert_eq!(
        actions(&entries),
        [
            "USER_REGISTER",
            "SESSION_CREATE",
            "COLLECTION_CREATE",
            "DOCUMENTS_INGEST",
            "COLLECTION_UPDATE",
            "COLLECTION_DELETE",
        ]
    );
    let newest = &entries[0];
    assert_eq!(
        (&newest["objectId"], &newest["collectionId"], &newest["user"]["username"]),
        (&json!(id), &json!(id), &json!("ada"))
    );
    assert!(newest["requestId"].is_string());
    // Nothing secret is in it.
    assert!(!json!(entries).to_string().contains("battery"), "{entries:#?}");
}

on_both_databases!(a_refused_change_has_its_line_and_changes_nothing);
async fn a_refused_change_has_its_line_and_changes_nothing(app: TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let id = ada.create_collection("Letters").await;
    bob.graphql(
        "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { deletedId } }",
        json!({ "id": id }),
    )
    .await;
    bob.graphql("query($id: ID!) { collection(id: $id) { name } }", json!({ "id": id })).await;
    bob.with_token("nonsense").graphql("{ viewer { id } }", json!({})).await;
    app.anonymous().graphql("mutation { sessionCreate(input: { login: \"ada\", password: \"a wrong guess\" }) { userErrors { code } } }", json!({})).await;
    bob.send("GET", "/documents/01890000-0000-7000-8000-000000000000/content", &[], "").await;
    let entries = log(&app, &ada, json!({ "result": "REFUSED" })).await;
    assert_eq!(actions(&entries), ["COLLECTION_DELETE", "READ", "AUTHENTICATE", "SESSION_CREATE", "READ"]);
    assert_eq!(entries[4]["user"]["username"], "bob");
    assert_eq!(entries[4]["objectId"], json!(id));
    assert_eq!(entries[3]["message"], "Query.collection: NOT_FOUND");
}

on_both_databases!(owners_read_what_concerns_their_collections_and_nothing_else);
async fn owners_read_what_concerns_their_collections_and_nothing_else(app: TestApp) {
    let (ada, bob, eve) = (app.user("ada").await, app.user("bob").await, app.user("eve").await);
    let id = bob.create_collection("Letters").await;
    eve.create_collection("Hers").await;
    eve.graphql(
        "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { deletedId } }",
        json!({ "id": id }),
    )
    .await;
    eve.graphql("query($id: ID!) { collection(id: $id) { name } }", json!({ "id": id })).await;
    let entries = log(&app, &bob, json!({})).await;
    assert_eq!(actions(&entries), ["COLLECTION_CREATE", "COLLECTION_DELETE", "READ"]);
    assert_eq!(log(&app, &ada, json!({ "collectionId": id })).await.len(), 3);
    assert_eq!(log(&app, &eve, json!({})).await.len(), 1);
    assert_eq!(app.anonymous().error_code("{ auditLog { totalCount } }", json!({})).await, "UNAUTHENTICATED");
}

on_both_databases!(the_database_refuses_to_change_a_line);
async fn the_database_refuses_to_change_a_line(app: TestApp) {
    app.user("ada").await;
    let connection = sea_orm::Database::connect(app.database_url()).await.unwrap();
    let statement = |sql: &str| Statement::from_string(connection.get_database_backend(), sql.to_owned());
    let changed = connection.execute_raw(statement("UPDATE audit_log SET message = 'nothing happened'")).await;
    assert!(changed.unwrap_err().to_string().contains("append-only"));
}

on_both_databases!(old_lines_are_removed_after_the_time_that_the_settings_say);
async fn old_lines_are_removed_after_the_time_that_the_settings_say(app: TestApp) {
    let ada = app.user("ada").await;
    assert!(!log(&app, &ada, json!({})).await.is_empty());
    app.clock.advance(366 * 24 * 3600);
    let app = app.restart().await;
    let ada = app.anonymous().log_in("ada").await;
    let deadline = std::time::Instant::now() + crate::support::app::PATIENCE;
    while actions(&log(&app, &ada, json!({})).await).contains(&"USER_REGISTER") {
        assert!(std::time::Instant::now() < deadline, "old lines stay");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

on_both_databases!(a_command_that_is_denied_has_its_line);
async fn a_command_that_is_denied_has_its_line(app: TestApp) {
    let ada = app.user("ada").await;
    let services = app.app.services();
    accounts::reset_password(services, "nobody", "a new long password").await.unwrap_err();
    let entries = log(&app, &ada, json!({ "result": "REFUSED" })).await;
    assert_eq!(actions(&entries), ["PASSWORD_RESET"]);
}
