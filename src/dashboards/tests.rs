//! Tests of the generated dashboards: that the committed files are current, their structure, their queries, their
//! words. Each check is a function, which [`planted`] also runs on dashboards with a fault.

mod expressions;
mod planted;
mod queries;
mod structure;
mod words;

use super::*;

/// Directory of the committed files.
fn committed(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/dashboards").join(path)
}

/// Fails with all faults that a check finds in the generated dashboards.
fn assert_none(check: impl Fn(&Value) -> Vec<String>) {
    let faults: Vec<String> = files()
        .iter()
        .flat_map(|(path, dashboard)| check(dashboard).into_iter().map(move |fault| format!("{path}: {fault}")))
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Returns a list of a dashboard; empty if it is absent.
fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn string<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the panels of a dashboard without the headings.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "/panels").iter().filter(|panel| panel["type"] != "row")
}

#[test]
fn the_committed_dashboards_are_what_the_tables_say() {
    for (path, dashboard) in files() {
        let written = fs::read_to_string(committed(&path)).unwrap_or_default();
        assert!(
            written == printed(&dashboard),
            "{path} is out of date; run `cargo run --bin dashboards` and look at the difference"
        );
    }
}

#[test]
fn no_other_file_is_committed() {
    for language in DashboardLanguage::ALL {
        for entry in fs::read_dir(committed(language.tag())).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("{}/{name}", language.tag());
            assert!(files().iter().any(|(known, _)| *known == path), "{path} is not generated; remove it");
        }
    }
}

#[test]
fn files_are_written_below_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path()).unwrap();
    let spanish = fs::read_to_string(directory.path().join("es/programme.json")).unwrap();
    assert!(spanish == printed(&files().swap_remove(0).1), "es/programme.json is not what was generated");
    let occupied = directory.path().join("file");
    fs::write(&occupied, "").unwrap();
    let error = write(&occupied).unwrap_err().to_string();
    assert!(error.contains("es/programme.json: "), "{error}");
}

/// Longest value of all annotations of an object in Kubernetes (bytes); `kubectl apply` keeps the object in one.
const ANNOTATIONS_BYTES: usize = 262_144;

#[test]
fn each_dashboard_is_a_config_map_that_can_be_applied() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana");
    let maps = fs::read_to_string(deploy.join("kustomization.yaml")).unwrap();
    let entries: Vec<&str> = maps.split("\n- name: ").skip(1).map(str::trim_end).collect();
    let expected = |table: &DashboardTable| {
        let name = DashboardLanguage::Spanish.uid(table.key);
        format!("{name}\n  files: [{name}.json=dashboards/es/{}.json]", table.key)
    };
    assert_eq!(entries, tables().each_ref().map(expected));
    for (path, dashboard) in files() {
        // As JSON within JSON, where quotes and line breaks are escaped.
        let kept = serde_json::to_string(&printed(&dashboard)).unwrap().len();
        assert!(kept + 1_024 < ANNOTATIONS_BYTES, "{path}: {kept} bytes");
    }
}
