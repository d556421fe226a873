//! The command line: exit codes and messages.

use std::io::Write;

use pacemeter::clock::Clock;
use serde_json::{Value, json};

use crate::program::{Pacemeter, run, run_in, run_with};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn every_command_has_help_and_version() {
    for command in [
        &[][..],
        &["run"],
        &["demo"],
        &["check"],
        &["targets"],
        &["cut"],
        &["period"],
        &["produce"],
        &["health"],
        &["man"],
    ] {
        for flag in ["--help", "--version"] {
            let ended = run(&[command, &[flag]].concat(), &[]);
            assert_eq!(ended.code, Some(0), "{command:?} {flag}: {}", ended.stderr);
            assert!(!ended.stdout.is_empty() && ended.stderr.is_empty(), "{command:?} {flag}: {}", ended.stderr);
        }
        let version = run(&[command, &["--version"]].concat(), &[]).stdout;
        assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
        for library in ["librdkafka 2.", "openssl 3.", "zstd 1.", "zlib 1.", "lz4 1."] {
            assert!(version.lines().any(|line| line.starts_with(library)), "{library}: {version}");
        }
    }
    let short = run(&["-V"], &[]).stdout;
    assert!(short.lines().count() == 1 && short.contains("(revision "), "{short}");
}

#[test]
fn wrong_usage_ends_with_64() {
    for arguments in [&[][..], &["walk"], &["run", "--listen", "x"], &["run", "--set"], &["demo", "--for", "soon"]] {
        let ended = run(arguments, &[]);
        assert_eq!(ended.code, Some(64), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}: {}", ended.stdout);
    }
}

#[test]
fn a_command_without_a_server_ends_with_75_and_the_address() {
    // A port that was free a moment ago, so nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    for command in [&["targets"][..], &["targets", "--json"], &["cut"], &["cut", "--list"], &["period", "yesterday"]] {
        let by_argument = run(&[command, &["--address", &address]].concat(), &[]);
        let by_setting = run(command, &[format!("http.listen={address}")]);
        for ended in [by_argument, by_setting] {
            assert_eq!(ended.code, Some(75), "{command:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(&address) && ended.stdout.is_empty(), "{command:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn malformed_test_hooks_end_with_64_and_are_named() {
    for (name, value, form) in [
        ("PACEMETER_TEST_CLOCK", "monday", "ORIGIN@ANCHORxSPEED"),
        ("PACEMETER_TEST_CLOCK", "", "ORIGIN@ANCHORxSPEED"),
        ("PACEMETER_TEST_FAILPOINT", "batch.applied:soon", "NAME:N"),
        ("PACEMETER_TEST_FAILPOINT", "", "NAME:N"),
    ] {
        let program = env!("CARGO_BIN_EXE_pacemeter");
        let ended = std::process::Command::new(program).arg("run").env(name, value).output().expect("it runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(64) && said.contains(name) && said.contains(form), "{value:?}: {said}");
    }
}

/// `CLOCK` and `FAILPOINT` may be anybody's; the hooks are no settings.
#[test]
fn only_its_own_variables_are_test_hooks() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = strings(&["kafka.bootstrap_servers=127.0.0.1:9", "http.listen=127.0.0.1:0"]);
    let foreign = Pacemeter::start_with(&state, &settings, &[("CLOCK", "UTC"), ("FAILPOINT", "restore.done:0")]);
    for event in ["pacemeter.clock.moved", "pacemeter.failpoint.armed"] {
        assert!(foreign.events(event).is_empty(), "{}", foreign.log());
    }
    assert_eq!(foreign.stop().code, Some(0));
    let now = Clock::wall().now().as_millis();
    let clock = format!("1589176800000@{now}x1");
    let hooks = [("PACEMETER_TEST_CLOCK", clock.as_str()), ("PACEMETER_TEST_FAILPOINT", "batch.applied:7:hang")];
    let mut hooked = Pacemeter::start_with(&state, &settings, &hooks);
    let [moved, armed] = ["pacemeter.clock.moved", "pacemeter.failpoint.armed"]
        .map(|event| hooked.until("the hook is logged", |hooked| hooked.events(event).pop()));
    assert_eq!([&moved["level"], &armed["level"]], ["warn", "warn"]);
    assert!(moved["now_ms"].as_i64().is_some_and(|at| at < now / 2 + 900_000_000_000), "{moved}");
    let expected = [json!("batch.applied"), json!(7), json!(true)];
    assert_eq!(["failpoint", "pass", "hangs"].map(|field| armed[field].clone()), expected);
    assert_eq!(hooked.stop().code, Some(0));
}

#[test]
fn all_faults_of_the_settings_are_reported_at_once_with_78() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    writeln!(file, "[programme]\ntime_zone = \"America/Mexico\"\n[streams.call]\nhorizont = \"8d\"\n").expect("a file");
    let path = file.path().to_str().expect("a path in UTF-8");
    let settings = strings(&[
        "kafka.bootstap_servers=127.0.0.1:1",
        "http.max_connections=none",
        "streams.disbursement.horizon=3d",
        "kafka.properties.enable.auto.commit=true",
    ]);
    for command in ["run", "check"] {
        let ended = run(&[command, "--config", path], &settings);
        assert_eq!(ended.code, Some(78), "{command}: {}", ended.stderr);
        let said = ended.stderr;
        for text in [
            "kafka.bootstap_servers",
            // The nearest known key.
            "kafka.bootstrap_servers",
            "streams.call.horizon",
            "http.max_connections",
            "streams.disbursement.horizon",
            "enable.auto.commit",
            "America/Mexico",
        ] {
            assert!(said.contains(text), "{command} does not name {text}:\n{said}");
        }
    }
}

#[test]
fn faults_of_targets_and_calendars_are_reported_with_settings() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("a file");
    write(
        "targets.toml",
        "[target.weekly]\nmeasure = \"beneficiarys\"\nperiod = \"week\"\ngoal = 1\n[target.far]\nmeasure = \"beneficiaries\"\n\
         period = \"campaign\"\nfrom = 2026-01-01\nto = 2026-12-31\ngoal = -1\ncalender = \"payments\"\n",
    );
    write("calendars.toml", "[calendar.office.hours]\nmonday = [\"9 to 5\"]\nmoonday = []\n");
    let settings = strings(&[
        "targets.files=['targets.toml', 'calendars.toml', 'missing.toml']",
        "cuts.at=['18:05']",
        "http.timeout=never",
    ]);
    for command in ["run", "check"] {
        let ended = run_in(&directory, &[command], &settings);
        assert_eq!(ended.code, Some(78), "{command}: {}", ended.stderr);
        for text in [
            "target.weekly.measure (targets.toml:2): \"beneficiarys\" is not one of",
            // The nearest known value.
            "beneficiaries",
            "target.far.period (targets.toml:7): ",
            // The setting to raise.
            "streams.disbursement.horizon",
            "target.far.goal (targets.toml:10): ",
            "target.far.calender (targets.toml:11): no such key; did you mean calendar?",
            "calendar.office.hours.monday (calendars.toml:2): ",
            "calendar.office.hours.moonday (calendars.toml:3): no such key; did you mean monday?",
            "missing.toml: cannot be read: ",
            "cuts.at (--set): ",
            "http.timeout (--set): ",
        ] {
            assert!(ended.stderr.contains(text), "{command} does not report {text}:\n{}", ended.stderr);
        }
    }
}

#[test]
fn the_effective_settings_are_shown_without_secrets() {
    let settings = strings(&[
        "kafka.properties.sasl.username=somebody",
        "kafka.properties.sasl.password=hunter-two",
        "kafka.properties.ssl.key.pem=-----BEGIN PRIVATE KEY-----",
        "http.max_connections=17",
    ]);
    let ended = run(&["run", "--print-config"], &settings);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("max_connections = 17"), "{}", ended.stdout);
    assert!(ended.stdout.contains("America/Mexico_City"), "{}", ended.stdout);
    for secret in ["hunter-two", "BEGIN PRIVATE"] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{secret} is printed");
    }
}

#[test]
fn check_without_a_broker_ends_with_75() {
    let ended = run(&["check"], &strings(&["kafka.bootstrap_servers=127.0.0.1:1", "kafka.request_timeout=2s"]));
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    assert!(
        format!("{}{}", ended.stdout, ended.stderr).contains("nothing listens at 127.0.0.1:1 "),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn check_offline_asks_no_broker_and_may_deny_warnings() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let filter =
        "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\nprogrammes = ['credito-a-la-palbra']\n";
    std::fs::write(state.path().join("targets.toml"), filter).expect("a file");
    let lists = ["queues", "sites", "initiatives"].map(|list| format!("labels.{list}=['other']"));
    let one = [
        "targets.files=['targets.toml']",
        "labels.programmes=['credito-a-la-palabra']",
        "kafka.bootstrap_servers=127.0.0.1:1",
    ];
    let settings = [&strings(&one)[..], &lists].concat();
    let said = [
        "settings: valid",
        "targets: 1, calendars: 3",
        "kafka: not asked (--offline); topics and rights are unchecked",
        "warning: target.a.programmes (targets.toml:5): \"credito-a-la-palbra\" is not in labels.programmes; did you mean \
         \"credito-a-la-palabra\"? correct the target, or list the value, which figures show as other until then",
        "warning: labels.milestones is empty, so every value of its label is shown as other; list the values to show by name, or [\"other\"] \
         if that is meant",
    ];
    let ended = run_in(&state, &["check", "--offline"], &settings);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), said);
    let denied = run_in(&state, &["check", "--offline", "--deny-warnings"], &settings);
    assert_eq!((denied.code, denied.stdout), (Some(78), ended.stdout));
    assert!(denied.stderr.contains("--deny-warnings denies 2 warnings; do what they say"), "{}", denied.stderr);
    let settled =
        [settings, strings(&["labels.milestones=['other']", "labels.programmes=['credito-a-la-palbra']"])].concat();
    let passed = run_in(&state, &["check", "--offline", "--deny-warnings"], &settled);
    assert_eq!((passed.code, passed.stderr.as_str()), (Some(0), ""), "{}", passed.stdout);
    let faulty = run_in(&state, &["check", "--offline"], &strings(&["http.timeout=never"]));
    assert!(faulty.code == Some(78) && faulty.stderr.contains("http.timeout"), "{}", faulty.stderr);
    let help = run(&["check", "--help"], &[]).stdout;
    assert!(help.contains("--offline") && help.contains("--deny-warnings"), "{help}");
}

#[test]
fn the_start_logs_changed_settings_as_an_object() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = strings(&[
        "kafka.bootstrap_servers=127.0.0.1:9",
        "kafka.properties.sasl.password=hunter-two",
        "labels.queues=['a']",
        "http.max_connections=64",
        "log.burst=30",
        "http.listen=127.0.0.1:0",
    ]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    let started = pacemeter.until("the start is logged", |pacemeter| pacemeter.events("pacemeter.started").pop());
    let expected = json!({
        "http.listen": "127.0.0.1:0",
        "kafka.bootstrap_servers": "127.0.0.1:9",
        "kafka.properties.sasl.password": "[redacted]",
        "labels.queues": ["a"],
        "log.burst": 30,
        "state.directory": state.path().to_str(),
    });
    assert_eq!(started["settings"], expected);
    let unnamed = pacemeter.events("pacemeter.label.unnamed").pop().expect("lists are empty");
    assert_eq!(unnamed["lists"], "labels.programmes, labels.sites, labels.initiatives, labels.milestones");
    let ended = pacemeter.stop();
    assert!(ended.code == Some(0) && !ended.stderr.contains("hunter-two"), "{}", ended.stderr);
}

#[test]
fn the_demo_agrees_with_its_oracle_and_finds_a_falsified_figure() {
    let settings = strings(&["log.level=warn"]);
    let ended = run(&["demo", "--for", "10s"], &settings);
    assert_eq!(ended.code, Some(0), "stdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("pacemeter_week_beneficiaries") || ended.stdout.contains("week"), "{}", ended.stdout);
    let ended = run(&["demo", "--for", "10s", "--falsify", "pacemeter_dispersed_pesos_total"], &settings);
    assert_eq!(ended.code, Some(1), "stdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
}

#[test]
fn a_start_that_fails_is_told_by_the_log_alone() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let used = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = format!("http.listen={}", used.local_addr().expect("an address"));
    let unreadable = format!("state.pseudonym_key_file={}", state.path().display());
    let absent = "kafka.bootstrap_servers=127.0.0.1:1";
    let _running = Pacemeter::start(&state, &strings(&[absent]));
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    for (state, settings, code, reason) in [
        (&state, [absent], 73, "give each process a state.directory of its own"),
        (&elsewhere, ["kafka.request_timeout=soon"], 78, "kafka.request_timeout"),
        (&elsewhere, [unreadable.as_str()], 74, "key"),
        (&elsewhere, [port.as_str()], 75, "in use"),
    ] {
        let ended = run_in(state, &["run"], &strings(&settings));
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let mut last = Value::Null;
        let log = ended.stderr.lines().map_while(|line| serde_json::from_str::<Value>(line).ok());
        let lines = log.inspect(|line| last = line.clone()).count();
        let told: String = ended.stderr.lines().skip(lines).collect();
        assert!(told.contains(reason), "{}", ended.stderr);
        assert_eq!(last["reason"].as_str().map(|reason| reason.replace('\n', "")), Some(told), "plain text in the log");
        assert_eq!((&last["event"], &last["exit"]), (&json!("pacemeter.failed"), &json!(code)));
    }
}

#[test]
fn without_an_argument_the_file_of_the_default_place_is_read() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let group = |environment: &[(&str, &str)], arguments: &[&str]| {
        let ended = run_with(&state, &[&["run", "--print-config"], arguments].concat(), environment);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let line = ended.stdout.lines().find(|line| line.starts_with("group_id")).expect("the setting").to_owned();
        line.split('"').nth(1).expect("a text").to_owned()
    };
    let write = |name: &str| {
        std::fs::write(state.path().join(name), format!("[kafka]\ngroup_id = \"of-{name}\"\n")).expect("a file");
    };
    assert_eq!(group(&[], &[]), "pacemeter");
    ["pacemeter.toml", "named.toml", "argument.toml"].into_iter().for_each(write);
    assert_eq!(group(&[], &[]), "of-pacemeter.toml");
    let named = [("PACEMETER_CONFIG", "named.toml")];
    assert_eq!(group(&named, &[]), "of-named.toml");
    assert_eq!(group(&named, &["--config", "argument.toml"]), "of-argument.toml");
    let absent = run_with(&state, &["run"], &[("PACEMETER_CONFIG", "absent.toml")]);
    assert_eq!(absent.code, Some(78));
    assert!(absent.stderr.contains("absent.toml"), "{}", absent.stderr);
}

/// Arguments and settings, the exit code, and parts of the next step.
type FailureCase = (&'static [&'static str], &'static [&'static str], i32, &'static [&'static str]);

/// Each failure of a command says what to do next.
#[test]
fn a_failure_names_the_next_step() {
    let state = tempfile::tempdir().expect("a temporary directory");
    const ABSENT: &str = "kafka.bootstrap_servers=127.0.0.1:1";
    const FREE: &str = "FREE";
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").to_string();
    std::fs::write(state.path().join("file"), "").expect("a file");
    std::fs::write(state.path().join("client.yml"), "basic_auth: {}\nbearer_token: x\n").expect("a file");
    let cases: &[FailureCase] = &[
        (&["walk"], &[], 64, &["try '--help'"]),
        (&["completions", "sh"], &[], 64, &["bash", "fish", "zsh"]),
        (&["period", "someday"], &[], 64, &["is none of", "2020-W20", "--help"]),
        (&["status", "--address", "localhost"], &[], 64, &["write localhost:9464"]),
        (&["health", "--timeout", "1h"], &[], 64, &["from 100ms to 1m"]),
        (&["status", "--address", FREE], &[], 75, &["check that it runs", "pass --address"]),
        (&["targets", "--address", "nowhere.invalid:1"], &[], 75, &["check the name"]),
        (&["health", "--address", FREE], &[], 75, &["check that it runs"]),
        (&["cut", "--address", FREE, "--user", "ann"], &[], 64, &["--password-file"]),
        (&["period", "--http-config-file", "client.yml"], &[], 78, &["client.yml:1", "client.yml:2", "use basic_auth"]),
        (&["check", "--offline"], &["http.listen=0.0.0.0:1"], 78, &["http.web_config_file"]),
        (&["check"], &[ABSENT, "kafka.request_timeout=2s"], 75, &["kafka.bootstrap_servers"]),
        (&["produce"], &["kafka.bootstrap_servers=192.0.2.1:1"], 78, &["--to-brokers-beyond-loopback"]),
        (&["produce", "--span", "100d"], &[ABSENT, "kafka.request_timeout=2s"], 75, &["pacemeter check"]),
        (&["cut", "accept", "--reason", "x"], &[ABSENT], 64, &["check state.directory"]),
        (&["state", "rebuild"], &["state.directory=absent"], 78, &["check state.directory"]),
        (&["man", "--into", "file/x"], &[], 74, &["name another directory in --into"]),
    ];
    for (arguments, settings, code, steps) in cases {
        let arguments: Vec<&str> =
            arguments.iter().map(|word| if *word == FREE { free.as_str() } else { word }).collect();
        let ended = run_in(&state, &arguments, &strings(settings));
        assert_eq!(ended.code, Some(*code), "{arguments:?}: {}", ended.stderr);
        assert!(steps.iter().all(|step| ended.stderr.contains(step)), "{arguments:?} {steps:?}: {}", ended.stderr);
    }
}
