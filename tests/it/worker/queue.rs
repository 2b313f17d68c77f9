//! The queue: who holds a job, and what becomes of it when she is late.

use chrono::TimeDelta;
use docent::{
    db::{
        Database, DatabaseError,
        repo::jobs::{self, ClaimedJob, NewJob},
    },
    domain::{clock::Clock, id::JobId, scope::Scope},
};
use futures_util::FutureExt;
use serde_json::json;

use crate::{on_both_databases, support::app::TestApp};

const KIND: &str = "test";

async fn enqueue(app: &TestApp, count: usize) {
    let now = app.clock.now();
    let database = &app.app.services().database;
    database
        .transaction(|tx| {
            async move {
                let new = (0..count).map(|number| NewJob {
                    id: JobId::generate(),
                    kind: KIND,
                    payload: json!({ "number": number }),
                    run_at: now,
                });
                jobs::insert_many(tx, new.collect(), now).await
            }
            .boxed()
        })
        .await
        .unwrap();
}

async fn claim(app: &TestApp, limit: u64) -> Vec<ClaimedJob> {
    let now = app.clock.now();
    let database = &app.app.services().database;
    let claimed =
        database.transaction(|tx| jobs::claim(tx, &[KIND], limit, now, now + TimeDelta::seconds(30)).boxed()).await;
    claimed.map_err(|error: DatabaseError| error).unwrap()
}

async fn finish(database: &Database, job: &ClaimedJob) -> bool {
    let lease = job.lease();
    database.transaction(|tx| jobs::finish(tx, lease).boxed()).await.map_err(|error: DatabaseError| error).unwrap()
}

async fn rescue(app: &TestApp) -> u64 {
    let now = app.clock.now();
    let rescued = app.app.services().database.transaction(|tx| jobs::rescue_expired(tx, now).boxed()).await;
    rescued.map_err(|error: DatabaseError| error).unwrap()
}

on_both_databases! {
    async fn a_job_is_held_by_one_worker_at_a_time(app) {
        let mut app = app;
        app.stop_worker().await;
        enqueue(&app, 20).await;
        let claims = futures_util::future::join_all((0..4).map(|_| claim(&app, 8))).await;
        let mut ids: Vec<_> = claims.iter().flatten().map(|job| job.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), claims.iter().flatten().count());
        assert_eq!(ids.len(), 20);
    }

    async fn a_worker_that_was_given_up_for_dead_can_not_finish_what_another_took_over(app) {
        let mut app = app;
        app.stop_worker().await;
        enqueue(&app, 1).await;
        let database = app.app.services().database.clone();
        let late = claim(&app, 1).await.pop().unwrap();
        assert_eq!(rescue(&app).await, 0, "the lease is good");
        app.clock.advance(31);
        assert_eq!(rescue(&app).await, 1);
        let taken_over = claim(&app, 1).await.pop().unwrap();
        assert_eq!((taken_over.id, taken_over.crashes, taken_over.attempts), (late.id, 1, 2));
        assert!(!finish(&database, &late).await);
        assert!(finish(&database, &taken_over).await);
        assert_eq!(jobs::count_open(&database.reader(Scope::System)).await.unwrap(), 0);
    }

    async fn jobs_that_took_a_worker_down_come_after_the_others(app) {
        let mut app = app;
        app.stop_worker().await;
        enqueue(&app, 1).await;
        let suspect = claim(&app, 1).await.pop().unwrap();
        app.clock.advance(31);
        rescue(&app).await;
        app.clock.advance(1);
        enqueue(&app, 2).await;
        let order: Vec<_> = claim(&app, 3).await.into_iter().map(|job| job.id).collect();
        assert_eq!((order.len(), order[2]), (3, suspect.id));
    }

    async fn a_job_given_back_waits_for_its_time(app) {
        let mut app = app;
        app.stop_worker().await;
        enqueue(&app, 1).await;
        let job = claim(&app, 1).await.pop().unwrap();
        let (lease, later) = (job.lease(), app.clock.now() + TimeDelta::seconds(10));
        let database = &app.app.services().database;
        let released = database.transaction(|tx| jobs::release(tx, lease, later, Some("busy")).boxed()).await;
        assert!(released.map_err(|error: DatabaseError| error).unwrap());
        assert!(claim(&app, 1).await.is_empty());
        app.clock.advance(11);
        assert_eq!(claim(&app, 1).await.len(), 1);
    }
}
