//! Random and hostile logs.

use std::ops::Range;

use pacemeter::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use proptest::prelude::*;

use super::PARTITIONS;

/// An event with few possible values of everything, so that all combinations occur.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub partition: usize,
    pub what: What,
    /// Reused event identifier; most are new.
    pub id: Option<u8>,
    pub time: Time,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Disbursement { kind: usize, programme: usize, state: usize, person: u8, credit: u8, amount: u64 },
    Call { kind: usize, call: u8, queue: usize, seconds: Option<u32> },
    Agent { agent: u8, site: Option<usize>, status: usize },
    Milestone { kind: usize, initiative: usize, milestone: usize, quantity: Option<u32> },
    Malformed,
}

/// Event time, relative to the progress of the log.
#[derive(Debug, Clone)]
pub(crate) enum Time {
    Ahead(Millis),
    Behind(Millis),
    /// Same instant as the log's last event.
    Same,
    /// Time since the beginning of the local day that the log has reached.
    Turn(Millis),
}

fn disbursement(
    kind: impl Strategy<Value = usize>,
    people: Range<u8>,
    supports: Range<u8>,
) -> impl Strategy<Value = What> {
    (kind, 0..4_usize, 0..5_usize, people, supports, 1..5_u64).prop_map(
        |(kind, programme, state, person, credit, amount)| What::Disbursement {
            kind,
            programme,
            state,
            person,
            credit,
            amount,
        },
    )
}

fn what() -> impl Strategy<Value = What> {
    let disbursement = disbursement(0..5_usize, 0..6, 0..10);
    let call = (0..4_usize, 0..8_u8, 0..3_usize, prop::option::of(0..4_000_u32))
        .prop_map(|(kind, call, queue, seconds)| What::Call { kind, call, queue, seconds });
    let agent = (0..4_u8, prop::option::of(0..3_usize), 0..5_usize).prop_map(|(agent, site, status)| What::Agent {
        agent,
        site,
        status,
    });
    let milestone = (0..2_usize, 0..3_usize, 0..3_usize, prop::option::of(1..9_u32))
        .prop_map(|(kind, initiative, milestone, quantity)| What::Milestone { kind, initiative, milestone, quantity });
    prop_oneof![12 => disbursement, 4 => call, 2 => agent, 1 => milestone, 1 => Just(What::Malformed)]
}

fn steps(pace: Millis) -> impl Strategy<Value = Vec<Step>> {
    steps_of(what(), pace, 1..160)
}

/// Two people in each partition who are paid and return again and again, so that they are crowded.
fn crowds(pace: Millis) -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![5 => Just(3_usize), 2 => Just(4_usize), 1 => 0..3_usize];
    steps_of(disbursement(kind, 0..2, 0..30), pace, 60..160)
}

fn steps_of(what: impl Strategy<Value = What>, pace: Millis, length: Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let time = prop_oneof![
        6 => (0..=2 * pace).prop_map(Time::Ahead),
        2 => (0..=5 * pace).prop_map(Time::Behind),
        1 => (0..=60 * DAY).prop_map(Time::Behind),
        1 => Just(Time::Same),
        1 => prop::sample::select(&[0, 18 * HOUR, 12 * HOUR + 30 * MINUTE][..]).prop_map(Time::Turn),
    ];
    let step = (0..PARTITIONS, what, prop::option::weighted(0.15, any::<u8>()), time)
        .prop_map(|(partition, what, id, time)| Step { partition, what, id, time });
    prop::collection::vec(step, length)
}

/// Logs that crawl, walk and leap: within a minute, over a day, over many horizons.
pub(super) fn log() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        steps(20 * SECOND),
        steps(10 * MINUTE),
        steps(3 * HOUR),
        steps(DAY),
        steps(4 * DAY),
        crowds(10 * MINUTE),
        crowds(3 * HOUR),
        crowds(DAY),
    ]
}
