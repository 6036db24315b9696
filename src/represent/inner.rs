//! Instances of modules that a plan has, and those of their outputs that have a value. A plan does not list either, but the changes
//! of a plan and the text of the configuration tell.

use super::names::{Name, Subject, Tail};
use formwork_addr::{InstanceKey, ModuleInstance, ModulePath, ResourceAddr};
use formwork_config::{Config, ModuleCall, Repetition};
use formwork_lang::references;
use formwork_plan::{Action, Plan};
use formwork_syntax::{Expr, ExprKind};
use formwork_value::Value;
use std::collections::BTreeSet;

/// The instances of all modules but the root that are there when the plan is done. Those of a part are the ones that have
/// something in them.
pub fn modules(config: &Config, plan: &Plan) -> BTreeSet<ModuleInstance> {
    let mut found = BTreeSet::new();
    for change in plan.changes.iter().filter(|c| !matches!(c.action, Action::Delete | Action::Forget)) {
        let mut next = Some(change.addr.resource.module.clone());
        while let Some(at) = next.filter(|at| !at.is_root()) {
            next = at.parent();
            found.insert(at);
        }
    }
    if plan.is_partial() {
        return found;
    }
    let mut open = vec![ModuleInstance::default()];
    while let Some(at) = open.pop() {
        let calls = config.module(&at.path()).into_iter().flat_map(|module| module.calls.values());
        for call in calls {
            let said = says(config, call, &at.path()).map(|key| at.child(call.name.name.clone(), key));
            found.extend(said);
            let is_inner = |m: &&ModuleInstance| {
                m.parent().as_ref() == Some(&at)
                    && m.steps().last().is_some_and(|step| step.name == call.name.name)
            };
            open.extend(found.iter().filter(is_inner).cloned());
        }
    }
    found
}

/// The key of an instance that the text alone says is there. One of a repeated module stands for all of them, and only where
/// nothing in it has an address.
fn says(config: &Config, call: &ModuleCall, path: &ModulePath) -> Option<InstanceKey> {
    let inner = path.child(call.name.name.clone());
    let holds = || config.modules.iter().any(|(p, m)| p.0.starts_with(&inner.0) && !m.resources.is_empty());
    let none = |e: &Expr| matches!(&e.kind, ExprKind::Number(n) if &**n == "0");
    match &call.repetition {
        Repetition::Single => Some(InstanceKey::None),
        Repetition::Count(e) if !none(e) && !holds() => Some(InstanceKey::None),
        Repetition::ForEach(_) if !holds() => Some(InstanceKey::None),
        Repetition::Count(_) | Repetition::ForEach(_) | Repetition::Enabled(_) => None,
    }
}

/// Whether an output certainly has no value: it is null, or an attribute that is.
pub fn is_null(expr: &Expr, at: &ModuleInstance, plan: &Plan) -> bool {
    match &expr.kind {
        ExprKind::Null => true,
        ExprKind::Attr(..) => attribute(expr, at, plan).is_some_and(Value::is_null),
        _ => false,
    }
}

/// The attribute of an object that an expression names.
fn attribute<'a>(expr: &Expr, at: &ModuleInstance, plan: &'a Plan) -> Option<&'a Value> {
    let all = references(expr);
    let [reference] = all.as_slice() else { return None };
    let name = Name::of(reference);
    let (Subject::Resource(resource, key), [Tail::Attr(attribute)]) = (&name.subject, name.tail.as_slice())
    else {
        return None;
    };
    let addr = ResourceAddr { module: at.clone(), resource: resource.clone() }.instance(key.clone());
    let change = plan.changes.iter().find(|c| c.deposed.is_none() && c.addr == addr)?;
    change.after.as_ref()?.get(attribute)
}
