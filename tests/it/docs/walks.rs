//! Walks through pages: every command in order, with what the reader does between them.

use std::fs;

use super::page::Page;
use super::workplace::Workplace;
use crate::shared_kafka;
use crate::tidy::root;

/// Pages that a walk goes through.
pub const PAGES: [&str; 6] = [
    "README.md",
    "docs/getting-started.md",
    "docs/operations.md",
    "docs/security.md",
    "docs/alerts.md",
    "docs/producers.md",
];

/// Number by which the waits of rules and routes are divided.
const SPEED: u32 = 100;
const DEMO: &str = "target/release/pacemeter demo ";
const WEBHOOK: &str = "python3 docs/examples/webhook.py";
const READY: &str = "http://127.0.0.1:9464/readyz";

fn blocks(page: &str) -> Vec<String> {
    Page::read(page).commands().into_iter().map(|block| block.text).collect()
}

/// Takes the first command of the page, which must have this text in it.
fn take(blocks: &mut Vec<String>, text: &str) -> String {
    assert!(blocks.first().is_some_and(|block| block.contains(text)), "next should come {text:?}: {blocks:?}");
    blocks.remove(0)
}

/// Walks the first half of the page: an alert reaches the webhook.
fn alert_in_ten_minutes(blocks: &mut Vec<String>) {
    let mut workplace = Workplace::new("docs-alert");
    workplace.copy_deploy(SPEED);
    workplace.run(&take(blocks, DEMO));
    workplace.run(&take(blocks, WEBHOOK));
    workplace.run(&take(blocks, "prometheus-alertmanager "));
    workplace.run(&take(blocks, "prometheus "));
    workplace.wait_for_answer(READY);
    workplace.wait_for_answer("http://127.0.0.1:9090/-/ready");
    workplace.wait_for_answer("http://127.0.0.1:9093/-/ready");
    let printed = workplace.run(&take(blocks, "target/release/pacemeter targets"));
    for expected in ["weekly_beneficiaries: ", "\npacemeter_week_beneficiaries{", "\"status\":\"success\""] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
    // The lines that the page shows, without their times.
    let shown: Vec<String> = Page::read("docs/getting-started.md").fences("text");
    let shown: Vec<&str> = shown.iter().filter_map(|text| text.trim().split_once(' ')).map(|(_, rest)| rest).collect();
    workplace.wait_for_output(WEBHOOK, shown[0]);
    assert!(shown[0].starts_with("watchdog firing PacemeterWatchdog"), "{shown:?}");
    assert_eq!(workplace.interrupt(DEMO).code(), Some(0), "{}", workplace.output(DEMO));
    assert!(shown[1].starts_with("pager firing PacemeterDown"), "{shown:?}");
    workplace.wait_for_output(WEBHOOK, shown[1]);
    workplace.run("target/release/pacemeter demo --live");
    workplace.wait_for_output(WEBHOOK, "pager resolved PacemeterDown");
}

#[test]
fn getting_started_is_walked_to_an_alert_and_to_figures() {
    let page = Page::read("docs/getting-started.md");
    let mut blocks = blocks(&page.path);
    alert_in_ten_minutes(&mut blocks);

    let mut workplace = Workplace::new("docs-start");
    let pasted = page.fences("toml");
    workplace.write("pacemeter.toml", &pasted[0]);
    workplace.write("targets.toml", &pasted[1]);
    workplace.run(&take(&mut blocks, "kafka-topics.sh"));
    workplace.run(&take(&mut blocks, "pacemeter produce"));
    workplace.run(&take(&mut blocks, "pacemeter check"));
    workplace.wait_for_answer(READY);
    let printed = workplace.run(&take(&mut blocks, "/readyz"));
    assert!(printed.starts_with("ok") && printed.contains("\"complete_until_ms\""), "{printed}");
    let printed = workplace.run(&take(&mut blocks, "--rate 500"));
    assert!(printed.contains("weekly_pesos: "), "{printed}");
    workplace.interrupt("pacemeter produce");
    assert_eq!(workplace.interrupt("pacemeter run").code(), Some(0), "{}", workplace.output("pacemeter run"));

    let (before, _) = pasted[0].split_once("[targets]").expect("targets stand last");
    workplace.write("pacemeter.toml", &format!("{before}{}", pasted[2]));
    workplace.run("pacemeter run --config pacemeter.toml");
    workplace.wait_for_answer(READY);
    let printed = workplace.run(&take(&mut blocks, "pacemeter period today"));
    assert!(printed.contains("weekly_beneficiaries: "), "{printed}");
    assert_eq!(blocks, [] as [&str; 0], "these commands were not run");

    operations(&mut workplace);
}

/// Walks docs/operations.md in a workplace with figures.
fn operations(workplace: &mut Workplace) {
    let mut blocks = blocks("docs/operations.md");
    let printed = workplace.run(&take(&mut blocks, "state inspect"));
    assert!(printed.contains("disbursement"), "{printed}");
    workplace.interrupt("pacemeter run");
    workplace.run(&take(&mut blocks, "accept_unsealed_checkpoints"));
    workplace.wait_for_answer(READY);
    workplace.run(&take(&mut blocks, "cut verify"));
    workplace.interrupt("pacemeter run");
    workplace.run(&take(&mut blocks, "state rebuild"));
    assert_eq!(blocks, [] as [&str; 0], "these commands were not run");
}

#[test]
fn the_readme_is_walked_from_the_demo_to_a_kafka() {
    let page = Page::read("README.md");
    let mut blocks = blocks(&page.path);
    let mut workplace = Workplace::new("docs-readme");
    workplace.run(&take(&mut blocks, "run --release -- demo"));
    workplace.wait_for_answer(READY);
    let printed = workplace.run(&take(&mut blocks, "run --release -- targets"));
    assert!(printed.contains("weekly_beneficiaries: ") && printed.contains("domestic_workers: "), "{printed}");
    workplace.interrupt("cargo run");

    // The first step has no command: it leads to getting started.
    let kafka = shared_kafka();
    for topic in ["disbursements.v1", "calls.v1", "milestones.v1", "dead-letter.v1"] {
        kafka.create_topic(
            &format!("docs-readme.pacemeter.{topic}"),
            6,
            &[("message.timestamp.type", "LogAppendTime")],
        );
    }
    let pasted = page.fences("toml");
    workplace.write("pacemeter.toml", &pasted[0]);
    workplace.write("targets.toml", &pasted[1]);
    workplace.run(&take(&mut blocks, "pacemeter check").replace("curl", "#curl"));
    workplace.wait_for_answer(READY);
    let printed = workplace.run("curl -s http://127.0.0.1:9464/readyz");
    assert!(printed.starts_with("ok"), "{printed}");
    let printed = workplace.run(&take(&mut blocks, "pacemeter produce"));
    assert!(printed.contains("weekly_pesos: "), "{printed}");
    assert_eq!(blocks, [] as [&str; 0], "these commands were not run");
}

#[test]
fn the_page_on_security_makes_a_certificate() {
    let mut blocks = blocks("docs/security.md");
    let mut workplace = Workplace::new("docs-security");
    workplace.run(&take(&mut blocks, "openssl req"));
    let printed = workplace.run("openssl x509 -in server.crt -noout -ext subjectAltName");
    assert!(printed.contains("DNS:metrics.example.org, IP Address:10.20.0.15"), "{printed}");
    assert!(fs::read_to_string(workplace.path("server.key")).is_ok_and(|key| key.contains("PRIVATE KEY")));
    assert_eq!(blocks, [] as [&str; 0], "these commands were not run");
}

#[test]
fn the_page_on_alerts_checks_the_rules() {
    let mut blocks = blocks("docs/alerts.md");
    let workplace = Workplace::new("docs-alerts");
    for command in super::workplace::commands(&take(&mut blocks, "promtool check rules")) {
        workplace.run_in(root(), &command);
    }
    assert_eq!(blocks, [] as [&str; 0], "these commands were not run");
}
