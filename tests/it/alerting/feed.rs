//! The records of the programme: its history at once, and then new ones as its time passes.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pacemeter::clock::{Clock, DAY, HOUR, QUARTER_HOUR, Timestamp};
use pacemeter::record::Stream;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::{Value, json};

use crate::kafka::Kafka;
use crate::topics::Topics;

/// Amount paid to each person (pesos).
pub const SUPPORT: u64 = 25_000;
pub const PROGRAMME: &str = "credito-a-la-palabra";
/// Number of partitions of each topic.
pub const PARTITIONS: i32 = 2;

/// Number of people whose supports stay approved and unpaid, so that there is always a backlog.
const BACKLOG: u64 = 5_000;
/// Time between two readings of the clock.
const TICK: Duration = Duration::from_millis(100);

/// People paid before the test, evenly between two instants.
#[derive(Clone, Copy)]
pub struct PaymentSpan {
    pub from: Timestamp,
    pub until: Timestamp,
    pub people: u64,
}

/// A thread that pays people as time passes, until this is dropped.
pub struct Feed {
    controls: Arc<Controls>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Controls {
    pace: Mutex<Pace>,
    is_over: AtomicBool,
}

/// Requests to the thread.
#[derive(Default)]
struct Pace {
    /// People to pay in an hour.
    an_hour: f64,
    /// People to pay at once.
    at_once: u64,
    /// Payments to return at once, the oldest first.
    returns: u64,
}

impl Feed {
    /// Pays this number of people an hour from now on, day and night.
    pub fn pay_an_hour(&self, people: f64) {
        self.controls.pace.lock().expect("the thread does not panic").an_hour = people;
    }

    /// Pays this number of people at once.
    pub fn pay_at_once(&self, people: u64) {
        self.controls.pace.lock().expect("the thread does not panic").at_once += people;
    }

    /// Returns this number of payments in full, the oldest first.
    pub fn return_at_once(&self, payments: u64) {
        self.controls.pace.lock().expect("the thread does not panic").returns += payments;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.controls.is_over.store(true, SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the feed failed");
    }
}

/// Writer of events; people are numbered in the order in which they are paid.
pub struct EventWriter {
    producer: BaseProducer,
    topics: [String; 3],
    events: u64,
    paid: u64,
    returned: u64,
}

impl EventWriter {
    pub fn new(kafka: &Kafka, topics: &Topics<'_>) -> Self {
        let producer =
            kafka.client().set("enable.idempotence", "true").set("linger.ms", "5").create().expect("a producer");
        let topics = [Stream::Disbursement, Stream::Call, Stream::Milestone].map(|stream| topics.input(stream));
        Self { producer, topics, events: 0, paid: 0, returned: 0 }
    }

    /// Writes the history: approvals a day before the first payment, also for later payments, then the payments.
    pub fn history(&mut self, paid: &[PaymentSpan]) {
        let all: u64 = paid.iter().map(|paid| paid.people).sum();
        let approved = paid.first().expect("something was before").from - DAY;
        for person in 0..all + BACKLOG {
            self.disbursement("approved", person, approved);
        }
        for PaymentSpan { from, until, people } in paid {
            for index in 0..*people {
                self.pay(*from + (*until - *from) * index as i64 / *people as i64);
            }
        }
        self.producer.flush(Duration::from_secs(60)).expect("the history is written");
    }

    /// Starts the thread, which follows the clock and pays this number of people an hour.
    pub fn start(mut self, clock: Clock, an_hour: f64) -> Feed {
        let controls = Arc::<Controls>::default();
        let taken = Arc::clone(&controls);
        let thread = thread::spawn(move || self.follow(&clock, &taken));
        let feed = Feed { controls, thread: Some(thread) };
        feed.pay_an_hour(an_hour);
        feed
    }

    /// Follows the clock until the feed is dropped.
    fn follow(&mut self, clock: &Clock, controls: &Controls) {
        let mut written = clock.now();
        let mut owed = 0.0;
        while !controls.is_over.load(SeqCst) {
            let now = clock.now().max(written);
            let (at_once, returns) = {
                let mut pace = controls.pace.lock().expect("no thread panicked");
                owed += pace.an_hour * (now - written) as f64 / HOUR as f64;
                (std::mem::take(&mut pace.at_once), std::mem::take(&mut pace.returns))
            };
            let people = owed as u64;
            owed -= people as f64;
            (0..people + at_once).for_each(|_| self.pay(now));
            for _ in 0..returns {
                self.disbursement("returned", self.returned, now);
                self.returned += 1;
            }
            if now.floor(QUARTER_HOUR) > written.floor(QUARTER_HOUR) {
                self.call_and_milestone(now);
            }
            self.producer.flush(Duration::from_secs(60)).expect("kafka takes what is written");
            written = now;
            thread::sleep(TICK);
        }
    }

    fn pay(&mut self, time: Timestamp) {
        self.disbursement("dispersed", self.paid, time);
        self.paid += 1;
    }

    fn disbursement(&mut self, event: &str, person: u64, time: Timestamp) {
        let body = json!({
            "programme": PROGRAMME, "state": "MX-OAX", "beneficiary": format!("person-{person}"), "credit": format!("credit-{person}"),
            "amount": SUPPORT,
        });
        self.write(
            0,
            &format!("disbursement.{event}"),
            &format!("person-{person}"),
            (person % PARTITIONS as u64) as i32,
            body,
            time,
        );
    }

    /// Writes events of the other streams: an answered call and a milestone.
    fn call_and_milestone(&mut self, time: Timestamp) {
        let call = format!("call-{}", self.events);
        for event in ["offered", "answered"] {
            self.write(1, &format!("call.{event}"), &call, 0, json!({ "call": call, "queue": "apoyos" }), time);
        }
        let body = json!({ "initiative": "mercado-en-linea", "milestone": "negocio-inscrito" });
        self.write(2, "milestone.reached", "mercado-en-linea", 1, body, time);
    }

    fn write(&mut self, topic: usize, event: &str, key: &str, partition: i32, mut body: Value, time: Timestamp) {
        body["id"] = json!(self.events.to_string());
        body["type"] = json!(event);
        body["time"] = json!(time.to_string());
        self.events += 1;
        let value = body.to_string();
        let mut record = BaseRecord::to(&self.topics[topic])
            .key(key)
            .payload(&value)
            .partition(partition)
            .timestamp(time.as_millis());
        while let Err((error, refused)) = self.producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            self.producer.poll(Duration::from_millis(10));
            record = refused;
        }
    }
}
