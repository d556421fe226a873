//! The thread that asks for the ends of the partitions, and how many there are, so that reading never waits for an answer.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::message::Message;
use super::pause;
use crate::clock::Clock;
use crate::runtime::Shutdown;
use crate::source::{EndProbe, Slot, SourceError};

/// How often it is asked how many partitions there are.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// Asks every `interval` until a shutdown is requested or nobody listens.
pub fn start(probe: EndProbe, interval: Duration, clock: Clock, messages: Sender<Message>, shutdown: Shutdown) -> thread::JoinHandle<()> {
    let ask = move || {
        let mut counted = Instant::now();
        while !shutdown.is_requested() {
            // Before the question is sent: what arrives meanwhile may be missing from the answer.
            let asked = clock.now();
            let answers = match probe.query_all() {
                Ok(answers) => answers,
                Err(error) => {
                    tracing::warn!(event = "pacemeter.kafka.end_unknown", reason = %error, "the ends of the partitions are not known");
                    Vec::new()
                }
            };
            let (mut ends, mut missing) = (Vec::new(), Vec::new());
            for (slot, answer) in answers.into_iter().enumerate() {
                match answer {
                    Ok(end) => ends.push((Slot(slot as u16), end)),
                    Err(error) => {
                        if matches!(error, SourceError::TopicMissing { .. }) {
                            missing.push(Slot(slot as u16));
                        }
                        tracing::warn!(event = "pacemeter.kafka.end_unknown", slot, reason = %error, "the ends of the partitions are not known");
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
