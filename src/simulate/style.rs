//! Style of a record, one of those that `spec/events.md` allows: a pure function of the occurrence's serial, so that
//! the bytes are always the same.

use super::occurrence::mix;
use super::text::Offset;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    Flat,
    /// CloudEvents structured; recognised by its content type or by `specversion` alone.
    Structured {
        content_type: bool,
    },
    /// CloudEvents binary: attributes in headers.
    Binary,
    /// Flat after the five bytes of the Confluent wire format.
    Framed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Text,
    ShortText,
    Number,
    ShortNumber,
    /// Centavos with the exponent -2, as decimal types of some languages write numbers.
    Exponent,
}

impl Amount {
    /// True if whole pesos are written without decimals.
    pub(super) fn is_short(self) -> bool {
        matches!(self, Amount::ShortText | Amount::ShortNumber)
    }

    /// Respells the amount in its JSON type: the same content.
    pub(super) fn respelt(self) -> Self {
        match self {
            Amount::Text => Amount::ShortText,
            Amount::ShortText => Amount::Text,
            Amount::Number | Amount::ShortNumber => Amount::Exponent,
            Amount::Exponent => Amount::Number,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub envelope: Envelope,
    /// True if `mx.example.` stands before the type.
    pub prefix: bool,
    /// True if `.v1` stands after the type.
    pub version: bool,
    pub source: bool,
    pub offset: Offset,
    /// Digits after the milliseconds of the time.
    pub finer: &'static str,
    pub amount: Amount,
    pub currency: bool,
    /// True if the first letter of the first label is written as `\u....`.
    pub escaped: bool,
    /// True if absent optional fields are written as `null`.
    pub nulls: bool,
    /// Random bits for the fields that are not specified.
    pub random: u64,
}

/// Envelopes that a generator uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelopes {
    /// Flat mostly; one in five in one of the other three.
    Mixed,
    /// Flat only.
    Flat,
}

impl Style {
    pub(super) fn of(seed: u64, serial: u64, envelopes: Envelopes) -> Self {
        let random = mix(seed ^ serial);
        let bits = |from: u32, count: u32| (random >> from) & ((1 << count) - 1);
        let envelope = match bits(0, 8) {
            0..16 => Envelope::Structured { content_type: true },
            16..20 => Envelope::Structured { content_type: false },
            20..36 => Envelope::Binary,
            36..52 => Envelope::Framed,
            _ => Envelope::Flat,
        };
        let envelope = if envelopes == Envelopes::Mixed { envelope } else { Envelope::Flat };
        Self {
            envelope,
            prefix: bits(8, 4) == 0,
            version: bits(12, 4) == 0,
            // CloudEvents require a source.
            source: bits(16, 2) != 0 || matches!(envelope, Envelope::Structured { .. } | Envelope::Binary),
            offset: if bits(18, 4) == 0 { Offset::OTHERS[(bits(22, 8) % 5) as usize] } else { Offset::UTC },
            finer: if bits(30, 4) == 0 { "987" } else { "" },
            amount: match bits(34, 3) {
                0 => Amount::ShortText,
                1 => Amount::Number,
                2 => Amount::ShortNumber,
                _ => Amount::Text,
            },
            currency: bits(37, 1) == 0,
            escaped: bits(38, 6) == 0,
            nulls: bits(44, 5) == 0,
            random: random >> 49,
        }
    }
}
