//! Why a call brought no data.

use std::time::Duration;

use serde_json::Value;

/// Why a call brought no data.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// No complete answer came: the request may have been carried out or not.
    #[error("the server did not answer: {0}")]
    Unreachable(String),

    /// The server wants fewer requests: HTTP status 429, or the code RATE_LIMITED.
    #[error("the server answered RATE_LIMITED: {message}")]
    RateLimited { message: String, retry_after: Option<Duration> },

    /// The server refused, with the code of the first error if it has one, and what its errors say.
    #[error("the server refused: {message}{}", in_brackets(.code.as_deref()))]
    Refused { code: Option<String>, message: String, retry_after: Option<Duration> },

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
            Self::RateLimited { .. } => Some("RATE_LIMITED"),
            Self::Refused { code, .. } => code.as_deref(),
            Self::Unreachable(_) | Self::Absent(_) | Self::Unexpected(_) | Self::TimedOut(_) => None,
        }
    }

    /// Whether the same call may succeed later: no answer came, or the server asks to come back.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::RateLimited { .. } | Self::TimedOut(_) => true,
            Self::Refused { code, .. } => matches!(code.as_deref(), Some("UNAVAILABLE" | "TIMEOUT")),
            Self::Absent(_) | Self::Unexpected(_) => false,
        }
    }

    /// How long the server asks to wait before the next try, if it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Refused { retry_after, .. } => *retry_after,
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
        let message = sentences(errors);
        let extensions = &errors[0]["extensions"];
        let retry_after = extensions["retryAfterMs"].as_u64().map(Duration::from_millis);
        match extensions["code"].as_str() {
            Some("RATE_LIMITED") => Self::RateLimited { message, retry_after },
            code => Self::Refused { code: code.map(str::to_owned), message, retry_after },
        }
    }

    /// The `userErrors` of the payload of a mutation, of which there is at least one.
    pub(crate) fn of_payload(errors: &Value) -> Self {
        let code = errors[0]["code"].as_str().map(str::to_owned);
        Self::Refused { code, message: sentences(errors), retry_after: None }
    }
}

/// A code after what it is the code of.
fn in_brackets(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" ({code})"))
}

/// What errors say to people: each with its place in the input, if it has one, and with the id of the request if the server
/// failed.
fn sentences(errors: &Value) -> String {
    let sentences = errors.as_array().into_iter().flatten().map(|error| {
        let message = error["message"].as_str().or(error["code"].as_str()).unwrap_or("no reason was given");
        let extensions = &error["extensions"];
        if extensions["code"] == "INTERNAL_SERVER_ERROR" {
            return format!("{message} Request: {}.", extensions["requestId"].as_str().unwrap_or("unknown"));
        }
        // Errors of an answer have a path in the answer, which is not the caller's business.
        let steps = error["path"].as_array().filter(|_| extensions.is_null()).into_iter().flatten();
        let path: Vec<_> = steps.filter_map(Value::as_str).collect();
        if path.is_empty() { message.to_owned() } else { format!("{}: {message}", path.join(".")) }
    });
    excerpt(&sentences.collect::<Vec<_>>().join(" "))
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
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_say_where_they_are_and_when_to_come_back() {
        let busy = json!([{ "message": "Wait.", "extensions": { "code": "UNAVAILABLE", "retryAfterMs": 1500 } }]);
        let busy = Error::of_answer(&busy);
        assert_eq!(busy.to_string(), "the server refused: Wait. (UNAVAILABLE)");
        assert!(busy.may_pass());
        assert_eq!(busy.retry_after(), Some(Duration::from_millis(1500)));
        let wrong = json!([{ "code": "TAKEN", "message": "Choose another name.", "path": ["files", "3", "name"] }]);
        let wrong = Error::of_payload(&wrong);
        assert_eq!(wrong.to_string(), "the server refused: files.3.name: Choose another name. (TAKEN)");
        assert!(!wrong.may_pass());
    }

    #[test]
    fn long_errors_are_cut_between_characters() {
        assert_eq!(excerpt(&"ä".repeat(700)).chars().count(), 601);
        assert_eq!(excerpt("short"), "short");
    }
}
