//! `docent user`.

use std::io::{self, BufRead, IsTerminal};

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::{
    app::{App, Parts},
    config::{Config, Registration},
    service::accounts::{self, NewAccount},
};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Open an account. The first account of a server is its administrator's.
    Create(Create),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name to log in with.
    #[arg(long)]
    username: String,
    /// The e-mail address, which can be used to log in too.
    #[arg(long)]
    email: String,
    /// The name to show.
    #[arg(long)]
    full_name: Option<String>,
}

impl User {
    pub(super) async fn run(self, mut config: Config) -> anyhow::Result<()> {
        let Self::Create(create) = self;
        let password = read_password()?;
        // Whoever may start this command may open accounts, whatever visitors may.
        config.auth.registration = Registration::Open;
        let app = App::build(Parts::from_config(config)?).await?;
        let account =
            NewAccount { username: create.username, email: create.email, password, full_name: create.full_name };
        let user = accounts::register(app.services(), account).await?;
        println!("Account {} was opened.", user.username);
        app.close().await
    }
}

/// From the terminal without showing it, or the first line of standard input.
fn read_password() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("Password: ").context("the password can't be read");
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("the password can't be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
