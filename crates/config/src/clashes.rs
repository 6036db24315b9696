//! `moved` blocks that say nothing, or contradict each other.
//!
//! Terraform holds ends of moves against each other by what they stand for: `t.a` is all instances of a resource where the
//! other end has no key either, and its one instance without a key where it has one. So `t.a` may move to `t.b` and to
//! `t.c[0]`: the move of the instance comes first (`engine/moves/order.rs`).

use crate::model::Moved;
use formwork_addr::{InstanceKey, ModuleInstance, ModuleStep, ResourceAddr, Target};
use formwork_diag::{Diagnostic, Span};
use std::collections::BTreeMap;

/// The ends of a move in an instance of the module that says it, in full.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The old address.
    pub from: Target,
    /// The new address.
    pub to: Target,
    /// Both stand for all instances of a resource or of a module call.
    pub whole: bool,
}

impl Ends {
    /// The ends of a block in an instance of its module.
    pub fn new(moved: &Moved, place: &ModuleInstance) -> Self {
        let whole = keyless(&moved.from) && keyless(&moved.to);
        let full = |end: &Target| within(end, place, whole);
        Ends { from: full(&moved.from), to: full(&moved.to), whole }
    }
}

/// Whether the last step has no key.
fn keyless(end: &Target) -> bool {
    match end {
        Target::Module(m) => m.steps().last().is_some_and(|step| step.key == InstanceKey::None),
        Target::Resource(_) => true,
        Target::Instance(_) => false,
    }
}

fn within(end: &Target, place: &ModuleInstance, whole: bool) -> Target {
    let module = |inner: &[ModuleStep]| ModuleInstance::new([place.steps(), inner].concat());
    let resource = |addr: &ResourceAddr| ResourceAddr {
        module: module(addr.module.steps()),
        resource: addr.resource.clone(),
    };
    match end {
        Target::Module(m) => Target::Module(module(m.steps())),
        Target::Resource(r) if whole => Target::Resource(resource(r)),
        Target::Resource(r) => Target::Instance(resource(r).instance(InstanceKey::None)),
        Target::Instance(i) => Target::Instance(resource(&i.resource).instance(i.key.clone())),
    }
}

/// What was said of moves so far: each object moves once, and to a place of its own.
#[derive(Debug, Default)]
pub struct Clashes {
    from: BTreeMap<(bool, Target), (Target, Span)>,
    to: BTreeMap<(bool, Target), (Target, Span)>,
}

impl Clashes {
    /// Adds a move, whose block stands at `span`; gives what is wrong with it beside those that were added before.
    pub fn add(&mut self, ends: &Ends, span: Span) -> Option<Diagnostic> {
        let Ends { from, to, whole } = ends;
        if from == to {
            return Some(
                Diagnostic::error(
                    "Redundant move statement",
                    format!("{from} is said to have moved to where it was."),
                )
                .help("Remove the block.")
                .at(span),
            );
        }
        let clash = |other: Span, detail: String| {
            Diagnostic::error("Ambiguous move statements", detail)
                .help("Each object moves once, and to a place of its own: remove one of the blocks.")
                .at(span)
                .label(other, "the other one is here")
        };
        let from_key = (*whole, from.clone());
        match self.from.get(&from_key) {
            Some((other, at)) if other != to => {
                return Some(clash(*at, format!("{from} is said to have moved to {other} and to {to}.")));
            }
            Some(_) => return None,
            None => {}
        }
        let to_key = (*whole, to.clone());
        if let Some((other, at)) = self.to.get(&to_key) {
            return Some(clash(*at, format!("{other} and {from} are both said to have moved to {to}.")));
        }
        self.to.insert(to_key, (from.clone(), span));
        self.from.insert(from_key, (to.clone(), span));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Clashes, Ends};
    use crate::model::Moved;
    use formwork_addr::ModuleInstance;
    use formwork_diag::{FileId, Span};

    /// The summaries of what is wrong with moves in the root module.
    fn said(pairs: &[(&str, &str)]) -> Vec<String> {
        let span = Span::new(FileId(0), 0, 0);
        let mut clashes = Clashes::default();
        let mut add = |(from, to): &(&str, &str)| {
            let moved = Moved { from: from.parse().unwrap(), to: to.parse().unwrap(), span };
            clashes.add(&Ends::new(&moved, &ModuleInstance::ROOT), span).map(|d| d.summary)
        };
        pairs.iter().filter_map(&mut add).collect()
    }

    #[test]
    fn ends_are_what_they_stand_for() {
        let ambiguous = ["Ambiguous move statements"];
        assert_eq!(said(&[("t.a", "t.b"), ("t.a", "t.c")]), ambiguous);
        assert_eq!(said(&[("t.a[0]", "t.b"), ("t.a[0]", "t.c[0]")]), ambiguous);
        assert_eq!(said(&[("t.a[0]", "t.c"), ("t.b[0]", "t.c")]), ambiguous);
        assert_eq!(said(&[("module.a", "module.b"), ("module.a", "module.c")]), ambiguous);
        assert!(said(&[("t.a", "t.b"), ("t.a", "t.c[0]")]).is_empty());
        assert!(said(&[("t.a", "t.c"), ("t.b[0]", "t.c")]).is_empty());
        assert!(said(&[("module.a", "module.b"), ("module.a", "module.c[0]")]).is_empty());
        assert!(said(&[("t.a", "t.b"), ("t.a", "t.b")]).is_empty());
        assert_eq!(said(&[("t.a[0]", "t.a[0]")]), ["Redundant move statement"]);
    }
}
