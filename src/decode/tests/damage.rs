//! Records that are valid, unusual or damaged, for the comparison of ways to decode.
//!
//! Originals are records of the simulated programme, some of which are malformed already. Tokens are moved, repeated,
//! replaced and escaped first, which mostly leaves JSON, then bytes are, which mostly does not. A layout of white space
//! lasts for some records, as that of a producer does.

use std::borrow::Cow;
use std::ops::Range;

use fastrand::Rng;

use crate::clock::{DAY, HOUR, Timestamp};
use crate::oracle::Horizons;
use crate::record::Stream;
use crate::simulate::{Emission, Envelopes, FaultRates, Load, PartitionCounts};

/// Time at which the originals were sent.
const END: Timestamp = Timestamp::from_millis(1_590_000_000_000);
const ORIGINALS: u64 = 3_000;

/// Values that a member is given in place of its own.
const VALUES: [&str; 36] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-",
    "01",
    "1.",
    "25000",
    "25000.5",
    "25000.50",
    "0.005",
    "2.5E+4",
    "1e999",
    "12.345",
    "86400",
    "99999999999999999999999999",
    "{}",
    "[]",
    "{\"id\":5,\"data\":{}}",
    "[1,[2],{\"a\":[]}]",
    "\"\"",
    "\"MX-DIF\"",
    "\"25000.00\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"a\\u0000b\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"\\u12\"",
    "\"é🙂\"",
    "\"2020-05-04T09:30:00Z\"",
    "\"2020-05-04t04:30:00.1239-05:00\"",
    "\"2019-02-29T00:00:00Z\"",
    "\"mx.example.call.completed.v1\"",
    "nul",
];

/// Keys of added members.
const KEYS: [&str; 8] =
    ["\"id\"", "\"data\"", "\"specversion\"", "\"amount\"", "\"colour\"", "\"\"", "\"ID\"", "\"t\\u0079pe\""];

/// Bytes that change a meaning more often than others.
const BYTES: &[u8] = b"\"\\{}[]:,0-.eE tn/u\t\n\r\0\x1f\x7f\x80\xc3\xe2\xf0\xff";

const GAPS: [&str; 8] = ["", " ", "\n", "\t", "\r\n  ", "  ", "                ", "\n                                "];

type Token<'a> = Cow<'a, [u8]>;

/// A record to decode.
pub struct Sample {
    pub stream: Stream,
    pub timestamp: Timestamp,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub value: Vec<u8>,
}

/// Source of samples, always the same ones for a seed.
pub struct Samples {
    rng: Rng,
    originals: Vec<Emission>,
    /// Original of the last sample, which is taken again at times.
    last: usize,
    /// White space around colons, around commas and within brackets.
    layout: [&'static str; 6],
}

impl Samples {
    pub fn new(seed: u64) -> Self {
        let supports = Load::supports_for(ORIGINALS, 0.3, 0.1, FaultRates::DUPLICATES);
        let load = Load {
            supports,
            max_open: None,
            people: supports,
            calls: 0.3,
            milestones: 0.1,
            seed,
            partitions: PartitionCounts::each(1),
            disorder: HOUR,
            start: END - 5 * DAY,
            end: END,
            faults: FaultRates { malformed: 0.1, ..FaultRates::DUPLICATES },
            envelopes: Envelopes::Mixed,
            horizons: Horizons { disbursement: 92 * DAY, call: 7 * DAY, milestone: 92 * DAY },
            max_record_bytes: 6_000,
        };
        let originals = load.emissions().collect();
        Self { rng: Rng::with_seed(seed), originals, last: 0, layout: [""; 6] }
    }

    pub fn next(&mut self) -> Sample {
        let Self { rng, originals, last, layout } = self;
        if rng.u8(..) == 0 {
            *layout = if rng.bool() { [""; 6] } else { std::array::from_fn(|_| GAPS[rng.usize(..GAPS.len())]) };
        }
        if rng.u8(..4) != 0 {
            *last = rng.usize(..originals.len());
        }
        let original = &originals[*last];
        let mut value = original.value.clone();
        if rng.u8(..4) != 0 {
            value = with_changed_tokens(rng, &value, layout);
        }
        if rng.bool() {
            for _ in 0..=rng.u8(..3) {
                change_bytes(rng, &mut value);
            }
        }
        let headers =
            if rng.u8(..32) == 0 { &originals[rng.usize(..originals.len())].headers } else { &original.headers };
        Sample { stream: original.stream, timestamp: original.timestamp, headers: headers.clone(), value }
    }
}

/// Changes tokens at random, or none, and writes them with a layout.
fn with_changed_tokens(rng: &mut Rng, value: &[u8], layout: &[&str; 6]) -> Vec<u8> {
    let mut tokens = tokens(value);
    for _ in 0..rng.u8(..3) {
        match rng.u8(..8) {
            0..5 => change_members(rng, &mut tokens),
            5 => escape(rng, &mut tokens),
            6 => lengthen(rng, &mut tokens),
            _ => {
                let at = rng.usize(..=tokens.len());
                let strays = ["\u{b}", "\u{feff}", "\u{a0}", ",", ":", "}", "{"];
                let token = if rng.bool() { GAPS[rng.usize(..GAPS.len())] } else { strays[rng.usize(..strays.len())] };
                tokens.insert(at, token.as_bytes().into());
            }
        }
    }
    let [before_colon, after_colon, before_comma, after_comma, opened, closing] = layout.map(str::as_bytes);
    let mut text = Vec::with_capacity(value.len() * 2);
    for token in &tokens {
        let (before, after): (&[u8], &[u8]) = match &**token {
            b":" => (before_colon, after_colon),
            b"," => (before_comma, after_comma),
            b"{" | b"[" => (b"", opened),
            b"}" | b"]" => (closing, b""),
            _ => (b"", b""),
        };
        text.extend_from_slice(before);
        text.extend_from_slice(token);
        text.extend_from_slice(after);
    }
    text
}

/// Splits a text into strings, punctuation and whatever is between these.
fn tokens(text: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(80);
    let mut start = 0;
    while start < text.len() {
        let is_punctuation = |byte: &u8| b"{}[]:,".contains(byte);
        let rest = &text[start..];
        let length = match rest[0] {
            b'"' => {
                let mut end = 1;
                while end < rest.len() && rest[end] != b'"' {
                    end += if rest[end] == b'\\' { 2 } else { 1 };
                }
                (end + 1).min(rest.len())
            }
            byte if is_punctuation(&byte) => 1,
            _ => rest.iter().position(|byte| *byte == b'"' || is_punctuation(byte)).unwrap_or(rest.len()),
        };
        tokens.push(Cow::Borrowed(&rest[..length]));
        start += length;
    }
    tokens
}

/// Moves, repeats, removes, adds or replaces members of an object, mostly of the outermost one.
fn change_members(rng: &mut Rng, tokens: &mut Vec<Token<'_>>) {
    let opened: Vec<usize> = (0..tokens.len()).filter(|&at| *tokens[at] == *b"{").collect();
    let Some(open) = opened.get(if rng.bool() { 0 } else { rng.usize(..opened.len().max(1)) }) else { return };
    let ranges = members(tokens, *open);
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return };
    let all = first.start..last.end;
    let mut members: Vec<Vec<Token<'_>>> = ranges.iter().map(|range| tokens[range.clone()].to_vec()).collect();
    let count = members.len();
    let at = rng.usize(..count);
    match rng.u8(..8) {
        0 => rng.shuffle(&mut members),
        1 => members.swap(at, rng.usize(..count)),
        2 => members.insert(rng.usize(..=count), members[at].clone()),
        3 => drop(members.remove(at)),
        4 => {
            let key = KEYS[rng.usize(..KEYS.len())].as_bytes();
            members.insert(at, vec![key.into(), Cow::Borrowed(b":"), any_value(rng)]);
        }
        // Without a value, or of another member.
        5 if rng.u8(..4) == 0 => members[at].truncate(rng.usize(..3)),
        _ => {
            members[at].truncate(2);
            let value = any_value(rng);
            members[at].push(value);
        }
    }
    let changed = members.join(&Cow::Borrowed(&b","[..]));
    tokens.splice(all, changed);
}

/// Tokens of each member of the object that opens at `open`.
fn members(tokens: &[Token<'_>], open: usize) -> Vec<Range<usize>> {
    let mut members = Vec::new();
    let (mut start, mut depth) = (open + 1, 0);
    for (at, token) in tokens.iter().enumerate().skip(open + 1) {
        match &**token {
            b"}" | b"]" if depth == 0 => {
                members.push(start..at);
                break;
            }
            b"," if depth == 0 => {
                members.push(start..at);
                start = at + 1;
            }
            b"{" | b"[" => depth += 1,
            b"}" | b"]" => depth -= 1,
            _ => {}
        }
    }
    members.retain(|range| !range.is_empty());
    members
}

fn any_value<'a>(rng: &mut Rng) -> Token<'a> {
    match rng.u8(..16) {
        0 => {
            // Just at the bound on depth, or far from it.
            let depth = if rng.bool() { rng.usize(124..131) } else { rng.usize(1..20) };
            let close = if rng.u8(..8) == 0 { depth - 1 } else { depth };
            let (opening, closing) = if rng.bool() { ("[", "]") } else { ("{\"a\":", "}") };
            let middle = if opening == "[" { "" } else { "1" };
            format!("{}{middle}{}", opening.repeat(depth), closing.repeat(close)).into_bytes().into()
        }
        1..4 => Cow::Owned([b"\"", &long_text(rng)[..], b"\""].concat()),
        _ => VALUES[rng.usize(..VALUES.len())].as_bytes().into(),
    }
}

/// Text whose end lies anywhere in a block of a vector.
fn long_text(rng: &mut Rng) -> Vec<u8> {
    let length = if rng.u8(..16) == 0 { rng.usize(1_000..5_000) } else { rng.usize(..140) };
    let mut text = vec![b'a' + rng.u8(..26); length];
    for _ in 0..rng.u8(..3) {
        let at = rng.usize(..=text.len());
        let part = ["é", "🙂", "\\n", "\\\"", "\\u00e9", "\\\\"][rng.usize(..6)];
        text.splice(at..at, part.bytes());
    }
    text
}

/// Spells a character of a string, which may be a key, as an escape.
fn escape(rng: &mut Rng, tokens: &mut [Token<'_>]) {
    let Some(token) = any_string(rng, tokens) else { return };
    let at = rng.usize(1..token.len() - 1);
    if token[at].is_ascii() {
        let escape = format!("\\u{:04x}", token[at]);
        token.to_mut().splice(at..=at, escape.into_bytes());
    }
}

/// Puts more into a string, which may be a key.
fn lengthen(rng: &mut Rng, tokens: &mut [Token<'_>]) {
    let Some(token) = any_string(rng, tokens) else { return };
    let at = rng.usize(1..token.len());
    let text = long_text(rng);
    token.to_mut().splice(at..at, text);
}

/// Any string that is not empty.
fn any_string<'t, 'a>(rng: &mut Rng, tokens: &'t mut [Token<'a>]) -> Option<&'t mut Token<'a>> {
    let strings = tokens.iter_mut().filter(|token| token.len() > 2 && token[0] == b'"').collect::<Vec<_>>();
    rng.choice(strings)
}

/// Damages a text at one place.
fn change_bytes(rng: &mut Rng, text: &mut Vec<u8>) {
    let at = rng.usize(..=text.len());
    let end = text.len().min(at + rng.usize(1..20));
    match rng.u8(..10) {
        0..2 if at < end => text[at] ^= 1 << rng.u8(..8),
        2 if at < end => text[at] = BYTES[rng.usize(..BYTES.len())],
        3..5 => text.insert(at, BYTES[rng.usize(..BYTES.len())]),
        5 if at < end => drop(text.remove(at)),
        6 => drop(text.drain(at..end)),
        7 => text.truncate(at),
        8 => drop(text.splice(at..at, GAPS[rng.usize(..GAPS.len())].bytes())),
        _ => {
            let copied = text[at..end].to_vec();
            let to = rng.usize(..=text.len());
            text.splice(to..to, copied);
        }
    }
}
