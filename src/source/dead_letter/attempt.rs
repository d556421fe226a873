//! Forms in which a dead letter is sent, one after the other, until the broker takes it.

use rdkafka::types::RDKafkaErrorCode;

/// Form of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// In a batch with others.
    Batched,
    /// In a batch of its own: the one that it was in is refused for any of its letters.
    Alone,
    /// In a batch of its own, and without the value, which does not fit.
    WithoutValue,
}

impl Attempt {
    /// Form that follows if the letter fails with this code; `None` if it has failed. `has_value` is true for a letter
    /// that gets smaller without its value.
    pub(super) fn after(self, code: RDKafkaErrorCode, has_value: bool) -> Option<Self> {
        use RDKafkaErrorCode as Code;
        match (self, code) {
            (Self::Batched, code) if is_too_large(code) => Some(Self::Alone),
            // Another letter of the batch is at fault, or brokers do not say which: one without a key, say, in a
            // compacted topic.
            (Self::Batched, Code::InvalidDifferentRecord | Code::InvalidRecord) => Some(Self::Alone),
            (Self::Alone, code) if is_too_large(code) && has_value => Some(Self::WithoutValue),
            _ => None,
        }
    }
}

/// True if a batch, or the client a letter, is refused for its size.
pub(super) fn is_too_large(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge)
}

#[cfg(test)]
mod tests {
    use super::Attempt::{self, Alone, Batched, WithoutValue};
    use RDKafkaErrorCode::{
        InvalidDifferentRecord, InvalidRecord, MessageBatchTooLarge, MessageSizeTooLarge, MessageTimedOut,
    };
    use rdkafka::types::RDKafkaErrorCode;

    #[test]
    fn a_letter_fails_only_for_what_it_is_itself() {
        let forms = |code: RDKafkaErrorCode, has_value: bool| -> Vec<Attempt> {
            std::iter::successors(Some(Batched), |attempt| attempt.after(code, has_value)).collect()
        };
        for code in [MessageSizeTooLarge, MessageBatchTooLarge] {
            assert_eq!(forms(code, true), [Batched, Alone, WithoutValue]);
            assert_eq!(forms(code, false), [Batched, Alone]);
        }
        for code in [InvalidDifferentRecord, InvalidRecord] {
            assert_eq!(forms(code, true), [Batched, Alone]);
        }
        assert_eq!(forms(MessageTimedOut, true), [Batched], "the client has tried for long enough");
    }
}
