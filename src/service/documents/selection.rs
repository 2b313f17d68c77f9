//! Documents that a caller names, or describes.

use std::collections::HashSet;

use crate::{
    auth::viewer::Viewer,
    db::{Transaction, repo::documents},
    domain::{
        action::Action,
        id::{CollectionId, DocumentId},
    },
    error::{Error, ViolationCode},
    service::{Services, access::forbidden, validate::Violations},
};

/// Documents that are described, not named, and changed by one call.
pub(super) const AT_ONCE: u64 = 500;

/// Rejects a list of ids that is empty or too long.
pub(super) fn check_number(services: &Services, ids: &[DocumentId]) -> Result<(), Error> {
    let most = services.config.limits.ingest_documents;
    let mut violations = Violations::default();
    if ids.is_empty() {
        violations.add(ViolationCode::Required, "ids", "Name at least one document.");
    } else if ids.len() > most {
        violations.add(ViolationCode::TooLong, "ids", format!("Name at most {most} documents in one call."));
    }
    violations.check()
}

/// The collection of documents on which the caller may perform `action`.
///
/// # Errors
/// `Invalid` naming each id that does not exist for the caller, `Forbidden` for documents that they may only read, `Conflict`
/// for documents of different collections.
pub(super) async fn home_of(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    ids: &[DocumentId],
    action: Action,
) -> Result<CollectionId, Error> {
    let reader = tx.reader(viewer.scope());
    let homes = documents::find_homes(&reader, ids, action).await?;
    if ids.iter().any(|id| !homes.contains_key(id)) {
        let seen = documents::find_homes(&reader, ids, Action::CollectionRead).await?;
        let mut violations = Violations::default();
        for (index, id) in ids.iter().enumerate() {
            if !seen.contains_key(id) && !homes.contains_key(id) {
                violations.add(ViolationCode::NotFound, &format!("ids.{index}"), "There is no such document.");
            }
        }
        violations.check()?;
        return Err(forbidden(viewer));
    }
    let collections: HashSet<_> = homes.into_values().collect();
    match (collections.iter().next(), collections.len()) {
        (Some(home), 1) => Ok(*home),
        _ => Err(Error::Conflict("Name documents of one collection only.".into())),
    }
}
