//! The order of writes to one shard: one at a time, flushes between them, and one flush for everybody who waits for one
//! (group commit).
//!
//! The engine would take a write during a flush, but it may then call an operation flushed of which only a part was,
//! and a write that waits inside the engine keeps searches waiting with it. So both wait here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::Mutex,
    task::{JoinError, spawn_blocking},
};

/// The queue of writes and flushes of one shard. A started write finishes even if its caller is gone.
pub(super) struct Writes<E> {
    turn: Arc<Mutex<()>>,
    /// The flushes that have begun.
    begun: AtomicU64,
    /// The newest completed flush. The holder of the lock runs the next one.
    ended: Arc<Mutex<Flush<E>>>,
}

struct Flush<E> {
    number: u64,
    outcome: Result<(), E>,
}

impl<E: Clone + Send + 'static> Writes<E> {
    pub(super) fn new() -> Self {
        let none_yet = Flush { number: 0, outcome: Ok(()) };
        Self { turn: Arc::default(), begun: AtomicU64::new(0), ended: Arc::new(Mutex::new(none_yet)) }
    }

    /// Runs `write` on the blocking pool when its turn comes.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        spawn_blocking(move || {
            let _turn = turn;
            write()
        })
        .await
    }

    /// Returns the outcome of a flush that began after this call: `flush` run on the blocking pool, or the one of
    /// another caller.
    pub(super) async fn flush(
        &self,
        flush: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> Result<Result<(), E>, JoinError> {
        let needed = self.begun.load(Ordering::SeqCst) + 1;
        let mut ended = Arc::clone(&self.ended).lock_owned().await;
        if ended.number >= needed {
            return Ok(ended.outcome.clone());
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        spawn_blocking(move || {
            let _turn = turn;
            let outcome = flush();
            *ended = Flush { number, outcome: outcome.clone() };
            outcome
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::task::yield_now;

    use super::*;

    /// Writes whose flushes are counted.
    #[derive(Clone)]
    struct Counted {
        writes: Arc<Writes<String>>,
        flushes: Arc<AtomicU64>,
    }

    impl Counted {
        fn new() -> Self {
            Self { writes: Arc::new(Writes::new()), flushes: Arc::default() }
        }

        async fn flush(self, outcome: Result<(), String>) -> Result<(), String> {
            let flushes = Arc::clone(&self.flushes);
            let flush = move || {
                flushes.fetch_add(1, Ordering::SeqCst);
                outcome
            };
            self.writes.flush(flush).await.unwrap()
        }

        fn flushes(&self) -> u64 {
            self.flushes.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn calls_that_arrive_during_a_flush_share_the_next_one_and_its_outcome() {
        let counted = Counted::new();
        let (release, released) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let counted = counted.clone();
            async move { counted.writes.flush(move || released.recv().map_err(|error| error.to_string())).await }
        });
        yield_now().await;
        // The first has begun, so none of these may use it.
        let others: Vec<_> = (0..30).map(|_| tokio::spawn(counted.clone().flush(Err("disk full".into())))).collect();
        yield_now().await;
        release.send(()).unwrap();

        first.await.unwrap().unwrap().unwrap();
        for other in others {
            assert_eq!(other.await.unwrap(), Err("disk full".into()));
        }
        assert_eq!(counted.flushes(), 1);
    }

    #[tokio::test]
    async fn a_call_never_uses_a_flush_that_began_before_it() {
        let counted = Counted::new();
        for _ in 0..3 {
            counted.clone().flush(Ok(())).await.unwrap();
        }
        assert_eq!(counted.flushes(), 3);
    }

    #[tokio::test]
    async fn a_flush_waits_for_the_write_before_it() {
        let counted = Counted::new();
        let (release, released) = mpsc::channel::<()>();
        let writes = Arc::clone(&counted.writes);
        let write = tokio::spawn(async move { writes.write(move || released.recv()).await });
        yield_now().await;
        let flush = tokio::spawn(counted.clone().flush(Ok(())));
        yield_now().await;
        assert_eq!(counted.flushes(), 0);

        release.send(()).unwrap();
        write.await.unwrap().unwrap().unwrap();
        flush.await.unwrap().unwrap();
        assert_eq!(counted.flushes(), 1);
    }
}
