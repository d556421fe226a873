//! The report: Markdown on standard output.

use std::fs;

use pacemeter::clock::Clock;

/// Prints the time, the machine and the arguments.
pub fn heading(arguments: &[String]) {
    let now = Clock::wall().now().to_jiff();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--bench").collect();
    let field = |file: &str, name: &str| -> String {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or("");
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (processor, memory) = (field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal"));
    println!(
        "{}; {cores} cores of {processor}, {memory}; the broker on the same cores",
        now.strftime("%Y-%m-%d %H:%M UTC")
    );
    println!("\n    cargo bench --locked --bench ingest -- {}", arguments.join(" "));
}

pub struct Table {
    columns: usize,
    lines: Vec<String>,
}

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        let rule = "---:|".repeat(columns.len() - 1);
        Self { columns: columns.len(), lines: vec![format!("| {} |", columns.join(" | ")), format!("|---|{rule}")] }
    }

    pub fn row(&mut self, cells: &[String]) {
        assert_eq!(cells.len(), self.columns, "a cell for every column");
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }

    pub fn print(&self) {
        println!("{}", self.lines.join("\n"));
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// Nearest-rank quantile: the value below which this share of the values lies.
pub fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}
