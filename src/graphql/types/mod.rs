//! The objects of the graph. Each wraps a domain value that clients never see directly; objects behind its fields are
//! read through the loaders.

mod action;
mod api_key;
mod audit_entry;
mod chunk;
mod chunking;
mod chunking_preview;
mod collection;
mod connection;
mod document;
mod document_text;
mod document_warning;
mod embedding_model;
mod filter;
mod generation;
mod generation_comparison;
mod invitation;
mod member;
mod node;
mod operation;
mod operation_document;
mod operation_event;
mod processing_error;
mod rate_limit;
mod search_connection;
mod search_hit;
mod search_leg;
mod server;
mod session;
mod source;
mod source_preview;
mod source_run;
mod upload;
mod user;
mod user_error;
mod worker;

pub use self::{
    action::Action,
    api_key::ApiKey,
    audit_entry::{AuditEntry, AuditLogFilter},
    chunk::Chunk,
    chunking::{ChunkingConfig, ChunkingStrategy},
    chunking_preview::ChunkingPreview,
    collection::{Collection, CollectionFilter, CollectionOrder, CollectionRole, CollectionStatus},
    connection::{Connection, Edge, PageInfo, Total},
    document::{Document, DocumentFilter, DocumentOrder, DocumentStatus},
    document_text::DocumentText,
    document_warning::DocumentWarning,
    embedding_model::EmbeddingModel,
    filter::OrderDirection,
    generation::Generation,
    generation_comparison::GenerationComparison,
    invitation::{Invitation, InvitationFilter},
    member::{Member, MemberFilter},
    node::Node,
    operation::{Operation, OperationFilter, OperationStatus, OperationTotals, OperationType},
    operation_document::{DocumentOutcome, OperationDocument},
    operation_event::{OperationEvent, OperationEventKind},
    processing_error::ProcessingError,
    rate_limit::RateLimit,
    search_connection::SearchConnection,
    search_hit::SearchHit,
    search_leg::{SearchLeg, SearchLegErrorCode, SearchLegKind},
    server::Server,
    session::Session,
    source::{Source, SourceFilter, SyncMode, VanishAction},
    source_preview::SourcePreview,
    source_run::SourceRun,
    upload::Upload,
    user::{ServerRole, User, UserFilter},
    user_error::{Outcome, UserError},
    worker::{Queue, Worker},
};

/// A number for clients; what no 32-bit number can say becomes the largest one.
fn number(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}
