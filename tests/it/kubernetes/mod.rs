//! The manifests of `deploy/kubernetes`: built by kustomize, validated against the schemas of Kubernetes and the Go types of the
//! Prometheus Operator, and the program started with what its pod mounts.

mod pod;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::documents::python_packages;
use crate::tidy::root;

/// Secret settings of Kafka in the test.
const KAFKA: &str = "sasl.password=of-the-test\n";

/// Program of tests/kubernetes, or the kustomize of its go.mod. Both are built once.
fn go_tool(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes-tools");
        fs::create_dir_all(&directory).expect("a directory");
        let mut command = Command::new("go");
        command.args(["build", "-mod=readonly", "-o"]).arg(format!("{}/", directory.display()));
        command.args([".", "sigs.k8s.io/kustomize/kustomize/v5"]).current_dir(root().join("tests/kubernetes"));
        let built = command.output().expect("go is installed: scripts/test says how");
        assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
        directory
    });
    built.join(name)
}

/// Output of a command, or what it says about its failure.
fn output(command: &mut Command) -> Result<String, String> {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    if ran.status.success() { Ok(text(ran.stdout)) } else { Err(text(ran.stdout) + &text(ran.stderr)) }
}

/// Copy of `deploy/kubernetes` whose example has secrets, and what kustomize makes of it.
struct Manifests {
    directory: TempDir,
}

impl Manifests {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let from = root().join("deploy/kubernetes");
        output(Command::new("cp").arg("-rT").args([&from, directory.path()])).expect("a copy");
        // A developer may have made secrets in the clone.
        let _ = fs::remove_dir_all(directory.path().join("example/secrets"));
        fs::write(directory.path().join("kafka.properties"), KAFKA).expect("a file");
        Authority::make(directory.path(), "kafka-ca");
        let mut make = Command::new(directory.path().join("example/make-secrets"));
        output(make.args(["kafka.properties", "kafka-ca.crt"]).current_dir(directory.path()))
            .expect("htpasswd and openssl are installed by scripts/test");
        Self { directory }
    }

    /// File of the manifests of this directory, as kustomize builds them.
    fn build(&self, name: &str) -> PathBuf {
        let built = output(Command::new(go_tool("kustomize")).arg("build").arg(self.directory.path().join(name)));
        let file = self.directory.path().join(format!("{name}.built.yaml"));
        fs::write(&file, built.unwrap_or_else(|fault| panic!("{name}: {fault}"))).expect("a file");
        file
    }
}

/// Objects of the example, decoded strictly, with the rules of Prometheus.
fn objects() -> &'static [Value] {
    static OBJECTS: OnceLock<Vec<Value>> = OnceLock::new();
    OBJECTS.get_or_init(|| decode(&Manifests::new().build("example"), true).unwrap_or_else(|faults| panic!("{faults}")))
}

/// Decodes manifests strictly; `with_rules` compares the rules with those of Prometheus.
fn decode(file: &Path, with_rules: bool) -> Result<Vec<Value>, String> {
    let mut command = Command::new(go_tool("kubernetes"));
    command.args(with_rules.then(|| root().join("deploy/prometheus/rules")));
    command.stdin(Stdio::from(File::open(file).expect("a file")));
    output(&mut command).map(|json| serde_json::from_str(&json).expect("a list"))
}

/// Object of this kind whose name begins so: kustomize appends a hash to some.
fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| {
        object["kind"] == kind && object["metadata"]["name"].as_str().is_some_and(|found| found.starts_with(name))
    };
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn rules_of_kubernetes_are_up_to_date() {
    let made = tempfile::tempdir().expect("a temporary directory");
    output(Command::new(root().join("scripts/kubernetes-rules")).arg(made.path())).expect("the rules are made");
    let stored = root().join("deploy/kubernetes/monitoring/rules");
    let mut compare = Command::new("diff");
    let compared = output(compare.arg("-r").args([made.path(), &stored]));
    assert_eq!(compared, Ok(String::new()), "run scripts/kubernetes-rules");
}

#[test]
fn manifests_are_valid_for_old_and_new_kubernetes() {
    let manifests = Manifests::new();
    let versions = "from kubernetes_validate import utils; found = utils.all_versions(); print(found[0], found[-1])";
    let python = || {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", python_packages());
        command
    };
    let versions =
        output(python().args(["-c", versions])).expect("kubernetes-validate is installed by scripts/python-packages");
    let [oldest, newest] = versions.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{versions}") };
    // The schemas know nothing of the operator, whose Go types do.
    for (name, unknown) in [("base", 0), ("example", 9)] {
        let file = manifests.build(name);
        for version in [oldest, newest] {
            let mut validate = python();
            validate.args(["-m", "kubernetes_validate", "--strict", "--quiet", "-k", version]).arg(&file);
            let said = output(&mut validate).unwrap_or_else(|faults| panic!("{name} {version}: {faults}"));
            let warnings = said.lines().filter(|line| line.contains("monitoring.coreos.com/v1")).count();
            assert_eq!((said.lines().count(), warnings), (unknown, unknown), "{said}");
        }
    }
    decode(&manifests.build("base"), false).unwrap_or_else(|faults| panic!("{faults}"));
}

#[test]
fn prometheus_rules_and_scrape_are_the_operators() {
    let objects = objects();
    let endpoint = &object(objects, "ServiceMonitor", "pacemeter")["spec"]["endpoints"][0];
    let relabelings = endpoint["relabelings"].as_array().expect("a list");
    let has_job = |relabeling: &Value| relabeling["targetLabel"] == "job" && relabeling["replacement"] == "pacemeter";
    assert!(relabelings.iter().any(has_job), "{relabelings:?}");
    // The labels that the operator gives each target, besides job and instance.
    let dropped =
        relabelings.iter().find(|relabeling| relabeling["action"] == "labeldrop").expect("labels are dropped");
    let dropped: Vec<&str> = dropped["regex"].as_str().expect("a text").split('|').collect();
    for label in ["container", "endpoint", "namespace", "pod", "service"] {
        assert!(dropped.contains(&label), "{label} differs between pods, or splits the series of a job: {dropped:?}");
    }
    for (key, name) in [("username", "prometheus"), ("password", ""), ("ca", "")] {
        let part = if key == "ca" { &endpoint["tlsConfig"]["ca"]["secret"] } else { &endpoint["basicAuth"][key] };
        let secret = object(objects, "Secret", part["name"].as_str().expect("a name"));
        let content = pod::decoded(&secret["data"][part["key"].as_str().expect("a key")]);
        assert!(!content.is_empty() && (name.is_empty() || content == name.as_bytes()), "{key}");
    }
}

#[test]
fn a_changed_rule_and_an_unknown_field_are_found() {
    let manifests = Manifests::new();
    let file = manifests.build("example");
    let text = fs::read_to_string(&file).expect("a file");
    for (from, to, fault) in [
        ("keep_firing_for: 15m", "keep_firing_for: 16m", "differs from its file"),
        ("scrapeTimeout:", "scrape_timeout:", "unknown field"),
        ("publishNotReadyAddresses:", "publishNotReady:", "unknown field"),
        ("name: pacemeter-calls\n", "name: pacemeter-call\n", "no PrometheusRule has the rules of calls"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        fs::write(&file, changed).expect("a file");
        let faults = decode(&file, true).expect_err(to);
        assert!(faults.contains(fault), "{faults}");
    }
}
