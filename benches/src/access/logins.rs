//! Many logins at once: with the right passwords, for their rate and the memory that the hashes take, and with wrong ones,
//! for what is let through and whether the server still answers others.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::{join, join_all, try_join_all};
use tokio::time::sleep;

use crate::{
    client::{CallError, Client, PASSWORD},
    ingest::milliseconds,
    process::{forget_peak_memory, memory, peak_memory},
    report::{note, number},
    server::Server,
    statistics::Samples,
};

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
    pub succeeded: usize,
    pub per_second: f64,
    /// Milliseconds, of those that succeeded.
    pub times: Samples,
    /// Bytes above the level just before.
    pub memory_peak: u64,
    /// Bytes above that level a moment after the last login.
    pub memory_kept: u64,
    /// Milliseconds of requests for the server's health meanwhile.
    pub health: Samples,
}

/// How guesses at the same time went.
pub struct Guesses {
    /// Passwords that were looked at.
    pub let_through: usize,
    /// Those that were answered with 429 and RATE_LIMITED.
    pub refused: usize,
    /// Milliseconds of requests for the server's health meanwhile.
    pub health: Samples,
}

fn account(number: usize) -> String {
    format!("guest-{}", number % ACCOUNTS)
}

/// Opens the accounts.
pub async fn register(base: &str) -> Result<()> {
    for number in 0..ACCOUNTS {
        Client::of(base, &account(number))?.register().await?;
    }
    Ok(())
}

/// Logs in to all accounts at the same time, several times each. A login that fails is counted, and its reason
/// reported.
pub async fn at_once(server: &Server) -> Result<Logins> {
    let client = Client::new(server.base()?)?;
    let level = memory(server.pid())?;
    forget_peak_memory(server.pid())?;
    let begun = Instant::now();
    let logins = join_all((0..LOGINS).map(|number| {
        let (client, login) = (&client, account(number));
        async move { client.try_password(&login, PASSWORD).await }
    }));
    let (health, (outcomes, seconds)) = beside_health(server, async {
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
    let times: Vec<f64> = outcomes.into_iter().flatten().map(milliseconds).collect();
    let succeeded = times.len();
    let per_second = number(succeeded) / seconds;
    Ok(Logins { succeeded, per_second, times: Samples::new(times), memory_peak, memory_kept, health })
}

/// Tries wrong passwords on one account, all at the same time and from one address. Fails if one of them succeeds, or
/// if a response is neither «wrong» nor «too many».
pub async fn guess(server: &Server) -> Result<Guesses> {
    let client = Client::new(server.base()?)?;
    let login = account(0);
    let guesses = try_join_all((0..GUESSES).map(|number| {
        let (client, login) = (&client, &login);
        async move { was_let_through(client.try_password(login, &format!("guess number {number}")).await) }
    }));
    let (health, let_through) = beside_health(server, guesses).await?;
    let let_through = let_through?.into_iter().filter(|let_through| *let_through).count();
    Ok(Guesses { let_through, refused: GUESSES - let_through, health })
}

/// Whether a wrong password was looked at.
fn was_let_through(outcome: Result<Duration, CallError>) -> Result<bool> {
    match outcome {
        Ok(_) => bail!("a wrong password opened an account"),
        Err(CallError::RateLimited(reason)) if reason.contains("RATE_LIMITED") => Ok(false),
        Err(CallError::Refused(reason)) if reason.contains("WRONG_CREDENTIALS") => Ok(true),
        Err(error) => Err(error).context("a wrong password got another answer"),
    }
}

/// Does `work` and asks for the server's health until it is done. Fails if the server is not ready.
async fn beside_health<T>(server: &Server, work: impl Future<Output = T>) -> Result<(Samples, T)> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/health/ready", server.base()?);
    let done = AtomicBool::new(false);
    let looks = async {
        let mut times = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let response = http.get(&url).send().await?;
            let status = response.status();
            response.bytes().await?;
            times.push(milliseconds(asked.elapsed()));
            ensure!(status.is_success(), "the server said {status} when asked for its health");
            sleep(HEALTH_PAUSE).await;
        }
        Ok(times)
    };
    let work = async {
        let outcome = work.await;
        done.store(true, Ordering::Relaxed);
        outcome
    };
    let (times, outcome) = join(looks, work).await;
    Ok((Samples::new(times?), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_a_guess_are_wrong_or_too_many_and_nothing_else() {
        let refused = |reason: &str| was_let_through(Err(CallError::Refused(reason.into())));
        let limited = was_let_through(Err(CallError::RateLimited("code RATE_LIMITED".into())));
        assert!(!limited.unwrap());
        assert!(refused("sessionCreate: WRONG_CREDENTIALS").unwrap());
        assert!(refused("INTERNAL_SERVER_ERROR").is_err());
        assert!(was_let_through(Ok(Duration::ZERO)).is_err());
    }
}
