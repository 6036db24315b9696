//! The lock: an object beside the state, where Terraform's `use_lockfile` has it, with a lease that its owner renews.

use crate::bucket::{Bucket, If, Object, Put};
use formwork_state::{LockInfo, StateError};
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Whoever has not renewed the lease for this long is taken for dead. Ages are told by the store's clock alone.
const LEASE: i64 = 40;
/// How often it is renewed.
const BEAT: Duration = Duration::from_secs(8);
const ACTION: &str = "lock the state";

/// Where the lock on the state at `key` is.
pub(crate) fn key(state: &str) -> String {
    format!("{state}.tflock")
}

/// A lock as it was found.
pub(crate) struct Found {
    pub(crate) info: LockInfo,
    tag: String,
    /// Its owner has not been heard of for longer than its lease.
    pub(crate) is_over: bool,
}

fn read(object: &Object) -> Found {
    let json: Json = serde_json::from_slice(&object.bytes).unwrap_or_default();
    // Terraform's locks have no lease.
    let lease = json["FormworkLease"]["Seconds"].as_i64();
    Found {
        info: LockInfo::from_json(&object.bytes).unwrap_or_default(),
        tag: object.tag.clone(),
        is_over: lease.is_some_and(|lease| object.age > lease),
    }
}

fn text(info: &LockInfo, beat: u64) -> Vec<u8> {
    let mut json: Json = serde_json::from_str(&info.to_json()).unwrap_or_default();
    json["FormworkLease"] = json!({ "Seconds": LEASE, "Beat": beat });
    json.to_string().into_bytes()
}

/// Who holds the lock.
pub(crate) fn holder(bucket: &Bucket, state: &str) -> Result<Option<Found>, StateError> {
    Ok(bucket.get("look at the lock", &key(state))?.as_ref().map(read))
}

/// A lock that is held, and renewed until this is dropped.
pub(crate) struct Lease {
    bucket: Arc<Bucket>,
    key: String,
    info: LockInfo,
    lost: Arc<AtomicBool>,
    /// Dropped to end the thread.
    beat: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Lease {
    /// One try; the inner error is the owner.
    pub(crate) fn take(
        bucket: &Arc<Bucket>,
        state: &str,
        info: &LockInfo,
    ) -> Result<Result<Lease, Option<LockInfo>>, StateError> {
        let key = key(state);
        let bytes = text(info, 0);
        if let Put::Written(tag) = bucket.put(ACTION, &key, Some(If::Absent), &bytes)? {
            return Ok(Ok(Lease::begin(bucket, key, info, tag)));
        }
        let Some(found) = holder(bucket, state)? else {
            // Freed meanwhile.
            return match bucket.put(ACTION, &key, Some(If::Absent), &bytes)? {
                Put::Written(tag) => Ok(Ok(Lease::begin(bucket, key, info, tag))),
                Put::Refused => Ok(Err(None)),
            };
        };
        if found.is_over {
            // Whoever else has seen it, too, has another tag to offer after this.
            if let Put::Written(tag) = bucket.put(ACTION, &key, Some(If::Tag(&found.tag)), &bytes)? {
                return Ok(Ok(Lease::begin(bucket, key, info, tag)));
            }
        }
        Ok(Err(Some(found.info)))
    }

    fn begin(bucket: &Arc<Bucket>, key: String, info: &LockInfo, tag: String) -> Lease {
        let lost = Arc::new(AtomicBool::new(false));
        let (end, ended) = mpsc::channel::<()>();
        let renewed = (bucket.clone(), key.clone(), info.clone(), lost.clone());
        let thread = std::thread::Builder::new().name("lease".into()).spawn(move || {
            let (bucket, key, info, lost) = renewed;
            let mut tag = tag;
            let mut beat = 0;
            while ended.recv_timeout(BEAT) == Err(mpsc::RecvTimeoutError::Timeout) {
                beat += 1;
                match bucket.put(ACTION, &key, Some(If::Tag(&tag)), &text(&info, beat)) {
                    Ok(Put::Written(next)) => tag = next,
                    // An earlier beat that seemed to have failed may have got through.
                    Ok(Put::Refused) => match bucket.get(ACTION, &key).map(|o| o.as_ref().map(read)) {
                        Ok(Some(found)) if found.info.id == info.id => tag = found.tag,
                        Ok(_) => return lost.store(true, Ordering::Relaxed),
                        Err(_) => {}
                    },
                    // The next beat may get through; if none does, others will take over, and writes are refused.
                    Err(_) => {}
                }
            }
        });
        let beat = thread.ok().map(|thread| (end, thread));
        Lease { bucket: bucket.clone(), key, info: info.clone(), lost, beat }
    }

    /// Whether somebody else has taken or freed it.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
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
        match self.bucket.get(action, &self.key)? {
            Some(object) if read(&object).info.id == self.info.id => self.bucket.delete(action, &self.key),
            _ => Ok(()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop();
    }
}
