//! The reason for which OpenSSL does not accept a broker's certificate, which librdkafka reports without it.
//!
//! librdkafka asks a callback about each certificate that OpenSSL has judged, and logs the callback's text if the answer is
//! no. The Rust wrapper cannot set the callback, so `build.rs` leads the call that makes a client through [`create`]. The
//! callback changes no verdict: it answers as OpenSSL did, and its text is OpenSSL's code. A client that verifies nothing has
//! no callback, as OpenSSL ignores its answer then: an accepted certificate would be reported as untrusted.

use crate::source::unreachable::VERDICT;
use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaConfRes;
use std::ffi::{CStr, c_char, c_int, c_void};

unsafe extern "C" {
    #[link_name = "__real_rd_kafka_new"]
    fn real_new(
        kind: sys::rd_kafka_type_t,
        config: *mut sys::rd_kafka_conf_t,
        error: *mut c_char,
        error_size: usize,
    ) -> *mut sys::rd_kafka_t;
}

/// Makes a client; one that verifies certificates reports why it does not accept a certificate.
///
/// # Safety
///
/// The wrapper's call, handed on.
#[unsafe(export_name = "__wrap_rd_kafka_new")]
unsafe extern "C" fn create(
    kind: sys::rd_kafka_type_t,
    config: *mut sys::rd_kafka_conf_t,
    error: *mut c_char,
    error_size: usize,
) -> *mut sys::rd_kafka_t {
    // SAFETY: the caller's promise: the configuration lives, or is null for that of the defaults.
    unsafe {
        if !config.is_null() && verifies_certificates(config) {
            sys::rd_kafka_conf_set_ssl_cert_verify_cb(config, Some(on_verdict));
        }
        real_new(kind, config, error, error_size)
    }
}

/// True if clients of a configuration speak TLS and verify certificates.
///
/// # Safety
///
/// The configuration lives, and nobody changes it meanwhile.
unsafe fn verifies_certificates(config: *const sys::rd_kafka_conf_t) -> bool {
    // SAFETY: the caller's promise.
    let property = |name: &CStr| unsafe { property(config, name) };
    property(c"security.protocol").ends_with("ssl") && property(c"enable.ssl.certificate.verification") != "false"
}

/// Returns a short property of a configuration, which is empty if it is not known.
///
/// # Safety
///
/// The configuration lives, and nobody changes it meanwhile.
unsafe fn property(config: *const sys::rd_kafka_conf_t, name: &CStr) -> String {
    // `sasl_plaintext` is the longest.
    let mut value = [0_u8; 32];
    let mut size = value.len();
    // SAFETY: the caller's promise; the value is written up to `size` bytes with its NUL.
    let found = unsafe { sys::rd_kafka_conf_get(config, name.as_ptr(), value.as_mut_ptr().cast(), &mut size) };
    let is_known = found == RDKafkaConfRes::RD_KAFKA_CONF_OK;
    let value = CStr::from_bytes_until_nul(&value).ok().filter(|_| is_known).unwrap_or_default();
    value.to_string_lossy().into_owned()
}

/// Answers as OpenSSL judged: 1 for a certificate that it accepts, else 0 with the code as text.
///
/// # Safety
///
/// librdkafka's call: `x509_error` may be read, and `error_size` bytes at `error` may be written.
unsafe extern "C" fn on_verdict(
    _client: *mut sys::rd_kafka_t,
    _broker_name: *const c_char,
    _broker_id: i32,
    x509_error: *mut c_int,
    _depth: c_int,
    _certificate: *const c_char,
    _certificate_size: usize,
    error: *mut c_char,
    error_size: usize,
    _opaque: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    let code = unsafe { *x509_error };
    if code == 0 {
        return 1;
    }
    let text = format!("{VERDICT}{code}\0");
    if text.len() <= error_size {
        // SAFETY: the caller's promise, and both are apart.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr().cast(), error, text.len()) };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::{null, null_mut};

    /// Answer and text of the callback for a verdict of OpenSSL.
    fn answer(mut code: c_int, room: usize) -> (c_int, String) {
        let mut text = [0_u8; 64];
        let (verdict, place) = (&raw mut code, text.as_mut_ptr().cast());
        // SAFETY: the code and `room` bytes of the text may be written.
        let answer = unsafe { on_verdict(null_mut(), null(), 1, verdict, 0, null(), 0, place, room, null_mut()) };
        (answer, CStr::from_bytes_until_nul(&text).unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn only_clients_that_verify_certificates_have_the_callback() {
        for (protocol, verification, expected) in [
            ("ssl", None, true),
            ("SASL_SSL", Some("true"), true),
            ("ssl", Some("false"), false),
            ("plaintext", None, false),
            ("sasl_plaintext", Some("true"), false),
        ] {
            let mut config = rdkafka::ClientConfig::new();
            config.set("security.protocol", protocol);
            if let Some(verification) = verification {
                config.set("enable.ssl.certificate.verification", verification);
            }
            let native = config.create_native_config().unwrap();
            // SAFETY: the configuration lives.
            let verifies = unsafe { verifies_certificates(native.ptr()) };
            assert_eq!(verifies, expected, "{protocol} {verification:?}");
        }
    }

    #[test]
    fn the_callback_keeps_every_verdict() {
        assert_eq!(answer(0, 64), (1, String::new()));
        assert_eq!(answer(10, 64), (0, "x509 error 10".to_owned()));
        assert_eq!(answer(i32::MIN, 64), (0, format!("x509 error {}", i32::MIN)));
        assert_eq!(answer(62, 8), (0, String::new()), "no room");
    }
}
