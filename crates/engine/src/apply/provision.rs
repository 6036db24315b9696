//! Provisioners: after an object was made, before it goes.

use super::step::set;
use super::{Applier, Done};
use crate::body::decode_body;
use crate::cells::{Content, Kind};
use crate::evaluator::Ran;
use crate::event::{Event, Stage, Verb};
use formwork_addr::{InstanceAddr, InstanceKey, Str};
use formwork_config::{Module, OnFailure, Provisioner as Block, When};
use formwork_diag::{Diagnostic, Span};
use formwork_plan::StepKind;
use formwork_provider::{CallError, Provisioner, Provisioning, connection_schema};
use formwork_state::{Status, StoredObject};
use formwork_value::{Mark, Marks, Value};
use std::sync::Arc;

/// An object whose provisioners are to run.
pub(super) struct ToProvision {
    pub step: u32,
    pub addr: InstanceAddr,
    pub when: When,
    /// The object, with marks: `self`.
    pub value: Value,
}

/// How they went.
pub(super) struct Provisioned {
    of: ToProvision,
    /// What went wrong and matters, and whether it ends the step.
    failure: Option<Diagnostic>,
}

/// One provisioner, evaluated.
struct Ready {
    worker: Arc<dyn Provisioner>,
    kind: Str,
    config: Value,
    connection: Option<Value>,
    /// What marks there are in its configuration. If any, nothing that it prints may be shown.
    marks: Marks,
    on_failure: OnFailure,
    span: Span,
}

impl Applier<'_> {
    /// The provisioners of an instance: those of its block, or of the block that says that it was removed.
    fn provisioners(&self, addr: &InstanceAddr, when: When) -> Vec<Block> {
        let config = &self.caller.setup.config;
        let block = config
            .module(&addr.resource.module.path())
            .and_then(|m| m.resources.get(&*addr.resource.resource));
        let all = match block {
            Some(block) => block.provisioners.as_slice(),
            None => crate::moves::removed(config, addr).map_or(&[][..], |(_, r)| &r.provisioners),
        };
        all.iter().filter(|p| p.when == when).cloned().collect()
    }

    /// The module in whose text an instance is: its own, whether or not there is an instance of that, or the one that says
    /// that it was removed.
    fn text_of(&self, addr: &InstanceAddr) -> Option<Arc<Module>> {
        let config = &self.caller.setup.config;
        let own = config.module(&addr.resource.module.path());
        own.or_else(|| crate::moves::removed(config, addr).map(|(module, _)| module)).cloned()
    }

    pub(super) fn has_provisioners(&self, addr: &InstanceAddr) -> bool {
        !self.provisioners(addr, When::Create).is_empty()
    }

    /// Runs what runs before an object goes; `false` when there is nothing.
    pub(super) fn take_leave(&mut self, step: u32, addr: &InstanceAddr, value: Value) -> bool {
        let any = !self.provisioners(addr, When::Destroy).is_empty();
        if any {
            self.caller.started(addr, None, Verb::Delete, crate::calls::shown_id(&value));
            self.provision(ToProvision { step, addr: addr.clone(), when: When::Destroy, value });
        }
        any
    }

    /// Evaluates the provisioners of an object, and begins to run them, one after the other.
    pub(super) fn provision(&mut self, what: ToProvision) {
        // What goes may speak of itself and of its module's text only, and so may be evaluated anywhere.
        let text = match what.when {
            When::Create => None,
            When::Destroy => self.text_of(&what.addr),
        };
        let (module, each) =
            match self.ev.instances.get(&what.addr).map(|c| self.ev.cells.get(*c).kind.clone()) {
                Some(Kind::Instance(info)) if what.when == When::Create => (info.module, info.each.clone()),
                _ => (0, None),
            };
        if let Some(cell) = self.ev.instances.get(&what.addr).copied().filter(|_| what.when == When::Create) {
            // The object is there, and may be named; the steps that wait for it do so until its provisioners have run.
            self.ev.cells.complete(cell, Content::Value(what.value.clone()), None);
        }
        let mut ready = Vec::new();
        let mut missing = Vec::new();
        for block in self.provisioners(&what.addr, what.when) {
            let each = (&what.addr.key, each.as_ref());
            match self.ready(&block, text.as_deref(), module, each, &what.value) {
                Ran::Done(one, _) => ready.push(one),
                Ran::Missing(more) => missing.extend(more),
                Ran::Failed => return self.failed_step(what.step, &what.addr),
            }
        }
        if !missing.is_empty() {
            missing.into_iter().for_each(|id| self.ev.cells.demand(id));
            return self.provisioning.push(what);
        }
        let setup = self.caller.setup.clone();
        self.jobs.push(Box::pin(async move {
            let mut failure = None;
            for one in ready {
                let tell = |stage: Stage| {
                    let (addr, provisioner) = (what.addr.clone(), one.kind.clone());
                    (setup.events)(Event::Provision { addr, provisioner, stage });
                };
                tell(Stage::Begun);
                if let Some(instead) = suppressed(one.marks) {
                    tell(Stage::Said(instead.into()));
                }
                let say = |line: &str| {
                    if one.marks.is_empty() {
                        tell(Stage::Said(line.to_owned()));
                    }
                };
                let order =
                    Provisioning { config: &one.config, connection: one.connection.as_ref(), say: &say };
                let result = tokio::select! {
                    result = one.worker.run(&order) => result,
                    () = setup.cancel.reached(1) => {
                        Err(CallError::new("Interrupted", "The provisioner was stopped as asked."))
                    }
                };
                match result {
                    Ok(()) => tell(Stage::Ended),
                    Err(error) => {
                        tell(Stage::Failed);
                        let stopped = setup.cancel.level() > 0;
                        if one.on_failure == OnFailure::Fail || stopped {
                            failure = Some(one.failed(&error, &what.addr, stopped));
                            break;
                        }
                    }
                }
            }
            Done::Provisioned(Box::new(Provisioned { of: what, failure }))
        }));
    }

    fn ready(
        &mut self,
        block: &Block,
        text: Option<&Module>,
        module: u32,
        each: (&InstanceKey, Option<&Value>),
        own: &Value,
    ) -> Ran<Ready> {
        let Some(worker) = self.caller.setup.registry.provisioner(&block.kind.name).cloned() else {
            // The graph has reported kinds that do not exist.
            return Ran::Failed;
        };
        let ran = self.ev.evaluate_in(
            text,
            |_, diags, scope| {
                let config = decode_body(&block.body, worker.schema(), scope, block.span, diags);
                let connection = match block.connection.as_ref().filter(|_| worker.connects()) {
                    Some(c) => Some(decode_body(&c.body, connection_schema(), scope, c.span, diags)?),
                    None => None,
                };
                Some((config?, connection))
            },
            module,
            Some(each),
            Some(own),
        );
        match ran {
            Ran::Done((config, connection), deps) => {
                let of_connection = connection.as_ref().map(shown_marks).unwrap_or_default();
                let ready = Ready {
                    kind: block.kind.name.clone(),
                    marks: config.marks_deep().union(of_connection),
                    config: config.unmark_deep().0,
                    connection: connection.map(|c| c.unmark_deep().0),
                    on_failure: block.on_failure,
                    span: block.span,
                    worker,
                };
                Ran::Done(ready, deps)
            }
            Ran::Missing(missing) => Ran::Missing(missing),
            Ran::Failed => Ran::Failed,
        }
    }

    /// Takes in how the provisioners of an object went.
    pub(super) fn provisioned(&mut self, done: Provisioned) {
        let Provisioned { of: ToProvision { step, addr, when, value }, failure } = done;
        if let Some(d) = failure {
            self.ev.diags.push(d);
            let verb = if when == When::Create { Verb::Create } else { Verb::Delete };
            self.caller.failed(&addr, verb);
            return self.failed_step(step, &addr);
        }
        match when {
            When::Destroy => {
                self.taken_leave.insert(step);
                self.ready.push(step);
            }
            When::Create => {
                self.now_whole(step, &addr);
                self.finished(&addr, Verb::Create, &value);
                self.conclude(step, &addr, value);
            }
        }
    }

    /// Records that nothing of an object is missing any more.
    fn now_whole(&mut self, step: u32, addr: &InstanceAddr) {
        let StepKind::Change(index, _) = self.plan.steps[step as usize].kind else { return };
        let provider = self.plan.changes[index as usize].provider.clone();
        let Some(stored) = self.state.instance(addr).and_then(|i| i.current.clone()) else { return };
        let whole = Arc::new(StoredObject { status: Status::Ready, ..(*stored).clone() });
        self.record(&set(None, addr, None, &provider, Some(whole)));
    }
}

/// What is said instead of what a provisioner prints that has such marks in its configuration.
fn suppressed(marks: Marks) -> Option<&'static str> {
    match (marks.has(Mark::Sensitive), marks.has(Mark::Ephemeral)) {
        (true, true) => Some("(output suppressed due to sensitive, ephemeral value in config)"),
        (true, false) => Some("(output suppressed due to sensitive value in config)"),
        (false, true) => Some("(output suppressed due to ephemeral value in config)"),
        (false, false) => None,
    }
}

/// The marks of those arguments of a connection that messages speak of. Keys and passwords are sensitive as a rule, and never
/// shown: they are no reason to hide what scripts print.
fn shown_marks(connection: &Value) -> Marks {
    const NEVER_SHOWN: [&str; 8] = [
        "password",
        "private_key",
        "certificate",
        "host_key",
        "bastion_password",
        "bastion_private_key",
        "bastion_certificate",
        "bastion_host_key",
    ];
    let shown = |name: &str| !NEVER_SHOWN.contains(&name);
    connection_schema()
        .attributes
        .keys()
        .filter(|name| shown(name))
        .filter_map(|name| connection.get(name))
        .fold(connection.marks(), |marks, value| marks.union(value.marks_deep()))
}

impl Ready {
    fn failed(&self, error: &CallError, addr: &InstanceAddr, stopped: bool) -> Diagnostic {
        let detail = match (self.marks.is_empty(), self.marks.has(Mark::Sensitive)) {
            (true, _) => error.detail.clone(),
            (false, true) => {
                "What it said is not shown, because something in its configuration is sensitive.".to_owned()
            }
            (false, false) => {
                "What it said is not shown, because something in its configuration is ephemeral.".to_owned()
            }
        };
        let d = Diagnostic::error(error.summary.clone(), detail).at(self.span).said_of(addr);
        match stopped {
            true => d,
            false => d.help("If the object is good all the same, say on_failure = continue."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::suppressed;
    use formwork_value::Marks;

    /// The expected answers are Terraform 1.11.4's.
    #[test]
    fn what_is_not_shown_says_why() {
        let said =
            |marks| suppressed(marks).map(|text| text.trim_start_matches("(output suppressed due to "));
        assert_eq!(said(Marks::NONE), None);
        assert_eq!(said(Marks::SENSITIVE), Some("sensitive value in config)"));
        assert_eq!(said(Marks::EPHEMERAL), Some("ephemeral value in config)"));
        let both = Marks::SENSITIVE.union(Marks::EPHEMERAL);
        assert_eq!(said(both), Some("sensitive, ephemeral value in config)"));
    }
}
