//! Recomputation of a stored cut from the log.
//!
//! Reads each partition from the offset at which the state behind the cut began up to the end of the cut, with the
//! consumer, decoder and state of the pipeline: there is one way from bytes to figures. One partition is in memory at a
//! time. Nothing is changed, and no offset is committed.
//!
//! Besides the figures, the end of the cut is compared with its definition (`spec/figures.md#cuts`): no record in it is
//! stamped later than its instant, and the first record behind it is. With producers' timestamps, a record that arrives
//! after `cuts.grace` and is stamped earlier contradicts an honest cut too (`spec/figures.md#passing`); nobody can tell
//! it from one that was left out, so it is reported like one.

mod span;

use std::time::{Duration, Instant};

use self::span::{PartitionSpan, SpanReader};
use super::batch_decoder::{BatchDecoder, ResumePoint};
use super::compatibility::{CLUSTER_SETTING, Compatibility};
use super::passage::StuckAt;
use crate::aggregate::ViewConfig;
use crate::cuts::{Cut, CutContext};
use crate::decode::Decoder;
use crate::record::{PartitionIndex, RawRecords as _, TopicPartition};
use crate::runtime::{Exit, Failure};
use crate::source::{self, ClientEvent, Consumer};
use crate::view::closed_periods::ClosedPeriods;
use crate::view::cut::PartitionCut;

/// Maximum time for a batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(50);
/// Maximum wait for the first record behind the cut. Without it the cut is compared, and that one check is left out.
const BEHIND_WAIT: Duration = Duration::from_secs(5);
/// Maximum time for the client to close at the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Everything that a recomputation depends on besides the log.
pub struct Recomputation<'a> {
    /// Settings of the Kafka clients.
    pub source: &'a source::Settings,
    /// Rules, excluded offsets and the id of the key.
    pub compatibility: &'a Compatibility,
    /// Decoder with that key.
    pub decoder: &'a Decoder,
    /// Targets and allowlists.
    pub view_config: &'a ViewConfig,
    /// Periods that cuts before this one have closed.
    pub closed_periods: &'a ClosedPeriods,
}

/// A cut as the log gives it.
#[derive(Debug)]
pub struct RecomputedCut {
    /// The cut, with the end offsets of the records that were found.
    pub cut: Cut,
    /// Contradictions between the ends of the stored cut and the log.
    pub faults: Vec<String>,
}

impl Recomputation<'_> {
    /// Recomputes a stored cut; `progress` receives the number of offsets read and of all offsets.
    ///
    /// # Errors
    /// 78 with the settings that have changed since the cut; 75 if a log no longer reaches back, with the partitions, or
    /// if Kafka does not answer; 77 if it denies access; 65 if the cut's ends contradict the logs.
    pub fn run(&self, stored: &Cut, progress: &mut dyn FnMut(u64, u64)) -> Result<RecomputedCut, Failure> {
        let mut consumer = Consumer::open(self.source)?;
        let result = self.run_with(&mut consumer, stored, progress);
        // If it does not close in time, the end of the process closes it.
        consumer.close(CLOSE_WITHIN);
        result
    }

    fn run_with(
        &self,
        consumer: &mut Consumer,
        stored: &Cut,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<RecomputedCut, Failure> {
        let logs = consumer.describe()?.partitions;
        let partitions: Vec<TopicPartition> = logs.iter().map(|log| log.partition.clone()).collect();
        let ends = consumer.ends(&partitions).query_all()?.into_iter().collect::<Result<Vec<i64>, _>>()?;
        // A cluster that does not report its id now is not known to be another.
        let recorded = stored.settings.get(CLUSTER_SETTING);
        let cluster_id = recorded.map(|recorded| consumer.cluster_id().unwrap_or_else(|| recorded.clone()));
        let present = self.compatibility.cut_settings(&stored.offsets, cluster_id.as_deref(), self.view_config);
        let mut changed = stored.changed_settings(&present);
        changed.extend(span::other_topics(stored, &self.source.topics));
        if !changed.is_empty() {
            let message = format!(
                "cut {} was taken with other settings, and is not recomputed: repeat with those\n{}",
                stored.id,
                changed.join("\n")
            );
            return Err(Failure::new(Exit::Configuration, message));
        }
        let (spans, unlisted) = span::spans(stored, logs, &ends)?;
        let total = spans.iter().map(PartitionSpan::offsets).sum();
        let (mut shares, mut faults, mut read) = (Vec::new(), Vec::new(), 0);
        for span in spans.into_iter().chain(unlisted) {
            let mut reader = SpanReader::new(&span, stored.at_ms, self.compatibility.rules, self.view_config);
            self.read(consumer, &span, &mut reader, &mut |offsets| progress(read + offsets, total))?;
            read += span.offsets();
            faults.extend(reader.too_late().into_iter().chain(reader.left_out()));
            if span.is_listed {
                let share = reader.share(self.view_config);
                shares.push((span.partition, share));
            }
        }
        Ok(RecomputedCut { cut: self.assemble(stored, &shares), faults })
    }

    fn assemble(&self, stored: &Cut, shares: &[(TopicPartition, PartitionCut)]) -> Cut {
        let ViewConfig { targets, allowlists } = self.view_config;
        let context = CutContext {
            targets,
            allowlists,
            closed_periods: self.closed_periods,
            taken: stored.taken_ms,
            state_built: stored.state_built_ms,
        };
        Cut::of(stored.at_ms, shares.iter().map(|(partition, share)| (partition, share)), context)
    }

    /// Reads a partition to the end of the cut, and to the first record behind it.
    fn read(
        &self,
        consumer: &mut Consumer,
        span: &PartitionSpan,
        reader: &mut SpanReader<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        if reader.is_done() {
            return Ok(());
        }
        consumer.assign(&[(span.partition.clone(), span.read_from())])?;
        let resume_point = ResumePoint { next_offset: span.first, last_record: None };
        let excluded = &self.compatibility.excluded;
        let mut decoder = BatchDecoder::new(self.decoder, excluded, vec![span.partition.clone()], vec![resume_point]);
        let (mut advanced, mut reason) = (Instant::now(), "no answer".to_owned());
        let mut has_given_up = false;
        while !reader.is_done() {
            let before = reader.reached();
            let batch = consumer.next_batch(self.source.batch_records, BATCH_WAIT);
            if !batch.is_empty() {
                let batch = decoder.decode(batch, Instant::now()).map_err(|_| {
                    Failure::new(Exit::StateUnusable, format!("{}: the log changed while it was read", span.name()))
                })?;
                reader.apply(&batch);
            }
            for (_, position) in consumer.positions() {
                reader.reach(position);
            }
            self.serve(consumer, span, reader, &decoder, &mut reason)?;
            progress(reader.offsets_read());
            if reader.reached() > before {
                advanced = Instant::now();
            } else if reader.has_all() && advanced.elapsed() >= BEHIND_WAIT {
                break;
            } else if advanced.elapsed() >= self.source.stall_timeout && !has_given_up {
                // Excluded offsets are passed over then.
                consumer.refetch(PartitionIndex::new(0));
                consumer.give_up(PartitionIndex::new(0));
                (advanced, has_given_up) = (Instant::now(), true);
            } else if advanced.elapsed() >= self.source.stall_timeout {
                let message = format!(
                    "{}: no records from offset {} on for {:?} ({reason}); check the brokers and try again",
                    span.name(),
                    reader.reached(),
                    self.source.stall_timeout
                );
                return Err(Failure::new(Exit::TryAgain, message));
            }
        }
        Ok(())
    }

    /// Serves the client. Passes over excluded offsets that cannot be read, as the pipeline does.
    fn serve(
        &self,
        consumer: &mut Consumer,
        span: &PartitionSpan,
        reader: &mut SpanReader<'_>,
        decoder: &BatchDecoder<'_>,
        last_reason: &mut String,
    ) -> Result<(), Failure> {
        let fail = |exit: Exit, what: String| Err(Failure::new(exit, format!("{}: {what}", span.name())));
        for event in consumer.serve() {
            match event {
                ClientEvent::Errors { reason, denied: true, .. }
                | ClientEvent::Interrupted { reason, denied: true, .. } => {
                    return fail(Exit::Denied, format!("kafka denies access: {reason}"));
                }
                ClientEvent::Interrupted { index, offset, next_offset, reason, unreadable: true, .. } => {
                    let end_offset = consumer.high_watermark(index).unwrap_or(span.end);
                    let Some(passage) = decoder.passage(index, StuckAt { offset, next_offset, end_offset }) else {
                        return fail(Exit::TryAgain, format!("records at offset {offset} cannot be read: {reason}"));
                    };
                    consumer.pass(index, passage.last_offset + 1);
                    reader.pass(passage.first_offset, passage.last_offset);
                }
                ClientEvent::OutOfRange { next_offset, reason, .. } => {
                    return fail(Exit::TryAgain, format!("offset {next_offset} is no longer in the log: {reason}"));
                }
                ClientEvent::Fatal { reason } => return fail(Exit::TryAgain, format!("kafka client failed: {reason}")),
                ClientEvent::Errors { reason, .. } | ClientEvent::Interrupted { reason, .. } => *last_reason = reason,
                ClientEvent::Repeated { .. } | ClientEvent::Committed | ClientEvent::CommitFailed { .. } => {}
            }
        }
        Ok(())
    }
}
