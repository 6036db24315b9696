//! Kubernetes: any object, by server-side apply.
//!
//! Types and arguments are those of the hashicorp/kubernetes provider. There is no schema of the objects here: the
//! server plans them, by dry runs, and what it answers is what a plan shows.
//!
//! Absent: a resource type for each kind (`kubernetes_deployment` and the like), proxies, and the environment, whose
//! words the program hands in as [`Defaults`].

mod certificate;
mod cluster;
mod config;
mod failure;
mod functions;
mod lookups;
mod manifest;
mod merge;
mod place;
mod planning;
mod shape;
mod target;
mod validate;
mod waiting;
mod x509;

use async_trait::async_trait;
use cluster::Cluster;
use config::Arguments;
use formwork_provider::{
    CallError, Client, CrudResource, DataSource, Function, LookupSource, ManagedResource, Model, Provider,
    Schema,
};
use formwork_value::Value;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What holds where the provider block does not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Kubeconfig files to read when neither `host` nor a file is named.
    pub config_paths: Vec<PathBuf>,
    /// The folder that `~` stands for in paths.
    pub home: Option<PathBuf>,
}

/// The provider `kubernetes`, which knows nothing but what its block says.
pub fn provider() -> Arc<dyn Provider> {
    provider_with(Defaults::default())
}

/// The provider `kubernetes` with what the environment says.
pub fn provider_with(defaults: Defaults) -> Arc<dyn Provider> {
    Arc::new(Kubernetes { schema: OnceLock::new(), defaults })
}

struct Kubernetes {
    schema: OnceLock<Schema>,
    defaults: Defaults,
}

#[async_trait]
impl Provider for Kubernetes {
    fn name(&self) -> &str {
        "kubernetes"
    }

    fn source(&self) -> &str {
        "registry.terraform.io/hashicorp/kubernetes"
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(Arguments::schema)
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        vec![Arc::new(manifest::ManifestResource::new()), CrudResource::<certificate::Request>::new()]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![
            LookupSource::<lookups::ServerVersion>::new(),
            LookupSource::<lookups::ApiVersions>::new(),
            LookupSource::<lookups::AnyObject>::new(),
        ]
    }

    fn functions(&self) -> Vec<Function> {
        functions::functions()
    }

    async fn configure(&self, config: &Value) -> Result<Client, CallError> {
        Ok(Arc::new(Cluster::new(config::read(config)?, self.defaults.clone())?))
    }

    async fn reached(&self, client: &Client) -> Value {
        let Some(cluster) = client.downcast_ref::<Cluster>() else { return Value::NULL };
        // An address may change while the cluster stays the same; its certificate authority does not.
        match cluster.authority().await {
            Some(authority) => Value::object([("certificate authority", Value::from(authority))]),
            None => Value::NULL,
        }
    }

    fn environment(&self, config: &Value) -> &'static [&'static str] {
        let given = |name| config.get(name).is_some_and(|v| !v.is_null());
        if ["host", "config_path", "config_paths"].into_iter().any(given) {
            return &[];
        }
        &["KUBE_CONFIG_PATH", "KUBE_CONFIG_PATHS"]
    }

    fn identity(&self, config: &Value) -> Value {
        let names = [
            "host",
            "config_path",
            "config_paths",
            "config_context",
            "config_context_auth_info",
            "config_context_cluster",
        ];
        Value::object(names.into_iter().filter_map(|name| Some((name, config.get(name)?.clone()))))
    }
}
