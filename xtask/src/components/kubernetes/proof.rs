//! Whether the API server and the controllers do what the project's modules rely on.

use super::Kubectl;
use crate::Failure;
use crate::components::{certs, place, process};
use crate::steps::Steps;
use serde_json::{Value, json};
use std::time::Duration;

const NAMESPACE: &str = include_str!("namespace.yaml");
const OBJECTS: &str = include_str!("proof.yaml");
/// The user of [`OBJECTS`]' role binding.
const USER: &str = "formwork-proof-user";
const IN: &str = "--namespace=formwork-proof";
const PATIENCE: Duration = Duration::from_secs(60);

/// Applies one of each kind, dry and for real, waits for what controllers make of it, and takes it away.
pub fn prove(steps: &Steps, kubectl: &Kubectl) -> Result<(), Failure> {
    let file = |name: &str, text: &str| -> Result<String, Failure> {
        let path = kubectl.folder.join(name);
        place::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    };
    let (namespace, objects) = (file("namespace.yaml", NAMESPACE)?, file("proof.yaml", OBJECTS)?);
    let apply = |path: &str, dry: bool| {
        let mut args = vec!["apply", "--server-side", "--filename", path];
        args.extend(dry.then_some("--dry-run=server"));
        kubectl.run(&args)
    };
    steps.step("kubernetes: prove server-side apply (nine kinds, dry run and for real)", || {
        apply(&namespace, true)?;
        apply(&namespace, false)?;
        apply(&objects, true)?;
        if kubectl.run(&["get", "configmap", "proof", IN]).is_ok() {
            return Err("the dry run made the ConfigMap".into());
        }
        apply(&objects, false).map(drop)
    })?;
    steps.step(
        "kubernetes: prove the controllers (pods made, a user's certificate signed and used)",
        || {
            process::until("the Deployment had its Pods", PATIENCE, None, || {
                let pods = kubectl.run(&["get", "pods", IN, "--selector=app=proof", "--output=name"]).ok()?;
                (pods.lines().count() == 2).then_some(())
            })?;
            certificate(kubectl, &file)
        },
    )?;
    steps.step("kubernetes: take the proof away", || {
        kubectl.run(&["delete", "certificatesigningrequest", "formwork-proof"])?;
        kubectl.run(&["delete", "--filename", &objects, "--wait=false"])?;
        // Emptying a namespace takes seconds, in which other components can start: see `gone`.
        kubectl.run(&["delete", "namespace", "formwork-proof", "--wait=false"]).map(drop)
    })
}

/// Waits until nothing of the proof is left.
pub fn gone(kubectl: &Kubectl) -> Result<(), Failure> {
    process::until("the proof's namespace was gone", PATIENCE, None, || {
        let found =
            kubectl.run(&["get", "namespace", "formwork-proof", "--ignore-not-found", "--output=name"]);
        found.ok().filter(|names| names.trim().is_empty()).map(drop)
    })
}

fn certificate(
    kubectl: &Kubectl,
    file: &dyn Fn(&str, &str) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let asked = certs::request(&kubectl.folder, "user", &format!("/CN={USER}"))?;
    let encoded = process::output(std::process::Command::new("base64").arg("-w0").arg(asked))?;
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": { "name": "formwork-proof" },
        "spec": {
            "request": encoded, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"],
        },
    });
    kubectl.run(&["apply", "--server-side", "--filename", &file("csr.json", &request.to_string())?])?;
    kubectl.run(&["certificate", "approve", "formwork-proof"])?;
    let signed = process::until("the approved request was signed", PATIENCE, None, || {
        let path = "--output=jsonpath={.status.certificate}";
        kubectl
            .run(&["get", "certificatesigningrequest", "formwork-proof", path])
            .ok()
            .filter(|c| !c.is_empty())
    })?;
    let admin =
        std::fs::read_to_string(&kubectl.kubeconfig).map_err(|e| place::told(&kubectl.kubeconfig, e))?;
    let mut config: Value = serde_json::from_str(&admin).map_err(|e| e.to_string())?;
    config["users"][0]["user"] =
        json!({ "client-certificate-data": signed, "client-key": kubectl.folder.join("user.key") });
    let path = kubectl.folder.join("user.kubeconfig");
    place::write_secret(&path, &config.to_string())?;
    let user = Kubectl { kubeconfig: path, folder: kubectl.folder.clone() };
    user.run(&["get", "pods", IN])?;
    match user.run(&["get", "secrets", IN]) {
        Ok(_) => Err("the user may read Secrets, which no role allows".into()),
        Err(said) if said.contains("Forbidden") => Ok(()),
        Err(said) => Err(said),
    }
}
