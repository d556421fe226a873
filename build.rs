//! Tells the linker to lead librdkafka's calls that unpack batches through `src/source/native/unpacking.rs`, which
//! bounds their memory and refuses those of which librdkafka would lose records, and its call for their checksum through
//! `src/source/native/soundness.rs`, which checks the records of those that are not packed. Its call that makes a record goes
//! through `src/source/native/queue_size.rs`, which counts all its bytes. Its call for a buffer around known bytes also serves
//! `src/source/native/headers.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for function in [
        "rd_kafka_msgset_parse",
        "rd_gz_decompress",
        "rd_kafka_lz4_decompress",
        "rd_kafka_snappy_java_uncompress",
        "rd_kafka_snappy_uncompress",
        "rd_kafka_snappy_uncompressed_length",
        "rd_kafka_zstd_decompress",
        "rd_kafka_buf_new_shadow",
        "rd_slice_crc32c",
        "rd_kafka_op_new_fetch_msg",
    ] {
        println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
    }
}
