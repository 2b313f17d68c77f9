//! The embedder of this process, with the real model.

use std::{fs, path::Path, sync::Arc};

use docent::{
    config::EmbeddingConfig,
    domain::generation::{ModelKey, Placement, Precision},
    embedding::{
        EmbeddingError, ModelInfo,
        benchmark::{benchmark, question_time},
        model::{self, find},
        pool::LocalEmbedder,
    },
};
use tempfile::TempDir;

use crate::support::model::{directory, embedder, load};

/// Sentences, the last of which is truncated at 256 tokens.
fn sentences() -> Vec<String> {
    vec![
        "A cat sits on the mat.".into(),
        "A kitten rests on the rug.".into(),
        "Interest rates rose by half a percentage point in March.".into(),
        "Größe und Maß: 東京 is the capital of Japan 🗾".into(),
        "The mitochondrion is the powerhouse of the cell. ".repeat(40),
    ]
}

/// The first components of their embeddings, computed once from the same files with NumPy in double precision.
const REFERENCE: [[f32; 8]; 5] = [
    [0.126_535, -0.032_851, -0.029_060, 0.044_407, -0.043_445, 0.032_097, 0.048_111, 0.027_675],
    [0.075_074, 0.015_640, 0.021_643, 0.065_216, -0.026_766, 0.078_113, -0.010_747, 0.004_928],
    [0.064_136, -0.025_307, 0.033_593, 0.019_804, 0.076_959, -0.045_440, -0.110_796, 0.029_632],
    [0.074_586, 0.064_125, 0.058_163, 0.010_018, 0.005_099, -0.014_371, 0.104_286, -0.007_347],
    [-0.068_910, 0.031_724, -0.022_324, 0.025_182, -0.014_168, 0.020_383, -0.028_946, -0.013_939],
];

/// Cosines of pairs of them.
const REFERENCE_COSINES: [(usize, usize, f32); 4] =
    [(0, 1, 0.665_548), (0, 2, 0.015_421), (1, 4, 0.014_391), (3, 4, 0.125_902)];

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[tokio::test]
async fn embeddings_equal_those_of_an_independent_implementation() {
    let vectors = embedder().await.embed_documents(sentences()).await.unwrap();
    assert_eq!(vectors.len(), REFERENCE.len());
    for (vector, reference) in vectors.iter().zip(&REFERENCE) {
        assert_eq!(vector.len(), 384);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        assert!(difference(&vector[..8], reference) < 1e-5, "{:?} is not {reference:?}", &vector[..8]);
    }
    for (a, b, reference) in REFERENCE_COSINES {
        assert!((cosine(&vectors[a], &vectors[b]) - reference).abs() < 1e-5);
    }
}

#[tokio::test]
async fn embeddings_in_8_bits_are_close_to_exact_ones() {
    let (exact, int8) = (embedder().await, load(Precision::Int8).await);
    let vectors = int8.embed_documents(sentences()).await.unwrap();
    for ((text, vector), exact) in
        sentences().iter().zip(&vectors).zip(exact.embed_documents(sentences()).await.unwrap())
    {
        let question = int8.embed_query(text).await.unwrap();
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        assert!(cosine(vector, &exact) > 0.995, "{text:?}: {}", cosine(vector, &exact));
        assert!(cosine(vector, &question) > 0.9999, "{text:?}");
    }
    for (a, b, reference) in REFERENCE_COSINES {
        assert!((cosine(&vectors[a], &vectors[b]) - reference).abs() < 0.02);
    }
}

#[tokio::test]
async fn a_question_has_the_vector_of_the_same_chunk() {
    let embedder = embedder().await;
    let mut texts = sentences();
    texts.extend(["", " \n", "[SEP] [PAD]"].map(String::from));
    let chunks = embedder.embed_documents(texts.clone()).await.unwrap();
    // The second time from memory.
    for _ in 0..2 {
        for (text, chunk) in texts.iter().zip(&chunks) {
            let question = embedder.embed_query(text).await.unwrap();
            assert!(difference(&question, chunk) < 1e-5, "{text:?}");
        }
    }
}

#[tokio::test]
async fn questions_do_not_wait_for_chunks() {
    let embedder = embedder().await;
    let chunks = tokio::spawn({
        let embedder = Arc::clone(&embedder);
        async move { embedder.embed_documents(vec![sentences().remove(4); 4]).await }
    });
    let mut answered = 0;
    while !chunks.is_finished() {
        embedder.embed_query(&format!("Question {answered}?")).await.unwrap();
        answered += 1;
    }
    assert_eq!(chunks.await.unwrap().unwrap().len(), 4);
    assert!(answered > 4, "{answered} questions were answered while chunks were embedded");
}

#[tokio::test]
async fn the_benchmark_counts_what_the_model_reads() {
    let measured = benchmark(embedder().await.as_ref(), sentences()).await.unwrap();
    assert_eq!((measured.texts, measured.tokens), (5, 9 + 9 + 13 + 17 + 256));
    assert!(measured.tokens_per_second() > 0.0);
    assert!(!question_time(embedder().await.as_ref(), 3).await.unwrap().is_zero());
}

fn load_error(model_dir: &Path, name: &str) -> EmbeddingError {
    let loaded = LocalEmbedder::load(model_dir, name, Precision::Float32, &EmbeddingConfig::default(), 1);
    loaded.err().expect("must not load")
}

#[test]
fn a_model_that_is_unknown_absent_or_changed_is_not_loaded() {
    let folder = TempDir::new().unwrap();
    let error = load_error(folder.path(), "all-MiniLM-L7");
    assert!(matches!(error, EmbeddingError::UnknownModel { .. }), "{error}");

    let error = load_error(folder.path(), "all-MiniLM-L6-v2");
    assert!(matches!(error, EmbeddingError::NotInstalled { .. }), "{error}");

    let model = find("all-MiniLM-L6-v2").unwrap();
    model::verify(model, &directory()).unwrap();
    fs::create_dir(folder.path().join(model.name)).unwrap();
    for file in model.files {
        fs::copy(model.path(file, &directory()), model.path(file, folder.path())).unwrap();
    }
    let weights = model.path(&model.files[1], folder.path());
    let mut content = fs::read(&weights).unwrap();
    content[50_000_000] ^= 1;
    fs::write(&weights, content).unwrap();
    let error = load_error(folder.path(), model.name);
    assert!(matches!(&error, EmbeddingError::WrongHash { file, .. } if file == "model.safetensors"), "{error}");
}

#[test]
fn the_name_of_a_placement_tells_which_vectors_are_in_it() {
    let info = find("all-MiniLM-L6-v2").unwrap().info(Precision::Float32);
    assert_eq!(info.placement(), Placement { name: "all-minilm-l6-v2-384-cosine".into(), dimension: 384 });
    // Vectors of another revision can't be compared with these, and names have characters that a placement can't have.
    for (name, revision) in [("all-MiniLM-L6-v2", "another"), ("all/MiniLM.L6_v2", info.key.revision.as_str())] {
        let key = ModelKey { name: name.into(), revision: revision.into(), ..info.key.clone() };
        let placement = ModelInfo { key, ..info.clone() }.placement();
        let (stem, mark) = placement.name.split_at("all-minilm-l6-v2-384-cosine".len());
        assert_eq!((stem, mark.len()), ("all-minilm-l6-v2-384-cosine", 9), "{}", placement.name);
    }
}
