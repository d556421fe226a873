//! The life of a support: applied for, approved or rejected, dispersed, and now and then returned and dispersed again.

use super::{Scheduler, Step};
use crate::clock::{DAY, HOUR, MINUTE, Timestamp};
use crate::event::{Centavos, DisbursementKind};
use crate::simulate::occurrence::{self, Body, SUPPORT, Support};
use crate::simulate::week::office_hours;

/// Applications for which about 100,000 people are paid: some are rejected, some people apply twice.
pub(super) const APPLICATIONS_A_WEEK: f64 = 112_000.0;

#[derive(Debug, Clone, Copy)]
pub(super) enum SupportStep {
    Apply,
    Decide(Support),
    Disperse(Support, Centavos),
    Return(Support, Centavos),
}

/// Number of supports and of people so far.
#[derive(Debug, Default)]
pub(super) struct Supports {
    supports: u64,
    people: u64,
}

impl Scheduler {
    pub(super) fn support(&mut self, at: Timestamp, step: SupportStep) {
        match step {
            SupportStep::Apply => self.apply(at),
            SupportStep::Decide(support) => self.decide(at, support),
            SupportStep::Disperse(support, amount) => self.disperse(at, support, amount),
            SupportStep::Return(support, amount) => {
                self.disbursement(at, DisbursementKind::Returned, support, amount);
                if self.rng.u32(..100) < 40 {
                    // The account was wrong; the support is paid again to the right one.
                    let again = office_hours(at + self.rng.i64(2 * HOUR..2 * DAY), &mut self.rng);
                    self.plan(again, Step::Support(SupportStep::Disperse(support, amount)));
                }
            }
        }
    }

    fn apply(&mut self, at: Timestamp) {
        let known = self.supports.people;
        // One in ten has applied before.
        let person = if known > 0 && self.rng.u32(..10) == 0 { self.rng.u64(..known) } else { known };
        self.supports.people = known.max(person + 1);
        let support = occurrence::support(self.options.seed, self.supports.supports, person);
        self.supports.supports += 1;
        self.disbursement(at, DisbursementKind::Applied, support, SUPPORT);
        let decided = office_hours(at + self.rng.i64(HOUR..30 * HOUR), &mut self.rng);
        self.plan(decided, Step::Support(SupportStep::Decide(support)));
    }

    fn decide(&mut self, at: Timestamp, support: Support) {
        if self.rng.u32(..100) < 5 {
            self.disbursement(at, DisbursementKind::Rejected, support, SUPPORT);
            return;
        }
        self.disbursement(at, DisbursementKind::Approved, support, SUPPORT);
        let paid = office_hours(at + self.rng.i64(4 * HOUR..28 * HOUR), &mut self.rng);
        match self.rng.u32(..100) {
            // Not paid within the simulation.
            0 => {}
            // In two instalments.
            1..=3 => {
                self.plan(paid, Step::Support(SupportStep::Disperse(support, SUPPORT * 2 / 5)));
                let rest = office_hours(paid + DAY, &mut self.rng);
                self.plan(rest, Step::Support(SupportStep::Disperse(support, SUPPORT * 3 / 5)));
            }
            _ => self.plan(paid, Step::Support(SupportStep::Disperse(support, SUPPORT))),
        }
    }

    fn disperse(&mut self, at: Timestamp, support: Support, amount: Centavos) {
        if let Some(stall) = self.options.stall.filter(|stall| stall.stops(support.programme, at)) {
            let paid = office_hours(stall.span.end + self.rng.i64(0..DAY), &mut self.rng);
            self.plan(paid, Step::Support(SupportStep::Disperse(support, amount)));
            return;
        }
        if self.rng.u32(..1_000) == 0 {
            // The bank's record of the return comes before the record of the payment.
            let body = Body::Disbursement { kind: DisbursementKind::Returned, support, amount };
            let returned = at - self.rng.i64(0..30 * MINUTE);
            self.send_at(returned, at, body);
        }
        self.disbursement(at, DisbursementKind::Dispersed, support, amount);
        if self.rng.u32(..100) < 2 {
            let back = match self.rng.u32(..10) {
                0..6 => amount,
                6..9 => self.rng.u64(1..amount),
                // More than was paid: the excess waits for a dispersal that may never come.
                _ => amount + self.rng.u64(1..100_000),
            };
            let after = self.rng.i64(HOUR..3 * DAY);
            self.plan(at + after, Step::Support(SupportStep::Return(support, back)));
        }
    }

    fn disbursement(&mut self, at: Timestamp, kind: DisbursementKind, support: Support, amount: Centavos) {
        self.happen(at, Body::Disbursement { kind, support, amount });
    }
}
