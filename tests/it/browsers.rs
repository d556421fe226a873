//! The page in real browsers: scripts of `tests/page` drive Chromium and Firefox against the built program.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pacemeter::clock::{Clock, DAY, HOUR, Timestamp};
use pacemeter::record::Stream;
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::faults::proxy::Proxy;
use crate::kafka::Kafka;
use crate::node::{node, run_scripts, scripts};
use crate::program::{Pacemeter, run_in};
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

/// Time in which a banner must be there (milliseconds).
const BANNER_WITHIN: u64 = 5_000;
/// Number of updates that are compared in Chromium and in Firefox.
const UPDATES: [&str; 2] = ["60", "10"];

#[test]
fn functions_of_the_page_pass_their_unit_tests() {
    let unit = scripts("page").join("unit");
    let mut files: Vec<_> =
        fs::read_dir(&unit).expect("a directory").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() > 3, "{files:?}");
    let output = Command::new("node").arg("--test").args(files).output().expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A demo at the speed of the clock, on a Tuesday at 11:00 in central Mexico, with its history.
fn live_demo(state: &TempDir) -> Pacemeter {
    let tuesday = Timestamp::from_millis(1_795_413_600_000) + 35 * HOUR;
    let clock = format!("{}@{}x1", tuesday.as_millis(), Clock::wall().now().as_millis());
    let arguments = ["--live", "--scale", "0.1", "--set", "http.max_connections_per_peer=64"];
    let mut demo = Pacemeter::start_demo(state, &arguments, &[("PACEMETER_TEST_CLOCK", clock.as_str())]);
    demo.until("the figures are of now", |demo| {
        let scrape = demo.scrape();
        let until = scrape.all("pacemeter_complete_until_timestamp_seconds").map(|(_, until)| until);
        let now = scrape.value("pacemeter_time_seconds", &[])?;
        (until.fold(f64::INFINITY, f64::min) > now - 30.0).then_some(())
    });
    demo
}

#[test]
fn the_page_shows_the_answer_in_both_browsers() {
    let state = tempdir().expect("a temporary directory");
    let demo = live_demo(&state);
    let origin = format!("http://{}", demo.address());
    run_scripts(
        "page",
        &[
            &["figures.mjs", &origin, "chromium", UPDATES[0]],
            &["figures.mjs", &origin, "firefox", UPDATES[1]],
            &["hostile.mjs", &origin],
        ],
    );
}

#[test]
fn nothing_moves_whatever_the_figures_are() {
    run_scripts("page", &[&["still.mjs"]]);
}

#[test]
fn what_is_wrong_can_be_read_too() {
    run_scripts("page", &[&["trouble.mjs"], &["looks.mjs"]]);
}

#[test]
fn everybody_can_read_the_page() {
    let state = tempdir().expect("a temporary directory");
    let demo = live_demo(&state);
    run_scripts("page", &[&["access.mjs", &format!("http://{}", demo.address())]]);
    // Half an hour is for the hand: CONTRIBUTING.md.
    run_scripts("page", &[&["endurance.mjs", &format!("http://{}", demo.address()), "1"]]);
}

/// A page that stays open in Chromium.
struct OpenPage {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl OpenPage {
    fn open(origin: &str) -> Self {
        let mut command = node("page", "banners.mjs", &[origin]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
        let commands = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut page = Self { child, commands, answers };
        assert_eq!(page.answer(), "open");
        page
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        line.trim_end().to_owned()
    }

    /// Sends a command and returns the milliseconds that it took.
    fn expect(&mut self, command: &str) -> u64 {
        writeln!(self.commands, "{command}").expect("the page is open");
        let answer = self.answer();
        let took = answer.strip_prefix("ok ").unwrap_or_else(|| panic!("{command}: {answer}"));
        took.parse().expect("a number")
    }

    fn expect_soon(&mut self, command: &str) {
        let took = self.expect(command);
        assert!(took <= BANNER_WITHIN, "{command} after {took} ms");
    }

    fn close(mut self) {
        drop(self.commands);
        assert!(self.child.wait().expect("it is our child").success(), "the page did what it may not");
    }
}

/// A target of a few days around today, so that no midnight interferes.
fn campaign() -> String {
    let day = |days: i64| (Clock::wall().now() + days * DAY).to_jiff().strftime("%Y-%m-%d").to_string();
    format!(
        "[target.paid]\ndescription = \"Paid\"\nmeasure = \"dispersals\"\nperiod = \"campaign\"\nfrom = {}\nto = {}\ngoal = 1000\n",
        day(-3),
        day(3)
    )
}

fn dispersal(number: usize) -> Record {
    let event = json!({
        "id": format!("e{number}"), "type": "disbursement.dispersed", "time": Clock::wall().now().to_string(),
        "programme": "credito-a-la-palabra", "state": "MX-OAX", "beneficiary": format!("b{number}"),
        "credit": format!("c{number}"), "amount": "25000",
    });
    Record { key: Some(format!("b{number}").into()), ..Record::of(event.to_string()) }
}

/// State with a target, settings, and the origin of the page, which stays over restarts.
fn setup(topics: &Topics) -> (TempDir, Vec<String>, String) {
    let state = tempdir().expect("a temporary directory");
    fs::write(state.path().join("targets.toml"), campaign()).expect("a file");
    let listen = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let more = [format!("http.listen={listen}"), "targets.files=[\"targets.toml\"]".to_owned()];
    (state, [topics.settings(), more.to_vec()].concat(), format!("http://{listen}"))
}

#[test]
fn a_banner_says_what_is_wrong_within_five_seconds() {
    let kafka = Kafka::reserve();
    kafka.start();
    let topics = Topics::create(&kafka, 1, LOG_APPEND_TIME);
    topics.write(Stream::Disbursement, &(0..50).map(dispersal).collect::<Vec<_>>());
    let (state, settings, origin) = setup(&topics);
    let start = || {
        let mut pacemeter = Pacemeter::start(&state, &settings);
        pacemeter.wait_ready();
        pacemeter
    };
    let pacemeter = start();
    let mut page = OpenPage::open(&origin);
    page.expect("none");
    page.expect("figures");
    // Killed, and started again.
    pacemeter.kill();
    page.expect_soon("banner away");
    page.expect("old");
    let pacemeter = start();
    page.expect("none");
    page.expect("figures");
    // An outage of the brokers: the figures stand still, and are exact.
    kafka.stop();
    page.expect_soon("text Las cifras no avanzan|Kafka no responde");
    page.expect("text Kafka no responde.*Revise los brokers");
    kafka.start();
    page.expect("none");
    page.expect("figures");
    assert_eq!(pacemeter.stop().code, Some(0));
    page.expect_soon("banner away");
    page.close();
}

#[test]
fn a_banner_tells_of_stalls_and_of_a_rebuild() {
    let kafka = Kafka::reserve();
    kafka.start();
    let proxy = Proxy::at(kafka.door());
    let topics = Topics::create(&kafka, 1, LOG_APPEND_TIME);
    topics.write(Stream::Disbursement, &(0..50).map(dispersal).collect::<Vec<_>>());
    let (state, mut settings, origin) = setup(&topics);
    settings.push(format!("kafka.bootstrap_servers={}", proxy.bootstrap()));
    settings.push("kafka.stall_timeout=3s".to_owned());
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    let mut page = OpenPage::open(&origin);
    page.expect("none");
    // A batch that arrives damaged stops its partition; the figures before it stay.
    proxy.damage(Some(b"e1020"));
    topics.write(Stream::Disbursement, &(1_000..1_050).map(dispersal).collect::<Vec<_>>());
    pacemeter
        .until("the partition counts as stalled", |pacemeter| (pacemeter.get("/readyz").status == 503).then_some(()));
    page.expect_soon("text registros no avanza.*partición se detuvo.*docs/operations.md");
    page.expect("old");
    proxy.damage(None);
    page.expect("none");
    page.expect("figures");
    // A rebuild that cannot yet pass the same batch.
    assert_eq!(pacemeter.stop().code, Some(0));
    page.expect_soon("banner away");
    assert_eq!(run_in(&state, &["state", "rebuild"], &settings).code, Some(0));
    proxy.damage(Some(b"e1020"));
    let mut pacemeter = Pacemeter::start(&state, &settings);
    page.expect_soon("text desde el principio.*mientras avance.*docs/operations.md");
    page.expect("old");
    proxy.damage(None);
    pacemeter.wait_ready();
    page.expect("none");
    page.expect("figures");
    assert_eq!(pacemeter.stop().code, Some(0));
    page.close();
}
