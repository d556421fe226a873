//! Sends refused dead letters again, each in a batch of its own, on a thread that may wait.
//!
//! The client that does it exists from the first refusal on.

use super::delivery::{Delivery, FailureHandler};
use super::resend_queue::{RefusedLetter, ResendQueue};
use super::tracker::Tracker;
use crate::source::client::{self, Context};
use crate::source::factory;
use crate::source::{Settings, SourceError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, ThreadedProducer};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Maximum wait for room in the client, which has room for all dead letters that may be in flight.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The thread that sends refused letters again. Dropping this ends it.
pub(super) struct Resender {
    failures: FailureHandler,
    thread: Option<JoinHandle<()>>,
}

impl Resender {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`SourceError::Shortage`].
    pub(super) fn start(settings: &Settings, tracker: &Arc<Tracker>) -> Result<Self, SourceError> {
        let (queue, letters) = ResendQueue::new();
        let tracker = Arc::clone(tracker);
        let failures = FailureHandler { tracker, queue, topic: settings.dead_letter.topic.as_str().into() };
        let resending = ResendThread { settings: settings.clone(), failures: failures.clone() };
        let thread = thread::Builder::new().name("dead-letters".into()).spawn(move || resending.run(&letters));
        let thread = thread.map_err(|error| SourceError::Shortage { reason: error.to_string() })?;
        Ok(Self { failures, thread: Some(thread) })
    }

    pub(super) fn failures(&self) -> &FailureHandler {
        &self.failures
    }
}

impl Drop for Resender {
    fn drop(&mut self) {
        self.failures.queue.end();
        // A thread that has panicked ends the process.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// State of the thread.
struct ResendThread {
    settings: Settings,
    failures: FailureHandler,
}

impl ResendThread {
    fn run(&self, letters: &Receiver<Option<RefusedLetter>>) {
        let mut existing = None;
        while let Ok(Some(letter)) = letters.recv() {
            match existing.take().map_or_else(|| self.create_producer(), Ok) {
                Ok(producer) => self.send(existing.insert(producer), &letter),
                Err(error) => self.failures.fail(letter.ticket, &error.to_string()),
            }
        }
    }

    fn create_producer(&self) -> Result<ThreadedProducer<Delivery>, SourceError> {
        let config = client::lone_producer(&self.settings);
        let delivery = Delivery { context: Context::new(&config), failures: self.failures.clone() };
        factory::create_producer(&config, delivery)
    }

    fn send(&self, producer: &ThreadedProducer<Delivery>, letter: &RefusedLetter) {
        let RefusedLetter { ticket, key, value, headers } = letter;
        let mut record =
            BaseRecord::with_opaque_to(&self.settings.dead_letter.topic, Box::new(*ticket)).headers(headers.clone());
        (record.key, record.payload) = (key.as_deref(), value.as_deref());
        let began = Instant::now();
        let mut sent = producer.send::<[u8], [u8]>(record);
        while let Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) = sent {
            let is_over = began.elapsed() >= MAX_WAIT;
            thread::sleep(Duration::from_millis(1));
            sent = producer.send(record);
            if is_over {
                break;
            }
        }
        let Err((error, _)) = sent else { return };
        self.failures.resend_or_fail(*ticket, &error, value.as_deref(), |ticket| {
            RefusedLetter::new(ticket, key.as_deref(), value.as_deref(), headers.clone())
        });
    }
}
