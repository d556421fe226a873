//! Turns occurrences into records and adds faults: duplicates, conflicts, expired and malformed records.

use fastrand::Rng;

use super::malformed;
use super::occurrence::{Body, Occurrence};
use super::style::{Envelope, Envelopes, Style};
use super::write::EventWriter;
use super::{Emission, PartitionCounts};
use crate::clock::{DAY, Millis, Timestamp};
use crate::oracle::Horizons;
use crate::record::{PerStream, Stream};

/// Rates of faults, each as a share of the good records, to which they are added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRates {
    /// Rate of records sent again with the same bytes.
    pub duplicates: f64,
    /// Rate of events sent again in another envelope.
    pub rewritten: f64,
    /// Rate of ids sent again with another amount, credit, queue, site or quantity.
    pub conflicts: f64,
    /// Rate of events older than the horizon of their partition.
    pub expired: f64,
    /// Rate of records that must be rejected, with every corruption in turn.
    pub malformed: f64,
    /// Rate of records sent late, by up to the disorder of the generator (live only: a load is all out of order).
    pub late: f64,
    /// Rate of events stamped by a clock that is up to two minutes ahead (live only).
    pub ahead: f64,
}

impl FaultRates {
    /// No faults.
    pub const NONE: FaultRates = FaultRates {
        duplicates: 0.0,
        rewritten: 0.0,
        conflicts: 0.0,
        expired: 0.0,
        malformed: 0.0,
        late: 0.0,
        ahead: 0.0,
    };
    /// One duplicate in a hundred records, and no other faults.
    pub const DUPLICATES: FaultRates = FaultRates { duplicates: 0.01, ..FaultRates::NONE };
    /// Rates of a normal day.
    pub const USUAL: FaultRates = FaultRates {
        duplicates: 0.01,
        rewritten: 0.001,
        conflicts: 0.001,
        expired: 0.000_5,
        malformed: 0.003,
        late: 0.02,
        ahead: 0.001,
    };
    /// High rates of every fault, for tests.
    pub const HOSTILE: FaultRates = FaultRates {
        duplicates: 0.05,
        rewritten: 0.02,
        conflicts: 0.02,
        expired: 0.02,
        malformed: 0.05,
        late: 0.1,
        ahead: 0.02,
    };
}

impl FaultRates {
    /// Records that faults add, as a share of the good ones.
    pub(super) fn total(&self) -> f64 {
        self.duplicates + self.rewritten + self.conflicts + self.expired + self.malformed
    }
}

/// Number of recent occurrences of each stream that may be sent again.
const REMEMBERED: usize = 64;

#[derive(Debug)]
pub(super) struct RecordEmitter {
    writer: EventWriter,
    faults: FaultRates,
    rng: Rng,
    horizons: Horizons,
    watermarks: PerStream<Vec<Timestamp>>,
    recent: PerStream<Vec<Occurrence>>,
    max_record_bytes: usize,
    /// Index of the next corruption of each stream.
    corrupted: PerStream<usize>,
    /// Serial of the last occurrence that was made up for a fault.
    serial: u64,
}

impl RecordEmitter {
    pub(super) fn new(
        seed: u64,
        partitions: PartitionCounts,
        envelopes: Envelopes,
        faults: FaultRates,
        horizons: Horizons,
        max_record_bytes: usize,
    ) -> Self {
        Self {
            writer: EventWriter::new(seed, partitions, envelopes),
            faults,
            rng: Rng::with_seed(seed ^ 0x6f75_7462_6f78),
            horizons,
            watermarks: PerStream::from_fn(|stream| vec![Timestamp::MIN; partitions.of(stream) as usize]),
            recent: PerStream::default(),
            max_record_bytes,
            corrupted: PerStream::default(),
            serial: 1 << 48,
        }
    }

    /// Sends an occurrence with this Kafka timestamp, and sometimes a fault after it. `take` gets the records in log
    /// order.
    pub(super) fn send(&mut self, occurrence: &Occurrence, timestamp: Timestamp, mut take: impl FnMut(Emission)) {
        let emission = self.writer.emission(occurrence, timestamp);
        let stream = emission.stream;
        let watermark = &mut self.watermarks[stream][emission.partition as usize];
        // A regular occurrence is always applied, as generators do not reach back as far as a horizon.
        *watermark = occurrence.time.max(*watermark);
        take(emission);
        self.remember(occurrence, stream);
        self.send_fault(occurrence, stream, timestamp, take);
    }

    fn remember(&mut self, occurrence: &Occurrence, stream: Stream) {
        let recent = &mut self.recent[stream];
        if recent.len() < REMEMBERED {
            recent.push(*occurrence);
        } else {
            recent[occurrence.serial as usize % REMEMBERED] = *occurrence;
        }
    }

    /// Sends at most one fault after an occurrence.
    fn send_fault(
        &mut self,
        occurrence: &Occurrence,
        stream: Stream,
        timestamp: Timestamp,
        mut take: impl FnMut(Emission),
    ) {
        let faults = self.faults;
        let mut dice = self.rng.f64();
        let mut falls = |share: f64| {
            let falls = (0.0..share).contains(&dice);
            dice -= share;
            falls
        };
        if falls(faults.duplicates) {
            let again = self.earlier(stream);
            take(self.writer.emission(&again, timestamp));
        } else if falls(faults.rewritten) {
            let again = self.earlier(stream);
            let style = self.writer.style(&again);
            take(self.writer.emission_in(&again, rewritten(style), timestamp));
        } else if falls(faults.conflicts) {
            let again = self.earlier(stream);
            let style = self.writer.style(&again);
            take(self.writer.emission_in(&contradicted(again), style, timestamp));
        } else if falls(faults.expired) {
            if let Some(expired) = self.expired(occurrence, stream, timestamp) {
                take(expired);
            }
        } else if falls(faults.malformed) {
            let never = self.never(occurrence);
            let corruption = self.corrupted[stream];
            // In steps of 13: similar corruptions are neighbours, and a quiet stream should see every kind soon.
            self.corrupted[stream] += 13;
            take(malformed::emission(
                &mut self.writer,
                &never,
                timestamp,
                corruption,
                self.rng.u64(..),
                self.max_record_bytes,
            ));
        }
    }

    fn earlier(&mut self, stream: Stream) -> Occurrence {
        let recent = &self.recent[stream];
        recent[self.rng.usize(..recent.len())]
    }

    /// A made-up occurrence like this one, with an id of its own.
    fn never(&mut self, like: &Occurrence) -> Occurrence {
        self.serial += 1;
        Occurrence { serial: self.serial, ..*like }
    }

    /// An occurrence older than the horizon; `None` if its time would be out of range.
    fn expired(&mut self, like: &Occurrence, stream: Stream, timestamp: Timestamp) -> Option<Emission> {
        let never = self.never(like);
        let style = self.writer.style(&never);
        let partition = self.writer.write(&never, style).partition;
        let watermark = self.watermarks[stream][partition as usize];
        if watermark == Timestamp::MIN {
            return None;
        }
        let horizon = horizon(self.horizons, stream);
        let time = watermark - horizon - self.rng.i64(1..=3 * DAY);
        // Event times begin with the year 2000 (spec/events.md#event-time).
        (time >= Timestamp::from_millis(946_684_800_000) + DAY)
            .then(|| self.writer.emission(&Occurrence { time, ..never }, timestamp))
    }
}

pub(super) fn horizon(horizons: Horizons, stream: Stream) -> Millis {
    match stream {
        Stream::Disbursement => horizons.disbursement,
        Stream::Call => horizons.call,
        Stream::Milestone => horizons.milestone,
    }
}

/// Style of the same event in another envelope, with its amount in another spelling; CloudEvents need a source.
fn rewritten(style: Style) -> Style {
    let envelope = match style.envelope {
        Envelope::Flat if style.source => Envelope::Structured { content_type: true },
        Envelope::Flat => Envelope::Framed,
        Envelope::Structured { .. } => Envelope::Binary,
        Envelope::Binary | Envelope::Framed => Envelope::Flat,
    };
    Style { envelope, amount: style.amount.respelt(), ..style }
}

/// An occurrence with the same id and other content.
fn contradicted(mut occurrence: Occurrence) -> Occurrence {
    match &mut occurrence.body {
        Body::Disbursement { kind, amount, .. } if kind.has_amount() => *amount += 100_000,
        Body::Disbursement { support, .. } => support.number += 1 << 40,
        Body::Call { queue, .. } => *queue = if *queue == "apoyos" { "pagos" } else { "apoyos" },
        Body::Agent { site, .. } => *site = if *site == Some("casa-norte") { None } else { Some("casa-norte") },
        Body::Milestone { quantity, .. } => *quantity = Some(quantity.unwrap_or(1) + 1),
    }
    occurrence
}
