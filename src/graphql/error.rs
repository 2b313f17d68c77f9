//! What a client learns about an error: a code, a sentence, the request id, sometimes numbers. Nothing else.
//!
//! The source decides what an error is. Our own errors are published as they are. Any other source is a fault of the
//! server, which is logged with its causes and masked. An error without a source comes from the engine and concerns the
//! document or the input.

use std::{fmt, sync::Arc};

use async_graphql::{ErrorExtensionValues, Pos, Response, ServerError, Value, parser};

use crate::{
    domain::id::RequestId,
    error::{Error, ErrorCode, cause_chain},
};

/// The most errors in one answer. How many more there were is in the answer's `extensions.errorsOmitted`.
const MAX_ERRORS: usize = 10;
/// The most characters of a message of the engine, which may quote names and values of the client.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// An error that may leave the server as it is.
#[derive(Clone, PartialEq, Debug)]
pub struct PublicError {
    code: ErrorCode,
    message: String,
    locations: Vec<Pos>,
    limit: Option<Exceeded>,
    retry_after_seconds: Option<u64>,
}

/// The limit and the requested amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Exceeded {
    limit: usize,
    actual: usize,
}

impl PublicError {
    /// An error with a sentence for the client.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), locations: Vec::new(), limit: None, retry_after_seconds: None }
    }

    /// `COST_LIMIT_EXCEEDED`: there are `actual` where `limit` are allowed.
    pub fn limit_exceeded(message: impl Into<String>, limit: usize, actual: usize) -> Self {
        Self { limit: Some(Exceeded { limit, actual }), ..Self::new(ErrorCode::CostLimitExceeded, message) }
    }

    /// The same error, at places of the document.
    #[must_use]
    pub fn at(self, locations: impl IntoIterator<Item = Pos>) -> Self {
        Self { locations: locations.into_iter().collect(), ..self }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// As an answer that has only this error.
    #[must_use]
    pub fn into_response(self, request_id: RequestId) -> Response {
        publish(Response::from_errors(vec![self.into()]), Some(request_id))
    }

    fn extensions(&self, request_id: Option<RequestId>) -> ErrorExtensionValues {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code.as_str());
        if let Some(request_id) = request_id {
            extensions.set("requestId", request_id.to_string());
        }
        if let Some(Exceeded { limit, actual }) = self.limit {
            extensions.set("limit", limit);
            extensions.set("actual", actual);
        }
        if let Some(seconds) = self.retry_after_seconds {
            extensions.set("retryAfterMs", seconds.saturating_mul(1000));
        }
        extensions
    }
}

impl fmt::Display for PublicError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<PublicError> for ServerError {
    fn from(error: PublicError) -> Self {
        let mut server_error = Self::new(error.message.clone(), None);
        server_error.locations.clone_from(&error.locations);
        server_error.source = Some(Arc::new(error));
        server_error
    }
}

impl From<&Error> for PublicError {
    fn from(error: &Error) -> Self {
        Self { retry_after_seconds: error.retry_after_seconds(), ..Self::new(error.code(), error.public_message()) }
    }
}

impl From<parser::Error> for PublicError {
    /// Says where and what was expected. The parser's own text quotes the whole line of the source.
    fn from(error: parser::Error) -> Self {
        use parser::Error as Parse;
        let (code, message) = match &error {
            Parse::Syntax { message, start, .. } => {
                let expected = message.rsplit_once("= ").map_or("something else", |(_, expected)| expected.trim());
                let expected = expected.replace("EOI", "the end of the document").replace('_', " ");
                let Pos { line, column } = *start;
                (ErrorCode::GraphqlParseFailed, format!("Syntax error at line {line}, column {column}: {expected}."))
            }
            Parse::RecursionLimitExceeded => {
                (ErrorCode::GraphqlParseFailed, "The document is nested too deeply.".to_owned())
            }
            Parse::MultipleOperations { .. } => (
                ErrorCode::GraphqlValidationFailed,
                "An operation without a name must be the only one in its document.".to_owned(),
            ),
            Parse::OperationDuplicated { .. } => {
                (ErrorCode::GraphqlValidationFailed, "Two operations have the same name.".to_owned())
            }
            Parse::FragmentDuplicated { .. } => {
                (ErrorCode::GraphqlValidationFailed, "Two fragments have the same name.".to_owned())
            }
            Parse::MissingOperation => {
                (ErrorCode::GraphqlValidationFailed, "The document has no operation.".to_owned())
            }
            _ => (ErrorCode::GraphqlParseFailed, "The document cannot be parsed.".to_owned()),
        };
        Self::new(code, message).at(error.positions())
    }
}

/// Makes every error of `response` public, and logs those that are the server's fault. Call it once for each answer.
#[must_use]
pub fn publish(mut response: Response, request_id: Option<RequestId>) -> Response {
    let omitted = response.errors.len().saturating_sub(MAX_ERRORS);
    if omitted > 0 {
        response.errors.truncate(MAX_ERRORS);
        response.extensions.insert("errorsOmitted".to_owned(), Value::from(omitted));
    }
    for error in &mut response.errors {
        let public = classify(error, request_id);
        error.extensions = Some(public.extensions(request_id));
        error.message = public.message;
        error.source = None;
    }
    response
}

fn classify(error: &ServerError, request_id: Option<RequestId>) -> PublicError {
    if let Some(public) = error.source::<PublicError>() {
        return public.clone();
    }
    let ours = error.source::<Error>().or_else(|| error.source::<Arc<Error>>().map(AsRef::as_ref));
    if let Some(ours) = ours {
        if ours.is_fault() {
            log_fault(request_id, &cause_chain(ours), error);
        }
        return ours.into();
    }
    // An error without a source comes from the engine: about the document before execution, about an argument
    // afterwards. Its only error about the server is that a resolver asked for data that is missing from the context.
    if error.source.is_none() && !error.message.starts_with("Data `") {
        let code = if error.path.is_empty() { ErrorCode::GraphqlValidationFailed } else { ErrorCode::BadUserInput };
        return PublicError::new(code, shortened(&error.message));
    }
    log_fault(request_id, &error.message, error);
    PublicError::new(ErrorCode::InternalServerError, "Internal server error.")
}

fn log_fault(request_id: Option<RequestId>, causes: &str, error: &ServerError) {
    let request_id = request_id.map(tracing::field::display);
    tracing::error!(request.id = request_id, error = causes, path = ?error.path, "an operation failed");
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE_CHARACTERS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
