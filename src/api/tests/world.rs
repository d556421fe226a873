//! A small programme on Friday 2020-05-15 at 13:00: a week that closed with a cut, late records since then, and the
//! current week.

use std::sync::Arc;

use serde_json::{Value, json};

use super::openapi;
use super::rich::LIMITS;
use crate::allowlists::{Allowlists, ProgrammeIndex};
use crate::api::Api;
use crate::calendar::{Interval, Period, WorkingCalendar};
use crate::clock::{Clock, HOUR, Millis, Timestamp};
use crate::cuts::{Cut, CutContext, CutKey, CutStore};
use crate::disk::MemoryDisk;
use crate::http::{ApiContent, ApiRequest, ApiResponse, FileFormat};
use crate::record::TopicPartition;
use crate::record::{PerStream, Stream};
use crate::settings::{Layers, SettingsReader};
use crate::targets::{Filter, Measure, Quantity, Tally, Target, Targets};
use crate::telemetry::events::EventRing;
use crate::view::closed_periods::ClosedPeriods;
use crate::view::cut::PartitionCut;
use crate::view::merged::MergedView;
use crate::view::progress::Evaluator;
use crate::view::slots::{Slot, SlotFigures, SlotHour, Slots};
use crate::view::snapshot::{PartitionStatus, Phase, Publication, Snapshot, SnapshotPublisher};
use crate::view::{CallView, DisbursementView, PartitionView, RecordCounts, StreamFigures, Views};

/// Id of the cut with which the week 2020-W19 closed.
pub(super) const CLOSING: &str = "20200511T050000Z";

/// Id of a cut at which no period ends.
pub(super) const EVENING: &str = "20200511T230000Z";

/// Id of a cut that corrects the week of the first one.
pub(super) const CORRECTING: &str = "20200512T050000Z";

/// Centavos of one dispersal.
const CREDIT: u128 = 2_500_000;

pub(super) struct World {
    pub(super) api: Api,
    pub(super) disk: MemoryDisk,
    snapshot: Snapshot,
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse::<Timestamp>().unwrap()
}

pub(super) fn target(name: &str, measure: Measure, period: Period, goal: Quantity) -> Target {
    Target {
        name: name.to_owned(),
        description: format!("what {name} is for"),
        title: None,
        group: None,
        measure,
        filter: Filter::default(),
        period,
        goals: vec![("2020-05-01".parse().unwrap(), goal)],
        calendar: Arc::new(WorkingCalendar::always(allowlists().zone)),
        profile: None,
        prorate: false,
        tolerance: 0.02,
        pesos_each: (measure == Measure::Beneficiaries).then_some(2_500_000),
    }
}

pub(super) fn three_targets() -> Vec<Target> {
    vec![
        target("weekly-people", Measure::Beneficiaries, Period::WEEK, Quantity::Count(100)),
        target("answered-in-time", Measure::ServiceLevel, Period::Day, Quantity::Ratio(0.8)),
        target("monthly-pesos", Measure::NetPesos, Period::Month, Quantity::Centavos(1_000_000_000)),
    ]
}

pub(super) fn allowlists() -> Allowlists {
    let overrides = [
        r#"labels.programmes=["palabra", "solidario"]"#,
        r#"labels.states=["MX-JAL", "MX-OAX"]"#,
        r#"labels.queues=["apoyos"]"#,
        r#"labels.initiatives=["mercado"]"#,
        r#"labels.milestones=["negocio"]"#,
        r#"names.programmes.palabra={ es = "Crédito a la palabra", en = "Word credit" }"#,
    ];
    let layers = Layers { overrides: overrides.map(str::to_owned).to_vec(), ..Layers::default() };
    Allowlists::read(&mut SettingsReader::load(&layers))
}

/// Indices of programme and state, then numbers of dispersals, of dispersals that are not returned, and of people.
type CellRow = (usize, usize, u64, u64, i64);

/// Creates the slot of these cells. Slots end at midnight and at 18:00. The tally of a target of people or pesos is the
/// sum of the cells.
fn slot_of_cells(start: &str, hours: Millis, rows: &[CellRow], targets: &Targets) -> Arc<Slot> {
    let start = at(start);
    let allowlists = allowlists();
    let cells = rows.iter().map(|&(programme, state, dispersals, left, people)| {
        let net = u128::from(left) * CREDIT;
        let figures = SlotFigures { dispersals, returned: dispersals - left, net, people: [people; 3] };
        (allowlists.cell(ProgrammeIndex::new(programme), state), figures)
    });
    let left: u64 = rows.iter().map(|(_, _, _, left, _)| left).sum();
    let tally = |target: &Target| match target.measure {
        Measure::NetPesos => Tally { amount: i128::from(left) * CREDIT as i128, base: left.into() },
        _ => Tally { amount: rows.iter().map(|(.., people)| i128::from(*people)).sum(), base: 0 },
    };
    let tallies: Vec<Tally> = targets.of_stream(Stream::Disbursement).map(|(_, target)| tally(target)).collect();
    Arc::new(Slot {
        span: Interval { start, end: start + hours * HOUR },
        cells: cells.collect(),
        hours: vec![Arc::new(SlotHour { tallies: tallies.clone(), states: Vec::new(), start: start + 10 * HOUR })],
        tallies,
        states: Vec::new(),
    })
}

fn dispersals(targets: &Arc<Targets>, late: bool) -> Slots {
    // After the cut, one of forty was returned, and two of another state came late.
    let closed: &[CellRow] = if late {
        &[(0, 0, 40, 39, 39), (0, 1, 2, 2, 2), (1, 0, 10, 10, 10)]
    } else {
        &[(0, 0, 40, 40, 40), (1, 0, 10, 10, 10)]
    };
    let slots = vec![
        slot_of_cells("2020-05-06T05:00:00Z", 18, closed, targets),
        slot_of_cells("2020-05-11T05:00:00Z", 18, &[(0, 0, 20, 20, 20), (0, 1, 10, 10, 10)], targets),
        slot_of_cells("2020-05-15T05:00:00Z", 18, &[(1, 0, 25, 25, 25)], targets),
    ];
    let from = at("2020-05-01T05:00:00Z");
    Slots { targets: Arc::clone(targets), slots, people_from: from, counts_from: from, hours_from: from }
}

fn calls(targets: &Arc<Targets>) -> Slots {
    let tallies: Vec<Tally> = targets.of_stream(Stream::Call).map(|_| Tally { amount: 75, base: 100 }).collect();
    let start = at("2020-05-15T05:00:00Z");
    let slot = Slot {
        span: Interval { start, end: start + 18 * HOUR },
        cells: Vec::new(),
        tallies,
        states: Vec::new(),
        hours: Vec::new(),
    };
    Slots {
        targets: Arc::clone(targets),
        slots: vec![Arc::new(slot)],
        people_from: start,
        counts_from: start,
        hours_from: start,
    }
}

pub(super) fn partition(stream: Stream, figures: StreamFigures) -> PartitionStatus {
    let topic = format!("pacemeter.{}s.v1", stream.name());
    let view = PartitionView {
        stream,
        first_offset: 0,
        next_offset: 120,
        watermark: None,
        counts: RecordCounts::default(),
        figures,
    };
    let partition = TopicPartition { stream, topic, partition: 0 };
    PartitionStatus {
        partition,
        position: 120,
        end: None,
        lag: None,
        stalled: false,
        missing: false,
        view: Arc::new(view),
    }
}

fn disbursement_figures(slots: Slots) -> StreamFigures {
    StreamFigures::Disbursement(Box::new(DisbursementView { slots, ..DisbursementView::default() }))
}

fn call_figures(slots: Slots) -> StreamFigures {
    StreamFigures::Call(Box::new(CallView { slots, ..CallView::default() }))
}

/// Takes the cut at an instant, before any late record or after them.
fn cut(instant: &str, late: bool, targets: &Arc<Targets>, closed_periods: &ClosedPeriods) -> Cut {
    let (allowlists, instant) = (allowlists(), at(instant));
    let part = |stream: Stream, slots: &Slots| {
        let partition = TopicPartition { stream, topic: format!("pacemeter.{}s.v1", stream.name()), partition: 0 };
        (partition, PartitionCut::of(slots, stream, targets, &allowlists, instant, 60))
    };
    let parts = [part(Stream::Disbursement, &dispersals(targets, late)), part(Stream::Call, &calls(targets))];
    let (taken, state_built) = (instant + 2_000, at("2020-05-01T06:00:00Z"));
    let parts = parts.iter().map(|(partition, part)| (partition, part));
    Cut::of(instant, parts, CutContext { targets, allowlists: &allowlists, closed_periods, taken, state_built })
}

impl World {
    pub(super) fn new(targets: Vec<Target>) -> Self {
        let targets =
            Arc::new(Targets { targets, calendars: Vec::new(), cuts: (vec!["18:00".parse().unwrap()], None) });
        let (now, allowlists, disk) = (at("2020-05-15T18:00:00Z"), Arc::new(allowlists()), MemoryDisk::default());
        let (cuts, mut closed_periods) =
            (CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32])), ClosedPeriods::default());
        for instant in ["2020-05-11T05:00:00Z", "2020-05-11T23:00:00Z"] {
            let cut = cut(instant, false, &targets, &closed_periods);
            cuts.put(&cut).unwrap();
            cut.report(&mut closed_periods);
        }
        let views = [disbursement_figures(dispersals(&targets, true)), call_figures(calls(&targets))];
        let partitions = [Stream::Disbursement, Stream::Call]
            .into_iter()
            .zip(views)
            .map(|(stream, figures)| partition(stream, figures));
        let clock = Clock::manual(now);
        let snapshot = Snapshot {
            phase: Phase::Live,
            partitions: partitions.collect(),
            merged: MergedView::default(),
            outgrown: Vec::new(),
            outage: None,
            complete_until: PerStream::from_fn(|_| Some(now - 2_000)),
            built: at("2020-05-01T06:00:00Z"),
            targets: Arc::clone(&targets),
            closed_periods: Arc::new(closed_periods),
            due_cut: None,
            due: clock.instant(),
            publication: Publication::first(now),
        };
        let evaluator = Arc::new(Evaluator::new(allowlists.zone.clone()));
        let publisher = Arc::new(SnapshotPublisher::new(now, targets, clock.instant()));
        let api = Api::new(publisher, allowlists, LIMITS, evaluator, clock, cuts, Arc::default());
        let world = Self { api, disk, snapshot };
        world.publish(|_| {});
        world.recall_cut();
        world
    }

    /// Creates the world with one more cut, [`CORRECTING`], before which the late records came.
    pub(super) fn corrected(targets: Vec<Target>) -> Self {
        let mut world = Self::new(targets);
        let mut closed_periods = (*world.snapshot.closed_periods).clone();
        let cut = cut("2020-05-12T05:00:00Z", true, &world.snapshot.targets, &closed_periods);
        world.api.cuts.put(&cut).unwrap();
        cut.report(&mut closed_periods);
        world.snapshot.closed_periods = Arc::new(closed_periods);
        world.publish(|_| {});
        world
    }

    /// Publishes the snapshot with a change.
    pub(super) fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = self.snapshot.clone();
        snapshot.publication.revision = self.api.publisher.newest().publication.revision + 1;
        change(&mut snapshot);
        let views: Views = snapshot.partitions.iter().map(|status| Arc::clone(&status.view)).collect();
        snapshot.merged = MergedView::of(&views);
        self.api.publisher.publish(snapshot);
    }

    /// Returns status and body for a path below `/api/v1/`.
    pub(super) fn get(&self, path: &str) -> (u16, Value) {
        let response = self.answer(path);
        (response.status, serde_json::from_str(&body(&response)).unwrap())
    }

    /// Returns the body as text.
    pub(super) fn text(&self, path: &str) -> String {
        body(&self.answer(path))
    }

    /// Returns an answer, which is as `/openapi.json` describes it.
    pub(super) fn answer(&self, path: &str) -> ApiResponse {
        let response = self.unchecked(path);
        if let ApiContent::Json(_) | ApiContent::Shared(..) = response.content {
            openapi::assert_described(&format!("/api/v1/{path}"), response.status, &body(&response));
        }
        response
    }

    /// Returns an answer of a path that need not be described.
    pub(super) fn unchecked(&self, path: &str) -> ApiResponse {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        for format in [FileFormat::Csv, FileFormat::Xlsx] {
            if let Some(of) = path.strip_suffix(&format!(".{}", format.extension())) {
                return self.api.answer(&ApiRequest::File(Box::new(request_of(of)), format), query);
            }
        }
        self.api.answer(&request_of(path), query)
    }

    /// Returns name and bytes of a file.
    pub(super) fn file(&self, path: &str) -> (String, Vec<u8>) {
        match self.answer(path) {
            ApiResponse { status: 200, content: ApiContent::File { name, bytes, .. } } => (name, bytes),
            response => panic!("{path} is no file: {response:?}"),
        }
    }

    pub(super) fn events(&self) -> &EventRing {
        &self.api.events
    }

    /// Adds the events of the cut with which the week closed.
    fn recall_cut(&self) {
        let object = |fields| serde_json::from_value(fields).unwrap();
        let taken = json!({"cut": CLOSING, "at": "2020-05-11T00:00:00-05:00", "provisional": false, "retaken": false});
        let closed = json!({"target_name": "weekly-people", "period": "2020-W19", "goal": 100.0, "actual": 50.0, "cut": CLOSING});
        for (name, fields) in [("cut.taken", taken), ("period.closed", closed)] {
            let name = format!("pacemeter.{name}");
            self.events().recall(at("2020-05-11T05:00:00Z"), tracing::Level::INFO, &name, object(fields));
        }
    }

    /// Returns the body of a successful answer.
    pub(super) fn ok(&self, path: &str) -> Value {
        let (status, answer) = self.get(path);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

/// Request of a path that is no file.
fn request_of(path: &str) -> ApiRequest {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["now"] => ApiRequest::Now,
        ["targets"] => ApiRequest::Targets,
        ["targets", name, "curve"] => ApiRequest::Curve(name.to_owned()),
        ["targets", name] => ApiRequest::Target(name.to_owned()),
        ["targets", name, "history"] => ApiRequest::History(name.to_owned()),
        ["cuts"] => ApiRequest::Cuts,
        ["cuts", id] => ApiRequest::Cut(id.to_owned()),
        ["periods", kind, id] => ApiRequest::Period(kind.to_owned(), id.to_owned()),
        ["events"] => ApiRequest::Events,
        _ => panic!("{path} is no path of the API"),
    }
}

/// Body of a response, which must be text.
fn body(response: &ApiResponse) -> String {
    match &response.content {
        ApiContent::Json(json) => json.clone(),
        ApiContent::Shared(body, _) => String::from_utf8(body.plain().to_vec()).unwrap(),
        ApiContent::File { bytes, .. } => String::from_utf8(bytes.clone()).unwrap(),
    }
}
