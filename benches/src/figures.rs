//! Turns measurements into the figures of the report, with the targets that they are held against.

use std::time::Duration;

use crate::{
    access::{ACCOUNTS, Access, LOGINS, MEMBERSHIPS, Pair},
    api::Mode,
    ingest::{EmbeddingRun, Ingested},
    quality::{CUTOFF, ndcg, paired_bootstrap, recall},
    report::{Report, Target, Unit, number},
    run::{Answers, Restarts, Usage, bytes_to_mb, live_delays},
    scifact::Scifact,
    searches::Answered,
    statistics::{Samples, mean},
};

/// Any fixed number: two runs over the same rankings then print the same interval.
const BOOTSTRAP_SEED: u64 = 2026;

/// nDCG and recall of each mode, and whether fusion is worth having.
pub fn quality(report: &mut Report, scifact: &Scifact, answers: &Answers, judge: bool) {
    let scores = |answers: &[Answered], measure: fn(&[String], &_) -> f64| -> Vec<f64> {
        answers.iter().zip(&scifact.queries).map(|(answer, query)| measure(&answer.ranking, &query.relevant)).collect()
    };
    report.section(format!("Ranking quality ({} queries, by document)", scifact.queries.len()));
    let modes = [
        (Mode::Lexical, &answers.lexical, 0.68),
        (Mode::Semantic, &answers.semantic, 0.64),
        (Mode::Hybrid, &answers.hybrid, 0.71),
    ];
    for (mode, answers, bound) in modes {
        let (name, key) = (mode.name(), mode.name().to_lowercase());
        let value = mean(&scores(answers, ndcg));
        let label = format!("nDCG@{CUTOFF} {name}");
        if judge {
            report.judged(&format!("ndcg10_{key}"), &label, value, Unit::Score, Target::AtLeast(bound));
        } else {
            report.figure(&format!("ndcg10_{key}"), &label, value, Unit::Score);
        }
        let found = mean(&scores(answers, recall));
        report.figure(&format!("recall10_{key}"), &format!("recall@{CUTOFF} {name}"), found, Unit::Score);
    }

    let (hybrid, lexical, semantic) =
        (scores(&answers.hybrid, ndcg), scores(&answers.lexical, ndcg), scores(&answers.semantic, ndcg));
    let (name, best) = if mean(&lexical) >= mean(&semantic) { ("LEXICAL", lexical) } else { ("SEMANTIC", semantic) };
    let differences: Vec<f64> = hybrid.iter().zip(&best).map(|(hybrid, best)| hybrid - best).collect();
    if differences.is_empty() {
        return;
    }
    let interval = paired_bootstrap(&differences, BOOTSTRAP_SEED);
    report.figure("gain", &format!("nDCG@{CUTOFF}, HYBRID minus {name}"), interval.mean, Unit::Score);
    report.figure("gain_low", "  95 % interval, lower end", interval.low, Unit::Score);
    report.figure("gain_high", "  95 % interval, upper end", interval.high, Unit::Score);
}

/// The rate of ingestion beside that of embedding alone.
pub fn ingestion(report: &mut Report, documents: usize, chunks: usize, ingested: &Ingested, embedding: EmbeddingRun) {
    report.section("Ingestion");
    let (rate, alone) = (number(documents) / ingested.seconds, number(embedding.texts) / embedding.seconds);
    report.figure("ingest_documents_per_second", "ingestion, documents", rate, Unit::PerSecond);
    report.figure("embedding_documents_per_second", "embedding alone, documents", alone, Unit::PerSecond);
    // The same texts, cut in the same way, have the same tokens.
    let tokens = number(embedding.tokens);
    report.figure("ingest_tokens_per_second", "ingestion, tokens", tokens / ingested.seconds, Unit::PerSecond);
    report.figure(
        "embedding_tokens_per_second",
        "embedding alone, tokens",
        tokens / embedding.seconds,
        Unit::PerSecond,
    );
    report.judged("ingest_ratio", "rate of ingestion / of embedding", rate / alone, Unit::Score, Target::AtLeast(0.85));
    report.figure("ingest_seconds", "first call to last event", ingested.seconds, Unit::Seconds);
    report.figure("ingest_call_p50", "call of 100 documents p50", ingested.call_ms.percentile(50), Unit::Milliseconds);
    report.figure("ingest_call_max", "call of 100 documents max", ingested.call_ms.max(), Unit::Milliseconds);
    if let Some(counted) = embedding.passages {
        let difference = number(counted.abs_diff(chunks));
        let label = "chunks that only one of the two made";
        report.judged("passage_difference", label, difference, Unit::Count, Target::AtMost(0.0));
    }
}

/// Latency of one caller's searches: `answers` with legs and explanation, `plain` without.
pub fn searches(report: &mut Report, answers: &Answers, plain: &[Answered]) {
    let times = |answers: &[Answered], value: fn(&Answered) -> f64| Samples::new(answers.iter().map(value));
    report.section("Search (one caller, one connection, full document fields, legs and explanation)");
    let inside = times(&answers.hybrid, |answer| answer.search_ms);
    let label = "HYBRID without embedding the query";
    let (half, most) = (inside.percentile(50), inside.percentile(95));
    report.judged("search_p50", &format!("{label} p50"), half, Unit::Milliseconds, Target::AtMost(5.0));
    report.judged("search_p95", &format!("{label} p95"), most, Unit::Milliseconds, Target::AtMost(15.0));
    let whole = times(&answers.hybrid, |answer| answer.elapsed_ms);
    let label = "HYBRID end to end, unseen query";
    let half = whole.percentile(50);
    report.judged("request_p50", &format!("{label} p50"), half, Unit::Milliseconds, Target::AtMost(40.0));
    report.figure("request_p95", &format!("{label} p95"), whole.percentile(95), Unit::Milliseconds);
    let rest = times(&answers.hybrid, |answer| answer.elapsed_ms - answer.embedding_ms);
    latency(report, "request_without_embedding", "HYBRID end to end without embedding", &rest);
    let embedding = times(&answers.hybrid, |answer| answer.embedding_ms);
    latency(report, "embedding", "embedding of an unseen query", &embedding);
    for kind in ["LEXICAL", "SEMANTIC"] {
        let legs = answers.hybrid.iter().flat_map(|answer| &answer.legs).filter(|(leg, _)| leg == kind);
        let took = Samples::new(legs.map(|(_, took)| *took));
        latency(report, &format!("leg_{}", kind.to_lowercase()), &format!("{kind} leg of HYBRID"), &took);
    }
    for (mode, answers) in [(Mode::Semantic, &answers.semantic), (Mode::Lexical, &answers.lexical)] {
        let whole = times(answers, |answer| answer.elapsed_ms);
        let label = format!("{} end to end, query seen before", mode.name());
        latency(report, &format!("request_{}", mode.name().to_lowercase()), &label, &whole);
    }
    if !plain.is_empty() {
        report.section("Plain search (the same without legs and explanation; titles as queries)");
        let inside = times(plain, |answer| answer.search_ms);
        latency(report, "plain_search", "HYBRID without embedding the query", &inside);
        latency(report, "plain_request", "HYBRID end to end, unseen query", &times(plain, |answer| answer.elapsed_ms));
    }
}

/// Percentiles of times, for information.
pub fn latency(report: &mut Report, key: &str, label: &str, times: &Samples) {
    for percent in [50, 95] {
        let value = times.percentile(percent);
        report.figure(&format!("{key}_p{percent}"), &format!("{label} p{percent}"), value, Unit::Milliseconds);
    }
}

/// The rate of several callers, and what each of them felt.
pub fn load(report: &mut Report, key: &str, label: &str, (times, rate): &(Samples, f64)) {
    report.figure(&format!("{key}_rate"), &format!("{label}, answers"), *rate, Unit::PerSecond);
    latency(report, key, label, times);
}

/// Latency of a search now and then while documents are ingested, counted from the moment at which it was due.
pub fn background(report: &mut Report, times: &Samples) {
    latency(report, "while_ingesting", "while ingesting, from when it was due", times);
    report.figure("while_ingesting_count", "searches while ingesting", number(times.count()), Unit::Count);
}

/// How long events took to reach their listener.
pub fn events(report: &mut Report, ingested: &Ingested) {
    report.section("Events of the ingestion (from just before the commit to the listener)");
    let delays = live_delays(&ingested.records);
    report.figure("event_delay_p50", "delay p50", delays.percentile(50), Unit::Milliseconds);
    let most = delays.percentile(95);
    report.judged("event_delay_p95", "delay p95", most, Unit::Milliseconds, Target::AtMost(100.0));
    report.figure("event_delay_max", "delay max", delays.max(), Unit::Milliseconds);
    let events = ingested.progress.events;
    report.figure("events_live", "events timed", number(delays.count()), Unit::Count);
    report.figure(
        "events_replayed",
        "events older than the subscription",
        number(events - delays.count()),
        Unit::Count,
    );
    report.figure("sockets", "WebSockets used", number(ingested.progress.connections), Unit::Count);
}

/// Memory, processor time, starts and stops.
pub fn resources(report: &mut Report, ingest: &Usage, whole: &Usage, first_start: Duration, restarts: &Restarts) {
    report.section("Resources");
    let peak = bytes_to_mb(ingest.tree_peak);
    report.judged(
        "memory_peak",
        "peak memory while ingesting, with children",
        peak,
        Unit::Megabytes,
        Target::AtMost(600.0),
    );
    report.figure(
        "memory_server",
        "peak memory while ingesting, server alone",
        bytes_to_mb(ingest.server_peak),
        Unit::Megabytes,
    );
    report.figure("memory_whole", "peak memory of the whole run", bytes_to_mb(whole.tree_peak), Unit::Megabytes);
    report.figure("cpu_ingest", "processor time of the ingestion", ingest.cpu_seconds, Unit::Seconds);
    report.figure("cpu_whole", "processor time of the whole run", whole.cpu_seconds, Unit::Seconds);
    report.figure("ready_empty", "ready, empty data directory", first_start.as_secs_f64(), Unit::Seconds);
    let ready = Samples::new(restarts.ready.iter().copied());
    report.figure("ready_median", "ready, existing data directory, median", ready.percentile(50), Unit::Seconds);
    report.judged("ready_max", "ready, existing data directory, max", ready.max(), Unit::Seconds, Target::AtMost(1.0));
    let first = Samples::new(restarts.first_search_ms.iter().copied());
    report.figure("first_search_max", "first search after that, max", first.max(), Unit::Milliseconds);
    report.figure("stop_max", "stop in order, max", Samples::new(restarts.stop.iter().copied()).max(), Unit::Seconds);
}

/// What remains.
pub fn totals(report: &mut Report, single: &Samples, quiet_after: f64, whole: Duration) {
    report.section("Besides");
    report.figure("single_p50", "one document, call to end, idle p50", single.percentile(50), Unit::Seconds);
    report.figure("single_max", "one document, call to end, idle max", single.max(), Unit::Seconds);
    report.figure("quiet_after", "ingestion to a quiet server", quiet_after, Unit::Seconds);
    report.figure("whole_run", "this whole run", whole.as_secs_f64(), Unit::Seconds);
}

/// What access costs: memberships for a reader, logins for the server, guesses for everybody else.
pub fn access(report: &mut Report, access: &Access) {
    let Access { scope, logins, guesses } = access;
    report.section(format!(
        "Access (a reader with {MEMBERSHIPS} other roles beside an owner without, medians; {LOGINS} logins of {ACCOUNTS} accounts at \
         once)"
    ));
    let bound = Some(Target::AtMost(1.2));
    memberships(report, "scope_nested", "nested read of 20 documents", &scope.nested, bound);
    memberships(report, "scope_search", "LEXICAL search in one collection", &scope.search, bound);
    memberships(report, "scope_search_all", "LEXICAL search in all", &scope.search_all, None);

    let succeeded = number(logins.succeeded);
    let all = Target::AtLeast(number(LOGINS));
    report.judged("logins_succeeded", "logins that succeeded", succeeded, Unit::Count, all);
    report.figure("logins_rate", "logins", logins.per_second, Unit::PerSecond);
    latency(report, "logins", "login", &logins.times);
    let peak = bytes_to_mb(logins.memory_peak);
    report.judged("logins_memory", "peak memory above that before", peak, Unit::Megabytes, Target::AtMost(150.0));
    report.figure("logins_memory_kept", "  kept afterwards", bytes_to_mb(logins.memory_kept), Unit::Megabytes);
    report.figure("logins_health_max", "health while logging in, max", logins.health.max(), Unit::Milliseconds);

    // Ten, and one that flows back meanwhile.
    let bound = Target::AtMost(11.0);
    let label = "guesses at one account let through";
    report.judged("guesses_let_through", label, number(guesses.let_through), Unit::Count, bound);
    report.figure("guesses_refused", "guesses answered 429", number(guesses.refused), Unit::Count);
    let most = guesses.health.max();
    report.judged("guesses_health_max", "health meanwhile, max", most, Unit::Milliseconds, Target::AtMost(1000.0));
    report.figure("guesses_health_count", "health meanwhile, requests", number(guesses.health.count()), Unit::Count);
}

/// The same reading with one membership and with many.
fn memberships(report: &mut Report, key: &str, label: &str, pair: &Pair, target: Option<Target>) {
    for (name, times) in [("one", &pair.one), ("many", &pair.many)] {
        let label = format!("{label}, {name} membership{} p50", if name == "one" { "" } else { "s" });
        report.figure(&format!("{key}_{name}"), &label, times.percentile(50), Unit::Milliseconds);
    }
    let (key, label) = (format!("{key}_ratio"), format!("{label}, many / one"));
    match target {
        Some(target) => report.judged(&key, &label, pair.ratio(), Unit::Score, target),
        None => report.figure(&key, &label, pair.ratio(), Unit::Score),
    }
}
