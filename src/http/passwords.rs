//! Verification of passwords: bcrypt on one thread beside the runtime, with a bounded queue.
//!
//! A verified pair of user and password is remembered as a hash under a random key, so a scrape costs no bcrypt but the
//! first time. A wrong password is not remembered. It occupies the thread for twice the time that bcrypt takes, so that
//! attempts use at most half of one core, and at most [`MAX_WAITING_PER_PEER`] attempts of a client wait: further ones
//! are refused without bcrypt.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use super::registry::Peer;

/// Maximum number of attempts that wait or are being verified.
pub(super) const MAX_WAITING: usize = 16;
/// Maximum number of them from one client.
pub(super) const MAX_WAITING_PER_PEER: usize = 4;
/// Maximum time in the queue.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Maximum number of remembered pairs. One user has several only with passwords beyond the 72 bytes that count.
const MAX_VERIFIED: usize = 1_024;

/// Result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordCheck {
    Right,
    Wrong,
    /// Too many attempts wait.
    Busy,
}

/// Verifier shared by all requests.
pub(super) struct PasswordVerifier {
    /// Key of the hashes; `None` if the system had no random bytes, which leaves nothing remembered.
    key: Option<[u8; 32]>,
    verified: Mutex<HashSet<[u8; 32]>>,
    attempts: Arc<Mutex<Attempts>>,
    thread: Arc<Semaphore>,
}

/// Attempts in the queue and at the thread.
#[derive(Default)]
struct Attempts {
    total: usize,
    by_peer: HashMap<Peer, usize>,
}

/// Place of an attempt, given back on drop.
struct Place {
    attempts: Arc<Mutex<Attempts>>,
    peer: Peer,
}

impl Place {
    fn take(attempts: &Arc<Mutex<Attempts>>, peer: Peer) -> Option<Self> {
        let mut counts = lock(attempts);
        if counts.total >= MAX_WAITING || counts.by_peer.get(&peer).is_some_and(|count| *count >= MAX_WAITING_PER_PEER)
        {
            return None;
        }
        counts.total += 1;
        *counts.by_peer.entry(peer).or_default() += 1;
        Some(Self { attempts: Arc::clone(attempts), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.attempts);
        counts.total -= 1;
        if let Some(count) = counts.by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.by_peer.remove(&self.peer);
            }
        }
    }
}

impl PasswordVerifier {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        let key = getrandom::fill(&mut key).is_ok().then_some(key);
        Self { key, verified: Mutex::default(), attempts: Arc::default(), thread: Arc::new(Semaphore::new(1)) }
    }

    /// Checks a password of a client at `address`. `users` must not be empty.
    pub(super) async fn check(
        &self,
        users: &BTreeMap<String, String>,
        address: IpAddr,
        user: &str,
        password: &[u8],
    ) -> PasswordCheck {
        let known = users.get(user);
        // An unknown user is compared with the hash of a known one, always the same, and so takes as long.
        let Some(hash) = known.or_else(|| users.values().nth(self.stand_in(user, users.len()))) else {
            return PasswordCheck::Wrong;
        };
        let pair = self.key.map(|key| pair_hash(&key, &[user.as_bytes(), hash.as_bytes(), password]));
        if self.is_verified(pair) {
            return PasswordCheck::Right;
        }
        let Some(place) = Place::take(&self.attempts, Peer::from(address)) else { return PasswordCheck::Busy };
        let permit = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.thread).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return PasswordCheck::Busy };
        // Another request with the same pair may have been before this one in the queue.
        if self.is_verified(pair) {
            return PasswordCheck::Right;
        }
        let (hash, password, is_known) = (hash.clone(), password.to_owned(), known.is_some());
        let (sender, result) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            // The thread holds place and permit: a client that disconnects makes no room for a further attempt.
            let (_place, _permit) = (place, permit);
            let began = Instant::now();
            let is_right = bcrypt::verify(&password, &hash).unwrap_or(false) && is_known;
            // The client may be gone.
            let _ = sender.send(is_right);
            if !is_right {
                thread::sleep(began.elapsed());
            }
        });
        match result.await {
            Ok(true) => {
                self.remember(pair);
                PasswordCheck::Right
            }
            Ok(false) => PasswordCheck::Wrong,
            // The runtime is shutting down.
            Err(_) => PasswordCheck::Busy,
        }
    }

    /// Returns the index of the user with whose hash a password of an unknown user is compared.
    fn stand_in(&self, user: &str, users: usize) -> usize {
        let hash = pair_hash(&self.key.unwrap_or_default(), &[user.as_bytes()]);
        usize::from(u16::from_le_bytes([hash[0], hash[1]])) % users.max(1)
    }

    fn is_verified(&self, pair: Option<[u8; 32]>) -> bool {
        pair.is_some_and(|pair| lock(&self.verified).contains(&pair))
    }

    fn remember(&self, pair: Option<[u8; 32]>) {
        let mut verified = lock(&self.verified);
        if verified.len() >= MAX_VERIFIED {
            verified.clear();
        }
        verified.extend(pair);
    }
}

/// Keyed hash of texts, each with its length before it.
fn pair_hash(key: &[u8; 32], texts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    *hasher.finalize().as_bytes()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
