//! Goes on when everything is added: waits until something in the folder has changed and nothing changes any more.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{Memory, Summary, Work, plan};
use crate::{
    cli::remote::api::{self, Api},
    lifecycle,
    source::Watcher,
};

/// How long nothing changes before what changed is looked at.
const QUIET: Duration = Duration::from_millis(500);
/// How long changes without a pause may put it off.
const LONGEST: Duration = Duration::from_secs(10);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(200);

/// How long it waits for a server that does not answer.
const AWAY: Duration = Duration::from_secs(10);

/// How often the whole folder is looked at, though no change was told: disks in the network tell none.
const BETWEEN_LOOKS: Duration = Duration::from_mins(1);
/// How often it is looked at where no changes are told.
const BETWEEN_BLIND_LOOKS: Duration = Duration::from_secs(5);

impl Work<'_> {
    /// Adds what changes, until the process is asked to end.
    pub(super) async fn watch(&self, memory: &mut Memory) -> anyhow::Result<ExitCode> {
        let path = self.folder.path.display();
        tokio::select! {
            // It has no end but an error.
            failed = self.follow(memory) => failed?,
            stopped = lifecycle::stopped() => stopped?,
        }
        self.api.board.note(&format!("{path} is not watched any more."));
        Ok(ExitCode::SUCCESS)
    }

    async fn follow(&self, memory: &mut Memory) -> anyhow::Result<()> {
        let mut changes = Changes::start(self.api, self.folder.path.clone());
        let (mut is_first, mut is_stale) = (true, false);
        loop {
            let begin = Instant::now();
            match Box::pin(self.round_after(memory, is_stale)).await {
                Ok(mut summary) if is_first || summary.is_news() => {
                    if !is_first {
                        // It was said at first.
                        summary.left_out.clear();
                    }
                    self.tell(&summary, begin)?;
                }
                Ok(_) => {}
                Err(error) if api::may_pass(&error) => {
                    self.api.board.note(&format!("{error:#}. Trying again in a moment."));
                    is_stale = true;
                    sleep(AWAY).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            is_stale = false;
            if std::mem::take(&mut is_first) {
                self.api.board.note(&format!("Watching {}. Ctrl-C stops.", self.folder.path.display()));
            }
            changes.wait().await;
        }
    }

    /// A round. After one that failed half-way, nobody knows what the server has accepted but the server.
    async fn round_after(&self, memory: &mut Memory, is_stale: bool) -> anyhow::Result<Summary> {
        if is_stale {
            memory.documents = plan::known(self.api, &self.collection.id).await?;
        }
        self.round(memory).await
    }
}

/// Says when it is time to look.
struct Changes {
    /// None where changes are not told.
    watcher: Option<Watcher>,
}

impl Changes {
    /// From now on.
    fn start(api: &Api, folder: PathBuf) -> Self {
        let watcher = match Watcher::start(BTreeSet::from([folder])) {
            Ok(watcher) if watcher.failed().is_empty() => Some(watcher),
            Ok(watcher) => {
                let reasons: Vec<_> = watcher.failed().iter().map(|(_, reason)| reason.as_str()).collect();
                Self::say_blind(api, &reasons.join(", "));
                None
            }
            Err(error) => {
                Self::say_blind(api, &error.to_string());
                None
            }
        };
        Self { watcher }
    }

    fn say_blind(api: &Api, reason: &str) {
        let seconds = BETWEEN_BLIND_LOOKS.as_secs();
        api.board.note(&format!("Changes are not told ({reason}): the folder is looked at every {seconds} s."));
    }

    async fn wait(&mut self) {
        let Some(watcher) = &mut self.watcher else { return sleep(BETWEEN_BLIND_LOOKS).await };
        let begin = Instant::now();
        while begin.elapsed() < BETWEEN_LOOKS {
            sleep(BETWEEN_QUESTIONS).await;
            if !watcher.take_settled(QUIET, LONGEST).is_empty() {
                return;
            }
        }
    }
}
