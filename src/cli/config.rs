//! `docent config`.

use clap::Subcommand;

use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Settings {
    /// Print the effective settings as TOML. Secrets are hidden.
    Print,
}

impl Settings {
    #[expect(clippy::unnecessary_wraps, reason = "as every command")]
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Print => print!("{}", config.to_toml_redacted()),
        }
        Ok(())
    }
}
