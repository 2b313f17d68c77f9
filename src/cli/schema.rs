//! `docent schema`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Schema {
    /// Print the GraphQL schema in its definition language.
    Print,
}

impl Schema {
    #[expect(clippy::unnecessary_wraps, reason = "as every command")]
    pub(super) fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Print => print!("{}", crate::graphql::sdl()),
        }
        Ok(())
    }
}
