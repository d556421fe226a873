//! The thread that asks for the ends of the partitions, so that reading never waits for an answer.

use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::message::Message;
use super::pause;
use crate::clock::Clock;
use crate::runtime::Shutdown;
use crate::source::{EndProbe, Slot};

/// Asks every `interval` until a shutdown is requested or nobody listens.
pub fn start(probe: EndProbe, interval: Duration, clock: Clock, messages: Sender<Message>, shutdown: Shutdown) -> thread::JoinHandle<()> {
    let ask = move || {
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
            let known = answers.into_iter().enumerate().filter_map(|(slot, answer)| match answer {
                Ok(end) => Some((Slot(slot as u16), end)),
                Err(error) => {
                    tracing::warn!(event = "pacemeter.kafka.end_unknown", slot, reason = %error, "the ends of the partitions are not known");
                    None
                }
            });
            if messages.blocking_send(Message::Ends { asked, ends: known.collect() }).is_err() {
                return;
            }
            pause(&shutdown, interval);
        }
    };
    thread::Builder::new().name("ends".to_owned()).spawn(ask).expect("a thread can be started")
}
