//! Helpers for reading blocks whose content the language fixes.

use crate::constant::const_eval;
use crate::language::BlockKind;
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{RefStep, references};
use formwork_syntax::{Attribute, Block, Body, Expr, ExprKind, Ident, Str, parse_expr_within};
use formwork_value::{Type, Value, convert};

/// Reads the attributes of a body one by one, and complains about what is left.
pub(crate) struct Reader<'a> {
    kind: &'static BlockKind,
    attributes: Vec<&'a Attribute>,
    blocks: Vec<&'a Block>,
}

impl<'a> Reader<'a> {
    pub fn new(kind: &'static BlockKind, body: &'a Body) -> Self {
        Reader { kind, attributes: body.attributes.iter().collect(), blocks: body.blocks.iter().collect() }
    }

    /// Takes the attribute of this name. That it is there once was checked when the body was read.
    pub fn take(&mut self, name: &'static str) -> Option<&'a Attribute> {
        debug_assert!(self.kind.arguments.iter().any(|a| a.name == name), "{name} in {}", self.kind.what);
        let mut taken = self.attributes.extract_if(.., |a| &*a.name.name == name);
        let first = taken.next();
        taken.for_each(drop);
        first
    }

    /// Takes all blocks of this kind.
    pub fn take_blocks(&mut self, kind: &'static str) -> Vec<&'a Block> {
        debug_assert!(self.kind.blocks.iter().any(|b| b.name == kind), "{kind} in {}", self.kind.what);
        let (taken, rest) = self.blocks.drain(..).partition(|b| &*b.kind.name == kind);
        self.blocks = rest;
        taken
    }

    /// Complains about everything that was not taken.
    pub fn finish(self, diags: &mut Vec<Diagnostic>) {
        for attribute in &self.attributes {
            let name = &attribute.name.name;
            let d = Diagnostic::error(
                "Unsupported argument",
                format!("An argument named \"{name}\" is not expected in {}.", self.kind.what),
            );
            diags.push(self.hint(name, d).at(attribute.name.span));
        }
        for block in &self.blocks {
            let name = &block.kind.name;
            let d = Diagnostic::error(
                "Unsupported block type",
                format!("Blocks of type \"{name}\" are not expected in {}.", self.kind.what),
            );
            diags.push(self.hint(name, d).at(block.kind.span));
        }
    }

    fn hint(&self, name: &str, d: Diagnostic) -> Diagnostic {
        match suggestion(name, self.kind.names()) {
            Some(s) => d.help(format!("Did you mean \"{s}\"?")),
            None => d,
        }
    }
}

/// The text of a string literal.
pub(crate) fn literal_string(expr: &Expr, what: &str, diags: &mut Vec<Diagnostic>) -> Option<Str> {
    match &expr.kind {
        ExprKind::String(s) => Some(s.clone()),
        _ => {
            if let Some(text) = constant(expr, &Type::String).as_ref().and_then(Value::as_str) {
                return Some(text.into());
            }
            diags.push(
                Diagnostic::error("Unsuitable value", format!("{what} must be a literal string in quotes."))
                    .help("It is read before anything is evaluated, so it may not refer to anything.")
                    .at(beginning(expr)),
            );
            None
        }
    }
}

/// What is marked of a value of a wrong kind: of text what stands in the quotes, of what has brackets the first of them.
fn beginning(expr: &Expr) -> Span {
    match &expr.kind {
        ExprKind::Paren(inner) => beginning(inner),
        ExprKind::Tuple(_) | ExprKind::Object(_) => expr.span.first(1),
        // A heredoc has no quotes, and ends with a line break.
        ExprKind::String(text) if !text.is_empty() && !text.ends_with('\n') => {
            Span { start: expr.span.start + 1, end: expr.span.end - 1, ..expr.span }
        }
        _ => expr.span,
    }
}

/// What an expression gives that refers to nothing and calls nothing, if that can be of this type.
fn constant(expr: &Expr, ty: &Type) -> Option<Value> {
    let value = const_eval(expr, &mut Vec::new())?;
    convert(&value, ty).ok()
}

/// An argument that is literally `true` or `false` (or the same in quotes). In JSON, its string is no template.
pub(crate) fn literal_bool(a: &Attribute, what: &str, diags: &mut Vec<Diagnostic>) -> Option<bool> {
    let expr = &a.expr;
    let template = matches!(expr.kind, ExprKind::Interpolation(_) | ExprKind::Template(_));
    match &expr.kind {
        ExprKind::Bool(b) => Some(*b),
        ExprKind::String(s) if &**s == "true" => Some(true),
        ExprKind::String(s) if &**s == "false" => Some(false),
        _ => {
            let known = || constant(expr, &Type::Bool).as_ref().and_then(Value::as_bool);
            if let Some(known) = (!(a.json && template)).then(known).flatten() {
                return Some(known);
            }
            let at = if a.json { expr.span } else { beginning(expr) };
            diags
                .push(Diagnostic::error("Unsuitable value", format!("{what} must be true or false.")).at(at));
            None
        }
    }
}

/// Complains about a literal that is neither `true` nor `false`. Anything else is judged when its value is known.
pub(crate) fn no_other_literal(a: &Attribute, diags: &mut Vec<Diagnostic>) {
    if let ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Tuple(_) | ExprKind::Object(_) = a.expr.kind
    {
        literal_bool(a, &format!("\"{}\"", a.name.name), diags);
    }
}

/// The items of a literal list.
pub(crate) fn literal_list<'a>(expr: &'a Expr, what: &str, diags: &mut Vec<Diagnostic>) -> &'a [Expr] {
    match &expr.kind {
        ExprKind::Tuple(items) => items,
        _ => {
            diags.push(
                Diagnostic::error(
                    "Unsuitable value",
                    format!("{what} must be a list in square brackets, written out."),
                )
                .at(beginning(expr)),
            );
            &[]
        }
    }
}

/// The items of a list of references. Those in quotes, as Terraform 0.11 wanted them, are accepted with a warning.
pub(crate) fn reference_list(expr: &Expr, what: &str, diags: &mut Vec<Diagnostic>) -> Vec<Expr> {
    let mut list = Vec::new();
    for item in literal_list(expr, what, diags) {
        let unquoted = match &item.kind {
            ExprKind::String(text) => {
                let (parsed, found) = parse_expr_within(item.span, text);
                parsed.filter(|e| found.is_empty() && is_plain_reference(e))
            }
            _ => None,
        };
        if let Some(reference) = unquoted {
            diags.push(quoted(item.span));
            list.push(reference);
        } else if is_plain_reference(item) {
            list.push(item.clone());
        } else {
            diags.push(
                Diagnostic::error(
                    "Invalid expression",
                    format!("{what} lists plain references, and this is something else."),
                )
                .help("It is read before anything is evaluated: write each item as names with dots between them.")
                .at(item.span),
            );
        }
    }
    list
}

/// What is said of references in quotes.
pub(crate) fn quoted(at: Span) -> Diagnostic {
    Diagnostic::warning("Quoted references are deprecated", "A reference is written without quotes.")
        .help("Remove the quotes.")
        .at(at)
}

/// The items of `depends_on`.
pub(crate) fn dependencies(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Vec<Expr> {
    let list = reference_list(expr, "\"depends_on\"", diags);
    for reference in list.iter().flat_map(references) {
        let context = match reference.root {
            "each" => "context without for_each",
            "count" => "non-counted context",
            _ => continue,
        };
        diags.push(
            Diagnostic::error(
                format!("Reference to \"{}\" in {context}", reference.root),
                "A dependency is the same for all instances, so it cannot depend on which one it is.",
            )
            .help("Name the whole object.")
            .at(reference.span),
        );
    }
    list
}

/// Names and literal keys, one after the other.
fn is_plain_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Variable(_) => true,
        ExprKind::Attr(source, _) => is_plain_reference(source),
        ExprKind::Index(source, key) => {
            matches!(key.kind, ExprKind::String(_) | ExprKind::Number(_)) && is_plain_reference(source)
        }
        _ => false,
    }
}

/// What is wrong with a splat among triggers.
pub(crate) const SPLAT_TRIGGER: &str = "Splat in replace_triggered_by";

/// The items of `replace_triggered_by`: managed resources, their instances, and attributes of those.
pub(crate) fn trigger_list(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Vec<Expr> {
    let items = literal_list(expr, "\"replace_triggered_by\"", diags);
    let is_object = |item: &Expr| {
        const OTHERS: [&str; 9] =
            ["var", "local", "module", "each", "count", "self", "path", "terraform", "tofu"];
        trigger_root(item).is_some_and(|root| !OTHERS.contains(&root))
    };
    let (good, bad): (Vec<&Expr>, Vec<&Expr>) = items.iter().partition(|item| is_object(item));
    for item in bad {
        if let ExprKind::Splat { source, .. } = &item.kind
            && is_object(source)
        {
            diags.push(
                Diagnostic::error(
                    SPLAT_TRIGGER,
                    "A splat makes a list of values, and each item here is one resource, one instance, or one attribute of it.",
                )
                .help("Name the resource alone to follow all of its instances. To follow one attribute of all of them, give the list to a terraform_data as input, and name that.")
                .at(item.span),
            );
            continue;
        }
        diags.push(
            Diagnostic::error(
                "Invalid replace_triggered_by expression",
                "\"replace_triggered_by\" lists resources, their instances, or attributes of those, with keys that are \
                 written out, count.index or each.key; and nothing else.",
            )
            .help("For example terraform_data.version, aws_instance.web[0] or aws_instance.web[each.key].ami. To follow any other value, give it to a terraform_data as input, and name that.")
            .at(item.span),
        );
    }
    for reference in good.iter().flat_map(|item| references(item)).filter(|r| r.root == "each") {
        if !matches!(reference.steps.first(), Some(RefStep::Attr(name)) if *name == "key") {
            diags.push(
                Diagnostic::error(
                    "Invalid each reference in replace_triggered_by expression",
                    "Of \"each\", only each.key can be used here.",
                )
                .at(reference.span),
            );
        }
    }
    good.into_iter().cloned().collect()
}

/// Whether a name can be that of a provider: as in source addresses, without upper case and underscores.
pub(crate) fn provider_name(name: &Str, at: Span, diags: &mut Vec<Diagnostic>) -> bool {
    let plain = name.chars().all(|c| !c.is_uppercase() && (c.is_alphanumeric() || c == '-'));
    let fine = plain && !name.starts_with('-') && !name.ends_with('-') && !name.contains("--");
    if !fine {
        let better = name.to_lowercase().replace('_', "-");
        diags.push(
            Diagnostic::error(
                "Invalid provider local name",
                format!("\"{name}\" cannot be the name of a provider: it has lower case letters, digits and single dashes between them."),
            )
            .help(format!("For example \"{better}\"."))
            .at(at),
        );
    }
    fine
}

fn trigger_root(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Variable(name) => Some(name),
        ExprKind::Attr(source, _) => trigger_root(source),
        ExprKind::Index(source, key) if is_trigger_key(key) => trigger_root(source),
        _ => None,
    }
}

/// A key as `replace_triggered_by` may have it: one that is written out, or the own one.
fn is_trigger_key(key: &Expr) -> bool {
    let own = |source: &Expr, name: &str| match &source.kind {
        // Which of each may be is said with a message of its own.
        ExprKind::Variable(root) if &**root == "each" => true,
        ExprKind::Variable(root) => matches!((&**root, name), ("count", "index")),
        _ => false,
    };
    match &key.kind {
        ExprKind::String(_) | ExprKind::Number(_) => true,
        ExprKind::Attr(source, name) => own(source, &name.name),
        _ => false,
    }
}

/// A reference such as `aws.west`, as its names. Quoted forms are accepted, as old configurations have them.
pub(crate) fn names(expr: &Expr) -> Option<Vec<Str>> {
    match &expr.kind {
        ExprKind::Variable(name) => Some(vec![name.clone()]),
        // Where nothing but a name can stand, these are names too: there is a provider called null.
        ExprKind::Null => Some(vec!["null".into()]),
        ExprKind::Bool(word) => Some(vec![word.to_string().into()]),
        ExprKind::Attr(source, name) => {
            let mut all = names(source)?;
            all.push(name.name.clone());
            Some(all)
        }
        ExprKind::String(text) => Some(text.split('.').map(Str::from).collect()),
        _ => None,
    }
}

/// Two declarations of one name.
pub(crate) fn duplicate(what: &str, name: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::error(
        format!("Duplicate {what}"),
        format!("There are two {what}s named \"{name}\" in this module."),
    )
    .at(second)
    .label(first, "the first one is here")
    .help("Names must be unique within a module: rename or remove one of them.")
}

/// Complains about the name of a local value if it is none: in JSON, any text may stand where names do.
pub(crate) fn local_name(name: &Ident, diags: &mut Vec<Diagnostic>) {
    if !is_identifier(&name.name) {
        let d = Diagnostic::error(
            "Invalid local value name",
            format!("{:?} cannot be the name of a local value.", &*name.name),
        );
        diags.push(d.at(name.span).help(NAMES));
    }
}

/// What names are made of.
pub(crate) const NAMES: &str =
    "A name starts with a letter or underscore, and goes on with letters, digits, underscores and dashes.";

/// Whether a name can be one of the language.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
