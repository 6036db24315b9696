//! Function calls.

use super::loops::unsettled;
use super::{Evaluator, unknown};
use crate::functions::{CallCx, FnError, functions};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_syntax::{Call, Expr, ExprKind};
use formwork_value::{Kind, Type, Value, convert_defaults};

impl<'a> Evaluator<'a> {
    pub(super) fn call(&mut self, call: &'a Call, whole: &'a Expr) -> Value {
        let full = &*call.name.name;
        let name = full.strip_prefix("core::").unwrap_or(full);
        match name {
            "try" if !call.expand_final => return self.try_call(call, whole),
            "can" if call.args.len() == 1 && !call.expand_final => return self.can_call(&call.args[0]),
            "convert" if call.args.len() == 2 && !call.expand_final => {
                return self.convert_call(&call.args[0], &call.args[1], whole);
            }
            _ => {}
        }
        let start = self.diags.len();
        let Some((args, spans)) = self.arguments(call) else { return unknown() };
        if self.errors_since(start) {
            return unknown();
        }
        let Some(args) = args else { return unknown() };
        if name.starts_with("provider::") {
            return match self.scope.call_provider_function(name, &args, call.name.span) {
                Ok(value) => value,
                Err(d) => self.fail(d.at(call.name.span).calling(full), Some(whole)),
            };
        }
        let Some(function) = functions().get(name) else {
            let d = Diagnostic::error(
                "Call to unknown function",
                format!("There is no function named {full:?}."),
            );
            let d = match suggestion(name, functions().keys().copied()) {
                Some(better) => d.help(format!("Did you mean {better}()?")),
                None if name.contains("::") => {
                    d.help("Functions of providers are named provider::<local name>::<function>.")
                }
                None => d,
            };
            return self.fail(d.at(call.name.span), None);
        };
        let signature = &function.signature;
        if let Err(message) = signature.check_arity(args.len()) {
            let few = args.len() < signature.params.len();
            let summary = if few { "Not enough function arguments" } else { "Too many function arguments" };
            let place = if few {
                call.name.span
            } else {
                spans.get(signature.params.len()).copied().unwrap_or(whole.span)
            };
            let d =
                Diagnostic::error(summary, message).help(format!("It is called as {}.", signature.usage()));
            return self.fail(d.at(place).calling(full), None);
        }
        if name == "templatestring" && !is_reference(&call.args[0]) {
            let d = Diagnostic::error(
                "Invalid function argument",
                "The first argument of templatestring() must be a direct reference to a value that holds the template.",
            )
            .help("A template that is known here can be written in place, without templatestring().");
            return self.fail(d.at(call.args[0].span).calling(full), None);
        }
        let mut cx = CallCx { scope: self.scope, depth: self.depth };
        match function.call(&mut cx, args) {
            Ok(value) => value,
            Err(FnError { arg: Some(i), message, .. }) => {
                let d = Diagnostic::error(
                    "Invalid function argument",
                    format!(
                        "{}() cannot take this as its argument {} ({}): {message}.",
                        signature.name,
                        i + 1,
                        signature.param(i).map_or("", |p| p.name),
                    ),
                );
                let place = spans.get(i).copied().unwrap_or(whole.span);
                let culprit = call.args.iter().find(|a| a.span == place).unwrap_or(whole);
                self.fail(d.at(place).calling(full), Some(culprit))
            }
            Err(FnError { arg: None, message, .. }) => {
                let d = Diagnostic::error(
                    "Error in function call",
                    format!("{}() failed: {message}.", signature.name),
                );
                self.fail(d.at(whole.span).calling(full), Some(whole))
            }
        }
    }

    /// The arguments and their places, the last one expanded if `...` says so. The inner `None` means that the
    /// expanded argument is unknown, the outer one comes after an error.
    fn arguments(&mut self, call: &'a Call) -> Option<(Option<Vec<Value>>, Vec<Span>)> {
        let mut args: Vec<Value> = call.args.iter().map(|a| self.expr(a)).collect();
        let mut spans: Vec<Span> = call.args.iter().map(|a| a.span).collect();
        if !call.expand_final {
            return Some((Some(args), spans));
        }
        let (last, marks) = args.pop()?.unmark();
        let span = spans.pop()?;
        let problem = match last.kind() {
            Kind::Set(..) if unsettled(&last) => return Some((None, spans)),
            Kind::List(_, items) | Kind::Set(_, items) | Kind::Tuple(items) => {
                args.extend(items.iter().map(|v| v.clone().with_marks(marks)));
                spans.extend(items.iter().map(|_| span));
                return Some((Some(args), spans));
            }
            Kind::Unknown(u)
                if matches!(u.ty, Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_)) =>
            {
                return Some((None, spans));
            }
            Kind::Null(_) => "null".to_string(),
            _ => super::a_type(&last.ty()),
        };
        let d = Diagnostic::error(
            "Invalid expanding argument value",
            format!("The argument before ... is {problem}; it must be a list, set or tuple."),
        );
        self.fail(d.at(span), call.args.last());
        None
    }

    fn try_call(&mut self, call: &'a Call, whole: &'a Expr) -> Value {
        let start = self.diags.len();
        let mut problems = Vec::new();
        for arg in &call.args {
            let value = self.expr(arg);
            if !self.errors_since(start) {
                // What is unknown now may turn out to be an error, or to have another type.
                return if value.is_wholly_known() { value } else { unknown().with_marks(value.marks()) };
            }
            problems.extend(self.diags.split_off(start).into_iter().filter(Diagnostic::is_error).take(1));
        }
        if call.args.is_empty() {
            let d = Diagnostic::error("Not enough function arguments", "try() needs at least one argument.");
            return self.fail(d.at(whole.span).calling(&*call.name.name), None);
        }
        let reasons: Vec<String> = problems.iter().map(|d| format!("{d}")).collect();
        let mut d = Diagnostic::error(
            "Error in function call",
            format!("None of the arguments of try() could be evaluated. {}", reasons.join(" ")),
        )
        .help("Add a last argument that cannot fail, such as null.");
        for problem in &problems {
            if let Some(span) = problem.span {
                d = d.label(span, problem.summary.clone());
            }
        }
        self.fail(d.at(whole.span).calling(&*call.name.name), Some(whole))
    }

    /// `convert(value, type)`: the second argument is not evaluated, but read as a type.
    fn convert_call(&mut self, arg: &'a Expr, ty: &'a Expr, whole: &'a Expr) -> Value {
        let start = self.diags.len();
        let value = self.expr(arg);
        let (ty, defaults) = match crate::type_expr(ty) {
            Ok(found) => found,
            Err(found) => {
                self.diags.extend(found);
                return unknown();
            }
        };
        if self.errors_since(start) {
            return unknown();
        }
        match convert_defaults(&value, &ty, &defaults.unwrap_or_default()) {
            Ok(value) => value,
            Err(e) => {
                let d = Diagnostic::error(
                    "Invalid function argument",
                    format!("The value cannot be converted to {ty}: {e}."),
                );
                self.fail(d.at(arg.span), Some(whole))
            }
        }
    }

    fn can_call(&mut self, arg: &'a Expr) -> Value {
        let start = self.diags.len();
        let value = self.expr(arg);
        if self.errors_since(start) {
            self.diags.truncate(start);
            return Value::from(false);
        }
        if value.is_wholly_known() { Value::from(true) } else { Value::unknown_not_null(Type::Bool) }
    }
}

fn is_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Variable(_) => true,
        ExprKind::Attr(source, _) | ExprKind::Index(source, _) | ExprKind::Paren(source) => {
            is_reference(source)
        }
        _ => false,
    }
}
