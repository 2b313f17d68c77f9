//! `docent migrate`.

use anyhow::bail;
use clap::Subcommand;

use crate::{config::Config, data_dir::DataDirLock, db::Database};

#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply all pending migrations. `serve` does this automatically.
    Up,
    /// Revert the newest migrations. The data that they added is lost.
    Down {
        /// How many migrations to revert.
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Confirm that data will be lost and that you have a backup.
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
            Self::Up => database.migrate_up().await?,
            Self::Down { destroy_data: false, .. } => {
                bail!("reverting a migration destroys the data that it added: make a backup, then add --destroy-data")
            }
            Self::Down { steps, destroy_data: true } => database.migrate_down(Some(*steps)).await?,
            Self::Status => {}
        }
        for migration in database.migrations().await? {
            println!("{} {}", if migration.is_applied { "applied" } else { "missing" }, migration.name);
        }
        database.close().await?;
        Ok(())
    }
}
