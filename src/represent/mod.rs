//! The configuration as Terraform's plan JSON shows it, for policy checkers
//! (<https://developer.hashicorp.com/terraform/internals/json-format#configuration-representation>).

mod expression;
mod implied;
mod inner;
mod names;
mod places;
mod relevant;
#[cfg(test)]
mod tests;

pub use places::Written;

use expression::Expressions;
use formwork_addr::{Resource, ResourceMode};
use formwork_config::{
    Config, Module, ModuleCall, Output, ProviderKey, Provisioner, Repetition, ResourceBlock, Variable,
};
use formwork_diag::Sources;
use formwork_engine::Registry;
use formwork_lang::references;
use formwork_plan::Plan;
use formwork_syntax::Expr;
use formwork_value::json::to_serde;
use serde_json::{Map, Value};

/// What plan JSON has of a configuration.
pub struct Represented {
    /// `configuration`
    pub document: Value,
    /// `relevant_attributes`
    pub relevant: Vec<Value>,
    /// Addresses of everything that has conditions.
    pub checkable: Vec<String>,
}

/// The configuration that a plan was made from; `sources` are what its spans point into.
pub fn represent(config: &Config, sources: &Sources, plan: &Plan, registry: &Registry) -> Represented {
    let writer = Writer { config, registry, expressions: Expressions(sources) };
    let mut document = Map::new();
    put(&mut document, "provider_config", writer.providers().into());
    document.insert("root_module".into(), writer.module(config.root()));
    let relevant = relevant::attributes(config, plan);
    Represented { document: document.into(), relevant, checkable: config.checkable() }
}

struct Writer<'a> {
    config: &'a Config,
    registry: &'a Registry,
    expressions: Expressions<'a>,
}

/// Adds what is not empty.
fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    let empty = match &value {
        Value::Object(m) => m.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::String(s) => s.is_empty(),
        Value::Bool(b) => !b,
        Value::Null => true,
        Value::Number(_) => false,
    };
    if !empty {
        map.insert(key.to_owned(), value);
    }
}

/// `aws.west`, with the module before it where it is not the root.
fn provider_key(key: &ProviderKey) -> String {
    let alias = key.alias.as_ref().map_or(String::new(), |a| format!(".{a}"));
    let module = if key.module.0.is_empty() { String::new() } else { format!("{}:", key.module) };
    format!("{module}{}{alias}", key.local)
}

fn dependencies(list: &[Expr]) -> Value {
    let named = list.iter().flat_map(references).map(|r| names::Name::of(&r).whole());
    named.map(Value::from).collect()
}

impl Writer<'_> {
    fn providers(&self) -> Map<String, Value> {
        let mut out = Map::new();
        for module in self.config.modules.values() {
            let blocks = module.providers.keys().map(|(local, alias)| {
                let source = module.provider_source(local);
                ProviderKey {
                    module: module.path.clone(),
                    local: local.clone(),
                    source,
                    alias: alias.clone(),
                    key: None,
                }
            });
            let used = module.resources.values().map(|block| self.provider_of(module, block));
            let required = module
                .required_providers
                .keys()
                .map(|local| self.placed(module, self.config.provider_key(module, local, None)));
            for key in blocks.chain(used).chain(required) {
                out.entry(provider_key(&key)).or_insert_with(|| self.provider(&key));
            }
        }
        out
    }

    fn provider(&self, key: &ProviderKey) -> Value {
        let mut out = Map::new();
        put(&mut out, "name", (*key.local).into());
        put(&mut out, "full_name", (*key.source).into());
        put(&mut out, "alias", key.alias.as_deref().unwrap_or_default().into());
        put(&mut out, "module_address", key.module.to_string().into());
        if let Some(block) = self.config.provider_block(key) {
            let schema = self.registry.providers().get(&key.source).map(|p| &p.schema().block);
            put(&mut out, "expressions", self.expressions.of_body(&block.body, schema).into());
        }
        out.into()
    }

    fn module(&self, module: &Module) -> Value {
        let mut out = Map::new();
        let outputs = module.outputs.iter().map(|(name, o)| (name.to_string(), self.output(o)));
        put(&mut out, "outputs", outputs.collect::<Map<_, _>>().into());
        let of = |mode| module.resources.iter().filter(move |(r, _)| r.mode == mode);
        let resources =
            of(ResourceMode::Managed).chain(of(ResourceMode::Data)).chain(of(ResourceMode::Ephemeral));
        put(&mut out, "resources", resources.map(|(r, block)| self.resource(module, r, block)).collect());
        let calls = module.calls.iter().map(|(name, call)| (name.to_string(), self.call(module, call)));
        put(&mut out, "module_calls", calls.collect::<Map<_, _>>().into());
        let variables = module.variables.iter().map(|(name, v)| (name.to_string(), variable(v)));
        put(&mut out, "variables", variables.collect::<Map<_, _>>().into());
        out.into()
    }

    fn resource(&self, module: &Module, resource: &Resource, block: &ResourceBlock) -> Value {
        let mode = match resource.mode {
            ResourceMode::Managed => "managed",
            ResourceMode::Data => "data",
            ResourceMode::Ephemeral => "ephemeral",
        };
        let schema = self.registry.schema(resource);
        let mut out = Map::new();
        put(&mut out, "address", resource.to_string().into());
        put(&mut out, "mode", mode.into());
        put(&mut out, "type", (*resource.type_name).into());
        put(&mut out, "name", (*resource.name).into());
        put(&mut out, "provider_config_key", provider_key(&self.provider_of(module, block)).into());
        put(&mut out, "provisioners", block.provisioners.iter().map(|p| self.provisioner(p)).collect());
        put(&mut out, "expressions", self.expressions.of_body(&block.body, schema.map(|s| &s.block)).into());
        put(&mut out, "schema_version", schema.map_or(0, |s| s.version).into());
        self.repetition(&mut out, &block.repetition);
        put(&mut out, "depends_on", dependencies(&block.depends_on));
        out.into()
    }

    fn provisioner(&self, provisioner: &Provisioner) -> Value {
        let mut out = Map::new();
        let schema = self.registry.provisioner(&provisioner.kind.name).map(|p| p.schema());
        put(&mut out, "type", (*provisioner.kind.name).into());
        put(&mut out, "expressions", self.expressions.of_body(&provisioner.body, schema).into());
        out.into()
    }

    fn call(&self, module: &Module, call: &ModuleCall) -> Value {
        let mut out = Map::new();
        put(&mut out, "source", (*call.source).into());
        let arguments =
            call.arguments.iter().map(|(name, (_, e))| (name.to_string(), self.expressions.one(e)));
        put(&mut out, "expressions", arguments.collect::<Map<_, _>>().into());
        self.repetition(&mut out, &call.repetition);
        if let Some(child) = self.config.module(&module.path.child(call.name.name.clone())) {
            out.insert("module".into(), self.module(child));
        }
        put(&mut out, "depends_on", dependencies(&call.depends_on));
        out.into()
    }

    fn repetition(&self, out: &mut Map<String, Value>, repetition: &Repetition) {
        let expression = |e: &Expr| self.expressions.one(e);
        match repetition {
            Repetition::Single => {}
            Repetition::Enabled(e) => put(out, "enabled_expression", expression(e)),
            Repetition::Count(e) => put(out, "count_expression", expression(e)),
            Repetition::ForEach(e) => put(out, "for_each_expression", expression(e)),
        }
    }

    fn output(&self, output: &Output) -> Value {
        let mut out = Map::new();
        put(&mut out, "sensitive", output.sensitive.into());
        // There even when it neither is constant nor refers to anything.
        out.insert("expression".into(), self.expressions.one(&output.value));
        put(&mut out, "depends_on", dependencies(&output.depends_on));
        put(&mut out, "description", output.description.as_deref().unwrap_or_default().into());
        out.into()
    }
}

fn variable(variable: &Variable) -> Value {
    let mut out = Map::new();
    if let Some(default) = &variable.default {
        out.insert("default".into(), to_serde(default));
    }
    put(&mut out, "description", variable.description.as_deref().unwrap_or_default().into());
    put(&mut out, "sensitive", variable.sensitive.into());
    out.into()
}
