//! Chunks along the structure of Markdown.

use super::{config, contents, markdown, split};

fn paths(text: &str, max_tokens: u32) -> Vec<(String, Vec<String>)> {
    let chunks = split(&markdown(text), &config(max_tokens, 0));
    chunks.into_iter().map(|chunk| (chunk.content, chunk.headings)).collect()
}

#[test]
fn chunks_end_before_headings_and_carry_the_path_of_headings_above_them() {
    let text = "# Otters\n\nAn intro of words.\n\n## Life\n\nThey live in the wild.\n\n### Food\n\nFish and more fish.\n\n## Names\n\nMany.";

    let expected = [
        ("# Otters\n\nAn intro of words.", vec!["Otters"]),
        ("## Life\n\nThey live in the wild.", vec!["Otters", "Life"]),
        ("### Food\n\nFish and more fish.", vec!["Otters", "Life", "Food"]),
        ("## Names\n\nMany.", vec!["Otters", "Names"]),
    ];
    let found = paths(text, 12);
    let found: Vec<_> =
        found.iter().map(|(content, path)| (content.as_str(), path.iter().map(String::as_str).collect())).collect();
    assert_eq!(found, expected);
}

#[test]
fn sections_that_fit_together_stay_together() {
    let text = "# Otters\n\nIntro.\n\n## Life\n\nWild.\n\n## Names\n\nMany.";

    assert_eq!(contents(&split(&markdown(text), &config(100, 0))), [text]);
}

#[test]
fn a_heading_is_never_parted_from_what_follows_it() {
    let text = format!("# Otters\n\n## Life\n\n{}", "word ".repeat(40));
    let chunks = split(&markdown(text), &config(16, 0));

    assert!(chunks[0].content.starts_with("# Otters\n\n## Life\n\nword word"), "{:?}", chunks[0].content);
    assert_eq!(chunks[1].headings, ["Otters", "Life"]);
}

#[test]
fn later_chunks_of_a_table_carry_its_header_row_and_what_follows_the_table_does_not() {
    let row = |number: u32| format!("| Peak {number} | {number} |\n");
    let text = format!(
        "# Peaks\n\n| Name | Height |\n| --- | --- |\n{}\nAfter the table.\n\nMore words after it.",
        (0..20).map(row).collect::<String>()
    );
    let found = paths(&text, 14);
    for (content, path) in &found {
        let is_later_part = content.starts_with("| Peak");
        assert_eq!(path.last().unwrap() == "Name | Height", is_later_part, "{content}: {path:?}");
        assert!(!is_later_part || content.lines().all(|line| line.ends_with('|')), "{content}");
    }
    assert!(found.iter().filter(|(content, _)| content.starts_with("| Peak")).count() > 5);
}

#[test]
fn a_long_section_is_cut_between_blocks_and_keeps_its_path() {
    let text = "# Table\n\n- one two three\n- four five six\n- seven eight nine\n\n| a | b |\n| - | - |\n| cc | dd |\n| ee | ff |";
    let found = paths(text, 14);

    let parts: Vec<_> = found.iter().map(|(content, _)| content.as_str()).collect();
    assert_eq!(
        parts,
        [
            "# Table\n\n- one two three\n- four five six",
            "- seven eight nine",
            "| a | b |\n| - | - |",
            "| cc | dd |\n| ee | ff |"
        ]
    );
    assert!(found[..3].iter().all(|(_, path)| path == &["Table"]));
    assert_eq!(found[3].1, ["Table", "a | b"]);
}

#[test]
fn what_looks_like_a_heading_in_code_front_matter_or_a_quote_is_none() {
    let text = "---\ntitle: Front\n---\n\n# Real `code` *name*\n\n```\n# comment\n```\n\n> # quoted\n\nthe end";

    for (_, path) in paths(text, 6).iter().skip(1) {
        assert_eq!(path, &["Real code name"]);
    }
    assert_eq!(paths(text, 6)[0].1, Vec::<String>::new());
}

#[test]
fn underlined_headings_count_and_empty_ones_do_not() {
    let found = paths("Otters\n======\n\nabout\n\n#\n\nnothing\n\nLife\n----\n\nwild", 6);

    assert_eq!(found[0].1, ["Otters"]);
    assert_eq!(found.last().unwrap().1, ["Otters", "Life"]);
}

#[test]
fn nothing_is_repeated_across_a_heading() {
    let text = "# One\n\nAa bb. Cc dd.\n\n# Two\n\nEe ff. Gg hh. Ii jj. Kk ll.";
    let chunks = split(&markdown(text), &config(10, 4));

    assert_eq!(contents(&chunks), ["# One\n\nAa bb. Cc dd.", "# Two\n\nEe ff. Gg hh.", "Gg hh. Ii jj. Kk ll."]);
}

#[test]
fn a_title_of_a_page_is_cut_for_the_path() {
    let text = format!("# {}\n\ntext", "long ".repeat(1000));

    assert_eq!(paths(&text, 200)[0].1[0].len(), 199);
}
