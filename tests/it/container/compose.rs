//! `deploy/compose.yml`: it satisfies the schema and its parser, and everything that it names exists.

use std::fs;

use super::services::{compose_file, read_compose, text};
use crate::tidy::root;

/// An address in a shipped file, and the one in its copy.
type ReplacedAddress = (&'static str, &'static str);

/// Copies of shipped files with the names of the services: copy, original, addresses.
const COPIES: [(&str, &str, &[ReplacedAddress]); 3] = [
    (
        "deploy/compose/prometheus.yml",
        "deploy/prometheus/prometheus.yml",
        &[("127.0.0.1:9093", "alertmanager:9093"), ("127.0.0.1:9464", "pacemeter:9464")],
    ),
    (
        "deploy/compose/alertmanager.yml",
        "deploy/alertmanager/alertmanager.yml",
        &[("127.0.0.1:18080", "webhook:18080")],
    ),
    (
        "deploy/compose/datasource.yml",
        "deploy/grafana/provisioning/datasources/pacemeter.yml",
        &[("127.0.0.1:9090", "prometheus:9090")],
    ),
];

#[test]
fn the_compose_file_has_one_service_for_each_part() {
    let names: Vec<&str> = compose_file().services().iter().map(|service| service.name).collect();
    let parts = ["alertmanager", "grafana", "history", "kafka", "pacemeter", "programme", "prometheus", "webhook"];
    assert_eq!(names, parts);
}

#[test]
fn every_file_that_a_service_mounts_is_shipped() {
    for service in compose_file().services() {
        for mount in service.binds() {
            assert!(mount.is_read_only, "{}: {} is writable", service.name, mount.target);
            assert!(mount.source.exists(), "{}: {} does not exist", service.name, mount.source.display());
            assert!(mount.source.starts_with(root()), "{}: {}", service.name, mount.source.display());
        }
    }
    let build = &compose_file().service("pacemeter").field("build").clone();
    let context = std::path::Path::new(build["context"].as_str().expect("a path"));
    assert_eq!(context, root());
    assert!(context.join(build["dockerfile"].as_str().expect("a path")).exists());
}

#[test]
fn services_are_open_on_loopback_and_gain_no_rights() {
    for service in compose_file().services() {
        for port in service.field("ports").as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{}: {port}", service.name);
        }
        assert_eq!(service.field("cap_drop"), &serde_json::json!(["ALL"]), "{}", service.name);
        let options = serde_json::json!(["no-new-privileges:true"]);
        assert_eq!(service.field("security_opt"), &options, "{}", service.name);
    }
    for name in ["pacemeter", "history", "programme"] {
        assert_eq!(compose_file().service(name).field("read_only"), true, "{name}");
    }
}

#[test]
fn services_have_the_versions_of_the_tests() {
    let image = |service: &str| compose_file().service(service).image().1.to_owned();
    for name in ["pacemeter", "history", "programme"] {
        assert_eq!(image(name), env!("CARGO_PKG_VERSION"), "{name}");
    }
    let kafka = format!("<version>{}</version>", image("kafka"));
    assert!(text("tests/kafka/pom.xml").contains(&kafka), "{kafka}");
    let grafana = format!("\"@grafana/ui\": \"{}\"", image("grafana"));
    let packages = text("tests/grafana/package.json");
    assert!(packages.contains(&grafana), "{grafana} is not in {packages}");
}

#[test]
fn copies_differ_from_the_shipped_files_by_names_only() {
    for (copy, original, addresses) in COPIES {
        let mut expected = text(original);
        for (there, here) in addresses {
            assert!(expected.contains(there), "{original} has no {there}");
            expected = expected.replace(there, here);
        }
        let body = |text: &str| -> Vec<String> {
            // The first comment tells what the file is.
            text.lines().skip_while(|line| line.starts_with('#')).map(str::to_owned).collect()
        };
        assert_eq!(body(&text(copy)), body(&expected), "{copy}");
    }
}

#[test]
fn faults_of_a_compose_file_are_found() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("compose.yml");
    let shipped = text("deploy/compose.yml");
    for (found, fault, said) in [
        ("restart: 'no'", "restarts: 'no'", "restarts"),
        ("    read_only: true", "    read_only: maybe", "read_only"),
        ("history: {condition: ", "histories: {condition: ", "histories"),
        ("- state:/var/lib/pacemeter", "- stat:/var/lib/pacemeter", "stat"),
    ] {
        assert!(shipped.contains(found), "{found}");
        fs::write(&file, shipped.replace(found, fault)).expect("a file");
        let refusal = read_compose(&file).err().unwrap_or_else(|| panic!("{fault} is accepted"));
        assert!(refusal.contains(said), "{fault}: {refusal}");
    }
}
