//! String templates.

use super::loops::unsettled;
use super::{Evaluator, a_type};
use crate::functions::FnError;
use crate::{Lookup, Scope, Step, World};
use formwork_diag::{Diagnostic, FileId, Span};
use formwork_syntax::{Expr, TemplatePart, parse_template};
use formwork_value::{Kind, MAX_WEIGHT, Marks, Refinement, Type, Value, convert};
use std::path::Path;

/// Text as far as it is known.
struct Output {
    text: String,
    marks: Marks,
    /// Nothing unknown came so far.
    known: bool,
    /// It has become longer than a value may be.
    too_long: bool,
}

impl Output {
    fn push(&mut self, text: &str) {
        self.too_long = self.too_long || self.text.len() + text.len() > MAX_WEIGHT as usize * 16;
        if self.known && !self.too_long {
            self.text.push_str(text);
        }
    }
}

impl<'a> Evaluator<'a> {
    pub(super) fn template(&mut self, parts: &'a [TemplatePart], place: Span) -> Value {
        let start = self.diags.len();
        let mut out = Output { text: String::new(), marks: Marks::NONE, known: true, too_long: false };
        self.parts(parts, &mut out);
        if self.errors_since(start) {
            return Value::unknown(Type::String).with_marks(out.marks);
        }
        if out.too_long {
            let d = Diagnostic::error(
                "Value too large",
                "The text of this template is too long to be worked with.",
            );
            return self.fail(d.at(place), None);
        }
        let value = if out.known {
            Value::string(out.text)
        } else {
            Value::unknown_refined(Type::String, Refinement::prefixed(&out.text))
        };
        value.with_marks(out.marks)
    }

    fn parts(&mut self, parts: &'a [TemplatePart], out: &mut Output) {
        for part in parts {
            match part {
                TemplatePart::Literal(text) => out.push(text),
                TemplatePart::Interpolation(expr) => self.interpolation(expr, out),
                TemplatePart::If { condition, then, otherwise } => {
                    self.choice(condition, then, otherwise, out)
                }
                TemplatePart::For { key, value, collection, body } => {
                    let items = self.expr(collection);
                    let unsettled = unsettled(&items);
                    let Some((items, marks)) = self.iterable(&items, key.is_some(), collection) else {
                        continue;
                    };
                    out.marks = out.marks.union(marks);
                    out.known &= !unsettled;
                    let Some(items) = items else {
                        out.known = false;
                        continue;
                    };
                    self.each(key.as_ref(), value, items, |this| {
                        let start = this.diags.len();
                        this.parts(body, out);
                        (!this.errors_since(start)).then_some(())
                    });
                }
            }
        }
    }

    fn choice(
        &mut self,
        condition: &'a Expr,
        then: &'a [TemplatePart],
        otherwise: &'a [TemplatePart],
        out: &mut Output,
    ) {
        let start = self.diags.len();
        let value = self.expr(condition);
        if self.errors_since(start) {
            return;
        }
        let Some((condition, marks)) = self.condition(value, condition) else { return };
        out.marks = out.marks.union(marks);
        // Both are evaluated, so that what is missing in either is known in one pass.
        let known = out.known;
        for (chosen, parts) in [(true, then), (false, otherwise)] {
            let start = self.diags.len();
            if condition == Some(chosen) {
                self.parts(parts, out);
            } else {
                let mut aside = Output { text: String::new(), marks: Marks::NONE, known, too_long: false };
                self.parts(parts, &mut aside);
                self.diags.truncate(start);
                out.marks = out.marks.union(aside.marks);
            }
        }
        if condition.is_none() {
            out.known = false;
        }
    }

    fn interpolation(&mut self, expr: &'a Expr, out: &mut Output) {
        let start = self.diags.len();
        let (value, marks) = self.expr(expr).unmark();
        if self.errors_since(start) {
            out.known = false;
            return;
        }
        out.marks = out.marks.union(marks);
        match value.kind() {
            Kind::String(s) => out.push(s),
            Kind::Null(_) => {
                let d = Diagnostic::error(
                    "Invalid template interpolation value",
                    "The value of this interpolation is null, which cannot be part of a string.",
                )
                .help("Give it a default with coalesce(), or leave the part out with a conditional.");
                self.fail(d.at(expr.span), Some(expr));
            }
            Kind::Unknown(u) if u.ty == Type::String || u.ty == Type::Dynamic => {
                if out.known
                    && let Some(prefix) = &u.refinement.prefix
                {
                    out.push(prefix);
                }
                out.known = false;
            }
            _ => {
                match convert(&value, &Type::String) {
                    Ok(text) => match text.as_str() {
                        Some(text) => out.push(text),
                        None => out.known = false,
                    },
                    Err(_) => {
                        let d = Diagnostic::error(
                        "Invalid template interpolation value",
                        format!("The value of this interpolation is {}, which has no form as a string.", a_type(&value.ty())),
                    )
                    .help("Use join() for lists, jsonencode() for anything, or take one element or attribute.");
                        self.fail(d.at(expr.span), Some(expr));
                    }
                }
            }
        }
    }
}

/// How deep templates may call `templatefile` and `templatestring` again.
const MAX_DEPTH: u32 = 64;

/// Renders the text of a template with these variables: `name` says in messages where the text is from.
pub(crate) fn render_template(
    text: &str,
    name: &str,
    vars: &Value,
    outer: &dyn Scope,
    depth: u32,
) -> Result<Value, FnError> {
    if depth >= MAX_DEPTH {
        return Err(FnError::new(format!("templates call each other more than {MAX_DEPTH} levels deep")));
    }
    // It belongs neither to the text nor to its first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let place = |d: &Diagnostic| match d.span {
        Some(span) => {
            let before = text.get(..(span.start as usize).min(text.len())).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            format!("{name}:{line},{column}")
        }
        None => name.to_string(),
    };
    let explain = |d: &Diagnostic| {
        let help = d.help.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
        let said = format!("{}: {}. {}{help}", place(d), d.summary.trim_end_matches('.'), d.detail);
        // Who says that the call failed ends the sentence.
        FnError::new(said.trim_end_matches('.')).quoting()
    };
    let (expr, problems) = parse_template(FileId(u32::MAX), text);
    if let Some(d) = problems.iter().find(|d| d.is_error()) {
        return Err(explain(d));
    }
    let Some(expr) = expr else { return Err(FnError::new(format!("{name} is not a valid template"))) };
    let scope = TemplateScope { vars, outer };
    let mut diags = Vec::new();
    let mut evaluator = Evaluator::new(&scope, &mut diags);
    evaluator.depth = depth + 1;
    let value = evaluator.expr(&expr);
    if let Some(d) = diags.iter().find(|d| d.is_error()) {
        return Err(explain(d));
    }
    Ok(value)
}

/// Only the variables that were handed in.
struct TemplateScope<'a> {
    vars: &'a Value,
    outer: &'a dyn Scope,
}

impl Scope for TemplateScope<'_> {
    fn lookup(&self, root: &str, _: &[Step<'_>], span: Span) -> Lookup {
        match self.vars.get(root) {
            Some(value) => Lookup::Found(value.clone(), 0),
            None if !self.vars.is_known() => Lookup::Found(super::unknown(), 0),
            None => {
                let names = self.vars.as_map().into_iter().flat_map(|m| m.keys().map(|k| &**k));
                let d = Diagnostic::error(
                    "Unknown template variable.",
                    format!("The variables given to the template have no {root:?}."),
                );
                let d = match formwork_diag::suggestion(root, names) {
                    Some(better) => d.help(format!("Did you mean {better:?}?")),
                    None => d,
                };
                Lookup::Error(d.at(span))
            }
        }
    }

    fn world(&self) -> &dyn World {
        self.outer.world()
    }

    fn base_dir(&self) -> &Path {
        self.outer.base_dir()
    }

    fn call_provider_function(&self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
        self.outer.call_provider_function(name, args, span)
    }
}
