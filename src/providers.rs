//! The families of resource types that the program knows.

use crate::environment;
use formwork_aws_keys::{Account, Key};
use formwork_provider::Provider;
use formwork_state::Kinds;
use std::sync::Arc;

/// The kinds of backends that the program knows, besides files.
pub fn kinds() -> Kinds {
    let s3 = formwork_backend_s3::kind(ask_for_keys);
    let kinds = vec![formwork_backend_http::kind(), formwork_backend_pg::kind(), s3];
    Kinds::new(kinds, Arc::new(environment::Real))
}

/// A key of AWS that stands nowhere, from whoever gives it out; `None` without the feature `aws`.
pub fn ask_for_keys(account: &Account) -> Option<Result<Key, String>> {
    #[cfg(feature = "aws")]
    return Some(formwork_provider_aws::ask_for_keys(account));
    #[cfg(not(feature = "aws"))]
    {
        let _ = account;
        None
    }
}

/// All of them. Without the feature `aws`, which takes minutes to build, all others.
pub fn providers() -> Vec<Arc<dyn Provider>> {
    let mut all = formwork_provider_builtin::providers_with(kinds(), &crate::encryption::of_remote_states());
    all.push(formwork_provider_ansible::provider());
    #[cfg(feature = "aws")]
    all.push(formwork_provider_aws::provider());
    all.push(formwork_provider_etcd::provider());
    let config_paths = environment::kubeconfigs();
    let defaults = formwork_provider_kubernetes::Defaults { config_paths, home: std::env::home_dir() };
    all.push(formwork_provider_kubernetes::provider_with(defaults));
    all
}
