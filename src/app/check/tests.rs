use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

use super::*;
use crate::settings::Layers;

/// Lists of one value each, so that no list is empty.
const LISTS: [&str; 5] = [
    "labels.programmes=['p']",
    "labels.queues=['q']",
    "labels.sites=['s']",
    "labels.initiatives=['i']",
    "labels.milestones=['m']",
];

/// Reader of settings with this state directory, and these further ones.
fn reader(state: &Path, more: &[&str]) -> SettingsReader {
    let own = ["kafka.bootstrap_servers='127.0.0.1:1'".to_owned(), format!("state.directory={state:?}")];
    let overrides = own.into_iter().chain(more.iter().map(|&text| text.to_owned())).collect();
    SettingsReader::load(&Layers { overrides, ..Layers::default() })
}

fn warnings(reader: SettingsReader, now: &str) -> Result<Vec<String>, Failure> {
    check_files(reader, &Clock::manual(now.parse().unwrap())).map(|(_, report)| report.warnings)
}

#[test]
fn holidays_of_next_year_are_a_warning_until_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("targets.toml");
    std::fs::write(&file, "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\ncalendar = 'payments'\n")
        .unwrap();
    let files = format!("targets.files={:?}", [&file]);
    let at = |now: &str| warnings(reader(dir.path(), &[&LISTS[..], &[&files]].concat()), now);
    assert_eq!(at("2026-10-31T12:00:00Z").unwrap(), [""; 0]);
    let warned = at("2026-11-27T12:00:00Z").unwrap().join("\n");
    assert!(warned.starts_with("warning: calendar.payments") && warned.contains("not for 2027"), "{warned}");
    let failure = at("2027-01-01T12:00:00Z").unwrap_err();
    assert_eq!(failure.exit, Exit::Configuration);
    assert!(failure.message.contains("not for 2027, whose holidays are presumed by rule"), "{}", failure.message);
}

#[test]
fn empty_allowlists_are_one_warning_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let with = |lists: &[&str]| warnings(reader(dir.path(), lists), "2026-10-31T12:00:00Z").unwrap();
    let end = "list the values to show by name, or [\"other\"] if that is meant";
    assert_eq!(
        with(&LISTS[..3]),
        [format!(
            "warning: labels.initiatives, labels.milestones are empty, so every value of these labels is shown as other; {end}"
        )]
    );
    let one = with(&[&LISTS[..4], &["labels.milestones=[]"]].concat());
    assert_eq!(
        one,
        [format!("warning: labels.milestones is empty, so every value of its label is shown as other; {end}")]
    );
    assert_eq!(with(&[&LISTS[..4], &["labels.milestones=['other']"]].concat()), [""; 0]);
}

#[test]
fn offline_no_broker_is_asked_and_the_report_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = format!("kafka.bootstrap_servers={:?}", listener.local_addr().unwrap().to_string());
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2026-10-31T12:00:00Z".parse().unwrap());
    let report = check(reader(dir.path(), &[&LISTS[..], &[&server]].concat()), &clock, true).unwrap();
    assert_eq!(
        report.to_string(),
        "settings: valid\ntargets: 0, calendars: 3\nkafka: not asked (--offline); topics and rights are unchecked\n"
    );
    assert_eq!(report.deny_warnings(), Ok(()));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn offline_the_clients_still_refuse_their_properties() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = dir.path().join("ca.pem");
    std::fs::write(&certificate, "no certificate").unwrap();
    let location = format!("kafka.properties.ssl.ca.location={certificate:?}");
    let settings = [&LISTS[..], &[&location, "kafka.properties.security.protocol=ssl"]].concat();
    let clock = Clock::manual("2026-10-31T12:00:00Z".parse().unwrap());
    let failure = check(reader(dir.path(), &settings), &clock, true).unwrap_err();
    assert!(failure.exit == Exit::Configuration && failure.message.contains("ssl.ca.location failed"), "{failure:?}");
}

#[test]
fn denied_warnings_end_with_78_and_their_number() {
    let report = |count: usize| CheckReport { lines: Vec::new(), warnings: vec!["warning: w".to_owned(); count] };
    assert_eq!(report(0).deny_warnings(), Ok(()));
    for (count, said) in
        [(1, "--deny-warnings denies 1 warning; do what it says"), (2, "--deny-warnings denies 2 warnings; do")]
    {
        let failure = report(count).deny_warnings().unwrap_err();
        assert!(failure.exit == Exit::Configuration && failure.message.starts_with(said), "{failure:?}");
    }
}
