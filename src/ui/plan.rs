//! A plan as text, in the form that Terraform's users know.

mod comment;

use super::diff::{self, Act, Change, Options};
use super::style::{Role, Style};
use super::text::{attribute_name, pad, tame, wrap};
use comment::Causes;
use formwork_addr::{Resource, ResourceAddr, ResourceMode};
use formwork_plan::{Action, Mode, Plan, PlannedChange, ReplaceOrder};
use formwork_provider::Schema;
use formwork_value::{Mark, Path, Value};
use std::collections::HashMap;
use std::fmt::Write;

/// Where the schemas of resource types come from.
pub trait Schemas: Sync {
    /// The schema of a resource type or data source, if it is known.
    fn schema(&self, resource: &Resource) -> Option<&Schema>;
}

/// Where arguments stand in the configuration.
pub trait Places: Sync {
    /// The file and line of the argument that a path leads to, and of what its value comes from.
    fn place(&self, change: &PlannedChange, path: &Path) -> Option<String>;

    /// What `replace_triggered_by` names that changes, and where; the same for all instances of a resource.
    fn triggers(&self, change: &PlannedChange, planned: &Planned<'_>) -> Vec<String>;
}

/// The changes of each resource.
pub type Planned<'p> = HashMap<&'p ResourceAddr, Vec<&'p PlannedChange>>;

/// How a plan is looked at.
#[derive(Clone, Copy, Default)]
pub struct View<'p> {
    /// Instances that change alike are shown once.
    pub fold: bool,
    /// Finds what causes a replacement.
    pub places: Option<&'p dyn Places>,
}

/// The whole plan.
pub fn plan(plan: &Plan, schemas: &dyn Schemas, style: Style, view: View<'_>) -> String {
    let mut out = String::with_capacity(256 * plan.changes.len().min(1 << 16) + 1024);
    let causes = Causes::default();
    Printer { plan, schemas, style, view, causes: &causes, out: &mut out }.all();
    out
}

/// As many changes are worth a second thread.
const MANY: usize = 100;

struct Printer<'p, 'o> {
    plan: &'p Plan,
    schemas: &'p dyn Schemas,
    style: Style,
    view: View<'p>,
    causes: &'p Causes<'p>,
    out: &'o mut String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Proposed,
    Drift,
}

fn moved(change: &PlannedChange) -> bool {
    change.previous_addr.as_ref().is_some_and(|p| *p != change.addr)
}

fn data(change: &PlannedChange) -> bool {
    change.addr.resource.resource.mode == ResourceMode::Data
}

fn shown(change: &PlannedChange) -> bool {
    match change.action {
        Action::NoOp | Action::Defer => moved(change),
        // A data source that goes away is nobody's concern.
        Action::Delete => !data(change),
        _ => true,
    }
}

impl<'p> Printer<'p, '_> {
    fn prose(&mut self, text: &str) {
        let wrapped = wrap(text, self.style.width - 1);
        self.out.push_str(&wrapped);
        self.out.push('\n');
    }

    fn all(&mut self) {
        let plan = self.plan;
        let importing = |c: &&PlannedChange| shown(c) || self.importing(c).is_some();
        let mut changes: Vec<&PlannedChange> = plan.changes.iter().filter(importing).collect();
        changes.sort_by(|a, b| (&a.addr.resource.module, &a.addr).cmp(&(&b.addr.resource.module, &b.addr)));
        let outputs = self.outputs();
        let drift = self.drift(changes.is_empty() && outputs.is_empty());
        if changes.is_empty() && outputs.is_empty() {
            if plan.deferred.is_empty() || plan.errored {
                self.nothing(drift);
            }
            self.deferred();
            return;
        }
        if drift {
            let rule = self.style.rule();
            self.out.push_str(&rule);
        }
        let acting: Vec<&&PlannedChange> = changes.iter().filter(|c| c.is_change()).collect();
        if !acting.is_empty() {
            self.legend(&acting);
        }
        if !changes.is_empty() {
            self.out.push_str(if plan.errored {
                "\nFormwork planned the following actions, but then encountered a problem:\n"
            } else {
                "\nFormwork will perform the following actions:\n"
            });
            self.changes(&changes, Cause::Proposed);
            let (add, update, destroy) = counts(&acting);
            self.out.push('\n');
            self.style.put(self.out, Role::Strong, "Plan:");
            let summary = super::text::planned(plan.imports.len(), (add, update, destroy));
            let _ = writeln!(self.out, "{}", summary.trim_start_matches("Plan:"));
        }
        if !outputs.is_empty() {
            self.out.push_str("\nChanges to Outputs:\n");
            self.out.push_str(&outputs);
            if acting.is_empty() {
                self.prose(
                    "\nYou can apply this plan to save these new output values to the Formwork state, without changing \
                     any real infrastructure.",
                );
            }
        }
        self.deferred();
    }

    fn legend(&mut self, changes: &[&&PlannedChange]) {
        self.prose(
            "\nFormwork used the selected providers to generate the following execution plan. Resource actions are \
             indicated with the following symbols:",
        );
        let has = |f: fn(Action) -> bool| changes.iter().any(|c| f(c.action));
        let style = self.style;
        let (add, remove) = (style.paint(Role::Add, "+"), style.paint(Role::Remove, "-"));
        let mut line = |yes: bool, text: String| {
            if yes {
                self.out.push_str(&text);
                self.out.push('\n');
            }
        };
        line(has(|a| a == Action::Create), format!("  {add} create"));
        line(has(|a| a == Action::Update), format!("  {} update in-place", style.paint(Role::Change, "~")));
        line(has(|a| a == Action::Delete), format!("  {remove} destroy"));
        line(
            has(|a| a == Action::Replace(ReplaceOrder::DestroyFirst)),
            format!("{remove}/{add} destroy and then create replacement"),
        );
        line(
            has(|a| matches!(a, Action::Replace(ReplaceOrder::CreateFirst | ReplaceOrder::CreateBeside))),
            format!("{add}/{remove} create replacement and then destroy"),
        );
        line(has(|a| a == Action::Read), format!(" {} read (data resources)", style.paint(Role::Read, "<=")));
    }

    /// The changes of output values, each beginning on a new line; empty when there are none.
    fn outputs(&self) -> String {
        let style = self.style;
        let width = self.plan.outputs.keys().map(|name| attribute_name(name).len()).max().unwrap_or(0);
        let mut shown: Vec<(String, String, Vec<&str>)> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (name, output) in &self.plan.outputs {
            if !output.is_change() {
                continue;
            }
            let before = output.before.as_ref().map(Value::plain_zeros);
            let after = output.after.as_ref().map(Value::plain_zeros);
            let change = Change::new(before.as_deref(), after.as_deref());
            let is_secret =
                |value: &Option<Value>| value.as_ref().is_some_and(|v| v.has_mark(Mark::Sensitive));
            let (was, will) = (is_secret(&output.before), is_secret(&output.after));
            let stays = output.before.is_some() && output.after.is_some();
            let turns = if stays && was != will { Some(will) } else { None };
            let node = match (output.sensitive, turns) {
                (false, _) => diff::dynamic(&change),
                (true, None) => diff::secret(&change, true, true),
                (true, Some(will)) => diff::secret(&change, !will, will),
            };
            if node.act == Act::NoOp {
                continue;
            }
            let (mut start, mut text) = (String::new(), String::new());
            diff::symbol(&mut start, style, node.act);
            start.push(' ');
            diff::render(&mut text, style, &node, 0, Options::default());
            match turns {
                Some(true) => text.push_str(" # becomes sensitive"),
                Some(false) => text.push_str(" # is no longer sensitive"),
                None => {}
            }
            if self.view.fold {
                let next = shown.len();
                let group = *known.entry(format!("{start}{text}")).or_insert(next);
                if let Some((_, _, others)) = shown.get_mut(group) {
                    others.push(name);
                    continue;
                }
            }
            pad(&mut start, &attribute_name(name), width);
            shown.push((start, text, Vec::new()));
        }
        let mut out = String::new();
        for (start, text, others) in shown {
            let _ = writeln!(out, "{start} = {text}");
            let text = match others.as_slice() {
                [] => continue,
                [one] => format!("    # (1 more changes alike: {one})"),
                [.., last] => format!("    # ({} more change alike, the last of them {last})", others.len()),
            };
            style.put(&mut out, Role::Faint, &text);
            out.push('\n');
        }
        out
    }

    /// What is said when there is nothing to do.
    fn nothing(&mut self, drift: bool) {
        let plan = self.plan;
        let style = self.style;
        let good = |text: &str| {
            format!("\n{}{}\n\n", style.paint(Role::Good, "No changes."), style.paint(Role::Strong, text))
        };
        if plan.errored {
            let text = format!(
                "\n{}{}\n",
                style.paint(Role::Error, "Planning failed."),
                style.paint(Role::Strong, " Formwork encountered an error while generating this plan.")
            );
            return self.out.push_str(&text);
        }
        match plan.mode {
            Mode::RefreshOnly if drift => {}
            Mode::RefreshOnly => {
                self.out.push_str(&good(" Your infrastructure still matches the configuration."));
                self.prose(
                    "Formwork has checked that the real remote objects still match the result of your most recent \
                     changes, and found no differences.",
                );
            }
            Mode::Destroy => {
                self.out.push_str(&good(" No objects need to be destroyed."));
                self.prose(
                    "Either you have not created any objects yet or the existing objects were already deleted outside of \
                     Formwork.",
                );
            }
            Mode::Normal => {
                self.out.push_str(&good(" Your infrastructure matches the configuration."));
                self.prose(
                    "Formwork has compared your real infrastructure against your configuration and found no differences, \
                     so no changes are needed.",
                );
            }
        }
    }

    fn deferred(&mut self) {
        if self.plan.deferred.is_empty() {
            return;
        }
        self.out.push('\n');
        self.style.put(self.out, Role::Note, "Note:");
        self.style.put(self.out, Role::Strong, " Some objects have to wait");
        self.out.push_str("\n\n");
        self.prose(
            "What follows cannot be planned before something else is known. It stays as it is until then: formwork apply plans it \
             when the rest is done; after a saved plan, the next plan has it.",
        );
        self.out.push('\n');
        for deferred in &self.plan.deferred {
            let _ = writeln!(self.out, "  # {}: {}", tame(&deferred.address), tame(&deferred.reason));
        }
    }

    fn drift(&mut self, nothing_else: bool) -> bool {
        let plan = self.plan;
        let only = plan.mode == Mode::RefreshOnly;
        let drift: Vec<&PlannedChange> =
            plan.drift.iter().filter(|c| c.is_change() || (only && moved(c))).collect();
        if drift.is_empty() || (nothing_else && !only) {
            return false;
        }
        self.out.push('\n');
        self.style.put(self.out, Role::Note, "Note:");
        self.style.put(self.out, Role::Strong, " Objects have changed outside of Formwork");
        self.out.push_str("\n\n");
        self.prose(
            "Formwork detected the following changes made outside of Formwork since the last \"formwork apply\" which may \
             have affected this plan:",
        );
        self.changes(&drift, Cause::Drift);
        self.out.push_str("\n\n");
        self.prose(if only {
            "This is a refresh-only plan, so Formwork will not take any actions to undo these. If you were expecting these \
             changes then you can apply this plan to record the updated values in the Formwork state without changing any \
             remote objects."
        } else {
            "Unless you have made equivalent changes to your configuration, or ignored the relevant attributes using \
             ignore_changes, the following plan may include actions to undo or respond to these changes."
        });
        true
    }

    /// The ID that an instance is imported by.
    fn importing(&self, change: &PlannedChange) -> Option<&'_ str> {
        self.plan.imports.get(&change.addr).filter(|_| change.deposed.is_none()).map(|id| &**id)
    }

    fn change(&mut self, change: &'p PlannedChange, cause: Cause) {
        self.comment(change, cause);
        let style = self.style;
        let (before, after) = match change.action {
            // What is forgotten goes on as it is, and so does what is not removed yet.
            Action::Forget => (change.before.as_ref(), change.before.as_ref()),
            Action::Defer if change.after.is_none() => (change.before.as_ref(), change.before.as_ref()),
            Action::Read => (None, change.after.as_ref()),
            _ => (change.before.as_ref(), change.after.as_ref()),
        };
        // As in Terraform, plans do not tell minus zero from zero.
        let (before, after) = (before.map(Value::plain_zeros), after.map(Value::plain_zeros));
        match change.action {
            Action::Create => diff::symbol(self.out, style, Act::Create),
            Action::Update => diff::symbol(self.out, style, Act::Update),
            Action::Delete => diff::symbol(self.out, style, Act::Delete),
            Action::NoOp | Action::Defer => self.out.push_str("   "),
            Action::Read => {
                self.out.push(' ');
                style.put(self.out, Role::Read, "<=");
            }
            Action::Forget => {
                self.out.push(' ');
                style.put(self.out, Role::Remove, ".");
            }
            Action::Replace(order) => {
                let (add, remove) = ((Role::Add, "+"), (Role::Remove, "-"));
                let (first, second) = match order {
                    ReplaceOrder::DestroyFirst => (remove, add),
                    ReplaceOrder::CreateFirst | ReplaceOrder::CreateBeside => (add, remove),
                };
                style.put(self.out, first.0, first.1);
                self.out.push('/');
                style.put(self.out, second.0, second.1);
            }
        }
        let resource = &change.addr.resource.resource;
        let kind = if data(change) { "data" } else { "resource" };
        for part in [" ", kind, " \"", &resource.type_name, "\" \"", &resource.name, "\" "] {
            self.out.push_str(part);
        }
        let whole = Change::new(before.as_deref(), after.as_deref()).replacing(&change.replace_paths);
        let node = diff::resource(&whole, self.schemas.schema(resource));
        let options = Options { anonymous: self.view.fold, ..Options::default() };
        diff::render(self.out, style, &node, 0, options);
        self.out.push('\n');
    }

    fn text(&self, change: &'p PlannedChange, cause: Cause, style: Style) -> String {
        let mut out = String::new();
        let (plan, schemas, view, causes) = (self.plan, self.schemas, self.view, self.causes);
        Printer { plan, schemas, style, view, causes, out: &mut out }.change(change, cause);
        out
    }

    fn changes(&mut self, changes: &[&'p PlannedChange], cause: Cause) {
        if self.view.fold {
            return self.folded(changes, cause);
        }
        if changes.len() < MANY {
            return self.one_by_one(changes, cause);
        }
        // The second half is written beside the first.
        let (first, second) = changes.split_at(changes.len() / 2);
        let (plan, schemas, style, view) = (self.plan, self.schemas, self.style, self.view);
        let rest = std::thread::scope(|scope| {
            let rest = scope.spawn(move || {
                let mut out = String::with_capacity(256 * second.len().min(1 << 16));
                let causes = Causes::default();
                Printer { plan, schemas, style, view, causes: &causes, out: &mut out }
                    .one_by_one(second, cause);
                out
            });
            self.one_by_one(first, cause);
            rest.join()
        });
        match rest {
            Ok(rest) => self.out.push_str(&rest),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn one_by_one(&mut self, changes: &[&'p PlannedChange], cause: Cause) {
        for change in changes {
            self.out.push('\n');
            self.change(change, cause);
        }
    }

    /// Each change once, with the addresses of the instances that change like it.
    fn folded(&mut self, changes: &[&'p PlannedChange], cause: Cause) {
        let mut groups: Vec<(String, Vec<&PlannedChange>)> = Vec::new();
        let mut known: HashMap<(ResourceAddr, String), usize> = HashMap::new();
        for &change in changes {
            let plain = self.text(change, cause, Style { colour: false, ..self.style });
            let next = groups.len();
            let group =
                *known.entry((change.addr.resource.without_keys(), alike(&plain, change))).or_insert(next);
            match groups.get_mut(group) {
                Some((_, members)) => members.push(change),
                None => groups.push((self.text(change, cause, self.style), vec![change])),
            }
        }
        for (text, members) in groups {
            self.out.push('\n');
            self.out.push_str(&text);
            let others = members.get(1..).unwrap_or_default();
            let Some(last) = others.last() else { continue };
            let text = match others {
                [_] => format!("# (1 more changes alike: {})", last.addr),
                others => format!("# ({} more change alike, the last of them {})", others.len(), last.addr),
            };
            self.out.push_str("    ");
            self.style.put(self.out, Role::Faint, &text);
            self.out.push('\n');
        }
    }
}

/// What a change has in common with those of other instances: its text without what tells instances apart, which is the
/// address and the ID.
fn alike(text: &str, change: &PlannedChange) -> String {
    let (address, key) = (change.addr.to_string(), change.addr.key.to_string());
    let module = change.addr.resource.module.to_string();
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start_matches([' ', '~', '-', '+']);
        let id = line.starts_with("      ")
            && !line.starts_with("         ")
            && trimmed.strip_prefix("id").is_some_and(|rest| rest.trim_start().starts_with("= "));
        if id {
            continue;
        }
        if line.trim_start().starts_with('#') {
            let line = line.replace(&address, "\0");
            // What stands beside it in its module, too.
            let line = if module.is_empty() { line } else { line.replace(&module, "\0") };
            out.push_str(&if key.is_empty() { line } else { line.replace(&key, "\0") });
        } else {
            out.push_str(line);
        }
    }
    out
}

fn counts(changes: &[&&PlannedChange]) -> (usize, usize, usize) {
    let mut n = (0, 0, 0);
    for change in changes {
        match change.action {
            Action::Create => n.0 += 1,
            Action::Update => n.1 += 1,
            Action::Delete => n.2 += 1,
            Action::Replace(ReplaceOrder::CreateBeside) => n.0 += 1,
            Action::Replace(_) => {
                n.0 += 1;
                n.2 += 1;
            }
            Action::NoOp | Action::Read | Action::Forget | Action::Defer => {}
        }
    }
    n
}

/// Addresses of what the plan only forgets.
pub fn forgotten(plan: &Plan) -> Vec<String> {
    plan.changes.iter().filter(|c| c.action == Action::Forget).map(|c| c.addr.to_string()).collect()
}
