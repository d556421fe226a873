//! A decoded, valid record: small plain values that contain no personal identifier and own no memory
//! (`spec/events.md`).
//!
//! A new label or field starts here and in `decode`, where it also joins the fingerprint.

pub mod histogram_bounds;

use bytemuck::{Pod, Zeroable};

use crate::clock::{Millis, Timestamp};

/// Keyed 128-bit hash of an identifier. Nothing else of a personal identifier is kept after decoding.
pub type Hash128 = [u8; 16];

/// Money in centavos. A single amount is at most 10^12 (10^10 pesos).
pub type Centavos = u64;

/// Largest amount of one event: 10^10 pesos.
pub const MAX_AMOUNT: Centavos = 1_000_000_000_000;

/// Reference to a label in a [`LabelArena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelRef {
    start: u32,
    len: u32,
}

/// Labels of a batch of events, end to end: events stay `Copy`, and an escaped label needs no allocation of its own.
#[derive(Debug, Default)]
pub struct LabelArena(String);

impl LabelArena {
    /// Appends a label.
    ///
    /// # Panics
    /// Panics if the batch has 4 GiB of labels; its records are bounded in number and size, so it has far less.
    pub fn push(&mut self, text: &str) -> LabelRef {
        let start = u32::try_from(self.0.len()).expect("a batch's labels fit in 4 GiB");
        self.0.push_str(text);
        LabelRef { start, len: text.len() as u32 }
    }

    /// The label of a reference.
    pub fn get(&self, text: LabelRef) -> &str {
        &self.0[text.start as usize..(text.start + text.len) as usize]
    }

    /// Removes all labels; references to them become invalid.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// A decoded record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Hash of `source` and `id`.
    pub id: Hash128,
    /// Fingerprint of the type, the time and the known fields as given, in 30 bits. Two records with one id and
    /// different fingerprints conflict.
    pub fingerprint: u32,
    /// Event time, as the producer gave it.
    pub time: Timestamp,
    /// Fields of the event's type.
    pub body: Body,
}

/// Fields of an event, by its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body {
    /// Step of a support, on the stream of disbursements.
    Disbursement(Disbursement),
    /// Step of a call, on the stream of calls.
    Call(Call),
    /// Status of an agent, on the stream of calls.
    Agent(Agent),
    /// Quantity of a milestone, on the stream of milestones.
    Milestone(Milestone),
}

/// Step of a support.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disbursement {
    /// Step.
    pub kind: DisbursementKind,
    /// Programme.
    pub programme: LabelRef,
    /// Federal state.
    pub state: FederalState,
    /// Person, by hash.
    pub beneficiary: Hash128,
    /// Support (the event's `credit`), by hash.
    pub credit: Hash128,
    /// Centavos; zero for kinds without an amount.
    pub amount: Centavos,
}

/// Step of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// Step.
    pub kind: CallKind,
    /// Call, by hash.
    pub call: Hash128,
    /// Queue.
    pub queue: LabelRef,
    /// Talk, hold and wrap-up of a completed call together, in milliseconds; `None` if none of them was given.
    pub handle: Option<Millis>,
}

/// Status of an agent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agent {
    /// Agent, by hash.
    pub agent: Hash128,
    /// Site; `unknown` if the event names none.
    pub site: LabelRef,
    /// New status.
    pub status: Status,
}

/// Quantity of a milestone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Milestone {
    /// Reached or withdrawn.
    pub kind: MilestoneKind,
    /// Initiative.
    pub initiative: LabelRef,
    /// Milestone.
    pub milestone: LabelRef,
    /// Number reached or withdrawn.
    pub quantity: u32,
}

/// Declares a closed list of names: the enum, `ALL`, `name` and `from_name`.
macro_rules! names {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $enum { $($(#[$variant_doc])* $variant),+ }

        impl $enum {
            /// All values, in order.
            pub const ALL: &[$enum] = &[$($enum::$variant),+];

            /// Name in event types and labels.
            pub fn name(self) -> &'static str {
                match self { $($enum::$variant => $name),+ }
            }

            /// The value of a name; `None` if there is none.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some($enum::$variant),)+ _ => None }
            }
        }
    };
}

names!(
    /// Step of a support (`spec/events.md#disbursements`).
    DisbursementKind {
        /// A person applied for the support.
        Applied = "applied",
        /// The support was approved, with its amount.
        Approved = "approved",
        /// The application was rejected.
        Rejected = "rejected",
        /// Money was paid out (dispersión).
        Dispersed = "dispersed",
        /// Money came back.
        Returned = "returned",
    }
);

impl DisbursementKind {
    /// True if the event's `amount` is read.
    pub fn has_amount(self) -> bool {
        matches!(self, Self::Approved | Self::Dispersed | Self::Returned)
    }
}

names!(
    /// Step of a call.
    CallKind {
        /// The call entered a queue.
        Offered = "offered",
        /// An agent answered.
        Answered = "answered",
        /// The caller left before an answer.
        Abandoned = "abandoned",
        /// The agent finished, wrap-up included.
        Completed = "completed",
    }
);

names!(
    /// Direction of a milestone event.
    MilestoneKind {
        /// A quantity was reached.
        Reached = "reached",
        /// A quantity reached before was withdrawn.
        Withdrawn = "withdrawn",
    }
);

names!(
    /// Status of an agent.
    Status {
        /// Ready for a call.
        Available = "available",
        /// On a call.
        Handling = "handling",
        /// Finishing a call.
        WrapUp = "wrap_up",
        /// Signed in, not ready for calls.
        Paused = "paused",
        /// Not counted.
        SignedOut = "signed_out",
    }
);

/// A federal entity: an index into [`FederalState::CODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub struct FederalState(u8);

impl FederalState {
    /// ISO 3166-2:MX, then what an event may lack or mistake.
    pub const CODES: [&'static str; 34] = [
        "MX-AGU", "MX-BCN", "MX-BCS", "MX-CAM", "MX-CHH", "MX-CHP", "MX-CMX", "MX-COA", "MX-COL", "MX-DUR", "MX-GRO",
        "MX-GUA", "MX-HID", "MX-JAL", "MX-MEX", "MX-MIC", "MX-MOR", "MX-NAY", "MX-NLE", "MX-OAX", "MX-PUE", "MX-QUE",
        "MX-ROO", "MX-SIN", "MX-SLP", "MX-SON", "MX-TAB", "MX-TAM", "MX-TLA", "MX-VER", "MX-YUC", "MX-ZAC", "unknown",
        "other",
    ];
    /// Codes of ISO 3166-2:MX as numbers: a lookup costs a tenth of comparing strings.
    const KEYS: [u64; 32] = {
        let (mut keys, mut index) = ([0; 32], 0);
        while index < keys.len() {
            keys[index] = key(Self::CODES[index].as_bytes().first_chunk().expect("a code has six letters"));
            index += 1;
        }
        keys
    };
    /// State of an event without `state`.
    pub const UNKNOWN: FederalState = FederalState(32);
    /// State of an event whose `state` is not a code of ISO 3166-2:MX.
    pub const OTHER: FederalState = FederalState(33);

    /// Reads a code as given; anything else is [`Self::OTHER`], since a wrong state is no fault; `MX-DIF`, the code of
    /// Mexico City until 2016, reads as `MX-CMX`.
    pub fn from_code(code: &str) -> Self {
        let code = if code == "MX-DIF" { "MX-CMX" } else { code };
        let Ok(bytes) = code.as_bytes().try_into() else { return Self::OTHER };
        Self::KEYS.binary_search(&key(bytes)).map_or(Self::OTHER, |index| FederalState(index as u8))
    }

    /// The state at an index of [`Self::CODES`].
    ///
    /// # Panics
    /// Panics if there is none.
    pub fn from_index(index: usize) -> Self {
        assert!(index < Self::CODES.len(), "no state has index {index}");
        FederalState(index as u8)
    }

    /// Index in [`Self::CODES`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Code of the state, `unknown` or `other`.
    pub fn code(self) -> &'static str {
        Self::CODES[self.index()]
    }
}

/// Six letters as a number, in the letters' order.
const fn key(code: &[u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = *code;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
