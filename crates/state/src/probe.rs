//! Moments at which tests interrupt.

/// A moment that matters to what survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Before an intent is appended.
    BeforeIntent,
    /// The intent is durable, the call has not begun.
    IntentWritten,
    /// The request was sent.
    RequestSent,
    /// The call had its effect; nothing of it is recorded yet.
    EffectDone,
    /// The result was written, but not synced.
    ResultUnsynced,
    /// A step of folding the journal into the snapshot.
    Folding(u8),
}

/// Told of each [`Phase`] as it is reached. Programs use `()`.
pub trait Probe: Send + Sync {
    /// The phase is reached.
    fn at(&self, _phase: Phase) {}

    /// The journal is being made durable: once for all operations that wait for it.
    fn syncing(&self) {}
}

impl Probe for () {}
