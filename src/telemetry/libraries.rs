//! Versions of the C libraries in the program.

/// Versions of the C libraries that the program is linked with, as the libraries themselves report them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedLibraries {
    /// The Kafka client.
    pub librdkafka: String,
    /// TLS and SASL of the Kafka client.
    pub openssl: String,
    /// The codec zstd: batches in Kafka, and checkpoints.
    pub zstd: String,
    /// The codec gzip of the Kafka client.
    pub zlib: String,
    /// The codec lz4, in librdkafka's own copy.
    pub lz4: String,
}

impl LinkedLibraries {
    /// Returns the name and version of each library.
    pub fn versions(&self) -> [(&'static str, &str); 5] {
        let Self { librdkafka, openssl, zstd, zlib, lz4 } = self;
        [("librdkafka", librdkafka), ("openssl", openssl), ("zstd", zstd), ("zlib", zlib), ("lz4", lz4)]
    }
}
