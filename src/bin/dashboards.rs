//! Generator of the Grafana dashboards: writes the files below `deploy/grafana/dashboards`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    pacemeter::dashboards::write(Path::new("deploy/grafana/dashboards"))
}
