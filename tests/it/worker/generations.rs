//! Two indexes of one collection side by side, made with different models.

use docent::{
    db::{
        DatabaseError,
        repo::{
            chunks::{self, ChunkKey, ChunkPlace, DocumentChunks},
            documents::{self, Whole},
            generations,
        },
    },
    domain::{
        chunk::{Chunk, NewChunk},
        chunking::ChunkingConfig,
        generation::{Generation, GenerationState, IndexedDocument, ModelKey, Placement},
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
        page::PageRequest,
        scope::Scope,
    },
    vector::Point,
};
use futures_util::FutureExt;
use serde_json::json;

use super::behind::{active, count, found, idle, row};
use crate::{
    on_both_databases,
    support::app::{TestApp, texts},
};

/// A generation beside the active one: another model, another dimension, smaller chunks.
fn beside(active: &Generation) -> Generation {
    Generation {
        id: GenerationId::generate(),
        model: ModelKey { name: "another".into(), query_prefix: "query: ".into(), ..active.model.clone() },
        placement: Placement { name: "another-4-cosine".into(), dimension: 4 },
        chunking: ChunkingConfig { max_tokens: 16, ..active.chunking },
        state: GenerationState::Building,
        document_count: 0,
        chunk_count: 0,
        promoted_at: None,
        ..active.clone()
    }
}

/// The chunks of a document in a generation, with these contents.
fn chunks_of(generation: &Generation, document: DocumentId, contents: &[&str]) -> Vec<NewChunk> {
    let chunk = |(index, content): (u32, &&str)| NewChunk {
        chunk: Chunk {
            id: ChunkId::derive(generation.id, document, 1, index),
            collection_id: generation.collection_id,
            generation_id: generation.id,
            document_id: document,
            index: i32::try_from(index).unwrap(),
            content: (*content).to_owned(),
            token_count: 3,
            start_offset: 0,
            end_offset: 1,
            headings: Vec::new(),
            page: None,
            parent: None,
            meta: json!({}),
        },
        digest: format!("digest {content}"),
    };
    (0..).zip(contents).map(chunk).collect()
}

/// Indexes a document into a generation.
async fn index(app: &TestApp, generation: &Generation, document: DocumentId, contents: &[&str]) {
    let services = app.app.services();
    let new = chunks_of(generation, document, contents);
    let point = |new: &NewChunk| Point {
        id: new.chunk.id,
        generation: generation.id,
        document,
        revision: 1,
        embedding: vec![1.0, 0.0, 0.0, 0.0],
        text: new.chunk.content.clone(),
    };
    services.vectors.ensure(&generation.placement).await.unwrap();
    services.vectors.upsert(&generation.placement, new.iter().map(point).collect()).await.unwrap();
    services.vectors.flush(&generation.placement).await.unwrap();
    let (id, new) = (generation.id, new.as_slice());
    let written = services.database.transaction(|tx| {
        async move {
            chunks::replace(tx, generation.collection_id, id, document, new).await?;
            let chunk_count = i32::try_from(new.len()).unwrap();
            let now =
                IndexedDocument { generation_id: id, document_id: document, revision: 1, chunk_count, text: None };
            generations::record(tx, now).await
        }
        .boxed()
    });
    written.await.map_err(|error: DatabaseError| error).unwrap();
}

async fn insert(app: &TestApp, generation: &Generation) -> Result<(), DatabaseError> {
    let database = &app.app.services().database;
    database.transaction(|tx| generations::insert(tx, generation.clone()).boxed()).await
}

/// Documents, chunks and points of a generation, by its own count and by the vector store's.
async fn size(app: &TestApp, id: GenerationId) -> (i32, i32, usize) {
    let services = app.app.services();
    let found = generations::find(&services.database.reader(Scope::System), id).await.unwrap().unwrap();
    let points = services.vectors.count(&found.placement, id).await.unwrap();
    (found.document_count, found.chunk_count, points)
}

on_both_databases!(two_generations_of_one_collection_with_different_models_stand_side_by_side);
async fn two_generations_of_one_collection_with_different_models_stand_side_by_side(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    ada.ingest_all(&collection, texts(&[("a.txt", "The tram waits."), ("b.txt", "The ferry waits.")])).await;
    idle(&app).await;
    let old = active(&app, &collection).await;
    let new = beside(&old);
    insert(&app, &new).await.unwrap();
    let reader = app.app.services().database.reader(Scope::System);
    let all = documents::some_ids(&reader, Whole::Collection(CollectionId(row(&collection))), 9).await.unwrap();
    for document in &all {
        index(&app, &new, *document, &["The", "words", "apart"]).await;
    }

    // Each is what it was made with, and has its own chunks, documents and points.
    assert_eq!(generations::of_collection(&reader, old.collection_id).await.unwrap().len(), 2);
    let found_new = generations::find(&reader, new.id).await.unwrap().unwrap();
    assert_eq!((&found_new.model, &found_new.placement), (&new.model, &new.placement));
    assert_eq!((found_new.chunking, found_new.state), (new.chunking, GenerationState::Building));
    assert_eq!((size(&app, old.id).await, size(&app, new.id).await), ((2, 2, 2), (2, 6, 6)));
    let in_use = generations::one_of_each_placement(&reader).await.unwrap();
    let in_use: Vec<_> = in_use.iter().map(|generation| generation.placement.name.as_str()).collect();
    assert_eq!(in_use, ["all-minilm-l6-v2-384-cosine", "another-4-cosine"]);
    let document = all[0];
    for (generation, chunks) in [(&old, 1), (&new, 3)] {
        let collection = old.collection_id;
        let ids = chunks::ids(&reader, collection, generation.id, None, 100).await.unwrap();
        assert_eq!(ids.len(), 2 * chunks);
        let digests = chunks::digests(&reader, collection, generation.id, document).await.unwrap();
        assert_eq!(digests.len(), chunks);
        let keys: Vec<_> = ids.iter().map(|&id| ChunkKey { collection, id }).collect();
        assert_eq!(chunks::find_many(&reader, &keys).await.unwrap().len(), 2 * chunks);
        let place = |index| ChunkPlace { collection, generation: generation.id, document, index };
        let places = chunks::find_places(&reader, &[place(0), place(1), place(2)]).await.unwrap();
        assert_eq!(places.len(), chunks);
        let indexed = generations::indexed(&reader, generation.id, &all).await.unwrap();
        assert_eq!(indexed[&document].chunk_count, i32::try_from(chunks).unwrap());
    }

    // Readers see the active one alone.
    let keys: Vec<_> = all.iter().map(|&document| DocumentChunks { collection: old.collection_id, document }).collect();
    let pages = chunks::list(&reader, &keys, &PageRequest { first: 10, after: None }).await.unwrap();
    let shown: Vec<_> = pages.values().flat_map(|page| &page.items).map(|chunk| chunk.generation_id).collect();
    assert_eq!(shown, [old.id, old.id]);
    assert_eq!(found(&ada, "tram").await[0], ["The tram waits."]);
    assert_eq!(found(&ada, "apart").await[0], [""; 0]);

    // An update of the active one leaves the other alone.
    ada.ingest_all(&collection, texts(&[("a.txt", "The tram has gone.")])).await;
    idle(&app).await;
    assert_eq!((size(&app, old.id).await, size(&app, new.id).await), ((2, 2, 2), (2, 6, 6)));

    // A document goes from both.
    let names = "query($id: ID!) { collection(id: $id) { chunkCount documents { nodes { id } } } }";
    let data = ada.data(names, json!({ "id": collection })).await;
    assert_eq!(data["collection"]["chunkCount"], 2);
    let id = &data["collection"]["documents"]["nodes"][0]["id"];
    let delete = "mutation($ids: [ID!]!) { documentsDelete(input: { ids: $ids }) { userErrors { code } } }";
    assert_eq!(ada.data(delete, json!({ "ids": [id] })).await["documentsDelete"]["userErrors"], json!([]));
    idle(&app).await;
    assert_eq!((size(&app, old.id).await, size(&app, new.id).await), ((1, 1, 1), (1, 3, 3)));
    assert_eq!(count(&app, "SELECT COUNT(*) FROM chunks").await, 4);

    // And so does the collection.
    let delete = "mutation($id: ID!) { collectionDelete(input: { collectionId: $id }) { userErrors { code } } }";
    ada.data(delete, json!({ "id": collection })).await;
    idle(&app).await;
    for table in ["collections", "generations", "indexed_documents", "chunks"] {
        assert_eq!(count(&app, &format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    let services = app.app.services();
    for generation in [&old, &new] {
        assert_eq!(services.vectors.count(&generation.placement, generation.id).await.unwrap(), 0);
    }
}

on_both_databases!(a_collection_has_one_active_generation);
async fn a_collection_has_one_active_generation(app: TestApp) {
    let ada = app.user("ada").await;
    let collection = ada.create_collection("Notes").await;
    let new = Generation { state: GenerationState::Active, ..beside(&active(&app, &collection).await) };
    assert!(insert(&app, &new).await.unwrap_err().is_constraint());
}
