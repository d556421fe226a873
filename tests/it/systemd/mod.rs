//! The files of `deploy/systemd`: judged by the tools of systemd, and the program started as the unit says; and what the program
//! tells a service manager.

mod notify;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Command, Output};

use crate::program::{Pacemeter, not_tried};
use crate::sandbox::{Sandbox, is_root};
use crate::tidy::root;

/// Directory of the copies of LoadCredential= in the sandbox.
const CREDENTIALS: &str = "/run/credentials/pacemeter.service";

/// Greatest exposure that is accepted, in tenths.
const MOST_EXPOSURE: &str = "15";

fn file(name: &str) -> String {
    fs::read_to_string(root().join("deploy/systemd").join(name)).expect("a file")
}

fn ran(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} is installed by scripts/test: {error}"))
}

/// Arguments of the program in the unit, with the directory of credentials.
fn arguments() -> Vec<String> {
    let unit = file("pacemeter.service").replace("\\\n", " ");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/pacemeter ")).expect("a command");
    let words = line.split_whitespace().map(|word| word.trim_matches('\''));
    words.map(|word| word.replace("%d", CREDENTIALS)).collect()
}

/// Value of an assignment of the unit, in seconds.
fn seconds(key: &str) -> u64 {
    let unit = file("pacemeter.service");
    let value =
        unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_else(|| panic!("{key}"));
    let minutes = value.strip_suffix("min").map(|number| number.parse::<u64>().expect("a number") * 60);
    minutes.unwrap_or_else(|| value.trim_end_matches('s').parse().expect("a number"))
}

#[test]
fn the_unit_is_valid_and_hardly_exposed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let unit = directory.path().join("pacemeter.service");
    let text = file("pacemeter.service");
    // The command must exist.
    fs::write(&unit, text.replace("/usr/bin/pacemeter", env!("CARGO_BIN_EXE_pacemeter"))).expect("a file");
    let verified = ran(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    let mut judge = Command::new("systemd-analyze");
    judge.args(["security", "--offline=true", "--no-pager", &format!("--threshold={MOST_EXPOSURE}")]);
    let judged = ran(judge.arg(&unit));
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success() && said.contains("Overall exposure level"), "{said}");
    assert!(!text.contains("\nProcSubset=pid"), "it hides /proc/stat, from which process_start_time_seconds comes");
}

#[test]
fn the_unit_gives_the_program_the_time_it_needs() {
    let defaults = fs::read_to_string(root().join("config/default.toml")).expect("a file");
    assert!(defaults.contains("wedge_timeout = \"2m\""), "the watchdog must come after the program's own");
    assert!(seconds("WatchdogSec") > 120);
    let production = fs::read_to_string(root().join("config/production.toml")).expect("a file");
    assert!(production.contains("deadline = \"20s\""));
    assert!(seconds("TimeoutStopSec") >= 20 + 5, "the process ends five seconds after the deadline, whatever blocks");
    assert!(seconds("TimeoutStartSec") > 120, "the state directory may take two minutes to open");
}

#[test]
fn user_and_directories_are_made_by_systemd() {
    if !is_root() {
        return not_tried("the user and directories of the unit, which need root");
    }
    let made = tempfile::tempdir().expect("a temporary directory");
    let below = |path: &str| made.path().join(path);
    for directory in ["etc/pacemeter/secrets", "etc/pacemeter/web"] {
        fs::create_dir_all(below(directory)).expect("a directory");
        fs::write(below(directory).join("a"), "").expect("a file");
    }
    let run = |tool: &str, arguments: &[&str], name: &str| {
        let mut command = Command::new(tool);
        command.arg(format!("--root={}", made.path().display())).args(arguments);
        let ended = ran(command.arg(root().join("deploy/systemd").join(name)));
        assert!(ended.status.success(), "{tool}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    run("systemd-sysusers", &[], "pacemeter.sysusers.conf");
    run("systemd-tmpfiles", &["--create"], "pacemeter.tmpfiles.conf");
    let users = fs::read_to_string(below("etc/passwd")).expect("users");
    let user = users.lines().find(|line| line.starts_with("pacemeter:")).expect("the user");
    let group: u32 = user.split(':').nth(3).and_then(|group| group.parse().ok()).expect("a group");
    for (path, mode, group) in [
        ("etc/pacemeter", 0o750, group),
        ("etc/pacemeter/secrets", 0o700, 0),
        ("etc/pacemeter/secrets/a", 0o600, 0),
        ("etc/pacemeter/web", 0o750, group),
        ("etc/pacemeter/web/a", 0o640, group),
    ] {
        let found = fs::metadata(below(path)).expect("it is there");
        assert_eq!((found.permissions().mode() & 0o7777, found.uid(), found.gid()), (mode, 0, group), "{path}");
    }
}

#[test]
fn the_program_starts_as_the_unit_says() {
    if !is_root() {
        return not_tried("the unit's command in a sandbox, which needs root");
    }
    let mut sandbox = Sandbox::new();
    let settings = "kafka.bootstrap_servers = \"127.0.0.1:1\"\nhttp.listen = \"127.0.0.1:0\"\nlog.format = \"json\"\n\
                    labels = { programmes = [\"other\"], queues = [\"other\"], sites = [\"other\"], initiatives = [\"other\"], \
                    milestones = [\"other\"] }\n";
    sandbox.files("/etc/pacemeter", &[("pacemeter.toml", settings.into())], 0o640);
    // systemd 252 gives the user a right of its own on root's copy: the mode then shows it as one of the group.
    let key = blake3::hash(b"a key of the test").to_hex().to_string();
    let kafka = "sasl.password=of-the-test\n";
    sandbox.files(CREDENTIALS, &[("pseudonym.key", key.into()), ("kafka.properties", kafka.into())], 0o440);
    sandbox.directory("/var/lib/pacemeter", crate::sandbox::USER, 0o700);
    let pacemeter = Pacemeter::start_in_sandbox(&mut sandbox.command(&arguments()));
    assert_eq!(pacemeter.get("/livez").status, 200);
    let log = pacemeter.log();
    assert!(!log.contains(".exposed"), "secrets as described must be in order: {log}");
    assert_eq!(pacemeter.stop().code, Some(0));
}
