//! API keys.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::{action, id::ApiKeyId, vocabulary::Vocabulary},
    error::{Error, ViolationCode},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::{BigInt, DateTime},
        types::{Action, ApiKey, Outcome, UserError},
    },
    service::api_keys::{self, NewApiKey},
};

/// An API key to create.
#[derive(InputObject)]
pub struct ApiKeyCreateInput {
    /// A name for the key: at most 200 characters.
    name: String,
    /// The actions that the key allows. The owner must also be allowed to perform them at the time of the request.
    /// List every action that is needed: a key that adds documents and follows their indexing needs DOCUMENT_INGEST
    /// and OPERATION_READ, and COLLECTION_READ to search them. A key cannot have COLLECTION_LEAVE, ACCOUNT_MANAGE
    /// or SERVER_MANAGE.
    actions: Vec<Action>,
    /// Global ids of the collections that the key can access: 1 to 100. Default: all that its owner can access,
    /// including later ones.
    collection_ids: Option<Vec<ID>>,
    /// Ids of the GraphQL documents that the key can run: 1 to 100 of `sha256:` with the digest of a document, or ids of
    /// the server's manifest. Such a key can't upload or download files. Default: all.
    document_ids: Option<Vec<String>>,
    /// When it expires. Default: never.
    expires_at: Option<DateTime>,
    /// Points that the key can spend per minute. `extensions.cost` in every response is the cost of its request.
    /// Default: the same rate as its owner.
    points_per_minute: Option<i32>,
    /// Points that the key can spend in total. Default: no limit.
    points_budget: Option<BigInt>,
}

impl From<ApiKeyCreateInput> for NewApiKey {
    fn from(input: ApiKeyCreateInput) -> Self {
        Self {
            name: input.name,
            actions: input.actions.into_iter().map(Into::into).collect(),
            collections: input.collection_ids.as_deref().map(global_id::decode_all),
            documents: input.document_ids,
            expires_at: input.expires_at.map(|time| time.0),
            points_per_minute: input.points_per_minute,
            points_budget: input.points_budget.map(|points| points.0),
        }
    }
}

/// The result of `apiKeyCreate`.
#[derive(Default, SimpleObject)]
pub struct ApiKeyCreatePayload {
    /// The secret: send it as `Authorization: Bearer <secret>`. It is shown only once. Null if validation fails.
    secret: Option<String>,
    /// The new key. Null if validation fails.
    api_key: Option<ApiKey>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// An API key to revoke.
#[derive(InputObject)]
pub struct ApiKeyRevokeInput {
    /// The global id of the key.
    api_key_id: ID,
}

/// The result of `apiKeyRevoke`.
#[derive(SimpleObject)]
pub struct ApiKeyRevokePayload {
    /// The global id of the revoked key. Null if validation fails.
    revoked_id: Option<ID>,
    /// The revoked key. Null if validation fails.
    api_key: Option<ApiKey>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Creates an API key: a credential for programs, with some of the viewer's permissions. API keys can't create
    /// API keys.
    async fn api_key_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to create.")] input: ApiKeyCreateInput,
    ) -> Result<Option<ApiKeyCreatePayload>> {
        // Every one more than there are is a repetition.
        let created = if input.actions.len() > action::Action::ALL.len() {
            Err(Error::invalid(ViolationCode::TooLong, "actions", "Name each action once."))
        } else {
            api_keys::create(ctx.services()?, ctx.viewer()?, input.into()).await
        };
        let Outcome { value, user_errors } = Outcome::of(created)?;
        let Some((key, secret)) = value else {
            return Ok(Some(ApiKeyCreatePayload { user_errors, ..Default::default() }));
        };
        let secret = Some(secret.expose().to_owned());
        Ok(Some(ApiKeyCreatePayload { secret, api_key: Some(key.into()), user_errors }))
    }

    /// Revokes an API key of the viewer and closes its WebSocket connections. Revoking it again succeeds.
    async fn api_key_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to revoke.")] input: ApiKeyRevokeInput,
    ) -> Result<Option<ApiKeyRevokePayload>> {
        let id: ApiKeyId = global_id::decode(&input.api_key_id);
        let revoked = api_keys::revoke(ctx.services()?, ctx.viewer()?, id).await;
        let Outcome { value, user_errors } = Outcome::naming("apiKeyId", revoked)?;
        let api_key = value.map(ApiKey::from);
        let revoked_id = api_key.is_some().then_some(input.api_key_id);
        Ok(Some(ApiKeyRevokePayload { revoked_id, api_key, user_errors }))
    }
}
