//! The order in which `moved` blocks apply: each after those whose outcome it may move on. It is Terraform's, so that
//! a chain ends where it does there when something is in the way.

use super::Said;
use formwork_addr::{InstanceKey, Resource, Str, Target};
use formwork_diag::Diagnostic;
use std::collections::BTreeSet;

/// What one end of a block may mean. Without a key, any.
struct End {
    modules: Vec<(Str, Option<InstanceKey>)>,
    resource: Option<(Resource, Option<InstanceKey>)>,
}

fn fits(a: Option<&InstanceKey>, b: Option<&InstanceKey>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

impl End {
    /// `whole` says that both ends of the block stand for all instances.
    fn new(said: &Said<'_>, end: &Target, whole: bool) -> Self {
        let (steps, resource) = match end {
            Target::Module(m) => (m.steps(), None),
            Target::Resource(r) => {
                let key = if whole { None } else { Some(InstanceKey::None) };
                (r.module.steps(), Some(((*r.resource).clone(), key)))
            }
            Target::Instance(i) => {
                (i.resource.module.steps(), Some(((*i.resource.resource).clone(), Some(i.key.clone()))))
            }
        };
        let outer = said.path.0.iter().map(|name| (name.clone(), None));
        let inner = steps.iter().map(|s| (s.name.clone(), Some(s.key.clone())));
        let mut modules: Vec<_> = outer.chain(inner).collect();
        if whole && resource.is_none() {
            modules.last_mut().into_iter().for_each(|(_, key)| *key = None);
        }
        End { modules, resource }
    }

    /// Whether it is about one instance of the innermost module.
    fn has_key(&self) -> bool {
        self.modules.last().is_some_and(|(_, key)| key.is_some())
    }

    fn begins_with(&self, other: &End) -> bool {
        self.modules.len() >= other.modules.len()
            && self
                .modules
                .iter()
                .zip(&other.modules)
                .all(|((a, k), (b, l))| a == b && fits(k.as_ref(), l.as_ref()))
    }

    /// Whether both may mean the same.
    fn meets(&self, other: &End) -> bool {
        let same = match (&self.resource, &other.resource) {
            (None, None) => true,
            (Some((a, k)), Some((b, l))) => a == b && fits(k.as_ref(), l.as_ref()),
            _ => false,
        };
        same && self.modules.len() == other.modules.len() && self.begins_with(other)
    }

    /// Whether it may be a part of the other.
    fn is_within(&self, other: &End) -> bool {
        let part = match (&self.resource, &other.resource) {
            (None, None) if self.modules.len() == other.modules.len() => self.has_key() && !other.has_key(),
            (None, None) => self.modules.len() > other.modules.len(),
            (Some(_), None) => true,
            (Some((a, Some(_))), Some((b, None))) => a == b && self.modules.len() == other.modules.len(),
            _ => false,
        };
        part && self.begins_with(other)
    }
}

struct Ends {
    from: End,
    to: End,
    /// How deep the module is that says it.
    depth: usize,
    /// It only gives a module another key.
    rekeys: bool,
}

impl Ends {
    fn new(said: &Said<'_>) -> Self {
        let moved = said.moved;
        let last = |end: &Target| match end {
            Target::Module(m) => m.steps().last().is_some_and(|s| s.key == InstanceKey::None),
            Target::Resource(_) => true,
            Target::Instance(_) => false,
        };
        let whole = last(&moved.from) && last(&moved.to);
        let rekeys = match (&moved.from, &moved.to) {
            (Target::Module(from), Target::Module(to)) => from.path() == to.path(),
            _ => false,
        };
        let depth = said.path.0.len();
        Ends { from: End::new(said, &moved.from, whole), to: End::new(said, &moved.to, whole), depth, rekeys }
    }

    fn comes_after(&self, other: &Ends) -> bool {
        if self.from.meets(&other.to) {
            return true;
        }
        let nested = self.from.is_within(&other.to)
            || self.to.is_within(&other.to)
            || other.from.is_within(&self.from)
            || other.to.is_within(&self.from);
        // What is said in a module that gets another key fits before and after: it comes after.
        nested && !(self.rekeys && self.depth < other.depth)
    }
}

/// The blocks in their order. Those that wait for each other are reported.
pub(super) fn in_order<'a>(said: &[Said<'a>], diags: &mut Vec<Diagnostic>) -> Vec<Said<'a>> {
    let ends: Vec<Ends> = said.iter().map(Ends::new).collect();
    let mut waits = vec![0_usize; said.len()];
    let mut followers = vec![Vec::new(); said.len()];
    for (i, one) in ends.iter().enumerate() {
        for (j, other) in ends.iter().enumerate() {
            if i != j && one.comes_after(other) {
                waits[i] += 1;
                followers[j].push(i);
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..said.len()).filter(|i| waits[*i] == 0).collect();
    let mut order = Vec::with_capacity(said.len());
    while let Some(i) = ready.pop_first() {
        order.push(said[i]);
        for follower in &followers[i] {
            waits[*follower] -= 1;
            if waits[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    if let Some(stuck) = (0..said.len()).find(|i| waits[*i] > 0) {
        let moved = said[stuck].moved;
        diags.push(
            Diagnostic::error(
                "Cyclic dependency in move statements",
                format!(
                    "The move from {} to {} comes after others that come after it, so nobody can say where it ends.",
                    moved.from, moved.to
                ),
            )
            .help("Let each chain of moves end at an address from which nothing moves.")
            .at(moved.span),
        );
    }
    order
}
