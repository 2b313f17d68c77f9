//! Where the tokens of a text lie.

use crate::support::model::embedder;

#[tokio::test]
async fn ranges_are_bytes_of_the_original_text() {
    let tokenizer = embedder().await.tokenizer();
    let tokens = |text: &'static str| -> Vec<&str> {
        tokenizer.token_ranges(text).unwrap().into_iter().map(|range| &text[range]).collect()
    };
    assert_eq!(tokens("Größe: 東京 🗾 naïveté"), ["Gr", "ö", "ße", ":", "東", "京", "🗾", "naïve", "té"]);
    assert_eq!(tokens("  Two\n\nwords\t"), ["Two", "words"]);
    assert_eq!(tokens(""), [""; 0]);
    assert_eq!(tokens(" \n "), [""; 0]);
}

#[tokio::test]
async fn a_long_text_has_all_its_tokens() {
    let tokenizer = embedder().await.tokenizer();
    let sentence = "Größe und Maß, 東京.\n";
    let tokens_of_one = tokenizer.token_ranges(sentence).unwrap();
    let repetitions = 2000;
    let text = sentence.repeat(repetitions);

    let ranges = tokenizer.token_ranges(&text).unwrap();
    assert_eq!(ranges.len(), tokens_of_one.len() * repetitions);
    for (index, range) in ranges.iter().enumerate() {
        let expected = &sentence[tokens_of_one[index % tokens_of_one.len()].clone()];
        assert_eq!(&text[range.clone()], expected);
    }
}
