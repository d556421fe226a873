//! The part of a partition's log that is in a cut, and its reader.

use std::collections::BTreeSet;

use crate::aggregate::{PartitionState, Rules, ViewConfig};
use crate::clock::Timestamp;
use crate::cuts::Cut;
use crate::pipeline::batch_decoder::DecodedBatch;
use crate::record::{PerStream, Stream, TopicPartition};
use crate::runtime::{Exit, Failure};
use crate::source::PartitionLog;
use crate::view::cut::PartitionCut;
use crate::view::slots::Slots;

/// Offsets of a partition that a cut consists of.
#[derive(Debug)]
pub(super) struct PartitionSpan {
    pub(super) partition: TopicPartition,
    /// First offset of the state behind the cut.
    pub(super) first: i64,
    /// First offset that is not in the cut.
    pub(super) next: i64,
    /// First offset that retention has left.
    pub(super) low: i64,
    /// End of the log.
    pub(super) end: i64,
    /// False for a partition that the cut does not name: only its first record is looked at.
    pub(super) is_listed: bool,
}

impl PartitionSpan {
    /// Name for people.
    pub(super) fn name(&self) -> String {
        name(&self.partition.topic, self.partition.partition)
    }

    /// Offset to read from. A span without records may lie before the beginning of the log.
    pub(super) fn read_from(&self) -> i64 {
        self.first.max(self.low)
    }

    /// Number of offsets in the cut.
    pub(super) fn offsets(&self) -> u64 {
        self.next.abs_diff(self.first)
    }
}

fn name(topic: &str, partition: i32) -> String {
    format!("topic {topic}, partition {partition}")
}

/// Describes the topics of a cut that are not the present ones.
pub(super) fn other_topics(cut: &Cut, topics: &PerStream<String>) -> BTreeSet<String> {
    let offsets = cut.offsets.iter();
    let others = offsets.filter_map(|offset| {
        let stream = Stream::from_name(&offset.stream)?;
        let key = format!("streams.{}.topic", stream.name());
        (offset.topic != topics[stream]).then(|| format!("{key} was {}, is {}", offset.topic, topics[stream]))
    });
    others.collect()
}

/// Finds the spans of a cut, and an empty one at the beginning of each log that the cut does not name.
///
/// # Errors
/// 65 if the offsets of the cut contradict the logs; 75 if a log no longer reaches back.
pub(super) fn spans(
    cut: &Cut,
    logs: Vec<PartitionLog>,
    ends: &[i64],
) -> Result<(Vec<PartitionSpan>, Vec<PartitionSpan>), Failure> {
    let mut logs: Vec<(PartitionLog, i64)> = logs.into_iter().zip(ends.iter().copied()).collect();
    let (mut spans, mut wrong, mut lacking) = (Vec::new(), Vec::new(), Vec::new());
    for offset in &cut.offsets {
        let name = name(&offset.topic, offset.partition);
        let found = logs.iter().position(|(log, _)| {
            let TopicPartition { stream, topic, partition } = &log.partition;
            (stream.name(), topic, *partition) == (offset.stream.as_str(), &offset.topic, offset.partition)
        });
        let Some(found) = found else {
            let is_repeated = spans.iter().any(|span: &PartitionSpan| span.name() == name);
            if is_repeated {
                wrong.push(format!("{name}: the cut names it twice"));
            } else {
                lacking.push(format!("{name}: the topic does not have this partition"));
            }
            continue;
        };
        let (log, end) = logs.swap_remove(found);
        let (first, next) = (offset.first_offset.unwrap_or(0), offset.next_offset);
        if next < first {
            wrong.push(format!("{name}: the cut ends at offset {next}, before it begins at {first}"));
        } else if end < next {
            wrong.push(format!(
                "{name}: the cut ends at offset {next}, the log already at {end}: the topic was recreated, or the cut is forged"
            ));
        } else if log.low > first && first < next {
            let kept = log.low.min(next);
            lacking.push(format!("{name}: offsets {first} to {} are no longer in the log", kept - 1));
        }
        spans.push(PartitionSpan { partition: log.partition, first, next, low: log.low, end, is_listed: true });
    }
    for (exit, what, lines) in [
        (Exit::StateUnusable, "does not hold", &wrong),
        (Exit::TryAgain, "cannot be recomputed, the log no longer reaches back", &lacking),
    ] {
        if !lines.is_empty() {
            return Err(Failure::new(exit, format!("cut {} {what}\n{}", cut.id, lines.join("\n"))));
        }
    }
    let beginning = |(log, end): (PartitionLog, i64)| PartitionSpan {
        partition: log.partition,
        first: log.low,
        next: log.low,
        low: log.low,
        end,
        is_listed: false,
    };
    Ok((spans, logs.into_iter().map(beginning).collect()))
}

/// Applies the records of a span, and looks at the first record behind it.
pub(super) struct SpanReader<'a> {
    span: &'a PartitionSpan,
    at: Timestamp,
    state: PartitionState,
    /// Offset up to which the log was read.
    reached: i64,
    /// Number of records in the span that were written after the cut, and the offset of the first.
    late: Option<(u64, i64)>,
    /// Offset of the first record behind the span, and the instant after which it was written.
    behind: Option<(i64, Option<Timestamp>)>,
}

impl<'a> SpanReader<'a> {
    pub(super) fn new(span: &'a PartitionSpan, at: Timestamp, rules: Rules, view_config: &ViewConfig) -> Self {
        let state = PartitionState::new(span.partition.stream, span.first, rules, view_config, at);
        Self { span, at, state, reached: span.first, late: None, behind: None }
    }

    /// True once the span and the first record behind it were read, or there is none.
    pub(super) fn is_done(&self) -> bool {
        self.behind.is_some() || self.reached >= self.span.end
    }

    /// True once the span was read.
    pub(super) fn has_all(&self) -> bool {
        self.reached >= self.span.next
    }

    pub(super) fn reached(&self) -> i64 {
        self.reached
    }

    /// Number of offsets of the span that were read.
    pub(super) fn offsets_read(&self) -> u64 {
        self.reached.min(self.span.next).abs_diff(self.span.first)
    }

    pub(super) fn reach(&mut self, position: i64) {
        self.reached = self.reached.max(position);
    }

    /// Applies the records of a batch that are in the span.
    pub(super) fn apply(&mut self, batch: &DecodedBatch) {
        for record in &batch.records {
            self.reach(record.offset + 1);
            if record.offset >= self.span.next {
                self.behind = self.behind.or(Some((record.offset, record.written_after)));
                return;
            }
            if record.written_after.is_some_and(|instant| instant > self.at) {
                self.late = self.late.map_or(Some((1, record.offset)), |(count, first)| Some((count + 1, first)));
            }
            self.state.step(record.offset, &record.event, &batch.arena);
        }
    }

    /// Passes over excluded offsets that cannot be read.
    pub(super) fn pass(&mut self, first: i64, last: i64) {
        self.state.pass_excluded(first, last.min(self.span.next - 1));
        self.reach(last + 1);
    }

    /// Describes records in the cut that should not be in it by their timestamps.
    pub(super) fn too_late(&self) -> Option<String> {
        let (count, first) = self.late?;
        Some(format!(
            "{}: {count} records before the end of the cut were written after its instant, the first at offset {first}",
            self.span.name()
        ))
    }

    /// Describes the first record behind the cut, if it should be in it by its timestamp.
    pub(super) fn left_out(&self) -> Option<String> {
        let (offset, written_after) = self.behind?;
        let name = self.span.name();
        let where_missing =
            if self.span.is_listed { "behind the end of the cut" } else { "of a partition not in the cut" };
        written_after.filter(|instant| *instant <= self.at).map(|_| {
            format!(
                "{name}: the record at offset {offset}, {where_missing}, belongs to it by its timestamp: it arrived later than a cut waits, \
                 or was left out"
            )
        })
    }

    /// The partition's share of the cut.
    pub(super) fn share(mut self, view_config: &ViewConfig) -> PartitionCut {
        let ViewConfig { targets, allowlists } = view_config;
        let stream = self.span.partition.stream;
        // Until its first record the pipeline knows a partition by nothing but its offset.
        let slots = if self.state.records() == 0 { Slots::default() } else { self.state.slots() };
        PartitionCut::of(&slots, stream, targets, allowlists, self.at, self.state.next_offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::CutOffset;

    fn log(partition: i32, low: i64) -> PartitionLog {
        PartitionLog { partition: TopicPartition { stream: Stream::Call, topic: "calls".to_owned(), partition }, low }
    }

    /// A cut with these partitions, first and next offsets.
    fn cut(offsets: &[(i32, Option<i64>, i64)]) -> Cut {
        let offset = |&(partition, first_offset, next_offset): &(i32, Option<i64>, i64)| CutOffset {
            stream: "call".to_owned(),
            topic: "calls".to_owned(),
            partition,
            first_offset,
            next_offset,
            is_provisional: false,
            is_late: false,
        };
        Cut {
            id: "20200516T050000Z".to_owned(),
            at_ms: Timestamp::EPOCH,
            at: String::new(),
            taken_ms: Timestamp::EPOCH,
            state_built_ms: Timestamp::EPOCH,
            settings: std::collections::BTreeMap::new(),
            offsets: offsets.iter().map(offset).collect(),
            periods: Vec::new(),
            targets: Vec::new(),
            corrections: Vec::new(),
        }
    }

    /// Exit code and message for logs with these beginnings and ends.
    fn refusal(cut: &Cut, logs: &[(i64, i64)]) -> (Exit, String) {
        let described = logs.iter().zip(0..).map(|((low, _), partition)| log(partition, *low)).collect();
        let ends: Vec<i64> = logs.iter().map(|(_, end)| *end).collect();
        let failure = spans(cut, described, &ends).unwrap_err();
        (failure.exit, failure.message)
    }

    #[test]
    fn spans_begin_where_the_state_of_the_cut_began() {
        let logs = vec![log(0, 50), log(1, 9), log(2, 3)];
        let (spans, unlisted) = spans(&cut(&[(1, Some(10), 20), (0, Some(40), 40)]), logs, &[60, 30, 8]).unwrap();
        let shown = |span: &PartitionSpan| (span.partition.partition, span.first, span.next, span.read_from());
        assert_eq!(spans.iter().map(shown).collect::<Vec<_>>(), [(1, 10, 20, 10), (0, 40, 40, 50)]);
        assert_eq!(unlisted.iter().map(shown).collect::<Vec<_>>(), [(2, 3, 3, 3)]);
    }

    #[test]
    fn what_a_log_lacks_is_named_by_partition() {
        let (exit, said) = refusal(&cut(&[(0, Some(5), 20), (1, None, 9), (2, Some(0), 1)]), &[(12, 30), (9, 30)]);
        assert_eq!(exit, Exit::TryAgain);
        for line in [
            "topic calls, partition 0: offsets 5 to 11 are no longer in the log",
            "topic calls, partition 1: offsets 0 to 8 are no longer in the log",
            "topic calls, partition 2: the topic does not have this partition",
        ] {
            assert!(said.contains(line), "{said}");
        }
    }

    #[test]
    fn offsets_that_contradict_the_log_are_no_matter_of_retention() {
        for (offsets, line) in [
            (&[(0, Some(0), 31)][..], "ends at offset 31, the log already at 30"),
            (&[(0, Some(8), 7)][..], "ends at offset 7, before it begins at 8"),
            (&[(0, Some(0), 7), (0, Some(0), 7)][..], "the cut names it twice"),
        ] {
            let (exit, said) = refusal(&cut(offsets), &[(0, 30)]);
            assert_eq!(exit, Exit::StateUnusable, "{said}");
            assert!(said.contains(line), "{said}");
        }
    }
}
