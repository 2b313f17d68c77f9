//! What callers may learn about a failure: a code, a sentence, and sometimes a path in the input.
//!
//! Adapters have their own error types; `service::fault` turns them into [`Error`]. Causes are kept for the log and never
//! leave the server.

use std::{error::Error as StdError, fmt};

/// A person has to free space, which takes a while.
const RETRY_WHEN_FULL_SECONDS: u64 = 60;

/// The closed list of codes in `errors[].extensions.code`. Part of the public contract: add, never rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    Unauthenticated,
    Forbidden,
    NotFound,
    BadUserInput,
    Conflict,
    CostLimitExceeded,
    RateLimited,
    Timeout,
    Unavailable,
    GraphqlParseFailed,
    GraphqlValidationFailed,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
    InternalServerError,
}

impl ErrorCode {
    /// The code as clients see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Conflict => "CONFLICT",
            Self::CostLimitExceeded => "COST_LIMIT_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }

    /// The HTTP status with which endpoints other than GraphQL answer.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::BadUserInput
            | Self::GraphqlParseFailed
            | Self::GraphqlValidationFailed
            | Self::PersistedQueryNotFound
            | Self::PersistedQueryNotSupported => 400,
            Self::Conflict => 409,
            Self::CostLimitExceeded => 413,
            Self::RateLimited => 429,
            Self::Timeout => 504,
            Self::Unavailable => 503,
            Self::InternalServerError => 500,
        }
    }
}

/// What is wrong with one place of an input. Becomes an entry of `userErrors` where a mutation can say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputViolation {
    pub code: ViolationCode,
    /// A sentence that says what to do.
    pub message: String,
    /// Where in the input: names of fields and indexes of lists.
    pub path: Vec<String>,
}

impl InputViolation {
    /// A violation at `path`, written with dots: `documents.3.uri`.
    #[must_use]
    pub fn new(code: ViolationCode, path: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: path.split('.').filter(|s| !s.is_empty()).map(Into::into).collect(),
        }
    }
}

/// Kinds of expected refusals of an input. Part of the public contract: add, never rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ViolationCode {
    /// A value is missing or empty.
    Required,
    /// A value has the wrong form.
    Invalid,
    /// A value is too long, too large or too many.
    TooLong,
    /// Another object has this value already.
    Taken,
    /// Two parts of the input have the same value.
    Duplicate,
    /// What the input names does not exist for the caller.
    NotFound,
    /// The state of the object does not allow it.
    Conflict,
    /// The caller lacks permission.
    Forbidden,
    /// Name and password do not fit an account.
    WrongCredentials,
    /// There would be more of something than the server's settings allow.
    LimitExceeded,
}

/// Why a use case could not be done.
#[derive(Debug)]
pub enum Error {
    /// The caller has to log in (again).
    Unauthenticated(&'static str),
    /// The caller is known but lacks permission.
    Forbidden(&'static str),
    /// The object does not exist or is hidden from the caller; the word is its kind.
    NotFound(&'static str),
    /// The input is refused; nothing was changed.
    Invalid(Vec<InputViolation>),
    /// The state does not allow it now.
    Conflict(String),
    /// The request exceeds a limit.
    LimitExceeded(String),
    /// Too many requests.
    RateLimited { retry_after_seconds: u64 },
    /// It took longer than allowed.
    Timeout(&'static str),
    /// A part that the server depends on does not answer.
    Unavailable { dependency: &'static str, retry_after_seconds: u64, source: Option<Box<dyn StdError + Send + Sync>> },
    /// The disk is nearly full, so that nothing can be added.
    DiskFull,
    /// A fault of the server.
    Internal(Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// A refusal of one place of the input.
    #[must_use]
    pub fn invalid(code: ViolationCode, path: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![InputViolation::new(code, path, message)])
    }

    /// A fault with a cause for the log.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::BadUserInput,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::LimitExceeded(_) => ErrorCode::CostLimitExceeded,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::Timeout(_) => ErrorCode::Timeout,
            Self::Unavailable { .. } | Self::DiskFull => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::InternalServerError,
        }
    }

    /// Whether the log tells of it each time. That the disk is full, it tells once.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.code().http_status() >= 500 && !matches!(self, Self::DiskFull)
    }

    /// When it may be worth trying again.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_seconds } | Self::Unavailable { retry_after_seconds, .. } => {
                Some(*retry_after_seconds)
            }
            Self::DiskFull => Some(RETRY_WHEN_FULL_SECONDS),
            _ => None,
        }
    }

    /// The validation errors, if it has any.
    #[must_use]
    pub fn violations(&self) -> &[InputViolation] {
        match self {
            Self::Invalid(violations) => violations,
            _ => &[],
        }
    }

    /// The sentence for the caller; nothing internal.
    #[must_use]
    pub fn public_message(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated(message) | Self::Forbidden(message) | Self::Timeout(message) => {
                formatter.write_str(message)
            }
            Self::NotFound(kind) => write!(formatter, "There is no such {kind}, or you may not see it."),
            Self::Invalid(violations) => {
                for (index, violation) in violations.iter().enumerate() {
                    let separator = if index == 0 { "" } else { " " };
                    write!(formatter, "{separator}{}", violation.message)?;
                }
                Ok(())
            }
            Self::Conflict(message) | Self::LimitExceeded(message) => formatter.write_str(message),
            Self::RateLimited { retry_after_seconds } => {
                write!(formatter, "Too many requests. Try again in {retry_after_seconds} s.")
            }
            Self::Unavailable { dependency, retry_after_seconds, .. } => {
                write!(
                    formatter,
                    "The {dependency} does not answer at the moment. Try again in {retry_after_seconds} s."
                )
            }
            Self::DiskFull => formatter.write_str(
                "The server's disk is nearly full, so nothing can be added now. Ask the server's operator for more space, \
                 or delete documents. Searching and reading still work.",
            ),
            Self::Internal(_) => formatter.write_str("Internal server error."),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable { source, .. } => source.as_deref().map(|source| source as _),
            Self::Internal(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// `error` and its causes, outermost first. For logs only.
#[must_use]
pub fn cause_chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
