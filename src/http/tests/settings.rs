//! Tests of the settings.

use super::*;
use crate::settings::{Layers, SettingsReader};

pub(super) fn read(overrides: &[&str]) -> (Settings, SettingsReader) {
    let overrides = overrides.iter().map(ToString::to_string).collect();
    let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
    (Settings::read(&mut reader), reader)
}

#[test]
fn the_default_address_is_loopback() {
    let (settings, reader) = read(&[]);
    reader.finish().unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 9464));
    let (hosts, timeout) = (AllowedHosts::default(), Duration::from_secs(10));
    let (max_connections, max_connections_per_peer) = (64, 32);
    let (web_config_file, accepts_exposed) = (None, false);
    assert_eq!(
        settings,
        Settings {
            listen,
            max_connections,
            max_connections_per_peer,
            hosts,
            timeout,
            web_config_file,
            accepts_exposed
        }
    );
}

#[test]
fn impossible_settings_are_faults() {
    for fault in [
        "http.listen=localhost",
        "http.listen=9464",
        "http.max_connections=0",
        "http.max_connections_per_peer=0",
        "http.timeout=0s",
    ] {
        let faults = read(&[fault]).1.finish().expect_err(fault).to_string();
        assert!(faults.contains(fault.split('=').next().unwrap()), "{faults}");
    }
    read(&["http.listen=[::]:80"]).1.finish().unwrap();
}
