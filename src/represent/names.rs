//! References by the names that plan JSON gives them.

use formwork_addr::{InstanceKey, Resource, ResourceMode};
use formwork_lang::{RefStep, Reference};
use formwork_value::{Kind, Value};
use std::sync::Arc;

/// What a reference is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// `var.x`
    Variable(String),
    /// `local.x`
    Local(String),
    /// `module.m["k"].x`; the output is absent when all of them are meant.
    Module(String, InstanceKey, Option<String>),
    /// A resource, or one of its instances.
    Resource(Arc<Resource>, InstanceKey),
    /// `each.value`
    Each,
    /// `count.index`
    Count,
    /// `path.module`, `terraform.workspace`, `self`.
    Other,
}

/// A step behind the subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Tail {
    /// `.name`
    Attr(String),
    /// `["key"]` or `[0]`
    Key(Value),
}

/// A reference, parsed: its subject with its text, and what follows as far as it is static.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// What it is about.
    pub subject: Subject,
    /// The subject as text.
    text: String,
    /// What follows.
    pub tail: Vec<Tail>,
}

fn static_steps(steps: &[RefStep<'_>]) -> Vec<Tail> {
    let step = |step: &RefStep<'_>| match step {
        RefStep::Attr(name) => Some(Tail::Attr((*name).to_owned())),
        RefStep::Key(key) => Some(Tail::Key(key.clone())),
        RefStep::Dynamic | RefStep::Splat => None,
    };
    steps.iter().map_while(step).collect()
}

fn show(step: &Tail) -> String {
    match step {
        Tail::Attr(name) => format!(".{name}"),
        Tail::Key(key) => match key.kind() {
            Kind::String(s) => format!("[{}]", formwork_addr::Quoted(s)),
            Kind::Number(n) => format!("[{n}]"),
            _ => String::new(),
        },
    }
}

/// The instance key that the first step is, taken off.
fn take_key(steps: &mut Vec<Tail>) -> InstanceKey {
    let key = match steps.first() {
        Some(Tail::Key(key)) => match key.kind() {
            Kind::String(s) => Some(InstanceKey::Str(s.as_ref().into())),
            Kind::Number(n) => n.to_string().parse().ok().map(InstanceKey::Int),
            _ => None,
        },
        _ => None,
    };
    if key.is_some() {
        steps.remove(0);
    }
    key.unwrap_or_default()
}

fn take_attr(steps: &mut Vec<Tail>) -> Option<String> {
    match steps.first() {
        Some(Tail::Attr(_)) => match steps.remove(0) {
            Tail::Attr(name) => Some(name),
            Tail::Key(_) => None,
        },
        _ => None,
    }
}

impl Name {
    /// Of a reference in an expression.
    pub fn of(reference: &Reference<'_>) -> Name {
        let mut steps = static_steps(&reference.steps);
        let root = reference.root;
        let resource = |mode, type_name: String, mut steps: Vec<Tail>| {
            let name = take_attr(&mut steps).unwrap_or_default();
            let resource = Resource { mode, type_name: type_name.into(), name: name.into() };
            let key = take_key(&mut steps);
            let text = format!("{resource}{key}");
            Name { subject: Subject::Resource(Arc::new(resource), key), text, tail: steps }
        };
        match root {
            "var" | "local" | "each" | "count" | "path" | "terraform" => {
                let name = take_attr(&mut steps).unwrap_or_default();
                let text = format!("{root}.{name}");
                let subject = match root {
                    "var" => Subject::Variable(name),
                    "local" => Subject::Local(name),
                    "each" => Subject::Each,
                    "count" => Subject::Count,
                    _ => Subject::Other,
                };
                Name { subject, text, tail: steps }
            }
            "self" => Name { subject: Subject::Other, text: "self".into(), tail: steps },
            "module" => {
                let name = take_attr(&mut steps).unwrap_or_default();
                let key = take_key(&mut steps);
                let output = take_attr(&mut steps);
                let behind = output.as_ref().map_or(String::new(), |o| format!(".{o}"));
                let text = format!("module.{name}{key}{behind}");
                Name { subject: Subject::Module(name, key, output), text, tail: steps }
            }
            "data" => {
                let type_name = take_attr(&mut steps).unwrap_or_default();
                resource(ResourceMode::Data, type_name, steps)
            }
            "ephemeral" => {
                let type_name = take_attr(&mut steps).unwrap_or_default();
                resource(ResourceMode::Ephemeral, type_name, steps)
            }
            "resource" => {
                let type_name = take_attr(&mut steps).unwrap_or_default();
                resource(ResourceMode::Managed, type_name, steps)
            }
            type_name => resource(ResourceMode::Managed, type_name.to_owned(), steps),
        }
    }

    /// The whole reference.
    pub fn whole(&self) -> String {
        let tail: String = self.tail.iter().map(show).collect();
        format!("{}{tail}", self.text)
    }

    /// The reference, then everything that encloses it, as Terraform lists them.
    pub fn all(&self) -> Vec<String> {
        let lengths = (0..=self.tail.len()).rev();
        let mut out: Vec<String> = lengths
            .map(|n| format!("{}{}", self.text, self.tail[..n].iter().map(show).collect::<String>()))
            .collect();
        match &self.subject {
            Subject::Module(name, key, Some(_)) => out.push(format!("module.{name}{key}")),
            Subject::Module(name, key, None) if *key != InstanceKey::None => {
                out.push(format!("module.{name}"));
            }
            Subject::Resource(resource, key) if *key != InstanceKey::None => out.push(resource.to_string()),
            _ => {}
        }
        out
    }
}
