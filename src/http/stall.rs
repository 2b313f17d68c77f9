//! What ends when nothing moves: a connection whose client takes nothing off, and a request whose body does not come.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep, timeout},
};

use crate::{auth::share::Share, domain::client::Subnet};

/// The place of a connection among all, and in its address's share.
pub(super) type Place = (Share<Subnet>, OwnedSemaphorePermit);

/// A connection that fails when its client reads nothing for a time. It frees its place when it is dropped, whether the
/// server holds it then or the WebSocket that it became.
pub(super) struct Guarded {
    stream: TcpStream,
    patience: Duration,
    /// When the patience is over; there while something waits to be taken off.
    deadline: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, patience: Duration, place: Place) -> Self {
        Self { stream, patience, deadline: None, _place: place }
    }

    /// What a write came to, or the failure of one that has waited too long.
    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut_down)
    }
}

/// Ends the body of a request of which nothing comes for so long.
pub(super) async fn bound_body(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    next.run(request.map(|body| bounded(body, patience))).await
}

fn bounded(body: Body, patience: Duration) -> Body {
    Body::from_stream(futures_util::stream::try_unfold(body.into_data_stream(), move |mut parts| async move {
        match timeout(patience, parts.next()).await {
            Ok(part) => Ok::<Option<(Bytes, _)>, axum::Error>(part.transpose()?.map(|part| (part, parts))),
            Err(_) => Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut))),
        }
    }))
}
