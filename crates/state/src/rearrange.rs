//! What people change about a state by hand: moving, forgetting, marking, and putting another one in its place.

use crate::{ResourceInstance, State, Status};
use formwork_addr::{
    InstanceAddr, InstanceKey, ModuleInstance, Pattern, ResourceAddr, ResourceMode, Str, Target, captures,
    substitute,
};
use formwork_diag::Diagnostic;
use std::sync::Arc;

/// A move that was made: the addresses before and after, as they are printed.
pub type Moved = (String, String);

/// One thing that is moved.
enum Piece {
    Resource(ResourceAddr, ResourceAddr),
    Instance(InstanceAddr, InstanceAddr),
}

impl State {
    /// Moves what `from` names to the address `to`, within this state or into another. The states are as they were when
    /// it is refused.
    pub fn move_to(
        &mut self,
        mut other: Option<&mut State>,
        from: &Pattern,
        to: &str,
    ) -> Result<Vec<Moved>, Diagnostic> {
        let (pieces, told) = match from {
            Pattern::Exact(source) => self.expand(source, &address(to)?)?,
            Pattern::Glob(glob) => self.matching(glob, to)?,
        };
        let (before, other_before) = (self.clone(), other.as_deref().cloned());
        let mut moves = Vec::new();
        for piece in &pieces {
            moves.push(match piece {
                Piece::Resource(from, to) => (from.clone(), to.clone()),
                Piece::Instance(from, to) => (from.resource.clone(), to.resource.clone()),
            });
            let done = match piece {
                Piece::Resource(from, to) => self.move_resource(other.as_deref_mut(), from, to),
                Piece::Instance(from, to) => self.move_instance(other.as_deref_mut(), from, to),
            };
            if let Err(refused) = done {
                *self = before;
                if let (Some(other), Some(before)) = (other, other_before) {
                    *other = before;
                }
                return Err(refused);
            }
        }
        match other {
            None => self.follow_moves(moves),
            Some(_) => self.hand_on(&before),
        }
        Ok(told)
    }

    fn expand(&self, source: &Target, target: &Target) -> Result<(Vec<Piece>, Vec<Moved>), Diagnostic> {
        let nothing = || {
            Diagnostic::error(
                "Invalid source address",
                format!("Cannot move {source}: does not match anything in the current state."),
            )
            .help("The command \"state list\" shows what there is.")
        };
        let unfit = |why: &str| {
            Diagnostic::error("Invalid target address", format!("Cannot move {source} to {target}: {why}."))
        };
        let one = |piece: Piece, from: String, to: String| -> (Vec<Piece>, Vec<Moved>) {
            (vec![piece], vec![(from, to)])
        };
        match (source, target) {
            (Target::Module(source), target) => {
                let found: Vec<&ResourceAddr> =
                    self.resources.keys().filter(|r| r.module.is_within(source)).collect();
                if found.is_empty() {
                    return Err(nothing());
                }
                let Target::Module(target) = target else {
                    return Err(unfit("the target must also be a module"));
                };
                let mut told: Vec<Moved> = Vec::new();
                let mut pieces = Vec::new();
                for resource in found {
                    let module = rebased(&resource.module, source, target);
                    let line = (resource.module.to_string(), module.to_string());
                    if !told.contains(&line) {
                        told.push(line);
                    }
                    let to = ResourceAddr { module, resource: resource.resource.clone() };
                    pieces.push(Piece::Resource(resource.clone(), to));
                }
                Ok((pieces, told))
            }
            (Target::Resource(source), target) => {
                let Some(resource) = self.resources.get(source) else { return Err(nothing()) };
                if resource.instances.contains_key(&InstanceKey::None)
                    && !matches!(target, Target::Resource(_))
                {
                    return self.expand(&Target::Instance(source.instance(InstanceKey::None)), target);
                }
                let Target::Resource(to) = target else {
                    return Err(unfit(
                        "the source is a whole resource (not a resource instance) so the target must also be a whole resource",
                    ));
                };
                alike(source, to)?;
                Ok(one(Piece::Resource(source.clone(), to.clone()), source.to_string(), to.to_string()))
            }
            (Target::Instance(source), target) => {
                if self.instance(source).is_none() {
                    return Err(nothing());
                }
                let to = match target {
                    Target::Instance(to) => to.clone(),
                    Target::Resource(to) => to.instance(InstanceKey::None),
                    Target::Module(_) => return Err(unfit("the target must also be a resource instance")),
                };
                alike(&source.resource, &to.resource)?;
                let (from, shown) = (source.to_string(), to.to_string());
                Ok(one(Piece::Instance(source.clone(), to), from, shown))
            }
        }
    }

    fn matching(&self, glob: &str, target: &str) -> Result<(Vec<Piece>, Vec<Moved>), Diagnostic> {
        let (mut pieces, mut told) = (Vec::new(), Vec::new());
        for (from, ..) in self.instances() {
            let text = from.to_string();
            let Some(stars) = captures(glob, &text) else { continue };
            let Some(to) = substitute(target, &stars) else {
                return Err(Diagnostic::error(
                    "Invalid target address",
                    format!("Cannot move {glob} to {target}: both must have the same number of stars."),
                )
                .help("What a star of the source stands for takes the place of the star in the target."));
            };
            let to = match address(&to)? {
                Target::Instance(to) => to,
                Target::Resource(to) => to.instance(InstanceKey::None),
                Target::Module(_) => {
                    return Err(Diagnostic::error(
                        "Invalid target address",
                        format!("Cannot move {text} to {to}: the target must also be a resource instance."),
                    ));
                }
            };
            alike(&from.resource, &to.resource)?;
            told.push((text, to.to_string()));
            pieces.push(Piece::Instance(from, to));
        }
        if pieces.is_empty() {
            return Err(Diagnostic::error(
                "Invalid source address",
                format!("Cannot move {glob}: does not match anything in the current state."),
            )
            .help("The command \"state list\" shows what there is."));
        }
        Ok((pieces, told))
    }

    fn move_resource(
        &mut self,
        other: Option<&mut State>,
        from: &ResourceAddr,
        to: &ResourceAddr,
    ) -> Result<(), Diagnostic> {
        let again = other.is_some();
        let target: &State = other.as_deref().unwrap_or(self);
        if let Some(there) = target.resources.get(to)
            && !(again && self.resources.get(from) == Some(there))
        {
            return Err(taken(to, "resource"));
        }
        if let Some(resource) = self.resources.remove(from) {
            other.unwrap_or(self).resources.insert(to.clone(), resource);
        }
        Ok(())
    }

    fn move_instance(
        &mut self,
        other: Option<&mut State>,
        from: &InstanceAddr,
        to: &InstanceAddr,
    ) -> Result<(), Diagnostic> {
        let Some(other) = other else {
            if self.instance(to).is_some() {
                return Err(taken(to, "resource instance"));
            }
            self.rename(from, to);
            return Ok(());
        };
        if let Some(there) = other.instance(to)
            && self.instance(from) != Some(there)
        {
            return Err(taken(to, "resource instance"));
        }
        if let Some((provider, instance)) = self.take(from) {
            let resource = other.resources.entry(to.resource.clone()).or_default();
            if resource.provider.is_empty() {
                resource.provider = provider;
            }
            resource.instances.insert(to.key.clone(), instance);
        }
        Ok(())
    }

    /// Takes an instance out, with the provider that manages it.
    fn take(&mut self, addr: &InstanceAddr) -> Option<(Str, ResourceInstance)> {
        let resource = self.resources.get_mut(&addr.resource)?;
        let instance = resource.instances.remove(&addr.key)?;
        let provider = resource.provider.clone();
        if resource.instances.is_empty() {
            self.resources.remove(&addr.resource);
        }
        Some((provider, instance))
    }

    /// Forgets all instances that any of the patterns selects, deposed objects too; says which. Nothing is forgotten when
    /// one of them selects nothing.
    pub fn forget(&mut self, patterns: &[Pattern]) -> Result<Vec<InstanceAddr>, Diagnostic> {
        let mut found: Vec<InstanceAddr> = Vec::new();
        for pattern in patterns {
            let before = found.len();
            let all = self.instances().map(|(addr, ..)| addr).filter(|addr| pattern.contains(addr));
            let all: Vec<InstanceAddr> = all.collect();
            if all.is_empty() {
                return Err(Diagnostic::error(
                    "Invalid target address",
                    "No matching objects found: the state has nothing at one of the addresses.",
                )
                .help("The command \"state list\" shows what there is."));
            }
            let new: Vec<InstanceAddr> =
                all.into_iter().filter(|addr| !found[..before].contains(addr)).collect();
            found.extend(new);
        }
        let before = self.clone();
        for addr in &found {
            self.take(addr);
        }
        self.hand_on(&before);
        Ok(found)
    }

    /// Marks the current object of an instance as whole, or as not whole. Whether there is such an object.
    pub fn mark(&mut self, addr: &InstanceAddr, status: Status) -> bool {
        let instance = self.resources.get_mut(&addr.resource).and_then(|r| r.instances.get_mut(&addr.key));
        let Some(object) = instance.and_then(|i| i.current.as_mut()) else { return false };
        Arc::make_mut(object).status = status;
        true
    }

    /// Gives resources of one provider to another, whatever configuration of it they have; says which. Sources are written
    /// in full: `registry.terraform.io/hashicorp/aws`.
    pub fn replace_provider(&mut self, from: &str, to: &str) -> Vec<ResourceAddr> {
        let (from, to) = (format!("provider[\"{from}\"]"), format!("provider[\"{to}\"]"));
        let mut changed = Vec::new();
        let replaced = |provider: &Str| {
            let at = provider.find(&from)?;
            Some(Str::from(format!("{}{to}{}", &provider[..at], &provider[at + from.len()..])))
        };
        for (addr, resource) in &mut self.resources {
            let mut any = false;
            if let Some(provider) = replaced(&resource.provider) {
                resource.provider = provider;
                any = true;
            }
            for instance in resource.instances.values_mut() {
                for object in instance.current.iter_mut().chain(instance.deposed.values_mut()) {
                    if let Some(provider) = object.provider.as_ref().and_then(replaced) {
                        Arc::make_mut(object).provider = Some(provider);
                        any = true;
                    }
                }
            }
            if any {
                changed.push(addr.clone());
            }
        }
        changed
    }

    /// Why this state must not be written over the one that is there, if it must not.
    pub fn must_not_replace(&self, there: &State) -> Option<String> {
        let same = self.outputs == there.outputs && self.resources == there.resources;
        if there.is_empty() || self.lineage.is_empty() || there.lineage.is_empty() {
            None
        } else if self.lineage != there.lineage {
            Some(format!(
                "cannot import state with lineage \"{}\" over unrelated state with lineage \"{}\"",
                self.lineage, there.lineage
            ))
        } else if self.serial < there.serial {
            Some(format!(
                "cannot import state with serial {} over newer state with serial {}",
                self.serial, there.serial
            ))
        } else if self.serial == there.serial && !same {
            Some(format!(
                "cannot overwrite existing state with serial {} with a different state that has the same serial",
                self.serial
            ))
        } else {
            None
        }
    }
}

fn address(text: &str) -> Result<Target, Diagnostic> {
    text.parse().map_err(|e| Diagnostic::error("Invalid target address", format!("{e}.")))
}

/// The module that `module` becomes when `from`, which it is or lies below, becomes `to`.
fn rebased(module: &ModuleInstance, from: &ModuleInstance, to: &ModuleInstance) -> ModuleInstance {
    let below = module.steps().get(from.steps().len()..).unwrap_or_default();
    ModuleInstance::new([to.steps(), below].concat())
}

/// Refuses moves between things of different kinds.
fn alike(from: &ResourceAddr, to: &ResourceAddr) -> Result<(), Diagnostic> {
    let why = match (from.resource.mode, to.resource.mode) {
        (ResourceMode::Data, to) if to != ResourceMode::Data => {
            "a data resource can be moved only to another data resource address"
        }
        (from, ResourceMode::Data) if from != ResourceMode::Data => {
            "a managed resource can be moved only to another managed resource address"
        }
        _ if from.resource.type_name != to.resource.type_name => "resource types don't match",
        _ => return Ok(()),
    };
    Err(Diagnostic::error("Invalid state move request", format!("Cannot move {from} to {to}: {why}.")))
}

fn taken(to: &impl std::fmt::Display, what: &str) -> Diagnostic {
    Diagnostic::error(
        "Invalid target address",
        format!("Cannot move to {to}: there is already a {what} at that address in the current state."),
    )
}
