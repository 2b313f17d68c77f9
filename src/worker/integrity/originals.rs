//! Originals: those that documents lack, those that nothing needs, and those whose bytes have changed.

use std::collections::HashSet;

use futures_util::{FutureExt, TryStreamExt, stream::TryChunksError};
use tokio_util::sync::CancellationToken;

use super::{
    super::upkeep::{MIN_AGE, SWEEP_SLICE, remove_if_unused},
    Aim, go_on,
};
use crate::{
    blob::BlobError,
    db::{
        Transaction,
        repo::{documents, originals},
    },
    domain::{
        id::DocumentId,
        integrity::{DamageKind, Findings},
        scope::Scope,
    },
    error::Error,
    queue::JobError,
    service::{Services, documents::lose_original},
};

/// Documents that are looked up with one statement.
const PAGE: u64 = 500;

/// Looks whether the original of each settled document is there. Those of others are looked for by their jobs.
pub(super) async fn check_documents(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let mut after = None;
    loop {
        go_on(stop)?;
        let reader = services.database.reader(Scope::System);
        let some = documents::settled_originals(&reader, after, PAGE).await?;
        let Some((last, _)) = some.last() else { return Ok(()) };
        after = Some(*last);
        for (document, digest) in some.into_iter().filter_map(|(document, digest)| Some((document, digest?))) {
            if services.blobs.exists(&digest).await.map_err(Error::from)? {
                continue;
            }
            // What was lost does not come back by itself, so it counts as damage until its owner ingests it again.
            tell_of_loss(services, aim, &[document], &digest).await?;
            findings.add(DamageKind::MissingOriginal, format!("document {document}"), 1, false);
        }
    }
}

/// Those of the documents whose originals are there. The others can't be made again.
pub(super) async fn with_originals(services: &Services, ids: &[DocumentId]) -> Result<HashSet<DocumentId>, JobError> {
    let found = documents::find_many(&services.database.reader(Scope::System), ids).await?;
    let mut there = HashSet::new();
    for document in found.values() {
        if services.blobs.exists(&document.content.file.digest).await.map_err(Error::from)? {
            there.insert(document.id);
        }
    }
    Ok(there)
}

async fn tell_of_loss(services: &Services, aim: Aim, documents: &[DocumentId], digest: &str) -> Result<(), JobError> {
    if aim == Aim::Report {
        return Ok(());
    }
    let now = services.clock.now();
    for id in documents.iter().copied() {
        let lose =
            services.database.transaction(|tx| lose_original(tx, services, Scope::System, id, digest, now).boxed());
        lose.await?;
    }
    Ok(())
}

/// Reads every original and every text, and compares its bytes with its digest.
pub(super) async fn check_bytes(
    services: &Services,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let reader = services.database.reader(Scope::System);
    let now = services.clock.now();
    let mut slices = services.blobs.originals(now).try_chunks(SWEEP_SLICE);
    while let Some(digests) = slices.try_next().await.map_err(|TryChunksError(_, error)| Error::from(error))? {
        let needed = originals::needed(&reader, &digests).await?;
        for digest in &digests {
            go_on(stop)?;
            if needed.contains(digest) {
                check_digest(services, digest, aim, findings).await?;
            } else if services.blobs.is_older(digest, now - MIN_AGE).await.map_err(Error::from)? {
                let remove = aim == Aim::Repair;
                if remove {
                    let before = now - MIN_AGE;
                    services.database.transaction(|tx| remove_if_unused(tx, services, digest, before).boxed()).await?;
                }
                findings.add(DamageKind::UnreferencedOriginal, format!("original or text {digest}"), 1, remove);
            }
        }
    }
    Ok(())
}

/// Bytes that have changed are set aside: the owners of their documents have others, or a copy.
async fn check_digest(services: &Services, digest: &str, aim: Aim, findings: &mut Findings) -> Result<(), JobError> {
    match services.blobs.verify(digest).await {
        // Removed meanwhile.
        Ok(true) | Err(BlobError::NotFound { .. }) => return Ok(()),
        Ok(false) => {}
        Err(error) => return Err(Error::from(error).into()),
    }
    fail::fail_point!(&format!("bytes-changed-{digest}"));
    let documents = documents::settled_with_original(&services.database.reader(Scope::System), digest).await?;
    if aim == Aim::Repair {
        if !services.database.transaction(|tx| set_aside(tx, services, digest).boxed()).await? {
            return Ok(());
        }
        tell_of_loss(services, aim, &documents, digest).await?;
    }
    // A text is missing now, which is repaired; an original must be ingested again.
    let is_repaired = aim == Aim::Repair && documents.is_empty();
    findings.add(DamageKind::WrongDigest, format!("original or text {digest}"), 1, is_repaired);
    Ok(())
}

/// Takes bytes out of the store if they are still not those of their digest, now that this is locked: they may have been
/// stored again meanwhile, and whoever did so looks for them under the same lock. Returns whether they were.
async fn set_aside(tx: &Transaction<'_>, services: &Services, digest: &str) -> Result<bool, Error> {
    originals::take(tx, digest).await?;
    match services.blobs.verify(digest).await {
        Ok(false) => services.blobs.set_aside(digest).await?,
        Ok(true) | Err(BlobError::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}
