//! The queue: who holds a job, whose turn it is, and what happens to jobs whose worker is late or dead.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use docent::{
    db::{
        DatabaseError, Transaction,
        repo::jobs::{self, ClaimedJob, Cost, Holder, Kept, NewJob},
    },
    domain::{
        clock::Clock,
        id::{UserId, WorkerId},
        job::{Lane, Tenant},
        scope::Scope,
    },
};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;

use crate::{on_both_databases, support::app::TestApp};

const KIND: &str = "test";
const LEASE: Duration = Duration::from_secs(30);

async fn write<'env, T>(
    app: &TestApp,
    body: impl for<'t> Fn(&'t Transaction<'env>) -> BoxFuture<'t, Result<T, DatabaseError>> + Send + Sync,
) -> T {
    app.app.services().database.transaction(body).await.unwrap()
}

fn job(app: &TestApp) -> NewJob {
    NewJob::new(KIND, Lane::Ingest, json!({}), app.clock.now())
}

async fn add(app: &TestApp, jobs: Vec<NewJob>) {
    let (now, jobs) = (app.clock.now(), &jobs);
    write(app, |tx| {
        let jobs = jobs.clone();
        async move { jobs::insert_many(tx, jobs, now).await }.boxed()
    })
    .await;
}

async fn enqueue(app: &TestApp, count: usize) {
    add(app, (0..count).map(|_| job(app)).collect()).await;
}

fn worker(lease: Duration) -> Holder {
    Holder { worker: WorkerId::generate(), lease }
}

async fn claim_as(app: &TestApp, holder: Holder, limit: u64) -> Vec<ClaimedJob> {
    let now = app.clock.now();
    write(app, |tx| jobs::claim(tx, holder, Lane::Ingest, Tenant::SYSTEM, &[KIND], limit, now).boxed()).await
}

async fn claim(app: &TestApp, limit: u64) -> Vec<ClaimedJob> {
    claim_as(app, worker(LEASE), limit).await
}

async fn claim_suspect(app: &TestApp, holder: Holder) -> Option<ClaimedJob> {
    let now = app.clock.now();
    write(app, |tx| jobs::claim_suspect(tx, holder, &[KIND], now).boxed()).await
}

async fn finish(app: &TestApp, job: &ClaimedJob) -> bool {
    let lease = job.lease();
    write(app, |tx| jobs::finish(tx, lease).boxed()).await
}

async fn release(app: &TestApp, job: &ClaimedJob, cost: Cost, seconds: i64) {
    let (lease, now) = (job.lease(), app.clock.now());
    let later = now + TimeDelta::seconds(seconds);
    assert!(write(app, |tx| jobs::release(tx, lease, cost, later, now, Some("busy")).boxed()).await);
}

async fn promote(app: &TestApp) {
    let now = app.clock.now();
    write(app, |tx| jobs::promote_due(tx, now).boxed()).await;
}

async fn keep(app: &TestApp, holder: Holder, known: &[ClaimedJob]) -> Kept {
    let (now, known) = (app.clock.now(), &known.iter().map(ClaimedJob::lease).collect::<Vec<_>>());
    write(app, |tx| jobs::keep(tx, holder, known, now).boxed()).await
}

async fn rescue_dead(app: &TestApp, holder: Holder) -> u64 {
    let now = app.clock.now();
    write(app, |tx| jobs::rescue_dead(tx, holder.worker, now).boxed()).await
}

/// The process dies with all that it holds, and starts again.
async fn die(app: &TestApp) -> u64 {
    let now = app.clock.now();
    write(app, |tx| jobs::rescue_all(tx, now).boxed()).await
}

async fn count_open(app: &TestApp) -> i64 {
    jobs::count_open(&app.app.services().database.reader(Scope::System)).await.unwrap()
}

/// The application with nobody who works on its queue: what a test leaves there is its own.
async fn unattended(mut app: TestApp) -> TestApp {
    app.stop_worker().await;
    app.leave_jobs();
    app
}

on_both_databases!(a_job_is_held_by_one_worker_at_a_time);
async fn a_job_is_held_by_one_worker_at_a_time(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 20).await;
    let claims = futures_util::future::join_all((0..4).map(|_| claim(&app, 8))).await;
    let mut ids: Vec<_> = claims.iter().flatten().map(|job| job.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), claims.iter().flatten().count());
    assert_eq!(ids.len(), 20);
}

on_both_databases!(a_worker_that_was_given_up_for_dead_can_not_finish_what_another_took_over);
async fn a_worker_that_was_given_up_for_dead_can_not_finish_what_another_took_over(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 1).await;
    let (first, second) = (worker(Duration::ZERO), worker(LEASE));
    let late = claim_as(&app, first, 1).await.pop().unwrap();
    app.clock.advance(1);
    assert_eq!(rescue_dead(&app, second).await, 1);
    let taken_over = claim_suspect(&app, second).await.unwrap();
    assert_eq!((taken_over.id, taken_over.crashes, taken_over.attempts), (late.id, 1, 1));
    assert!(!finish(&app, &late).await);
    assert!(finish(&app, &taken_over).await);
    assert_eq!(count_open(&app).await, 0);
}

on_both_databases!(a_worker_does_not_take_itself_for_dead_and_one_that_lives_brought_no_job_a_crash);
async fn a_worker_does_not_take_itself_for_dead_and_one_that_lives_brought_no_job_a_crash(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 2).await;
    let (slow, other) = (worker(Duration::ZERO), worker(LEASE));
    let held = claim_as(&app, slow, 2).await;
    app.clock.advance(1);
    assert_eq!(rescue_dead(&app, slow).await, 0, "its own leases are no business of its sweep");
    assert_eq!(rescue_dead(&app, other).await, 2);
    let kept = keep(&app, slow, &held).await;
    assert_eq!(kept.lost.len(), 2);
    let again = claim(&app, 2).await;
    assert!(again.iter().all(|job| (job.crashes, job.suspicions) == (0, 0)), "{again:?}");
    assert_eq!(again.len(), 2);
}

on_both_databases!(a_lease_that_is_good_by_the_clock_of_the_database_is_nobody_elses);
async fn a_lease_that_is_good_by_the_clock_of_the_database_is_nobody_elses(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 1).await;
    let holder = worker(LEASE);
    claim_as(&app, holder, 1).await;
    // Only the database gives several machines one time.
    app.clock.advance(if app.is_on_postgres() { 3600 } else { 20 });
    assert_eq!(rescue_dead(&app, worker(LEASE)).await, 0);
}

on_both_databases!(a_claim_whose_answer_was_lost_is_found_by_its_worker);
async fn a_claim_whose_answer_was_lost_is_found_by_its_worker(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 2).await;
    let holder = worker(LEASE);
    let held = claim_as(&app, holder, 2).await;
    let kept = keep(&app, holder, &held[..1]).await;
    assert_eq!((kept.lost.len(), kept.strays.len()), (0, 1));
    assert_eq!(kept.strays[0].lease(), held[1].lease());
}

on_both_databases!(what_was_held_together_at_a_death_is_suspect_and_runs_one_at_a_time);
async fn what_was_held_together_at_a_death_is_suspect_and_runs_one_at_a_time(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 32).await;
    assert_eq!(claim(&app, 32).await.len(), 32);
    for _ in 0..5 {
        assert!(die(&app).await > 0);
        assert!(claim(&app, 32).await.is_empty(), "suspects are not claimed beside each other");
        // The process dies again while it works on one of them.
        let one = claim_suspect(&app, worker(LEASE)).await.unwrap();
        assert!(one.crashes <= 1);
    }
    die(&app).await;
    let mut worst = 0;
    while let Some(job) = claim_suspect(&app, worker(LEASE)).await {
        worst = worst.max(job.crashes);
        assert_eq!(job.attempts, 1, "a death is no attempt");
        finish(&app, &job).await;
    }
    assert_eq!(worst, 1, "no innocent is blamed twice while others are suspect too");
    assert_eq!(count_open(&app).await, 0);
}

on_both_databases!(a_job_that_is_there_at_every_death_is_blamed_in_the_end);
async fn a_job_that_is_there_at_every_death_is_blamed_in_the_end(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 8).await;
    let culprit = claim(&app, 8).await.pop().unwrap().id;
    let mut deaths = 0;
    let crashes = loop {
        die(&app).await;
        deaths += 1;
        assert!(deaths < 30);
        // Whatever comes beside it is innocent.
        enqueue(&app, 3).await;
        let job = loop {
            let job = claim_suspect(&app, worker(LEASE)).await.unwrap();
            if job.id == culprit {
                break job;
            }
            finish(&app, &job).await;
        };
        if job.crashes == 5 {
            break job.crashes;
        }
        assert_eq!(claim(&app, 3).await.len(), 3);
    };
    assert_eq!(crashes, 5);
}

on_both_databases!(a_job_given_back_waits_for_its_time);
async fn a_job_given_back_waits_for_its_time(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 1).await;
    let job = claim(&app, 1).await.pop().unwrap();
    release(&app, &job, Cost::Attempt, 10).await;
    promote(&app).await;
    assert!(claim(&app, 1).await.is_empty());
    app.clock.advance(11);
    promote(&app).await;
    assert_eq!(claim(&app, 1).await[0].attempts, 2);
}

on_both_databases!(a_job_that_is_put_off_keeps_its_attempts);
async fn a_job_that_is_put_off_keeps_its_attempts(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 1).await;
    for delays in 0..20 {
        let job = claim(&app, 1).await.pop().unwrap();
        assert_eq!((job.attempts, job.delays), (1, delays));
        release(&app, &job, Cost::Delay, 0).await;
    }
}

on_both_databases!(a_clock_that_is_set_back_keeps_no_job_waiting);
async fn a_clock_that_is_set_back_keeps_no_job_waiting(app: TestApp) {
    let app = unattended(app).await;
    enqueue(&app, 2).await;
    let job = claim(&app, 1).await.pop().unwrap();
    release(&app, &job, Cost::Attempt, 10).await;
    app.clock.advance(-3600);
    promote(&app).await;
    assert_eq!(claim(&app, 2).await.len(), 2);
}

on_both_databases!(a_job_about_what_is_queued_already_is_no_second_one);
async fn a_job_about_what_is_queued_already_is_no_second_one(app: TestApp) {
    let app = unattended(app).await;
    let about =
        |text: &str| NewJob { subject: Some("the bridge".into()), payload: json!({ "says": text }), ..job(&app) };
    add(&app, vec![about("one"), about("two")]).await;
    add(&app, vec![about("three")]).await;
    assert_eq!(count_open(&app).await, 1);
    let held = claim(&app, 2).await.pop().unwrap();
    assert_eq!(held.payload, json!({ "says": "three" }));
    // Asked for while it is held, it is done again afterwards.
    add(&app, vec![about("four")]).await;
    assert!(claim(&app, 1).await.is_empty());
    assert!(finish(&app, &held).await);
    promote(&app).await;
    let again = claim(&app, 2).await.pop().unwrap();
    assert_eq!((again.payload.clone(), again.attempts), (json!({ "says": "four" }), 1));
    assert!(finish(&app, &again).await);
    assert_eq!(count_open(&app).await, 0);
}

on_both_databases!(finding_the_next_tenant_does_not_depend_on_a_backlog);
async fn finding_the_next_tenant_does_not_depend_on_a_backlog(app: TestApp) {
    let app = unattended(app).await;
    let (bulk, neighbour) = (UserId::generate(), UserId::generate());
    let of = |user: UserId| NewJob { tenant: user.into(), ..job(&app) };
    add(&app, (0..2000).map(|_| of(bulk)).collect()).await;
    add(&app, vec![of(neighbour)]).await;
    let database = &app.app.services().database;
    let next = async |after| jobs::next_tenant(database, Lane::Ingest, &[KIND], after).await.unwrap();
    assert_eq!(next(None).await, Some(bulk.into()));
    assert_eq!(next(Some(bulk.into())).await, Some(neighbour.into()));
    assert_eq!(next(Some(neighbour.into())).await, None);
}

async fn insert_and_fail(tx: &Transaction<'_>, new: &NewJob, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    jobs::insert_many(tx, vec![new.clone()], now).await?;
    Err(DatabaseError::BadRow { place: "jobs", detail: "on purpose".into() })
}

on_both_databases!(only_a_commit_announces_new_jobs);
async fn only_a_commit_announces_new_jobs(app: TestApp) {
    let app = unattended(app).await;
    let database = &app.app.services().database;
    let added = database.added_jobs();
    let (now, new) = (app.clock.now(), job(&app));
    database.transaction(|tx| insert_and_fail(tx, &new, now).boxed()).await.unwrap_err();
    assert!(!added.has_changed().unwrap());
    add(&app, vec![new]).await;
    assert!(added.has_changed().unwrap());
}
