//! Keeps the server going, as an operator's service manager does; and kills it, as no operator would.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use super::Scene;
use crate::{
    process::peak_memory,
    report::{Report, note},
    server::{Launch, Server},
};

const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Between two tries to start a server that does not come up.
const START_PAUSE: Duration = Duration::from_secs(2);
/// Starts that may fail one after the other, with a pause between them: a full disk is freed meanwhile.
const STARTS: usize = 60;

pub struct Supervisor {
    launch: Launch,
    data_dir: PathBuf,
    scene: Arc<Scene>,
    server: Option<Server>,
    kills: usize,
    deaths: usize,
    failed_starts: usize,
    slowest_start: Duration,
    peak_memory: u64,
}

impl Supervisor {
    pub fn new(launch: Launch, data_dir: PathBuf, scene: Arc<Scene>) -> Self {
        Self {
            launch,
            data_dir,
            scene,
            server: None,
            kills: 0,
            deaths: 0,
            failed_starts: 0,
            slowest_start: Duration::ZERO,
            peak_memory: 0,
        }
    }

    /// Starts the server, however often that takes, and waits until it is ready.
    pub async fn start(&mut self) -> Result<()> {
        for _ in 0..STARTS {
            match self.launch.start(&self.data_dir).await {
                Ok((server, took)) => {
                    self.server = Some(server);
                    self.slowest_start = self.slowest_start.max(took);
                    self.scene.restarting.store(false, Ordering::SeqCst);
                    return Ok(());
                }
                Err(error) => {
                    note(format!("the server did not start: {error:#}"));
                    self.failed_starts += 1;
                    sleep(START_PAUSE).await;
                }
            }
        }
        bail!("the server did not start {STARTS} times")
    }

    /// Stops it in good order.
    pub async fn stop(&mut self) -> Result<()> {
        self.scene.restarting.store(true, Ordering::SeqCst);
        self.server.take().context("there is no server to stop")?.stop().await?;
        Ok(())
    }

    /// Starts it whenever it has ended, and kills it every so often.
    pub async fn watch_until(&mut self, end: Instant, kill_every: Option<Duration>) -> Result<()> {
        let mut kill_at = kill_every.map(|every| Instant::now() + every);
        while Instant::now() < end {
            sleep(LOOK_PAUSE).await;
            let Some(server) = &mut self.server else {
                self.start().await?;
                continue;
            };
            if let Ok(peak) = peak_memory(server.pid()) {
                self.peak_memory = self.peak_memory.max(peak);
            }
            if let Some(status) = server.ended()? {
                note(format!("the server ended by itself: {status}"));
                self.deaths += 1;
                self.server = None;
            } else if kill_at.is_some_and(|at| Instant::now() >= at) {
                self.kill().await?;
                kill_at = kill_every.map(|every| Instant::now() + every);
            }
        }
        Ok(())
    }

    async fn kill(&mut self) -> Result<()> {
        note("killing the server");
        self.scene.restarting.store(true, Ordering::SeqCst);
        if let Some(server) = self.server.take() {
            server.kill().await?;
            self.kills += 1;
        }
        self.start().await
    }

    /// Ends it, in good order if it will.
    pub async fn end(&mut self) {
        if let Some(server) = self.server.take()
            && let Err(error) = server.stop().await
        {
            note(format!("{error:#}"));
        }
    }

    pub fn report(&self, report: &mut Report) {
        report.section("The server");
        report.bytes("peak_memory", "peak memory", self.peak_memory);
        report.count("kills", "kills", self.kills);
        report.count("deaths", "deaths by itself", self.deaths);
        report.count("failed_starts", "starts that failed", self.failed_starts);
        report.seconds("slowest_start", "slowest start", self.slowest_start.as_secs_f64());
    }
}
