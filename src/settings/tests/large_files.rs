//! Files of many faults, and keys of any length.

use super::*;

#[test]
fn a_file_of_unknown_settings_is_read_in_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.toml");
    let lines = |line: &dyn Fn(usize) -> String| (0..60_000).map(line).collect::<String>();
    let texts = [
        lines(&|index| format!("[kafka{index}]\n")),
        lines(&|index| format!("setting{index} = 1\n")),
        format!("[kafka.properties]\n{}", lines(&|index| format!("a{index} = []\n"))),
        format!("[kafka.properties.{}]\n{}", "x".repeat(200_000), lines(&|index| format!("a{index} = 1\n"))),
    ];
    for text in texts {
        std::fs::write(&path, &text).unwrap();
        let started = std::time::Instant::now();
        let mut reader = SettingsReader::load(&Layers { files: vec![path.clone()], ..Layers::default() });
        reader.properties("kafka.properties");
        let faults = reader.finish().unwrap_err();
        let took = started.elapsed();
        let start: String = text.chars().take(60).collect();
        assert!(faults.iter().count() <= 20 && took < std::time::Duration::from_secs(20), "{took:?} {start}");
    }
}

#[test]
fn keys_have_a_maximum_length_and_depth() {
    let fault = |text: &str| tree::parse(text).err().map(|fault| (fault.message, fault.line));
    assert_eq!(fault(&format!("a = 1\n{} = 1", "b".repeat(200))), None);
    let long = fault(&format!("a = 1\n{} = 1", "b".repeat(201)));
    assert_eq!(long, Some(("has a key of more than 200 bytes; shorten it".to_owned(), Some(2))));
    assert_eq!(fault(&format!("a = {}{}", "[".repeat(19), "]".repeat(19))), None);
    for text in [format!("a = {}{}", "[".repeat(30), "]".repeat(30)), format!("a{} = 1", ".b".repeat(30))] {
        let deep = fault(&text).expect("it is too deep");
        assert!(deep.0.starts_with("has more than 20 tables and lists") && deep.1 == Some(1), "{deep:?}");
    }
}
