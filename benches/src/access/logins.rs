//! Many logins at once: with the right passwords, for their rate and the memory that the hashes take, and with wrong ones,
//! for what is let through and whether the server still answers others.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use docent_client::{Client, Error};
use futures_util::future::{join, join_all, try_join_all};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    api::{Account, PASSWORD},
    process::{forget_peak_memory, memory, peak_memory},
    report::{Report, note},
    server::Server,
    statistics::{Samples, milliseconds, number},
};

const LOG_IN: &str = include_str!("../../operations/log_in.graphql");

/// Logins at the same time.
pub const LOGINS: usize = 200;
/// Accounts that they are of.
pub const ACCOUNTS: usize = 20;
/// Wrong passwords for one account, at the same time.
const GUESSES: usize = 200;
/// Between two looks at the server's health.
const HEALTH_PAUSE: Duration = Duration::from_millis(10);
/// How long the server may take to give memory back.
const SETTLING: Duration = Duration::from_secs(2);

/// How logins at the same time went.
pub struct Logins {
    per_second: f64,
    /// Milliseconds, of those that succeeded.
    times: Samples,
    /// Bytes above the level just before.
    memory_peak: u64,
    /// Bytes above that level a moment after the last login.
    memory_kept: u64,
    /// Milliseconds of requests for the server's health meanwhile.
    health: Samples,
}

/// How guesses at the same time went.
pub struct Guesses {
    /// Passwords that were looked at; the others were answered with 429.
    let_through: usize,
    /// Milliseconds of requests for the server's health meanwhile.
    health: Samples,
}

fn login(number: usize) -> String {
    format!("guest-{}", number % ACCOUNTS)
}

/// Opens the accounts.
pub async fn register(base: &str) -> Result<()> {
    for number in 0..ACCOUNTS {
        Account::new(base, &login(number))?.register().await?;
    }
    Ok(())
}

/// Opens a session and forgets it. Returns how long it took.
async fn try_password(client: &Client, login: String, password: &str) -> Result<Duration, Error> {
    let input = json!({ "login": login, "password": password });
    let answer = client.send(LOG_IN, json!({ "input": input })).await?;
    let elapsed = answer.elapsed;
    answer.payload::<Value>("sessionCreate").map(|_| elapsed)
}

impl Logins {
    /// Logs in to all accounts at the same time, several times each. The reason of a login that fails is reported.
    pub async fn measure(server: &Server) -> Result<Self> {
        let client = Client::new(server.base()?)?;
        let level = memory(server.pid())?;
        forget_peak_memory(server.pid())?;
        let begun = Instant::now();
        let logins = join_all((0..LOGINS).map(|number| try_password(&client, login(number), PASSWORD)));
        let (health, (outcomes, seconds)) = beside_health(&client, async {
            let outcomes = logins.await;
            (outcomes, begun.elapsed().as_secs_f64())
        })
        .await?;
        let memory_peak = peak_memory(server.pid())?.saturating_sub(level);
        sleep(SETTLING).await;
        let memory_kept = memory(server.pid())?.saturating_sub(level);

        if let Some(error) = outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
            note(format!("a login failed: {error}"));
        }
        let times = Samples::new(outcomes.into_iter().flatten().map(milliseconds));
        Ok(Self { per_second: number(times.count()) / seconds, times, memory_peak, memory_kept, health })
    }

    pub fn report(&self, report: &mut Report) {
        report.count("logins_succeeded", "logins that succeeded", self.times.count()).at_least(number(LOGINS));
        report.rate("logins_rate", "logins", self.per_second);
        report.latency("logins", "login", &self.times);
        report.bytes("logins_memory", "peak memory above that before", self.memory_peak).at_most(150.0);
        report.bytes("logins_memory_kept", "  kept afterwards", self.memory_kept);
        report.milliseconds("logins_health_max", "health while logging in, max", self.health.max());
    }
}

impl Guesses {
    /// Tries wrong passwords on one account, all at the same time and from one address.
    pub async fn measure(server: &Server) -> Result<Self> {
        let client = Client::new(server.base()?)?;
        let guesses = try_join_all((0..GUESSES).map(|number| {
            let client = &client;
            async move { was_let_through(try_password(client, login(0), &format!("guess number {number}")).await) }
        }));
        let (health, let_through) = beside_health(&client, guesses).await?;
        let let_through = let_through?.into_iter().filter(|let_through| *let_through).count();
        Ok(Self { let_through, health })
    }

    pub fn report(&self, report: &mut Report) {
        // Ten, and one that flows back meanwhile.
        report.count("guesses_let_through", "guesses at one account let through", self.let_through).at_most(11.0);
        report.count("guesses_refused", "guesses answered 429", GUESSES - self.let_through);
        report.milliseconds("guesses_health_max", "health meanwhile, max", self.health.max()).at_most(1000.0);
        report.count("guesses_health_count", "health meanwhile, requests", self.health.count());
    }
}

/// Whether a wrong password was looked at.
fn was_let_through(outcome: Result<Duration, Error>) -> Result<bool> {
    match outcome {
        Ok(_) => bail!("a wrong password opened an account"),
        Err(error) => match error.code() {
            Some("RATE_LIMITED") => Ok(false),
            Some("WRONG_CREDENTIALS") => Ok(true),
            _ => bail!("a wrong password got another answer: {error}"),
        },
    }
}

/// Does `work` and asks for the server's health until it is done. Fails if the server is not ready.
async fn beside_health<T>(client: &Client, work: impl Future<Output = T>) -> Result<(Samples, T)> {
    let done = AtomicBool::new(false);
    let looks = async {
        let mut times = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let asked = Instant::now();
            client.download("/health/ready").await?;
            times.push(milliseconds(asked.elapsed()));
            sleep(HEALTH_PAUSE).await;
        }
        anyhow::Ok(times)
    };
    let work = async {
        let outcome = work.await;
        done.store(true, Ordering::Relaxed);
        outcome
    };
    let (times, outcome) = join(looks, work).await;
    Ok((Samples::new(times?), outcome))
}
