//! Providers ready for use, and what is worth computing once for each resource type.

use formwork_addr::Str;
use formwork_provider::{
    Block, Client, DataSource, EphemeralResource, ManagedResource, Nesting, Provider, Schema,
};
use formwork_value::{Kind, Marks, Path, PathStep, Type, Value};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A configured provider.
pub(crate) struct ProviderHandle {
    pub client: Client,
    /// Whose objects are meant: JSON.
    pub identity: Arc<str>,
    /// The same with what it reaches: see [`crate::identity`].
    pub whole: OnceCell<Arc<str>>,
    /// The configuration's name, as states write it.
    pub name: Str,
    /// Environment variables that have a say in whose objects are meant.
    pub environment: &'static [&'static str],
    /// Whether its configuration is known; otherwise it cannot be called, only planned for.
    pub known: bool,
}

impl std::fmt::Debug for ProviderHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderHandle").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What does the work for a type.
#[derive(Clone)]
pub(crate) enum Worker {
    Managed(Arc<dyn ManagedResource>),
    Data(Arc<dyn DataSource>),
    Ephemeral(Arc<dyn EphemeralResource>),
}

/// A resource type or data source with what follows from its schema.
pub(crate) struct TypeInfo {
    pub family: Arc<dyn Provider>,
    pub worker: Worker,
    pub schema: Schema,
    pub ty: Type,
    secret: bool,
    /// Attributes that repeat others, with those.
    copies: Vec<(Str, Str)>,
}

impl std::fmt::Debug for TypeInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypeInfo").field("ty", &self.ty).finish_non_exhaustive()
    }
}

impl TypeInfo {
    fn new(family: Arc<dyn Provider>, worker: Worker, schema: Schema) -> Self {
        let ty = schema.block.ty();
        let secret = has_secrets(&schema.block);
        let attributes = schema.block.attributes.iter();
        let copies = attributes.filter_map(|(name, a)| Some((name.clone(), a.copies.clone()?))).collect();
        TypeInfo { family, worker, schema, ty, secret, copies }
    }

    pub fn managed(&self) -> Option<&Arc<dyn ManagedResource>> {
        match &self.worker {
            Worker::Managed(r) => Some(r),
            Worker::Data(_) | Worker::Ephemeral(_) => None,
        }
    }

    /// Marks what the schema says is sensitive, and copies of what is sensitive.
    pub fn mark(&self, value: Value) -> Value {
        let inside = match &self.worker {
            Worker::Managed(resource) => resource.secrets(&value),
            Worker::Data(source) => source.secrets(&value),
            Worker::Ephemeral(_) => Vec::new(),
        };
        let mut paths = Vec::new();
        for (copy, original) in &self.copies {
            let Some(found) = value.get(original).filter(|v| !v.marks_deep().is_empty()) else { continue };
            if value.get(copy).is_none_or(Value::is_null) {
                continue;
            }
            for (path, marks) in found.clone().unmark_paths().1 {
                let under = |name: &Str| {
                    Path(Path::root().attr(name.clone()).0.into_iter().chain(path.0.clone()).collect())
                };
                // What is secret by itself may not stand at the same place in the copy, which says so of its own places.
                if !inside.contains(&under(original)) {
                    paths.push((under(copy), marks));
                }
            }
        }
        paths.extend(inside.into_iter().map(|path| (path, Marks::SENSITIVE)));
        if !self.secret {
            return if paths.is_empty() { value } else { value.mark_paths(&paths) };
        }
        collect(&self.schema.block, &value, &Path::root(), &mut paths);
        value.mark_paths(&paths)
    }

    /// A planned value as others read it. A copy that is not known yet is marked as a whole if anything in what it copies is;
    /// here only those parts are, so that what is made from the others is not called sensitive.
    pub fn read_by_others(&self, value: Value) -> Value {
        self.copies.iter().fold(value, |value, (copy, original)| {
            let Some(found) = value.get(original).filter(|v| !v.marks_deep().is_empty()) else {
                return value;
            };
            let same = value.get(copy).and_then(Value::as_unknown).is_some_and(|u| u.ty == found.ty());
            if !same {
                return value;
            }
            let apart = like(found);
            value.with_attribute(copy, apart)
        })
    }
}

/// An unknown value as far apart as it has to be for the marks of what it will be equal to to stand at their places.
fn like(original: &Value) -> Value {
    let unknown = || Value::unknown(original.ty()).with_marks(original.marks_deep());
    if !original.marks().is_empty() || original.marks_deep().is_empty() {
        return unknown();
    }
    match original.kind() {
        Kind::Object(attrs) => Value::object(attrs.iter().map(|(name, v)| (name.clone(), like(v)))),
        Kind::Tuple(items) => Value::tuple(items.iter().map(like).collect()),
        _ => unknown(),
    }
}

fn has_secrets(block: &Block) -> bool {
    block.attributes.values().any(|a| a.sensitive) || block.blocks.values().any(|b| has_secrets(&b.block))
}

fn collect(block: &Block, value: &Value, at: &Path, out: &mut Vec<(Path, Marks)>) {
    for (name, attribute) in &block.attributes {
        // Also where there is nothing: that it is nothing is part of the secret.
        if attribute.sensitive && value.get(name).is_some() {
            out.push((at.attr(name.clone()), Marks::SENSITIVE));
        }
    }
    for (name, nested) in block.blocks.iter().filter(|(_, b)| has_secrets(&b.block)) {
        let Some(inner) = value.get(name) else { continue };
        let here = at.attr(name.clone());
        match nested.nesting {
            Nesting::Single | Nesting::Group => collect(&nested.block, inner, &here, out),
            // Paths cannot lead into a set: the whole of it is marked.
            Nesting::Set => out.push((here, Marks::SENSITIVE)),
            Nesting::List | Nesting::Map => {
                for (step, item) in inner.steps() {
                    let mut path = here.clone();
                    path.0.push(step);
                    collect(&nested.block, item, &path, out);
                }
            }
        }
    }
}

/// The types that were asked for.
#[derive(Default)]
pub(crate) struct Types {
    managed: RefCell<FxHashMap<Str, Option<Arc<TypeInfo>>>>,
    data: RefCell<FxHashMap<Str, Option<Arc<TypeInfo>>>>,
    ephemeral: RefCell<FxHashMap<Str, Option<Arc<TypeInfo>>>>,
}

impl Types {
    pub fn managed(&self, registry: &crate::Registry, name: &str) -> Option<Arc<TypeInfo>> {
        if let Some(found) = self.managed.borrow().get(name) {
            return found.clone();
        }
        let info = registry
            .resource(name)
            .map(|(p, r)| Arc::new(TypeInfo::new(p.clone(), Worker::Managed(r.clone()), r.schema().clone())));
        self.managed.borrow_mut().insert(name.into(), info.clone());
        info
    }

    pub fn data(&self, registry: &crate::Registry, name: &str) -> Option<Arc<TypeInfo>> {
        if let Some(found) = self.data.borrow().get(name) {
            return found.clone();
        }
        let info = registry
            .data(name)
            .map(|(p, d)| Arc::new(TypeInfo::new(p.clone(), Worker::Data(d.clone()), d.schema().clone())));
        self.data.borrow_mut().insert(name.into(), info.clone());
        info
    }

    pub fn ephemeral(&self, registry: &crate::Registry, name: &str) -> Option<Arc<TypeInfo>> {
        if let Some(found) = self.ephemeral.borrow().get(name) {
            return found.clone();
        }
        let info = registry.ephemeral(name).map(|(p, e)| {
            Arc::new(TypeInfo::new(p.clone(), Worker::Ephemeral(e.clone()), e.schema().clone()))
        });
        self.ephemeral.borrow_mut().insert(name.into(), info.clone());
        info
    }

    pub fn of(
        &self,
        registry: &crate::Registry,
        resource: &formwork_addr::Resource,
    ) -> Option<Arc<TypeInfo>> {
        match resource.mode {
            formwork_addr::ResourceMode::Managed => self.managed(registry, &resource.type_name),
            formwork_addr::ResourceMode::Data => self.data(registry, &resource.type_name),
            formwork_addr::ResourceMode::Ephemeral => self.ephemeral(registry, &resource.type_name),
        }
    }
}

/// The names of the attributes at the start of a path, for messages.
pub(crate) fn first_attribute(path: &Path) -> Option<&str> {
    path.0.iter().find_map(|s| match s {
        PathStep::Attr(name) => Some(&**name),
        PathStep::Index(_) => None,
    })
}
