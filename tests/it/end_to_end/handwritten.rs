//! A log written by hand, on a partition of its own, with a case for each rule of `spec/figures.md`.
//!
//! Each chapter begins by raising the watermark of its stream, so that earlier events are remembered or forgotten as
//! needed.

use pacemeter::clock::{DAY, HOUR, MINUTE, Millis, SECOND, Timestamp};
use pacemeter::event::{CallKind, Centavos, DisbursementKind, MilestoneKind, Status};
use pacemeter::oracle::{
    PesoAmount, SentAgent, SentBody, SentCall, SentDisbursement, SentEvent, SentMilestone, SentRecord, Spelling,
};
use pacemeter::record::{Reason, Stream};
use pacemeter::simulate::{CANARY, LABELS};
use serde_json::json;

use super::envelope::{self, Envelope};
use crate::topics::Record;

use CallKind::{Abandoned, Answered, Completed, Offered};
use DisbursementKind::{Applied, Approved, Dispersed, Rejected, Returned};
use MilestoneKind::{Reached, Withdrawn};

const PESO: Centavos = 100;

/// A record to write, and its meaning.
pub struct TestRecord {
    pub stream: Stream,
    pub record: Record,
    pub sent: SentRecord,
}

pub struct HandwrittenLog {
    now: Timestamp,
    partition: i32,
    pub records: Vec<TestRecord>,
    events: usize,
}

/// Records of the log as of `now`, for one partition of each topic.
pub fn records(now: Timestamp, partition: i32) -> Vec<TestRecord> {
    let mut log = HandwrittenLog { now, partition, records: Vec::new(), events: 0 };
    log.what_is_forgotten();
    log.returns();
    log.supports();
    log.people_and_periods();
    log.identifiers();
    log.calls_long_ago();
    log.calls();
    log.agents();
    log.milestones();
    log.rejections();
    log.records
}

impl HandwrittenLog {
    fn what_is_forgotten(&mut self) {
        // A support open for longer than the open horizon, and returns without a dispersal.
        self.support("forgotten", Approved, 500 * DAY, 25_000 * PESO);
        self.support("lost", Returned, 499 * DAY, 7_000 * PESO);
        self.support("lost", Returned, 498 * DAY, 500 * PESO);
        let first = self.event("again", 400 * DAY, disbursement("again", Applied, 0));
        self.send(first.clone());
        // A support that is still open, and a return that is matched in time.
        self.support("still-open", Approved, 300 * DAY, 31_000 * PESO + 50);
        self.support("found", Returned, 300 * DAY, 6_000 * PESO);
        self.support("found", Dispersed, 250 * DAY, 25_000 * PESO);
        // A forgotten id and a forgotten support come again: no duplicate, and a new support.
        self.support("mover", Applied, 200 * DAY, 0);
        self.send(SentEvent { time: self.now - 199 * DAY, ..first });
        // An event exactly at the horizon is applied, a millisecond earlier it is expired.
        self.support("edge", Applied, 199 * DAY + 92 * DAY, 0);
        self.support("edge-newer", Applied, 198 * DAY, 0);
        let edge = self.event("on-the-edge", 198 * DAY + 92 * DAY, disbursement("edge", Applied, 0));
        let late = SentEvent { id: "over-the-edge".to_owned(), time: edge.time - 1, ..edge.clone() };
        self.send(edge);
        self.send(late);
    }

    fn returns(&mut self) {
        // Returns in part, in full and in excess; the next dispersal covers the excess.
        self.support("returned", Applied, 9 * DAY, 0);
        self.support("returned", Approved, 8 * DAY, 25_000 * PESO);
        self.support("returned", Dispersed, 6 * DAY, 25_000 * PESO);
        self.support("returned", Returned, 5 * DAY, 10_000 * PESO);
        self.support("returned", Returned, 4 * DAY, 20_000 * PESO + 1);
        self.support("returned", Returned, 4 * DAY - HOUR, 100 * PESO);
        self.support("returned", Dispersed, 2 * DAY, 25_000 * PESO);
        // Two returns before their dispersal: the older is matched first, the other in part.
        self.support("early", Returned, 7 * DAY, 24_000 * PESO);
        self.support("early", Returned, 7 * DAY - MINUTE, 24_000 * PESO);
        self.support("early", Dispersed, 6 * DAY + HOUR, 25_000 * PESO);
        // Instalments: a return takes from the newest first, then from the older one.
        self.support("instalments", Dispersed, 3 * DAY, 10_000 * PESO);
        self.support("instalments", Dispersed, 2 * DAY, 15_000 * PESO);
        self.support("instalments", Returned, DAY, 18_000 * PESO);
        // A return that still waits.
        self.support("waiting", Returned, DAY, 1_234 * PESO + 56);
    }

    fn supports(&mut self) {
        // Steps in every order, in every envelope.
        for (number, envelope) in Envelope::ALL.into_iter().enumerate() {
            let name = format!("order-{number}");
            let mut steps = [(Applied, 12), (Approved, 11), (Dispersed, 10)];
            steps.rotate_left(number % 3);
            for (kind, days) in steps {
                let event = self.event("", days * DAY + number as i64 * HOUR, disbursement(&name, kind, 25_000 * PESO));
                self.send_in(event, envelope);
            }
        }
        self.support("refused", Applied, 12 * DAY, 0);
        self.support("refused", Rejected, 11 * DAY, 0);
        self.support("approved-and-refused", Rejected, 11 * DAY, 0);
        self.support("approved-and-refused", Approved, 12 * DAY, 9_000 * PESO);
        self.support("backlog", Approved, 10 * DAY, 9_999 * PESO + 99);
        self.support("backlog", Approved, 11 * DAY, 5_000 * PESO);
        // Approved before the application: a negative span.
        self.support("hasty", Approved, 10 * DAY, PESO);
        self.support("hasty", Applied, 9 * DAY, 0);
        // Labels that differ within a support, that are unlisted, and that are no codes.
        for (programme, state) in [
            (LABELS.programmes[1], Some("MX-DIF")),
            ("unlisted \"quoted\" \\ programme", Some("US-TX")),
            (LABELS.programmes[2], None),
        ] {
            for (kind, days) in [(Approved, 3), (Dispersed, 2), (Returned, 1)] {
                let mut body = disbursement("labels", kind, 100 * PESO);
                body.programme = programme.to_owned();
                body.state = state.map(str::to_owned);
                body.credit = format!("{CANARY}-credit-{programme}");
                let event = self.event("", days * DAY, body);
                self.send(event);
            }
        }
    }

    fn people_and_periods(&mut self) {
        // One person in two states; the first dispersal is returned in full, so that the second counts.
        for (credit, state, minutes) in [("one", "MX-OAX", 50), ("two", "MX-YUC", 40), ("three", "MX-OAX", 30)] {
            let mut body = disbursement(credit, Dispersed, 25_000 * PESO);
            body.beneficiary = format!("{CANARY}-person-of-many");
            body.state = Some(state.to_owned());
            let event = self.event("", minutes * MINUTE, body);
            self.send(event);
        }
        let mut back = disbursement("one", Returned, 25_000 * PESO);
        back.beneficiary = format!("{CANARY}-person-of-many");
        let event = self.event("", 5 * MINUTE, back);
        self.send(event);
        for (number, ago) in
            [MINUTE, 59 * MINUTE, 61 * MINUTE, 23 * HOUR, 25 * HOUR, 6 * DAY, 8 * DAY, 20 * DAY, 35 * DAY]
                .into_iter()
                .enumerate()
        {
            self.support(&format!("period-{number}"), Dispersed, ago, 1_000 * PESO + number as u64);
        }
    }

    fn identifiers(&mut self) {
        let event = self.event("sent-twice", 3 * HOUR, disbursement("twice", Dispersed, 25_000 * PESO));
        self.send(event.clone());
        self.send(event.clone());
        self.send_in(event.clone(), Envelope::Framed);
        // The id with another source is another event.
        self.send_in(SentEvent { source: Some("/another".to_owned()), ..event.clone() }, Envelope::Binary);
        let other = |change: fn(&mut SentDisbursement)| {
            let mut event = event.clone();
            let SentBody::Disbursement(body) = &mut event.body else { unreachable!("it is one") };
            change(body);
            event
        };
        self.send(other(|body| body.amount = Some((24_999 * PESO + 99).into())));
        // The same amount in other spellings is the same content.
        self.send(other(|body| body.amount = Some(PesoAmount { centavos: 25_000 * PESO, spelling: Spelling::Whole })));
        self.send(other(|body| {
            body.amount = Some(PesoAmount { centavos: 25_000 * PESO, spelling: Spelling::Exponent });
        }));
        self.send(other(|body| body.currency = Some("MXN".to_owned())));
        self.send(other(|body| body.state = None));
        self.send(other(|body| body.kind = Returned));
        self.send(SentEvent { time: event.time - 1, ..event.clone() });
    }

    fn calls_long_ago(&mut self) {
        for (name, kinds) in [("half", [Answered, Completed]), ("left", [Abandoned, Abandoned])] {
            for kind in kinds {
                self.call(name, kind, 20 * DAY);
            }
        }
        self.call("only-completed", Completed, 20 * DAY);
        let mut timed = call("timed", Completed);
        timed.talk = Some(61_500);
        let event = self.event("", 20 * DAY, timed);
        self.send(event);
        self.call("answered-only", Answered, 19 * DAY);
    }

    fn calls(&mut self) {
        self.call("usual", Offered, 2 * HOUR);
        self.call("usual", Answered, 2 * HOUR - 20 * SECOND);
        let mut completed = call("usual", Completed);
        (completed.talk, completed.hold, completed.wrap_up) = (Some(200_125), Some(10_000), Some(30_001));
        let event = self.event("", 2 * HOUR - 300 * SECOND, completed);
        self.send_in(event, Envelope::Structured);
        // In reverse order and without durations: handle time is completed minus answered.
        self.call("backwards", Completed, HOUR - 100 * SECOND);
        self.call("backwards", Answered, HOUR - 21 * SECOND);
        self.call("backwards", Offered, HOUR);
        self.call("short", Offered, 90 * MINUTE);
        self.call("short", Abandoned, 90 * MINUTE - 4_999);
        self.call("not-short", Offered, 90 * MINUTE);
        self.call("not-short", Abandoned, 90 * MINUTE - 5_000);
        // Both answered and abandoned, a second event of a kind, and an answer before the offer.
        self.call("both", Offered, 80 * MINUTE);
        self.call("both", Abandoned, 79 * MINUTE);
        self.call("both", Answered, 78 * MINUTE);
        self.call("both", Answered, 70 * MINUTE);
        self.call("before", Answered, 60 * MINUTE);
        self.call("before", Offered, 50 * MINUTE);
        // A call that waits, and one that has waited for too long.
        self.call("waiting", Offered, 30 * MINUTE);
        self.call("given-up", Offered, 5 * HOUR);
        let mut unlisted = call("unlisted", Offered);
        unlisted.queue = "a queue that is unlisted".to_owned();
        let event = self.event("", MINUTE, unlisted);
        self.send_in(event, Envelope::Binary);
    }

    fn agents(&mut self) {
        let at_home = Some(LABELS.sites[0]);
        self.agent("a", at_home, Status::Available, 3 * HOUR);
        self.agent("a", at_home, Status::Handling, 2 * HOUR);
        // An older status later in the log, which does not hold; then one of the same time, which does.
        self.agent("a", at_home, Status::Paused, 2 * HOUR + MINUTE);
        self.agent("a", Some(LABELS.sites[1]), Status::WrapUp, 2 * HOUR);
        self.agent("gone", at_home, Status::Available, 4 * HOUR);
        self.agent("gone", at_home, Status::SignedOut, 3 * HOUR);
        self.agent("silent", at_home, Status::Available, 25 * HOUR);
        self.agent("nowhere", None, Status::Paused, HOUR);
        self.agent("elsewhere", Some("a site that is unlisted"), Status::Available, HOUR);
    }

    fn milestones(&mut self) {
        let cases = [
            (LABELS.initiatives[0], LABELS.milestones[0], Reached, Some(837), 3 * DAY),
            (LABELS.initiatives[0], LABELS.milestones[0], Withdrawn, Some(12), DAY),
            (LABELS.initiatives[0], LABELS.milestones[1], Reached, None, 90 * DAY),
            (LABELS.initiatives[1], LABELS.milestones[3], Reached, Some(1_000_000_000), HOUR),
            (LABELS.initiatives[1], "a milestone that is unlisted", Withdrawn, None, HOUR),
            ("an initiative that is unlisted", LABELS.milestones[3], Reached, Some(3), HOUR),
            (LABELS.initiatives[1], LABELS.milestones[2], Reached, Some(1), 100 * DAY),
        ];
        for ((initiative, milestone, kind, quantity, ago), envelope) in
            cases.into_iter().zip(Envelope::ALL.into_iter().cycle())
        {
            let body =
                SentMilestone { kind, initiative: initiative.to_owned(), milestone: milestone.to_owned(), quantity };
            let event = self.event("", ago, body);
            self.send_in(event, envelope);
        }
    }

    fn rejections(&mut self) {
        let time = (self.now - HOUR).to_string();
        let good = json!({
            "id": "rejected", "type": "disbursement.applied", "time": time, "programme": LABELS.programmes[0],
            "beneficiary": format!("{CANARY}-rejected"), "credit": format!("{CANARY}-rejected"),
        });
        let with = |field: &str, value: serde_json::Value| {
            let mut fields = good.clone();
            fields[field] = value;
            Record { key: Some(format!("{CANARY}-key").into_bytes()), ..Record::of(fields.to_string()) }
        };
        let headed = |name: &str, value: &str| Record {
            headers: vec![(name.to_owned(), Some(value.as_bytes().to_vec()))],
            ..Record::of(good.to_string())
        };
        let future = (self.now + 30 * MINUTE).to_string();
        for (record, reason) in [
            // A tombstone, an empty value, and one that is empty after unframing.
            (Record { key: Some(format!("{CANARY}-tombstone").into_bytes()), ..Record::default() }, Reason::Empty),
            (Record::of(""), Reason::Empty),
            (Record::of([0, 0, 0, 0, 7]), Reason::Empty),
            (with("note", json!(format!("{CANARY}{}", "x".repeat(70_000)))), Reason::TooLarge),
            (headed("content-type", "text/xml"), Reason::UnsupportedFormat),
            (headed("content-type", "application/cloudevents-batch+json"), Reason::UnsupportedFormat),
            (Record::of(format!("{{\"id\":\"{CANARY}")), Reason::NotJson),
            (Record::of(format!("[{good}]")), Reason::NotJson),
            (Record::of([b"{\"id\":\"\xc3\x28".as_slice(), CANARY.as_bytes(), b"\"}"].concat()), Reason::NotJson),
            (with("credit", json!(null)), Reason::MissingField),
            (with("type", json!(null)), Reason::MissingField),
            (with("credit", json!("")), Reason::InvalidField),
            (with("beneficiary", json!(format!("{CANARY}{}", "y".repeat(128)))), Reason::InvalidField),
            (with("time", json!("2026-01-01 00:00:00")), Reason::InvalidField),
            (with("type", json!("disbursement.forgiven")), Reason::UnknownType),
            (with("type", json!("milestone.reached")), Reason::WrongStream),
            (with("time", json!(future)), Reason::Future),
        ] {
            let record = Record { partition: self.partition, timestamp: Some(self.now.as_millis()), ..record };
            self.records.push(TestRecord { stream: Stream::Disbursement, record, sent: SentRecord::Rejected(reason) });
        }
    }

    fn support(&mut self, name: &str, kind: DisbursementKind, ago: Millis, amount: Centavos) {
        let event = self.event("", ago, disbursement(name, kind, amount));
        self.send(event);
    }

    fn call(&mut self, name: &str, kind: CallKind, ago: Millis) {
        let event = self.event("", ago, call(name, kind));
        self.send(event);
    }

    fn agent(&mut self, name: &str, site: Option<&str>, status: Status, ago: Millis) {
        let body = SentAgent { agent: format!("{CANARY}-agent-{name}"), site: site.map(str::to_owned), status };
        let event = self.event("", ago, body);
        self.send(event);
    }

    /// An event of `ago` before now, with an id of its own unless it has a name.
    fn event(&mut self, name: &str, ago: Millis, body: impl Into<AnyBody>) -> SentEvent {
        self.events += 1;
        let id = if name.is_empty() { format!("log-{}", self.events) } else { name.to_owned() };
        SentEvent { id, source: Some("/log".to_owned()), time: self.now - ago, body: body.into().0 }
    }

    fn send(&mut self, event: SentEvent) {
        self.send_in(event, Envelope::Flat);
    }

    fn send_in(&mut self, event: SentEvent, envelope: Envelope) {
        let record = Record {
            partition: self.partition,
            timestamp: Some(self.now.as_millis()),
            ..envelope::write(&event, envelope)
        };
        self.records.push(TestRecord { stream: envelope::stream(&event), record, sent: SentRecord::Event(event) });
    }
}

struct AnyBody(SentBody);

impl From<SentDisbursement> for AnyBody {
    fn from(body: SentDisbursement) -> Self {
        Self(SentBody::Disbursement(body))
    }
}

impl From<SentCall> for AnyBody {
    fn from(body: SentCall) -> Self {
        Self(SentBody::Call(body))
    }
}

impl From<SentAgent> for AnyBody {
    fn from(body: SentAgent) -> Self {
        Self(SentBody::Agent(body))
    }
}

impl From<SentMilestone> for AnyBody {
    fn from(body: SentMilestone) -> Self {
        Self(SentBody::Milestone(body))
    }
}

fn disbursement(name: &str, kind: DisbursementKind, amount: Centavos) -> SentDisbursement {
    SentDisbursement {
        kind,
        programme: LABELS.programmes[0].to_owned(),
        state: Some("MX-JAL".to_owned()),
        beneficiary: format!("{CANARY}-beneficiary-{name}"),
        credit: format!("{CANARY}-credit-{name}"),
        amount: kind.has_amount().then(|| amount.into()),
        currency: None,
    }
}

fn call(name: &str, kind: CallKind) -> SentCall {
    SentCall {
        kind,
        call: format!("{CANARY}-call-{name}"),
        queue: LABELS.queues[0].to_owned(),
        talk: None,
        hold: None,
        wrap_up: None,
    }
}
