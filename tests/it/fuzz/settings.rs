//! Fuzzing of settings. A file of the corpus is a configuration file; each of its lines is also an environment variable
//! and a `--set`.

use pacemeter::app::Settings;
use pacemeter::settings::{Layers, SettingsReader};
use proptest::{prop_assert, prop_assert_eq};

use super::fuzz;

const WORDS: &[&str] = &[
    "\n",
    "[kafka]\n",
    "[labels]",
    "[[",
    "]]",
    "= ",
    "\"\"",
    "'''",
    "\"\"\"",
    "{ partition = 0, first_offset = 1, last_offset = 2 }",
    "9223372036854775807",
    "-1",
    "1e400",
    "nan",
    "true",
    "1979-05-27",
    "\"92d\"",
    "\"999999999999999999w\"",
    "kafka.properties.",
    "_",
    "__",
    ".",
    "\\u0000",
    "\u{feff}",
    "\r",
    "sasl.password=x",
];

#[test]
fn settings_are_read_or_refused_repeatably() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("settings.toml");
    fuzz("settings", 1_000, WORDS, |bytes| {
        std::fs::write(&file, bytes).expect("a file");
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('[')).take(8).collect();
        let variable = |line: &&str| {
            line.split_once('=').map(|(name, value)| (format!("PACEMETER_{}", name.trim()), value.trim().to_owned()))
        };
        let environment = lines.iter().filter_map(variable).collect();
        let overrides = lines.iter().map(|line| (*line).to_owned()).collect();
        let files = vec![file.clone()];
        let all = [
            Layers { files, ..Layers::default() },
            Layers { environment, ..Layers::default() },
            Layers { overrides, ..Layers::default() },
        ];
        for layers in all {
            let reader = SettingsReader::load(&layers);
            let result = reader.finish().map_err(|faults| faults.to_string());
            let (effective, changed) = (reader.effective(), reader.changed());
            prop_assert!(!effective.is_empty());
            let again = SettingsReader::load(&layers);
            prop_assert_eq!(&result, &again.finish().map_err(|faults| faults.to_string()));
            prop_assert_eq!((effective, changed), (again.effective(), again.changed()));
            match Settings::read(reader) {
                Ok(_) => prop_assert!(result.is_ok()),
                Err(failure) => {
                    let is_plain = |character: char| character == '\n' || !character.is_control();
                    prop_assert!(
                        !failure.message.is_empty() && failure.message.chars().all(is_plain),
                        "{:?}",
                        failure.message
                    );
                }
            }
        }
        Ok(())
    });
}
