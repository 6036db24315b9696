//! Everything that the engine tells the screen.

use formwork_addr::{InstanceAddr, Str};
use std::sync::Arc;

/// What is being done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reading a managed object to learn what changed.
    Refresh,
    /// Reading a data source.
    Read,
    /// Asking the provider for a plan.
    Plan,
    /// Making it.
    Create,
    /// Changing it.
    Update,
    /// Removing it.
    Delete,
    /// Finding out what an interrupted operation left.
    Recover,
    /// Finding an object that is to be imported.
    Find,
    /// Recording an object that was imported.
    Import,
    /// Opening something ephemeral.
    Open,
    /// Closing it.
    Close,
}

/// How far a provisioner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It begins.
    Begun,
    /// It printed a line.
    Said(String),
    /// It has ended well.
    Ended,
    /// It has failed; the diagnostic comes with the outcome, if that matters.
    Failed,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A call begins.
    Started {
        /// The instance.
        addr: InstanceAddr,
        /// The deposed object, if it is about one.
        deposed: Option<Str>,
        /// What is done.
        verb: Verb,
        /// The object's `id` attribute, if it has one and it may be shown.
        id: Option<Str>,
    },
    /// A call has ended well.
    Finished {
        /// The instance.
        addr: InstanceAddr,
        /// The deposed object, if it is about one.
        deposed: Option<Str>,
        /// What was done.
        verb: Verb,
        /// The object's `id` attribute, if it has one and it may be shown.
        id: Option<Str>,
    },
    /// How a call that lasts gets on, in the provider's words. There may be many.
    Progress {
        /// The instance.
        addr: InstanceAddr,
        /// The deposed object, if it is about one.
        deposed: Option<Str>,
        /// What is being done.
        verb: Verb,
        /// How far it is.
        what: String,
    },
    /// A call has failed; the diagnostic comes with the outcome.
    Failed {
        /// The instance.
        addr: InstanceAddr,
        /// What was attempted.
        verb: Verb,
    },
    /// What an interrupted earlier run left was settled.
    Recovered {
        /// The instance.
        addr: InstanceAddr,
        /// What was found and done about it, in one sentence.
        what: String,
    },
    /// What a provisioner does.
    Provision {
        /// The instance.
        addr: InstanceAddr,
        /// Which kind: `local-exec`.
        provisioner: Str,
        /// How far it is.
        stage: Stage,
    },
    /// How many steps there are, once.
    Total {
        /// Steps that call a provider.
        steps: usize,
    },
}

/// Takes events as they happen. Must be quick.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;
