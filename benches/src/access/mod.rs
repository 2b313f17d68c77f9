//! The cost of access control: reading with a thousand memberships compared with one, many concurrent logins, and
//! guessed passwords. Each has its own server, on the same data.

mod logins;
mod scope;
mod stage;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use clap::Args;

use self::{
    logins::{ACCOUNTS, Guesses, LOGINS, Logins},
    scope::Scope,
    stage::{MEMBERSHIPS, Stage},
};
use crate::{
    process::machine,
    report::{Report, note},
    server::Limits,
    setup::{ServerArguments, Setup},
};

/// Access alone.
#[derive(Args, Clone, Debug)]
pub struct AccessArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// Writes all figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What was measured of access.
pub struct Access {
    scope: Scope,
    logins: Logins,
    guesses: Guesses,
}

/// Measures access alone and prints its figures.
pub async fn run(arguments: &AccessArguments) -> Result<()> {
    let started = Instant::now();
    let mut report = Report::default();
    report.fact("machine", machine());
    let setup = Setup::new(&arguments.server)?;
    report.fact("settings", setup.settings_fact());
    Access::measure(&setup).await?.report(&mut report);
    report.section("Besides");
    report.seconds("whole_run", "this whole run", started.elapsed().as_secs_f64());
    report.publish(arguments.json.as_deref())
}

impl Access {
    /// Measures access on servers and data of its own.
    pub async fn measure(setup: &Setup) -> Result<Self> {
        let data_dir = setup.data_dir("access")?;
        let (server, _) = setup.launch.start(&data_dir).await?;
        note(format!("sharing {MEMBERSHIPS} collections with one account"));
        let stage = Stage::set(server.base()?).await.context("the accounts and collections could not be made")?;
        note("reading with one membership and with many");
        let scope = Scope::measure(&stage).await?;
        logins::register(server.base()?).await?;
        server.stop().await?;

        // A server that has just been started shows best what logins take: nothing is left from before.
        let (server, _) = setup.launch.start(&data_dir).await?;
        note(format!("logging in {LOGINS} times at once"));
        let logins = Logins::measure(&server).await?;
        server.stop().await?;

        let (server, _) = setup.launch.with_limits(Limits::Defaults).start(&data_dir).await?;
        note("guessing a password");
        let guesses = Guesses::measure(&server).await?;
        server.stop().await?;
        Ok(Self { scope, logins, guesses })
    }

    /// What access costs: memberships for a reader, logins for the server, guesses for everybody else.
    pub fn report(&self, report: &mut Report) {
        report.section(format!(
            "Access (a reader with {MEMBERSHIPS} other roles beside an owner without, medians; {LOGINS} logins of \
             {ACCOUNTS} accounts at once)"
        ));
        self.scope.report(report);
        self.logins.report(report);
        self.guesses.report(report);
    }
}
