//! An uninvolved client: searches all the time, ingests a document a minute, and follows it until a search finds it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

use super::{
    Scene, kind,
    ledger::{document, word},
};
use crate::{
    api::{Account, Group, Mode, Search},
    report::Report,
    statistics::Samples,
};

const SEARCH_EVERY: Duration = Duration::from_millis(700);
const DOCUMENT_EVERY: Duration = Duration::from_mins(1);
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// No one waits longer than this for a response.
const PATIENCE: Duration = Duration::from_secs(10);
/// The numbers of its words begin here; no other account's do.
const FIRST_NUMBER: usize = 1 << 24;

#[derive(Default)]
struct Notes {
    milliseconds: Vec<f64>,
    failures: BTreeMap<String, usize>,
    failures_in_restarts: usize,
    until_found: Vec<f64>,
    handed_over: usize,
}

#[derive(Clone)]
pub struct Bystander {
    scene: Arc<Scene>,
    account: Account,
    notes: Arc<Mutex<Notes>>,
}

impl Bystander {
    pub fn spawn(tasks: &mut JoinSet<()>, scene: &Arc<Scene>, account: &Account) -> Self {
        let bystander = Self { scene: Arc::clone(scene), account: account.clone(), notes: Arc::new(Mutex::default()) };
        let (searching, working) = (bystander.clone(), bystander.clone());
        tasks.spawn(async move { searching.search_on_and_on().await });
        tasks.spawn(async move { working.hand_over_on_and_on().await });
        bystander
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn search_on_and_on(&self) {
        let mut ticks = interval(SEARCH_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.find(None, "a letter about trams", Mode::Hybrid).await;
        }
    }

    /// Whether a search finds something. Its time and its failure are noted.
    async fn find(&self, collection: Option<&str>, query: &str, mode: Mode) -> bool {
        let search = Search { collection, query, mode, group: Group::Document, first: 10 };
        let was_restarting = self.scene.is_restarting();
        let asked = Instant::now();
        let failure = match timeout(PATIENCE, self.account.search_plainly(&search)).await {
            Ok(Ok(answer)) => {
                self.notes().milliseconds.push(asked.elapsed().as_secs_f64() * 1e3);
                return !answer.value.hits.is_empty();
            }
            Ok(Err(error)) => kind(&error),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        let is_restart = was_restarting || self.scene.is_restarting();
        let mut notes = self.notes();
        if is_restart {
            notes.failures_in_restarts += 1;
        } else {
            *notes.failures.entry(failure).or_default() += 1;
        }
        false
    }

    async fn hand_over_on_and_on(&self) {
        let collection = loop {
            match self.account.create_collection("Bystander").await {
                Ok(collection) => break collection,
                Err(_) => sleep(LOOK_PAUSE).await,
            }
        };
        let mut ticks = interval(DOCUMENT_EVERY);
        for turn in FIRST_NUMBER.. {
            ticks.tick().await;
            let documents = [(document(format!("bystander/{turn}"), turn), turn)];
            let key = format!("bystander-{turn}");
            let delivery = ("bystander", collection.as_str(), key.as_str());
            self.scene.deliver(&self.account, delivery, &documents).await;
            let accepted = Instant::now();
            self.notes().handed_over += 1;
            while !self.find(Some(&collection), &word(turn), Mode::Lexical).await {
                sleep(LOOK_PAUSE).await;
            }
            self.notes().until_found.push(accepted.elapsed().as_secs_f64());
        }
    }

    pub fn report(&self, report: &mut Report) {
        let notes = self.notes();
        let times = Samples::new(notes.milliseconds.iter().copied());
        report.section("The bystander");
        report.count("searches", "searches answered", times.count());
        report.milliseconds("search_p50", "search p50", times.percentile(50));
        report.milliseconds("search_p99", "search p99", times.percentile(99));
        report.milliseconds("search_max", "search max", times.max());
        report.count("failures", "failures", notes.failures.values().sum());
        for (failure, count) in &notes.failures {
            report.count(&format!("failure {failure}"), &format!("- {failure}"), *count);
        }
        let in_restarts = notes.failures_in_restarts;
        report.count("failures_in_restarts", "failures while it was restarted on purpose", in_restarts);
        let found = Samples::new(notes.until_found.iter().copied());
        report.count("handed_over", "documents handed over", notes.handed_over);
        report.count("found", "found meanwhile", found.count());
        report.seconds("found_p50", "from accepted to found p50", found.percentile(50));
        report.seconds("found_max", "from accepted to found max", found.max());
    }
}
