//! "Nothing lost": kills the server with SIGKILL again and again while it ingests, keeps a log of what it acknowledged,
//! and afterwards holds everything against a run without kills.

use std::{convert::Infallible, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    api::{Ingestion, NewDocument},
    client::Client,
    events::{Follower, Record},
    history::is_outcome,
    ingest::{ingest, time_limit},
    kill_checks::{Checks, snapshot},
    process::machine,
    report::{Report, Unit, note, number},
    scifact::{Format, Scifact},
    server::Server,
    setup::{ServerArguments, Setup},
    statistics::{Generator, Samples},
};

/// Into how many small calls the documents go that are not in the two large ones.
const SMALL_CALLS: usize = 20;

/// Seconds from a start to its kill, at least and at most.
const KILL_AFTER: (f64, f64) = (0.1, 3.0);

/// Seconds before a kill within which the last call of a round is sent, so that many kills hit the way of a document
/// from its first step on, and some the call itself.
const LAST_CALL: f64 = 0.2;

/// The run with kills.
#[derive(Args, Clone, Debug)]
pub struct KillArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The folder with `corpus.jsonl.gz`, `queries.jsonl` and `qrels.tsv` of SciFact.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,

    /// Documents to ingest: the first of the corpus.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(20..=2000))]
    pub documents: u32,

    /// How often the server is killed.
    #[arg(long, default_value_t = 10)]
    pub kills: usize,

    /// Decides the moments of the kills: the same seed kills at the same moments.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Writes all figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The run with kills; the exit status says whether nothing was lost.
pub async fn run(arguments: &KillArguments) -> Result<ExitCode> {
    let mut report = Report::default();
    report.fact("machine", machine());
    let setup = Setup::new(&arguments.server)?;
    let mut scifact = Scifact::load(&arguments.data)?;
    scifact.documents.truncate(usize::try_from(arguments.documents)?);
    let documents: Vec<NewDocument> = scifact.documents.iter().map(|row| row.document(Format::Md)).collect();

    note("ingesting without kills, to know what is right");
    let data_dir = setup.data_dir("undisturbed")?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    let client = Arc::new(Client::new(server.base()?)?);
    client.register().await?;
    let collection = client.create_collection("Undisturbed").await?;
    ingest(&client, &collection, &documents, "undisturbed").await?;
    let undisturbed = snapshot(&client, &collection, &scifact.documents).await?;
    server.stop().await?;

    let mut story = Story::begin(&setup, &documents).await?;
    for (round, seed) in (0..arguments.kills).zip(arguments.seed..) {
        // One for each round: how many numbers a round draws depends on what the one before left.
        let mut generator = Generator::new(seed);
        let due = allowed(story.calls.len(), round, arguments.kills);
        let moment = story.round(&setup, due, &mut generator).await?;
        note(format!("kill {} after {moment:.2} s: {}", round + 1, story.state()));
    }

    note("starting for the last time");
    let (server, ready) = setup.launch.start(&story.data_dir).await?;
    story.ready.push(ready.as_secs_f64());
    story.end(&server, time_limit(documents.len())).await?;
    note("comparing");
    let found = snapshot(&story.client, &story.collection, &scifact.documents).await?;
    let mut checks = Checks::default();
    checks.outcome(&story, &found, &documents).await?;
    checks.compare(&found, &undisturbed, &documents);
    checks.repeats(&story, documents.len()).await?;
    server.stop().await?;

    let calls = story.calls.len();
    report.fact("input", format!("{} documents in {calls} calls, seed {}", documents.len(), arguments.seed));
    report.section("After the last start");
    checks.report(&mut report);
    report.section("Besides");
    report.figure("kills", "kills", number(arguments.kills), Unit::Count);
    report.figure("busy", "kills with acknowledged documents unfinished", number(story.busy), Unit::Count);
    report.figure("cut_off", "calls cut off by a kill and sent again", number(story.cut_off), Unit::Count);
    let unlike = found.rankings_unlike(&undisturbed);
    report.figure("rankings", "LEXICAL rankings unlike those without kills", number(unlike), Unit::Count);
    let ready = Samples::new(story.ready.iter().copied());
    report.figure("ready_p50", "ready after a kill p50", ready.percentile(50), Unit::Seconds);
    report.figure("ready_max", "ready after a kill max", ready.max(), Unit::Seconds);
    report.publish(arguments.json.as_deref())?;
    Ok(if report.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

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
    pub client: Arc<Client>,
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
    async fn begin(setup: &Setup, documents: &[NewDocument]) -> Result<Self> {
        let data_dir = setup.data_dir("killed")?;
        let (server, _) = setup.launch.start(&data_dir).await?;
        let client = Arc::new(Client::new(server.base()?)?);
        client.register().await?;
        let collection = client.create_collection("Killed").await?;
        server.kill().await?;
        Ok(Self {
            client,
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

    /// Starts the server, sends what is due of the first `due` calls, and kills the server whatever it is doing then.
    /// Returns the seconds from start to kill. Fails if the server refuses a call or ends by itself.
    async fn round(&mut self, setup: &Setup, due: usize, generator: &mut Generator) -> Result<f64> {
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
        self.client.move_to(server.base()?).await;
        let heard = std::mem::take(&mut self.heard);
        let follower = follower.insert(Follower::start(Arc::clone(&self.client), heard));
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
            let answer = self.client.ingest(&self.collection, &call.documents, &call.key).await?;
            self.calling = false;
            follower.follow(&answer.value.operation.id);
            call.acknowledged = Some(answer.value);
        }
        Ok(())
    }

    /// Sends the remaining calls and hears all operations out; then has everything told again from the beginning.
    async fn end(&mut self, server: &Server, limit: Duration) -> Result<()> {
        self.client.move_to(server.base()?).await;
        let heard = std::mem::take(&mut self.heard);
        let listener = Follower::start(Arc::clone(&self.client), heard);
        self.send(usize::MAX, Vec::new(), &listener).await?;
        (self.heard, _) = listener.finish(limit).await?;

        let newcomer = Follower::start(Arc::clone(&self.client), Vec::new());
        for record in &self.heard {
            newcomer.follow(&record.operation);
        }
        (self.told, _) = newcomer.finish(limit).await?;
        Ok(())
    }

    /// Acknowledged documents of whose outcome nothing was heard yet.
    fn unfinished(&self) -> usize {
        let acknowledged = self.calls.iter().filter(|call| call.acknowledged.is_some());
        let promised: usize = acknowledged.map(|call| call.documents.len()).sum();
        let events = self.heard.iter().flat_map(|record| &record.events);
        promised.saturating_sub(events.filter(|event| is_outcome(&event.kind)).count())
    }

    fn state(&self) -> String {
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
    fn four_hundred_documents_make_two_large_and_twenty_small_calls() {
        let sizes: Vec<usize> = plan(&documents(400)).iter().map(|call| call.documents.len()).collect();
        assert_eq!(sizes, [vec![100; 2], vec![10; 20]].concat());
    }

    #[test]
    fn calls_are_spread_over_the_kills_and_some_are_left_for_the_end() {
        let sent: Vec<usize> = (0..10).map(|round| allowed(22, round, 10)).collect();
        assert_eq!(sent, [3, 5, 7, 9, 11, 12, 14, 16, 18, 20]);
        assert_eq!(allowed(22, 0, 1), 12);
    }

    #[test]
    fn calls_of_a_round_are_sent_in_order_and_the_last_shortly_before_the_kill() {
        let mut generator = Generator::new(1);
        for _ in 0..100 {
            let kill = generator.between(0.1, 3.0);
            let times = sending_times(4, kill, &mut generator);
            assert!(times.is_sorted() && times.iter().all(|time| (0.0..=kill).contains(time)));
            assert!(times[3] >= kill - LAST_CALL);
        }
        assert_eq!(sending_times(1, 2.0, &mut generator).len(), 1);
    }
}
