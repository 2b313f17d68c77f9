//! `docent serve`.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use tokio::net::TcpListener;

use super::{model, pdfium};
use crate::{
    app::{App, Parts},
    config::Config,
    http::connections,
    lifecycle::{ExitReason, Lifecycle},
    service::sample,
    telemetry,
};

/// How long to wait for the stores to close.
const CLOSING: Duration = Duration::from_secs(6);

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// On a new server, load a public collection of short texts to search.
    #[arg(long)]
    sample: bool,
}

impl Serve {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<()> {
        telemetry::init(&config.telemetry)?;
        connections::raise_open_files();
        model::ensure_installed(&config).await?;
        tokio::spawn(pdfium::ensure_installed(config.clone()));
        let lifecycle = Lifecycle::new(Duration::from_secs(config.http.shutdown_grace_seconds));
        let http = config.http.clone();
        let is_worker = config.ingestion.enabled;
        let app = Arc::new(App::build(Parts { stop: lifecycle.soft(), ..Parts::from_config(config)? }).await?);

        let listener = TcpListener::bind((http.host.as_str(), http.port))
            .await
            .with_context(|| format!("can't listen on {}:{}", http.host, http.port))?;
        let url = format!("http://{}", listener.local_addr()?);
        let (router, soft) = (app.router(), lifecycle.soft());
        let (settings, limits) = (http.clone(), app.connection_limits());
        lifecycle.spawn("http", async move {
            connections::serve(listener, router, settings, limits, soft).await;
            Ok::<_, std::io::Error>(())
        });
        if is_worker {
            let (app, stop) = (Arc::clone(&app), lifecycle.soft());
            lifecycle.spawn("worker", async move {
                app.work(stop).await;
                Ok::<_, std::io::Error>(())
            });
        }
        let is_sampled = self.sample && sample::load(app.services()).await?.is_some();
        welcome(&url, http.playground, is_sampled);

        end(lifecycle, &app).await
    }
}

/// Waits for the end of the process, and closes the stores.
pub(super) async fn end(lifecycle: Lifecycle, app: &App) -> anyhow::Result<()> {
    let reason = lifecycle.wait().await?;
    if let Ok(closed) = tokio::time::timeout(CLOSING, app.close()).await {
        closed?;
    } else {
        // Nothing acknowledged is in memory only: the next start finds everything.
        tracing::warn!("the stores did not close in time; exiting anyway");
    }
    match reason {
        ExitReason::Finished | ExitReason::Cut => Ok(()),
        ExitReason::Failed(task) => bail!("{task} failed; the log says why"),
    }
}

fn welcome(url: &str, has_playground: bool, is_sampled: bool) {
    println!("listening on {url}");
    if has_playground {
        println!("  Open {url} for the playground.");
    }
    if is_sampled {
        println!("  Try:  curl -s {url}/graphql -H 'content-type: application/json' \\");
        println!(
            "          -d '{{\"query\":\"{{ search(input: {{query: \\\"when do bees swarm?\\\"}}, first: 3) {{ nodes {{ score \
             document {{ fileName }} chunk {{ content }} }} }} }}\"}}'"
        );
        println!(
            "  Register: «Sign in» in the playground, or `userRegister`. The first account becomes the administrator."
        );
    }
}
