//! The resource type with a real `ansible-playbook`, on hosts that are this machine (`ansible_connection: local`).
//!
//! The program is what `FORMWORK_ANSIBLE` names, or the one on the `PATH`; where there is none, each test says so.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test is at the edge")]

use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Client, Clock, ManagedResource, Object, PlanRequest, PlanResponse, Provider, Recorder,
    Slot, check_applied, check_planned, check_refines,
};
use formwork_value::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const SECRET: &str = "canary-7f3a\"quoted";

/// What the recorder was told.
#[derive(Default)]
struct Told {
    created: Mutex<Vec<Object>>,
    progress: Mutex<Vec<String>>,
}

#[async_trait]
impl Recorder for Told {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        self.created.lock().unwrap().push(object.clone());
        Ok(())
    }

    fn progress(&self, what: &str) {
        self.progress.lock().unwrap().push(what.to_owned());
    }
}

/// A folder with a playbook, and a resource to run it.
struct Bench {
    folder: tempfile::TempDir,
    client: Client,
    resource: Arc<dyn ManagedResource>,
    told: Told,
}

impl Bench {
    /// `None` where there is no Ansible.
    async fn new(playbook: &str) -> Option<Self> {
        let binary = std::env::var("FORMWORK_ANSIBLE").unwrap_or_else(|_| "ansible-playbook".into());
        if Command::new(&binary).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {binary}; name one with FORMWORK_ANSIBLE");
            return None;
        }
        let provider: Arc<dyn Provider> = formwork_provider_ansible::provider();
        let config = Value::object([("ansible_playbook_binary", Value::string(binary))]);
        let client = provider.configure(&config).await.unwrap();
        let resource = provider.resources().remove(0);
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench { folder, client, resource, told: Told::default() };
        bench.write("site.yml", playbook);
        Some(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// A configuration with two local hosts, `out` as a variable, and what is given besides.
    fn config(&self, more: serde_json::Value) -> Value {
        let host = |name: &str| {
            serde_json::json!({ "name": name, "groups": ["web"],
                "vars": { "ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}" } })
        };
        let out = self.path("out");
        fs::create_dir_all(&out).unwrap();
        let mut config = serde_json::json!({
            "playbook": self.path("site.yml").display().to_string(),
            "replayable": false,
            "hosts": [host("h1"), host("h2")],
            "extra_vars": { "out": out.display().to_string() },
        });
        for (name, value) in more.as_object().unwrap() {
            match (config.get_mut(name).and_then(|c| c.as_object_mut()), value.as_object()) {
                (Some(there), Some(value)) => there.extend(value.clone()),
                _ => config[name] = value.clone(),
            }
        }
        json::decode(&config.to_string(), &self.resource.schema().block.ty()).unwrap()
    }

    async fn call<T>(&self, token: &str, work: impl AsyncFnOnce(&Call<'_>) -> T) -> T {
        let slot = Slot::acquire(Arc::new(Semaphore::new(1))).await;
        let clock: Clock = Arc::new(|| 0);
        work(&Call {
            client: &self.client,
            token,
            recorder: &self.told,
            slot: &slot,
            clock: &clock,
            about: "",
        })
        .await
    }

    async fn plan(&self, config: &Value, prior: Option<&Object>, token: &str) -> PlanResponse {
        let schema = self.resource.schema();
        let found = self.resource.validate(config);
        assert!(found.is_empty(), "{found:?}");
        let request = PlanRequest { config, prior };
        let plan = self.call(token, async |call| self.resource.plan(call, &request).await).await.unwrap();
        let wrong = check_planned(schema, config, prior.map(|p| &p.value), &plan.planned);
        assert!(wrong.is_empty(), "{wrong:?}");
        plan
    }

    /// Carries a plan out, as the engine does.
    async fn apply(
        &self,
        config: &Value,
        prior: Option<&Object>,
        plan: &PlanResponse,
    ) -> Result<Object, CallError> {
        let again = self.plan(config, prior, "token").await;
        check_refines(&plan.planned, &again.planned).unwrap();
        let private = if again.private.is_empty() { &plan.private } else { &again.private };
        let result = self
            .call("token", async |call| match prior {
                None => self.resource.create(call, &again.planned, private).await,
                Some(prior) => self.resource.update(call, prior, &again.planned, private).await,
            })
            .await;
        if let Ok(object) = &result {
            let wrong = check_applied(self.resource.schema(), &again.planned, &object.value);
            assert!(wrong.is_empty(), "{wrong:?}");
        }
        result
    }

    async fn run(&self, config: &Value, prior: Option<&Object>) -> Result<Object, CallError> {
        let plan = self.plan(config, prior, "").await;
        self.apply(config, prior, &plan).await
    }
}

fn count(object: &Object, host: &str, what: &str) -> i64 {
    let stats = object.value.get("stats").unwrap().as_map().unwrap();
    stats[host].get(what).unwrap().as_number().unwrap().to_i64().unwrap()
}

const WRITES: &str = "
- name: Motd
  hosts: web
  gather_facts: false
  tasks:
    - name: Write the message
      ansible.builtin.copy:
        dest: \"{{ out }}/{{ inventory_hostname }}.motd\"
        content: \"hello {{ who | default('nobody') }}\\n\"
    - name: Count
      ansible.builtin.command: \"touch {{ out }}/{{ inventory_hostname }}.count\"
      changed_when: false
";

#[tokio::test]
async fn plans_in_check_mode_runs_and_runs_again_without_changes() {
    let Some(bench) = Bench::new(WRITES).await else { return };
    let config = bench.config(serde_json::json!({}));
    let plan = bench.plan(&config, None, "").await;
    let site = bench.path("site.yml").display().to_string();
    for host in ["h1", "h2"] {
        let file = bench.path(&format!("out/{host}.motd"));
        assert!(!file.exists(), "the plan wrote something");
        let would = format!("{host}: would change \"Write the message\" ({site}:6) ");
        assert!(plan.notes.iter().any(|n| n.starts_with(&would) && n.contains("+1 -0")), "{:?}", plan.notes);
        let cannot =
            format!("{host}: not checked, because these tasks cannot tell what they would do: \"Count\"");
        assert!(plan.notes.iter().any(|n| n.starts_with(&cannot)), "{:?}", plan.notes);
    }
    let object = bench.apply(&config, None, &plan).await.unwrap();
    assert_eq!(fs::read_to_string(bench.path("out/h1.motd")).unwrap(), "hello nobody\n");
    assert!(bench.path("out/h2.count").exists());
    assert_eq!((count(&object, "h1", "ok"), count(&object, "h1", "changed")), (2, 1));
    assert_eq!(object.value.get("id").and_then(Value::as_str), Some("token"));
    // It was recorded before it began, and told of while it ran.
    assert_eq!(bench.told.created.lock().unwrap().len(), 1);
    assert!(bench.told.progress.lock().unwrap().iter().any(|p| p == "h2: changed: Write the message"));
    // Nothing changed: nothing runs, and nobody is asked.
    let started = Instant::now();
    let plan = bench.plan(&config, Some(&object), "").await;
    assert_eq!((&plan.planned, plan.notes.len()), (&object.value, 0));
    assert!(started.elapsed() < Duration::from_millis(200));
    // A trigger runs it again, and the plan says that it would change nothing.
    let triggered = bench.config(serde_json::json!({ "triggers": { "n": "1" } }));
    let plan = bench.plan(&triggered, Some(&object), "").await;
    assert!(plan.notes.contains(&"h1: would change nothing".to_owned()), "{:?}", plan.notes);
    let object = bench.apply(&triggered, Some(&object), &plan).await.unwrap();
    assert_eq!(count(&object, "h1", "changed"), 0);
    // So does a changed file; and what was planned is what is run.
    bench.write("group_vars/web.yml", "who: web");
    let plan = bench.plan(&triggered, Some(&object), "").await;
    assert_eq!(plan.notes[0], "runs again, because these files changed: group_vars/web.yml");
    bench.write("group_vars/web.yml", "who: world");
    let error = bench.apply(&triggered, Some(&object), &plan).await.unwrap_err();
    assert_eq!(error.summary, "Playbook changed since it was planned");
    assert!(error.no_effect && error.detail.contains("group_vars/web.yml"));
    let object = bench.run(&triggered, Some(&object)).await.unwrap();
    assert_eq!(fs::read_to_string(bench.path("out/h1.motd")).unwrap(), "hello world\n");
    assert_eq!(count(&object, "h2", "changed"), 1);
}

#[tokio::test]
async fn a_failure_names_host_task_file_and_line() {
    let Some(bench) = Bench::new("- hosts: web\n  gather_facts: false\n  roles: [web]\n").await else {
        return;
    };
    bench.write(
        "roles/web/tasks/main.yml",
        "- name: Rescued
  block:
    - name: Caught
      ansible.builtin.fail: { msg: caught }
  rescue:
    - name: Go on
      ansible.builtin.debug: { msg: on }
- name: Break
  ansible.builtin.command: sh -c 'echo to stderr >&2; exit 3'
  when: inventory_hostname == 'h2'
",
    );
    let config = bench.config(serde_json::json!({ "preview": false }));
    let error = bench.run(&config, None).await.unwrap_err();
    assert_eq!(error.summary, "Playbook failed");
    let place = format!(
        "h2 failed at task \"web : Break\" ({}:8): ",
        bench.path("roles/web/tasks/main.yml").display()
    );
    for part in [place.as_str(), "to stderr", "exit code 3"] {
        assert!(error.detail.contains(part), "{part:?} in {}", error.detail);
    }
    assert!(!error.detail.contains("h1 failed") && !error.detail.contains("caught"), "{}", error.detail);
    // The object is there, to be run again.
    assert!(!error.no_effect);
    let partial = error.partial.unwrap();
    assert!(partial.value.is_wholly_known());
    let ignored = bench.config(serde_json::json!({ "preview": false, "ignore_playbook_failure": true }));
    let object = bench.run(&ignored, None).await.unwrap();
    assert_eq!((count(&object, "h2", "failed"), count(&object, "h1", "rescued")), (1, 1));
}

#[tokio::test]
async fn a_failing_change_is_run_again() {
    let Some(bench) = Bench::new(WRITES).await else { return };
    let quick = serde_json::json!({ "preview": false });
    let config = bench.config(quick.clone());
    let object = bench.run(&config, None).await.unwrap();
    bench.write(
        "site.yml",
        "- hosts: web\n  gather_facts: false\n  tasks: [{ ansible.builtin.fail: { msg: no } }]\n",
    );
    let error = bench.run(&config, Some(&object)).await.unwrap_err();
    let partial = error.partial.unwrap();
    assert_eq!(partial.value, object.value);
    // Even when the change is taken back: it may have been half done.
    bench.write("site.yml", WRITES);
    let plan = bench.plan(&config, Some(&partial), "").await;
    assert_eq!(plan.notes[0], "runs again, because the last run did not come to its end");
    let object = bench.apply(&config, Some(&partial), &plan).await.unwrap();
    assert_eq!(bench.plan(&config, Some(&object), "").await.planned, object.value);
}

#[tokio::test]
async fn what_is_wrong_before_it_begins_has_no_effect() {
    let check = async |playbook: &str, more: serde_json::Value, summary: &str, part: &str| {
        let Some(bench) = Bench::new(playbook).await else { return };
        let error = bench.run(&bench.config(more), None).await.unwrap_err();
        assert_eq!(error.summary, summary, "{}", error.detail);
        assert!(error.detail.contains(part), "{part:?} in {}", error.detail);
        assert!(error.no_effect && error.partial.is_none());
        assert!(bench.told.created.lock().unwrap().is_empty());
    };
    let quick = || serde_json::json!({ "preview": false });
    check("- hosts: [\n", quick(), "Playbook could not be run", "site.yml").await;
    check("- hosts: web\n  taks: []\n", quick(), "Playbook could not be run", "taks").await;
    let limit = serde_json::json!({ "preview": false, "playbook": "/nonexistent/site.yml" });
    check(WRITES, limit, "Playbook cannot be read", "/nonexistent/site.yml does not exist").await;
    let silent = serde_json::json!({ "preview": false, "wait_for": 1,
        "hosts": [{ "name": "h1", "address": "127.0.0.1", "port": 1 }] });
    check(WRITES, silent, "Host does not answer", "h1 at 127.0.0.1:1: the connection is refused").await;
    // The program is there, the hosts are not: the playbook was begun, for all that is known.
    let Some(bench) = Bench::new("- hosts: db\n  tasks: []\n").await else { return };
    let error = bench.run(&bench.config(quick()), None).await.unwrap_err();
    assert_eq!(error.summary, "Playbook ran on no host");
}

#[tokio::test]
async fn secrets_are_not_told() {
    let playbook = "
- hosts: web
  gather_facts: false
  tasks:
    - name: \"Log in with {{ pw }}\"
      ansible.builtin.copy:
        dest: \"{{ out }}/{{ inventory_hostname }}.secret\"
        content: \"{{ pw }}\\n\"
    - name: Silent
      ansible.builtin.command: echo unheard-canary
      no_log: true
      check_mode: false
      changed_when: true
    - name: Break
      ansible.builtin.fail:
        msg: \"cannot log in with {{ pw }} as {{ users }}\"
    - name: Break quietly
      ansible.builtin.fail: { msg: never }
";
    let Some(bench) = Bench::new(playbook).await else { return };
    let vars = serde_json::json!({ "pw": SECRET, "users": r#"[{"name": "u", "pw": "inner-canary"}]"# });
    let config = bench.config(serde_json::json!({ "extra_vars": vars, "diff_mode": true, "verbosity": 3 }));
    let plan = bench.plan(&config, None, "").await;
    let error = bench.apply(&config, None, &plan).await.unwrap_err();
    let ignoring = bench.config(serde_json::json!({
        "extra_vars": vars, "diff_mode": true, "verbosity": 3, "preview": false, "ignore_playbook_failure": true,
    }));
    let object = bench.run(&ignoring, None).await.unwrap();
    let outputs =
        ["ansible_playbook_stdout", "ansible_playbook_stderr"].map(|n| object.value.get(n).unwrap().as_str());
    let progress = bench.told.progress.lock().unwrap().join("\n");
    let all = format!(
        "{}\n{}\n{progress}\n{}",
        plan.notes.join("\n"),
        error.detail,
        outputs.map(Option::unwrap).join("\n")
    );
    for canary in [SECRET, "canary-7f3a", "inner-canary", "unheard-canary"] {
        assert!(!all.contains(canary), "{canary} in {all}");
    }
    assert!(error.detail.contains("cannot log in with {{ pw }} as "), "{}", error.detail);
    assert!(fs::read_to_string(bench.path("out/h1.secret")).unwrap().starts_with(SECRET));
    // The failure of a task that wants silence is told without its words.
    let quiet = "- hosts: web\n  gather_facts: false\n  tasks:\n    - name: Quiet\n      no_log: true\n      \
                 ansible.builtin.fail: { msg: never-said }\n";
    bench.write("site.yml", quiet);
    let error = bench.run(&config, None).await.unwrap_err();
    assert!(
        error.detail.contains("marked no_log") && !error.detail.contains("never-said"),
        "{}",
        error.detail
    );
}

const SLEEPS: &str = "
- hosts: web
  gather_facts: false
  tasks:
    - name: Sleep
      ansible.builtin.shell: \"echo $$ > {{ out }}/pid; exec sleep 300\"
      run_once: true
";

fn alive(pid: &str) -> bool {
    // What has ended and waits to be collected is not alive.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

/// Waits for something that takes a moment.
async fn soon(what: &str, done: impl Fn() -> bool) {
    for _ in 0..150 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within 15 seconds: {what}");
}

/// Processes that have this text in their arguments.
fn processes(text: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    all.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()) && alive(pid))
        .filter(|pid| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(text)
        })
        .collect()
}

#[tokio::test]
async fn an_abandoned_run_is_ended() {
    let Some(bench) = Bench::new(SLEEPS).await else { return };
    let config = bench.config(serde_json::json!({ "preview": false }));
    let plan = bench.plan(&config, None, "").await;
    let pid = bench.path("out/pid");
    let read = || fs::read_to_string(&pid).unwrap_or_default().trim().to_owned();
    tokio::select! {
        result = bench.apply(&config, None, &plan) => panic!("{result:?}"),
        () = soon("the task begins", || !read().is_empty()) => {}
    }
    let site = bench.path("site.yml").display().to_string();
    soon("Ansible has ended", || processes(&site).is_empty()).await;
    soon("the task has ended", || !alive(&read())).await;
}

/// In the place of an Ansible that is stuck: it and its worker, which leads a group of its own, hear no signal.
const STUCK: &str = "#!/bin/sh
trap '' TERM
[ -n \"$WORKER\" ] || WORKER=1 setsid \"$0\" \"$@\" &
while sleep 0.2; do echo $$ >> \"${0%/*}/out/pids\"; done
";

#[tokio::test]
async fn what_hears_no_signal_is_killed() {
    let Some(bench) = Bench::new(SLEEPS).await else { return };
    bench.write("stuck", STUCK);
    let program = bench.path("stuck");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config =
        bench.config(serde_json::json!({ "preview": false, "ansible_playbook_binary": program.to_str() }));
    let plan = bench.plan(&config, None, "").await;
    let both = || {
        let pids = fs::read_to_string(bench.path("out/pids")).unwrap_or_default();
        pids.lines().collect::<std::collections::BTreeSet<_>>().len() == 2
    };
    tokio::select! {
        result = bench.apply(&config, None, &plan) => panic!("{result:?}"),
        () = soon("both run", both) => {}
    }
    let site = bench.path("site.yml").display().to_string();
    soon("both have ended", || processes(&site).is_empty()).await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_ended() {
    let Some(bench) = Bench::new(SLEEPS).await else { return };
    let config = bench.config(serde_json::json!({ "preview": false, "timeouts": { "create": "20s" } }));
    let error = bench.run(&config, None).await.unwrap_err();
    assert_eq!(error.summary, "Playbook took too long", "{}", error.detail);
    assert!(!error.no_effect && error.partial.is_some());
    let site = bench.path("site.yml").display().to_string();
    soon("Ansible has ended", || processes(&site).is_empty()).await;
}

#[tokio::test]
async fn a_destroy_playbook_is_run_at_the_end() {
    let Some(bench) = Bench::new(WRITES).await else { return };
    bench.write(
        "destroy.yml",
        "- hosts: web\n  gather_facts: false\n  tasks:\n    - ansible.builtin.file:\n        path: \"{{ out }}/{{ inventory_hostname }}.motd\"\n        state: absent\n",
    );
    let destroy = bench.path("destroy.yml").display().to_string();
    let config = bench.config(serde_json::json!({ "preview": false, "destroy_playbook": destroy }));
    let object = bench.run(&config, None).await.unwrap();
    assert!(bench.path("out/h1.motd").exists());
    bench.call("token", async |call| bench.resource.delete(call, &object).await).await.unwrap();
    assert!(!bench.path("out/h1.motd").exists() && !bench.path("out/h2.motd").exists());
    // Without one, it is forgotten.
    let config = bench.config(serde_json::json!({ "preview": false }));
    let object = bench.run(&config, None).await.unwrap();
    bench.call("token", async |call| bench.resource.delete(call, &object).await).await.unwrap();
    assert!(bench.path("out/h1.motd").exists());
}

/// Not a test of its own: the process that [`a_killed_run_takes_ansible_with_it`] kills.
#[tokio::test]
async fn victim() {
    let Ok(folder) = std::env::var("FORMWORK_VICTIM") else { return };
    let Some(bench) = Bench::new(SLEEPS).await else { return };
    fs::write(format!("{folder}/site"), bench.path("site.yml").display().to_string()).unwrap();
    let config = bench.config(serde_json::json!({ "preview": false, "extra_vars": { "out": folder } }));
    let _ = bench.run(&config, None).await;
}

#[tokio::test]
async fn a_killed_run_takes_ansible_with_it() {
    let Some(bench) = Bench::new(SLEEPS).await else { return };
    let folder = bench.folder.path().display().to_string();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim"])
        .env("FORMWORK_VICTIM", &folder)
        .env("TMPDIR", &folder)
        .spawn()
        .unwrap();
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap_or_default().trim().to_owned();
    soon("the task begins", || !read("pid").is_empty()).await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    let site = read("site");
    soon("Ansible has ended", || processes(&site).is_empty()).await;
    soon("the task has ended", || !alive(&read("pid"))).await;
    // What it leaves behind has no variables in it.
    let left = fs::read_dir(&folder).unwrap().flatten().map(|e| e.path().join("variables.json"));
    assert!(left.into_iter().all(|path| !path.exists()));
}

/// One of the SSH hosts that `cargo xtask components start hosts` starts.
struct Remote {
    address: String,
    user: String,
    key: String,
    /// Its own key, and one that is not its.
    host_key: String,
    wrong_key: String,
}

impl Remote {
    fn get() -> Option<Remote> {
        let state = fs::read_to_string(std::env::var_os("FORMWORK_COMPONENTS_STATE")?).ok()?;
        let state: serde_json::Value = serde_json::from_str(&state).ok()?;
        let facts = &state["hosts"]["facts"];
        let fact = |name: &str| facts[name].as_str().map(str::to_owned);
        let address = facts["hosts"][0]["address"].as_str()?.to_owned();
        let known = fs::read_to_string(fact("known_hosts")?).ok()?;
        let host_key = known.lines().find_map(|l| l.strip_prefix(&format!("{address} ")))?.to_owned();
        let key = fs::read_to_string(fact("key")?).ok()?;
        Some(Remote { address, user: fact("user")?, key, host_key, wrong_key: fact("public_key")? })
    }
}

/// The file lies where the host has a folder.
const WRITES_THERE: &str = "
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        dest: \"/tmp/{{ out | hash('sha256') }}\"
        content: \"hello\\n\"
";

#[tokio::test]
async fn over_ssh_with_keys_that_must_be_the_right_ones() {
    let Some(bench) = Bench::new(WRITES_THERE).await else { return };
    let Some(remote) = Remote::get() else {
        eprintln!("skipped: no SSH host runs; FORMWORK_COMPONENTS_STATE names the file that tells of them");
        return;
    };
    let config = |more: serde_json::Value| {
        let mut host = serde_json::json!({ "name": "h1", "address": remote.address, "groups": ["web"],
            "vars": { "ansible_python_interpreter": "/usr/bin/python3" } });
        host.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bench.config(serde_json::json!({
            "hosts": [host],
            "wait_for": 20,
            "ssh_user": remote.user,
            "ssh_private_key": remote.key,
            "known_hosts_file": bench.path("known hosts").display().to_string(),
        }))
    };
    let pinned = config(serde_json::json!({ "host_key": remote.host_key }));
    let plan = bench.resource.validate(&pinned);
    assert!(plan.is_empty());
    let object = bench.run(&pinned, None).await.unwrap();
    assert_eq!(count(&object, "h1", "changed"), 1);
    assert_eq!(bench.told.created.lock().unwrap().len(), 1);
    assert!(!bench.path("known hosts").exists());
    // Taken and remembered.
    let trusting = config(serde_json::json!({}));
    let plan = bench.plan(&trusting, None, "").await;
    assert_eq!(plan.notes[0], "h1: would change nothing");
    assert!(bench.path("known hosts").exists());
    // Another key than the one that was given.
    let wrong = config(serde_json::json!({ "host_key": remote.wrong_key }));
    let plan = bench.plan(&wrong, None, "").await;
    assert!(
        plan.notes[0].starts_with("h1: not checked, because Ansible cannot reach it"),
        "{:?}",
        plan.notes
    );
    let error = bench.apply(&wrong, None, &plan).await.unwrap_err();
    assert_eq!(error.summary, "Host unreachable");
    assert!(error.detail.contains("verification failed"), "{}", error.detail);
    // No connection is kept.
    soon("ssh has ended", || processes("/control/").is_empty()).await;
}
