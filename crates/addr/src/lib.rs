//! Addresses of modules, resources and instances: parse, print, order.
//!
//! The grammar is Terraform's: <https://developer.hashicorp.com/terraform/cli/state/resource-addressing>.

mod glob;
mod parse;

pub use glob::{Pattern, captures, substitute};
pub use parse::ParseError;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A short immutable string that is cheap to clone.
pub type Str = Arc<str>;

/// The key of one instance of a resource or module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum InstanceKey {
    /// Neither `count` nor `for_each`.
    #[default]
    None,
    /// An index given by `count`.
    Int(u64),
    /// A key given by `for_each`.
    Str(Str),
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstanceKey::None => Ok(()),
            InstanceKey::Int(i) => write!(f, "[{i}]"),
            InstanceKey::Str(s) => write!(f, "[{}]", Quoted(s)),
        }
    }
}

/// Prints a string as a quoted literal of the language.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut rest = self.0.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '$' | '%' if rest.peek() == Some(&'{') => write!(f, "{c}{c}")?,
                c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// One step from a module instance to a child.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleStep {
    /// Name of the `module` block.
    pub name: Str,
    /// Which of its instances.
    pub key: InstanceKey,
}

/// An instance of a module: the root, or a path of calls with their keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModuleInstance(Option<Arc<[ModuleStep]>>);

impl ModuleInstance {
    /// The root module.
    pub const ROOT: ModuleInstance = ModuleInstance(None);

    /// The instance reached by these steps.
    pub fn new(steps: impl Into<Arc<[ModuleStep]>>) -> Self {
        let steps = steps.into();
        ModuleInstance(if steps.is_empty() { None } else { Some(steps) })
    }

    /// The steps from the root; empty for the root.
    pub fn steps(&self) -> &[ModuleStep] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether this is the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The instance of a child module.
    pub fn child(&self, name: Str, key: InstanceKey) -> Self {
        let mut steps = self.steps().to_vec();
        steps.push(ModuleStep { name, key });
        Self::new(steps)
    }

    /// The calling instance; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, init) = self.steps().split_last()?;
        Some(Self::new(init.to_vec()))
    }

    /// The module without instance keys.
    pub fn path(&self) -> ModulePath {
        ModulePath(self.steps().iter().map(|s| s.name.clone()).collect())
    }

    /// Whether `self` is `ancestor`, or lies below it.
    pub fn is_within(&self, ancestor: &ModuleInstance) -> bool {
        self.steps().starts_with(ancestor.steps())
    }
}

impl fmt::Display for ModuleInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps().iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            write!(f, "{dot}module.{}{}", step.name, step.key)?;
        }
        Ok(())
    }
}

/// A module in the configuration: the names of the calls that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModulePath(pub Vec<Str>);

impl ModulePath {
    /// The path of a child.
    pub fn child(&self, name: Str) -> Self {
        let mut names = self.0.clone();
        names.push(name);
        ModulePath(names)
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            write!(f, "{dot}module.{name}")?;
        }
        Ok(())
    }
}

/// Managed by us, or only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceMode {
    /// A `resource` block.
    Managed,
    /// A `data` block.
    Data,
    /// An `ephemeral` block: opened for each run, and never stored.
    Ephemeral,
}

/// A resource within whatever module it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Managed, data or ephemeral.
    pub mode: ResourceMode,
    /// The resource type, such as `aws_instance`.
    pub type_name: Str,
    /// The name that the block gives it.
    pub name: Str,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.mode {
            ResourceMode::Managed => "",
            ResourceMode::Data => "data.",
            ResourceMode::Ephemeral => "ephemeral.",
        };
        // Addresses are written so often that a format would be felt.
        f.write_str(prefix)?;
        f.write_str(&self.type_name)?;
        f.write_str(".")?;
        f.write_str(&self.name)
    }
}

impl PartialOrd for Resource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Resource {
    /// Data resources come first, as in Terraform's listings.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.mode, &self.type_name, &self.name).cmp(&(self.mode, &other.type_name, &other.name))
    }
}

/// A resource in one module instance, without an instance key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceAddr {
    /// The module instance.
    pub module: ModuleInstance,
    /// The resource within it.
    pub resource: Arc<Resource>,
}

impl ResourceAddr {
    /// A managed resource.
    pub fn managed(module: ModuleInstance, type_name: impl Into<Str>, name: impl Into<Str>) -> Self {
        let resource =
            Resource { mode: ResourceMode::Managed, type_name: type_name.into(), name: name.into() };
        ResourceAddr { module, resource: Arc::new(resource) }
    }

    /// A data resource.
    pub fn data(module: ModuleInstance, type_name: impl Into<Str>, name: impl Into<Str>) -> Self {
        let resource = Resource { mode: ResourceMode::Data, type_name: type_name.into(), name: name.into() };
        ResourceAddr { module, resource: Arc::new(resource) }
    }

    /// The same without the keys of module instances, as states record dependencies.
    #[must_use]
    pub fn without_keys(&self) -> Self {
        if self.module.steps().iter().all(|s| s.key == InstanceKey::None) {
            return self.clone();
        }
        let steps = self.module.steps().iter();
        let steps = steps.map(|s| ModuleStep { name: s.name.clone(), key: InstanceKey::None });
        ResourceAddr {
            module: ModuleInstance::new(steps.collect::<Vec<_>>()),
            resource: self.resource.clone(),
        }
    }

    /// One instance of it.
    pub fn instance(&self, key: InstanceKey) -> InstanceAddr {
        InstanceAddr { resource: self.clone(), key }
    }
}

impl fmt::Display for ResourceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            fmt::Display::fmt(&self.module, f)?;
            f.write_str(".")?;
        }
        fmt::Display::fmt(&*self.resource, f)
    }
}

/// One instance of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceAddr {
    /// The resource.
    pub resource: ResourceAddr,
    /// Which instance.
    pub key: InstanceKey,
}

impl fmt::Display for InstanceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.resource, f)?;
        fmt::Display::fmt(&self.key, f)
    }
}

/// What `-target` and similar flags name: a module, a resource, or one instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A module instance and all that is in it. A step without a key stands for every instance of that call.
    Module(ModuleInstance),
    /// A resource with all its instances.
    Resource(ResourceAddr),
    /// One instance.
    Instance(InstanceAddr),
}

impl Target {
    /// Whether the target selects this instance.
    pub fn contains(&self, addr: &InstanceAddr) -> bool {
        match self {
            Target::Module(m) => module_matches(m, &addr.resource.module, false),
            Target::Resource(r) => {
                module_matches(&r.module, &addr.resource.module, true) && r.resource == addr.resource.resource
            }
            Target::Instance(i) => {
                module_matches(&i.resource.module, &addr.resource.module, true)
                    && i.resource.resource == addr.resource.resource
                    && i.key == addr.key
            }
        }
    }
}

fn module_matches(pattern: &ModuleInstance, module: &ModuleInstance, exact: bool) -> bool {
    let (p, m) = (pattern.steps(), module.steps());
    (if exact { p.len() == m.len() } else { p.len() <= m.len() })
        && p.iter().zip(m).all(|(a, b)| a.name == b.name && (a.key == InstanceKey::None || a.key == b.key))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Module(m) => m.fmt(f),
            Target::Resource(r) => r.fmt(f),
            Target::Instance(i) => i.fmt(f),
        }
    }
}
