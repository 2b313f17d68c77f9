//! Hides a schema and its limits behind one type, whatever the type of the schema. Transports use only this.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_graphql::{
    ErrorExtensionValues, Executor, Positioned, Request, Response, ServerError, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
};
use futures_util::{StreamExt, stream::BoxStream};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    cost,
    documents::{Documents, Validity},
    error::PublicError,
    extension::{RequestVariables, Started},
    limits::DocumentLimits,
    persisted::Persisted,
    variables::InputTypes,
};
use crate::{
    auth::{cookie::TokenCookie, viewer::Viewer},
    config::DocumentPolicy,
    domain::id::RequestId,
    error::ErrorCode,
};

const NO_DOCUMENT: &str = "`query` must be a string with a document.";
/// Bytes of a document with which a subscription is run: it is kept, parsed, for as long as the subscription lasts.
const SUBSCRIPTION_BYTES: usize = 8 * 1024;
/// The most that a subscription may cost, in points: what it selects is read for each event, and paid for once.
const SUBSCRIPTION_POINTS: u32 = 500;

/// What a client sends, on every transport.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Parameters {
    /// The document; empty if the client sent only its id.
    query: String,
    /// The id of the document, if the client named it: `sha256:` with a digest, or any text of a manifest.
    id: Option<String>,
    operation_name: Option<String>,
    variables: Map<String, Value>,
    /// Whether the document is a part of the server.
    is_embedded: bool,
}

impl Parameters {
    /// A document of the server itself, which no policy of documents refuses.
    #[must_use]
    pub fn embedded(query: &'static str, variables: Map<String, Value>) -> Self {
        Self { query: query.to_owned(), variables, is_embedded: true, ..Self::default() }
    }

    /// Takes the parameters out of an object decoded from JSON. Other members are ignored.
    ///
    /// # Errors
    /// A sentence that says which member is wrong.
    pub fn from_json(value: Value) -> Result<Self, &'static str> {
        let mut members = match value {
            Value::Object(members) => members,
            Value::Array(_) => return Err("Batches are not supported: send one request at a time."),
            _ => return Err("The request must be a JSON object with a `query`."),
        };
        let mut take = |name: &str| members.remove(name).unwrap_or(Value::Null);
        let query = match take("query") {
            Value::Null => None,
            Value::String(query) => Some(query),
            _ => return Err(NO_DOCUMENT),
        };
        let operation_name = match take("operationName") {
            Value::Null => None,
            Value::String(name) => Some(name).filter(|name| !name.is_empty()),
            _ => return Err("`operationName` must be a string or null."),
        };
        let variables = match take("variables") {
            Value::Null => Map::new(),
            Value::Object(variables) => variables,
            _ => return Err("`variables` must be an object or null."),
        };
        let hash = match take("extensions") {
            Value::Null => None,
            Value::Object(mut extensions) => hash(extensions.remove("persistedQuery"))?,
            _ => return Err("`extensions` must be an object or null."),
        };
        let id = match take("documentId") {
            Value::Null => hash,
            Value::String(id) => Some(id),
            _ => return Err("`documentId` must be a string or null."),
        };
        match query.as_deref() {
            None if id.is_none() => return Err(NO_DOCUMENT),
            Some("") if id.is_none() => return Err("`query` is empty: it must be a document."),
            _ => {}
        }
        Ok(Self { query: query.unwrap_or_default(), id, operation_name, variables, is_embedded: false })
    }
}

/// The hash in the extension of automatic persisted queries.
fn hash(extension: Option<Value>) -> Result<Option<String>, &'static str> {
    let Some(Value::Object(mut members)) = extension else { return Ok(None) };
    if members.get("version").is_some_and(|version| version != 1) {
        return Err("Only version 1 of persisted queries is supported.");
    }
    match members.remove("sha256Hash") {
        Some(Value::String(hash)) => Ok(Some(hash.to_ascii_lowercase())),
        _ => Err("`extensions.persistedQuery.sha256Hash` must be a string."),
    }
}

/// The kind of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperationKind {
    Query,
    Mutation,
    Subscription,
}

/// An operation that was parsed, is within the limits, and waits to be run.
pub struct Operation {
    /// The type of the operation.
    pub kind: OperationKind,
    /// Its cost, in points.
    pub price: u32,
    request: Request,
    started: Started,
}

/// A schema that can be run.
#[derive(Clone)]
pub struct Engine {
    run: Arc<dyn Fn(Request) -> BoxStream<'static, Response> + Send + Sync>,
    /// The input objects of the schema.
    inputs: InputTypes,
    documents: Arc<Documents>,
    persisted: Arc<Persisted>,
    /// The most that one operation may cost, in points.
    most: u32,
}

impl Engine {
    /// An engine over `schema`, which has the `Execution` extension and these `inputs`, for documents within `limits` and
    /// operations of `most` points at most. Documents have to be sent.
    pub fn new(schema: impl Executor, inputs: InputTypes, limits: DocumentLimits, most: u32) -> Self {
        Self {
            run: Arc::new(move |request| schema.execute_stream(request, None)),
            inputs,
            documents: Arc::new(Documents::new(limits)),
            persisted: Arc::new(Persisted::new(DocumentPolicy::Off, Arc::default())),
            most,
        }
    }

    /// The same, for documents that are named by ids, or only for those that are trusted.
    #[must_use]
    pub fn with_persisted(self, persisted: Persisted) -> Self {
        Self { persisted: Arc::new(persisted), ..self }
    }

    /// Parses the document and chooses its operation, for `viewer`, whose browser may have a `cookie`.
    ///
    /// # Errors
    /// Why the request cannot be run.
    pub fn prepare(
        &self,
        parameters: Parameters,
        mut viewer: Viewer,
        cookie: TokenCookie,
        request_id: RequestId,
    ) -> Result<Operation, PublicError> {
        let Parameters { query, id, operation_name, mut variables, is_embedded } = parameters;
        let query: Arc<str> =
            if is_embedded { query.into() } else { self.persisted.find(query, id.as_deref(), &viewer)? };
        self.persisted.permit(&query, &viewer)?;
        let document = self.documents.get(&query)?;
        self.persisted.keep(&query, id.as_deref());
        let operation = select(&document.parsed, operation_name.as_deref())?;
        // Others would only take room, for as long as the operation runs.
        let declared: HashSet<_> =
            operation.node.variable_definitions.iter().map(|each| each.node.name.node.as_str()).collect();
        variables.retain(|name, _| declared.contains(name.as_str()));
        self.inputs.check(&operation.node, &variables)?;
        let kind = match operation.node.ty {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        };

        let price = cost::price(&document.parsed, &operation.node, &variables);
        if price > self.most {
            let message = format!("The operation costs {price} points; at most {} are allowed.", self.most);
            return Err(PublicError::limit_exceeded(message, self.most as usize, price as usize));
        }

        if kind == OperationKind::Subscription {
            check_subscription(query.len(), price)?;
        }

        viewer.client.request = Some(request_id);
        let started = Started::default();
        let mut request = Request::new(&*query);
        if kind == OperationKind::Query {
            request = request.data(Validity::new(Arc::clone(&document), operation_name.as_deref(), &variables));
        }
        request = request
            .data(RequestVariables(variables.clone()))
            .variables(Variables::from_json(Value::Object(variables)))
            .data(viewer)
            .data(cookie)
            .data(request_id)
            .data(started.clone());
        request.operation_name = operation_name;
        request.set_parsed_query(document.parsed.clone());
        Ok(Operation { kind, price, request, started })
    }

    /// Runs an operation: one answer for a query or mutation, one for each event of a subscription. Dropping the stream
    /// stops the operation.
    pub fn run(&self, operation: Operation) -> BoxStream<'static, Answer> {
        let Operation { kind, price, request, started } = operation;
        (self.run)(request)
            .map(move |response| {
                let answer = Answer::new(response, started.get());
                // Events of a subscription are not charged again.
                if kind == OperationKind::Subscription { answer } else { answer.at_price(price) }
            })
            .boxed()
    }
}

/// Keeps what lasts small.
fn check_subscription(bytes: usize, price: u32) -> Result<(), PublicError> {
    if bytes > SUBSCRIPTION_BYTES {
        let message = format!(
            "The document of a subscription has {bytes} bytes; at most {SUBSCRIPTION_BYTES} are allowed. Send it without \
             other operations."
        );
        return Err(PublicError::limit_exceeded(message, SUBSCRIPTION_BYTES, bytes));
    }
    if price > SUBSCRIPTION_POINTS {
        let message = format!(
            "The subscription costs {price} points; at most {SUBSCRIPTION_POINTS} are allowed, because what it selects is \
             read for each event. Select ids, and query the rest."
        );
        return Err(PublicError::limit_exceeded(message, SUBSCRIPTION_POINTS as usize, price as usize));
    }
    Ok(())
}

fn select<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, PublicError> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        (DocumentOperations::Multiple(_), None) => {
            let message = "The document has several operations: choose one with `operationName`.";
            return Err(PublicError::new(ErrorCode::BadUserInput, message));
        }
    };
    found.ok_or_else(|| {
        PublicError::new(ErrorCode::BadUserInput, "The document has no operation with the name in `operationName`.")
    })
}

/// What goes back to the client.
#[derive(Serialize)]
pub struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    /// `None` when the operation did not begin; an answer then has no such member.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<async_graphql::Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: BTreeMap<String, async_graphql::Value>,
}

impl Answer {
    fn new(response: Response, executed: bool) -> Self {
        let Response { errors, data, extensions, .. } = response;
        Self { errors, data: executed.then_some(data), extensions }
    }

    fn at_price(mut self, points: u32) -> Self {
        let cost = async_graphql::value!({ "points": points });
        self.extensions.insert("cost".to_owned(), cost);
        self
    }

    /// The answer to a request that is not run.
    #[must_use]
    pub fn refused(error: PublicError, request_id: RequestId) -> Self {
        Self::new(error.into_response(request_id), false)
    }

    /// Whether the operation began: its answer then has `data`, even if that is null.
    #[must_use]
    pub fn executed(&self) -> bool {
        self.data.is_some()
    }

    /// When a retry may succeed, if the caller sent too many requests.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let is_limited = |extensions: &&ErrorExtensionValues| matches!(extensions.get("code"), Some(async_graphql::Value::String(code)) if code == ErrorCode::RateLimited.as_str());
        let limited = self.errors.iter().filter_map(|error| error.extensions.as_ref()).find(is_limited)?;
        match limited.get("retryAfterMs")? {
            async_graphql::Value::Number(milliseconds) => Some(milliseconds.as_u64()?.div_ceil(1000)),
            _ => None,
        }
    }

    /// Only the errors, as GraphQL over WebSocket wants them for an operation that did not begin.
    #[must_use]
    pub fn errors(&self) -> impl Serialize {
        &self.errors
    }
}
