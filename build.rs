//! Tells the linker to lead librdkafka's calls that unpack batches through `src/source/native/unpacking.rs`, which
//! bounds their memory.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for function in
        ["rd_gz_decompress", "rd_kafka_lz4_decompress", "rd_kafka_zstd_decompress", "rd_kafka_buf_new_shadow"]
    {
        println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
    }
}
