//! Requests to the API of a running pacemeter.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;

use super::{SettingsArgs, scrape};
use crate::api::ApiError;
use crate::http;
use crate::runtime::{Exit, Failure};
use crate::settings::{SettingsReader, printable};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 4;
/// Port of `http.listen` unless it is set.
const USUAL_PORT: u16 = 9464;

/// Address of the running pacemeter, given or taken from its settings.
#[derive(Args)]
pub(crate) struct Endpoint {
    /// Address of the running pacemeter, as in `127.0.0.1:9464`; default: http.listen of the settings. Names are looked up.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) address: Option<HostPort>,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

impl Endpoint {
    /// Returns the server, from the settings if no address is given.
    ///
    /// # Errors
    /// Exit code 78 with the faults of the settings; 75 if the name of the host cannot be resolved.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        if let Some(address) = &self.address {
            return Ok(Server { name: address.to_string(), addresses: address.resolve()? });
        }
        let mut reader = SettingsReader::load(&self.settings.layers());
        let listen = http::Settings::read(&mut reader).listen;
        reader.finish()?;
        let address = reachable(listen);
        Ok(Server { name: address.to_string(), addresses: vec![address] })
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
    fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
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
        match receive.recv_timeout(TIMEOUT) {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(failure("it has no address")),
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => Err(failure(&error.to_string())),
            Err(_) => Err(failure(&format!("no answer within {} s", TIMEOUT.as_secs()))),
        }
    }
}

impl FromStr for HostPort {
    /// Says what to write instead.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some((_, rest)) = text.split_once("://") {
            return Err(format!("is a URL; write {}", rest.split('/').next().unwrap_or("HOST:PORT")));
        }
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
}

/// Response of the API.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    body: String,
}

impl Server {
    /// Returns the response to `GET path` of the first address that responds.
    ///
    /// # Errors
    /// Exit code 75 without a response.
    pub(super) fn get(&self, path: &str) -> Result<Response, Failure> {
        self.get_within(path, TIMEOUT)
    }

    /// Returns the response to `GET path` of the first address that responds within `timeout`.
    ///
    /// # Errors
    /// Exit code 75 without a response.
    pub(super) fn get_within(&self, path: &str, timeout: Duration) -> Result<Response, Failure> {
        let mut failure = String::new();
        for &address in &self.addresses {
            match scrape::get(address, path, timeout) {
                Ok((status, body)) => return Ok(Response { status, body }),
                Err(error) => failure = error.to_string(),
            }
        }
        let name = &self.name;
        let message = format!(
            "no response from pacemeter at {name}: {failure}; check that it runs and that http.listen is this address, or pass --address"
        );
        Err(Failure::new(Exit::TryAgain, message))
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
        Err(Failure::new(exit, message(self.status, &self.body)))
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
pub(super) mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one connection after the other with these statuses and bodies; returns the address.
    pub(in crate::cli) fn serve(answers: &'static [(u16, &str)]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4_096]).unwrap();
                let length = body.len();
                let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_on_the_loopback() {
        let found = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(found("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(found("[::]:9464"), "[::1]:9464");
        assert_eq!(found("192.0.2.1:80"), "192.0.2.1:80");
    }

    #[test]
    fn an_address_is_a_name_or_an_ip_and_a_port() {
        for text in ["127.0.0.1:9464", "pacemeter.example.org:80", "[::1]:9464", "pod_7:1", "Señal-1:65535"] {
            assert_eq!(text.parse::<HostPort>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
        for (text, advice) in [
            ("localhost", "write localhost:9464"),
            ("192.0.2.1", "write 192.0.2.1:9464"),
            ("::1", "write [::1]:9464"),
            ("[::1]", "write [::1]:9464"),
            ("http://localhost:9464/metrics", "write localhost:9464"),
            ("localhost:", "no port"),
            ("localhost:0", "no port"),
            ("localhost:70000", "no port"),
            ("localhost:9464/", "no port"),
            ("2001:db8::7:x", "no port"),
            ("2001:db8::7:1:99999", "no port"),
            ("a:b:1", "needs brackets"),
            ("[localhost]:1", "no IPv6 address"),
            (":9464", "no host"),
            ("a b:1", "no host"),
            ("me@host:1", "no host"),
        ] {
            let error = text.parse::<HostPort>().expect_err(text);
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn names_of_hosts_are_resolved() {
        let loopback = HostPort { host: "localhost".to_owned(), port: 9464 }.resolve().unwrap();
        assert!(loopback.iter().all(|address| address.ip().is_loopback() && address.port() == 9464), "{loopback:?}");
        let failure = HostPort { host: "nowhere.invalid".to_owned(), port: 1 }.resolve().unwrap_err();
        assert!(failure.exit == Exit::TryAgain && failure.message.contains("nowhere.invalid"), "{failure:?}");
    }

    #[test]
    fn the_next_address_is_asked_if_one_does_not_respond() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = serve(&[(404, "{\"error\":\"a\"}")]);
        let server = Server { name: "here".to_owned(), addresses: vec![free, address] };
        let response = server.get("/").unwrap();
        assert_eq!(response.absence(), Some("a".to_owned()));
        assert_eq!(response.body().unwrap_err(), Failure::new(Exit::Usage, "a"));
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
