//! Provider configurations: which one an instance uses, and how it comes to be ready for use.

use crate::body::decode_body;
use crate::cells::{CellId, Content, InstanceInfo, Kind, ModuleId};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, shared, value_of};
use crate::expand::{self, Repeat};
use crate::provide::ProviderHandle;
use formwork_addr::{InstanceKey, ModuleInstance, Str};
use formwork_config::{ProviderBlock, ProviderChoice, ProviderKey};
use formwork_diag::Diagnostic;
use formwork_provider::CallError;
use formwork_value::{Value, json};
use std::pin::Pin;
use std::sync::Arc;

/// A provider configuration under way.
pub(crate) struct Configuring {
    pub cell: CellId,
    pub handle: Box<dyn Fn(formwork_provider::Client) -> ProviderHandle + Send>,
    pub future: Pin<Box<dyn Future<Output = Result<formwork_provider::Client, CallError>> + Send>>,
}

impl Evaluator {
    /// The cell of a provider configuration.
    pub fn provider_cell(&mut self, key: ProviderKey) -> CellId {
        if let Some(cell) = self.providers.get(&key) {
            return *cell;
        }
        let cell = self.cells.add(Kind::Provider(key.clone()));
        self.providers.insert(key, cell);
        cell
    }

    /// The cell of the provider configuration that an instance belongs to.
    pub fn provider_cell_of(&mut self, instance: &InstanceInfo) -> Ran<CellId> {
        let block = std::ptr::from_ref(instance.block.block()).addr();
        if let Some(cell) = self.providers_of_blocks.get(&(instance.module, block)) {
            return Ran::Done(*cell, Deps::default());
        }
        let config = self.setup.config.clone();
        let mut key = instance.block.provider(&config);
        if let Some(choice) = config.provider_choice(&instance.block.module, instance.block.block()) {
            return match self.chosen(instance, choice) {
                Ran::Done(chosen, deps) => {
                    // Without a key, it is one of them: nobody knows yet which.
                    key.key = chosen;
                    Ran::Done(self.provider_cell(key), deps)
                }
                Ran::Missing(missing) => Ran::Missing(missing),
                Ran::Failed => Ran::Failed,
            };
        }
        let cell = self.provider_cell(key);
        self.providers_of_blocks.insert((instance.module, block), cell);
        Ran::Done(cell, Deps::default())
    }

    /// Asks for the provider configuration of an instance, before the instance itself is evaluated in vain. Which one it is has
    /// to be certain from the block.
    pub fn demand_provider_of(&mut self, instance: &InstanceInfo) {
        let certain =
            self.setup.config.provider_choice(&instance.block.module, instance.block.block()).is_none();
        if certain && let Ran::Done(cell, _) = self.provider_cell_of(instance) {
            self.cells.demand(cell);
        }
    }

    /// Which of the configurations of a provider with `for_each` an instance uses; `None` while that is not known.
    fn chosen(&mut self, instance: &InstanceInfo, choice: ProviderChoice<'_>) -> Ran<Option<Str>> {
        let (mut module, mut key, mut each) =
            (instance.module, instance.key().clone(), instance.each.clone());
        for _ in 0..choice.above {
            let node = self.module(module);
            (key, each) = (node.key.clone(), node.each.clone());
            let Some((parent, _)) = &node.parent else { return Ran::Failed };
            module = *parent;
        }
        let about = instance.addr.to_string();
        self.evaluate(
            |_, diags, scope| {
                let value = value_of(choice.key, scope, diags)?;
                let key = expand::provider_key(&value, choice.key.span);
                key.map_err(|d| diags.push(d.about(&about))).ok()
            },
            module,
            Some((&key, each.as_ref())),
            None,
        )
    }

    /// Fills the cell of a provider configuration, or gives what is to be run for that.
    pub(crate) fn provider(&mut self, id: CellId, key: &ProviderKey) -> Option<Configuring> {
        let Some(family) = self.setup.registry.providers().get(&key.source).cloned() else {
            // The graph has reported providers that do not exist.
            self.cells.fail(id);
            return None;
        };
        let steps: Vec<_> = key
            .module
            .0
            .iter()
            .map(|name| formwork_addr::ModuleStep { name: name.clone(), key: InstanceKey::None })
            .collect();
        let module = self.by_addr.get(&ModuleInstance::new(steps)).copied();
        let block = self.setup.config.provider_block(key).cloned();
        let schema = family.schema().clone();
        let ran = match (module, &block) {
            (Some(module), Some(block)) => match self.each_of_provider(module, block, key) {
                Ran::Done(Some(each), deps) => {
                    let ran = self.evaluate(
                        |_, diags, scope| decode_body(&block.body, &schema.block, scope, block.span, diags),
                        module,
                        each.as_ref().map(|(key, value)| (key, Some(value))),
                        None,
                    );
                    match ran {
                        Ran::Done(config, mut more) => {
                            more.absorb(deps);
                            Ran::Done(config, more)
                        }
                        other => other,
                    }
                }
                Ran::Done(None, deps) => Ran::Done(Value::unknown(schema.block.ty()), deps),
                Ran::Missing(missing) => Ran::Missing(missing),
                Ran::Failed => Ran::Failed,
            },
            _ => Ran::Done(crate::body::empty(&schema.block), Deps::default()),
        };
        let (config, deps) = match ran {
            Ran::Done(config, deps) => (config.unmark_deep().0, deps),
            Ran::Missing(missing) => {
                self.cells.wait(id, &missing);
                return None;
            }
            Ran::Failed => {
                self.cells.fail(id);
                return None;
            }
        };
        if !config.is_wholly_known() && self.planning {
            let handle = ProviderHandle {
                client: Arc::new(()),
                identity: "null".into(),
                whole: Default::default(),
                name: key.to_string().into(),
                environment: &[],
                known: false,
            };
            self.cells.complete(id, Content::Provider(Arc::new(handle)), shared(deps));
            return None;
        }
        if !config.is_wholly_known() {
            let mut d = Diagnostic::error(
                "Provider configuration not known yet",
                format!("The configuration of {key} depends on something that is only known after apply."),
            )
            .help("Apply what it depends on first, with -target.");
            d.span = block.map(|b| b.span);
            self.diags.push(d);
            self.cells.fail(id);
            return None;
        }
        self.cells.get_mut(id).deps = shared(deps);
        let identity: Arc<str> =
            json::to_string(&family.identity(&config)).unwrap_or_else(|_| "null".into()).into();
        let name: Str = key.to_string().into();
        let environment = family.environment(&config);
        let handle = move |client| ProviderHandle {
            client,
            identity: identity.clone(),
            whole: Default::default(),
            name: name.clone(),
            environment,
            known: true,
        };
        let future = Box::pin(async move { family.configure(&config).await });
        Some(Configuring { cell: id, handle: Box::new(handle), future })
    }

    /// `each` of one of the configurations of a provider block: nothing for a block without `for_each`; `None` while it is not
    /// known which one it is, or which there are.
    fn each_of_provider(
        &mut self,
        module: ModuleId,
        block: &ProviderBlock,
        key: &ProviderKey,
    ) -> Ran<Option<Option<(InstanceKey, Value)>>> {
        let Some(for_each) = &block.for_each else { return Ran::Done(Some(None), Deps::default()) };
        let about = key.to_string();
        self.evaluate(
            |_, diags, scope| {
                let value = value_of(for_each, scope, diags)?;
                let repeat = expand::for_each(&value, for_each.span).map_err(|d| diags.push(d)).ok()?;
                let (Repeat::ForEach(all), Some(key)) = (repeat, &key.key) else { return Some(None) };
                let Some(value) = all.get(key) else {
                    diags.push(expand::no_provider(key, all.keys(), for_each.span).about(&about));
                    return None;
                };
                Some(Some(Some((InstanceKey::Str(key.clone()), value.clone()))))
            },
            module,
            None,
            None,
        )
    }

    /// Takes in how a provider's configuration went.
    pub fn configured(&mut self, cell: CellId, result: Result<ProviderHandle, CallError>) {
        match result {
            Ok(handle) => {
                let deps = self.cells.get_mut(cell).deps.take();
                self.cells.complete(cell, Content::Provider(Arc::new(handle)), deps);
            }
            Err(error) => {
                let Kind::Provider(key) = self.cells.get(cell).kind.clone() else { return };
                let span = self.setup.config.provider_block(&key).map(|b| b.span);
                let mut d = Diagnostic::error(error.summary, error.detail).about(&key);
                d.span = span;
                self.diags.push(d);
                self.cells.fail(cell);
            }
        }
    }

    /// A ready provider.
    pub fn provider_of(&self, cell: CellId) -> Option<Arc<ProviderHandle>> {
        match &self.cells.get(cell).content {
            Content::Provider(handle) => Some(handle.clone()),
            _ => None,
        }
    }
}
