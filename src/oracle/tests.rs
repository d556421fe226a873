//! Small logs whose figures are worked out by hand.

mod calls;
mod people;
mod steps;
mod supports;
mod targets;
mod text;

use super::families::ALL;
use super::figures::series_name;
use super::*;
use crate::clock::MINUTE;
use crate::event::{CallKind, DisbursementKind, MilestoneKind, Status};

/// Noon of a Wednesday in Mexico City, which then had daylight saving time.
const NOW: &str = "2020-05-20T12:00:00-05:00";

fn time(text: &str) -> Timestamp {
    text.parse::<Timestamp>().expect("an RFC 3339 time")
}

/// Noon plus a span.
fn noon(plus: Millis) -> Timestamp {
    time(NOW) + plus
}

/// An oracle whose events get identifiers of their own.
struct TestLog {
    oracle: Oracle,
    events: u32,
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Programmes `support` and `housing`, queues `credit` and `advice`, sites `home` and `office`, initiative `market`
/// with milestone `enrolled`.
fn rules() -> OracleRules {
    let labels = OracleLabels {
        programmes: names(&["support", "housing"]),
        queues: names(&["credit", "advice"]),
        sites: names(&["home", "office"]),
        initiatives: names(&["market"]),
        milestones: names(&["enrolled"]),
        states: names(&["MX-CMX", "MX-JAL", "MX-OAX"]),
    };
    OracleRules { labels, ..OracleRules::default() }
}

impl TestLog {
    fn new() -> Self {
        Self::with(rules())
    }

    fn with(rules: OracleRules) -> Self {
        Self { oracle: Oracle::new(rules), events: 0 }
    }

    /// Sends an event to partition 0 of its stream, with an id of its own unless it has one.
    fn send(&mut self, event: SentEvent) -> &mut Self {
        self.send_to(0, event)
    }

    fn send_to(&mut self, partition: i32, mut event: SentEvent) -> &mut Self {
        self.events += 1;
        if event.id.is_empty() {
            event.id = format!("event {}", self.events);
        }
        let stream = match event.body {
            SentBody::Disbursement(_) => Stream::Disbursement,
            SentBody::Call(_) | SentBody::Agent(_) => Stream::Call,
            SentBody::Milestone(_) => Stream::Milestone,
        };
        self.oracle.record(stream, partition, SentRecord::Event(event));
        self
    }

    fn at(&self, now: Timestamp) -> SeriesValues {
        self.oracle.figures(now)
    }

    /// Asserts the value of each figure at `now`, `absent` included. A figure is written as the name of its family
    /// without prefix and its label values, separated by spaces.
    #[track_caller]
    fn shows(&self, now: Timestamp, expected: &[(&str, &str)]) -> &Self {
        let figures = self.at(now);
        let wrong: Vec<_> = expected
            .iter()
            .map(|&(figure, value)| (figure, value, get(&figures, figure)))
            .filter(|(_, value, actual)| value != actual)
            .collect();
        assert!(wrong.is_empty(), "(figure, expected, actual): {wrong:#?}");
        self
    }
}

fn get(figures: &SeriesValues, figure: &str) -> String {
    let mut words = figure.split(' ');
    let name = format!("pacemeter_{}", words.next().expect("a name"));
    let family = ALL.iter().find(|family| {
        name == family.name
            || !family.bounds.is_empty()
                && ["_bucket", "_sum", "_count"].iter().any(|suffix| name == format!("{}{suffix}", family.name))
    });
    let names = family.unwrap_or_else(|| panic!("no family {name}")).labels.iter().copied().chain(["le"]);
    let labels: Vec<_> = names.zip(words).collect();
    figures.0.get(&series_name(&name, &labels)).map_or("absent".to_owned(), |&value| decimal(value))
}

/// An event of maria, in Jalisco, for the programme `support`.
fn disbursement(kind: DisbursementKind, credit: &str, pesos: u64, time: Timestamp) -> SentEvent {
    let body = SentDisbursement {
        kind,
        programme: "support".to_owned(),
        state: Some("MX-JAL".to_owned()),
        beneficiary: "maria".to_owned(),
        credit: credit.to_owned(),
        amount: kind.has_amount().then(|| (pesos * 100).into()),
        currency: None,
    };
    SentEvent { id: String::new(), source: None, time, body: SentBody::Disbursement(body) }
}

fn applied(credit: &str, time: Timestamp) -> SentEvent {
    disbursement(DisbursementKind::Applied, credit, 0, time)
}

fn approved(credit: &str, pesos: u64, time: Timestamp) -> SentEvent {
    disbursement(DisbursementKind::Approved, credit, pesos, time)
}

fn rejected(credit: &str, time: Timestamp) -> SentEvent {
    disbursement(DisbursementKind::Rejected, credit, 0, time)
}

fn dispersed(credit: &str, pesos: u64, time: Timestamp) -> SentEvent {
    disbursement(DisbursementKind::Dispersed, credit, pesos, time)
}

fn returned(credit: &str, pesos: u64, time: Timestamp) -> SentEvent {
    disbursement(DisbursementKind::Returned, credit, pesos, time)
}

/// An event in the queue `credit`.
fn call(kind: CallKind, call: &str, time: Timestamp) -> SentEvent {
    let body =
        SentCall { kind, call: call.to_owned(), queue: "credit".to_owned(), talk: None, hold: None, wrap_up: None };
    SentEvent { id: String::new(), source: None, time, body: SentBody::Call(body) }
}

fn offered(name: &str, time: Timestamp) -> SentEvent {
    call(CallKind::Offered, name, time)
}

fn answered(name: &str, time: Timestamp) -> SentEvent {
    call(CallKind::Answered, name, time)
}

fn abandoned(name: &str, time: Timestamp) -> SentEvent {
    call(CallKind::Abandoned, name, time)
}

fn completed(name: &str, time: Timestamp) -> SentEvent {
    call(CallKind::Completed, name, time)
}

fn agent(agent: &str, site: Option<&str>, status: Status, time: Timestamp) -> SentEvent {
    let body = SentAgent { agent: agent.to_owned(), site: site.map(str::to_owned), status };
    SentEvent { id: String::new(), source: None, time, body: SentBody::Agent(body) }
}

fn milestone(
    kind: MilestoneKind,
    initiative: &str,
    milestone: &str,
    quantity: Option<u32>,
    time: Timestamp,
) -> SentEvent {
    let body = SentMilestone { kind, initiative: initiative.to_owned(), milestone: milestone.to_owned(), quantity };
    SentEvent { id: String::new(), source: None, time, body: SentBody::Milestone(body) }
}

impl SentEvent {
    fn id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    fn source(self, source: &str) -> Self {
        Self { source: Some(source.to_owned()), ..self }
    }

    fn with_disbursement(mut self, change: impl FnOnce(&mut SentDisbursement)) -> Self {
        let SentBody::Disbursement(body) = &mut self.body else { panic!("no disbursement") };
        change(body);
        self
    }

    fn by(self, beneficiary: &str) -> Self {
        self.with_disbursement(|body| body.beneficiary = beneficiary.to_owned())
    }

    fn programme(self, programme: &str) -> Self {
        self.with_disbursement(|body| body.programme = programme.to_owned())
    }

    fn state(self, state: Option<&str>) -> Self {
        self.with_disbursement(|body| body.state = state.map(str::to_owned))
    }

    fn with_call(mut self, change: impl FnOnce(&mut SentCall)) -> Self {
        let SentBody::Call(body) = &mut self.body else { panic!("no call") };
        change(body);
        self
    }

    fn queue(self, queue: &str) -> Self {
        self.with_call(|body| body.queue = queue.to_owned())
    }
}
