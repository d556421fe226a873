//! `targets --watch` and `status --watch`: on a terminal, in a pipe, and while the server is away.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use tempfile::tempdir;

use crate::program::{Pacemeter, child_command, run};
use crate::terminal::{Row, Terminal};

/// Number of rows that contain a text.
fn with(rows: &[Row], text: &str) -> usize {
    rows.iter().filter(|row| row.text.contains(text)).count()
}

#[test]
fn watch_redraws_in_place_and_outlives_the_server() {
    let state = tempdir().expect("a temporary directory");
    let mut demo = Pacemeter::start_demo(&state, &["--scale", "0.05", "--seed", "7"], &[]);
    demo.until("there are figures", |demo| (demo.get("/api/v1/targets").status == 200).then_some(()));
    let address = demo.address().to_owned();
    let targets = Terminal::start(50, 100, &["targets", "--watch", "--address", &address]);
    let status = Terminal::start(50, 100, &["status", "--watch", "--address", &address]);
    let first = targets.until("the targets are there", |rows| with(rows, "weekly_beneficiaries: ") == 1)[0].clone();
    targets.until("they are drawn again", |rows| rows.first().is_some_and(|row| *row != first));
    status.until("the partitions are there", |rows| with(rows, "all 18 partitions") == 1);
    for terminal in [&targets, &status] {
        let rows = terminal.rows();
        assert!(rows.len() <= 50, "one table is drawn over the other: {rows:#?}");
        assert!(rows.iter().all(|row| !row.is_wrapped), "{rows:#?}");
    }
    demo.kill();
    for terminal in [targets, status] {
        let rows = terminal.until("it says that the server is away", |rows| with(rows, "trying again") == 1);
        assert!(with(&rows, "no response from pacemeter at") == 1 && with(&rows, "last answer:") == 1, "{rows:#?}");
        terminal.interrupt();
        let (code, rows) = terminal.ended();
        assert_eq!(code, Some(0), "{rows:#?}");
        assert!(with(&rows, "trying again") == 1 && rows.len() <= 50, "the last table stays: {rows:#?}");
    }
}

#[test]
fn watch_in_a_pipe_prints_plain_tables() {
    let state = tempdir().expect("a temporary directory");
    let mut demo = Pacemeter::start_demo(&state, &["--scale", "0.02"], &[]);
    demo.until("there are figures", |demo| (demo.get("/api/v1/targets").status == 200).then_some(()));
    let once = run(&["status", "--address", demo.address()], &[]);
    assert!(once.code == Some(0) && once.stdout.starts_with("pacemeter "), "{}{}", once.stdout, once.stderr);
    let json = run(&["status", "--json", "--address", demo.address()], &[]);
    assert!(json.stdout.starts_with('{') && json.stdout.contains("\"partitions\":"), "{}", json.stdout);
    let mut command = child_command(&["status", "--watch", "--address", demo.address()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let (mut heads, mut plain) = (0, true);
    for line in lines {
        heads += usize::from(line.starts_with("pacemeter "));
        plain &= line.is_ascii() && !line.contains('\u{1b}');
        if heads == 3 {
            break;
        }
    }
    assert!(plain, "no colours and no cursor in a pipe");
    // The reader is gone now, as with `| head`.
    let started = std::time::Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status.code();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(code, Some(141));
}
