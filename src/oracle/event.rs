//! The meaning of a record, stated by its sender.

use crate::clock::{Millis, Timestamp};
use crate::event::{CallKind, Centavos, DisbursementKind, MilestoneKind, Status};
use crate::record::Stream;

/// An event as its sender meant it; never decoded from the record's bytes.
#[derive(Debug, Clone)]
pub struct SentEvent {
    /// Identifier; names the event together with `source`.
    pub id: String,
    /// Producer that sent the event; an absent source differs from every source.
    pub source: Option<String>,
    /// Event time (ms since the epoch).
    pub time: Timestamp,
    /// Type and data fields.
    pub body: SentBody,
}

/// Type and data fields of an event, one variant for each group of types in `spec/events.md#data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentBody {
    /// `disbursement.*`: a step in the life of a support.
    Disbursement(SentDisbursement),
    /// `call.offered` to `call.completed`.
    Call(SentCall),
    /// `call.agent_status`.
    Agent(SentAgent),
    /// `milestone.*`.
    Milestone(SentMilestone),
}

/// Data of a disbursement event (`spec/events.md#disbursement`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentDisbursement {
    /// Step of the support.
    pub kind: DisbursementKind,
    /// Programme that pays the support.
    pub programme: String,
    /// Federal state as given, a known code or not.
    pub state: Option<String>,
    /// Person to whom the support is paid.
    pub beneficiary: String,
    /// Support that the event belongs to.
    pub credit: String,
    /// Present for kinds that have one ([`DisbursementKind::has_amount`]), ignored for the others.
    pub amount: Option<PesoAmount>,
    /// `MXN`, or absent.
    pub currency: Option<String>,
}

/// Amount of money, and how the sender spelt it.
///
/// Two spellings of one amount, such as `25000` and `25000.00`, are equal: the same content (`spec/figures.md#conflicts`).
#[derive(Debug, Clone, Copy, Eq)]
pub struct PesoAmount {
    /// Value in centavos.
    pub centavos: Centavos,
    /// Spelling in the record; it must have enough decimals for the value.
    pub spelling: Spelling,
}

/// Spelling of an amount in pesos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Such as `25000`.
    Whole,
    /// Such as `25000.5`.
    OneDecimal,
    /// Such as `25000.50`.
    TwoDecimals,
    /// Such as `2500050E-2`.
    Exponent,
}

/// Data of a call event (`spec/events.md#call`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCall {
    /// Step of the call.
    pub kind: CallKind,
    /// Call that the event belongs to.
    pub call: String,
    /// Queue of this step.
    pub queue: String,
    /// Talk time of a completed call (ms), ignored for the other kinds; so are the next two.
    pub talk: Option<Millis>,
    /// Hold time (ms).
    pub hold: Option<Millis>,
    /// Wrap-up time (ms).
    pub wrap_up: Option<Millis>,
}

/// Data of an agent's status (`spec/events.md#agent-status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAgent {
    /// Agent whose status this is.
    pub agent: String,
    /// Site where the agent works; absent means `unknown`.
    pub site: Option<String>,
    /// Status from the event's time on.
    pub status: Status,
}

/// Data of a milestone event (`spec/events.md#milestone`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMilestone {
    /// Reached or withdrawn.
    pub kind: MilestoneKind,
    /// Initiative that the milestone belongs to.
    pub initiative: String,
    /// Name of the milestone.
    pub milestone: String,
    /// Quantity as given; absent counts as 1.
    pub quantity: Option<u32>,
}

impl From<Centavos> for PesoAmount {
    /// An amount spelt with two decimals.
    fn from(centavos: Centavos) -> Self {
        Self { centavos, spelling: Spelling::TwoDecimals }
    }
}

impl PartialEq for PesoAmount {
    fn eq(&self, other: &Self) -> bool {
        self.centavos == other.centavos
    }
}

impl PesoAmount {
    /// Text of the amount in the record, without quotes.
    pub fn text(self) -> String {
        let (pesos, centavos) = (self.centavos / 100, self.centavos % 100);
        match self.spelling {
            Spelling::Whole => format!("{pesos}"),
            Spelling::OneDecimal => format!("{pesos}.{}", centavos / 10),
            Spelling::TwoDecimals => format!("{pesos}.{centavos:02}"),
            Spelling::Exponent => format!("{}E-2", self.centavos),
        }
    }
}

impl SentEvent {
    /// True if this duplicate of `first` has other content (`spec/figures.md#conflicts`).
    pub(super) fn conflicts_with(&self, first: &SentEvent) -> bool {
        self.time != first.time || self.body.known_fields() != first.body.known_fields()
    }

    pub(super) fn assert_acceptable(&self, stream: Stream) {
        let own = match &self.body {
            SentBody::Disbursement(_) => Stream::Disbursement,
            SentBody::Call(_) | SentBody::Agent(_) => Stream::Call,
            SentBody::Milestone(_) => Stream::Milestone,
        };
        assert_eq!(own, stream, "a record of another stream is rejected as wrong_stream");
        if let SentBody::Disbursement(event) = &self.body {
            assert!(
                event.amount.is_some() || !event.kind.has_amount(),
                "a record that lacks its amount is rejected as missing_field"
            );
        }
    }
}

impl SentBody {
    /// The body without the fields that its type does not read: `amount` of an application or a rejection, durations of
    /// a call that is not completed.
    fn known_fields(&self) -> SentBody {
        let mut body = self.clone();
        match &mut body {
            SentBody::Disbursement(event) if !event.kind.has_amount() => event.amount = None,
            SentBody::Call(event) if event.kind != CallKind::Completed => {
                (event.talk, event.hold, event.wrap_up) = (None, None, None)
            }
            _ => {}
        }
        body
    }
}

impl SentCall {
    /// Sum of the durations that are given (`spec/figures.md#handle-time`); `None` if none is.
    pub(super) fn given_handle_time(&self) -> Option<Millis> {
        [self.talk, self.hold, self.wrap_up].into_iter().flatten().reduce(|sum, part| sum + part)
    }
}
