//! Commands of docs/logs.md, run as they stand there on the log of a demo, and the priorities of the journal.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pacemeter::clock::Clock;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::program::{child_command, run};
use crate::terminal::Terminal;
use crate::tidy::root;

/// Command between fences that are marked with its name.
struct Recipe {
    name: String,
    command: String,
}

/// Reads the recipes from the page.
fn recipes() -> Vec<Recipe> {
    let page = fs::read_to_string(root().join("docs/logs.md")).expect("the page");
    let mut recipes = Vec::new();
    for fence in page.split("\n```sh").skip(1) {
        let (mark, rest) = fence.split_once('\n').expect("a line");
        let name = mark.strip_prefix(" run=").unwrap_or_else(|| panic!("a command without a name: {rest}"));
        let (command, _) = rest.split_once("\n```").expect("the end of a fence");
        recipes.push(Recipe { name: name.to_owned(), command: command.to_owned() });
    }
    recipes
}

/// Directory in which recipes run: the log, its journal, and `deploy/`.
struct Workplace {
    directory: TempDir,
    lines: Vec<Value>,
}

impl Workplace {
    fn new() -> Self {
        let directory = tempdir().expect("a temporary directory");
        let settings = ["log.level=info", "log.format=journal", "http.listen=127.0.0.1:0"].map(str::to_owned);
        let ended = run(&["demo", "--for", "15s", "--scale", "0.05"], &settings);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        let entries: Vec<(&str, &str)> = ended.stderr.lines().map(priority_and_text).collect();
        let log: String = entries.iter().map(|(_, text)| format!("{text}\n")).collect();
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        for ((priority, _), line) in entries.iter().zip(&lines) {
            let expected = [("error", "3"), ("warn", "4"), ("info", "6"), ("debug", "7")];
            assert!(expected.contains(&(line["level"].as_str().expect("a level"), *priority)), "<{priority}>{line}");
        }
        let workplace = Self { directory, lines };
        fs::write(workplace.path("pacemeter.log"), log).expect("a file");
        symlink(root().join("deploy"), workplace.path("deploy")).expect("a link");
        fs::create_dir(workplace.path("home")).expect("a directory");
        workplace.make_journal(&entries);
        workplace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the lines as the journal of a unit, and a `journalctl` that reads it.
    fn make_journal(&self, entries: &[(&str, &str)]) {
        let now = Clock::wall().now().as_millis() * 1_000;
        let entry = |(number, (priority, text)): (usize, &(&str, &str))| {
            let (time, number) = (now + number as i64, number + 1);
            format!(
                "__CURSOR=s=1;i={number:x};b=2;m={number:x};t={time:x};x={number:x}\n__REALTIME_TIMESTAMP={time}\n\
                 __MONOTONIC_TIMESTAMP={number}\n_BOOT_ID=00000000000000000000000000000002\n\
                 _MACHINE_ID=00000000000000000000000000000003\nPRIORITY={priority}\n_TRANSPORT=stdout\n\
                 SYSLOG_IDENTIFIER=pacemeter\n_SYSTEMD_UNIT=pacemeter.service\nMESSAGE={text}\n\n"
            )
        };
        let export: String = entries.iter().enumerate().map(entry).collect();
        fs::write(self.path("pacemeter.export"), export).expect("a file");
        let remote = ["/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"];
        let remote = remote.iter().find(|path| Path::new(path).exists());
        let remote = remote.expect("systemd-journal-remote is missing; scripts/test installs it");
        let made = Command::new(remote)
            .args(["-o", "pacemeter.journal", "pacemeter.export"])
            .current_dir(self.directory.path())
            .output();
        let made = made.expect("it starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let real = Command::new("sh").args(["-c", "command -v journalctl"]).output().expect("a shell").stdout;
        let real = String::from_utf8(real).expect("a path");
        assert!(!real.is_empty(), "journalctl is missing; scripts/test installs it");
        fs::create_dir(self.path("bin")).expect("a directory");
        let script = format!(
            "#!/bin/sh\nexec {} --file '{}' \"$@\"\n",
            real.trim_end(),
            self.path("pacemeter.journal").display()
        );
        fs::write(self.path("bin/journalctl"), script).expect("a file");
        fs::set_permissions(self.path("bin/journalctl"), Permissions::from_mode(0o755)).expect("ours");
    }

    /// Runs a command of the page; returns its standard output.
    fn run(&self, command: &str) -> String {
        let path = std::env::var("PATH").expect("a path");
        let output = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", command])
            .current_dir(self.directory.path())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("home"))
            .env("TZ", "UTC")
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .output()
            .expect("bash starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {}: {stderr}", output.status);
        String::from_utf8(output.stdout).expect("text") + &stderr
    }

    fn events(&self, name: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["event"] == name).collect()
    }

    /// Rows of these fields of an event, as `@tsv` writes them; a field that is absent is a dash.
    fn rows(&self, event: &str, fields: &[&str]) -> Vec<String> {
        let cell = |line: &Value, field: &&str| match &line[field] {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            // jq writes a whole number without decimals.
            other => other.to_string().trim_end_matches(".0").to_owned(),
        };
        let row = |line: &&Value| fields.iter().map(|field| cell(line, field)).collect::<Vec<_>>().join("\t");
        self.events(event).iter().map(row).collect()
    }

    fn assert_right(&self, name: &str, printed: &str) {
        let printed_lines: Vec<&str> = printed.lines().collect();
        let set_aside = "pacemeter.record.set_aside";
        let closed = ["period", "target_name", "actual", "goal"];
        match name {
            "rejected" => {
                let expected = counted(self.rows(set_aside, &["topic", "reason", "field"]));
                let counts: Vec<(String, usize)> = printed_lines.iter().map(|line| count_and_rest(line)).collect();
                assert!(counts.is_sorted_by(|one, next| one.1 >= next.1), "{printed}");
                assert_eq!(counts.into_iter().collect::<BTreeMap<_, _>>(), expected);
            }
            "all-rejected" => {
                let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
                for line in self.events("pacemeter.records.rejected") {
                    let count = line["count"].as_u64().expect("a number");
                    *expected.entry(line["reason"].as_str().expect("a text")).or_default() += count;
                }
                assert_eq!(serde_json::from_str::<Value>(printed).expect("JSON"), json!(expected));
            }
            "closed" | "journal-closed" => {
                assert_eq!(printed_lines, self.rows("pacemeter.period.closed", &closed))
            }
            "statuses" => {
                let fields = ["timestamp", "target_name", "from", "to"];
                assert_eq!(printed_lines, self.rows("pacemeter.target.status", &fields));
            }
            "rates" => {
                assert_eq!(printed_lines.len(), self.events("pacemeter.summary").len());
                let cells: Vec<f64> =
                    printed_lines[0].split('\t').skip(1).map(|cell| cell.parse().expect(cell)).collect();
                assert!(matches!(cells[..], [applied, _, rate, _] if applied > 1_000.0 && rate > 10.0), "{printed}");
            }
            "partition" => {
                let is_of = |line: &&Value| line["topic"] == "pacemeter.disbursements.v1" && line["partition"] == 3;
                let expected: Vec<&Value> = self.lines.iter().filter(is_of).collect();
                let found: Vec<Value> =
                    printed_lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
                assert_eq!(found.iter().collect::<Vec<_>>(), expected);
            }
            "settings" => {
                assert!(printed_lines.contains(&"log.format = journal  # --set"), "{printed}");
                let targets = printed_lines.iter().find(|line| line.starts_with("targets.files = "));
                assert!(targets.is_some_and(|line| line.ends_with("demo.toml:4")), "{printed}");
            }
            "journal-warnings" => {
                let expected: Vec<_> =
                    self.lines.iter().filter(|line| line["level"] == "warn" || line["level"] == "error").collect();
                let found: Vec<&str> = printed_lines.iter().filter_map(|line| line.split('\t').nth(1)).collect();
                assert_eq!(
                    found,
                    expected.iter().map(|line| line["event"].as_str().expect("a name")).collect::<Vec<_>>()
                );
            }
            "ecs" | "otel" => {
                let pointer = match name {
                    "ecs" => "/event.action",
                    _ => "/resourceLogs/0/scopeLogs/0/logRecords/0/eventName",
                };
                let found: Vec<Value> =
                    printed_lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
                let names: Vec<_> = found.iter().map(|document| document.pointer(pointer)).collect();
                assert_eq!(names, self.lines.iter().map(|line| Some(&line["event"])).collect::<Vec<_>>());
            }
            _ => self.assert_lnav_is_right(name, printed),
        }
    }

    fn assert_lnav_is_right(&self, name: &str, printed: &str) {
        let is_head = |line: &&str| line.as_bytes().get(2) == Some(&b':') && line.as_bytes().get(5) == Some(&b':');
        let heads: Vec<&str> = printed.lines().filter(is_head).collect();
        let shown: Vec<&str> = heads.iter().filter_map(|line| line.split_whitespace().nth(2)).collect();
        let named = |line: &&Value| line["event"].as_str().expect("a name").to_owned();
        match name {
            "lnav-install" => assert!(printed.contains("pacemeter_log.json"), "{printed}"),
            "lnav-print" => {
                assert_eq!(shown, self.lines.iter().map(|line| named(&line)).collect::<Vec<_>>());
                assert!(heads.iter().any(|line| line.contains("  WARNING  pacemeter.record.set_aside ")), "{printed}");
                assert!(printed.contains("\n  reason: expired\n"), "{printed}");
            }
            "lnav-filter" => {
                let is_rejection = |line: &&Value| named(line).starts_with("pacemeter.record");
                assert_eq!(shown, self.lines.iter().filter(is_rejection).map(|line| named(&line)).collect::<Vec<_>>());
            }
            "lnav-sql" => {
                let expected = counted(self.rows("pacemeter.record.set_aside", &["reason", "field"]));
                let row = |line: &str| {
                    let cells: Vec<&str> = line.split_whitespace().collect();
                    let [reason, field, count] = cells[..] else { panic!("{line:?} has not three cells") };
                    (format!("{reason}\t{}", field.replace("<NULL>", "-")), count.parse().expect(count))
                };
                assert_eq!(printed.lines().skip(1).map(row).collect::<BTreeMap<_, usize>>(), expected);
            }
            other => panic!("nothing says what the command {other} of docs/logs.md prints"),
        }
    }
}

fn priority_and_text(line: &str) -> (&str, &str) {
    line.strip_prefix('<').and_then(|rest| rest.split_once('>')).unwrap_or_else(|| panic!("no priority: {line}"))
}

fn counted(rows: Vec<String>) -> BTreeMap<String, usize> {
    rows.into_iter().fold(BTreeMap::new(), |mut counts, row| {
        *counts.entry(row).or_default() += 1;
        counts
    })
}

/// Parses a line of `uniq -c`.
fn count_and_rest(line: &str) -> (String, usize) {
    let (count, rest) = line.trim_start().split_once(' ').expect("two columns");
    (rest.to_owned(), count.parse().expect(count))
}

#[test]
fn every_command_of_the_page_about_logs_gives_what_it_says() {
    let workplace = Workplace::new();
    for event in ["record.set_aside", "records.rejected", "period.closed", "target.status", "summary"] {
        assert!(!workplace.events(&format!("pacemeter.{event}")).is_empty(), "the demo has no {event}");
    }
    let recipes = recipes();
    assert!(recipes.len() >= 15, "{}", recipes.len());
    for Recipe { name, command } in recipes {
        let printed = workplace.run(&command);
        assert!(!printed.trim().is_empty(), "{name} prints nothing");
        workplace.assert_right(&name, &printed);
    }
}

#[test]
fn lines_have_priorities_where_standard_error_is_the_journal() {
    let directory = tempdir().expect("a temporary directory");
    for (is_stream, format, begins) in
        [(true, "auto", "<3>{\""), (true, "json", "<3>{\""), (false, "auto", "{\""), (false, "journal", "<3>{\"")]
    {
        let path = directory.path().join("stderr");
        let file = File::create(&path).expect("a file");
        let metadata = file.metadata().expect("ours");
        let stream = format!("{}:{}", metadata.dev(), metadata.ino() + u64::from(!is_stream));
        // An unknown setting ends the start, with one line.
        let format = format!("log.format={format}");
        let settings = ["--set", &format, "--set", "http.timeout_of_none=1"];
        let status = child_command(&[&["run"][..], &settings].concat())
            .env("JOURNAL_STREAM", stream)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(file))
            .status();
        assert_eq!(status.expect("the program starts").code(), Some(78));
        let log = fs::read_to_string(&path).expect("text");
        let last = log.lines().next_back().expect("a line");
        assert!(last.starts_with(begins) && last.contains("pacemeter.failed"), "{begins} in {log}");
    }
}

#[test]
fn colours_of_the_log_are_left_out_where_nobody_wants_them() {
    // An unknown setting ends the start, with one line.
    let usual = ["run", "--set", "http.timeout_of_none=1"];
    let colour = ["--set", "log.color=always"];
    for (variable, further, has_colours) in [
        (("TERM", "xterm"), &[][..], true),
        (("NO_COLOR", "1"), &[], false),
        (("NO_COLOR", ""), &[], true),
        (("TERM", "dumb"), &[], false),
        (("NO_COLOR", "1"), &colour, true),
    ] {
        let terminal = Terminal::start_with(24, 120, &[&usual[..], further].concat(), &[("TERM", "xterm"), variable]);
        terminal.until("it fails", |rows| rows.iter().any(|row| row.text.contains("ERROR")));
        assert_eq!(terminal.has_colours(), has_colours, "{variable:?} {further:?}");
    }
}

#[test]
fn the_form_of_the_log_is_an_option_above_settings() {
    let printed = run(&["run", "--print-config", "--log-format", "text"], &["log.format=json".to_owned()]);
    let line = printed
        .stdout
        .lines()
        .find(|line| line.starts_with("format = "))
        .unwrap_or_else(|| panic!("{}", printed.stdout));
    assert!(line.starts_with("format = \"text\"") && line.ends_with("--set"), "{line}");
    let failed = run(&["run", "--log-format", "text"], &["http.timeout_of_none=1".to_owned()]);
    assert!(failed.stderr.contains("  ERROR  failed "), "{}", failed.stderr);
}
