//! What is planned, and what becomes of interrupted runs; without Ansible.

use super::*;
use crate::playbook::Host;
use formwork_provider::{Client, Recorder, Slot};
use formwork_value::json;
use std::sync::Arc;

/// A recorder that records nothing.
pub(crate) struct Quiet;

#[async_trait]
impl Recorder for Quiet {
    async fn created(&self, _object: &Object) -> Result<(), CallError> {
        Ok(())
    }
}

/// A host with nothing but a name.
pub(crate) fn host(name: &str) -> Host {
    Host { name: name.into(), ..Host::default() }
}

/// The arguments' defaults.
pub(crate) fn playbook(file: &str) -> Playbook {
    let schema = Playbook::schema();
    let text = format!(r#"{{"playbook": "{file}", "hosts": []}}"#);
    let value = json::decode(&text, &schema.block.ty()).unwrap();
    model(&defaults(&schema, value)).unwrap()
}

/// A configuration: what is given, and null for the rest.
fn config(text: &str) -> Value {
    let mut given: serde_json::Value = serde_json::from_str(text).unwrap();
    given.as_object_mut().unwrap().entry("hosts").or_insert_with(|| serde_json::json!([]));
    json::decode(&given.to_string(), &Playbook::schema().block.ty()).unwrap()
}

async fn plan(config: &Value, prior: Option<&Object>, token: &str) -> Result<PlanResponse, CallError> {
    let client: Client = Arc::new(Settings { binary: "/nonexistent/ansible-playbook".into() });
    let slot = Slot::acquire(Arc::new(tokio::sync::Semaphore::new(1))).await;
    let clock: formwork_provider::Clock = Arc::new(|| 0);
    let call = Call { client: &client, token, recorder: &Quiet, slot: &slot, clock: &clock, about: "" };
    let resource = PlaybookRun::new();
    resource.plan(&call, &PlanRequest { config, prior }).await
}

/// The object that a run would have left.
async fn ran(config: &Value, file: &std::path::Path) -> Object {
    let planned = plan(config, None, "").await.unwrap().planned;
    let mut model = model(&planned).unwrap();
    let now = parts_of(&model).unwrap().digest().unwrap();
    assert!(now.contains_key(&file.file_name().unwrap().to_string_lossy().into_owned()));
    model.id = "x".into();
    model.checksum = files::checksum(&now).into();
    model.stats = Computed::Known(Default::default());
    model.ansible_playbook_stdout = "".into();
    model.ansible_playbook_stderr = "".into();
    Object { value: model.to_value(), private: Memory { files: Some(now), unfinished: false }.write() }
}

#[tokio::test]
async fn a_playbook_runs_again_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.yml");
    std::fs::write(&file, "- hosts: all").unwrap();
    let text = |more: &str| {
        config(&format!(
            r#"{{"playbook": "{}", "name": "h1", "preview": false, "replayable": false{more}}}"#,
            file.display()
        ))
    };
    let first = text("");
    let object = ran(&first, &file).await;
    let check = async |config: &Value, prior: &Object, runs: bool, notes: &[&str]| {
        let plan = plan(config, Some(prior), "").await.unwrap();
        assert_eq!(!plan.planned.get("stats").unwrap().is_known(), runs, "{config:?}");
        assert_eq!(plan.notes, notes);
        plan
    };
    let off = "not checked, because preview is false";
    assert_eq!(check(&first, &object, false, &[]).await.planned, object.value);
    check(&text(r#", "triggers": {"a": "1"}"#), &object, true, &[off]).await;
    // How it is run is recorded, and nothing is run.
    let how = check(&text(r#", "verbosity": 2"#), &object, false, &[]).await;
    assert_ne!(how.planned, object.value);
    assert_eq!(how.planned.get("checksum"), object.value.get("checksum"));
    let broken = Object { private: unfinished(&object.private), ..object.clone() };
    check(&first, &broken, true, &["runs again, because the last run did not come to its end", off]).await;
    let always = config(&format!(r#"{{"playbook": "{}", "name": "h1", "preview": false}}"#, file.display()));
    let always_object = ran(&always, &file).await;
    check(&always, &always_object, true, &["runs again, because replayable is true", off]).await;
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(folder.path().join("templates/motd.j2"), "hi").unwrap();
    let note = "runs again, because these files changed: templates/motd.j2";
    check(&first, &object, true, &[note, off]).await;
}

#[tokio::test]
async fn what_cannot_be_checked_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.yml");
    std::fs::write(&file, "- hosts: all").unwrap();
    let check = async |config: &Value, expected: &str| {
        let plan = plan(config, None, "").await.unwrap();
        let notes = plan.notes.join("\n");
        assert!(notes.contains(expected), "{notes}");
    };
    check(
        &config(r#"{"playbook": "/nonexistent/site.yml", "name": "h1"}"#),
        "/nonexistent/site.yml does not exist yet",
    )
    .await;
    let known = config(&format!(
        r#"{{"playbook": "{}", "hosts": [{{"name": "h1", "address": "x"}}]}}"#,
        file.display()
    ));
    let mut map = known.as_map().unwrap().clone();
    let mut host = known.get("hosts").unwrap().as_slice().unwrap()[0].as_map().unwrap().clone();
    host.insert("address".into(), Value::unknown(formwork_value::Type::String));
    let host = Value::from(host);
    map.insert("hosts".into(), Value::list(host.ty(), vec![host]));
    check(&Value::from(map), "not checked, because hosts[0].address is not known yet").await;
    let silent = format!(
        r#"{{"playbook": "{}", "hosts": [{{"name": "h1", "address": "127.0.0.1", "port": 1}}]}}"#,
        file.display()
    );
    check(
        &config(&silent),
        "h1: not checked, because SSH does not answer at 127.0.0.1:1: the connection is refused",
    )
    .await;
    let local = format!(
        r#"{{"playbook": "{}", "hosts": [{{"name": "h1", "vars": {{"ansible_connection": "local"}}}}]}}"#,
        file.display()
    );
    check(&config(&local), "\"/nonexistent/ansible-playbook\" cannot be started: there is no such program")
        .await;
}

#[test]
fn interrupted_runs_are_not_complete() {
    let object = Object::new(config(r#"{"playbook": "a.yml"}"#));
    let undo = Object::new(config(r#"{"playbook": "a.yml", "destroy_playbook": "b.yml"}"#));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let check = |operation: Operation, prior: Option<&Object>, expected: Option<(bool, bool)>| {
        let client: Client = Arc::new(Settings { binary: String::new() });
        let clock: formwork_provider::Clock = Arc::new(|| 0);
        runtime.block_on(async {
            let slot = Slot::acquire(Arc::new(tokio::sync::Semaphore::new(1))).await;
            let call =
                Call { client: &client, token: "t", recorder: &Quiet, slot: &slot, clock: &clock, about: "" };
            let arguments = object.value.clone();
            let interrupted = Interrupted { operation, token: "t".into(), arguments, prior: prior.cloned() };
            let found = match PlaybookRun::new().recover(&call, &interrupted).await.unwrap() {
                Recovered::Absent => None,
                Recovered::Found { object, complete } => {
                    Some((complete, Memory::read(&object.private).unfinished))
                }
            };
            assert_eq!(found, expected, "{operation:?}");
        });
    };
    check(Operation::Create, None, None);
    check(Operation::Create, Some(&object), Some((false, false)));
    check(Operation::Update, Some(&object), Some((false, true)));
    check(Operation::Delete, Some(&object), None);
    check(Operation::Delete, Some(&undo), Some((true, false)));
}

#[test]
fn states_of_the_ansible_provider_are_read() {
    let old = serde_json::json!({
        "id": "x", "playbook": "a.yml", "name": "h1", "replayable": true, "args": ["-e", "hostname=h1"],
        "temp_inventory_file": "", "ansible_playbook_binary": "ansible-playbook", "vault_id": "",
        "extra_vars": "{\"a\": 1, \"b\": \"t\"}", "timeouts": {"create": "1h", "read": null},
    });
    let resource = PlaybookRun::new();
    let lifted = resource.upgrade(0, old).unwrap();
    let value = json::decode(&lifted.to_string(), &resource.schema.block.ty()).unwrap();
    let found = model(&value).unwrap();
    assert_eq!(found.extra_vars, Some([("a".into(), "1".into()), ("b".into(), "t".into())].into()));
    assert_eq!((found.ansible_playbook_binary, found.vault_id), (None, None));
    assert_eq!(found.wait_for, 300);
    assert_eq!(found.timeouts.unwrap().create.as_deref(), Some("1h"));
}
