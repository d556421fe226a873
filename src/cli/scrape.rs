//! HTTP client for a running pacemeter, and a parser for the samples of `/metrics`.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};

use super::client_tls::{TlsClient, TlsConnector};
use super::http_config::Credentials;

/// Maximum size of a response in bytes, larger than `/metrics` ever is.
const MAX_RESPONSE: u64 = 256 * 1024 * 1024;

/// Client of one server: its TLS, and the credentials that every request carries.
#[derive(Debug, Clone, Default)]
pub(super) struct HttpClient {
    /// TLS, or `None` for plain HTTP.
    pub(super) tls: Option<TlsClient>,
    pub(super) credentials: Option<Credentials>,
}

impl HttpClient {
    /// Returns status and body of `GET path`.
    ///
    /// # Errors
    /// The server is not connected within `connect_timeout`, takes longer than `timeout` in all, or does not respond with
    /// text.
    pub(super) fn get(
        &self,
        address: SocketAddr,
        path: &str,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> Result<(u16, String), Box<ureq::Error>> {
        // The response must come from the process itself, not from a proxy or a redirect.
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(connect_timeout))
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build();
        let (agent, scheme) = match &self.tls {
            None => (ureq::Agent::new_with_config(config), "http"),
            Some(tls) => {
                let connector = ().chain(TcpConnector::default()).chain(TlsConnector(tls.clone()));
                (ureq::Agent::with_parts(config, connector, DefaultResolver::default()), "https")
            }
        };
        let mut request = agent.get(format!("{scheme}://{address}{path}"));
        if let Some(credentials) = &self.credentials {
            request = request.header("authorization", credentials.header());
        }
        let mut response = request.call()?;
        let body = response.body_mut().with_config().limit(MAX_RESPONSE).read_to_string()?;
        Ok((response.status().as_u16(), body))
    }
}

/// Returns status and body of `GET path` over plain HTTP.
///
/// # Errors
/// The errors of [`HttpClient::get`].
pub(super) fn get(address: SocketAddr, path: &str, timeout: Duration) -> Result<(u16, String), Box<ureq::Error>> {
    HttpClient::default().get(address, path, timeout, timeout)
}

/// Samples of an exposition as floats, for display; types and help are dropped.
#[derive(Debug, Default)]
pub(super) struct Samples<'a>(Vec<Sample<'a>>);

#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    /// Labels as exposed, without the braces.
    labels: &'a str,
    value: f64,
}

impl<'a> Samples<'a> {
    /// Parses an exposition; skips lines that are not samples.
    pub(super) fn parse(text: &'a str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) =
                series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels.trim_end_matches('}')));
            Some(Sample { name, labels, value: value.parse().ok()? })
        });
        Self(samples.collect())
    }

    /// Sum over a family; `None` if it has no sample.
    pub(super) fn sum(&self, name: &str) -> Option<f64> {
        self.sum_where(name, "")
    }

    /// Sum over the samples of a family whose labels contain `pair`, such as `outcome="applied"`.
    pub(super) fn sum_where(&self, name: &str, pair: &str) -> Option<f64> {
        let samples = self.0.iter().filter(|sample| sample.name == name && sample.labels.contains(pair));
        samples.map(|sample| sample.value).reduce(|sum, value| sum + value)
    }

    /// Least value of a family; `None` if it has fewer than `series` samples.
    pub(super) fn least(&self, name: &str, series: usize) -> Option<f64> {
        let values: Vec<f64> = self.0.iter().filter(|sample| sample.name == name).map(|sample| sample.value).collect();
        if values.len() < series { None } else { values.into_iter().reduce(f64::min) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn samples_are_summed_by_family_and_label() {
        let text = "# HELP a text 1\na{x=\"1\",y=\"2\"} 3\na{x=\"2\",y=\"2\"} 4.5\nb 7\nbroken\n";
        let samples = Samples::parse(text);
        assert_eq!(samples.sum("a"), Some(7.5));
        assert_eq!(samples.sum_where("a", "x=\"2\""), Some(4.5));
        assert_eq!((samples.sum("b"), samples.sum("c")), (Some(7.0), None));
        assert_eq!((samples.least("a", 2), samples.least("a", 3)), (Some(3.0), None));
    }

    /// Serves one connection with `answer`, then closes it; returns the result of `get` and the request.
    fn exchange(answer: &'static str) -> (Result<(u16, String), Box<ureq::Error>>, String) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (get(address, "/metrics", Duration::from_secs(5)), server.join().unwrap())
    }

    #[test]
    fn answers_with_any_status_are_returned() {
        let (answer, request) = exchange("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes");
        assert_eq!(answer.unwrap(), (200, "yes".to_owned()));
        assert!(request.starts_with("GET /metrics HTTP/1.1\r\n"), "{request}");
        let (answer, _) = exchange("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno");
        assert_eq!(answer.unwrap(), (503, "no".to_owned()));
        let (answer, _) = exchange("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(answer.unwrap(), (302, String::new()));
    }

    #[test]
    fn truncated_answers_are_errors() {
        let truncated = [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na 1\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\na 1",
            "SSH-2.0\r\n\r\n",
        ];
        for answer in truncated {
            assert!(exchange(answer).0.is_err(), "{answer:?}");
        }
    }
}
