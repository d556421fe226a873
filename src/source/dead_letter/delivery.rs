//! Results of deliveries. What a broker refuses is handed on to be sent again; nothing here waits.

use super::attempt::{Attempt, is_too_large};
use super::resend_queue::{RefusedLetter, ResendQueue};
use super::tracker::{Ticket, Tracker};
use crate::source::client::Context;
use crate::source::error::is_missing;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;
use std::sync::Arc;

/// Receives the broker's acknowledgements, on the producer's thread.
pub(super) struct Delivery {
    pub(super) context: Context,
    pub(super) failures: FailureHandler,
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, detail: &str) {
        self.context.log(level, facility, detail);
    }

    /// Nothing: the client logs the error, and each dead letter reports its own result.
    fn error(&self, _error: KafkaError, _reason: &str) {}

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        match result {
            Ok(_) => self.failures.tracker.end(*ticket, true),
            Err((error, message)) => {
                let copy = |ticket| RefusedLetter::of(message, ticket);
                self.failures.resend_or_fail(*ticket, error, message.payload(), copy);
            }
        }
    }
}

/// Decides what becomes of a dead letter that was not acknowledged.
#[derive(Clone)]
pub(super) struct FailureHandler {
    pub(super) tracker: Arc<Tracker>,
    pub(super) queue: ResendQueue,
    pub(super) topic: Arc<str>,
}

impl FailureHandler {
    /// Has a letter sent again in its next form, as which it stays in flight. A letter without a next form has failed.
    pub(super) fn resend_or_fail(
        &self,
        ticket: Ticket,
        error: &KafkaError,
        value: Option<&[u8]>,
        copy: impl FnOnce(Ticket) -> RefusedLetter,
    ) {
        let has_value = value.is_some_and(|value| !value.is_empty());
        let next = error.rdkafka_error_code().and_then(|code| ticket.attempt.after(code, has_value));
        let is_resent = next.is_some_and(|attempt| self.queue.push(copy(Ticket { attempt, ..ticket })));
        if !is_resent {
            return self.fail(ticket, &self.reason(error));
        }
        if next == Some(Attempt::WithoutValue) {
            let (stream, Ticket { partition, offset, .. }) = (ticket.stream.name(), ticket);
            tracing::warn!(
                event = "pacemeter.dead_letter.value_left_out",
                stream,
                partition,
                offset,
                value_bytes = value.map_or(0, <[u8]>::len),
                error = %error,
                "dead letter sent without its value"
            );
        }
    }

    /// Ends a dead letter in flight as failed, and logs why.
    pub(super) fn fail(&self, ticket: Ticket, reason: &str) {
        self.tracker.end(ticket, false);
        ticket.log_failure(reason);
    }

    /// The client's description of an error, and what to do where that is known.
    fn reason(&self, error: &KafkaError) -> String {
        let topic = &self.topic;
        match error.rdkafka_error_code() {
            Some(code) if is_missing(code) => {
                format!("kafka has no topic {topic}: create it, or name another with dead_letter.topic")
            }
            Some(code) if is_too_large(code) => {
                format!("{error}, even without a value: raise max.message.bytes of topic {topic}")
            }
            _ => error.to_string(),
        }
    }
}
