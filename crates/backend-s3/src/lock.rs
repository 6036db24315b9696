//! The lock: an object beside the state, where Terraform's `use_lockfile` has it, with a lease that its owner renews. What may be
//! done when is decided in [`formwork_state::lease`].

use crate::bucket::{Bucket, If, Object, Put};
use formwork_state::lease::{self, EXPIRES_MS, HEARTBEAT_MS, Turn};
use formwork_state::{LockInfo, StateError};
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

const ACTION: &str = "lock the state";
/// After a heartbeat that got no answer, the next one comes sooner.
const HURRY: Duration = Duration::from_secs(2);
/// How often freeing is tried.
const TRIES: usize = 5;

/// Where the lock on the state at `key` is.
pub(crate) fn key(state: &str) -> String {
    format!("{state}.tflock")
}

/// A lock as it was found.
pub(crate) struct Found {
    /// `renewed` is 0: times count from when it was written.
    lock: lease::Found,
    /// Milliseconds since it was written, by the store's clock.
    age: u64,
    tag: String,
}

impl Found {
    pub(crate) fn info(self) -> LockInfo {
        self.lock.owner
    }

    /// Whose turn it is, if this one wants it.
    fn turn(&self, me: &LockInfo) -> Turn {
        lease::turn(Some(&self.lock), me, self.age)
    }

    /// Its owner has not been heard of for longer than its lease.
    pub(crate) fn is_over(&self) -> bool {
        self.turn(&LockInfo::default()) == Turn::Over
    }
}

fn read(object: &Object) -> Found {
    let json: Json = serde_json::from_slice(&object.bytes).unwrap_or_default();
    // Terraform's locks have no lease.
    let lasts = json["FormworkLease"]["Seconds"].as_u64().map(|seconds| seconds.saturating_mul(1_000));
    let owner = LockInfo::from_json(&object.bytes).unwrap_or_default();
    let age = u64::try_from(object.age).unwrap_or(0).saturating_mul(1_000);
    Found { lock: lease::Found { owner, renewed: 0, lasts }, age, tag: object.tag.clone() }
}

fn text(info: &LockInfo, beat: u64) -> Vec<u8> {
    let mut json: Json = serde_json::from_str(&info.to_json()).unwrap_or_default();
    json["FormworkLease"] = json!({ "Seconds": EXPIRES_MS / 1_000, "Beat": beat });
    json.to_string().into_bytes()
}

/// Who holds the lock.
pub(crate) fn holder(bucket: &Bucket, state: &str) -> Result<Option<Found>, StateError> {
    Ok(bucket.get("look at the lock", &key(state))?.as_ref().map(read))
}

/// A lock that is held, and renewed until this is dropped.
pub(crate) struct Lease {
    held: Arc<Held>,
    /// Dropped to end the thread.
    beat: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

/// What the owner and the thread that renews have in common.
pub(crate) struct Held {
    bucket: Arc<Bucket>,
    /// For what is worth nothing when it comes late.
    hasty: Bucket,
    key: String,
    info: LockInfo,
    lost: AtomicBool,
    /// When the last renewal that succeeded was sent, by this machine's clock.
    since: AtomicU64,
    /// The tag of what was written last, and how many times it was renewed.
    last: Mutex<(String, u64)>,
}

impl Held {
    /// Whether nothing may be begun at the moment: it was lost, or the store has not been heard of for too long.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let now = self.bucket.now_ms();
        self.lost.load(Ordering::Relaxed) || !lease::is_safe(self.since.load(Ordering::Relaxed), now)
    }

    /// Writes the lock anew; whether it is still ours.
    fn renew(&self, bucket: &Bucket) -> Result<bool, StateError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.lost.load(Ordering::Relaxed) {
            last.1 += 1;
            let sent = self.bucket.now_ms();
            let text = text(&self.info, last.1);
            if let Put::Written(tag) = bucket.put(ACTION, &self.key, Some(If::Tag(&last.0)), &text)? {
                last.0 = tag;
                self.since.store(sent, Ordering::Relaxed);
                return Ok(true);
            }
            // An earlier one that seemed to have failed may have got through.
            match bucket.get(ACTION, &self.key)?.as_ref().map(read) {
                Some(found) if lease::is_ours(Some(&found.lock), &self.info) => last.0 = found.tag,
                _ => self.lost.store(true, Ordering::Relaxed),
            }
        }
        Ok(false)
    }
}

impl Lease {
    /// One try; the inner error is the owner.
    pub(crate) fn take(
        bucket: &Arc<Bucket>,
        state: &str,
        info: &LockInfo,
    ) -> Result<Result<Lease, Option<LockInfo>>, StateError> {
        let (key, bytes) = (key(state), text(info, 0));
        let mut asked = bucket.now_ms();
        if let Put::Written(tag) = bucket.put(ACTION, &key, Some(If::Absent), &bytes)? {
            return Ok(Ok(Lease::begin(bucket, key, info, tag, asked)));
        }
        let found = holder(bucket, state)?;
        let condition = match &found {
            // Freed meanwhile.
            None => If::Absent,
            Some(found) => match found.turn(info) {
                Turn::Ours => {
                    return Ok(Ok(Lease::begin(bucket, key, info, found.tag.clone(), asked)));
                }
                // Whoever else has seen it, too, has another tag to offer after this.
                Turn::Over => If::Tag(&found.tag),
                Turn::Free | Turn::Held => return Ok(Err(Some(found.lock.owner.clone()))),
            },
        };
        asked = bucket.now_ms();
        if let Put::Written(tag) = bucket.put(ACTION, &key, Some(condition), &bytes)? {
            return Ok(Ok(Lease::begin(bucket, key, info, tag, asked)));
        }
        Ok(Err(found.map(Found::info)))
    }

    fn begin(bucket: &Arc<Bucket>, key: String, info: &LockInfo, tag: String, asked: u64) -> Lease {
        let held = Arc::new(Held {
            bucket: bucket.clone(),
            hasty: bucket.hasty(),
            key,
            info: info.clone(),
            lost: AtomicBool::new(false),
            since: AtomicU64::new(asked),
            last: Mutex::new((tag, 0)),
        });
        let (end, ended) = mpsc::channel::<()>();
        let renewed = held.clone();
        let thread = std::thread::Builder::new().name("lease".into()).spawn(move || {
            let mut pause = Duration::from_millis(HEARTBEAT_MS);
            while ended.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                pause = match renewed.renew(&renewed.hasty) {
                    Ok(true) => Duration::from_millis(HEARTBEAT_MS),
                    Ok(false) => return,
                    // The next one may get through; if none does, others will take over, and writes are refused.
                    Err(_) => HURRY,
                };
            }
        });
        Lease { held, beat: thread.ok().map(|thread| (end, thread)) }
    }

    /// What tells at any time whether something may be begun.
    pub(crate) fn held(&self) -> Arc<Held> {
        self.held.clone()
    }

    /// Whether it is still ours, so that something may be begun. Where that is in doubt, the store is asked.
    pub(crate) fn is_ours(&self) -> Result<bool, StateError> {
        if self.held.is_in_doubt() { self.held.renew(&self.held.bucket) } else { Ok(true) }
    }

    /// Tries to write it as if there were none; whether the store lets that happen.
    pub(crate) fn written_again(&self, bucket: &Bucket) -> Result<bool, StateError> {
        // Nothing that is there already: that would be taken for an earlier try of the same write.
        let text = text(&self.held.info, u64::MAX);
        let put = bucket.put(ACTION, &self.held.key, Some(If::Absent), &text)?;
        Ok(matches!(put, Put::Written(_)))
    }

    fn stop(&mut self) {
        if let Some((end, thread)) = self.beat.take() {
            drop(end);
            let _ = thread.join();
        }
    }

    /// Frees it, if it is still ours.
    pub(crate) fn free(mut self) -> Result<(), StateError> {
        self.stop();
        let action = "unlock the state";
        let Held { bucket, hasty, key, info, .. } = &*self.held;
        let mut tries = 0;
        loop {
            tries += 1;
            let found = bucket.get(action, key)?.as_ref().map(read);
            let Some(found) = found.filter(|found| lease::is_ours(Some(&found.lock), info)) else {
                return Ok(());
            };
            // Not sent again blindly: by then it may be somebody else's.
            match hasty.delete_this(action, key, &found.tag) {
                Ok(true) => return Ok(()),
                // A late heartbeat has changed it, or it is somebody else's by now.
                Ok(false) if tries < TRIES => {}
                Ok(false) => return Ok(()),
                Err(error) if tries >= TRIES => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop();
    }
}
