//! Where facts become records, and where things go wrong on the way: duplicates, conflicts, expired and malformed records.

use fastrand::Rng;

use super::malformed;
use super::occurrence::{Body, Occurrence};
use super::style::{Envelope, Envelopes, Style};
use super::write::EventWriter;
use super::{Emission, PartitionCounts};
use crate::clock::{DAY, Millis};
use crate::oracle::Horizons;
use crate::record::Stream;

/// How often things go wrong, as shares of the good records. What goes wrong comes on top of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRates {
    /// The same bytes again.
    pub duplicates: f64,
    /// The same event again, in another envelope.
    pub rewritten: f64,
    /// The same id again, but another amount, quantity, queue or status.
    pub conflicts: f64,
    /// Older than the horizon of its partition.
    pub expired: f64,
    /// Spoilt so that it must be rejected, in every way in turn.
    pub malformed: f64,
    /// Sent late, by up to the disorder of the generator (live only: in a load everything is out of order).
    pub late: f64,
    /// Stamped by a clock that is up to two minutes ahead (live only).
    pub ahead: f64,
}

impl FaultRates {
    /// Nothing goes wrong.
    pub const NONE: FaultRates = FaultRates {
        duplicates: 0.0,
        rewritten: 0.0,
        conflicts: 0.0,
        expired: 0.0,
        malformed: 0.0,
        late: 0.0,
        ahead: 0.0,
    };
    /// One record in a hundred comes twice, and that is all.
    pub const DUPLICATES: FaultRates = FaultRates { duplicates: 0.01, ..FaultRates::NONE };
    /// A day like any other.
    pub const USUAL: FaultRates = FaultRates {
        duplicates: 0.01,
        rewritten: 0.001,
        conflicts: 0.001,
        expired: 0.000_5,
        malformed: 0.003,
        late: 0.02,
        ahead: 0.001,
    };
    /// Everything goes wrong often, for tests.
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
    /// Records that they add, as a share of the good ones.
    pub(super) fn total(&self) -> f64 {
        self.duplicates + self.rewritten + self.conflicts + self.expired + self.malformed
    }
}

/// Facts that may yet come twice.
const REMEMBERED: usize = 64;

#[derive(Debug)]
pub(super) struct RecordEmitter {
    writer: EventWriter,
    faults: FaultRates,
    rng: Rng,
    horizons: Horizons,
    watermarks: [Vec<Millis>; 3],
    recent: [Vec<Occurrence>; 3],
    max_record_bytes: usize,
    /// The way in which the next record of each stream is spoilt.
    spoilt: [usize; 3],
    /// Serials from here on are those of facts that never happened.
    serial: u64,
}

impl RecordEmitter {
    pub fn new(
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
            watermarks: Stream::ALL.map(|stream| vec![Millis::MIN; partitions.of(stream) as usize]),
            recent: [const { Vec::new() }; 3],
            max_record_bytes,
            spoilt: [0; 3],
            serial: 1 << 48,
        }
    }

    /// Sends a fact, stamped `timestamp`, and now and then something else after it. The records are given to `take` in log order.
    pub fn send(&mut self, fact: &Occurrence, timestamp: Millis, mut take: impl FnMut(Emission)) {
        let emission = self.writer.emission(fact, timestamp);
        let stream = emission.stream;
        let watermark = &mut self.watermarks[stream as usize][emission.partition as usize];
        // A fact of its own is always applied: generators do not reach back as far as a horizon.
        *watermark = fact.time.max(*watermark);
        take(emission);
        self.remember(fact, stream);
        self.misfortune(fact, stream, timestamp, take);
    }

    fn remember(&mut self, fact: &Occurrence, stream: Stream) {
        let recent = &mut self.recent[stream as usize];
        if recent.len() < REMEMBERED {
            recent.push(*fact);
        } else {
            recent[fact.serial as usize % REMEMBERED] = *fact;
        }
    }

    /// At most one thing goes wrong after a fact.
    fn misfortune(&mut self, fact: &Occurrence, stream: Stream, timestamp: Millis, mut take: impl FnMut(Emission)) {
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
            // Not drawn, so that the random numbers of a seed stay the same.
            let is_respelt = again.serial.is_multiple_of(4) && again.has_whole_pesos();
            let (again, style) = if is_respelt {
                (again, Style { amount: style.amount.respelt(), ..style })
            } else {
                (contradicted(again), style)
            };
            take(self.writer.emission_in(&again, style, timestamp));
        } else if falls(faults.expired) {
            if let Some(expired) = self.expired(fact, stream, timestamp) {
                take(expired);
            }
        } else if falls(faults.malformed) {
            let never = self.never(fact);
            let way = self.spoilt[stream as usize];
            // Not one after the other: alike ones stand together in the list, and a quiet stream should see every sort soon.
            self.spoilt[stream as usize] += 13;
            take(malformed::emission(
                &mut self.writer,
                &never,
                timestamp,
                way,
                self.rng.u64(..),
                self.max_record_bytes,
            ));
        }
    }

    fn earlier(&mut self, stream: Stream) -> Occurrence {
        let recent = &self.recent[stream as usize];
        recent[self.rng.usize(..recent.len())]
    }

    /// A fact like this one that did not happen: it has an id of its own.
    fn never(&mut self, like: &Occurrence) -> Occurrence {
        self.serial += 1;
        Occurrence { serial: self.serial, ..*like }
    }

    /// A fact from before the horizon, unless its time could not be written.
    fn expired(&mut self, like: &Occurrence, stream: Stream, timestamp: Millis) -> Option<Emission> {
        let never = self.never(like);
        let style = self.writer.style(&never);
        let partition = self.writer.write(&never, style).partition;
        let watermark = self.watermarks[stream as usize][partition as usize];
        let horizon = horizon(self.horizons, stream);
        let time = watermark.checked_sub(horizon)?.checked_sub(self.rng.i64(1..=3 * DAY))?;
        // The contract's years begin with 2000.
        (time >= 946_684_800_000 + DAY).then(|| self.writer.emission(&Occurrence { time, ..never }, timestamp))
    }
}

pub(super) fn horizon(horizons: Horizons, stream: Stream) -> Millis {
    match stream {
        Stream::Disbursement => horizons.disbursement,
        Stream::Call => horizons.call,
        Stream::Milestone => horizons.milestone,
    }
}

/// The same event in another envelope; CloudEvents only if it has a source.
fn rewritten(style: Style) -> Style {
    let envelope = match style.envelope {
        Envelope::Flat if style.source => Envelope::Structured { content_type: true },
        Envelope::Flat => Envelope::Framed,
        Envelope::Structured { .. } => Envelope::Binary,
        Envelope::Binary | Envelope::Framed => Envelope::Flat,
    };
    Style { envelope, ..style }
}

/// The same id, and something else in it.
fn contradicted(mut fact: Occurrence) -> Occurrence {
    match &mut fact.body {
        Body::Disbursement { kind, amount, .. } if kind.has_amount() => *amount += 100_000,
        Body::Disbursement { support, .. } => support.number += 1 << 40,
        Body::Call { queue, .. } => *queue = if *queue == "apoyos" { "pagos" } else { "apoyos" },
        Body::Agent { site, .. } => *site = if *site == Some("casa-norte") { None } else { Some("casa-norte") },
        Body::Milestone { quantity, .. } => *quantity = Some(quantity.unwrap_or(1) + 1),
    }
    fact
}
