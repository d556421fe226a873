//! Asks a running pacemeter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;

use super::{SettingsArgs, scrape};
use crate::api::ApiError;
use crate::http;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Whom to ask.
#[derive(Args)]
pub struct Endpoint {
    /// Where the running pacemeter listens; without it, http.listen of the settings.
    #[arg(long, value_name = "IP:PORT")]
    pub(super) address: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

impl Endpoint {
    /// # Errors
    /// 78 with what is wrong with the settings.
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

/// Who listens on all addresses is reached on the loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The answer to a path, as it came.
///
/// # Errors
/// 75 if nobody answers, or there are no figures yet; 64 for what there is not; 65 for what is stored and damaged.
pub(super) fn answer(address: SocketAddr, path: &str) -> Result<String, Failure> {
    let (status, body) = scrape::get(address, path, TIMEOUT).map_err(|error| {
        let message =
            format!("no pacemeter answers at {address}: {error}; is it running, and is that its http.listen? --address names another");
        Failure::new(Exit::TryAgain, message)
    })?;
    let exit = match status {
        200 => return Ok(body),
        400 | 404 => Exit::Usage,
        500 => Exit::StateUnusable,
        _ => Exit::TryAgain,
    };
    Err(Failure::new(exit, told(status, &body)))
}

fn told(status: u16, body: &str) -> String {
    match serde_json::from_str::<ApiError>(body) {
        Ok(ApiError { error, reasons, .. }) if reasons.is_empty() => error,
        Ok(ApiError { error, reasons, .. }) => format!("{error}: {}", reasons.join("; ")),
        Err(_) => format!("pacemeter answers with status {status}: {}", body.lines().next().unwrap_or("nothing")),
    }
}

/// # Errors
/// 75 if it is an answer of another version.
pub(super) fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    let other = |error| {
        Failure::new(
            Exit::TryAgain,
            format!("the answer is not one of this version: {error}; is the other pacemeter as new?"),
        )
    };
    serde_json::from_str(answer).map_err(other)
}

/// A name as a part of a path.
pub(super) fn part(name: &str) -> String {
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
    fn who_listens_on_all_addresses_is_asked_on_the_loopback() {
        let found = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(found("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(found("[::]:9464"), "[::1]:9464");
        assert_eq!(found("192.0.2.1:80"), "192.0.2.1:80");
    }

    #[test]
    fn faults_are_told_in_words() {
        let reasons = r#"{"error":"the figures are not there yet","reasons":["replaying the log: 1 of 2 records read","topic a is missing"]}"#;
        assert_eq!(
            told(503, reasons),
            "the figures are not there yet: replaying the log: 1 of 2 records read; topic a is missing"
        );
        assert_eq!(told(404, r#"{"error":"no such cut","nearest":"x"}"#), "no such cut");
        assert_eq!(
            told(404, "not found, see / for what there is\n"),
            "pacemeter answers with status 404: not found, see / for what there is"
        );
    }

    #[test]
    fn a_name_can_be_no_other_path() {
        assert_eq!(part("20200515T230000.250Z"), "20200515T230000.250Z");
        assert_eq!(part("../ñ?x"), "..%2F%C3%B1%3Fx");
    }
}
