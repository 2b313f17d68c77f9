//! Text recognition (OCR): an external program, named by the operator, that reads pictures of pages.
//!
//! It gets the file on standard input and writes plain text in UTF-8 to standard output, with form feeds between the pages,
//! as ocrmypdf writes its sidecar. It runs in a process group of its own, which ends with the time that it has.

use std::{io, process::ExitStatus, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::{
    Content, ExtractError, ExtractedText, FileKind,
    extractor::{hand_over, out_of_time, read_log, read_up_to, service_failure, spawn_piped},
    quality::check,
    text,
};
use crate::{
    config::ExtractionConfig,
    domain::document::{About, DocumentWarning, DocumentWarningCode, ProcessingErrorCode},
};

/// The program that recognises text.
#[derive(Debug)]
pub(super) struct Recognition {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
    max_text_bytes: usize,
}

impl Recognition {
    /// The program that the settings name, if they do.
    pub(super) fn of(config: &ExtractionConfig) -> Option<Self> {
        let (program, arguments) = config.ocr_command.split_first()?;
        Some(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            timeout: Duration::from_secs(config.ocr_timeout_seconds),
            max_text_bytes: usize::try_from(config.max_output_mib << 20).unwrap_or(usize::MAX),
        })
    }

    /// The text in the pages of a PDF file.
    ///
    /// # Errors
    /// `LimitExceeded`, `NoText`, or `ServiceFailure` where the program fails.
    pub(super) async fn read(&self, content: Content) -> Result<ExtractedText, ExtractError> {
        let child = self.start().map_err(|error| service_failure("start text recognition", &error))?;
        let mut group = Group(child);
        let end = tokio::time::timeout(self.timeout, self.converse(&mut group.0, content)).await;
        let end = end.map_err(|_| out_of_time())?;
        let (status, output, log) = end.map_err(|error| service_failure("speak with text recognition", &error))?;
        if output.len() > self.max_text_bytes {
            return Err(ExtractError::too_much_text(self.max_text_bytes));
        }
        if !status.success() {
            tracing::error!(%status, log = %String::from_utf8_lossy(&log), "text recognition failed");
            return Err(ExtractError::passing(
                ProcessingErrorCode::ServiceFailure,
                "The text recognition of the server failed on this file.",
            ));
        }
        check(recognised(&String::from_utf8_lossy(&output)), self.max_text_bytes)
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            // One file is read on one core; others are read at the same time.
            .env("OMP_THREAD_LIMIT", "1");
        spawn_piped(command)
    }

    async fn converse(&self, child: &mut Child, content: Content) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
        let (Some(input), Some(output), Some(log)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a standard stream is missing"));
        };
        let give = async { hand_over(input, &[], content).await.map(drop) };
        let (given, output, log) = tokio::join!(give, read_up_to(output, self.max_text_bytes + 1), read_log(log));
        given?;
        Ok((child.wait().await?, output?, log?))
    }
}

/// The processes that the program started end with it.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // A group that ended already needs no signal.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

fn recognised(output: &str) -> ExtractedText {
    let mut all = String::new();
    let mut page_starts = Vec::new();
    for page in output.trim_end_matches(['\u{c}', '\n']).split('\u{c}') {
        if !all.is_empty() {
            all.push_str("\n\n");
        }
        page_starts.push(all.len());
        all.push_str(text::normalise(page).trim());
    }
    let message = "The pages are pictures. Their text was recognised, and may have errors.";
    ExtractedText {
        text: all,
        is_markdown: false,
        is_code: false,
        about: About { page_count: Some(u32::try_from(page_starts.len()).unwrap_or(u32::MAX)), ..About::default() },
        content_type: FileKind::Pdf.media_type().to_owned(),
        page_starts,
        warnings: vec![DocumentWarning::new(DocumentWarningCode::TextRecognised, message)],
        lacks_reader: false,
    }
}
