//! Collections.

use super::{CollectionFilter, CollectionKey, CollectionSort, Direction, Rows, load_by_key};
use crate::{
    db::repo::collections,
    domain::{
        collection::Collection,
        id::CollectionId,
        page::{Page, PageRequest},
    },
    error::Error,
};

load_by_key!(CollectionId => Collection: collections::find_many);

impl Rows {
    /// A page of collections.
    pub async fn collections(
        &self,
        filter: &CollectionFilter,
        order: (CollectionSort, Direction),
        page: &PageRequest<CollectionKey>,
    ) -> Result<Page<Collection>, Error> {
        Ok(collections::list(&self.reader(), filter, order, page).await?)
    }

    /// How many collections there are.
    pub async fn count_collections(&self, filter: &CollectionFilter) -> Result<i64, Error> {
        Ok(collections::count(&self.reader(), filter).await?)
    }
}
