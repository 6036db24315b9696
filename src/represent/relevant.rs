//! Attributes of resources that what changes is made from, directly or through variables, locals and outputs.

use super::inner;
use super::names::{Name, Subject, Tail};
use formwork_addr::{ModuleInstance, ResourceAddr};
use formwork_config::{Config, Module, Repetition};
use formwork_lang::references;
use formwork_plan::{Action, Mode, Plan};
use formwork_syntax::{Body, Expr};
use formwork_value::json::to_serde;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};

/// The relevant attributes of a plan, in the order of their addresses.
pub fn attributes(config: &Config, plan: &Plan) -> Vec<Value> {
    let mut walk = Walk { config, seen: HashSet::new(), found: BTreeMap::new() };
    for change in plan.changes.iter().filter(|c| c.action != Action::NoOp) {
        let at = &change.addr.resource.module;
        let block = config.module(&at.path()).and_then(|m| m.resources.get(&*change.addr.resource.resource));
        if let Some(block) = block {
            walk.body(&block.body, at, Some(&block.repetition));
        }
    }
    let root = ModuleInstance::default();
    for (name, _) in plan.outputs.iter().filter(|(_, o)| o.is_change()) {
        if let Some(output) = config.root().outputs.get(name) {
            walk.expr(&output.value, &root, None);
        }
    }
    // No state has outputs of other modules, so that each is a new one, every time.
    if plan.mode != Mode::Destroy {
        for at in inner::modules(config, plan) {
            let Some(module) = config.module(&at.path()) else { continue };
            let told = module.outputs.iter().filter(|(_, o)| !inner::is_null(&o.value, &at, plan));
            for (name, output) in told {
                if walk.first(&at, &format!("output.{name}")) {
                    walk.expr(&output.value, &at, None);
                }
            }
        }
    }
    walk.found.into_values().collect()
}

struct Walk<'a> {
    config: &'a Config,
    /// What was followed already: text that names it in its module instance.
    seen: HashSet<String>,
    found: BTreeMap<(String, String), Value>,
}

impl Walk<'_> {
    fn body(&mut self, body: &Body, at: &ModuleInstance, each: Option<&Repetition>) {
        body.attributes.iter().for_each(|a| self.expr(&a.expr, at, each));
        body.blocks.iter().for_each(|b| self.body(&b.body, at, each));
    }

    fn expr(&mut self, expr: &Expr, at: &ModuleInstance, each: Option<&Repetition>) {
        for reference in references(expr) {
            self.follow(&Name::of(&reference), at, each);
        }
    }

    fn follow(&mut self, name: &Name, at: &ModuleInstance, each: Option<&Repetition>) {
        let Some(module) = self.config.module(&at.path()).cloned() else { return };
        match &name.subject {
            Subject::Resource(resource, key) => {
                // Iterators of dynamic blocks look like resources.
                if module.resources.contains_key(&**resource) {
                    let addr = ResourceAddr { module: at.clone(), resource: resource.clone() };
                    self.attribute(format!("{}", addr.instance(key.clone())), &name.tail);
                }
            }
            Subject::Each | Subject::Count => {
                if let Some(Repetition::Count(e) | Repetition::ForEach(e)) = each {
                    self.expr(e, at, None);
                }
            }
            Subject::Local(local) => {
                if self.first(at, &format!("local.{local}"))
                    && let Some(local) = module.locals.get(local.as_str())
                {
                    self.expr(&local.expr, at, None);
                }
            }
            Subject::Variable(variable) => self.argument(variable, at),
            Subject::Module(call, key, output) => {
                let inner = at.child(call.as_str().into(), key.clone());
                if let Some(child) = self.config.module(&inner.path()).cloned() {
                    self.outputs(&child, output.as_deref(), &inner);
                }
            }
            Subject::Other => {}
        }
    }

    /// What the caller gives for a variable.
    fn argument(&mut self, variable: &str, at: &ModuleInstance) {
        let (Some(parent), Some(step)) = (at.parent(), at.steps().last()) else { return };
        if !self.first(at, &format!("var.{variable}")) {
            return;
        }
        let Some(module) = self.config.module(&parent.path()).cloned() else { return };
        if let Some(call) = module.calls.get(&step.name)
            && let Some((_, argument)) = call.arguments.get(variable)
        {
            self.expr(argument, &parent, Some(&call.repetition));
        }
    }

    fn outputs(&mut self, module: &Module, output: Option<&str>, at: &ModuleInstance) {
        for (name, declared) in &module.outputs {
            if output.is_none_or(|o| o == &**name) && self.first(at, &format!("output.{name}")) {
                self.expr(&declared.value, at, None);
            }
        }
    }

    fn first(&mut self, at: &ModuleInstance, what: &str) -> bool {
        self.seen.insert(format!("{at}.{what}"))
    }

    fn attribute(&mut self, resource: String, tail: &[Tail]) {
        let path: Vec<Value> = tail
            .iter()
            .map(|step| match step {
                Tail::Attr(name) => name.as_str().into(),
                Tail::Key(key) => to_serde(key),
            })
            .collect();
        let path = Value::from(path);
        let key = (resource.clone(), path.to_string());
        self.found.entry(key).or_insert_with(|| json!({ "resource": resource, "attribute": path }));
    }
}
