//! The parent's side: chooses the reader of a file, starts the child, enforces its limits and explains why it ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::ExtractionConfig;
use crate::domain::document::ProcessingErrorCode as Code;
use crate::pinned::PinnedError;

use super::child::{Answer, SUBCOMMAND, Task, Wants};
use super::code_parts::{self, BlockParts};
use super::pdfium::{Build, PdfiumError};
use super::quality::check;
use super::recognition::Recognition;
use super::{CodeBlock, CodeOutline, Content, ExtractError, ExtractedText, Input, Members, detect, text};

/// How much of the child's standard error is kept.
const MAX_LOG_BYTES: usize = 16 << 10;
/// The signal that ends a process which used up its processor time.
const SIGXCPU: i32 = 24;

/// Turns files into text, a bounded number of them at a time.
#[derive(Debug)]
pub struct Extractor {
    program: PathBuf,
    memory_bytes: u64,
    timeout: Duration,
    max_text_bytes: usize,
    library_dir: Option<PathBuf>,
    /// PDFium, once it was found to be the pinned one.
    pdfium: OnceLock<PathBuf>,
    recognition: Option<Recognition>,
    slots: Semaphore,
}

/// The right to read one file. Others wait until it is dropped.
#[derive(Debug)]
pub struct Slot<'a> {
    extractor: &'a Extractor,
    _permit: SemaphorePermit<'a>,
}

impl Extractor {
    /// `concurrency` files at most; `program` is the `docent` binary, which is started again for each of them.
    #[must_use]
    pub fn new(config: &ExtractionConfig, concurrency: usize, program: PathBuf) -> Self {
        Self {
            program,
            memory_bytes: config.memory_mib << 20,
            timeout: Duration::from_secs(config.timeout_seconds),
            max_text_bytes: usize::try_from(config.max_output_mib << 20).unwrap_or(usize::MAX),
            library_dir: None,
            pdfium: OnceLock::new(),
            recognition: Recognition::of(config),
            slots: Semaphore::new(concurrency.max(1)),
        }
    }

    /// The same, with the libraries that are installed in this directory, now or later.
    #[must_use]
    pub fn with_libraries(self, library_dir: PathBuf) -> Self {
        Self { library_dir: Some(library_dir), ..self }
    }

    /// Waits for a slot to read a file.
    ///
    /// # Errors
    /// None that is known, because the extractor is never closed.
    pub async fn slot(&self) -> Result<Slot<'_>, ExtractError> {
        let permit = self.slots.acquire().await.map_err(|error| service_failure("wait for a reader", &error))?;
        Ok(Slot { extractor: self, _permit: permit })
    }

    /// The text of a file, extracted when a slot is free.
    ///
    /// # Errors
    /// As [`Slot::read`].
    pub async fn extract(
        &self,
        content: impl Into<Content>,
        file_name: &str,
        declared_type: Option<&str>,
    ) -> Result<ExtractedText, ExtractError> {
        self.slot().await?.read(content.into(), file_name, declared_type).await
    }

    /// What a child is asked to do with a file of so many bytes.
    fn task(&self, file_name: &str, declared_type: Option<&str>, length: u64) -> Task {
        Task {
            file_name: file_name.to_owned(),
            declared_type: declared_type.map(str::to_owned),
            length,
            memory_bytes: self.memory_bytes,
            cpu_seconds: self.timeout.as_secs(),
            max_text_bytes: self.max_text_bytes,
            pdfium: None,
            wants: Wants::Text,
        }
    }

    /// The path of PDFium, if it is installed.
    async fn pdfium(&self) -> Option<PathBuf> {
        if let Some(path) = self.pdfium.get() {
            return Some(path.clone());
        }
        let library_dir = self.library_dir.clone()?;
        let verify = move || {
            let build = Build::of_this_platform()?;
            build.verify(&library_dir)?;
            Ok(build.path(&library_dir))
        };
        let verified = tokio::task::spawn_blocking(verify).await.ok()?;
        match verified {
            Ok(path) => {
                // The child works in another directory.
                let path = std::path::absolute(path).ok()?;
                Some(self.pdfium.get_or_init(|| path).clone())
            }
            Err(PdfiumError::UnknownPlatform | PdfiumError::File(PinnedError::Missing)) => None,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "PDFium can't be used");
                None
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg0("docent")
            .arg(SUBCOMMAND)
            .env_clear()
            // Each arena reserves 64 MiB of address space, which is what the memory limit counts.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/");
        spawn_piped(command)
    }
}

/// Starts a program in a process group of its own, with all three standard streams in our hands. It ends when it is dropped.
pub(super) fn spawn_piped(mut command: Command) -> io::Result<Child> {
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    streams.process_group(0).kill_on_drop(true).spawn()
}

impl Slot<'_> {
    /// The text of a file. `declared_type` is the media type that its sender declared.
    ///
    /// Plain text and Markdown are read in this process. Everything else is streamed to a child process. Dropping the
    /// future ends the child.
    ///
    /// # Errors
    /// One of the codes of `ProcessingErrorCode` that concern files. Retryable are only those that say nothing of the
    /// file: `ServiceFailure` (no child could be started, the file could not be read from its store) and
    /// `ReaderCrashed` by an unknown signal.
    pub async fn read(
        &self,
        content: Content,
        file_name: &str,
        declared_type: Option<&str>,
    ) -> Result<ExtractedText, ExtractError> {
        let (head, content) = content.split_head().await.map_err(|error| service_failure("get the file", &error))?;
        if detect::is_plainly_text(&head, file_name, declared_type) {
            self.read_here(content, file_name, declared_type).await
        } else {
            self.read_in_child(content, file_name, declared_type).await
        }
    }

    /// Whether text in pictures can be recognised here.
    #[must_use]
    pub fn recognises_text(&self) -> bool {
        self.extractor.recognition.is_some()
    }

    /// The text in the pages of a PDF file that [`Self::read`] found to be pictures (`may_be_scan`).
    ///
    /// # Errors
    /// As [`Self::read`], and without a program that recognises text.
    pub async fn recognise(&self, content: Content) -> Result<ExtractedText, ExtractError> {
        match &self.extractor.recognition {
            Some(recognition) => recognition.read(content).await,
            None => Err(ExtractError::no_text_in_pages()),
        }
    }

    /// The files of an archive that [`Self::read`] found (`is_archive`). A child process unpacks them.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn unpack(&self, content: Content, file_name: &str) -> Result<Members, ExtractError> {
        let task = Task { wants: Wants::Files, ..self.extractor.task(file_name, None, content.size()) };
        let child = self.extractor.start().map_err(|error| service_failure("start the reader", &error))?;
        Members::begin(child, &task, content, self.extractor.timeout).await
    }

    /// What is known of these blocks of code in `text`. A child process parses them, within fixed limits; what it can't parse
    /// has no parts.
    pub async fn code_outline(&self, text: &str, blocks: Vec<CodeBlock>) -> CodeOutline {
        let found = blocks.len();
        let blocks = code_parts::allowed(blocks);
        let parts =
            if blocks.is_empty() { Vec::new() } else { self.code_parts(text, &blocks).await.unwrap_or_default() };
        CodeOutline::new(text, found, blocks, parts)
    }

    async fn code_parts(&self, text: &str, blocks: &[CodeBlock]) -> Result<BlockParts, ExtractError> {
        let (code, blocks) = code_parts::gathered(text, blocks);
        let length = code.len() as u64;
        let whole = self.extractor.task("", None, length);
        let task = Task {
            memory_bytes: whole.memory_bytes.min(code_parts::MEMORY_BYTES),
            cpu_seconds: whole.cpu_seconds.min(code_parts::CPU_SECONDS),
            wants: Wants::CodeParts(blocks),
            ..whole
        };
        let end = self.ask(&task, Bytes::from(code).into(), code_parts::MAX_ANSWER_BYTES).await?;
        let told = tokio::task::spawn_blocking(move || end.answer(length));
        told.await.map_err(|error| service_failure("hear the reader", &error))?
    }

    async fn read_here(
        &self,
        content: Content,
        file_name: &str,
        declared_type: Option<&str>,
    ) -> Result<ExtractedText, ExtractError> {
        let Extractor { memory_bytes, max_text_bytes, .. } = *self.extractor;
        // UTF-16 takes up to twice as many bytes as UTF-8.
        if content.size() / 2 > max_text_bytes as u64 {
            return Err(ExtractError::too_much_text(max_text_bytes));
        }
        let bytes = content.gather().await.map_err(|error| service_failure("get the file", &error))?;
        let (name, declared) = (file_name.to_owned(), declared_type.map(str::to_owned));
        let read = tokio::task::spawn_blocking(move || {
            let input = Input { bytes: &bytes, file_name: &name, declared_type: declared.as_deref() };
            let kind = detect::detect(input, memory_bytes)?;
            check(text::read(kind, input)?, max_text_bytes)
        });
        read.await.map_err(|error| service_failure("read the text", &error))?
    }

    async fn read_in_child(
        &self,
        content: Content,
        file_name: &str,
        declared_type: Option<&str>,
    ) -> Result<ExtractedText, ExtractError> {
        let Extractor { max_text_bytes, .. } = *self.extractor;
        let length = content.size();
        let task =
            Task { pdfium: self.extractor.pdfium().await, ..self.extractor.task(file_name, declared_type, length) };
        let end = self.ask(&task, content, max_answer_bytes(max_text_bytes)).await?;
        let told = tokio::task::spawn_blocking(move || check(end.tell(length, max_text_bytes)?, max_text_bytes));
        told.await.map_err(|error| service_failure("hear the reader", &error))?
    }

    /// Gives a child the document, and hears how it ended within its time.
    async fn ask(&self, task: &Task, content: Content, max_answer: usize) -> Result<End, ExtractError> {
        let mut child = self.extractor.start().map_err(|error| service_failure("start the reader", &error))?;
        let end = tokio::time::timeout(self.extractor.timeout, converse(&mut child, task, content, max_answer)).await;
        if end.is_err() {
            // Dropping the child would end it too, but only later be waited for.
            child.kill().await.map_err(|error| service_failure("stop the reader", &error))?;
            tracing::warn!(bytes = task.length, "reading took too long");
        }
        end.map_err(|_| out_of_time())?.map_err(|error| service_failure("speak with the reader", &error))
    }
}

/// How a child ended.
pub(super) struct End {
    status: ExitStatus,
    answer: Vec<u8>,
    log: String,
}

impl End {
    /// A child that ended before it had finished.
    pub(super) fn broken_off(status: ExitStatus, log: &[u8]) -> Self {
        Self { status, answer: Vec::new(), log: String::from_utf8_lossy(log).into_owned() }
    }

    /// `bytes` is the size of the file.
    fn tell(self, bytes: u64, max_text_bytes: usize) -> Result<ExtractedText, ExtractError> {
        if self.answer.len() > max_answer_bytes(max_text_bytes) {
            tracing::warn!(bytes, "the reader gave too much");
            return Err(ExtractError::too_much_text(max_text_bytes));
        }
        self.answer::<Answer>(bytes)?
    }

    /// What the child said of a file of so many bytes.
    fn answer<T: DeserializeOwned>(self, bytes: u64) -> Result<T, ExtractError> {
        let answer = serde_json::from_slice(&self.answer).ok().filter(|_| self.status.success());
        if answer.is_some() && !self.log.is_empty() {
            tracing::debug!(bytes, log = self.log, "the reader reports");
        }
        answer.ok_or_else(|| self.failure())
    }

    /// Why there is no answer.
    pub(super) fn failure(self) -> ExtractError {
        tracing::warn!(status = %self.status, log = self.log, "the reader broke off");
        if self.status.signal() == Some(SIGXCPU) {
            return out_of_time();
        }
        // What the runtime prints when it runs out of memory or stack.
        if self.log.contains("memory allocation of") || self.log.contains("has overflowed its stack") {
            return ExtractError::permanent(
                Code::LimitExceeded,
                "Reading the file took more memory than is allowed. Split it or save it in a simpler form.",
            );
        }
        ExtractError::passing(Code::ReaderCrashed, "The file reader stopped before it had finished.")
    }
}

/// Hands over the file and hears the child out. Standard input stays open until the end, which keeps the child alive.
async fn converse(child: &mut Child, task: &Task, content: Content, max_answer: usize) -> io::Result<End> {
    let (Some(input), Some(output), Some(log)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("a standard stream is missing"));
    };
    let header = task.header()?;
    let answer_limit = max_answer + 1;
    let (input, answer, log) =
        tokio::join!(hand_over(input, &header, content), read_up_to(output, answer_limit), read_log(log));
    let (input, answer, log) = (input?, answer?, log?);
    if answer.len() == answer_limit {
        child.start_kill()?;
    }
    let status = child.wait().await?;
    drop(input);
    Ok(End { status, answer, log: String::from_utf8_lossy(&log).into_owned() })
}

/// Writes the file to the child, piece by piece, and returns its input. An error means that the file can't be read; the
/// child's input is then closed, which ends the child.
pub(super) async fn hand_over(mut input: ChildStdin, header: &[u8], mut content: Content) -> io::Result<ChildStdin> {
    let mut written = input.write_all(header).await;
    // A child that ends early closes its side; its exit status gives the reason.
    while written.is_ok() {
        let Some(piece) = content.next().await? else { break };
        written = input.write_all(&piece).await;
    }
    Ok(input)
}

/// JSON may write a character of text as two.
fn max_answer_bytes(max_text_bytes: usize) -> usize {
    2 * max_text_bytes + (1 << 20)
}

pub(super) async fn read_up_to(stream: impl AsyncRead + Unpin, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(limit as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The beginning; the rest is read too, so that the child does not block on a full pipe.
pub(super) async fn read_log(mut stream: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let log = read_up_to(&mut stream, MAX_LOG_BYTES).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(log)
}

pub(super) fn out_of_time() -> ExtractError {
    ExtractError::permanent(
        Code::LimitExceeded,
        "Reading the file took longer than is allowed. Split it or simplify it.",
    )
}

pub(super) fn service_failure(action: &str, error: &dyn std::error::Error) -> ExtractError {
    tracing::error!(action, error = %error, "extraction failed");
    ExtractError::passing(Code::ServiceFailure, "The file could not be read because of a fault in the server.")
}
