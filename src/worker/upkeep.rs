//! What has to be done now and then without anybody asking: indexes built, old uploads removed.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    db::repo::{collections, uploads},
    domain::scope::Scope,
    error::Error,
    service::Services,
    vector::Placement,
};

pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    // What was being written when the last process ended is nobody's.
    match services.blobs.sweep_temporary(services.clock.now()).await {
        Ok(0) => {}
        Ok(files) => debug!(files, "unfinished files removed"),
        Err(error) => warn!(error = &error as &dyn std::error::Error, "unfinished files can't be removed now"),
    }
    let mut tick = tokio::time::interval(Duration::from_secs(services.config.vector.optimize_interval_seconds));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = optimize(&services).await {
            warn!(error = &error as &dyn std::error::Error, "vectors can't be optimised now");
        }
        if let Err(error) = remove_expired_uploads(&services).await {
            warn!(error = &error as &dyn std::error::Error, "old uploads can't be removed now");
        }
    }
}

async fn optimize(services: &Services) -> Result<(), Error> {
    for name in collections::placements(&services.database.reader(Scope::System)).await? {
        let placement = Placement { name, dimension: services.embedder.model().dimension };
        if services.vectors.optimize(&placement).await? {
            debug!(placement = placement.name, "placement optimised");
        }
    }
    Ok(())
}

async fn remove_expired_uploads(services: &Services) -> Result<(), Error> {
    let now = services.clock.now();
    let removed = services
        .database
        .transaction(|tx| async move { Ok::<_, Error>(uploads::delete_expired(tx, now).await?) }.boxed())
        .await?;
    if removed > 0 {
        debug!(uploads = removed, "expired uploads removed");
    }
    Ok(())
}
