//! `docent signing-key`.

use anyhow::bail;
use clap::Subcommand;

use crate::{auth::token::rotate_key, config::Config, data_dir::DataDirLock};

#[derive(Debug, Subcommand)]
pub(super) enum SigningKey {
    /// Replace the key in the data directory. Tokens signed with the old key stay valid until they
    /// expire, so users stay logged in. The server must be stopped.
    Rotate,
}

impl SigningKey {
    pub(super) fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Rotate = self;
        if config.auth.signing_secret.is_some() {
            bail!(
                "the key is the setting auth.signing_secret: move it to auth.previous_signing_secret, and choose another"
            );
        }
        let _lock = DataDirLock::acquire(&config.data_dir, false)?;
        rotate_key(&config.data_dir)?;
        println!("The key was replaced. Start the server to use it.");
        Ok(())
    }
}
