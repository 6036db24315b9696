//! What a configuration says, block by block.

use crate::encryption::EncryptionBlock;
use crate::version::Constraints;
use formwork_addr::{ModulePath, Resource, Target};
use formwork_diag::Span;
use formwork_syntax::{Attribute, Body, Expr, ExprKind, Ident, Str};
use formwork_value::{Defaults, Type, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A whole configuration: the root module and every module that it calls, directly or not.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Modules by the names of the calls that lead to them; the root has the empty path.
    pub modules: BTreeMap<ModulePath, Arc<Module>>,
}

impl Config {
    /// The root module.
    pub fn root(&self) -> &Arc<Module> {
        &self.modules[&ModulePath::default()]
    }

    /// A module by its path.
    pub fn module(&self, path: &ModulePath) -> Option<&Arc<Module>> {
        self.modules.get(path)
    }

    /// Addresses, without instance keys, of everything that has conditions.
    pub fn checkable(&self) -> Vec<String> {
        let mut out = Vec::new();
        for module in self.modules.values() {
            let prefix = if module.path.0.is_empty() { String::new() } else { format!("{}.", module.path) };
            let variables = module.variables.iter().filter(|(_, v)| !v.validations.is_empty());
            out.extend(variables.map(|(name, _)| format!("{prefix}var.{name}")));
            let outputs = module.outputs.iter().filter(|(_, o)| !o.preconditions.is_empty());
            out.extend(outputs.map(|(name, _)| format!("{prefix}output.{name}")));
            out.extend(module.checks.keys().map(|name| format!("{prefix}check.{name}")));
            let conditions = |r: &ResourceBlock| {
                !r.lifecycle.preconditions.is_empty() || !r.lifecycle.postconditions.is_empty()
            };
            let resources = module.resources.iter().filter(|(_, r)| conditions(r));
            out.extend(resources.map(|(resource, _)| format!("{prefix}{resource}")));
        }
        out
    }
}

/// One module.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// The names of the calls that lead to it.
    pub path: ModulePath,
    /// Its folder, as `path.module` gives it.
    pub dir: PathBuf,
    /// `variable` blocks.
    pub variables: BTreeMap<Str, Variable>,
    /// All attributes of all `locals` blocks.
    pub locals: BTreeMap<Str, Local>,
    /// `output` blocks.
    pub outputs: BTreeMap<Str, Output>,
    /// `module` blocks.
    pub calls: BTreeMap<Str, ModuleCall>,
    /// `resource`, `data` and `ephemeral` blocks.
    pub resources: BTreeMap<Resource, Arc<ResourceBlock>>,
    /// `provider` blocks, by local name and alias.
    pub providers: BTreeMap<(Str, Option<Str>), ProviderBlock>,
    /// `required_providers`, by local name.
    pub required_providers: BTreeMap<Str, ProviderRequirement>,
    /// Where the block of that name is.
    pub required_providers_at: Option<Span>,
    /// `moved` blocks.
    pub moved: Vec<Moved>,
    /// `removed` blocks.
    pub removed: Vec<Removed>,
    /// `import` blocks; only the root module may have any.
    pub imports: Vec<Import>,
    /// `check` blocks.
    pub checks: BTreeMap<Str, Check>,
    /// The `encryption` block, and its header; only that of the root module counts.
    pub encryption: Option<(Span, Arc<EncryptionBlock>)>,
    /// The `backend` block; only that of the root module counts.
    pub backend: Option<Arc<BackendBlock>>,
}

/// A `backend` block: where the state is.
#[derive(Clone, Debug)]
pub struct BackendBlock {
    /// The kind of backend.
    pub kind: Ident,
    /// Its arguments, whose names only the kind knows.
    pub arguments: Vec<Attribute>,
    /// The block's header.
    pub header: Span,
}

/// A `moved` block; addresses are relative to the module that it stands in.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The old address.
    pub from: Target,
    /// The new address.
    pub to: Target,
    /// The block's header.
    pub span: Span,
}

/// A `removed` block; the address is relative to the module that it stands in, and has no keys.
#[derive(Clone, Debug)]
pub struct Removed {
    /// What is no longer in the configuration.
    pub from: Target,
    /// Whether the objects are destroyed; otherwise they only leave the state.
    pub destroy: bool,
    /// What runs before an object is destroyed.
    pub provisioners: Vec<Provisioner>,
    /// The block's header.
    pub span: Span,
}

/// An `import` block.
#[derive(Clone, Debug)]
pub struct Import {
    /// What the object becomes.
    pub to: ImportTarget,
    /// The ID that the provider knows it by.
    pub id: Expr,
    /// One object for each element.
    pub for_each: Option<Expr>,
    /// The provider configuration that it names.
    pub provider: Option<ProviderRef>,
    /// The block's header.
    pub span: Span,
}

/// The address of an instance, whose keys are yet to be evaluated.
#[derive(Clone, Debug)]
pub struct ImportTarget {
    /// The module.
    pub path: ModulePath,
    /// The key of each step of `path`.
    pub modules: Vec<Option<Expr>>,
    /// The resource.
    pub resource: Resource,
    /// The instance's key.
    pub key: Option<Expr>,
    /// As people write it.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl ImportTarget {
    /// Whether a key is more than a literal.
    pub fn dynamic(&self) -> bool {
        let literal = |e: &Expr| matches!(e.kind, ExprKind::String(_) | ExprKind::Number(_));
        !self.modules.iter().flatten().chain(&self.key).all(literal)
    }
}

/// When a provisioner runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After the object was made.
    Create,
    /// Before it is destroyed.
    Destroy,
}

/// What follows when a provisioner fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The run fails; an object just made is tainted, one that was to go stays.
    Fail,
    /// Nothing.
    Continue,
}

/// A `provisioner` block.
#[derive(Clone, Debug)]
pub struct Provisioner {
    /// Such as `local-exec`.
    pub kind: Ident,
    /// When it runs.
    pub when: When,
    /// What follows when it fails.
    pub on_failure: OnFailure,
    /// The rest: what its schema describes.
    pub body: Body,
    /// How to reach the machine.
    pub connection: Option<Connection>,
    /// The block's header.
    pub span: Span,
}

/// A `connection` block.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What the schema of connections describes.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// A `check` block.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: Ident,
    /// The data resource in it, as a reference: it is read with the check, whether anything speaks of it or not.
    pub data: Option<Expr>,
    /// What must hold; what does not is a warning.
    pub asserts: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// A `variable` block.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: Ident,
    /// Its type; [`Type::Dynamic`] when none is declared.
    pub ty: Type,
    /// Whether a `type` was declared.
    pub typed: bool,
    /// Values of `optional` attributes inside the type.
    pub defaults: Option<Defaults>,
    /// The default, already of the type.
    pub default: Option<Value>,
    /// For people.
    pub description: Option<Str>,
    /// Never shown.
    pub sensitive: bool,
    /// Never stored.
    pub ephemeral: bool,
    /// Whether null is a value; otherwise it means the default.
    pub nullable: bool,
    /// Why callers should not give it any more.
    pub deprecated: Option<Str>,
    /// Conditions.
    pub validations: Vec<Validation>,
}

/// A condition with its message.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Must be true.
    pub condition: Expr,
    /// Said when it is not.
    pub message: Expr,
    /// The block's header.
    pub span: Span,
}

/// A `validation` block.
pub type Validation = Condition;

/// A local value.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub expr: Expr,
}

/// An `output` block.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub value: Expr,
    /// For people.
    pub description: Option<Str>,
    /// Never shown.
    pub sensitive: bool,
    /// Never stored.
    pub ephemeral: bool,
    /// Why callers should not use it any more.
    pub deprecated: Option<Str>,
    /// Further dependencies.
    pub depends_on: Vec<Expr>,
    /// Checked before the value is used.
    pub preconditions: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// How often a block stands for an object.
#[derive(Clone, Debug, Default)]
pub enum Repetition {
    /// Once.
    #[default]
    Single,
    /// `count`
    Count(Expr),
    /// `for_each`
    ForEach(Expr),
    /// `lifecycle { enabled = … }`: once, or not at all.
    Enabled(Expr),
}

/// A `module` block.
#[derive(Clone, Debug)]
pub struct ModuleCall {
    /// Its name.
    pub name: Ident,
    /// Where the module comes from, as written.
    pub source: Str,
    /// Where that stands.
    pub source_span: Span,
    /// Which versions of a registry's module will do, and where that stands.
    pub version: Option<(Constraints, Span)>,
    /// `count` or `for_each`.
    pub repetition: Repetition,
    /// Further dependencies.
    pub depends_on: Vec<Expr>,
    /// Provider configurations passed down, by the name inside.
    pub providers: BTreeMap<(Str, Option<Str>), ProviderRef>,
    /// Values for its variables.
    pub arguments: BTreeMap<Str, (Ident, Expr)>,
    /// The place of what the block lacks.
    pub missing: Span,
    /// An override file has changed it.
    pub merged: bool,
    /// The block's header.
    pub span: Span,
}

/// A `resource`, `data` or `ephemeral` block.
#[derive(Clone, Debug)]
pub struct ResourceBlock {
    /// Type and name.
    pub resource: Arc<Resource>,
    /// `count` or `for_each`.
    pub repetition: Repetition,
    /// The provider configuration that it names.
    pub provider: Option<ProviderRef>,
    /// Further dependencies.
    pub depends_on: Vec<Expr>,
    /// `lifecycle`.
    pub lifecycle: Lifecycle,
    /// What runs after it was made, and before it goes.
    pub provisioners: Vec<Provisioner>,
    /// The check block that it stands in: only that may refer to it.
    pub check: Option<Str>,
    /// The rest: what the schema describes.
    pub body: Body,
    /// The block's header.
    pub span: Span,
    /// Where the type stands.
    pub type_span: Span,
}

/// A `lifecycle` block.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// The new object comes before the old one goes.
    pub create_before_destroy: Option<Expr>,
    /// Refuse to destroy it.
    pub prevent_destroy: Option<Expr>,
    /// Changes that are left alone.
    pub ignore_changes: IgnoreChanges,
    /// Replace it when one of these changes.
    pub replace_triggered_by: Vec<Expr>,
    /// Checked before it is planned.
    pub preconditions: Vec<Condition>,
    /// Checked when it is known.
    pub postconditions: Vec<Condition>,
}

/// `ignore_changes`
#[derive(Clone, Debug, Default)]
pub enum IgnoreChanges {
    /// Not given.
    #[default]
    None,
    /// `all`
    All,
    /// Attributes, as paths from the resource.
    Paths(Vec<Expr>),
}

/// A `provider` block.
#[derive(Clone, Debug)]
pub struct ProviderBlock {
    /// The local name.
    pub name: Ident,
    /// `alias`
    pub alias: Option<Str>,
    /// `for_each`: one configuration for each element.
    pub for_each: Option<Expr>,
    /// The rest: what the schema describes.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// A name of a provider configuration: `aws`, `aws.west` or `aws.by_region[each.key]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderRef {
    /// The local name.
    pub name: Str,
    /// The alias.
    pub alias: Option<Str>,
    /// Which of the configurations that `for_each` makes.
    pub key: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// An entry of `required_providers`.
#[derive(Clone, Debug)]
pub struct ProviderRequirement {
    /// The source address, complete: `registry.terraform.io/hashicorp/aws`.
    pub source: Str,
    /// Aliases that the caller must pass.
    pub aliases: Vec<Str>,
    /// Where it stands.
    pub span: Span,
}
