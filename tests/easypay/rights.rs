//! What the created user may do, as the API server says.

use crate::site::Site;
use crate::witness::Kubectl;
use std::path::Path;

/// What is granted, on pods in the namespace.
const GRANTED: [&str; 5] = ["create", "list", "get", "update", "delete"];

/// Of pods; `pods/exec` would be the pod of that name.
const SUBRESOURCES: [&str; 5] = ["exec", "log", "portforward", "eviction", "status"];

const VERBS: [&str; 9] =
    ["create", "list", "get", "update", "delete", "patch", "watch", "deletecollection", "impersonate"];

const RESOURCES: [&str; 8] = [
    "pods",
    "secrets",
    "configmaps",
    "services",
    "deployments.apps",
    "statefulsets.apps",
    "rolebindings.rbac.authorization.k8s.io",
    "networkpolicies.networking.k8s.io",
];

/// Asks with the user's own kubeconfig.
pub fn check(site: &Site, kubeconfig: &Path) -> Result<(), String> {
    let user = Kubectl::new(kubeconfig, &site.path(""));
    let mut questions: Vec<(Vec<&str>, bool)> = Vec::new();
    let inside = ["--namespace", site.name.as_str()];
    for resource in RESOURCES {
        for verb in VERBS {
            let expected = resource == "pods" && GRANTED.contains(&verb);
            questions.push(([&[verb, resource], &inside[..]].concat(), expected));
        }
    }
    let parts = SUBRESOURCES.map(|s| format!("--subresource={s}"));
    for part in &parts {
        questions.extend(GRANTED.map(|verb| ([&[verb, "pods", part], &inside[..]].concat(), false)));
    }
    for namespace in ["default", "kube-system"] {
        questions.extend(GRANTED.map(|verb| (vec![verb, "pods", "--namespace", namespace], false)));
    }
    questions.extend(GRANTED.map(|verb| (vec![verb, "pods", "--all-namespaces"], false)));
    for other in [["list", "nodes"], ["create", "namespaces"], ["get", "/metrics"], ["*", "*"]] {
        questions.push((other.to_vec(), false));
    }
    let wrong = crate::common::parallel(4, &questions, |(question, expected)| {
        let said = user.can(question)?;
        if said == *expected {
            return Ok(());
        }
        Err(format!("can-i {}: {}", question.join(" "), if said { "yes" } else { "no" }))
    });
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    if !wrong.is_empty() {
        return Err(format!("the created user's rights are others:\n{}", wrong.join("\n")));
    }
    // It is not only told so.
    user.run(&["get", "pods", "--namespace", &site.name])?;
    match user.run(&["get", "secrets", "--namespace", &site.name]) {
        Err(said) if said.contains("Forbidden") => Ok(()),
        said => Err(format!("reading secrets was not forbidden: {said:?}")),
    }
}
