//! Building the graph: which objects the text of each names, and complaints about those that do not exist.

use super::{Graph, Object, tried};
use crate::body::dynamic_blocks;
use crate::provide::Types;
use crate::{Registry, reference};
use formwork_addr::{ModulePath, Resource, ResourceMode, Str};
use formwork_config::{Config, Module, ProviderKey, Provisioner, Repetition, ResourceBlock};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{RefStep, references};
use formwork_syntax::{Body, Expr, ExprKind};
use petgraph::graph::NodeIndex;

/// The argument that says how often a block counts, if instances have keys by it.
fn argument(repetition: &Repetition) -> Option<&'static str> {
    match repetition {
        Repetition::Count(_) => Some("count"),
        Repetition::ForEach(_) => Some("for_each"),
        Repetition::Single | Repetition::Enabled(_) => None,
    }
}

pub(super) struct Builder<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) config: &'a Config,
    pub(super) registry: &'a Registry,
    pub(super) module: &'a Module,
    pub(super) types: &'a Types,
    /// Whether `self` means something where the builder just is.
    pub(super) own: bool,
    /// Whether the object is there already when what the builder looks at is evaluated.
    pub(super) late: bool,
    /// The argument, `count` or `for_each`, that repeats what the builder looks at.
    pub(super) repeated: Option<&'static str>,
    /// The check block that the builder is in.
    pub(super) check: Option<Str>,
    pub(super) diags: &'a mut Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    /// In a module, and in nothing in particular there.
    pub(super) fn new(
        graph: &'a mut Graph,
        (config, registry): (&'a Config, &'a Registry),
        module: &'a Module,
        types: &'a Types,
        diags: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let (own, late, repeated, check) = (false, false, None, None);
        Builder { graph, config, registry, module, types, own, late, repeated, check, diags }
    }

    pub(super) fn module(&mut self) {
        let module = self.module;
        let path = &module.path;
        for (name, variable) in &module.variables {
            let node = self.node(Object::Variable(path.clone(), name.clone()));
            for validation in &variable.validations {
                // A condition speaks of the variable itself; that is no cycle.
                self.expr(node, &validation.condition, Some(node));
                self.expr(node, &validation.message, Some(node));
            }
        }
        for (name, local) in &module.locals {
            let node = self.node(Object::Local(path.clone(), name.clone()));
            self.expr(node, &local.expr, None);
        }
        for (name, output) in &module.outputs {
            let node = self.node(Object::Output(path.clone(), name.clone()));
            self.expr(node, &output.value, None);
            self.depends(node, &output.depends_on);
            for c in &output.preconditions {
                self.expr(node, &c.condition, None);
                self.expr(node, &c.message, None);
            }
        }
        for (name, call) in &module.calls {
            let node = self.node(Object::Call(path.clone(), name.clone()));
            let closed = self.node(Object::Closed(path.clone(), name.clone()));
            self.repetition(node, &call.repetition);
            self.depends(node, &call.depends_on);
            self.repeated = argument(&call.repetition);
            for key in call.providers.values().filter_map(|passed| passed.key.as_ref()) {
                self.expr(node, key, None);
            }
            self.graph.graph.update_edge(closed, node, call.span);
            let inner = path.child(name.clone());
            let Some(child) = self.config.module(&inner) else {
                self.repeated = None;
                continue;
            };
            for (variable, declared) in &child.variables {
                let target = self.node(Object::Variable(inner.clone(), variable.clone()));
                self.graph.graph.update_edge(target, node, declared.name.span);
                if let Some((_, expr)) = call.arguments.get(variable) {
                    self.expr(target, expr, None);
                }
            }
            self.repeated = None;
            // What is given to a module is part of it, whether anything in it uses it or not.
            for variable in child.variables.keys() {
                let target = self.node(Object::Variable(inner.clone(), variable.clone()));
                self.graph.graph.update_edge(closed, target, call.span);
            }
            let objects = child
                .outputs
                .iter()
                .map(|(n, o)| (Object::Output(inner.clone(), n.clone()), o.span))
                .chain(
                    child.resources.iter().map(|(r, b)| (Object::Resource(inner.clone(), r.clone()), b.span)),
                )
                .chain(child.calls.iter().map(|(n, c)| (Object::Closed(inner.clone(), n.clone()), c.span)));
            let all: Vec<_> = objects.collect();
            for (object, span) in all {
                let target = self.node(object);
                // Each is met once: looking for an edge among all those of a large module would take its square.
                self.graph.graph.add_edge(closed, target, span);
                self.graph.graph.update_edge(target, node, span);
            }
        }
        for (name, check) in &module.checks {
            self.check = Some(name.clone());
            for condition in &check.asserts {
                for expr in [&condition.condition, &condition.message] {
                    for reference in references(expr) {
                        self.target(reference.root, &reference.steps, reference.span);
                    }
                }
            }
        }
        self.check = None;
        for block in module.resources.values() {
            self.check = block.check.clone();
            self.resource(block);
        }
        self.check = None;
        for provisioner in module.removed.iter().flat_map(|r| &r.provisioners) {
            if self.registry.provisioner(&provisioner.kind.name).is_none() {
                let known: Vec<&str> = self.registry.provisioner_names().collect();
                self.diags.push(
                    Diagnostic::error(
                        "Unknown provisioner",
                        format!("There is no provisioner \"{}\".", provisioner.kind.name),
                    )
                    .at(provisioner.kind.span)
                    .help(format!("There are: {}.", known.join(", "))),
                );
            }
        }
        for import in &module.imports {
            // The instance waits for what says which object it becomes.
            let node = self.node(Object::Resource(import.to.path.clone(), import.to.resource.clone()));
            if let Some(for_each) = &import.for_each {
                self.expr(node, for_each, None);
                self.repeated = Some("for_each");
            }
            for expr in import.to.modules.iter().flatten().chain(&import.to.key) {
                self.expr(node, expr, None);
            }
            self.expr(node, &import.id, None);
            self.repeated = None;
        }
        for ((name, alias), provider) in &module.providers {
            let key = self.config.provider_key(module, name, alias.as_ref());
            self.provider(&key, provider.span, None);
            let node = self.node(Object::Provider(key));
            self.repeated = provider.for_each.as_ref().map(|_| "for_each");
            self.body(node, &provider.body);
            self.repeated = None;
            if let Some(for_each) = &provider.for_each {
                self.expr(node, for_each, None);
            }
        }
    }

    fn node(&mut self, object: Object) -> NodeIndex {
        self.graph.add(object, None)
    }

    fn repetition(&mut self, node: NodeIndex, repetition: &Repetition) {
        match repetition {
            Repetition::Single => {}
            Repetition::Count(e) | Repetition::ForEach(e) | Repetition::Enabled(e) => {
                self.expr(node, e, None)
            }
        }
    }

    fn resource(&mut self, block: &ResourceBlock) {
        let object = Object::Resource(self.module.path.clone(), (*block.resource).clone());
        let node = self.node(object);
        let type_name = &block.resource.type_name;
        let known = match block.resource.mode {
            ResourceMode::Managed => self.registry.resource(type_name).is_some(),
            ResourceMode::Data => self.registry.data(type_name).is_some(),
            ResourceMode::Ephemeral => self.registry.ephemeral(type_name).is_some(),
        };
        let key = self.config.provider_of(self.module, block);
        let served = self.provider(&key, block.span, Some(block.type_span));
        if served && !known {
            self.unknown_type(block);
        }
        let provider = self.node(Object::Provider(key));
        self.graph.graph.update_edge(node, provider, block.span);
        self.repetition(node, &block.repetition);
        self.depends(node, &block.depends_on);
        self.repeated = argument(&block.repetition);
        if let Some(key) = block.provider.as_ref().and_then(|reference| reference.key.as_ref()) {
            self.expr(node, key, None);
        }
        self.body(node, &block.body);
        let l = &block.lifecycle;
        for e in &l.replace_triggered_by {
            self.expr(node, e, None);
        }
        // They are looked at when everything is planned, and so are no dependencies.
        for e in l.create_before_destroy.iter().chain(&l.prevent_destroy) {
            for reference in references(e) {
                self.target(reference.root, &reference.steps, reference.span);
            }
        }
        for (list, own) in [(&l.preconditions, false), (&l.postconditions, true)] {
            (self.own, self.late) = (own, own);
            for c in list {
                self.expr(node, &c.condition, None);
                self.expr(node, &c.message, None);
            }
        }
        (self.own, self.late) = (true, true);
        for provisioner in &block.provisioners {
            self.provisioner(node, provisioner);
        }
        (self.own, self.late) = (false, false);
        self.repeated = None;
        if let Some((_, worker)) = self.registry.resource(type_name).filter(|_| known) {
            self.diags.extend(reference::ignored(block, worker.schema()));
        }
        let schema = match block.resource.mode {
            ResourceMode::Managed => self.registry.resource(type_name).map(|(_, worker)| worker.schema()),
            ResourceMode::Data => self.registry.data(type_name).map(|(_, worker)| worker.schema()),
            ResourceMode::Ephemeral => self.registry.ephemeral(type_name).map(|(_, worker)| worker.schema()),
        };
        if let Some(schema) = schema {
            crate::deprecated::warnings(&block.body, &schema.block, block.span, self.diags);
        }
    }

    fn provisioner(&mut self, node: NodeIndex, provisioner: &Provisioner) {
        let name = &provisioner.kind.name;
        if self.registry.provisioner(name).is_none() {
            let known: Vec<&str> = self.registry.provisioner_names().collect();
            let d = Diagnostic::error("Unknown provisioner", format!("There is no provisioner \"{name}\"."))
                .at(provisioner.kind.span);
            self.diags.push(match suggestion(name, known.clone()) {
                Some(near) => d.help(format!("Did you mean \"{near}\"?")),
                None => d.help(format!("There are: {}.", known.join(", "))),
            });
        }
        let connection = provisioner.connection.iter().flat_map(|c| &c.body.attributes);
        for attribute in provisioner.body.attributes.iter().chain(connection) {
            // When it runs, the object is there: to name it is no cycle.
            self.expr(node, &attribute.expr, Some(node));
        }
    }

    fn provider(&mut self, key: &ProviderKey, span: Span, type_span: Option<Span>) -> bool {
        if self.registry.providers().contains_key(&key.source) {
            return true;
        }
        let node = Object::Provider(key.clone());
        if self.graph.index.contains_key(&node) {
            return false;
        }
        let all = self.registry.providers().values();
        let name = key.source.rsplit('/').next().unwrap_or_default();
        let help = match all.clone().find(|p| p.name() == name) {
            Some(p) => format!(
                "The provider of that name here is {0}. Say so: required_providers {{ {1} = {{ source = \"{0}\" }} }} in the \
                 terraform block.",
                p.source().trim_start_matches("registry.terraform.io/"),
                key.local
            ),
            None => {
                let known: Vec<&str> = all.map(|p| p.name()).collect();
                format!("Providers are built in; there are: {}.", known.join(", "))
            }
        };
        let mut d = Diagnostic::error(
            "Unknown provider",
            format!("There is no provider {} in this program.", key.source),
        )
        .help(help)
        .at(type_span.unwrap_or(span));
        if let Some(requirement) = self.module.required_providers.get(&key.local) {
            d = d.label(requirement.span, "its source is given here");
        }
        self.diags.push(d);
        self.node(node);
        false
    }

    fn unknown_type(&mut self, block: &ResourceBlock) {
        let name = &*block.resource.type_name;
        let (summary, what, mut all): (_, _, Vec<&str>) = match block.resource.mode {
            ResourceMode::Managed => {
                ("Invalid resource type", "a resource type", self.registry.resource_types().collect())
            }
            ResourceMode::Data => {
                ("Invalid data source", "a data source", self.registry.data_types().collect())
            }
            ResourceMode::Ephemeral => (
                "Invalid ephemeral resource type",
                "an ephemeral resource type",
                self.registry.ephemeral_types().collect(),
            ),
        };
        let d = Diagnostic::error(summary, format!("No provider has {what} \"{name}\".")).at(block.type_span);
        let prefix = format!("{}_", formwork_config::implied_provider(name));
        let help = match suggestion(name, all.iter().copied()) {
            Some(s) => format!("Did you mean \"{s}\"?"),
            None => {
                if all.iter().any(|t| t.starts_with(&prefix)) {
                    all.retain(|t| t.starts_with(&prefix));
                }
                format!("There are: {}.", all.join(", "))
            }
        };
        self.diags.push(d.help(help));
    }

    fn body(&mut self, node: NodeIndex, body: &Body) {
        self.body_but(node, body, &mut Vec::new());
    }

    fn body_but(&mut self, node: NodeIndex, body: &Body, bound: &mut Vec<Str>) {
        for a in &body.attributes {
            if a.json {
                self.json(node, &a.name.name, &a.expr, bound);
            } else {
                self.expr_but(node, &a.expr, None, bound);
            }
        }
        for b in &body.blocks {
            if &*b.kind.name == "dynamic" && b.labels.len() == 1 {
                let mut iterator = b.labels[0].name.clone();
                for a in &b.body.attributes {
                    match &*a.name.name {
                        "iterator" => iterator = crate::body::iterator(a).cloned().unwrap_or(iterator),
                        "for_each" => self.expr_but(node, &a.expr, None, bound),
                        _ => {}
                    }
                }
                bound.push(iterator);
                if let Some(labels) = b.body.attribute("labels") {
                    self.expr_but(node, &labels.expr, None, bound);
                }
                for inner in &b.body.blocks {
                    self.body_but(node, &inner.body, bound);
                }
                bound.pop();
            } else {
                self.body_but(node, &b.body, bound);
            }
        }
    }

    /// A property of JSON, which may be blocks: then what is called "dynamic" in it binds a name.
    fn json(&mut self, node: NodeIndex, name: &str, expr: &Expr, bound: &mut Vec<Str>) {
        let blocks = if name == "dynamic" { dynamic_blocks(expr) } else { Vec::new() };
        if !blocks.is_empty() && blocks.iter().all(|b| !b.body.blocks.is_empty()) {
            return self.body_but(node, &Body { blocks, ..Body::empty(expr.span) }, bound);
        }
        match &expr.kind {
            ExprKind::Tuple(items) => items.iter().for_each(|item| self.json(node, "", item, bound)),
            ExprKind::Object(items) => {
                for item in items {
                    let name = match &item.key.kind {
                        ExprKind::String(name) => name,
                        _ => {
                            self.expr_but(node, &item.key, None, bound);
                            ""
                        }
                    };
                    self.json(node, name, &item.value, bound);
                }
            }
            _ => self.expr_but(node, expr, None, bound),
        }
    }

    fn depends(&mut self, node: NodeIndex, list: &[Expr]) {
        for e in list {
            self.diags.extend(references(e).iter().find_map(|found| reference::not_whole(found, e)));
            self.expr(node, e, None);
        }
    }

    fn expr(&mut self, node: NodeIndex, expr: &Expr, but: Option<NodeIndex>) {
        self.expr_but(node, expr, but, &[]);
    }

    fn expr_but(&mut self, node: NodeIndex, expr: &Expr, but: Option<NodeIndex>, bound: &[Str]) {
        let found = references(expr);
        if !found.is_empty() {
            tried::mistakes(expr, self.module, self.registry, self.types, self.diags);
        }
        for reference in found {
            if bound.iter().any(|b| &**b == reference.root) {
                continue;
            }
            let before = self.diags.len();
            let target = self.target(reference.root, &reference.steps, reference.span);
            // It may be meant for what a dynamic block around it names.
            if let Some(d) =
                self.diags[before..].iter_mut().find(|d| d.summary.starts_with("Reference to undeclared"))
                && let Some(near) = suggestion(reference.root, bound.iter().map(|b| &**b))
            {
                let rest = match reference.steps.first() {
                    Some(RefStep::Attr(name)) => format!(".{name}"),
                    _ => String::new(),
                };
                d.help = Some(format!("Did you mean {near}{rest}?"));
            }
            for object in target {
                let target = self.node(object);
                if Some(target) != but {
                    self.graph.graph.update_edge(node, target, reference.span);
                    if self.late {
                        self.graph.late.entry(node).or_default().push(target);
                    }
                }
            }
        }
    }

    /// What a reference names; reports what does not exist.
    pub(super) fn target(&mut self, root: &str, steps: &[RefStep<'_>], span: Span) -> Vec<Object> {
        let attr = |i: usize| match steps.get(i) {
            Some(RefStep::Attr(name)) => Some(*name),
            Some(RefStep::Key(v)) if i > 0 => v.as_str(),
            _ => None,
        };
        let module = self.module;
        let path = module.path.clone();
        match root {
            "each" | "count" if attr(0).is_some() => {
                let name = attr(0).unwrap_or_default();
                let is_known = match self.repeated {
                    Some("count") => (root, name) == ("count", "index"),
                    Some(_) => root == "each" && matches!(name, "key" | "value"),
                    None => false,
                };
                if !is_known {
                    self.diags.push(reference::unrepeated(root, name).at(span));
                }
                Vec::new()
            }
            "self" if self.own => Vec::new(),
            "each" | "count" | "path" | "terraform" | "tofu" | "self" => {
                let at = if root == "self" { span.first(root.len()) } else { span };
                self.diags.extend(reference::of_the_language(root, steps).map(|d| d.at(at)));
                Vec::new()
            }
            "var" | "local" | "module" => {
                let Some(name) = attr(0) else {
                    self.diags.push(
                        Diagnostic::error(
                            "Invalid reference",
                            format!("\"{root}\" must be followed by a dot and a name."),
                        )
                        .at(span),
                    );
                    return Vec::new();
                };
                let declared = match root {
                    "var" => module.variables.contains_key(name),
                    "local" => module.locals.contains_key(name),
                    _ => module.calls.contains_key(name),
                };
                if !declared {
                    let full = format!("{root}.{name}");
                    match root {
                        "var" => {
                            let known = module.variables.keys().map(|k| &**k);
                            self.undeclared("input variable", &full, name, known, span);
                        }
                        "local" => {
                            let known = module.locals.keys().map(|k| &**k);
                            self.undeclared("local value", &full, name, known, span);
                        }
                        _ => {
                            let known = module.calls.keys().map(|k| &**k);
                            self.undeclared("module", &full, name, known, span);
                        }
                    }
                    return Vec::new();
                }
                match root {
                    "var" => vec![Object::Variable(path, name.into())],
                    "local" => vec![Object::Local(path, name.into())],
                    _ => self.module_target(path, name, steps, span),
                }
            }
            "data" | "resource" | "ephemeral" => match (attr(0), attr(1)) {
                (Some(ty), Some(name)) => {
                    let mode = match root {
                        "data" => ResourceMode::Data,
                        "ephemeral" => ResourceMode::Ephemeral,
                        _ => ResourceMode::Managed,
                    };
                    let named = span.first(root.len() + ty.len() + name.len() + 2);
                    self.resource_target(path, mode, ty, name, &steps[2..], (named, span))
                }
                _ => {
                    let form = match root {
                        "data" => "A data source is written data.TYPE.NAME.",
                        "ephemeral" => "An ephemeral resource is written ephemeral.TYPE.NAME.",
                        _ => "In full, a resource is written resource.TYPE.NAME.",
                    };
                    self.diags.push(Diagnostic::error("Invalid reference", form).at(span));
                    Vec::new()
                }
            },
            ty => match attr(0) {
                Some(name) => {
                    let named = span.first(ty.len() + name.len() + 1);
                    let rest = &steps[1..];
                    self.resource_target(path, ResourceMode::Managed, ty, name, rest, (named, span))
                }
                None => {
                    self.diags.push(
                        Diagnostic::error(
                            "Invalid reference",
                            format!("\"{ty}\" is not a value: a reference has at least two names."),
                        )
                        .help(format!("For text, write \"{ty}\" in quotes; for a resource, TYPE.NAME."))
                        .at(span),
                    );
                    Vec::new()
                }
            },
        }
    }

    fn module_target(
        &mut self,
        path: ModulePath,
        name: &str,
        steps: &[RefStep<'_>],
        span: Span,
    ) -> Vec<Object> {
        let inner = path.child(name.into());
        let call = Object::Call(path.clone(), name.into());
        let keyed =
            matches!(self.module.calls.get(name).map(|c| &c.repetition), Some(Repetition::ForEach(_)));
        // `module.x.key.output` is `module.x["key"].output`.
        let skipped = 1 + usize::from(keyed && matches!(steps.get(1), Some(RefStep::Attr(_))));
        let output = steps.iter().skip(skipped).find_map(|s| match s {
            RefStep::Attr(n) => Some(*n),
            _ => None,
        });
        let Some(child) = self.config.module(&inner) else { return vec![call] };
        let Some(output) = output else {
            return vec![Object::Closed(path, name.into()), call];
        };
        let Some(declared) = child.outputs.get(output) else { return vec![call] };
        if let Some(why) = &declared.deprecated {
            self.diags.push(
                Diagnostic::warning(
                    "Deprecated output",
                    format!("The module \"{name}\" says of its output \"{output}\": {why}"),
                )
                .at(span)
                .label(declared.span, "declared here"),
            );
        }
        // Which instance is meant is not in the text; so all that belongs to the module comes before, as for Terraform.
        if matches!(steps.get(1), Some(RefStep::Dynamic | RefStep::Splat)) {
            return vec![Object::Closed(path, name.into()), call];
        }
        vec![Object::Output(inner, output.into()), call]
    }

    /// `named` is as much of the reference as names the resource.
    fn resource_target(
        &mut self,
        path: ModulePath,
        mode: ResourceMode,
        ty: &str,
        name: &str,
        rest: &[RefStep<'_>],
        (named, span): (Span, Span),
    ) -> Vec<Object> {
        let resource = Resource { mode, type_name: ty.into(), name: name.into() };
        if let Some(block) = self.module.resources.get(&resource) {
            // Where a key is missing the name ends too early.
            let at = if matches!(rest.first(), Some(RefStep::Attr(_))) { named } else { span };
            let unfit = reference::instance(block, rest);
            self.diags
                .extend(unfit.map(|d| d.at(at).label(block.span, format!("{resource} is declared here"))));
            if block.check.is_some() && block.check != self.check {
                self.diags.push(
                    Diagnostic::error(
                        "Reference to scoped resource",
                        format!("{resource} stands in a check block, and is read for that check alone."),
                    )
                    .help("Move the data block out of the check block.")
                    .at(span)
                    .label(block.span, "declared here"),
                );
            }
            return vec![Object::Resource(path, resource)];
        }
        let near: Vec<String> =
            self.module.resources.keys().filter(|r| r.mode == mode).map(ToString::to_string).collect();
        let names: Vec<&str> = near.iter().map(String::as_str).collect();
        let full = resource.to_string();
        self.undeclared("resource", &full, &full, names.iter().copied(), named);
        Vec::new()
    }

    /// `known` is asked for as little as it takes: there may be very many names, and very many mistakes.
    fn undeclared<'n>(
        &mut self,
        what: &str,
        full: &str,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
        span: Span,
    ) {
        let path = &self.module.path;
        let place = if path.0.is_empty() { "the root module".to_owned() } else { path.to_string() };
        let d = Diagnostic::error(
            format!("Reference to undeclared {what}"),
            format!("{full} is not declared in {place}."),
        )
        .at(span);
        self.diags.push(match suggestion(name, known.clone()) {
            Some(s) => d.help(format!("Did you mean \"{s}\"?")),
            None if known.clone().next().is_none() => {
                d.help(format!("There is no {what} at all in this module."))
            }
            None => d.help(format!("Declared are: {}.", known.take(12).collect::<Vec<_>>().join(", "))),
        });
    }
}
