//! `docent user`.

use anyhow::bail;
use clap::{Args, Subcommand};

use super::terminal;
use crate::{
    app::{App, Parts},
    auth::viewer::Viewer,
    config::Config,
    db::repo::users::{self, UserFilter},
    domain::{
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
        user::ServerRole,
    },
    error::Error,
    service::accounts::{self, NewAccount},
};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Create an account. The first account of a server becomes its administrator.
    Create(Create),
    /// List the accounts.
    List,
    /// Set a new password for an account. All its sessions end.
    ResetPassword(ResetPassword),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name to log in with.
    #[arg(long)]
    username: String,
    /// The e-mail address. It can also be used to log in.
    #[arg(long)]
    email: String,
    /// The name to show.
    #[arg(long)]
    full_name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ResetPassword {
    /// The user name or e-mail address of the account.
    login: String,
}

impl User {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<()> {
        let password = match self {
            Self::Create(_) | Self::ResetPassword(_) => terminal::ask_secret("Password: ")?,
            Self::List => String::new(),
        };
        let app = App::build(Parts::from_config(config)?).await?;
        let done = self.perform(&app, password).await;
        // Denials are in the audit log, too.
        app.close().await?;
        done
    }

    async fn perform(self, app: &App, password: String) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => {
                let Create { username, email, full_name } = create;
                let account = NewAccount { username, email, password, full_name, invitation: None };
                // The operator may create accounts whatever the setting for visitors is.
                let user = accounts::register(app.services(), &Viewer::console(), account).await?;
                println!("Account {} was created.", user.username);
            }
            Self::List => list(app).await?,
            Self::ResetPassword(reset) => {
                let user = match accounts::reset_password(app.services(), &reset.login, &password).await {
                    Err(Error::NotFound(_)) => {
                        bail!("no account has this name or e-mail address; see `docent user list`")
                    }
                    reset => reset?,
                };
                println!(
                    "Account {} has a new password. Its sessions have ended; its API keys stay valid.",
                    user.username
                );
            }
        }
        Ok(())
    }
}

async fn list(app: &App) -> anyhow::Result<()> {
    let mut page = PageRequest { first: MAX_PAGE_SIZE, after: None };
    loop {
        let reader = app.services().database.reader(Scope::System);
        let found = users::list(&reader, &UserFilter::default(), &page).await?;
        for user in &found.items {
            let role = match user.role {
                ServerRole::Admin => "admin",
                ServerRole::Member => "member",
            };
            let state = if user.is_active { "active" } else { "deactivated" };
            println!("{}\t{}\t{role}\t{state}\t{}", user.username, user.email, user.created_at.to_rfc3339());
        }
        page.after = found.items.last().map(|user| user.id);
        if !found.has_next_page {
            return Ok(());
        }
    }
}
