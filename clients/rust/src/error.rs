//! Why a call brought no data.

use serde_json::Value;

/// Why a call brought no data.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// No complete answer came: the request may have been carried out or not.
    #[error("the server did not answer: {0}")]
    Unreachable(String),

    /// The server wants fewer requests: HTTP status 429, or the code RATE_LIMITED.
    #[error("the server answered RATE_LIMITED: {0}")]
    RateLimited(String),

    /// The server refused, with the code of the first error if it has one.
    #[error("the server refused: {message}")]
    Refused { code: Option<String>, message: String },

    /// A field that was asked for is null: the object does not exist, or is not visible to the caller.
    #[error("{0} is null: it does not exist, or is not visible to the caller")]
    Absent(String),

    /// The answer has another form than the caller expects.
    #[error("the answer has an unexpected form: {0}")]
    Unexpected(String),

    /// What was waited for did not happen in time.
    #[error("{0}")]
    TimedOut(String),
}

impl Error {
    /// The server's code for what went wrong, such as `FORBIDDEN`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::RateLimited(_) => Some("RATE_LIMITED"),
            Self::Refused { code, .. } => code.as_deref(),
            Self::Unreachable(_) | Self::Absent(_) | Self::Unexpected(_) | Self::TimedOut(_) => None,
        }
    }

    /// With its causes: the outermost message alone ("error sending request") says nothing.
    pub(crate) fn unreachable(error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason = format!("{reason}: {error}");
            cause = error.source();
        }
        Self::Unreachable(reason)
    }

    /// The `errors` of an answer, of which there is at least one.
    pub(crate) fn of_answer(errors: &Value) -> Self {
        let message = excerpt(&errors.to_string());
        match errors[0]["extensions"]["code"].as_str() {
            Some("RATE_LIMITED") => Self::RateLimited(message),
            code => Self::Refused { code: code.map(str::to_owned), message },
        }
    }

    /// The `userErrors` of the payload of a mutation, of which there is at least one.
    pub(crate) fn of_payload(mutation: &str, errors: &Value) -> Self {
        let code = errors[0]["code"].as_str().map(str::to_owned);
        Self::Refused { code, message: format!("{mutation}: {}", excerpt(&errors.to_string())) }
    }
}

/// The beginning of a long text.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 600;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_errors_are_cut_between_characters() {
        assert_eq!(excerpt(&"ä".repeat(700)).chars().count(), 601);
        assert_eq!(excerpt("short"), "short");
    }
}
