//! The loop that claims jobs and runs them.

use std::{
    any::Any,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use futures_util::FutureExt;
use tokio::{
    sync::{Mutex, Notify},
    task::{JoinError, JoinSet},
    time::MissedTickBehavior,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use super::{
    Dependency, GiveUp, Handler, JobError, backoff,
    claims::Turns,
    gate::Gates,
    held::{Entry, Held},
    tally::{KindTally, Tally},
};
use crate::{
    db::{
        Database, DatabaseError,
        repo::jobs::{self, ClaimedJob, Cost, Holder},
    },
    domain::{
        clock::Clock,
        id::{JobId, WorkerId},
        job::Lane,
    },
};

/// Attempts of a job that fails for an unknown reason.
const ATTEMPTS_FOR_UNKNOWN: i32 = 3;

/// The settings of the queue.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// Concurrent jobs in each lane.
    pub lanes: Vec<(Lane, usize)>,
    /// How long a job is held without a heartbeat.
    pub lease: Duration,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Time between two checks for jobs of dead workers.
    pub sweep: Duration,
    /// Time between two checks for jobs without a notification.
    pub poll: Duration,
    pub max_attempts: i32,
    pub max_crashes: i32,
    /// Whether this process is the only one on its data: a job that is held at its start has no holder any longer, and
    /// one that is held later is its own.
    pub is_alone: bool,
}

/// Runs jobs of the queue until it is stopped.
pub struct Runner {
    pub(super) database: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: QueueSettings,
    pub(super) handlers: HashMap<&'static str, Arc<dyn Handler>>,
    pub(super) gates: Gates,
    pub(super) held: Arc<Held>,
    pub(super) turns: Turns,
    tally: Tally,
    worker: WorkerId,
    /// Whether the jobs of earlier holders were taken back.
    is_begun: AtomicBool,
    /// Notified when a slot is free, or a job that was there before can be claimed.
    wake: Notify,
    /// Held while jobs are claimed and while held jobs are checked, so that a job which is just being claimed is not
    /// mistaken for an orphan.
    claiming: Mutex<()>,
}

impl Runner {
    /// A runner for these kinds of jobs, and what they need.
    #[must_use]
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        settings: QueueSettings,
        handlers: Vec<Arc<dyn Handler>>,
        dependencies: Vec<Arc<dyn Dependency>>,
    ) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self {
            gates: Gates::new(dependencies, clock.now()),
            database,
            clock,
            settings,
            handlers,
            held: Arc::default(),
            turns: Turns::default(),
            tally: Tally::default(),
            is_begun: AtomicBool::new(false),
            worker: WorkerId::generate(),
            wake: Notify::new(),
            claiming: Mutex::default(),
        }
    }

    /// Runs jobs until `stop` is cancelled, then lets running jobs finish their current step and returns them to the
    /// queue.
    ///
    /// # Errors
    /// When the database fails at the start. It can be run again, also after a panic.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), DatabaseError> {
        if self.settings.is_alone && !self.is_begun.load(Ordering::Relaxed) {
            let now = self.clock.now();
            let rescued = self.database.transaction(|tx| jobs::rescue_all(tx, now).boxed()).await?;
            if rescued > 0 {
                info!(jobs = rescued, "jobs of the last run are resumed");
            }
        }
        self.is_begun.store(true, Ordering::Relaxed);
        // Heartbeats continue until the last job has ended. If they end before, the jobs stop, because their leases run out.
        let (is_over, stop) = (CancellationToken::new(), stop.child_token());
        let keeper = tokio::spawn(Arc::clone(&self).keep_alive(is_over.clone(), stop.clone().drop_guard()));
        let worked = AssertUnwindSafe(self.work(&stop)).catch_unwind().await;
        is_over.cancel();
        let kept = keeper.await;
        if let Err(panic) = worked.and(kept.or_else(panic_of)) {
            std::panic::resume_unwind(panic);
        }
        Ok(())
    }

    /// What became of the jobs of a kind since the start.
    #[must_use]
    pub fn tally(&self, kind: &str) -> KindTally {
        self.tally.of(kind)
    }

    /// The jobs of a kind that run now, each with the time since which it does.
    #[must_use]
    pub fn running(&self, kind: &str) -> Vec<(Instant, JobId)> {
        self.held.of_kind(kind)
    }

    pub(super) fn holder(&self) -> Holder {
        Holder { worker: self.worker, lease: self.settings.lease }
    }

    async fn work(self: &Arc<Self>, stop: &CancellationToken) {
        let mut running = JoinSet::new();
        let mut added = self.database.added_jobs();
        while !stop.is_cancelled() {
            // Register before the check, so that no notification is lost between the two.
            let call = self.wake.notified();
            added.mark_unchanged();
            fail::fail_point!("queue-claiming");
            self.look_after_gates(&mut running);
            let claimed = self.claim_and_hold(stop).await.unwrap_or_else(|error| {
                warn!(error = &error as &dyn std::error::Error, "jobs can't be claimed");
                Vec::new()
            });
            let found_any = !claimed.is_empty();
            for (job, entry, stop) in claimed {
                let runner = Arc::clone(self);
                running.spawn(async move {
                    runner.see_through(&job, &stop).await;
                    drop(entry);
                    runner.wake.notify_one();
                });
            }
            while running.try_join_next().is_some() {}
            if found_any {
                continue;
            }
            tokio::select! {
                () = call => {}
                _ = added.changed() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
                () = stop.cancelled() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim_and_hold(
        &self,
        stop: &CancellationToken,
    ) -> Result<Vec<(ClaimedJob, Entry, CancellationToken)>, DatabaseError> {
        let _claiming = self.claiming.lock().await;
        let claimed = self.claim().await?.into_iter().map(|job| {
            let stop = stop.child_token();
            let entry = self.held.add(&job, stop.clone());
            (job, entry, stop)
        });
        Ok(claimed.collect())
    }

    /// Checks, in parallel with the jobs, whether unavailable dependencies are back.
    fn look_after_gates(self: &Arc<Self>, running: &mut JoinSet<()>) {
        for dependency in self.gates.due(self.clock.now()) {
            let runner = Arc::clone(self);
            running.spawn(async move {
                let found = AssertUnwindSafe(dependency.check()).catch_unwind().await;
                let found = found.unwrap_or_else(|_| Err("the check panicked".into()));
                if runner.gates.looked(dependency.name(), &found, runner.clock.now()) {
                    runner.wake.notify_one();
                }
            });
        }
    }

    async fn see_through(&self, job: &ClaimedJob, stop: &CancellationToken) {
        let Some(handler) = self.handlers.get(job.kind.as_str()) else { return };
        let result = if job.crashes >= self.settings.max_crashes {
            self.give_up(handler.as_ref(), job, GiveUp::Crashed).await
        } else {
            let result = caught(handler.run(job, stop)).await;
            self.tally.count(handler.kind(), &result, self.clock.now());
            match result {
                Ok(()) => Ok(()),
                Err(error) => self.settle(handler.as_ref(), job, error).await,
            }
        };
        match result {
            Ok(()) => {}
            Err(JobError::LeaseLost) => info!(job.id = %job.id, job.kind, "the job went to another worker"),
            // It is found among the jobs held without need, and retried.
            Err(error) => {
                error!(job.id = %job.id, job.kind, error = &error as &dyn std::error::Error, "job not settled");
            }
        }
    }

    /// Settles a job that did not succeed, according to the reason.
    async fn settle(&self, handler: &dyn Handler, job: &ClaimedJob, error: JobError) -> Result<(), JobError> {
        match error {
            JobError::LeaseLost => Err(error),
            JobError::Stopped => self.release(job, Cost::Nothing, Duration::ZERO, None).await,
            JobError::Later { after, .. } => self.put_off(handler, job, &error, after).await,
            JobError::Away { dependency, .. } => {
                self.gates.close(dependency, self.clock.now());
                self.put_off(handler, job, &error, backoff::pause(job.delays.saturating_add(1))).await
            }
            JobError::Unreadable(_) => self.bury(job, &error).await,
            JobError::Transient(_) => self.retry_or_give_up(handler, job, &error, self.settings.max_attempts).await,
            JobError::Unknown(_) => {
                let most = self.settings.max_attempts.min(ATTEMPTS_FOR_UNKNOWN);
                self.retry_or_give_up(handler, job, &error, most).await
            }
        }
    }

    async fn put_off(
        &self,
        handler: &dyn Handler,
        job: &ClaimedJob,
        error: &JobError,
        pause: Duration,
    ) -> Result<(), JobError> {
        // A long outage is reported once.
        if job.delays == 0 {
            info!(job.id = %job.id, job.kind, error = error as &dyn std::error::Error, "job put off");
            self.tell_of_pause(handler, job, error, pause).await;
        }
        self.release(job, Cost::Delay, pause, Some(error)).await
    }

    async fn retry_or_give_up(
        &self,
        handler: &dyn Handler,
        job: &ClaimedJob,
        error: &JobError,
        most: i32,
    ) -> Result<(), JobError> {
        warn!(
            job.id = %job.id, job.kind, job.attempt = job.attempts, error = error as &dyn std::error::Error,
            "job failed"
        );
        if job.attempts >= most {
            return self.give_up(handler, job, GiveUp::Failed(error)).await;
        }
        let pause = backoff::pause(job.attempts);
        self.tell_of_pause(handler, job, error, pause).await;
        self.release(job, Cost::Attempt, pause, Some(error)).await
    }

    async fn give_up(&self, handler: &dyn Handler, job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        match caught(handler.give_up(job, reason)).await {
            Err(error @ JobError::Later { after, .. }) => {
                warn!(job.id = %job.id, job.kind, error = &error as &dyn std::error::Error, "job put off");
                self.release(job, Cost::Delay, after, Some(&error)).await
            }
            Err(error @ JobError::Unreadable(_)) => self.bury(job, &error).await,
            Err(JobError::LeaseLost) => Err(JobError::LeaseLost),
            Err(error) => {
                error!(job.id = %job.id, job.kind, error = &error as &dyn std::error::Error, "job not given up");
                self.release(job, Cost::Delay, backoff::long_pause(job.delays), Some(&error)).await
            }
            Ok(()) => Ok(()),
        }
    }

    async fn tell_of_pause(&self, handler: &dyn Handler, job: &ClaimedJob, error: &JobError, pause: Duration) {
        if let Err(error) = caught(handler.postponed(job, error, pause).map(Ok)).await {
            error!(job.id = %job.id, job.kind, error = &error as &dyn std::error::Error, "a pause can't be announced");
        }
    }

    async fn bury(&self, job: &ClaimedJob, error: &JobError) -> Result<(), JobError> {
        error!(
            job.id = %job.id, job.kind, error = error as &dyn std::error::Error,
            "no handler understands this job; it stays in the table `jobs` as DEAD"
        );
        let (lease, message) = (job.lease(), error.to_string());
        let message = message.as_str();
        proven(self.database.transaction(|tx| jobs::bury(tx, lease, message).boxed()).await)
    }

    async fn release(
        &self,
        job: &ClaimedJob,
        cost: Cost,
        pause: Duration,
        error: Option<&JobError>,
    ) -> Result<(), JobError> {
        let (lease, now) = (job.lease(), self.clock.now());
        let run_at = now + TimeDelta::from_std(pause).unwrap_or_default();
        let message = error.map(ToString::to_string);
        let message = message.as_deref();
        proven(self.database.transaction(|tx| jobs::release(tx, lease, cost, run_at, now, message).boxed()).await)
    }

    /// Sends heartbeats for the jobs that run here, then recovers those of workers without a heartbeat. Never the other
    /// way round, so that a process that was paused does not consider itself dead. The jobs stop when this ends, in any
    /// way.
    async fn keep_alive(self: Arc<Self>, is_over: CancellationToken, _jobs: DropGuard) {
        let mut heartbeat = tokio::time::interval(self.settings.heartbeat);
        let mut sweep = tokio::time::interval(self.settings.sweep);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_sweep = tokio::select! {
                _ = heartbeat.tick() => false,
                _ = sweep.tick(), if !self.settings.is_alone => true,
                () = is_over.cancelled() => return,
            };
            if let Err(error) = self.look_after_leases(is_sweep).await {
                warn!(error = &error as &dyn std::error::Error, "leases can't be looked after");
            }
        }
    }

    async fn look_after_leases(&self, is_sweep: bool) -> Result<(), DatabaseError> {
        fail::fail_point!("queue-keeping");
        let kept = {
            let _claiming = self.claiming.lock().await;
            let (holder, leases, now) = (self.holder(), self.held.leases(), self.clock.now());
            let leases = leases.as_slice();
            self.database.transaction(|tx| jobs::keep(tx, holder, leases, now).boxed()).await?
        };
        self.held.stop(&kept.lost);
        for stray in &kept.strays {
            warn!(job.id = %stray.id, stray.kind, "a job was held without need and is resumed");
            if let Err(error) = self.release(stray, Cost::Delay, backoff::long_pause(stray.delays), None).await {
                warn!(job.id = %stray.id, error = &error as &dyn std::error::Error, "the job can't be given back");
            }
        }
        if is_sweep {
            let (worker, now) = (self.worker, self.clock.now());
            let rescued = self.database.transaction(|tx| jobs::rescue_dead(tx, worker, now).boxed()).await?;
            if rescued > 0 {
                warn!(jobs = rescued, "jobs of workers without a heartbeat are resumed");
                self.wake.notify_one();
            }
        }
        Ok(())
    }
}

/// The result of a handler, with a panic as an error: in every case its job is settled or delayed.
async fn caught(step: impl Future<Output = Result<(), JobError>>) -> Result<(), JobError> {
    let result = AssertUnwindSafe(step).catch_unwind().await;
    result.unwrap_or_else(|_| Err(JobError::Unknown("the job panicked".into())))
}

/// The panic that ended a task, unless its runtime did.
fn panic_of(ended: JoinError) -> Result<(), Box<dyn Any + Send>> {
    ended.try_into_panic().map_or(Ok(()), Err)
}

/// The result of a write that is only valid while the lease is.
fn proven(held: Result<bool, DatabaseError>) -> Result<(), JobError> {
    match held {
        Ok(true) => Ok(()),
        Ok(false) => Err(JobError::LeaseLost),
        Err(error) => Err(JobError::Transient(error.into())),
    }
}
