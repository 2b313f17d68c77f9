//! API keys.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::{audit::AuditAction, id::ApiKeyId},
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::{BigInt, DateTime},
        types::{Action, ApiKey, Outcome, UserError},
    },
    service::{
        api_keys::{self, NewApiKey},
        audit::Deed,
    },
};

/// A new API key.
#[derive(InputObject)]
pub struct ApiKeyCreateInput {
    /// What you call it: at most 200 characters.
    name: String,
    /// What it is good for, of what its owner may do at that moment. Each action stands alone: a key that adds documents
    /// and follows how they are indexed needs DOCUMENT_INGEST and OPERATION_READ, and COLLECTION_READ to search them.
    /// COLLECTION_LEAVE, ACCOUNT_MANAGE and SERVER_MANAGE can't be done with a key.
    actions: Vec<Action>,
    /// The global ids of the collections that it is good for: 1 to 100. Default: all of its owner, also later ones.
    collection_ids: Option<Vec<ID>>,
    /// When it stops being good. Default: never.
    expires_at: Option<DateTime>,
    /// Points that it may spend in a minute; `extensions.cost` of every answer tells what a request cost. Default: as
    /// many as its owner.
    points_per_minute: Option<i32>,
    /// Points that it may spend in all. Default: as many as it likes.
    points_budget: Option<BigInt>,
}

impl From<ApiKeyCreateInput> for NewApiKey {
    fn from(input: ApiKeyCreateInput) -> Self {
        Self {
            name: input.name,
            actions: input.actions.into_iter().map(Into::into).collect(),
            collections: input.collection_ids.as_deref().map(global_id::decode_all),
            expires_at: input.expires_at.map(|time| time.0),
            points_per_minute: input.points_per_minute,
            points_budget: input.points_budget.map(|points| points.0),
        }
    }
}

/// The answer to `apiKeyCreate`.
#[derive(Default, SimpleObject)]
pub struct ApiKeyCreatePayload {
    /// The key itself: send it as `Authorization: Bearer <secret>`. It is shown this once. Null when the input is
    /// refused.
    secret: Option<String>,
    /// What is known of it from now on. Null when the input is refused.
    api_key: Option<ApiKey>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// The answer to `apiKeyRevoke`.
#[derive(SimpleObject)]
pub struct ApiKeyRevokePayload {
    /// The global id of the key, which opens nothing any more. Null when the call is refused.
    revoked_id: Option<ID>,
    /// Why the call is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes an API key: a credential for programs, with some of the viewer's rights. Keys can't make keys.
    async fn api_key_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to make.")] input: ApiKeyCreateInput,
    ) -> Result<Option<ApiKeyCreatePayload>> {
        // Every one more than there are is a repetition.
        let created = if input.actions.len() > crate::domain::action::Action::ALL.len() {
            Err(Error::invalid(ViolationCode::TooLong, "actions", "Name each action once."))
        } else {
            api_keys::create(ctx.services()?, ctx.viewer()?, input.into()).await
        };
        let Outcome { value, user_errors } = Outcome::of(ctx, Deed::new(AuditAction::ApiKeyCreate), created)?;
        let Some((key, secret)) = value else {
            return Ok(Some(ApiKeyCreatePayload { user_errors, ..Default::default() }));
        };
        let secret = Some(secret.expose().to_owned());
        Ok(Some(ApiKeyCreatePayload { secret, api_key: Some(key.into()), user_errors }))
    }

    /// Makes an API key of the viewer's useless, live sockets included. Doing it again is fine.
    async fn api_key_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key's global id.")] id: ID,
    ) -> Result<Option<ApiKeyRevokePayload>> {
        let key: ApiKeyId = global_id::decode(&id);
        let revoked = api_keys::revoke(ctx.services()?, ctx.viewer()?, key).await;
        let deed = Deed::new(AuditAction::ApiKeyRevoke).to(key);
        let Outcome { value, user_errors } = Outcome::of(ctx, deed, revoked)?;
        Ok(Some(ApiKeyRevokePayload { revoked_id: value.map(|()| id), user_errors }))
    }
}
