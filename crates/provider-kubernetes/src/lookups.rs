//! The data sources: the server's version, what it offers, and any object.

use crate::cluster::Cluster;
use crate::failure::{Asked, Failure, explain};
use crate::shape::{is_secret, prune, secrets, strip, text, to_value};
use crate::target::Target;
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Cx, Lookup, Nested, Resource};
use formwork_value::{Path, Value};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

fn explained(cx: &Cx<'_, Cluster>, what: &str, failure: Failure) -> CallError {
    let certificate = cx.client.certificate(cx.now());
    let asked = Asked { verb: "read", object: what, address: cx.client.address(), body: None, certificate };
    // Its places are those of a manifest, which there is none of here.
    explain(failure, &asked).on(Path::root())
}

/// The version of the API server.
#[derive(Clone, Resource)]
#[resource(name = "kubernetes_server_version")]
pub(crate) struct ServerVersion {
    /// When it was built.
    build_date: Computed<String>,
    /// The compiler that built it.
    compiler: Computed<String>,
    /// The commit that it was built from.
    git_commit: Computed<String>,
    /// Whether the tree that it was built from had changes of its own.
    git_tree_state: Computed<String>,
    /// Its version as it names itself, such as `v1.31.2`.
    git_version: Computed<String>,
    /// The version of Go that it was built with.
    go_version: Computed<String>,
    /// Major version.
    major: Computed<String>,
    /// Minor version; some clouds add a sign to it, as in `27+`.
    minor: Computed<String>,
    /// Operating system and processor that it was built for.
    platform: Computed<String>,
    /// Its version without a leading `v`, such as `1.31.2`.
    version: Computed<String>,
    /// The version, again.
    id: Computed<String>,
}

#[async_trait]
impl Lookup for ServerVersion {
    type Client = Cluster;

    async fn lookup(&self, cx: &Cx<'_, Cluster>) -> Result<Self, CallError> {
        let found = cx.client.get("/version").await;
        let found = found.map_err(|failure| explained(cx, "the server's version", failure))?;
        let field = |name: &str| Computed::from(found.get(name).and_then(Json::as_str).map(str::to_owned));
        let git = text(&found, "/gitVersion").unwrap_or_default();
        let version = git.strip_prefix('v').unwrap_or(git);
        Ok(ServerVersion {
            build_date: field("buildDate"),
            compiler: field("compiler"),
            git_commit: field("gitCommit"),
            git_tree_state: field("gitTreeState"),
            git_version: field("gitVersion"),
            go_version: field("goVersion"),
            major: field("major"),
            minor: field("minor"),
            platform: field("platform"),
            version: version.into(),
            id: git.into(),
        })
    }
}

/// The API groups and versions that the server offers, so that a module can choose: an autoscaler is `autoscaling/v2` on
/// current servers, and `autoscaling/v2beta2` on old ones.
#[derive(Clone, Resource)]
#[resource(name = "kubernetes_api_versions")]
pub(crate) struct ApiVersions {
    /// All versions of all groups, as manifests write them: `v1`, `apps/v1`, `autoscaling/v2`.
    group_versions: Computed<BTreeSet<String>>,
    /// The version of each group that the server prefers: `{ apps = "apps/v1" }`; that of the core group stands under the empty
    /// text.
    preferred: Computed<BTreeMap<String, String>>,
    /// Address of the server.
    id: Computed<String>,
}

#[async_trait]
impl Lookup for ApiVersions {
    type Client = Cluster;

    async fn lookup(&self, cx: &Cx<'_, Cluster>) -> Result<Self, CallError> {
        let failed = |failure| explained(cx, "the server's API versions", failure);
        let (core, groups) = tokio::join!(cx.client.get("/api"), cx.client.get("/apis"));
        let (core, groups) = (core.map_err(failed)?, groups.map_err(failed)?);
        fn items<'j>(json: &'j Json, name: &str) -> impl Iterator<Item = &'j Json> {
            json.get(name).and_then(Json::as_array).into_iter().flatten()
        }
        let mut all: BTreeSet<String> =
            items(&core, "versions").filter_map(|v| Some(v.as_str()?.to_owned())).collect();
        let mut preferred = BTreeMap::new();
        preferred.extend(all.first().map(|first| (String::new(), first.clone())));
        for group in items(&groups, "groups") {
            let versions = items(group, "versions").filter_map(|v| text(v, "/groupVersion"));
            all.extend(versions.map(str::to_owned));
            if let (Some(name), Some(version)) =
                (text(group, "/name"), text(group, "/preferredVersion/groupVersion"))
            {
                preferred.insert(name.to_owned(), version.to_owned());
            }
        }
        Ok(ApiVersions {
            group_versions: all.into(),
            preferred: preferred.into(),
            id: cx.client.address().into(),
        })
    }
}

/// An object of the cluster, of any kind.
#[derive(Clone, Resource)]
#[resource(name = "kubernetes_resource", version = 1)]
pub(crate) struct AnyObject {
    /// Its API version, such as `apps/v1`.
    api_version: String,
    /// Its kind, such as `Deployment`.
    kind: String,
    /// The object as the server has it.
    object: Computed<Value>,
    /// Which one.
    #[block(list, min = 1, max = 1)]
    metadata: Vec<Named>,
}

/// Which object.
#[derive(Clone, Nested)]
pub(crate) struct Named {
    /// Its name.
    name: String,
    /// Its namespace; `default` if not set, where the kind has namespaces.
    namespace: Option<String>,
}

#[async_trait]
impl Lookup for AnyObject {
    type Client = Cluster;

    fn secrets(object: &Value) -> Vec<Path> {
        if object.get("object").is_some_and(is_secret) { secrets(object, &["object"]) } else { Vec::new() }
    }

    async fn lookup(&self, cx: &Cx<'_, Cluster>) -> Result<Self, CallError> {
        let named = self.metadata.first();
        let body = prune(json!({
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": { "name": named.map(|n| &n.name), "namespace": named.and_then(|n| n.namespace.as_ref()) },
        }));
        let label = format!("{} \"{}\"", self.kind, named.map(|n| n.name.as_str()).unwrap_or_default());
        let target = Target::of(cx.client, body).await.map_err(|failure| explained(cx, &label, failure))?;
        let Some(target) = target else {
            let detail = format!(
                "The server at {} does not offer the kind {} of {}.",
                cx.client.address(),
                self.kind,
                self.api_version
            );
            return Err(
                CallError::new("Kind is not known to the server", detail).on(Path::root().attr("kind"))
            );
        };
        let found = target.get(cx.client).await.map_err(|failure| explained(cx, &target.label, failure))?;
        let Some(found) = found else {
            let detail = format!("The server has no {}.", target.label);
            let at = Path::root().attr("metadata").index(0).attr("name");
            return Err(CallError::new("Object does not exist", detail).on(at));
        };
        let metadata = found.get("metadata").cloned();
        let mut object = strip(found, true, &cx.client.ignored, &Json::Null);
        // Nothing is compared here, so what the server keeps for itself is of use.
        for name in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            let value = metadata.as_ref().and_then(|m| m.get(name));
            if let (Some(value), Some(metadata)) =
                (value, object.get_mut("metadata").and_then(Json::as_object_mut))
            {
                metadata.insert(name.to_owned(), value.clone());
            }
        }
        Ok(AnyObject { object: Computed::Known(to_value(&object)), ..self.clone() })
    }
}
