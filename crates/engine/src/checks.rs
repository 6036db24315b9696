//! Conditions: validations, preconditions, postconditions.

use crate::cells::{CellId, ModuleId, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, value_of};
use crate::scope::ModuleScope;
use formwork_addr::InstanceKey;
use formwork_config::Condition;
use formwork_diag::{Diagnostic, Severity, has_errors};
use formwork_lang::{Scope, eval, referenced_values};
use formwork_plan::{CheckResult, CheckStatus};
use formwork_value::{Kind, Mark, Type, Value, convert};
use rustc_hash::FxHashMap;
use std::fmt::Display;

const ASSERTION: &str = "Check block assertion failed";

/// What is said of a condition that gives neither true nor false.
pub(crate) const NO_VERDICT: &str = "Invalid condition result";

/// How conditions came out, by the address of what they are about.
#[derive(Default)]
pub(crate) struct Results {
    all: Vec<CheckResult>,
    /// Where each address is in `all`.
    places: FxHashMap<String, usize>,
}

impl Results {
    /// All of them, in the order in which they were looked at.
    pub fn all(&self) -> &[CheckResult] {
        &self.all
    }

    /// All of them, which are then no longer here.
    pub fn take(&mut self) -> Vec<CheckResult> {
        self.places.clear();
        std::mem::take(&mut self.all)
    }

    /// Adds what nobody could judge.
    pub fn unjudged(&mut self, address: &str) {
        self.add(address, CheckStatus::Unknown, Vec::new());
    }

    /// Adds what came out. Pre- and postconditions of an instance are one check: what holds makes up for nothing.
    fn add(&mut self, address: &str, status: CheckStatus, problems: Vec<String>) {
        let Some(place) = self.places.get(address).copied() else {
            self.places.insert(address.to_owned(), self.all.len());
            return self.all.push(CheckResult { address: address.to_owned(), status, problems });
        };
        let check = &mut self.all[place];
        if check.status == CheckStatus::Pass || status == CheckStatus::Fail {
            check.status = status;
        }
        check.problems.extend(problems);
    }
}

/// How one condition came out.
enum Verdict {
    Holds,
    Unknown,
    Fails(Diagnostic, String),
}

impl Verdict {
    fn failure(self) -> Option<Diagnostic> {
        match self {
            Verdict::Fails(d, _) => Some(d),
            Verdict::Holds | Verdict::Unknown => None,
        }
    }
}

/// Checks the `validation` blocks of a variable. A condition that does not hold is reported.
pub(crate) fn validations(e: &mut Evaluator, module: ModuleId, name: &str, value: &Value) -> Ran<()> {
    let declared = e.module(module).module.clone();
    let variable = &declared.variables[name];
    // The variable's own cell is not filled while it is checked: its conditions see the value itself.
    let mut diags = Vec::new();
    let mut scope = ModuleScope::new(e, module, None, None);
    scope.variable = Some((name, value));
    let mut verdicts = Some(Vec::new());
    for condition in &variable.validations {
        let verdict = judge(condition, &scope, &mut diags, "Invalid value for variable");
        verdicts = verdicts.and_then(|mut all| {
            all.push(verdict?);
            Some(all)
        });
    }
    let found = scope.into_found();
    if !found.missing.is_empty() {
        return Ran::Missing(found.missing);
    }
    e.diags.extend(diags);
    let ran = match verdicts {
        Some(verdicts) if !found.failed => Ran::Done(verdicts, found.deps),
        _ => Ran::Failed,
    };
    let span = variable.name.span;
    let address = in_module(e, module, &format!("var.{name}"));
    finish(e, ran, &address, |d| d.label(span, "declared here"))
}

/// Checks conditions of an object. A condition that does not hold is reported, and fails the object, unless the evaluator is
/// lenient.
pub(crate) fn conditions(
    e: &mut Evaluator,
    module: ModuleId,
    each: Option<(&InstanceKey, Option<&Value>)>,
    own: Option<&Value>,
    list: &[Condition],
    address: &dyn Display,
    kind: &'static str,
) -> Ran<()> {
    if list.is_empty() {
        return Ran::Done((), Deps::default());
    }
    let address = address.to_string();
    let (subject, address) = match address.starts_with("output.") {
        true => ("Module output value", in_module(e, module, &address)),
        false => ("Resource", address),
    };
    let told = (address, kind);
    if e.told.contains(&told) {
        return Ran::Done((), Deps::default());
    }
    let summary = format!("{subject} {kind} failed");
    let ran = e.evaluate(
        |_, diags, scope| {
            let mut verdicts = Vec::new();
            for condition in list {
                verdicts.push(judge_aloud(condition, scope, diags, &summary)?);
            }
            Some(verdicts)
        },
        module,
        each,
        own,
    );
    let failed = matches!(ran, Ran::Failed);
    let lenient = e.lenient;
    let dress = |mut d: Diagnostic| {
        if lenient {
            d.severity = Severity::Warning;
        }
        d.about(&told.0)
    };
    match finish(e, ran, &told.0, dress) {
        Ran::Failed if lenient && !failed => {
            e.told.insert(told);
            Ran::Done((), Deps::default())
        }
        ran => ran,
    }
}

/// The address of something in an instance of a module.
pub(crate) fn in_module(e: &Evaluator, module: ModuleId, address: &str) -> String {
    match &e.module(module).addr {
        addr if addr.is_root() => address.to_owned(),
        addr => format!("{addr}.{address}"),
    }
}

fn finish(
    e: &mut Evaluator,
    ran: Ran<Vec<Verdict>>,
    address: &str,
    dress: impl Fn(Diagnostic) -> Diagnostic,
) -> Ran<()> {
    let (verdicts, deps) = match ran {
        Ran::Done(verdicts, deps) => (verdicts, deps),
        Ran::Missing(missing) => return Ran::Missing(missing),
        Ran::Failed => return Ran::Failed,
    };
    let mut status = CheckStatus::Pass;
    let mut problems = Vec::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Holds => {}
            Verdict::Unknown => {
                if status == CheckStatus::Pass {
                    status = CheckStatus::Unknown;
                }
            }
            Verdict::Fails(d, message) => {
                status = CheckStatus::Fail;
                problems.push(message);
                e.diags.push(dress(d));
            }
        }
    }
    e.checks.add(address, status, problems);
    if status == CheckStatus::Fail { Ran::Failed } else { Ran::Done((), deps) }
}

fn judge(
    condition: &Condition,
    scope: &dyn Scope,
    diags: &mut Vec<Diagnostic>,
    summary: &str,
) -> Option<Verdict> {
    let value = value_of(&condition.condition, scope, diags)?;
    let (value, _) = value.unmark();
    let fits = convert(&value, &Type::Bool);
    let holds = match fits.as_ref().map(Value::kind) {
        Ok(Kind::Unknown(_)) => return Some(Verdict::Unknown),
        Ok(Kind::Bool(b)) => *b,
        _ => {
            diags.push(
                Diagnostic::error(NO_VERDICT, "The condition must be true or false.")
                    .at(condition.condition.span),
            );
            return None;
        }
    };
    if holds {
        return Some(Verdict::Holds);
    }
    let mut quiet = Vec::new();
    let outcome = eval(&condition.message, scope, &mut quiet);
    let message = if outcome.failed {
        diags.append(&mut quiet);
        "The error message could not be made.".to_owned()
    } else if outcome.value.marks_deep().has(Mark::Sensitive) {
        "The condition does not hold. Its error message is made from sensitive values, and is not shown."
            .to_owned()
    } else {
        match convert(&outcome.value, &Type::String) {
            Ok(v) => v.as_str().unwrap_or("The condition does not hold.").to_owned(),
            Err(_) => "The condition does not hold.".to_owned(),
        }
    };
    let mut d = Diagnostic::error(summary, message.clone()).at(condition.condition.span);
    d.values = referenced_values(&condition.condition, scope);
    Some(Verdict::Fails(d, message))
}

/// [`judge`], and the message must be fit to be said whatever the condition is.
fn judge_aloud(
    condition: &Condition,
    scope: &dyn Scope,
    diags: &mut Vec<Diagnostic>,
    summary: &str,
) -> Option<Verdict> {
    let start = diags.len();
    let verdict = judge(condition, scope, diags, summary)?;
    // What is wrong with it has been said with the condition that does not hold.
    if !has_errors(&diags[start..]) {
        message(condition, scope, diags)?;
    }
    Some(verdict)
}

/// That the message of a condition is text.
fn message(condition: &Condition, scope: &dyn Scope, diags: &mut Vec<Diagnostic>) -> Option<()> {
    let (value, _) = value_of(&condition.message, scope, diags)?.unmark();
    let problem = match convert(&value, &Type::String) {
        Ok(text) if !text.is_null() => return Some(()),
        Ok(_) => "The error message is null.".to_owned(),
        Err(e) => format!("The error message is no text: {}.", e.message),
    };
    diags.push(Diagnostic::error("Invalid error message", problem).at(condition.message.span));
    None
}

/// How a condition of which perhaps not everything is known certainly fails, if it does.
pub(crate) fn failure(
    condition: &Condition,
    scope: &dyn Scope,
    diags: &mut Vec<Diagnostic>,
    summary: &str,
) -> Option<Diagnostic> {
    judge(condition, scope, diags, summary)?.failure()
}

/// [`failure`], and the message must be fit to be said whatever the condition is.
pub(crate) fn failure_aloud(
    condition: &Condition,
    scope: &dyn Scope,
    diags: &mut Vec<Diagnostic>,
    summary: &str,
) -> Option<Diagnostic> {
    judge_aloud(condition, scope, diags, summary)?.failure()
}

/// That an assertion of a `check` block cannot be judged yet.
fn later(condition: &Condition) -> Diagnostic {
    let d = Diagnostic::warning(
        "Check block assertion known after apply",
        "Whether the condition holds depends on something that is not known yet: it is looked at again when the plan is applied.",
    );
    Diagnostic { of_check: true, ..d.at(condition.condition.span) }
}

/// Looks at the `check` blocks of all module instances, as soon as everything that any of them needs is there; else gives what
/// is missing. What does not hold is a warning. After something has failed (`despite`), nothing is known of what was not reached,
/// and nobody waits for it.
pub(crate) fn asserts(e: &mut Evaluator, despite: bool) -> Result<(), Vec<CellId>> {
    let mut missing: Vec<CellId> = Vec::new();
    let mut judged = Vec::new();
    let planning = e.planning;
    for module in 0..e.modules.len() as ModuleId {
        let declared = e.module(module).module.clone();
        for (name, check) in &declared.checks {
            let address = in_module(e, module, &format!("check.{name}"));
            let from = e.diags.len();
            let data = check.data.as_ref().map(|data| e.expression(module, data));
            match data {
                Some(Ran::Missing(more)) => {
                    missing.extend(&more);
                    judged.push((address, e.diags.split_off(from), Ran::Missing(more)));
                    continue;
                }
                // Without what they are about, assertions are not looked at.
                Some(Ran::Failed) if e.unread.contains_key(&address) => {
                    judged.push((address, e.diags.split_off(from), Ran::Failed));
                    continue;
                }
                _ => {}
            }
            let ran = e.evaluate(
                |_, diags, scope| {
                    let mut verdicts = Vec::new();
                    for condition in &check.asserts {
                        let verdict = judge_aloud(condition, scope, diags, ASSERTION)?;
                        if planning && matches!(verdict, Verdict::Unknown) {
                            diags.push(later(condition).about(&address));
                        }
                        verdicts.push(verdict);
                    }
                    Some(verdicts)
                },
                module,
                None,
                None,
            );
            let said = e.diags.split_off(from);
            if let Ran::Missing(more) = &ran {
                missing.extend(more);
            }
            judged.push((address, said, ran));
        }
    }
    // What somebody has asked for would be there by now, if it could be.
    if missing.iter().any(|id| !despite || e.cells.get(*id).status == Status::Idle) {
        return Err(missing);
    }
    for (address, said, ran) in judged {
        if let Some(problems) = e.unread.remove(&address) {
            e.diags.extend(said);
            e.checks.add(&address, CheckStatus::Fail, problems);
            continue;
        }
        if despite && !matches!(ran, Ran::Done(..)) {
            e.checks.unjudged(&address);
            continue;
        }
        let from = e.diags.len();
        e.diags.extend(said);
        let failed = matches!(ran, Ran::Failed);
        finish(e, ran, &address, |d| d.about(&address));
        if failed {
            // What it speaks of could not be had; that has been said.
            e.checks.add(&address, CheckStatus::Fail, Vec::new());
        }
        // What does not hold is a warning; what cannot be evaluated is a mistake, as everywhere.
        for d in e.diags[from..].iter_mut().filter(|d| d.summary == ASSERTION) {
            (d.severity, d.of_check) = (Severity::Warning, true);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_one_address_are_one_result() {
        let mut results = Results::default();
        results.add("a", CheckStatus::Unknown, Vec::new());
        results.add("b", CheckStatus::Pass, Vec::new());
        results.add("a", CheckStatus::Pass, Vec::new());
        results.add("b", CheckStatus::Fail, vec!["one".into()]);
        results.add("b", CheckStatus::Fail, vec!["two".into()]);
        let all: Vec<_> = results.all().iter().map(|r| (&*r.address, r.status, r.problems.len())).collect();
        assert_eq!(all, [("a", CheckStatus::Unknown, 0), ("b", CheckStatus::Fail, 2)]);
        assert_eq!(results.take().len(), 2);
        results.add("b", CheckStatus::Pass, Vec::new());
        assert_eq!(results.all().len(), 1);
    }

    /// One by one, these would be compared five billion times.
    #[test]
    fn there_may_be_many_addresses() {
        let mut results = Results::default();
        for i in 0..100_000 {
            results.add(&format!("terraform_data.a[{i}]"), CheckStatus::Pass, Vec::new());
        }
        assert_eq!(results.all().len(), 100_000);
    }
}
