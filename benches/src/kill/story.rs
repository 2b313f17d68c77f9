//! An installation that is killed again and again while it ingests, and what its clients know of it.

use std::{convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Result;
use docent_client::{Follower, Record};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    api::{Account, Ingestion, NewDocument},
    report::Report,
    server::Server,
    setup::Setup,
    statistics::{Generator, Samples},
};

/// The account that ingests.
pub const LOGIN: &str = "benchmark";

/// Into how many small calls the documents go that are not in the two large ones.
const SMALL_CALLS: usize = 20;

/// Seconds from a start to its kill, at least and at most.
const KILL_AFTER: (f64, f64) = (0.1, 3.0);

/// Seconds before a kill within which the last call of a round is sent, so that many kills hit the way of a document
/// from its first step on, and some the call itself.
const LAST_CALL: f64 = 0.2;

/// One call of `documentsIngest`, the same however often it is sent.
pub struct Call {
    pub key: String,
    pub documents: Vec<NewDocument>,
    /// What the server answered. From then on it has promised the documents.
    pub acknowledged: Option<Ingestion>,
}

/// The calls: two large ones that keep the workers busy over several kills, and small ones to spread over all of them.
fn plan(documents: &[NewDocument]) -> Vec<Call> {
    let large = (documents.len() / 4).clamp(1, 100);
    let (first, rest) = documents.split_at(2 * large);
    let small = rest.len().div_ceil(SMALL_CALLS).max(1);
    let call = |(number, documents): (usize, &[NewDocument])| Call {
        key: format!("call-{number}"),
        documents: documents.to_vec(),
        acknowledged: None,
    };
    first.chunks(large).chain(rest.chunks(small)).enumerate().map(call).collect()
}

/// How many of the calls may have been sent by the end of `round` of `rounds`, counted from 0: the two large ones and a
/// share of the small ones, so that some are left for after the last kill.
fn allowed(calls: usize, round: usize, rounds: usize) -> usize {
    2 + calls.saturating_sub(2) * (round + 1) / (rounds + 1)
}

/// Seconds after a start at which so many calls are sent: anywhere before the kill, the last shortly before it.
fn sending_times(calls: usize, kill: f64, generator: &mut Generator) -> Vec<f64> {
    let mut times: Vec<f64> = (1..calls).map(|_| generator.between(0.0, kill)).collect();
    times.push((kill - generator.between(0.0, LAST_CALL)).max(0.0));
    times.sort_by(f64::total_cmp);
    times
}

/// An installation that is killed again and again, and what its clients know of it.
pub struct Story {
    pub account: Account,
    pub collection: String,
    pub calls: Vec<Call>,
    /// What a listener heard that came back after each kill and went on after its last event.
    pub heard: Vec<Record>,
    /// What another was told at the end, from the beginning.
    pub told: Vec<Record>,
    data_dir: PathBuf,
    /// Whether a call is on its way.
    calling: bool,
    /// Calls that were in progress when the server was killed: whether they were carried out is unknown.
    cut_off: usize,
    /// Kills at which the listener had not heard the end of every acknowledged document.
    busy: usize,
    /// Seconds from start to ready, of the starts that lived to see it.
    ready: Vec<f64>,
}

impl Story {
    /// Opens an account and a collection, and kills the server the moment it has acknowledged them.
    pub async fn begin(setup: &Setup, documents: &[NewDocument]) -> Result<Self> {
        let data_dir = setup.data_dir("killed")?;
        let (server, _) = setup.launch.start(&data_dir).await?;
        let account = Account::new(server.base()?, LOGIN)?;
        account.register().await?;
        let collection = account.create_collection("Killed").await?;
        server.kill().await?;
        Ok(Self {
            account,
            collection,
            calls: plan(documents),
            heard: Vec::new(),
            told: Vec::new(),
            data_dir,
            calling: false,
            cut_off: 0,
            busy: 0,
            ready: Vec::new(),
        })
    }

    /// Starts the server, sends the calls that are due in this one of so many rounds, and kills the server whatever it is
    /// doing then. Returns the seconds from start to kill. Fails if the server refuses a call or ends by itself.
    pub async fn round(
        &mut self,
        setup: &Setup,
        (round, rounds): (usize, usize),
        generator: &mut Generator,
    ) -> Result<f64> {
        let due = allowed(self.calls.len(), round, rounds);
        let kill = generator.between(KILL_AFTER.0, KILL_AFTER.1);
        let pending = self.calls[..due].iter().filter(|call| call.acknowledged.is_none()).count();
        let mut server = setup.launch.spawn(&self.data_dir)?;
        let started = Instant::from_std(server.spawned());
        let after = |seconds| started + Duration::from_secs_f64(seconds);
        let times: Vec<Instant> = sending_times(pending, kill, generator).into_iter().map(after).collect();
        let mut follower = None;
        let outcome = timeout_at(after(kill), self.work(&mut server, due, times, &mut follower)).await;
        server.kill().await?;
        if let Some(follower) = follower {
            self.heard = follower.abandon().await;
        }
        self.cut_off += usize::from(std::mem::take(&mut self.calling));
        self.busy += usize::from(self.unfinished() > 0);
        match outcome {
            Ok(Ok(never)) => match never {},
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(kill),
        }
    }

    /// What the clients do until the kill.
    async fn work(
        &mut self,
        server: &mut Server,
        due: usize,
        times: Vec<Instant>,
        follower: &mut Option<Follower>,
    ) -> Result<Infallible> {
        let ready = server.ready().await?;
        self.ready.push(ready.as_secs_f64());
        self.account.client().move_to(server.base()?).await?;
        let heard = std::mem::take(&mut self.heard);
        let follower = follower.insert(Follower::start(Arc::clone(self.account.client()), heard));
        self.send(due, times, follower).await?;
        std::future::pending().await
    }

    /// Sends those of the first `due` calls that were not acknowledged yet, with the keys that they had before, not
    /// before the `times` given.
    async fn send(&mut self, due: usize, times: Vec<Instant>, follower: &Follower) -> Result<()> {
        let mut times = times.into_iter();
        for call in self.calls.iter_mut().take(due).filter(|call| call.acknowledged.is_none()) {
            if let Some(time) = times.next() {
                sleep_until(time).await;
            }
            self.calling = true;
            let answer = self.account.ingest(&self.collection, &call.documents, &call.key).await?;
            self.calling = false;
            follower.follow(&answer.value.operation.id);
            call.acknowledged = Some(answer.value);
        }
        Ok(())
    }

    /// Starts the server for good, sends the remaining calls and hears all operations out; then has everything told again
    /// from the beginning.
    pub async fn end(&mut self, setup: &Setup, limit: Duration) -> Result<Server> {
        let (server, ready) = setup.launch.start(&self.data_dir).await?;
        self.ready.push(ready.as_secs_f64());
        self.account.client().move_to(server.base()?).await?;
        let heard = std::mem::take(&mut self.heard);
        let listener = Follower::start(Arc::clone(self.account.client()), heard);
        self.send(usize::MAX, Vec::new(), &listener).await?;
        (self.heard, _) = listener.finish(limit).await?;

        let newcomer = Follower::start(Arc::clone(self.account.client()), Vec::new());
        for record in &self.heard {
            newcomer.follow(&record.operation);
        }
        (self.told, _) = newcomer.finish(limit).await?;
        Ok(server)
    }

    /// Acknowledged documents of whose outcome nothing was heard yet.
    fn unfinished(&self) -> usize {
        let acknowledged = self.calls.iter().filter(|call| call.acknowledged.is_some());
        let promised: usize = acknowledged.map(|call| call.documents.len()).sum();
        let events = self.heard.iter().flat_map(|record| &record.events);
        promised.saturating_sub(events.filter(|event| event.is_outcome()).count())
    }

    pub fn report(&self, report: &mut Report, rankings_unlike: usize) {
        report.count("busy", "kills with acknowledged documents unfinished", self.busy);
        report.count("cut_off", "calls cut off by a kill and sent again", self.cut_off);
        report.count("rankings", "LEXICAL rankings unlike those without kills", rankings_unlike);
        let ready = Samples::new(self.ready.iter().copied());
        report.seconds("ready_p50", "ready after a kill p50", ready.percentile(50));
        report.seconds("ready_max", "ready after a kill max", ready.max());
    }

    pub fn state(&self) -> String {
        let acknowledged = self.calls.iter().filter(|call| call.acknowledged.is_some()).count();
        let (calls, unfinished) = (self.calls.len(), self.unfinished());
        let cut_off = self.cut_off;
        format!(
            "{acknowledged} of {calls} calls acknowledged, {unfinished} documents unfinished, {cut_off} calls cut off"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(count: usize) -> Vec<NewDocument> {
        let new =
            |number: usize| NewDocument { uri: number.to_string(), file_name: String::new(), text: String::new() };
        (0..count).map(new).collect()
    }

    #[test]
    fn plan_holds_every_document_once_in_calls_that_the_server_takes() {
        for count in [20, 21, 99, 400, 2000] {
            let calls = plan(&documents(count));
            let uris: Vec<&str> = calls.iter().flat_map(|call| &call.documents).map(|new| new.uri.as_str()).collect();
            assert_eq!(uris, (0..count).map(|number| number.to_string()).collect::<Vec<_>>());
            assert!(calls.iter().all(|call| (1..=100).contains(&call.documents.len())), "{count}");
            // The follower subscribes to all of them on one socket, which takes 50.
            assert!(calls.len() <= 2 + SMALL_CALLS);
        }
    }

    #[test]
    fn calls_are_spread_over_the_kills_and_some_are_left_for_the_end() {
        let sent: Vec<usize> = (0..10).map(|round| allowed(22, round, 10)).collect();
        assert_eq!(sent, [3, 5, 7, 9, 11, 12, 14, 16, 18, 20]);
        assert_eq!(allowed(22, 0, 1), 12);
    }
}
