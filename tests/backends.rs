//! The whole program on states that are kept elsewhere: a web server of the tests' own.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::{HttpStore, Sandbox};

const RESOURCE: &str = "resource \"terraform_data\" \"a\" {\n  input = \"x\"\n}\n\noutput \"a\" {\n  value = terraform_data.a.output\n}\n";

fn sandbox() -> Sandbox {
    Sandbox::new(&common::program()).expect("a sandbox")
}

fn block(store: &HttpStore, name: &str) -> String {
    let url = store.url(name);
    format!(
        "terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n    lock_address = \"{url}\"\n    unlock_address = \
         \"{url}\"\n    retry_wait_min = 1\n  }}\n}}\n\n"
    )
}

fn run(sandbox: &Sandbox, args: &[&str], code: i32) -> String {
    sandbox.formwork(args).expect("it runs").expect(code).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

/// The text has all of these, whatever its lines.
fn has(text: &str, parts: &[&str]) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn all_commands_work_on_the_state_where_it_is() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan", "-out=p"], 0), &["1 to add"]);
    has(&run(&sandbox, &["apply", "p"], 0), &["1 added"]);
    assert!(!sandbox.dir().join("terraform.tfstate").exists());
    let text = store.text("s").expect("a state");
    has(&text, &["\"version\": 4", "\"lineage\"", "terraform_data"]);
    assert!(!text.contains("formwork_journal"), "{text}");
    // Locked and freed, as often as it was opened.
    let count = |method: &str| store.requests().iter().filter(|r| r.starts_with(method)).count();
    assert!(count("LOCK") > 0 && count("LOCK") == count("UNLOCK"));

    assert_eq!(run(&sandbox, &["state", "list"], 0), "terraform_data.a\n");
    assert_eq!(run(&sandbox, &["output", "-raw", "a"], 0), "x");
    has(&run(&sandbox, &["show"], 0), &["terraform_data.a"]);
    assert_eq!(run(&sandbox, &["state", "pull"], 0), text);
    run(&sandbox, &["state", "mv", "terraform_data.a", "terraform_data.b"], 0);
    assert_eq!(run(&sandbox, &["state", "list"], 0), "terraform_data.b\n");
    run(&sandbox, &["state", "mv", "terraform_data.b", "terraform_data.a"], 0);
    // A plan that was made before a change of what it read is stale.
    run(&sandbox, &["plan", "-destroy", "-out=q"], 0);
    run(&sandbox, &["taint", "terraform_data.a"], 0);
    has(&run(&sandbox, &["apply", "q"], 1), &["stale"]);
    run(&sandbox, &["untaint", "terraform_data.a"], 0);
    has(&run(&sandbox, &["recover"], 0), &["Nothing is open"]);
    has(&run(&sandbox, &["state", "history"], 1), &["in the backend \"http\""]);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    has(&run(&sandbox, &["plan", "-state=other"], 1), &["The state is not in a file"]);
    has(&run(&sandbox, &["apply", "p"], 1), &["was applied before"]);
    has(&run(&sandbox, &["workspace", "list"], 1), &["No workspaces here"]);
    has(&run(&sandbox, &["workspace", "new", "w"], 1), &["No workspaces here"]);
    let other = sandbox.formwork_with(&["plan"], &[("TF_WORKSPACE", "w")]).unwrap().expect(1).unwrap();
    has(&other, &["holds one state, and has no workspaces"]);
    has(&run(&sandbox, &["destroy", "-auto-approve"], 0), &["1 destroyed"]);
    assert_eq!(run(&sandbox, &["state", "list"], 0), "");
}

#[test]
fn a_lock_left_behind_is_freed_by_force() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let lock = format!(
        "printf '{{\"ID\":\"the-id\",\"Operation\":\"apply\",\"Who\":\"gone@there\",\"Created\":\"2026-01-01T00:00:00Z\"}}' | \
         curl -s -X LOCK --data-binary @- {}",
        store.url("s")
    );
    sandbox.shell(&lock).unwrap().expect(0).unwrap();
    let told = run(&sandbox, &["plan"], 1);
    has(
        &told,
        &[
            "The state is locked",
            "by gone@there, since 2026-01-01T00:00:00Z",
            "lock ID the-id",
            "force-unlock",
        ],
    );
    has(&run(&sandbox, &["plan", "-lock=false"], 0), &["No changes"]);
    has(&run(&sandbox, &["force-unlock", "-force", "another"], 1), &["locked by gone@there"]);
    has(&run(&sandbox, &["force-unlock", "the-id"], 1), &["Nobody can be asked"]);
    has(&run(&sandbox, &["force-unlock", "-force", "the-id"], 0), &["unlocked"]);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

#[test]
fn arguments_come_from_variables_init_and_the_environment() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    let address = store.address.clone();
    let computed = format!(
        "variable \"env\" {{}}\n\nlocals {{\n  base = \"http://{address}\"\n}}\n\nterraform {{\n  backend \"http\" {{\n    address = \
         join(\"/\", [local.base, lower(var.env)])\n  }}\n}}\n\n"
    );
    sandbox.write("main.tf", &(computed + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve", "-var=env=DEV"], 0);
    assert!(store.text("dev").is_some());
    has(&run(&sandbox, &["state", "list"], 1), &["Variable without a value", "TF_VAR_env", "main.tf:9"]);
    sandbox.write("terraform.tfvars", "env = \"dev\"\n").unwrap();
    assert_eq!(run(&sandbox, &["state", "list"], 0), "terraform_data.a\n");
    // It is another state then, and what is there would be made again.
    let told = run(&sandbox, &["plan", "-var=env=prod"], 1);
    has(&told, &["Backend configuration changed", "\"address\"", "init -migrate-state", "-reconfigure"]);

    let partial = sandbox_with("terraform {\n  backend \"http\" {}\n}\n\n");
    has(&run(&partial, &["plan"], 1), &["needs \"address\"", "TF_HTTP_ADDRESS", "-backend-config"]);
    let given = partial.formwork_with(&["apply", "-auto-approve"], &[("TF_HTTP_ADDRESS", &store.url("env"))]);
    given.unwrap().expect(0).unwrap();
    assert!(store.text("env").is_some());

    let told = sandbox_with("terraform {\n  backend \"http\" {}\n}\n\n");
    told.write("b.tfbackend", &format!("address = \"{}\"\nusername = \"u\"\n", store.url("told"))).unwrap();
    run(&told, &["init", "-backend-config=b.tfbackend", "-backend-config=password=hunter2"], 0);
    run(&told, &["apply", "-auto-approve"], 0);
    assert!(store.text("told").is_some());
    has(&run(&told, &["init"], 0), &["successfully initialized"]);
    assert_eq!(run(&told, &["state", "list"], 0), "terraform_data.a\n");
    let file = told.dir().join(".terraform/terraform.tfstate");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

fn sandbox_with(block: &str) -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("main.tf", &(block.to_owned() + RESOURCE)).unwrap();
    sandbox
}

#[test]
fn states_move_only_when_told_to() {
    let (store, sandbox) = (HttpStore::start(), sandbox_with(""));
    run(&sandbox, &["apply", "-auto-approve"], 0);
    sandbox.write("main.tf", &(block(&store, "one") + RESOURCE)).unwrap();
    has(
        &run(&sandbox, &["plan"], 1),
        &["Backend initialization required", "a second time", "-migrate-state"],
    );
    has(&run(&sandbox, &["init"], 1), &["Nobody can be asked", "-force-copy"]);
    has(&run(&sandbox, &["init", "-migrate-state"], 1), &["Nobody can be asked"]);
    assert!(store.text("one").is_none());
    has(&run(&sandbox, &["init", "-force-copy"], 0), &["Copied 1 state(s)"]);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    let left = std::fs::read_to_string(sandbox.dir().join("terraform.tfstate")).unwrap();
    assert!(left.contains("\"resources\": []"), "{left}");
    let backup = std::fs::read_to_string(sandbox.dir().join("terraform.tfstate.backup")).unwrap();
    assert!(backup.contains("terraform_data"), "{backup}");

    // From one place to another.
    sandbox.write("main.tf", &(block(&store, "two") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed"]);
    has(&run(&sandbox, &["init"], 1), &["Backend configuration changed"]);
    run(&sandbox, &["init", "-migrate-state", "-force-copy"], 0);
    assert_eq!(store.text("two"), store.text("one"));
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    sandbox.write("main.tf", &(block(&store, "three") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["init", "-reconfigure", "-force-copy"], 1), &["Invalid init options"]);
    run(&sandbox, &["init", "-reconfigure"], 0);
    assert!(store.text("three").is_none());
    has(&run(&sandbox, &["plan"], 0), &["1 to add"]);

    // Back to a file.
    sandbox.write("main.tf", &(block(&store, "two") + RESOURCE)).unwrap();
    run(&sandbox, &["init", "-reconfigure"], 0);
    sandbox.write("main.tf", RESOURCE).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed", "no backend block any more"]);
    run(&sandbox, &["init", "-migrate-state", "-force-copy"], 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

#[test]
fn other_configurations_read_it() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let reader = self::sandbox();
    let data = |name: &str, argument: &str| {
        let url = store.url(name);
        format!(
            "data \"terraform_remote_state\" \"r\" {{\n  backend = \"http\"\n  config = {{ {argument} = \"{url}\" }}\n}}\n\noutput \"o\" \
             {{\n  value = data.terraform_remote_state.r.outputs.a\n}}\n"
        )
    };
    reader.write("main.tf", &data("s", "address")).unwrap();
    has(&run(&reader, &["apply", "-auto-approve"], 0), &["o = \"x\""]);
    // A plan is stale when an output that it read is another by now, and not because of anything else in that state.
    let more = "resource \"terraform_data\" \"more\" {}\n";
    reader.write("more.tf", more).unwrap();
    run(&reader, &["plan", "-out=p"], 0);
    sandbox.write("more.tf", more).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    has(&run(&reader, &["apply", "p"], 0), &["1 added"]);
    reader.write("more.tf", "").unwrap();
    run(&reader, &["plan", "-out=p"], 0);
    sandbox.write("more.tf", "output \"b\" {\n  value = 1\n}\n").unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    has(
        &run(&reader, &["apply", "p"], 1),
        &["Saved plan is stale", "outputs.b of data.terraform_remote_state.r"],
    );
    has(&run(&reader, &["state", "list"], 0), &["terraform_data.more"]);
    reader.write("main.tf", &data("none", "address")).unwrap();
    has(&run(&reader, &["plan"], 1), &["Unable to find remote state"]);
    reader.write("main.tf", &data("s", "adress")).unwrap();
    has(&run(&reader, &["validate"], 1), &["has no argument \"adress\""]);
}

/// Frees the lock of whoever holds it.
const STEAL: &str = "id=$(curl -s -X LOCK --data '{}' $1 | sed 's/.*\"ID\":\"\\([^\"]*\\)\".*/\\1/')\ncurl -sf -X UNLOCK --data \
                     \"{\\\"ID\\\":\\\"$id\\\"}\" $1\n";

#[test]
fn what_cannot_be_written_there_is_written_here() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    // While it is at work, somebody takes its lock: the server refuses what it writes in the end.
    sandbox.write("steal.sh", STEAL).unwrap();
    let steal = format!(
        "resource \"terraform_data\" \"b\" {{\n  provisioner \"local-exec\" {{\n    command = \"sh steal.sh {}\"\n  }}\n}}\n\n\
         resource \"terraform_data\" \"c\" {{\n  depends_on = [terraform_data.b]\n  provisioner \"local-exec\" {{\n    \
         command = \"true\"\n  }}\n}}\n\nresource \"terraform_data\" \"d\" {{\n  depends_on = [terraform_data.c]\n}}\n",
        store.url("s")
    );
    sandbox.write("b.tf", &steal).unwrap();
    let told = run(&sandbox, &["apply", "-auto-approve"], 1);
    has(
        &told,
        &[
            "Another run has taken over the state",
            "errored.tfstate",
            "terraform_data.c",
            "could not be recorded",
        ],
    );
    assert!(!told.contains("What was done is recorded"), "{told}");
    let kept = std::fs::read_to_string(sandbox.dir().join("errored.tfstate")).unwrap();
    assert!(kept.contains("\"name\": \"b\""), "{kept}");
    std::fs::remove_file(sandbox.dir().join("b.tf")).unwrap();
    // Somebody else may have gone on from what is there: it is replaced only by who has looked.
    has(&told, &["to be compared"]);
    has(&run(&sandbox, &["state", "push", "errored.tfstate"], 1), &["newer state"]);
    run(&sandbox, &["state", "push", "-force", "errored.tfstate"], 0);
    assert_eq!(
        run(&sandbox, &["state", "list"], 0),
        "terraform_data.a\nterraform_data.b\nterraform_data.c\n"
    );
}

#[test]
fn a_write_that_is_sent_on_is_no_write() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let before = store.text("s").expect("a state");
    store.ask_to_sign_in("s");
    sandbox.write("b.tf", "resource \"terraform_data\" \"b\" {}\n").unwrap();
    // Not even the lock is taken by it.
    let told = run(&sandbox, &["apply", "-auto-approve"], 1);
    has(&told, &["302 Found", "/login", "not sent on"]);
    has(&run(&sandbox, &["apply", "-auto-approve", "-lock=false"], 1), &["302 Found", "errored.tfstate"]);
    assert_eq!(store.text("s").expect("a state"), before);
}

#[test]
fn what_the_first_run_could_not_write_is_put_in_place() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    sandbox.write("steal.sh", STEAL).unwrap();
    let steal = format!(
        "resource \"terraform_data\" \"b\" {{\n  depends_on = [terraform_data.a]\n  provisioner \"local-exec\" {{\n    command = \"sh \
         steal.sh {}\"\n  }}\n}}\n",
        store.url("s")
    );
    sandbox.write("b.tf", &steal).unwrap();
    has(&run(&sandbox, &["apply", "-auto-approve"], 1), &["errored.tfstate"]);
    std::fs::remove_file(sandbox.dir().join("b.tf")).unwrap();
    let lineage = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["lineage"].clone();
    let kept = std::fs::read_to_string(sandbox.dir().join("errored.tfstate")).unwrap();
    if let Some(there) = store.text("s") {
        assert_eq!(lineage(&there), lineage(&kept));
    }
    // Of that state nothing was there before, so nothing is older or newer.
    run(&sandbox, &["state", "push", "-force", "errored.tfstate"], 0);
    assert_eq!(run(&sandbox, &["state", "list"], 0), "terraform_data.a\nterraform_data.b\n");
    assert_eq!(lineage(&store.text("s").expect("a state")), lineage(&kept));
}

#[test]
fn tokens_in_addresses_are_not_remembered() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    let with = |query: &str| {
        let url = store.url("s");
        format!(
            "terraform {{\n  backend \"http\" {{\n    address = \"{url}?{query}\"\n  }}\n}}\n\n{RESOURCE}"
        )
    };
    sandbox.write("main.tf", &with("name=one&token=hunter2")).unwrap();
    run(&sandbox, &["init"], 0);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let remembered = std::fs::read_to_string(sandbox.dir().join(".terraform/terraform.tfstate")).unwrap();
    assert!(!remembered.contains("hunter2") && remembered.contains("name=one"), "{remembered}");
    // Another token leads to the same place, another name does not.
    sandbox.write("main.tf", &with("name=one&token=hunter3")).unwrap();
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    sandbox.write("main.tf", &with("name=two&token=hunter3")).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed"]);
}

#[test]
fn what_is_put_in_place_settles_what_it_knows_of() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    let toy = "terraform {\n  required_providers {\n    toy = { source = \"formwork/toy\" }\n  }\n}\n\nprovider \"toy\" {\n  folder = \
               \"cloud\"\n}\n\n";
    let thing = |name: &str| format!("resource \"toy_thing\" \"{name}\" {{\n  name = \"{name}\"\n}}\n\n");
    sandbox.write("main.tf", &(block(&store, "s") + toy + &thing("a"))).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    // While the second thing is on its way, somebody takes the lock: its outcome cannot be written there.
    sandbox
        .write("cloud/.faults/slow.json", "{ \"on\": \"create\", \"name\": \"b\", \"latency_ms\": 2500 }")
        .unwrap();
    sandbox.write("steal.sh", STEAL).unwrap();
    let steal = format!(
        "resource \"terraform_data\" \"steal\" {{\n  provisioner \"local-exec\" {{\n    command = \"sleep 1; sh steal.sh {}\"\n  }}\n}}\n",
        store.url("s")
    );
    sandbox.write("b.tf", &(thing("b") + &steal)).unwrap();
    has(&run(&sandbox, &["apply", "-auto-approve"], 1), &["errored.tfstate"]);
    has(&run(&sandbox, &["recover"], 0), &["toy_thing.b"]);
    // Another state has nothing to say about it.
    let mut other: serde_json::Value =
        serde_json::from_slice(&std::fs::read(sandbox.dir().join("errored.tfstate")).unwrap()).unwrap();
    assert_eq!(other["formwork_intents"]["settled"].as_array().map(Vec::len), Some(1));
    other.as_object_mut().unwrap().remove("formwork_intents");
    other["serial"] = 100.into();
    sandbox.write("other.tfstate", &other.to_string()).unwrap();
    has(&run(&sandbox, &["state", "push", "other.tfstate"], 1), &["An interrupted run is not settled"]);

    run(&sandbox, &["state", "push", "-force", "errored.tfstate"], 0);
    assert!(!run(&sandbox, &["recover"], 0).contains("toy_thing.b"));
    sandbox.write("b.tf", &thing("b")).unwrap();
    has(&run(&sandbox, &["plan"], 0), &["0 to add, 0 to change, 1 to destroy"]);
}

#[test]
fn unknown_kinds_and_arguments_are_told() {
    let check = |block: &str, parts: &[&str]| {
        let sandbox = sandbox_with(&format!("terraform {{\n  {block}\n}}\n\n"));
        has(&run(&sandbox, &["plan"], 1), parts);
    };
    check("backend \"gcs\" {}", &["Terraform has a backend \"gcs\"", "main.tf:2"]);
    check("backend \"htp\" {}", &["Did you mean \"http\"?"]);
    check(
        "backend \"local\" {\n    pth = \"x\"\n  }",
        &["The backend \"local\" has no argument \"pth\"", "main.tf:3"],
    );
    check("backend \"s3\" {\n    key = \"k\"\n  }", &["needs \"bucket\""]);
}

const ENCRYPTION: &str = "terraform {\n  encryption {\n    key_provider \"pbkdf2\" \"a\" {\n      passphrase = \"correct horse battery \
                          staple\"\n      iterations = 200000\n    }\n    method \"aes_gcm\" \"a\" {\n      keys = \
                          key_provider.pbkdf2.a\n    }\n";

const STATE: &str = "    state {\n      method = method.aes_gcm.a\n    }\n";
const FIRST: &str = "    method \"unencrypted\" \"old\" {}\n    state {\n      method = method.aes_gcm.a\n      fallback {\n        \
                     method = method.unencrypted.old\n      }\n    }\n";
const PLAN: &str = "    plan {\n      method = method.aes_gcm.a\n    }\n";
const OTHERS: &str =
    "    remote_state_data_sources {\n      default {\n        method = method.aes_gcm.a\n      }\n    }\n";

/// Of these targets.
fn encryption(targets: &str) -> String {
    format!("{ENCRYPTION}{targets}  }}\n}}\n\n")
}

#[test]
fn a_state_elsewhere_is_encrypted() {
    let (store, sandbox, reader) = (HttpStore::start(), sandbox(), sandbox());
    // One in clear, which then is not admitted.
    sandbox.write("main.tf", &(block(&store, "s") + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let text = store.text("s").expect("a state");
    sandbox.write("main.tf", &(block(&store, "s") + &encryption(STATE) + RESOURCE)).unwrap();
    let commands = [
        &["plan"][..],
        &["apply", "-auto-approve"],
        &["state", "list"],
        &["state", "rm", "terraform_data.a"],
        &["taint", "terraform_data.a"],
        &["output"],
        &["destroy", "-auto-approve"],
    ];
    for args in commands {
        has(&run(&sandbox, args, 1), &["it is not encrypted, and the configuration wants it to be"]);
        assert_eq!(store.text("s").as_ref(), Some(&text), "{args:?}");
    }
    // For the first run it is.
    sandbox.write("main.tf", &(block(&store, "s") + &encryption(FIRST) + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    // From now on nothing else is ever written.
    let before = store.written("s").len();
    sandbox.write("main.tf", &(block(&store, "s") + &encryption(STATE) + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve", "-replace=terraform_data.a"], 0);
    has(&run(&sandbox, &["show"], 0), &["terraform_data.a"]);
    has(&run(&sandbox, &["state", "pull"], 0), &["\"type\": \"terraform_data\""]);
    run(&sandbox, &["state", "mv", "terraform_data.a", "terraform_data.b"], 0);
    run(&sandbox, &["taint", "terraform_data.b"], 0);
    run(&sandbox, &["destroy", "-auto-approve"], 0);
    let written = store.written("s");
    assert!(written.len() >= before + 4, "{}", written.len());
    for text in &written[before - 1..] {
        assert!(text.contains("encrypted_data") && text.contains("\"lineage\""), "{text}");
        assert!(!text.contains("terraform_data"), "{text}");
    }
    // Taken into a file, it is encrypted there, too; and so is what another configuration reads.
    sandbox.write("main.tf", &(block(&store, "s") + &encryption(STATE) + RESOURCE)).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let data = format!(
        "data \"terraform_remote_state\" \"r\" {{\n  backend = \"http\"\n  config  = {{ address = \"{}\" }}\n}}\n\noutput \"o\" \
         {{\n  value = data.terraform_remote_state.r.outputs.a\n}}\n",
        store.url("s")
    );
    reader.write("main.tf", &(encryption(OTHERS) + &data)).unwrap();
    has(&run(&reader, &["apply", "-auto-approve"], 0), &["o = \"x\""]);
    sandbox.write("main.tf", &(encryption(STATE) + RESOURCE)).unwrap();
    run(&sandbox, &["init", "-migrate-state", "-force-copy"], 0);
    let moved = std::fs::read_to_string(sandbox.dir().join("terraform.tfstate")).unwrap();
    assert!(moved.contains("encrypted_data") && !moved.contains("terraform_data"), "{moved}");
    assert_eq!(run(&sandbox, &["state", "list"], 0), "terraform_data.a\n");
}

#[test]
fn plans_are_encrypted_wherever_the_state_is() {
    let (store, sandbox) = (HttpStore::start(), sandbox());
    sandbox.write("main.tf", &(block(&store, "s") + &encryption(PLAN) + RESOURCE)).unwrap();
    run(&sandbox, &["plan", "-out=p"], 0);
    let plan = std::fs::read(sandbox.dir().join("p")).unwrap();
    assert!(String::from_utf8_lossy(&plan).contains("encrypted_data"));
    has(&run(&sandbox, &["apply", "p"], 0), &["1 added"]);
    assert!(store.text("s").expect("a state").contains("terraform_data"));
}
