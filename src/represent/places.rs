//! Where in the configuration the arguments stand that a replacement is caused by.

use super::names::{Name, Subject, Tail};
use crate::ui::plan::{Places, Planned};
use formwork_addr::{InstanceKey, ModulePath, ResourceAddr};
use formwork_config::{Config, Module};
use formwork_diag::{FileId, Sources, Span};
use formwork_lang::references;
use formwork_plan::PlannedChange;
use formwork_syntax::{Body, Expr};
use formwork_value::{Path, PathStep, Value};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How often a value is followed to where it comes from.
const STEPS: usize = 8;

/// Finds arguments in a configuration.
pub struct Written<'a> {
    config: &'a Config,
    sources: &'a Sources,
    /// Lines that were counted already: instances of one block share their arguments.
    lines: Mutex<HashMap<(FileId, u32), String>>,
}

impl<'a> Written<'a> {
    /// Of this configuration, whose spans point into these sources.
    pub fn new(config: &'a Config, sources: &'a Sources) -> Self {
        Written { config, sources, lines: Mutex::default() }
    }

    fn place(&self, span: Span) -> Option<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lines.get(&(span.file, span.start)) {
            return Some(known.clone());
        }
        let name = &self.sources.get(span.file)?.name;
        let place = format!("{name}:{}", self.sources.line_column(span.file, span.start).0);
        lines.insert((span.file, span.start), place.clone());
        Some(place)
    }

    /// The variables and locals that an expression's value comes from, as long as there is one and only one.
    fn follow(&self, expr: &Expr, path: &ModulePath, out: &mut String) {
        let (mut expr, mut path) = (expr.clone(), path.clone());
        for _ in 0..STEPS {
            let named: Vec<Name> = references(&expr).iter().map(Name::of).collect();
            let [name] = named.as_slice() else { return };
            let Some(module) = self.config.module(&path) else { return };
            let found = match &name.subject {
                Subject::Local(local) => module
                    .locals
                    .get(local.as_str())
                    .map(|l| (format!("local.{local}"), l.name.span, l.expr.clone(), path.clone())),
                Subject::Variable(variable) => self.argument(&path, variable),
                _ => None,
            };
            let Some((what, span, next, at)) = found else { return };
            let Some(place) = self.place(span) else { return };
            out.push_str(&format!(", {what} at {place}"));
            (expr, path) = (next, at);
        }
    }

    /// What the caller of a module gives for a variable.
    fn argument(&self, path: &ModulePath, variable: &str) -> Option<(String, Span, Expr, ModulePath)> {
        let (call, above) = path.0.split_last()?;
        let above = ModulePath(above.into());
        let (name, expr) = self.config.module(&above)?.calls.get(call)?.arguments.get(variable)?;
        Some((format!("var.{variable}"), name.span, expr.clone(), above))
    }
}

/// Whether what is named of an instance changes: anything, or the attribute at this place.
fn changes(change: &PlannedChange, key: &InstanceKey, tail: &[Tail]) -> bool {
    if !change.is_change() || (*key != InstanceKey::None && *key != change.addr.key) {
        return false;
    }
    let path = tail.iter().fold(Path::root(), |path, step| match step {
        Tail::Attr(name) => path.attr(name.as_str()),
        Tail::Key(key) => path.index(key.clone()),
    });
    let side = |value: &Option<Value>| value.as_ref().and_then(|v| v.at(&path));
    path.0.is_empty() || side(&change.before) != side(&change.after)
}

/// The argument or block of a body that a path leads to, as deep as it can be told.
fn argument<'b>(body: &'b Body, path: &[PathStep]) -> Option<(Span, Option<&'b Expr>)> {
    let (PathStep::Attr(name), rest) = path.split_first()? else { return None };
    if let Some(attribute) = body.attributes.iter().find(|a| *a.name.name == **name) {
        return Some((attribute.name.span, Some(&attribute.expr)));
    }
    let mut blocks = body.blocks.iter().filter(|b| *b.kind.name == **name);
    let dynamic =
        body.blocks.iter().find(|b| &*b.kind.name == "dynamic" && b.labels.iter().any(|l| *l.name == **name));
    let first = blocks.next();
    let Some(block) = first.filter(|_| blocks.next().is_none() && dynamic.is_none()) else {
        return first.or(dynamic).map(|b| (b.header, None));
    };
    let rest = match rest {
        [PathStep::Index(_), rest @ ..] => rest,
        rest => rest,
    };
    argument(&block.body, rest).or(Some((block.header, None)))
}

impl Places for Written<'_> {
    fn place(&self, change: &PlannedChange, path: &Path) -> Option<String> {
        let at = change.addr.resource.module.path();
        let module: &Module = self.config.module(&at)?;
        let block = module.resources.get(&*change.addr.resource.resource)?;
        let (span, expr) = argument(&block.body, &path.0)?;
        let mut out = Written::place(self, span)?;
        if let Some(expr) = expr {
            self.follow(expr, &at, &mut out);
        }
        Some(out)
    }

    fn triggers(&self, change: &PlannedChange, planned: &Planned<'_>) -> Vec<String> {
        let at = &change.addr.resource;
        let block = self.config.module(&at.module.path()).and_then(|m| m.resources.get(&*at.resource));
        let items = block.map(|b| b.lifecycle.replace_triggered_by.as_slice()).unwrap_or_default();
        let mut out = Vec::new();
        for item in items {
            let names: Vec<Name> = references(item).iter().map(Name::of).collect();
            // An index may refer to count or each: the resource comes first.
            let Some(name) = names.first() else { continue };
            let Subject::Resource(resource, key) = &name.subject else { continue };
            let named = ResourceAddr { module: at.module.clone(), resource: resource.clone() };
            let instances = planned.get(&named).map(Vec::as_slice).unwrap_or_default();
            if instances.iter().any(|c| changes(c, key, &name.tail))
                && let Some(place) = Written::place(self, item.span)
            {
                out.push(format!("{} changes, which replace_triggered_by names at {place}", name.whole()));
            }
        }
        out
    }
}
