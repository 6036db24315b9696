//! etcd: snapshots.
//!
//! `etcd_snapshot` streams a member's database into a file, checks its hash and its revision, and puts it in place whole or
//! not at all. A handful of etcd's messages are written out by hand in `proto`, and `bolt` reads just enough of the
//! database's format to say which revision it holds.
//!
//! Absent: keys, users, members, and restoring, which is done where the new member is to run.

mod bolt;
mod client;
mod expiry;
mod file;
mod proto;
mod settings;
mod snapshot;
mod transfer;

use async_trait::async_trait;
use formwork_provider::{CallError, Client, ManagedResource, Nested, Provider, Schema};
use formwork_value::Value;
use settings::{Arguments, Settings};
use std::sync::{Arc, LazyLock};

/// The provider `etcd`.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(Etcd { schema: LazyLock::new(|| Schema { version: 0, block: Arguments::block() }) })
}

struct Etcd {
    schema: LazyLock<Schema>,
}

#[async_trait]
impl Provider for Etcd {
    fn name(&self) -> &str {
        "etcd"
    }

    fn source(&self) -> &str {
        "registry.terraform.io/formwork/etcd"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        vec![Arc::new(snapshot::SnapshotFile::new())]
    }

    async fn configure(&self, config: &Value) -> Result<Client, CallError> {
        Ok(Arc::new(Settings::of(config)?))
    }

    fn identity(&self, config: &Value) -> Value {
        let endpoints = config.get("endpoints").cloned().unwrap_or(Value::NULL);
        Value::object([("endpoints", endpoints)])
    }
}
