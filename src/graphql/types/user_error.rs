//! What a mutation answers when the input is refused.

use async_graphql::{Context, Enum, SimpleObject};

use crate::{
    error::{Error, InputViolation, ViolationCode},
    graphql::context::ContextExt,
    service::audit::Deed,
};

/// Why an input is refused. More codes may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(remote = "ViolationCode")]
pub enum UserErrorCode {
    /// A value is missing or empty.
    Required,
    /// A value has the wrong form.
    Invalid,
    /// A value is too short.
    TooShort,
    /// A value is too long, too large or too many.
    TooLong,
    /// Another object has this value already.
    Taken,
    /// Two places of the input say the same thing.
    Duplicate,
    /// What the input names does not exist, or the viewer may not see it.
    NotFound,
    /// The state of things does not allow it now.
    Conflict,
    /// The viewer may not do this.
    Forbidden,
    /// Name and password do not fit an account.
    WrongCredentials,
    /// There would be more of something than the server allows; `server.limits` tells how much that is.
    LimitExceeded,
}

/// A refusal of one place of a mutation's input. Nothing was changed.
#[derive(SimpleObject)]
pub struct UserError {
    /// The kind of refusal, for programs.
    code: UserErrorCode,
    /// What to do, in a sentence, for people.
    message: String,
    /// The place in `input`: names of fields and indexes of lists, from the outside in. Empty: the input as a whole.
    path: Vec<String>,
}

impl From<InputViolation> for UserError {
    fn from(violation: InputViolation) -> Self {
        Self { code: violation.code.into(), message: violation.message, path: violation.path }
    }
}

/// What a use case gave, or why the input is refused.
pub struct Outcome<T> {
    /// What it gave; `None` when the input is refused.
    pub value: Option<T>,
    /// Why; empty when it is not.
    pub user_errors: Vec<UserError>,
}

impl<T> Outcome<T> {
    /// Tells refusals of the input from other errors, and notes in the audit log what was refused for who asks.
    ///
    /// # Errors
    /// Whatever is not a refusal of the input.
    pub fn of(ctx: &Context<'_>, deed: Deed, result: Result<T, Error>) -> async_graphql::Result<Self> {
        let error = match result {
            Ok(value) => return Ok(Self { value: Some(value), user_errors: Vec::new() }),
            Err(error) => error,
        };
        let services = ctx.services()?;
        services.audit.refused(ctx.viewer()?, deed, &error, services.clock.now());
        let violations = match error {
            Error::Invalid(violations) => violations,
            Error::Conflict(message) => vec![InputViolation::new(ViolationCode::Conflict, "", message)],
            error => return Err(error.into()),
        };
        Ok(Self { value: None, user_errors: violations.into_iter().map(Into::into).collect() })
    }
}
