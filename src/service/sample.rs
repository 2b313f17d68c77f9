//! The sample: Docent's own documentation as a public collection, so that the first search of a new server works at once.

use std::sync::Arc;

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

/// The account that owns the sample. It can't log in.
const OWNER: &str = "docent";
/// The collection's name.
pub const NAME: &str = "Docent documentation";
/// The documents, by file name.
const DOCUMENTS: &[(&str, &str)] = &[
    ("README.md", include_str!("../../README.md")),
    ("ARCHITECTURE.md", include_str!("../../ARCHITECTURE.md")),
    ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md")),
    ("CHANGELOG.md", include_str!("../../CHANGELOG.md")),
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
    let request = IngestRequest {
        collection: collection.id,
        documents: DOCUMENTS
            .iter()
            .map(|(name, text)| IngestDocument {
                content: IngestContent::Text((*text).to_owned()),
                file_name: Some((*name).to_owned()),
                uri: None,
                meta: None,
            })
            .collect(),
        idempotency_key: None,
    };
    documents::ingest(services, &viewer, request).await?;
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
        description: Some("What Docent is, how to use it, and how it is built. Ask it a question.".to_owned()),
        is_public: true,
        ..NewCollection::default()
    };
    collections::create(services, viewer, input).await
}
