//! The audit log: lines are added, listed, and removed when they are old.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{Direction, INSERT_ROWS, convert, in_allowed, nothing, to_count};
use crate::{
    auth::policy,
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, audit_entry},
    },
    domain::{
        action::Action,
        audit::{AuditAction, AuditEntry, AuditResult},
        id::{AuditEntryId, CollectionId, UserId},
        page::{Page, PageRequest},
        scope::Scope,
    },
};

/// Which entries to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct AuditFilter {
    pub user: Option<UserId>,
    pub collection: Option<CollectionId>,
    pub actions: Vec<AuditAction>,
    pub result: Option<AuditResult>,
    /// From this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
}

/// Administrators see everything, owners what concerns their collections.
fn visible(scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Anonymous => nothing(),
        Scope::Account(caller) if caller.is_admin && policy::rule(Action::AuditRead).admins => Condition::all(),
        Scope::Account(_) => in_allowed(audit_entry::Column::CollectionId, scope, Action::AuditRead),
    }
}

fn matching(scope: Scope, filter: &AuditFilter) -> Condition {
    let mut condition = Condition::all().add(visible(scope));
    if let Some(user) = filter.user {
        condition = condition.add(audit_entry::Column::UserId.eq(user.0));
    }
    if let Some(collection) = filter.collection {
        condition = condition.add(audit_entry::Column::CollectionId.eq(collection.0));
    }
    if !filter.actions.is_empty() {
        condition = condition.add(audit_entry::Column::Action.is_in(filter.actions.iter().map(|value| value.stored())));
    }
    if let Some(result) = filter.result {
        condition = condition.add(audit_entry::Column::Result.eq(result.stored()));
    }
    if let Some(since) = filter.since {
        condition = condition.add(audit_entry::Column::At.gte(since));
    }
    if let Some(until) = filter.until {
        condition = condition.add(audit_entry::Column::At.lt(until));
    }
    condition
}

/// A page of the entries that exist for the reader, newest first.
pub async fn list(
    reader: &Reader<'_>,
    filter: &AuditFilter,
    page: &PageRequest<AuditEntryId>,
) -> Result<Page<AuditEntry>, DatabaseError> {
    let mut query = audit_entry::Entity::find()
        .filter(matching(reader.scope, filter))
        .order_by_desc(audit_entry::Column::Id)
        .limit(u64::from(page.first) + 1);
    if let Some(after) = page.after {
        query = query.filter(Direction::Descending.after(audit_entry::Column::Id, after.0));
    }
    Ok(Page::from_overfetched(convert(query.all(&reader.executor).await?)?, page.first))
}

/// How many entries a list has in all.
pub async fn count(reader: &Reader<'_>, filter: &AuditFilter) -> Result<i64, DatabaseError> {
    Ok(to_count(audit_entry::Entity::find().filter(matching(reader.scope, filter)).count(&reader.executor).await?))
}

/// Adds entries.
pub async fn insert_many(tx: &Transaction<'_>, entries: Vec<AuditEntry>) -> Result<(), DatabaseError> {
    let rows: Vec<_> = entries.into_iter().map(|entry| audit_entry::Model::from(entry).into_active_model()).collect();
    for part in rows.chunks(INSERT_ROWS) {
        audit_entry::Entity::insert_many(part.to_vec()).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// Removes entries from before `moment`.
pub async fn delete_before(tx: &Transaction<'_>, moment: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let old = audit_entry::Entity::delete_many().filter(audit_entry::Column::At.lt(moment));
    Ok(old.exec(&tx.connection).await?.rows_affected)
}
