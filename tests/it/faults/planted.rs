//! Files that somebody with access to the state directory, but without the pseudonym key, puts there. None of these tests
//! needs a broker.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use pacemeter::clock::Timestamp;
use pacemeter::cuts::{Cut, CutKey, CutStore, cut_id};
use pacemeter::decode::KeyFile;
use pacemeter::disk::RealDisk;
use tempfile::TempDir;

use super::files::{PROMPT, assert_says, settings, state_with_key};
use crate::program::{ExitedProcess, Pacemeter, run_in};

/// Instants of cuts, in milliseconds.
const INSTANTS: [i64; 3] = [1_589_605_200_000, 1_589_691_600_000, 1_589_778_000_000];

/// A state directory with cuts.
struct StateWithCuts {
    state: TempDir,
    ids: Vec<String>,
}

impl StateWithCuts {
    /// Stores cuts of the first instants.
    fn new(count: usize) -> Self {
        let (state, key_path) = state_with_key();
        let KeyFile { key, .. } = KeyFile::load(&key_path).expect("a key").expect("a key");
        let disk = RealDisk::open(state.path(), &[]).expect("a disk");
        let store = CutStore::new(Arc::new(disk), CutKey::new(key.derive(CutKey::CONTEXT)));
        for instant in &INSTANTS[..count] {
            store.put(&cut(*instant)).expect("the cut is stored");
        }
        let ids = INSTANTS.iter().map(|instant| cut_id(Timestamp::from_millis(*instant))).collect();
        Self { state, ids }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.state.path().join("cuts").join(name)
    }

    fn cut_path(&self, place: usize) -> PathBuf {
        self.path(&format!("{}.json", self.ids[place]))
    }

    /// Puts a file in the format of the oldest version in place of a cut.
    fn plant_unsealed(&self, place: usize) {
        let line = serde_json::to_string(&cut(INSTANTS[place])).expect("JSON");
        fs::write(self.cut_path(place), format!("{line}\n{}\n", blake3::hash(line.as_bytes()).to_hex()))
            .expect("a file");
    }

    fn cut_command(&self, arguments: &[&str]) -> ExitedProcess {
        run_in(&self.state, &[&["cut"], arguments].concat(), &settings(&[]))
    }
}

fn cut(instant: i64) -> Cut {
    let at_ms = Timestamp::from_millis(instant);
    Cut {
        id: cut_id(at_ms),
        at_ms,
        at: String::new(),
        taken_ms: at_ms,
        state_built_ms: Timestamp::from_millis(0),
        settings: BTreeMap::new(),
        offsets: Vec::new(),
        periods: Vec::new(),
        targets: Vec::new(),
        corrections: Vec::new(),
    }
}

#[test]
fn an_unsealed_file_is_adopted_only_where_that_is_asked_for() {
    let cuts = StateWithCuts::new(2);
    let [lost, unlisted] = [&cuts.ids[1], &cuts.ids[2]];
    let reason = ["--reason", "a trial"];
    let accept = |arguments: &[&str]| cuts.cut_command(&[&["accept"], arguments, &reason[..]].concat());
    fs::remove_file(cuts.cut_path(1)).expect("removed");
    assert_says(&accept(&["--unsealed"]), 64, &["nothing of the cuts is without a keyed hash"], PROMPT);
    [1, 2].iter().for_each(|place| cuts.plant_unsealed(*place));
    assert_says(&cuts.cut_command(&["verify"]), 65, &["unlike the cut that was stored", "--unsealed"], PROMPT);
    assert_says(&accept(&[lost, "--unsealed"]), 64, &["nothing of cut", "without a keyed hash"], PROMPT);
    assert_says(&accept(&[unlisted]), 64, &["not accepted: 1 files without a keyed hash", "--unsealed"], PROMPT);
    let said = ["was damaged or removed: a trial", ".stranger-<n>, as never a cut", "not accepted: 1 files", unlisted];
    assert_says(&accept(&[]), 0, &said, PROMPT);
    assert!(!cuts.cut_path(1).exists() && cuts.cut_path(2).exists(), "one is renamed, the other waits");
    assert_says(&cuts.cut_command(&["verify"]), 65, &["lost, which was accepted", "has no keyed hash"], PROMPT);
    assert_says(&accept(&["--unsealed"]), 0, &[unlisted, "has no keyed hash from when it was stored"], PROMPT);
    assert_says(&cuts.cut_command(&["verify"]), 0, &["whole since it was accepted without a keyed hash"], PROMPT);
}

#[test]
fn forged_quarantined_files_do_not_prevent_an_acceptance() {
    let cuts = StateWithCuts::new(2);
    fs::write(cuts.cut_path(1), "junk").expect("a file");
    for number in 2..11_000 {
        fs::write(cuts.path(&format!("{}.json.damaged-{number}", cuts.ids[0])), "x").expect("a file");
    }
    let ended = cuts.cut_command(&["accept", "--reason", "a trial"]);
    assert_says(&ended, 0, &["was damaged or removed", "too many to name"], PROMPT * 4);
    assert_says(&cuts.cut_command(&["verify"]), 0, &["lost, which was accepted"], PROMPT);
}

#[test]
fn hard_links_in_the_state_directory_keep_their_mode() {
    let cuts = StateWithCuts::new(1);
    let victim = cuts.state.path().join("victim");
    fs::write(&victim, "of somebody").expect("a file");
    fs::set_permissions(&victim, Permissions::from_mode(0o644)).expect("ours");
    for name in ["20200101T060000Z.json", "20200102T060000Z.json", "20200103T060000Z.json"] {
        fs::hard_link(&victim, cuts.path(name)).expect("a link");
    }
    fs::set_permissions(cuts.cut_path(0), Permissions::from_mode(0o644)).expect("ours");
    let pacemeter = Pacemeter::start(&cuts.state, &settings(&[]));
    let lines = pacemeter.events("pacemeter.state.rights_of_links");
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(line["files"], 3, "{line}");
    assert_eq!(pacemeter.stop().code, Some(0));
    let mode = |path: &PathBuf| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode(&victim), mode(&cuts.cut_path(0))), (0o644, 0o600));
    assert_eq!(fs::read(&victim).expect("a file"), b"of somebody");
}
