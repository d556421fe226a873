//! The trial of the documentation: the settings that a newcomer pastes, and the events that `produce` writes for them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{Pacemeter, child_command};

const TOPICS: [&str; 4] =
    ["pacemeter.disbursements.v1", "pacemeter.calls.v1", "pacemeter.milestones.v1", "pacemeter.dead-letter.v1"];

/// The first two blocks of TOML on a page: settings and targets.
fn pasted(page: &str) -> [String; 2] {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect("a page");
    let mut blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(rest).to_owned());
    [blocks.next().expect("settings"), blocks.next().expect("targets")]
}

#[test]
fn the_first_target_of_a_newcomer_moves_at_once() {
    for page in ["README.md", "docs/getting-started.md"] {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for topic in TOPICS {
            cluster.create_topic(topic, 2, 1).expect("a topic");
        }
        let directory = tempdir().expect("a temporary directory");
        let [settings, targets] = pasted(page);
        assert!(settings.contains("\"127.0.0.1:9092\"") && settings.contains("\"targets.toml\""), "{page}: {settings}");
        let settings = settings.replace("127.0.0.1:9092", &cluster.bootstrap_servers());
        // Spaces in front of lines mean nothing in TOML.
        fs::write(directory.path().join("pacemeter.toml"), settings).expect("a file");
        fs::write(directory.path().join("targets.toml"), targets).expect("a file");

        let mut pacemeter = Pacemeter::start_in(
            &directory,
            &["run", "--config", "pacemeter.toml"],
            // The mock cluster cannot describe the configuration of topics.
            &["kafka.accept_unverified_topics=true".to_owned()],
        );
        pacemeter.wait_ready();
        let mut produce = child_command(&["produce", "--config", "pacemeter.toml", "--rate", "500"])
            .current_dir(&directory)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("produce starts");
        let started = Instant::now();
        pacemeter.until("the target moves", |pacemeter| {
            let answer = pacemeter.get("/api/v1/targets/weekly_pesos");
            let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
            let actual = &answer["target"]["current"]["actual"];
            let actual = actual.as_str().and_then(|pesos| pesos.parse().ok()).or(actual.as_f64());
            actual.filter(|&pesos| pesos > 0.0)
        });
        let took = started.elapsed();
        let is_writing = produce.try_wait().expect("it is our child").is_none();
        produce.kill().and_then(|()| produce.wait()).expect("it is our child");
        assert!(is_writing && took < Duration::from_secs(20), "{page}: after {took:?}");
        assert_eq!(pacemeter.stop().code, Some(0));
    }
}
