//! The files of an archive on their way from the child process to the server: one at a time, so that neither has more than
//! one of them in memory, and the server none.
//!
//! The child writes a line of JSON and then the bytes of each file that can be read, and a last line with what was left out.

use std::{
    io::{self, Cursor, Write},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
};
use zip::ZipArchive;

use super::{
    Content, ExtractError, FileKind, Input,
    archive::{self, Archive},
    child::Task,
    detect,
    extractor::{End, hand_over, out_of_time, read_log, service_failure},
    package,
};
use crate::domain::document::{DocumentWarning, DocumentWarningCode, ProcessingErrorCode};

/// Files of one archive.
const MAX_FILES: usize = 1000;
/// Files that are named in warnings, of those that were left out.
const MAX_NAMED: usize = 50;
/// The longest name in a warning, in characters.
const MAX_NAME: usize = 200;
/// The longest line of the child.
const MAX_FRAME_BYTES: u64 = 1 << 20;
/// Bytes that are read from the child at once.
const PIECE_BYTES: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
enum Frame {
    /// A file. Its bytes follow.
    File(Member),
    /// There are no more files.
    End(Result<Vec<DocumentWarning>, ExtractError>),
}

/// A file of an archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Where it is in the archive, with slashes between folders.
    pub path: String,
    /// In bytes.
    pub size: u64,
}

/// Writes the files of an archive that can be read.
///
/// # Errors
/// When the parent has gone.
pub(super) fn send(bytes: &[u8], max_unpacked: u64, output: &mut impl Write) -> io::Result<()> {
    let end = send_files(bytes, max_unpacked, output)?;
    send_frame(&Frame::End(end), output)?;
    output.flush()
}

fn send_files(
    bytes: &[u8],
    max_unpacked: u64,
    output: &mut impl Write,
) -> io::Result<Result<Vec<DocumentWarning>, ExtractError>> {
    let mut archive = match open(bytes, max_unpacked) {
        Ok(archive) => archive,
        Err(error) => return Ok(Err(error)),
    };
    let mut sent = 0;
    let mut left_out = LeftOut::default();
    for place in 0..archive.len() {
        let Some(name) = file_name(&mut archive, place) else { continue };
        match read(&mut archive, place, &name, max_unpacked) {
            Ok((path, bytes)) => {
                send_frame(&Frame::File(Member { path, size: bytes.len() as u64 }), output)?;
                output.write_all(&bytes)?;
                sent += 1;
            }
            Err(error) => left_out.add(&name, &error),
        }
    }
    Ok(if sent > 0 { Ok(left_out.warnings()) } else { Err(left_out.refusal()) })
}

fn send_frame(frame: &Frame, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, frame)?;
    output.write_all(b"\n")
}

fn open(bytes: &[u8], max_unpacked: u64) -> Result<ZipArchive<Cursor<&[u8]>>, ExtractError> {
    let Archive::Document(FileKind::Zip) = archive::inspect(bytes, max_unpacked) else {
        return Err(detect::corrupt());
    };
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| detect::corrupt())?;
    let files = archive.file_names_raw().filter(|name| !name.ends_with(b"/")).count();
    if files <= MAX_FILES {
        return Ok(archive);
    }
    let message = format!("The archive holds {files} files; {MAX_FILES} are allowed. Split it into smaller archives.");
    Err(ExtractError::permanent(ProcessingErrorCode::LimitExceeded, message))
}

/// The name of an entry, if it is a file that someone put there: macOS adds files of its own.
fn file_name(archive: &mut ZipArchive<Cursor<&[u8]>>, place: usize) -> Option<String> {
    let Ok(entry) = archive.by_index_raw(place) else { return Some(format!("file {}", place + 1)) };
    let name = match entry.name() {
        Ok(name) => name.into_owned(),
        Err(_) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
    };
    let is_added = name.starts_with("__MACOSX/") || name == ".DS_Store" || name.ends_with("/.DS_Store");
    (!entry.is_dir() && !is_added).then_some(name)
}

/// The path and the bytes of a file that can be read.
fn read(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    place: usize,
    name: &str,
    max_unpacked: u64,
) -> Result<(String, Vec<u8>), ExtractError> {
    let unsupported = |message: &str| ExtractError::permanent(ProcessingErrorCode::UnsupportedFormat, message);
    let path = path(name).ok_or_else(|| unsupported("Its path leads out of the archive."))?;
    if archive.by_index_raw(place).is_ok_and(|entry| entry.is_symlink()) {
        return Err(unsupported("It is a link to another file."));
    }
    let bytes = package::unpack(archive, place)?;
    let file_name = path.rsplit('/').next().unwrap_or_default();
    match detect::detect(Input { bytes: &bytes, file_name, declared_type: None }, max_unpacked)? {
        FileKind::Zip => Err(ExtractError::archive()),
        _ => Ok((path, bytes)),
    }
}

/// The name of an entry as a path below its archive. `None` where it leads out of it.
fn path(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let steps: Vec<_> = name.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    (!steps.is_empty() && !steps.contains(&"..")).then(|| steps.join("/"))
}

/// The files of an archive that become no documents.
#[derive(Default)]
struct LeftOut {
    count: usize,
    /// The first of them: a sentence for each.
    named: Vec<String>,
    /// The code of the first.
    code: Option<ProcessingErrorCode>,
}

impl LeftOut {
    fn add(&mut self, name: &str, error: &ExtractError) {
        self.count += 1;
        self.code.get_or_insert(error.code);
        if self.named.len() < MAX_NAMED {
            let name: String = name.chars().filter(|character| !character.is_control()).take(MAX_NAME).collect();
            // The advice of the next sentences is for files that are uploaded by themselves.
            let reason = error.message.split(". ").next().unwrap_or_default().trim_end_matches('.');
            self.named.push(format!("«{name}» was left out. {reason}."));
        }
    }

    fn warnings(self) -> Vec<DocumentWarning> {
        let more = self.count - self.named.len();
        let more = (more > 0).then(|| format!("{more} more files were left out."));
        let skipped = |message| DocumentWarning::new(DocumentWarningCode::PartSkipped, message);
        self.named.into_iter().chain(more).map(skipped).collect()
    }

    /// Why an archive without a readable file is refused.
    fn refusal(self) -> ExtractError {
        let code = self.code.unwrap_or(ProcessingErrorCode::NoText);
        let reason = self.named.into_iter().next().unwrap_or_else(|| "It is empty.".to_owned());
        ExtractError::permanent(code, format!("No file of the archive can be read. {reason}"))
    }
}

/// The files of an archive, as the child hands them over. Dropping this ends the child.
pub struct Members {
    child: Child,
    /// Closing it would end the child.
    _input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: ChildStderr,
    /// For each file.
    timeout: Duration,
    warnings: Vec<DocumentWarning>,
}

impl Members {
    /// Hands the archive over to a child that was started for it.
    pub(super) async fn begin(
        mut child: Child,
        task: &Task,
        content: Content,
        timeout: Duration,
    ) -> Result<Self, ExtractError> {
        let failed = |error: io::Error| service_failure("speak with the reader", &error);
        let (Some(input), Some(output), Some(log)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(io::Error::other("a standard stream is missing")));
        };
        let header = task.header().map_err(failed)?;
        let given = tokio::time::timeout(timeout, hand_over(input, &header, content)).await;
        let input = given.map_err(|_| out_of_time())?.map_err(failed)?;
        Ok(Self { child, _input: input, output: BufReader::new(output), log, timeout, warnings: Vec::new() })
    }

    /// The next file that can be read. Read the [`Self::content`] of the one before first.
    ///
    /// # Errors
    /// As `Slot::read`, also where the archive has no readable file.
    pub async fn next(&mut self) -> Result<Option<Member>, ExtractError> {
        let frame = tokio::time::timeout(self.timeout, self.frame()).await.map_err(|_| out_of_time())?;
        match frame.map_err(|error| service_failure("hear the reader", &error))? {
            Some(Frame::File(member)) => Ok(Some(member)),
            Some(Frame::End(end)) => {
                self.warnings = end?;
                Ok(None)
            }
            None => Err(self.failure().await),
        }
    }

    /// The bytes of a file.
    pub fn content(&mut self, member: &Member) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let timeout = self.timeout;
        stream::try_unfold((&mut self.output, member.size), move |(output, rest)| async move {
            if rest == 0 {
                return Ok::<_, io::Error>(None);
            }
            let size = rest.min(PIECE_BYTES);
            let mut piece = Vec::new();
            tokio::time::timeout(timeout, (&mut *output).take(size).read_to_end(&mut piece)).await??;
            if (piece.len() as u64) < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some((Bytes::from(piece), (output, rest - size))))
        })
    }

    /// What was left out, after the last file.
    #[must_use]
    pub fn into_warnings(self) -> Vec<DocumentWarning> {
        self.warnings
    }

    /// The next line, unless the child ends or talks nonsense.
    async fn frame(&mut self) -> io::Result<Option<Frame>> {
        let mut line = String::new();
        (&mut self.output).take(MAX_FRAME_BYTES).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line).ok())
    }

    /// Why there is no next line.
    async fn failure(&mut self) -> ExtractError {
        let Self { child, log, timeout, .. } = self;
        // One that ended has its status already.
        let _ = child.start_kill();
        let ended = async { Ok::<_, io::Error>((child.wait().await?, read_log(log).await?)) };
        match tokio::time::timeout(*timeout, ended).await {
            Ok(Ok((status, log))) => End::broken_off(status, &log).failure(),
            Ok(Err(error)) => service_failure("hear the reader", &error),
            Err(_) => out_of_time(),
        }
    }
}

#[cfg(test)]
mod tests {
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    const MEMORY: u64 = 64 << 20;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// The paths that are sent, and the last line.
    fn sent(archive: &[u8]) -> (Vec<String>, Result<Vec<DocumentWarning>, ExtractError>) {
        let mut output = Vec::new();
        send(archive, MEMORY, &mut output).unwrap();
        let (mut rest, mut paths) = (output.as_slice(), Vec::new());
        loop {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
            let frame: Frame = serde_json::from_slice(&rest[..end]).unwrap();
            rest = &rest[end + 1..];
            match frame {
                Frame::File(Member { path, size }) => {
                    rest = &rest[usize::try_from(size).unwrap()..];
                    paths.push(path);
                }
                Frame::End(end) => {
                    assert!(rest.is_empty());
                    return (paths, end);
                }
            }
        }
    }

    #[test]
    fn files_are_sent_with_their_paths_and_the_rest_is_named() {
        let inner = archive(&[("a.txt", b"otters")]);
        let (paths, end) = sent(&archive(&[
            ("a.txt", b"otters"),
            ("notes\\b.md", b"# Otters"),
            ("./c//d.html", b"<p>otters"),
            ("../../etc/passwd", b"otters"),
            ("picture.png", b"\x89PNG\r\n\x1a\n\0\0"),
            ("inner.zip", &inner),
            ("empty.txt", b""),
            ("wrong.pdf", b"just text"),
            ("__MACOSX/._a.txt", b"\0\x05\x16\x07"),
            ("notes/.DS_Store", b"\0\0\0\x01Bud1"),
        ]));
        assert_eq!(paths, ["a.txt", "notes/b.md", "c/d.html"]);
        let warnings: Vec<_> = end.unwrap().into_iter().map(|warning| warning.message).collect();
        let expected = [
            ("../../etc/passwd", "leads out"),
            ("picture.png", "a PNG image"),
            ("inner.zip", "a ZIP archive"),
            ("empty.txt", "is empty"),
            ("wrong.pdf", "a PDF file"),
        ];
        assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
        for (warning, (name, reason)) in warnings.iter().zip(expected) {
            assert!(warning.starts_with(&format!("«{name}»")) && warning.contains(reason), "{warning}");
        }
    }

    #[test]
    fn an_archive_without_a_readable_file_is_refused_with_a_reason() {
        let (_, end) = sent(&archive(&[]));
        assert_eq!(end.unwrap_err().code, ProcessingErrorCode::NoText);
        let (_, end) = sent(&archive(&[("a.png", b"\x89PNG\r\n\x1a\n\0\0")]));
        let error = end.unwrap_err();
        assert_eq!(error.code, ProcessingErrorCode::UnsupportedFormat);
        assert!(error.message.contains("«a.png»") && !error.is_archive, "{}", error.message);
    }

    #[test]
    fn too_many_files_are_refused_and_many_that_are_left_out_are_counted() {
        let names: Vec<_> = (0..=MAX_FILES).map(|number| format!("{number}.txt")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), b"otters".as_slice())).collect();
        assert_eq!(sent(&archive(&many)).1.unwrap_err().code, ProcessingErrorCode::LimitExceeded);
        assert_eq!(sent(&archive(&many[1..])).0.len(), MAX_FILES);
        let mut empty: Vec<_> = many[2..].iter().map(|&(name, _)| (name, b"".as_slice())).collect();
        empty.push(many[0]);
        let warnings = sent(&archive(&empty)).1.unwrap();
        assert_eq!(warnings.len(), MAX_NAMED + 1);
        assert_eq!(warnings[MAX_NAMED].message, format!("{} more files were left out.", MAX_FILES - 1 - MAX_NAMED));
    }
}
