//! Operations, their documents and their events.

use std::collections::HashMap;

use super::{
    EventCount, ItemFilter, ItemList, OperationCount, OperationFilter, QueuePosition, Rows, load_by_key, load_under,
};
use crate::{
    db::{
        DatabaseError, Reader,
        repo::{operation_documents, operation_events, operations},
    },
    domain::{
        id::{CollectionId, OperationId},
        operation::{Operation, OperationDocument, OperationEvent},
        page::{Page, PageRequest},
    },
    error::Error,
};

load_by_key!(OperationId => Operation: operations::find_many);
load_by_key!(QueuePosition => i64: queue_positions);
load_under!(CollectionId, PageRequest<OperationId> => Page<Operation>: operations::list_of_collections);
load_under!(CollectionId, OperationCount => i64: count_of_collections);
load_under!(OperationId, ItemList => Page<OperationDocument>: operation_documents::list);
load_under!(OperationId, ItemFilter => i64: operation_documents::count);
load_under!(OperationId, PageRequest<i32> => Page<OperationEvent>: operation_events::list);
load_under!(OperationId, EventCount => i64: count_events);

async fn queue_positions(
    reader: &Reader<'_>,
    keys: &[QueuePosition],
) -> Result<HashMap<QueuePosition, i64>, DatabaseError> {
    let operations: Vec<_> = keys.iter().map(|key| key.0).collect();
    let positions = operations::queue_positions(reader, &operations).await?;
    Ok(positions.into_iter().map(|(operation, position)| (QueuePosition(operation), position)).collect())
}

async fn count_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    _: &OperationCount,
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    operations::count_of_collections(reader, collections).await
}

async fn count_events(
    reader: &Reader<'_>,
    operations: &[OperationId],
    _: &EventCount,
) -> Result<HashMap<OperationId, i64>, DatabaseError> {
    operation_events::count(reader, operations).await
}

impl Rows {
    /// A page of operations, newest first.
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        page: &PageRequest<OperationId>,
    ) -> Result<Page<Operation>, Error> {
        Ok(operations::list(&self.reader(), filter, page).await?)
    }

    /// How many operations there are.
    pub async fn count_operations(&self, filter: &OperationFilter) -> Result<i64, Error> {
        Ok(operations::count(&self.reader(), filter).await?)
    }
}
