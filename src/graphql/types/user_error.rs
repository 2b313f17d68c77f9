//! Validation errors of mutations.

use async_graphql::{Enum, SimpleObject};

use crate::error::{Error, InputViolation, ViolationCode};

/// The code of a validation error. New values may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "ViolationCode")]
pub enum UserErrorCode {
    /// A value is missing or empty.
    Required,
    /// A value has the wrong format.
    Invalid,
    /// A value is too long or too large, or there are too many.
    TooLong,
    /// Another object already has this value.
    Taken,
    /// Two parts of the input have the same value.
    Duplicate,
    /// An object that the input names does not exist, or is hidden from the viewer.
    NotFound,
    /// The current state does not allow it.
    Conflict,
    /// The viewer lacks permission.
    Forbidden,
    /// Wrong user name or password.
    WrongCredentials,
    /// A limit of the server would be exceeded. `server.limits` has the limits.
    LimitExceeded,
}

/// A validation error of a mutation. Nothing was changed.
#[derive(SimpleObject)]
pub struct UserError {
    /// The code of the error.
    code: UserErrorCode,
    /// What to do about it, in a sentence.
    message: String,
    /// The path in `input`: field names and list indexes, from the outside in. Empty: the input as a whole.
    path: Vec<String>,
}

impl From<InputViolation> for UserError {
    fn from(violation: InputViolation) -> Self {
        Self { code: violation.code.into(), message: violation.message, path: violation.path }
    }
}

/// The result of a use case, or validation errors.
pub struct Outcome<T> {
    /// The result; `None` if validation failed.
    pub value: Option<T>,
    /// Validation errors. Empty on success.
    pub user_errors: Vec<UserError>,
}

impl<T> Outcome<T> {
    /// Separates validation errors from other errors.
    ///
    /// # Errors
    /// All errors that are not validation errors.
    pub fn of(result: Result<T, Error>) -> async_graphql::Result<Self> {
        Self::naming("", result)
    }

    /// The same, for input that names its object at `path`: that there is no such object is a validation error there.
    ///
    /// # Errors
    /// All errors that are not validation errors.
    pub fn naming(path: &str, result: Result<T, Error>) -> async_graphql::Result<Self> {
        let violations = match result {
            Ok(value) => return Ok(Self { value: Some(value), user_errors: Vec::new() }),
            Err(Error::Invalid(violations)) => violations,
            Err(error @ Error::NotFound(_)) => {
                vec![InputViolation::new(ViolationCode::NotFound, path, error.public_message())]
            }
            Err(Error::Conflict(message)) => vec![InputViolation::new(ViolationCode::Conflict, "", message)],
            Err(error) => return Err(error.into()),
        };
        Ok(Self { value: None, user_errors: violations.into_iter().map(Into::into).collect() })
    }
}
