//! Bodies to objects, by a schema.

use crate::scope::{ModuleScope, WithNames};
use formwork_addr::Str;
use formwork_config::repeated_keys;
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{Scope, eval};
use formwork_provider::{Attribute as Declared, Block as SchemaBlock, NestedBlock, Nesting};
use formwork_syntax::{
    Attribute, Block, Body, Expr, ExprKind, duplicate_attributes, json_block_problems, json_blocks,
};
use formwork_value::{Kind, Map, Marks, Type, Value, convert};
use std::collections::BTreeMap;

/// The object that a body describes; `None` when there were errors. What a body does not set is null.
pub(crate) fn decode_body(
    body: &Body,
    schema: &SchemaBlock,
    scope: &ModuleScope<'_>,
    header: Span,
    diags: &mut Vec<Diagnostic>,
) -> Option<Value> {
    decode_in(body, schema, scope, header, diags)
}

/// The same, in any scope.
pub(crate) fn decode_in(
    body: &Body,
    schema: &SchemaBlock,
    scope: &dyn Scope,
    header: Span,
    diags: &mut Vec<Diagnostic>,
) -> Option<Value> {
    Decoder { scope, diags, failed: false }.body(body, schema, &[], header)
}

/// An object of nulls: an empty body.
pub(crate) fn empty(schema: &SchemaBlock) -> Value {
    let attributes = schema.attributes.iter().map(|(n, a)| (n.clone(), Value::null(a.ty.clone())));
    let blocks = schema.blocks.iter().map(|(n, b)| (n.clone(), collect(b, Vec::new())));
    Value::object(attributes.chain(blocks))
}

/// Where in a body the value at an attribute was given.
pub(crate) fn attribute_span(body: &Body, name: &str) -> Option<Span> {
    let attribute = body.attribute(name).map(|a| a.expr.span);
    attribute.or_else(|| {
        body.blocks
            .iter()
            .find(|b| {
                &*b.kind.name == name
                    || (&*b.kind.name == "dynamic" && b.labels.first().is_some_and(|l| &*l.name == name))
            })
            .map(|b| b.header)
    })
}

/// What JSON has under "dynamic", as blocks.
pub(crate) fn dynamic_blocks(expr: &Expr) -> Vec<Block> {
    let mut blocks = json_blocks(expr, "dynamic", 1);
    for block in &mut blocks {
        let content = block.body.attribute("content").map(|c| json_blocks(&c.expr, "content", 0));
        block.body.attributes.retain(|a| &*a.name.name != "content");
        block.body.blocks.extend(content.unwrap_or_default());
    }
    blocks
}

/// The name that the "iterator" of a dynamic block says: in JSON, a string.
pub(crate) fn iterator(attribute: &Attribute) -> Option<&Str> {
    match &attribute.expr.kind {
        ExprKind::Variable(name) => Some(name),
        ExprKind::String(name) if attribute.json => Some(name),
        _ => None,
    }
}

struct Decoder<'a> {
    scope: &'a dyn Scope,
    diags: &'a mut Vec<Diagnostic>,
    failed: bool,
}

impl Decoder<'_> {
    fn error(&mut self, d: Diagnostic) {
        self.failed = true;
        self.diags.push(d);
    }

    fn body(
        &mut self,
        body: &Body,
        schema: &SchemaBlock,
        names: &[(Str, Value)],
        header: Span,
    ) -> Option<Value> {
        let told_apart = self.tell_apart(body, schema);
        let body = told_apart.as_ref().unwrap_or(body);
        if body.attributes.iter().any(|a| a.json) {
            self.repeated(body);
        }
        let mut attrs = Map::new();
        for attribute in &body.attributes {
            self.attribute(attribute, schema, names, &mut attrs);
        }
        for (name, declared) in &schema.attributes {
            if attrs.contains_key(name) {
                continue;
            }
            let given = || {
                body.attribute(name).is_some() || body.blocks.iter().any(|b| kind(b, schema) == Some(name))
            };
            if declared.required && !given() {
                self.error(
                    Diagnostic::error(
                        "Missing required argument",
                        format!("The argument \"{name}\" is required, but no definition was found."),
                    )
                    .help(format!("Add: {name} = … (a {})", declared.ty.friendly_name()))
                    .at(body.missing),
                );
            }
            attrs.insert(name.clone(), Value::null(declared.ty.clone()));
        }
        self.blocks(body, schema, names, header, &mut attrs);
        (!self.failed).then(|| Value::from(attrs))
    }

    /// In JSON, blocks look like arguments: the schema tells which they are.
    fn tell_apart(&mut self, body: &Body, schema: &SchemaBlock) -> Option<Body> {
        let labels = |name: &str| match (name, schema.blocks.get(name)) {
            ("dynamic", None) => Some(1),
            (_, Some(nested)) => Some(usize::from(nested.nesting == Nesting::Map)),
            (_, None) => None,
        };
        if !body
            .attributes
            .iter()
            .any(|a| a.json && (labels(&a.name.name).is_some() || &*a.name.name == "//"))
        {
            return None;
        }
        let mut out = Body { blocks: body.blocks.clone(), ..body.emptied() };
        for a in &body.attributes {
            match labels(&a.name.name).filter(|_| a.json) {
                Some(n) => {
                    for d in json_block_problems(&a.expr, &a.name.name, n) {
                        self.error(d);
                    }
                    out.blocks.extend(match &*a.name.name {
                        "dynamic" => dynamic_blocks(&a.expr),
                        name => json_blocks(&a.expr, name, n),
                    });
                }
                // A comment.
                None if a.json && &*a.name.name == "//" => {}
                None => out.attributes.push(a.clone()),
            }
        }
        Some(out)
    }

    /// JSON's keys that are there twice and may not be, now that it is known that they are no blocks.
    fn repeated(&mut self, body: &Body) {
        let mut found = duplicate_attributes(body);
        for attribute in body.attributes.iter().filter(|a| a.json) {
            repeated_keys(&attribute.expr, true, &mut found);
        }
        found.into_iter().for_each(|d| self.error(d));
    }

    fn attribute(
        &mut self,
        attribute: &Attribute,
        schema: &SchemaBlock,
        names: &[(Str, Value)],
        attrs: &mut Map,
    ) {
        let name = &attribute.name.name;
        let Some(declared) = schema.attributes.get(name) else {
            let d = if schema.blocks.contains_key(name) {
                Diagnostic::error(
                    "Unsupported argument",
                    format!("\"{name}\" is a block here, not an argument."),
                )
                .help(format!("Write {name} {{ … }} without the equals sign."))
            } else {
                let d = Diagnostic::error(
                    "Unsupported argument",
                    format!("An argument named \"{name}\" is not expected here."),
                );
                match (&**name, suggestion(name, schema.names())) {
                    ("lifecycle" | "connection", _) => {
                        d.help(format!("Write {name} {{ … }} without the equals sign."))
                    }
                    (_, Some(s)) => d.help(format!("Did you mean \"{s}\"?")),
                    (_, None) => d,
                }
            };
            return self.error(d.at(attribute.name.span));
        };
        if !declared.configurable() {
            return self.error(
                Diagnostic::error(
                    "Value for unconfigurable attribute",
                    format!("\"{name}\" is decided by the provider, and cannot be set."),
                )
                .help("Remove the argument.")
                .at(attribute.name.span),
            );
        }
        let Some(value) = self.eval(&attribute.expr, names) else { return };
        match convert(&value, &declared.ty) {
            Ok(value) if value.is_null() && declared.required => self.error(
                Diagnostic::error(
                    "Missing required argument",
                    format!("The argument \"{name}\" is required, but the value given for it is null."),
                )
                .at(attribute.expr.span),
            ),
            Ok(value) => {
                attrs.insert(name.clone(), value);
            }
            Err(e) => {
                let at = if e.path.0.is_empty() { String::new() } else { format!(" (at {name}{})", e.path) };
                self.error(
                    Diagnostic::error(
                        "Incorrect attribute value type",
                        format!("Inappropriate value for attribute \"{name}\": {}{at}.", e.message),
                    )
                    .at(attribute.expr.span),
                );
            }
        }
    }

    fn eval(&mut self, expr: &formwork_syntax::Expr, names: &[(Str, Value)]) -> Option<Value> {
        let outcome = if names.is_empty() {
            eval(expr, self.scope, self.diags)
        } else {
            eval(expr, &WithNames { inner: self.scope, names }, self.diags)
        };
        if outcome.failed || outcome.missing {
            self.failed = true;
            return None;
        }
        Some(outcome.value)
    }

    fn blocks(
        &mut self,
        body: &Body,
        schema: &SchemaBlock,
        names: &[(Str, Value)],
        header: Span,
        attrs: &mut Map,
    ) {
        let mut found: Vec<(Str, Items)> = Vec::new();
        let lists = self.lists(body, schema);
        for block in &body.blocks {
            let dynamic = is_dynamic(block, schema);
            let kind = match (dynamic, block.labels.first()) {
                (false, _) => &block.kind,
                (true, Some(label)) => label,
                (true, None) => {
                    self.error(
                        Diagnostic::error(
                            "Missing label for dynamic",
                            "A dynamic block names the kind of block that it makes.",
                        )
                        .help("For example: dynamic \"ingress\" { for_each = …  content { … } }")
                        .at(block.header),
                    );
                    continue;
                }
            };
            let nested = schema.blocks.get(&kind.name).or_else(|| lists.get(&kind.name));
            let Some(nested) = nested else {
                let name = &kind.name;
                let d = if schema.attributes.contains_key(name) {
                    Diagnostic::error(
                        "Unsupported block type",
                        format!("\"{name}\" is an argument here, not a block."),
                    )
                    .help(format!("Write {name} = {{ … }} with an equals sign."))
                } else {
                    let d = Diagnostic::error(
                        "Unsupported block type",
                        format!("Blocks of type \"{name}\" are not expected here."),
                    );
                    match suggestion(name, schema.names()) {
                        Some(s) => d.help(format!("Did you mean \"{s}\"?")),
                        None => d,
                    }
                };
                self.error(d.at(kind.span));
                continue;
            };
            let at = match found.iter().position(|(n, _)| *n == kind.name) {
                Some(at) => at,
                None => {
                    found.push((kind.name.clone(), Items::default()));
                    found.len() - 1
                }
            };
            let mut items = std::mem::take(&mut found[at].1);
            if dynamic {
                self.dynamic(block, nested, names, &mut items);
            } else if let Some(value) = self.one(block, nested, names) {
                items.add(block.labels.first().map(|l| l.name.clone()), value, block.header);
            }
            found[at].1 = items;
        }
        for (name, nested) in schema.blocks.iter().chain(&lists) {
            let mut items =
                found.iter().position(|(n, _)| n == name).map(|i| found.swap_remove(i).1).unwrap_or_default();
            if schema.attributes.get(name).is_some_and(|a| a.empty_is_nothing) {
                items.values.iter_mut().for_each(|(_, value, _)| *value = filled(value));
            }
            let marks = items.marks;
            // Dynamic blocks that make none say nothing of the argument; an empty list would.
            let unsaid = items.values.is_empty() && !items.unknown && lists.contains_key(name);
            let value =
                if unsaid { Value::null(nested.ty()) } else { self.check(name, nested, items, header) };
            attrs.insert(name.clone(), value.with_marks(marks));
        }
    }

    /// The attributes of this body that are written as blocks: lists and sets of objects may be.
    fn lists(&mut self, body: &Body, schema: &SchemaBlock) -> BTreeMap<Str, NestedBlock> {
        let mut lists = BTreeMap::new();
        for block in &body.blocks {
            let Some(name) = kind(block, schema).filter(|name| !schema.blocks.contains_key(*name)) else {
                continue;
            };
            let Some(nested) = schema.attributes.get(name).and_then(as_blocks) else { continue };
            if let Some(attribute) = body.attribute(name) {
                self.error(
                    Diagnostic::error(
                        "Argument given twice",
                        format!("\"{name}\" is set as an argument and written as a block, too."),
                    )
                    .help("Use one form for all of them.")
                    .at(block.header)
                    .label(attribute.name.span, "the argument is here"),
                );
            }
            lists.insert(name.clone(), nested);
        }
        lists
    }

    fn one(&mut self, block: &Block, nested: &NestedBlock, names: &[(Str, Value)]) -> Option<Value> {
        let wanted = usize::from(nested.nesting == Nesting::Map);
        if block.labels.len() != wanted {
            self.error(
                Diagnostic::error(
                    "Wrong number of labels",
                    format!(
                        "A {} block has {wanted} label(s) here, this one has {}.",
                        block.kind.name,
                        block.labels.len()
                    ),
                )
                .at(block.header),
            );
            return None;
        }
        // Errors of one block must not hide those of the next.
        let mut inner = Decoder { scope: self.scope, diags: self.diags, failed: false };
        let value = inner.body(&block.body, &nested.block, names, block.header);
        self.failed |= inner.failed;
        value
    }

    fn dynamic(&mut self, block: &Block, nested: &NestedBlock, names: &[(Str, Value)], items: &mut Items) {
        let kind = &block.labels[0].name;
        let mut for_each = None;
        let mut iterator = kind.clone();
        for a in &block.body.attributes {
            match &*a.name.name {
                "for_each" => for_each = Some(&a.expr),
                "iterator" => match self::iterator(a) {
                    Some(name) => iterator = name.clone(),
                    None => self.error(
                        Diagnostic::error("Invalid iterator", "The iterator of a dynamic block is a plain name.")
                            .at(a.expr.span),
                    ),
                },
                "labels" if nested.nesting == Nesting::Map => {}
                other => self.error(
                    Diagnostic::error(
                        "Unsupported argument",
                        format!("A dynamic block has no argument \"{other}\"."),
                    )
                    .help("There are \"for_each\" and \"iterator\"; the rest belongs inside its \"content\" block.")
                    .at(a.name.span),
                ),
            }
        }
        let content = match block.body.blocks.as_slice() {
            [content] if &*content.kind.name == "content" => content,
            [first, .., last] if [first, last].iter().all(|b| &*b.kind.name == "content") => {
                return self.error(
                    Diagnostic::error(
                        "Extraneous content block",
                        "A dynamic block has one \"content\" block, and here is another.",
                    )
                    .at(last.header)
                    .label(first.header, "the first is here"),
                );
            }
            _ => {
                return self.error(
                    Diagnostic::error(
                        "Missing content block",
                        "A dynamic block has exactly one block in it, named \"content\".",
                    )
                    .at(block.header),
                );
            }
        };
        let Some(for_each) = for_each else {
            return self.error(
                Diagnostic::error("Missing required argument", "A dynamic block needs a \"for_each\".")
                    .at(block.header),
            );
        };
        let Some(value) = self.eval(for_each, names) else { return };
        // How many blocks there are tells something of the value, so all of them are marked as it is.
        let (value, marks) = value.unmark();
        items.marks = items.marks.union(marks);
        let elements: Vec<(Value, Value)> = match value.kind() {
            Kind::Unknown(_) => {
                items.unknown = true;
                return;
            }
            Kind::List(_, v) | Kind::Tuple(v) => {
                v.iter().enumerate().map(|(i, x)| (Value::from(i), x.clone())).collect()
            }
            Kind::Set(_, v) => v.iter().map(|x| (x.clone(), x.clone())).collect(),
            Kind::Map(_, m) | Kind::Object(m) => {
                m.iter().map(|(k, x)| (Value::string(k.clone()), x.clone())).collect()
            }
            _ => {
                return self.error(
                    Diagnostic::error(
                        "Invalid dynamic for_each value",
                        format!(
                            "The value is {}, which has no elements to make blocks from.",
                            if value.is_null() {
                                "null".into()
                            } else {
                                format!("a {}", value.ty().friendly_name())
                            }
                        ),
                    )
                    .help("Give a list, set or map; an empty one for no blocks.")
                    .at(for_each.span),
                );
            }
        };
        for (key, value) in elements {
            let mut inner_names = names.to_vec();
            let each = [("key", key.with_marks(marks)), ("value", value.with_marks(marks))];
            inner_names.push((iterator.clone(), Value::object(each)));
            let label = match (nested.nesting, block.body.attribute("labels")) {
                (Nesting::Map, Some(labels)) => match self.eval(&labels.expr, &inner_names) {
                    Some(v) => v.as_slice().and_then(|s| s.first()?.as_str().map(Str::from)),
                    None => return,
                },
                _ => None,
            };
            let mut inner = Decoder { scope: self.scope, diags: self.diags, failed: false };
            let made = inner.body(&content.body, &nested.block, &inner_names, content.header);
            self.failed |= inner.failed;
            if let Some(made) = made {
                items.add(label, made, block.header);
            }
        }
    }

    fn check(&mut self, name: &str, nested: &NestedBlock, items: Items, header: Span) -> Value {
        if items.unknown {
            return Value::unknown(nested.ty());
        }
        let n = items.values.len();
        let max = match nested.nesting {
            Nesting::Single | Nesting::Group => 1,
            _ if nested.max == 0 => usize::MAX,
            _ => nested.max,
        };
        if n < nested.min && !self.failed {
            self.error(
                Diagnostic::error(
                    format!("Insufficient {name} blocks"),
                    format!("At least {} \"{name}\" block(s) are required, and there are {n}.", nested.min),
                )
                .at(header),
            );
        }
        if n > max {
            let extra = items.values[max].2;
            self.error(
                Diagnostic::error(
                    format!("Too many {name} blocks"),
                    format!("No more than {max} \"{name}\" block(s) are allowed, and there are {n}."),
                )
                .at(extra),
            );
        }
        collect(nested, items.values.into_iter().map(|(k, v, _)| (k, v)).collect())
    }
}

fn is_dynamic(block: &Block, schema: &SchemaBlock) -> bool {
    &*block.kind.name == "dynamic" && !schema.blocks.contains_key("dynamic")
}

/// What a block makes: for a dynamic block, what its label says.
pub(crate) fn kind<'a>(block: &'a Block, schema: &SchemaBlock) -> Option<&'a Str> {
    if is_dynamic(block, schema) { block.labels.first().map(|l| &l.name) } else { Some(&block.kind.name) }
}

/// A configurable list or set of objects may be written as blocks, too, as providers with the older protocol allow.
/// What such a block leaves out is null.
pub(crate) fn as_blocks(attribute: &Declared) -> Option<NestedBlock> {
    let (element, nesting) = match &attribute.ty {
        Type::List(element) => (element, Nesting::List),
        Type::Set(element) => (element, Nesting::Set),
        _ => return None,
    };
    let Type::Object(object) = &**element else { return None };
    let attributes = object.attrs.iter().map(|(name, ty)| {
        let declared = Declared { optional: true, ..Declared::new(ty.clone()) };
        (name.clone(), declared)
    });
    let block = SchemaBlock { attributes: attributes.collect(), ..SchemaBlock::default() };
    attribute.configurable().then_some(NestedBlock { nesting, block, min: 0, max: 0 })
}

/// A block with empty values in place of nulls: where both mean the same, those who read plans expect what HashiCorp's
/// providers put there.
fn filled(block: &Value) -> Value {
    let Some(fields) = block.as_map() else { return block.clone() };
    let fields: Map = fields
        .iter()
        .map(|(name, value)| {
            let empty = match value.kind() {
                Kind::Null(Type::String) => Value::string(""),
                Kind::Null(Type::Bool) => Value::from(false),
                Kind::Null(Type::List(element)) => Value::list(Type::clone(element), Vec::new()),
                Kind::Null(Type::Set(element)) => Value::set(Type::clone(element), Vec::new()),
                Kind::Null(Type::Map(element)) => Value::map(Type::clone(element), Map::new()),
                _ => return (name.clone(), value.clone()),
            };
            (name.clone(), empty.with_marks(value.marks()))
        })
        .collect();
    Value::from(fields).with_marks(block.marks())
}

/// The blocks of one kind, as they are found.
#[derive(Default)]
struct Items {
    values: Vec<(Option<Str>, Value, Span)>,
    unknown: bool,
    /// Of what dynamic blocks were made from.
    marks: Marks,
}

impl Items {
    fn add(&mut self, label: Option<Str>, value: Value, span: Span) {
        self.values.push((label, value, span));
    }
}

/// Blocks of one kind as the value that the schema gives them.
fn collect(nested: &NestedBlock, items: Vec<(Option<Str>, Value)>) -> Value {
    let ty = nested.block.ty();
    let values = |items: Vec<(Option<Str>, Value)>| items.into_iter().map(|(_, v)| v).collect::<Vec<_>>();
    match nested.nesting {
        Nesting::Single => items.into_iter().next().map_or(Value::null(ty), |(_, v)| v),
        Nesting::Group => items.into_iter().next().map_or_else(|| empty(&nested.block), |(_, v)| v),
        Nesting::List if ty.has_dynamic() => Value::tuple(values(items)),
        Nesting::List => Value::list(ty, values(items)),
        Nesting::Set => {
            let marks = items.iter().fold(Marks::NONE, |m, (_, v)| m.union(v.marks_deep()));
            Value::set(ty, values(items)).with_marks(marks)
        }
        Nesting::Map => {
            let map: Map = items.into_iter().filter_map(|(k, v)| Some((k?, v))).collect();
            if ty.has_dynamic() { Value::from(map) } else { Value::map(ty, map) }
        }
    }
}
