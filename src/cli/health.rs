//! `pacemeter health`: whether the pacemeter of this machine is ready, as the health check of a container.
//!
//! It sends no password unless an option says so, and without options it trusts whoever listens at the address, as the
//! probes of Kubernetes do: a certificate that is being renewed must not end a process that works. If the certificate is
//! not the one that `http.web_config_file` names, a note says so.

use std::time::{Duration, Instant};

use clap::Args;

use super::api_client::{Endpoint, Response, Server};
use crate::http::{self, LoadedWebConfig};
use crate::runtime::{Exit, Failure, print};
use crate::settings::{SettingsReader, parse_duration, printable};

/// Arguments of `pacemeter health`.
#[derive(Args)]
pub(crate) struct HealthArgs {
    /// Ask /livez, whether the process answers at all, instead of /readyz, whether its figures are complete.
    #[arg(long)]
    live: bool,
    /// Maximum time for finding the address and for the answer, from 100ms to 1m.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_timeout)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text).map_err(|error| error.to_string())?;
    let is_sound = (Duration::from_millis(100)..=Duration::from_secs(60)).contains(&timeout);
    if is_sound { Ok(timeout) } else { Err("must be from 100ms to 1m".to_owned()) }
}

/// Asks, and prints `ready` or `live`.
///
/// # Errors
/// One line: exit code 75 if it is not ready or does not answer, 77 if it asks for an access, 78 if the settings do not say
/// where to ask.
pub(super) fn run(arguments: &HealthArgs) -> Result<(), Failure> {
    let (path, word) = if arguments.live { ("/livez", "live") } else { ("/readyz", "ready") };
    let endpoint = &arguments.endpoint;
    let (response, note) = if endpoint.address.is_some() || endpoint.access.is_given() {
        let deadline = Instant::now() + arguments.timeout;
        let server = endpoint.server_within(arguments.timeout)?;
        (server.get_within(path, deadline.saturating_duration_since(Instant::now()))?, None)
    } else {
        ask_own(endpoint, path, arguments.timeout)?
    };
    match response.status {
        200 => print(&format!("{word}{}\n", note.map_or("", |note| note))),
        status => Err(not_ready(word, status, &response)),
    }
}

fn not_ready(word: &str, status: u16, response: &Response) -> Failure {
    let reasons: Vec<&str> = response.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let reasons = if reasons.is_empty() { format!("status {status}") } else { reasons.join("; ") };
    let message = format!("not {word}: {reasons}; pacemeter status says more, and docs/operations.md what to do");
    Failure::new(Exit::TryAgain, printable(&message))
}

/// Asks the server that the settings describe, without options: with TLS if its file has TLS, and the other way if that
/// fails, since the file may have been changed and not be in force.
fn ask_own(endpoint: &Endpoint, path: &str, timeout: Duration) -> Result<(Response, Option<&'static str>), Failure> {
    let mut reader = SettingsReader::load(&endpoint.settings.layers());
    let settings = http::Settings::read(&mut reader);
    // A fault elsewhere does not stop a process that runs; `check` reports it.
    if let Err(faults) = reader.finish()
        && faults.iter().any(|fault| fault.key.is_empty() || fault.key.starts_with("http."))
    {
        return Err(faults.into());
    }
    let loaded = settings.web_config_file.as_deref().map(|path| LoadedWebConfig::read(Some(path)).result);
    // A file that is faulty, or that this user may not read, most likely has TLS.
    let (has_tls, is_certain) = match &loaded {
        None => (false, true),
        Some(Ok(config)) => (config.certificate().is_some(), false),
        Some(Err(_)) => (true, false),
    };
    let deadline = Instant::now() + timeout;
    let first = Server::unverified(settings.listen, has_tls)?;
    let (server, answer) = match first.get_within(path, timeout) {
        Err(failure) if !is_certain && failure.exit != Exit::Denied => {
            let left = deadline.saturating_duration_since(Instant::now());
            let other = Server::unverified(settings.listen, !has_tls)?;
            match other.get_within(path, left) {
                Ok(response) => (other, Ok(response)),
                Err(other_failure) if other_failure.exit == Exit::Denied => (other, Err(other_failure)),
                Err(_) => (first, Err(failure)),
            }
        }
        answer => (first, answer),
    };
    let response = answer.map_err(|failure| advise_exclusion(failure, path))?;
    let own = loaded.and_then(Result::ok).and_then(|config| config.certificate().cloned());
    let differs = server.presented().is_some_and(|presented| own.as_ref() != Some(presented));
    let note = "; the certificate is not that of http.web_config_file: a change of it is not in force, or another process \
                listens here";
    Ok((response, differs.then_some(note)))
}

/// Adds what a probe needs, if the server asks for an access.
fn advise_exclusion(mut failure: Failure, path: &str) -> Failure {
    if failure.exit == Exit::Denied {
        failure.message += &format!("; or list {path} in auth_excluded_paths of http.web_config_file");
    }
    failure
}
