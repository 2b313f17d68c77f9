//! The child process: the same program, started again as `docent extract-child`. It reads one document and exits.
//!
//! It gets a header line and the document on standard input and answers with one JSON value on standard output: its text, or
//! the parts of code in it (`code_parts`). Of an archive it may send the files (`members`). Before it looks at the document, it limits its own memory, time, files and core dumps.
//! It has no environment, writes no files and opens no connections. It exits when its parent does, because standard input
//! closes then.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::JoinHandle;

use rlimit::Resource;
use serde::{Deserialize, Serialize};

use crate::domain::document::ProcessingErrorCode;

use super::{
    CodeBlock, ExtractError, ExtractedText, Input, code_parts, detect, members,
    reader::{self, Means},
};

/// The name of the hidden subcommand that calls `run`.
pub const SUBCOMMAND: &str = "extract-child";

/// The longest header line; a longer one does not come from our parent, whose file names and lists of blocks are shorter.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Standard streams and a few to spare for the runtime; a document can't make it open more.
const MAX_OPEN_FILES: u64 = 16;
/// Stack of the thread that waits for the end of the parent.
const LEASH_STACK_BYTES: usize = 256 << 10;

/// The request of the parent: the first line on standard input. The document follows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub file_name: String,
    /// The media type that the sender declared.
    pub declared_type: Option<String>,
    /// Bytes of the document.
    pub length: u64,
    /// Bytes of memory beyond what the program itself takes.
    pub memory_bytes: u64,
    /// Seconds of processor time.
    pub cpu_seconds: u64,
    pub max_text_bytes: usize,
    /// PDFium, if it is installed.
    pub pdfium: Option<PathBuf>,
    pub wants: Wants,
}

/// What is wanted of a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Wants {
    /// Its text.
    Text,
    /// The files in it: it is an archive.
    Files,
    /// The parts of the code in it: it consists of these blocks.
    CodeParts(Vec<CodeBlock>),
}

impl Task {
    /// The line that tells the child.
    pub(super) fn header(&self) -> io::Result<Vec<u8>> {
        let mut header = serde_json::to_vec(self)?;
        header.push(b'\n');
        Ok(header)
    }
}

pub(super) type Answer = Result<ExtractedText, ExtractError>;

/// Serves one document. Any failure ends the process; the parent derives the reason from the exit status and standard
/// error.
#[must_use]
#[expect(clippy::print_stderr, reason = "standard error of the child is its log; the parent reads it")]
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let mut input = BufReader::new(io::stdin());
    let mut header = String::new();
    input.by_ref().take(MAX_HEADER_BYTES).read_line(&mut header)?;
    let task: Task = serde_json::from_str(&header)?;
    limit(&task)?;

    let mut bytes = Vec::with_capacity(usize::try_from(task.length).unwrap_or(usize::MAX));
    input.by_ref().take(task.length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < task.length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    end_with_parent(input)?;

    let reading = std::thread::Builder::new().name("reader".into()).stack_size(reader::STACK_BYTES);
    match task.wants {
        Wants::Text => {
            let reading = reading.spawn(move || read(&task, &bytes))?;
            // A panic is a defect of the reader that this file brings out; it will do so again.
            let answer: Answer = reading.join().unwrap_or_else(|_| {
                Err(ExtractError::permanent(
                    ProcessingErrorCode::ReaderCrashed,
                    "The file can't be read because its reader failed. Save it again, if possible in another format.",
                ))
            });
            send(&answer)
        }
        Wants::Files => end_of(reading.spawn(move || unpack(&task, &bytes))?),
        Wants::CodeParts(blocks) => end_of(reading.spawn(move || parse(&bytes, &blocks))?),
    }
}

/// Waits for a thread that answers itself.
fn end_of(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the reader failed")))
}

fn send(answer: &impl Serialize) -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer(&mut output, answer)?;
    output.flush()
}

fn read(task: &Task, bytes: &[u8]) -> Answer {
    let input = Input { bytes, file_name: &task.file_name, declared_type: task.declared_type.as_deref() };
    let kind = detect::detect(input, task.memory_bytes)?;
    let means = Means::new(task.max_text_bytes, task.memory_bytes, task.pdfium.as_deref());
    reader::read(kind, input, means)
}

/// The parts of blocks of code.
fn parse(bytes: &[u8], blocks: &[CodeBlock]) -> io::Result<()> {
    let code = str::from_utf8(bytes).map_err(io::Error::other)?;
    send(&code_parts::parse(code, blocks))
}

/// The files of an archive.
fn unpack(task: &Task, bytes: &[u8]) -> io::Result<()> {
    members::send(bytes, task.memory_bytes, &mut io::BufWriter::new(io::stdout().lock()))
}

/// Takes the rights away, for good.
fn limit(task: &Task) -> io::Result<()> {
    lower(Resource::AS, address_space()?.saturating_add(task.memory_bytes))?;
    lower(Resource::NOFILE, MAX_OPEN_FILES)?;
    lower(Resource::FSIZE, 0)?;
    lower(Resource::CORE, 0)?;
    lower(Resource::CPU, task.cpu_seconds.saturating_add(1))?;
    // The soft limit ends the process with a signal of its own, by which the parent knows the reason.
    let (_, hard) = Resource::CPU.get()?;
    Resource::CPU.set(task.cpu_seconds.min(hard), hard)
}

/// Sets a limit unless a stricter one holds already.
fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let (_, hard) = resource.get()?;
    resource.set(limit.min(hard), limit.min(hard))
}

/// Bytes of address space in use, most of it the program itself, and what its threads will take.
fn address_space() -> io::Result<u64> {
    let threads = (reader::STACK_BYTES + LEASH_STACK_BYTES) as u64;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        // Systems without /proc map a fixed part for the program and hardly enforce this limit.
        return Ok((1 << 30) + threads);
    };
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kibibytes: Option<u64> = size.and_then(|size| size.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.map(|size| (size << 10) + threads).ok_or_else(|| io::Error::other("can't tell the size of the process"))
}

/// Ends the process when standard input does: the parent keeps it open for as long as it wants an answer.
fn end_with_parent(mut input: impl Read + Send + 'static) -> io::Result<()> {
    let watch = move || {
        let _ = input.read(&mut [0]);
        std::process::exit(1);
    };
    std::thread::Builder::new().name("leash".into()).stack_size(LEASH_STACK_BYTES).spawn(watch)?;
    Ok(())
}
