//! The cost of access control: reading with a thousand memberships compared with one, many concurrent logins, and
//! guessed passwords. Each has its own server, on the same data.

mod logins;
mod scope;
mod stage;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use clap::Args;

use self::stage::Stage;
pub use self::{
    logins::{ACCOUNTS, Guesses, LOGINS, Logins},
    scope::{Pair, Scope},
    stage::MEMBERSHIPS,
};
use crate::{
    figures,
    process::machine,
    report::{Report, Unit, note},
    run::settings_fact,
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
    pub scope: Scope,
    pub logins: Logins,
    pub guesses: Guesses,
}

/// Measures access alone and prints its figures.
pub async fn run(arguments: &AccessArguments) -> Result<()> {
    let started = Instant::now();
    let machine = machine();
    let setup = Setup::new(&arguments.server)?;
    let access = measure(&setup).await?;
    let mut report = Report::default();
    report.fact("machine", machine);
    report.fact("settings", settings_fact(&setup));
    figures::access(&mut report, &access);
    report.section("Besides");
    report.figure("whole_run", "this whole run", started.elapsed().as_secs_f64(), Unit::Seconds);
    report.publish(arguments.json.as_deref())
}

/// Measures access on servers and data of its own.
pub async fn measure(setup: &Setup) -> Result<Access> {
    let data_dir = setup.data_dir("access")?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    note(format!("sharing {MEMBERSHIPS} collections with one account"));
    let stage = Stage::set(server.base()?).await.context("the accounts and collections could not be made")?;
    note("reading with one membership and with many");
    let scope = scope::measure(&stage).await?;
    logins::register(server.base()?).await?;
    server.stop().await?;

    // A server that has just been started shows best what logins take: nothing is left from before.
    let (server, _) = setup.launch.start(&data_dir).await?;
    note(format!("logging in {LOGINS} times at once"));
    let logins = logins::at_once(&server).await?;
    server.stop().await?;

    let (server, _) = setup.launch.with_limits(Limits::Defaults).start(&data_dir).await?;
    note("guessing a password");
    let guesses = logins::guess(&server).await?;
    server.stop().await?;
    Ok(Access { scope, logins, guesses })
}
