use super::*;

/// Directory of the committed files.
fn committed(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/dashboards").join(path)
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
