//! Grafana dashboards in Spanish and English, generated from tables of panels and the catalogue of metrics.
//!
//! Each dashboard is a table of panels in a file of its own: [`programme`], [`calls`], [`milestones`], [`pipeline`].
//! A table states what a panel asks and says, in both languages side by side. Ids, positions, variables, annotations,
//! links and colours follow from it ([`render`]). `cargo run --bin dashboards` writes the files; a test reports files
//! that are out of date. docs/dashboards.md is the page for users.

mod annotations;
mod calls;
mod common;
mod layout;
mod milestones;
mod names;
mod panel;
mod pipeline;
mod programme;
mod promql;
mod render;
#[cfg(test)]
mod tests;
mod variables;

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use self::panel::Section;
use self::variables::Variable;
use crate::allowlists::Allowlists;
use crate::settings::BilingualText;

/// Language of a dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DashboardLanguage {
    Spanish,
    English,
}

impl DashboardLanguage {
    const ALL: [Self; 2] = [Self::Spanish, Self::English];

    /// Tag of the language, and name of its directory.
    fn tag(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
        }
    }

    fn of(self, text: &BilingualText) -> &str {
        match self {
            Self::Spanish => &text.es,
            Self::English => &text.en,
        }
    }

    /// Uid of a dashboard in this language. Spanish ones have no suffix.
    fn uid(self, key: &str) -> String {
        match self {
            Self::Spanish => format!("pacemeter-{key}"),
            Self::English => format!("pacemeter-{key}-en"),
        }
    }
}

/// Dashboard as its table states it.
struct DashboardTable {
    /// End of the uid, and name of the file.
    key: &'static str,
    title: BilingualText,
    description: BilingualText,
    /// Start of the time range; its end is always `now`.
    from: &'static str,
    variables: Vec<Variable>,
    sections: Vec<Section>,
}

/// Creates a text in Spanish and English.
fn text(es: &str, en: &str) -> BilingualText {
    BilingualText::new(es, en)
}

/// Returns the dashboards in the order of their links.
fn tables() -> [DashboardTable; 4] {
    [programme::table(), calls::table(), milestones::table(), pipeline::table()]
}

/// Returns every file: its path below the directory of dashboards, and its contents.
fn files() -> Vec<(String, Value)> {
    let tables = tables();
    let defaults = Allowlists::default();
    let zone = defaults.zone.iana_name().unwrap_or("UTC");
    let links: Vec<(&str, &BilingualText)> = tables.iter().map(|table| (table.key, &table.title)).collect();
    let mut files = Vec::new();
    for language in DashboardLanguage::ALL {
        for table in &tables {
            let path = format!("{}/{}.json", language.tag(), table.key);
            files.push((path, render::dashboard(table, &links, language, zone)));
        }
    }
    files
}

/// Returns a file's contents as text.
fn printed(dashboard: &Value) -> String {
    format!("{dashboard:#}\n")
}

/// Writes every dashboard below `directory`.
///
/// # Errors
/// Fails if a file cannot be written.
pub fn write(directory: &Path) -> io::Result<()> {
    for (path, dashboard) in files() {
        let path = directory.join(path);
        let written =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, printed(&dashboard)));
        written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    Ok(())
}
