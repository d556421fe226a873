//! A programme at an instant of 2020: its topics, the built program with its clock moved there, a Prometheus and an Alertmanager beside it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use pacemeter::clock::{Clock, Millis};
use tempfile::TempDir;

use super::feed::{EventWriter, Feed, PARTITIONS, PROGRAMME, PaymentSpan};
use super::guards::Guards;
use crate::alerts::servers::{Alertmanager, Prometheus, free_address};
use crate::alerts::webhook::{Notice, Webhook};
use crate::faults::proxy::Proxy;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, Topics};

/// How long something may take after which it must have come: many times what it takes on an idle machine.
const LIMIT: Duration = Duration::from_secs(180);

pub const ZONE: &str = "America/Mexico_City";

/// What is told about the programme, and must not be without a reason.
pub const ABOUT_THE_PROGRAMME: [&str; 2] = ["PacemeterTarget", "PacemeterDisbursementStopped"];

/// What a environment begins with.
pub struct EnvironmentOptions<'a> {
    /// In the programme's zone, such as `2020-05-05T10:00`.
    pub at: &'a str,
    /// Seconds a second; Prometheus and Alertmanager are as much faster.
    pub speed: u32,
    /// Files of targets and calendars.
    pub targets: String,
    pub paid: &'a [PaymentSpan],
    /// How many people are paid an hour from then on, day and night.
    pub an_hour: f64,
    /// Whether the program reads through a proxy.
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
    /// Everything runs, and the figures are there.
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
        // From here on time goes on.
        let clock_text = format!("{}@{}x{speed}", instant(at), Clock::wall().now());
        let clock = Clock::moved(&clock_text).expect("it says whereto");
        let feed = writer.start(clock.clone(), *an_hour);
        let mut pacemeter = Pacemeter::start_with(&state, &settings, &[("CLOCK", &clock_text)]);
        pacemeter.wait_ready();
        let webhook = Webhook::listen();
        let change = |shipped: &str| guards.taken_from(shipped);
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

    /// Starts the program, again with the state that it had, and waits for the figures.
    pub fn start(&mut self) {
        self.start_unready();
        self.wait_ready();
    }

    pub fn wait_ready(&mut self) {
        self.pacemeter.as_mut().expect("it runs").wait_ready();
    }

    /// What the program reads through.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("the options asked for it")
    }

    /// Starts the program, which cannot have the figures yet.
    pub fn start_unready(&mut self) {
        assert!(self.pacemeter.is_none(), "it runs already");
        self.pacemeter = Some(Pacemeter::start_with(&self.state, &self.settings, &[("CLOCK", &self.clock_text)]));
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        self.pacemeter.take().expect("it runs").kill();
    }

    /// The programme's time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Lets time pass until the programme's clock shows this.
    pub fn wait_until(&self, time: Millis) {
        while self.now() < time {
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks again and again until there is an answer.
    pub fn until<T>(&self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(
                began.elapsed() < LIMIT,
                "not within {LIMIT:?}: {what}; fired {:?}, told {:#?}",
                self.prometheus.fired(),
                self.webhook.notices()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a receiver was told this of an alert, and returns the newest notification that does.
    pub fn until_told(&self, receiver: &str, status: &str, alert: &str) -> Notice {
        let is_of = |notice: &Notice| {
            notice.receiver == receiver && notice.alerts.iter().any(|told| told.name == alert && told.status == status)
        };
        self.until(&format!("{receiver} is told that {alert} is {status}"), |environment| {
            environment.webhook.notices().into_iter().rev().find(is_of)
        })
    }

    /// Asserts that no alert about the programme fired so far, and that nobody was told of one.
    pub fn assert_silent(&self) {
        let is_about = |name: &String| ABOUT_THE_PROGRAMME.iter().any(|begin| name.starts_with(begin));
        let fired: Vec<String> = self.prometheus.fired().into_iter().filter(is_about).collect();
        let told = self.webhook.said_of(&ABOUT_THE_PROGRAMME);
        assert!(fired.is_empty() && told.is_empty(), "there was no reason: fired {fired:?}, told {told:?}");
    }
}

/// An instant of the programme's zone.
pub fn instant(local: &str) -> Millis {
    let local: DateTime = local.parse().expect("a date and a time");
    local.in_tz(ZONE).expect("a zone").timestamp().as_millisecond()
}
