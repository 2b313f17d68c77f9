//! The audit log: lines are added, listed, and removed when they are old.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
    QueryTrait, Select,
};

use super::{
    INSERT_ROWS, collections_among, collections_of, convert, in_allowed, listed,
    lists::{Below, Keyset, all, count_of_all, first_of_all},
    to_count, within,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, audit_entry, collection},
    },
    domain::{
        action::Action,
        audit::{AuditAction, AuditEntry, AuditResult},
        id::{AuditEntryId, CollectionId, UserId},
        page::{Page, PageRequest},
        policy,
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

/// The collections whose entries a scope may read, in parts; `None`: it may read all entries. Administrators see
/// everything, owners what concerns their collections.
fn places(scope: Scope, filter: &AuditFilter) -> Option<Vec<Select<collection::Entity>>> {
    match scope {
        Scope::System => None,
        Scope::Account(caller) if caller.is_admin && policy::rule(Action::AuditRead).admins => None,
        Scope::Anonymous | Scope::Account(_) => Some(match filter.collection {
            Some(id) => vec![collections_among(&[id], scope, Action::AuditRead)],
            None => collections_of(scope, Action::AuditRead),
        }),
    }
}

/// The entries that match a filter, regardless of the caller.
fn matching(filter: &AuditFilter) -> Condition {
    // Says that all of them are meant, where the filter says nothing.
    let mut condition = Condition::all().add(Condition::all());
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

/// The given entries that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[AuditEntryId],
) -> Result<HashMap<AuditEntryId, AuditEntry>, DatabaseError> {
    let entries = audit_entry::Entity::find().filter(audit_entry::Column::Id.is_in(listed(ids.iter().map(|id| id.0))));
    let entries = match places(reader.scope, &AuditFilter::default()) {
        None => entries,
        Some(_) => entries.filter(in_allowed(audit_entry::Column::CollectionId, reader.scope, Action::AuditRead)),
    };
    let entries: Vec<AuditEntry> = convert(entries.all(&reader.executor).await?)?;
    Ok(entries.into_iter().map(|entry| (entry.id, entry)).collect())
}

/// A page of the entries that are visible to the reader, newest first.
pub async fn list(
    reader: &Reader<'_>,
    filter: &AuditFilter,
    page: &PageRequest<AuditEntryId>,
) -> Result<Page<AuditEntry>, DatabaseError> {
    let keyset = Keyset::newest_first(audit_entry::Column::Id, page);
    let entries = audit_entry::Entity::find().filter(matching(filter));
    let rows = match places(reader.scope, filter) {
        None => keyset.page_of(entries).all(&reader.executor).await?,
        Some(collections) => {
            let below = |parents| Below {
                parents,
                parent: collection::Column::Id,
                rows: entries.clone(),
                link: audit_entry::Column::CollectionId,
                page: keyset.clone(),
            };
            let backend = reader.executor.get_database_backend();
            let lists = collections.into_iter().map(|collections| below(collections).statement(backend)).collect();
            all(reader, &first_of_all(lists, &keyset.order(), page.first)).await?
        }
    };
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// How many entries a list has in all.
pub async fn count(reader: &Reader<'_>, filter: &AuditFilter) -> Result<i64, DatabaseError> {
    let entries = audit_entry::Entity::find().filter(matching(filter));
    let Some(collections) = places(reader.scope, filter) else {
        return Ok(to_count(entries.count(&reader.executor).await?));
    };
    let ids = |collections| {
        let entries = entries.clone().filter(within(audit_entry::Column::CollectionId, collections));
        entries.select_only().column(audit_entry::Column::Id).into_query()
    };
    count_of_all(reader, collections.into_iter().map(ids).collect()).await
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
