//! The rules of language that can be checked by reading text: openings of doc comments, words, names of types and
//! tests.

use std::collections::BTreeMap;

use super::{File, is_test};

/// Openings that make a doc comment a fragment: the reader has to find its noun and verb elsewhere.
const FRAGMENTS: [&str; 9] = ["Of", "By", "What", "Whether", "How", "Who", "Where", "As", "The same"];

/// Longest name of a test, in characters.
const TEST_NAME: usize = 60;

/// Paraphrases that this project once used, each with the field's term. Compared without regard to case, at word
/// boundaries.
const PARAPHRASES: [(&str, &str); 16] = [
    ("go on from", "resume"),
    ("goes on from", "resumes"),
    ("gone on from", "resumed"),
    ("under way", "in flight, in progress"),
    ("set aside", "dead-lettered, rejected"),
    ("made anew", "rebuilt"),
    ("make anew", "rebuild"),
    ("made new", "rebuilt"),
    ("mended", "fixed"),
    ("known otherwise", "corrected"),
    ("held against", "compared with"),
    ("for good", "permanently"),
    ("what became of", "outcome of"),
    ("the contract", "the specification: link its rule, as spec/figures.md#returns"),
    ("contract's", "link the rule, as spec/figures.md#returns"),
    ("is told", "is reported, receives"),
];

/// Participles and pronouns that say nothing as the name of a type.
const NO_NOUNS: [&str; 22] = [
    "Kept",
    "Told",
    "Taken",
    "Shown",
    "Given",
    "Noted",
    "Found",
    "Opened",
    "Ended",
    "Written",
    "Begun",
    "Listed",
    "Closed",
    "Corrected",
    "Restored",
    "Owned",
    "Settled",
    "Approved",
    "Selected",
    "Reached",
    "Walked",
    "Waited",
];

/// Doc comments that open with a fragment.
pub fn fragments(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    let mut previous = false;
    for (index, line) in file.text.lines().enumerate() {
        let comment = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!"));
        if let Some(text) = comment.filter(|_| !previous).map(str::trim_start) {
            let opens = |word: &&&str| {
                text.strip_prefix(**word).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
            };
            if let Some(word) = FRAGMENTS.iter().find(opens) {
                faults.push(format!("{}:{}: opens with {word:?}: {text}", file.path, index + 1));
            }
        }
        previous = comment.is_some();
    }
    faults
}

/// Paraphrases in prose: comments of Rust and shell, and pages of documentation.
pub fn paraphrases(file: &File) -> Vec<String> {
    let is_page = file.path.ends_with(".md");
    let marker = match file.path.rsplit('.').next() {
        Some("rs") => "//",
        Some("toml" | "yml") => "#",
        _ => "",
    };
    if !is_page && marker.is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let prose = if is_page { Some(line) } else { line.find(marker).map(|at| &line[at..]) };
        let Some(prose) = prose.map(str::to_lowercase) else { continue };
        for (phrase, term) in PARAPHRASES {
            if contains_words(&prose, phrase) {
                faults.push(format!("{}:{}: {phrase:?}: write {term}", file.path, index + 1));
            }
        }
    }
    faults
}

fn contains_words(text: &str, phrase: &str) -> bool {
    let is_word =
        |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    text.match_indices(phrase)
        .any(|(at, _)| !is_word(text[..at].chars().next_back()) && !is_word(text[at + phrase.len()..].chars().next()))
}

/// Names of tests that are too long to be read in a list.
pub fn long_test_names(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut faults = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if !matches!(line.trim(), "#[test]" | "#[tokio::test]") {
            continue;
        }
        let signature = lines[index + 1..].iter().find(|line| !line.trim_start().starts_with("#["));
        let name = signature.and_then(|line| super::function_name(line));
        if let Some(name) = name.filter(|name| name.len() > TEST_NAME) {
            faults.push(format!(
                "{}:{}: {name} has {} characters, at most {TEST_NAME}",
                file.path,
                index + 1,
                name.len()
            ));
        }
    }
    faults
}

/// Types that other modules can name: `pub` and `pub(crate)`, outside tests. Name and place.
fn visible_types(file: &File) -> Vec<(String, String)> {
    let text = super::without_tests(&file.text);
    let types = text.lines().enumerate().filter_map(|(index, line)| {
        let rest = line.trim_start().strip_prefix("pub ").or_else(|| line.trim_start().strip_prefix("pub(crate) "))?;
        let (keyword, rest) = rest.split_once(' ')?;
        let is_type = ["struct", "enum", "trait", "type", "union"].contains(&keyword);
        let name = rest.split(|next: char| !next.is_alphanumeric()).next()?;
        (is_type && !name.is_empty()).then(|| (name.to_owned(), format!("{}:{}", file.path, index + 1)))
    });
    types.collect()
}

/// Names that two visible types share. The `Settings` of a stage are read with their module's name.
pub fn shared_type_names<'a>(files: impl Iterator<Item = &'a File>) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files.filter(|file| file.path.starts_with("src/") && !is_test(&file.path)) {
        for (name, place) in visible_types(file) {
            places.entry(name).or_default().push(place);
        }
    }
    let shared = places.iter().filter(|(name, places)| places.len() > 1 && *name != "Settings");
    shared.map(|(name, places)| format!("{name} names {} types: {}", places.len(), places.join(", "))).collect()
}

/// Types whose name is a participle.
pub fn participles(file: &File) -> Vec<String> {
    let text = super::without_tests(&file.text);
    let types = text.lines().enumerate().filter_map(|(index, line)| {
        let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
        let is_type = ["struct", "enum", "trait", "type", "union"].contains(&words.next()?);
        let name = words.next()?.split(|next: char| !next.is_alphanumeric()).next()?;
        (is_type && NO_NOUNS.contains(&name)).then(|| format!("{}:{}: {name} is no noun", file.path, index + 1))
    });
    types.collect()
}
