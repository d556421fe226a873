//! A client for one's own /metrics: a GET over a plain socket, and the samples in the answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// More than /metrics is ever long (bytes).
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// The status and the body of `GET path`, over a connection of its own.
///
/// # Errors
/// The server cannot be reached, does not answer within `timeout`, or not with HTTP/1.1 text.
pub(super) fn get(address: SocketAddr, path: &str, timeout: Duration) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an answer in http/1.1"))
}

fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = line.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let header = |name: &str| {
        let mut pairs = headers.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_ascii_lowercase())
    };
    let body = &answer[end + 4..];
    let body = match header("transfer-encoding") {
        Some(encoding) if encoding == "chunked" => unchunked(body)?,
        Some(_) => return None,
        // A body that was cut short is no answer.
        None => match header("content-length") {
            Some(length) => body.get(..length.parse().ok()?)?.to_vec(),
            None => body.to_vec(),
        },
    };
    Some((status, String::from_utf8(body).ok()?))
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size.checked_add(2)?..)?;
    }
}

/// The samples of an exposition, for display: as floats, without types and help.
#[derive(Debug, Default)]
pub(super) struct Samples<'a>(Vec<Sample<'a>>);

#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    /// As exposed, without the braces.
    labels: &'a str,
    value: f64,
}

impl<'a> Samples<'a> {
    /// Passes over what it does not understand.
    pub fn parse(text: &'a str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) =
                series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels.trim_end_matches('}')));
            Some(Sample { name, labels, value: value.parse().ok()? })
        });
        Self(samples.collect())
    }

    /// The sum over a family; absent if it has no sample.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.sum_where(name, "")
    }

    /// The sum over the samples of a family whose labels hold `pair`, such as `outcome="applied"`.
    pub fn sum_where(&self, name: &str, pair: &str) -> Option<f64> {
        let samples = self.0.iter().filter(|sample| sample.name == name && sample.labels.contains(pair));
        samples.map(|sample| sample.value).reduce(|sum, value| sum + value)
    }

    /// The least value of a family; absent if it has fewer than `series` samples.
    pub fn least(&self, name: &str, series: usize) -> Option<f64> {
        let values: Vec<f64> = self.0.iter().filter(|sample| sample.name == name).map(|sample| sample.value).collect();
        if values.len() < series { None } else { values.into_iter().reduce(f64::min) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_length_in_chunks_or_to_its_end() {
        let read = |answer: &str| parse(answer.as_bytes());
        let body = Some((200, "a 1\n".to_owned()));
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n"), body);
        assert_eq!(
            read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\na 1\r\n1;x=y\r\n\n\r\n0\r\n\r\n"),
            body
        );
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\na 1\n"), body);
        assert_eq!(read("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some((503, String::new())));
    }

    #[test]
    fn an_answer_that_is_cut_short_is_none() {
        for cut in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na 1\n", "SSH-2.0\r\n\r\n"] {
            assert_eq!(parse(cut.as_bytes()), None, "{cut}");
        }
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\na 1"), None);
    }

    #[test]
    fn samples_are_summed_by_family_and_label() {
        let text = "# HELP a text 1\na{x=\"1\",y=\"2\"} 3\na{x=\"2\",y=\"2\"} 4.5\nb 7\nbroken\n";
        let samples = Samples::parse(text);
        assert_eq!(samples.sum("a"), Some(7.5));
        assert_eq!(samples.sum_where("a", "x=\"2\""), Some(4.5));
        assert_eq!((samples.sum("b"), samples.sum("c")), (Some(7.0), None));
        assert_eq!((samples.least("a", 2), samples.least("a", 3)), (Some(3.0), None));
    }

    #[test]
    fn a_server_is_asked_over_a_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes").unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        assert_eq!(get(address, "/metrics", Duration::from_secs(5)).unwrap(), (200, "yes".to_owned()));
        assert!(server.join().unwrap().starts_with("GET /metrics HTTP/1.1\r\n"));
    }
}
