//! Causes that several partitions of a topic share, so that a line of the log or of an error tells each once.

use std::fmt::{self, Write as _};

use crate::record::{Stream, TopicPartition};

/// Maximum number of ranges of partitions in a text.
const MAX_RANGES: usize = 50;

/// Causes in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct SharedCauses(Vec<SharedCause>);

/// A cause, and the partitions of a topic that it concerns.
#[derive(Debug)]
pub(super) struct SharedCause {
    pub(super) stream: Stream,
    pub(super) topic: String,
    /// Text of the first partition.
    pub(super) text: String,
    /// True if the text of another partition has other numbers.
    has_other_numbers: bool,
    /// File of the first partition that this is about; empty if it is about none.
    pub(super) file: String,
    /// Number of times that the cause was found.
    pub(super) count: u64,
    partitions: Vec<i32>,
}

impl SharedCauses {
    /// Adds what was found of a partition. Texts that differ in numbers only, such as offsets, have one cause.
    pub(super) fn add(&mut self, partition: &TopicPartition, text: &str, file: &str) {
        let is_same = |cause: &SharedCause| {
            cause.topic == partition.topic && (cause.text == text || plain(&cause.text) == plain(text))
        };
        // The one found last is the most probable.
        if let Some(cause) = self.0.iter_mut().rev().find(|cause| is_same(cause)) {
            cause.has_other_numbers |= cause.text != text;
            cause.count += 1;
            cause.partitions.push(partition.partition);
            return;
        }
        self.0.push(SharedCause {
            stream: partition.stream,
            topic: partition.topic.clone(),
            text: text.to_owned(),
            has_other_numbers: false,
            file: file.to_owned(),
            count: 1,
            partitions: vec![partition.partition],
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SharedCause> {
        self.0.iter()
    }
}

/// One line for each cause, which begins with the directories of its partitions.
impl fmt::Display for SharedCauses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, cause) in self.0.iter().enumerate() {
            let name = |partition: i32| format!("{}-{partition}", cause.stream.name());
            let first = cause.partitions.first().copied().map(name).unwrap_or_default();
            let numbers = if cause.has_other_numbers { format!(" (numbers of {first})") } else { String::new() };
            let (end, partitions) = (if index == 0 { "" } else { "\n" }, ranges(&cause.partitions, " to ", name));
            write!(out, "{end}{partitions}{numbers}: {}", cause.text)?;
        }
        Ok(())
    }
}

impl SharedCause {
    /// Returns the numbers of the partitions as ranges, such as `0-3, 7`.
    pub(super) fn partitions(&self) -> String {
        ranges(&self.partitions, "-", |partition| partition.to_string())
    }
}

/// Returns a text without its numbers.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if plain.ends_with('0') => {}
            '0'..='9' => plain.push('0'),
            other => plain.push(other),
        }
    }
    plain
}

/// Returns numbers as ranges in ascending order, the first [`MAX_RANGES`] and the number of further ones.
fn ranges(numbers: &[i32], to: &str, shown: impl Fn(i32) -> String) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    let runs: Vec<&[i32]> = numbers.chunk_by(|one, next| one + 1 == *next).collect();
    let mut text = String::new();
    for run in runs.iter().take(MAX_RANGES) {
        let [first, .., last] = run else {
            let _ = write!(text, "{}, ", run.iter().copied().map(&shown).collect::<String>());
            continue;
        };
        let _ = write!(text, "{}{to}{}, ", shown(*first), shown(*last));
    }
    if runs.len() > MAX_RANGES {
        let _ = write!(text, "and {} more", runs[MAX_RANGES..].concat().len());
    }
    text.trim_end_matches(", ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(stream: Stream, partition: i32) -> TopicPartition {
        TopicPartition { stream, topic: format!("{}s", stream.name()), partition }
    }

    #[test]
    fn partitions_with_one_cause_share_a_line() {
        let mut causes = SharedCauses::default();
        for number in [0, 1, 2, 7, 7] {
            causes.add(&partition(Stream::Call, number), "key differs", "");
        }
        causes.add(&partition(Stream::Milestone, 1), "key differs", "m");
        causes.add(&partition(Stream::Call, 3), "ends at 10, begins at 250", "f");
        causes.add(&partition(Stream::Call, 4), "ends at 9, begins at 250", "g");
        assert_eq!(
            causes.to_string(),
            "call-0 to call-2, call-7: key differs\nmilestone-1: key differs\n\
             call-3 to call-4 (numbers of call-3): ends at 10, begins at 250"
        );
        let fields =
            causes.iter().map(|cause| (cause.topic.as_str(), cause.partitions(), cause.count, cause.file.as_str()));
        assert_eq!(
            fields.collect::<Vec<_>>(),
            [
                ("calls", "0-2, 7".to_owned(), 5, ""),
                ("milestones", "1".to_owned(), 1, "m"),
                ("calls", "3-4".to_owned(), 2, "f")
            ]
        );
        assert_eq!(SharedCauses::default().to_string(), "");
    }

    #[test]
    fn ranges_are_bounded() {
        let odd: Vec<i32> = (0..1_000).map(|number| number * 2).rev().collect();
        let text = ranges(&odd, "-", |number| number.to_string());
        assert!(text.starts_with("0, 2, 4, ") && text.ends_with(", 98, and 950 more"), "{text}");
    }
}
