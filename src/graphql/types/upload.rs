//! Uploads.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    domain::upload,
    graphql::{context::ContextExt, global_id, scalars::DateTime},
};

/// An upload.
pub struct Upload {
    upload: upload::Upload,
}

impl From<upload::Upload> for Upload {
    fn from(upload: upload::Upload) -> Self {
        Self { upload }
    }
}

/// A place for the content of one file. It can be filled once, by the user who created it, until it expires.
#[Object]
impl Upload {
    /// The global id: the `uploadId` of `documentsIngest`.
    async fn id(&self) -> ID {
        global_id::encode(&self.upload.id)
    }

    /// The path on this server to which the content is sent, with PUT and as the raw body. It takes the same access
    /// token as the API.
    async fn url(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(format!("{}/uploads/{}", ctx.services()?.config.http.base_path, self.upload.id))
    }

    /// When the upload expires. Its content is then deleted, unless a document uses it.
    async fn expires_at(&self) -> DateTime {
        self.upload.expires_at.into()
    }
}
