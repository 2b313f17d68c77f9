//! `docent migrate`.

use std::path::Path;

use anyhow::bail;
use clap::Subcommand;

use crate::{
    config::Config,
    data_dir::DataDirLock,
    db::{Backup, Database, MigrationError, Way},
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
        let way = match self {
            Self::Up { destroy_data } => Some(Way::Up { destroy_data: *destroy_data }),
            Self::Down { destroy_data: false, .. } => {
                bail!(
                    "reverting a migration destroys the data that it added: to make a backup and go on, add --destroy-data"
                )
            }
            Self::Down { steps, destroy_data: true } => Some(Way::Down { steps: *steps }),
            Self::Status => None,
        };
        if let Some(way) = way {
            migrate(&database, way, &config.data_dir).await?;
        }
        for migration in database.migrations().await? {
            println!("{} {}", if migration.is_applied { "applied" } else { "missing" }, migration.name);
        }
        database.close().await?;
        Ok(())
    }
}

async fn migrate(database: &Database, way: Way, data_dir: &Path) -> anyhow::Result<()> {
    match database.migrate(way, data_dir, SystemClock.now()).await {
        Ok(Some(Backup { place, tables, rows })) => {
            println!("backup {place} has {rows} rows in {tables} tables and is the same as the database was");
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(MigrationError::LosesData) => {
            bail!("a pending migration loses data: to make a backup and go on, add --destroy-data")
        }
        Err(error) => Err(error.into()),
    }
}
