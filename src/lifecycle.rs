//! How the process ends. Knows nothing of what its tasks do.

use std::{
    error::Error,
    future::Future,
    io,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

/// How long tasks that were dropped may take to reach their next await, before the process ends without them.
const LAST_MOMENT: Duration = Duration::from_secs(1);
/// How long after the grace the process ends, whatever still runs: what comes after the tasks has deadlines that together
/// are shorter.
const LAST_DEADLINE: Duration = Duration::from_secs(9);

/// The long-running tasks of the process, and their end in two steps: `soft` asks them to accept nothing new and to
/// finish, `hard` drops them at once. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<OnceLock<&'static str>>,
    grace: Duration,
}

/// Why the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitReason {
    /// It was asked to stop, and every task finished.
    Finished,
    /// It was asked to stop, and some tasks were dropped because the grace period was over.
    Cut,
    /// This task failed or panicked, and the others were asked to finish.
    Failed(&'static str),
}

impl Lifecycle {
    /// A lifecycle whose tasks get `grace` to finish.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tasks: TaskTracker::new(),
            failed: Arc::default(),
            grace,
        }
    }

    /// Cancelled when tasks shall accept nothing new and finish.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when tasks are dropped; for what they started elsewhere.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Asks all tasks to finish, as the first signal does.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Runs a task until it is done, or until `hard`. A task that fails or panics ends the process in good order.
    pub fn spawn<F, E>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
    {
        let hard = self.hard();
        let running = self.tasks.spawn(async move { hard.run_until_cancelled(task).await.unwrap_or(Ok(())) });
        let this = self.clone();
        // Tracked too: `wait` must not return between the end of a task and the record of its failure.
        self.tasks.spawn(async move {
            let reason: Box<dyn Error + Send + Sync> = match running.await {
                Ok(Ok(())) => return,
                Ok(Err(failure)) => failure.into(),
                Err(panic) => panic.into(),
            };
            error!(task = name, error = &*reason, "a task failed; stopping");
            _ = this.failed.set(name);
            this.stop();
        });
    }

    /// Waits for the end: until the first SIGTERM or SIGINT, [`stop`](Self::stop) or the failure of a task, and then for
    /// the tasks to finish, at most as long as the grace. From then on the process ends at the next signal, or
    /// [`LAST_DEADLINE`] after the grace, whatever its tasks and its caller do.
    ///
    /// # Errors
    /// When the signals of this process can't be listened to.
    pub async fn wait(self) -> io::Result<ExitReason> {
        self.guard().await?;
        Ok(self.wait_for_tasks().await)
    }

    /// Listens to signals on a thread and a runtime of its own, so that tasks that block every thread of the application
    /// don't keep them from being heard.
    async fn guard(&self) -> io::Result<()> {
        let (started, is_listening) = oneshot::channel();
        let this = self.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async {
                let signals = match signals() {
                    Ok(signals) => signals,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let _ = started.send(Ok(()));
                std::process::exit(this.listen(signals).await);
            });
        })?;
        is_listening.await.map_err(io::Error::other)?
    }

    /// Stops the application at the first signal. Returns the exit status when the process must end at once.
    async fn listen(&self, signals: impl Stream<Item = Signal>) -> i32 {
        // After the last signal there is none, which is different from one.
        let mut signals = pin!(signals.chain(stream::pending()));
        tokio::select! {
            Some(signal) = signals.next() => {
                info!(signal = signal.name, grace_seconds = self.grace.as_secs(), "stopping; a second signal stops at once");
                self.stop();
            }
            () = self.soft.cancelled() => info!(grace_seconds = self.grace.as_secs(), "stopping"),
        }
        tokio::select! {
            Some(signal) = signals.next() => {
                warn!(signal = signal.name, tasks = self.tasks.len(), "stopping at once");
                signal.status
            }
            () = tokio::time::sleep(self.grace + LAST_DEADLINE) => {
                error!(tasks = self.tasks.len(), "the application does not stop; exiting anyway");
                1
            }
        }
    }

    async fn wait_for_tasks(self) -> ExitReason {
        self.soft.cancelled().await;
        self.tasks.close();
        let is_cut = tokio::time::timeout(self.grace, self.tasks.wait()).await.is_err();
        if is_cut {
            warn!(tasks = self.tasks.len(), "the grace period is over; stopping at once");
        }
        self.hard.cancel();
        // A task that blocks its thread can't be dropped; the end of the process ends it.
        _ = tokio::time::timeout(LAST_MOMENT, self.tasks.wait()).await;
        match self.failed.get() {
            Some(name) => ExitReason::Failed(name),
            None if is_cut => ExitReason::Cut,
            None => ExitReason::Finished,
        }
    }
}

/// A signal that asks a process to end, and the exit status that stands for it.
#[derive(Clone, Copy)]
struct Signal {
    name: &'static str,
    status: i32,
}

const TERMINATE: Signal = Signal { name: "SIGTERM", status: 128 + 15 };
const INTERRUPT: Signal = Signal { name: "SIGINT", status: 128 + 2 };

/// Waits for the first signal that asks the process to end, in a command that has nothing else to end.
///
/// # Errors
/// When signals can't be heard.
pub async fn stopped() -> io::Result<()> {
    pin!(signals()?).next().await;
    Ok(())
}

/// The signals that ask a process to end, as they arrive. They are caught from this call on.
#[cfg(unix)]
fn signals() -> io::Result<impl Stream<Item = Signal>> {
    use tokio::signal::unix::{self, SignalKind, signal};

    fn each(received: unix::Signal, signal: Signal) -> impl Stream<Item = Signal> {
        stream::unfold(received, move |mut received| async move { received.recv().await.map(|()| (signal, received)) })
    }
    let terminate = each(signal(SignalKind::terminate())?, TERMINATE);
    let interrupt = each(signal(SignalKind::interrupt())?, INTERRUPT);
    Ok(stream::select(Box::pin(terminate), Box::pin(interrupt)))
}

/// The signals that ask a process to end, as they arrive.
#[cfg(not(unix))]
fn signals() -> io::Result<impl Stream<Item = Signal>> {
    Ok(stream::unfold((), |()| async { tokio::signal::ctrl_c().await.ok().map(|()| (INTERRUPT, ())) }))
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const GRACE: Duration = Duration::from_secs(20);

    fn lifecycle() -> Lifecycle {
        Lifecycle::new(GRACE)
    }

    /// A task that never finishes, and a flag that shows that it was dropped.
    fn stubborn(lifecycle: &Lifecycle) -> oneshot::Receiver<()> {
        let (alive, dropped) = oneshot::channel::<()>();
        lifecycle.spawn("stubborn", async move {
            let _alive = alive;
            std::future::pending::<Result<(), io::Error>>().await
        });
        dropped
    }

    /// A task that finishes when it is asked to.
    fn obedient(lifecycle: &Lifecycle) {
        let soft = lifecycle.soft();
        lifecycle.spawn("obedient", async move {
            soft.cancelled().await;
            Ok::<_, io::Error>(())
        });
    }

    fn panics() -> impl Future<Output = io::Result<()>> {
        std::future::poll_fn(|_| panic!("a bug"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_asks_all_tasks_to_finish() {
        let lifecycle = lifecycle();
        obedient(&lifecycle);
        let guard = tokio::spawn({
            let lifecycle = lifecycle.clone();
            async move { lifecycle.listen(stream::iter([TERMINATE])).await }
        });
        assert_eq!(lifecycle.wait_for_tasks().await, ExitReason::Finished);
        guard.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn stop_does_what_a_signal_does() {
        let lifecycle = lifecycle();
        obedient(&lifecycle);
        lifecycle.stop();
        assert_eq!(lifecycle.wait_for_tasks().await, ExitReason::Finished);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_ends_before_it_is_asked_to() {
        let lifecycle = lifecycle();
        lifecycle.spawn("short", async { Ok::<_, io::Error>(()) });
        obedient(&lifecycle);
        let wait = lifecycle.wait_for_tasks();
        assert!(tokio::time::timeout(Duration::from_hours(1), wait).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_finish_is_dropped_after_the_grace() {
        let lifecycle = lifecycle();
        let dropped = stubborn(&lifecycle);
        let start = tokio::time::Instant::now();
        lifecycle.stop();
        let reason = lifecycle.clone().wait_for_tasks().await;
        assert_eq!(reason, ExitReason::Cut);
        assert_eq!(start.elapsed().as_secs(), GRACE.as_secs());
        assert!(lifecycle.hard().is_cancelled());
        assert!(dropped.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_does_not_wait_for_the_grace() {
        let start = tokio::time::Instant::now();
        assert_eq!(lifecycle().listen(stream::iter([TERMINATE, INTERRUPT])).await, INTERRUPT.status);
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_process_ends_some_seconds_after_the_grace_whatever_happens() {
        let start = tokio::time::Instant::now();
        assert_eq!(lifecycle().listen(stream::iter([TERMINATE])).await, 1);
        assert_eq!(start.elapsed().as_secs(), (GRACE + LAST_DEADLINE).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_or_panics_stops_the_others() {
        let fails: [fn(&Lifecycle); 2] = [
            |lifecycle| lifecycle.spawn("server", async { Err(io::Error::other("the port is gone")) }),
            |lifecycle| lifecycle.spawn("server", panics()),
        ];
        for fail in fails {
            let lifecycle = lifecycle();
            obedient(&lifecycle);
            fail(&lifecycle);
            let wait = tokio::time::timeout(Duration::from_hours(1), lifecycle.wait_for_tasks());
            assert_eq!(wait.await, Ok(ExitReason::Failed("server")));
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_signals_of_the_operating_system_are_heard() {
        let signals = signals().unwrap();
        let lifecycle = lifecycle();
        let own_id = std::process::id().to_string();
        let send = async |name| {
            let kill = tokio::process::Command::new("kill").args(["-s", name, &own_id]).status();
            assert!(kill.await.unwrap().success());
        };
        let sent = async {
            send("TERM").await;
            lifecycle.soft().cancelled().await;
            send("INT").await;
        };
        let (status, ()) = tokio::join!(lifecycle.listen(signals), sent);
        assert_eq!(status, INTERRUPT.status);
    }
}
