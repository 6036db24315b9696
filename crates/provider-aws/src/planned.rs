//! What refines plans, beside tags.

use formwork_provider::{CallError, Model, Nesting, PlanRequest, PlanResponse, default_plan};
use formwork_value::{Kind, Path, Type, Value};
use std::sync::Arc;

/// The plan of a new object in place of the prior one, because of these attributes.
pub(crate) fn replaced<T: Model>(
    request: &PlanRequest<'_>,
    plan: PlanResponse,
    because: &[&str],
) -> PlanResponse {
    let fresh = default_plan(&T::schema(), &PlanRequest { prior: None, ..*request });
    let mut replace = plan.replace;
    replace.extend(because.iter().map(|name| Path::root().attr(*name)));
    PlanResponse { replace, notes: plan.notes, ..fresh }
}

/// Whether a change of the object is planned that leaves it in place, and what it was before.
pub(crate) fn in_place<'a>(request: &'a PlanRequest<'_>, plan: &PlanResponse) -> Option<&'a Value> {
    request.prior.map(|prior| &prior.value).filter(|_| plan.replace.is_empty())
}

/// The plan, with values that the provider is to choose anew, unless the configuration gives them.
pub(crate) fn unknown(request: &PlanRequest<'_>, plan: PlanResponse, names: &[&str]) -> PlanResponse {
    let given = |name: &str| request.config.get(name).is_some_and(|value| !value.is_null());
    let names = names.iter().filter(|name| !given(name));
    names.fold(plan, |plan, name| {
        let ty = plan.planned.get(name).map_or(Type::Dynamic, Value::ty);
        with(plan, name, Value::unknown(ty))
    })
}

/// The plan, with another value.
pub(crate) fn with(mut plan: PlanResponse, name: &str, value: Value) -> PlanResponse {
    let (kind, marks) = plan.planned.into_kind();
    let kind = match kind {
        Kind::Object(mut attributes) => {
            Arc::make_mut(&mut attributes).insert(name.into(), value);
            Kind::Object(attributes)
        }
        other => other,
    };
    plan.planned = Value::from(kind).with_marks(marks);
    plan
}

/// An object of which only the id is known, for `import`.
pub(crate) fn named<T: Model>(id: &str) -> Result<T, CallError> {
    imported(&[("id", Value::string(id))])
}

/// An object of which only some attributes are known, for `import`.
pub(crate) fn imported<T: Model>(known: &[(&str, Value)]) -> Result<T, CallError> {
    let block = T::schema().block;
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let given = known.iter().find(|(known, _)| **known == **name).map(|(_, value)| value.clone());
        let blank = || match (&attribute.default, attribute.required) {
            (Some(default), _) => default.clone(),
            // Read before anything looks at it; a required field cannot hold null.
            (None, true) => blank(&attribute.ty),
            (None, false) => Value::null(attribute.ty.clone()),
        };
        (name.clone(), given.unwrap_or_else(blank))
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let ty = nested.ty();
        let value = match nested.nesting {
            Nesting::List => Value::list(nested.block.ty(), Vec::new()),
            Nesting::Set => Value::set(nested.block.ty(), Vec::new()),
            _ => Value::null(ty),
        };
        (name.clone(), value)
    });
    T::from_value(&Value::object(attributes.chain(blocks).collect::<Vec<_>>()))
        .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))
}

fn blank(ty: &Type) -> Value {
    match ty {
        Type::String => Value::string(""),
        Type::Bool => Value::from(false),
        Type::Number => Value::from(0_i64),
        Type::List(element) => Value::list((**element).clone(), Vec::new()),
        Type::Set(element) => Value::set((**element).clone(), Vec::new()),
        Type::Map(element) => Value::map((**element).clone(), Default::default()),
        other => Value::null(other.clone()),
    }
}

/// A name that nothing else has, made of a prefix and the attempt's token: the same for each try of one attempt.
pub(crate) fn unique_name(prefix: &str, token: &str) -> String {
    let suffix: String = token.chars().filter(char::is_ascii_alphanumeric).take(SUFFIX).collect();
    format!("{prefix}{}", suffix.to_ascii_lowercase())
}

/// The prefix of a name that [`unique_name`] made, or HashiCorp's provider.
pub(crate) fn prefix_of(name: &str) -> Option<&str> {
    let (prefix, suffix) = name.split_at_checked(name.len().checked_sub(SUFFIX)?)?;
    let made = suffix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    made.then_some(prefix)
}

const SUFFIX: usize = 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_found_again() {
        let name = unique_name("web-", "0b1f2c3d-0000-4000-8000-123456789abc");
        assert_eq!(name, "web-0b1f2c3d000040008000123456");
        assert_eq!(prefix_of(&name), Some("web-"));
        assert_eq!(prefix_of("terraform-20240101000000000000000001"), Some("terraform-"));
        assert_eq!(prefix_of("web"), None);
        assert_eq!(prefix_of("a-name-that-is-long-enough-to-have-one"), None);
    }
}
