//! Files that `kafka.properties` names: certificates and keys. The client reads them when it is created, without a limit.

use super::Settings;
use crate::file::{self, FileKind, ReadError, SecretMode};
use crate::settings::{SecretExposure, SettingsReader, redacted_text};
use std::path::Path;

/// Maximum size of such a file in bytes; a bundle of all public authorities has a fifth of it.
const MAX_BYTES: u64 = 1 << 20;

/// Properties whose files hold a secret.
const SECRET: [&str; 3] = ["ssl.key.location", "ssl.keystore.location", "sasl.kerberos.keytab"];

/// Properties whose files hold no secret.
const PUBLIC: [&str; 3] = ["ssl.ca.location", "ssl.certificate.location", "ssl.crl.location"];

/// Value of `ssl.ca.location` that is no path.
const PROBE: &str = "probe";

impl Settings {
    /// Reads every file once within a limit of time, so that a pipe or a file system without an answer is a fault in
    /// `reader` instead of a client that hangs. Returns the secrets that other users can read.
    pub(crate) fn check_files(&self, reader: &mut SettingsReader) -> Vec<SecretExposure> {
        let mut exposures = Vec::new();
        for name in SECRET.into_iter().chain(PUBLIC) {
            let Some(value) = self.properties.get(name).filter(|value| !value.is_empty() && *value != PROBE) else {
                continue;
            };
            let (key, path) = (format!("kafka.properties.{name}"), Path::new(value));
            match file::read(path, MAX_BYTES, FileKind::Regular) {
                Ok(content) if SECRET.contains(&name) => {
                    exposures.extend(SecretExposure::of_file(
                        path,
                        SecretMode::of(&content.metadata),
                        &format!("the secret of {key}"),
                    ));
                }
                Ok(_) => {}
                // The authorities may be one file each.
                Err(ReadError::Irregular) if name == "ssl.ca.location" && path.is_dir() => {}
                Err(error) => self.note_fault(reader, &key, format!("names {:?}, which {error}", redacted_text(value))),
            }
        }
        exposures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Layers;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    /// Exposures and faults of one property.
    fn check(name: &str, path: &Path) -> (Vec<String>, Vec<String>) {
        let overrides = vec![format!("kafka.properties.{name}={}", path.display())];
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        let settings = Settings::read(&mut reader);
        let exposures = settings.check_files(&mut reader).iter().map(ToString::to_string).collect();
        let faults = reader.finish().err().unwrap_or_default();
        (exposures, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_client_key_that_others_can_read_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client.key");
        fs::write(&path, "key").unwrap();
        for (mode, is_exposed) in [(0o600, false), (0o640, true), (0o644, true), (0o620, true)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let (exposures, faults) = check("ssl.key.location", &path);
            assert!(
                exposures.len() == usize::from(is_exposed) && faults.is_empty(),
                "{mode:o} {exposures:?} {faults:?}"
            );
            assert!(exposures.iter().all(|text| text.contains("ssl.key.location") && text.contains("chmod 600")));
            assert_eq!(check("ssl.certificate.location", &path), (Vec::new(), Vec::new()), "no secret");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode, "the file is not ours to change");
        }
    }

    #[test]
    fn a_pipe_or_directory_in_place_of_a_file_is_a_fault() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for name in SECRET.into_iter().chain(PUBLIC).filter(|name| name.starts_with("ssl")) {
            let (_, faults) = check(name, &pipe);
            assert!(faults.len() == 1 && faults[0].contains("is not a regular file"), "{name}: {faults:?}");
            let (_, faults) = check(name, directory.path());
            assert_eq!(faults.is_empty(), name == "ssl.ca.location", "{name}: {faults:?}");
        }
        let (_, faults) = check("ssl.ca.location", &directory.path().join("missing"));
        assert!(faults.len() == 1 && faults[0].contains("No such file"), "{faults:?}");
    }
}
