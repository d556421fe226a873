//! Batches that no producer library writes: bombs of compression, wrong checksums, codecs that do not exist.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Codec in the attributes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    None,
    Gzip,
    /// Gzip in which each record is a member of its own, behind an empty one.
    GzipMembers,
    /// Gzip of nothing.
    GzipEmpty,
    /// Gzip of records of which the last one lacks its last byte.
    GzipCut,
    Snappy,
    Zstd,
    /// A number that stands for no codec.
    Unknown,
    /// No codec, and the mark of a batch that a broker wrote: the client finds no marker in it, and says nothing.
    Marker,
}

/// A batch of equal records.
#[derive(Debug, Clone, Copy)]
pub struct CraftedBatch<'a> {
    pub records: i32,
    pub value: &'a [u8],
    /// Number of headers of each record, of three bytes each.
    pub headers: usize,
    pub codec: Codec,
    /// True if its checksum is wrong.
    pub damaged: bool,
    /// Kafka timestamp, in milliseconds since the epoch.
    pub timestamp: i64,
}

impl CraftedBatch<'_> {
    /// The batch in Kafka's format of version 2.
    pub fn bytes(&self) -> Vec<u8> {
        self.around(self.compressed())
    }

    /// A batch with these records, whatever they say.
    pub fn of_records(&self, records: &[u8]) -> Vec<u8> {
        let body = match self.codec {
            Codec::None | Codec::Unknown | Codec::Marker => records.to_vec(),
            Codec::Gzip | Codec::GzipMembers | Codec::GzipEmpty | Codec::GzipCut => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(records).expect("memory is enough");
                encoder.finish().expect("memory is enough")
            }
            Codec::Zstd => zstd::encode_all(records, 3).expect("memory is enough"),
            Codec::Snappy => snappy(records),
        };
        self.around(body)
    }

    fn around(&self, body: Vec<u8>) -> Vec<u8> {
        let mut covered = Vec::with_capacity(body.len() + 40);
        covered.extend(self.codec_number().to_be_bytes());
        covered.extend((self.records - 1).to_be_bytes());
        covered.extend([self.timestamp.to_be_bytes(), self.timestamp.to_be_bytes()].concat());
        // No producer: id, epoch and sequence.
        covered.extend((-1_i64).to_be_bytes());
        covered.extend((-1_i16).to_be_bytes());
        covered.extend((-1_i32).to_be_bytes());
        covered.extend(self.records.to_be_bytes());
        covered.extend(body);
        let checksum = crc32c(&covered) ^ u32::from(self.damaged);
        let mut batch = 0_i64.to_be_bytes().to_vec();
        batch.extend((4 + 1 + 4 + covered.len() as i32).to_be_bytes());
        batch.extend((-1_i32).to_be_bytes());
        batch.push(2);
        batch.extend(checksum.to_be_bytes());
        batch.extend(covered);
        batch
    }

    fn codec_number(&self) -> i16 {
        match self.codec {
            Codec::None => 0,
            Codec::Gzip | Codec::GzipMembers | Codec::GzipEmpty | Codec::GzipCut => 1,
            Codec::Snappy => 2,
            Codec::Zstd => 4,
            Codec::Unknown => 6,
            Codec::Marker => 1 << 5,
        }
    }

    /// The records, compressed one by one: unpacked they may be larger than memory.
    fn compressed(&self) -> Vec<u8> {
        let write = |sink: &mut dyn Write| {
            for number in 0..self.records {
                sink.write_all(&self.record(number)).expect("memory is enough");
            }
        };
        let mut packed = Vec::new();
        match self.codec {
            Codec::None | Codec::Unknown | Codec::Marker => write(&mut packed),
            Codec::Snappy => {
                let mut records = Vec::new();
                write(&mut records);
                packed = snappy(&records);
            }
            Codec::Gzip => write(&mut GzEncoder::new(&mut packed, Compression::best())),
            Codec::GzipMembers => {
                drop(GzEncoder::new(&mut packed, Compression::best()));
                for number in 0..self.records {
                    let mut member = GzEncoder::new(&mut packed, Compression::best());
                    member.write_all(&self.record(number)).expect("memory is enough");
                }
            }
            Codec::GzipEmpty => drop(GzEncoder::new(&mut packed, Compression::best())),
            Codec::GzipCut => {
                let mut records = Vec::new();
                write(&mut records);
                let whole = &records[..records.len() - 1];
                GzEncoder::new(&mut packed, Compression::best()).write_all(whole).expect("memory is enough");
            }
            Codec::Zstd => {
                let mut encoder = zstd::Encoder::new(&mut packed, 3).expect("a level that exists");
                write(&mut encoder);
                encoder.finish().expect("memory is enough");
            }
        }
        packed
    }

    /// A record: attributes, time delta, offset delta, no key, value, headers.
    fn record(&self, number: i32) -> Vec<u8> {
        let mut content = vec![0, 0];
        content.extend(varint(number.into()));
        content.extend(varint(-1));
        content.extend(varint(self.value.len() as i64));
        content.extend(self.value);
        content.extend(varint(self.headers as i64));
        for _ in 0..self.headers {
            content.extend([varint(1), b"h".to_vec(), varint(-1)].concat());
        }
        let mut record = varint(content.len() as i64);
        record.extend(content);
        record
    }
}

/// Snappy without frames: the length, and the bytes as one literal.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short batch");
    let (mut packed, mut digits) = (Vec::new(), length);
    while digits > 0x7f {
        packed.push(digits as u8 | 0x80);
        digits >>= 7;
    }
    packed.push(digits as u8);
    packed.push(61 << 2);
    packed.extend((length - 1).to_le_bytes());
    packed.extend(bytes);
    packed
}

/// A record at this distance from the first of its batch, whose key and value claim these lengths. Each has a byte unless
/// its length is negative, which Kafka takes for none.
pub fn claiming(delta: i64, key: i64, value: i64) -> Vec<u8> {
    let byte = |length: i64| if length < 0 { &b""[..] } else { b"x" };
    let content = [&[0, 0][..], &varint(delta), &varint(key), byte(key), &varint(value), byte(value), &[0]].concat();
    [varint(content.len() as i64), content].concat()
}

/// Appends a batch to a partition as it is, through the broker at `address`.
pub fn append(address: &str, topic: &str, partition: i32, batch: &[u8]) {
    let text = |text: &str| [&(text.len() as i16).to_be_bytes(), text.as_bytes()].concat();
    // A request to produce, version 7: the first that may carry zstd.
    let mut request = [0_i16.to_be_bytes(), 7_i16.to_be_bytes()].concat();
    request.extend(1_i32.to_be_bytes());
    request.extend(text("crafted"));
    request.extend((-1_i16).to_be_bytes());
    request.extend((-1_i16).to_be_bytes());
    request.extend(30_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    request.extend(text(topic));
    request.extend(1_i32.to_be_bytes());
    request.extend(partition.to_be_bytes());
    request.extend((batch.len() as i32).to_be_bytes());
    request.extend(batch);
    let mut broker = TcpStream::connect(address.trim_start_matches("plaintext://")).expect("the broker listens");
    broker.write_all(&(request.len() as i32).to_be_bytes()).expect("the broker reads");
    broker.write_all(&request).expect("the broker reads");
    let mut length = [0; 4];
    broker.read_exact(&mut length).expect("the broker answers");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    broker.read_exact(&mut answer).expect("the broker answers");
    // Correlation id, one topic, its name, one partition, its number.
    let place = 4 + 4 + 2 + topic.len() + 4 + 4;
    let code = i16::from_be_bytes([answer[place], answer[place + 1]]);
    assert_eq!(code, 0, "the broker refuses the batch");
}

/// A number in the variable length of Kafka's records.
fn varint(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// Checksum of Castagnoli, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

#[test]
fn checksums_and_numbers_are_those_of_the_format() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!((varint(-1), varint(64), varint(300)), (vec![1], vec![0x80, 1], vec![0xd8, 4]));
}
