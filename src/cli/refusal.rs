//! Reasons why a server shows nothing, each with the next step.

use rustls::{AlertDescription, Error};

use super::client_tls::tls_error;
use crate::runtime::{Exit, Failure};
use crate::settings::printable;

/// Options that give a user and a password.
const PASSWORD_OPTIONS: &str = "pass --user and --password-file, or --http-config-file";
/// Options that give a client certificate.
const CERTIFICATE_OPTIONS: &str = "pass --cert-file and --key-file, or --http-config-file";

/// Failure of a request without a response: 78 if the server is not the one that is trusted, 77 if it refuses the client
/// certificate, else 75.
pub(super) fn without_response(name: &str, is_tls: bool, error: &ureq::Error) -> Failure {
    let (exit, message) = match tls_error(error) {
        Some(Error::InvalidCertificate(reason)) => {
            let message = format!(
                "the certificate of {name} is not trusted: {reason}; name the authority that signed it in --ca-file, and a \
                 name that it has in --server-name"
            );
            (Exit::Configuration, message)
        }
        Some(Error::AlertReceived(alert)) if concerns_client(*alert) => {
            let message = format!(
                "{name} refuses the client's certificate, or that there is none: {alert:?}; {CERTIFICATE_OPTIONS}"
            );
            (Exit::Denied, message)
        }
        Some(Error::InvalidMessage(_)) => (
            Exit::Configuration,
            format!("{name} does not speak TLS; pass --address http://{name} without options of TLS"),
        ),
        Some(other) => {
            let message = format!("no TLS with {name}: {other}; compare min_version and max_version of both sides");
            (Exit::Configuration, message)
        }
        None => {
            let advice = "check that it runs and that http.listen is this address, or pass --address";
            let hint = if is_tls || is_unreached(error) { "" } else { "; with TLS, begin the address with https://" };
            (Exit::TryAgain, format!("no response from pacemeter at {name}: {error}; {advice}{hint}"))
        }
    };
    Failure::new(exit, printable(&message))
}

/// True if nobody has answered at the address.
fn is_unreached(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::Timeout(_) => true,
        _ => false,
    }
}

/// True if a server ends a handshake so because of the client's certificate.
fn concerns_client(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}

/// Failure of a request whose response is that its access is missing: 77, or 75 if it may be tried again. `None` if the
/// response is another one.
pub(super) fn of_access(name: &str, status: u16, has_credentials: bool, body: &str) -> Option<Failure> {
    let (exit, message) = match status {
        401 if has_credentials => {
            (Exit::Denied, format!("{name} refuses the user or the password; check --user and --password-file"))
        }
        401 => (Exit::Denied, format!("{name} asks for a user and a password; {PASSWORD_OPTIONS}")),
        403 => (Exit::Denied, format!("{name} asks for a client certificate; {CERTIFICATE_OPTIONS}")),
        429 => {
            (Exit::TryAgain, format!("{name} has too many requests or wrong passwords at once; try again in a second"))
        }
        // The answer of a server with TLS to a request without.
        400 if body.contains("this port speaks TLS") => {
            (Exit::Configuration, format!("{name} speaks TLS; pass --address https://{name} and --ca-file"))
        }
        _ => return None,
    };
    Some(Failure::new(exit, printable(&message)))
}

/// Next step after an answer that is not 200, if a command has more to say.
pub(super) fn advice(status: u16, path: &str) -> Option<&'static str> {
    let is_below = |prefix: &str| path.starts_with(prefix);
    match status {
        400 | 404 if is_below("/api/v1/cuts") => Some("pacemeter cut --list lists the cuts that are stored"),
        400 | 404 if is_below("/api/v1/periods") => Some("pacemeter period --help says which periods there are"),
        500 if is_below("/api/v1/cuts") || is_below("/api/v1/periods") => {
            Some("pacemeter cut verify says what is damaged")
        }
        503 if !is_below("/api/v1/status") => Some("pacemeter status says what is missing"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(error: Error) -> ureq::Error {
        ureq::Error::Io(std::io::Error::other(error))
    }

    #[test]
    fn each_reason_has_its_exit_code_and_the_next_step() {
        let untrusted = io(Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer));
        let unwanted = io(Error::AlertReceived(AlertDescription::CertificateRequired));
        let plain = io(Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
        let old = io(Error::AlertReceived(AlertDescription::ProtocolVersion));
        let closed = ureq::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        let absent = ureq::Error::Io(std::io::ErrorKind::ConnectionRefused.into());
        for (is_tls, error, exit, step) in [
            (true, untrusted, Exit::Configuration, "--ca-file"),
            (true, unwanted, Exit::Denied, "pass --cert-file and --key-file"),
            (true, plain, Exit::Configuration, "--address http://here:1"),
            (true, old, Exit::Configuration, "min_version"),
            (false, closed, Exit::TryAgain, "begin the address with https://"),
            (false, absent, Exit::TryAgain, "or pass --address"),
        ] {
            let failure = without_response("here:1", is_tls, &error);
            assert_eq!(failure.exit, exit, "{failure}");
            assert!(failure.message.contains(step) && !failure.message.contains('\n'), "{failure}");
        }
        for (status, has_credentials, exit, step) in [
            (401, false, Exit::Denied, "pass --user"),
            (401, true, Exit::Denied, "check --user"),
            (403, true, Exit::Denied, "--cert-file"),
            (429, true, Exit::TryAgain, "try again"),
        ] {
            let failure = of_access("here:1", status, has_credentials, "").expect("a refusal");
            assert!(failure.exit == exit && failure.message.contains(step), "{failure}");
        }
        let tls = of_access("here:1", 400, false, "this port speaks TLS; use https\n").expect("a refusal");
        assert!(tls.message.contains("--address https://here:1"), "{tls}");
        assert_eq!(of_access("here:1", 400, false, "malformed"), None);
        assert_eq!(of_access("here:1", 503, true, ""), None);
    }
}
