//! Addresses as they are written, step by step with their places.

use formwork_diag::{Diagnostic, Span};
use formwork_syntax::{Expr, ExprKind};

/// What means something else where the type of a resource could stand.
const RESERVED: [&str; 11] =
    ["arg", "count", "each", "lazy", "local", "module", "path", "self", "template", "terraform", "var"];

/// The steps of an address.
pub(crate) struct Written<'a> {
    /// Names, and `None` for keys; each with its place.
    steps: Vec<(Option<&'a str>, Span)>,
    /// So many of them say which module.
    module: usize,
}

/// The steps of an expression, if it is nothing but names and keys.
pub(crate) fn written(expr: &Expr) -> Option<Written<'_>> {
    let mut steps = Vec::new();
    if !gather(expr, &mut steps) {
        return None;
    }
    let mut module = 0;
    while let [(Some("module"), _), (Some(_), _), ..] = &steps[module..] {
        module += 2;
        if let Some((None, _)) = steps.get(module) {
            module += 1;
        }
    }
    Some(Written { steps, module })
}

fn gather<'a>(expr: &'a Expr, steps: &mut Vec<(Option<&'a str>, Span)>) -> bool {
    let (source, name) = match &expr.kind {
        ExprKind::Variable(name) => {
            steps.push((Some(&**name), expr.span));
            return true;
        }
        ExprKind::Paren(inner) => return gather(inner, steps),
        ExprKind::Attr(source, name) => (source, Some(&*name.name)),
        ExprKind::Index(source, _) => (source, None),
        _ => return false,
    };
    let plain = gather(source, steps);
    steps.push((name, Span { start: source.span.end, ..expr.span }));
    plain
}

impl Written<'_> {
    /// Complains when something that is no resource is named where the type of one should be.
    pub fn reserved(&self) -> Option<Diagnostic> {
        let resource = &self.steps[self.module..];
        let ((Some(name), first), (_, last)) = (resource.first()?, resource.last()?) else { return None };
        let d = Diagnostic::error(
            "Invalid address",
            format!("\"{name}\" means something of its own, so no address of a resource begins with it."),
        );
        let d = d.help(format!("If it is the type of a resource, write resource.{name}.NAME"));
        RESERVED.contains(name).then(|| d.at(first.to(*last)))
    }

    /// The place of the first key, and whether it is that of a module.
    pub fn key(&self) -> Option<(Span, bool)> {
        let place = self.steps.iter().position(|(name, _)| name.is_none())?;
        Some((self.steps[place].1, place < self.module))
    }
}
