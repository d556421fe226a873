//! Environment of the demo's pacemeter: its own settings under those of the user, and a directory that is removed
//! afterwards.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::embedded::{DEAD_LETTER_TOPIC, Embedded, TOPICS};
use crate::cli::DemoArgs;
use crate::runtime::{Exit, Failure};
use crate::settings::{Layers, SettingsReader};
use crate::simulate::LABELS;

/// The programme of 2020: what is simulated.
const TARGETS: &str = include_str!("../../../config/targets.toml");

/// Default address, unless it is taken or the user sets another.
const LISTEN: &str = "127.0.0.1:9464";

pub(super) struct DemoEnvironment {
    pub embedded: Embedded,
    layers: Layers,
    _directory: Directory,
}

impl DemoEnvironment {
    /// # Errors
    /// There is no directory to be had for temporary files.
    pub fn set(arguments: &DemoArgs, embedded: Embedded) -> Result<Self, Failure> {
        let directory = Directory::create()?;
        let file = directory.0.join("demo.toml");
        let free = TcpListener::bind(LISTEN).is_ok();
        let text = settings_text(if free { LISTEN } else { "127.0.0.1:0" }, &directory);
        let targets = directory.0.join("targets.toml");
        fs::write(&targets, TARGETS)
            .map_err(|error| Failure::from_io(format!("the file {}", targets.display()), &error))?;
        fs::write(&file, text).map_err(|error| Failure::from_io(format!("the file {}", file.display()), &error))?;
        let mut layers = arguments.settings.layers();
        layers.files.insert(0, file);
        // Those are for another Kafka.
        layers.environment.retain(|(name, _)| !name.starts_with("PACEMETER_KAFKA__"));
        layers.overrides.extend(fixed(&embedded.servers));
        Ok(Self { embedded, layers, _directory: directory })
    }

    /// The settings, afresh.
    pub fn reader(&self) -> SettingsReader {
        SettingsReader::load(&self.layers)
    }
}

/// Settings that the user may change. Rejected records are part of the programme; warnings about them would only
/// disturb the dashboard.
fn settings_text(listen: &str, directory: &Directory) -> String {
    let list = |names: &[&str]| serde_json::to_string(names).expect("names are JSON");
    let state = serde_json::to_string(&directory.0.join("state").to_string_lossy()).expect("a path is JSON");
    let targets = serde_json::to_string(&directory.0.join("targets.toml").to_string_lossy()).expect("a path is JSON");
    format!(
        "http.listen = \"{listen}\"\nstate.directory = {state}\nlog.level = \"error\"\ntargets.files = [{targets}]\ncuts.at = [\"18:00\"]\n\
         cuts.calendar = \"payments\"\n[labels]\nprogrammes = {}\nqueues = {}\nsites = {}\n\
         initiatives = {}\nmilestones = {}\n",
        list(LABELS.programmes),
        list(LABELS.queues),
        list(LABELS.sites),
        list(LABELS.initiatives),
        list(LABELS.milestones)
    )
}

/// Settings that the user may not change, so that the demo reads its own Kafka.
fn fixed(servers: &str) -> Vec<String> {
    let topics = TOPICS.iter().map(|(stream, topic)| format!("streams.{}.topic={topic}", stream.name()));
    let kafka = [
        format!("kafka.bootstrap_servers={servers}"),
        // It does not show the configuration of its topics.
        "kafka.accept_unverified_topics=true".to_owned(),
        format!("dead_letter.topic={DEAD_LETTER_TOPIC}"),
    ];
    topics.chain(kafka).collect()
}

/// A directory for us alone, removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn create() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        for attempt in 0..100 {
            let path = parent.join(format!("pacemeter-demo-{}-{attempt}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::from_io(format!("the directory {}", path.display()), &error)),
            }
        }
        Err(Failure::new(Exit::Disk, format!("too many leftovers of earlier demos in {}", parent.display())))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // It holds nothing of worth; what cannot be removed is left to the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};

    fn set(line: &str) -> DemoEnvironment {
        let Ok(Command::Demo(arguments)) = parse(line.split(' ')) else { panic!("not a demo: {line}") };
        DemoEnvironment::set(&arguments, Embedded::start().unwrap()).unwrap()
    }

    #[test]
    fn its_own_settings_are_sound_and_the_users_stand_over_them() {
        let stage = set("pacemeter demo --set log.level=info --set kafka.bootstrap_servers=elsewhere:1");
        let mut reader = stage.reader();
        assert_eq!(reader.string("log.level"), "info");
        assert_eq!(reader.string("kafka.bootstrap_servers"), stage.embedded.servers);
        assert_eq!(reader.strings("labels.sites"), LABELS.sites);
        assert!(reader.boolean("kafka.accept_unverified_topics"));
        reader.finish().unwrap();
    }

    #[test]
    fn its_directory_is_private_and_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt;
        let stage = set("pacemeter demo");
        let directory = stage._directory.0.clone();
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        drop(stage);
        assert!(!directory.exists());
    }
}
