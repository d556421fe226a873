//! Hashes and fingerprints, which stored state holds: they must never change.

use super::*;

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes of an event in the order of its fields, then its fingerprint.
fn hashes(draft: &Draft) -> String {
    let (event, _) = draft.decode().unwrap();
    let identifiers = match event.body {
        Body::Disbursement(body) => vec![body.beneficiary, body.credit],
        Body::Call(body) => vec![body.call],
        Body::Agent(body) => vec![body.agent],
        Body::Milestone(_) => vec![],
    };
    let hashes: Vec<String> = [event.id].iter().chain(&identifiers).map(|hash| hex(hash)).collect();
    format!("{} {:08x}", hashes.join(" "), event.fingerprint)
}

#[test]
fn hashes_are_those_of_all_versions() {
    let long = |letter: char, length: usize| format!("\"{}\"", String::from(letter).repeat(length));
    for (draft, expected) in [
        (
            Draft::dispersed(),
            "edf5dea85faa9b7f19f7d9fa2d9f3f3f 6cb3602c8dcdf91442ea3eaa893a0855 54411c24811948ec983c5f0423655b89 15e02109",
        ),
        (
            Draft::dispersed().without("source").with("currency", "null").with("state", "7"),
            "ddeff9aeb557e6530b555f8c617ebb25 6cb3602c8dcdf91442ea3eaa893a0855 54411c24811948ec983c5f0423655b89 2539ad15",
        ),
        (
            Draft::dispersed().with("type", "\"disbursement.applied\"").with("id", &long('i', 128)),
            "441c5ecb4eb76a48d20defd3d24cace4 6cb3602c8dcdf91442ea3eaa893a0855 54411c24811948ec983c5f0423655b89 356af81e",
        ),
        (
            Draft::dispersed().with("source", &long('s', 1_024)).with("beneficiary", &long('b', 65)),
            "7a1b8f9e6e95fa1396a0e9897e6102cc 6ed6d81ab272f5ec251cbba5da4cfeb1 54411c24811948ec983c5f0423655b89 38097127",
        ),
        (
            Draft::dispersed().with("source", &long('s', 61)).with("beneficiary", &long('b', 64)),
            "7c76f9a8f7de9479a4060287718ae646 5af715c72b77c1f74d32ad17b7bfc1f6 54411c24811948ec983c5f0423655b89 171ac271",
        ),
        (Draft::completed(), "b3661a99304c9b0f596b3de7d58b36cc 72de35c8b1eeaa3b0e4cd9fdbb30d6cc 20534c84"),
        (
            Draft::completed().without("hold_seconds").with("call", &long('c', 128)),
            "b3661a99304c9b0f596b3de7d58b36cc 585e6810a06fad5af4521e46a6ac16ce 3b287a5c",
        ),
        (
            Draft::completed().with("type", "\"call.offered\""),
            "b3661a99304c9b0f596b3de7d58b36cc 72de35c8b1eeaa3b0e4cd9fdbb30d6cc 3bb50467",
        ),
        (Draft::agent(), "77c0c42b1b984df7b1c75cf4b8254b61 6aab93af0d1f7ae2b6c4cade2829d32f 27c28ffa"),
        (Draft::agent().without("site"), "77c0c42b1b984df7b1c75cf4b8254b61 6aab93af0d1f7ae2b6c4cade2829d32f 13459fc2"),
        (Draft::milestone(), "917eec5376493dacb39e6f2d15ea7f26 1c06105f"),
    ] {
        assert_eq!(hashes(&draft), expected, "{draft:?}");
    }
}
