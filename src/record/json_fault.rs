//! Place and kind of what makes a value no JSON object, without its content.

use std::fmt;

/// First byte of a value that cannot stand where it does in a JSON object, by its class alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonFault {
    /// Position in the value as it came, from 0; its length if the value ends too early.
    pub position: u32,
    /// Class of what is there.
    pub finding: Finding,
}

/// Class of the byte at a [`JsonFault`] (spec/events.md#not-json).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing: the value is truncated.
    EndOfInput,
    /// Bytes that are no UTF-8.
    InvalidUtf8,
    /// Half of a character in UTF-16, escaped.
    LoneSurrogate,
    /// An object or an array within too many others.
    TooDeep,
    /// Frame of a schema registry whose ids have 8 bytes; it begins at the position.
    EightByteFrame,
    /// Frame of the AWS Glue schema registry; it begins at the position.
    GlueFrame,
    /// Space, where none may be.
    Space,
    /// ASCII control character, not escaped; tabs and ends of lines in strings too.
    ControlCharacter,
    /// ASCII letter.
    Letter,
    /// ASCII digit.
    Digit,
    /// Double quote.
    Quote,
    /// `\`.
    Backslash,
    /// One of `{}[]`.
    Bracket,
    /// Any other ASCII character.
    Punctuation,
    /// Character beyond ASCII.
    NonAscii,
}

impl Finding {
    /// Class of a byte of UTF-8.
    pub fn of(byte: u8) -> Self {
        match byte {
            b' ' => Finding::Space,
            b'"' => Finding::Quote,
            b'\\' => Finding::Backslash,
            b'{' | b'}' | b'[' | b']' => Finding::Bracket,
            _ if byte.is_ascii_control() => Finding::ControlCharacter,
            _ if byte.is_ascii_alphabetic() => Finding::Letter,
            _ if byte.is_ascii_digit() => Finding::Digit,
            _ if byte.is_ascii() => Finding::Punctuation,
            _ => Finding::NonAscii,
        }
    }

    /// Name in dead letters and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Finding::EndOfInput => "end of input",
            Finding::InvalidUtf8 => "invalid UTF-8",
            Finding::LoneSurrogate => "lone surrogate",
            Finding::TooDeep => "nested too deep",
            Finding::EightByteFrame => "frame with a schema id of 8 bytes",
            Finding::GlueFrame => "frame of AWS Glue",
            Finding::Space => "space",
            Finding::ControlCharacter => "control character",
            Finding::Letter => "letter",
            Finding::Digit => "digit",
            Finding::Quote => "quote",
            Finding::Backslash => "backslash",
            Finding::Bracket => "bracket",
            Finding::Punctuation => "punctuation",
            Finding::NonAscii => "character beyond ASCII",
        }
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "byte {}: {}", self.position, self.finding.name())
    }
}
