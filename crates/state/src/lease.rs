//! The lease: a lock for places that have no kernel to free it when its owner dies.
//!
//! Nothing here reads a clock or talks to anybody. Each function says, from what is stored, what time it is and who asks,
//! what may be done; a backend does it. What a backend must have is one document that it can replace on the condition
//! that nobody replaced it since it was read (S3: `If-Match` and `If-None-Match`; SQL: `where version = …`).
//!
//! # How a backend uses it
//!
//! 1. **Take.** Read the document. [`Lease::take`] says whether it is free: then write what it returns, *on the condition
//!    that the document is still what was read*. If that condition fails somebody was faster: read again. If it is held,
//!    tell the user by whom, and ask again after [`Held::ask_again`] as long as `-lock-timeout` allows.
//! 2. **Fence.** Before the state is read, write the lease's [`token`](Lease::token) into the state itself, again by a
//!    conditional write of what was just read (an object that is rewritten in place gets the token in its body or its
//!    metadata; a table gets `update … set token = $1 where token < $1`). From here on, whoever held the lease before
//!    fails at its next write, because the state is no longer what it read: [`admits`] is that rule. It is this step, not
//!    the clock, that keeps two from writing. The time limits only make sure that nobody waits for the dead.
//! 3. **Write** the state conditionally, each time, on what the last own write left; with the token in it. A condition
//!    that fails means that somebody else has the state now: stop, keep what was not written beside (the local journal),
//!    and tell the user.
//! 4. **Renew** every [`HEARTBEAT_MS`] on a thread of its own: read, [`Lease::renew`], write conditionally. When that says
//!    [`Lost`], or when [`is_safe`] says no (the store did not answer for too long, or this process slept), begin no
//!    calls any more: behave as after an interrupt.
//! 5. **Free.** Read, [`Lease::free`], write conditionally what it returns. The document stays, since its token must
//!    never go back.
//!
//! # Whose clock
//!
//! `now` and [`Lease::renewed`] are times of one clock for all: the store's (the `Date` header of its answers, `now()` of
//! the database). So the clocks of machines need not agree. A writer asks [`is_safe`] with its own clock, which needs to
//! measure short stretches well: the limit is two thirds of what others wait, so a clock that is a tenth too slow does no harm.
//! Even a clock that is wrong altogether only costs a refused write, because of step 2.

use crate::LockInfo;
use serde::{Deserialize, Serialize};

/// How often the owner renews, in milliseconds.
pub const HEARTBEAT_MS: u64 = 10_000;

/// After so long without a renewal an owner counts as dead, in milliseconds of the store's clock.
pub const EXPIRES_MS: u64 = 45_000;

/// After so long without a renewal that succeeded an owner begins nothing any more, in milliseconds of its own clock.
pub const SAFE_MS: u64 = 30_000;

/// How long to wait before the next look at a lease that is held, at most, in milliseconds.
pub const ASK_AGAIN_MS: u64 = 5_000;

/// The document that says who may write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Lease {
    /// Grows each time that the lease changes hands, and never shrinks: the fencing token.
    pub token: u64,
    /// Who has it; `None` when it was freed.
    pub owner: Option<LockInfo>,
    /// When the owner last said that it lives: milliseconds of the store's clock.
    pub renewed: u64,
}

/// Why a lease cannot be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Who has it.
    pub owner: LockInfo,
    /// When it is free at the latest if its owner is dead: milliseconds from now.
    pub free_in: u64,
}

impl Held {
    /// How long to wait before looking again, in milliseconds.
    pub fn ask_again(&self) -> u64 {
        self.free_in.clamp(1, ASK_AGAIN_MS)
    }
}

/// The lease belongs to somebody else now, or to nobody. Its former owner must not write.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// Who has it.
    pub owner: Option<LockInfo>,
}

impl Lease {
    /// What to store to own the lease, or who has it. `stored` is what was read; `None` when there is no document.
    pub fn take(stored: Option<&Lease>, me: &LockInfo, now: u64) -> Result<Lease, Held> {
        let token = stored.map_or(0, |lease| lease.token) + 1;
        match stored.and_then(|lease| Some((lease, lease.owner.as_ref()?))) {
            // An id is random and drawn for each run: the answer to our own request got lost, and it had its effect.
            Some((lease, owner)) if owner.id == me.id => Ok(Lease { renewed: now, ..lease.clone() }),
            Some((lease, owner)) if !lease.is_expired(now) => {
                Err(Held { owner: owner.clone(), free_in: lease.expires().saturating_sub(now) })
            }
            _ => Ok(Lease { token, owner: Some(me.clone()), renewed: now }),
        }
    }

    /// What to store to keep the lease. `self` is what its owner stored last.
    pub fn renew(&self, stored: Option<&Lease>, now: u64) -> Result<Lease, Lost> {
        self.still_in(stored)?;
        Ok(Lease { renewed: now, ..self.clone() })
    }

    /// What to store to give the lease up.
    pub fn free(&self, stored: Option<&Lease>) -> Result<Lease, Lost> {
        self.still_in(stored)?;
        Ok(Lease { owner: None, ..self.clone() })
    }

    /// What to store so that whoever has the lease loses it (`force-unlock`), if it is the owner with this id. The token
    /// grows with the next owner.
    pub fn break_up(stored: Option<&Lease>, id: &str) -> Result<Lease, Lost> {
        match stored {
            Some(lease) if lease.owner.as_ref().is_some_and(|owner| owner.id == id) => {
                Ok(Lease { owner: None, ..lease.clone() })
            }
            other => Err(Lost { owner: other.and_then(|lease| lease.owner.clone()) }),
        }
    }

    /// Whether the owner counts as dead.
    pub fn is_expired(&self, now: u64) -> bool {
        now > self.expires()
    }

    fn expires(&self) -> u64 {
        self.renewed.saturating_add(EXPIRES_MS)
    }

    /// Whether the stored document says that this owner still has it. An expired one that nobody took is still its own.
    fn still_in(&self, stored: Option<&Lease>) -> Result<(), Lost> {
        let id = |lease: &Lease| lease.owner.as_ref().map(|owner| owner.id.clone());
        match stored {
            Some(lease) if lease.token == self.token && lease.owner.is_some() && id(lease) == id(self) => {
                Ok(())
            }
            other => Err(Lost { owner: other.and_then(|lease| lease.owner.clone()) }),
        }
    }
}

/// Whether the owner may begin something, by its own clock. `since` is when it *sent* the last renewal that succeeded: the
/// store's time of it is later, so this errs to the safe side.
pub fn is_safe(since: u64, now: u64) -> bool {
    now.checked_sub(since).is_some_and(|passed| passed < SAFE_MS)
}

/// Whether a state that was last fenced or written with `seen` takes a write with `token`.
pub fn admits(seen: u64, token: u64) -> bool {
    token >= seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me(id: &str) -> LockInfo {
        LockInfo { id: id.into(), who: format!("{id}@host"), ..LockInfo::default() }
    }

    #[test]
    fn the_living_keep_it_and_the_dead_do_not() {
        let mine = Lease::take(None, &me("a"), 1_000).unwrap();
        assert_eq!((mine.token, mine.renewed), (1, 1_000));
        let held = Lease::take(Some(&mine), &me("b"), 11_000).unwrap_err();
        assert_eq!((held.owner.id.as_str(), held.free_in, held.ask_again()), ("a", 35_000, 5_000));
        // A renewal counts from when it was made.
        let renewed = mine.renew(Some(&mine), 40_000).unwrap();
        Lease::take(Some(&renewed), &me("b"), 80_000).unwrap_err();
        let theirs = Lease::take(Some(&renewed), &me("b"), 85_001).unwrap();
        assert_eq!(theirs.token, 2);
        // Who wakes up has lost it, whatever it wants.
        assert_eq!(renewed.renew(Some(&theirs), 86_000).unwrap_err().owner, theirs.owner);
        renewed.free(Some(&theirs)).unwrap_err();
        assert!(!admits(theirs.token, renewed.token) && admits(theirs.token, theirs.token));
    }

    #[test]
    fn an_answer_that_got_lost_is_no_second_owner() {
        let mine = Lease::take(None, &me("a"), 0).unwrap();
        assert_eq!(Lease::take(Some(&mine), &me("a"), 5).unwrap(), Lease { renewed: 5, ..mine });
    }

    #[test]
    fn tokens_never_go_back() {
        let mine = Lease::take(None, &me("a"), 0).unwrap();
        let free = mine.free(Some(&mine)).unwrap();
        assert_eq!((free.token, &free.owner), (1, &None));
        mine.renew(Some(&free), 1).unwrap_err();
        assert_eq!(Lease::take(Some(&free), &me("a"), 2).unwrap().token, 2);
    }

    #[test]
    fn only_the_owner_that_is_named_is_thrown_out() {
        let mine = Lease::take(None, &me("a"), 0).unwrap();
        assert_eq!(Lease::break_up(Some(&mine), "b").unwrap_err().owner, mine.owner);
        Lease::break_up(None, "a").unwrap_err();
        let broken = Lease::break_up(Some(&mine), "a").unwrap();
        mine.renew(Some(&broken), 1).unwrap_err();
        assert_eq!(Lease::take(Some(&broken), &me("b"), 1).unwrap().token, 2);
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

    #[test]
    fn the_document_is_plain_json() {
        let lease = Lease::take(None, &me("a"), 7).unwrap();
        let text = serde_json::to_string(&lease).unwrap();
        assert!(text.starts_with(r#"{"token":1,"owner":{"ID":"a","#), "{text}");
        assert_eq!(serde_json::from_str::<Lease>(&text).unwrap(), lease);
    }
}
