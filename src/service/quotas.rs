//! Quotas of original bytes for accounts and collections. New content is written first, then compared with the quota,
//! and rolled back if it is too much.

use crate::{
    config::LimitsConfig,
    db::{Transaction, repo::stored_bytes},
    domain::{collection::Collection, id::UserId},
    error::{Error, ViolationCode},
};

/// Rejects documents for which a collection, or the account that owns it, has no quota left. Concurrent calls for
/// several collections of one account may each see the quota that was left before.
pub(super) async fn check_documents(
    tx: &Transaction<'_>,
    limits: &LimitsConfig,
    collection: &Collection,
    new_bytes: i64,
) -> Result<(), Error> {
    let refused = |whose: &str, quota: u64, bytes: i64| {
        let message = format!(
            "{whose} can store {quota} bytes of files; with these documents there would be {bytes}. Delete documents, or \
             ask the server's administrator for more room."
        );
        Error::invalid(ViolationCode::LimitExceeded, "documents", message)
    };
    let quota = limits.stored_bytes_per_collection;
    if quota > 0 {
        let bytes = collection.total_bytes + new_bytes + stored_bytes::on_their_way(tx, collection.id).await?;
        if exceeds(bytes, quota) {
            return Err(refused("This collection", quota, bytes));
        }
    }
    let quota = limits.stored_bytes_per_account;
    if quota > 0 {
        let bytes = stored_bytes::of_account(tx, collection.owner_id).await?;
        if exceeds(bytes, quota) {
            return Err(refused("The account that owns this collection", quota, bytes));
        }
    }
    Ok(())
}

/// Rejects an upload for which an account has no quota left: with `coming` bytes more than are recorded.
pub(super) async fn check_upload(
    tx: &Transaction<'_>,
    limits: &LimitsConfig,
    user: UserId,
    coming: i64,
) -> Result<(), Error> {
    let quota = limits.stored_bytes_per_account;
    if quota > 0 && exceeds(stored_bytes::of_account(tx, user).await?.saturating_add(coming), quota) {
        return Err(Error::LimitExceeded(format!(
            "Your account can store {quota} bytes of files, and this file would exceed that. Delete documents, or ask the \
             server's administrator for more room."
        )));
    }
    Ok(())
}

fn exceeds(bytes: i64, quota: u64) -> bool {
    u64::try_from(bytes).unwrap_or(0) > quota
}
