//! Relative links of all pages: the file is there, and so is the anchor.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{self, Page};
use crate::tidy::root;

/// Text without fences, indented code and code spans, in which brackets are no links.
fn prose(page: &Page) -> String {
    let code: Vec<String> = page.blocks().into_iter().map(|block| block.text).collect();
    let code: BTreeSet<&str> = code.iter().flat_map(|text| text.lines()).collect();
    let lines = page.text.lines().filter(|line| !code.contains(line.trim()) || line.trim().is_empty());
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Targets of links and pictures.
fn targets(page: &Page) -> Vec<String> {
    let text = prose(page);
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    ends.map(|target| target.replace('\n', "")).collect()
}

/// Anchors of a page: those that it names, and those of its headings as GitHub makes them.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut anchors: BTreeSet<String> =
        page.text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut is_code = false;
    for line in page.text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if is_code || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let letters = heading.trim().to_lowercase().replace(' ', "-");
        let anchor: String =
            letters.chars().filter(|next| next.is_alphanumeric() || ['-', '_'].contains(next)).collect();
        let count = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

fn broken(pages: &[Page]) -> Vec<String> {
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        pages.iter().map(|page| (page.path.as_str(), anchors(page))).collect();
    let mut faults = Vec::new();
    for page in pages {
        let directory = page.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for target in targets(page).iter().filter(|target| !target.contains(':')) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.path.clone() } else { joined(directory, file) };
            let is_there = anchors.contains_key(path.as_str()) || root().join(&path).exists();
            let has_anchor =
                anchors.get(path.as_str()).is_none_or(|of_page| anchor.is_empty() || of_page.contains(anchor));
            if !is_there || !has_anchor {
                faults.push(format!("{}: the link to {target} leads nowhere", page.path));
            }
        }
    }
    faults
}

/// Path of a link from a directory, without `..`.
fn joined(directory: &str, link: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/').filter(|part| *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn links_and_anchors_lead_somewhere() {
    let pages = page::all();
    assert!(pages.iter().map(|page| targets(page).len()).sum::<usize>() > 300, "the pages have lost their links");
    let faults = broken(&pages);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let pages = page::all();
    let mut reached = BTreeSet::from(["README.md".to_owned(), "CHANGELOG.md".to_owned()]);
    let mut waiting = vec!["README.md".to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(page) = pages.iter().find(|page| page.path == path) else { continue };
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for target in targets(page).iter().filter(|target| !target.contains(':')) {
            let next = joined(directory, target.split('#').next().unwrap_or_default());
            if reached.insert(next.clone()) {
                waiting.push(next);
            }
        }
    }
    let lost: Vec<&str> = pages.iter().map(|page| page.path.as_str()).filter(|path| !reached.contains(*path)).collect();
    assert_eq!(lost, [] as [&str; 0], "no chain of links leads from README.md to these");
}

#[test]
fn broken_links_and_anchors_are_found() {
    let page = |path: &str, text: &str| Page { path: path.to_owned(), text: text.to_owned() };
    let here = "# A page\n## A page\n[x](other.md#here) [x](other.md#gone) [x](no.md) [x](#a-page-1) [x](https://e.example/no) `[x](no.md)`\n";
    let pages = [page("docs/a.md", here), page("docs/other.md", "<a id=\"here\"></a>\n")];
    let expected = ["docs/a.md: the link to other.md#gone leads nowhere", "docs/a.md: the link to no.md leads nowhere"];
    assert_eq!(broken(&pages), expected);
}
