//! The connections of the server: how many there are, how many of them one address may have, and when one that does
//! nothing ends. What goes over them is the router's.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rlimit::Resource;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::stall::{Guarded, Place};
use crate::{auth::share::Shares, config::HttpConfig, domain::client::Subnet};

/// Bytes of the head of a request that are kept until it is whole.
const HEAD_BYTES: usize = 128 * 1024;
/// How long nothing is accepted after the system had nothing left for another connection.
const PAUSE: Duration = Duration::from_millis(500);
/// The most connections where the settings leave it to the system's limit.
const MOST_CONNECTIONS: usize = 10_000;

/// The whole answer to a connection for which there is no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json; charset=utf-8\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 164\r\n\r\n{\"errors\":[{\"message\":\"There are too many connections from this address. Close some, or try again later.\",\"extensions\":{\"code\":\"UNAVAILABLE\",\"retryAfterMs\":5000}}]}";

/// How many connections there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    pub all: usize,
    pub per_address: usize,
}

impl ConnectionLimits {
    /// From the settings. Open values follow from the number of files that the process may have open.
    ///
    /// # Errors
    /// When the system does not tell that number.
    pub fn of_process(http: &HttpConfig) -> io::Result<Self> {
        Ok(Self::new(http, Resource::NOFILE.get_soft()?))
    }

    /// Half of the files are for connections, the rest for stores, originals and their readers.
    fn new(http: &HttpConfig, open_files: u64) -> Self {
        let half = usize::try_from(open_files / 2).unwrap_or(usize::MAX);
        let all = if http.connections > 0 { http.connections } else { half.clamp(1, MOST_CONNECTIONS) };
        let share = if http.connections_per_address > 0 { http.connections_per_address } else { all.div_ceil(10) };
        Self { all, per_address: share.min(all) }
    }
}

/// Raises the limit of open files to what the system allows: the initial limit from a shell or service manager is often
/// too low for a server.
pub fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "files that may be open"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the limit of open files stays as it is");
        }
    }
}

/// Accepts connections and serves `router` on them until `stop` and a moment longer, so that load balancers can see
/// that this server is no longer ready. Then lets open requests finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    http: HttpConfig,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    // Behind a proxy all connections come from one address, so the share is counted in requests.
    let per_address = if http.trust_forwarded_for { limits.all } else { limits.per_address };
    let (room, shares) = (Arc::new(Semaphore::new(limits.all)), Shares::new(per_address));
    let mut connections = JoinSet::new();
    let closing = CancellationToken::new();
    let mut drained = std::pin::pin!(async {
        stop.cancelled().await;
        tokio::time::sleep(drain_time(&http)).await;
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = drained.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let share = shares.take(Subnet::of(peer.ip()));
        let place = share.zip(Arc::clone(&room).try_acquire_owned().ok());
        let Some(place) = place else {
            refuse(&stream);
            continue;
        };
        connections.spawn(converse(stream, peer, place, router.clone(), http.clone(), closing.clone()));
    }
    drop(listener);
    closing.cancel();
    while connections.join_next().await.is_some() {}
}

/// How long the server is reachable after it was told to stop. Half of the grace period is left for requests.
fn drain_time(http: &HttpConfig) -> Duration {
    Duration::from_secs(http.drain_seconds).min(Duration::from_secs(http.shutdown_grace_seconds) / 2)
}

/// A connection that broke before it was accepted is no reason to wait. The system's lack of something is: it would be
/// reported again at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(error = error as &dyn std::error::Error, "a connection can't be accepted");
        tokio::time::sleep(PAUSE).await;
    }
}

fn refuse(stream: &TcpStream) {
    // What does not fit into the empty buffer of a new connection is not worth waiting for.
    let _ = stream.try_write(NO_ROOM);
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    router: Router,
    http: HttpConfig,
    closing: CancellationToken,
) {
    // Answers and events are small: without this the kernel would hold them back to fill a packet.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection keeps its delay");
    }
    let has_asked = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Guarded::new(stream, Duration::from_secs(http.stall_timeout_seconds), place));
    let asked = Arc::clone(&has_asked);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        TowerToHyperService::new(router.clone()).call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(http.header_timeout_seconds))
        .max_buf_size(HEAD_BYTES)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            if !has_asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_follow_from_the_open_files_unless_they_are_set() {
        let limits = |connections, connections_per_address, open_files| {
            let http = HttpConfig { connections, connections_per_address, ..HttpConfig::default() };
            let limits = ConnectionLimits::new(&http, open_files);
            (limits.all, limits.per_address)
        };
        assert_eq!(limits(0, 0, 1024), (512, 52));
        assert_eq!(limits(0, 0, 1 << 20), (10_000, 1000));
        assert_eq!(limits(0, 0, u64::MAX), (10_000, 1000));
        assert_eq!(limits(100, 0, 1024), (100, 10));
        assert_eq!(limits(100, 500, 1024), (100, 100));
    }

    #[test]
    fn the_refusal_is_a_whole_answer() {
        let text = std::str::from_utf8(NO_ROOM).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
