//! Scrapes that share a rendering, and the memory of renderings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Exporter;
use crate::allowlists::Allowlists;
use crate::clock::{Clock, Timestamp};
use crate::telemetry::Metrics;
use crate::telemetry::log::{self, LogCounters};
use crate::view::progress::Evaluator;
use crate::view::snapshot::SnapshotPublisher;
use crate::view::totals::PresenceLimits;

fn exporter(clock: Clock) -> Exporter {
    let log = log::Settings::OF_TESTS;
    let allowlists = Arc::new(Allowlists::default());
    Exporter::new(
        Arc::new(SnapshotPublisher::new(clock.now(), Arc::default(), Instant::now())),
        Arc::clone(&allowlists),
        PresenceLimits { wait: 1_000, agent: 1_000 },
        Arc::new(Evaluator::new(allowlists.zone.clone())),
        clock,
        Arc::new(Metrics::new(&[], &[], Arc::new(LogCounters::new(&log)))),
        100,
    )
}

fn start() -> Timestamp {
    Timestamp::from_millis(1_590_000_000_000)
}

#[test]
fn scrapes_that_wait_share_the_next_rendering() {
    // Every scrape is many minutes of this clock after the other.
    let exporter = exporter(Clock::accelerated(start(), 1e9));
    let first = exporter.render();
    let rendering = exporter.shared.lock().unwrap();
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let scrapes: Vec<_> = (0..4).map(|_| scope.spawn(|| exporter.render())).collect();
        std::thread::sleep(Duration::from_millis(300));
        drop(rendering);
        scrapes.into_iter().map(|scrape| scrape.join().unwrap()).collect()
    });
    assert!(bodies.iter().all(|body| Arc::ptr_eq(body, &bodies[0])), "one rendering for all");
    assert!(!Arc::ptr_eq(&bodies[0], &first), "which began after they had arrived");
    assert!(!Arc::ptr_eq(&bodies[0], &exporter.render()), "a later scrape shows the present");
}

#[test]
fn a_rendering_is_shared_from_its_end_on() {
    let clock = Clock::manual(start());
    let exporter = exporter(clock.clone());
    let first = exporter.render();
    exporter.shared.lock().unwrap().as_mut().unwrap().finished = start() + 1_000;
    clock.advance(1_249, 0);
    assert!(Arc::ptr_eq(&first, &exporter.render()));
    clock.advance(1, 0);
    assert!(!Arc::ptr_eq(&first, &exporter.render()));
}

#[test]
fn slow_readers_hold_a_bounded_number_of_renderings() {
    let clock = Clock::manual(start());
    let exporter = exporter(clock.clone());
    let render = |max_bytes: usize| {
        clock.advance(1_000, 0);
        exporter.render_within(max_bytes)
    };
    let size = render(usize::MAX).bytes();
    // Clients that read slowly hold the bytes, not the body.
    let mut held: Vec<_> = (0..20).map(|_| render(3 * size).plain()).collect();
    let mut distinct: Vec<_> = held.iter().map(|bytes| bytes.as_ptr()).collect();
    distinct.dedup();
    assert!((2..=4).contains(&distinct.len()), "{} renderings are alive", distinct.len());
    let last = held.pop().unwrap();
    assert_eq!(render(3 * size).plain().as_ptr(), last.as_ptr(), "the newest is shared");
    held.clear();
    drop(last);
    let next = render(3 * size);
    assert!(!Arc::ptr_eq(&next, &render(3 * size)), "once they are gone, every scrape is new");
}

#[test]
fn one_large_rendering_may_always_follow_another() {
    let clock = Clock::manual(start());
    let exporter = exporter(clock.clone());
    let first = exporter.render_within(0);
    clock.advance(1_000, 0);
    let second = exporter.render_within(0);
    assert!(!Arc::ptr_eq(&first, &second));
    clock.advance(1_000, 0);
    assert!(Arc::ptr_eq(&second, &exporter.render_within(0)), "the first is still held");
    drop(first);
    assert!(!Arc::ptr_eq(&second, &exporter.render_within(0)));
}

#[test]
fn compressed_bytes_count_until_the_last_answer() {
    let exporter = exporter(Clock::manual(start()));
    let body = exporter.render();
    let memory = exporter.shared.lock().unwrap().as_ref().unwrap().memory.clone();
    assert_eq!(memory.bytes(), body.plain().len());
    let gzip = body.gzip();
    assert_eq!(memory.bytes(), body.plain().len() + gzip.len());
    drop((body, exporter));
    assert_eq!(memory.bytes(), gzip.len());
    drop(gzip);
    assert_eq!(memory.bytes(), 0);
}
