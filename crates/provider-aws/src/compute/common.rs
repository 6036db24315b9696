//! What several types share: names that are unique in a region, and errors that pass.

use crate::planned::unique_name;
use formwork_provider::{CallError, Computed, PlanRequest, PlanResponse, Retry};

/// The error for a name that is somebody else's. `what` is such as "key pair".
pub(crate) fn taken(what: &str, name: &str) -> CallError {
    let detail = format!(
        "There is a {what} named \"{name}\" already, and it was not made by this configuration. Choose another name, \
         or import the one that is there."
    );
    CallError::new("The name is taken", detail)
}

/// An error that is worth waiting out, in a call that may be repeated.
pub(crate) fn passing(error: CallError) -> CallError {
    CallError { retry: Retry::Transient, no_effect: false, ..error }
}

/// The configured name, or one made of the prefix and the attempt's token: repeating the attempt gives it again.
pub(crate) fn name(given: &Computed<String>, prefix: &Computed<String>, usual: &str, token: &str) -> String {
    match said(given) {
        Some(name) => name,
        None => unique_name(&said(prefix).unwrap_or_else(|| usual.to_owned()), token),
    }
}

/// A text that says something.
pub(crate) fn said(text: &Computed<String>) -> Option<String> {
    text.get().filter(|text| !text.is_empty()).cloned()
}

/// A number, as AWS takes it.
pub(crate) fn small(number: &Computed<i64>) -> Option<i32> {
    number.get().and_then(|n| i32::try_from(*n).ok())
}

/// The planned value, if it is known and another than before.
pub(crate) fn new<'a, T: PartialEq>(before: &Computed<T>, after: &'a Computed<T>) -> Option<&'a T> {
    after.get().filter(|after| before.get() != Some(after))
}

/// Whether the planned value of an attribute differs from the prior one, or may.
pub(crate) fn changes(request: &PlanRequest<'_>, plan: &PlanResponse, name: &str) -> bool {
    let Some(prior) = request.prior else { return false };
    match (prior.value.get(name), plan.planned.get(name)) {
        (Some(before), Some(after)) => !(before.is_null() && after.is_null()) && before != after,
        (before, after) => before.is_some() != after.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::name;
    use formwork_provider::Computed;

    #[test]
    fn names_are_the_configured_ones_or_follow_from_the_token() {
        const TOKEN: &str = "0b1f2c3d-0000-4000-8000-123456789abc";
        let check = |given: Computed<String>, prefix: Computed<String>, wanted: &str| {
            assert_eq!(name(&given, &prefix, "tf-lb-", TOKEN), wanted);
        };
        check("web".into(), Computed::Unknown, "web");
        check(Computed::Unknown, "pay-".into(), "pay-0b1f2c3d000040008000123456");
        // 32 characters is what a load balancer's name may have.
        check(Computed::Unknown, Computed::Null, "tf-lb-0b1f2c3d000040008000123456");
    }
}
