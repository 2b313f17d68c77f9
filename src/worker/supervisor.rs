//! Looks after all that a process does without being asked: the queue and the recurring tasks, in one list. What panics is
//! started again after a pause. How each worker does is written down with every heartbeat, for administrators.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::failpoint;
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::{schedules, workers},
    },
    domain::{
        id::WorkerId,
        vocabulary::Vocabulary,
        worker::{WorkerName, WorkerState, WorkerStatus},
    },
    jobs::{
        DeleteCollection, DropGeneration, DropPoints, IngestDocument, Job, Reconcile, ReindexCollection, RemoveSource,
        SyncSource,
    },
    queue::{JobError, Runner, pause},
    service::Services,
};

/// After a failure a task is tried again this soon at the latest.
const RETRY: Duration = Duration::from_mins(1);
/// A task rests no longer than this.
const LONGEST_REST: Duration = Duration::from_hours(24);
/// A process without a heartbeat for so many of its intervals is not there any more.
const MISSED_BEATS: u32 = 3;
/// How long workers are shown that have ended.
const SHOWN: TimeDelta = TimeDelta::hours(1);

/// The workers that are the queue, and the kinds of their jobs.
const QUEUED: [(WorkerName, &[&str]); 5] = [
    (WorkerName::Ingestion, &[IngestDocument::KIND]),
    (WorkerName::Reindex, &[ReindexCollection::KIND]),
    (WorkerName::Sync, &[SyncSource::KIND]),
    (WorkerName::Reconcile, &[Reconcile::KIND]),
    (WorkerName::Removal, &[DeleteCollection::KIND, DropGeneration::KIND, DropPoints::KIND, RemoveSource::KIND]),
];

/// What a task does, once.
type Work = fn(Arc<Services>, CancellationToken) -> BoxFuture<'static, Result<(), JobError>>;

/// A recurring task.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub(super) name: WorkerName,
    pub(super) every: Duration,
    /// Whether it is about what only this process has. Other tasks are run by one process, whose turn it is.
    pub(super) is_own: bool,
    /// After a run it rests at least so many times as long as the run took, up to [`LONGEST_REST`].
    pub(super) rest: u32,
    pub(super) work: Work,
}

impl Task {
    /// A task that one process runs, whose turn it is.
    pub(super) fn new(name: WorkerName, every: Duration, work: Work) -> Self {
        Self { name, every, is_own: false, rest: 0, work }
    }

    /// The time until the next run, after one that took so long.
    fn pause_after(&self, ended: &Ended, took: Duration) -> Duration {
        let rest = took.saturating_mul(self.rest).min(LONGEST_REST);
        match ended {
            Ended::Well => self.every.max(rest),
            Ended::Failed => self.every.min(RETRY).max(rest),
            // The supervisor waits before it starts it again.
            Ended::Panicked => Duration::ZERO,
        }
    }

    /// The longest of these times.
    fn longest_pause(&self) -> Duration {
        if self.rest == 0 { self.every } else { self.every.max(LONGEST_REST) }
    }
}

/// How a worker does, as far as this process knows.
#[derive(Clone, Default)]
struct Progress {
    is_working: bool,
    is_restarting: bool,
    completed: i64,
    failed: i64,
    restarts: i32,
    error: Option<(String, DateTime<Utc>)>,
}

/// How one run of a worker ended.
enum Ended {
    Well,
    Failed,
    Panicked,
}

/// Everything that works in this process.
pub(super) struct Supervisor {
    services: Arc<Services>,
    process: WorkerId,
    started_at: DateTime<Utc>,
    runner: Arc<Runner>,
    queue: Mutex<Progress>,
    tasks: Vec<(Task, Mutex<Progress>)>,
}

impl Supervisor {
    pub(super) fn new(services: Arc<Services>, runner: Arc<Runner>, tasks: Vec<Task>) -> Self {
        let tasks = tasks.into_iter().map(|task| (task, Mutex::default())).collect();
        let started_at = services.clock.now();
        Self { services, process: WorkerId::generate(), started_at, runner, queue: Mutex::default(), tasks }
    }

    /// Runs all workers until `stop` is cancelled and each has finished its current step.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        self.begin().await;
        let mut workers = JoinSet::new();
        workers.spawn(Arc::clone(&self).keep_queue(stop.clone()));
        for place in 0..self.tasks.len() {
            workers.spawn(Arc::clone(&self).keep_task(place, stop.clone()));
        }
        let is_over = CancellationToken::new();
        let mut beats = JoinSet::new();
        beats.spawn(Arc::clone(&self).keep_reporting(stop, is_over.clone()));
        while workers.join_next().await.is_some() {}
        is_over.cancel();
        while beats.join_next().await.is_some() {}
        self.report(Some(WorkerState::Stopped)).await;
    }

    /// The first process on a database looks at everything at once: the stores may have been changed while none ran.
    async fn begin(&self) {
        let (now, own) = (self.services.clock.now(), self.statuses(None));
        let alive_since = now - TimeDelta::from_std(self.heartbeat() * MISSED_BEATS).unwrap_or_default();
        let is_alone = self.services.config.database.url.is_none();
        let own = own.as_slice();
        let begun = self.services.database.transaction(|tx| begin(tx, own, is_alone, alive_since, now).boxed());
        if let Err(error) = begun.await {
            warn!(error = &error as &dyn std::error::Error, "the workers can't be registered now");
        }
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.services.config.ingestion.heartbeat_seconds)
    }

    async fn keep_queue(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let run = Arc::clone(&self.runner).run(stop.clone());
            let ended = self.caught(&self.queue, "queue", run.map(|run| run.map_err(JobError::from))).await;
            if matches!(ended, Ended::Well) {
                return;
            }
            self.wait(&self.queue, &stop).await;
        }
    }

    async fn keep_task(self: Arc<Self>, place: usize, stop: CancellationToken) {
        let (task, progress) = &self.tasks[place];
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let ended = self.run_in_turn(task, progress, &stop).await;
            if matches!(ended, Some(Ended::Panicked)) {
                self.wait(progress, &stop).await;
            }
            let pause = ended.map_or(task.every, |ended| task.pause_after(&ended, begun.elapsed()));
            let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        }
    }

    /// Runs a task if it is its turn.
    async fn run_in_turn(&self, task: &Task, progress: &Mutex<Progress>, stop: &CancellationToken) -> Option<Ended> {
        let begun = Instant::now();
        if !task.is_own {
            let (name, every, longest, now) = (task.name, task.every, task.longest_pause(), self.services.clock.now());
            let database = &self.services.database;
            let turn = database.transaction(|tx| schedules::take_turn(tx, name, every, longest, now).boxed());
            match turn.await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.fail(progress, &JobError::from(error));
                    return Some(Ended::Failed);
                }
            }
        }
        lock(progress).is_working = true;
        let ended = tokio::select! {
            ended = self.run_task(task, progress, stop) => ended,
            never = self.hold_turn(task) => match never {},
        };
        lock(progress).is_working = false;
        // Each turn was taken until the next, so only a longer or a shorter pause is written.
        let pause = task.pause_after(&ended, begun.elapsed());
        if !task.is_own && (pause != task.every || !matches!(ended, Ended::Well)) {
            self.put_off(task, pause).await;
        }
        Some(ended)
    }

    async fn run_task(&self, task: &Task, progress: &Mutex<Progress>, stop: &CancellationToken) -> Ended {
        let name = task.name.as_str();
        let work = async {
            failpoint(&format!("worker-{name}"))?;
            (task.work)(Arc::clone(&self.services), stop.clone()).await
        };
        self.caught(progress, name, work).await
    }

    /// Keeps the turn of a task that runs longer than until its next one, so that no other process takes that.
    async fn hold_turn(&self, task: &Task) -> Infallible {
        loop {
            tokio::time::sleep(task.every / 2).await;
            if !task.is_own {
                self.put_off(task, task.every).await;
            }
        }
    }

    /// Gives a task its next turn after `pause`.
    async fn put_off(&self, task: &Task, pause: Duration) {
        let due_at = self.services.clock.now() + TimeDelta::from_std(pause).unwrap_or_default();
        let name = task.name;
        let work = self.services.database.transaction(|tx| schedules::put_off(tx, name, due_at).boxed());
        if let Err(error) = work.await {
            warn!(error = &error as &dyn std::error::Error, "a task can't be put off");
        }
    }

    /// Runs work, and counts how it ended. A panic is no reason to stop.
    async fn caught(
        &self,
        progress: &Mutex<Progress>,
        name: &str,
        work: impl Future<Output = Result<(), JobError>>,
    ) -> Ended {
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(())) => {
                lock(progress).completed += 1;
                Ended::Well
            }
            // It is asked to stop.
            Ok(Err(JobError::Stopped)) => Ended::Well,
            Ok(Err(error)) => {
                warn!(worker = name, error = &error as &dyn std::error::Error, "a worker failed and will be run again");
                self.fail(progress, &error);
                Ended::Failed
            }
            Err(_) => {
                error!(worker = name, "a worker panicked and will be started again");
                let mut progress = lock(progress);
                progress.failed += 1;
                progress.error = Some(("The worker panicked.".to_owned(), self.services.clock.now()));
                Ended::Panicked
            }
        }
    }

    fn fail(&self, progress: &Mutex<Progress>, error: &JobError) {
        let mut progress = lock(progress);
        progress.failed += 1;
        progress.error = Some((error.to_string(), self.services.clock.now()));
    }

    /// Waits before a worker is started again, longer each time.
    async fn wait(&self, progress: &Mutex<Progress>, stop: &CancellationToken) {
        let restarts = {
            let mut progress = lock(progress);
            (progress.is_restarting, progress.restarts) = (true, progress.restarts.saturating_add(1));
            progress.restarts
        };
        self.report(None).await;
        let _ = tokio::time::timeout(pause(restarts), stop.cancelled()).await;
        lock(progress).is_restarting = false;
    }

    async fn keep_reporting(self: Arc<Self>, stop: CancellationToken, is_over: CancellationToken) {
        let mut beat = tokio::time::interval(self.heartbeat());
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                () = is_over.cancelled() => return,
            }
            self.report(stop.is_cancelled().then_some(WorkerState::Stopping)).await;
        }
    }

    /// Writes how all workers do.
    async fn report(&self, state: Option<WorkerState>) {
        let (statuses, before) = (self.statuses(state), self.services.clock.now() - SHOWN);
        let statuses = statuses.as_slice();
        let written = self.services.database.transaction(|tx| {
            async move {
                workers::report(tx, statuses.to_vec()).await?;
                workers::forget(tx, before).await
            }
            .boxed()
        });
        if let Err(error) = written.await {
            warn!(error = &error as &dyn std::error::Error, "the heartbeat can't be written");
        }
    }

    fn statuses(&self, state: Option<WorkerState>) -> Vec<WorkerStatus> {
        let queue = lock(&self.queue).clone();
        let queued = QUEUED.iter().map(|(name, kinds)| self.queued(*name, kinds, &queue));
        let tasks = self.tasks.iter().map(|(task, progress)| {
            let progress = lock(progress).clone();
            self.status(task.name, i32::from(progress.is_working), None, progress)
        });
        let mut all: Vec<_> = queued.chain(tasks).collect();
        if let Some(state) = state {
            for status in &mut all {
                status.state = state;
            }
        }
        all
    }

    /// How the jobs of these kinds do.
    fn queued(&self, name: WorkerName, kinds: &[&str], queue: &Progress) -> WorkerStatus {
        let mut progress = Progress {
            is_restarting: queue.is_restarting,
            restarts: queue.restarts,
            error: queue.error.clone(),
            ..Progress::default()
        };
        let mut running = Vec::new();
        for kind in kinds {
            let tally = self.runner.tally(kind);
            progress.completed += tally.completed;
            progress.failed += tally.failed;
            let newer = tally.error.filter(|(_, at)| progress.error.as_ref().is_none_or(|(_, before)| at > before));
            progress.error = newer.or(progress.error);
            running.extend(self.runner.running(kind).into_iter().map(|(since, id)| (since, format!("{kind} {id}"))));
        }
        running.sort();
        let count = i32::try_from(running.len()).unwrap_or(i32::MAX);
        progress.is_working = count > 0;
        self.status(name, count, running.into_iter().next().map(|(_, job)| job), progress)
    }

    fn status(&self, name: WorkerName, running: i32, current_job: Option<String>, progress: Progress) -> WorkerStatus {
        let state = if progress.is_restarting {
            WorkerState::Restarting
        } else if progress.is_working {
            WorkerState::Working
        } else {
            WorkerState::Idle
        };
        let (error, failed_at) = progress.error.unzip();
        WorkerStatus {
            process: self.process,
            name,
            state,
            heartbeat_at: self.services.clock.now(),
            started_at: self.started_at,
            running,
            current_job,
            completed: progress.completed,
            failed: progress.failed,
            restarts: progress.restarts,
            error,
            failed_at,
        }
    }
}

async fn begin(
    tx: &Transaction<'_>,
    own: &[WorkerStatus],
    is_alone: bool,
    alive_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    workers::begin_alone(tx).await?;
    if is_alone || !workers::is_any_alive(tx, alive_since).await? {
        schedules::make_all_due(tx, now).await?;
    }
    workers::report(tx, own.to_vec()).await
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
