//! Accounts, keys and two collections for the requests, created through the API; and new ones for callers who may
//! change them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use docent::config::Config;
use serde_json::{Value, json};

use super::{
    actors::{Actor, KEY_ACTIONS, Place, Reach},
    asking::Subject,
    rows::Row,
    truth::{Outcome, Person, expected},
};
use crate::support::{
    app::{TestApp, texts},
    caller::{Caller, PASSWORD, uuid_of},
};

const ACCOUNTS: [&str; 15] =
    ["root", "fay", "ada", "ed", "vi", "eve", "rea", "deirdre", "lou", "mia", "pat", "paul", "pia", "samantha", "zed"];
/// Has nothing to do with anybody.
const OUTSIDER: &str = "zed";
/// Has a collection, an upload, a key and a session that concern no other account.
const OTHER: &str = "samantha";
/// Forgets a password again and again.
const FORGETFUL: &str = "fay";
pub const CLOSED: &str = "deirdre";
const FORMER: &str = "lou";

/// Long enough to be cut into several chunks.
/// One of its characters is doubtful, so that the document has a warning.
const TEXT: &str = "# Letters\n\nThe WORD grows by the river. Its berries are red in summer and black in autumn. \
    Nobody eats them, but the birds do \u{fffd}.\n\nIn winter the WORD sleeps under the snow, and the tram passes it twice a day.";

/// A directory with one file in it, and another one that is hidden.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/directory");

pub struct Fixture {
    pub app: TestApp,
    /// The access token of each account.
    tokens: Mutex<BTreeMap<&'static str, String>>,
    /// The secret of each actor that has a key.
    keys: BTreeMap<String, String>,
    /// The refresh token with which a login goes on.
    refresh: Mutex<String>,
    users: BTreeMap<&'static str, String>,
    places: BTreeMap<Place, Subject>,
    number: AtomicU32,
}

fn config() -> Config {
    let mut config = Config::default();
    config.auth.access_token_minutes = 24 * 60;
    config.sources.directories = vec![DIRECTORY.to_owned()];
    config.auth.login_attempts_per_account = 1_000_000;
    config.auth.login_attempts_per_address = 1_000_000;
    config.auth.api_keys_per_account = 10_000;
    config.limits.points_burst = u32::MAX;
    config.limits.anonymous_points_burst = u32::MAX;
    config
}

async fn role(owner: &Caller, collection: &str, user: &str, role: &str) {
    let set = "mutation($input: CollectionMemberSetInput!) {
        collectionMemberSet(input: $input) { userErrors { code message } }
    }";
    let input = json!({ "collectionId": collection, "username": user, "role": role });
    let data = owner.data(set, json!({ "input": input })).await;
    assert_eq!(data["collectionMemberSet"]["userErrors"], json!([]), "{user}");
}

async fn key(owner: &Caller, actions: &[&str], more: &Value) -> (String, String) {
    let mut input = json!({ "name": "a key", "actions": actions });
    input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let create = "mutation($input: ApiKeyCreateInput!) {
        apiKeyCreate(input: $input) { secret apiKey { id } userErrors { code message } }
    }";
    let data = owner.data(create, json!({ "input": input })).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{data:#}")).to_owned();
    (text(&data["apiKeyCreate"]["secret"]), text(&data["apiKeyCreate"]["apiKey"]["id"]))
}

/// The place of a source that is never read.
fn site() -> Value {
    json!({ "web": { "start": { "page": { "url": "https://docs.example.org/tides/" } } } })
}

/// A bucket that is never read.
fn bucket() -> Value {
    json!({ "bucket": { "bucket": "tides", "credentials": { "accessKeyId": "quokka", "secretAccessKey": "secret" } } })
}

/// A source of a collection, and the operation of its first sync.
async fn source(owner: &Caller, collection: &str, sync_now: bool) -> (String, Option<String>) {
    source_at(owner, collection, ("Tides", json!({ "directory": { "path": DIRECTORY } })), sync_now).await
}

async fn source_at(
    owner: &Caller,
    collection: &str,
    (name, location): (&str, Value),
    sync_now: bool,
) -> (String, Option<String>) {
    let create = "mutation($input: SourceCreateInput!) {
        sourceCreate(input: $input) { source { id } operation { id } userErrors { code message } }
    }";
    let input = json!({ "collectionId": collection, "name": name, "location": location, "syncNow": sync_now });
    let payload = owner.data(create, json!({ "input": input })).await["sourceCreate"].take();
    (text(&payload["source"]["id"]), payload["operation"]["id"].as_str().map(str::to_owned))
}

async fn invitation(admin: &Caller) -> String {
    let invite = "mutation { userInvite(input: {}) { invitation { id } userErrors { code } } }";
    text(&admin.data(invite, json!({})).await["userInvite"]["invitation"]["id"])
}

async fn reset_token(admin: &Caller, user: &str) -> String {
    let create = "mutation($user: ID!) { passwordResetCreate(input: { userId: $user }) { token } }";
    text(&admin.data(create, json!({ "user": user })).await["passwordResetCreate"]["token"])
}

async fn upload(caller: &Caller) -> String {
    let create = "mutation { uploadCreate(input: { fileName: \"file.txt\" }) { upload { id } } }";
    let data = caller.data(create, json!({})).await;
    uuid_of(data["uploadCreate"]["upload"]["id"].as_str().unwrap_or_else(|| panic!("{data:#}")))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value:#} is no text")).to_owned()
}

impl Fixture {
    pub async fn new(on_postgres: bool, actors: &[Actor]) -> Self {
        let mut app = TestApp::with(config(), on_postgres).await;
        let nobody = app.anonymous();
        let (mut tokens, mut users) = (BTreeMap::new(), BTreeMap::new());
        for name in ACCOUNTS {
            users.insert(name, text(&nobody.register(name).await["user"]["id"]));
            tokens.insert(name, nobody.log_in(name).await.token().unwrap().to_owned());
        }
        let refresh = "mutation($login: String!, $password: String!) {
            sessionCreate(input: { login: $login, password: $password }) { refreshToken }
        }";
        let login = nobody.data(refresh, json!({ "login": OTHER, "password": PASSWORD })).await;
        let mut fixture = Self {
            tokens: Mutex::new(tokens),
            keys: BTreeMap::new(),
            refresh: Mutex::new(text(&login["sessionCreate"]["refreshToken"])),
            users,
            places: BTreeMap::new(),
            number: AtomicU32::new(0),
            app,
        };
        let others = fixture.others().await;
        for (place, name) in [(Place::Private, "Quokkas"), (Place::Public, "Wombats")] {
            let subject = fixture.place(place, name, others.clone()).await;
            fixture.places.insert(place, subject);
        }
        fixture.make_keys(actors).await;
        fixture.close_accounts().await;
        app = fixture.app;
        app.stop_worker().await;
        app.leave_jobs();
        fixture.app = app;
        let public = fixture.places[&Place::Public].get("collection").to_owned();
        for place in [Place::Private, Place::Public] {
            fixture.wait_for_ever(place).await;
            fixture.places.get_mut(&place).unwrap().set("public", &*public);
        }
        fixture
    }

    /// The account itself.
    pub fn login(&self, account: &str) -> Caller {
        self.app.anonymous().with_token(&self.tokens.lock().unwrap()[account])
    }

    pub fn owner(&self, place: Place) -> Caller {
        self.login(Person::Owner.account(place))
    }

    /// Objects that belong to none of the callers.
    async fn others(&self) -> Subject {
        let other = self.login(OTHER);
        let session = other.data("{ viewer { sessions { nodes { id isCurrent } } } }", json!({})).await;
        let mut subject = Subject::default();
        subject.set("theirUpload", upload(&other).await);
        subject.set("theirKey", key(&other, &["COLLECTION_READ"], &Value::Null).await.1);
        subject.set("theirSession", text(&session["viewer"]["sessions"]["nodes"][0]["id"]));
        subject.set("invitation", invitation(&self.login("root")).await);
        subject.set("outsider", &*self.users[OUTSIDER]);
        subject.set("spare", &*self.users[OTHER]);
        subject.set("closed", CLOSED);
        subject.set("login", OTHER);
        subject.set("password", PASSWORD);
        subject
    }

    /// A collection with everything in it.
    async fn place(&self, place: Place, name: &str, mut subject: Subject) -> Subject {
        let owner = self.owner(place);
        let collection = self.collection(place, name).await;
        if place == Place::Private {
            role(&owner, &collection, CLOSED, "EDITOR").await;
            role(&owner, &collection, FORMER, "EDITOR").await;
        }
        let word = format!("{}berry", name.to_lowercase());
        let documents = [("good.md", TEXT.replace("WORD", &word)), ("bad.txt", "  \n ".to_owned())];
        let documents = documents.each_ref().map(|(name, text)| (*name, text.as_str()));
        let operation = text(&owner.ingest_all(&collection, texts(&documents)).await["id"]);
        let find = "query($id: ID!, $operation: ID!, $owner: ID!) {
            collection(id: $id) {
                generations { id }
                members { nodes { id } }
                documents(filter: { uri: \"good.md\" }) { nodes { id chunks { nodes { id } } } }
            }
            collections(filter: { ownerId: $owner }) { edges { cursor node { id } } }
            auditLog(filter: { collectionId: $id, actions: [COLLECTION_CREATE] }) { nodes { id } }
            operations { edges { cursor node { id } } }
            operation(id: $operation) { events { edges { cursor } } }
        }";
        let owner_id = &self.users[Person::Owner.account(place)];
        let found = owner.data(find, json!({ "id": collection, "operation": operation, "owner": owner_id })).await;
        let cursor = |list: &str, id: &str| {
            let edge = found[list]["edges"].as_array().unwrap().iter().find(|edge| edge["node"]["id"] == id);
            text(&edge.unwrap()["cursor"])
        };
        let document = &found["collection"]["documents"]["nodes"][0];
        let chunk = text(&document["chunks"]["nodes"][1]["id"]);
        let (source, sync) = source(&owner, &collection, true).await;
        let sync = sync.unwrap();
        owner.ended(&sync).await;
        subject.set("source", source);
        subject.set("bucket", source_at(&owner, &collection, ("Bucket", bucket()), false).await.0);
        subject.set("site", source_at(&owner, &collection, ("Pages", site()), false).await.0);
        subject.set("sync", sync);
        subject.set("directory", DIRECTORY);
        subject.set("generation", text(&found["collection"]["generations"][0]["id"]));
        subject.set("membership", text(&found["collection"]["members"]["nodes"][0]["id"]));
        subject.set("auditEntry", text(&found["auditLog"]["nodes"][0]["id"]));
        subject.set("name", name);
        subject.set("word", word);
        subject.set("documentUuid", uuid_of(document["id"].as_str().unwrap()));
        subject.set("document", text(&document["id"]));
        subject.set("inner", &*chunk);
        subject.set("chunk", chunk);
        subject.set("collectionCursor", cursor("collections", &collection));
        subject.set("operationCursor", cursor("operations", &operation));
        subject.set("eventCursor", text(&found["operation"]["events"]["edges"][0]["cursor"]));
        let start = self.app.app.services().clock.now() - TimeDelta::hours(12);
        subject.set("feedCursor", URL_SAFE_NO_PAD.encode(format!("1|feed|{}|", start.timestamp_micros())));
        subject.set("ownersUpload", upload(&owner).await);
        subject.set("operation", operation);
        subject.set("collection", collection);
        for (name, person) in [("owner", Person::Owner), ("editor", Person::Editor), ("member", Person::Member)] {
            subject.set(name, &*self.users[person.account(place)]);
        }
        subject.set("memberName", Person::Member.account(place));
        subject
    }

    /// An empty collection with its members.
    async fn collection(&self, place: Place, name: &str) -> String {
        let owner = self.owner(place);
        let input = json!({
            "name": name,
            "isPublic": place == Place::Public,
            // Chunks with parents.
            "chunking": { "hierarchical": { "maxTokens": 16, "overlapTokens": 0 } },
        });
        let collection = owner.create_collection_with(input).await;
        role(&owner, &collection, Person::Editor.account(place), "EDITOR").await;
        role(&owner, &collection, Person::Member.account(place), "VIEWER").await;
        if place == Place::Private {
            role(&owner, &collection, "vi", "VIEWER").await;
        }
        collection
    }

    async fn make_keys(&mut self, actors: &[Actor]) {
        let elsewhere = self.owner(Place::Private).create_collection("Elsewhere").await;
        let soon = self.app.app.services().clock.now() + TimeDelta::minutes(1);
        for actor in actors {
            let (Some(made), Some(account)) = (&actor.key, actor.account) else { continue };
            let mut more = match made.reach {
                Reach::All => json!({}),
                Reach::Asked => json!({ "collectionIds": [self.places[&actor.place].get("collection")] }),
                Reach::Another => json!({ "collectionIds": [elsewhere] }),
            };
            if actor.name.contains("expired") {
                more["expiresAt"] = json!(soon);
            }
            let (secret, id) = key(&self.login(account), &made.actions, &more).await;
            if actor.name.contains("revoked") {
                let revoke = "mutation($id: ID!) { apiKeyRevoke(input: { apiKeyId: $id }) { revokedId } }";
                self.login(account).data(revoke, json!({ "id": id })).await;
            }
            self.keys.insert(actor.name.clone(), secret);
        }
        self.app.clock.advance(120);
    }

    async fn close_accounts(&self) {
        let remove = "mutation($input: CollectionMemberRemoveInput!) {
            collectionMemberRemove(input: $input) { removedUserId }
        }";
        let input = json!({
            "collectionId": self.places[&Place::Private].get("collection"),
            "userId": self.users[FORMER],
        });
        self.owner(Place::Private).data(remove, json!({ "input": input })).await;
        let deactivate = "mutation($id: ID!) { userDeactivate(input: { userId: $id }) { user { isActive } } }";
        let closed = self.login("root").data(deactivate, json!({ "id": self.users[CLOSED] })).await;
        assert_eq!(closed["userDeactivate"]["user"]["isActive"], false);
    }

    /// Adds objects that stay unchanged because the worker has ended: an operation that waits, a collection that is
    /// being deleted, and a document of another user.
    async fn wait_for_ever(&mut self, place: Place) {
        let editor = self.login(Person::Editor.account(place));
        let collection = self.places[&place].get("collection").to_owned();
        let payload = editor.ingest(&collection, texts(&[("waiting.txt", "It waits.")])).await;
        let owner = self.owner(place);
        let removed = self.collection(place, "Removed").await;
        let gone = text(&owner.ingest(&removed, texts(&[("gone.txt", "It goes.")])).await["documents"][0]["id"]);
        let remove = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { deletedId } }";
        owner.data(remove, json!({ "id": removed })).await;

        let other = self.login(OTHER);
        let theirs = other.create_collection(&self.unique()).await;
        let document = text(&other.ingest(&theirs, texts(&[("a.txt", "It is hers.")])).await["documents"][0]["id"]);

        let subject = self.places.get_mut(&place).unwrap();
        subject.set("waiting", text(&payload["operation"]["id"]));
        subject.set("removedUuid", uuid_of(&gone));
        subject.set("removedDocument", gone);
        subject.set("removed", removed);
        subject.set("theirCollection", theirs);
        subject.set("theirDocument", document);
    }

    pub fn subject(&self, place: Place) -> &Subject {
        &self.places[&place]
    }

    fn unique(&self) -> String {
        format!("unique{:06}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// The caller of an actor, with the credential that they have now.
    pub fn caller(&self, actor: &Actor) -> Caller {
        match (&actor.key, actor.account) {
            (Some(_), _) => self.app.anonymous().with_token(&self.keys[&actor.name]),
            (None, Some(account)) => self.login(account),
            (None, None) => self.app.anonymous(),
        }
    }

    /// What an actor asks about in a row: what they may change is changed in a collection of its own.
    pub async fn prepare(&self, row: &Row, actor: &Actor) -> (Caller, Subject) {
        let (mut caller, mut subject) = (self.caller(actor), self.places[&actor.place].clone());
        let expected = expected(row.need, actor);
        let is_allowed = expected == Outcome::Done;
        if row.changes_collection && matches!(expected, Outcome::Done | Outcome::Conflict) {
            caller = self.make_fresh(&mut subject, actor, caller).await;
        }
        if row.deletes_account && is_allowed {
            let name = self.unique();
            self.app.anonymous().register(&name).await;
            caller = self.app.anonymous().log_in(&name).await;
        }
        let unique = self.unique();
        subject.set("email", format!("{unique}@example.org"));
        subject.set("unique", unique);
        // An anonymous caller has no id, and sends that of another account.
        subject.set("self", &*self.users[actor.account.unwrap_or("vi")]);
        let account = actor.account.filter(|_| actor.is_good);
        for name in row.ask.names() {
            match (name, account) {
                ("refresh", _) => subject.set(name, self.refresh.lock().unwrap().clone()),
                ("ownKey", Some(account)) => {
                    subject.set(name, key(&self.login(account), &["COLLECTION_READ"], &Value::Null).await.1);
                }
                ("ownKey", None) => subject.set(name, subject.get("theirKey").to_owned()),
                ("resetToken", _) => {
                    subject.set(name, reset_token(&self.login("root"), &self.users[FORGETFUL]).await);
                }
                ("newInvitation", _) => subject.set(name, invitation(&self.login("root")).await),
                ("ownUpload" | "ownersUpload", Some(_)) if is_allowed => subject.set(name, upload(&caller).await),
                ("ownUpload", Some(account)) => subject.set(name, upload(&self.login(account)).await),
                ("ownUpload", None) => subject.set(name, subject.get("theirUpload").to_owned()),
                _ => {}
            }
        }
        (caller, subject)
    }

    /// A collection to change, with a document and an operation that wait; and the caller who may.
    async fn make_fresh(&self, subject: &mut Subject, actor: &Actor, caller: Caller) -> Caller {
        let collection = self.collection(actor.place, &self.unique()).await;
        let owner = self.owner(actor.place);
        let payload = owner.ingest(&collection, texts(&[("fresh.txt", "It is fresh.")])).await;
        subject.set("document", text(&payload["documents"][0]["id"]));
        subject.set("waiting", text(&payload["operation"]["id"]));
        subject.set("source", source(&owner, &collection, false).await.0);
        subject.set("collection", &*collection);
        match &actor.key {
            Some(made) if made.reach == Reach::Asked => {
                let secret = key(&owner, &made.actions, &json!({ "collectionIds": [collection] })).await.0;
                caller.with_token(&secret)
            }
            _ => caller,
        }
    }

    /// Puts back what an allowed request changed beyond its own collection.
    pub async fn put_back(&self, row: &Row, actor: &Actor, answer: &Value) {
        if let Some(token) = answer["data"]["sessionRefresh"]["refreshToken"].as_str() {
            token.clone_into(&mut self.refresh.lock().unwrap());
        }
        if let (true, Some(account)) = (row.ends_logins, actor.account) {
            let token = self.app.anonymous().log_in(account).await.token().unwrap().to_owned();
            self.tokens.lock().unwrap().insert(account, token);
        }
        let restore = match row.field {
            "Mutation.userDeactivate" => {
                "mutation($id: ID!) { userActivate(input: { userId: $id }) { userErrors { code } } }"
            }
            "Mutation.userRoleSet" => {
                "mutation($id: ID!) { userRoleSet(input: { userId: $id, role: MEMBER }) { userErrors { code } } }"
            }
            _ => return,
        };
        self.login("root").data(restore, json!({ "id": self.users[OTHER] })).await;
        if row.field == "Mutation.userDeactivate" {
            let token = self.app.anonymous().log_in(OTHER).await.token().unwrap().to_owned();
            self.tokens.lock().unwrap().insert(OTHER, token);
        }
    }

    /// Everything that a request must not have changed, seen by the callers concerned.
    pub async fn digest(&self) -> String {
        let mut seen = String::new();
        let collection = "query($id: ID!) { collection(id: $id) {
            id name description status isPublic meta owner { id } documentCount chunkCount totalBytes updatedAt
            members(first: 100) { nodes { user { id } role } }
            documents(first: 100) { nodes { id fileName contentHash status meta chunkCount updatedAt } }
            operations(first: 100) { nodes { id status type totals { documents completed failed cancelled } } }
        } }";
        for place in [Place::Private, Place::Public] {
            let id = self.places[&place].get("collection");
            seen += &self.owner(place).data(collection, json!({ "id": id })).await.to_string();
        }
        let accounts = "{ users(first: 100) { nodes { id username role isActive } } }";
        let users = self.login("root").data(accounts, json!({})).await;
        let is_kept = |user: &&Value| ACCOUNTS.iter().any(|name| user["username"] == *name);
        seen +=
            &json!(users["users"]["nodes"].as_array().unwrap().iter().filter(is_kept).collect::<Vec<_>>()).to_string();
        let other = "{ viewer { apiKeys { nodes { id revokedAt } } } }";
        seen + &self.login(OTHER).data(other, json!({})).await.to_string()
    }

    /// Whether the places for files that others asked about are still empty: filled once more, by who made them.
    pub async fn fill_uploads(&self) {
        let uploads = [
            (self.login(OTHER), self.places[&Place::Private].get("theirUpload")),
            (self.owner(Place::Private), self.places[&Place::Private].get("ownersUpload")),
            (self.owner(Place::Public), self.places[&Place::Public].get("ownersUpload")),
        ];
        for (maker, upload) in uploads {
            let answer = maker.send("PUT", &format!("/uploads/{upload}"), &[], "The first bytes.").await;
            assert_eq!(answer.status, 201, "somebody else filled an upload");
        }
    }
}

/// What can be done in a collection, as `viewerCan` has to say it.
pub fn collection_actions() -> impl Iterator<Item = &'static str> {
    KEY_ACTIONS.into_iter().filter(|action| *action != "COLLECTION_CREATE").chain(["COLLECTION_LEAVE"])
}
