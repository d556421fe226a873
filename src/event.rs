//! A decoded, validated record: small plain values that hold no personal identifier and own no memory.

pub mod histogram_bounds;

use bytemuck::{Pod, Zeroable};

use crate::clock::Millis;

/// A keyed 128-bit hash of an identifier (invariant 6: nothing else of it is kept).
pub type Hash128 = [u8; 16];

/// Money in centavos. A single amount is at most 10^12 (10^10 pesos).
pub type Centavos = u64;

/// The largest amount of one event: 10^10 pesos.
pub const MAX_AMOUNT: Centavos = 1_000_000_000_000;

/// A short string in a [`LabelArena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelRef {
    start: u32,
    len: u32,
}

/// The label strings of a batch of events, end to end, so that an event can be copied and an escaped string needs no allocation of its own.
#[derive(Debug, Default)]
pub struct LabelArena(String);

impl LabelArena {
    /// Appends `text`. A batch holds far less than 4 GiB: its records are bounded in number and size.
    pub fn push(&mut self, text: &str) -> LabelRef {
        let start = u32::try_from(self.0.len()).expect("a batch's labels fit in 4 GiB");
        self.0.push_str(text);
        LabelRef { start, len: text.len() as u32 }
    }

    pub fn get(&self, text: LabelRef) -> &str {
        &self.0[text.start as usize..(text.start + text.len) as usize]
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Of `source` and `id`.
    pub id: Hash128,
    /// Of the type, the time and the known fields as given: two records with one id and different fingerprints are in conflict.
    /// 30 bits are used.
    pub fingerprint: u32,
    pub time: Millis,
    pub body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body {
    Disbursement(Disbursement),
    Call(Call),
    Agent(Agent),
    Milestone(Milestone),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disbursement {
    pub kind: DisbursementKind,
    pub programme: LabelRef,
    pub state: FederalState,
    pub beneficiary: Hash128,
    pub credit: Hash128,
    /// Zero for the kinds that carry none.
    pub amount: Centavos,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    pub kind: CallKind,
    pub call: Hash128,
    pub queue: LabelRef,
    /// Talk, hold and wrap-up of a completed call together, in milliseconds; absent if none of them was given.
    pub handle: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agent {
    pub agent: Hash128,
    /// `unknown` if the event names none.
    pub site: LabelRef,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Milestone {
    pub kind: MilestoneKind,
    pub initiative: LabelRef,
    pub milestone: LabelRef,
    pub quantity: u32,
}

/// Declares a closed list of names: the enum, `ALL`, `name` and `from_name`.
macro_rules! names {
    ($(#[$doc:meta])* $enum:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $enum { $($variant),+ }

        impl $enum {
            pub const ALL: &[$enum] = &[$($enum::$variant),+];

            pub fn name(self) -> &'static str {
                match self { $($enum::$variant => $name),+ }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some($enum::$variant),)+ _ => None }
            }
        }
    };
}

names!(DisbursementKind {
    Applied = "applied",
    Approved = "approved",
    Rejected = "rejected",
    Dispersed = "dispersed",
    Returned = "returned",
});

impl DisbursementKind {
    /// Whether the event's `amount` is read.
    pub fn has_amount(self) -> bool {
        matches!(self, Self::Approved | Self::Dispersed | Self::Returned)
    }
}

names!(CallKind { Offered = "offered", Answered = "answered", Abandoned = "abandoned", Completed = "completed" });

names!(MilestoneKind { Reached = "reached", Withdrawn = "withdrawn" });

names!(
    /// What an agent does.
    Status {
        Available = "available",
        Handling = "handling",
        WrapUp = "wrap_up",
        Paused = "paused",
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
    /// The codes of ISO 3166-2:MX as numbers, for a lookup that costs a tenth of comparing strings.
    const KEYS: [u64; 32] = {
        let (mut keys, mut index) = ([0; 32], 0);
        while index < keys.len() {
            keys[index] = key(Self::CODES[index].as_bytes().first_chunk().expect("a code has six letters"));
            index += 1;
        }
        keys
    };
    /// The event has no `state`.
    pub const UNKNOWN: FederalState = FederalState(32);
    /// The event's `state` is no code of ISO 3166-2:MX.
    pub const OTHER: FederalState = FederalState(33);

    /// Reads a code as given; `MX-DIF`, the code of Mexico City until 2016, reads as `MX-CMX`.
    pub fn from_code(code: &str) -> Self {
        let code = if code == "MX-DIF" { "MX-CMX" } else { code };
        let Ok(bytes) = code.as_bytes().try_into() else { return Self::OTHER };
        Self::KEYS.binary_search(&key(bytes)).map_or(Self::OTHER, |index| FederalState(index as u8))
    }

    pub fn from_index(index: usize) -> Self {
        assert!(index < Self::CODES.len(), "no state has index {index}");
        FederalState(index as u8)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub fn code(self) -> &'static str {
        Self::CODES[self.index()]
    }
}

/// Six letters as a number, in the letters' order.
const fn key(code: &[u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = *code;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
