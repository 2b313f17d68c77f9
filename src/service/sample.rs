//! The sample: a public collection of short texts, so that the first search of a new server works at once.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    Services,
    collections::{self, NewCollection},
    documents::{self, IngestContent, IngestDocument, IngestRequest},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{
            collections::{CollectionFilter, CollectionSort},
            users,
        },
    },
    domain::{
        collection::Collection,
        id::UserId,
        page::PageRequest,
        user::{ServerRole, User},
    },
    error::Error,
};

/// A file of the folder `sample`, with its name.
macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../sample/", $name)).as_slice())
    };
}

/// The account that owns the sample. It can't log in.
const OWNER: &str = "docent";
/// The collection's name.
pub const NAME: &str = "Sample library";
/// The documents, by file name.
const DOCUMENTS: &[(&str, &[u8])] = &[
    sample!("alpengipfel.csv"),
    sample!("beekeeping.docx"),
    sample!("bill-of-rights.txt"),
    sample!("bread.md"),
    sample!("der-suesse-brei.md"),
    sample!("erlkoenig.txt"),
    sample!("fables.md"),
    sample!("gettysburg-address.txt"),
    sample!("jabberwocky.txt"),
    sample!("kompass.html"),
    sample!("letter-from-the-glacier.eml"),
    sample!("lighthouses.html"),
    sample!("loreley.txt"),
    sample!("planets.csv"),
    sample!("sieve.py"),
    sample!("sonnets.txt"),
    sample!("sterntaler.md"),
    sample!("tides.pdf"),
];

/// Loads the sample into a server without users. Repeating it, even after an interruption, changes only what is missing
/// or outdated. Returns the collection, or `None` if an account exists.
///
/// # Errors
/// When a store fails.
pub async fn load(services: &Services) -> Result<Option<Collection>, Error> {
    let Some(owner) = owner(services).await? else { return Ok(None) };
    let viewer = Viewer { user: Some(Arc::new(owner)), ..Viewer::console() };
    let collection = collection(services, &viewer).await?;
    for part in DOCUMENTS.chunks(services.config.limits.ingest_documents) {
        let documents = part.iter().map(|(name, bytes)| IngestDocument {
            content: IngestContent::Inline(Bytes::from_static(bytes)),
            file_name: Some((*name).to_owned()),
            uri: None,
            meta: None,
        });
        let request =
            IngestRequest { collection: collection.id, documents: documents.collect(), idempotency_key: None };
        documents::ingest(services, &viewer, request).await?;
    }
    Ok(Some(collection))
}

/// The sample's account, created if it does not exist; `None` if a user has registered.
async fn owner(services: &Services) -> Result<Option<User>, Error> {
    let now = services.clock.now();
    services.database.transaction(|tx| find_or_insert_owner(tx, now).boxed()).await
}

async fn find_or_insert_owner(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<Option<User>, Error> {
    if users::lock_registration(tx).await? {
        return Ok(None);
    }
    if let Some((user, _)) = users::find_credentials(&tx.credentials(), OWNER).await? {
        return Ok(Some(user));
    }
    let user = User {
        id: UserId::generate(),
        username: OWNER.to_owned(),
        email: "docent@localhost".to_owned(),
        full_name: Some("Docent".to_owned()),
        role: ServerRole::Member,
        is_active: false,
        created_at: now,
        updated_at: now,
    };
    // No password has this hash.
    users::insert(tx, &user, "!".to_owned()).await?;
    Ok(Some(user))
}

async fn collection(services: &Services, viewer: &Viewer) -> Result<Collection, Error> {
    let filter = CollectionFilter { owner: viewer.scope().user_id(), ..CollectionFilter::default() };
    let reader = services.database.reader(viewer.scope());
    let order = (CollectionSort::default(), crate::db::repo::Direction::default());
    let existing = crate::db::repo::collections::list(&reader, &filter, order, &PageRequest::start()).await?;
    if let Some(collection) = existing.items.into_iter().find(|collection| collection.name == NAME) {
        return Ok(collection);
    }
    let input = NewCollection {
        name: NAME.to_owned(),
        description: Some(
            "Tales, poems, tables and notes in English and German, as files of several kinds. Ask it a question."
                .to_owned(),
        ),
        is_public: true,
        ..NewCollection::default()
    };
    collections::create(services, viewer, input).await
}
