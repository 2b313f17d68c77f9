//! Everything with a global id.

use async_graphql::{Context, ID, Interface, Result};

use super::{
    ApiKey, AuditEntry, Chunk, Collection, Document, Generation, Invitation, Member, Operation, Session, Source, User,
};
use crate::graphql::global_id::NodeId;

/// An object with a global id, which `node` can find.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id: opaque, permanent and unique."))]
pub enum Node {
    User(User),
    Session(Session),
    ApiKey(ApiKey),
    Collection(Collection),
    Member(Member),
    Document(Document),
    Chunk(Chunk),
    Operation(Operation),
    Source(Source),
    Generation(Generation),
    Invitation(Invitation),
    AuditEntry(AuditEntry),
}

impl Node {
    /// The node, if it is visible to the viewer.
    pub async fn load(ctx: &Context<'_>, id: NodeId) -> Result<Option<Self>> {
        Ok(match id {
            NodeId::User(id) => User::load(ctx, id).await?.map(Self::User),
            NodeId::Session(id) => Session::load(ctx, id).await?.map(Self::Session),
            NodeId::ApiKey(id) => ApiKey::load(ctx, id).await?.map(Self::ApiKey),
            NodeId::Collection(id) => Collection::load(ctx, id).await?.map(Self::Collection),
            NodeId::Member(key) => Member::load(ctx, key).await?.map(Self::Member),
            NodeId::Document(id) => Document::load(ctx, id).await?.map(Self::Document),
            NodeId::Chunk(id) => Chunk::load(ctx, id).await?.map(Self::Chunk),
            NodeId::Operation(id) => Operation::load(ctx, id).await?.map(Self::Operation),
            NodeId::Source(id) => Source::load(ctx, id).await?.map(Self::Source),
            NodeId::Generation(id) => Generation::load(ctx, id).await?.map(Self::Generation),
            NodeId::Invitation(id) => Invitation::load(ctx, id).await?.map(Self::Invitation),
            NodeId::AuditEntry(id) => AuditEntry::load(ctx, id).await?.map(Self::AuditEntry),
        })
    }
}
