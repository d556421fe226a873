//! Thread that queries end offsets, partition counts and topic ids, so that reading never waits for an answer.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::message::{TaskGone, WorkerMessage};
use super::shared_causes::SharedCauses;
use super::{pause, spawn};
use crate::clock::{Clock, Timestamp};
use crate::record::{PartitionIndex, PerStream, TopicPartition};
use crate::runtime::{Failure, Shutdown};
use crate::source::{End, EndProbe, SourceError};
use crate::view::snapshot::BrokerOutage;

/// Time between two queries for the topics: numbers of partitions and ids. A topic that was deleted and created again, or
/// has got partitions, is noticed about as soon.
const TOPIC_INTERVAL: Duration = Duration::from_secs(2);

/// Time for which a transaction must hold records back before it is reported. Transactions are open for moments; a
/// broker aborts one after a minute, unless its producer asked for more.
const HELD_BACK_AFTER: Duration = Duration::from_secs(60);

/// Starts the thread. It queries every `interval` until a shutdown is requested or the task is gone.
///
/// # Errors
/// Returns an error if the thread cannot be started.
pub(super) fn start(
    probe: EndProbe,
    interval: Duration,
    clock: Clock,
    reports: Sender<WorkerMessage>,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    let held_back = HeldBack(vec![None; probe.partitions().len()]);
    let mut query = EndQuery { probe, clock, reports, held_back, outage: OutageClock::default(), reported: None };
    spawn("ends", move || {
        // A task that is gone needs no answers.
        let _ = query.run(interval, &shutdown);
    })?;
    Ok(())
}

struct EndQuery {
    probe: EndProbe,
    clock: Clock,
    reports: Sender<WorkerMessage>,
    held_back: HeldBack,
    outage: OutageClock,
    /// Outage as last sent to the task.
    reported: Option<BrokerOutage>,
}

impl EndQuery {
    fn run(&mut self, interval: Duration, shutdown: &Shutdown) -> Result<(), TaskGone> {
        let (mut ends_due, mut topics_due) = (Instant::now(), Instant::now());
        while !shutdown.is_requested() {
            if Instant::now() >= ends_due {
                self.send_ends()?;
                ends_due = Instant::now() + interval;
            }
            if Instant::now() >= topics_due {
                self.send_topics()?;
                topics_due = Instant::now() + TOPIC_INTERVAL;
            }
            pause(shutdown, ends_due.saturating_duration_since(Instant::now()).min(TOPIC_INTERVAL));
        }
        Ok(())
    }

    fn send_ends(&mut self) -> Result<(), TaskGone> {
        // The clock is read before the query is sent: records that arrive meanwhile may be missing from the answer.
        let asked = self.clock.now();
        let answers = self.probe.query_ends();
        self.report_outage(asked, cause(self.probe.partitions(), &answers))?;
        let answers = answers.unwrap_or_else(|error| {
            tracing::warn!(event = "pacemeter.kafka.end_unknown", reason = %error, "end offsets not available");
            Vec::new()
        });
        self.note_outage(&answers);
        let (mut ends, mut missing) = (Vec::new(), Vec::new());
        let (mut unknown, mut held_back, mut held_records) =
            (SharedCauses::default(), SharedCauses::default(), PerStream::<i64>::default());
        for (number, answer) in answers.into_iter().enumerate() {
            let partition = &self.probe.partitions()[number];
            match answer {
                Ok(end) => {
                    if self.held_back.must_report(number, end, Instant::now()) {
                        held_back.add(partition, "", "");
                        held_records[partition.stream] += end.high - end.stable;
                    }
                    ends.push((PartitionIndex::new(number), end));
                }
                Err(error) => {
                    if matches!(error, SourceError::TopicMissing { .. }) {
                        missing.push(PartitionIndex::new(number));
                    }
                    unknown.add(partition, &error.to_string(), "");
                }
            }
        }
        log_unknown(&unknown);
        log_held_back(&held_back, &held_records);
        Ok(self.reports.blocking_send(WorkerMessage::Ends { asked, ends, missing })?)
    }

    /// Tells the task that an outage began, has another cause, or ended.
    fn report_outage(&mut self, asked: Timestamp, cause: Option<String>) -> Result<(), TaskGone> {
        let since = self.reported.as_ref().map_or(asked, |outage| outage.since);
        let outage = cause.map(|reason| BrokerOutage { since, reason });
        if let (None, Some(BrokerOutage { reason, .. })) = (&self.reported, &outage) {
            tracing::warn!(event = "pacemeter.kafka.unavailable", reason, "brokers do not answer");
        }
        if outage != self.reported {
            self.reported.clone_from(&outage);
            self.reports.blocking_send(WorkerMessage::Outage(outage))?;
        }
        Ok(())
    }

    /// Logs the end of an outage.
    fn note_outage(&mut self, answers: &[Result<End, SourceError>]) {
        let is_complete = answers.len() == self.probe.partitions().len() && answers.iter().all(Result::is_ok);
        let total = is_complete.then(|| answers.iter().flatten().map(|end| end.stable).sum());
        let Some(Outage { gone, new_records }) = self.outage.take(total, Instant::now()) else { return };
        tracing::info!(
            event = "pacemeter.kafka.returned",
            gone_ms = gone.as_millis() as u64,
            new_records,
            "brokers answer again"
        );
    }

    /// Without an answer nothing is known, and nothing changes. Brokers may have no ids.
    fn send_topics(&self) -> Result<(), TaskGone> {
        let (asked, asked_at) = (self.clock.now(), self.clock.instant());
        let Ok(counts) = self.probe.partition_counts() else { return Ok(()) };
        let ids = self.probe.topic_ids().unwrap_or_default();
        Ok(self.reports.blocking_send(WorkerMessage::Topics { asked, asked_at, counts, ids })?)
    }
}

/// Cause of unknown end offsets; `None` if all are known. A topic that does not exist is no outage.
fn cause(
    partitions: &[TopicPartition],
    answers: &Result<Vec<Result<End, SourceError>>, SourceError>,
) -> Option<String> {
    let answers = match answers {
        Ok(answers) => answers,
        Err(error) => return Some(error.to_string()),
    };
    let mut failed = partitions.iter().zip(answers).filter_map(|(partition, answer)| match answer {
        Ok(_) | Err(SourceError::TopicMissing { .. }) => None,
        Err(error) => Some((partition, error)),
    });
    let (TopicPartition { topic, partition, .. }, error) = failed.next()?;
    let more = match failed.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("topic {topic} partition {partition}{more}: {error}"))
}

fn log_unknown(unknown: &SharedCauses) {
    for cause in unknown.iter() {
        tracing::warn!(
            event = "pacemeter.kafka.end_unknown",
            topic = cause.topic,
            partitions = cause.partitions(),
            reason = cause.text,
            "end offsets not available"
        );
    }
}

fn log_held_back(held_back: &SharedCauses, records: &PerStream<i64>) {
    for cause in held_back.iter() {
        tracing::warn!(
            event = "pacemeter.partition.held_back",
            topic = cause.topic,
            partitions = cause.partitions(),
            records = records[cause.stream],
            "records held back by an open transaction"
        );
    }
}

/// Stable offset at which each partition is held back by an open transaction, and when that was first seen or last
/// reported.
struct HeldBack(Vec<Option<(i64, Instant)>>);

impl HeldBack {
    /// True if it is time to report, first or again, that the stable offset does not move although there are records
    /// after it.
    fn must_report(&mut self, number: usize, end: End, now: Instant) -> bool {
        let known = &mut self.0[number];
        match *known {
            _ if end.high <= end.stable => *known = None,
            Some((stable, since)) if stable == end.stable => {
                if now.saturating_duration_since(since) < HELD_BACK_AFTER {
                    return false;
                }
                *known = Some((stable, now));
                return true;
            }
            _ => *known = Some((end.stable, now)),
        }
        false
    }
}

/// A time without the end offsets of all partitions.
#[derive(Debug, PartialEq, Eq)]
struct Outage {
    /// Time from the last answer before it.
    gone: Duration,
    /// Offsets written meanwhile, which are still to be read.
    new_records: i64,
}

/// Measures outages.
#[derive(Default)]
struct OutageClock {
    /// Time and sum of the last end offsets.
    last: Option<(Instant, i64)>,
    is_gone: bool,
}

impl OutageClock {
    /// Takes the sum of all end offsets, or `None` if some are unknown; returns the outage that this answer ends.
    fn take(&mut self, total: Option<i64>, now: Instant) -> Option<Outage> {
        let was_gone = std::mem::replace(&mut self.is_gone, total.is_none());
        let total = total?;
        let (since, before) = self.last.replace((now, total))?;
        was_gone.then(|| Outage { gone: now.saturating_duration_since(since), new_records: total - before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stream;

    #[test]
    fn the_end_of_an_outage_tells_its_length_and_what_came() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut outage = OutageClock::default();
        assert_eq!(outage.take(None, at(0)), None, "nothing is known yet");
        assert_eq!(outage.take(Some(10), at(1)), None);
        assert_eq!(outage.take(Some(12), at(2)), None);
        assert_eq!(outage.take(None, at(3)), None);
        assert_eq!(outage.take(None, at(60)), None);
        assert_eq!(outage.take(Some(112), at(62)), Some(Outage { gone: Duration::from_secs(60), new_records: 100 }));
        assert_eq!(outage.take(Some(113), at(63)), None);
    }

    #[test]
    fn the_cause_of_an_outage_names_what_is_unknown() {
        let partitions: Vec<TopicPartition> =
            (0..3).map(|partition| TopicPartition { stream: Stream::Call, topic: "t".to_owned(), partition }).collect();
        let cause = |answers| cause(&partitions, &answers);
        let known = || Ok(End { stable: 0, high: 0 });
        let unknown = || Err(SourceError::Unavailable { action: "asking", reason: "timed out".to_owned() });
        assert_eq!(cause(Ok(vec![known(), known(), known()])), None);
        let missing = Err(SourceError::TopicMissing { topic: "t".to_owned() });
        assert_eq!(cause(Ok(vec![known(), missing, known()])), None, "brokers answer that it does not exist");
        let text = "kafka did not answer: asking: timed out";
        assert_eq!(cause(Ok(vec![known(), unknown(), known()])), Some(format!("topic t partition 1: {text}")));
        assert_eq!(
            cause(Ok(vec![unknown(), known(), unknown()])),
            Some(format!("topic t partition 0 and 1 more: {text}"))
        );
        assert_eq!(cause(unknown().map(|_| Vec::new())), Some(text.to_owned()));
    }

    #[test]
    fn an_open_transaction_is_reported_once_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut held_back = HeldBack(vec![None; 1]);
        let mut reports = |stable, high, seconds| held_back.must_report(0, End { stable, high }, at(seconds));
        assert!(!reports(10, 10, 0));
        assert!(!reports(10, 20, 1) && !reports(10, 30, 60) && reports(10, 30, 61));
        assert!(!reports(10, 30, 120) && reports(10, 30, 121));
        assert!(!reports(20, 30, 122) && !reports(20, 30, 181), "the stable offset moved");
        assert!(!reports(30, 30, 190) && !reports(30, 40, 191) && !reports(30, 40, 250), "another transaction");
    }
}
