//! The thread that asks for the ends of the partitions, and how many there are, so that reading never waits for an answer.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::message::Message;
use super::pause;
use crate::clock::Clock;
use crate::record::{PartitionIndex, TopicPartition};
use crate::runtime::Shutdown;
use crate::source::{End, EndProbe, SourceError};

/// How often it is asked how many partitions there are.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// Transactions are open for moments; a broker aborts one after a minute, unless its producer asked for more.
const HELD_BACK_AFTER: Duration = Duration::from_secs(60);

/// Asks every `interval` until a shutdown is requested or nobody listens.
pub fn start(
    probe: EndProbe,
    interval: Duration,
    clock: Clock,
    messages: Sender<Message>,
    shutdown: Shutdown,
) -> thread::JoinHandle<()> {
    let mut held_back = HeldBack(vec![None; probe.partitions().len()]);
    let ask = move || {
        let mut counted = Instant::now();
        while !shutdown.is_requested() {
            // Before the question is sent: what arrives meanwhile may be missing from the answer.
            let asked = clock.now();
            let answers = match probe.query_ends() {
                Ok(answers) => answers,
                Err(error) => {
                    tracing::warn!(event = "pacemeter.kafka.end_unknown", reason = %error, "end offsets not available");
                    Vec::new()
                }
            };
            let (mut ends, mut missing) = (Vec::new(), Vec::new());
            for (slot, answer) in answers.into_iter().enumerate() {
                match answer {
                    Ok(end) => {
                        if held_back.is_news(slot, end, Instant::now()) {
                            log_held_back(&probe.partitions()[slot], end);
                        }
                        ends.push((PartitionIndex::new(slot), end));
                    }
                    Err(error) => {
                        if matches!(error, SourceError::TopicMissing { .. }) {
                            missing.push(PartitionIndex::new(slot));
                        }
                        tracing::warn!(event = "pacemeter.kafka.end_unknown", slot, reason = %error, "end offsets not available");
                    }
                }
            }
            if messages.blocking_send(Message::Ends { asked, ends, missing }).is_err() {
                return;
            }
            if counted.elapsed() >= COUNT_INTERVAL {
                counted = Instant::now();
                if let Ok(counts) = probe.partition_counts()
                    && messages.blocking_send(Message::PartitionCounts(counts)).is_err()
                {
                    return;
                }
            }
            pause(&shutdown, interval);
        }
    };
    thread::Builder::new().name("ends".to_owned()).spawn(ask).expect("a thread can be started")
}

fn log_held_back(TopicPartition { topic, partition, .. }: &TopicPartition, end: End) {
    tracing::warn!(
        event = "pacemeter.partition.held_back",
        topic,
        partition,
        stable_offset = end.stable,
        high_watermark = end.high,
        "records held back by an open transaction"
    );
}

/// By slot, where an open transaction stands and since when that was told, or met.
struct HeldBack(Vec<Option<(i64, Instant)>>);

impl HeldBack {
    /// Whether it is to be told, now or again, that the stable offset does not move although there is more.
    fn is_news(&mut self, slot: usize, end: End, now: Instant) -> bool {
        let known = &mut self.0[slot];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_stays_open_is_told_of_once_a_minute_and_one_that_ends_never() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut held_back = HeldBack(vec![None; 1]);
        let mut told = |stable, high, seconds| held_back.is_news(0, End { stable, high }, at(seconds));
        assert!(!told(10, 10, 0));
        assert!(!told(10, 20, 1) && !told(10, 30, 60) && told(10, 30, 61));
        assert!(!told(10, 30, 120) && told(10, 30, 121));
        assert!(!told(20, 30, 122) && !told(20, 30, 181), "it moved");
        assert!(!told(30, 30, 190) && !told(30, 40, 191) && !told(30, 40, 250), "another transaction");
    }
}
