//! The producers of `docs/producers.md`, run by the commands of the page against a real Kafka.

use super::page::Page;
use super::workplace::Workplace;
use crate::documents::python_packages;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::tidy::root;

#[test]
fn producers_in_three_languages_are_counted_once() {
    let kafka = shared_kafka();
    let topic = "docs-producers.pacemeter.disbursements.v1";
    for name in [topic, "docs-producers.calls", "docs-producers.milestones"] {
        kafka.create_topic(name, 6, &[("message.timestamp.type", "LogAppendTime")]);
    }
    let page = Page::read("docs/producers.md");
    let commands: Vec<String> = page.commands().into_iter().map(|block| block.text).collect();
    let (producers, queries) = commands.split_at(3);
    let mut workplace = Workplace::new("docs-producers");
    // The page sends to the topic by default.
    workplace.replace("127.0.0.1:9092", &format!("{} {topic}", kafka.bootstrap()));
    workplace.set("PYTHONPATH", &python_packages());
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target directory");
    workplace.set("CARGO_TARGET_DIR", target.to_str().expect("UTF-8"));
    // What Go has compiled once is not compiled again.
    workplace.set("GOCACHE", target.join("go-cache").to_str().expect("UTF-8"));
    let run_all = |workplace: &Workplace| {
        for (command, language) in producers.iter().zip(["python3 ", "java ", "(cd docs/examples/go "]) {
            assert!(command.starts_with(language), "{command}");
            workplace.run_in(root(), command);
        }
    };
    run_all(&workplace);

    let settings = [
        format!("kafka.bootstrap_servers={}", kafka.bootstrap()),
        format!("streams.disbursement.topic={topic}"),
        "streams.call.topic=docs-producers.calls".to_owned(),
        "streams.milestone.topic=docs-producers.milestones".to_owned(),
        "labels.programmes=[\"credito-a-la-palabra\"]".to_owned(),
        "dead_letter.enabled=false".to_owned(),
    ];
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    let count = |pacemeter: &Pacemeter, outcome: &str| {
        let answer = pacemeter.get("/metrics").body;
        let of_outcome = |line: &&str| {
            line.starts_with("pacemeter_records_total{") && line.contains(&format!("outcome=\"{outcome}\""))
        };
        let lines = answer.lines().filter(of_outcome).filter_map(|line| line.rsplit(' ').next());
        lines.map(|value| value.parse::<f64>().expect("a number") as u64).sum::<u64>()
    };
    assert_eq!([count(&pacemeter, "applied"), count(&pacemeter, "rejected")], [6, 0]);
    let address = pacemeter.address().to_owned();
    workplace.replace("127.0.0.1:9464", &address);
    let printed: String = queries.iter().map(|block| workplace.run(block)).collect();
    assert!(printed.contains("state=\"MX-OAX\"} 75000\n"), "{printed}");
    let people = pacemeter.get("/metrics").body;
    let of_state = |line: &&str| line.starts_with("pacemeter_week_beneficiaries{") && line.contains("MX-OAX");
    assert!(people.lines().filter(of_state).any(|line| line.ends_with(" 3")), "{people}");

    run_all(&workplace);
    let outcomes =
        |pacemeter: &Pacemeter| ["applied", "duplicate", "rejected"].map(|outcome| count(pacemeter, outcome));
    pacemeter
        .until("the second run is read", |pacemeter| (outcomes(pacemeter).iter().sum::<u64>() == 12).then_some(()));
    assert_eq!(outcomes(&pacemeter), [6, 6, 0], "applied, duplicate, rejected");
    assert_eq!(pacemeter.stop().code, Some(0));
}
