//! Links between pages lead to files and headings that exist.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Component, Path, PathBuf},
};

use super::page::{Page, is_markdown, manual, root};

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|character| character.is_alphanumeric() || matches!(character, '-' | '_')).collect()
}

fn anchors(page: &Page) -> BTreeSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = page.prose().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let name = anchor(heading.trim_start_matches('#').trim());
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count == 1 { name } else { format!("{name}-{}", *count - 1) }
        })
        .collect()
}

/// The targets of the links and pictures of a page that lead to files of the project.
fn targets(page: &Page) -> Vec<String> {
    let mut targets = Vec::new();
    for line in page.prose() {
        // What stands between backticks is code.
        let text: String = line.split('`').step_by(2).collect();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.extend(links.filter(|target| !target.contains("://")).map(str::to_owned));
    }
    targets
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        if component == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(component);
        }
        plain
    })
}

/// What is wrong with a link from `page`.
fn fault(page: &Page, target: &str) -> Option<String> {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let folder = Path::new(&page.path).parent().unwrap();
    let file = if path.is_empty() { PathBuf::from(&page.path) } else { plain(&folder.join(path)) };
    if !root().join(&file).exists() {
        return Some(format!("{}: there is no file «{target}»", page.path));
    }
    let file = file.to_str().unwrap();
    let is_found = heading.is_none_or(|heading| is_markdown(file) && anchors(&Page::read(file)).contains(heading));
    (!is_found).then(|| format!("{}: there is no heading «{target}»", page.path))
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let more = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(Page::read);
    let pages: Vec<_> = manual().into_iter().chain(more).collect();
    let links: Vec<_> =
        pages.iter().flat_map(|page| targets(page).into_iter().map(move |target| (page, target))).collect();
    assert!(links.len() > 50, "{} links", links.len());
    let faults: Vec<_> = links.iter().filter_map(|(page, target)| fault(page, target)).collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_readme_leads_to_every_page() {
    let linked: BTreeSet<_> = targets(&Page::read("README.md")).into_iter().collect();
    let pages: Vec<_> = manual().into_iter().map(|page| page.path).filter(|path| path.starts_with("docs/")).collect();
    let missing: Vec<_> = pages.iter().filter(|path| !linked.contains(*path)).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn a_link_to_nowhere_is_found() {
    let text = "[a](no.md) [b](README.md#start) `[c](no.md)` [d](README.md#nowhere) [e](https://example.org)\n\
                ```\n[f](no.md)\n```\n";
    let page = Page { path: "PAGE.md".into(), text: text.into() };
    let faults: Vec<_> = targets(&page).iter().filter_map(|target| fault(&page, target)).collect();
    assert_eq!(faults, ["PAGE.md: there is no file «no.md»", "PAGE.md: there is no heading «README.md#nowhere»"]);
}
