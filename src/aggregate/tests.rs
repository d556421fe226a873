use super::effort::take_looks;
use super::*;
use crate::allowlists::LabelKind;
use crate::calendar::{Interval, Period, WorkingCalendar};
use crate::clock::{DAY, HOUR, MINUTE};
use crate::event::{self, CallKind, Disbursement, DisbursementKind, FederalState, MilestoneKind};
use crate::targets::{Filter, Measure};
use crate::view::StreamFigures;

/// 1 September 2020.
const START: Timestamp = Timestamp::from_millis(1_598_918_400_000);

#[test]
fn passed_offsets_are_rejected_once_as_excluded() {
    let mut state =
        PartitionState::new(Stream::Call, 10, Rules::default(), &ViewConfig::default(), Timestamp::from_millis(0));
    assert_eq!(state.pass_excluded(12, 14), 3, "10 and 11 are no records");
    assert_eq!(state.pass_excluded(12, 15), 1, "three of them count already");
    assert_eq!(state.pass_excluded(10, 15), 0);
    assert_eq!((state.next_offset(), state.records()), (16, 4));
    let counts = state.view(Timestamp::from_millis(0)).counts;
    assert_eq!(counts.rejected[Reason::Excluded as usize], 4);
    assert_eq!(counts.outcomes[Outcome::Rejected as usize], 4);
}

/// The newest event may be half a day ahead of the clock of whoever reads a curve of the period before.
#[test]
fn hours_reach_back_over_this_week_and_the_one_before() {
    let config = ViewConfig::default();
    let selection = config.selection(Stream::Disbursement, DAY, [400 * DAY; 2]);
    let zone = &config.allowlists.zone;
    for week in 0..60 {
        let running = Period::WEEK.at(START + week * 7 * DAY, zone).unwrap();
        let before = Period::WEEK.at(running.start - 1, zone).unwrap();
        let newest = running.end - 1 + 12 * HOUR;
        assert!(newest - selection.hours <= before.start, "{running:?}");
    }
}

/// Order in which the dispersals of one person come.
#[derive(Debug, Clone, Copy)]
enum Order {
    Rising,
    Falling,
    Scattered,
    AtOnce,
}

impl Order {
    const ALL: [Order; 4] = [Self::Rising, Self::Falling, Self::Scattered, Self::AtOnce];

    fn time(self, number: u64) -> Timestamp {
        let millis = match self {
            Self::Rising => number as Millis,
            Self::Falling => HOUR - number as Millis,
            Self::Scattered => (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % HOUR as u64) as Millis,
            Self::AtOnce => 0,
        };
        START + millis
    }
}

/// A partition that is fed disbursements to one person, and the most looks at entries that a record took.
struct Feed {
    partition: PartitionState,
    arena: LabelArena,
    events: u64,
    most: u64,
}

impl Feed {
    fn new() -> Self {
        let view_config = ViewConfig { targets: Arc::new(people_targets()), ..ViewConfig::default() };
        let partition = PartitionState::new(Stream::Disbursement, 0, Rules::default(), &view_config, START);
        take_looks();
        Self { partition, arena: LabelArena::default(), events: 0, most: 0 }
    }

    /// Applies an event of support `credit`; `spent` dispersals are used up by it, beside those of forgotten supports.
    fn apply(&mut self, kind: DisbursementKind, time: Timestamp, credit: u64, programme: &str, spent: u64) {
        let hash = |number: u64| *blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk().expect("16 bytes");
        let body = Disbursement {
            kind,
            programme: self.arena.push(programme),
            state: FederalState::from_index((credit % 7) as usize),
            beneficiary: [7; 16],
            credit: hash(credit),
            amount: 2_500_000,
        };
        self.events += 1;
        let event = Event { id: hash(1 << 60 | self.events), fingerprint: 0, time, body: Body::Disbursement(body) };
        let supports = self.partition.keys().supports;
        let outcome = self.partition.step(self.events as i64, &Ok(event), &self.arena);
        assert_eq!(outcome, Outcome::Applied);
        let forgotten = supports.saturating_sub(self.partition.keys().supports);
        self.most = self.most.max(take_looks() / (spent + forgotten + 1));
    }
}

/// Targets of people: of all, and of one programme by the day.
fn people_targets() -> Targets {
    let calendars = vec![Arc::new(WorkingCalendar::always(jiff::tz::TimeZone::UTC))];
    let target = |name: &str, period, programmes: &[&str]| crate::targets::Target {
        name: name.to_owned(),
        description: String::new(),
        title: None,
        group: None,
        measure: Measure::Beneficiaries,
        filter: Filter {
            programmes: programmes.iter().map(|&programme| programme.to_owned()).collect(),
            ..Filter::default()
        },
        period,
        goals: vec![(jiff::civil::date(2020, 1, 1), crate::targets::Quantity::Count(100_000))],
        calendar: Arc::clone(&calendars[0]),
        profile: None,
        prorate: false,
        tolerance: 0.0,
        pesos_each: None,
    };
    let targets = vec![target("all", Period::WEEK, &[]), target("one", Period::Day, &["b"])];
    Targets { targets, calendars, ..Targets::default() }
}

/// Number of events in which the sweep of a small table comes around.
const SWEPT: u64 = 10_000;

/// The most looks for a record among `dispersals` to one person, then pairs that are paid and returned under another
/// programme, then more programmes than anybody has, and at last the forgetting of all.
fn most_looks(order: Order, dispersals: u64) -> [u64; 3] {
    use DisbursementKind::{Dispersed, Returned};
    let mut feed = Feed::new();
    for number in 0..dispersals {
        feed.apply(Dispersed, order.time(number), number, "a", 0);
    }
    for number in 0..dispersals / 8 {
        let (credit, time) = (dispersals + number, order.time(number * 7 % dispersals));
        feed.apply(Dispersed, time, credit, "b", 0);
        feed.apply(Returned, time + MINUTE, credit, "b", 1);
    }
    let paid = std::mem::take(&mut feed.most);
    // Under programmes of their own, and settled one by one: each support has a millisecond of its own.
    for number in 0..dispersals / 8 {
        let credit = 2 * dispersals + number;
        feed.apply(Dispersed, START + HOUR + number as Millis, credit, &format!("own {number}"), 0);
    }
    let programmes = std::mem::take(&mut feed.most);
    // The watermark passes the horizon of all, and each sweep forgets some supports.
    let later = START + Rules::default().horizon(Stream::Disbursement) + crate::clock::DAY;
    for number in 0..SWEPT {
        feed.apply(Dispersed, later + number as Millis, 3 * dispersals + number % 3, "c", 0);
    }
    assert_eq!(feed.partition.keys().dispersals, SWEPT, "all others are forgotten");
    [paid, programmes, feed.most]
}

/// Attack: a placeholder identifier gathers dispersals without end. The work for one record may grow with their
/// logarithm; a walk over all of them, of whatever list, fails this.
#[test]
fn the_worst_record_takes_logarithmic_work_in_its_key() {
    for order in Order::ALL {
        let (few, many) = (most_looks(order, 256), most_looks(order, 8_192));
        for (few, many) in few.into_iter().zip(many) {
            assert!(many <= 2 * few, "{order:?}: at most {few} looks among 256 dispersals, {many} among 8,192");
        }
    }
}

/// A support of tens of thousands of instalments, returned in as many steps, and returns that wait for it.
#[test]
fn instalments_and_returns_of_a_support_take_equal_work() {
    use DisbursementKind::{Dispersed, Returned};
    let most = |instalments: u64| {
        let mut feed = Feed::new();
        (0..instalments).for_each(|number| feed.apply(Returned, START + number as Millis, 1, "a", 0));
        (0..2 * instalments).for_each(|number| feed.apply(Dispersed, START - number as Millis, 1, "a", 1));
        (0..2 * instalments).for_each(|number| feed.apply(Returned, START + number as Millis, 1, "b", 1));
        feed.most
    };
    let (few, many) = (most(256), most(8_192));
    assert!(many <= 2 * few, "at most {few} looks among 256 instalments, {many} among 8,192");
}

/// A partition restored from an image of `partition` as it is now.
fn restored(partition: &mut PartitionState) -> PartitionState {
    let image = partition.begin_image(&(Arc::new(|_| {}) as PageSink));
    let days: Vec<_> = image.days.iter().map(|day| (day.start, day.content.encode())).collect();
    let mut loader = StateLoader::new(partition.stream, &image.body, &days).expect("an image is well-formed");
    let chunk = partition.copy(usize::MAX).expect("there are pages");
    let mut bytes = &chunk.bytes[..];
    for page in loader.pages().into_iter().flatten() {
        let (content, rest) = bytes.split_at(page.len());
        page.copy_from_slice(content);
        bytes = rest;
    }
    partition.end_image();
    loader.finish(Rules::default(), &ViewConfig::default(), START)
}

/// Records of three months and more, so that sweeps find what is older than the horizon: supports by the hour,
/// duplicates, and offsets that hold no record.
fn step_through(partition: &mut PartitionState, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let hash = |number: u64| *blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk().expect("16 bytes");
        let mut arena = LabelArena::default();
        let event = number - u64::from(number % 7 == 3);
        let body = Disbursement {
            kind: DisbursementKind::ALL[(event % 5) as usize],
            programme: arena.push("a"),
            state: FederalState::from_index((event % 7) as usize),
            beneficiary: hash(event % 800),
            credit: hash(event / 2),
            amount: 100,
        };
        let time = START + event as Millis * HOUR;
        let event = Event { id: hash(1 << 60 | event), fingerprint: 0, time, body: Body::Disbursement(body) };
        partition.step((number + number / 10) as i64, &Ok(event), &arena);
    }
}

#[test]
fn sweeps_take_the_same_turns_after_a_restart() {
    let new = || PartitionState::new(Stream::Disbursement, 0, Rules::default(), &ViewConfig::default(), START);
    let (records, mut undisturbed) = (6_000, new());
    step_through(&mut undisturbed, 0..records);
    let keys = undisturbed.keys();
    assert!(keys.ids < records - records / 7 && keys.supports < records / 2, "sweeps removed some of {keys:?}");
    for crash in [1, 15, 16, 17, 2_404, 5_999] {
        let mut partition = new();
        step_through(&mut partition, 0..crash);
        let mut partition = restored(&mut partition);
        step_through(&mut partition, crash..records);
        assert_eq!(partition.digest(), undisturbed.digest(), "restarted after {crash} records");
    }
}

#[test]
fn unlisted_values_are_counted_and_the_first_are_named() {
    let mut unlisted = UnlistedCounts::default();
    let long = "ñ".repeat(100);
    for _ in 0..2 {
        unlisted.count(LabelKind::Queue, false, || "listed");
        unlisted.count(LabelKind::Queue, true, || "pagos");
        unlisted.count(LabelKind::Programme, true, || "pagos");
        unlisted.count(LabelKind::Queue, true, || &long);
    }
    let named: Vec<(LabelKind, &str)> = unlisted.values().iter().map(|named| (named.kind, &*named.value)).collect();
    let truncated = "ñ".repeat(64);
    assert_eq!(
        named,
        [(LabelKind::Queue, "pagos"), (LabelKind::Programme, "pagos"), (LabelKind::Queue, truncated.as_str())]
    );
    for number in 0..100 {
        let value = number.to_string();
        unlisted.count(LabelKind::Site, true, || &value);
    }
    assert_eq!((unlisted.values().len(), unlisted.counts()), (20, &[2, 0, 4, 100, 0, 0]));
}

/// Figures of the last days of a partition, by the hours from `newest` back that begin a span of a day.
fn recent(partition: &mut PartitionState, newest: Timestamp) -> Vec<Option<Vec<u128>>> {
    let spans: Vec<_> = (-1..12 * 24).map(|back| newest.floor(HOUR) - back * HOUR).collect();
    let spans = spans.into_iter().map(|start| Interval { start, end: start + 24 * HOUR });
    let view = partition.view(newest);
    let sum = |span| match &view.figures {
        StreamFigures::Call(view) => view.recent.within(span, 1).map(|sums| sums[0].to_vec()),
        StreamFigures::Milestone(view) => view.recent.within(span, 1).map(|sums| sums[0].to_vec()),
        StreamFigures::Disbursement(_) => None,
    };
    spans.map(sum).collect()
}

/// Applies calls or milestones of thirty days, some of them late, and returns the time of the newest.
fn count_through(partition: &mut PartitionState, numbers: std::ops::Range<u64>) -> Timestamp {
    let hash = |number: u64| *blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk().expect("16 bytes");
    for number in numbers.clone() {
        let mut arena = LabelArena::default();
        let late = if number.is_multiple_of(5) { (number % 70) as Millis * HOUR } else { 0 };
        let time = START + number as Millis * 20 * MINUTE - late;
        let body = match partition.stream {
            Stream::Milestone => Body::Milestone(event::Milestone {
                kind: MilestoneKind::ALL[usize::from(number.is_multiple_of(9))],
                initiative: arena.push("a"),
                milestone: arena.push("b"),
                quantity: number as u32,
            }),
            _ => Body::Call(event::Call {
                kind: CallKind::ALL[(number % 4) as usize],
                queue: arena.push("a"),
                call: hash(number / 4),
                handle: None,
            }),
        };
        let event = Event { id: hash(1 << 60 | number), fingerprint: 0, time, body };
        partition.step(number as i64, &Ok(event), &arena);
    }
    START + (numbers.end - 1) as Millis * 20 * MINUTE
}

#[test]
fn recent_counts_are_the_same_after_a_restart() {
    let records = 30 * 72;
    for stream in [Stream::Call, Stream::Milestone] {
        let new = || PartitionState::new(stream, 0, Rules::default(), &ViewConfig::default(), START);
        let mut undisturbed = new();
        let newest = count_through(&mut undisturbed, 0..records);
        let expected = recent(&mut undisturbed, newest);
        let known = expected.iter().flatten().count();
        let days = if stream == Stream::Call { 2..=3 } else { 9..=10 };
        assert!(days.contains(&(known / 24)), "{stream:?}: {known} hours");
        let with_counts = expected.iter().flatten().filter(|sums| sums.iter().any(|&sum| sum > 0)).count();
        assert!(with_counts + 2 > known, "{with_counts} of {known}");
        for crash in [1, 700, records - 1] {
            let mut partition = new();
            count_through(&mut partition, 0..crash);
            let mut partition = restored(&mut partition);
            count_through(&mut partition, crash..records);
            assert_eq!(recent(&mut partition, newest), expected, "{stream:?} restarted after {crash} records");
        }
    }
}
