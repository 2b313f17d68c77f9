//! What is found, in which order, with which scores, and what happens if a leg fails.

use std::collections::HashMap;

use docent::{
    domain::{
        id::{ChunkId, GenerationId},
        search::{FusionSettings, SearchLegFailure, SearchLegKind, SearchLegState},
    },
    vector::{LegReport, Point, VectorError, VectorHit, VectorQuery},
};

use super::{Stage, hybrid, ids, lexical, on_both_stores, point, semantic};

on_both_stores! {
    a_search_never_leaves_its_generations
    several_generations_are_searched_as_one
    a_whole_placement_is_searched_as_all_of_its_generations_are
    semantic_hits_are_scored_by_cosine_similarity
    lexical_hits_are_scored_by_bm25
    the_words_of_a_stranger_do_not_weigh
    hybrid_hits_are_fused_by_rank_and_weight
    an_explanation_gives_rank_and_score_in_each_leg
    hits_carry_no_explanation_that_nobody_asked_for
    hits_of_equal_score_keep_their_order_from_page_to_page
    the_legs_report_what_they_found
    a_question_without_words_leaves_the_semantic_leg
    a_search_of_no_generations_finds_nothing
    a_leg_that_fails_is_reported_beside_the_hits_of_the_other
    a_search_whose_legs_all_fail_fails
    a_search_ends_when_its_time_is_up
}

/// Nine chunks of one tenant: towards 0 degrees they differ by 10, and each has a word of its own beside a common one.
async fn nine_chunks(stage: &Stage) -> (GenerationId, Vec<Point>) {
    let words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet"];
    let tenant = GenerationId::generate();
    let chunk = |(number, word): (u8, &&str)| {
        point(tenant, number.into(), f32::from(number) * 10.0, &format!("{word} {}", "harbour ".repeat(number.into())))
    };
    let points: Vec<_> = (0..).zip(&words).map(chunk).collect();
    stage.write(&points).await;
    (tenant, points)
}

async fn a_search_never_leaves_its_generations(stage: &Stage) {
    let (tenant, stranger) = (GenerationId::generate(), GenerationId::generate());
    let own: Vec<_> = (0..3).map(|i| point(tenant, i, 40.0, "harbour")).collect();
    let foreign: Vec<_> = (0..30).map(|i| point(stranger, i, 0.0, "harbour harbour")).collect();
    stage.write(&own).await;
    stage.write(&foreign).await;
    for query in [semantic(tenant, 0.0), lexical(tenant, "harbour"), hybrid(tenant, 0.0, "harbour")] {
        let hits = stage.search(&query).await.hits;
        assert_eq!(hits.len(), 3);
        assert!(hits.iter().all(|hit| hit.generation == tenant && own.iter().any(|point| point.id == hit.id)));
    }
}

async fn several_generations_are_searched_as_one(stage: &Stage) {
    let tenants: Vec<_> = (0..3).map(|_| GenerationId::generate()).collect();
    for (&tenant, degrees) in tenants.iter().zip([20.0, 10.0, 0.0]) {
        stage.write(&[point(tenant, 1, degrees, "harbour")]).await;
    }
    let query = VectorQuery { generations: tenants[..2].into(), ..semantic(tenants[0], 0.0) };
    let hits = stage.search(&query).await.hits;
    assert_eq!(hits.iter().map(|hit| hit.generation).collect::<Vec<_>>(), [tenants[1], tenants[0]]);
}

async fn a_whole_placement_is_searched_as_all_of_its_generations_are(stage: &Stage) {
    let (first, _) = nine_chunks(stage).await;
    let (second, _) = nine_chunks(stage).await;
    let both = || [first, second].into();
    for query in [semantic(first, 20.0), lexical(first, "harbour delta"), hybrid(first, 20.0, "harbour delta")] {
        let named = stage.search(&VectorQuery { generations: both(), ..query.clone() }).await.hits;
        let whole = stage.search(&VectorQuery { generations: both(), is_whole: true, ..query }).await.hits;
        assert_eq!(named, whole);
        assert_eq!(whole.len(), 10);
    }
}

async fn semantic_hits_are_scored_by_cosine_similarity(stage: &Stage) {
    let (tenant, points) = nine_chunks(stage).await;
    let hits = stage.search(&VectorQuery { limit: 4, ..semantic(tenant, 0.0) }).await.hits;
    assert_eq!(ids(&hits), points[..4].iter().map(|point| point.id).collect::<Vec<_>>());
    for (hit, degrees) in hits.iter().zip([0.0_f32, 10.0, 20.0, 30.0]) {
        assert!((hit.score - degrees.to_radians().cos()).abs() < 1e-5, "{} at {degrees}", hit.score);
    }
}

async fn lexical_hits_are_scored_by_bm25(stage: &Stage) {
    let tenant = GenerationId::generate();
    let texts = ["tram", "tram tram ferry", "ferry ferry bicycle", "bicycle"];
    let points: Vec<_> = (0..).zip(texts).map(|(number, text)| point(tenant, number, 0.0, text)).collect();
    stage.write(&points).await;
    let hits = stage.search(&lexical(tenant, "the TRAMS")).await.hits;

    // The defaults of the settings: k1, b and the average length.
    let weight = |count: f32, length: f32| count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 90.0));
    let (chunks, with_word) = (4.0_f32, 2.0);
    let rarity = ((chunks - with_word + 0.5) / (with_word + 0.5) + 1.0).ln();
    let expected = [(points[1].id, rarity * weight(2.0, 3.0)), (points[0].id, rarity * weight(1.0, 1.0))];
    assert_eq!(hits.len(), expected.len());
    for (hit, (id, score)) in hits.iter().zip(expected) {
        assert_eq!(hit.id, id);
        assert!((hit.score - score).abs() < 1e-4, "{} is not {score}", hit.score);
    }
}

async fn the_words_of_a_stranger_do_not_weigh(stage: &Stage) {
    let (tenant, points) = nine_chunks(stage).await;
    let query = VectorQuery { explain: true, ..hybrid(tenant, 0.0, "harbour fjord") };
    let before = stage.search(&query).await.hits;
    let stranger = GenerationId::generate();
    let foreign: Vec<_> = (0..200).map(|i| point(stranger, i, 0.0, "fjord fjord")).collect();
    stage.write(&foreign).await;

    assert_eq!(stage.search(&query).await.hits, before);
    assert_eq!(stage.found(&lexical(tenant, "harbour fjord")).await[0], points[5].id);
}

async fn hybrid_hits_are_fused_by_rank_and_weight(stage: &Stage) {
    let (tenant, points) = nine_chunks(stage).await;
    for (k, semantic_weight, lexical_weight) in
        [(10_u16, 1.0, 1.0), (2, 1.0, 1.0), (60, 3.0, 1.0), (10, 0.5, 2.0), (10, 0.0, 1.0)]
    {
        let fusion = FusionSettings { k: k.into(), semantic_weight, lexical_weight };
        let hits = stage
            .search(&VectorQuery { fusion: Some(fusion), explain: true, ..hybrid(tenant, 0.0, "harbour") })
            .await
            .hits;
        assert_eq!(hits.len(), points.len());
        assert!(hits.is_sorted_by(|one, other| one.score >= other.score));
        for hit in hits {
            let contribution = |leg, weight: f32| {
                let rank = hit.legs.iter().find(|found| found.leg == leg)?.rank;
                let rank = f32::from(u16::try_from(rank).unwrap());
                (weight > 0.0).then(|| 1.0 / (f32::from(k) - 1.0 + rank / weight))
            };
            let semantic = contribution(SearchLegKind::Semantic, semantic_weight);
            let lexical = contribution(SearchLegKind::Lexical, lexical_weight);
            let expected: f32 = [semantic, lexical].into_iter().flatten().sum();
            assert!((hit.score - expected).abs() < 1e-6, "{} is not {expected} with {fusion:?}", hit.score);
        }
    }
}

async fn an_explanation_gives_rank_and_score_in_each_leg(stage: &Stage) {
    let (tenant, _) = nine_chunks(stage).await;
    let alone: HashMap<_, _> = HashMap::from([
        (SearchLegKind::Semantic, stage.search(&semantic(tenant, 25.0)).await.hits),
        (SearchLegKind::Lexical, stage.search(&lexical(tenant, "harbour cedar")).await.hits),
    ]);
    let explained = VectorQuery { explain: true, ..hybrid(tenant, 25.0, "harbour cedar") };
    let hits = stage.search(&explained).await.hits;

    assert_eq!(hits.len(), 9);
    for hit in &hits {
        let legs = [SearchLegKind::Semantic, SearchLegKind::Lexical];
        let expected = legs.iter().filter(|leg| alone[leg].iter().any(|other| other.id == hit.id));
        assert!(hit.legs.iter().map(|found| &found.leg).eq(expected), "{hit:?}");
        for found in &hit.legs {
            // The engine ranks equal scores as it likes.
            let alone = &alone[&found.leg];
            let score = alone.iter().find(|other| other.id == hit.id).unwrap().score;
            let better = alone.iter().filter(|other| other.score > score).count();
            let as_good = alone.iter().filter(|other| other.score >= score).count();
            assert!((found.score - score).abs() < 1e-6, "{found:?}");
            assert!((better + 1..=as_good).contains(&found.rank), "{found:?} of {alone:?}");
        }
    }
    // The chunk without the common word was found by meaning only.
    assert!(hits.iter().any(|hit| hit.legs.len() == 1) && hits.iter().any(|hit| hit.legs.len() == 2));

    let single = stage.search(&VectorQuery { explain: true, ..lexical(tenant, "harbour cedar") }).await.hits;
    for (place, hit) in single.iter().enumerate() {
        let legs: Vec<_> = hit.legs.iter().map(|leg| (leg.leg, leg.rank, leg.score)).collect();
        assert_eq!(legs, [(SearchLegKind::Lexical, place + 1, hit.score)]);
    }
}

async fn hits_carry_no_explanation_that_nobody_asked_for(stage: &Stage) {
    let (tenant, _) = nine_chunks(stage).await;
    let explained = stage.search(&VectorQuery { explain: true, ..hybrid(tenant, 0.0, "harbour") }).await.hits;
    let plain = stage.search(&hybrid(tenant, 0.0, "harbour")).await.hits;
    assert_eq!(ids(&plain), ids(&explained));
    assert!(plain.iter().all(|hit| hit.legs.is_empty()));
}

async fn hits_of_equal_score_keep_their_order_from_page_to_page(stage: &Stage) {
    let tenant = GenerationId::generate();
    // Found by one leg only, and at the same rank in each: 20 pairs of equal score.
    let by_meaning = (0..20_u8).map(|i| point(tenant, i.into(), f32::from(i), "—"));
    let by_words = (20..40_u8).map(|i| point(tenant, i.into(), 180.0, &"harbour ".repeat(i.into())));
    stage.write(&by_meaning.chain(by_words).collect::<Vec<_>>()).await;
    let query = VectorQuery { limit: 30, ..hybrid(tenant, 0.0, "harbour") };
    let all = stage.found(&query).await;
    assert_eq!(all.len(), 30);
    for limit in 1..30 {
        assert_eq!(stage.found(&VectorQuery { limit, candidates: 30, ..query.clone() }).await, all[..limit]);
    }
}

async fn the_legs_report_what_they_found(stage: &Stage) {
    let (tenant, _) = nine_chunks(stage).await;
    let query = VectorQuery { limit: 2, candidates: 5, explain: true, ..hybrid(tenant, 0.0, "amber birch") };
    let answer = stage.search(&query).await;
    assert_eq!(answer.hits.len(), 2);
    assert_eq!(found_by(&answer.legs), [(SearchLegKind::Semantic, 5), (SearchLegKind::Lexical, 2)]);
    assert!(answer.legs.iter().all(|leg| leg.failure.is_none() && !leg.elapsed.is_zero()));

    let answer = stage.search(&lexical(tenant, "harbour")).await;
    assert_eq!(found_by(&answer.legs), [(SearchLegKind::Lexical, 8)]);
}

/// The legs, all of them completed, and how many candidates each found.
fn found_by(legs: &[LegReport]) -> Vec<(SearchLegKind, usize)> {
    assert!(legs.iter().all(|leg| leg.state == SearchLegState::Completed), "{legs:?}");
    legs.iter().map(|leg| (leg.leg, leg.candidates)).collect()
}

async fn a_question_without_words_leaves_the_semantic_leg(stage: &Stage) {
    let (tenant, points) = nine_chunks(stage).await;
    let query = VectorQuery { explain: true, ..hybrid(tenant, 0.0, "and the of") };
    let answer = stage.search(&query).await;
    assert_eq!(found_by(&answer.legs), [(SearchLegKind::Semantic, 9), (SearchLegKind::Lexical, 0)]);
    assert_eq!(ids(&answer.hits), points.iter().map(|point| point.id).collect::<Vec<_>>());
    // Fused scores, since two legs were asked for.
    assert!((answer.hits[0].score - 0.1).abs() < 1e-6);

    let answer = stage.search(&lexical(tenant, "and the of")).await;
    assert_eq!(found_by(&answer.legs), [(SearchLegKind::Lexical, 0)]);
    assert!(answer.hits.is_empty());
}

async fn a_search_of_no_generations_finds_nothing(stage: &Stage) {
    let (tenant, _) = nine_chunks(stage).await;
    let query = VectorQuery { generations: [].into(), ..hybrid(tenant, 0.0, "harbour") };
    assert!(stage.search(&query).await.hits.is_empty());
}

async fn a_leg_that_fails_is_reported_beside_the_hits_of_the_other(stage: &Stage) {
    let (tenant, points) = nine_chunks(stage).await;
    let query = VectorQuery { explain: true, ..hybrid(tenant, 0.0, "islet harbour") };
    let by_meaning: Vec<ChunkId> = points.iter().map(|point| point.id).collect();
    let by_words = stage.found(&lexical(tenant, "islet harbour")).await;
    let faults = fail::FailScenario::setup();
    for (fault, broken, working, expected) in [
        ("vector-semantic-leg", SearchLegKind::Semantic, SearchLegKind::Lexical, by_words),
        ("vector-lexical-leg", SearchLegKind::Lexical, SearchLegKind::Semantic, by_meaning),
    ] {
        let fault = format!("{fault} {:?}", query.generations);
        fail::cfg(fault.as_str(), "return").unwrap();
        let answer = stage.search(&query).await;
        fail::remove(fault);

        assert_eq!(ids(&answer.hits), expected);
        assert!(answer.hits.iter().all(|hit: &VectorHit| hit.legs.iter().map(|leg| leg.leg).eq([working])));
        assert_eq!(
            answer.legs.iter().map(|leg| leg.leg).collect::<Vec<_>>(),
            [SearchLegKind::Semantic, SearchLegKind::Lexical]
        );
        let report = |kind| answer.legs.iter().find(|leg| leg.leg == kind).unwrap();
        assert_eq!(report(working).state, SearchLegState::Completed);
        assert_eq!(report(broken).state, SearchLegState::Failed);
        assert_eq!(report(broken).candidates, 0);
        assert_eq!(report(broken).failure, Some(SearchLegFailure::ServiceFailure));
    }
    faults.teardown();
}

async fn a_search_whose_legs_all_fail_fails(stage: &Stage) {
    let (tenant, _) = nine_chunks(stage).await;
    let faults = fail::FailScenario::setup();
    let fault = |leg: &str| format!("vector-{leg}-leg {:?}", [tenant]);
    fail::cfg(fault("semantic"), "return").unwrap();
    let error = stage.store.search(&stage.placement, &semantic(tenant, 0.0)).await.unwrap_err();
    assert!(matches!(error, VectorError::Failed { .. }), "{error:?}");

    fail::cfg(fault("lexical"), "return").unwrap();
    let error = stage.store.search(&stage.placement, &hybrid(tenant, 0.0, "harbour")).await.unwrap_err();
    assert!(error.is_retryable());
    faults.teardown();
}

async fn a_search_ends_when_its_time_is_up(stage: &Stage) {
    let (tenant, _) = nine_chunks(stage).await;
    let query = VectorQuery { timeout: std::time::Duration::ZERO, ..hybrid(tenant, 0.0, "harbour") };
    let error = stage.store.search(&stage.placement, &query).await.unwrap_err();
    assert!(matches!(error, VectorError::TimedOut { .. }), "{error:?}");
    assert!(error.is_retryable());
}
