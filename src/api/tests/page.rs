//! The examples in docs/api.md are answers.

use super::world::{World, target};
use crate::calendar::Period;
use crate::targets::{Measure, Quantity};

const BEFORE_PATH: &str = "    curl -s ";
const BEFORE_QUESTION: &str = "http://127.0.0.1:9464/api/v1/";
const BEFORE_ANSWER: &str = "```json\n";

/// The page with an answer after each question; in place of what was there, if anything was.
fn answered(page: &str, world: &World) -> String {
    let mut parts = page.split(BEFORE_PATH);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once('\n').unwrap();
        let (between, rest) = rest.split_once(BEFORE_ANSWER).unwrap();
        let (_, after) = rest.split_once("```").unwrap();
        let request = path.trim_matches('\'').strip_prefix(BEFORE_QUESTION).unwrap();
        let answer = laid_out(&world.text(request), 0);
        made += &format!("{BEFORE_PATH}{path}\n{between}{BEFORE_ANSWER}{answer}\n```{after}");
    }
    made
}

/// JSON with its keys in their order; what is not longer than a line stands on one.
fn laid_out(json: &str, depth: usize) -> String {
    const LINE: usize = 130;
    let spaced = parts_of(json, &[',', ':']).join(" ");
    let is_whole = json.len() < 2 || !json.starts_with(['{', '[']);
    if is_whole || depth * 2 + spaced.len() <= LINE {
        return spaced;
    }
    let indent = "  ".repeat(depth);
    let entries = parts_at_the_top(&json[1..json.len() - 1]).into_iter().map(|entry| match parts_at_colon(entry) {
        Some((key, value)) => format!("{indent}  {key}: {}", laid_out(value, depth + 1)),
        None => format!("{indent}  {}", laid_out(entry, depth + 1)),
    });
    format!("{}\n{}\n{indent}{}", &json[..1], entries.collect::<Vec<_>>().join(",\n"), &json[json.len() - 1..])
}

/// Finds characters named by `ends` outside of strings; returns depth of brackets and position.
fn outside_of_texts<'a>(json: &'a str, ends: &'a [char]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let (mut depth, mut is_text, mut is_escaped) = (0, false, false);
    json.char_indices().filter_map(move |(place, character)| {
        if is_text {
            (is_text, is_escaped) = (is_escaped || character != '"', !is_escaped && character == '\\');
            return None;
        }
        match character {
            '"' => is_text = true,
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        ends.contains(&character).then_some((depth, place))
    })
}

/// The text cut behind each of these characters.
fn parts_of<'a>(json: &'a str, ends: &[char]) -> Vec<&'a str> {
    let places: Vec<usize> = outside_of_texts(json, ends).map(|(_, place)| place + 1).chain([json.len()]).collect();
    let mut from = 0;
    places.into_iter().map(|place| &json[std::mem::replace(&mut from, place)..place]).collect()
}

fn parts_at_the_top(json: &str) -> Vec<&str> {
    let commas: Vec<usize> =
        outside_of_texts(json, &[',']).filter(|(depth, _)| *depth == 0).map(|(_, place)| place).collect();
    let mut from = 0;
    commas.into_iter().chain([json.len()]).map(|place| &json[std::mem::replace(&mut from, place + 1)..place]).collect()
}

fn parts_at_colon(entry: &str) -> Option<(&str, &str)> {
    let colon = outside_of_texts(entry, &[':']).find(|(depth, _)| *depth == 0)?.1;
    Some((&entry[..colon], &entry[colon + 1..]))
}

#[test]
fn the_examples_of_the_page_are_answers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
    let world = World::new(vec![target("weekly-people", Measure::Beneficiaries, Period::WEEK, Quantity::Count(100))]);
    let mut written = std::fs::read_to_string(path).unwrap();
    let made = answered(&written, &world);
    if std::env::var_os("PACEMETER_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
        written.clone_from(&made);
    }
    assert!(written.contains(BEFORE_PATH), "there are examples");
    assert!(
        written == made,
        "{path} has other answers; run the tests with PACEMETER_BLESS=1 and look at the difference"
    );
}
