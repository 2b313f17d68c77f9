//! Sources and their runs.

use std::collections::HashMap;

use super::{RunCount, SourceCount, load_by_key, load_under};
use crate::{
    db::{
        DatabaseError, Reader,
        repo::{source_runs, sources},
    },
    domain::{
        id::{CollectionId, SourceId, SourceRunId},
        page::{Page, PageRequest},
        source::{Source, SourceRun},
    },
};

load_by_key!(SourceId => Source: sources::find_many);
load_by_key!(SourceRunId => SourceRun: source_runs::find_many);
load_under!(CollectionId, PageRequest<SourceId> => Page<Source>: sources::list_of_collections);
load_under!(CollectionId, SourceCount => i64: count_of_collections);
load_under!(SourceId, PageRequest<SourceRunId> => Page<SourceRun>: source_runs::list);
load_under!(SourceId, RunCount => i64: count_runs);

async fn count_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    _: &SourceCount,
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    sources::count_of_collections(reader, collections).await
}

async fn count_runs(
    reader: &Reader<'_>,
    sources: &[SourceId],
    _: &RunCount,
) -> Result<HashMap<SourceId, i64>, DatabaseError> {
    source_runs::count(reader, sources).await
}
