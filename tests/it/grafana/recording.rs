//! Scrapes of a demo whose clock runs fast, with the times of its clock: a Prometheus gets an hour of the programme in a
//! minute, so that `1h` in a query is an hour.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use pacemeter::clock::{Clock, HOUR, Timestamp};
use tempfile::tempdir;

use crate::alerts::servers::Prometheus;
use crate::program::Pacemeter;

/// Monday, 00:00 in central Mexico, of the week that is recorded.
pub const MONDAY: Timestamp = Timestamp::from_millis(1_795_413_600_000);
/// Distance between the scrapes of an hour (seconds of the demo's clock).
pub const INTERVAL: f64 = 15.0;

/// Time of the demo's clock that is recorded.
pub struct RecordedSpan {
    pub begin: Timestamp,
    /// Length, and distance between scrapes (seconds of the demo's clock).
    pub length: f64,
    pub interval: f64,
    /// Acceleration of the demo's clock.
    pub speed: u32,
}

/// Hour from Tuesday at 11:00, and ten minutes more.
pub const AN_HOUR: RecordedSpan = RecordedSpan {
    begin: Timestamp::from_millis(MONDAY.as_millis() + 35 * HOUR),
    length: 4_320.0,
    interval: INTERVAL,
    speed: 60,
};

/// Scrapes of a demo, without comments.
pub struct Recording {
    scrapes: Vec<Scrape>,
}

struct Scrape {
    /// Time of the demo's clock (seconds since 1970).
    time: f64,
    samples: String,
}

impl Recording {
    /// Records a demo that has these arguments, one span after the other.
    pub fn of(spans: &[RecordedSpan], arguments: &[&str]) -> Self {
        let mut scrapes: Vec<Scrape> = Vec::new();
        for span in spans {
            let last = scrapes.last().map_or(0.0, |scrape| scrape.time);
            scrapes.extend(scrapes_of(span, arguments).into_iter().filter(|scrape| scrape.time > last));
        }
        Self { scrapes }
    }

    /// Time of the first scrape (seconds since 1970).
    pub fn begin(&self) -> f64 {
        self.scrapes.first().expect("there is a first").time
    }

    /// Time of the last scrape (seconds since 1970).
    pub fn end(&self) -> f64 {
        self.scrapes.last().expect("there is a last").time
    }

    /// Prometheus that has scraped this from each of these instances.
    pub fn prometheus(&self, instances: &[&str]) -> Prometheus {
        let mut text = String::new();
        for Scrape { time, samples } in &self.scrapes {
            let lines = samples.lines().chain(["up 1"]);
            for (series, value) in lines.filter_map(|line| line.rsplit_once(' ')) {
                let labels = match series.strip_suffix('}') {
                    Some(begin) => format!("{begin},"),
                    None => format!("{series}{{"),
                };
                for instance in instances {
                    writeln!(text, "{labels}job=\"pacemeter\",instance=\"{instance}\"}} {value} {time:.3}")
                        .expect("memory");
                }
            }
        }
        Prometheus::of_samples(&(text + "# EOF\n"))
    }
}

/// Scrapes a demo that begins at the span's beginning, with a history behind it.
fn scrapes_of(span: &RecordedSpan, arguments: &[&str]) -> Vec<Scrape> {
    let state = tempdir().expect("a temporary directory");
    let clock = format!("{}@{}x{}", span.begin.as_millis(), Clock::wall().now().as_millis(), span.speed);
    let settings = ["pipeline.publish_interval=50ms", "kafka.end_offset_interval=100ms"];
    let usual = ["--live", "--scale", "0.1", "--set", settings[0], "--set", settings[1]];
    let arguments = [&usual[..], arguments].concat();
    let mut demo = Pacemeter::start_demo(&state, &arguments, &[("PACEMETER_TEST_CLOCK", clock.as_str())]);
    let first = demo.until("the figures are recent", |demo| {
        let scrape = Scrape::of(&demo.get("/metrics").body)?;
        // The history is played, and they are as old as a second takes.
        let is_live = scrape.time >= span.begin.as_millis() as f64 / 1_000.0;
        (is_live && scrape.age() < f64::from(span.speed)).then_some(scrape)
    });
    let end = span.begin.as_millis() as f64 / 1_000.0 + span.length;
    let mut scrapes = vec![first];
    loop {
        let last = scrapes.last().expect("there is a first").time;
        if last >= end {
            return scrapes;
        }
        let next = demo.until("the clock goes on", |demo| {
            Scrape::of(&demo.get("/metrics").body).filter(|scrape| scrape.time > last + 0.8 * span.interval)
        });
        scrapes.push(next);
        thread::sleep(Duration::from_secs_f64(0.5 * span.interval / f64::from(span.speed)));
    }
}

impl Scrape {
    /// Samples of an exposition; `None` before it has figures.
    fn of(exposition: &str) -> Option<Self> {
        let samples = exposition
            .lines()
            .filter(|line| !line.starts_with('#'))
            .fold(String::new(), |text, line| text + line + "\n");
        let scrape = Self { time: 0.0, samples };
        let time = scrape.values("pacemeter_time_seconds").next()?;
        scrape.values("pacemeter_complete_until_timestamp_seconds").next()?;
        Some(Self { time, ..scrape })
    }

    fn values(&self, family: &str) -> impl Iterator<Item = f64> {
        let lines = self.samples.lines().filter(move |line| line.starts_with(family));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
    }

    /// Age of the figures (seconds).
    fn age(&self) -> f64 {
        self.time - self.values("pacemeter_complete_until_timestamp_seconds").fold(f64::INFINITY, f64::min)
    }
}
