//! Headers of a record, read where they stand.
//!
//! librdkafka copies each header into a block of memory of its own, up to 100,000 of them, which takes a record of two
//! bytes a header some ten milliseconds. It gives no access to the bytes, but wraps them in a buffer before it parses
//! them. `build.rs` leads that call through `super::unpacking`, which asks [`capture`]: it notes the bytes, and gives
//! librdkafka others that it refuses to parse.

use super::soundness::Rest;
use crate::record::Header;
use rdkafka::bindings as sys;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

/// Maximum number of headers of a record. Each costs time when its record is decoded, and more in a dead letter.
const MAX_HEADERS: i64 = 100;

/// A number of headers beyond the 100,000 that librdkafka takes, in Kafka's variable length.
static TOO_MANY: [u8; 5] = [0xfe, 0xff, 0xff, 0xff, 0x0f];

/// Bytes of the headers that this thread asks librdkafka for.
#[derive(Clone, Copy)]
enum Request {
    None,
    Pending,
    Captured(*const c_void, usize),
}

thread_local! {
    static REQUEST: Cell<Request> = const { Cell::new(Request::None) };
}

/// Notes the bytes that librdkafka is about to parse if they are the headers that this thread asks for, and returns
/// those to parse instead.
pub(super) fn capture(start: *const c_void, size: usize) -> (*const c_void, usize) {
    match REQUEST.get() {
        Request::Pending => {
            REQUEST.set(Request::Captured(start, size));
            (TOO_MANY.as_ptr().cast(), TOO_MANY.len())
        }
        Request::None | Request::Captured(..) => (start, size),
    }
}

/// Headers of a message as they were sent. Empty if it has none; `None` if they cannot be read.
///
/// # Safety
///
/// The message lives for `'a`, nobody frees it meanwhile, and no other thread has it.
pub(super) unsafe fn raw<'a>(message: NonNull<sys::rd_kafka_message_t>) -> Option<&'a [u8]> {
    REQUEST.set(Request::Pending);
    let mut list = null_mut();
    // SAFETY: the message lives. Whatever is parsed belongs to it.
    let code = unsafe { sys::rd_kafka_message_headers(message.as_ptr(), &mut list) };
    match REQUEST.replace(Request::None) {
        // SAFETY: the bytes stand in the answer that the message keeps.
        Request::Captured(start, size) => Some(unsafe { std::slice::from_raw_parts(start.cast(), size) }),
        Request::Pending if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__NOENT => Some(&[]),
        Request::Pending | Request::None => None,
    }
}

/// Appends headers to an empty list, without those whose name is not UTF-8. A name ends at its first NUL. Returns false,
/// and leaves the list empty, if they cannot be parsed or are more than [`MAX_HEADERS`].
pub(super) fn parse<'a>(raw: &'a [u8], headers: &mut Vec<Header<'a>>) -> bool {
    let is_parsed = raw.is_empty() || parse_all(raw, headers).is_some();
    if !is_parsed {
        headers.clear();
    }
    is_parsed
}

fn parse_all<'a>(raw: &'a [u8], headers: &mut Vec<Header<'a>>) -> Option<()> {
    let mut rest = Rest(raw);
    let count = rest.number().filter(|count| *count <= MAX_HEADERS)?;
    for _ in 0..count {
        let length = rest.number()?;
        let name = rest.bytes(length)?;
        let value = rest.nullable()?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        if let Ok(name) = std::str::from_utf8(name) {
            headers.push((name, value));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This number of headers, each `h` without a value.
    fn short(count: u8) -> Vec<u8> {
        // Two digits of seven bits, the lower ones first.
        let zigzag = u16::from(count) * 2;
        let number = [zigzag as u8 | 0x80, (zigzag >> 7) as u8];
        [&number[..], &[2, b'h', 1].repeat(count.into())].concat()
    }

    fn parsed(raw: &[u8]) -> Option<Vec<Header<'_>>> {
        let mut headers = Vec::new();
        let is_parsed = parse(raw, &mut headers);
        assert!(is_parsed || headers.is_empty());
        is_parsed.then_some(headers)
    }

    #[test]
    fn headers_are_read_as_they_were_sent() {
        let raw = [&[8, 4, b'a', b'b', 2, b'1', 2, 0xff, 0][..], &[6, b'c', 0, b'd', 1, 0, 4, b'2', b'3']].concat();
        let found: &[Header<'_>] = &[("ab", Some(b"1")), ("c", None), ("", Some(b"23"))];
        assert_eq!(parsed(&raw).as_deref(), Some(found));
        assert_eq!(parsed(&[]), Some(vec![]));
        assert_eq!(parsed(&[0]), Some(vec![]));
        assert_eq!(parsed(&[1]), Some(vec![]), "a negative number");
        for length in 1..raw.len() {
            assert_eq!(parsed(&raw[..length]), None, "{length} bytes");
        }
        assert_eq!(parsed(&[2, 1, 0]), None, "a name of negative length");
        assert_eq!(parsed(&[2, 2, b'a', 3]), None, "a value of length -2");
    }

    #[test]
    fn many_headers_are_counted_and_not_parsed() {
        assert_eq!(parsed(&short(100)).map(|headers| headers.len()), Some(100));
        assert_eq!(parsed(&short(101)), None);
        assert_eq!(parsed(&TOO_MANY), None);
    }
}
