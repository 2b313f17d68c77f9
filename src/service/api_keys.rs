//! API keys: created, shown once, revoked.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::{
    Services,
    audit::Deed,
    frame::{Done, attempt, change},
    validate::{MAX_NAME, Violations},
};
use crate::{
    auth::{
        secret::{Secret, SecretKind},
        viewer::Viewer,
    },
    db::{
        Transaction,
        repo::{api_keys, collections},
    },
    domain::{
        action::{Action, ActionSet},
        api_key::ApiKey,
        audit::AuditAction,
        id::{ApiKeyId, CollectionId, UserId},
        policy,
        scope::Scope,
        vocabulary::Vocabulary,
    },
    error::{Error, ViolationCode},
};

/// A new API key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewApiKey {
    pub name: String,
    pub actions: Vec<Action>,
    /// The collections that it can access; `None`: all that its owner can access, including later ones.
    pub collections: Option<Vec<CollectionId>>,
    /// The documents that it can run, by their ids; `None`: all.
    pub documents: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub points_per_minute: Option<i32>,
    pub points_budget: Option<i64>,
}

/// Maximum number of collections that a key can name.
const MAX_COLLECTIONS: usize = 100;
/// Maximum number of documents that a key can name.
const MAX_DOCUMENTS: usize = 100;
/// Maximum length of the id of a document, in bytes.
const MAX_DOCUMENT_ID: usize = 200;

/// Creates a key of the caller. It can perform an action if the key names it and its owner is allowed to at that
/// moment.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for a key, `Invalid` for the input, `Conflict` for too many keys.
pub async fn create(services: &Services, viewer: &Viewer, input: NewApiKey) -> Result<(ApiKey, Secret), Error> {
    let tried = Deed::new(AuditAction::ApiKeyCreate);
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require(Action::AccountManage)?, services.clock.now());
        let input = checked(services, viewer, input, now).await?;
        let secret = Secret::generate(SecretKind::ApiKey);
        let key = new_key(user, input, &secret, now);
        let (digest, most) = (secret.digest(), services.config.auth.api_keys_per_account);
        change(services, viewer, &tried, now, |tx| insert(tx, &key, &digest, most, now).boxed()).await?;
        Ok((key, secret))
    })
    .await
}

/// The input with a trimmed name and each collection once.
async fn checked(
    services: &Services,
    viewer: &Viewer,
    input: NewApiKey,
    now: DateTime<Utc>,
) -> Result<NewApiKey, Error> {
    let mut violations = Violations::default();
    let name = violations.text("name", "the key's name", &input.name, MAX_NAME);
    if input.actions.is_empty() {
        violations.add(ViolationCode::Required, "actions", "Choose at least one action that the key allows.");
    }
    for (index, action) in input.actions.iter().enumerate() {
        if !policy::rule(*action).keys {
            let message = format!("{} is not possible with a key. Leave it out.", action.as_str());
            violations.add(ViolationCode::Invalid, &format!("actions.{index}"), message);
        }
    }
    if input.expires_at.is_some_and(|end| end <= now) {
        violations.add(ViolationCode::Invalid, "expiresAt", "Choose a time in the future.");
    }
    if input.points_per_minute.is_some_and(|points| points < 1) {
        violations.add(ViolationCode::Invalid, "pointsPerMinute", "Give at least one point a minute, or no limit.");
    }
    if input.points_budget.is_some_and(|points| points < 1) {
        violations.add(ViolationCode::Invalid, "pointsBudget", "Give at least one point, or no budget.");
    }
    if let Some(ids) = &input.documents {
        let is_id = |id: &String| !id.is_empty() && id.len() <= MAX_DOCUMENT_ID;
        if ids.is_empty() || ids.len() > MAX_DOCUMENTS || !ids.iter().all(is_id) {
            let message =
                format!("Name between 1 and {MAX_DOCUMENTS} documents by their ids, or leave them out for all.");
            violations.add(ViolationCode::Invalid, "documentIds", message);
        }
    }
    if let Some(ids) = &input.collections {
        if ids.is_empty() || ids.len() > MAX_COLLECTIONS {
            let message = format!("Name between 1 and {MAX_COLLECTIONS} collections, or leave them out for all.");
            violations.add(ViolationCode::Invalid, "collectionIds", message);
            return Err(violations.check().err().unwrap_or(Error::NotFound("collection")));
        }
        let found = collections::find_many(&services.database.reader(viewer.scope()), ids).await?;
        for (index, _) in ids.iter().enumerate().filter(|(_, id)| !found.contains_key(id)) {
            let path = format!("collectionIds.{index}");
            violations.add(ViolationCode::NotFound, &path, "There is no such collection.");
        }
    }
    violations.check()?;
    let collections = input.collections.map(|mut ids| {
        ids.sort_unstable();
        ids.dedup();
        ids
    });
    Ok(NewApiKey { name, collections, ..input })
}

fn new_key(user: UserId, input: NewApiKey, secret: &Secret, now: DateTime<Utc>) -> ApiKey {
    ApiKey {
        id: ApiKeyId::generate(),
        user_id: user,
        name: input.name,
        prefix: secret.recognised(),
        actions: input.actions.into_iter().collect::<ActionSet>(),
        collections: input.collections,
        documents: input.documents,
        points_per_minute: input.points_per_minute,
        points_budget: input.points_budget,
        points_spent: 0,
        created_at: now,
        expires_at: input.expires_at,
        last_used_at: None,
        revoked_at: None,
    }
}

async fn insert(
    tx: &Transaction<'_>,
    new: &ApiKey,
    digest: &str,
    most: usize,
    now: DateTime<Utc>,
) -> Result<Done<()>, Error> {
    if api_keys::count_good(tx, new.user_id, now).await? >= i64::try_from(most).unwrap_or(i64::MAX) {
        return Err(Error::Conflict(format!("You already have {most} keys. Revoke one first.")));
    }
    api_keys::insert(tx, new, digest.to_owned()).await?;
    Ok(Done::This((), Deed::new(AuditAction::ApiKeyCreate).to(new.id)))
}

/// Revokes a key of the caller. Revoking it again succeeds.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for a key, `NotFound`.
pub async fn revoke(services: &Services, viewer: &Viewer, id: ApiKeyId) -> Result<ApiKey, Error> {
    let tried = Deed::new(AuditAction::ApiKeyRevoke).to(id);
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require(Action::AccountManage)?, services.clock.now());
        change(services, viewer, &tried, now, |tx| revoke_own(tx, viewer.scope(), user, id, now).boxed()).await
    })
    .await
}

async fn revoke_own(
    tx: &Transaction<'_>,
    scope: Scope,
    user: UserId,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<Done<ApiKey>, Error> {
    const MISSING: Error = Error::NotFound("API key");
    if !api_keys::revoke(tx, user, id, now).await? {
        return Err(MISSING);
    }
    let revoked = api_keys::find_many(&tx.reader(scope), &[id]).await?.remove(&id);
    Ok(Done::AsTried(revoked.ok_or(MISSING)?))
}
