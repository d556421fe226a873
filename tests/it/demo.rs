//! The demo as people see it: on a terminal, through its API, and beside a Prometheus.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Instant;

use pacemeter::clock::{Clock, DAY, HOUR, Timestamp};
use pacemeter::oracle::{Oracle, OracleRules};
use pacemeter::simulate::{LiveOptions, LiveProgramme, PartitionCounts, week_start};
use serde_json::Value;
use tempfile::tempdir;

use crate::end_to_end::catalogue::assert_promtool_is_quiet;
use crate::program::{Pacemeter, child_command, run};
use crate::terminal::{Row, Terminal};

const ANY_PORT: &str = "http.listen=127.0.0.1:0";

/// First words of the panel's lines behind the first line, which has the time.
const PANEL: [&str; 8] = ["week", "", "today", "backlog", "calls", "agents", "records", "faults"];

/// Index of the panel's first line, if the panel is complete.
fn panel(rows: &[Row]) -> Option<usize> {
    let title = |text: &str| text.get(..8).map(|title| title.trim().to_owned());
    rows.windows(1 + PANEL.len())
        .position(|rows| rows[1..].iter().zip(PANEL).all(|(row, name)| title(&row.text).as_deref() == Some(name)))
}

#[test]
fn a_terminal_shows_panel_table_and_verdict_each_once() {
    for (lines, columns) in [(24, 80), (40, 120)] {
        let terminal = Terminal::start(lines, columns, &["demo", "--for", "8s", "--scale", "0.03", "--set", ANY_PORT]);
        let rows = terminal.until("the panel shows an address and people", |rows| {
            panel(rows).is_some_and(|at| rows[at].text.contains("http://") && rows[at + 1].text.contains(" people ("))
        });
        assert!(rows.len() <= usize::from(lines), "the panel is drawn in one place: {rows:#?}");
        let (code, rows) = terminal.ended();
        assert_eq!(code, Some(0), "{rows:#?}");
        let at = panel(&rows).unwrap_or_else(|| panic!("no panel: {rows:#?}"));
        assert!(panel(&rows[at + 1..]).is_none(), "two panels: {rows:#?}");
        let table = &rows[at + 1 + PANEL.len()..];
        assert!(table.iter().all(|row| !row.is_wrapped), "a line is too long: {table:#?}");
        assert!(table[0].text.is_empty() && table[1].text.starts_with("family "), "{table:#?}");
        let families = table[2..].iter().take_while(|row| row.text.starts_with("pacemeter_")).count();
        let [empty, summary, verdict] = &table[2 + families..] else { panic!("{table:#?}") };
        assert!(empty.text.is_empty() && summary.text.starts_with("at 20"), "{table:#?}");
        assert!(families > 50, "{table:#?}");
        assert!(verdict.text.ends_with(&format!(" series of {families} families: all equal")), "{table:#?}");
    }
}

/// Net pesos of the week that contains the instant before a cut, after all records of the demo that are in the cut: the
/// producer's timestamps may be an hour ahead, so those of the hour after it are.
fn net_pesos(programme: &mut LiveProgramme, oracle: &mut Oracle, at: Timestamp) -> i128 {
    for emission in programme.advance_to(at + HOUR) {
        oracle.record(emission.stream, emission.partition, emission.sent);
    }
    let figures = oracle.figures(at - 1).0;
    let week = figures.iter().filter(|(series, _)| series.starts_with("pacemeter_week_net_pesos{"));
    week.map(|(_, thousandths)| thousandths / 10).sum()
}

/// Cuts are those of the simulated past, as if they had been taken then.
#[test]
fn cuts_of_the_history_have_the_figures_of_their_time() {
    let state = tempdir().expect("a temporary directory");
    let monday = week_start(Clock::wall().now());
    let mut demo = Pacemeter::start_demo(&state, &["--scale", "0.05", "--seed", "7"], &[]);
    let cuts = demo.until("the cuts until Monday 18:00 are taken", |demo| {
        let cuts: Value = serde_json::from_str(&demo.get("/api/v1/cuts?limit=100").body).expect("JSON");
        let mut cuts = cuts["cuts"].as_array().cloned().unwrap_or_default();
        cuts.reverse();
        cuts.iter().position(|cut| cut["at_ms"] == (monday + 18 * HOUR).as_millis()).map(|last| cuts[..=last].to_vec())
    });
    assert!(cuts.len() >= 8, "midnights from Thursday to Monday, and 18:00 of working days: {cuts:#?}");
    let options = LiveOptions::of(7, 0.05, PartitionCounts::each(6), monday);
    let (mut programme, mut oracle) = (LiveProgramme::new(options), Oracle::new(OracleRules::default()));
    for cut in &cuts {
        let at = Timestamp::from_millis(cut["at_ms"].as_i64().expect("an instant"));
        let expected = net_pesos(&mut programme, &mut oracle, at);
        let answer = demo.get(&format!("/api/v1/cuts/{}", cut["id"].as_str().expect("an id"))).body;
        let cut: Value = serde_json::from_str(&answer).expect("JSON");
        let targets = cut["targets"].as_array().expect("targets");
        let pesos = targets.iter().find(|target| target["target"] == "weekly_pesos").expect("the target");
        assert!(expected > 0 || at < monday - 3 * DAY || at >= monday, "{cut}");
        let pesos = pesos["actual"].as_str().and_then(|pesos| pesos.parse::<f64>().ok()).or(pesos["actual"].as_f64());
        assert_eq!(pesos.map(|pesos| (pesos * 100.0).round() as i128), Some(expected), "{cut}");
    }
    let printed = run(&["cut", "--address", demo.address()], &[]);
    assert!(printed.code == Some(0) && printed.stdout.contains("weekly_pesos"), "{}{}", printed.stdout, printed.stderr);
    assert_cuts_and_periods_have_names(&demo, cuts.last().expect("a cut"));
    // Its cuts are provisional, but every record comes in time.
    assert_eq!(demo.events("pacemeter.cut.late"), Vec::<Value>::new());
    let ended = demo.stop();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with(": all equal\n"), "{}", ended.stdout);
}

/// A cut is found by its time in the programme's zone, a period by its relation to now, and the process by its name.
fn assert_cuts_and_periods_have_names(demo: &Pacemeter, cut: &Value) {
    let address = demo.address().replace("127.0.0.1", "localhost");
    let (id, at) = (cut["id"].as_str().expect("an id"), cut["at"].as_str().expect("a time"));
    let printed = run(&["cut", &at[..16], "--address", &address], &[]);
    assert!(printed.code == Some(0) && !printed.stdout.contains("nearest"), "{}{}", printed.stdout, printed.stderr);
    assert!(printed.stdout.starts_with(&format!("cut {id} of {at}\n")), "{}", printed.stdout);
    let nearest = run(&["cut", "2000-01-01", "--csv", "--address", &address], &[]);
    assert!(nearest.stderr.contains("nearest to 2000-01-02T00:00:00-06:00"), "{}", nearest.stderr);
    assert!(nearest.code == Some(0) && nearest.stdout.starts_with("cut,period,id,"), "{}", nearest.stdout);
    let listed = run(&["cut", "--list", "--address", &address], &[]);
    assert!(listed.stdout.lines().any(|line| line.starts_with(id)), "{}{}", listed.stdout, listed.stderr);
    let csv = run(&["period", "last-week", "--by", "state", "--csv", "--address", &address], &[]);
    assert!(csv.code == Some(0) && csv.stdout.starts_with("period,id,scope,"), "{}{}", csv.stdout, csv.stderr);
    assert!(csv.stdout.contains(",state,") && csv.stdout.contains(",all,,,"), "{}", csv.stdout);
}

#[test]
fn a_live_demo_serves_a_history_and_goes_on_until_ctrl_c() {
    let state = tempdir().expect("a temporary directory");
    // A Tuesday, 11:00 in central Mexico, when offices are open.
    let tuesday = Timestamp::from_millis(1_795_413_600_000) + 35 * HOUR;
    let clock = format!("{}@{}x1", tuesday.as_millis(), Clock::wall().now().as_millis());
    let mut demo =
        Pacemeter::start_demo(&state, &["--live", "--scale", "0.1"], &[("PACEMETER_TEST_CLOCK", clock.as_str())]);
    demo.until("the history is there", |demo| demo.printed().contains("\nhttp://127.0.0.1:").then_some(()));
    demo.wait_ready();
    demo.until("the history is read", |demo| {
        let week = demo.scrape().value("pacemeter_target_previous_actual", &[("target", "weekly_beneficiaries")]);
        week.filter(|&people| people > 5_000.0)
    });
    let first = demo.scrape();
    let now = first.value("pacemeter_time_seconds", &[]).expect("a time");
    assert!((now - tuesday.as_seconds()).abs() < 120.0, "{now}");
    assert_promtool_is_quiet(&demo.get("/metrics").body);
    let records = |demo: &Pacemeter| demo.scrape().all("pacemeter_records_total").map(|(_, value)| value).sum::<f64>();
    let before = records(&demo);
    demo.until("figures go on", |demo| (records(demo) > before).then_some(()));
    let later = demo.scrape().value("pacemeter_time_seconds", &[]).expect("a time");
    assert!(later > now && later < now + 120.0, "{now} and {later}");
    let ended = demo.end(libc::SIGINT);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with(": all equal\n"), "{}", ended.stdout);
}

#[test]
fn a_port_in_use_is_told_with_the_one_taken_instead() {
    // Another demo may hold it instead, which is as well.
    let _held = std::net::TcpListener::bind("127.0.0.1:9464");
    let output = child_command(&["demo", "--for", "1s", "--scale", "0.01"]).stdin(Stdio::null()).output();
    let output = output.expect("the program starts");
    let printed = String::from_utf8(output.stdout).expect("text");
    let first = printed.lines().next().expect("a line");
    let told = first.strip_prefix("127.0.0.1:9464 is in use, so the figures are at http://127.0.0.1:");
    let port = told.and_then(|rest| rest.strip_suffix("/metrics")).expect(first);
    assert!(printed.contains(&format!("pacemeter targets --address 127.0.0.1:{port}\n")), "{printed}");
}

#[test]
fn standard_error_of_the_demo_is_the_log_alone() {
    let settings = ["log.level=info", "log.format=json", ANY_PORT].map(str::to_owned);
    let ended = run(&["demo", "--for", "2s", "--scale", "0.01"], &settings);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.lines().count() > 3, "{}", ended.stderr);
    for line in ended.stderr.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line["event"].is_string()), "{line}");
    }
}

/// The whole story, as its figures are exact at full size only. A build without optimisation would take minutes.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes four minutes of CPU time without optimisation")]
fn the_story_of_2020_ends_with_its_public_figures() {
    let started = Instant::now();
    // It takes longer than other tests let a program run.
    let output = child_command(&["demo", "--story", "2020", "--set", ANY_PORT]).stdin(Stdio::null()).output();
    let output = output.expect("the program starts");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let (compared, told) = printed.split_once("\npublic figure ").expect("the public figures come last");
    assert!(compared.contains(" families: all equal\n"), "{compared}");
    for (name, figure) in [
        ("pesos paid", "9,232,000,000"),
        ("supports of 25,000 pesos", "369,280"),
        ("credits to domestic workers", "5,759"),
        ("contacts handled", "1,263,000"),
        ("agents at home", "1,900"),
        ("businesses in the online market", "3,660"),
        ("goal of the week, in people", "100,000"),
        ("hours of the regional meeting", "130"),
        ("remote participants in it", "220"),
        ("agreements of it", "837"),
    ] {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {told}"));
        let last_cut = if line.contains(" - ") { 1 } else { 0 };
        assert_eq!(line.matches(figure).count() + last_cut, 3 + usize::from(name.contains(figure)), "{line}");
        assert!(line.ends_with("  equal"), "{line}");
    }
    assert!(!told.contains("DIFFERS") && told.contains("--keep, http://127.0.0.1:"), "{told}");
    // Two minutes on two free cores; other tests run beside it.
    assert!(started.elapsed().as_secs() < 600, "{:?}", started.elapsed());
}

/// The reader ends first behind `| head -1`.
#[test]
fn a_closed_standard_output_ends_commands_quietly_with_141() {
    for arguments in [
        &["demo", "--scale", "0.01", "--set", ANY_PORT][..],
        &["--help"],
        &["--version"],
        &["run", "--print-config"],
        &["completions", "bash"],
    ] {
        let started = Instant::now();
        let mut child = child_command(arguments)
            .stdin(Stdio::null())
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut log = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        let status = child.wait().expect("it is our child");
        assert_eq!((status.code(), log.as_str()), (Some(141), ""), "{arguments:?}");
        assert!(started.elapsed().as_secs() < 30, "{arguments:?}");
    }
}

/// Both outputs are one pipe, as in `2>&1 | head -1`.
#[test]
fn closed_outputs_are_no_bug() {
    let status = child_command(&["demo", "--scale", "0.01", "--set", ANY_PORT, "--set", "log.level=info"])
        .stdin(Stdio::null())
        .stdout(closed_pipe())
        .stderr(closed_pipe())
        .status();
    assert_eq!(status.expect("the program starts").code(), Some(141));
}

/// The writing end of a pipe whose reader is gone.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}
