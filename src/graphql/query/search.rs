//! Search.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use crate::{
    domain::search,
    graphql::{
        context::ContextExt,
        global_id,
        pagination::{self, HitPosition},
        scalars::Cursor,
        types::{GenerationComparison, SearchConnection},
    },
    service::search::{
        SearchRequest,
        compare::{CompareRequest, compare},
        search,
    },
};

/// Which legs to use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchMode")]
pub enum SearchMode {
    /// By meaning and by words. Reciprocal rank fusion combines the two rankings.
    Hybrid,
    /// By meaning only: nearest embeddings.
    Semantic,
    /// By words only: BM25.
    Lexical,
}

/// What a hit represents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchGroup")]
pub enum SearchGroup {
    /// Each matching chunk is a hit.
    Chunk,
    /// The best chunk of each document is a hit.
    Document,
}

/// A search.
#[derive(InputObject)]
pub struct SearchInput {
    /// The question, in plain words. `server.limits.queryCharacters` is the maximum length.
    query: String,
    /// The collections to search. Default: all that the viewer can read. An id that does not exist gives NOT_FOUND.
    collection_ids: Option<Vec<ID>>,
    /// The generation to search, in any state, instead of those that are active. Needs COLLECTION_UPDATE; without it,
    /// NOT_FOUND. Can't be combined with `collectionIds`.
    generation_id: Option<ID>,
    /// Which legs to use. Default: HYBRID.
    mode: Option<SearchMode>,
    /// What a hit represents. Default: CHUNK.
    group_by: Option<SearchGroup>,
    /// Leave out hits with a lower score. What a score means depends on the mode. Default: keep all.
    min_score: Option<f32>,
    /// Whether the search fails if a leg fails (UNAVAILABLE) or if there are too many collections
    /// (COST_LIMIT_EXCEEDED). Otherwise `legs` and `isPartial` report the problem, and the result is based on the
    /// rest. Default: false.
    strict: Option<bool>,
}

/// Questions to two generations of collections.
#[derive(InputObject)]
pub struct GenerationCompareInput {
    /// The first generation.
    generation_id: ID,
    /// The other generation.
    other_id: ID,
    /// The questions: 1 to 20.
    queries: Vec<String>,
    /// Which legs to use. Default: HYBRID.
    mode: Option<SearchMode>,
    /// Number of documents of each ranking to compare, 1 to 100. Default: 20.
    first: Option<i32>,
}

#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Finds the chunks that answer a question best.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The question, and how to search for an answer.")] input: SearchInput,
        #[graphql(desc = "Number of hits to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(
            desc = "Return hits after this cursor of the same question. A cursor of another question is rejected. \
                    Default: from the start."
        )]
        after: Option<Cursor>,
    ) -> Result<Option<SearchConnection>> {
        let mut request = SearchRequest {
            query: input.query,
            collections: input.collection_ids.as_deref().map(global_id::decode_all),
            generation: input.generation_id.as_ref().map(global_id::decode),
            mode: input.mode.map_or_else(Default::default, Into::into),
            group: input.group_by.map_or_else(Default::default, Into::into),
            first: pagination::page_size(first)?,
            after: None,
            min_score: input.min_score,
            strict: input.strict.unwrap_or(false),
            explain: is_explained(ctx),
        };
        let after = after.as_ref().map(|after| HitPosition::rank(after, &request.ranking()));
        request.after = after.transpose()?;
        let outcome = search(ctx.services()?, ctx.viewer()?, &request).await?;
        Ok(Some(SearchConnection::new(outcome, &request)))
    }

    /// Asks two generations the same questions and compares the rankings, document by document. Needs COLLECTION_UPDATE
    /// in the collections of both; without it, NOT_FOUND.
    async fn generation_compare(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The generations and the questions.")] input: GenerationCompareInput,
    ) -> Result<Option<GenerationComparison>> {
        let request = CompareRequest {
            generations: [&input.generation_id, &input.other_id].map(global_id::decode),
            queries: input.queries,
            mode: input.mode.map_or_else(Default::default, Into::into),
            first: pagination::page_size(input.first)?,
        };
        Ok(Some(compare(ctx.services()?, ctx.viewer()?, &request).await?.into()))
    }
}

/// Whether the client selects what the legs found; reporting it costs the engine more calls.
fn is_explained(ctx: &Context<'_>) -> bool {
    let selected = ctx.look_ahead();
    let hits = [selected.field("nodes"), selected.field("edges").field("node")];
    selected.field("legs").exists() || hits.iter().any(|hit| hit.field("explanation").exists())
}
