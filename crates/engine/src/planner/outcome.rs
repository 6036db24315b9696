//! From what was found out to the plan.

use super::Planner;
use crate::PlanOutcome;
use crate::cells::{Content, Status};
use crate::graph::Object;
use crate::order;
use formwork_addr::{InstanceAddr, ModulePath, Resource, Str};
use formwork_diag::{Diagnostic, has_errors};
use formwork_plan::{Action, Deferred, Mode, OutputChange, Plan, PlannedChange, Seen};
use formwork_state::State;
use formwork_value::{Mark, Value};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// How many instances a message names.
const NAMED: usize = 5;

impl Planner<'_> {
    /// `broken` says that nothing could be planned at all.
    pub(super) async fn finish(mut self, broken: bool) -> PlanOutcome {
        self.only_telling = !self.options.targets.is_empty();
        let outputs = self.outputs().await;
        let compared = std::mem::take(&mut self.compared);
        self.settle_lifecycle().await;
        if !broken {
            self.checks().await;
        }
        let closed = self.open.close(&self.caller).await;
        self.ev.diags.extend(closed);
        self.lost_replacements();
        let errored = has_errors(&self.ev.diags);
        let seen = if self.options.note { self.seen(compared) } else { Seen::default() };
        let providers = self.providers();
        let left_out = if errored { Vec::new() } else { self.left_out() };
        let drift = self.drift();
        if !errored {
            self.tell_moves();
        }
        let mut drafts = std::mem::take(&mut self.drafts);
        drafts.sort_unstable_by(|a, b| {
            (&a.change.addr, &a.change.deposed).cmp(&(&b.change.addr, &b.change.deposed))
        });
        let (steps, stuck) = match errored {
            true => Default::default(),
            false => order::steps(&drafts, &self.ev, &[self.state, &self.refreshed]),
        };
        let errored = errored || !stuck.is_empty();
        if !stuck.is_empty() {
            let names: Vec<String> = stuck.iter().map(ToString::to_string).collect();
            self.ev.diags.push(
                Diagnostic::error(
                    "The changes wait for each other",
                    format!("Each of these could only be made after another of them: {}.", names.join(", ")),
                )
                .help(
                    "Apply a part of them first, with -target, or remove in two steps what is to be removed.",
                ),
            );
        }
        let setup = &self.caller.setup;
        let plan = Plan {
            mode: self.options.mode,
            changes: drafts.into_iter().map(|d| d.change).collect(),
            drift,
            outputs,
            steps,
            deferred: if self.options.mode == Mode::Normal { self.waiting() } else { Vec::new() },
            checks: self.ev.checks.take(),
            variables: kept(setup),
            targets: self.options.targets.clone(),
            excludes: self.options.excludes.clone(),
            left_out,
            replace: self.options.replace.clone(),
            imports: std::mem::take(&mut self.imports),
            generated: Default::default(),
            providers,
            timestamp: setup.world.plan_timestamp().unwrap_or_else(|| "".into()),
            prior_serial: self.state.serial,
            prior_lineage: self.state.lineage.clone(),
            workspace: setup.workspace.clone(),
            errored,
        };
        PlanOutcome { plan, refreshed: self.refreshed, seen, diagnostics: self.ev.diags, baseless: false }
    }

    /// Says which instances were to be replaced that the configuration does not have.
    fn lost_replacements(&mut self) {
        if self.options.mode != Mode::Normal || self.options.is_partial() {
            return;
        }
        for addr in &self.options.replace {
            if self.ev.instances.contains_key(addr) || self.ev.may_be_waiting(addr) {
                continue;
            }
            let mut near: Vec<&InstanceAddr> =
                self.ev.instances.keys().filter(|known| known.resource == addr.resource).collect();
            near.sort();
            let help = match near.as_slice() {
                [] => "Look for a typing mistake: the configuration has no such resource.".to_owned(),
                [one] => format!("There is {one}."),
                many => {
                    let named: Vec<String> = many.iter().take(NAMED).map(ToString::to_string).collect();
                    let more = if many.len() > NAMED { ", …" } else { "" };
                    format!(
                        "There are {}{more}: name one, with its key in quotes for your shell.",
                        named.join(", ")
                    )
                }
            };
            self.ev.diags.push(
                Diagnostic::warning(
                    "Nothing is replaced by an address",
                    format!("The configuration has no instance {addr}, so -replace={addr} replaces nothing."),
                )
                .help(help),
            );
        }
    }

    /// What has to wait, by address.
    fn waiting(&self) -> Vec<Deferred> {
        let mut all: Vec<Deferred> = self.ev.deferred.values().cloned().collect();
        all.extend(self.kept.iter().cloned());
        all.sort_by(|a, b| a.address.cmp(&b.address));
        all
    }

    async fn outputs(&mut self) -> BTreeMap<Str, OutputChange> {
        let root = self.ev.module(0).module.clone();
        let mut changes = BTreeMap::new();
        let wanted = self.wanted_outputs();
        for (name, output) in &root.outputs {
            let change = match self.options.mode {
                Mode::Destroy if !self.options.is_partial() => {
                    self.compared.insert(name.clone());
                    self.state.outputs.get(name).map(|old| OutputChange {
                        before: Some(before(old)),
                        after: None,
                        sensitive: old.sensitive,
                    })
                }
                // It stays what it was.
                Mode::Destroy => None,
                _ if !wanted.contains(name) => None,
                _ => {
                    let cell = self.ev.module(0).outputs[name];
                    self.ev.cells.demand(cell);
                    self.drain(false).await;
                    match (self.ev.cells.get(cell).status, &self.ev.cells.get(cell).content) {
                        (Status::Ready, Content::Value(value)) => {
                            if let Err(d) = crate::rules::writable_output(output, value) {
                                self.ev.diags.push(d);
                                continue;
                            }
                            // Minus zero is lost between plan and apply in Terraform too.
                            let value = value.plain_zeros().into_owned();
                            self.compared.insert(name.clone());
                            let old = self.state.outputs.get(name);
                            Some(OutputChange {
                                before: old.map(before),
                                after: Some(match output.sensitive {
                                    true => value.mark(Mark::Sensitive),
                                    false => value,
                                }),
                                sensitive: output.sensitive || old.is_some_and(|o| o.sensitive),
                            })
                        }
                        _ => None,
                    }
                }
            };
            changes.extend(change.map(|c| (name.clone(), c)));
        }
        for (name, old) in &self.state.outputs {
            // An output belongs to a target by what it is made from, and of this one nobody knows that any more.
            if !root.outputs.contains_key(name) && self.options.targets.is_empty() {
                self.compared.insert(name.clone());
                let change =
                    OutputChange { before: Some(before(old)), after: None, sensitive: old.sensitive };
                changes.insert(name.clone(), change);
            }
        }
        changes
    }

    /// Looks at all `check` blocks, unless only a part is planned. After something has failed, at those for which that does not
    /// matter.
    async fn checks(&mut self) {
        if self.options.is_partial() {
            return;
        }
        if self.options.mode == Mode::Destroy {
            // The root module's outputs are there to be removed, and so are their conditions, without being looked at.
            let root = self.ev.module(0).module.clone();
            let conditional = root.outputs.iter().filter(|(_, output)| !output.preconditions.is_empty());
            return conditional.for_each(|(name, _)| self.ev.checks.unjudged(&format!("output.{name}")));
        }
        let setup = self.caller.setup.clone();
        let failed = has_errors(&self.ev.diags);
        let none = setup.config.modules.values().all(|module| module.checks.is_empty());
        // With mistakes in the configuration itself, there is no plan for which anybody would want to know.
        if none || setup.cancel.level() > 0 || (failed && has_errors(&crate::validate(&setup))) {
            return;
        }
        while let Err(missing) = crate::checks::asserts(&mut self.ev, failed) {
            for cell in missing {
                self.ev.cells.demand(cell);
            }
            self.drain(false).await;
            if self.caller.setup.cancel.level() > 0 {
                return;
            }
        }
    }

    /// The outputs of the root module that can be told without planning what was not asked for.
    fn wanted_outputs(&self) -> FxHashSet<Str> {
        let names = self.ev.module(0).outputs.keys().cloned();
        if self.options.targets.is_empty() {
            return names.collect();
        }
        let planned: FxHashSet<(ModulePath, &Resource)> = self
            .ev
            .expanded
            .iter()
            .filter_map(|keys| match &self.ev.cells.get(*keys).kind {
                crate::cells::Kind::Keys(module, block) => {
                    Some((self.ev.module(*module).module.path.clone(), &*block.block().resource))
                }
                _ => None,
            })
            .collect();
        let is_wanted = |name: &Str| {
            let object = Object::Output(ModulePath::default(), name.clone());
            let mut resources = self.graph.needs(&object).into_iter().filter_map(|o| match o {
                Object::Resource(path, resource) => Some((path.clone(), resource)),
                _ => None,
            });
            // What speaks of no resource at all belongs to no target.
            resources.next().is_some_and(|first| planned.contains(&first))
                && resources.all(|r| planned.contains(&r))
        };
        names.filter(is_wanted).collect()
    }

    /// What had changed outside.
    fn drift(&self) -> Vec<PlannedChange> {
        let mut drift = Vec::new();
        for prior in &self.priors {
            let cell = self.ev.cells.get(prior.cell);
            let (Status::Ready, Content::Object(found)) = (cell.status, &cell.content) else { continue };
            let previous = self.previous.get(&prior.addr).filter(|_| prior.deposed.is_none());
            let (action, before, after) = match found {
                None => {
                    let Some(info) = self.ev.type_info(&prior.addr.resource.resource) else { continue };
                    let Ok(old) = crate::refresh::as_stored(&info, prior) else { continue };
                    (Action::Delete, old.marked, None)
                }
                Some(object) => match &object.drifted_from {
                    Some(old) => (Action::Update, old.clone(), Some(object.marked.clone())),
                    // All that a plan without changes has to tell of it.
                    None if self.options.mode == Mode::RefreshOnly && previous.is_some() => {
                        (Action::NoOp, object.marked.clone(), Some(object.marked.clone()))
                    }
                    None => continue,
                },
            };
            drift.push(PlannedChange {
                addr: prior.addr.clone(),
                deposed: prior.deposed.clone(),
                previous_addr: previous.cloned(),
                provider: prior.provider.clone(),
                action,
                reason: None,
                before: Some(before),
                after,
                replace_paths: Vec::new(),
                prior: Some(prior.stored.clone()),
                private: Vec::new(),
                schema_version: prior.stored.schema_version,
                dependencies: prior.stored.dependencies.clone(),
                create_before_destroy: prior.stored.create_before_destroy,
                notes: Vec::new(),
                span: None,
            });
        }
        drift.sort_by(|a, b| (&a.addr, &a.deposed).cmp(&(&b.addr, &b.deposed)));
        drift
    }
}

/// The variables that may be stored: all but the ephemeral ones.
fn kept(setup: &crate::Setup) -> BTreeMap<Str, Value> {
    let declared = &setup.config.root().variables;
    let stored = |name: &Str| declared.get(name).is_none_or(|v| !v.ephemeral);
    setup.variables.iter().filter(|(name, _)| stored(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

fn before(old: &formwork_state::OutputState) -> Value {
    if old.sensitive { old.value.clone().mark(Mark::Sensitive) } else { old.value.clone() }
}

/// Outputs as the state will hold them.
pub(crate) fn store_outputs(state: &mut State, name: &Str, value: &Value, sensitive: bool) {
    if value.is_null() {
        state.outputs.remove(name);
        return;
    }
    let (value, _) = value.clone().unmark_deep();
    if value.is_wholly_known() {
        state.outputs.insert(name.clone(), formwork_state::OutputState { value, sensitive });
    }
}
