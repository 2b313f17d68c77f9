//! The only extension of the engine: what must happen around every execution, for every transport.
//!
//! - Each execution has a time limit, and loaders of its own.
//! - An error on a nullable field makes that field null, not its parent, so resolvers may return `Result<Option<T>>`.
//!   (Items of a list are the exception: the engine takes `Vec<Result<Option<T>>>` for a list of non-null items. Return
//!   `Vec<Option<Result<T>>>` there.)
//! - A document that is known to be valid is not validated again.
//! - A query that is denied is recorded in the audit log. (Use cases that change something record it themselves, with
//!   their object.)
//! - Every error is published by `error::publish`, with the path of the field that failed.
//!
//! It costs a field one boxed future; there is work only when a field fails.

use std::{
    any::{Any, TypeId},
    convert::Infallible,
    iter,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    CacheControl, Data, PathSegment, QueryPathNode, QueryPathSegment, Request, Response, ServerError, ServerResult,
    ValidationResult, Value,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextRequest, NextResolve,
        NextSubscribe, NextValidation, ResolveInfo,
    },
    parser::types::Field,
};
use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};

use super::{
    documents::Validity,
    error::{PublicError, publish},
    global_id::NodeId,
    loaders::with_loaders,
};
use crate::{
    auth::viewer::Viewer,
    domain::{audit::AuditAction, id::RequestId},
    error::{Error, ErrorCode},
    service::{Services, audit::Deed},
};

/// Whether a request got as far as execution: what fails before is an error of the request and has no `data`. Put it in
/// the data of the request.
#[derive(Clone, Debug, Default)]
pub struct Started(Arc<AtomicBool>);

impl Started {
    /// Whether the engine began to execute the operation.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The variables of a request, by name. Put it into the data of the request.
#[derive(Clone, Debug, Default)]
pub struct RequestVariables(pub serde_json::Map<String, serde_json::Value>);

/// Creates the extension; pass it to the schema's builder.
pub struct Execution {
    timeout: Duration,
    services: Option<Arc<Services>>,
}

impl Execution {
    /// An extension under which one execution takes at most `timeout`.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, services: None }
    }

    /// The same, with loaders that read from the services' database.
    #[must_use]
    pub fn loading_from(self, services: Arc<Services>) -> Self {
        Self { services: Some(services), ..self }
    }
}

impl ExtensionFactory for Execution {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(OneRequest { timeout: self.timeout, services: self.services.clone(), state: Arc::default() })
    }
}

struct OneRequest {
    timeout: Duration,
    services: Option<Arc<Services>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    request_id: OnceLock<RequestId>,
    /// The errors of the execution that is going on. A request has one execution at a time: subscriptions have a single
    /// root field (`limits`), and its events follow one another.
    errors: Mutex<Vec<ServerError>>,
}

impl State {
    /// Keeps the error of a field with its path. Through parents that can't be null, only a marker travels on that says
    /// the error has been kept, because the engine would cut its path.
    fn keep(&self, error: ServerError, path: &QueryPathNode<'_>) -> ServerError {
        if error.source::<Kept>().is_some() {
            return error;
        }
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error.with_path(segments(path)));
        ServerError { source: Some(Arc::new(Kept)), ..ServerError::new(String::new(), None) }
    }

    fn take_errors(&self) -> Vec<ServerError> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, response: Response) -> Response {
        publish(response, self.request_id.get().copied())
    }
}

/// The source of an error that is in `State::errors`.
struct Kept;

#[async_trait]
impl Extension for OneRequest {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        self.state.publish(next.run(context).await)
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let state = Arc::clone(&self.state);
        next.run(context, stream).map(move |response| state.publish(response)).boxed()
    }

    async fn prepare_request(
        &self,
        context: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        if let Some(request_id) = datum::<RequestId>(&request.data) {
            self.state.request_id.get_or_init(|| *request_id);
        }
        next.run(context, request).await
    }

    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let Some(validity) = context.data_opt::<Validity>() else { return next.run(context).await };
        if validity.is_known() {
            // Nobody reads these figures: cost is priced, and depth limited, before.
            return Ok(ValidationResult { cache_control: CacheControl::default(), complexity: 0, depth: 0 });
        }
        let valid = next.run(context).await?;
        validity.note();
        Ok(valid)
    }

    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(started) = context.data_opt::<Started>() {
            started.0.store(true, Ordering::Release);
        }
        let execution = async {
            match &self.services {
                Some(services) => with_loaders(services, context, operation_name, next).await,
                None => next.run(context, operation_name).await,
            }
        };
        let mut response = tokio::time::timeout(self.timeout, execution).await.unwrap_or_else(|_| {
            let message = format!("The operation took longer than {} s and was cancelled.", self.timeout.as_secs());
            Response::from_errors(vec![PublicError::new(ErrorCode::Timeout, message).into()])
        });
        response.errors.retain(|error| error.source::<Kept>().is_none());
        response.errors.extend(self.state.take_errors());
        response
    }

    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let path = info.path_node;
        let nullable = !info.return_type.ends_with('!');
        let (parent, name, field) = (info.parent_type, info.name, info.field);
        match next.run(context, info).await {
            Err(error) => {
                if parent != "Mutation" {
                    note_refusal(context, &error, (parent, name), field);
                }
                let kept = self.state.keep(error, path);
                if nullable { Ok(Some(Value::Null)) } else { Err(kept) }
            }
            resolved => resolved,
        }
    }
}

/// Records an error that says that the caller lacks permission to see what they requested. Errors that come up from a
/// field below are already recorded.
fn note_refusal(context: &ExtensionContext<'_>, error: &ServerError, (parent, name): (&str, &str), field: &Field) {
    let ours = error.source::<Error>().or_else(|| error.source::<Arc<Error>>().map(AsRef::as_ref));
    let (Some(error), Some(services), Some(viewer)) =
        (ours, context.data_opt::<Arc<Services>>(), context.data_opt::<Viewer>())
    else {
        return;
    };
    let variables = context.data_opt::<RequestVariables>();
    let id = ["id", "collectionId", "operationId"].iter().find_map(|name| {
        let value = field.get_argument(name)?.node.clone();
        let value = value.into_const_with(|name| {
            let value = variables.and_then(|variables| variables.0.get(name.as_str())).cloned();
            Ok::<_, Infallible>(value.and_then(|value| Value::from_json(value).ok()).unwrap_or_default())
        });
        match value.unwrap_or_else(|never| match never {}) {
            Value::String(id) => NodeId::find(&id.into()),
            _ => None,
        }
    });
    let deed = Deed::new(AuditAction::Read).to(id.and_then(NodeId::audited)).within(id.and_then(NodeId::collection));
    let deed = deed.saying(format!("{parent}.{name}"));
    services.audit.refused(viewer, deed, error, services.clock.now());
}

fn datum<T: Any>(data: &Data) -> Option<&T> {
    data.get(&TypeId::of::<T>())?.downcast_ref()
}

fn segments(path: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut segments: Vec<_> = iter::once(path)
        .chain(path.parents())
        .map(|node| match node.segment {
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
            QueryPathSegment::Index(index) => PathSegment::Index(index),
        })
        .collect();
    segments.reverse();
    segments
}
