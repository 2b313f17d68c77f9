//! From the bytes of a document to points that are safe on disk. Nothing counts before `settle` makes it true.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::{super::failpoint, Description, Indexed, IngestDocument, Stop, Work};
use crate::{
    blob::BlobError,
    db::repo::{chunks, operations},
    domain::{
        document::{ProcessingError, ProcessingErrorCode, ProcessingStage},
        scope::Scope,
    },
    error::Error,
    extract::ExtractedText,
    ingest,
    queue::JobError,
    vector::Placement,
};

impl IngestDocument {
    /// From bytes to points that are safe on disk.
    pub(super) async fn index(&self, work: &Work, stop: &CancellationToken) -> Result<Indexed, Stop> {
        let text = self.extract(work).await?;
        failpoint("ingest-extracted")?;
        self.go_on(work, stop).await?;

        let (text, passages) = self.cut(work, text).await?;
        failpoint("ingest-chunked")?;

        let mut known = self.known_embeddings(work).await?;
        let plan = ingest::plan_embeddings(&passages, &known);
        if !plan.missing.is_empty() {
            let embeddings = self.services.embedder.embed_documents(plan.missing.clone()).await.map_err(Error::from)?;
            plan.fulfil(embeddings, &mut known);
        }
        failpoint("ingest-embedded")?;
        self.go_on(work, stop).await?;

        let placement = self.placement(work);
        let vectors = &self.services.vectors;
        vectors.upsert(&placement, ingest::points(work.target, &passages, &known)).await.map_err(Error::from)?;
        failpoint("ingest-upserted")?;
        vectors.flush(&placement).await.map_err(Error::from)?;
        failpoint("ingest-flushed")?;
        Ok(Indexed { rows: ingest::rows(work.target, passages), text })
    }

    async fn extract(&self, work: &Work) -> Result<ExtractedText, Stop> {
        let bytes = match self.services.blobs.get(&work.item.content_hash).await {
            Ok(bytes) => bytes,
            Err(BlobError::NotFound { .. }) => {
                return Err(Stop::Document(ProcessingError {
                    stage: ProcessingStage::Store,
                    code: ProcessingErrorCode::OriginalMissing,
                    message: "The original of this document is no longer stored. Upload it again.".into(),
                    attempts: 0,
                    retryable: false,
                }));
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        let declared = work.item.content_type.as_deref();
        self.extractor.extract(bytes, &work.item.file_name, declared).await.map_err(|error| {
            Stop::Document(ProcessingError {
                stage: ProcessingStage::Extract,
                code: error.code,
                message: error.message,
                attempts: 0,
                retryable: error.retryable,
            })
        })
    }

    async fn cut(&self, work: &Work, text: ExtractedText) -> Result<(Description, Vec<ingest::Passage>), Stop> {
        let (target, config) = (work.target, work.collection.chunking);
        let tokenizer = self.services.embedder.tokenizer();
        let (text, passages) = tokio::task::spawn_blocking(move || {
            let passages = ingest::passages(target, &text, &config, tokenizer.as_ref());
            (text, passages)
        })
        .await
        .map_err(|error| JobError::Unknown(error.into()))?;
        let passages = passages.map_err(Error::from)?;
        if passages.is_empty() {
            return Err(Stop::Document(ProcessingError {
                stage: ProcessingStage::Chunk,
                code: ProcessingErrorCode::NoText,
                message: "There is no text in this document.".into(),
                attempts: 0,
                retryable: false,
            }));
        }
        let text = Description { content_type: text.content_type, title: text.title, language: text.language };
        Ok((text, passages))
    }

    /// The embeddings of the document's present chunks, by digest: unchanged passages are not embedded again.
    async fn known_embeddings(&self, work: &Work) -> Result<HashMap<String, Vec<f32>>, JobError> {
        if work.target.revision == 1 {
            return Ok(HashMap::new());
        }
        let reader = self.services.database.reader(Scope::System);
        let digests = chunks::digests(&reader, work.target.collection, work.target.document).await?;
        let ids: Vec<_> = digests.values().copied().collect();
        let placement = self.placement(work);
        let mut found =
            self.services.vectors.embeddings(&placement, work.target.generation, &ids).await.map_err(Error::from)?;
        Ok(digests.into_iter().filter_map(|(digest, id)| Some((digest, found.remove(&id)?))).collect())
    }

    /// Between two steps: waits while the disk is nearly full, and stops when the server does. A cancelled operation needs no more work either; what was done so
    /// far is settled by [`Self::begin`] when the job is taken up again.
    async fn go_on(&self, work: &Work, stop: &CancellationToken) -> Result<(), JobError> {
        self.wait_for_room(stop).await?;
        let reader = self.services.database.reader(Scope::System);
        let is_cancelled = operations::is_cancel_requested(&reader, work.item.outcome.operation_id).await?;
        if is_cancelled || stop.is_cancelled() { Err(JobError::Stopped) } else { Ok(()) }
    }

    fn placement(&self, work: &Work) -> Placement {
        let dimension = self.services.embedder.model().dimension;
        Placement { name: work.collection.vector_store_name.clone(), dimension }
    }
}
