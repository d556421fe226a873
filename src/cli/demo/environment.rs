//! Environment of the demo: its own settings, which the user's override, and a temporary directory.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use toml::{Table, Value};

use super::embedded::{DEAD_LETTER_TOPIC, Embedded, TOPICS};
use super::story;
use crate::cli::DemoArgs;
use crate::runtime::{Exit, Failure};
use crate::settings::{Layers, SettingsReader};
use crate::simulate::LABELS;

/// Targets of the simulated programme of 2020.
const TARGETS: &str = include_str!("../../../config/targets.toml");

/// Listen address if it is free and the user sets no other.
pub(super) const LISTEN: &str = "127.0.0.1:9464";

/// Time of day of cuts beside midnight.
const CUTS_AT: &str = "18:00";

/// Listen address if the usual one is in use.
const ANY_PORT: &str = "127.0.0.1:0";

pub(super) struct DemoEnvironment {
    pub(super) embedded: Embedded,
    layers: Layers,
    /// Listener that keeps [`LISTEN`] free until pacemeter listens there; `None` if the port is in use.
    reserved: Option<TcpListener>,
    has_usual_port: bool,
    _directory: Directory,
}

impl DemoEnvironment {
    /// Writes the demo's settings and targets to a temporary directory.
    ///
    /// # Errors
    /// Temporary directory or files cannot be written.
    pub(super) fn create(arguments: &DemoArgs, embedded: Embedded) -> Result<Self, Failure> {
        let directory = Directory::create()?;
        let file = directory.0.join("demo.toml");
        let reserved = TcpListener::bind(LISTEN).ok();
        let listen = if reserved.is_some() { LISTEN } else { ANY_PORT };
        let (text, targets_text) = if arguments.scenario.story.is_some() {
            let text = default_settings(listen, &directory, story::CUTS_AT);
            ([story::TITLE, &text, story::NAMES].concat(), story::TARGETS.to_owned())
        } else {
            (default_settings(listen, &directory, CUTS_AT), scaled_targets(arguments.scale()))
        };
        let targets = directory.0.join("targets.toml");
        fs::write(&targets, targets_text)
            .map_err(|error| Failure::from_io(format!("the file {}", targets.display()), &error))?;
        fs::write(&file, text).map_err(|error| Failure::from_io(format!("the file {}", file.display()), &error))?;
        let mut layers = arguments.log.add_to(arguments.settings.own_layers());
        layers.files.insert(0, file);
        // These settings belong to another Kafka.
        layers.environment.retain(|(name, _)| !name.starts_with("PACEMETER_KAFKA__"));
        layers.overrides.extend(fixed_settings(&embedded.servers));
        let has_usual_port = reserved.is_some();
        Ok(Self { embedded, layers, reserved, has_usual_port, _directory: directory })
    }

    /// Lets pacemeter listen on the usual port.
    pub(super) fn release_port(&mut self) {
        self.reserved = None;
    }

    /// True if pacemeter has another port than the usual one, which is in use.
    pub(super) fn has_other_port(&self) -> bool {
        !self.has_usual_port && self.reader().string("http.listen") == ANY_PORT
    }

    /// Returns a new reader of the settings.
    pub(super) fn reader(&self) -> SettingsReader {
        SettingsReader::load(&self.layers)
    }
}

/// The targets, with goals of amounts multiplied by `scale`; those of ratios stay.
fn scaled_targets(scale: f64) -> String {
    if scale == 1.0 {
        return TARGETS.to_owned();
    }
    let scaled = |goal: &mut Value| {
        if let Value::Integer(goal) = goal {
            *goal = ((*goal as f64 * scale).round() as i64).max(1);
        }
    };
    let mut file: Table = toml::from_str(TARGETS).expect("the example is TOML");
    let targets = file.get_mut("target").and_then(Value::as_table_mut).expect("the example has targets");
    for goal in targets.iter_mut().filter_map(|(_, target)| target.get_mut("goal")) {
        match goal {
            Value::Array(goals) => goals.iter_mut().filter_map(|goal| goal.get_mut("value")).for_each(scaled),
            goal => scaled(goal),
        }
    }
    toml::to_string(&file).expect("what was TOML is TOML")
}

/// Settings that the user may override. The log level is `error` because the programme contains rejected records,
/// and warnings about them would disturb the dashboard.
fn default_settings(listen: &str, directory: &Directory, cuts_at: &str) -> String {
    let list = |names: &[&str]| serde_json::to_string(names).expect("names are JSON");
    let state = serde_json::to_string(&directory.0.join("state").to_string_lossy()).expect("a path is JSON");
    let targets = serde_json::to_string(&directory.0.join("targets.toml").to_string_lossy()).expect("a path is JSON");
    format!(
        "http.listen = \"{listen}\"\nstate.directory = {state}\nlog.level = \"error\"\ntargets.files = [{targets}]\ncuts.at = [\"{cuts_at}\"]\n\
         cuts.calendar = \"payments\"\n[labels]\nprogrammes = {}\nqueues = {}\nsites = {}\n\
         initiatives = {}\nmilestones = {}\n",
        list(LABELS.programmes),
        list(LABELS.queues),
        list(LABELS.sites),
        list(LABELS.initiatives),
        list(LABELS.milestones)
    )
}

/// Settings that the user cannot override, because they name the embedded Kafka.
fn fixed_settings(servers: &str) -> Vec<String> {
    let topics = TOPICS.iter().map(|(stream, topic)| format!("streams.{}.topic={topic}", stream.name()));
    let kafka = [
        format!("kafka.bootstrap_servers={servers}"),
        // The mock cluster does not return the configuration of its topics.
        "kafka.accept_unverified_topics=true".to_owned(),
        format!("dead_letter.topic={DEAD_LETTER_TOPIC}"),
    ];
    topics.chain(kafka).collect()
}

/// Private temporary directory, removed when dropped.
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
        Err(Failure::new(
            Exit::Disk,
            format!("too many directories of earlier demos in {}; remove pacemeter-demo-*", parent.display()),
        ))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // The contents are worthless; anything that cannot be removed is left to the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};

    fn environment(line: &str) -> DemoEnvironment {
        let Ok(Command::Demo(arguments)) = parse(line.split(' ')) else { panic!("not a demo: {line}") };
        DemoEnvironment::create(&arguments, Embedded::start().unwrap()).unwrap()
    }

    #[test]
    fn user_settings_override_those_of_the_demo() {
        let environment = environment("pacemeter demo --set log.level=info --set kafka.bootstrap_servers=elsewhere:1");
        let mut reader = environment.reader();
        assert_eq!(reader.string("log.level"), "info");
        assert_eq!(reader.string("kafka.bootstrap_servers"), environment.embedded.servers);
        assert_eq!(reader.strings("labels.sites"), LABELS.sites);
        assert!(reader.boolean("kafka.accept_unverified_topics"));
        reader.finish().unwrap();
    }

    #[test]
    fn goals_have_the_scale_of_the_programme() {
        let goal = |scale: f64, target: &str| {
            let file: Table = toml::from_str(&scaled_targets(scale)).unwrap();
            file["target"][target]["goal"].clone()
        };
        assert_eq!(goal(1.0, "weekly_beneficiaries"), Value::Integer(100_000));
        assert_eq!(goal(0.1, "weekly_beneficiaries"), Value::Integer(10_000));
        assert_eq!(goal(0.1, "service_level"), Value::Float(0.8));
        assert_eq!(goal(0.001, "hospitals_tabasco"), Value::Integer(1));
        assert_eq!(goal(0.1, "weekly_approvals")[1]["value"], Value::Integer(10_000));
        let environment = environment("pacemeter demo --scale 0.1");
        let mut reader = environment.reader();
        assert_eq!(crate::cli::expectation::targets(&mut reader).targets.len(), 14);
        reader.finish().unwrap();
    }

    #[test]
    fn the_story_has_names_and_targets_of_its_own() {
        let environment = environment("pacemeter demo --story 2020");
        let mut reader = environment.reader();
        let targets = crate::cli::expectation::targets(&mut reader);
        assert_eq!(targets.targets.len(), 6);
        assert!(targets.targets.iter().all(|target| target.title.is_some()));
        assert_eq!(reader.strings("cuts.at"), ["06:00"]);
        reader.finish().unwrap();
    }

    #[test]
    fn a_port_in_use_is_noticed_unless_the_user_chose_another() {
        let started = std::time::Instant::now();
        // Other tests reserve the port for moments.
        let held = loop {
            match TcpListener::bind(LISTEN) {
                Ok(held) => break held,
                Err(error) => assert!(started.elapsed().as_secs() < 60, "{error}"),
            }
        };
        assert!(environment("pacemeter demo").has_other_port());
        assert!(!environment("pacemeter demo --set http.listen=127.0.0.1:9470").has_other_port());
        drop(held);
    }

    #[test]
    fn the_directory_is_private_and_removed_afterwards() {
        use std::os::unix::fs::PermissionsExt;
        let environment = environment("pacemeter demo");
        let directory = environment._directory.0.clone();
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        drop(environment);
        assert!(!directory.exists());
    }
}
