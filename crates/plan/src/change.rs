//! Changes of one resource instance.

use crate::serial;
use formwork_addr::{InstanceAddr, ResourceAddr, Str};
use formwork_diag::Span;
use formwork_state::StoredObject;
use formwork_value::{Path, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which half of a replacement comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceOrder {
    /// The old object goes before the new one comes.
    DestroyFirst,
    /// The new object comes before the old one goes.
    CreateFirst,
    /// The new object is made, and the old one put aside. It goes with a later plan, because something was made from it that
    /// has to wait.
    CreateBeside,
}

/// What is going to happen to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    NoOp,
    /// A new object is made.
    Create,
    /// A data source is read during apply.
    Read,
    /// The object is changed in place.
    Update,
    /// A new object takes the place of the old one.
    Replace(ReplaceOrder),
    /// The object is removed.
    Delete,
    /// The object leaves the state and goes on existing.
    Forget,
    /// Nothing yet: what it depends on must be known first.
    Defer,
}

/// Why an action was chosen, where that is not plain from the change itself. The names in JSON are Terraform's
/// (`action_reason`, <https://developer.hashicorp.com/terraform/internals/json-format#change-representation>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The object is tainted.
    ReplaceBecauseTainted,
    /// The user asked for it with `-replace`.
    ReplaceByRequest,
    /// Some attribute cannot change in place.
    ReplaceBecauseCannotUpdate,
    /// `replace_triggered_by` names something that changes.
    ReplaceByTriggers,
    /// The block is gone.
    DeleteBecauseNoResourceConfig,
    /// It moved to where no block is.
    DeleteBecauseNoMoveTarget,
    /// The block has no `count` or `for_each`, or not the kind that made this instance.
    DeleteBecauseWrongRepetition,
    /// `count` no longer reaches this index.
    DeleteBecauseCountIndex,
    /// `for_each` no longer has this key.
    DeleteBecauseEachKey,
    /// The module instance is gone.
    DeleteBecauseNoModule,
    /// `enabled` is false.
    DeleteBecauseEnabledFalse,
    /// The data source's arguments are not known yet.
    ReadBecauseConfigUnknown,
    /// The data source depends on something that changes.
    ReadBecauseDependencyPending,
}

impl Reason {
    /// The name in plan JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::ReplaceBecauseTainted => "replace_because_tainted",
            Reason::ReplaceByRequest => "replace_by_request",
            Reason::ReplaceBecauseCannotUpdate => "replace_because_cannot_update",
            Reason::ReplaceByTriggers => "replace_by_triggers",
            Reason::DeleteBecauseNoResourceConfig => "delete_because_no_resource_config",
            Reason::DeleteBecauseNoMoveTarget => "delete_because_no_move_target",
            Reason::DeleteBecauseWrongRepetition => "delete_because_wrong_repetition",
            Reason::DeleteBecauseCountIndex => "delete_because_count_index",
            Reason::DeleteBecauseEachKey => "delete_because_each_key",
            Reason::DeleteBecauseNoModule => "delete_because_no_module",
            Reason::DeleteBecauseEnabledFalse => "delete_because_enabled_false",
            Reason::ReadBecauseConfigUnknown => "read_because_config_unknown",
            Reason::ReadBecauseDependencyPending => "read_because_dependency_pending",
        }
    }
}

/// What is going to happen to one object, and what it looks like before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedChange {
    /// The instance.
    #[serde(with = "serial::text")]
    pub addr: InstanceAddr,
    /// The deposed object, when the change is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<Str>,
    /// Where the instance was before, when it moved.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::optional_text")]
    pub previous_addr: Option<InstanceAddr>,
    /// The provider configuration: `provider["registry.terraform.io/hashicorp/aws"].west`.
    pub provider: Str,
    /// What happens.
    pub action: Action,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The object now; `None` where there is none. Marks say what is sensitive, by the configuration or the schema.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::optional_value")]
    pub before: Option<Value>,
    /// The object afterwards, unknown where that is not known yet; `None` when there will be none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::optional_value")]
    pub after: Option<Value>,
    /// Paths whose change needs a new object.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serial::paths")]
    pub replace_paths: Vec<Path>,
    /// The object as stored now, refreshed; `None` for a create.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::stored")]
    pub prior: Option<Arc<StoredObject>>,
    /// The provider's private data, from plan to apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serial::bytes")]
    pub private: Vec<u8>,
    /// Version of the schema.
    pub schema_version: u64,
    /// What the new object will be recorded to have been made from.
    #[serde(with = "serial::texts")]
    pub dependencies: Arc<[ResourceAddr]>,
    /// The order that a replacement of it takes.
    pub create_before_destroy: bool,
    /// What the provider wants the reader to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The block's header in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::span")]
    pub span: Option<Span>,
}

impl PlannedChange {
    /// What messages call the object: its address, and which of the deposed ones it is.
    pub fn subject(&self) -> String {
        match &self.deposed {
            Some(key) => format!("{} (deposed object {key})", self.addr),
            None => self.addr.to_string(),
        }
    }

    /// Whether apply has anything to do for it.
    pub fn is_change(&self) -> bool {
        !matches!(self.action, Action::NoOp | Action::Defer)
    }
}
