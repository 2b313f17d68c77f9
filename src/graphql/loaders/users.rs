//! Accounts, and what belongs to them.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use super::{AuditFilter, InvitationFilter, Rows, UserFilter, load_by_key, shared};
use crate::{
    db::repo::{api_keys, audit_log, invitations, sessions, users},
    domain::{
        api_key::ApiKey,
        audit::AuditEntry,
        id::{ApiKeyId, AuditEntryId, InvitationId, SessionId, UserId},
        invitation::Invitation,
        page::{Page, PageRequest},
        session::Session,
        user::User,
    },
    error::Error,
    service::sessions::idle_limit,
};

load_by_key!(UserId => User: users::find_many);
load_by_key!(ApiKeyId => ApiKey: api_keys::find_many);
load_by_key!(InvitationId => Invitation: invitations::find_many);
load_by_key!(AuditEntryId => AuditEntry: audit_log::find_many);

impl Loader<SessionId> for Rows {
    type Value = Session;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[SessionId]) -> Result<HashMap<SessionId, Session>, Self::Error> {
        let now = self.services.clock.now();
        sessions::find_many(&self.reader(), keys, now, idle_limit(&self.services)).await.map_err(shared)
    }
}

impl Rows {
    /// A page of accounts, newest first.
    pub async fn users(&self, filter: &UserFilter, page: &PageRequest<UserId>) -> Result<Page<User>, Error> {
        Ok(users::list(&self.reader(), filter, page).await?)
    }

    /// The first accounts whose user name begins with a text.
    pub async fn users_named_like(&self, beginning: &str, most: u64) -> Result<Vec<User>, Error> {
        Ok(users::named_like(&self.reader(), beginning, most).await?)
    }

    /// How many accounts there are.
    pub async fn count_users(&self, filter: &UserFilter) -> Result<i64, Error> {
        Ok(users::count(&self.reader(), filter).await?)
    }

    /// A page of the viewer's sessions, newest first.
    pub async fn sessions(&self, page: &PageRequest<SessionId>) -> Result<Page<Session>, Error> {
        let now = self.services.clock.now();
        Ok(sessions::list(&self.reader(), now, idle_limit(&self.services), page).await?)
    }

    /// How many sessions the viewer has.
    pub async fn count_sessions(&self) -> Result<i64, Error> {
        let now = self.services.clock.now();
        Ok(sessions::count(&self.reader(), now, idle_limit(&self.services)).await?)
    }

    /// A page of the viewer's API keys, newest first.
    pub async fn api_keys(&self, page: &PageRequest<ApiKeyId>) -> Result<Page<ApiKey>, Error> {
        Ok(api_keys::list(&self.reader(), page).await?)
    }

    /// How many API keys the viewer has.
    pub async fn count_api_keys(&self) -> Result<i64, Error> {
        Ok(api_keys::count(&self.reader()).await?)
    }

    /// A page of invitations, newest first.
    pub async fn invitations(
        &self,
        filter: &InvitationFilter,
        page: &PageRequest<InvitationId>,
    ) -> Result<Page<Invitation>, Error> {
        Ok(invitations::list(&self.reader(), filter, self.services.clock.now(), page).await?)
    }

    /// How many invitations there are.
    pub async fn count_invitations(&self, filter: &InvitationFilter) -> Result<i64, Error> {
        Ok(invitations::count(&self.reader(), filter, self.services.clock.now()).await?)
    }

    /// A page of the audit log, newest first.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        page: &PageRequest<AuditEntryId>,
    ) -> Result<Page<AuditEntry>, Error> {
        Ok(audit_log::list(&self.reader(), filter, page).await?)
    }

    /// How many entries of the audit log there are.
    pub async fn count_audit_log(&self, filter: &AuditFilter) -> Result<i64, Error> {
        Ok(audit_log::count(&self.reader(), filter).await?)
    }
}
