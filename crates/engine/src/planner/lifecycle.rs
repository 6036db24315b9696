//! The `lifecycle` block.

use super::Planner;
use crate::cells::{CellId, InstanceInfo, Kind};
use crate::checks;
use crate::evaluator::{Evaluator, Ran};
use crate::gates::Gate;
use crate::graph::Object;
use crate::triggers::Trigger;
use formwork_addr::{InstanceKey, ModulePath, Resource, ResourceMode};
use formwork_diag::Diagnostic;
use formwork_lang::references;
use formwork_plan::{Action, ReplaceOrder};
use formwork_syntax::Expr;
use formwork_value::{Kind as ValueKind, Path, Type, Value, convert};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Checks the postconditions of an instance on its value.
pub(crate) fn postconditions(ev: &mut Evaluator, instance: &InstanceInfo, value: &Value) -> Ran<()> {
    let block = instance.block.block();
    let each = (instance.key(), instance.each.as_ref());
    let list = &block.lifecycle.postconditions;
    checks::conditions(ev, instance.module, Some(each), Some(value), list, &instance.addr, "postcondition")
}

impl Planner<'_> {
    /// Whether something that `replace_triggered_by` names changes.
    pub(super) fn is_triggered(&mut self, triggers: &[Trigger]) -> bool {
        triggers.iter().any(|trigger| {
            let all = match &self.ev.cells.get(trigger.cell).kind {
                Kind::Gate(Gate::All(keys)) => Some(*keys),
                _ => None,
            };
            match all {
                Some(keys) => self.any_changes_at(keys, &trigger.path),
                None => self.changes_at(trigger.cell, &trigger.path),
            }
        })
    }

    /// Whether any instance of a resource changes. All of them are planned, and all who ask are told the same.
    fn any_changes_at(&mut self, keys: CellId, path: &Path) -> bool {
        let known = self.triggered.get(&keys).and_then(|told| told.iter().find(|(at, _)| at == path));
        if let Some((_, changes)) = known {
            return *changes;
        }
        let expansion = self.ev.expansion(keys);
        let changes = expansion.is_some_and(|all| all.iter().any(|(_, cell)| self.changes_at(*cell, path)));
        self.triggered.entry(keys).or_default().push((path.clone(), changes));
        changes
    }

    fn changes_at(&self, cell: CellId, path: &Path) -> bool {
        let Some(draft) = self.draft_of.get(&cell).map(|i| &self.drafts[*i].change) else { return false };
        match draft.action {
            Action::Update | Action::Replace(_) if path.0.is_empty() => true,
            Action::Update | Action::Replace(_) if !path.0.is_empty() => {
                draft.before.as_ref().and_then(|v| v.at(path))
                    != draft.after.as_ref().and_then(|v| v.at(path))
            }
            _ => false,
        }
    }

    /// Resources of which the new object is made before the old one is removed: those that say so, and all that they
    /// need, because the old one cannot go before what is made from it.
    pub(super) async fn create_before_destroy(&mut self) -> FxHashSet<(ModulePath, Resource)> {
        let config = self.caller.setup.config.clone();
        let mut chosen = FxHashSet::default();
        for module in config.modules.values() {
            for (resource, block) in &module.resources {
                let Some(expr) = &block.lifecycle.create_before_destroy else { continue };
                let node = match self.ev.modules.iter().position(|m| m.module.path == module.path) {
                    Some(node) => node,
                    // What has no instance passes it on all the same, if it says so whatever the values are: such an
                    // expression means the same in every module, the root included.
                    None if references(expr).is_empty() => 0,
                    None => continue,
                };
                if self.flag(node as u32, expr, None, "create_before_destroy").await {
                    chosen.insert((module.path.clone(), resource.clone()));
                }
            }
        }
        let mut all = chosen.clone();
        for (path, resource) in chosen {
            for object in self.graph.needs(&Object::Resource(path, resource)) {
                if let Object::Resource(path, resource) = object
                    && resource.mode == ResourceMode::Managed
                {
                    all.insert((path.clone(), resource.clone()));
                }
            }
        }
        all
    }

    /// A boolean of a lifecycle block, which must be known now.
    async fn flag(
        &mut self,
        module: u32,
        expr: &Expr,
        each: Option<(&InstanceKey, Option<&Value>)>,
        what: &str,
    ) -> bool {
        let Some((value, _)) = self.now(module, expr, each).await else { return false };
        match convert(&value.unmark().0, &Type::Bool).as_ref().map(Value::kind) {
            Ok(ValueKind::Bool(b)) => *b,
            other => {
                let found = match other {
                    Ok(ValueKind::Unknown(_)) => "it is only known after apply",
                    _ => "it is not true or false",
                };
                self.ev.diags.push(
                    Diagnostic::error(
                        format!("Invalid {what}"),
                        format!("The value must be known now, and {found}."),
                    )
                    .help("Use a constant, or a variable of the root module.")
                    .at(expr.span),
                );
                false
            }
        }
    }

    /// Refuses to remove what says `prevent_destroy`, and settles the order of replacements.
    pub(super) async fn settle_lifecycle(&mut self) {
        let before_destroy = self.create_before_destroy().await;
        let used = self.stood_on();
        for i in 0..self.drafts.len() {
            let cell = self.drafts[i].cell;
            let change = &mut self.drafts[i].change;
            let resource = (*change.addr.resource.resource).clone();
            let path = change.addr.resource.module.path();
            let create_first = match cell {
                Some(_) => before_destroy.contains(&(path.clone(), resource.clone())),
                None => change.prior.as_ref().is_some_and(|p| p.create_before_destroy),
            };
            change.create_before_destroy = create_first;
            if change.action == Action::NoOp
                && cell.is_some()
                && let Some(prior) = change.prior.as_ref().filter(|p| p.create_before_destroy != create_first)
            {
                // Who removes the object once its block is gone has only the state to tell.
                let mut stored = (**prior).clone();
                stored.create_before_destroy = create_first;
                change.prior = Some(Arc::new(stored));
                let provider = change.provider.clone();
                self.refreshed.set(&change.addr, None, &provider, change.prior.clone());
            }
            if let Action::Replace(order) = &mut change.action {
                *order = match used.get(&change.addr.resource.without_keys()) {
                    Some(user) if create_first => {
                        change.notes.push(format!("the old object stays until {user}, which was made from it, need not wait any more"));
                        ReplaceOrder::CreateBeside
                    }
                    _ if create_first => ReplaceOrder::CreateFirst,
                    _ => ReplaceOrder::DestroyFirst,
                };
            }
            let removed =
                matches!(change.action, Action::Delete | Action::Replace(_)) && change.deposed.is_none();
            let addr = change.addr.clone();
            let config = self.caller.setup.config.clone();
            let Some(module) = config.module(&path) else { continue };
            let Some(block) = module.resources.get(&resource) else { continue };
            let Some(expr) = &block.lifecycle.prevent_destroy else { continue };
            let node = self.ev.by_addr.get(&addr.resource.module).copied();
            let node =
                node.or_else(|| self.ev.modules.iter().position(|m| m.module.path == path).map(|n| n as u32));
            // What is no longer in the configuration has its key, and no value of its own.
            let each = cell.and_then(|c| match &self.ev.cells.get(c).kind {
                crate::cells::Kind::Instance(info) => info.each.clone(),
                _ => None,
            });
            let each = Some((&addr.key, each.as_ref()));
            if removed && self.flag(node.unwrap_or(0), expr, each, "prevent_destroy").await {
                self.ev.diags.push(
                    Diagnostic::error(
                        "Instance cannot be destroyed",
                        format!("{addr} says prevent_destroy, and this plan would destroy it."),
                    )
                    .at(block.span)
                    .label(expr.span, "said here")
                    .help("To destroy it, change prevent_destroy; to keep it, undo what makes the plan destroy it, or leave it out with -target.")
                    .about(&addr),
                );
            }
        }
    }
}
