//! Splits a text, an upload or a document into chunks, without storing anything: how a collection would be split.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    Services,
    collections::{ChunkingRequest, chosen_model, chunking},
    documents::find_former,
    limits,
    validate::Violations,
};
use crate::{
    auth::viewer::Viewer,
    chunking::{self, Bounds, Outline, SplitError},
    db::repo::{documents, generations, uploads},
    domain::{
        chunking::{ChunkingConfig, TextChunk},
        content::{StoredFile, UNKNOWN_TYPE},
        document::ProcessingErrorCode,
        generation::{GenerationState, ModelKey},
        id::{DocumentId, UploadId},
    },
    embedding::Tokenizer,
    error::{Error, ViolationCode},
    extract::{Content, ExtractError, ExtractedText},
};

/// Longer texts are split as far as this.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// As far as this where the model has to read all of it.
const MAX_EMBEDDED_BYTES: usize = 128 << 10;

/// What to split.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PreviewContent {
    /// A text, which is read as a file of this name.
    Text {
        text: String,
        file_name: String,
    },
    Upload(UploadId),
    Document(DocumentId),
}

/// What to split, and how.
#[derive(Clone, PartialEq, Debug)]
pub struct PreviewRequest {
    pub content: PreviewContent,
    /// The name of the model whose tokens count.
    pub embedding_model: Option<String>,
    pub chunkings: Vec<ChunkingRequest>,
}

/// The chunks of a text by one configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct ChunkPreview {
    pub config: ChunkingConfig,
    pub chunks: Vec<TextChunk>,
}

/// A text with its chunks by each configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct Previewed {
    /// Characters that were split.
    pub length: usize,
    /// Whether the text goes on.
    pub is_truncated: bool,
    pub previews: Vec<ChunkPreview>,
}

/// Where the bytes are, and what they are called.
struct File {
    /// Their text, where it was extracted before.
    text: Option<ExtractedText>,
    content: Content,
    name: String,
    content_type: String,
    /// The model of the collection that it is in.
    model: Option<ModelKey>,
}

/// Splits a content by each of the configurations.
///
/// # Errors
/// `Unauthenticated`, `NotFound`, `Invalid` for the settings or a file that can't be read.
pub async fn preview(services: &Services, viewer: &Viewer, request: PreviewRequest) -> Result<Previewed, Error> {
    viewer.require_user()?;
    limits::previews(services, viewer).one_of(read_and_split(services, viewer, request)).await
}

async fn read_and_split(services: &Services, viewer: &Viewer, request: PreviewRequest) -> Result<Previewed, Error> {
    let file = open(services, viewer, request.content).await?;
    let mut violations = Violations::default();
    let chosen = match (&request.embedding_model, &file.model) {
        (None, Some(key)) => services.embedders.get(key).await?.model().clone(),
        (name, _) => chosen_model(services, &mut violations, name.as_deref()),
    };
    let configs: Vec<_> =
        request.chunkings.iter().map(|wanted| chunking(services, &mut violations, &chosen, *wanted)).collect();
    violations.check()?;

    let mut text = if let Some(text) = file.text {
        text
    } else {
        let read = services.extractor.extract(file.content, &file.name, Some(&file.content_type)).await;
        read.map_err(unreadable)?
    };
    let embeds = configs.iter().any(|config| config.drift_percentile.is_some());
    let end = text.text.floor_char_boundary(if embeds { MAX_EMBEDDED_BYTES } else { MAX_TEXT_BYTES });
    let is_truncated = end < text.text.len();
    text.text.truncate(end);
    text.text.shrink_to_fit();
    let length = text.text.chars().count();
    let text = Arc::new(text);
    let stop = CancellationToken::new();
    // The threads end soon if no one waits for them.
    let _guard = stop.clone().drop_guard();
    let mut previews = Vec::new();
    for config in configs {
        let embedder = services.embedders.get(&chosen.key).await?;
        let drifts = chunking::drifts(embedder.as_ref(), &text, &config).await?;
        // As documents, it is split in a slot of the extractor.
        let slot = services.extractor.slot().await.map_err(unreadable)?;
        let code = chunking::code_outline(&slot, &text, &config).await.map_err(Error::internal)?;
        let (text, outline) = (Arc::clone(&text), Outline { code, drifts });
        previews.push(split(services, embedder.tokenizer(), text, config, outline, stop.clone()).await?);
    }
    Ok(Previewed { length, is_truncated, previews })
}

async fn split(
    services: &Services,
    tokenizer: Arc<dyn Tokenizer>,
    text: Arc<ExtractedText>,
    config: ChunkingConfig,
    outline: Outline,
    stop: CancellationToken,
) -> Result<ChunkPreview, Error> {
    let bounds = Bounds { max_chunks: services.config.ingestion.max_chunks, stop };
    let cut = move || chunking::split(&text, &config, &outline, tokenizer.as_ref(), &bounds);
    let chunks = tokio::task::spawn_blocking(cut).await.map_err(Error::internal)?;
    let chunks = chunks.map_err(|error| match error {
        SplitError::TooManyChunks { limit } => {
            let message = format!("The text has more than {limit} chunks. Choose larger ones.");
            Error::invalid(ViolationCode::LimitExceeded, "chunking", message)
        }
        SplitError::Tokenizer(error) => error.into(),
        stopped @ SplitError::Stopped => Error::internal(stopped),
    })?;
    Ok(ChunkPreview { config, chunks })
}

/// A file that can't be read is a fact about the input.
fn unreadable(error: ExtractError) -> Error {
    // A reader that is not installed is one for the operator, who is told by this message.
    if error.retryable && error.code != ProcessingErrorCode::ReaderMissing {
        return Error::internal(error);
    }
    Error::invalid(ViolationCode::Invalid, "content", error.message)
}

async fn open(services: &Services, viewer: &Viewer, content: PreviewContent) -> Result<File, Error> {
    let reader = services.database.reader(viewer.scope());
    match content {
        PreviewContent::Text { text, file_name } => {
            if text.len() > MAX_TEXT_BYTES {
                let message = format!("Give at most {MAX_TEXT_BYTES} bytes of text, or upload it as a file.");
                return Err(Error::invalid(ViolationCode::TooLong, "content.text", message));
            }
            let mut violations = Violations::default();
            let file_name = violations.file_name("fileName", &file_name);
            violations.check()?;
            let content_type = UNKNOWN_TYPE.to_owned();
            let content = bytes::Bytes::from(text).into();
            Ok(File { text: None, content, name: file_name, content_type, model: None })
        }
        PreviewContent::Upload(id) => {
            let upload = uploads::find(&reader, id).await?.ok_or(Error::NotFound("upload"))?;
            let Some(stored) = upload.stored else {
                let message = "This upload has no content yet. Send the content to its url with PUT first.";
                return Err(Error::invalid(ViolationCode::Conflict, "content.uploadId", message));
            };
            let content_type = upload.content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
            let content = original(services, &stored).await?;
            Ok(File { text: None, content, name: upload.file_name, content_type, model: None })
        }
        PreviewContent::Document(id) => {
            const MISSING: Error = Error::NotFound("document");
            let document = documents::find(&reader, id).await?.ok_or(MISSING)?;
            let all = generations::of_collection(&reader, document.collection_id).await?;
            let active = all.into_iter().find(|generation| generation.state == GenerationState::Active);
            let model = Some(active.ok_or(MISSING)?.model);
            let content = original(services, &document.content.file).await?;
            let former = find_former(&reader, id, &document.content).await?;
            let declared = former.as_ref().map(|former| former.declared_type(&document.content).to_owned());
            let text = match former.filter(|former| former.is_current(&document.content)) {
                Some(former) => former.text(&services.blobs).await.map(|(text, _)| text),
                None => None,
            };
            let crate::domain::content::Content { file_name, content_type, .. } = document.content;
            Ok(File { text, content, name: file_name, content_type: declared.unwrap_or(content_type), model })
        }
    }
}

async fn original(services: &Services, file: &StoredFile) -> Result<Content, Error> {
    let pieces = services.blobs.stream(&file.digest, None).await?;
    Ok(Content::new(u64::try_from(file.size).unwrap_or(0), pieces))
}
