//! The test: every row and edge for every actor, on both databases.

#![expect(clippy::print_stdout, reason = "it says how much it covered, and how long things took")]

use std::{collections::BTreeSet, time::Instant};

use serde_json::json;

use super::{
    actors::{self, Actor},
    asking::{Heard, Subject, ask},
    edges::{EDGES, Edge, End, GIVEN_TO_READERS},
    fixture::{Fixture, collection_actions},
    mutations::MUTATIONS,
    paths::PATHS,
    queries::QUERIES,
    rows::Row,
    schema,
    truth::{Need, Outcome, TABLE, expected, may},
};
use crate::support::caller::Caller;

fn rows() -> impl Iterator<Item = &'static Row> {
    QUERIES.iter().chain(PATHS).chain(MUTATIONS)
}

#[test]
fn every_field_of_the_roots_has_a_row() {
    let known: BTreeSet<_> = rows().map(|row| row.field.to_owned()).filter(|field| !field.starts_with('/')).collect();
    let missing: Vec<_> = schema::roots().difference(&known).cloned().collect();
    assert!(
        missing.is_empty(),
        "say what is needed for these, in access/queries.rs or access/mutations.rs: {missing:?}"
    );
    let gone: Vec<_> = known.difference(&schema::roots()).cloned().collect();
    assert!(gone.is_empty(), "the schema does not have these any more: {gone:?}");
}

#[test]
fn every_path_has_a_row() {
    let known: BTreeSet<_> = rows().map(|row| row.field.to_owned()).filter(|field| field.starts_with('/')).collect();
    let mut paths = schema::paths();
    // What is no other path is the playground's.
    paths.insert("/".to_owned());
    let missing: Vec<_> = paths.difference(&known).collect();
    assert!(missing.is_empty(), "say what is needed for these, in access/paths.rs: {missing:?}");
    let gone: Vec<_> = known.difference(&paths).collect();
    assert!(gone.is_empty(), "the server does not have these any more: {gone:?}");
}

#[test]
fn every_edge_has_a_row() {
    let leads = schema::leads();
    let lists: BTreeSet<_> = leads.iter().filter(|lead| lead.to.ends_with("Connection")).collect();
    for lead in &lists {
        let is_list = |edge: &&Edge| matches!(edge.end, End::List | End::NullableList) && edge.covers(lead);
        let kind = if lead.is_nullable { End::NullableList } else { End::List };
        let known = EDGES.iter().find(is_list).map(|edge| edge.end);
        assert_eq!(known, Some(kind), "say in access/edges.rs when {}.{} is filled", lead.parent, lead.field);
    }
    for lead in leads.difference(&lists.into_iter().cloned().collect()) {
        let (parent, field) = (lead.parent.as_str(), lead.field.as_str());
        // Rows of lists ask for all of a connection, and those of mutations for all of a payload.
        if ["Connection", "Edge", "Payload"].iter().any(|kind| parent.ends_with(kind)) {
            continue;
        }
        let is_known = EDGES.iter().any(|edge| edge.covers(lead));
        assert!(is_known, "say in access/edges.rs when {parent}.{field} is filled");
    }
}

#[test]
fn every_action_is_in_the_table() {
    let known: BTreeSet<_> = TABLE.iter().map(|(action, _)| (*action).to_owned()).collect();
    assert_eq!(schema::actions(), known, "say in access/truth.rs who may do it");
    let not_for_keys = ["COLLECTION_LEAVE", "ACCOUNT_MANAGE", "SERVER_MANAGE"].map(str::to_owned);
    let for_keys: BTreeSet<_> = actors::KEY_ACTIONS.map(str::to_owned).into_iter().chain(not_for_keys).collect();
    assert_eq!(schema::actions(), for_keys, "say in access/actors.rs whether keys can carry it");
}

/// What was found out.
#[derive(Default)]
struct Findings {
    covered: usize,
    /// Cells in which something is visible that must not be.
    leaks: Vec<String>,
    /// Other cells that are not what they have to be.
    wrong: Vec<String>,
}

struct Matrix {
    fixture: Fixture,
    findings: Findings,
    /// Objects that no cell may change: callers who may change something get another collection for it, or the change
    /// is undone.
    digest: String,
}

impl Matrix {
    async fn cell(&mut self, row: &Row, actor: &Actor) {
        let expected = expected(row.need, actor);
        let place = format!("{}, asked by {}", row.name(), actor.name);
        let (caller, subject) = self.fixture.prepare(row, actor).await;
        let heard = ask(&self.fixture.app, &caller, row, &subject).await;
        let outcome = heard.outcome(row, &subject);
        if outcome != expected {
            let finding = format!("{place}: {outcome:?} instead of {expected:?}: {}", heard.told(row, &subject));
            if expected == Outcome::Hidden { &mut self.findings.leaks } else { &mut self.findings.wrong }.push(finding);
        }
        if outcome == Outcome::Done {
            self.check_payload(row, actor, &heard, &place);
            self.fixture.put_back(row, actor, &heard.json()).await;
        }
        let is_blind = match expected {
            Outcome::Hidden | Outcome::Unauthenticated => true,
            Outcome::Refused => row.need.is_about_caller(),
            Outcome::Done | Outcome::Conflict | Outcome::Odd => false,
        };
        if is_blind {
            self.compare(row, &caller, (&subject, &heard), &place).await;
        }
        self.findings.covered += 1;
    }

    /// What was refused changed nothing, and what was done is put back.
    async fn check_digest(&mut self, what: &str) {
        let now = self.fixture.digest().await;
        if self.digest != now {
            self.findings.leaks.push(format!("{what} changed something: {} became {now}", self.digest));
            self.digest = now;
        }
    }

    /// A change that was made is reported in full, except for what only readers may see.
    fn check_payload(&mut self, row: &Row, actor: &Actor, heard: &Heard, place: &str) {
        let Some(mutation) = row.field.strip_prefix("Mutation.") else { return };
        let payload = &heard.json()["data"][mutation];
        let name = format!("{}{}Payload", mutation[..1].to_uppercase(), &mutation[1..]);
        let leads = schema::leads().into_iter().filter(|lead| lead.parent == name && lead.field != "userErrors");
        let is_told = |field: &str| !payload[field].is_null() && payload[field] != json!([]);
        let is_full = payload["userErrors"] == json!([])
            && leads.map(|lead| lead.field).all(|field| {
                let is_for_all = !GIVEN_TO_READERS.contains(&(name.as_str(), field.as_str()));
                is_told(&field) == (is_for_all || may(actor, "COLLECTION_READ"))
            });
        if !is_full {
            self.findings.wrong.push(format!("{place}: {payload:#}"));
        }
    }

    /// The answer about what is hidden has to be that about what does not exist, and to cost as much.
    async fn compare(&mut self, row: &Row, caller: &Caller, (subject, heard): (&Subject, &Heard), place: &str) {
        let names = row.ask.names();
        let may_show = matches!(row.need, Need::Missing(_));
        for name in ["collection", "document", "chunk", "operation", "waiting", "name", "word"] {
            if !may_show && !row.need.is_about_caller() && !names.contains(&name) && heard.has(subject.get(name)) {
                self.findings
                    .leaks
                    .push(format!("{place}: the answer has the {name} in it: {}", heard.told(row, subject)));
            }
        }
        if row.hides.is_empty() {
            return;
        }
        let missing = subject.without(row.hides);
        let other = ask(&self.fixture.app, caller, row, &missing).await;
        let (told, other_told) = (heard.told(row, subject), other.told(row, &missing));
        if told != other_told {
            self.findings.leaks.push(format!("{place}: hidden: {told}\nmissing: {other_told}"));
        }
        if heard.statements.len() != other.statements.len() {
            let (hidden, missing) = (&heard.statements, &other.statements);
            self.findings
                .leaks
                .push(format!("{place}: statements when hidden: {hidden:#?}\nwhen missing: {missing:#?}"));
        }
    }

    async fn edge(&mut self, edge: &Edge, row: &Row, actor: &Actor) {
        let has = expected(edge.need, actor) == Outcome::Done;
        let (caller, subject) = self.fixture.prepare(row, actor).await;
        let heard = ask(&self.fixture.app, &caller, row, &subject).await;
        let answer = heard.json();
        let place = format!("{} behind {:?}, asked by {}", edge.field(), edge.path, actor.name);
        let is_filled = edge.is_filled(&answer);
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        // Without what is behind it, a field that can't be null is NOT_FOUND.
        let is_said_well = code.is_none() || (!has && code == Some("NOT_FOUND"));
        if is_filled != has || !is_said_well {
            let finding = format!("{place}: filled is {is_filled} and not {has}: {}", heard.told(row, &subject));
            if is_filled { &mut self.findings.leaks } else { &mut self.findings.wrong }.push(finding);
        }
        self.findings.covered += 1;
    }

    /// The actions that callers are told they can perform are those that they can.
    async fn viewer_can(&mut self, actor: &Actor) {
        let subject = self.fixture.subject(actor.place);
        let query = "query($collection: ID!, $waiting: ID!) {
            collection(id: $collection) { viewerCan }
            operation(id: $waiting) { viewerCan }
        }";
        let ids = json!({ "collection": subject.get("collection"), "waiting": subject.get("waiting") });
        let answer = self.fixture.caller(actor).graphql(query, ids).await;
        let told = |field: &str| {
            let actions = answer["data"][field]["viewerCan"].as_array().cloned();
            actions
                .unwrap_or_default()
                .iter()
                .map(|action| action.as_str().unwrap().to_owned())
                .collect::<BTreeSet<_>>()
        };
        let can = |actions: &mut dyn Iterator<Item = &'static str>, needed: &str| {
            let is_seen = actor.is_good && may(actor, needed);
            actions.filter(|action| is_seen && may(actor, action)).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let pairs = [
            (told("collection"), can(&mut collection_actions(), "COLLECTION_READ")),
            (told("operation"), can(&mut ["OPERATION_READ", "OPERATION_CANCEL"].into_iter(), "OPERATION_READ")),
        ];
        for (told, can) in pairs {
            if told != can {
                self.findings.wrong.push(format!("{} is told {told:?} and can {can:?}", actor.name));
            }
            self.findings.covered += 1;
        }
    }

    /// How long hidden and missing things take, for people to read: the machine is too noisy to judge by it.
    async fn print_times(&self, actors: &[Actor]) {
        const TIMES: usize = 30;
        let timed = [
            ("Query.collection", ""),
            ("Query.node", "a chunk"),
            ("Query.search", "in a collection"),
            ("Mutation.collectionUpdate", ""),
            ("/documents/{id}/content", ""),
        ];
        let stranger = actors.iter().find(|actor| actor.name == "a stranger").expect("a stranger");
        for row in rows().filter(|row| timed.contains(&(row.field, row.what))) {
            let (caller, subject) = self.fixture.prepare(row, stranger).await;
            let missing = subject.without(row.hides);
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..TIMES {
                for (times, subject) in times.iter_mut().zip([&subject, &missing]) {
                    let begun = Instant::now();
                    ask(&self.fixture.app, &caller, row, subject).await;
                    times.push(begun.elapsed().as_secs_f64() * 1000.0);
                }
            }
            let [hidden, missing] = times.map(|mut times| {
                times.sort_by(f64::total_cmp);
                times[TIMES / 2]
            });
            println!("{}: hidden {hidden:.2} ms, missing {missing:.2} ms", row.name());
        }
    }
}

async fn check(on_postgres: bool) {
    let begun = Instant::now();
    let actors = actors::all();
    let fixture = Fixture::new(on_postgres, &actors).await;
    let digest = fixture.digest().await;
    let mut matrix = Matrix { fixture, findings: Findings::default(), digest };
    for row in rows() {
        for actor in &actors {
            matrix.cell(row, actor).await;
        }
        if row.is_change() {
            matrix.check_digest(row.field).await;
        }
    }
    let mut reached = 0;
    for edge in EDGES {
        let row = edge.row();
        for actor in actors.iter().filter(|actor| expected(edge.reach, actor) == Outcome::Done) {
            matrix.edge(edge, &row, actor).await;
            reached += 1;
        }
    }
    matrix.check_digest("An edge").await;
    for actor in &actors {
        matrix.viewer_can(actor).await;
    }
    matrix.fixture.fill_uploads().await;
    matrix.print_times(&actors).await;

    let Findings { covered, leaks, wrong } = matrix.findings;
    let shortened = |findings: Vec<String>| -> Vec<_> {
        findings.into_iter().map(|finding| finding.chars().take(2000).collect::<String>()).collect()
    };
    let (leaks, wrong) = (shortened(leaks), shortened(wrong));
    let total = rows().count() * actors.len() + reached + 2 * actors.len();
    println!("cells covered: {covered} of {total}; leaks: {}; {:.1} s", leaks.len(), begun.elapsed().as_secs_f64());
    assert_eq!(covered, total);
    assert!(leaks.is_empty() && wrong.is_empty(), "leaks: {leaks:#?}\nwrong: {wrong:#?}");
}

mod everyone_sees_and_does_what_they_may_and_nothing_else {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        Box::pin(super::check(false)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        Box::pin(super::check(true)).await;
    }
}
