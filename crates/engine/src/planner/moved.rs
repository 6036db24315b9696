//! Moves in plans of a part, of which none happens that the plan does not show, and in destroys.

use super::{Draft, Planner};
use crate::PlanOptions;
use crate::cells::{CellId, Content, ModuleId, Status};
use crate::deps::Deps;
use crate::refresh::{Prior, as_stored};
use formwork_addr::{InstanceAddr, ModulePath, Pattern, Resource, Target};
use formwork_diag::Diagnostic;
use formwork_plan::{Action, Mode, PlannedChange};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many addresses a message names before it counts the others.
const NAMED: usize = 20;

/// That instances have moved which `-target` or `-exclude` leave out. The state has each at one address only, so it moves with
/// whatever else is planned.
pub(super) fn left_out(
    previous: &BTreeMap<InstanceAddr, InstanceAddr>,
    options: &PlanOptions,
) -> Option<Diagnostic> {
    let selected = |list: &[Pattern], addr: &InstanceAddr| list.iter().any(|p| p.selects(addr));
    let is_left_out = |addr: &&InstanceAddr| {
        !options.targets.is_empty() && !selected(&options.targets, addr) || selected(&options.excludes, addr)
    };
    let found: BTreeSet<&InstanceAddr> =
        previous.iter().flat_map(|(to, from)| [from, to]).filter(is_left_out).collect();
    if found.is_empty() {
        return None;
    }
    let (flag, item, help) = match options.targets.is_empty() {
        true => ("-exclude", "- ", "Plan without -exclude, or do not exclude them."),
        false => ("-target", "-target=", "Plan without -target, or add these."),
    };
    let quote = |addr: &InstanceAddr| match item {
        "- " => addr.to_string(),
        _ => format!("'{addr}'"),
    };
    let mut list: String = found.iter().take(NAMED).map(|a| format!("\n {item}{}", quote(a))).collect();
    if found.len() > NAMED {
        list.push_str(&format!("\n - and {} more", found.len() - NAMED));
    }
    let detail = format!(
        "Instances of the state have new addresses in the configuration, and {flag} leaves out some of their addresses, old or \
         new:{list}"
    );
    Some(Diagnostic::error("Moved resource instances excluded by targeting", detail).help(help))
}

impl Planner<'_> {
    /// In a destroy, finds out which instances the configuration has of what `moved` blocks name: nothing else asks for them.
    pub(super) async fn expand_for_moves(&mut self) {
        let config = self.caller.setup.config.clone();
        if self.options.mode != Mode::Destroy || config.modules.values().all(|module| module.moved.is_empty())
        {
            return;
        }
        let mut named: BTreeSet<(ModulePath, Resource)> = BTreeSet::new();
        for (path, module) in &config.modules {
            for moved in &module.moved {
                if let Target::Instance(from) = &moved.from {
                    let inner = from.resource.module.path();
                    let whole = ModulePath(path.0.iter().chain(&inner.0).cloned().collect());
                    named.insert((whole, (*from.resource.resource).clone()));
                }
            }
        }
        let mut seen = 0;
        while let Some(node) = self.ev.modules.get(seen) {
            let path = &node.module.path;
            let mut cells: Vec<CellId> = node.calls.values().copied().collect();
            let here = named.iter().filter(|(at, _)| at == path);
            cells.extend(here.filter_map(|(_, resource)| self.ev.keys_cell(seen as ModuleId, resource)));
            for cell in cells {
                self.ev.cells.demand(cell);
            }
            self.drain(false).await;
            seen += 1;
        }
    }

    /// Adds the moves of which no change tells: of instances that nobody knows whether they are there, or that keep what they
    /// have because of `-exclude`.
    pub(super) fn tell_moves(&mut self) {
        if self.options.mode == Mode::RefreshOnly {
            return;
        }
        let told: FxHashSet<&InstanceAddr> = self.drafts.iter().map(|d| &d.change.addr).collect();
        let silent = |p: &&Prior| {
            p.deposed.is_none() && self.previous.contains_key(&p.addr) && !told.contains(&p.addr)
        };
        let changes: Vec<PlannedChange> =
            self.priors.iter().filter(silent).filter_map(|p| self.only_moved(p)).collect();
        for change in changes {
            let (seq, inputs) = (self.drafts.len(), Arc::new(Deps::default()));
            self.drafts.push(Draft { change, cell: None, inputs, provider: None, seq });
        }
    }

    /// An object that stays as it is, at another address. `None` where it is gone.
    fn only_moved(&self, prior: &Prior) -> Option<PlannedChange> {
        let cell = self.ev.cells.get(prior.cell);
        let object = match (cell.status, &cell.content) {
            (Status::Ready, Content::Object(found)) => found.clone()?,
            _ => {
                let info = self.ev.type_info(&prior.addr.resource.resource)?;
                Arc::new(as_stored(&info, prior).ok()?)
            }
        };
        Some(PlannedChange {
            addr: prior.addr.clone(),
            deposed: None,
            previous_addr: self.previous.get(&prior.addr).cloned(),
            provider: prior.provider.clone(),
            action: Action::NoOp,
            reason: None,
            before: Some(object.marked.clone()),
            after: Some(object.marked.clone()),
            replace_paths: Vec::new(),
            prior: Some(object.stored.clone()),
            private: object.object.private.clone(),
            schema_version: object.stored.schema_version,
            dependencies: object.stored.dependencies.clone(),
            create_before_destroy: object.stored.create_before_destroy,
            notes: Vec::new(),
            span: None,
        })
    }
}
