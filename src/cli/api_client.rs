//! Requests to the API of a running pacemeter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;

use super::{SettingsArgs, scrape};
use crate::api::ApiError;
use crate::http;
use crate::runtime::{Exit, Failure};
use crate::settings::{SettingsReader, printable};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Address of the running pacemeter, given or taken from its settings.
#[derive(Args)]
pub(crate) struct Endpoint {
    /// Address of the running pacemeter; default: http.listen of the settings.
    #[arg(long, value_name = "IP:PORT")]
    pub(super) address: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

impl Endpoint {
    /// Returns the address, from the settings if none is given.
    ///
    /// # Errors
    /// Exit code 78 with the faults of the settings.
    pub(super) fn resolve(&self) -> Result<SocketAddr, Failure> {
        if let Some(address) = self.address {
            return Ok(address);
        }
        let mut reader = SettingsReader::load(&self.settings.layers());
        let listen = http::Settings::read(&mut reader).listen;
        reader.finish()?;
        Ok(reachable(listen))
    }
}

/// A server that listens on all addresses is reached on the loopback address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Returns the body of the response to `GET path`, unchanged.
///
/// # Errors
/// Exit code 75 without a response or if figures are not ready; 64 for an unknown resource; 65 for damaged stored data.
pub(super) fn answer(address: SocketAddr, path: &str) -> Result<String, Failure> {
    let (status, body) = scrape::get(address, path, TIMEOUT).map_err(|error| {
        let message =
            format!("no response from pacemeter at {address}: {error}; check that it runs and that http.listen is this address, or pass --address");
        Failure::new(Exit::TryAgain, message)
    })?;
    let exit = match status {
        200 => return Ok(body),
        400 | 404 => Exit::Usage,
        500 => Exit::StateUnusable,
        _ => Exit::TryAgain,
    };
    Err(Failure::new(exit, message(status, &body)))
}

/// Returns the error message of a response that is not 200.
fn message(status: u16, body: &str) -> String {
    let text = match serde_json::from_str::<ApiError>(body) {
        Ok(ApiError { error, reasons, .. }) if reasons.is_empty() => error,
        Ok(ApiError { error, reasons, .. }) => format!("{error}: {}", reasons.join("; ")),
        Err(_) => format!("pacemeter responds with status {status}: {}", body.lines().next().unwrap_or("nothing")),
    };
    printable(&text)
}

/// Parses a response.
///
/// # Errors
/// Exit code 75 if the response is that of another version.
pub(super) fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    serde_json::from_str(answer).map_err(|error| {
        let message = format!("unexpected response: {error}; use the command of the version that runs at that address");
        Failure::new(Exit::TryAgain, message)
    })
}

/// Encodes a name as one segment of a path.
pub(super) fn path_segment(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_on_the_loopback() {
        let found = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(found("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(found("[::]:9464"), "[::1]:9464");
        assert_eq!(found("192.0.2.1:80"), "192.0.2.1:80");
    }

    #[test]
    fn error_responses_become_messages() {
        let reasons = r#"{"error":"the figures are not there yet","reasons":["replaying the log: 1 of 2 records read","topic a is missing"]}"#;
        assert_eq!(
            message(503, reasons),
            "the figures are not there yet: replaying the log: 1 of 2 records read; topic a is missing"
        );
        assert_eq!(message(404, r#"{"error":"no such cut","nearest":"x"}"#), "no such cut");
        assert_eq!(
            message(404, "not found, see / for what there is\n"),
            "pacemeter responds with status 404: not found, see / for what there is"
        );
    }

    #[test]
    fn names_are_encoded_as_one_path_segment() {
        assert_eq!(path_segment("20200515T230000.250Z"), "20200515T230000.250Z");
        assert_eq!(path_segment("../ñ?x"), "..%2F%C3%B1%3Fx");
    }
}
