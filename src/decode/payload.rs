//! Beginning of the JSON in a record's value, and the rejection of a value that has none.

use std::str::Utf8Error;

use crate::record::{Finding, JsonFault, Rejection};

use super::scan::{Fault, Scan, Scanner};

/// Length of a schema id before the value: a zero byte and four more (Confluent wire format).
const FRAME_BYTES: usize = 5;
/// Length of the frame of registries whose ids have eight bytes, such as Apicurio's of old.
const LONG_FRAME_BYTES: usize = 9;
/// Length of a frame of AWS Glue: version, compression and a UUID.
const GLUE_FRAME_BYTES: usize = 18;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Value of a record, in which the JSON begins behind the frame of a schema registry and a byte order mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload<'a> {
    value: &'a [u8],
    start: usize,
}

impl<'a> Payload<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        let frame = if value.len() >= FRAME_BYTES && value[0] == 0 { FRAME_BYTES } else { 0 };
        let mark = if value[frame..].starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Self { value, start: frame + mark }
    }

    /// The part of the value that is read.
    pub(super) fn json(&self) -> &'a [u8] {
        &self.value[self.start..]
    }

    /// The rejection for a fault in the JSON, which is this text.
    #[cold]
    pub(super) fn not_json(&self, text: &str, fault: Fault) -> Rejection {
        self.reject(fault.position(), fault.finding(text))
    }

    /// The rejection for bytes that are no UTF-8, or for a fault of the JSON before them.
    #[cold]
    pub(super) fn not_utf8(&self, error: Utf8Error) -> Rejection {
        let valid = error.valid_up_to();
        let text = std::str::from_utf8(&self.json()[..valid]).unwrap_or_default();
        match Scanner::object(text, |_, _| {}) {
            Err(fault) if fault.position() < valid => self.not_json(text, fault),
            // A character of which the end is missing.
            Err(_) if error.error_len().is_none() => self.reject(self.json().len(), Finding::EndOfInput),
            _ => self.reject(valid, Finding::InvalidUtf8),
        }
    }

    /// The rejection for what is found at a position of the JSON. The frame of another registry explains it better.
    fn reject(&self, position: usize, finding: Finding) -> Rejection {
        let position = self.start + position;
        let (position, finding) = match self.foreign_frame(position) {
            Some(frame) => (0, frame),
            None => (position, finding),
        };
        Rejection::not_json(JsonFault { position: u32::try_from(position).unwrap_or(u32::MAX), finding })
    }

    /// Frame of a registry that is not read, if the fault lies within it.
    fn foreign_frame(&self, fault: usize) -> Option<Finding> {
        match self.value {
            [3, 0 | 5, ..] if self.value.len() >= GLUE_FRAME_BYTES => Some(Finding::GlueFrame),
            [0, ..] if fault < LONG_FRAME_BYTES => {
                let json = self.value.get(LONG_FRAME_BYTES..)?;
                let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json).trim_ascii_start();
                json.starts_with(b"{").then_some(Finding::EightByteFrame)
            }
            _ => None,
        }
    }
}
