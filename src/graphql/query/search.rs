//! Search.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};

use crate::{
    domain::search,
    graphql::{
        context::ContextExt,
        global_id,
        pagination::{self, HitPosition},
        scalars::Cursor,
        types::SearchResult,
    },
    service::search::{SearchRequest, search},
};

/// Which ways of finding candidates take part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchMode")]
pub enum SearchMode {
    /// By meaning and by words; the two rankings become one by reciprocal rank fusion.
    Hybrid,
    /// By meaning alone: nearest embeddings.
    Semantic,
    /// By words alone: BM25.
    Lexical,
}

/// What a hit stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "search::SearchGroup")]
pub enum SearchGroup {
    /// Every matching passage is a hit.
    Chunk,
    /// The best passage of each document is a hit.
    Document,
}

/// A question.
#[derive(InputObject)]
pub struct SearchInput {
    /// The question, in plain words. Its length is limited; `server.limits.queryCharacters` says how far.
    query: String,
    /// The collections to search. Default: all that the viewer may read. An id that does not exist is NOT_FOUND.
    collection_ids: Option<Vec<ID>>,
    /// Which ways of finding candidates take part. Default: HYBRID.
    mode: Option<SearchMode>,
    /// What a hit stands for. Default: CHUNK.
    group_by: Option<SearchGroup>,
    /// How many hits, 1 to 100. Default: 20.
    first: Option<i32>,
    /// The cursor to begin behind: `pageInfo.endCursor` of the same question; that of another question is refused. Default:
    /// the beginning.
    after: Option<Cursor>,
    /// Hits with a lower score are left out. What scores mean depends on the mode. Default: all stay.
    min_score: Option<f32>,
    /// Whether a failed leg is an error (UNAVAILABLE), and too many collections as well (COST_LIMIT_EXCEEDED). Otherwise
    /// `legs` and `isPartial` tell of it and the answer rests on the rest. Default: false.
    strict: Option<bool>,
}

#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Answers a question with the passages that fit it best.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The question, and where and how to look for an answer.")] input: SearchInput,
    ) -> Result<Option<SearchResult>> {
        let mut request = SearchRequest {
            query: input.query,
            collections: input.collection_ids.as_deref().map(global_id::decode_all),
            mode: input.mode.map_or_else(Default::default, Into::into),
            group: input.group_by.map_or_else(Default::default, Into::into),
            first: pagination::page_size(input.first)?,
            after: None,
            min_score: input.min_score,
            strict: input.strict.unwrap_or(false),
            explain: is_explained(ctx),
        };
        let after = input.after.as_ref().map(|after| HitPosition::rank(after, &request.ranking()));
        request.after = after.transpose()?;
        let outcome = search(ctx.services()?, ctx.viewer()?, &request).await?;
        Ok(Some(SearchResult::new(outcome, &request)))
    }
}

/// Whether somebody will read what the legs said; telling it costs the engine more calls.
fn is_explained(ctx: &Context<'_>) -> bool {
    let selected = ctx.look_ahead();
    selected.field("legs").exists() || selected.field("hits").field("explanation").exists()
}
