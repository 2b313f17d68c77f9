//! The runner: whose job it begins next, and what it does with jobs that fail in unusual ways.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use docent::{
    db::repo::jobs::{self, ClaimedJob, NewJob},
    domain::{
        clock::Clock,
        id::UserId,
        job::{Lane, Tenant},
        scope::Scope,
    },
    queue::{Dependency, GiveUp, Handler, JobError, QueueSettings, Runner},
};
use futures_util::FutureExt;
use serde_json::json;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    on_both_databases,
    support::app::{PATIENCE, TestApp},
};

const KIND: &str = "test";
const STORE: &str = "store";

/// What a handler does with a job, by the word that is its payload.
struct Script {
    app: Arc<TestApp>,
    runs: Mutex<Vec<ClaimedJob>>,
    go_on: Notify,
    store_is_away: Mutex<bool>,
    checks: Mutex<usize>,
}

#[async_trait]
impl Handler for Script {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[STORE]
    }

    async fn run(&self, job: &ClaimedJob, _stop: &CancellationToken) -> Result<(), JobError> {
        self.runs.lock().unwrap().push(job.clone());
        match job.payload["does"].as_str() {
            Some("wait") => self.go_on.notified().await,
            Some("need the store") if *self.store_is_away.lock().unwrap() => {
                return Err(JobError::Away { dependency: STORE, source: "no answer".into() });
            }
            None | Some("need the store") => {}
            Some("make no sense") => return Err(JobError::Unreadable("gibberish".into())),
            Some(_) => return Err(JobError::Transient("bad luck".into())),
        }
        self.end(job).await;
        Ok(())
    }

    async fn postponed(&self, job: &ClaimedJob, _error: &JobError, _pause: Duration) {
        assert_ne!(job.payload["does"], "panic", "on purpose");
    }

    async fn give_up(&self, job: &ClaimedJob, _reason: GiveUp<'_>) -> Result<(), JobError> {
        match job.payload["does"].as_str() {
            Some("stay") => {
                return Err(JobError::Later { after: Duration::from_hours(1), reason: "it must be".into() });
            }
            // The first time.
            Some("panic") => assert_ne!(job.delays, 0, "on purpose"),
            _ => {}
        }
        self.end(job).await;
        Ok(())
    }
}

struct Store(Arc<Script>);

#[async_trait]
impl Dependency for Store {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn check(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        *self.0.checks.lock().unwrap() += 1;
        if *self.0.store_is_away.lock().unwrap() { Err("no answer".into()) } else { Ok(()) }
    }
}

impl Script {
    fn new(app: TestApp) -> Arc<Self> {
        let app = Arc::new(app);
        Arc::new(Self {
            app,
            runs: Mutex::default(),
            go_on: Notify::new(),
            store_is_away: Mutex::default(),
            checks: Mutex::default(),
        })
    }

    async fn add(&self, tenant: impl Into<Tenant>, does: Option<&str>, count: usize) {
        let (now, tenant) = (self.app.clock.now(), tenant.into());
        let job = || NewJob { tenant, ..NewJob::new(KIND, Lane::Ingest, json!({ "does": does }), now) };
        let jobs: Vec<_> = (0..count).map(|_| job()).collect();
        let jobs = &jobs;
        let added = self.app.app.services().database.transaction(|tx| {
            let jobs = jobs.clone();
            async move { jobs::insert_many(tx, jobs, now).await }.boxed()
        });
        added.await.unwrap();
    }

    async fn end(&self, job: &ClaimedJob) {
        let lease = job.lease();
        let done = self.app.app.services().database.transaction(|tx| jobs::finish(tx, lease).boxed()).await;
        assert!(done.unwrap());
    }

    fn start(self: &Arc<Self>, slots: usize, is_alone: bool) -> (JoinHandle<()>, CancellationToken) {
        let settings = QueueSettings {
            lanes: vec![(Lane::Ingest, slots)],
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_millis(20),
            sweep: Duration::from_millis(20),
            poll: Duration::from_millis(10),
            max_attempts: 3,
            max_crashes: 5,
            is_alone,
        };
        let runner = Runner::new(
            self.app.app.services().database.clone(),
            Arc::clone(&self.app.clock) as Arc<dyn Clock>,
            settings,
            vec![Arc::clone(self) as Arc<dyn Handler>],
            vec![Arc::new(Store(Arc::clone(self)))],
        );
        let stop = CancellationToken::new();
        let runner = Arc::new(runner).run(stop.clone());
        (tokio::spawn(async move { runner.await.unwrap() }), stop)
    }

    fn runs(&self) -> Vec<ClaimedJob> {
        self.runs.lock().unwrap().clone()
    }

    async fn counts(&self) -> (i64, i64) {
        let reader = self.app.app.services().database.reader(Scope::System);
        (jobs::count_open(&reader).await.unwrap(), jobs::count_dead(&reader).await.unwrap())
    }

    /// Waits until so many jobs are left open and dead, with `step` seconds passing between two looks.
    async fn until_left(&self, open: i64, dead: i64, step: i64) {
        self.until(step, async || self.counts().await == (open, dead)).await;
    }

    async fn until(&self, step: i64, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "left: {:?}, runs: {:#?}", self.counts().await, self.runs());
            self.app.clock.advance(step);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn without_its_worker(mut app: TestApp) -> Arc<Script> {
    app.stop_worker().await;
    app.leave_jobs();
    Script::new(app)
}

on_both_databases!(one_job_behind_two_thousand_of_another_account_starts_among_the_first);
async fn one_job_behind_two_thousand_of_another_account_starts_among_the_first(app: TestApp) {
    let script = without_its_worker(app).await;
    let (bulk, neighbour) = (UserId::generate(), UserId::generate());
    script.add(bulk, None, 2000).await;
    script.add(neighbour, None, 1).await;
    let (worker, stop) = script.start(32, true);
    script.until(0, async || script.runs().iter().any(|job| job.tenant == neighbour.into())).await;
    stop.cancel();
    worker.await.unwrap();
    let place = script.runs().iter().position(|job| job.tenant == neighbour.into()).unwrap();
    assert!(place < 64, "{place} of another account's jobs were begun before");
}

on_both_databases!(no_account_has_all_slots);
async fn no_account_has_all_slots(app: TestApp) {
    let script = without_its_worker(app).await;
    let (bulk, neighbour) = (UserId::generate(), UserId::generate());
    script.add(bulk, Some("wait"), 100).await;
    let (worker, stop) = script.start(8, true);
    script.until(0, async || script.runs().len() == 6).await;
    script.add(neighbour, None, 1).await;
    script.until(0, async || script.runs().iter().any(|job| job.tenant == neighbour.into())).await;
    assert_eq!(script.runs().len(), 7);
    stop.cancel();
    let waiting = Arc::clone(&script);
    let release = tokio::spawn(async move {
        loop {
            waiting.go_on.notify_waiters();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    worker.await.unwrap();
    release.abort();
}

on_both_databases!(a_process_that_stood_still_goes_on_with_its_jobs);
async fn a_process_that_stood_still_goes_on_with_its_jobs(app: TestApp) {
    let script = without_its_worker(app).await;
    script.add(Tenant::SYSTEM, Some("wait"), 4).await;
    let (worker, stop) = script.start(8, false);
    script.until(0, async || script.runs().len() == 4).await;
    for _ in 0..20 {
        script.app.clock.advance(1000);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    script.go_on.notify_waiters();
    script.until_left(0, 0, 0).await;
    assert_eq!(script.runs().len(), 4, "each job ran once");
    stop.cancel();
    worker.await.unwrap();
}

on_both_databases!(a_panic_while_a_job_is_given_up_puts_it_off_and_what_nobody_understands_is_put_aside);
async fn a_panic_while_a_job_is_given_up_puts_it_off_and_what_nobody_understands_is_put_aside(app: TestApp) {
    let script = without_its_worker(app).await;
    script.add(Tenant::SYSTEM, Some("panic"), 1).await;
    script.add(Tenant::SYSTEM, Some("make no sense"), 2).await;
    script.add(Tenant::SYSTEM, Some("fail"), 1).await;
    let (worker, stop) = script.start(8, true);
    script.until_left(0, 2, 60).await;
    stop.cancel();
    worker.await.unwrap();
    let count = |does: &str| script.runs().iter().filter(|job| job.payload["does"] == does).count();
    assert_eq!((count("fail"), count("make no sense")), (3, 2));
}

on_both_databases!(a_job_that_nobody_may_give_up_is_tried_each_hour);
async fn a_job_that_nobody_may_give_up_is_tried_each_hour(app: TestApp) {
    let script = without_its_worker(app).await;
    script.add(Tenant::SYSTEM, Some("stay"), 1).await;
    let (worker, stop) = script.start(8, true);
    script.until(600, async || script.runs().len() >= 6).await;
    assert_eq!(script.counts().await, (1, 0));
    stop.cancel();
    worker.await.unwrap();
}

on_both_databases!(jobs_wait_for_a_store_that_is_away_and_lose_nothing);
async fn jobs_wait_for_a_store_that_is_away_and_lose_nothing(app: TestApp) {
    let script = without_its_worker(app).await;
    *script.store_is_away.lock().unwrap() = true;
    script.add(Tenant::SYSTEM, Some("need the store"), 40).await;
    let (worker, stop) = script.start(8, true);
    // Ten minutes later nothing was begun: the store was never there.
    script.until(5, async || *script.checks.lock().unwrap() >= 12).await;
    assert!(script.runs().is_empty(), "{:?}", script.runs());
    *script.store_is_away.lock().unwrap() = false;
    script.until_left(0, 0, 5).await;
    // It goes away in the middle: the first job that notices costs the others nothing.
    *script.store_is_away.lock().unwrap() = true;
    let (runs, checks) = (script.runs().len(), *script.checks.lock().unwrap());
    script.add(Tenant::SYSTEM, Some("need the store"), 40).await;
    script.until(0, async || script.runs().len() > runs).await;
    script.until(5, async || *script.checks.lock().unwrap() >= checks + 12).await;
    let begun = script.runs().len() - runs;
    assert!(begun <= 8, "jobs are begun while the store is away: {begun}");
    *script.store_is_away.lock().unwrap() = false;
    script.until_left(0, 0, 5).await;
    assert!(script.runs().iter().all(|job| job.attempts == 1));
    stop.cancel();
    worker.await.unwrap();
}
