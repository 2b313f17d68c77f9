//! The one runner of requests: prepares an operation, takes its price, runs it. How the answers are delivered (as one
//! response, an event stream, over a WebSocket, to a tool) is not known here.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{StreamExt, stream::BoxStream};

use super::{HttpState, error::HttpError, places::LiveOperation, request_id::panic_message, watch::WatchedCaller};
use crate::{
    auth::{cookie::TokenCookie, viewer::Viewer},
    domain::id::RequestId,
    error::{Error, ErrorCode},
    graphql::{
        engine::{Answer, Operation, OperationKind, Parameters},
        error::PublicError,
    },
};

/// Maximum age of the permission check when a single answer is sent.
const PATIENCE: Duration = Duration::from_secs(3);

/// A request that can be run, for its caller.
pub(super) struct Prepared {
    operation: Operation,
    viewer: Viewer,
    request_id: RequestId,
    /// Counts a subscription as the caller's.
    live: Option<LiveOperation>,
}

impl Prepared {
    /// Parses the document and chooses its operation.
    ///
    /// # Errors
    /// Why the request can't be run.
    pub(super) fn new(
        state: &HttpState,
        parameters: Parameters,
        (viewer, cookie): (&Viewer, TokenCookie),
        request_id: RequestId,
    ) -> Result<Self, PublicError> {
        let operation = state.engine.prepare(parameters, viewer.clone(), cookie, request_id)?;
        let live = match operation.kind {
            OperationKind::Subscription => Some(state.places.live.begin(viewer)?),
            OperationKind::Query | OperationKind::Mutation => None,
        };
        Ok(Self { operation, viewer: viewer.clone(), request_id, live })
    }

    /// The type of the operation.
    pub(super) fn kind(&self) -> OperationKind {
        self.operation.kind
    }

    /// Takes the price and begins.
    ///
    /// # Errors
    /// When the caller can't pay it now.
    pub(super) async fn start(self, state: &HttpState) -> Result<Running, Error> {
        state.callers.charge(&self.viewer, self.operation.price).await?;
        Ok(Running { answers: state.engine.run(self.operation), request_id: self.request_id, live: self.live })
    }

    /// Runs a query or mutation to its answer.
    ///
    /// # Errors
    /// When the caller can't pay, or lost their permission while a query ran; when there is no answer, which is a fault.
    pub(super) async fn answer(self, state: &HttpState, caller: &mut WatchedCaller) -> Result<Answer, HttpError> {
        let is_mutation = self.kind() == OperationKind::Mutation;
        let answer = self.start(state).await?.answers.next().await;
        // A slow request may outlast the caller's permission. What a mutation did is done, and it may have ended the session
        // itself: the tokens of a new password are in no other answer.
        if !is_mutation {
            caller.recheck(PATIENCE).await?;
        }
        answer.ok_or_else(|| HttpError::internal("the engine gave no answer".to_owned()))
    }
}

/// A running operation. Dropping it stops the operation.
pub(super) struct Running {
    answers: BoxStream<'static, Answer>,
    request_id: RequestId,
    live: Option<LiveOperation>,
}

impl Running {
    /// All answers as they come, and what to keep until the operation has ended. A panic is an answer as well, the last: it
    /// ends the operation, not what delivers it.
    pub(super) fn into_answers(self) -> (BoxStream<'static, Answer>, Option<LiveOperation>) {
        let request_id = self.request_id;
        let answers = AssertUnwindSafe(self.answers).catch_unwind();
        let answers = answers
            .map(move |answer| {
                answer.unwrap_or_else(|panic| {
                    tracing::error!(request.id = %request_id, error = panic_message(&*panic), "an operation failed");
                    let error = PublicError::new(ErrorCode::InternalServerError, "Internal server error.");
                    Answer::refused(error, request_id)
                })
            })
            .boxed();
        (answers, self.live)
    }
}
