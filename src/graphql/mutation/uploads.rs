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

impl From<UploadCreateInput> for NewUpload {
    fn from(UploadCreateInput { file_name, content_type }: UploadCreateInput) -> Self {
        Self { file_name, content_type }
    }
}

/// The files to upload.
#[derive(InputObject)]
pub struct UploadsCreateInput {
    /// The files, at most as many as `server.limits.ingestDocuments`.
    files: Vec<UploadCreateInput>,
}

/// The result of `uploadsCreate`.
#[derive(SimpleObject)]
pub struct UploadsCreatePayload {
    /// The new uploads, in the order of the files: PUT the content of each to its `url`. Empty if validation fails.
    uploads: Vec<Upload>,
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
        let created = uploads::create(ctx.services()?, ctx.viewer()?, input.into()).await;
        let Outcome { value, user_errors } = Outcome::of(created)?;
        Ok(Some(UploadCreatePayload { upload: value.map(Into::into), user_errors }))
    }

    /// Creates uploads for the contents of several files, all or none. Send the content of each to its `url` with PUT,
    /// then name the uploads in one call of `documentsIngest`.
    async fn uploads_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The files to upload.")] input: UploadsCreateInput,
    ) -> Result<Option<UploadsCreatePayload>> {
        let files: Vec<NewUpload> = input.files.into_iter().map(Into::into).collect();
        let created = uploads::create_many(ctx.services()?, ctx.viewer()?, &files).await;
        let Outcome { value, user_errors } = Outcome::of(created)?;
        let uploads = value.into_iter().flatten().map(Into::into).collect();
        Ok(Some(UploadsCreatePayload { uploads, user_errors }))
    }
}
