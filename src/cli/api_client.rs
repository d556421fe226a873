//! Requests to the API of a running pacemeter.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;

use super::http_config::{AccessArgs, ClientAccess, TlsAccess};
use super::scrape::HttpClient;
use super::{SettingsArgs, refusal};
use crate::api::ApiError;
use crate::http::{self, LoadedWebConfig};
use crate::runtime::{Exit, Failure};
use crate::settings::{SettingsReader, printable};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Least time for a request, since none at all is no limit to the HTTP client.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// Maximum number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 4;
/// Port of `http.listen` unless it is set.
const USUAL_PORT: u16 = 9464;

/// Address of the running pacemeter, given or taken from its settings, and the access to it.
#[derive(Args)]
pub(crate) struct Endpoint {
    /// Address of the running pacemeter, as in `127.0.0.1:9464` or, with TLS, `https://metrics.example.org:9464`; default:
    /// http.listen of the settings. Names are looked up.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) address: Option<ServerAddress>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

impl Endpoint {
    /// Returns the server, from the settings if no address is given.
    ///
    /// # Errors
    /// Exit code 78 with the faults of the settings or of the access; 64 if a password would be sent in the clear; 75 if the
    /// name of the host cannot be resolved.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        self.server_within(TIMEOUT)
    }

    /// Returns the server as [`Endpoint::server`] does; `timeout` is the maximum for looking up the name of the host.
    ///
    /// # Errors
    /// The errors of [`Endpoint::server`].
    pub(super) fn server_within(&self, timeout: Duration) -> Result<Server, Failure> {
        let ClientAccess { credentials, tls } = self.access.read()?;
        if let Some(address) = &self.address {
            let tls = match (address.is_tls, tls) {
                (Some(false), Some(_)) => return Err(tls_without_tls()),
                (Some(true), tls) => Some(tls.unwrap_or_default()),
                (_, tls) => tls,
            };
            let tls = tls.map(|tls| tls.client(&address.at.host, None)).transpose()?;
            let (name, addresses) = (address.at.to_string(), address.at.resolve(timeout)?);
            return Server { name, addresses, client: HttpClient { tls, credentials } }.checked();
        }
        let mut reader = SettingsReader::load(&self.settings.layers());
        let settings = http::Settings::read(&mut reader);
        reader.finish()?;
        let address = reachable(settings.listen);
        let own = match settings.web_config_file.as_deref().map(own_certificate) {
            None => None,
            Some(Ok(certificate)) => certificate,
            // Whoever says how to ask need not be able to read it.
            Some(Err(_)) if tls.is_some() => None,
            Some(Err(failure)) => return Err(failure),
        };
        let tls = if own.is_some() { Some(tls.unwrap_or_default()) } else { tls };
        let tls = tls.map(|tls| tls.client(&address.ip().to_string(), own)).transpose()?;
        let (name, addresses) = (address.to_string(), vec![address]);
        Server { name, addresses, client: HttpClient { tls, credentials } }.checked()
    }
}

/// Certificate that `http.web_config_file` names; `None` without TLS.
fn own_certificate(path: &Path) -> Result<Option<CertificateDer<'static>>, Failure> {
    match LoadedWebConfig::read(Some(path)).result {
        Ok(config) => Ok(config.certificate().cloned()),
        Err(faults) => {
            let message = format!(
                "http.web_config_file cannot be used to ask the server; pass --address https://HOST:PORT and --ca-file, or \
                 correct it: {faults}"
            );
            Err(Failure::new(Exit::Configuration, message))
        }
    }
}

fn tls_without_tls() -> Failure {
    let message = "--address begins with http://, and the access asks for TLS; begin the address with https://, or remove \
                   the options of TLS";
    Failure::new(Exit::Usage, message)
}

/// Address of a server, and whether TLS is spoken there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    /// True after `https://`, false after `http://`.
    is_tls: Option<bool>,
    at: HostPort,
}

impl FromStr for ServerAddress {
    /// Says what to write instead.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (is_tls, scheme, rest) = match text.split_once("://") {
            None => (None, "", text),
            Some(("https", rest)) => (Some(true), "https://", rest),
            Some(("http", rest)) => (Some(false), "http://", rest),
            Some((_, rest)) => {
                return Err(format!(
                    "has another scheme than https; write {}",
                    rest.split('/').next().unwrap_or("HOST:PORT")
                ));
            }
        };
        match rest.split_once('/') {
            Some((host, "")) if is_tls.is_some() => Ok(Self { is_tls, at: host.parse()? }),
            Some((host, _)) if is_tls.is_some() => Err(format!("has a path; write {scheme}{host}")),
            _ => Ok(Self { is_tls, at: rest.parse()? }),
        }
    }
}

/// Host, a name or an IP address without brackets, and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    host: String,
    port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}

impl HostPort {
    /// Looks up the host. The system's resolver has no limit of time that could be set, so it runs on its own thread.
    fn resolve(&self, timeout: Duration) -> Result<Vec<SocketAddr>, Failure> {
        let failure = |reason: &str| {
            let host = &self.host;
            Failure::new(
                Exit::TryAgain,
                format!("host {host} of --address cannot be resolved: {reason}; check the name"),
            )
        };
        let (send, receive) = mpsc::channel();
        let (host, port) = (self.host.clone(), self.port);
        let look_up = move || {
            let found =
                (host.as_str(), port).to_socket_addrs().map(|found| found.take(MAX_ADDRESSES).collect::<Vec<_>>());
            // Nobody waits any more after the time limit.
            let _ = send.send(found);
        };
        thread::Builder::new()
            .name("resolve".into())
            .spawn(look_up)
            .map_err(|error| Failure::from_spawn("the thread that resolves a name", &error))?;
        match receive.recv_timeout(timeout) {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(failure("it has no address")),
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => Err(failure(&error.to_string())),
            Err(_) => Err(failure(&format!("no answer within {timeout:.1?}"))),
        }
    }
}

impl FromStr for HostPort {
    /// Says what to write instead.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Err(format!("has no port; write {}", SocketAddr::new(ip, USUAL_PORT)));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("has no port; write {text}:{USUAL_PORT}"));
        };
        let port =
            port.parse().ok().filter(|port| *port > 0).ok_or("has no port from 1 to 65535 after its last colon")?;
        let ip = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::parse::<Ipv6Addr>);
        let host = match ip {
            Some(Ok(ip)) => ip.to_string(),
            Some(Err(_)) => return Err("has no IPv6 address in its brackets".to_owned()),
            None if host.contains(':') => {
                return Err("needs brackets around an IPv6 address, as in [::1]:9464".to_owned());
            }
            None => host.to_owned(),
        };
        let is_plain = |one: char| one.is_alphanumeric() || matches!(one, '.' | '-' | '_' | ':');
        let is_host = !host.is_empty() && host.chars().all(is_plain);
        if is_host {
            Ok(HostPort { host, port })
        } else {
            Err("has no host; write HOST:PORT, as in 127.0.0.1:9464".to_owned())
        }
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

/// A running pacemeter.
#[derive(Debug)]
pub(super) struct Server {
    name: String,
    addresses: Vec<SocketAddr>,
    client: HttpClient,
}

/// Response of the API.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    body: String,
    path: String,
}

impl Server {
    /// Refuses to send a password in the clear to another machine.
    fn checked(self) -> Result<Self, Failure> {
        let is_local = self.addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
        if self.client.credentials.is_none() || self.client.tls.is_some() || is_local {
            return Ok(self);
        }
        let name = &self.name;
        let message =
            format!("the password would be sent to {name} in the clear; pass --address https://{name}, or --ca-file");
        Err(Failure::new(Exit::Usage, message))
    }

    /// Returns the server that listens at an address of this machine, whoever it is. No password is sent to it.
    ///
    /// # Errors
    /// TLS cannot be used.
    pub(super) fn unverified(listen: SocketAddr, has_tls: bool) -> Result<Self, Failure> {
        let address = reachable(listen);
        let tls = has_tls.then(|| TlsAccess::unverified().client(&address.ip().to_string(), None)).transpose()?;
        let client = HttpClient { tls, credentials: None };
        Ok(Self { name: address.to_string(), addresses: vec![address], client })
    }

    /// Returns the certificate that the server has presented, if it speaks TLS.
    pub(super) fn presented(&self) -> Option<&CertificateDer<'static>> {
        self.client.tls.as_ref()?.presented()
    }

    /// Returns the response to `GET path` of the first address that responds.
    ///
    /// # Errors
    /// Exit code 75 without a response; 77 if the server refuses the access; 78 if it is not the server that is trusted. Of
    /// several addresses the first that fails with another code than 75 decides.
    pub(super) fn get(&self, path: &str) -> Result<Response, Failure> {
        self.get_within(path, TIMEOUT)
    }

    /// Returns the response to `GET path` of the first address that responds; `timeout` is the maximum for all together.
    ///
    /// # Errors
    /// The errors of [`Server::get`].
    pub(super) fn get_within(&self, path: &str, timeout: Duration) -> Result<Response, Failure> {
        let mut failure = Failure::new(Exit::TryAgain, format!("{} has no address; pass --address", self.name));
        let deadline = Instant::now() + timeout;
        for (&address, addresses_left) in self.addresses.iter().zip((1..=self.addresses.len() as u32).rev()) {
            let left = deadline.saturating_duration_since(Instant::now()).max(MIN_TIMEOUT);
            // An address without a connection leaves time for the others.
            match self.client.get(address, path, left / addresses_left, left) {
                Ok((status, body)) => return self.admitted(path, status, body),
                // A refusal says more than an address without a response.
                Err(error) if failure.exit == Exit::TryAgain => {
                    failure = refusal::without_response(&self.name, self.client.tls.is_some(), &error);
                }
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(failure)
    }

    /// Returns the response unless it says that the access is missing.
    fn admitted(&self, path: &str, status: u16, body: String) -> Result<Response, Failure> {
        let has_credentials = self.client.credentials.is_some();
        match refusal::of_access(&self.name, status, has_credentials, &body) {
            Some(failure) => Err(failure),
            None => Ok(Response { status, body, path: path.to_owned() }),
        }
    }

    /// Returns the body of the response to `GET path`, unchanged.
    ///
    /// # Errors
    /// The errors of [`Server::get`] and of [`Response::body`].
    pub(super) fn body(&self, path: &str) -> Result<String, Failure> {
        self.get(path)?.body()
    }
}

impl Response {
    /// Returns the body.
    ///
    /// # Errors
    /// Exit code 75 if figures are not ready; 64 for an unknown resource; 65 for damaged stored data.
    pub(super) fn body(self) -> Result<String, Failure> {
        let exit = match self.status {
            200 => return Ok(self.body),
            400 | 404 => Exit::Usage,
            500 => Exit::StateUnusable,
            _ => Exit::TryAgain,
        };
        let advice = refusal::advice(self.status, &self.path).map_or_else(String::new, |advice| format!("; {advice}"));
        Err(Failure::new(exit, message(self.status, &self.body) + &advice))
    }

    /// Returns the lines of the body, whatever the status is.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.body.lines()
    }

    /// Returns the reason if the response is that there is no such thing.
    pub(super) fn absence(&self) -> Option<String> {
        (self.status == 404).then(|| message(self.status, &self.body))
    }
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
pub(super) mod tests;
