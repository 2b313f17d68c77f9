//! Files on their way in.

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

/// A place for the bytes of one file. It can be filled once, by the user who made it, until it expires.
#[Object]
impl Upload {
    /// The global id: the `uploadId` of `documentsIngest`.
    async fn id(&self) -> ID {
        global_id::encode(&self.upload.id)
    }

    /// Where to send the bytes with PUT, as the raw body: a path on this server. It takes the same access token as the
    /// API.
    async fn url(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(format!("{}/uploads/{}", ctx.services()?.config.http.base_path, self.upload.id))
    }

    /// When the place is cleared, with its bytes if no document has them by then.
    async fn expires_at(&self) -> DateTime {
        self.upload.expires_at.into()
    }
}
