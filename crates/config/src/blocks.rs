//! Top-level blocks to the model.

use crate::conditions::{condition, speaks_of_variable};
use crate::constant::const_eval;
use crate::escape::unescape;
use crate::labels::labels;
use crate::language::blocks as language;
use crate::load::MISSING;
use crate::meta::{
    Reader, dependencies as depends, duplicate, is_identifier, literal_bool, literal_string, local_name,
    names, provider_name, quoted,
};
use crate::model::*;
use crate::overrides::without_effect;
use crate::resources::add_resource;
use crate::source::{Source, with_slashes};
use crate::version::Constraints;
use crate::{imports, moves, settings};
use formwork_addr::ResourceMode;
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::type_expr;
use formwork_syntax::{Block, Body, Expr, ExprKind, Ident, Str};
use formwork_value::{ConvertError, Type, convert_defaults};
use std::collections::BTreeMap;

/// Adds what a file says to the module.
pub(crate) fn add_file(module: &mut Module, body: &Body, diags: &mut Vec<Diagnostic>) {
    no_attributes(body, diags);
    for block in &body.blocks {
        add_block(module, block, diags);
    }
}

/// A file has nothing but blocks.
pub(crate) fn no_attributes(body: &Body, diags: &mut Vec<Diagnostic>) {
    for attribute in &body.attributes {
        diags.push(
            Diagnostic::error(
                "Unsupported argument",
                format!("\"{}\" stands outside of any block.", attribute.name.name),
            )
            .at(attribute.name.span)
            .help("Values of variables belong in a .tfvars file; constants in a locals block."),
        );
    }
}

/// Adds what a block says to the module.
pub(crate) fn add_block(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    match &*block.kind.name {
        "terraform" => {
            if labels(block, &[], diags).is_some() {
                settings::terraform(module, block, diags);
            }
        }
        "provider" => add_provider(module, block, diags),
        "variable" => add_variable(module, block, diags),
        "locals" => {
            if labels(block, &[], diags).is_some() {
                for attribute in &block.body.attributes {
                    add_local(module, &attribute.name, &attribute.expr, attribute.span, diags);
                }
                no_blocks(block, diags);
            }
        }
        "output" => add_output(module, block, diags),
        "module" => add_call(module, block, diags),
        "resource" => add_resource(module, block, ResourceMode::Managed, None, diags),
        "data" => add_resource(module, block, ResourceMode::Data, None, diags),
        "moved" => {
            if labels(block, &[], diags).is_some() {
                moves::moved(module, block, diags);
            }
        }
        "removed" => {
            if labels(block, &[], diags).is_some() {
                moves::removed(module, block, diags);
            }
        }
        "check" => add_check(module, block, diags),
        "ephemeral" => add_resource(module, block, ResourceMode::Ephemeral, None, diags),
        "import" => {
            if labels(block, &[], diags).is_some() {
                imports::import(module, block, diags);
            }
        }
        other => {
            let known = language::TOP_LEVEL.map(|kind| kind.name);
            let d = Diagnostic::error(
                "Unsupported block type",
                format!("Blocks of type \"{other}\" are not expected here."),
            )
            .at(block.kind.span);
            diags.push(match suggestion(other, known.iter().copied()) {
                Some(s) => d.help(format!("Did you mean \"{s}\"?")),
                None => d.help(format!("Known are: {}.", known.join(", "))),
            });
        }
    }
}

/// Complains about all blocks in a block.
pub(crate) fn no_blocks(block: &Block, diags: &mut Vec<Diagnostic>) {
    block.body.blocks.iter().for_each(|inner| not_expected(inner, block, diags));
}

fn not_expected(inner: &Block, block: &Block, diags: &mut Vec<Diagnostic>) {
    let detail =
        format!("Blocks of type \"{}\" are not expected in a {} block.", inner.kind.name, block.kind.name);
    let d = match &*block.kind.name == "module" && block.body.merged > 0 {
        true => without_effect("Block", detail),
        false => Diagnostic::error("Unsupported block type", detail),
    };
    diags.push(d.at(inner.header));
}

fn add_local(module: &mut Module, name: &Ident, expr: &Expr, at: Span, diags: &mut Vec<Diagnostic>) {
    local_name(name, diags);
    if let Some(first) = module.locals.get(&name.name) {
        diags.push(duplicate("local value", &name.name, first.name.span, at));
        return;
    }
    module.locals.insert(name.name.clone(), Local { name: name.clone(), expr: expr.clone() });
}

fn add_provider(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let Some([name]) = labels(block, &["name"], diags) else { return };
    if !provider_name(&name.name, name.span, diags) {
        return;
    }
    let mut body = block.body.clone();
    let (mut alias, mut for_each) = (None, None);
    body.attributes.retain(|a| match &*a.name.name {
        "alias" => {
            alias = literal_string(&a.expr, "The alias of a provider", diags);
            if alias.as_ref().is_some_and(|alias| !is_identifier(alias)) {
                diags.push(
                    Diagnostic::error(
                        "Invalid provider configuration alias",
                        "An alias is a name: it starts with a letter or underscore, and goes on with letters, digits, underscores and dashes.",
                    )
                    .at(a.expr.span),
                );
            }
            false
        }
        "for_each" => {
            for_each = Some(a.expr.clone());
            false
        }
        "version" => {
            diags.push(
                Diagnostic::warning(
                    "Version constraints select nothing",
                    "Providers are part of the program: there is one version of each.",
                )
                .at(a.span)
                .help("Remove the argument."),
            );
            false
        }
        _ => true,
    });
    unescape(&mut body, diags);
    let key = (name.name.clone(), alias.clone());
    if let Some(first) = module.providers.get(&key) {
        let shown = alias.map_or_else(|| name.name.to_string(), |a| format!("{}.{a}", name.name));
        diags.push(duplicate("provider configuration", &shown, first.span, block.header));
        return;
    }
    if let Some(for_each) = for_each.as_ref().filter(|_| alias.is_none()) {
        diags.push(
            Diagnostic::error(
                "Alias required when using for_each",
                "One of the configurations that \"for_each\" makes is always chosen by name and key, so the block needs a name.",
            )
            .help("For example alias = \"by_region\", and in resources: provider = aws.by_region[each.key]")
            .at(for_each.span),
        );
    }
    let provider = ProviderBlock { name: name.clone(), alias, for_each, body, span: block.header };
    module.providers.insert(key, provider);
}

fn add_variable(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let Some([name]) = labels(block, &["name"], diags) else { return };
    const RESERVED: [&str; 10] = [
        "source",
        "version",
        "provider",
        "providers",
        "count",
        "for_each",
        "lifecycle",
        "depends_on",
        "locals",
        "_",
    ];
    if RESERVED.contains(&&*name.name) {
        diags.push(
            Diagnostic::error(
                "Invalid variable name",
                format!(
                    "\"{}\" means something of its own in module blocks, so no variable can have that name.",
                    name.name
                ),
            )
            .at(name.span),
        );
    }
    if let Some(first) = module.variables.get(&name.name) {
        diags.push(duplicate("variable", &name.name, first.name.span, block.header));
        return;
    }
    let mut r = Reader::new(&language::VARIABLE, &block.body);
    let mut variable = Variable {
        name: name.clone(),
        ty: Type::Dynamic,
        typed: false,
        defaults: None,
        default: None,
        description: None,
        sensitive: false,
        ephemeral: false,
        nullable: true,
        deprecated: None,
        validations: Vec::new(),
    };
    if let Some(a) = r.take("type") {
        match type_expr(&a.expr) {
            Ok((ty, defaults)) => {
                (variable.ty, variable.defaults, variable.typed) = (ty, defaults, true);
            }
            Err(found) => diags.extend(found.into_iter().map(|d| d.at(a.expr.span))),
        }
    }
    variable.description =
        r.take("description").and_then(|a| literal_string(&a.expr, "A description", diags));
    let mut flag = |r: &mut Reader<'_>, name: &'static str, initial: bool| {
        r.take(name).and_then(|a| literal_bool(a, &format!("\"{name}\""), diags)).unwrap_or(initial)
    };
    variable.sensitive = flag(&mut r, "sensitive", false);
    variable.ephemeral = flag(&mut r, "ephemeral", false);
    variable.nullable = flag(&mut r, "nullable", true);
    variable.deprecated = deprecation(&mut r, diags);
    if let Some(a) = r.take("default")
        && let Some(value) = const_eval(&a.expr, diags)
    {
        if block.body.merged > 0 {
            // Each file gives it its type, one after the other: `alone.rs`.
            variable.default = Some(value);
        } else {
            if value.is_null() && !variable.nullable {
                diags.push(null_default().at(a.expr.span));
            }
            match convert_with(&variable, &value) {
                Ok(value) => variable.default = Some(value),
                Err(reason) => diags.push(
                    Diagnostic::error(
                        "Invalid default value for variable",
                        format!("The default does not fit the variable's type: {reason}."),
                    )
                    .at(a.expr.span),
                ),
            }
        }
    }
    for inner in r.take_blocks("validation") {
        let found = condition(inner, diags).filter(|c| speaks_of_variable(c, &name.name, diags));
        variable.validations.extend(found);
    }
    r.finish(diags);
    module.variables.insert(name.name.clone(), variable);
}

/// Brings a value to a variable's type, defaults of optional attributes filled in.
pub(crate) fn convert_with(
    variable: &Variable,
    value: &formwork_value::Value,
) -> Result<formwork_value::Value, String> {
    let converted = match &variable.defaults {
        Some(defaults) => convert_defaults(value, &variable.ty, defaults),
        None => formwork_value::convert(value, &variable.ty),
    };
    converted.map_err(reason)
}

/// Why a value is not of a type, and where in it.
pub(crate) fn reason(e: ConvertError) -> String {
    if e.path.0.is_empty() { e.message } else { format!("{}: {}", e.path, e.message) }
}

/// What is said of a default that is null where null is no value.
pub(crate) fn null_default() -> Diagnostic {
    Diagnostic::error(
        "Invalid default value for variable",
        "The default is null, but the variable says nullable = false.",
    )
}

fn add_check(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let Some([name]) = labels(block, &["name"], diags) else { return };
    if let Some(first) = module.checks.get(&name.name) {
        diags.push(duplicate("check", &name.name, first.span, block.header));
        return;
    }
    let mut r = Reader::new(&language::CHECK, &block.body);
    let asserts: Vec<Condition> =
        r.take_blocks("assert").into_iter().filter_map(|b| condition(b, diags)).collect();
    let data = r.take_blocks("data");
    if let Some(second) = data.get(1) {
        diags.push(
            Diagnostic::error("Multiple data resource blocks", "A check block has at most one data block.")
                .at(second.header)
                .label(data[0].header, "the first one is here")
                .help("Put the others beside the check block, or into check blocks of their own."),
        );
    }
    if let Some(data) = data.first() {
        add_resource(module, data, ResourceMode::Data, Some(&name.name), diags);
    }
    r.finish(diags);
    if !block.body.blocks.iter().any(|b| &*b.kind.name == "assert") {
        diags.push(
            Diagnostic::error("Missing assert block", "A check block needs at least one assert block.")
                .at(block.header),
        );
    }
    let data = data.first().and_then(|data| data_reference(data));
    let check = Check { name: name.clone(), data, asserts, span: block.header };
    module.checks.insert(name.name.clone(), check);
}

/// The reference to what a data block reads.
fn data_reference(block: &Block) -> Option<Expr> {
    let [type_name, name] = &*block.labels else { return None };
    let expr = |kind| Expr { kind, span: block.header };
    let data = expr(ExprKind::Variable("data".into()));
    let all = expr(ExprKind::Attr(Box::new(data), type_name.clone()));
    Some(expr(ExprKind::Attr(Box::new(all), name.clone())))
}

/// The message of a `deprecated` argument.
fn deprecation(r: &mut Reader<'_>, diags: &mut Vec<Diagnostic>) -> Option<Str> {
    let a = r.take("deprecated")?;
    let text = literal_string(&a.expr, "\"deprecated\"", diags)?;
    if text.trim().is_empty() {
        diags.push(
            Diagnostic::error("Invalid deprecation message", "\"deprecated\" says what to use instead.")
                .at(a.expr.span),
        );
    }
    Some(text)
}

fn depends_on(r: &mut Reader<'_>, diags: &mut Vec<Diagnostic>) -> Vec<Expr> {
    match r.take("depends_on") {
        Some(a) => depends(&a.expr, diags),
        None => Vec::new(),
    }
}

fn add_output(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let Some([name]) = labels(block, &["name"], diags) else { return };
    if let Some(first) = module.outputs.get(&name.name) {
        diags.push(duplicate("output value", &name.name, first.span, block.header));
        return;
    }
    let mut r = Reader::new(&language::OUTPUT, &block.body);
    let value = r.take("value");
    let description = r.take("description").and_then(|a| literal_string(&a.expr, "A description", diags));
    let mut flag = |r: &mut Reader<'_>, name: &'static str| {
        r.take(name).and_then(|a| literal_bool(a, &format!("\"{name}\""), diags)).unwrap_or(false)
    };
    let (sensitive, ephemeral) = (flag(&mut r, "sensitive"), flag(&mut r, "ephemeral"));
    let deprecated = deprecation(&mut r, diags);
    let depends_on = depends_on(&mut r, diags);
    let preconditions =
        r.take_blocks("precondition").into_iter().filter_map(|b| condition(b, diags)).collect();
    r.finish(diags);
    let Some(value) = value else {
        diags.push(
            Diagnostic::error(MISSING, "The argument \"value\" is required in an output block.")
                .at(block.body.missing),
        );
        return;
    };
    let output = Output {
        name: name.clone(),
        value: value.expr.clone(),
        description,
        sensitive,
        ephemeral,
        deprecated,
        depends_on,
        preconditions,
        span: block.header,
    };
    module.outputs.insert(name.name.clone(), output);
}

pub(crate) fn repetition(
    count: Option<&formwork_syntax::Attribute>,
    for_each: Option<&formwork_syntax::Attribute>,
    enabled: Option<&formwork_syntax::Attribute>,
    diags: &mut Vec<Diagnostic>,
) -> Repetition {
    if let (Some(e), Some(other)) = (enabled, count.or(for_each)) {
        diags.push(
            Diagnostic::error(
                format!("Invalid combination of \"enabled\" and \"{}\"", other.name.name),
                "\"enabled\" is for blocks that stand for at most one object.",
            )
            .at(e.name.span)
            .label(other.name.span, "this repeats the block")
            .help("Let the repetition give no instances instead."),
        );
    }
    match (count, for_each) {
        (None, None) => enabled.map_or(Repetition::Single, |e| Repetition::Enabled(e.expr.clone())),
        (Some(c), None) => Repetition::Count(c.expr.clone()),
        (None, Some(f)) => Repetition::ForEach(f.expr.clone()),
        (Some(c), Some(f)) => {
            diags.push(
                Diagnostic::error(
                    "Invalid combination of \"count\" and \"for_each\"",
                    "A block can be repeated by \"count\" or by \"for_each\", not by both.",
                )
                .at(f.name.span)
                .label(c.name.span, "count stands here"),
            );
            Repetition::Count(c.expr.clone())
        }
    }
}

/// The provider configuration that is meant. Names in quotes, as Terraform 0.11 wanted them, are accepted with a warning.
pub(crate) fn provider_ref(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<ProviderRef> {
    if let ExprKind::String(_) = &expr.kind {
        diags.push(quoted(expr.span));
    }
    provider_named(expr, diags)
}

/// [`provider_ref`], where a bare name looks like one in quotes.
fn provider_named(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<ProviderRef> {
    let (named, key) = match &expr.kind {
        ExprKind::Index(source, key) => (&**source, Some((**key).clone())),
        _ => (expr, None),
    };
    match (names(named).as_deref(), key) {
        (Some([name]), None) => provider_name(name, expr.span, diags).then(|| ProviderRef {
            name: name.clone(),
            alias: None,
            key: None,
            span: expr.span,
        }),
        (Some([name, alias]), key) => provider_name(name, expr.span, diags).then_some(ProviderRef {
            name: name.clone(),
            alias: Some(alias.clone()),
            key,
            span: expr.span,
        }),
        _ => {
            diags.push(
                Diagnostic::error(
                    "Invalid provider reference",
                    "A provider configuration is named like aws, or aws.west for the one with alias \"west\".",
                )
                .at(expr.span),
            );
            None
        }
    }
}

fn add_call(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let Some([name]) = labels(block, &["name"], diags) else { return };
    if let Some(first) = module.calls.get(&name.name) {
        diags.push(duplicate("module call", &name.name, first.span, block.header));
        return;
    }
    let (mut source, mut version) = (None, None);
    let (mut count, mut for_each) = (None, None);
    let mut dependencies = Vec::new();
    let mut providers = BTreeMap::new();
    let mut arguments = BTreeMap::new();
    for a in &block.body.attributes {
        match &*a.name.name {
            "source" => {
                let text = literal_string(&a.expr, "The source of a module", diags);
                source = text.map(|text| (with_slashes(text), a.expr.span));
            }
            "version" => version = Some(a),
            "count" => count = Some(a),
            "for_each" => for_each = Some(a),
            "depends_on" => dependencies = depends(&a.expr, diags),
            "providers" => providers = provider_map(&a.expr, diags),
            _ => {
                arguments.insert(a.name.name.clone(), (a.name.clone(), a.expr.clone()));
            }
        }
    }
    let mut enabled = None;
    let mut escaped = Body { blocks: block.body.blocks.clone(), ..block.body.emptied() };
    escaped
        .attributes
        .extend(block.body.attributes.iter().filter(|a| arguments.contains_key(&a.name.name)).cloned());
    unescape(&mut escaped, diags);
    arguments = escaped.attributes.into_iter().map(|a| (a.name.name.clone(), (a.name, a.expr))).collect();
    for inner in &block.body.blocks {
        if &*inner.kind.name == "_" {
            no_blocks(inner, diags);
        } else if &*inner.kind.name == "lifecycle" {
            let mut r = Reader::new(&language::MODULE_LIFECYCLE, &inner.body);
            enabled = r.take("enabled");
            r.finish(diags);
        } else {
            not_expected(inner, block, diags);
        }
    }
    let repetition = repetition(count, for_each, enabled, diags);
    let Some((source, source_span)) = source else {
        if block.body.attribute("source").is_none() {
            diags.push(
                Diagnostic::error(MISSING, "A module block needs a \"source\".")
                    .at(block.body.missing)
                    .help("For a folder beside this one: source = \"./folder\""),
            );
        }
        return;
    };
    if let Some(a) = version
        && !matches!(Source::parse(&source), Ok(Source::Registry(_)))
    {
        let what = if source.starts_with("./") || source.starts_with("../") {
            format!("\"{source}\" is a folder, and only")
        } else {
            "Only".into()
        };
        diags.push(
            Diagnostic::error(
                "Invalid module version",
                format!("{what} modules of a registry have versions to choose from."),
            )
            .help("Remove the argument \"version\"; a tag of a repository is chosen with ?ref=TAG in the source.")
            .at(a.span),
        );
    }
    let version = version.and_then(|a| constraints(&a.expr, diags));
    let call = ModuleCall {
        name: name.clone(),
        source,
        source_span,
        version,
        repetition,
        depends_on: dependencies,
        providers,
        arguments,
        missing: block.body.missing,
        merged: block.body.merged > 0,
        span: block.header,
    };
    module.calls.insert(name.name.clone(), call);
}

/// The `version` of a module.
fn constraints(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<(Constraints, Span)> {
    let text = literal_string(expr, "The version of a module", diags)?;
    match Constraints::parse(&text) {
        Ok(constraints) => Some((constraints, expr.span)),
        Err(why) => {
            let d = Diagnostic::error("Invalid version constraint", format!("{why}.")).at(expr.span);
            diags.push(d.help("For example: \">= 1.5, < 2.0\""));
            None
        }
    }
}

fn provider_map(expr: &Expr, diags: &mut Vec<Diagnostic>) -> BTreeMap<(Str, Option<Str>), ProviderRef> {
    let ExprKind::Object(items) = &expr.kind else {
        diags.push(
            Diagnostic::error(
                "Unsuitable value",
                "\"providers\" is a map from names inside to configurations here.",
            )
            .at(expr.span)
            .help("For example: providers = { aws = aws.west }"),
        );
        return BTreeMap::new();
    };
    let mut map = BTreeMap::new();
    for item in items {
        let bare = matches!(&item.key.kind, ExprKind::String(name) if item.key.span.first(name.len()) == item.key.span);
        let inner = if bare { provider_named(&item.key, diags) } else { provider_ref(&item.key, diags) };
        let outer = provider_ref(&item.value, diags);
        let (Some(inner), Some(outer)) = (inner, outer) else { continue };
        let at = outer.span;
        if map.insert((inner.name, inner.alias), outer).is_some() {
            diags.push(
                Diagnostic::error(
                    "Duplicate provider address",
                    "A configuration was passed under this name already.",
                )
                .at(at)
                .help("Remove one of the two."),
            );
        }
    }
    map
}
