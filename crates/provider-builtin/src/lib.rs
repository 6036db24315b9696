//! The small provider families that are built in: `terraform`, `null`, `random`, `local`, `time` and `tls`.
//!
//! Names, attributes, defaults, schema versions and id formats are those of HashiCorp's providers of the same
//! names, so that configurations and states move over unchanged.

mod data;
mod fresh;
mod language;
mod local;
mod null;
mod provision;
mod random;
mod remote_cipher;
mod remote_state;
mod time;
mod tls;
mod values;

pub use language::expression;

use async_trait::async_trait;
use formwork_provider::{
    CallError, Client, DataSource, EphemeralResource, Function, ManagedResource, Provider, Provisioner,
    Schema,
};
use formwork_state::Kinds;
use formwork_value::Value;
use std::sync::Arc;

pub use remote_cipher::RemoteCiphers;

/// All of them, for states in files alone, and in clear.
pub fn providers() -> Vec<Arc<dyn Provider>> {
    families(remote_state::data_sources(None, None))
}

/// All of them; `terraform_remote_state` also reads from these kinds of backends, and decrypts with these ciphers.
pub fn providers_with(kinds: Kinds, ciphers: &RemoteCiphers) -> Vec<Arc<dyn Provider>> {
    families(remote_state::data_sources(Some(kinds), Some(ciphers)))
}

fn families(remote_states: Vec<Arc<dyn DataSource>>) -> Vec<Arc<dyn Provider>> {
    vec![
        Family::new("terraform", "terraform.io/builtin/terraform", data::resources(), remote_states),
        Family::new("null", "registry.terraform.io/hashicorp/null", null::resources(), null::data_sources()),
        Family::new("random", "registry.terraform.io/hashicorp/random", random::resources(), Vec::new()),
        Family::new(
            "local",
            "registry.terraform.io/hashicorp/local",
            local::resources(),
            local::data_sources(),
        ),
        Family::new("time", "registry.terraform.io/hashicorp/time", time::resources(), Vec::new()),
        Family::new("tls", "registry.terraform.io/hashicorp/tls", tls::resources(), tls::data_sources()),
    ]
}

/// A family that needs no configuration and no connection.
struct Family {
    name: &'static str,
    source: &'static str,
    schema: Schema,
    resources: Vec<Arc<dyn ManagedResource>>,
    data_sources: Vec<Arc<dyn DataSource>>,
}

impl Family {
    #[expect(clippy::new_ret_no_self, reason = "a family is only ever used through the trait object")]
    fn new(
        name: &'static str,
        source: &'static str,
        resources: Vec<Arc<dyn ManagedResource>>,
        data_sources: Vec<Arc<dyn DataSource>>,
    ) -> Arc<dyn Provider> {
        Arc::new(Family { name, source, schema: Schema::default(), resources, data_sources })
    }
}

#[async_trait]
impl Provider for Family {
    fn name(&self) -> &str {
        self.name
    }

    fn source(&self) -> &str {
        self.source
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        self.resources.clone()
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        self.data_sources.clone()
    }

    fn functions(&self) -> Vec<Function> {
        if self.name == "terraform" { language::functions() } else { Vec::new() }
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        match self.name {
            "random" => random::ephemeral_resources(),
            "tls" => tls::ephemeral_resources(),
            _ => Vec::new(),
        }
    }

    fn provisioners(&self) -> Vec<Arc<dyn Provisioner>> {
        // They belong to the language, and so to the family that does.
        if self.name == "terraform" { provision::provisioners() } else { Vec::new() }
    }

    async fn configure(&self, _config: &Value) -> Result<Client, CallError> {
        Ok(Arc::new(()))
    }
}

#[cfg(test)]
mod tests;
