//! A log written by hand, which walks through the contract's section 2 rule by rule, on a partition of its own.
//!
//! Each chapter begins by moving its stream's watermark, so that what came before is remembered or forgotten as the rule needs it.

use pacemeter::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use pacemeter::event::{CallKind, Centavos, DisbursementKind, MilestoneKind, Status};
use pacemeter::oracle::{Agent, Body, Call, Disbursement, Event, Milestone, SentRecord};
use pacemeter::record::{Reason, Stream};
use pacemeter::simulate::{CANARY, LABELS};
use serde_json::json;

use super::letter::{self, Envelope};
use crate::topics::Record;

use CallKind::{Abandoned, Answered, Completed, Offered};
use DisbursementKind::{Applied, Approved, Dispersed, Rejected, Returned};
use MilestoneKind::{Reached, Withdrawn};

const PESO: Centavos = 100;

/// A record to write, with what it means.
pub struct Line {
    pub stream: Stream,
    pub record: Record,
    pub sent: SentRecord,
}

pub struct Story {
    now: Millis,
    partition: i32,
    pub lines: Vec<Line>,
    events: usize,
}

/// The story as told at `now`, for partition `partition` of each topic.
pub fn tell(now: Millis, partition: i32) -> Vec<Line> {
    let mut story = Story { now, partition, lines: Vec::new(), events: 0 };
    story.what_is_forgotten();
    story.returns();
    story.supports();
    story.people_and_periods();
    story.identifiers();
    story.calls_long_ago();
    story.calls();
    story.agents();
    story.milestones();
    story.rejections();
    story.lines
}

impl Story {
    fn what_is_forgotten(&mut self) {
        // A support that stays open for longer than the open horizon, and returns that find nothing.
        self.support("forgotten", Approved, 500 * DAY, 25_000 * PESO);
        self.support("lost", Returned, 499 * DAY, 7_000 * PESO);
        self.support("lost", Returned, 498 * DAY, 500 * PESO);
        let first = self.event("again", 400 * DAY, disbursement("again", Applied, 0));
        self.send(first.clone());
        // One that is open still, and a return that is met in time.
        self.support("still-open", Approved, 300 * DAY, 31_000 * PESO + 50);
        self.support("found", Returned, 300 * DAY, 6_000 * PESO);
        self.support("found", Dispersed, 250 * DAY, 25_000 * PESO);
        // What is forgotten may come again: neither a duplicate nor the same support.
        self.support("mover", Applied, 200 * DAY, 0);
        self.send(Event { time: self.now - 199 * DAY, ..first });
        // Exactly at the horizon is in time, a millisecond earlier is not.
        self.support("edge", Applied, 199 * DAY + 92 * DAY, 0);
        self.support("edge-newer", Applied, 198 * DAY, 0);
        let edge = self.event("on-the-edge", 198 * DAY + 92 * DAY, disbursement("edge", Applied, 0));
        let late = Event { id: "over-the-edge".to_owned(), time: edge.time - 1, ..edge.clone() };
        self.send(edge);
        self.send(late);
    }

    fn returns(&mut self) {
        // In part, in full, in excess; the excess is taken from the next dispersal.
        self.support("returned", Applied, 9 * DAY, 0);
        self.support("returned", Approved, 8 * DAY, 25_000 * PESO);
        self.support("returned", Dispersed, 6 * DAY, 25_000 * PESO);
        self.support("returned", Returned, 5 * DAY, 10_000 * PESO);
        self.support("returned", Returned, 4 * DAY, 20_000 * PESO + 1);
        self.support("returned", Returned, 4 * DAY - HOUR, 100 * PESO);
        self.support("returned", Dispersed, 2 * DAY, 25_000 * PESO);
        // Before the dispersal, two of them, the oldest is met first and not wholly.
        self.support("early", Returned, 7 * DAY, 24_000 * PESO);
        self.support("early", Returned, 7 * DAY - MINUTE, 24_000 * PESO);
        self.support("early", Dispersed, 6 * DAY + HOUR, 25_000 * PESO);
        // Instalments: the newest is taken back first, then what is left from the older one.
        self.support("instalments", Dispersed, 3 * DAY, 10_000 * PESO);
        self.support("instalments", Dispersed, 2 * DAY, 15_000 * PESO);
        self.support("instalments", Returned, DAY, 18_000 * PESO);
        // Waits still.
        self.support("waiting", Returned, DAY, 1_234 * PESO + 56);
    }

    fn supports(&mut self) {
        // In every order, in every envelope.
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
        // Approved before it was applied for: a span below 0.
        self.support("hasty", Approved, 10 * DAY, PESO);
        self.support("hasty", Applied, 9 * DAY, 0);
        // Labels that disagree within a support, that no list has, and that are no code at all.
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
        // One person in two programmes and two states; the first dispersal is taken back whole, so that the second counts.
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
        let event = self.event("told-twice", 3 * HOUR, disbursement("twice", Dispersed, 25_000 * PESO));
        self.send(event.clone());
        self.send(event.clone());
        self.send_in(event.clone(), Envelope::Framed);
        // The same id of another source is another event.
        self.send_in(Event { source: Some("/another".to_owned()), ..event.clone() }, Envelope::Binary);
        let other = |change: fn(&mut Disbursement)| {
            let mut event = event.clone();
            let Body::Disbursement(body) = &mut event.body else { unreachable!("it is one") };
            change(body);
            event
        };
        self.send(other(|body| body.amount = Some(24_999 * PESO + 99)));
        self.send(other(|body| body.currency = Some("MXN".to_owned())));
        self.send(other(|body| body.state = None));
        self.send(other(|body| body.kind = Returned));
        self.send(Event { time: event.time - 1, ..event.clone() });
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
        // Backwards, and without the seconds: completed minus answered.
        self.call("backwards", Completed, HOUR - 100 * SECOND);
        self.call("backwards", Answered, HOUR - 21 * SECOND);
        self.call("backwards", Offered, HOUR);
        self.call("short", Offered, 90 * MINUTE);
        self.call("short", Abandoned, 90 * MINUTE - 4_999);
        self.call("not-short", Offered, 90 * MINUTE);
        self.call("not-short", Abandoned, 90 * MINUTE - 5_000);
        // Both, a second of a kind, and an answer before the offer.
        self.call("both", Offered, 80 * MINUTE);
        self.call("both", Abandoned, 79 * MINUTE);
        self.call("both", Answered, 78 * MINUTE);
        self.call("both", Answered, 70 * MINUTE);
        self.call("before", Answered, 60 * MINUTE);
        self.call("before", Offered, 50 * MINUTE);
        // Waiting, and waiting for too long to count.
        self.call("waiting", Offered, 30 * MINUTE);
        self.call("given-up", Offered, 5 * HOUR);
        let mut unlisted = call("unlisted", Offered);
        unlisted.queue = "a queue of no list".to_owned();
        let event = self.event("", MINUTE, unlisted);
        self.send_in(event, Envelope::Binary);
    }

    fn agents(&mut self) {
        let at_home = Some(LABELS.sites[0]);
        self.agent("a", at_home, Status::Available, 3 * HOUR);
        self.agent("a", at_home, Status::Handling, 2 * HOUR);
        // Older than what holds, though later in the log; then one of the same time, which holds.
        self.agent("a", at_home, Status::Paused, 2 * HOUR + MINUTE);
        self.agent("a", Some(LABELS.sites[1]), Status::WrapUp, 2 * HOUR);
        self.agent("gone", at_home, Status::Available, 4 * HOUR);
        self.agent("gone", at_home, Status::SignedOut, 3 * HOUR);
        self.agent("silent", at_home, Status::Available, 25 * HOUR);
        self.agent("nowhere", None, Status::Paused, HOUR);
        self.agent("elsewhere", Some("a site of no list"), Status::Available, HOUR);
    }

    fn milestones(&mut self) {
        let tell = [
            (LABELS.initiatives[0], LABELS.milestones[0], Reached, Some(837), 3 * DAY),
            (LABELS.initiatives[0], LABELS.milestones[0], Withdrawn, Some(12), DAY),
            (LABELS.initiatives[0], LABELS.milestones[1], Reached, None, 90 * DAY),
            (LABELS.initiatives[1], LABELS.milestones[3], Reached, Some(1_000_000_000), HOUR),
            (LABELS.initiatives[1], "a milestone of no list", Withdrawn, None, HOUR),
            ("an initiative of no list", LABELS.milestones[3], Reached, Some(3), HOUR),
            (LABELS.initiatives[1], LABELS.milestones[2], Reached, Some(1), 100 * DAY),
        ];
        for ((initiative, milestone, kind, quantity, ago), envelope) in
            tell.into_iter().zip(Envelope::ALL.into_iter().cycle())
        {
            let body = Milestone { kind, initiative: initiative.to_owned(), milestone: milestone.to_owned(), quantity };
            let event = self.event("", ago, body);
            self.send_in(event, envelope);
        }
    }

    fn rejections(&mut self) {
        let time = jiff::Timestamp::from_millisecond(self.now - HOUR).expect("a time in our days").to_string();
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
        let future = jiff::Timestamp::from_millisecond(self.now + 30 * MINUTE).expect("a time in our days").to_string();
        for (record, reason) in [
            // A tombstone, an empty value, and one that is empty when unframed.
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
            let record = Record { partition: self.partition, timestamp: Some(self.now), ..record };
            self.lines.push(Line { stream: Stream::Disbursement, record, sent: SentRecord::Rejected(reason) });
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
        let body = Agent { agent: format!("{CANARY}-agent-{name}"), site: site.map(str::to_owned), status };
        let event = self.event("", ago, body);
        self.send(event);
    }

    /// An event of some time ago, with an id of its own unless it has a name.
    fn event(&mut self, name: &str, ago: Millis, body: impl Into<AnyBody>) -> Event {
        self.events += 1;
        let id = if name.is_empty() { format!("story-{}", self.events) } else { name.to_owned() };
        Event { id, source: Some("/story".to_owned()), time: self.now - ago, body: body.into().0 }
    }

    fn send(&mut self, event: Event) {
        self.send_in(event, Envelope::Flat);
    }

    fn send_in(&mut self, event: Event, envelope: Envelope) {
        let record = Record { partition: self.partition, timestamp: Some(self.now), ..letter::write(&event, envelope) };
        self.lines.push(Line { stream: letter::stream(&event), record, sent: SentRecord::Event(event) });
    }
}

struct AnyBody(Body);

impl From<Disbursement> for AnyBody {
    fn from(body: Disbursement) -> Self {
        Self(Body::Disbursement(body))
    }
}

impl From<Call> for AnyBody {
    fn from(body: Call) -> Self {
        Self(Body::Call(body))
    }
}

impl From<Agent> for AnyBody {
    fn from(body: Agent) -> Self {
        Self(Body::Agent(body))
    }
}

impl From<Milestone> for AnyBody {
    fn from(body: Milestone) -> Self {
        Self(Body::Milestone(body))
    }
}

fn disbursement(name: &str, kind: DisbursementKind, amount: Centavos) -> Disbursement {
    Disbursement {
        kind,
        programme: LABELS.programmes[0].to_owned(),
        state: Some("MX-JAL".to_owned()),
        beneficiary: format!("{CANARY}-beneficiary-{name}"),
        credit: format!("{CANARY}-credit-{name}"),
        amount: kind.has_amount().then_some(amount),
        currency: None,
    }
}

fn call(name: &str, kind: CallKind) -> Call {
    Call {
        kind,
        call: format!("{CANARY}-call-{name}"),
        queue: LABELS.queues[0].to_owned(),
        talk: None,
        hold: None,
        wrap_up: None,
    }
}
