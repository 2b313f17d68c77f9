//! What is known of the code in a text, from a child process that parses it.

use std::sync::Arc;

use tokio::task::{JoinError, spawn_blocking};

use super::{Structure, borders, structure};
use crate::{
    domain::chunking::ChunkingConfig,
    extract::{CodeOutline, ExtractedText, Slot},
};

/// What [`split`](super::split) has to know of the code in `text`: nothing, unless `config` says that it is cut at its items.
///
/// # Errors
/// When the search for code panics.
pub async fn code_outline(
    slot: &Slot<'_>,
    text: &Arc<ExtractedText>,
    config: &ChunkingConfig,
) -> Result<CodeOutline, JoinError> {
    if structure(text, config) != Structure::Items {
        return Ok(CodeOutline::default());
    }
    let scanned = Arc::clone(text);
    let blocks = spawn_blocking(move || borders::code_blocks(&scanned.text)).await?;
    Ok(slot.code_outline(&text.text, blocks).await)
}
