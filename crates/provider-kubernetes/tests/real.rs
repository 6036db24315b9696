//! The provider on a real API server: the one that `FORMWORK_KUBECONFIG` names; without it, each test says that it was
//! skipped. Everything happens in namespaces of the tests' own, which they delete.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test is at the edge")]

mod bench;

use bench::{Bench, map, text};
use formwork_provider::{Interrupted, Object, Operation, Recovered, Retry};
use formwork_value::{Type, Value};
use serde_json::{Value as Json, json};

fn config_map(ns: &str, name: &str, data: Json) -> Json {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": ns }, "data": data })
}

fn deployment(ns: &str, image: &str, replicas: u32) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": ns, "labels": { "app": "web" } },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": image }] },
            },
        },
    })
}

#[tokio::test]
async fn an_object_is_made_changed_and_deleted() {
    let Some(b) = Bench::new("life").await else { return };
    let manifest = deployment(&b.ns, "nginx:1", 1);
    let plan = b.plan(&b.config(&manifest), None).await.unwrap();
    assert_eq!(plan.notes, [""; 0]);
    // Defaults that the server fills in are in the plan; what it keeps for itself is not.
    let object = plan.planned.get("object").unwrap();
    assert!(object.is_wholly_known());
    assert_eq!(text(object, "spec.strategy.type"), "RollingUpdate");
    assert!(object.get("metadata").unwrap().get("uid").is_none() && object.get("status").is_none());

    let made = b.create(&b.config(&manifest), &plan).await.unwrap();
    assert_eq!(b.told.created.lock().unwrap().len(), 1);
    // Its controller has added an annotation meanwhile: nothing to do for us.
    b.until(&manifest, |live| live.pointer("/metadata/annotations").is_some()).await;
    let read = b.read(&made).await.unwrap();
    b.no_changes(&b.config(&manifest), &read).await;
    // Even where the record is older than that.
    b.no_changes(&b.config(&manifest), &made).await;

    let newer = deployment(&b.ns, "nginx:2", 1);
    let plan = b.plan(&b.config(&newer), Some(&read)).await.unwrap();
    assert!(plan.replace.is_empty());
    let changed = b.update(&b.config(&newer), &read, &plan).await.unwrap();
    let containers = changed.value.get("object").unwrap().get("spec").unwrap().get("template").unwrap();
    let image =
        containers.get("spec").unwrap().get("containers").unwrap().as_slice().unwrap()[0].get("image");
    assert_eq!(image.and_then(Value::as_str), Some("nginx:2"));
    let read = b.read(&changed).await.unwrap();
    b.no_changes(&b.config(&newer), &read).await;

    b.delete(&read).await.unwrap();
    assert!(b.read(&read).await.is_none());
    b.delete(&read).await.unwrap();
    b.end().await;
}

#[tokio::test]
async fn fields_go_with_the_manifest_and_others_stay() {
    let Some(b) = Bench::new("fields").await else { return };
    let manifest = config_map(&b.ns, "c", json!({ "a": "1", "b": "2" }));
    let made = b.apply_new(&manifest).await;
    // Somebody adds a field: not ours. Somebody changes one that is: put back, and said so.
    b.patch(&manifest, json!({ "data": { "theirs": "x" } })).await;
    let read = b.read(&made).await.unwrap();
    b.no_changes(&b.config(&manifest), &read).await;
    b.patch(&manifest, json!({ "data": { "a": "drifted" } })).await;
    let read = b.read(&read).await.unwrap();
    let plan = b.plan(&b.config(&manifest), Some(&read)).await.unwrap();
    assert_eq!(
        map(plan.planned.get("object").unwrap(), "data"),
        json!({ "a": "1", "b": "2", "theirs": "x" })
    );
    assert!(plan.notes.iter().any(|n| n.contains("takes back data.a")), "{:?}", plan.notes);
    let back = b.update(&b.config(&manifest), &read, &plan).await.unwrap();
    // A field taken out of the manifest goes, and only that.
    let less = config_map(&b.ns, "c", json!({ "a": "1" }));
    let plan = b.plan(&b.config(&less), Some(&back)).await.unwrap();
    assert_eq!(map(plan.planned.get("object").unwrap(), "data"), json!({ "a": "1", "theirs": "x" }));
    b.update(&b.config(&less), &back, &plan).await.unwrap();
    assert_eq!(b.live(&less).await.unwrap()["data"], json!({ "a": "1", "theirs": "x" }));
    b.end().await;
}

#[tokio::test]
async fn fields_left_to_others_are_left() {
    let Some(b) = Bench::new("hpa").await else { return };
    let manifest = deployment(&b.ns, "nginx:1", 2);
    let config = b.config_with(&manifest, |all| {
        let fields = vec![Value::string("spec.replicas")];
        all.insert("computed_fields".into(), Value::list(Type::String, fields));
    });
    let plan = b.plan(&config, None).await.unwrap();
    let made = b.create(&config, &plan).await.unwrap();
    b.patch(&manifest, json!({ "spec": { "replicas": 7 } })).await;
    let read = b.read(&made).await.unwrap();
    b.no_changes(&config, &read).await;
    // A change elsewhere does not touch it either.
    let newer = deployment(&b.ns, "nginx:2", 2);
    let config = b.config_with(&newer, |all| {
        let fields = vec![Value::string("spec.replicas")];
        all.insert("computed_fields".into(), Value::list(Type::String, fields));
    });
    let plan = b.plan(&config, Some(&read)).await.unwrap();
    b.update(&config, &read, &plan).await.unwrap();
    let live = b.live(&newer).await.unwrap();
    assert_eq!(live["spec"]["replicas"], 7);
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    b.end().await;
}

#[tokio::test]
async fn conflicts_name_the_owner() {
    let Some(b) = Bench::new("conflict").await else { return };
    let manifest = config_map(&b.ns, "c", json!({ "a": "1" }));
    let made = b.apply_new(&manifest).await;
    b.apply_as("flux", &config_map(&b.ns, "c", json!({ "b": "theirs" }))).await;
    let more = config_map(&b.ns, "c", json!({ "a": "1", "b": "ours" }));
    let error = b.plan(&b.config(&more), Some(&made)).await.unwrap_err();
    assert_eq!(error.summary, "Fields belong to others");
    assert!(error.detail.contains("data.b belongs to \"flux\"") && error.detail.contains("force_conflicts"));
    assert_eq!(error.path.to_string(), ".manifest.data.b");
    let forced = b.config_with(&more, |all| {
        let block = Value::object([("name", Value::null(Type::String)), ("force_conflicts", true.into())]);
        all.insert("field_manager".into(), Value::list(block.ty(), vec![block]));
    });
    let plan = b.plan(&forced, Some(&made)).await.unwrap();
    b.update(&forced, &made, &plan).await.unwrap();
    assert_eq!(b.live(&more).await.unwrap()["data"]["b"], "ours");
    b.end().await;
}

#[tokio::test]
async fn what_exists_is_not_taken_over() {
    let Some(b) = Bench::new("exists").await else { return };
    let manifest = config_map(&b.ns, "c", json!({ "a": "1" }));
    b.post(&manifest).await;
    let error = b.plan(&b.config(&manifest), None).await.unwrap_err();
    assert_eq!(error.summary, "Object exists already");
    let id = format!("apiVersion=v1,kind=ConfigMap,namespace={},name=c", b.ns);
    assert!(error.detail.contains("another name"), "{}", error.detail);
    // Imported, it is ours after one apply.
    let imported = b.import(&id).await.unwrap();
    let config = b.config_with(&manifest, |all| {
        let block = Value::object([("name", Value::null(Type::String)), ("force_conflicts", true.into())]);
        all.insert("field_manager".into(), Value::list(block.ty(), vec![block]));
    });
    let plan = b.plan(&config, Some(&imported)).await.unwrap();
    let done = b.update(&config, &imported, &plan).await.unwrap();
    b.no_changes(&config, &done).await;
    b.end().await;
}

#[tokio::test]
async fn a_rejected_manifest_says_where() {
    let Some(b) = Bench::new("reject").await else { return };
    let check = async |manifest: Json, at: &str, says: &str| {
        let error = b.plan(&b.config(&manifest), None).await.unwrap_err();
        assert_eq!(error.path.to_string(), at, "{}", error.detail);
        assert!(
            error.detail.contains(says) && error.no_effect && error.retry == Retry::Never,
            "{}",
            error.detail
        );
    };
    let mut wrong = deployment(&b.ns, "nginx", 1);
    wrong["spec"]["template"]["spec"]["containers"][0]["image"] = Json::Null;
    check(wrong, ".manifest.spec.template.spec.containers[0]", "Required value").await;
    let mut wrong = deployment(&b.ns, "nginx", 1);
    wrong["spec"]["nonsense"] = 1.into();
    check(wrong, ".manifest.spec.nonsense", "nonsense").await;
    let mut wrong = config_map(&b.ns, "c", json!({}));
    wrong["metadata"]["name"] = "Not A Name".into();
    check(wrong, ".manifest.metadata.name", "RFC 1123").await;
    let mut wrong =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "x", "namespace": "y" } });
    check(wrong.clone(), ".manifest.metadata.namespace", "Take it out").await;
    wrong = config_map(&b.ns, "c", json!({}));
    wrong["kind"] = "Secret".into();
    wrong["data"] = json!({ "password": "canary-not-base64!" });
    let error = b.plan(&b.config(&wrong), None).await.unwrap_err();
    assert!(!error.detail.contains("canary"), "{}", error.detail);
    b.end().await;
}

#[tokio::test]
async fn immutable_fields_need_a_new_object() {
    let Some(b) = Bench::new("immutable").await else { return };
    let job = |image: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j", "namespace": b.ns },
            "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": image }] } } },
        })
    };
    let made = b.apply_new(&job("a:1")).await;
    let read = b.read(&made).await.unwrap();
    b.no_changes(&b.config(&job("a:1")), &read).await;
    let config = b.config(&job("a:2"));
    let plan = b.plan(&config, Some(&read)).await.unwrap();
    assert!(
        plan.replace.iter().all(|p| p.to_string().starts_with(".manifest.spec.template")),
        "{:?}",
        plan.replace
    );
    assert!(!plan.replace.is_empty());
    // The engine then asks for the plan of a new one, while the old one stands.
    let plan = b.plan(&config, None).await.unwrap();
    assert!(plan.notes.iter().any(|n| n.contains("immutable")), "{:?}", plan.notes);
    let image = plan.planned.get("object").unwrap().get("spec").unwrap().get("backoffLimit");
    assert_eq!(image.and_then(Value::as_number).and_then(|n| n.to_i64()), Some(6));
    b.delete(&read).await.unwrap();
    b.create(&config, &plan).await.unwrap();
    // A new manifest that would not do is found out before the old object goes.
    let made = b
        .apply_new(
            &json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s", "namespace": b.ns },
        "spec": { "ports": [{ "port": 80, "protocol": "TCP" }], "clusterIP": "None" } }),
        )
        .await;
    let wrong = b.config(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s", "namespace": b.ns },
        "spec": { "ports": [{ "port": 80000, "protocol": "TCP" }], "clusterIP": "" , "type": "ExternalName" } }));
    let _ = b.plan(&wrong, Some(&made)).await;
    assert!(b.plan(&wrong, None).await.is_err());
    b.end().await;
}

#[tokio::test]
async fn names_make_objects() {
    let Some(b) = Bench::new("names").await else { return };
    let made = b.apply_new(&config_map(&b.ns, "a", json!({}))).await;
    let plan = b.plan(&b.config(&config_map(&b.ns, "b", json!({}))), Some(&made)).await.unwrap();
    assert_eq!(plan.replace.iter().map(|p| p.to_string()).collect::<Vec<_>>(), [".manifest.metadata.name"]);
    b.end().await;
}

#[tokio::test]
async fn allocated_values_are_unknown_until_there() {
    let Some(b) = Bench::new("service").await else { return };
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s", "namespace": b.ns },
        "spec": { "type": "NodePort", "selector": { "a": "b" }, "ports": [{ "port": 80, "protocol": "TCP" }] } });
    let plan = b.plan(&b.config(&service), None).await.unwrap();
    let spec = plan.planned.get("object").unwrap().get("spec").unwrap().clone();
    assert!(!spec.get("clusterIP").unwrap().is_known());
    assert_eq!(spec.get("sessionAffinity").and_then(Value::as_str), Some("None"));
    let made = b.create(&b.config(&service), &plan).await.unwrap();
    assert!(text(made.value.get("object").unwrap(), "spec.clusterIP").starts_with("10."));
    let read = b.read(&made).await.unwrap();
    b.no_changes(&b.config(&service), &read).await;
    b.end().await;
}

#[tokio::test]
async fn what_is_to_come_is_said_and_comes() {
    let Some(b) = Bench::new("tocome").await else { return };
    let other = format!("{}-later", b.ns);
    let inside = config_map(&other, "c", json!({ "a": "1" }));
    let plan = b.plan(&b.config(&inside), None).await.unwrap();
    let note = format!("not checked by the server, because the namespace \"{other}\" is still to come");
    assert_eq!(plan.notes, [note]);
    assert!(!plan.planned.get("object").unwrap().is_known());
    // Without it, the apply fails without having done anything.
    let error = b.create(&b.config(&inside), &plan).await.unwrap_err();
    assert_eq!(error.summary, "Namespace does not exist");
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": other } });
    let made = b.apply_new(&namespace).await;
    let child = b.create(&b.config(&inside), &plan).await.unwrap();
    assert_eq!(map(child.value.get("object").unwrap(), "data"), json!({ "a": "1" }));
    // The namespace takes everything with it, and deleting waits for that.
    b.delete(&made).await.unwrap();
    assert!(b.read(&made).await.is_none() && b.read(&child).await.is_none());

    // A definition, and an object of it.
    let group = format!("{}.example.com", b.ns);
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("things.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "properties": { "spec": { "type": "object", "properties": {
                    "size": { "type": "integer" }, "colour": { "type": "string", "default": "red" } } } } } } }],
        },
    });
    let thing = json!({ "apiVersion": format!("{group}/v1"), "kind": "Thing",
        "metadata": { "name": "t", "namespace": b.ns }, "spec": { "size": 3 } });
    let plan = b.plan(&b.config(&thing), None).await.unwrap();
    assert!(plan.notes[0].contains("the kind Thing of"), "{:?}", plan.notes);
    let definition = b.apply_new(&crd).await;
    let made = b.create(&b.config(&thing), &plan).await.unwrap();
    assert_eq!(text(made.value.get("object").unwrap(), "spec.colour"), "red");
    let read = b.read(&made).await.unwrap();
    b.no_changes(&b.config(&thing), &read).await;
    b.delete(&definition).await.unwrap();
    // With the definition, its objects are gone.
    assert!(b.read(&read).await.is_none());
    b.delete(&read).await.unwrap();
    b.end().await;
}

#[tokio::test]
async fn unknown_values_wait_for_the_apply() {
    let Some(b) = Bench::new("unknown").await else { return };
    let data = Value::object([("a", Value::unknown(Type::String))]);
    let config = b.config_with(&config_map(&b.ns, "c", json!({})), |all| {
        let mut manifest = all["manifest"].as_map().unwrap().clone();
        manifest.insert("data".into(), data);
        all.insert("manifest".into(), manifest.into());
    });
    let plan = b.plan(&config, None).await.unwrap();
    assert_eq!(plan.notes, ["not checked by the server, because manifest.data.a is not known yet"]);
    let known = b.config(&config_map(&b.ns, "c", json!({ "a": "1" })));
    let made = b.create(&known, &plan).await.unwrap();
    b.no_changes(&known, &made).await;
    b.end().await;
}

#[tokio::test]
async fn an_interrupted_create_is_found_if_it_is_ours() {
    let Some(b) = Bench::new("recover").await else { return };
    let manifest = config_map(&b.ns, "c", json!({ "a": "1" }));
    let config = b.config(&manifest);
    let plan = b.plan(&config, None).await.unwrap();
    let interrupted = |operation, prior: Option<Object>| Interrupted {
        operation,
        token: "t".into(),
        arguments: bench::known(&plan.planned),
        prior,
    };
    // Nothing there.
    assert!(matches!(b.recover(&interrupted(Operation::Create, None)).await, Recovered::Absent));
    // Somebody else's.
    b.post(&manifest).await;
    assert!(matches!(b.recover(&interrupted(Operation::Create, None)).await, Recovered::Absent));
    b.remove(&manifest).await;
    // Ours, but not what was applied.
    b.apply_as("Terraform", &config_map(&b.ns, "c", json!({ "z": "1" }))).await;
    assert!(matches!(b.recover(&interrupted(Operation::Create, None)).await, Recovered::Absent));
    b.remove(&manifest).await;
    // Ours.
    b.apply_as("Terraform", &manifest).await;
    let Recovered::Found { object, complete: true } = b.recover(&interrupted(Operation::Create, None)).await
    else {
        panic!("not found")
    };
    b.no_changes(&config, &object).await;
    // Ours, of which the server keeps no record, since it sets no fields.
    let bare = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "s", "namespace": b.ns } });
    let named = Interrupted {
        operation: Operation::Create,
        token: "t".into(),
        arguments: bench::known(&b.plan(&b.config(&bare), None).await.unwrap().planned),
        prior: None,
    };
    b.apply_as("Terraform", &bare).await;
    assert!(matches!(b.recover(&named).await, Recovered::Found { complete: true, .. }));
    b.remove(&bare).await;
    // An update that did not happen leaves the old arguments; one that did, the new.
    let newer = b.config(&config_map(&b.ns, "c", json!({ "a": "2" })));
    let plan = b.plan(&newer, Some(&object)).await.unwrap();
    let update = Interrupted {
        operation: Operation::Update,
        token: "t".into(),
        arguments: bench::known(&plan.planned),
        prior: Some(object.clone()),
    };
    let Recovered::Found { object: found, complete: false } = b.recover(&update).await else { panic!() };
    assert_eq!(found.value, object.value);
    b.update(&newer, &object, &plan).await.unwrap();
    let Recovered::Found { object: found, complete: true } = b.recover(&update).await else { panic!() };
    b.no_changes(&newer, &found).await;
    // A deletion.
    b.remove(&manifest).await;
    assert!(matches!(b.recover(&interrupted(Operation::Delete, Some(found))).await, Recovered::Absent));
    b.end().await;
}

#[tokio::test]
async fn a_rollout_is_waited_for() {
    let Some(b) = Bench::new("wait").await else { return };
    let manifest = deployment(&b.ns, "nginx:1", 1);
    let waiting = |timeout: &str| {
        b.config_with(&manifest, |all| {
            bench::block(all, "wait", &[("rollout", true.into())]);
            bench::block(all, "timeouts", &[("create", timeout.into())]);
        })
    };
    // Nothing runs pods here, so it takes too long: the object is there all the same.
    let plan = b.plan(&waiting("2s"), None).await.unwrap();
    let error = b.create(&waiting("2s"), &plan).await.unwrap_err();
    assert_eq!(error.summary, "The object took too long");
    assert!(error.detail.contains("of 1 replicas are") && !error.no_effect, "{}", error.detail);
    let left = error.partial.unwrap();
    b.delete(&left).await.unwrap();
    // Somebody runs them: the status is written.
    let plan = b.plan(&waiting("60s"), None).await.unwrap();
    let ready = async {
        b.until(&manifest, |live| live.pointer("/status/updatedReplicas").is_some_and(|n| n == 1)).await;
        b.pods_ready().await;
    };
    let config = waiting("60s");
    let (made, ()) = tokio::join!(b.create(&config, &plan), ready);
    let made = made.unwrap();
    let status = made.value.get("object").unwrap().get("status").unwrap();
    assert_eq!(status.get("availableReplicas").and_then(Value::as_number).and_then(|n| n.to_i64()), Some(1));
    b.no_changes(&waiting("60s"), &b.read(&made).await.unwrap()).await;
    // A condition that does not come, and a field that is there.
    let config = b.config_with(&manifest, |all| {
        let wait = [("fields", Value::map(Type::String, [("status.replicas".into(), "^1$".into())].into()))];
        bench::block(all, "wait", &wait);
    });
    let plan = b.plan(&config, Some(&made)).await.unwrap();
    b.update(&config, &made, &plan).await.unwrap();
    b.end().await;
}

#[tokio::test]
async fn a_deletion_held_up_says_by_what() {
    let Some(b) = Bench::new("hold").await else { return };
    let mut manifest = config_map(&b.ns, "c", json!({}));
    manifest["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let config = b.config_with(&manifest, |all| bench::block(all, "timeouts", &[("delete", "1s".into())]));
    let plan = b.plan(&config, None).await.unwrap();
    let made = b.create(&config, &plan).await.unwrap();
    let error = b.delete(&made).await.unwrap_err();
    assert!(error.detail.contains("example.com/hold") && !error.no_effect, "{}", error.detail);
    b.patch(&manifest, json!({ "metadata": { "finalizers": null } })).await;
    b.delete(&made).await.unwrap();
    b.end().await;
}

#[tokio::test]
async fn secrets_are_marked() {
    let Some(b) = Bench::new("secret").await else { return };
    let manifest = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": b.ns },
        "stringData": { "p": "canary" } });
    let made = b.apply_new(&manifest).await;
    let places: Vec<String> = b.resource.secrets(&made.value).iter().map(|p| p.to_string()).collect();
    assert_eq!(places, [".manifest.stringData", ".object.data"]);
    b.no_changes(&b.config(&manifest), &b.read(&made).await.unwrap()).await;
    b.end().await;
}

#[tokio::test]
async fn endpoints_and_permissions() {
    let Some(b) = Bench::new("denied").await else { return };
    let manifest = config_map(&b.ns, "c", json!({}));
    let check = async |set: &[(&str, Value)], summary: &str, says: &str| {
        let began = std::time::Instant::now();
        let client = b.client(set).await;
        let error = b.plan_with(&client, &b.config(&manifest), None).await.unwrap_err();
        assert_eq!(error.summary, summary, "{}", error.detail);
        assert!(error.detail.contains(says), "{}", error.detail);
        assert!(error.retry == Retry::Never && error.no_effect && began.elapsed().as_secs() < 5);
    };
    check(&[("host", "https://127.0.0.1:1".into())], "Cluster cannot be reached", "https://127.0.0.1:1")
        .await;
    let host = || ("host", Value::string(b.endpoint()));
    check(&[host(), ("token", "x".into())], "Server's certificate is not trusted", "cluster_ca_certificate")
        .await;
    let wrong_token = [host(), ("token", "x".into()), ("insecure", true.into())];
    check(&wrong_token, "Credentials refused", "401").await;
    check(&[host(), ("insecure", true.into())], "Permission denied", "system:anonymous").await;
    if let Some((certificate, key)) = bench::self_signed() {
        let set =
            [host(), ("insecure", true.into()), ("client_certificate", certificate), ("client_key", key)];
        check(&set, "Credentials refused", "does not accept").await;
        // The same in a later century.
        let error = b.read_late(&b.client(&set).await, &manifest).await;
        assert!(error.detail.contains("The client certificate expired at 20"), "{}", error.detail);
    }
    b.end().await;
}

#[tokio::test]
async fn a_certificate_is_signed_and_outlives_its_request() {
    let Some(b) = Bench::new("csr").await else { return };
    b.certificate().await;
    b.end().await;
}

#[tokio::test]
async fn data_sources() {
    let Some(b) = Bench::new("data").await else { return };
    let version = b.lookup("kubernetes_server_version", &[]).await.unwrap();
    let git = version.get("git_version").and_then(Value::as_str).unwrap();
    assert_eq!(version.get("version").and_then(Value::as_str), git.strip_prefix('v'));
    let apis = b.lookup("kubernetes_api_versions", &[]).await.unwrap();
    let all: Vec<&str> =
        apis.get("group_versions").unwrap().as_slice().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(all.contains(&"v1") && all.contains(&"apps/v1") && all.contains(&"autoscaling/v1"), "{all:?}");
    assert_eq!(text(apis.get("preferred").unwrap(), "apps"), "apps/v1");
    let named = |name: &str| {
        let block = Value::object([("name", name.into()), ("namespace", Value::string(b.ns.clone()))]);
        [
            ("api_version", Value::from("v1")),
            ("kind", "ConfigMap".into()),
            ("metadata", Value::list(block.ty(), vec![block])),
        ]
    };
    b.apply_new(&config_map(&b.ns, "c", json!({ "a": "1" }))).await;
    let found = b.lookup("kubernetes_resource", &named("c")).await.unwrap();
    assert_eq!(map(found.get("object").unwrap(), "data"), json!({ "a": "1" }));
    let error = b.lookup("kubernetes_resource", &named("none")).await.unwrap_err();
    assert_eq!(error.summary, "Object does not exist");
    b.end().await;
}
