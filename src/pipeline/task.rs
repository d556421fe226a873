//! The task that owns every partition's state: applies what it is told, in order, and publishes what readers see.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Settings;
use super::board::{Board, PartitionStatus, Phase, Snapshot};
use super::freshness::Freshness;
use super::message::{Assigned, Assignment, Command, Decoded, Message, Records};
use super::meter::Meter;
use crate::aggregate::{Partition, Rules};
use crate::clock::{Clock, MINUTE, Millis, floor};
use crate::display::Display;
use crate::record::{Outcome, Rejection, Stream};
use crate::runtime::{Exit, Failure, Shutdown};
use crate::source::{ClientEvent, DeadLetter, DeadLetters, Slot};
use crate::view::PartitionView;

/// How often the log says how far a replay is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
/// How often the log sums up.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// How many events are fetched into the cache together: about as many reads as a core has under way at once.
const TOUCHED_TOGETHER: usize = 16;

/// Where the task's effects go.
pub struct Sinks {
    pub commands: mpsc::Sender<Command>,
    pub dead_letters: DeadLetters,
    pub board: Arc<Board>,
    pub meter: Meter,
}

pub struct Task {
    settings: Settings,
    commit_interval: Duration,
    stall_timeout: Duration,
    rules: Rules,
    display: Arc<Display>,
    clock: Clock,
    sinks: Sinks,
    built: Millis,
    phase: Phase,
    partitions: Vec<Owned>,
    freshness: Freshness,
    progress_logged: Instant,
    /// When figures were last published.
    published: Instant,
}

/// A partition that is read here.
struct Owned {
    assigned: Assigned,
    state: Partition,
    view: Arc<PartitionView>,
    /// Applied something since the view was made.
    changed: bool,
    /// The minute in which the view was made.
    minute: Millis,
    stalled: bool,
    /// When it was last fetched anew, while it is stalled.
    refetched: Option<Instant>,
}

impl Task {
    pub fn new(
        source: &crate::source::Settings,
        settings: Settings,
        rules: Rules,
        display: Arc<Display>,
        clock: Clock,
        sinks: Sinks,
    ) -> Self {
        Self {
            commit_interval: source.commit_interval,
            stall_timeout: source.stall_timeout,
            built: clock.now(),
            settings,
            rules,
            display,
            clock,
            sinks,
            phase: Phase::Starting("the pipeline is starting".to_owned()),
            partitions: Vec::new(),
            freshness: Freshness::new(std::iter::empty(), source.stall_timeout, Instant::now()),
            progress_logged: Instant::now(),
            published: Instant::now(),
        }
    }

    /// Runs until the poll thread has stopped or reading cannot go on; if nothing is read yet, only until a shutdown is requested: the poll
    /// thread may be waiting for a broker that does not answer.
    pub async fn run(mut self, mut inbox: Receiver<Message>, shutdown: Shutdown) -> Result<(), Failure> {
        let mut publish = every(self.settings.publish_interval);
        let mut commit = every(self.commit_interval);
        let mut summary = every(SUMMARY_INTERVAL);
        loop {
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Message::Stopped) => return self.finish(),
                    Some(message) => self.take(message)?,
                    None => return Err(Failure { exit: Exit::Bug, message: "the poll thread ended without a word".to_owned() }),
                },
                () = shutdown.requested(), if self.partitions.is_empty() => return Ok(()),
                _ = publish.tick() => self.publish(inbox.len()),
                _ = commit.tick() => self.commit(),
                _ = summary.tick() => self.sum_up(),
            }
        }
    }

    fn take(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Waiting(reason) => self.phase = Phase::Starting(reason),
            Message::Assigned(assignment) => self.assign(assignment),
            Message::Records(records) => self.apply(&records),
            Message::Positions(positions) => {
                let now = Instant::now();
                positions.into_iter().for_each(|(slot, position)| self.freshness.reached(slot.index(), position, now));
            }
            Message::Ends { asked, ends } => {
                let now = Instant::now();
                ends.into_iter().for_each(|(slot, end)| self.freshness.end(slot.index(), asked, end, now));
            }
            Message::Client(events) => return events.into_iter().try_for_each(|event| self.hear(event)),
            Message::Failed(failure) => return Err(failure),
            Message::Stopped => {}
        }
        Ok(())
    }

    fn assign(&mut self, assignment: Assignment) {
        let now = self.clock.now();
        let Assignment { partitions: assigned, short_retention } = assignment;
        self.sinks.meter.assigned(&assigned, &short_retention);
        let partitions = assigned.iter().map(|assigned| (assigned.partition.stream, assigned.first_offset));
        self.freshness = Freshness::new(partitions, self.stall_timeout, Instant::now());
        let own = |assigned: Assigned| {
            let (stream, first_offset) = (assigned.partition.stream, assigned.first_offset);
            let mut state = Partition::new(stream, first_offset, self.rules, Arc::clone(&self.display), now);
            let view = Arc::new(state.view(now));
            Owned { assigned, state, view, changed: false, minute: floor(now, MINUTE), stalled: false, refetched: None }
        };
        self.partitions = assigned.into_iter().map(own).collect();
        self.phase = Phase::Replaying { read: 0, total: 0 };
        self.built = now;
        tracing::info!(
            event = "pacemeter.replay.started",
            partitions = self.partitions.len(),
            "replaying the log from its beginning: there is no checkpoint"
        );
    }

    fn apply(&mut self, records: &Records) {
        let now = self.clock.now();
        for (index, (decoded, message)) in records.decoded.iter().zip(records.batch.iter()).enumerate() {
            if index % TOUCHED_TOGETHER == 0 {
                self.touch(&records.decoded[index..]);
            }
            let owned = &mut self.partitions[decoded.slot.index()];
            owned.changed = true;
            let outcome = owned.state.step(decoded.offset, &decoded.event, &records.texts);
            let stream = owned.assigned.partition.stream;
            match (outcome, &decoded.event) {
                (Outcome::Applied, Ok(event)) => self.sinks.meter.applied(stream, now - event.time),
                (Outcome::Expired, _) => self.set_aside(message, outcome.name(), None),
                (_, Err(Rejection { reason, field })) => self.set_aside(message, reason.name(), *field),
                (_, Ok(_)) => {}
            }
        }
        let moved = Instant::now();
        for (slot, owned) in self.partitions.iter().enumerate() {
            self.freshness.reached(slot, owned.state.next_offset(), moved);
        }
        self.sinks.meter.batch(records, now);
    }

    /// Lets the next events wait for memory together, not one after the other.
    fn touch(&self, decoded: &[Decoded]) {
        let next = decoded.iter().take(TOUCHED_TOGETHER).filter_map(|decoded| Some((decoded.slot, decoded.event.as_ref().ok()?)));
        let touched = next.fold(0, |touched, (slot, event)| touched ^ self.partitions[slot.index()].state.touch(event));
        std::hint::black_box(touched);
    }

    /// Writes a record to the dead-letter topic, unless an earlier process has.
    fn set_aside(&self, message: crate::source::Message<'_>, reason: &'static str, field: Option<&'static str>) {
        let (slot, offset) = (message.slot(), message.offset());
        let Assigned { partition, committed, .. } = &self.partitions[slot.index()].assigned;
        tracing::warn!(
            event = "pacemeter.record.set_aside",
            topic = partition.topic,
            partition = partition.partition,
            offset,
            reason,
            field,
            "record set aside"
        );
        if committed.is_some_and(|committed| offset < committed) {
            return;
        }
        let mut headers = Vec::new();
        message.append_headers(&mut headers);
        self.sinks.dead_letters.send(&DeadLetter {
            slot,
            partition,
            offset,
            timestamp: message.timestamp(),
            key: message.key(),
            value: message.value(),
            headers: &headers,
            reason,
            field,
        });
    }

    fn hear(&mut self, event: ClientEvent) -> Result<(), Failure> {
        self.sinks.meter.client(&event, self.clock.now());
        match event {
            ClientEvent::Errors { code, reason, count, .. } => {
                tracing::warn!(event = "pacemeter.kafka.error", code = ?code, reason, count, "kafka client reports errors");
            }
            ClientEvent::Interrupted { slot, offset, code, reason, .. } => {
                let partition = &self.partitions[slot.index()].assigned.partition;
                tracing::error!(
                    event = "pacemeter.partition.interrupted",
                    topic = partition.topic,
                    partition = partition.partition,
                    offset,
                    code = ?code,
                    reason,
                    "a partition cannot be read; trying again"
                );
            }
            ClientEvent::OutOfRange { slot, next_offset, reason } => {
                let partition = &self.partitions[slot.index()].assigned.partition;
                let message = format!(
                    "topic {} partition {}: offset {next_offset} is gone from the log ({reason}): retention passed it, or the log was cut; \
                     restart to rebuild from what is there",
                    partition.topic, partition.partition
                );
                return Err(Failure { exit: Exit::TryAgain, message });
            }
            ClientEvent::Repeated { count } => {
                tracing::info!(event = "pacemeter.kafka.repeated", count, "records came again from the client and were dropped");
            }
            ClientEvent::Committed => {}
            ClientEvent::CommitFailed { reason, .. } => {
                tracing::warn!(
                    event = "pacemeter.kafka.commit_failed",
                    reason,
                    "offsets were not committed; figures do not depend on them"
                );
            }
            ClientEvent::Fatal { reason } => {
                return Err(Failure { exit: Exit::TryAgain, message: format!("the kafka client failed for good: {reason}") });
            }
        }
        Ok(())
    }

    /// Publishes what changed, and looks after what is stalled and what is complete.
    fn publish(&mut self, waiting_messages: usize) {
        let now = self.clock.now();
        // A task that was held up finds what seems to be missing in its own queue: first it takes that.
        let was_held_up = self.published.elapsed() >= self.settings.publish_interval + self.stall_timeout / 2;
        self.published = Instant::now();
        if !was_held_up {
            self.look_for_stalls();
        }
        for owned in &mut self.partitions {
            // What depends on now is kept in panes around it, so a view that nothing changed is made anew once a minute.
            if owned.changed || owned.minute != floor(now, MINUTE) {
                owned.view = Arc::new(owned.state.view(now));
                (owned.changed, owned.minute) = (false, floor(now, MINUTE));
            }
        }
        self.follow_replay();
        let status = |(slot, owned): (usize, &Owned)| PartitionStatus {
            partition: owned.assigned.partition.clone(),
            position: self.freshness.position(slot),
            end: self.freshness.newest_end(slot),
            lag: self.freshness.lag(slot),
            stalled: owned.stalled,
            view: Arc::clone(&owned.view),
        };
        let snapshot = Snapshot {
            phase: self.phase.clone(),
            partitions: self.partitions.iter().enumerate().map(status).collect(),
            complete_until: Stream::ALL.map(|stream| self.freshness.complete_until(stream)),
            built: self.built,
        };
        let states = self.partitions.iter().map(|owned| &owned.state);
        self.sinks.meter.published(&snapshot, states, self.sinks.dead_letters.counts(), waiting_messages);
        self.sinks.board.publish(snapshot);
    }

    fn look_for_stalls(&mut self) {
        let now = Instant::now();
        let stalled: Vec<usize> = self.freshness.stalled(now).collect();
        for (slot, owned) in self.partitions.iter_mut().enumerate() {
            let is_stalled = stalled.contains(&slot);
            if is_stalled && owned.refetched.is_none_or(|at| now.saturating_duration_since(at) >= self.stall_timeout) {
                let partition = &owned.assigned.partition;
                tracing::error!(
                    event = "pacemeter.partition.stalled",
                    topic = partition.topic,
                    partition = partition.partition,
                    next_offset = owned.state.next_offset(),
                    "a partition has unread records and yields none; fetching it anew"
                );
                self.sinks.meter.refetched();
                // The poll thread hangs up only at the end.
                let _ = self.sinks.commands.send(Command::Refetch(Slot(slot as u16)));
                owned.refetched = Some(now);
            }
            owned.stalled = is_stalled;
            if !is_stalled {
                owned.refetched = None;
            }
        }
    }

    fn follow_replay(&mut self) {
        let Phase::Replaying { .. } = self.phase else { return };
        let slots = 0..self.partitions.len();
        let from_start = |slot: usize, offset: i64| u64::try_from(offset - self.partitions[slot].assigned.first_offset).unwrap_or(0);
        let read: u64 = slots.clone().map(|slot| from_start(slot, self.freshness.position(slot))).sum();
        let total: u64 = slots.map(|slot| from_start(slot, self.freshness.newest_end(slot).unwrap_or(0))).sum();
        if self.freshness.caught_up() {
            self.phase = Phase::Live;
            tracing::info!(event = "pacemeter.replay.finished", records = read, "replay finished: figures are shown from now on");
            return;
        }
        self.phase = Phase::Replaying { read, total };
        if self.progress_logged.elapsed() >= PROGRESS_INTERVAL {
            self.progress_logged = Instant::now();
            tracing::info!(event = "pacemeter.replay.progress", read, total, "replaying the log");
        }
    }

    /// Commits as far as dead letters are safe, and never back behind what an earlier process committed.
    fn commit(&mut self) {
        let offsets = self.partitions.iter_mut().enumerate().filter_map(|(slot, owned)| {
            let slot = Slot(slot as u16);
            let safe = self.sinks.dead_letters.acknowledged_below(slot, owned.state.next_offset());
            let moved = owned.assigned.committed.map_or(safe > owned.assigned.first_offset, |committed| safe > committed);
            moved.then_some((slot, safe))
        });
        let offsets: Vec<_> = offsets.collect();
        if !offsets.is_empty() {
            let _ = self.sinks.commands.send(Command::Commit(offsets));
        }
    }

    fn sum_up(&self) {
        let outcomes = |outcome: Outcome| -> u64 { self.partitions.iter().map(|owned| owned.view.counts.outcomes[outcome as usize]).sum() };
        let lag: i64 = (0..self.partitions.len()).filter_map(|slot| self.freshness.lag(slot)).sum();
        tracing::info!(
            event = "pacemeter.summary",
            applied = outcomes(Outcome::Applied),
            duplicate = outcomes(Outcome::Duplicate),
            rejected = outcomes(Outcome::Rejected),
            expired = outcomes(Outcome::Expired),
            lag_records = lag,
            live = self.phase == Phase::Live,
            "records since the beginning of the log"
        );
    }

    fn finish(mut self) -> Result<(), Failure> {
        if !self.sinks.dead_letters.flush(self.settings.shutdown_deadline / 2) {
            tracing::warn!(event = "pacemeter.dead_letter.unfinished", "some dead letters were not acknowledged before the end");
        }
        self.publish(0);
        self.commit();
        self.sum_up();
        Ok(())
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
