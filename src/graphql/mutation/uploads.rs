//! Uploads.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::{
    graphql::{
        context::ContextExt,
        types::{Outcome, Upload, UserError},
    },
    service::uploads::{self, NewUpload},
};

/// The file to upload.
#[derive(InputObject)]
pub struct UploadCreateInput {
    /// The file name, without folders: at most 200 characters.
    file_name: String,
    /// The media type of the file: `application/pdf`. For a text that is not in UTF-8, name the encoding:
    /// `text/plain; charset=windows-1251`. Default: detected from content and file name.
    content_type: Option<String>,
}

/// The result of `uploadCreate`.
#[derive(SimpleObject)]
pub struct UploadCreatePayload {
    /// The new upload: PUT the content to its `url`. Null if validation fails.
    upload: Option<Upload>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UploadMutation;

#[Object]
impl UploadMutation {
    /// Creates an upload for the content of one file. Send the content to its `url` with PUT, then name the upload
    /// in `documentsIngest`.
    async fn upload_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file to upload.")] input: UploadCreateInput,
    ) -> Result<Option<UploadCreatePayload>> {
        let UploadCreateInput { file_name, content_type } = input;
        let created = uploads::create(ctx.services()?, ctx.viewer()?, NewUpload { file_name, content_type }).await;
        let Outcome { value, user_errors } = Outcome::of(created)?;
        Ok(Some(UploadCreatePayload { upload: value.map(Into::into), user_errors }))
    }
}
