//! The functions that librdkafka calls, with batches as they stand in an answer.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// A record with nothing in it.
const RECORD: [u8; 7] = record(0);

/// A record with nothing in it, at this distance from the first of its batch.
const fn record(delta: u8) -> [u8; 7] {
    [12, 0, 0, 2 * delta, 1, 1, 0]
}

fn records(count: u8) -> Vec<u8> {
    (0..count).flat_map(record).collect()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("memory is enough");
    encoder.finish().expect("memory is enough")
}

/// A number in the form of snappy, and one literal.
fn snapped(content: &[u8]) -> Vec<u8> {
    let size = u8::try_from(content.len()).expect("a short one");
    [&[size, (size.max(1) - 1) << 2][..], content].concat()
}

/// Batch of version 2 whose header states this number of records.
fn batch(records: i32, packed: &[u8]) -> Vec<u8> {
    let mut batch = vec![0; 8];
    batch.extend((packed.len() as i32 + 49).to_be_bytes());
    batch.extend([0, 0, 0, 0, 2]);
    batch.extend([0; 6]);
    batch.extend((records - 1).to_be_bytes());
    batch.extend([0; 30]);
    batch.extend(records.to_be_bytes());
    batch.extend(packed);
    batch
}

/// Message of version 1.
fn message(value: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 8];
    message.extend((22 + value.len() as i32).to_be_bytes());
    message.extend([0, 0, 0, 0, 1, 1]);
    message.extend([0; 8]);
    message.extend((-1_i32).to_be_bytes());
    message.extend((value.len() as i32).to_be_bytes());
    message.extend(value);
    message
}

/// Place of packed bytes behind the header of a batch, and behind that of a message.
const IN_BATCH: usize = 61;
const IN_MESSAGE: usize = 34;

/// Unpacks gzip as librdkafka would.
fn unpacked_gzip(packed: &[u8]) -> Option<&'static [u8]> {
    let mut size = 0;
    // SAFETY: the slice is readable, and within what the tests make around it.
    let start = unsafe { unpack_gzip(packed.as_ptr().cast(), packed.len() as c_int, &raw mut size) };
    // SAFETY: the block has as many bytes, and is never freed.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), size as usize) })
}

/// Unpacks snappy as librdkafka would, with and without the chunks of snappy-java.
fn unpacked_snappy(packed: &[u8]) -> Option<Vec<u8>> {
    let mut size = 0;
    let (start, packed_size) = (packed.as_ptr().cast(), packed.len());
    // SAFETY: the slice is readable, and within what the tests make around it.
    if !unsafe { snappy_size(start, packed_size, &raw mut size) } {
        return None;
    }
    let mut output = vec![0; size];
    // SAFETY: the same, and there is room for the size.
    let code = unsafe { unpack_snappy(start, packed_size, output.as_mut_ptr().cast()) };
    (code == 0).then_some(output)
}

fn unpacked_snappy_java(packed: &[u8]) -> Option<Vec<u8>> {
    let (mut size, mut error) = (0, [1; 8]);
    let chunks = &packed[SNAPPY_JAVA_HEADER..];
    // SAFETY: the slice is readable, and within what the tests make around it; its header comes before it.
    unsafe {
        let start = packed.as_ptr().add(SNAPPY_JAVA_HEADER).cast();
        let start = unpack_snappy_java(start, chunks.len(), &raw mut size, error.as_mut_ptr(), error.len());
        let unpacked = (!start.is_null()).then(|| bytes(start.cast(), size).to_vec());
        free(start);
        unpacked
    }
}

#[test]
fn gzip_is_held_against_the_number_of_records() {
    nesting::begin();
    let two = [gzipped(&RECORD), gzipped(&record(1))].concat();
    for (stated, packed) in [(1, &two), (3, &two), (0, &two), (1, &gzipped(&[])), (0, &gzipped(&[]))] {
        assert_eq!(unpacked_gzip(&batch(stated, packed)[IN_BATCH..]), None, "{stated} stated");
    }
    assert_eq!(unpacked_gzip(&batch(2, &gzipped(&records(2)[..13]))[IN_BATCH..]), None);
    assert_eq!(unpacked_gzip(&batch(2, &two)[IN_BATCH..]), Some(&records(2)[..]));
    assert_eq!(unpacked_gzip(&[]), None);
    nesting::end();
}

#[test]
fn snappy_is_bounded_and_held_against_the_records() {
    let framed = |chunks: &[&[u8]]| {
        let chunks = chunks.iter().flat_map(|chunk| [&(chunk.len() as u32).to_be_bytes(), *chunk].concat());
        [vec![0; SNAPPY_JAVA_HEADER], chunks.collect()].concat()
    };
    let (one, two, second) = (snapped(&RECORD), snapped(&records(2)), snapped(&record(1)));
    let too_large = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    nesting::begin();
    let plain = |stated, packed: &[u8]| unpacked_snappy(&batch(stated, packed)[IN_BATCH..]);
    assert_eq!(plain(2, &two), Some(records(2)));
    assert_eq!(plain(1, &two), None);
    assert_eq!(plain(2, &snapped(&records(2)[..13])), None);
    assert_eq!(plain(1, &[0]), None, "nothing");
    assert_eq!(plain(1, &too_large), None);
    assert_eq!(plain(1, &[7, 0]), None, "less than it claims");
    let java = |stated, chunks: &[&[u8]]| unpacked_snappy_java(&batch(stated, &framed(chunks))[IN_BATCH..]);
    assert_eq!(java(2, &[&one, &second]), Some(records(2)));
    assert_eq!(java(3, &[&two, &snapped(&record(2))]), Some(records(3)));
    assert_eq!(java(1, &[&one, &one]), None);
    assert_eq!(java(1, &[&[0], &[0]]), None, "nothing");
    assert_eq!(java(1, &[&too_large]), None);
    assert_eq!(java(1, &[&[7, 0]]), None, "less than it claims");
    nesting::end();
}

#[test]
fn nothing_is_refused_whatever_its_codec() {
    let lz4: &mut [u8] = &mut [4, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0, 0, 0, 0, 5, 0x5d, 0xcc, 2];
    let zstd: &mut [u8] = &mut zstd::bulk::compress(b"", 3).expect("memory is enough");
    let (mut output, mut size) = (null_mut(), 0);
    // SAFETY: the slices are readable; neither call comes to a use of the broker.
    unsafe {
        let (start, count) = (lz4.as_mut_ptr().cast(), lz4.len());
        assert_eq!(unpack_lz4(null_mut(), 1, 0, start, count, &raw mut output, &raw mut size), REFUSED);
        let (start, count) = (zstd.as_mut_ptr().cast(), zstd.len());
        assert_eq!(unpack_zstd(null_mut(), start, count, &raw mut output, &raw mut size), REFUSED);
        assert_eq!(unpack_zstd(null_mut(), null_mut(), 0, &raw mut output, &raw mut size), REFUSED);
    }
}

#[test]
fn messages_are_unpacked_twice_and_no_deeper() {
    let once = message(&gzipped(&message(b"one")));
    let thrice = message(&gzipped(&message(&gzipped(&message(&gzipped(&message(b"three")))))));
    // What comes before a batch in an answer.
    let (once, thrice) = ([vec![0; 60], once].concat(), [vec![0; 60], thrice].concat());
    nesting::begin();
    let first = unpacked_gzip(&thrice[60 + IN_MESSAGE..]).expect("packed once");
    let second = unpacked_gzip(&first[IN_MESSAGE..]).expect("packed twice");
    assert_eq!(unpacked_gzip(&second[IN_MESSAGE..]), None);
    // The next within the first, and the next of the answer.
    assert!(unpacked_gzip(&first[IN_MESSAGE..]).is_some());
    assert_eq!(unpacked_gzip(&once[60 + IN_MESSAGE..]), Some(&message(b"one")[..]));
    nesting::end();
}

#[test]
fn only_batches_are_held_against_their_header() {
    // Telemetry is packed too; nothing is known of what comes before it.
    assert_eq!(unpacked_gzip(&gzipped(b"no records")), Some(&b"no records"[..]));
}
