//! The data of an event, field by field in the order of spec/events.md#data.
//!
//! Every field is checked before the first label is appended and the first identifier queued: a rejected record leaves
//! nothing in the arena and in the queue.

use std::borrow::Cow;

use crate::clock::Millis;
use crate::event::{
    Agent, Body, Call, CallKind, Centavos, Disbursement, DisbursementKind, FederalState, Hash128, LabelArena,
    Milestone, MilestoneKind, Status,
};
use crate::record::Rejection;

use super::fields::{Field, Fields};
use super::hash_queue::HashQueue;
use super::kind::Kind;
use super::numbers;
use super::pseudonym::{IdentifierKind, Pseudonyms};

/// Maximum length of a programme, queue, site, initiative or milestone. Bytes.
const MAX_LABEL_BYTES: usize = 64;
/// Maximum length of a beneficiary, credit, call or agent. Bytes.
const MAX_IDENTIFIER_BYTES: usize = 128;
/// The site of an agent whose event names none.
const UNKNOWN_SITE: &str = "unknown";
const CURRENCY: &str = "MXN";

/// Reads the data of one record and fingerprints it on the way. The hashes of identifiers stay zero, until the queue is
/// finished.
pub(super) struct Reader<'r, 'a> {
    pub(super) fields: &'r Fields<'a>,
    pub(super) pseudonyms: &'r Pseudonyms,
    pub(super) queue: &'r mut HashQueue,
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn read(mut self, kind: Kind, arena: &mut LabelArena) -> Result<Body, Rejection> {
        match kind {
            Kind::Disbursement(kind) => self.disbursement(kind, arena).map(Body::Disbursement),
            Kind::Call(kind) => self.call(kind, arena).map(Body::Call),
            Kind::AgentStatus => self.agent(arena).map(Body::Agent),
            Kind::Milestone(kind) => self.milestone(kind, arena).map(Body::Milestone),
        }
    }

    fn disbursement(&mut self, kind: DisbursementKind, arena: &mut LabelArena) -> Result<Disbursement, Rejection> {
        let programme = self.label(Field::Programme)?;
        let state = self.state()?;
        let beneficiary = self.identifier(Field::Beneficiary)?;
        let credit = self.identifier(Field::Credit)?;
        let amount = if kind.has_amount() { self.amount()? } else { 0 };
        self.currency()?;
        let beneficiary = self.hash_later(IdentifierKind::Beneficiary, &beneficiary);
        let credit = self.hash_later(IdentifierKind::Credit, &credit);
        Ok(Disbursement { kind, programme: arena.push(&programme), state, beneficiary, credit, amount })
    }

    fn call(&mut self, kind: CallKind, arena: &mut LabelArena) -> Result<Call, Rejection> {
        let call = self.identifier(Field::Call)?;
        let queue = self.label(Field::Queue)?;
        let mut handle = None;
        if kind == CallKind::Completed {
            for field in [Field::TalkSeconds, Field::HoldSeconds, Field::WrapUpSeconds] {
                // Three times a day at most: far from any overflow.
                handle = match (handle, self.seconds(field)?) {
                    (Some(sum), Some(millis)) => Some(sum + millis),
                    (sum, millis) => sum.or(millis),
                };
            }
        }
        let call = self.hash_later(IdentifierKind::Call, &call);
        Ok(Call { kind, call, queue: arena.push(&queue), handle })
    }

    fn agent(&mut self, arena: &mut LabelArena) -> Result<Agent, Rejection> {
        let agent = self.identifier(Field::Agent)?;
        let site = self.fields.optional(Field::Site, MAX_LABEL_BYTES)?;
        self.queue.fingerprints.add_optional(site.as_deref());
        let status = self.fields.string(Field::Status)?.ok_or_else(|| Field::Status.missing())?;
        let status = Status::from_name(&status).ok_or_else(|| Field::Status.invalid())?;
        self.queue.fingerprints.add(status.name().as_bytes());
        let agent = self.hash_later(IdentifierKind::Agent, &agent);
        Ok(Agent { agent, site: arena.push(site.as_deref().unwrap_or(UNKNOWN_SITE)), status })
    }

    fn milestone(&mut self, kind: MilestoneKind, arena: &mut LabelArena) -> Result<Milestone, Rejection> {
        let initiative = self.label(Field::Initiative)?;
        let milestone = self.label(Field::Milestone)?;
        let quantity = self.number(Field::Quantity, numbers::quantity)?.map_or(1, |quantity| quantity as u32);
        Ok(Milestone { kind, initiative: arena.push(&initiative), milestone: arena.push(&milestone), quantity })
    }

    fn label(&mut self, field: Field) -> Result<Cow<'a, str>, Rejection> {
        let label = self.fields.required(field, MAX_LABEL_BYTES)?;
        self.queue.fingerprints.add(label.as_bytes());
        Ok(label)
    }

    /// An identifier, which must not be kept: it enters the fingerprint as a hash.
    fn identifier(&mut self, field: Field) -> Result<Cow<'a, str>, Rejection> {
        let identifier = self.fields.required(field, MAX_IDENTIFIER_BYTES)?;
        self.queue.fingerprints.add_identifier();
        Ok(identifier)
    }

    /// Queues an identifier. Returns what its hash is until then.
    fn hash_later(&mut self, kind: IdentifierKind, identifier: &str) -> Hash128 {
        self.queue.push(self.pseudonyms, kind, identifier);
        Hash128::default()
    }

    /// A state code (spec/events.md#state-codes). Only a repeated field is a fault: what is no code, of any type, is
    /// [`FederalState::OTHER`].
    fn state(&mut self) -> Result<FederalState, Rejection> {
        let value = self.fields.any(Field::State)?;
        self.queue.fingerprints.add_optional(value.as_ref().map(|value| value.as_given()));
        Ok(match value {
            None => FederalState::UNKNOWN,
            Some(value) => value.string().map_or(FederalState::OTHER, FederalState::from_code),
        })
    }

    fn amount(&mut self) -> Result<Centavos, Rejection> {
        self.number(Field::Amount, numbers::amount)?.ok_or_else(|| Field::Amount.missing())
    }

    fn seconds(&mut self, field: Field) -> Result<Option<Millis>, Rejection> {
        Ok(self.number(field, numbers::seconds)?.map(|millis| millis as Millis))
    }

    /// A number that `read` reads, or nothing. A JSON number and a string of the same text are the same number; `true`,
    /// objects and the like are no digits.
    #[inline]
    fn number(&mut self, field: Field, read: fn(&str) -> Option<u64>) -> Result<Option<u64>, Rejection> {
        let Some(value) = self.fields.any(field)? else {
            self.queue.fingerprints.add_absent();
            return Ok(None);
        };
        let number = read(value.as_given()).ok_or_else(|| field.invalid())?;
        self.queue.fingerprints.add_number(number);
        Ok(Some(number))
    }

    fn currency(&mut self) -> Result<(), Rejection> {
        let currency = self.fields.string(Field::Currency)?;
        if currency.as_deref().is_some_and(|currency| currency != CURRENCY) {
            return Err(Field::Currency.invalid());
        }
        self.queue.fingerprints.add_optional(currency.as_deref());
        Ok(())
    }
}
