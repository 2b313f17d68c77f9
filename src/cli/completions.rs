//! `docent completions`.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, terminal};

/// What `docent completions` takes.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "docent", &mut script);
        Ok(terminal::print(String::from_utf8_lossy(&script).trim_end())?)
    }
}
