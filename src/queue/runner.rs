//! The loop that claims jobs and sees them through.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{GiveUp, Handler, JobError, backoff};
use crate::{
    db::{
        Database, DatabaseError,
        repo::jobs::{self, ClaimedJob, Lease},
    },
    domain::clock::Clock,
};

/// Tries for a job that fails for a reason that nobody knows.
const ATTEMPTS_FOR_UNKNOWN: i32 = 3;

/// How the queue is worked on.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// Jobs at the same time.
    pub concurrency: usize,
    /// How long a job is held without a sign of life.
    pub lease: Duration,
    /// Time between two signs of life.
    pub heartbeat: Duration,
    /// Time between two looks for jobs of dead workers.
    pub sweep: Duration,
    /// Time between two looks for work when nobody calls.
    pub poll: Duration,
    pub max_attempts: i32,
    pub max_crashes: i32,
    /// Whether this process is the only one on its data, so that a job held at its start is nobody's.
    pub is_alone: bool,
}

/// Works on the queue until it is stopped.
pub struct Runner {
    database: Database,
    clock: Arc<dyn Clock>,
    settings: QueueSettings,
    handlers: HashMap<&'static str, Arc<dyn Handler>>,
    wake: Arc<Notify>,
    /// The jobs that run here, with what stops each.
    held: Mutex<HashMap<Lease, CancellationToken>>,
}

impl Runner {
    /// A runner for these kinds of jobs. `wake` is notified when there may be work.
    #[must_use]
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        settings: QueueSettings,
        handlers: Vec<Arc<dyn Handler>>,
        wake: Arc<Notify>,
    ) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self { database, clock, settings, handlers, wake, held: Mutex::default() }
    }

    /// Works until `stop` is cancelled, then lets running jobs end their current step and gives them back.
    ///
    /// # Errors
    /// When the database fails at the start.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), DatabaseError> {
        if self.settings.is_alone {
            let now = self.clock.now();
            let rescued = self.database.transaction(|tx| jobs::rescue_all(tx, now).boxed()).await?;
            if rescued > 0 {
                info!(jobs = rescued, "jobs of the last run are taken up again");
            }
        }
        let keeper = tokio::spawn(Arc::clone(&self).keep_alive(stop.clone()));
        self.work(&stop).await;
        let _ = keeper.await;
        Ok(())
    }

    async fn work(self: &Arc<Self>, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.concurrency));
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            // Interest is registered before the look, so that no call falls between the two.
            let call = self.wake.notified();
            let claimed = match self.claim(slots.available_permits()).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "jobs can't be claimed");
                    Vec::new()
                }
            };
            let found_any = !claimed.is_empty();
            for job in claimed {
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { break };
                let runner = Arc::clone(self);
                let stop = stop.child_token();
                self.held().insert(job.lease(), stop.clone());
                running.spawn(async move {
                    runner.see_through(&job, &stop).await;
                    runner.held().remove(&job.lease());
                    drop(slot);
                    runner.wake.notify_one();
                });
            }
            while running.try_join_next().is_some() {}
            if found_any {
                continue;
            }
            tokio::select! {
                () = call => {}
                () = tokio::time::sleep(self.settings.poll) => {}
                () = stop.cancelled() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Claims as many jobs as there are free slots, but not before a quarter is free: each claim is a transaction.
    async fn claim(&self, free: usize) -> Result<Vec<ClaimedJob>, DatabaseError> {
        if free * 4 < self.settings.concurrency {
            return Ok(Vec::new());
        }
        let kinds: Vec<_> = self.handlers.keys().copied().collect();
        let kinds = kinds.as_slice();
        let now = self.clock.now();
        let until = self.lease_until(now);
        let limit = u64::try_from(free).unwrap_or(u64::MAX);
        self.database.transaction(|tx| jobs::claim(tx, kinds, limit, now, until).boxed()).await
    }

    async fn see_through(&self, job: &ClaimedJob, stop: &CancellationToken) {
        let Some(handler) = self.handlers.get(job.kind.as_str()) else { return };
        let result = if job.crashes >= self.settings.max_crashes {
            handler.give_up(job, GiveUp::Crashed).await
        } else {
            let run = std::panic::AssertUnwindSafe(handler.run(job, stop)).catch_unwind().await;
            match run.unwrap_or_else(|_| Err(JobError::Unknown("the job panicked".into()))) {
                Err(JobError::Stopped) => self.hand_back(job).await,
                Err(error @ (JobError::Transient(_) | JobError::Unknown(_))) => {
                    self.retry_or_give_up(handler.as_ref(), job, error).await
                }
                result => result,
            }
        };
        match result {
            Ok(()) => {}
            Err(JobError::LeaseLost) => info!(job.id = %job.id, job.kind, "the job went to another worker"),
            // The lease runs out and the job is taken up again.
            Err(error) => {
                error!(job.id = %job.id, job.kind, error = &error as &dyn std::error::Error, "job not settled");
            }
        }
    }

    async fn retry_or_give_up(&self, handler: &dyn Handler, job: &ClaimedJob, error: JobError) -> Result<(), JobError> {
        let attempts = match error {
            JobError::Unknown(_) => self.settings.max_attempts.min(ATTEMPTS_FOR_UNKNOWN),
            _ => self.settings.max_attempts,
        };
        warn!(
            job.id = %job.id, job.kind, job.attempt = job.attempts, error = &error as &dyn std::error::Error,
            "job failed"
        );
        if job.attempts >= attempts {
            return handler.give_up(job, GiveUp::Failed(&error)).await;
        }
        let pause = backoff::pause(job.attempts);
        handler.postponed(job, &error, pause).await;
        let run_at = self.clock.now() + TimeDelta::from_std(pause).unwrap_or_default();
        let message = error.to_string();
        self.release(job, run_at, Some(&message)).await
    }

    async fn hand_back(&self, job: &ClaimedJob) -> Result<(), JobError> {
        self.release(job, self.clock.now(), None).await
    }

    async fn release(&self, job: &ClaimedJob, run_at: DateTime<Utc>, error: Option<&str>) -> Result<(), JobError> {
        let lease = job.lease();
        let held = self.database.transaction(|tx| jobs::release(tx, lease, run_at, error).boxed()).await;
        match held {
            Ok(true) => Ok(()),
            Ok(false) => Err(JobError::LeaseLost),
            Err(error) => Err(JobError::Transient(error.into())),
        }
    }

    /// Gives signs of life for the jobs that run here, and takes up those of workers that give none.
    async fn keep_alive(self: Arc<Self>, stop: CancellationToken) {
        let mut heartbeat = tokio::time::interval(self.settings.heartbeat);
        let mut sweep = tokio::time::interval(self.settings.sweep);
        loop {
            let result = tokio::select! {
                _ = heartbeat.tick() => self.extend_leases().await,
                _ = sweep.tick() => self.rescue_expired().await,
                () = stop.cancelled() => return,
            };
            if let Err(error) = result {
                warn!(error = &error as &dyn std::error::Error, "leases can't be looked after");
            }
        }
    }

    async fn extend_leases(&self) -> Result<(), DatabaseError> {
        let leases: Vec<_> = self.held().keys().copied().collect();
        if leases.is_empty() {
            return Ok(());
        }
        let leases = leases.as_slice();
        let until = self.lease_until(self.clock.now());
        let lost = self
            .database
            .transaction(|tx| {
                async move {
                    let mut lost = Vec::new();
                    for lease in leases {
                        if !jobs::extend(tx, *lease, until).await? {
                            lost.push(*lease);
                        }
                    }
                    Ok::<_, DatabaseError>(lost)
                }
                .boxed()
            })
            .await?;
        let held = self.held();
        for lease in lost {
            if let Some(stop) = held.get(&lease) {
                stop.cancel();
            }
        }
        Ok(())
    }

    async fn rescue_expired(&self) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let rescued = self.database.transaction(|tx| jobs::rescue_expired(tx, now).boxed()).await?;
        if rescued > 0 {
            warn!(jobs = rescued, "jobs of workers that gave no sign of life are taken up again");
            self.wake.notify_one();
        }
        Ok(())
    }

    fn lease_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::from_std(self.settings.lease).unwrap_or_default()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<Lease, CancellationToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
