//! `docent migrate`.

use std::path::Path;

use anyhow::bail;
use clap::Subcommand;

use crate::{
    config::Config,
    data_dir::DataDirLock,
    db::{Backup, Database},
    domain::clock::{Clock, SystemClock},
};

#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply all pending migrations. `serve` does this automatically, after a backup if one of them loses data.
    Up {
        /// Confirm that a pending migration may lose data. A backup is made and verified first.
        #[arg(long)]
        destroy_data: bool,
    },
    /// Revert the newest migrations. The data that they added is lost, except in the backup that is made and verified first.
    Down {
        /// How many migrations to revert.
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Confirm that data will be lost.
        #[arg(long)]
        destroy_data: bool,
    },
    /// List all migrations and whether they are applied.
    Status,
}

impl Migrate {
    pub(super) async fn run(&self, config: Config) -> anyhow::Result<()> {
        let _lock = DataDirLock::acquire(&config.data_dir, false)?;
        let database = Database::open(&config.database, &config.data_dir, None).await?;
        match self {
            Self::Up { destroy_data } => up(&database, &config.data_dir, *destroy_data).await?,
            Self::Down { destroy_data: false, .. } => {
                bail!(
                    "reverting a migration destroys the data that it added: to make a backup and go on, add --destroy-data"
                )
            }
            Self::Down { steps, destroy_data: true } => {
                back_up(&database, &config.data_dir).await?;
                database.migrate_down(Some(*steps)).await?;
            }
            Self::Status => {}
        }
        for migration in database.migrations().await? {
            println!("{} {}", if migration.is_applied { "applied" } else { "missing" }, migration.name);
        }
        database.close().await?;
        Ok(())
    }
}

async fn up(database: &Database, data_dir: &Path, destroy_data: bool) -> anyhow::Result<()> {
    if database.is_to_lose_data().await? {
        if !destroy_data {
            bail!("a pending migration loses data: to make a backup and go on, add --destroy-data");
        }
        back_up(database, data_dir).await?;
    }
    Ok(database.migrate_up().await?)
}

async fn back_up(database: &Database, data_dir: &Path) -> anyhow::Result<()> {
    let Backup { place, tables, rows } = database.back_up(data_dir, SystemClock.now()).await?;
    println!("backup {place} has {rows} rows in {tables} tables and is the same as the database");
    Ok(())
}
