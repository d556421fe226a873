//! Stalled partitions, and a task that applies slowly or nothing at all.

use super::*;

#[test]
fn records_behind_slow_ones_are_no_stall() {
    let mut rig = Rig::new(2, "2026-09-22T12:00:00Z", &[]);
    let (letters, clock, asked) = (rig.letters.clone(), rig.clock.clone(), rig.start);
    let ends = || vec![(PartitionIndex::new(1), End { stable: 10, high: 10 })];
    let mut batches = rig.batches(80).into_iter();
    let worker = &mut rig.task.worker;
    worker.take(WorkerMessage::Ends { asked, ends: ends(), missing: Vec::new() }).unwrap();
    let mut is_stalled_after = |worker: &mut Worker, count: usize, drained| {
        for batch in batches.by_ref().take(count) {
            worker.take(batch).unwrap();
            while worker.is_applying() {
                worker.tend(1).unwrap();
                worker.apply_step();
            }
            worker.take(WorkerMessage::Positions { positions: Vec::new(), drained }).unwrap();
        }
        letters.observe(Observer::look);
        letters.observe(|seen| (seen.publisher.newest().partitions[1].stalled, seen.refetches))
    };
    assert_eq!(is_stalled_after(worker, 20, None), (false, 0), "its records may be the next in the queue");
    assert_eq!(is_stalled_after(worker, 50, None), (false, 0));
    assert_eq!(is_stalled_after(worker, 6, None), (true, 1), "nothing waits for five minutes");
    let positions = vec![(PartitionIndex::new(1), 9)];
    worker.take(WorkerMessage::Positions { positions, drained: None }).unwrap();
    assert_eq!(is_stalled_after(worker, 1, None), (false, 1));
    let drained = Some(clock.instant() + Duration::from_secs(31));
    assert_eq!(is_stalled_after(worker, 2, drained), (true, 2), "the client had nothing more, and none of its records");
}

#[test]
fn a_task_that_applies_slowly_is_alive() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let timeout = Duration::from_secs(2);
    let (clock, batches) = (rig.clock.clone(), rig.batches(1));
    let worker = &mut rig.task.worker;
    let mut watch = Watch::new(worker.heartbeat(), timeout / 10, clock.instant());
    let silence = Arc::new(Mutex::new(Duration::ZERO));
    let longest = Arc::clone(&silence);
    rig.letters.observe(|seen| {
        seen.after_record = Box::new(move |_| {
            // With its dead letter, a record takes 1.84 s. The watchdog looks ten times meanwhile.
            for _ in 0..10 {
                clock.advance(180, 0);
                let silence = watch.look(clock.instant());
                let mut longest = longest.lock().unwrap();
                *longest = silence.max(*longest);
            }
        });
    });
    batches.into_iter().for_each(|batch| worker.take(batch).unwrap());
    while worker.is_applying() {
        worker.tend(1).unwrap();
        worker.apply_step();
    }
    let silence = *silence.lock().unwrap();
    assert!(silence > timeout / 2 && silence < timeout, "{silence:?}");
}

#[test]
fn a_task_that_publishes_but_applies_nothing_is_stuck() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let clock = rig.clock.clone();
    let batches = rig.batches(1);
    let worker = &mut rig.task.worker;
    let mut watch = Watch::new(worker.heartbeat(), Duration::from_secs(1), clock.instant());
    let mut silence_after = |worker: &mut Worker, seconds: u32, waiting: usize| {
        let mut silence = Duration::ZERO;
        for _ in 0..seconds {
            clock.advance(1_000, 0);
            worker.tend(waiting).unwrap();
            silence = watch.look(clock.instant());
        }
        silence
    };
    assert_eq!(silence_after(worker, 60, 0), Duration::ZERO, "an empty queue is no silence");
    assert_eq!(silence_after(worker, 60, 1), Duration::from_secs(60), "a message waits");
    batches.into_iter().for_each(|batch| worker.take(batch).unwrap());
    assert_eq!(silence_after(worker, 1, 0), Duration::ZERO, "the message was taken");
    assert_eq!(silence_after(worker, 60, 0), Duration::from_secs(60), "the rest of a batch waits");
    let late = rig.letters.observe(|seen| clock.instant().saturating_duration_since(seen.publisher.newest().due));
    assert_eq!(late, Duration::ZERO, "and all the time figures are published");
}
