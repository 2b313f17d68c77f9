//! `docent migrate`.

use anyhow::bail;
use clap::Subcommand;

use crate::{config::Config, data_dir::DataDirLock, db::Database};

#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply all migrations that are missing. `serve` does so by itself.
    Up,
    /// Take back the newest migrations. What only they could hold is lost.
    Down {
        /// How many.
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Say that you have a backup.
        #[arg(long)]
        destroy_data: bool,
    },
    /// List all migrations and whether the database has them.
    Status,
}

impl Migrate {
    pub(super) async fn run(&self, config: Config) -> anyhow::Result<()> {
        let _lock = DataDirLock::acquire(&config.data_dir)?;
        let database = Database::open(&config.database, &config.data_dir, None).await?;
        match self {
            Self::Up => database.migrate_up().await?,
            Self::Down { destroy_data: false, .. } => {
                bail!(
                    "taking a migration back destroys what only it could hold: make a backup, then add --destroy-data"
                )
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
