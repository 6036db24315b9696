//! Ansible: playbooks as resources.
//!
//! The type and its arguments are those of the ansible/ansible provider, with hosts that other resources may give.
//! Plans are check mode runs; what a run does is told, as it happens, by a callback plugin of our own
//! (`formwork.py`), which is written to a private folder for each run.
//!
//! Absent: inventories as resources, and anything that Ansible itself can say in a playbook.

mod drive;
mod event;
mod files;
mod host;
mod playbook;
mod preview;
mod report;
mod resource;
mod secrets;
mod vault;
mod workdir;

use async_trait::async_trait;
use formwork_provider::{Attribute, CallError, Client, Function, ManagedResource, Provider, Schema};
use formwork_value::{Type, Value};
use std::sync::Arc;

/// The provider `ansible`.
pub fn provider() -> Arc<dyn Provider> {
    let mut schema = Schema::default();
    schema.block.description = "Runs Ansible playbooks.".into();
    let binary = Attribute {
        optional: true,
        description: "The `ansible-playbook` program: a path, or a name that is looked for on the `PATH`. \
            `ansible-playbook` if not set."
            .into(),
        ..Attribute::new(Type::String)
    };
    schema.block.attributes.insert("ansible_playbook_binary".into(), binary);
    Arc::new(Ansible { schema })
}

struct Ansible {
    schema: Schema,
}

/// What the provider block says.
pub(crate) struct Settings {
    /// The program.
    pub binary: String,
}

#[async_trait]
impl Provider for Ansible {
    fn name(&self) -> &str {
        "ansible"
    }

    fn source(&self) -> &str {
        "registry.terraform.io/ansible/ansible"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        vec![Arc::new(resource::PlaybookRun::new())]
    }

    fn functions(&self) -> Vec<Function> {
        vault::functions()
    }

    async fn configure(&self, config: &Value) -> Result<Client, CallError> {
        let binary = config.get("ansible_playbook_binary").and_then(Value::as_str);
        Ok(Arc::new(Settings { binary: binary.unwrap_or("ansible-playbook").to_owned() }))
    }
}
