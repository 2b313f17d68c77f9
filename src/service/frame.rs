//! The frame of every use case that changes something: a denial is recorded in the audit log, and a change is recorded in
//! the transaction that makes it. So whoever calls a use case (a mutation, a request over HTTP, a command) records
//! nothing itself.

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, future::BoxFuture};

use super::{
    Services,
    audit::{self, Deed},
};
use crate::{auth::viewer::Viewer, db::Transaction, error::Error};

/// Runs a use case. If the caller is denied, the audit log says that they `tried` it.
pub(super) async fn attempt<T>(
    services: &Services,
    viewer: &Viewer,
    tried: &Deed,
    use_case: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let result = use_case.await;
    if let Err(error) = &result {
        services.audit.refused(viewer, tried.clone(), error, services.clock.now());
    }
    result
}

/// The result of a change, and what the audit log says about it.
pub(super) enum Done<T> {
    /// It was done as it was tried.
    AsTried(T),
    /// This was done: the change itself showed what exactly.
    This(T, Deed),
    /// Nothing had to be changed.
    Nothing(T),
}

/// Makes a change in a transaction, and records what was done in the same one. See [`Database::transaction`] for `body`.
///
/// [`Database::transaction`]: crate::db::Database::transaction
pub(super) async fn change<'env, T, F>(
    services: &Services,
    viewer: &'env Viewer,
    tried: &'env Deed,
    now: DateTime<Utc>,
    body: F,
) -> Result<T, Error>
where
    T: Send + 'env,
    F: for<'t> Fn(&'t Transaction<'env>) -> BoxFuture<'t, Result<Done<T>, Error>> + Clone + Send + Sync + 'env,
{
    services
        .database
        .transaction(move |tx| {
            let body = body.clone();
            async move {
                let (value, deed) = match body(tx).await? {
                    Done::AsTried(value) => (value, tried.clone()),
                    Done::This(value, deed) => (value, deed),
                    Done::Nothing(value) => return Ok::<_, Error>(value),
                };
                audit::done(tx, viewer, deed, now).await?;
                Ok(value)
            }
            .boxed()
        })
        .await
}
