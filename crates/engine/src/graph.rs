//! The graph of whole objects. It has two jobs: to refuse cycles (and references to what does not exist), and to tell
//! which objects another one needs. Values do not flow along it.

mod builder;
mod tried;

use crate::provide::Types;
use crate::{Registry, rules};
use builder::Builder;
use formwork_addr::{ModulePath, Resource, Str};
use formwork_config::{Config, Module, ProviderKey};
use formwork_diag::{Diagnostic, Span};
use formwork_lang::references;
use formwork_syntax::Expr;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeRef};
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt;

/// A whole object of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// `var.x`
    Variable(ModulePath, Str),
    /// `local.x`
    Local(ModulePath, Str),
    /// `output.x`
    Output(ModulePath, Str),
    /// `module.x`: its repetition.
    Call(ModulePath, Str),
    /// All that is in `module.x`.
    Closed(ModulePath, Str),
    /// A resource.
    Resource(ModulePath, Resource),
    /// A provider configuration.
    Provider(ProviderKey),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self {
            Object::Variable(p, _)
            | Object::Local(p, _)
            | Object::Output(p, _)
            | Object::Call(p, _)
            | Object::Closed(p, _)
            | Object::Resource(p, _) => p,
            Object::Provider(key) => return write!(f, "{key}"),
        };
        if !path.0.is_empty() {
            write!(f, "{path}.")?;
        }
        match self {
            Object::Variable(_, n) => write!(f, "var.{n}"),
            Object::Local(_, n) => write!(f, "local.{n}"),
            Object::Output(_, n) => write!(f, "output.{n}"),
            Object::Call(_, n) => write!(f, "module.{n}"),
            Object::Closed(_, n) => write!(f, "module.{n} (close)"),
            Object::Resource(_, r) => write!(f, "{r}"),
            Object::Provider(_) => Ok(()),
        }
    }
}

/// The graph: an edge leads from an object to one that it needs.
#[derive(Debug, Default)]
pub struct Graph {
    graph: DiGraph<Object, Span>,
    index: FxHashMap<Object, NodeIndex>,
    spans: FxHashMap<NodeIndex, Span>,
    /// What resources need only once they are there: what their provisioners and postconditions name.
    late: FxHashMap<NodeIndex, Vec<NodeIndex>>,
}

/// A resource block that the text of another names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'g> {
    /// The module that it is in.
    pub path: &'g ModulePath,
    /// The resource.
    pub resource: &'g Resource,
    /// Whether it is named where the values of the other do not show it.
    pub late: bool,
}

impl Graph {
    /// Builds the graph of a configuration. Errors: references to what is not declared, unknown resource types and
    /// providers, cycles.
    pub fn new(config: &Config, registry: &Registry) -> (Graph, Vec<Diagnostic>) {
        let mut graph = Graph::default();
        for module in config.modules.values() {
            graph.declare(module);
        }
        let mut diags = Vec::new();
        let types = Types::default();
        for module in config.modules.values() {
            Builder::new(&mut graph, (config, registry), module, &types, &mut diags).module();
        }
        graph.refuse_cycles(&mut diags);
        diags.extend(config.root().outputs.values().filter(|o| o.ephemeral).map(rules::ephemeral_output));
        (graph, diags)
    }

    /// What is wrong with the references of an expression of a module by its text alone, whether they would be evaluated
    /// or not.
    pub(crate) fn mistakes(
        config: &Config,
        registry: &Registry,
        module: &Module,
        expr: &Expr,
    ) -> Vec<Diagnostic> {
        let (mut graph, types, mut diags) = (Graph::default(), Types::default(), Vec::new());
        tried::mistakes(expr, module, registry, &types, &mut diags);
        let mut builder = Builder::new(&mut graph, (config, registry), module, &types, &mut diags);
        for reference in references(expr) {
            builder.target(reference.root, &reference.steps, reference.span);
        }
        diags
    }

    fn add(&mut self, object: Object, span: Option<Span>) -> NodeIndex {
        if let Some(node) = self.index.get(&object) {
            return *node;
        }
        let node = self.graph.add_node(object.clone());
        self.index.insert(object, node);
        if let Some(span) = span {
            self.spans.insert(node, span);
        }
        node
    }

    fn declare(&mut self, module: &Module) {
        let path = &module.path;
        for (name, v) in &module.variables {
            self.add(Object::Variable(path.clone(), name.clone()), Some(v.name.span));
        }
        for (name, l) in &module.locals {
            self.add(Object::Local(path.clone(), name.clone()), Some(l.name.span));
        }
        for (name, o) in &module.outputs {
            self.add(Object::Output(path.clone(), name.clone()), Some(o.span));
        }
        for (name, c) in &module.calls {
            self.add(Object::Call(path.clone(), name.clone()), Some(c.span));
            self.add(Object::Closed(path.clone(), name.clone()), Some(c.span));
        }
        for (resource, r) in &module.resources {
            self.add(Object::Resource(path.clone(), resource.clone()), Some(r.span));
        }
    }

    fn refuse_cycles(&self, diags: &mut Vec<Diagnostic>) {
        for mut scc in tarjan_scc(&self.graph) {
            let own = scc.len() == 1 && self.graph.contains_edge(scc[0], scc[0]);
            if scc.len() < 2 && !own {
                continue;
            }
            scc.sort_by_key(|n| &self.graph[*n]);
            let members: FxHashSet<NodeIndex> = scc.iter().copied().collect();
            let names: Vec<String> = scc.iter().map(|n| self.graph[*n].to_string()).collect();
            let d = if own {
                Diagnostic::error("Self-referential block", format!("{} refers to itself.", names[0])).help(
                    "Its own value does not exist yet while it is made: refer to what you made it from.",
                )
            } else {
                Diagnostic::error(
                    "Cycle",
                    format!("These need each other, so none can be first: {}.", names.join(", ")),
                )
                .help("Break the ring: let one of them refer to a variable or constant instead.")
            };
            let mut edges: Vec<(Span, String)> = scc
                .iter()
                .flat_map(|n| self.graph.edges(*n))
                .filter(|e| members.contains(&e.target()))
                .map(|e| {
                    (*e.weight(), format!("{} needs {}", self.graph[e.source()], self.graph[e.target()]))
                })
                .collect();
            edges.sort();
            edges.dedup_by_key(|(span, _)| *span);
            edges.truncate(8);
            let mut d = d;
            for (i, (span, text)) in edges.into_iter().enumerate() {
                d = if i == 0 { d.at(span).label(span, text) } else { d.label(span, text) };
            }
            diags.push(d);
        }
    }

    /// Everything that an object needs, itself included.
    pub fn needs(&self, object: &Object) -> Vec<&Object> {
        let Some(start) = self.index.get(object) else { return Vec::new() };
        let mut dfs = Dfs::new(&self.graph, *start);
        let mut found = Vec::new();
        while let Some(node) = dfs.next(&self.graph) {
            found.push(&self.graph[node]);
        }
        found
    }

    /// What an object needs directly.
    pub fn named_by(&self, object: &Object) -> impl Iterator<Item = &Object> {
        let nodes = self.index.get(object).into_iter();
        nodes.flat_map(move |node| self.graph.neighbors(*node)).map(move |n| &self.graph[n])
    }

    /// The resource blocks that an object names, itself or through variables, locals, outputs and calls; providers are
    /// left out.
    pub(crate) fn names(&self, object: &Object) -> Vec<Target<'_>> {
        let Some(start) = self.index.get(object) else { return Vec::new() };
        let mut found = Vec::new();
        let late = self.late.get(start).into_iter().flatten().copied();
        for (first, late) in
            [(late.collect::<Vec<_>>(), true), (self.graph.neighbors(*start).collect::<Vec<_>>(), false)]
        {
            let mut open = first;
            let mut seen: FxHashSet<NodeIndex> = open.iter().copied().collect();
            while let Some(node) = open.pop() {
                match &self.graph[node] {
                    Object::Resource(path, resource) if node != *start => {
                        found.push(Target { path, resource, late });
                    }
                    Object::Resource(..) | Object::Provider(_) => {}
                    _ => open.extend(self.graph.neighbors(node).filter(|next| seen.insert(*next))),
                }
            }
        }
        found
    }

    /// All objects with those that each needs directly, in the order of their names.
    pub fn edges(&self) -> Vec<(&Object, Vec<&Object>)> {
        let mut all: Vec<(&Object, Vec<&Object>)> = self
            .graph
            .node_indices()
            .map(|n| {
                let mut to: Vec<&Object> = self.graph.neighbors(n).map(|m| &self.graph[m]).collect();
                to.sort();
                to.dedup();
                (&self.graph[n], to)
            })
            .collect();
        all.sort();
        all
    }
}
