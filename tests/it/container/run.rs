//! The image run as an engine would run it, against the real Kafka.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, DAY};
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use tempfile::TempDir;

use super::image::{USER, image};
use super::is_root;
use super::sandbox::{ContainerOptions, first_process};
use crate::alerts::servers::free_address;
use crate::end_to_end::figures::test_record;
use crate::end_to_end::handwritten::TestRecord;
use crate::end_to_end::test_log::TestLog;
use crate::program::{ExitedProcess, Pacemeter};
use crate::shared_kafka;

/// Deadline of an orderly end, by default.
const DEADLINE: Duration = Duration::from_secs(10);
const PARTITIONS: i32 = 2;

/// A volume, and the settings of the containers that use it.
struct Volume {
    directory: TempDir,
    settings: PathBuf,
}

impl Volume {
    /// Makes an empty volume of the image's user, and a file of the settings, given as `key=value`.
    fn with(settings: &[String]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("pacemeter.toml");
        let line = |setting: &String| {
            let (key, value) = setting.split_once('=').expect("key=value");
            let is_toml = value.starts_with('[') || value.parse::<f64>().is_ok();
            if is_toml { format!("{key} = {value}\n") } else { format!("{key} = {value:?}\n") }
        };
        fs::write(&file, settings.iter().map(line).collect::<String>()).expect("a file");
        let state = directory.path().join("state");
        fs::create_dir(&state).expect("a directory");
        std::os::unix::fs::chown(&state, Some(USER), Some(USER)).expect("root may");
        Self { directory, settings: file }
    }

    fn container(&self, arguments: Option<Vec<String>>) -> std::process::Command {
        let options = ContainerOptions {
            image: image(),
            arguments,
            files: vec![(self.settings.clone(), "/etc/pacemeter/pacemeter.toml".to_owned())],
            state: &self.directory.path().join("state"),
            network: None,
        };
        options.command()
    }

    /// Runs the health check of the image beside the container.
    fn check_health(&self) -> Output {
        let check = image().health_check().into_iter().skip(1).collect();
        self.container(Some(check)).output().expect("bwrap is installed by scripts/test")
    }
}

/// A container that runs the image's own command.
struct Container {
    pacemeter: Pacemeter,
    /// Process id of the program, outside of the container.
    process: i32,
}

impl Container {
    fn start(volume: &Volume) -> Self {
        let pacemeter = Pacemeter::start_command(&mut volume.container(None));
        let process = first_process(pacemeter.id());
        Self { pacemeter, process }
    }

    /// Sends a signal to the program, as an engine does, and waits for its exit.
    fn end(mut self, signal: libc::c_int) -> ExitedProcess {
        let started = Instant::now();
        // SAFETY: kill takes no pointers; the process is a child of bwrap, which has not ended.
        let result = unsafe { libc::kill(self.process, signal) };
        assert_eq!(result, 0, "the process is there");
        self.pacemeter.ended(started)
    }

    /// File of the process below `/proc`.
    fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.process)).expect("the process is there")
    }

    /// Asserts the user, that no capability is left or can be had, and that only the volume can be written.
    fn assert_confined(&self) {
        let status = self.proc("status");
        let value = |name: &str| -> Vec<String> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of the status");
            line.split_whitespace().map(str::to_owned).collect()
        };
        let user = USER.to_string();
        for name in ["Uid:", "Gid:"] {
            assert_eq!(value(name), [user.as_str(); 4], "{name}");
        }
        for name in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(value(name), ["0000000000000000"], "{name}");
        }
        assert_eq!(value("NoNewPrivs:"), ["1"]);
        assert_eq!(value("NSpid:").last().map(String::as_str), Some("1"), "the program is the first process");
        let mounts = self.proc("mountinfo");
        let writable: Vec<&str> = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|fields| fields[5].split(',').any(|option| option == "rw"))
            .map(|fields| fields[4])
            .filter(|path| !path.starts_with("/proc") && !path.starts_with("/dev"))
            .collect();
        assert_eq!(writable, ["/var/lib/pacemeter"], "{mounts}");
        assert_eq!(
            fs::read_link(format!("/proc/{}/cwd", self.process)).expect("a link").to_str(),
            Some("/var/lib/pacemeter")
        );
    }
}

#[test]
fn a_container_is_exact_after_a_kill_and_ends_in_time() {
    if !is_root() {
        return;
    }
    let now = Clock::wall().now();
    let usual = LiveOptions::of(2020, 0.002, PartitionCounts::each(PARTITIONS), now - 2 * DAY);
    let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..usual });
    let mut records: Vec<TestRecord> = live.advance_to(now).into_iter().map(test_record).collect();
    let more = records.split_off(records.len() / 2);
    let mut log = TestLog::new(shared_kafka(), PARTITIONS);
    log.write(records);
    let mut settings = log.settings();
    settings.push(format!("http.listen={}", free_address()));
    let volume = Volume::with(&settings);
    assert_eq!(volume.check_health().status.code(), Some(75), "nothing runs yet");

    let assert_exact = |log: &TestLog<'_>, container: &mut Container| {
        container.pacemeter.wait_ready();
        log.wait_complete(&mut container.pacemeter);
        log.assert_figures(&container.pacemeter);
    };
    let mut container = Container::start(&volume);
    assert_exact(&log, &mut container);
    container.assert_confined();
    let health = volume.check_health();
    assert!(health.status.success(), "{health:?}");
    assert_eq!(container.end(libc::SIGKILL).code, Some(128 + libc::SIGKILL));

    log.write(more);
    let mut container = Container::start(&volume);
    assert_exact(&log, &mut container);
    let restored = container.pacemeter.scrape().value("pacemeter_restores_total", &[("source", "newest")]);
    assert!(restored.is_some_and(|partitions| partitions > 0.0), "it began with its checkpoints: {restored:?}");
    let ended = container.end(libc::SIGTERM);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.took < DEADLINE, "{:?}", ended.took);
}
