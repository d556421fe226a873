//! Faults of TLS in librdkafka's lines, told apart by numbers: OpenSSL's codes of errors, the numbers of TLS alerts in them
//! (RFC 8446, section 6), and OpenSSL's codes of verification.

use super::UnreachableCause as Cause;

/// Facility of librdkafka's line about a certificate that is not accepted. Its text ends with that of a callback, which is
/// [`VERDICT`] and OpenSSL's code of verification.
pub(in crate::source) const VERDICT_FACILITY: &str = "SSLCERTVRFY";

/// Text before OpenSSL's code of verification.
pub(in crate::source) const VERDICT: &str = "x509 error ";

/// Library of OpenSSL that speaks TLS, in its codes.
const SSL_LIBRARY: u32 = 20;
/// Number of the first reason that stands for an alert.
const FIRST_ALERT: u32 = 1_000;
/// Alerts of a broker that has no version or cipher suite in common with the client: failed handshake, version of the
/// protocol, insufficient security, inappropriate fallback.
const MISMATCH_ALERTS: [u32; 4] = [40, 70, 71, 86];
/// OpenSSL's reasons (`SSL_R_*`) for which the client finds no version or cipher suite in common: versions 166, 191, 252,
/// 254, 258, 259, 266, 373 and 396; ciphers 181, 183, 185, 193, 248 and 261; groups and signatures 101, 118, 295, 376, 394
/// and 410.
const MISMATCH_REASONS: [u32; 21] =
    [101, 118, 166, 181, 183, 185, 191, 193, 248, 252, 254, 258, 259, 261, 266, 295, 373, 376, 394, 396, 410];

/// Reason for which the client does not accept a broker's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is not in force any more.
    Expired,
    /// It is not in force yet.
    Early,
    /// It is for another name or address.
    OtherName,
    /// No trusted authority has signed it.
    UnknownAuthority,
    /// Another one: OpenSSL's code.
    Other(i32),
    /// One that the client does not tell.
    Unknown,
}

use CertificateFault as Fault;

impl Fault {
    fn of_code(code: i32) -> Self {
        match code {
            9 => Self::Early,
            10 => Self::Expired,
            // Self-signed, alone and in a chain; no issuer, of any and of the first.
            2 | 18 | 19 | 20 | 21 => Self::UnknownAuthority,
            62 | 64 => Self::OtherName,
            code => Self::Other(code),
        }
    }

    /// Reason in a line about a certificate that is not accepted.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (_, verdict) = text.rsplit_once(" verification callback failed: ")?;
        verdict.strip_prefix(VERDICT)?.trim_end().parse().ok().map(Self::of_code)
    }

    /// Sentence about the certificates of listeners at these addresses.
    pub(super) fn sentence(self, at: &str) -> String {
        match self {
            Self::Expired => format!("the certificate of {at} is not trusted: it has expired"),
            Self::Early => format!("the certificate of {at} is not trusted: it is not valid yet"),
            Self::OtherName => format!("the certificate of {at} is not trusted: it is for another name"),
            Self::UnknownAuthority => {
                format!("the certificate of {at} is not trusted: no authority of ssl.ca.location has signed it")
            }
            Self::Other(code) => format!("the certificate of {at} is not trusted (openssl verification error {code})"),
            Self::Unknown => format!("the certificate of {at} is not trusted"),
        }
    }

    /// Instruction that removes the fault.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Expired => "renew it on the broker, or correct the clock of this machine",
            Self::Early => "correct the clock of this machine, or the certificate of the broker",
            Self::OtherName => {
                "name the broker as its certificate does, in kafka.bootstrap_servers and in advertised.listeners of the brokers"
            }
            Self::UnknownAuthority => {
                "set kafka.properties.ssl.ca.location to the certificate of its authority, or correct kafka.bootstrap_servers"
            }
            Self::Other(_) | Self::Unknown => {
                "set kafka.properties.ssl.ca.location to the certificate of its authority, and name the broker as its certificate does"
            }
        }
    }
}

/// Cause in OpenSSL's words, which begin with its code: `error:0A000086:SSL routines::...`.
pub(super) fn cause(text: &str, has_client_certificate: bool) -> Option<Cause> {
    let (_, error) = text.split_once("error:")?;
    let code = u32::from_str_radix(error.get(..8)?, 16).ok()?;
    // OpenSSL packs a library above 23 bits of reason.
    let (library, reason) = (code >> 23, code & 0x007f_ffff);
    if library != SSL_LIBRARY {
        return None;
    }
    let words = error.split_once("SSL routines:").map_or("", |(_, words)| words.trim_start_matches(':'));
    // The words end with the time in the state of the connection, or with advice of librdkafka.
    let words = words.split_once(": SSL alert").map_or(words, |(words, _)| words);
    match reason {
        // The certificate is not accepted.
        134 => Some(Cause::UntrustedCertificate(Fault::Unknown)),
        // What comes is no TLS: a wrong version, a packet that is too long.
        267 | 198 => Some(Cause::TlsUnknown),
        reason => match reason.checked_sub(FIRST_ALERT) {
            Some(alert) => of_alert(alert, words, has_client_certificate),
            // librdkafka's own guess for what came in place of the end of the handshake.
            None if text.contains("client SSL authentication might be required") => Some(Cause::NoClientCertificate),
            None => Some(of_handshake(MISMATCH_REASONS.contains(&reason), words)),
        },
    }
}

/// Cause of a failed handshake. Only a mismatch is permanent: a broker that starts or stops reports errors of its own.
fn of_handshake(is_mismatch: bool, words: &str) -> Cause {
    let cause = if is_mismatch { Cause::Handshake } else { Cause::TlsFailed };
    cause(words.to_owned())
}

/// Cause of an alert of the broker.
fn of_alert(alert: u32, words: &str, has_client_certificate: bool) -> Option<Cause> {
    let fault = match alert {
        116 => return Some(Cause::NoClientCertificate),
        // Java sends the first of these for no certificate, too.
        42..=46 | 48 | 49 if !has_client_certificate => return Some(Cause::NoClientCertificate),
        42 => "it is bad",
        43 => "it is of an unsupported type",
        44 => "it is revoked",
        45 => "it has expired",
        46 => "it is not acceptable",
        48 => "its authority is unknown",
        49 => "it has no access",
        alert => return Some(of_handshake(MISMATCH_ALERTS.contains(&alert), words)),
    };
    Some(Cause::RefusedClientCertificate(fault))
}
