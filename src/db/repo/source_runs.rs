//! Syncs of sources.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait,
    Select,
};

use super::{
    in_allowed,
    lists::{Below, Keyset, pages},
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{source, source_run},
    },
    domain::{
        action::Action,
        id::{SourceId, SourceRunId},
        page::{Page, PageRequest},
        scope::Scope,
        source::SourceRun,
    },
};

/// Which runs to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct RunFilter {
    /// Those that have something to say, or not.
    pub has_error: Option<bool>,
}

/// A list of runs: the same for many sources at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RunList {
    pub filter: RunFilter,
    pub page: PageRequest<SourceRunId>,
}

/// The runs that match a filter, regardless of the caller.
fn matching(filter: &RunFilter) -> Condition {
    match filter.has_error {
        Some(true) => Condition::all().add(source_run::Column::Error.is_not_null()),
        Some(false) => Condition::all().add(source_run::Column::Error.is_null()),
        None => Condition::all(),
    }
}

/// Those of the sources whose runs are visible to the scope.
fn among(sources: &[SourceId], scope: Scope) -> Select<source::Entity> {
    source::Entity::find().filter(source::Column::Id.is_in(sources.iter().map(|id| id.0))).filter(in_allowed(
        source::Column::CollectionId,
        scope,
        Action::OperationRead,
    ))
}

/// The given runs of sources that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[SourceRunId],
) -> Result<HashMap<SourceRunId, SourceRun>, DatabaseError> {
    let visible = source::Entity::find().select_only().column(source::Column::Id).filter(in_allowed(
        source::Column::CollectionId,
        reader.scope,
        Action::OperationRead,
    ));
    let rows = source_run::Entity::find()
        .filter(source_run::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(source_run::Column::SourceId.in_subquery(visible.into_query()))
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|row| (SourceRunId(row.id), row.into())).collect())
}

/// The same page of the runs of each of several sources, newest first.
pub async fn list(
    reader: &Reader<'_>,
    sources: &[SourceId],
    list: &RunList,
) -> Result<HashMap<SourceId, Page<SourceRun>>, DatabaseError> {
    let RunList { filter, page } = list;
    let below = Below {
        parents: among(sources, reader.scope),
        parent: source::Column::Id,
        rows: source_run::Entity::find().filter(matching(filter)),
        link: source_run::Column::SourceId,
        page: Keyset::newest_first(source_run::Column::Id, page),
    };
    let runs: Vec<SourceRun> = below.of_each(reader).await?.into_iter().map(Into::into).collect();
    Ok(pages(runs.into_iter().map(|run| (run.source_id, run)), page.first))
}

/// How many runs of a filter each of several sources has had.
pub async fn count(
    reader: &Reader<'_>,
    sources: &[SourceId],
    filter: &RunFilter,
) -> Result<HashMap<SourceId, i64>, DatabaseError> {
    let visible = among(sources, reader.scope).select_only().column(source::Column::Id);
    let rows: Vec<(uuid::Uuid, i64)> = source_run::Entity::find()
        .select_only()
        .column(source_run::Column::SourceId)
        .column_as(source_run::Column::Id.count(), "runs")
        .filter(source_run::Column::SourceId.in_subquery(visible.into_query()))
        .filter(matching(filter))
        .group_by(source_run::Column::SourceId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (SourceId(id), count)).collect())
}

/// The run that a transaction works on.
pub async fn lock(tx: &Transaction<'_>, id: SourceRunId) -> Result<Option<SourceRun>, DatabaseError> {
    Ok(source_run::Entity::find_by_id(id.0).lock_exclusive().one(&tx.connection).await?.map(Into::into))
}

/// Adds a run.
pub async fn insert(tx: &Transaction<'_>, new: SourceRun) -> Result<(), DatabaseError> {
    source_run::Model::from(new).into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Writes all of a run.
pub async fn update(tx: &Transaction<'_>, changed: SourceRun) -> Result<(), DatabaseError> {
    source_run::Model::from(changed).into_active_model().reset_all().update(&tx.connection).await?;
    Ok(())
}
