//! States that move from one backend to another, in pieces and more than once: nothing may be lost on the way.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::{HttpStore, Postgres, Sandbox};

const RESOURCE: &str = "resource \"terraform_data\" \"a\" {\n  input = \"x\"\n}\n";

const THING: &str = "terraform {\n  required_providers {\n    toy = { source = \"formwork/toy\" }\n  }\n}\n\nprovider \"toy\" {\n  folder = \
                     \"cloud\"\n}\n\nresource \"toy_thing\" \"a\" {\n  name = \"a\"\n}\n";

fn sandbox(configuration: &str) -> Sandbox {
    let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
    sandbox.write("main.tf", configuration).unwrap();
    sandbox
}

fn run_with(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)], code: i32) -> String {
    let ran = sandbox.formwork_with(args, env).expect("it runs");
    ran.expect(code).unwrap_or_else(|e| panic!("{args:?} {env:?}: {e}"))
}

fn run(sandbox: &Sandbox, args: &[&str], code: i32) -> String {
    run_with(sandbox, args, &[], code)
}

/// The text has all of these, whatever its lines.
fn has(text: &str, parts: &[&str]) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "no {part:?} in:\n{text}");
    }
}

/// Kills a run; whether there was such an event.
fn killed(sandbox: &Sandbox, args: &[&str], event: &str) -> bool {
    sandbox.formwork_with(args, &[("FORMWORK_TOY_KILL", event)]).expect("it runs").code.is_none()
}

const MIGRATE: [&str; 3] = ["init", "-migrate-state", "-force-copy"];

fn pg(server: &Postgres, schema: &str, more: &str) -> String {
    let connection = Postgres::connection(&server.address);
    let joint = if connection.contains('?') { '&' } else { '?' };
    let more = if more.is_empty() { String::new() } else { format!("{joint}{more}") };
    format!(
        "terraform {{\n  backend \"pg\" {{\n    conn_str = \"{connection}{more}\"\n    schema_name = \"{schema}\"\n  }}\n}}\n\n"
    )
}

/// Three workspaces with a state each, in files.
fn three() -> Sandbox {
    let sandbox = sandbox(RESOURCE);
    for workspace in ["default", "dev", "prod"] {
        if workspace != "default" {
            run(&sandbox, &["workspace", "new", workspace], 0);
        }
        run(&sandbox, &["apply", "-auto-approve"], 0);
    }
    run(&sandbox, &["workspace", "select", "default"], 0);
    sandbox
}

fn all_are_there(sandbox: &Sandbox, when: &str) {
    for workspace in ["default", "dev", "prod"] {
        let said = run_with(sandbox, &["plan"], &[("TF_WORKSPACE", workspace)], 0);
        assert!(said.contains("No changes"), "{when}, {workspace}: {said}");
    }
}

#[test]
fn a_migration_that_is_killed_and_done_again_loses_nothing() {
    let Some(server) = Postgres::start() else { return };
    let mut kills = 0;
    for n in 1..=24 {
        let sandbox = three();
        sandbox.write("main.tf", &(pg(&server, &format!("killed{n}"), "") + RESOURCE)).unwrap();
        if !killed(&sandbox, &MIGRATE, &format!("folding:{n}")) {
            break;
        }
        kills += 1;
        run(&sandbox, &MIGRATE, 0);
        all_are_there(&sandbox, &format!("killed at {n}"));
        // What was used last may get lost, too.
        std::fs::remove_dir_all(sandbox.dir().join(".terraform")).unwrap();
        run(&sandbox, &MIGRATE, 0);
        all_are_there(&sandbox, &format!("killed at {n}, and once more"));
        // And back, into folders that are not there any more.
        std::fs::remove_dir_all(sandbox.dir().join("terraform.tfstate.d")).unwrap();
        sandbox.write("main.tf", RESOURCE).unwrap();
        run(&sandbox, &MIGRATE, 0);
        all_are_there(&sandbox, &format!("killed at {n}, and back"));
    }
    assert!(kills >= 5, "{kills}");
}

#[test]
fn what_is_not_settled_is_left_nowhere() {
    let store = HttpStore::start();
    let sandbox = sandbox(THING);
    assert!(killed(&sandbox, &["apply", "-auto-approve"], "effect-done:1"));
    let url = store.url("s");
    let block = format!("terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n  }}\n}}\n\n");
    sandbox.write("backend.tf", &block).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend initialization required", "left unsettled"]);
    has(&run(&sandbox, &MIGRATE, 1), &["An interrupted run is not settled"]);
    std::fs::remove_file(sandbox.dir().join("backend.tf")).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    sandbox.write("backend.tf", &block).unwrap();
    run(&sandbox, &MIGRATE, 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    assert_eq!(things(&sandbox), 1);
}

#[test]
fn another_way_to_the_same_place_moves_nothing() {
    let store = HttpStore::start();
    let url = store.url("s");
    let block = |retries: u32| {
        format!(
            "terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n    lock_address = \"{url}\"\n    unlock_address = \"{url}\"\n    \
             retry_max = {retries}\n  }}\n}}\n\n"
        )
    };
    let sandbox = sandbox(&(block(1) + RESOURCE));
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let before = store.text("s");
    sandbox.write("main.tf", &(block(3) + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed", "retry_max"]);
    run(&sandbox, &MIGRATE, 0);
    assert_eq!(store.text("s"), before);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

#[test]
fn a_workspace_with_unsettled_operations_stays() {
    let sandbox = sandbox(THING);
    run(&sandbox, &["workspace", "new", "w"], 0);
    assert!(killed(&sandbox, &["apply", "-auto-approve"], "effect-done:1"));
    run(&sandbox, &["workspace", "select", "default"], 0);
    has(&run(&sandbox, &["workspace", "delete", "w"], 1), &["Workspace is not settled", "1 operation(s)"]);
    run(&sandbox, &["workspace", "select", "w"], 0);
    run(&sandbox, &["destroy", "-auto-approve"], 0);
    run(&sandbox, &["workspace", "select", "default"], 0);
    run(&sandbox, &["workspace", "delete", "w"], 0);
    assert!(!sandbox.dir().join("terraform.tfstate.d/w").exists());
}

#[test]
fn another_database_is_another_place() {
    let Some(server) = Postgres::start() else { return };
    let connection = Postgres::connection(&server.address);
    let sandbox = sandbox(&(pg(&server, "places", "") + RESOURCE));
    run(&sandbox, &["apply", "-auto-approve"], 0);
    sandbox.write("main.tf", &(pg(&server, "places", "application_name=other") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed", "conn_str"]);
    has(&run(&sandbox, &["init"], 1), &["Backend configuration changed"]);
    let memory = std::fs::read_to_string(sandbox.dir().join(".terraform/terraform.tfstate")).unwrap();
    assert!(memory.contains(connection.split('?').next().unwrap()), "{memory}");
    // Away from there, without a word on where it was but what is remembered.
    sandbox.write("main.tf", RESOURCE).unwrap();
    run(&sandbox, &MIGRATE, 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

fn local(path: &str) -> String {
    format!("terraform {{\n  backend \"local\" {{\n    path = \"{path}\"\n  }}\n}}\n\n")
}

#[test]
fn another_path_is_another_place() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let at = |path: &str| sandbox.write("main.tf", &(local(path) + RESOURCE)).unwrap();
    at("x.tfstate");
    let parts = ["Backend initialization required", "terraform.tfstate has a state with 1 resource"];
    has(&run(&sandbox, &["plan"], 1), &parts);
    has(&run(&sandbox, &["init"], 1), &["Nobody can be asked"]);
    run(&sandbox, &MIGRATE, 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    assert_eq!(run(&sandbox, &["state", "list", "-state=terraform.tfstate"], 0), "");

    at("dir/y.tfstate");
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed", "\"path\"", "main.tf:2"]);
    has(&run(&sandbox, &["init"], 1), &["Backend configuration changed"]);
    run(&sandbox, &MIGRATE, 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    let state = || std::fs::read_to_string(sandbox.dir().join("dir/y.tfstate")).unwrap();
    let before = state();
    // Another name of the same file.
    at("./dir/../dir/y.tfstate");
    run(&sandbox, &MIGRATE, 0);
    assert_eq!(state(), before);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);

    sandbox.write("main.tf", RESOURCE).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["no backend block any more"]);
    run(&sandbox, &MIGRATE, 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

#[test]
fn a_path_is_remembered_by_the_first_run() {
    let sandbox = sandbox(&(local("x.tfstate") + RESOURCE));
    run(&sandbox, &["apply", "-auto-approve"], 0);
    sandbox.write("main.tf", &(local("y.tfstate") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed"]);
    run(&sandbox, &["init", "-reconfigure"], 0);
    has(&run(&sandbox, &["plan"], 0), &["1 to add"]);
    // What has been in use is so without a memory, whatever else lies there.
    sandbox.write("main.tf", RESOURCE).unwrap();
    std::fs::remove_dir_all(sandbox.dir().join(".terraform")).unwrap();
    run(&sandbox, &["apply", "-auto-approve"], 0);
    sandbox.write("main.tf", &(local("x.tfstate") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

#[test]
fn what_init_was_told_of_a_path_goes_on_to_count() {
    let sandbox = sandbox(&(format!("terraform {{\n  backend \"local\" {{}}\n}}\n\n{RESOURCE}")));
    run(&sandbox, &["init", "-backend-config=path=x.tfstate"], 0);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    assert!(sandbox.dir().join("x.tfstate").exists() && !sandbox.dir().join("terraform.tfstate").exists());
}

#[test]
fn no_workspace_is_left_behind() {
    let store = HttpStore::start();
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["workspace", "new", "dev"], 0);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    run(&sandbox, &["workspace", "select", "default"], 0);
    let url = store.url("s");
    let block = format!("terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n  }}\n}}\n\n");
    sandbox.write("main.tf", &(block + RESOURCE)).unwrap();
    let parts = ["Backend initialization required", "of the workspace \"dev\" has a state with 1 resource"];
    has(&run(&sandbox, &["plan"], 1), &parts);
    run(&sandbox, &["init", "-reconfigure"], 0);
    has(&run(&sandbox, &["plan"], 0), &["1 to add"]);
}

fn things(sandbox: &Sandbox) -> usize {
    let things = std::fs::read_dir(sandbox.dir().join("cloud")).unwrap().flatten();
    things.filter(|f| f.file_name().to_string_lossy().starts_with("thing-")).count()
}

/// A second thing, behind THING.
const SECOND: &str = "\nresource \"toy_thing\" \"b\" {\n  name = \"b\"\n}\n";

#[test]
fn a_state_that_was_lost_beside_a_journal_is_missed() {
    for cut in [true, false] {
        let sandbox = sandbox(THING);
        run(&sandbox, &["apply", "-auto-approve"], 0);
        sandbox.write("main.tf", &(THING.to_owned() + SECOND)).unwrap();
        assert!(killed(&sandbox, &["apply", "-auto-approve"], "effect-done:1"));
        let file = sandbox.dir().join("terraform.tfstate");
        if cut { std::fs::write(&file, "") } else { std::fs::remove_file(&file) }.unwrap();
        for args in [&["plan"][..], &["apply", "-auto-approve"], &["recover"], &["state", "list"]] {
            has(&run(&sandbox, args, 1), &["it holds no state", "goes on from version 1", "state history"]);
        }
        has(&run(&sandbox, &["state", "history"], 0), &["1 resource instance"]);
        has(&run(&sandbox, &["state", "restore", "1"], 0), &["Put version 1 back"]);
        run(&sandbox, &["apply", "-auto-approve"], 0);
        assert_eq!(things(&sandbox), 2);
        has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    }
}

#[test]
fn a_damaged_state_can_be_restored_and_is_kept() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let file = sandbox.dir().join("terraform.tfstate");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    run(&sandbox, &["plan"], 1);
    has(&run(&sandbox, &["state", "history"], 0), &["1 resource instance"]);
    has(&run(&sandbox, &["state", "restore", "1"], 0), &["Put version 1 back"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
    let kept = std::fs::read_to_string(sandbox.dir().join("terraform.tfstate.damaged")).unwrap();
    assert_eq!(kept, whole[..whole.len() / 2]);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
}

#[test]
fn a_state_that_is_gone_is_restored_as_the_one_that_it_was() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    run(&sandbox, &["taint", "terraform_data.a"], 0);
    let file = sandbox.dir().join("terraform.tfstate");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    has(&run(&sandbox, &["state", "restore", "2"], 0), &["Restored version 2, with 1 resource instance(s)."]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
    // Beside another state it is the next version of that one.
    has(&run(&sandbox, &["state", "restore", "1"], 0), &["Restored version 1 as version 3, with 1"]);
}

#[test]
fn a_state_that_no_version_can_follow_is_refused_before_anything_is_made() {
    let sandbox = sandbox(THING);
    let file = sandbox.dir().join("terraform.tfstate");
    let last = "{\"version\": 4, \"serial\": 9223372036854775807, \"lineage\": \"l\", \"outputs\": {}, \"resources\": []}";
    std::fs::write(&file, last).unwrap();
    has(&run(&sandbox, &["plan"], 0), &["1 to add"]);
    has(&run(&sandbox, &["apply", "-auto-approve"], 1), &["no version can follow it", "state push -force"]);
    assert!(!sandbox.dir().join("cloud").exists() || things(&sandbox) == 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), last);
    sandbox.write("last", last).unwrap();
    has(&run(&sandbox, &["state", "push", "-force", "last"], 1), &["last: its serial is"]);
    sandbox.write("smaller", &last.replace("9223372036854775807", "7")).unwrap();
    run(&sandbox, &["state", "push", "-force", "smaller"], 0);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    assert_eq!(things(&sandbox), 1);
}

#[test]
fn passwords_in_addresses_are_not_remembered() {
    let store = HttpStore::start();
    let url = store.url("s").replace("http://", "http://me:hush-hush@");
    let block = format!("terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n  }}\n}}\n\n");
    let sandbox = sandbox(&(block.clone() + RESOURCE));
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let memory = std::fs::read_to_string(sandbox.dir().join(".terraform/terraform.tfstate")).unwrap();
    assert!(!memory.contains("hush-hush"), "{memory}");
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    // Another password leads to the same place, another name not.
    sandbox.write("main.tf", &(block.replace("hush-hush", "psst") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    sandbox.write("main.tf", &(block.replace("/s\"", "/t\"") + RESOURCE)).unwrap();
    has(&run(&sandbox, &["plan"], 1), &["Backend configuration changed"]);
}

#[test]
fn a_workspace_that_is_not_known_is_not_the_default_one() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["workspace", "new", "dev"], 0);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    // What a write that was cut short leaves.
    sandbox.write(".terraform/environment", "").unwrap();
    let parts = ["The current workspace is not known", "it is empty", "formwork workspace select NAME"];
    for args in [&["plan"][..], &["apply", "-auto-approve"], &["state", "list"], &["workspace", "show"]] {
        has(&run(&sandbox, args, 1), &parts);
    }
    has(&run(&sandbox, &["workspace", "delete", "-force", "dev"], 1), &parts);
    assert!(!sandbox.dir().join("terraform.tfstate").exists());
    has(&run(&sandbox, &["workspace", "list"], 0), &["default", "dev"]);
    run(&sandbox, &["workspace", "select", "dev"], 0);
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    let folder = sandbox.dir().join(".terraform");
    assert_eq!(std::fs::read_to_string(folder.join("environment")).unwrap(), "dev");
    assert!(!folder.join("environment.tmp").exists());
}

#[test]
fn a_new_workspace_has_its_state_before_it_is_selected() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    std::fs::copy(sandbox.dir().join("terraform.tfstate"), sandbox.dir().join("s.tfstate")).unwrap();
    // What a first try that was cut short leaves.
    std::fs::create_dir_all(sandbox.dir().join("terraform.tfstate.d/new")).unwrap();
    has(&run(&sandbox, &["workspace", "new", "new"], 1), &["exists already"]);
    run(&sandbox, &["workspace", "new", "-state=s.tfstate", "new"], 0);
    assert_eq!(run(&sandbox, &["workspace", "show"], 0), "new\n");
    has(&run(&sandbox, &["plan"], 0), &["No changes"]);
    // One that has a state stays as it is, and nobody is sent to one that could not be filled.
    run(&sandbox, &["workspace", "select", "default"], 0);
    has(&run(&sandbox, &["workspace", "new", "-state=s.tfstate", "new"], 1), &["exists already"]);
    has(&run(&sandbox, &["workspace", "new", "-state=s.tfstate", "default"], 1), &["exists already"]);
    has(&run(&sandbox, &["workspace", "new", "-state=none", "other"], 1), &["Could not read none"]);
    assert_eq!(run(&sandbox, &["workspace", "show"], 0), "default\n");
    assert!(!run(&sandbox, &["workspace", "list"], 0).contains("other"));
}

#[test]
fn a_backup_is_not_kept_in_place_of_the_state() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let before = std::fs::read(sandbox.dir().join("terraform.tfstate")).unwrap();
    let refused = [
        ("-backup=./terraform.tfstate", "it is the state "),
        ("-backup=.terraform.tfstate.journal", "it is the journal of the state"),
    ];
    for (flag, why) in refused {
        has(&run(&sandbox, &["state", "rm", flag, "terraform_data.a"], 1), &[why, "Nothing was changed"]);
        has(&run(&sandbox, &["apply", "-auto-approve", "-replace=terraform_data.a", flag], 1), &[why]);
    }
    assert_eq!(std::fs::read(sandbox.dir().join("terraform.tfstate")).unwrap(), before);
}

#[test]
fn a_backup_is_not_kept_in_place_of_another_state_of_the_same_command() {
    let sandbox = sandbox(RESOURCE);
    run(&sandbox, &["apply", "-auto-approve"], 0);
    let file = |name: &str| sandbox.dir().join(name);
    std::fs::copy(file("terraform.tfstate"), file("from.tfstate")).unwrap();
    std::fs::copy(file("terraform.tfstate"), file("x.tfstate.backup")).unwrap();
    let before = std::fs::read(file("terraform.tfstate")).unwrap();
    let apply = ["apply", "-auto-approve", "-replace=terraform_data.a"];
    let from = ["-state=from.tfstate", "-state-out=out.tfstate", "-backup=from.tfstate"];
    has(
        &run(&sandbox, &[&apply[..], &from].concat(), 1),
        &["it is the state from.tfstate", "Nothing was changed"],
    );
    let own = ["-state=x.tfstate.backup", "-state-out=x.tfstate"];
    has(
        &run(&sandbox, &[&apply[..], &own].concat(), 1),
        &["it is the state x.tfstate.backup", "with -backup."],
    );
    let to = |flag| ["state", "mv", flag, "-state-out=from.tfstate", "terraform_data.a", "terraform_data.b"];
    has(&run(&sandbox, &to("-backup=from.tfstate"), 1), &["it is the state from.tfstate", "with -backup."]);
    let out = run(&sandbox, &to("-backup-out=terraform.tfstate"), 1);
    has(&out, &["it is the state terraform.tfstate", "with -backup-out."]);
    for name in ["terraform.tfstate", "from.tfstate", "x.tfstate.backup"] {
        assert!(std::fs::read(file(name)).unwrap() == before, "{name}");
    }
    assert!(!file("out.tfstate").exists() && !file("x.tfstate").exists());
}
