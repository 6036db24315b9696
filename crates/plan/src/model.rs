//! The plan as a whole.

use crate::{PlannedChange, ReplaceOrder, serial};
use formwork_addr::{InstanceAddr, Pattern, Str};
use formwork_value::{Mark, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To make things as the configuration says.
    #[default]
    Normal,
    /// To remove everything.
    Destroy,
    /// Only to learn what has changed outside.
    RefreshOnly,
}

/// A change of an output value of the root module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputChange {
    /// Before; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::optional_value")]
    pub before: Option<Value>,
    /// Afterwards; `None` when it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serial::optional_value")]
    pub after: Option<Value>,
    /// Whether people may not see it.
    pub sensitive: bool,
}

/// Why something waits. The names in JSON are Terraform's (`deferred_changes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// `count`, `for_each` or `enabled` is not known: nobody can say which instances there are.
    InstanceCountUnknown,
    /// The provider's configuration is not known, so nobody can be asked.
    ProviderConfigUnknown,
    /// It depends on something that waits.
    DeferredPrereq,
}

impl Cause {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::InstanceCountUnknown => "instance_count_unknown",
            Cause::ProviderConfigUnknown => "provider_config_unknown",
            Cause::DeferredPrereq => "deferred_prereq",
        }
    }
}

/// An instance, resource or module that waits for something to be known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deferred {
    /// What waits. With [`Cause::InstanceCountUnknown`] the address of a resource or of a module without a key at the end,
    /// else the [`PlannedChange::subject`] of a change that is put off.
    pub address: String,
    /// What kind of reason it has.
    pub cause: Cause,
    /// For what, as the end of a sentence: `its "count" depends on terraform_data.a, which is only known after apply`.
    pub reason: String,
    /// For a module, what its blocks declare, with the key `*` wherever nobody knows the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serial::texts")]
    pub within: Vec<InstanceAddr>,
}

/// Something that `-exclude` left out of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// What is left out: an address of an instance, or of a resource or module whose instances are not known.
    pub address: String,
    /// Whether it was named; otherwise it depends on what was, or what was depends on it.
    pub named: bool,
}

/// Which half of a change a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The old object is put aside, so that the new one can be made first.
    Depose,
    /// The object is removed.
    Delete,
    /// The object is made, changed or (for a data source) read.
    Apply,
    /// The object leaves the state.
    Forget,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A part of the change with this index in [`Plan::changes`].
    Change(u32, Part),
    /// Nothing: a place where many edges meet.
    Gate,
}

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// Indices of the steps that must be done before; each smaller than the number of steps, never a cycle.
    pub after: Vec<u32>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// All conditions hold.
    Pass,
    /// Some condition does not hold.
    Fail,
    /// Not known until apply.
    Unknown,
}

/// The outcome of the conditions of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckResult {
    /// The object: an instance, output or variable.
    pub address: String,
    /// How it came out.
    pub status: CheckStatus,
    /// Messages of what failed.
    pub problems: Vec<String>,
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it is for.
    pub mode: Mode,
    /// One for each instance that was looked at (no-ops included) and each deposed object, in the order of their addresses.
    pub changes: Vec<PlannedChange>,
    /// What had changed outside since the state was written: `before` as recorded, `after` as found.
    pub drift: Vec<PlannedChange>,
    /// Outputs of the root module, unchanged ones included.
    pub outputs: BTreeMap<Str, OutputChange>,
    /// What to do, in an order that respects the edges.
    pub steps: Vec<Step>,
    /// What has to wait.
    pub deferred: Vec<Deferred>,
    /// How the conditions came out.
    pub checks: Vec<CheckResult>,
    /// Root module variables that were given, as they were in a saved plan, or have defaults.
    #[serde(with = "serial::values")]
    pub variables: BTreeMap<Str, Value>,
    /// `-target`.
    #[serde(with = "serial::patterns")]
    pub targets: Vec<Pattern>,
    /// `-exclude`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serial::patterns")]
    pub excludes: Vec<Pattern>,
    /// What that left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// `-replace`.
    #[serde(with = "serial::texts")]
    pub replace: Vec<InstanceAddr>,
    /// What becomes ours by import: the ID that each instance is imported by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "serial::imports")]
    pub imports: BTreeMap<InstanceAddr, Str>,
    /// The blocks that were written for what is imported, by the instances that they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "serial::imports")]
    pub generated: BTreeMap<InstanceAddr, Str>,
    /// Digests of whose objects each provider configuration means that was known, by the name that states give it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<Str, String>,
    /// When it was made, RFC 3339 in UTC: the value of `plantimestamp()`.
    pub timestamp: Str,
    /// Serial of the state that it was made from.
    pub prior_serial: u64,
    /// Lineage of the state that it was made from; empty when there was no state.
    pub prior_lineage: String,
    /// The workspace.
    pub workspace: Str,
    /// Planning met errors: what is here is not the whole, and must not be applied.
    pub errored: bool,
}

impl Plan {
    /// Whether only a part of the configuration was planned.
    pub fn is_partial(&self) -> bool {
        !self.targets.is_empty() || !self.excludes.is_empty()
    }

    /// Whether an instance belongs to the part that was planned.
    pub fn selects(&self, addr: &InstanceAddr) -> bool {
        (self.targets.is_empty() || self.targets.iter().any(|t| t.selects(addr)))
            && !self.excludes.iter().any(|e| e.selects(addr))
    }

    /// Whether applying it does anything to resources.
    pub fn has_resource_changes(&self) -> bool {
        self.changes.iter().any(PlannedChange::is_change)
    }

    /// Whether applying it changes anything: outputs, moves, imports and (for refresh-only) recorded drift included.
    pub fn has_changes(&self) -> bool {
        self.has_resource_changes()
            || self.changes.iter().any(|c| c.previous_addr.is_some())
            || !self.imports.is_empty()
            || self.outputs.values().any(|o| self.is_recorded(o))
            || (self.mode == Mode::RefreshOnly && !self.drift.is_empty())
    }

    /// Whether applying it changes what the state has of an output. While nothing is done, what is not known stays as it is, and
    /// an output that the configuration no longer has is no reason to apply anything.
    fn is_recorded(&self, output: &OutputChange) -> bool {
        let known = output.after.as_ref().is_some_and(Value::is_wholly_known);
        output.is_change() && (known || self.mode != Mode::RefreshOnly)
    }

    /// Whether nothing is left to be planned once it is applied.
    pub fn is_complete(&self) -> bool {
        !self.errored && !self.is_partial() && self.deferred.is_empty()
    }

    /// Numbers to add, change and destroy, as the summary line gives them. A replacement counts as both.
    pub fn counts(&self) -> (usize, usize, usize) {
        use crate::Action::{Create, Delete, Replace, Update};
        let count = |f: &dyn Fn(&PlannedChange) -> bool| self.changes.iter().filter(|c| f(c)).count();
        (
            count(&|c| matches!(c.action, Create | Replace(_))),
            count(&|c| matches!(c.action, Update)),
            count(&|c| {
                matches!(c.action, Delete | Replace(ReplaceOrder::DestroyFirst | ReplaceOrder::CreateFirst))
            }),
        )
    }
}

impl OutputChange {
    /// Whether the value changes, or whether people may see it. A null is as good as no value.
    pub fn is_change(&self) -> bool {
        let present = |v: &Option<Value>| v.clone().filter(|v| !v.is_null());
        match (present(&self.before), present(&self.after)) {
            (None, None) => false,
            (Some(a), Some(b)) => {
                let secret = |v: &Value| v.has_mark(Mark::Sensitive);
                secret(&a) != secret(&b)
                    || !a.is_wholly_known()
                    || !b.is_wholly_known()
                    || a.unmark_deep().0 != b.unmark_deep().0
            }
            _ => true,
        }
    }
}
