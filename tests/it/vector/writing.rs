//! What is written, replaced, deleted, counted and listed.

use docent::{
    domain::id::{ChunkId, GenerationId},
    vector::{Placement, Point, PointKey, PointSelector, VectorError},
};

use super::{DIMENSION, Stage, at, document, lexical, on_both_stores, point, semantic};

on_both_stores! {
    upserting_the_same_points_again_changes_nothing
    upserting_replaces_the_point_with_the_same_id
    a_large_upsert_arrives_whole
    a_chunk_without_words_is_found_by_meaning
    a_document_is_deleted_from_its_generation_only
    older_revisions_are_deleted_and_newer_ones_stay
    one_revision_is_deleted_alone
    chunks_are_deleted_from_their_generation_only
    a_generation_is_deleted_whole_and_alone
    scrolling_lists_a_generation_in_the_order_of_ids_page_by_page
    embeddings_are_those_of_the_generation_asked_for
    embeddings_of_another_dimension_are_refused
    a_placement_that_was_never_made_is_refused
    ensuring_a_placement_again_keeps_its_points
    the_store_says_that_it_is_well
    flushing_and_optimising_little_is_quick_and_changes_nothing
}

async fn upserting_the_same_points_again_changes_nothing(stage: &Stage) {
    let tenant = GenerationId::generate();
    let points: Vec<_> = (0..5_u8).map(|i| point(tenant, i.into(), f32::from(i), "the harbour at dawn")).collect();
    stage.write(&points).await;
    let before = stage.search(&lexical(tenant, "harbour")).await.hits;
    stage.write(&points).await;

    assert_eq!(stage.count(tenant).await, 5);
    let after = stage.search(&lexical(tenant, "harbour")).await.hits;
    assert_eq!(after.len(), 5);
    assert!(before.iter().zip(&after).all(|(one, other)| one.score.to_bits() == other.score.to_bits()));
}

async fn upserting_replaces_the_point_with_the_same_id(stage: &Stage) {
    let tenant = GenerationId::generate();
    stage.write(&[point(tenant, 1, 0.0, "winter")]).await;
    stage.write(&[point(tenant, 1, 90.0, "summer")]).await;

    assert_eq!(stage.count(tenant).await, 1);
    assert!(stage.found(&lexical(tenant, "winter")).await.is_empty());
    assert_eq!(stage.found(&lexical(tenant, "summer")).await.len(), 1);
    let hits = stage.search(&semantic(tenant, 90.0)).await.hits;
    assert!((hits[0].score - 1.0).abs() < 1e-5, "{}", hits[0].score);
}

async fn a_large_upsert_arrives_whole(stage: &Stage) {
    let tenant = GenerationId::generate();
    let points: Vec<_> = (0..2_345_u16).map(|i| point(tenant, i.into(), f32::from(i) / 10.0, "grain")).collect();
    stage.write(&points).await;
    assert_eq!(stage.count(tenant).await, 2_345);
}

async fn a_chunk_without_words_is_found_by_meaning(stage: &Stage) {
    let tenant = GenerationId::generate();
    stage.write(&[point(tenant, 1, 10.0, "— … —")]).await;
    assert_eq!(stage.found(&semantic(tenant, 10.0)).await.len(), 1);
}

async fn a_document_is_deleted_from_its_generation_only(stage: &Stage) {
    let (old, new) = (GenerationId::generate(), GenerationId::generate());
    stage.write(&[point(old, 1, 0.0, "a"), point(old, 2, 0.0, "b"), point(new, 1, 0.0, "a")]).await;
    let selector = PointSelector::Document { generation: old, document: document(1) };
    stage.store.delete(&stage.placement, &selector).await.unwrap();
    stage.store.delete(&stage.placement, &selector).await.unwrap();

    assert_eq!(stage.found(&semantic(old, 0.0)).await, [point(old, 2, 0.0, "b").id]);
    assert_eq!(stage.count(new).await, 1);
}

/// The only chunk of a revision of the first document.
fn draft(tenant: GenerationId, revision: i32) -> Point {
    Point {
        id: ChunkId::derive(tenant, document(1), revision, 0),
        revision,
        ..point(tenant, 1, 0.0, &format!("draft{revision}"))
    }
}

async fn drafts(stage: &Stage) -> GenerationId {
    let tenant = GenerationId::generate();
    stage.write(&[draft(tenant, 1), draft(tenant, 2), draft(tenant, 3), point(tenant, 2, 0.0, "another")]).await;
    tenant
}

async fn older_revisions_are_deleted_and_newer_ones_stay(stage: &Stage) {
    let tenant = drafts(stage).await;
    let selector = PointSelector::OlderRevisions { generation: tenant, document: document(1), than: 2 };
    stage.store.delete(&stage.placement, &selector).await.unwrap();

    assert!(stage.found(&lexical(tenant, "draft1")).await.is_empty());
    for kept in [2, 3] {
        assert_eq!(stage.found(&lexical(tenant, &format!("draft{kept}"))).await, [draft(tenant, kept).id]);
    }
    assert_eq!(stage.count(tenant).await, 3);
}

async fn one_revision_is_deleted_alone(stage: &Stage) {
    let tenant = drafts(stage).await;
    let selector = PointSelector::Revision { generation: tenant, document: document(1), revision: 2 };
    stage.store.delete(&stage.placement, &selector).await.unwrap();

    assert!(stage.found(&lexical(tenant, "draft2")).await.is_empty());
    assert_eq!(stage.count(tenant).await, 3);
}

async fn chunks_are_deleted_from_their_generation_only(stage: &Stage) {
    let (tenant, stranger) = (drafts(stage).await, GenerationId::generate());
    let foreign = point(stranger, 7, 0.0, "foreign");
    stage.write(std::slice::from_ref(&foreign)).await;
    let chunks = vec![draft(tenant, 1).id, draft(tenant, 3).id, foreign.id];
    let selector = PointSelector::Chunks { generation: tenant, chunks };
    stage.store.delete(&stage.placement, &selector).await.unwrap();

    assert_eq!((stage.count(tenant).await, stage.count(stranger).await), (2, 1));
    assert_eq!(stage.found(&lexical(tenant, "draft2")).await, [draft(tenant, 2).id]);
}

async fn a_generation_is_deleted_whole_and_alone(stage: &Stage) {
    let (old, new) = (GenerationId::generate(), GenerationId::generate());
    for generation in [old, new] {
        let points: Vec<_> = (0..30).map(|i| point(generation, i, 0.0, "page")).collect();
        stage.write(&points).await;
    }
    stage.store.delete(&stage.placement, &PointSelector::Generation(old)).await.unwrap();
    assert_eq!((stage.count(old).await, stage.count(new).await), (0, 30));
    assert!(stage.found(&lexical(old, "page")).await.is_empty());
}

async fn scrolling_lists_a_generation_in_the_order_of_ids_page_by_page(stage: &Stage) {
    let (tenant, stranger) = (GenerationId::generate(), GenerationId::generate());
    let points: Vec<_> = (0..25).map(|i| point(tenant, i, 0.0, "page")).collect();
    stage.write(&points).await;
    stage.write(&[point(stranger, 1, 0.0, "page")]).await;

    let mut listed: Vec<PointKey> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let after = listed.last().map(|point| point.id);
        let page = stage.store.scroll(&stage.placement, tenant, after, 10).await.unwrap();
        sizes.push(page.len());
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let key = |&Point { id, document, revision, .. }: &Point| PointKey { id, document, revision };
    let mut expected: Vec<_> = points.iter().map(key).collect();
    expected.sort_by_key(|point| point.id);
    assert_eq!(sizes, [10, 10, 5, 0]);
    assert_eq!(listed, expected);
}

async fn embeddings_are_those_of_the_generation_asked_for(stage: &Stage) {
    let (tenant, stranger) = (GenerationId::generate(), GenerationId::generate());
    let (own, foreign) = (point(tenant, 1, 30.0, "own"), point(stranger, 2, 60.0, "foreign"));
    stage.write(&[own.clone(), foreign.clone()]).await;
    let ids = [own.id, foreign.id, point(tenant, 3, 0.0, "").id];
    let found = stage.store.embeddings(&stage.placement, tenant, &ids).await.unwrap();

    assert_eq!(found.keys().collect::<Vec<_>>(), [&own.id]);
    assert!(found[&own.id].iter().zip(at(30.0)).all(|(found, given)| (found - given).abs() < 1e-6));
    assert!(stage.store.embeddings(&stage.placement, tenant, &[]).await.unwrap().is_empty());
}

async fn embeddings_of_another_dimension_are_refused(stage: &Stage) {
    let tenant = GenerationId::generate();
    let wider = Placement { dimension: DIMENSION + 1, ..stage.placement.clone() };
    let short = Point { embedding: vec![1.0; DIMENSION - 1], ..point(tenant, 1, 0.0, "short") };
    let mut query = semantic(tenant, 0.0);
    query.embedding = Some(vec![1.0; DIMENSION - 1]);
    let errors = [
        stage.store.ensure(&wider).await.unwrap_err(),
        stage.store.upsert(&stage.placement, vec![short]).await.unwrap_err(),
        stage.store.search(&stage.placement, &query).await.unwrap_err(),
    ];
    for (error, expected) in errors.into_iter().zip([DIMENSION + 1, DIMENSION - 1, DIMENSION - 1]) {
        assert!(!error.is_retryable());
        let VectorError::DimensionMismatch { expected: theirs, found, .. } = error else { panic!("{error:?}") };
        assert_eq!((theirs, found), (expected, DIMENSION));
    }
    assert_eq!(stage.count(tenant).await, 0);
}

async fn a_placement_that_was_never_made_is_refused(stage: &Stage) {
    let nowhere = Placement { name: "nowhere".into(), dimension: DIMENSION };
    let tenant = GenerationId::generate();
    let errors = [
        stage.store.count(&nowhere, tenant).await.unwrap_err(),
        stage.store.upsert(&nowhere, vec![point(tenant, 1, 0.0, "lost")]).await.unwrap_err(),
        stage.store.search(&nowhere, &semantic(tenant, 0.0)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, VectorError::Refused { .. }), "{error:?}");
        assert!(!error.is_retryable());
    }
}

async fn ensuring_a_placement_again_keeps_its_points(stage: &Stage) {
    let tenant = GenerationId::generate();
    stage.write(&[point(tenant, 1, 0.0, "stays")]).await;
    stage.store.ensure(&stage.placement).await.unwrap();
    assert_eq!(stage.count(tenant).await, 1);
}

async fn the_store_says_that_it_is_well(stage: &Stage) {
    stage.store.check().await.unwrap();
    stage.store.close().await.unwrap();
}

async fn flushing_and_optimising_little_is_quick_and_changes_nothing(stage: &Stage) {
    let tenant = GenerationId::generate();
    stage.write(&[point(tenant, 1, 0.0, "stays")]).await;
    stage.store.flush(&stage.placement).await.unwrap();
    assert!(!stage.store.optimize(&stage.placement).await.unwrap());
    assert_eq!(stage.found(&lexical(tenant, "stays")).await.len(), 1);
}
