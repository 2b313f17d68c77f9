//! Extracted texts of documents that are not stored.

use std::collections::{HashMap, HashSet};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{super::reconcile::kept_generations, Aim, go_on, originals::with_originals, totals::renew};
use crate::{
    db::repo::{generations, open_operations},
    domain::{
        collection::Collection,
        generation::Generation,
        id::DocumentId,
        integrity::{DamageKind, Findings},
        scope::Scope,
    },
    error::Error,
    queue::JobError,
    service::Services,
};

/// Documents that are looked up with one statement.
const PAGE: u64 = 500;

/// Looks whether the text of each settled document is there. It is extracted again with the chunks that are cut from it.
pub(super) async fn check(
    services: &Services,
    collection: &Collection,
    aim: Aim,
    findings: &mut Findings,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    for generation in kept_generations(services, collection.id).await? {
        let mut after = None;
        loop {
            go_on(stop)?;
            let reader = services.database.reader(Scope::System);
            let some = generations::stored_texts(&reader, generation.id, after, PAGE).await?;
            let Some((last, _)) = some.last() else { break };
            after = Some(*last);
            let mut missing = HashMap::new();
            for (document, digest) in some.into_iter().filter_map(|(document, digest)| Some((document, digest?))) {
                if !services.blobs.exists(&digest).await.map_err(Error::from)? {
                    missing.insert(document, digest);
                }
            }
            if missing.is_empty() {
                continue;
            }
            if generation.id != collection.generation {
                // Where the active generation has the same text, it is made again for both.
                let ids: Vec<_> = missing.keys().copied().collect();
                for (document, indexed) in generations::indexed(&reader, collection.generation, &ids).await? {
                    if indexed.text.as_ref().map(|text| &text.digest) == missing.get(&document) {
                        missing.remove(&document);
                    }
                }
            }
            let missing = missing.into_keys().collect();
            let lost = extractable(services, missing).await?;
            renew_all(services, &generation, &lost, aim).await?;
            for id in lost {
                findings.add(DamageKind::MissingText, format!("document {id}"), 1, aim == Aim::Repair);
            }
        }
    }
    Ok(())
}

/// Those that no job is about, and whose originals are there. A document whose original is lost has said so.
async fn extractable(services: &Services, mut ids: Vec<DocumentId>) -> Result<Vec<DocumentId>, JobError> {
    let reader = services.database.reader(Scope::System);
    let open: HashSet<_> =
        open_operations::open_revisions(&reader, &ids).await?.into_iter().map(|(document, _)| document).collect();
    ids.retain(|id| !open.contains(id));
    Ok(with_originals(services, &ids).await?.into_iter().collect())
}

async fn renew_all(
    services: &Services,
    generation: &Generation,
    lost: &[DocumentId],
    aim: Aim,
) -> Result<(), JobError> {
    if aim == Aim::Repair && !lost.is_empty() {
        let now = services.clock.now();
        services.database.transaction(|tx| renew(tx, generation, lost, now).boxed()).await?;
    }
    Ok(())
}
