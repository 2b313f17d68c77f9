//! From the bytes of a document to points that are safe on disk. Nothing counts before `settle` makes it true.
//!
//! A document's chunks are in memory until it is complete, within the [room](super::room) that all share; its embeddings never
//! are: chunks are embedded, written and forgotten in windows. Its text is stored as soon as it is split, and taken from there
//! when the document is taken up again. An archive has no text: its files are stored one by one, and become documents when it
//! is complete.

use std::{
    collections::HashMap,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    super::failpoint, Description, Indexed, IngestDocumentHandler, Stop, Work, room::Reserved,
    settle::record_extraction,
};
use crate::{
    blob::BlobError,
    db::repo::{chunks, operations},
    domain::{
        chunk::NewChunk,
        document::{About, DocumentWarning, ProcessingError, ProcessingErrorCode, ProcessingStage},
        extraction::{Drifts, Extraction},
        generation::{Generation, StoredText},
        id::ChunkId,
        scope::Scope,
    },
    error::Error,
    extract::{Content, ExtractError, ExtractedText, FileKind, Slot},
    ingest::{self, Bounds, EmbeddingPlan, Outline, SplitError, Target},
    queue::JobError,
    service::documents::{Former, Member, find_former},
};

/// Chunks that are embedded, written and forgotten together: a few seconds of work, so that progress moves that often.
const WINDOW: usize = 128;

/// How soon a long step notices that its operation was cancelled.
const LOOK: Duration = Duration::from_secs(2);

/// Minimum time between two progress reports of a document.
const TELL: Duration = Duration::from_secs(2);

/// Where the embeddings of chunks are, by digest: unchanged chunks are not embedded again, nor is the same text twice.
type Known = HashMap<String, ChunkId>;

/// What is in a file.
enum Extracted {
    Text(ExtractedText),
    Archive(Unpacked),
}

/// The files of an archive, whose bytes are stored.
struct Unpacked {
    members: Vec<Member>,
    /// What was left out.
    warnings: Vec<DocumentWarning>,
}

impl Unpacked {
    /// An archive has no text of its own.
    fn indexed(self, reserved: Reserved) -> Indexed {
        let content_type = FileKind::Zip.media_type().to_owned();
        let text = Description { content_type, about: About::default(), warnings: self.warnings };
        Indexed { rows: Arc::default(), members: self.members, text, extraction: None, _room: reserved }
    }
}

/// A text that is to be split, and what is kept of it.
struct Found {
    text: Arc<ExtractedText>,
    extraction: Extraction,
    /// Whether all of that is recorded.
    is_recorded: bool,
    reserved: Reserved,
}

/// A document that is split.
struct Split {
    indexed: Indexed,
    text: Arc<ExtractedText>,
    /// Whether its extraction is recorded.
    is_recorded: bool,
}

/// What is embedded already.
struct Stored {
    /// In the generation that the document goes into.
    own: Known,
    /// In the generation whose embeddings can be taken over.
    source: Known,
}

impl IngestDocumentHandler {
    /// From bytes to points that are safe on disk.
    pub(in crate::worker) async fn index(&self, work: &Work, stop: &CancellationToken) -> Result<Indexed, Stop> {
        // Without the model of the generation the rest would be in vain.
        self.services.embedders.get(&work.generation.model).await.map_err(Error::from)?;
        let split = self.while_wanted(work, stop, self.read(work)).await?;
        failpoint("ingest-chunked")?;
        let indexed = self.keep(work, stop, split).await?;

        let mut stored = self.stored(work).await?;
        let count = indexed.rows.len();
        let mut told_at = Instant::now();
        for start in (0..count).step_by(WINDOW) {
            let window = start..count.min(start + WINDOW);
            let done = window.end;
            self.index_window(work, stop, &indexed.rows, window, &mut stored).await?;
            if done < count && told_at.elapsed() >= TELL {
                let percent = i32::try_from(done * 100 / count).unwrap_or(0);
                self.tell_progress(work, percent).await?;
                told_at = Instant::now();
            }
        }
        self.services.vectors.flush(&work.generation.placement).await.map_err(Error::from)?;
        failpoint("ingest-flushed")?;
        Ok(indexed)
    }

    /// Stores the text of a document, unless its original is that text already, and records what was found out: whatever stops
    /// the document from now on, it is not found out again. What costs nothing to find out is recorded when it is settled.
    async fn keep(&self, work: &Work, stop: &CancellationToken, split: Split) -> Result<Indexed, Stop> {
        let Split { indexed, text, is_recorded } = split;
        let Some(extraction) = &indexed.extraction else { return Ok(indexed) };
        let is_original = extraction.text.digest == extraction.original;
        if !is_recorded && (!is_original || extraction.drifts.is_some()) {
            let (services, collection) = (&*self.services, work.target.collection);
            self.go_on(work, stop).await?;
            if !is_original {
                let text = Bytes::from(Arc::unwrap_or_clone(text).text);
                services.blobs.put_bytes(text).await.map_err(Error::from)?;
            }
            let record =
                services.database.transaction(|tx| record_extraction(tx, services, collection, extraction).boxed());
            record.await?;
        }
        failpoint("ingest-text-stored")?;
        Ok(indexed)
    }

    /// Splits the text of a document: as it was extracted before, or extracted now.
    async fn read(&self, work: &Work) -> Result<Split, Stop> {
        let (content, reader) = (&work.item.content, self.services.database.reader(Scope::System));
        let former = find_former(&reader, work.target.document, content).await?;
        let declared_type =
            former.as_ref().map_or(content.content_type.as_str(), |former| former.declared_type(content));
        let declared_type = declared_type.to_owned();
        if let Some(former) = former.filter(|former| former.is_current(content))
            && let Some(split) = self.read_again(work, former).await?
        {
            return Ok(split);
        }
        self.read_anew(work, &declared_type).await
    }

    /// Splits a text that was extracted before. `None` if it has to be extracted again.
    async fn read_again(&self, work: &Work, former: Former) -> Result<Option<Split>, Stop> {
        let Some(size) = former.size(&self.services.blobs).await else { return Ok(None) };
        let reserved = self.reserve(size).await?;
        let slot = self.extractor.slot().await.map_err(refused)?;
        let Some((text, extraction)) = former.text(&self.services.blobs).await else { return Ok(None) };
        let found = Found { text: Arc::new(text), extraction, is_recorded: true, reserved };
        self.split(work, found, slot).await.map(Some)
    }

    /// Extracts and splits the original when there is room for its text.
    async fn read_anew(&self, work: &Work, declared_type: &str) -> Result<Split, Stop> {
        let most = self.services.config.extraction.max_output_mib << 20;
        let size = u64::try_from(work.item.content.file.size).unwrap_or(0);
        let mut reserved = self.reserve(size.min(most)).await?;
        loop {
            let slot = self.extractor.slot().await.map_err(refused)?;
            let text = match self.extract(work, &slot, declared_type, size).await? {
                Extracted::Text(text) => text,
                Extracted::Archive(unpacked) => {
                    return Ok(Split { indexed: unpacked.indexed(reserved), text: Arc::default(), is_recorded: true });
                }
            };
            failpoint("ingest-extracted")?;
            if reserved.fit(text.text.len()) {
                let text = Arc::new(text);
                let extraction = extraction_of(work, declared_type, &text).await?;
                return self.split(work, Found { text, extraction, is_recorded: false, reserved }, slot).await;
            }
            // The file unpacked to more than its size. Waiting for more room while holding some could last for ever.
            drop((text, slot, reserved));
            reserved = self.reserve(most).await?;
        }
    }

    async fn reserve(&self, bytes: u64) -> Result<Reserved, JobError> {
        self.room.reserve(bytes).await.map_err(|error| JobError::Unknown(error.into()))
    }

    async fn extract(&self, work: &Work, slot: &Slot<'_>, declared_type: &str, size: u64) -> Result<Extracted, Stop> {
        let original = self.original(work, size).await?;
        let read = slot.read(original, &work.item.content.file_name, Some(declared_type)).await;
        let read = match read {
            Err(error) if error.is_archive => return self.unpack(work, slot, size).await.map(Extracted::Archive),
            Err(error) if error.may_be_scan && slot.recognises_text() => {
                slot.recognise(self.original(work, size).await?).await
            }
            read => read,
        };
        read.map(Extracted::Text).map_err(refused)
    }

    /// Stores the files of an archive. Nothing refers to their bytes before the archive is settled.
    async fn unpack(&self, work: &Work, slot: &Slot<'_>, size: u64) -> Result<Unpacked, Stop> {
        let archive = self.original(work, size).await?;
        let mut files = slot.unpack(archive, &work.item.content.file_name).await.map_err(refused)?;
        let mut members = Vec::new();
        while let Some(found) = files.next().await.map_err(refused)? {
            let stored = self.services.blobs.put_stream(files.content(&found), found.size).await;
            members.push(Member { path: found.path, file: stored.map_err(Error::from)? });
        }
        failpoint("ingest-unpacked")?;
        Ok(Unpacked { members, warnings: files.into_warnings() })
    }

    async fn original(&self, work: &Work, size: u64) -> Result<Content, Stop> {
        let pieces = match self.services.blobs.stream(&work.item.content.file.digest, None).await {
            Ok(pieces) => pieces,
            Err(BlobError::NotFound { .. }) => {
                return Err(Stop::Document(ProcessingError::original_missing()));
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        Ok(Content::new(size, pieces))
    }

    async fn split<'s>(&'s self, work: &Work, mut found: Found, slot: Slot<'s>) -> Result<Split, Stop> {
        let code = ingest::code_outline(&slot, &found.text, &work.generation.chunking).await;
        let code = code.map_err(|error| JobError::Unknown(error.into()))?;
        let (_slot, drifts) = self.drifts(work, &mut found, slot).await?;
        self.cut(work, found, Outline { code, drifts }).await
    }

    /// Where a text drifts, if it is to be cut there. Unless that is known, other files are read while its sentences are
    /// embedded.
    async fn drifts<'s>(
        &'s self,
        work: &Work,
        found: &mut Found,
        slot: Slot<'s>,
    ) -> Result<(Slot<'s>, Vec<usize>), Stop> {
        let Generation { model, chunking, .. } = &work.generation;
        let Some(percentile) = chunking.drift_percentile else { return Ok((slot, Vec::new())) };
        let known = found.extraction.drifts.as_ref();
        if let Some(known) = known.filter(|known| known.model == *model && known.percentile == percentile) {
            return Ok((slot, known.places.clone()));
        }
        drop(slot);
        let embedder = self.services.embedders.get(model).await.map_err(Error::from)?;
        let places = ingest::drifts(embedder.as_ref(), &found.text, chunking).await.map_err(Error::from)?;
        found.extraction.drifts = Some(Drifts { model: model.clone(), percentile, places: places.clone() });
        found.is_recorded = false;
        Ok((self.extractor.slot().await.map_err(refused)?, places))
    }

    async fn cut(&self, work: &Work, found: Found, outline: Outline) -> Result<Split, Stop> {
        let Found { text, extraction, is_recorded, reserved } = found;
        let (target, config) = (work.target, work.generation.chunking);
        let ExtractedText { content_type, about, warnings, .. } = &*text;
        let warnings = warnings.iter().cloned().chain(outline.code.warning()).collect();
        let description = Description { content_type: content_type.clone(), about: about.clone(), warnings };
        let embedder = self.services.embedders.get(&work.generation.model).await.map_err(Error::from)?;
        let tokenizer = embedder.tokenizer();
        let stop = CancellationToken::new();
        // The thread ends soon if no one waits for it.
        let _guard = stop.clone().drop_guard();
        let bounds = Bounds { max_chunks: self.services.config.ingestion.max_chunks, stop };
        let whole = Arc::clone(&text);
        let cut = move || ingest::chunks(target, &whole, &config, &outline, tokenizer.as_ref(), &bounds);
        let chunks = tokio::task::spawn_blocking(cut).await.map_err(|error| JobError::Unknown(error.into()))?;
        let chunks = chunks.map_err(uncut)?;
        if chunks.is_empty() {
            let message = "There is no text in this document.".into();
            return Err(permanent(ProcessingStage::Chunk, ProcessingErrorCode::NoText, message));
        }
        let (rows, extraction) = (Arc::new(chunks), Some(extraction));
        let indexed = Indexed { rows, members: Vec::new(), text: description, extraction, _room: reserved };
        Ok(Split { indexed, text, is_recorded })
    }

    /// The document's present chunks.
    async fn stored(&self, work: &Work) -> Result<Stored, JobError> {
        let reader = self.services.database.reader(Scope::System);
        let Target { collection, generation, document, revision } = work.target;
        let own = if revision == 1 {
            Known::new()
        } else {
            chunks::digests(&reader, collection, generation, document).await?
        };
        let source = match &work.source {
            Some(source) => chunks::digests(&reader, collection, source.id, document).await?,
            None => Known::new(),
        };
        Ok(Stored { own, source })
    }

    /// Embeds and writes some of the chunks.
    async fn index_window(
        &self,
        work: &Work,
        stop: &CancellationToken,
        chunks: &Arc<Vec<NewChunk>>,
        window: Range<usize>,
        stored: &mut Stored,
    ) -> Result<(), Stop> {
        let all = Arc::clone(chunks);
        let chunks = &chunks[window.clone()];
        let texts = tokio::task::spawn_blocking(move || ingest::texts(&all[window]));
        let texts = texts.await.map_err(|error| JobError::Unknown(error.into()))?;

        let mut embeddings = self.known_embeddings(&work.generation, chunks, &stored.own).await?;
        if let Some(source) = &work.source {
            embeddings.extend(self.known_embeddings(source, chunks, &stored.source).await?);
        }
        let EmbeddingPlan { texts: missing, digests } = ingest::plan_embeddings(chunks, &texts, &embeddings);
        if !missing.is_empty() {
            let embedder = self.services.embedders.get(&work.generation.model).await.map_err(Error::from)?;
            let embed = async { Ok(embedder.embed_documents(missing).await.map_err(Error::from)?) };
            embeddings.extend(digests.into_iter().zip(self.while_wanted(work, stop, embed).await?));
        }
        failpoint("ingest-embedded")?;
        self.go_on(work, stop).await?;

        let points = ingest::points(work.target, chunks, texts, &embeddings);
        self.services.vectors.upsert(&work.generation.placement, points).await.map_err(Error::from)?;
        stored.own.extend(chunks.iter().map(|new| (new.digest.clone(), new.chunk.id)));
        Ok(failpoint("ingest-upserted")?)
    }

    /// The embeddings of these chunks that are stored already, by digest.
    async fn known_embeddings(
        &self,
        generation: &Generation,
        chunks: &[NewChunk],
        known: &Known,
    ) -> Result<HashMap<String, Vec<f32>>, JobError> {
        let places: HashMap<&String, ChunkId> =
            chunks.iter().filter_map(|new| Some((&new.digest, *known.get(&new.digest)?))).collect();
        if places.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<_> = places.values().copied().collect();
        let Generation { id, placement, .. } = generation;
        let found = self.services.vectors.embeddings(placement, *id, &ids).await;
        let mut found = found.map_err(Error::from)?;
        Ok(places.into_iter().filter_map(|(digest, id)| Some((digest.clone(), found.remove(&id)?))).collect())
    }

    /// The result of `step`, unless it is no longer needed. The step is then dropped.
    async fn while_wanted<T>(
        &self,
        work: &Work,
        stop: &CancellationToken,
        step: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop> {
        let unwanted = async {
            loop {
                if let Err(error) = self.is_wanted(work, stop).await {
                    return error;
                }
                let _ = tokio::time::timeout(LOOK, stop.cancelled()).await;
            }
        };
        tokio::select! {
            done = step => done,
            error = unwanted => Err(error.into()),
        }
    }

    /// Between two steps: waits while the disk is nearly full, with what is done so far, and stops when the server does or
    /// the operation is cancelled. [`Self::begin`] settles what was done when the job is taken up again.
    async fn go_on(&self, work: &Work, stop: &CancellationToken) -> Result<(), Stop> {
        let room = async {
            self.services.disk.room().await;
            Ok(())
        };
        self.while_wanted(work, stop, room).await?;
        Ok(self.is_wanted(work, stop).await?)
    }

    async fn is_wanted(&self, work: &Work, stop: &CancellationToken) -> Result<(), JobError> {
        let reader = self.services.database.reader(Scope::System);
        let is_cancelled = operations::is_cancel_requested(&reader, work.item.outcome.operation_id).await?;
        if is_cancelled || stop.is_cancelled() { Err(JobError::Stopped) } else { Ok(()) }
    }
}

/// What is kept of a text that was extracted now.
async fn extraction_of(work: &Work, declared_type: &str, text: &Arc<ExtractedText>) -> Result<Extraction, JobError> {
    let whole = Arc::clone(text);
    let measure = move || StoredText {
        digest: hex::encode(Sha256::digest(&whole.text)),
        length: i32::try_from(whole.text.chars().count()).unwrap_or(i32::MAX),
    };
    let stored = tokio::task::spawn_blocking(measure).await.map_err(|error| JobError::Unknown(error.into()))?;
    let content = &work.item.content;
    Ok(Extraction {
        document_id: work.target.document,
        original: content.file.digest.clone(),
        version: text.version(),
        file_name: content.file_name.clone(),
        declared_type: declared_type.to_owned(),
        text: stored,
        details: text.details().map_err(|error| JobError::Unknown(error.into()))?,
        drifts: None,
    })
}

fn permanent(stage: ProcessingStage, code: ProcessingErrorCode, message: String) -> Stop {
    Stop::Document(ProcessingError { stage, code, message, attempts: 0, retryable: false })
}

/// A file that can't be read is a fact about the document; a fault of the moment is one about the job.
fn refused(error: ExtractError) -> Stop {
    if error.retryable {
        return Stop::Job(JobError::Transient(Box::new(error)));
    }
    permanent(ProcessingStage::Extract, error.code, error.message)
}

fn uncut(error: SplitError) -> Stop {
    match error {
        SplitError::TooManyChunks { limit } => permanent(
            ProcessingStage::Chunk,
            ProcessingErrorCode::LimitExceeded,
            format!(
                "The text has more than {limit} chunks. Split the file, or ingest it into a collection with larger \
                 chunks (`chunking.maxTokens`)."
            ),
        ),
        SplitError::Stopped => Stop::Job(JobError::Stopped),
        SplitError::Tokenizer(error) => Error::from(error).into(),
    }
}
