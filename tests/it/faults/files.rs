//! Files that cannot be read, never end, or cost much: pipes, devices and directories in their place, file systems that
//! do not answer, and files of nothing but faults. None of them needs a broker.

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::mock::Mock;
use super::probes::{await_reached, own};
use crate::program::{ExitedProcess, Pacemeter, not_tried, run, run_in};

/// Environment variable that makes the program hang somewhere.
const FAILPOINT: &str = "PACEMETER_TEST_FAILPOINT";

/// Longest time of a command that need not wait for anything.
pub const PROMPT: Duration = Duration::from_secs(15);

/// Longest time of a command that waits for a file that does not answer, which it does for five seconds.
pub const PATIENT: Duration = Duration::from_secs(30);

/// Settings of a broker that is not there, and more.
pub fn settings(more: &[&str]) -> Vec<String> {
    let absent = ["kafka.bootstrap_servers=127.0.0.1:1", "kafka.request_timeout=2s"];
    absent.iter().chain(more).map(|&setting| setting.to_owned()).collect()
}

pub fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// A directory on a file system that has leases wherever the tests run.
fn directory_with_leases() -> TempDir {
    tempfile::tempdir_in("/dev/shm").expect("a temporary directory in memory")
}

pub fn assert_says(ended: &ExitedProcess, code: i32, parts: &[&str], limit: Duration) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{said}");
    parts.iter().for_each(|part| assert!(said.contains(part), "{part:?} is not in the output: {said}"));
    assert!(ended.took < limit, "took {:?}: {said}", ended.took);
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

/// Puts things in place of a file that are none, one after the other.
pub fn in_place_of(path: &Path, test: impl Fn(&str)) {
    let remove = || match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir(path).expect("an empty directory"),
        Ok(_) => fs::remove_file(path).expect("a file"),
        Err(_) => {}
    };
    let kinds: [(&str, &dyn Fn()); 3] = [
        ("a pipe", &|| make_pipe(path)),
        ("a device", &|| symlink("/dev/zero", path).expect("a link")),
        ("a directory", &|| fs::create_dir(path).expect("a directory")),
    ];
    for (kind, make) in kinds {
        remove();
        make();
        test(kind);
    }
    remove();
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
}

/// Takes a lease on a file, so that other processes that open it block; like a file system that does not answer.
fn lease(path: &Path) -> File {
    /// Constant of Linux that libc lacks.
    const F_SETSIG: libc::c_int = 10;
    let file = File::open(path).expect("a file");
    // SAFETY: the descriptor is open. The signal about readers is one that is ignored by default.
    unsafe {
        assert_eq!(libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG), 0);
        assert_eq!(libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK), 0, "leases are there");
    }
    file
}

fn many_unknown_keys() -> String {
    (0..90_000).map(|index| format!("k{index} = 1\n")).collect()
}

#[test]
fn a_config_file_that_does_not_end_is_a_fault_in_seconds() {
    let directory = directory();
    let pipe = directory.path().join("pipe");
    make_pipe(&pipe);
    let path = pipe.to_str().expect("a path in UTF-8");
    for command in [&["run"][..], &["run", "--print-config"], &["check"], &["targets"], &["cut"], &["produce"]] {
        let ended = run(&[command, &["--config", path]].concat(), &[]);
        assert_says(&ended, 78, &["pipe: cannot be read: no end within 5 s"], PATIENT);
    }
}

#[test]
fn a_targets_file_that_is_none_is_refused_at_once() {
    let directory = directory();
    in_place_of(&directory.path().join("targets.toml"), |kind| {
        for command in ["run", "check"] {
            let ended = run_in(&directory, &[command], &settings(&["targets.files=['targets.toml']"]));
            assert_says(&ended, 78, &["targets.toml: is not a regular file"], PROMPT);
            assert!(!ended.stderr.contains("more"), "{kind}: {}", ended.stderr);
        }
    });
}

#[test]
fn ninety_thousand_faults_take_moments_and_are_counted() {
    let directory = directory();
    write(&directory.path().join("many.toml"), &many_unknown_keys(), 0o600);
    let targets = settings(&["targets.files=['many.toml']"]);
    let config = [&["run", "--config", "many.toml"][..], &["check", "--config", "many.toml"]];
    for (arguments, settings) in
        [(&["run"][..], &targets), (&["check"], &targets), (config[0], &settings(&[])), (config[1], &settings(&[]))]
    {
        let ended = run_in(&directory, arguments, settings);
        assert_says(&ended, 78, &["have 90000 faults", "k0 (many.toml:1): no such", "and 89980 more"], PATIENT);
        let told = ended.stderr.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n");
        assert_eq!(told.matches("(many.toml:").count(), 20, "{}", ended.stderr);
    }
}

#[test]
fn a_running_process_refuses_bad_targets_and_still_ends() {
    let state = directory_with_leases();
    let path = state.path().join("targets.toml");
    write(&path, "", 0o600);
    let settings = settings(&["targets.files=['targets.toml']", "targets.check_interval=100ms", "log.burst=1000"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    let successful = |pacemeter: &Pacemeter| own(pacemeter, "pacemeter_config_last_reload_successful");
    assert_eq!(successful(&pacemeter), 1.0);
    let await_refusal = |pacemeter: &mut Pacemeter, fault: &str| {
        pacemeter.until(fault, |pacemeter| {
            let lines = pacemeter.events("pacemeter.targets.refused");
            let is_told = lines.iter().any(|line| line["fault"].as_str().is_some_and(|text| text.contains(fault)));
            (is_told && successful(pacemeter) == 0.0).then_some(())
        });
    };
    write(&path, &many_unknown_keys(), 0o600);
    await_refusal(&mut pacemeter, "k0 (targets.toml:1): no such key");
    await_refusal(&mut pacemeter, "k19 (targets.toml:20): no such key");
    let lines = pacemeter.events("pacemeter.targets.refused");
    assert!(lines.len() == 20 && lines.iter().all(|line| line["faults"] == 90_000), "{}", lines.len());
    fs::remove_file(&path).expect("a file");
    make_pipe(&path);
    await_refusal(&mut pacemeter, "targets.toml: is not a regular file");
    // A file whose opening hangs.
    fs::remove_file(&path).expect("a pipe");
    write(&path, "# ours\n", 0o600);
    let held = lease(&path);
    await_refusal(&mut pacemeter, "targets.toml: cannot be read: no end within 5 s");
    drop(held);
    pacemeter.until("the file is read again", |pacemeter| (successful(pacemeter) == 1.0).then_some(()));
    let _held = lease(&path);
    std::thread::sleep(Duration::from_secs(1));
    let ended = pacemeter.stop();
    assert_says(&ended, 0, &["pacemeter.ended"], Duration::from_secs(8));
}

#[test]
fn a_targets_file_that_hangs_at_the_start_is_a_fault() {
    let state = directory_with_leases();
    let path = state.path().join("targets.toml");
    write(&path, "", 0o600);
    let _held = lease(&path);
    for command in ["run", "check"] {
        let ended = run_in(&state, &[command], &settings(&["targets.files=['targets.toml']"]));
        assert_says(&ended, 78, &["targets.toml: cannot be read: no end within 5 s"], PATIENT);
    }
}

#[test]
fn lock_and_key_that_are_no_files_end_the_start_with_74() {
    for name in ["lock", "pseudonym.key"] {
        let state = directory();
        in_place_of(&state.path().join(name), |kind| {
            let ended = run_in(&state, &["run"], &settings(&[]));
            assert_says(&ended, 74, &[name, "is not a regular file"], PROMPT);
            assert!(!ended.stderr.contains("panicked"), "{kind}: {}", ended.stderr);
        });
    }
}

#[test]
fn cuts_that_are_no_files_hold_up_nothing() {
    let state = directory();
    fs::create_dir(state.path().join("cuts")).expect("a directory");
    let reports = [
        ("chain", "pacemeter.cut.quarantined", "file", "chain.damaged-"),
        ("20200515T230000Z.json", "pacemeter.cut.damaged", "error", "is not in the list of cuts"),
    ];
    for (name, event, field, said) in reports {
        in_place_of(&state.path().join("cuts").join(name), |kind| {
            let pacemeter = Pacemeter::start(&state, &settings(&[]));
            let lines = pacemeter.events(event);
            assert!(lines.iter().any(|line| line[field].as_str().is_some_and(|text| text.contains(said))), "{kind}");
            assert_says(&pacemeter.stop(), 0, &["pacemeter.ended"], PROMPT);
        });
    }
}

#[test]
fn a_start_that_hangs_ends_on_sigterm() {
    let state = directory();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pacemeter"))
        .args(["run", "--set", "kafka.bootstrap_servers=127.0.0.1:1", "--set", "http.listen=127.0.0.1:0"])
        .current_dir(&state)
        .env(FAILPOINT, "state.opening:1:hang")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    log.read_line(&mut line).expect("a line");
    assert!(line.contains("pacemeter.started"), "{line}");
    let started = Instant::now();
    // SAFETY: kill takes no pointers; the process is our child and not reaped, so the id is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) }, 0);
    assert_eq!(child.wait().expect("it is our child").code(), Some(0));
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
}

#[test]
fn a_shutdown_that_hangs_ends_with_75_at_its_deadline() {
    let mock = Mock::start(1, 1);
    let state = directory();
    let settings = mock.settings(&["shutdown.deadline=1s"]);
    let mut pacemeter = Pacemeter::start_with(&state, &settings, &[(FAILPOINT, "shutdown.drained:1:hang")]);
    pacemeter.wait_ready();
    assert_says(&pacemeter.stop(), 75, &["pacemeter.shutdown.overdue"], PROMPT);
}

#[test]
fn a_checkpoint_that_hangs_does_not_hold_up_the_end() {
    let mock = Mock::start(1, 1);
    let state = directory();
    let settings = mock.settings(&["shutdown.deadline=1s"]);
    let hangs = [(FAILPOINT, "checkpoint.before_sync:1:hang")];
    let mut pacemeter = Pacemeter::start_with(&state, &settings, &hangs);
    pacemeter.wait_ready();
    let written = mock.write(0, 10);
    await_reached(&mut pacemeter, written);
    assert_says(&pacemeter.stop(), 0, &["pacemeter.checkpoint.unfinished", "pacemeter.ended"], PROMPT);
}

#[test]
fn a_failure_that_nobody_reads_ends_the_process() {
    let (mut ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    // Full, so that the program's own writing blocks.
    let full = theirs.try_clone().expect("a descriptor");
    full.set_nonblocking(true).expect("a socket");
    while (&full).write(&[0; 4_096]).is_ok() {}
    full.set_nonblocking(false).expect("a socket");
    let mut child = Command::new(env!("CARGO_BIN_EXE_pacemeter"))
        .args(["run", "--set", "http.listen=nowhere"])
        .stderr(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .expect("the program starts");
    let started = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status.code();
        }
        if started.elapsed() > PROMPT {
            child.kill().expect("it is our child");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(code, Some(78));
    drop(full);
    let mut written = Vec::new();
    ours.read_to_end(&mut written).expect("a socket");
    assert!(!String::from_utf8_lossy(&written).contains("pacemeter: "), "the pipe was not full");
}

/// A state directory with a pseudonym key.
pub fn state_with_key() -> (TempDir, PathBuf) {
    let state = directory();
    let key = state.path().join("pseudonym.key");
    write(&key, &"5a".repeat(32), 0o600);
    (state, key)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn a_key_that_others_could_read_is_made_private_and_reported() {
    let (state, key) = state_with_key();
    write(&key, &"5a".repeat(32), 0o644);
    let pacemeter = Pacemeter::start(&state, &settings(&[]));
    let lines = pacemeter.events("pacemeter.pseudonym_key.exposed");
    assert!(lines.len() == 1 && lines[0]["level"] == "warn", "{lines:?}");
    assert_eq!(lines[0]["exposure"], "mode 644 let other users read it; it is 600 from now on");
    assert_eq!(mode(&key), 0o600);
    assert_eq!(pacemeter.stop().code, Some(0));

    write(&key, &"5a".repeat(32), 0o640);
    let ended = run_in(&state, &["check"], &settings(&[]));
    assert_says(&ended, 75, &["warning: pseudonym key file", "mode 640 let other users read it"], PROMPT);
    assert_eq!(mode(&key), 0o600);
}

#[test]
fn a_key_that_others_could_write_is_refused_with_77() {
    let commands = [
        &["run"][..],
        &["check"],
        &["state", "inspect"],
        &["state", "verify"],
        &["state", "rebuild"],
        &["cut", "verify"],
    ];
    let (state, key) = state_with_key();
    let root = state.path().to_owned();
    for (path, writable, private) in
        [(&key, 0o666, 0o600), (&key, 0o620, 0o600), (&root, 0o777, 0o700), (&root, 0o770, 0o700)]
    {
        fs::set_permissions(path, Permissions::from_mode(writable)).expect("ours");
        for command in commands {
            let ended = run_in(&state, command, &settings(&[]));
            assert_says(&ended, 77, &["pseudonym.key cannot be trusted", "can write", "chmod go-w"], PROMPT);
            assert_eq!(mode(path), writable, "{command:?} leaves what it refuses");
        }
        fs::set_permissions(path, Permissions::from_mode(private)).expect("ours");
    }
    let pacemeter = Pacemeter::start(&state, &settings(&[]));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_key_of_another_user_is_refused_with_77() {
    let (state, key) = state_with_key();
    for path in [key.as_path(), state.path()] {
        // Only root can give a file away.
        if chown(path, Some(65_534), None).is_err() {
            return not_tried("a key of another user, which needs root");
        }
        for command in [&["run"][..], &["check"], &["state", "verify"], &["cut", "verify"]] {
            let ended = run_in(&state, command, &settings(&[]));
            let foreign = format!("{} belongs to user 65534", path.canonicalize().expect("it is there").display());
            assert_says(&ended, 77, &["pseudonym.key cannot be trusted", &foreign, "chown 0"], PROMPT);
        }
        chown(path, Some(0), None).expect("we are root");
    }
}

#[test]
fn secrets_that_others_can_read_are_reported() {
    let state = directory();
    let (config, client_key) = (state.path().join("kafka.toml"), state.path().join("client.key"));
    let text = "[kafka.properties]\nsecurity.protocol = \"plaintext\"\nssl.key.location = \"client.key\"\nsasl.password = \"hunter-two\"\n";
    let arguments = ["check", "--config", "kafka.toml"];
    for (exposed, count) in [(0o644, 2), (0o600, 0)] {
        write(&config, text, exposed);
        write(&client_key, "key", exposed);
        let ended = run_in(&state, &arguments, &settings(&[]));
        assert_eq!(ended.code, Some(75), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("lets other users read it; chmod 600").count(), count, "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter-two"));
        assert_eq!((mode(&config), mode(&client_key)), (exposed, exposed), "files that are not ours keep their mode");
    }
    let by_argument = settings(&["kafka.properties.sasl.password=hunter-two"]);
    let ended = run_in(&state, &["check"], &by_argument);
    assert_says(&ended, 75, &["warning: --set kafka.properties.sasl.password is a secret"], PROMPT);
    let pacemeter = Pacemeter::start(&state, &by_argument);
    assert_eq!(pacemeter.events("pacemeter.secret.exposed").len(), 1);
    let log = pacemeter.stop().stderr;
    assert!(!log.contains("hunter-two"), "{log}");
}

#[test]
fn a_client_key_that_is_no_file_is_a_fault_at_once() {
    let state = directory();
    in_place_of(&state.path().join("client.key"), |_| {
        for command in ["run", "check", "produce"] {
            let ended = run_in(&state, &[command], &settings(&["kafka.properties.ssl.key.location=client.key"]));
            assert_says(&ended, 78, &["kafka.properties.ssl.key.location", "is not a regular file"], PROMPT);
        }
    });
}
