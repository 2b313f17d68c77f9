//! The parent's side: decides who reads a file, starts the child, holds it to its limits and tells its end in words.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::config::ExtractionConfig;
use crate::domain::document::ProcessingErrorCode as Code;

use super::child::{Answer, SUBCOMMAND, Task};
use super::{ExtractError, ExtractedText, FileKind, detect, text};

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
    slots: Semaphore,
}

impl Extractor {
    /// `concurrency` children at most; `program` is the `docent` binary, which is started again for each of them.
    #[must_use]
    pub fn new(config: &ExtractionConfig, concurrency: usize, program: PathBuf) -> Self {
        Self {
            program,
            memory_bytes: config.memory_mib << 20,
            timeout: Duration::from_secs(config.timeout_seconds),
            max_text_bytes: usize::try_from(config.max_output_mib << 20).unwrap_or(usize::MAX),
            slots: Semaphore::new(concurrency.max(1)),
        }
    }

    /// The text of a file. `declared_type` is the media type that its sender gave.
    ///
    /// Plain text and Markdown are read here, everything else in a child process. Dropping the future ends the child.
    ///
    /// # Errors
    /// One of the codes of `ProcessingErrorCode` that concern files. Retryable are only those that say nothing of the
    /// file: `ServiceFailure` (no child could be started) and `ReaderCrashed` by an unknown signal.
    pub async fn extract(
        &self,
        bytes: Bytes,
        file_name: &str,
        declared_type: Option<&str>,
    ) -> Result<ExtractedText, ExtractError> {
        let (name, declared) = (file_name.to_owned(), declared_type.map(str::to_owned));
        let (max_unpacked, max_text_bytes) = (self.memory_bytes, self.max_text_bytes);
        let content = bytes.clone();
        let first_look = tokio::task::spawn_blocking(move || {
            let kind = detect::detect(&content, &name, declared.as_deref(), max_unpacked)?;
            let read_here = matches!(kind, FileKind::PlainText | FileKind::Markdown);
            let text = read_here.then(|| read_text(kind, &content, max_text_bytes)).transpose()?;
            Ok((kind, text))
        });
        let (kind, text) = first_look.await.map_err(|error| service_failure("look at the file", &error))??;
        let extracted = match text {
            Some(text) => text,
            None => self.read_in_child(kind, &bytes).await?,
        };
        if extracted.text.len() > max_text_bytes {
            return Err(ExtractError::too_much_text(max_text_bytes));
        }
        if !extracted.text.chars().any(char::is_alphanumeric) {
            return Err(ExtractError::no_text());
        }
        Ok(extracted)
    }

    async fn read_in_child(&self, kind: FileKind, bytes: &[u8]) -> Result<ExtractedText, ExtractError> {
        let _slot = self.slots.acquire().await.map_err(|error| service_failure("wait for a reader", &error))?;
        let task = Task {
            kind,
            length: bytes.len(),
            memory_bytes: self.memory_bytes,
            cpu_seconds: self.timeout.as_secs(),
            max_text_bytes: self.max_text_bytes,
        };
        let mut child = self.start().map_err(|error| service_failure("start the reader", &error))?;
        let end = tokio::time::timeout(self.timeout, converse(&mut child, task, bytes)).await;
        if end.is_err() {
            // Dropping the child would end it too, but only later be waited for.
            child.kill().await.map_err(|error| service_failure("stop the reader", &error))?;
            tracing::warn!(?kind, bytes = bytes.len(), "reading took too long");
            return Err(out_of_time());
        }
        let end = end.map_err(|_| out_of_time())?.map_err(|error| service_failure("speak with the reader", &error))?;
        let max_text_bytes = self.max_text_bytes;
        let told = tokio::task::spawn_blocking(move || end.tell(kind, max_text_bytes));
        told.await.map_err(|error| service_failure("hear the reader", &error))?
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(SUBCOMMAND)
            .env_clear()
            // Each arena reserves 64 MiB of address space, which is what the memory limit counts.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// How a child ended.
struct End {
    status: ExitStatus,
    answer: Vec<u8>,
    log: String,
}

impl End {
    fn tell(self, kind: FileKind, max_text_bytes: usize) -> Result<ExtractedText, ExtractError> {
        if self.answer.len() > max_answer_bytes(max_text_bytes) {
            tracing::warn!(?kind, "the reader gave too much");
            return Err(ExtractError::too_much_text(max_text_bytes));
        }
        let answer = serde_json::from_slice::<Answer>(&self.answer).ok().filter(|_| self.status.success());
        if let Some(answer) = answer {
            if !self.log.is_empty() {
                tracing::debug!(?kind, log = self.log, "the reader reports");
            }
            return answer;
        }
        tracing::warn!(?kind, status = %self.status, log = self.log, "the reader broke off");
        if self.status.signal() == Some(SIGXCPU) {
            return Err(out_of_time());
        }
        // The runtime's own last words when it gets no memory or no more stack.
        if self.log.contains("memory allocation of") || self.log.contains("has overflowed its stack") {
            return Err(ExtractError::permanent(
                Code::LimitExceeded,
                "Reading the file took more memory than is allowed. Split it or save it in a simpler form.",
            ));
        }
        Err(ExtractError::passing(Code::ReaderCrashed, "The reader of the file broke off before it was done."))
    }
}

/// Hands over the document and hears the child out. Standard input stays open until the end, which keeps the child alive.
async fn converse(child: &mut Child, task: Task, document: &[u8]) -> io::Result<End> {
    let (Some(mut input), Some(output), Some(log)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("a standard stream is missing"));
    };
    let mut header = serde_json::to_vec(&task)?;
    header.push(b'\n');
    let hand_over = async {
        // A child that ends early closes its side; its status tells why.
        let _ = async {
            input.write_all(&header).await?;
            input.write_all(document).await?;
            input.flush().await
        }
        .await;
    };
    let answer_limit = max_answer_bytes(task.max_text_bytes) + 1;
    let ((), answer, log) = tokio::join!(hand_over, read_up_to(output, answer_limit), read_log(log));
    let (answer, log) = (answer?, log?);
    if answer.len() == answer_limit {
        child.start_kill()?;
    }
    let status = child.wait().await?;
    drop(input);
    Ok(End { status, answer, log: String::from_utf8_lossy(&log).into_owned() })
}

/// JSON may write a character of text as two.
fn max_answer_bytes(max_text_bytes: usize) -> usize {
    2 * max_text_bytes + (1 << 20)
}

async fn read_up_to(stream: impl AsyncRead + Unpin, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(limit as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The beginning; the rest is taken too, lest the child wait for somebody to listen.
async fn read_log(mut stream: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let log = read_up_to(&mut stream, MAX_LOG_BYTES).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(log)
}

fn read_text(kind: FileKind, bytes: &[u8], max_text_bytes: usize) -> Result<ExtractedText, ExtractError> {
    if bytes.len() / 2 > max_text_bytes {
        return Err(ExtractError::too_much_text(max_text_bytes));
    }
    let text = text::normalise(&text::decode(bytes)?);
    let is_markdown = kind == FileKind::Markdown;
    let title = if is_markdown { text::markdown_title(&text) } else { None };
    Ok(ExtractedText {
        text,
        is_markdown,
        title,
        language: None,
        content_type: kind.media_type().to_owned(),
        page_starts: Vec::new(),
    })
}

fn out_of_time() -> ExtractError {
    ExtractError::permanent(
        Code::LimitExceeded,
        "Reading the file took longer than is allowed. Split it or simplify it.",
    )
}

fn service_failure(action: &str, error: &dyn std::error::Error) -> ExtractError {
    tracing::error!(action, error = %error, "extraction failed");
    ExtractError::passing(Code::ServiceFailure, "The file could not be read because of a fault in the server.")
}
