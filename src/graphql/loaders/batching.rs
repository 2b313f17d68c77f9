//! When a batch is read: as soon as an execution can't continue without it, and not before.
//!
//! The engine's loader would wait for a millisecond on each level and hope that every resolver has called it by then.
//! Here an execution and its batches are one future, and batches are polled only while the execution waits. So a batch
//! is complete under any load, waits for nothing, and is dropped with its execution.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use async_graphql::{
    Data, Response,
    dataloader::DataLoader,
    extensions::{ExtensionContext, NextExecute},
    runtime::Timer,
};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, ready},
    stream::FuturesUnordered,
    task::{FutureObj, Spawn, SpawnError},
};

use super::Rows;
use crate::{
    auth::viewer::Viewer,
    domain::client::Client,
    service::{Services, limits},
};

/// Keys of one statement; a larger batch becomes several.
const MAX_BATCH: usize = 500;

/// Runs an execution with loaders of its own, which read from the services' database in the caller's lane.
pub async fn with_loaders(
    services: &Arc<Services>,
    context: &ExtensionContext<'_>,
    operation_name: Option<&str>,
    next: NextExecute<'_>,
) -> Response {
    let viewer = context.data_opt::<Viewer>().cloned().unwrap_or_else(|| Viewer::anonymous(Client::default()));
    let lane = limits::lane(services, &viewer);
    let rows = Rows { services: Arc::clone(services), scope: viewer.scope() };
    let batches = Batches::default();
    let mut data = Data::default();
    data.insert(DataLoader::new(rows, batches.clone(), Immediately).max_batch_size(MAX_BATCH));
    lane.run(batches.drive(next.run_with_data(context, operation_name, data))).await
}

/// Requested batches that have not started.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl Spawn for Batches {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        Ok(())
    }
}

impl Batches {
    /// Runs `execution`, and its batches whenever it waits.
    async fn drive<T>(self, execution: impl Future<Output = T>) -> T {
        let mut execution = pin!(execution);
        let mut running = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                if let Poll::Ready(output) = execution.as_mut().poll(context) {
                    return Poll::Ready(output);
                }
                running.extend(self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
                // A finished batch has woken the execution: it may continue.
                let Poll::Ready(Some(())) = running.poll_next_unpin(context) else { return Poll::Pending };
            }
        })
        .await
    }
}

/// A batch begins when it is polled.
struct Immediately;

impl Timer for Immediately {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, convert::Infallible};

    use async_graphql::dataloader::Loader;
    use futures_util::future::{join_all, poll_immediate};
    use tokio::task::yield_now;

    use super::*;

    /// Squares numbers, and notes how many at a time.
    #[derive(Clone, Default)]
    struct Squares(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Squares {
        type Value = u32;
        type Error = Infallible;

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, Infallible> {
            self.0.lock().unwrap().push(keys.len());
            yield_now().await;
            Ok(keys.iter().map(|key| (*key, key * key)).collect())
        }
    }

    #[tokio::test]
    async fn everybody_on_a_level_is_in_its_batch_however_many_they_are() {
        let (squares, batches) = (Squares::default(), Batches::default());
        let loader = DataLoader::new(squares.clone(), batches.clone(), Immediately).max_batch_size(MAX_BATCH);
        let two_levels = async |number: u32| {
            let square = loader.load_one(number).await.unwrap().unwrap();
            loader.load_one(square + 1).await.unwrap().unwrap()
        };
        let values = batches.drive(join_all((0..200).map(two_levels))).await;
        assert_eq!(values[3], 100);
        assert_eq!(*squares.0.lock().unwrap(), [200, 200]);
    }

    #[tokio::test]
    async fn a_batch_is_dropped_with_the_execution_that_it_is_for() {
        let (guard, batches) = (Arc::new(()), Batches::default());
        let held = Arc::clone(&guard);
        batches
            .spawn_obj(
                Box::pin(async move {
                    yield_now().await;
                    drop(held);
                })
                .into(),
            )
            .unwrap();
        let execution = batches.drive(std::future::pending::<()>());
        assert!(poll_immediate(Box::pin(execution)).await.is_none());
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
