//! Heads of requests as they arrived, for the refusal of one that hyper discards before it judges its framing.

/// Maximum size of a request's head: request line and headers together.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Bytes of a connection from the first head on that has not become a request.
#[derive(Default)]
pub(super) struct ReceivedHeads {
    bytes: Vec<u8>,
    /// Number of requests whose heads are removed.
    removed: usize,
}

impl ReceivedHeads {
    /// Appends bytes that arrived, and removes the heads of the first `requests` requests of the connection.
    pub(super) fn advance(&mut self, requests: usize, arrived: &[u8]) {
        let mut end = 0;
        for _ in self.removed..requests {
            let rest = &self.bytes[end..];
            end += head_length(rest).unwrap_or(rest.len());
        }
        self.removed = requests;
        self.bytes.drain(..end);
        // hyper refuses a head long before this bound.
        let room = (2 * MAX_HEAD_BYTES).saturating_sub(self.bytes.len());
        self.bytes.extend(&arrived[..arrived.len().min(room)]);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the length of the head at the beginning, with the empty lines around it; `None` if it is not complete.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut line_ends = (start..bytes.len()).filter(|&at| bytes[at] == b'\n').map(|at| at + 1);
    line_ends.find_map(|at| match &bytes[at..] {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_requests_are_removed_in_turn() {
        let mut heads = ReceivedHeads::default();
        heads.advance(0, b"\r\nGET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\n\nGET");
        heads.advance(1, b" /c");
        assert_eq!(heads.bytes(), b"GET /b HTTP/1.1\n\nGET /c");
        heads.advance(2, b"");
        assert_eq!((heads.bytes(), head_length(heads.bytes())), (&b"GET /c"[..], None));
        heads.advance(9, b"rest");
        assert_eq!(heads.bytes(), b"rest");
    }

    #[test]
    fn received_heads_are_bounded() {
        let mut heads = ReceivedHeads::default();
        for _ in 0..100 {
            heads.advance(0, &[b'x'; 1 << 10]);
        }
        assert_eq!(heads.bytes().len(), 2 * MAX_HEAD_BYTES);
    }
}
