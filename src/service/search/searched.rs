//! The collections that a question is asked of, by the calls that they take.
//!
//! They are found again only when a collection, its readers or its active generation has changed.

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::Arc,
};

use super::SearchRequest;
use crate::{
    auth::viewer::Viewer,
    db::{
        Database, DatabaseError, Reader,
        repo::collections::{self, SearchTarget},
    },
    domain::{
        action::Action,
        generation::{ModelKey, Placement},
        id::{CollectionId, GenerationId},
        page::Page,
        scope::Scope,
    },
    error::Error,
    service::{Services, recent::Recent},
};

/// Answers that are remembered. The largest has ten thousand collections, which take half a megabyte.
const MOST: NonZeroUsize = NonZeroUsize::new(200).unwrap();

/// From so many generations in a placement on, it is worth a statement to know whether there are others. Leaving others out costs
/// an engine as much as a search among a few hundred.
const MANY: usize = 50;

/// Who searches one generation reads what is in it, and sees what only those see who may change the collection.
const GENERATION_SEARCH: [Action; 2] = [Action::CollectionRead, Action::CollectionUpdate];

/// What callers searched a moment ago.
pub struct Searchable(Recent<(Scope, Option<Vec<CollectionId>>), Arc<Searched>>);

impl Default for Searchable {
    fn default() -> Self {
        Self(Recent::new(MOST, Database::searchable_changes))
    }
}

/// The collections that are searched.
pub(super) struct Searched {
    /// Ordered, so that ties between placements always end the same way.
    pub(super) places: Vec<Place>,
    /// The collections of the generations.
    pub(super) homes: HashMap<GenerationId, CollectionId>,
    /// Whether there are further ones that the caller can search.
    pub(super) is_partial: bool,
}

/// A placement, the model of its vectors, and the generations to search there.
pub(super) struct Place {
    pub(super) placement: Placement,
    pub(super) model: ModelKey,
    pub(super) generations: Arc<[GenerationId]>,
    /// Whether these are all that the placement has.
    pub(super) is_whole: bool,
}

/// The generation that the question names, else the collections that it names, else all that the caller can read.
///
/// # Errors
/// `NotFound` for a named generation or collection that does not exist for the caller.
pub(super) async fn find(
    services: &Services,
    viewer: &Viewer,
    request: &SearchRequest,
) -> Result<Arc<Searched>, Error> {
    let reader = services.database.reader(viewer.scope());
    if let Some(id) = request.generation {
        let target = collections::generation_target(&reader, id, &GENERATION_SEARCH).await?;
        let target = target.ok_or(Error::NotFound("generation"))?;
        return Ok(Arc::new(Searched::new(&reader, vec![target], false).await?));
    }
    let most = services.config.search.max_collections;
    let named: Option<BTreeSet<_>> = request.collections.as_ref().map(|ids| ids.iter().copied().collect());
    let named: Option<Vec<_>> = named.map(|ids| ids.into_iter().collect());
    let read = async {
        let Page { items, has_next_page } = match &named {
            Some(ids) => collections::named_targets(&reader, ids).await?,
            None => collections::all_targets(&reader, most).await?,
        };
        let has_all = named.as_ref().is_none_or(|ids| ids.len() == items.len());
        let searched = Searched::new(&reader, items, has_next_page).await?;
        // A collection that is missing may appear at any moment.
        Ok(has_all.then(|| Arc::new(searched)))
    };
    let found = services.searchable.0.get((viewer.scope(), named.clone()), &services.database, read).await?;
    found.ok_or(Error::NotFound("collection"))
}

impl Searched {
    async fn new(reader: &Reader<'_>, targets: Vec<SearchTarget>, is_partial: bool) -> Result<Self, DatabaseError> {
        let homes = targets.iter().map(|target| (target.generation, target.id)).collect();
        let mut groups: HashMap<(Placement, ModelKey), Vec<GenerationId>> = HashMap::new();
        for SearchTarget { generation, placement, model, .. } in targets {
            groups.entry((placement, model)).or_default().push(generation);
        }
        let mut places = Vec::with_capacity(groups.len());
        for ((placement, model), generations) in groups {
            let is_whole = !is_partial
                && generations.len() >= MANY
                && collections::can_search_all_of(reader, &placement.name).await?;
            places.push(Place { placement, model, generations: generations.into(), is_whole });
        }
        places.sort_unstable_by(|one, other| {
            (&one.placement, one.model.parts()).cmp(&(&other.placement, other.model.parts()))
        });
        Ok(Self { places, homes, is_partial })
    }

    pub(super) fn models(&self) -> impl Iterator<Item = &ModelKey> {
        self.places.iter().map(|place| &place.model)
    }
}
