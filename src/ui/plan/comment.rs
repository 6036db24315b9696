//! The lines above a change: what happens, why, and where in the configuration the cause stands.

use super::{Cause, Planned, Printer, moved};
use crate::ui::style::Role;
use crate::ui::text::tame;
use formwork_addr::InstanceKey;
use formwork_plan::{Action, PlannedChange, Reason};
use formwork_value::PathStep;
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::fmt::Write;

/// What is found out about causes of replacements, when there are any.
#[derive(Default)]
pub(super) struct Causes<'p> {
    /// The changes of each resource, when something is replaced because something else changes.
    planned: OnceCell<Planned<'p>>,
    /// What was found last, and for which change.
    last: RefCell<Option<(&'p PlannedChange, Vec<String>)>>,
}

impl<'p> Printer<'p, '_> {
    /// Where the arguments stand that force a replacement. Instances of one resource mostly have the same causes.
    fn causes(&mut self, change: &'p PlannedChange) {
        if self.view.places.is_none() || !matches!(change.action, Action::Replace(_)) {
            return;
        }
        let same = |other: &PlannedChange| {
            other.reason == change.reason
                && other.replace_paths == change.replace_paths
                && other.addr.resource == change.addr.resource
        };
        let mut last = self.causes.last.borrow_mut();
        let lines = match last.take() {
            Some((other, lines)) if same(other) => lines,
            _ => self.found_causes(change),
        };
        for line in &lines {
            let _ = writeln!(self.out, "  # ({})", tame(line));
        }
        *last = Some((change, lines));
    }

    fn found_causes(&self, change: &'p PlannedChange) -> Vec<String> {
        let Some(places) = self.view.places else { return Vec::new() };
        let mut out = Vec::new();
        if change.reason == Some(Reason::ReplaceByTriggers) {
            let changes = &self.plan.changes;
            let planned = self.causes.planned.get_or_init(|| {
                let mut planned = Planned::new();
                for change in changes {
                    planned.entry(&change.addr.resource).or_default().push(change);
                }
                planned
            });
            out = places.triggers(change, planned);
        }
        for path in &change.replace_paths {
            let Some(PathStep::Attr(name)) = path.0.first() else { continue };
            let Some(place) = places.place(change, path) else { continue };
            let line = format!("{name} is set at {place}");
            if !out.contains(&line) {
                out.push(line);
            }
        }
        out
    }

    fn generated(&mut self, change: &PlannedChange) {
        if self.plan.generated.contains_key(&change.addr) {
            self.out.push_str("  # (its configuration is generated)\n");
        }
    }

    pub(super) fn comment(&mut self, change: &'p PlannedChange, cause: Cause) {
        let style = self.style;
        let mut address = change.addr.to_string();
        if let Some(key) = &change.deposed {
            let _ = write!(address, " (deposed object {key})");
        }
        let replaced = || style.paint(Role::Error, "replaced");
        let forgotten = change.action == Action::Forget;
        let strong = |out: &mut String, address: &str| {
            style.put(out, Role::Strong, &format!("{}# {address}", if forgotten { " " } else { "  " }));
        };
        let importing = self.importing(change).filter(|_| cause == Cause::Proposed).map(tame);
        if let (Action::NoOp, Some(id)) = (change.action, &importing) {
            strong(self.out, &address);
            self.out.push_str(" will be imported\n");
            self.generated(change);
            // The block below shows the ID, where the type has one.
            let shown = change.after.as_ref().and_then(|v| v.get("id")).and_then(|v| v.as_str());
            if shown != Some(id.as_str()) {
                let _ = writeln!(self.out, "  # (from \"{id}\")");
            }
            return self.notes(change);
        }
        if matches!(change.action, Action::NoOp | Action::Defer) {
            if let Some(previous) = &change.previous_addr {
                strong(self.out, &previous.to_string());
                self.out.push_str(" has moved to ");
                style.put(self.out, Role::Strong, &address);
                self.out.push('\n');
            }
            return self.notes(change);
        }
        strong(self.out, &address);
        let resource = &change.addr.resource.resource;
        let what = match (change.action, cause) {
            (Action::Create, _) => Cow::Borrowed(" will be created"),
            (Action::Read, _) => " will be read during apply".into(),
            (Action::Update, Cause::Proposed) => " will be updated in-place".into(),
            (Action::Update, Cause::Drift) => " has changed".into(),
            (Action::Delete, Cause::Proposed) => {
                format!(" will be {}", style.paint(Role::Error, "destroyed")).into()
            }
            (Action::Delete, Cause::Drift) => " has been deleted".into(),
            (Action::Forget, _) => {
                " will no longer be managed by Formwork, but will not be destroyed\n # (destroy = false is set in the \
                 configuration)"
                    .into()
            }
            (Action::Replace(_), _) => match change.reason {
                Some(Reason::ReplaceBecauseTainted) => format!(" is tainted, so must be {}", replaced()),
                Some(Reason::ReplaceByRequest) => format!(" will be {}, as requested", replaced()),
                Some(Reason::ReplaceByTriggers) => {
                    format!(" will be {} due to changes in replace_triggered_by", replaced())
                }
                _ => format!(" must be {}", replaced()),
            }
            .into(),
            (Action::NoOp | Action::Defer, _) => "".into(),
        };
        self.out.push_str(&what);
        self.out.push('\n');
        let key = &change.addr.key;
        let why = match change.reason {
            Some(Reason::ReadBecauseConfigUnknown) => "config refers to values not yet known".to_owned(),
            Some(Reason::ReadBecauseDependencyPending) => {
                "depends on a resource or a module with changes pending".to_owned()
            }
            Some(Reason::DeleteBecauseNoResourceConfig) => {
                format!("because {}.{} is not in configuration", resource.type_name, resource.name)
            }
            Some(Reason::DeleteBecauseNoMoveTarget) => {
                let from = change.previous_addr.as_ref().unwrap_or(&change.addr);
                format!("because {from} was moved to {}, which is not in configuration", change.addr)
            }
            Some(Reason::DeleteBecauseEnabledFalse) => "because enabled is false".to_owned(),
            Some(Reason::DeleteBecauseNoModule) => {
                format!("because {} is not in configuration", change.addr.resource.module)
            }
            Some(Reason::DeleteBecauseWrongRepetition) => match key {
                InstanceKey::None => "because resource uses count or for_each".to_owned(),
                InstanceKey::Int(_) => "because resource does not use count".to_owned(),
                InstanceKey::Str(_) => "because resource does not use for_each".to_owned(),
            },
            Some(Reason::DeleteBecauseCountIndex) => {
                format!("because index {key} is out of range for count")
            }
            Some(Reason::DeleteBecauseEachKey) => format!("because key {key} is not in for_each map"),
            _ => String::new(),
        };
        // What is forgotten has said why.
        if !why.is_empty() && !forgotten {
            let _ = writeln!(self.out, "  # ({why})");
        }
        if change.deposed.is_some() && change.action == Action::Delete {
            self.out.push_str("  # (left over from a replacement of this instance)\n");
        }
        if let Some(id) = importing {
            let _ = writeln!(self.out, "  # (imported from \"{id}\")");
            self.generated(change);
            if matches!(change.action, Action::Replace(_)) {
                self.out.push_str("  # Warning: this will destroy the imported resource\n");
            }
        }
        if moved(change)
            && let Some(previous) = &change.previous_addr
        {
            let _ = writeln!(self.out, "  # (moved from {previous})");
        }
        if cause == Cause::Proposed {
            self.causes(change);
        }
        self.notes(change);
    }

    fn notes(&mut self, change: &PlannedChange) {
        for line in change.notes.iter().flat_map(|n| n.lines()) {
            let _ = writeln!(self.out, "  # ({})", tame(line));
        }
    }
}
