//! Fuzzing of records, settings and checkpoints: no input makes the program panic or accept damaged data.
//!
//! Each fuzz target has a corpus in `tests/corpus`. Its files are checked unchanged, then with random changes.
//! `FUZZ_CASES` is the number of changed inputs (default: a few seconds' worth). A failing input is minimized and
//! printed; add it to the corpus, so that every run checks it.

mod checkpoint;
mod decode;
mod settings;

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};

use crate::tidy::root;

/// Random change of a byte string.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Flip(Index, u32),
    Insert(Index, Vec<u8>),
    /// Overwrites bytes with the first bytes of an integer near the limits of arithmetic.
    Number(Index, u64, usize),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Truncate(Index),
    /// Replaces everything from a position with the end of another file of the corpus.
    Splice(Index, Index, Index),
}

/// `words` are inserted as they are.
fn change(words: &'static [&'static str]) -> impl Strategy<Value = Change> {
    let number = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), (0..64_u32).prop_map(|shift| 1 << shift)];
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u32).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), select(words)).prop_map(|(at, word)| Change::Insert(at, word.into())),
        (at(), number, 1..=8_usize).prop_map(|(at, number, bytes)| Change::Number(at, number, bytes)),
        (at(), 1..40_usize).prop_map(|(at, bytes)| Change::Remove(at, bytes)),
        (at(), 1..40_usize, 1..20_usize).prop_map(|(at, bytes, times)| Change::Repeat(at, bytes, times)),
        at().prop_map(Change::Truncate),
        (at(), at(), at()).prop_map(|(at, file, from)| Change::Splice(at, file, from)),
    ]
}

/// Index into `bytes`, or their length.
fn position(at: &Index, bytes: &[u8]) -> usize {
    at.index(bytes.len() + 1)
}

fn apply(bytes: &mut Vec<u8>, change: &Change, corpus: &[Vec<u8>]) {
    let length = bytes.len();
    match change {
        Change::Set(at, byte) if length > 0 => bytes[at.index(length)] = *byte,
        Change::Flip(at, bit) if length > 0 => bytes[at.index(length)] ^= 1 << bit,
        Change::Set(..) | Change::Flip(..) => {}
        Change::Insert(at, more) => {
            let at = position(at, bytes);
            bytes.splice(at..at, more.iter().copied());
        }
        Change::Number(at, number, width) => {
            let at = position(at, bytes);
            bytes.iter_mut().skip(at).zip(&number.to_le_bytes()[..*width]).for_each(|(byte, new)| *byte = *new);
        }
        Change::Remove(at, count) => {
            let at = position(at, bytes);
            bytes.drain(at..length.min(at + count));
        }
        Change::Repeat(at, count, times) => {
            let at = position(at, bytes);
            let more = bytes[at..length.min(at + count)].repeat(*times);
            bytes.splice(at..at, more);
        }
        Change::Truncate(at) => bytes.truncate(position(at, bytes)),
        Change::Splice(at, file, from) => {
            let other = file.get(corpus);
            bytes.truncate(position(at, bytes));
            bytes.extend_from_slice(&other[position(from, other)..]);
        }
    }
}

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(root().join("tests/corpus").join(kind)).expect("a corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "a corpus without files");
    paths.iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}

/// Runs `check` on every file of a corpus, then on `default_cases` (or `FUZZ_CASES`) changed ones. `words` are inserted
/// at random.
fn fuzz(kind: &str, default_cases: u32, words: &'static [&'static str], check: impl Fn(&[u8]) -> TestCaseResult) {
    let cases = std::env::var("FUZZ_CASES").map_or(default_cases, |text| text.parse().expect("a number of cases"));
    let corpus = corpus(kind);
    corpus.iter().for_each(|bytes| check(bytes).expect("an unchanged file of the corpus"));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let changed = (any::<Index>(), vec(change(words), 1..6)).prop_map(|(file, changes)| {
        let mut bytes = file.get(&corpus).clone();
        changes.iter().for_each(|change| apply(&mut bytes, change, &corpus));
        bytes
    });
    match TestRunner::new(config).run(&changed, |bytes| check(&bytes)) {
        Ok(()) => println!("{kind}: {cases} cases of {} files", corpus.len()),
        Err(TestError::Fail(reason, bytes)) => {
            panic!("{reason}: add this to tests/corpus/{kind}: \"{}\"", bytes.escape_ascii())
        }
        Err(error) => panic!("{error}"),
    }
}
