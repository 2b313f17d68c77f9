//! The server as a child process: started with settings of its own, waited for, stopped or killed. Whatever way this
//! program ends, the child ends with it.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use docent_client::Client;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::oneshot,
    time::{sleep, timeout},
};

/// How long a start may take.
pub const START_LIMIT: Duration = Duration::from_mins(1);
/// How long an orderly stop may take: the server's own grace is 20 s.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// Between two looks at `/health/ready`; it bounds the error of the measured time.
const READY_PAUSE: Duration = Duration::from_millis(2);

/// Which limits on what one caller may ask for the server has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limits {
    /// The server's own.
    Defaults,
    /// So high that a program that asks as fast as it can doesn't reach them.
    Raised,
}

impl Limits {
    /// The environment variables that set them, to the most that the server takes.
    fn environment(self) -> &'static [(&'static str, &'static str)] {
        const POINTS: &str = "1000000000";
        const ATTEMPTS: &str = "1000000";
        match self {
            Self::Defaults => &[],
            Self::Raised => &[
                ("DOCENT__LIMITS__POINTS_PER_MINUTE", POINTS),
                ("DOCENT__LIMITS__POINTS_BURST", POINTS),
                ("DOCENT__LIMITS__ANONYMOUS_POINTS_PER_MINUTE", POINTS),
                ("DOCENT__LIMITS__ANONYMOUS_POINTS_BURST", POINTS),
                ("DOCENT__AUTH__LOGIN_ATTEMPTS_PER_ACCOUNT", ATTEMPTS),
                ("DOCENT__AUTH__LOGIN_ATTEMPTS_PER_ADDRESS", ATTEMPTS),
            ],
        }
    }
}

/// How the server is started.
#[derive(Clone)]
pub struct Launch {
    pub binary: PathBuf,
    pub model_dir: PathBuf,
    pub limits: Limits,
    /// More environment variables for the server; they go before those of the limits.
    pub settings: Vec<(String, String)>,
    /// Everything that servers print is appended here.
    pub log: PathBuf,
}

impl Launch {
    /// The same with these limits.
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// A command of the server's binary. It inherits no environment, and its working directory has no settings file, so
    /// only what is named here holds.
    pub fn command(&self, data_dir: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("DOCENT__DATA_DIR", data_dir)
            .env("DOCENT__HTTP__PORT", "0")
            .env("DOCENT__EMBEDDING__MODEL_DIR", &self.model_dir)
            .envs(self.limits.environment().iter().copied())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(data_dir)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// The log, to write at its end.
    pub fn open_log(&self) -> Result<File> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        log.with_context(|| format!("cannot open the log {}", self.log.display()))
    }

    /// Starts a server and doesn't wait for it.
    pub fn spawn(&self, data_dir: &Path) -> Result<Server> {
        let log = self.open_log()?;
        let mut command = self.command(data_dir);
        command.arg("serve").stdout(Stdio::piped()).stderr(log.try_clone()?);
        let spawned = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
        let pid = child.id().context("the server ended at once")?;
        let output = child.stdout.take().context("the server has no output to read")?;
        let (found, address) = oneshot::channel();
        tokio::spawn(copy_output(output, tokio::fs::File::from_std(log), found));
        Ok(Server { child, pid, spawned, address, base: None, log: self.log.clone() })
    }

    /// Starts a server and waits until it is ready; returns how long that took.
    pub async fn start(&self, data_dir: &Path) -> Result<(Server, Duration)> {
        let mut server = self.spawn(data_dir)?;
        let took = server.ready().await?;
        Ok((server, took))
    }
}

/// A running server. Dropping it kills the process.
pub struct Server {
    child: Child,
    pid: u32,
    spawned: Instant,
    address: oneshot::Receiver<String>,
    base: Option<String>,
    log: PathBuf,
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When the process was started.
    pub fn spawned(&self) -> Instant {
        self.spawned
    }

    /// `http://127.0.0.1:PORT` of a server that has been ready.
    pub fn base(&self) -> Result<&str> {
        self.base.as_deref().context("the server has not been ready yet")
    }

    /// Waits for the first 200 of `/health/ready` and returns the time since the start of the process.
    pub async fn ready(&mut self) -> Result<Duration> {
        if let Ok(outcome) = timeout(START_LIMIT, self.first_ready()).await {
            outcome
        } else {
            bail!("the server wasn't ready within {START_LIMIT:?}\n{}", self.last_words())
        }
    }

    async fn first_ready(&mut self) -> Result<Duration> {
        let Ok(base) = (&mut self.address).await else {
            let status = self.child.wait().await?;
            bail!("the server ended before it listened ({status})\n{}", self.last_words());
        };
        let client = Client::new(&base)?;
        self.base = Some(base);
        while client.download("/health/ready").await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it was ready ({status})\n{}", self.last_words());
            }
            sleep(READY_PAUSE).await;
        }
        Ok(self.spawned.elapsed())
    }

    /// Asks the server to stop (SIGTERM) and returns how long it took. Fails if it doesn't, or ends with an error.
    pub async fn stop(mut self) -> Result<Duration> {
        let asked = Instant::now();
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("the server has no process id")?;
        kill_process(pid, Signal::TERM).context("cannot ask the server to stop")?;
        match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(status) => {
                let status = status?;
                ensure!(status.success(), "the server did not stop in order ({status})\n{}", self.last_words());
                Ok(asked.elapsed())
            }
            Err(_) => bail!("the server did not stop within {STOP_LIMIT:?}\n{}", self.last_words()),
        }
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Kills the process (SIGKILL) and waits until it is gone. Fails if it had already ended.
    pub async fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended before it was killed ({status})\n{}", self.last_words());
        }
        self.child.kill().await.context("cannot kill the server")
    }

    fn last_words(&self) -> String {
        const LINES: usize = 20;
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        format!("last lines of {}:\n{}", self.log.display(), lines[lines.len().saturating_sub(LINES)..].join("\n"))
    }
}

/// Writes what the server prints to the log, and hands on the address that it says it listens on.
async fn copy_output(output: impl AsyncRead + Unpin, mut log: tokio::fs::File, found: oneshot::Sender<String>) {
    let mut found = Some(found);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = listening_address(&line)
            && let Some(found) = found.take()
        {
            let _ = found.send(address);
        }
        // The log is an aid: a full disk must not stop the reading, or the server would hang on its output.
        let _ = log.write_all(format!("{line}\n").as_bytes()).await;
    }
    let _ = log.flush().await;
}

/// `http://127.0.0.1:1234` of a line that says `listening on http://127.0.0.1:1234`.
fn listening_address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let address = rest.split_whitespace().next()?.trim_end_matches(['/', '.', ',']);
    address.starts_with("http://").then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn launch(folder: &Path, script: &str) -> Launch {
        let binary = folder.join("server");
        std::fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (model_dir, log) = (folder.to_owned(), folder.join("log"));
        Launch { binary, model_dir, limits: Limits::Defaults, settings: Vec::new(), log }
    }

    #[test]
    fn address_is_found_in_the_line_that_names_it() {
        let told = listening_address("docent: listening on http://127.0.0.1:81/.");
        assert_eq!(told.as_deref(), Some("http://127.0.0.1:81"));
        assert_eq!(listening_address("listening on port 81"), None);
        assert_eq!(listening_address("Open http://127.0.0.1:81"), None);
    }

    #[tokio::test]
    async fn server_that_ends_at_once_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let launch = launch(folder.path(), "echo no model here >&2; exit 3");
        let error = launch.start(folder.path()).await.err().unwrap().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no model here"), "{error}");
    }

    #[tokio::test]
    async fn server_that_ends_with_an_error_did_not_stop_in_order() {
        let folder = tempfile::tempdir().unwrap();
        // The line is printed after the trap is set.
        let script = "trap 'exit 5' TERM; echo listening on http://127.0.0.1:1; while :; do :; done";
        let mut server = launch(folder.path(), script).spawn(folder.path()).unwrap();
        let _ = (&mut server.address).await.unwrap();
        assert!(server.stop().await.unwrap_err().to_string().contains("exit status: 5"));
    }
}
