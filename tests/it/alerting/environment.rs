//! The environment of a test: topics of a programme at an instant of 2020, the program with its clock set to it, a
//! Prometheus and an Alertmanager.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use pacemeter::clock::{Clock, Timestamp};
use tempfile::TempDir;

use super::feed::{EventWriter, Feed, PARTITIONS, PROGRAMME, PaymentSpan};
use super::guards::Guards;
use crate::alerts::servers::{Alertmanager, Prometheus, free_address};
use crate::alerts::webhook::{Notification, Webhook};
use crate::faults::proxy::Proxy;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, Topics};

/// Time limit of anything awaited: many times what it takes on an idle machine.
const LIMIT: Duration = Duration::from_secs(180);

pub const ZONE: &str = "America/Mexico_City";

/// Prefixes of the alerts about the programme, which must not fire without a reason.
pub const ABOUT_THE_PROGRAMME: [&str; 2] = ["PacemeterTarget", "PacemeterDisbursementStopped"];

/// Options of an environment.
pub struct EnvironmentOptions<'a> {
    /// Beginning in the programme's zone, such as `2020-05-05T10:00`.
    pub at: &'a str,
    /// Acceleration of time, also of Prometheus and Alertmanager.
    pub speed: u32,
    /// Text of the targets file, calendars included.
    pub targets: String,
    /// Payments before the beginning.
    pub paid: &'a [PaymentSpan],
    /// Number of people paid an hour from the beginning on, day and night.
    pub an_hour: f64,
    /// True if the program reads through a proxy.
    pub has_proxy: bool,
}

pub struct Environment {
    pub feed: Feed,
    pub webhook: Webhook,
    pub alertmanager: Alertmanager,
    pub prometheus: Prometheus,
    pacemeter: Option<Pacemeter>,
    proxy: Option<Proxy>,
    clock: Clock,
    clock_text: String,
    settings: Vec<String>,
    state: TempDir,
}

impl Environment {
    /// Starts everything and waits until the program is ready.
    pub fn open(options: &EnvironmentOptions<'_>) -> Self {
        let EnvironmentOptions { at, speed, targets, paid, an_hour, has_proxy } = options;
        let (guards, kafka) = (Guards::of_environment(), shared_kafka());
        let topics = Topics::create(kafka, PARTITIONS, CREATE_TIME);
        let proxy = has_proxy.then(|| Proxy::at(kafka.door()));
        let state = tempfile::tempdir().expect("a temporary directory");
        let file = state.path().join("targets.toml");
        fs::write(&file, targets).expect("a file");
        let address = free_address();
        let mut settings = topics.settings();
        settings.extend(proxy.iter().map(|proxy| format!("kafka.bootstrap_servers={}", proxy.bootstrap())));
        settings.extend([
            format!("http.listen={address}"),
            format!("targets.files=[{:?}]", file.to_str().expect("UTF-8")),
            format!("labels.programmes=[{PROGRAMME:?}]"),
        ]);
        settings.extend(
            [
                "labels.queues=[\"apoyos\"]",
                "labels.initiatives=[\"mercado-en-linea\"]",
                "labels.milestones=[\"negocio-inscrito\"]",
                "kafka.end_offset_interval=100ms",
                "pipeline.publish_interval=50ms",
            ]
            .map(str::to_owned),
        );
        let mut writer = EventWriter::new(kafka, &topics);
        writer.history(paid);
        // Time starts here.
        let clock_text = format!("{}@{}x{speed}", instant(at).as_millis(), Clock::wall().now().as_millis());
        let clock = Clock::moved(&clock_text).expect("a valid clock");
        let feed = writer.start(clock.clone(), *an_hour);
        let mut pacemeter = Pacemeter::start_with(&state, &settings, &[("PACEMETER_TEST_CLOCK", &clock_text)]);
        pacemeter.wait_ready();
        let webhook = Webhook::listen();
        let change = |shipped: &str| guards.remove_from(shipped);
        let alertmanager = Alertmanager::start(&webhook.address, *speed, change);
        let prometheus = Prometheus::start(&address, &alertmanager, *speed, change);
        Self {
            feed,
            webhook,
            alertmanager,
            prometheus,
            pacemeter: Some(pacemeter),
            proxy,
            clock,
            clock_text,
            settings,
            state,
        }
    }

    /// Starts the program again with its state, and waits until it is ready.
    pub fn start(&mut self) {
        self.start_without_waiting();
        self.wait_ready();
    }

    pub fn wait_ready(&mut self) {
        self.pacemeter.as_mut().expect("it runs").wait_ready();
    }

    /// Proxy through which the program reads.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("the options have a proxy")
    }

    /// Starts the program again with its state, without waiting.
    pub fn start_without_waiting(&mut self) {
        assert!(self.pacemeter.is_none(), "it runs already");
        self.pacemeter =
            Some(Pacemeter::start_with(&self.state, &self.settings, &[("PACEMETER_TEST_CLOCK", &self.clock_text)]));
    }

    /// Kills the program as `kill -9` does.
    pub fn kill(&mut self) {
        self.pacemeter.take().expect("it runs").kill();
    }

    /// Current time of the programme.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until the programme's clock shows this time.
    pub fn wait_until(&self, time: Timestamp) {
        while self.now() < time {
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Polls until `ask` returns a value.
    pub fn until<T>(&self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(
                began.elapsed() < LIMIT,
                "not within {LIMIT:?}: {what}; fired {:?}, notified {:#?}",
                self.prometheus.fired(),
                self.webhook.notifications()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a receiver was notified that an alert has this status, and returns the newest such notification.
    pub fn until_notified(&self, receiver: &str, status: &str, name: &str) -> Notification {
        let is_of = |notification: &Notification| {
            notification.receiver == receiver
                && notification.alerts.iter().any(|alert| alert.name == name && alert.status == status)
        };
        self.until(&format!("{receiver} is notified that {name} is {status}"), |environment| {
            environment.webhook.notifications().into_iter().rev().find(is_of)
        })
    }

    /// Asserts that no alert about the programme has fired or was notified so far.
    pub fn assert_silent(&self) {
        let is_about = |name: &String| ABOUT_THE_PROGRAMME.iter().any(|begin| name.starts_with(begin));
        let fired: Vec<String> = self.prometheus.fired().into_iter().filter(is_about).collect();
        let notified = self.webhook.notified(&ABOUT_THE_PROGRAMME);
        assert!(
            fired.is_empty() && notified.is_empty(),
            "no alert had a reason: fired {fired:?}, notified {notified:?}"
        );
    }
}

/// Instant of a local time in the programme's zone.
pub fn instant(local: &str) -> Timestamp {
    let local: DateTime = local.parse().expect("a date and a time");
    local.in_tz(ZONE).expect("a zone").timestamp().into()
}
