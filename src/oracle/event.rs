//! What a record means, in the words of its maker.

use crate::clock::Millis;
use crate::event::{CallKind, Centavos, DisbursementKind, MilestoneKind, Status};
use crate::record::Stream;

/// What a record means: built by whoever made the record, not by decoding it.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub source: Option<String>,
    pub time: Millis,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Disbursement(Disbursement),
    Call(Call),
    Agent(Agent),
    Milestone(Milestone),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disbursement {
    pub kind: DisbursementKind,
    pub programme: String,
    /// As given, whether it is a code or not.
    pub state: Option<String>,
    pub beneficiary: String,
    pub credit: String,
    /// There for the kinds that have one ([`DisbursementKind::has_amount`]), ignored for the others.
    pub amount: Option<Centavos>,
    pub currency: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub kind: CallKind,
    pub call: String,
    pub queue: String,
    /// The `*_seconds` of a completed call, ignored for the other kinds.
    pub talk: Option<Millis>,
    pub hold: Option<Millis>,
    pub wrap_up: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub agent: String,
    pub site: Option<String>,
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    pub kind: MilestoneKind,
    pub initiative: String,
    pub milestone: String,
    pub quantity: Option<u32>,
}

impl Event {
    /// Whether a duplicate of `first` says something else: "if its type, time or a known field (as given) differs from the first, a conflict
    /// too".
    pub(super) fn conflicts_with(&self, first: &Event) -> bool {
        self.time != first.time || self.body.known_fields() != first.body.known_fields()
    }

    pub(super) fn assert_acceptable(&self, stream: Stream) {
        let of = match &self.body {
            Body::Disbursement(_) => Stream::Disbursement,
            Body::Call(_) | Body::Agent(_) => Stream::Call,
            Body::Milestone(_) => Stream::Milestone,
        };
        assert_eq!(of, stream, "a record of another stream is rejected as wrong_stream");
        if let Body::Disbursement(event) = &self.body {
            assert!(
                event.amount.is_some() || !event.kind.has_amount(),
                "a record that lacks its amount is rejected as missing_field"
            );
        }
    }
}

impl Body {
    /// The body without the fields that its type does not have: `amount` (approved, dispersed, returned; else ignored), and the `*_seconds` of
    /// completed calls.
    fn known_fields(&self) -> Body {
        let mut body = self.clone();
        match &mut body {
            Body::Disbursement(event) if !event.kind.has_amount() => event.amount = None,
            Body::Call(event) if event.kind != CallKind::Completed => {
                (event.talk, event.hold, event.wrap_up) = (None, None, None)
            }
            _ => {}
        }
        body
    }
}

impl Call {
    /// "Handle time of completed = the sum of the `*_seconds` given": absent if none is.
    pub(super) fn given_handle_time(&self) -> Option<Millis> {
        [self.talk, self.hold, self.wrap_up].into_iter().flatten().reduce(|sum, part| sum + part)
    }
}
