//! Names beyond ASCII: one form, one key, one account behind it.

use serde_json::{Value, json};

use crate::{
    on_both_databases,
    support::{
        app::{TestApp, texts},
        caller::{Caller, PASSWORD},
    },
};

const SHARE: &str = "mutation($input: CollectionMemberSetInput!) {
    collectionMemberSet(input: $input) { member { user { id username } } userErrors { code } }
}";
const CREATE: &str = "mutation($name: String!) {
    collectionCreate(input: { name: $name }) { collection { id name } userErrors { code path message } }
}";
const RENAME: &str = "mutation($id: ID!, $name: String!) {
    collectionUpdate(input: { collectionId: $id, name: $name }) { collection { name } userErrors { code path } }
}";
const COLLECTIONS: &str = "query($text: String) { collections(filter: { nameContains: $text }) { nodes { name } } }";
const DOCUMENTS: &str = "query($id: ID!, $filter: DocumentFilter) {
    collection(id: $id) { documentCount documents(filter: $filter) { nodes { fileName uri } } }
}";
const USERS: &str = "query($text: String) { users(filter: { text: $text }) { nodes { username } } }";

async fn register(caller: &Caller, username: &str, email: &str) -> Value {
    let input = json!({ "username": username, "email": email, "password": PASSWORD });
    let document = "mutation($input: UserRegisterInput!) {
        userRegister(input: $input) { user { username } userErrors { code message path } }
    }";
    caller.data(document, json!({ "input": input })).await["userRegister"].clone()
}

/// The codes of what is wrong, and where.
fn errors(payload: &Value) -> Vec<(&str, &str)> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors.iter().map(|error| (error["code"].as_str().unwrap(), error["path"][0].as_str().unwrap_or(""))).collect()
}

/// One field of each node.
fn column(nodes: &Value, field: &str) -> Vec<String> {
    nodes.as_array().unwrap().iter().map(|node| node[field].as_str().unwrap().to_owned()).collect()
}

/// All names of a list, page by page.
async fn all(caller: &Caller, document: &str, variables: &Value, connection: &str, field: &str) -> Vec<String> {
    let (mut names, mut variables) = (Vec::new(), variables.clone());
    loop {
        let data = caller.data(document, variables.clone()).await;
        let page = data.pointer(connection).unwrap();
        names.extend(column(&page["nodes"], field));
        if page["pageInfo"]["hasNextPage"] == false {
            return names;
        }
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

on_both_databases!(whoever_registers_can_log_in_with_their_name_in_any_case_and_form);
async fn whoever_registers_can_log_in_with_their_name_in_any_case_and_form(app: TestApp) {
    let nobody = app.anonymous();
    for (name, other) in [
        ("\u{c4}rger", "\u{e4}RGER"),
        ("\u{dc}nal", "u\u{308}nal"),
        ("\u{416}\u{430}\u{43d}\u{43d}\u{430}", "\u{436}\u{430}\u{43d}\u{43d}\u{410}"),
        ("Stra\u{df}e", "STRASSE"),
    ] {
        let payload = nobody.register(name).await;
        assert_eq!(payload["user"]["username"], name, "{payload:#}");
        for login in [name.to_owned(), other.to_owned(), format!("{name}@example.org"), format!("{other}@EXAMPLE.org")]
        {
            let caller = nobody.log_in(&login).await;
            assert_eq!(caller.data("{ viewer { username } }", json!({})).await["viewer"]["username"], name, "{login}");
        }
    }
    let decomposed = register(&nobody, "E\u{301}mile", "e\u{301}mile@example.org").await;
    assert_eq!(decomposed["user"]["username"], "\u{c9}mile");
}

on_both_databases!(a_name_in_another_case_or_form_is_taken_and_never_a_fault);
async fn a_name_in_another_case_or_form_is_taken_and_never_a_fault(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("\u{dc}nal").await;
    for twin in ["\u{dc}nal", "\u{fc}nal", "U\u{308}NAL", "u\u{308}nal"] {
        let payload = register(&nobody, twin, "somebody@example.org").await;
        assert_eq!(errors(&payload), [("TAKEN", "username")], "{twin}");
        let payload = register(&nobody, "somebody", &format!("{twin}@example.org")).await;
        assert_eq!(errors(&payload), [("TAKEN", "email")], "{twin}");
    }
    let twins = ["\u{c9}mile", "\u{e9}mile", "E\u{301}mile", "e\u{301}MILE"];
    let (first, second, third, fourth) = tokio::join!(
        register(&nobody, twins[0], "a@example.org"),
        register(&nobody, twins[1], "b@example.org"),
        register(&nobody, twins[2], "c@example.org"),
        register(&nobody, twins[3], "d@example.org"),
    );
    let payloads = [first, second, third, fourth];
    let (refused, made): (Vec<_>, Vec<_>) = payloads.iter().partition(|payload| payload["user"].is_null());
    assert_eq!(made.len(), 1, "{payloads:#?}");
    assert!(refused.into_iter().all(|payload| errors(payload) == [("TAKEN", "username")]), "{payloads:#?}");
}

on_both_databases!(a_role_given_by_name_reaches_the_one_account_of_that_name);
async fn a_role_given_by_name_reaches_the_one_account_of_that_name(app: TestApp) {
    let ada = app.user("ada").await;
    let unal = app.user("\u{dc}nal").await;
    let id = ada.create_collection("Salaries").await;
    let own = unal.user_id().await;
    for name in ["\u{dc}nal", "\u{fc}nal", "U\u{308}nal"] {
        let input = json!({ "collectionId": id, "username": name, "role": "VIEWER" });
        let payload = ada.data(SHARE, json!({ "input": input })).await["collectionMemberSet"].clone();
        assert_eq!(payload["member"]["user"], json!({ "id": own, "username": "\u{dc}nal" }), "{payload:#}");
    }
}

on_both_databases!(user_names_that_hide_something_or_pretend_to_be_others_are_refused);
async fn user_names_that_hide_something_or_pretend_to_be_others_are_refused(app: TestApp) {
    let nobody = app.anonymous();
    nobody.register("ada").await;
    for (name, message) in [
        ("ad\u{200b}a", "Remove the invisible character U+200B from the user name."),
        ("\u{202e}ada", "Remove the invisible character U+202E from the user name."),
        ("a\u{200d}da", "Remove the invisible character U+200D from the user name."),
        ("\u{ff41}da", "Use a plain letter or digit instead of «\u{ff41}» in the user name."),
        (
            "\u{430}da",
            "Write «\u{430}da» in the user name in one alphabet, because letters of other alphabets look the same.",
        ),
        ("ad\na", "Remove the control characters from the user name."),
    ] {
        let payload = register(&nobody, name, "eve@example.org").await;
        assert!(errors(&payload).contains(&("INVALID", "username")), "{name:?} {payload:#}");
        assert_eq!(payload["userErrors"][0]["message"], message);
    }
}

on_both_databases!(a_collections_name_is_taken_in_any_case_and_form_and_may_change_its_own);
async fn a_collections_name_is_taken_in_any_case_and_form_and_may_change_its_own(app: TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let id = ada.create_collection("\u{dc}ber Stra\u{df}en").await;
    let other = ada.create_collection("Other").await;
    for twin in
        ["\u{dc}ber Stra\u{df}en", "\u{fc}ber STRASSEN", "U\u{308}ber Stra\u{df}en", "\u{dc}ber\u{a0}Stra\u{df}en"]
    {
        let payload = ada.data(CREATE, json!({ "name": twin })).await["collectionCreate"].clone();
        assert_eq!(errors(&payload), [("TAKEN", "name")], "{twin}");
        let payload = ada.data(RENAME, json!({ "id": other, "name": twin })).await["collectionUpdate"].clone();
        assert_eq!(errors(&payload), [("TAKEN", "name")], "{twin}");
    }
    eve.create_collection("\u{fc}ber strassen").await;
    let renamed = ada.data(RENAME, json!({ "id": id, "name": "\u{fc}ber stra\u{df}en" })).await;
    assert_eq!(renamed["collectionUpdate"]["collection"]["name"], "\u{fc}ber stra\u{df}en");
}

on_both_databases!(names_of_collections_are_kept_in_one_form_and_refused_where_they_deceive);
async fn names_of_collections_are_kept_in_one_form_and_refused_where_they_deceive(app: TestApp) {
    let ada = app.user("ada").await;
    let payload = ada.data(CREATE, json!({ "name": "U\u{308}bung \u{41e}\u{442}\u{447}\u{451}\u{442}" })).await;
    assert_eq!(payload["collectionCreate"]["collection"]["name"], "\u{dc}bung \u{41e}\u{442}\u{447}\u{451}\u{442}");
    for name in ["Sal\u{200b}aries", "\u{202e}seiralaS", "S\u{430}laries", "Sal\u{200d}aries"] {
        let payload = ada.data(CREATE, json!({ "name": name })).await["collectionCreate"].clone();
        assert_eq!(errors(&payload), [("INVALID", "name")], "{name:?}");
    }
    for (name, message) in [
        ("x".repeat(201), "Shorten the collection's name to 200 characters."),
        ("a\nb".to_owned(), "Remove the control characters from the collection's name."),
        (String::new(), "Give the collection's name."),
    ] {
        let payload = ada.data(CREATE, json!({ "name": name })).await["collectionCreate"].clone();
        assert_eq!(payload["userErrors"][0]["message"], message);
    }
}

on_both_databases!(filters_find_names_in_any_case_and_form);
async fn filters_find_names_in_any_case_and_form(app: TestApp) {
    let ada = app.user("ada").await;
    app.anonymous().register("\u{416}\u{430}\u{43d}\u{43d}\u{430}").await;
    let id = ada.create_collection("\u{dc}berweisungen 100% 2026").await;
    let others = "\u{414}\u{43e}\u{433}\u{43e}\u{432}\u{43e}\u{440}\u{44b}";
    ada.create_collection(others).await;
    for (text, expected) in [
        ("\u{dc}berweisungen", Some("\u{dc}berweisungen 100% 2026")),
        ("\u{fc}BER", Some("\u{dc}berweisungen 100% 2026")),
        ("u\u{308}ber", Some("\u{dc}berweisungen 100% 2026")),
        ("0% 2", Some("\u{dc}berweisungen 100% 2026")),
        ("\u{434}\u{43e}\u{413}\u{43e}", Some(others)),
        ("_", None),
    ] {
        let found = ada.data(COLLECTIONS, json!({ "text": text })).await;
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(column(&found["collections"]["nodes"], "name"), expected, "{text}");
    }
    ada.ingest_all(
        &id,
        texts(&[("\u{dc}bung.txt", "exercise"), ("\u{395}\u{3bb}\u{3bb}\u{3ac}\u{3b4}\u{3b1}.txt", "greece")]),
    )
    .await;
    for (text, expected) in [
        ("\u{dc}bung", "\u{dc}bung.txt"),
        ("\u{fc}B", "\u{dc}bung.txt"),
        ("U\u{308}b", "\u{dc}bung.txt"),
        ("\u{395}\u{39b}\u{39b}\u{386}\u{394}\u{391}.TXT", "\u{395}\u{3bb}\u{3bb}\u{3ac}\u{3b4}\u{3b1}.txt"),
    ] {
        let found = ada.data(DOCUMENTS, json!({ "id": id, "filter": { "fileNameContains": text } })).await;
        assert_eq!(column(&found["collection"]["documents"]["nodes"], "fileName"), [expected], "{text}");
    }
    for text in
        ["\u{416}\u{430}\u{43d}\u{43d}\u{430}", "\u{436}\u{410}\u{43d}", "\u{436}\u{430}\u{43d}\u{43d}\u{430}@EXAMPLE"]
    {
        let found = ada.data(USERS, json!({ "text": text })).await;
        assert_eq!(column(&found["users"]["nodes"], "username"), ["\u{416}\u{430}\u{43d}\u{43d}\u{430}"], "{text}");
    }
}

on_both_databases!(one_uri_in_two_forms_is_one_document);
async fn one_uri_in_two_forms_is_one_document(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    let (composed, decomposed) = ("R\u{e9}sum\u{e9}.txt", "Re\u{301}sume\u{301}.txt");
    ada.ingest_all(&id, texts(&[(decomposed, "The first one.")])).await;
    let again = ada.ingest_all(&id, texts(&[(composed, "The second one.")])).await;
    assert_eq!(again["totals"]["completed"], 1, "{again:#}");
    for uri in [composed, decomposed] {
        let found = ada.data(DOCUMENTS, json!({ "id": id, "filter": { "uri": uri } })).await["collection"].clone();
        let expected = json!([{ "fileName": composed, "uri": composed }]);
        assert_eq!((&found["documentCount"], &found["documents"]["nodes"]), (&json!(1), &expected));
    }
    let twice = ada.ingest(&id, texts(&[(composed, "One."), (decomposed, "Two.")])).await;
    assert_eq!(twice["userErrors"][0]["code"], "DUPLICATE");
}

on_both_databases!(words_are_found_in_any_unicode_form_and_marked);
async fn words_are_found_in_any_unicode_form_and_marked(app: TestApp) {
    let ada = app.user("ada").await;
    let id = ada.create_collection("Letters").await;
    ada.ingest_all(
        &id,
        texts(&[
            ("nfd.txt", "Frau Mu\u{308}ller wohnt in Go\u{308}ttingen."),
            ("wide.txt", "\u{ff21}\u{ff22}\u{ff23}\u{ff11}\u{ff12}\u{ff13} is the code."),
            ("ligature.txt", "The o\u{fb03}ce is far away."),
        ]),
    )
    .await;
    for (query, file) in [
        ("M\u{fc}ller G\u{f6}ttingen", "nfd.txt"),
        ("Mu\u{308}ller", "nfd.txt"),
        ("ABC123", "wide.txt"),
        ("office", "ligature.txt"),
    ] {
        let found = ada.search(json!({ "query": query, "collectionIds": [id], "mode": "LEXICAL" })).await;
        let hits = found["nodes"].as_array().unwrap();
        assert_eq!(hits.len(), 1, "{query} {found:#}");
        assert_eq!(hits[0]["document"]["fileName"], file, "{query}");
        assert_ne!(hits[0]["highlights"], json!([]), "{query}");
    }
}

on_both_databases!(lists_by_name_run_by_folded_code_points_on_every_database);
async fn lists_by_name_run_by_folded_code_points_on_every_database(app: TestApp) {
    let ada = app.user("ada").await;
    let expected = ["apple", "Banana", "zebra", "\u{c4}rger", "\u{e4}rzte"];
    let id = ada.create_collection("zebra").await;
    for name in ["\u{c4}rger", "apple", "\u{e4}rzte", "Banana"] {
        ada.create_collection(name).await;
    }
    let list = "query($after: Cursor, $direction: OrderDirection) {
        collections(first: 2, after: $after, orderBy: { field: NAME, direction: $direction }) {
            nodes { name } pageInfo { hasNextPage endCursor }
        }
    }";
    assert_eq!(all(&ada, list, &json!({ "direction": "ASC" }), "/collections", "name").await, expected);
    let mut backwards = all(&ada, list, &json!({ "direction": "DESC" }), "/collections", "name").await;
    backwards.reverse();
    assert_eq!(backwards, expected);

    ada.ingest_all(&id, texts(&["\u{c4}rger", "apple", "zebra", "\u{e4}rzte", "Banana"].map(|name| (name, "A text."))))
        .await;
    let list = "query($id: ID!, $after: Cursor) { collection(id: $id) {
        documents(first: 2, after: $after, orderBy: { field: FILE_NAME }) {
            nodes { fileName } pageInfo { hasNextPage endCursor }
        }
    } }";
    assert_eq!(all(&ada, list, &json!({ "id": id }), "/collection/documents", "fileName").await, expected);
}
