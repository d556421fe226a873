//! Hosts under which requests are answered.
//!
//! A page in a browser can give a name of its own the address of this server (DNS rebinding), and would then read the
//! figures as if they were its own. The browser sends that name as Host, so only these hosts are answered: IP addresses,
//! which cannot be rebound, `localhost`, and the names of `http.hosts`. The port does not matter.
//!
//! HTTP/1.0 knows requests without Host, and some probes send them. They are answered: no browser sends one.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Version, header};

use super::refusal::Refusal;
use crate::settings::{SettingsReader, redacted_text};

/// Longest name of a host (RFC 1035, 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// Names under which requests are answered, in lower case, besides addresses and `localhost`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(BTreeSet<String>);

impl AllowedHosts {
    /// Reads `http.hosts` and leaves faults in the reader.
    pub(super) fn read(reader: &mut SettingsReader) -> Self {
        let names = reader.strings("http.hosts");
        if let Some(name) = names.iter().find(|name| !is_name(name)) {
            reader.fault(
                "http.hosts",
                format!(
                    "{:?} is not a host name; give names without scheme, port, path and wildcard, such as \
                     metrics.example.org (addresses and localhost need no entry)",
                    redacted_text(name)
                ),
            );
        }
        names.iter().map(String::as_str).collect()
    }

    /// Checks the Host line of a request, and the host of its target if that is a whole address.
    ///
    /// # Errors
    /// 400 if the request has several or malformed hosts, or none although its version requires one; 421 if the host is
    /// not accepted.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Refusal> {
        let mut lines = request.headers.get_all(header::HOST).iter();
        let line = lines.next();
        if lines.next().is_some() {
            return Err(Refusal::SEVERAL_HOSTS);
        }
        match line {
            Some(line) => {
                let authority = Authority::try_from(line.as_bytes()).map_err(|_| Refusal::MALFORMED_HOST)?;
                self.check_authority(&authority)?;
            }
            None if request.version <= Version::HTTP_10 => {}
            None => return Err(Refusal::NO_HOST),
        }
        request.uri.authority().map_or(Ok(()), |authority| self.check_authority(authority))
    }

    fn check_authority(&self, authority: &Authority) -> Result<(), Refusal> {
        let host = authority.host();
        let has_credentials = authority.as_str().contains('@');
        let port = authority.as_str().strip_prefix(host).unwrap_or_default();
        if has_credentials || (!port.is_empty() && port != ":" && authority.port_u16().is_none()) {
            return Err(Refusal::MALFORMED_HOST);
        }
        if self.contains(host) { Ok(()) } else { Err(Refusal::OTHER_HOST) }
    }

    fn contains(&self, host: &str) -> bool {
        if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let name = normalized(host);
        name.parse::<Ipv4Addr>().is_ok() || name == "localhost" || self.0.contains(&name)
    }
}

impl<'a> FromIterator<&'a str> for AllowedHosts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        Self(names.into_iter().map(normalized).collect())
    }
}

/// Returns the name in lower case, without the dot of the root.
fn normalized(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = normalized(name);
    name.len() <= MAX_NAME_BYTES && name.split('.').all(is_label) && name.parse::<Ipv4Addr>().is_err()
}
