//! AWS: EC2, Elastic Load Balancing, Elastic IPs.
//!
//! Type names, attributes, defaults and ids are those of HashiCorp's provider of the same name, so that configurations
//! and states move over. The SDK's own retries are off: the framework around resource types retries, because it knows
//! which calls may be repeated. Whatever can carry tags is made with one that holds the attempt's token
//! (`formwork:token`), by which an interrupted create is found again.
//!
//! A new type is a struct that derives `Resource`, and an `impl AwsType` (in `resource.rs`) that says how it is listed and
//! how an answer fills it, and has the calls that make, change and delete it. `docs/guide/adding-an-aws-type.md` shows one.
//!
//! Absent: waiting and trying again (`formwork-provider`), and any state beside the client.

mod balancing;
mod client;
mod compute;
mod data;
mod error;
mod keys;
mod network;
mod planned;
mod resource;
mod settings;
mod tags;
mod timeouts;
mod trace;
mod waiting;

use async_trait::async_trait;
use formwork_provider::{
    CallError, Client, DataSource, FromValue, ManagedResource, Nested, Provider, Schema,
};
use formwork_value::Value;
pub use keys::ask as ask_for_keys;
use settings::Arguments;
use std::sync::{Arc, LazyLock};

/// The provider `aws`.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(Family { schema: LazyLock::new(|| Schema { version: 0, block: Arguments::block() }) })
}

struct Family {
    schema: LazyLock<Schema>,
}

#[async_trait]
impl Provider for Family {
    fn name(&self) -> &str {
        "aws"
    }

    fn source(&self) -> &str {
        "registry.terraform.io/hashicorp/aws"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        [network::resources(), compute::resources(), balancing::resources()].concat()
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        data::sources()
    }

    async fn configure(&self, config: &Value) -> Result<Client, CallError> {
        let arguments = Arguments::from_value(config)
            .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))?;
        Ok(Arc::new(client::connect(arguments).await?))
    }

    async fn reached(&self, client: &Client) -> Value {
        let Some(aws) = client.downcast_ref::<client::Aws>() else { return Value::NULL };
        let mut found = vec![("region", Value::from(aws.region.as_str()))];
        if let Some(account) = aws.account_if_known().await {
            found.push(("account", Value::from(account.as_str())));
        }
        Value::object(found)
    }

    fn environment(&self, config: &Value) -> &'static [&'static str] {
        if config.get("region").is_some_and(|v| !v.is_null()) {
            &[]
        } else {
            &["AWS_REGION", "AWS_DEFAULT_REGION"]
        }
    }

    fn identity(&self, config: &Value) -> Value {
        let names = ["region", "profile", "endpoints", "allowed_account_ids", "assume_role"];
        Value::object(names.map(|name| (name, config.get(name).cloned().unwrap_or(Value::NULL))))
    }
}
