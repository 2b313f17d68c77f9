//! How faults of adapters become errors of use cases: here and nowhere else. The fault itself is kept as the cause, for
//! the log and for whoever has to decide whether to try again.

use std::error::Error as StdError;

use crate::{
    blob::BlobError,
    db::{AsContention, DatabaseError},
    embedding::EmbeddingError,
    error::Error,
    vector::VectorError,
};

/// What errors call the model of a collection.
pub(crate) const EMBEDDING_MODEL: &str = "embedding model";

/// Seconds after which it is worth asking an adapter again.
const RETRY_AFTER_SECONDS: u64 = 2;

impl From<BlobError> for Error {
    fn from(fault: BlobError) -> Self {
        match fault {
            BlobError::NoSpace => Self::DiskFull,
            fault => of_adapter("file store", fault.is_retryable(), fault),
        }
    }
}

impl From<DatabaseError> for Error {
    fn from(fault: DatabaseError) -> Self {
        of_adapter("database", fault.is_retryable(), fault)
    }
}

impl From<EmbeddingError> for Error {
    fn from(fault: EmbeddingError) -> Self {
        of_adapter(EMBEDDING_MODEL, fault.is_retryable(), fault)
    }
}

impl From<VectorError> for Error {
    fn from(fault: VectorError) -> Self {
        of_adapter("vector store", fault.is_retryable(), fault)
    }
}

fn of_adapter(dependency: &'static str, is_retryable: bool, fault: impl StdError + Send + Sync + 'static) -> Error {
    if is_retryable {
        Error::Unavailable { dependency, retry_after_seconds: RETRY_AFTER_SECONDS, source: Some(Box::new(fault)) }
    } else {
        Error::internal(fault)
    }
}

/// So that transactions of use cases are run again when another one interfered.
impl AsContention for Error {
    fn is_contention(&self) -> bool {
        cause::<DatabaseError>(self).is_some_and(AsContention::is_contention)
    }
}

/// Whether something that is needed does not answer or is not there, as against answering that it failed.
#[must_use]
pub fn is_away(error: &Error) -> bool {
    let vectors = cause::<VectorError>(error);
    let database = cause::<DatabaseError>(error);
    let model = cause::<EmbeddingError>(error);
    matches!(vectors, Some(VectorError::Unreachable { .. } | VectorError::TimedOut { .. }))
        || matches!(database, Some(DatabaseError::Unavailable(_)))
        || matches!(model, Some(EmbeddingError::Missing { .. } | EmbeddingError::Unavailable { .. }))
}

/// The fault of an adapter that the error was made of, if it is of this kind.
fn cause<F: StdError + 'static>(error: &Error) -> Option<&F> {
    error.source().and_then(|source| source.downcast_ref())
}
