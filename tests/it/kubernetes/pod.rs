//! The pod of the example: its rights, and the program started with what it mounts.

use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use super::{object, objects, output};
use crate::program::{Pacemeter, not_tried};
use crate::sandbox::{Sandbox, USER, is_root};

/// Content of a Secret's entry.
pub fn decoded(entry: &Value) -> Vec<u8> {
    let text = entry.as_str().expect("the entry is there");
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

/// Files of the ConfigMap or Secret of a volume, and their mode.
fn contents(objects: &[Value], volume: &Value) -> (Vec<(String, Vec<u8>)>, u32) {
    let (kind, name, mode) = match (&volume["configMap"], &volume["secret"]) {
        (Value::Null, secret) => ("Secret", &secret["secretName"], &secret["defaultMode"]),
        (map, _) => ("ConfigMap", &map["name"], &map["defaultMode"]),
    };
    let source = object(objects, kind, name.as_str().expect("a name"));
    let entries = source["data"].as_object().expect("entries").iter();
    let content = |value: &Value| match kind {
        "Secret" => decoded(value),
        _ => value.as_str().expect("a text").as_bytes().to_owned(),
    };
    let files = entries.map(|(name, value)| (name.clone(), content(value))).collect();
    (files, mode.as_u64().unwrap_or(0o644) as u32)
}

/// Sandbox with the volumes of the pod.
fn sandbox(objects: &[Value], pod: &Value) -> Sandbox {
    let mut sandbox = Sandbox::new();
    for mount in pod["containers"][0]["volumeMounts"].as_array().expect("mounts") {
        let path = mount["mountPath"].as_str().expect("a path");
        let volumes = pod["volumes"].as_array().expect("volumes");
        match volumes.iter().find(|volume| volume["name"] == mount["name"]) {
            Some(volume) => {
                let (files, mode) = contents(objects, volume);
                sandbox.volume(path, &files, mode);
            }
            // The claim: with fsGroup, the group may write the root of the volume.
            None => drop(sandbox.directory(path, 0, 0o2775)),
        }
    }
    sandbox
}

/// Status of a path over TLS, asked as Prometheus does: by address, with the name of the certificate.
fn status(pacemeter: &Pacemeter, path: &str, objects: &[Value], with_password: bool) -> String {
    let scrape = &object(objects, "Secret", "pacemeter-scrape")["data"];
    let [authority, user, password] =
        ["ca.crt", "username", "password"].map(|key| String::from_utf8(decoded(&scrape[key])).expect("UTF-8"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("ca.crt");
    std::fs::write(&file, authority).expect("a file");
    let port = pacemeter.address().rsplit_once(':').expect("a port").1;
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}"])
        .arg("--cacert")
        .arg(&file);
    command.args([
        "--header",
        &format!("Host: 127.0.0.1:{port}"),
        "--connect-to",
        &format!("pacemeter:443:127.0.0.1:{port}"),
    ]);
    let login = format!("{user}:{password}");
    command.args(with_password.then_some(["--user", &login]).into_iter().flatten());
    output(command.arg(format!("https://pacemeter{path}"))).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_pod_starts_with_what_it_mounts() {
    if !is_root() {
        return not_tried("the pod in a sandbox, which needs root");
    }
    let objects = objects();
    let pod = &object(objects, "StatefulSet", "pacemeter")["spec"]["template"]["spec"];
    let sandbox = sandbox(objects, pod);
    let list: Vec<String> = serde_json::from_value(pod["containers"][0]["args"].clone()).expect("texts");
    let own = ["--set", "http.listen=127.0.0.1:0", "--set", "kafka.bootstrap_servers=127.0.0.1:1"].map(str::to_owned);
    let pacemeter = Pacemeter::start_in_sandbox(&mut sandbox.command(&[list, own.to_vec()].concat()));
    let probe = pod["containers"][0]["livenessProbe"]["httpGet"]["path"].as_str().expect("a path");
    assert_eq!(status(&pacemeter, probe, objects, false), "200");
    assert_eq!(status(&pacemeter, "/readyz", objects, false), "503", "there is no Kafka");
    assert_eq!(status(&pacemeter, "/metrics", objects, false), "401");
    assert_eq!(status(&pacemeter, "/metrics", objects, true), "200");
    let log = pacemeter.log();
    assert!(!log.contains(".exposed"), "secrets as described must be in order: {log}");
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn the_pod_has_no_rights_that_it_does_not_need() {
    let objects = objects();
    let set = &object(objects, "StatefulSet", "pacemeter")["spec"];
    let pod = &set["template"]["spec"];
    let (of_pod, of_container) = (&pod["securityContext"], &pod["containers"][0]["securityContext"]);
    assert_eq!((&of_pod["runAsUser"], &of_pod["runAsNonRoot"]), (&json!(USER), &json!(true)));
    assert_eq!(of_pod["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    assert_eq!(of_container["capabilities"], json!({ "drop": ["ALL"] }));
    assert_eq!(
        (&of_container["readOnlyRootFilesystem"], &of_container["allowPrivilegeEscalation"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(pod["automountServiceAccountToken"], json!(false));
    assert_eq!(set["volumeClaimTemplates"][0]["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    let service = &object(objects, "Service", "pacemeter")["spec"];
    assert_eq!((&service["clusterIP"], &service["publishNotReadyAddresses"]), (&json!("None"), &json!(true)));
    let selected =
        [&service["selector"], &object(objects, "PodDisruptionBudget", "pacemeter")["spec"]["selector"]["matchLabels"]];
    let policy = &object(objects, "NetworkPolicy", "pacemeter")["spec"];
    let labels = &set["template"]["metadata"]["labels"];
    for selector in selected.into_iter().chain([&policy["podSelector"]["matchLabels"]]) {
        assert_eq!(selector["app.kubernetes.io/name"], labels["app.kubernetes.io/name"]);
    }
    let reader = &policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"];
    assert_eq!(reader, "prometheus", "kustomize must not change the selector of others");
    assert!(policy["egress"].as_array().is_some_and(|egress| egress.iter().all(|rule| rule["ports"].is_array())));
}

#[test]
fn probes_wait_for_an_opening_and_a_shutdown_has_time() {
    let objects = objects();
    let pod = &object(objects, "StatefulSet", "pacemeter")["spec"]["template"]["spec"];
    let number = |value: &Value| value.as_u64().expect("a number");
    let start = &pod["containers"][0]["startupProbe"];
    // The state directory may take 120 s to open; the restore comes after /livez answers.
    assert!(number(&start["periodSeconds"]) * number(&start["failureThreshold"]) > 120, "{start}");
    assert_eq!(start["httpGet"]["path"], "/livez");
    let settings = &object(objects, "ConfigMap", "pacemeter-settings")["data"];
    let own: toml::Table = settings["kubernetes.toml"].as_str().expect("a text").parse().expect("TOML");
    let deadline = own["shutdown"]["deadline"].as_str().and_then(|text| text.strip_suffix('s')).expect("seconds");
    let deadline: u64 = deadline.parse().expect("a number");
    // The process ends five seconds after the deadline, whatever blocks.
    assert!(number(&pod["terminationGracePeriodSeconds"]) >= deadline + 5, "{deadline}");
}
