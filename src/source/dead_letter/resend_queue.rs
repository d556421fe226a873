//! Refused dead letters on their way to the thread that sends them again.

use super::attempt::Attempt;
use super::tracker::Ticket;
use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};
use std::sync::mpsc::{self, Receiver, Sender};

/// A dead letter that is to be sent again.
pub(super) struct RefusedLetter {
    pub(super) ticket: Ticket,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: OwnedHeaders,
}

impl RefusedLetter {
    /// Copies a message that was refused, as far as the next form of the letter has it.
    pub(super) fn of(message: &BorrowedMessage<'_>, ticket: Ticket) -> Self {
        let headers = message.headers().map_or_else(OwnedHeaders::new, |headers| headers.detach());
        Self::new(ticket, message.key(), message.payload(), headers)
    }

    /// Copies the parts of a letter, as far as its form has them.
    pub(super) fn new(ticket: Ticket, key: Option<&[u8]>, value: Option<&[u8]>, headers: OwnedHeaders) -> Self {
        let key = key.map(<[u8]>::to_vec);
        if ticket.attempt != Attempt::WithoutValue {
            return Self { ticket, key, value: value.map(<[u8]>::to_vec), headers };
        }
        let bytes = value.map_or(0, <[u8]>::len).to_string();
        let headers = headers.insert(Header { key: "pacemeter-value-bytes", value: Some(&bytes) });
        Self { ticket, key, value: None, headers }
    }
}

/// Letters for the thread that sends them again; as many as may be in flight. `None` ends the thread.
#[derive(Clone)]
pub(super) struct ResendQueue(Sender<Option<RefusedLetter>>);

impl ResendQueue {
    pub(super) fn new() -> (Self, Receiver<Option<RefusedLetter>>) {
        let (sender, letters) = mpsc::channel();
        (Self(sender), letters)
    }

    /// Hands a letter over without waiting; returns false if the thread has ended.
    pub(super) fn push(&self, letter: RefusedLetter) -> bool {
        self.0.send(Some(letter)).is_ok()
    }

    /// Ends the thread behind the letters that it has.
    pub(super) fn end(&self) {
        // Otherwise it has ended.
        let _ = self.0.send(None);
    }
}
