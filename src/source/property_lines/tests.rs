//! Files of properties: literal values, one place for each property, and faults with file and line but without the line.

use super::*;
use crate::settings::Layers;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// Result of reading files with these texts, in this order, and further settings.
struct Outcome {
    settings: Settings,
    faults: Vec<String>,
    exposures: Vec<String>,
    shown: String,
}

fn read_files(directory: &TempDir, files: &[(&str, &str, u32)], overrides: &[&str]) -> Outcome {
    let paths: Vec<String> = files
        .iter()
        .map(|(name, text, mode)| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect();
    let mut layers = Layers { overrides: vec![format!("kafka.properties_files={paths:?}")], ..Layers::default() };
    layers.overrides.extend(overrides.iter().map(ToString::to_string));
    let mut reader = SettingsReader::load(&layers);
    let settings = Settings::read(&mut reader);
    let exposures = reader.exposures().iter().map(ToString::to_string).collect();
    let shown = format!("{}{:?}", reader.effective(), reader.changed());
    let faults = reader.finish().err().unwrap_or_default().iter().map(ToString::to_string).collect();
    Outcome { settings, faults, exposures, shown }
}

fn read(text: &str) -> Outcome {
    read_files(&tempfile::tempdir().unwrap(), &[("kafka.properties", text, 0o600)], &[])
}

#[test]
fn values_are_taken_as_they_stand() {
    let text =
        "# a comment\r\n! another\n\n  sasl.username = pacemeter \r\nsasl.password=a=b#c\\:d\"e\\\nclient.rack=\n";
    let read = read(text);
    assert_eq!(read.faults, [""; 0]);
    let value = |name: &str| read.settings.properties.get(name).map(String::as_str);
    assert_eq!(value("sasl.username"), Some("pacemeter"));
    assert_eq!(value("sasl.password"), Some("a=b#c\\:d\"e\\"));
    assert_eq!(value("client.rack"), Some(""));
    assert_eq!(read.settings.properties.len(), 3);
}

#[test]
fn faults_name_file_and_line_and_repeat_no_line() {
    for (line, told) in [
        ("hunter2", "kafka.properties:2: has no =; write name=value"),
        ("hunter2=", "kafka.properties:2: is no property of the kafka client"),
        ("=hunter2", "kafka.properties:2: has no name before the ="),
        ("sasl.password='hunter2'", "kafka.properties:2: has a value in quotes"),
        ("sasl.pasword=hunter2", "kafka.properties:2): is no property of the kafka client"),
        ("auto.offset.reset=latest", "kafka.properties:2): is not for you to set"),
        ("metadata.broker.list=hunter2:1", "kafka.properties:2): takes effect as bootstrap.servers"),
        ("plugin.library.paths=hunter2", "kafka.properties:2): is not for you to set: a library would be loaded"),
        ("security.protocol=hunter2", "kafka.properties:2): is refused by the kafka client"),
        ("sasl.jaas.config=x password=hunter2", "kafka.properties:2): is refused by the kafka client"),
    ] {
        let read = read(&format!("# our passwords\n{line}\n"));
        assert!(read.faults.len() == 1 && read.faults[0].contains(told), "{line}: {:?}", read.faults);
        let is_word = line.starts_with("security.protocol");
        assert!(is_word || !read.faults[0].contains("hunter2"), "{line}: {:?}", read.faults);
        assert!(!read.shown.contains("hunter2") && read.shown.contains("/kafka.properties"), "{}", read.shown);
    }
}

#[test]
fn a_property_stands_in_one_place() {
    let directory = tempfile::tempdir().unwrap();
    let files = [("one", "linger.ms=5\nlinger.ms=6\n", 0o600), ("two", "linger.ms=7\nclient.rack=a\n", 0o600)];
    let read = read_files(&directory, &files, &["kafka.properties.client.rack=b"]);
    let told =
        ["one:2): is set in ", "two:1): is set in ", "two:2): is set in kafka.properties too, with another value"];
    assert_eq!(read.faults.len(), told.len(), "{:?}", read.faults);
    for (fault, told) in read.faults.iter().zip(told) {
        assert!(fault.contains(told), "no {told:?} in {fault}");
    }
    assert!(read.faults[1].contains("/one:1 too"), "{:?}", read.faults);
    let same = [("one", "linger.ms=5\nqueue.buffering.max.ms=6\n", 0o600), ("two", "linger.ms=5\n", 0o600)];
    let read = read_files(&directory, &same, &[]);
    assert!(read.faults.len() == 1 && read.faults[0].contains("under another name"), "{:?}", read.faults);
}

#[test]
fn a_file_with_secrets_is_for_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        (0o600, false, 0),
        (0o400, false, 0),
        (0o440, false, 1),
        (0o640, false, 1),
        (0o644, true, 0),
        (0o660, true, 0),
        (0o602, true, 0),
    ];
    for (mode, is_refused, exposures) in cases {
        let read = read_files(&directory, &[("secret", "sasl.password=hunter2\n", mode)], &[]);
        let shown = format!("{mode:o}: {:?} {:?}", read.faults, read.exposures);
        assert_eq!((read.faults.len(), read.exposures.len()), (usize::from(is_refused), exposures), "{shown}");
        assert!(read.faults.iter().all(|fault| fault.contains("chmod 600 ")), "{shown}");
        assert!(read.exposures.iter().all(|exposure| exposure.contains("sasl.password, and mode")), "{shown}");
        fs::remove_file(directory.path().join("secret")).unwrap();
    }
    let public = read_files(&directory, &[("public", "security.protocol=SSL\n", 0o644)], &[]);
    assert_eq!((public.faults, public.exposures), (Vec::new(), Vec::new()));
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let large = format!("#{}\n", "x".repeat(MAX_BYTES));
    let read = read_files(&directory, &[("large", &large, 0o600)], &[]);
    assert!(
        read.faults.len() == 1 && read.faults[0].contains("large: is larger than 65536 bytes"),
        "{:?}",
        read.faults
    );
    let missing = directory.path().join("missing");
    let read = read_files(&directory, &[], &[&format!("kafka.properties_files=['{}']", missing.display())]);
    assert!(read.faults.len() == 1 && read.faults[0].contains("missing: cannot be read"), "{:?}", read.faults);
}

#[test]
fn files_named_in_a_file_are_checked_too() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("ssl.key.location={}\n", directory.path().display());
    let path = directory.path().join("kafka.properties");
    fs::write(&path, text).unwrap();
    let overrides = vec![format!("kafka.properties_files=['{}']", path.display())];
    let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
    let settings = Settings::read(&mut reader);
    settings.check_files(&mut reader);
    let faults: Vec<String> = reader.finish().err().unwrap_or_default().iter().map(ToString::to_string).collect();
    assert!(
        faults.iter().any(|fault| fault.contains("kafka.properties:1): names") && fault.contains("not a regular file")),
        "{faults:?}"
    );
}
