//! The settings `log.*`.

use tracing::Level;

use super::{LEVELS, level_name};
use crate::settings::{SettingsReader, redacted_word};

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, else JSON.
    Auto,
    /// JSON objects.
    Json,
    /// JSON objects, each behind the priority of its level (systemd's `sd-daemon(3)`).
    Journal,
    /// Text for people.
    Text,
}

/// Colours of the text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Colours everywhere.
    Always,
    /// No colours.
    Never,
}

/// Values of the setting `log.format`.
pub const FORMATS: [(&str, Format); 4] =
    [("auto", Format::Auto), ("json", Format::Json), ("text", Format::Text), ("journal", Format::Journal)];

/// The settings `log.*`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Least severe level that is written.
    pub level: Level,
    /// Form of the lines.
    pub format: Format,
    /// Colours of the text form.
    pub colour: Colour,
    /// Number of lines that an event name may write at once.
    pub burst: u32,
    /// Number of lines per second that an event name may write after a burst.
    pub per_second: u32,
}

impl Settings {
    /// Settings of tests that write no log.
    #[cfg(test)]
    pub(crate) const OF_TESTS: Self =
        Self { level: Level::INFO, format: Format::Auto, colour: Colour::Auto, burst: 1, per_second: 1 };

    /// Reads the settings and leaves faults in the reader.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let level = reader.string("log.level");
        let level = LEVELS.into_iter().find(|known| level_name(*known) == level).unwrap_or_else(|| {
            reader.fault(
                "log.level",
                format_args!("{:?} is not a level; use error, warn, info or debug", redacted_word(&level)),
            );
            Level::INFO
        });
        const COLOURS: [(&str, Colour); 3] =
            [("auto", Colour::Auto), ("always", Colour::Always), ("never", Colour::Never)];
        let format = choice(reader, "log.format", "a format; use auto, json, text or journal", FORMATS);
        let colour = choice(reader, "log.color", "a choice; use auto, always or never", COLOURS);
        let mut lines = |key| u32::try_from(reader.integer(key, 1..=1_000_000)).unwrap_or(u32::MAX);
        Self { level, format, colour, burst: lines("log.burst"), per_second: lines("log.per_second") }
    }
}

/// Reads a setting of one of the `choices`, of which the first stands in for a faulty one.
fn choice<T: Copy, const N: usize>(
    reader: &mut SettingsReader,
    key: &'static str,
    expected: &str,
    choices: [(&str, T); N],
) -> T {
    let text = reader.string(key);
    let known = choices.iter().find(|(name, _)| *name == text);
    known
        .unwrap_or_else(|| {
            reader.fault(key, format_args!("{:?} is not {expected}", redacted_word(&text)));
            &choices[0]
        })
        .1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Layers;

    fn reader(overrides: &[&str]) -> SettingsReader {
        SettingsReader::load(&Layers {
            overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
            ..Layers::default()
        })
    }

    #[test]
    fn the_built_in_defaults_hold() {
        let mut reader = reader(&[]);
        let settings = Settings::read(&mut reader);
        reader.finish().unwrap();
        assert_eq!(
            (settings.level, settings.format, settings.colour, settings.burst, settings.per_second),
            (Level::INFO, Format::Auto, Colour::Auto, 20, 1)
        );
    }

    #[test]
    fn all_faults_are_reported_together() {
        let mut reader =
            reader(&["log.level=loud", "log.format=xml", "log.color=red", "log.burst=0", "log.per_second=2"]);
        let settings = Settings::read(&mut reader);
        assert_eq!(
            (settings.level, settings.format, settings.burst, settings.per_second),
            (Level::INFO, Format::Auto, 20, 2)
        );
        let faults = reader.finish().unwrap_err().to_string();
        for key in ["log.level", "log.format", "log.color", "log.burst"] {
            assert!(faults.contains(key), "{key} in {faults}");
        }
    }
}
