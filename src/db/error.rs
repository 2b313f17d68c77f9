//! What can go wrong in the database, in the words of this module's callers.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// Why a statement or transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It violates a unique or foreign key.
    #[error("a constraint was violated")]
    Constraint(#[source] DbErr),
    /// Another transaction interfered; the same one may succeed now.
    #[error("another transaction interfered")]
    Contention(#[source] DbErr),
    /// The database can't be reached or has no free connection.
    #[error("the database does not answer")]
    Unavailable(#[source] DbErr),
    /// Something is wrong with the database at this place.
    #[error("PostgreSQL at {place} can't be used")]
    At {
        place: String,
        #[source]
        source: Box<Self>,
    },
    /// A statement took longer than it may. The database is there.
    #[error("the database did not answer in time")]
    TimedOut(#[source] DbErr),
    /// A row is invalid.
    #[error("bad row in {place}: {detail}")]
    BadRow { place: &'static str, detail: String },
    /// Anything else: a fault in a statement or in the database.
    #[error("the database failed")]
    Failed(#[source] DbErr),
}

impl DatabaseError {
    /// Whether the same work may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Contention(_) | Self::Unavailable(_) | Self::TimedOut(_) => true,
            Self::At { source, .. } => source.is_retryable(),
            Self::Constraint(_) | Self::BadRow { .. } | Self::Failed(_) => false,
        }
    }

    /// Whether a constraint refused a write.
    #[must_use]
    pub fn is_constraint(&self) -> bool {
        matches!(self, Self::Constraint(_))
    }
}

impl From<DbErr> for DatabaseError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) = error.sql_err() {
            return Self::Constraint(error);
        }
        match &error {
            DbErr::ConnectionAcquire(_) => Self::Unavailable(error),
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => match kind_of(cause) {
                Kind::Contention => Self::Contention(error),
                Kind::Unavailable => Self::Unavailable(error),
                Kind::TimedOut => Self::TimedOut(error),
                Kind::Other => Self::Failed(error),
            },
            _ => Self::Failed(error),
        }
    }
}

enum Kind {
    Contention,
    Unavailable,
    TimedOut,
    Other,
}

fn kind_of(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Kind::Unavailable,
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            // PostgreSQL: serialization failure, deadlock, lock timeout. SQLite: busy, busy snapshot, locked.
            Some("40001" | "40P01" | "55P03" | "5" | "517" | "6") => Kind::Contention,
            // PostgreSQL: too many connections, shutting down, starting up, read-only.
            Some("53300" | "57P01" | "57P02" | "57P03" | "25006") => Kind::Unavailable,
            // PostgreSQL: statement timeout. SQLite: ended by its handler.
            Some("57014" | "9") => Kind::TimedOut,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}
