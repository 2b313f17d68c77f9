//! Use cases: one function each, `(services, viewer, input) -> Result<_, Error>`, shared by GraphQL, HTTP and the command
//! line, which only translate.

mod access;
pub mod account_deletion;
pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod callers;
pub mod chunk_preview;
pub mod collections;
pub mod documents;
pub mod fault;
mod frame;
pub mod generations;
pub mod highlight;
pub mod integrity;
pub mod last_use;
pub mod limits;
pub mod links;
pub mod members;
mod notes;
pub mod operations;
pub mod password_resets;
mod quotas;
mod recent;
pub mod sample;
pub mod search;
pub mod sessions;
pub mod sources;
pub mod uploads;
mod validate;
pub mod workers;

use std::sync::Arc;

use self::{audit::AuditTrail, callers::KnownCallers, last_use::LastUses, search::Searchable};
use crate::{
    auth::{
        link::LinkSigner,
        password::PasswordHasher,
        rate_limit::{Buckets, LoginLimiter, Payer},
        token::TokenSigner,
        vault::Vault,
    },
    blob::BlobStore,
    config::Config,
    db::{Database, Lanes},
    disk::Disk,
    domain::{clock::Clock, format::FileFormat},
    embedding::registry::Embedders,
    extract::Extractor,
    source::Web,
    vector::VectorStore,
};

/// Everything that a use case may need, built once by `app`.
pub struct Services {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub database: Database,
    pub vectors: Arc<dyn VectorStore>,
    pub embedders: Embedders,
    pub blobs: BlobStore,
    /// Reads files of previews; those of documents are read by workers.
    pub extractor: Arc<Extractor>,
    pub disk: Arc<Disk>,
    /// How sources reach sites and buckets.
    pub web: Web,
    /// Keeps the secrets of buckets.
    pub vault: Vault,
    /// The formats of files that workers can read.
    pub formats: Vec<FileFormat>,
    pub passwords: PasswordHasher,
    pub tokens: TokenSigner,
    /// Signs links to files.
    pub links: LinkSigner,
    pub logins: LoginLimiter,
    pub points: Buckets<Payer>,
    /// Prevents the statements of one caller from taking every connection.
    pub lanes: Lanes<Payer>,
    /// Let each caller read one file for a preview at a time.
    pub previews: Lanes<Payer>,
    pub audit: AuditTrail,
    pub callers: KnownCallers,
    pub searchable: Searchable,
    pub last_uses: LastUses,
}
