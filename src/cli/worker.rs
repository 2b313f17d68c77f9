//! `docent worker`.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use clap::Args;

use super::{model, pdfium, serve};
use crate::{
    app::{App, Parts},
    config::Config,
    lifecycle::Lifecycle,
    telemetry,
};

/// It needs a PostgreSQL server and a Qdrant server, and the data directory of `docent serve`, which may run at the same
/// time.
#[derive(Debug, Args)]
pub(super) struct Worker {}

impl Worker {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<()> {
        telemetry::init(&config.telemetry)?;
        if !config.can_be_shared() {
            bail!(
                "`docent worker` needs a PostgreSQL server (`database.url`) and a Qdrant server (`vector.url`): SQLite and the \
                 embedded vector engine belong to one process. `docent serve` runs its workers itself"
            );
        }
        model::ensure_installed(&config).await?;
        tokio::spawn(pdfium::ensure_installed(config.clone()));
        let lifecycle = Lifecycle::new(Duration::from_secs(config.http.shutdown_grace_seconds));
        let app = Arc::new(App::build(Parts { stop: lifecycle.soft(), ..Parts::from_config(config)? }).await?);
        let (working, stop) = (Arc::clone(&app), lifecycle.soft());
        lifecycle.spawn("worker", async move {
            working.work(stop).await;
            Ok::<_, std::io::Error>(())
        });
        println!("working on the queue");
        serve::end(lifecycle, &app).await
    }
}
