//! The services of `deploy/compose.yml`, as the parser of `docker compose` reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::output_of;
use crate::tidy::root;

/// Compose file with every value resolved.
pub struct ComposeFile {
    pub model: Value,
}

/// A service of a compose file.
pub struct ComposeService<'a> {
    pub name: &'a str,
    fields: &'a Value,
}

/// A file or directory of the repository in a service.
pub struct BindMount {
    pub source: PathBuf,
    pub target: String,
    pub is_read_only: bool,
}

/// Reads a compose file in `deploy`; the fault of the parser if it refuses it.
pub fn read_compose(file: &Path) -> Result<ComposeFile, String> {
    let mut command = Command::new(parser());
    // Paths are relative to the directory where the parser runs.
    command.arg(file).current_dir(root().join("deploy"));
    let output = command.output().expect("the parser was built");
    if output.status.success() {
        Ok(ComposeFile { model: serde_json::from_slice(&output.stdout).expect("JSON") })
    } else {
        Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }
}

/// The compose file of the repository.
pub fn compose_file() -> &'static ComposeFile {
    static FILE: OnceLock<ComposeFile> = OnceLock::new();
    FILE.get_or_init(|| read_compose(&root().join("deploy/compose.yml")).unwrap_or_else(|fault| panic!("{fault}")))
}

/// Program around the reference implementation, built once.
fn parser() -> &'static Path {
    static PARSER: OnceLock<PathBuf> = OnceLock::new();
    PARSER.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compose-spec");
        let mut go = Command::new("go");
        go.arg("build").arg("-o").arg(&program);
        output_of(go.current_dir(root().join("tests/compose")));
        program
    })
}

impl ComposeFile {
    pub fn services(&self) -> Vec<ComposeService<'_>> {
        let services = self.model["services"].as_object().expect("services");
        services.iter().map(|(name, fields)| ComposeService { name, fields }).collect()
    }

    pub fn service(&self, name: &str) -> ComposeService<'_> {
        self.services().into_iter().find(|service| service.name == name).unwrap_or_else(|| panic!("no service {name}"))
    }
}

impl ComposeService<'_> {
    pub fn field(&self, name: &str) -> &Value {
        &self.fields[name]
    }

    /// Words of its command; `None` keeps that of the image.
    pub fn command(&self) -> Option<Vec<String>> {
        let words = self.fields["command"].as_array()?;
        Some(words.iter().map(|word| word.as_str().expect("a text").to_owned()).collect())
    }

    pub fn environment(&self) -> Vec<(&str, &str)> {
        let variables = self.fields["environment"].as_object().into_iter().flatten();
        variables.map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))).collect()
    }

    /// Name and tag of its image.
    pub fn image(&self) -> (&str, &str) {
        let image = self.fields["image"].as_str().expect("every service has an image");
        image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag"))
    }

    fn mounts(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.fields["volumes"].as_array().into_iter().flatten().filter(move |volume| volume["type"] == kind)
    }

    pub fn binds(&self) -> Vec<BindMount> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mount = |volume: &Value| BindMount {
            source: text(&volume["source"]).into(),
            target: text(&volume["target"]),
            is_read_only: volume["read_only"] == true,
        };
        self.mounts("bind").map(mount).collect()
    }

    /// Paths of its volumes.
    pub fn volumes(&self) -> Vec<&str> {
        self.mounts("volume").map(|volume| volume["target"].as_str().expect("a path")).collect()
    }
}

/// Text of a file of the repository.
pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
