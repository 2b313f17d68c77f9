//! The extracted text of a document, a part at a time.

use async_graphql::{Context, Result, SimpleObject};

use super::PageInfo;
use crate::{
    domain::{
        generation::StoredText,
        id::DocumentId,
        page::{DEFAULT_TEXT_PART, MAX_TEXT_PART},
    },
    error::{Error, ViolationCode},
    graphql::{context::ContextExt, loaders::TextOf, pagination, scalars::Cursor},
    service::documents::{TextStart, text_page},
};

/// A part of the text of a document.
#[derive(SimpleObject)]
pub struct DocumentText {
    /// The part: text, in Markdown where the document has structure.
    content: String,
    /// Where the part starts in the whole text, in characters (Unicode scalar values).
    start_offset: i32,
    /// Where the part ends. The character at this position is the first one after it.
    end_offset: i32,
    /// The length of the whole text, in characters.
    length: i32,
    /// Paging information. `endCursor` is the end of this part.
    page_info: PageInfo,
}

impl DocumentText {
    /// The part for these arguments, if the text of the document is kept.
    pub async fn load(
        ctx: &Context<'_>,
        document: DocumentId,
        first: Option<i32>,
        after: Option<&Cursor>,
        from: Option<i32>,
    ) -> Result<Option<Self>> {
        let size = first.map_or(Ok(DEFAULT_TEXT_PART), u32::try_from);
        let size = size.ok().filter(|size| (1..=MAX_TEXT_PART).contains(size)).ok_or_else(|| {
            let message = format!("first must be between 1 and {MAX_TEXT_PART} characters.");
            Error::invalid(ViolationCode::Invalid, "first", message)
        })?;
        let start = match (after, from) {
            (Some(_), Some(_)) => {
                let message = "Use either after or from: both say where the part starts.";
                return Err(Error::invalid(ViolationCode::Invalid, "from", message).into());
            }
            (Some(after), None) => TextStart::After(pagination::position(after)?),
            (None, from) => TextStart::At(from.unwrap_or(0)),
        };
        let Some(text): Option<StoredText> = ctx.loaders()?.load_one(TextOf(document)).await? else {
            return Ok(None);
        };
        let page = text_page(ctx.services()?, &text, start, size).await?;
        let end_offset = page.end.character;
        let end = (!page.content.is_empty()).then(|| pagination::cursor(&page.end));
        Ok(Some(Self {
            page_info: PageInfo::new(end_offset < text.length, page.start > 0, None, end),
            content: page.content,
            start_offset: page.start,
            end_offset,
            length: text.length,
        }))
    }
}
