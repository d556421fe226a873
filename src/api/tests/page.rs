//! Examples in docs/api.md: each is the real answer to the request above it.

use super::world::{World, target};
use crate::calendar::Period;
use crate::targets::{Measure, Quantity};

const BEFORE_PATH: &str = "    curl -s ";
const BEFORE_REQUEST: &str = "http://127.0.0.1:9464/api/v1/";
const BEFORE_ANSWER: &str = "```json\n";

/// Returns the page with each example replaced by the answer to its request.
fn with_answers(page: &str, world: &World) -> String {
    let mut parts = page.split(BEFORE_PATH);
    let mut generated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once('\n').unwrap();
        let (between, rest) = rest.split_once(BEFORE_ANSWER).unwrap();
        let (_, after) = rest.split_once("```").unwrap();
        let request = path.trim_matches('\'').strip_prefix(BEFORE_REQUEST).unwrap();
        let answer = formatted(&world.text(request), 0);
        generated += &format!("{BEFORE_PATH}{path}\n{between}{BEFORE_ANSWER}{answer}\n```{after}");
    }
    generated
}

/// Formats JSON without reordering its keys; a value that fits on one line is not broken.
fn formatted(json: &str, depth: usize) -> String {
    const LINE: usize = 130;
    let spaced = split_after(json, &[',', ':']).join(" ");
    let is_scalar = json.len() < 2 || !json.starts_with(['{', '[']);
    if is_scalar || depth * 2 + spaced.len() <= LINE {
        return spaced;
    }
    let indent = "  ".repeat(depth);
    let entries = split_at_commas(&json[1..json.len() - 1]).into_iter().map(|entry| match split_at_colon(entry) {
        Some((key, value)) => format!("{indent}  {key}: {}", formatted(value, depth + 1)),
        None => format!("{indent}  {}", formatted(entry, depth + 1)),
    });
    format!("{}\n{}\n{indent}{}", &json[..1], entries.collect::<Vec<_>>().join(",\n"), &json[json.len() - 1..])
}

/// Finds these characters outside of strings; returns the depth of brackets and the position of each.
fn outside_of_strings<'a>(json: &'a str, characters: &'a [char]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let (mut depth, mut is_string, mut is_escaped) = (0, false, false);
    json.char_indices().filter_map(move |(position, character)| {
        if is_string {
            (is_string, is_escaped) = (is_escaped || character != '"', !is_escaped && character == '\\');
            return None;
        }
        match character {
            '"' => is_string = true,
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        characters.contains(&character).then_some((depth, position))
    })
}

/// Splits the text after each of these characters.
fn split_after<'a>(json: &'a str, characters: &[char]) -> Vec<&'a str> {
    let ends: Vec<usize> =
        outside_of_strings(json, characters).map(|(_, position)| position + 1).chain([json.len()]).collect();
    let mut start = 0;
    ends.into_iter().map(|end| &json[std::mem::replace(&mut start, end)..end]).collect()
}

/// Splits the text at its outermost commas.
fn split_at_commas(json: &str) -> Vec<&str> {
    let commas: Vec<usize> =
        outside_of_strings(json, &[',']).filter(|(depth, _)| *depth == 0).map(|(_, position)| position).collect();
    let mut start = 0;
    commas.into_iter().chain([json.len()]).map(|end| &json[std::mem::replace(&mut start, end + 1)..end]).collect()
}

/// Splits an entry of an object into key and value.
fn split_at_colon(entry: &str) -> Option<(&str, &str)> {
    let colon = outside_of_strings(entry, &[':']).find(|(depth, _)| *depth == 0)?.1;
    Some((&entry[..colon], &entry[colon + 1..]))
}

#[test]
fn the_examples_in_the_documentation_are_real() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
    let world = World::new(vec![target("weekly-people", Measure::Beneficiaries, Period::WEEK, Quantity::Count(100))]);
    let mut written = std::fs::read_to_string(path).unwrap();
    let generated = with_answers(&written, &world);
    if std::env::var_os("PACEMETER_BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
        written.clone_from(&generated);
    }
    assert!(written.contains(BEFORE_PATH), "the page has no examples");
    assert!(
        written == generated,
        "the examples in {path} are outdated; run the test with PACEMETER_BLESS=1 and review the diff"
    );
}
