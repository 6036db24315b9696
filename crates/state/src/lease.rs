//! The lease: a lock for places that have no kernel to free it when its owner dies.
//!
//! Nothing here reads a clock or talks to anybody. Each function says, from what is stored, what time it is and who asks,
//! what may be done; a backend does it. What a backend must have are documents that it can write on the condition that
//! nobody did so since they were read (S3: `If-Match` and `If-None-Match`): one that is the lock, and the state.
//!
//! # How a backend uses it
//!
//! 1. **Take.** Write the lock, *on the condition that there is none*. If there is one, read it, and ask [`turn`]: a lock
//!    whose owner counts as dead is replaced on the condition that it is still what was read. If that fails somebody was
//!    faster. If it is held, ask again after at most [`ASK_AGAIN_MS`], as long as `-lock-timeout` allows.
//! 2. **Fence.** Before the state is read, write the next *fencing token* into it, on the condition that it is still what was
//!    read. From here on, whoever held the lock before fails at the next write, because the state is no longer what it
//!    wrote last. It is this step, not the clock, that keeps two from writing. The time limits only make sure that nobody
//!    waits for the dead, and that those who are taken for dead do not go on calling.
//! 3. **Write** the state each time on the condition that it is what the last own write left. A condition that fails means
//!    that somebody else has the state now: stop, keep what was not written elsewhere, and tell the user.
//! 4. **Renew** every [`HEARTBEAT_MS`] on a thread of its own: write the lock anew, on the condition that it is what was written
//!    last. If it is not, and [not ours](is_ours) either, it is lost: begin nothing any more. While [`is_safe`] says no (the
//!    store did not answer for too long, or this process slept), begin nothing until it was renewed.
//! 5. **Free.** Remove the lock, if it is still ours.
//!
//! # Whose clock
//!
//! `now` and [`Found::renewed`] are times of one clock for all: the store's (the `Date` header of its answers). So the clocks
//! of machines need not agree. A writer asks [`is_safe`] with its own clock, which needs to measure short stretches well,
//! those included in which the machine sleeps: the limit is two thirds of what others wait, so a clock that is a tenth
//! too slow does no harm. Even a clock that is wrong altogether only costs a refused write, because of step 2.

use crate::LockInfo;

/// How often the owner renews, in milliseconds.
pub const HEARTBEAT_MS: u64 = 10_000;

/// After so long without a renewal an owner counts as dead, in milliseconds of the store's clock.
pub const EXPIRES_MS: u64 = 45_000;

/// After so long without a renewal that succeeded an owner begins nothing any more, in milliseconds of its own clock.
pub const SAFE_MS: u64 = 30_000;

/// How long to wait before the next look at a lock that is held, at most, in milliseconds.
pub const ASK_AGAIN_MS: u64 = 2_000;

/// A lock as a store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Who has it.
    pub owner: LockInfo,
    /// When it was last written: milliseconds of the store's clock.
    pub renewed: u64,
    /// How long it holds after that, in milliseconds; `None` for one that is never renewed, as Terraform's are.
    pub lasts: Option<u64>,
}

/// What whoever wants a lock may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Write it, on the condition that there is none.
    Free,
    /// Nothing: it is ours, and only the answer that said so got lost.
    Ours,
    /// Replace it, on the condition that it is still what was read.
    Over,
    /// Wait.
    Held,
}

/// Whose turn it is. An owner's ID is random, and drawn for each run.
pub fn turn(found: Option<&Found>, me: &LockInfo, now: u64) -> Turn {
    match found {
        None => Turn::Free,
        Some(_) if is_ours(found, me) => Turn::Ours,
        Some(lock) if lock.lasts.is_some_and(|lasts| now > lock.renewed.saturating_add(lasts)) => Turn::Over,
        Some(_) => Turn::Held,
    }
}

/// Whether what is stored is this owner's. An expired lock that nobody took is still its own.
pub fn is_ours(found: Option<&Found>, me: &LockInfo) -> bool {
    found.is_some_and(|lock| lock.owner.id == me.id)
}

/// Whether the owner may begin something, by its own clock. `since` is when it *sent* the last renewal that succeeded: the
/// store's time of it is later, so this errs to the safe side.
pub fn is_safe(since: u64, now: u64) -> bool {
    now.checked_sub(since).is_some_and(|passed| passed < SAFE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me(id: &str) -> LockInfo {
        LockInfo { id: id.into(), who: format!("{id}@host"), ..LockInfo::default() }
    }

    fn lock(id: &str, renewed: u64) -> Found {
        Found { owner: me(id), renewed, lasts: Some(EXPIRES_MS) }
    }

    #[test]
    fn the_living_keep_it_and_the_dead_do_not() {
        assert_eq!(turn(None, &me("a"), 7), Turn::Free);
        let mine = lock("a", 1_000);
        assert_eq!(turn(Some(&mine), &me("b"), 46_000), Turn::Held);
        assert_eq!(turn(Some(&mine), &me("b"), 46_001), Turn::Over);
        // A renewal counts from when it was made.
        assert_eq!(turn(Some(&lock("a", 40_000)), &me("b"), 85_000), Turn::Held);
        // A clock that went back kills nobody.
        assert_eq!(turn(Some(&mine), &me("b"), 0), Turn::Held);
    }

    #[test]
    fn one_without_a_lease_is_held_for_ever() {
        let terraforms = Found { lasts: None, ..lock("t", 0) };
        assert_eq!(turn(Some(&terraforms), &me("a"), u64::MAX), Turn::Held);
    }

    #[test]
    fn an_answer_that_got_lost_is_no_second_owner() {
        assert_eq!(turn(Some(&lock("a", 0)), &me("a"), u64::MAX), Turn::Ours);
        assert!(!is_ours(Some(&lock("b", 0)), &me("a")) && !is_ours(None, &me("a")));
    }

    #[test]
    fn an_owner_stops_long_before_others_take_over() {
        assert!(is_safe(5, 5) && is_safe(0, SAFE_MS - 1));
        assert!(!is_safe(0, SAFE_MS) && !is_safe(5, 4), "a clock that went back is none to trust");
        // A heartbeat may fail twice, and a clock be a tenth too slow.
        const { assert!(3 * HEARTBEAT_MS <= SAFE_MS && SAFE_MS * 10 < EXPIRES_MS * 9) };
        // And the dead block nobody for a minute.
        const { assert!(EXPIRES_MS + 2 * ASK_AGAIN_MS < 60_000) };
    }
}
