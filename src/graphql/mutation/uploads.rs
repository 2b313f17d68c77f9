//! Files on their way in.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::audit::AuditAction,
    graphql::{
        context::ContextExt,
        types::{Outcome, Upload, UserError},
    },
    service::{
        audit::Deed,
        uploads::{self, NewUpload},
    },
};

/// What is said of a file before it comes.
#[derive(InputObject)]
pub struct UploadCreateInput {
    /// The file's own name, without folders: at most 200 characters.
    file_name: String,
    /// The kind of file, as a media type: `application/pdf`. A text that is not in UTF-8 says here what it is in:
    /// `text/plain; charset=windows-1251`. Default: its content and name decide.
    content_type: Option<String>,
}

/// The answer to `uploadCreate`.
#[derive(SimpleObject)]
pub struct UploadCreatePayload {
    /// The place for the bytes: PUT them to its `url`. Null when the input is refused.
    upload: Option<Upload>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UploadMutation;

#[Object]
impl UploadMutation {
    /// Makes a place for the bytes of one file. Send them there with PUT, then name the upload in `documentsIngest`.
    async fn upload_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file that will come.")] input: UploadCreateInput,
    ) -> Result<Option<UploadCreatePayload>> {
        let UploadCreateInput { file_name, content_type } = input;
        let created = uploads::create(ctx.services()?, ctx.viewer()?, NewUpload { file_name, content_type }).await;
        let Outcome { value, user_errors } = Outcome::of(ctx, Deed::new(AuditAction::UploadCreate), created)?;
        Ok(Some(UploadCreatePayload { upload: value.map(Into::into), user_errors }))
    }
}
