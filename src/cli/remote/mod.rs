//! The commands that speak to a server, on this machine or another one, with a key. They use its public API and nothing
//! else, so what they do any client can do. They take no settings: a server may have other ones.

mod add;
mod api;
mod collections;
mod credentials;
mod login;
mod operations;
mod search;

use std::process::ExitCode;

use clap::Subcommand;

use self::{api::Api, credentials::Server};
use super::{Environment, progress::Board, terminal};

#[derive(Debug, Subcommand)]
pub(super) enum Remote {
    /// Store the address of a server, and an API key for it.
    ///
    /// It asks for the address and for an API key, or for a user name and password with which it creates a key: the password is
    /// not stored. Where there is no terminal, the first line of standard input is the key, or with --username the password.
    /// What the environment variables DOCENT_URL and DOCENT_API_KEY say takes precedence over what is stored.
    Login(login::Login),
    /// Add the files of a folder to a collection. What is unchanged is not sent.
    ///
    /// The path of a file below the folder becomes the uri of its document. Files that the folder no longer has stay in the
    /// collection. The command can be stopped and run again at any time. Exit status: 1 if a file failed.
    Add(add::Add),
    /// Ask a question.
    ///
    /// Hits come best first, each with its page, its document and what of it matches.
    Search(search::Search),
    /// List the newest operations, or follow all as they go on.
    Operations(operations::Operations),
    /// List the collections that can be read.
    Collections(collections::Collections),
}

impl Remote {
    pub(super) async fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        match self {
            Self::Login(command) => Box::pin(command.run(environment)).await?,
            Self::Add(command) => {
                let api = connect(environment, command.json).await?;
                return Box::pin(command.run(&api)).await;
            }
            Self::Search(command) => {
                let api = connect(environment, command.json).await?;
                Box::pin(command.run(&api)).await?;
            }
            Self::Operations(command) => {
                let api = connect(environment, command.json).await?;
                Box::pin(command.run(&api)).await?;
            }
            Self::Collections(command) => {
                let api = connect(environment, command.json).await?;
                Box::pin(command.run(&api)).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The server that the environment or the last login names. A command that is read by a program shows no progress.
async fn connect(environment: &Environment, is_silent: bool) -> anyhow::Result<Api> {
    Api::open(&Server::find(environment)?, Board::new(is_silent)).await
}
