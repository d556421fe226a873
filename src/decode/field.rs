//! Names of the known fields, and the rejections that name them.

use crate::record::{Reason, Rejection};

/// Declares the known fields in the order of spec/events.md#order-of-faults.
macro_rules! fields {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A known field: an attribute, a mark of an envelope or a field of the data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Field { $($variant),+ }

        impl Field {
            pub(super) const ALL: &[Field] = &[$(Field::$variant),+];

            pub(super) fn name(self) -> &'static str {
                match self { $(Field::$variant => const { ascii($name) }),+ }
            }

            /// Matches bytes: the compiler turns them into a decision tree, and strings into a list of comparisons.
            pub(super) fn from_name(name: &[u8]) -> Option<Self> {
                match name { $($name => Some(Field::$variant),)+ _ => None }
            }
        }
    };
}

/// A field's name as text, at compile time.
const fn ascii(name: &'static [u8]) -> &'static str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => panic!("a field's name is ascii"),
    }
}

fields! {
    Id = b"id",
    Source = b"source",
    Type = b"type",
    Time = b"time",
    SpecVersion = b"specversion",
    Data = b"data",
    DataBase64 = b"data_base64",
    Programme = b"programme",
    State = b"state",
    Beneficiary = b"beneficiary",
    Credit = b"credit",
    Amount = b"amount",
    Currency = b"currency",
    Call = b"call",
    Queue = b"queue",
    TalkSeconds = b"talk_seconds",
    HoldSeconds = b"hold_seconds",
    WrapUpSeconds = b"wrap_up_seconds",
    Agent = b"agent",
    Site = b"site",
    Status = b"status",
    Initiative = b"initiative",
    Milestone = b"milestone",
    Quantity = b"quantity",
}

impl Field {
    pub(super) const COUNT: usize = Field::ALL.len();
    /// From here on the fields belong to the data, before it to the envelope.
    pub(super) const FIRST_OF_DATA: Field = Field::Programme;

    pub(super) fn missing(self) -> Rejection {
        Rejection::field(Reason::MissingField, self.name())
    }

    pub(super) fn invalid(self) -> Rejection {
        Rejection::field(Reason::InvalidField, self.name())
    }
}
