//! Provisioners on this machine, and what they refuse.

use super::provisioners;
use formwork_provider::{Provisioner, Provisioning, connection_schema};
use formwork_value::{Map, Type, Value};
use std::sync::{Arc, Mutex};

fn provisioner(name: &str) -> Arc<dyn Provisioner> {
    provisioners().into_iter().find(|p| p.name() == name).unwrap()
}

/// An object of a schema: what is not given is null.
fn object(schema: &formwork_provider::Block, given: &[(&str, Value)]) -> Value {
    let mut attributes: Map =
        schema.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone()))).collect();
    attributes.extend(given.iter().map(|(name, value)| ((*name).into(), value.clone())));
    Value::from(attributes)
}

async fn run(
    name: &str,
    given: &[(&str, Value)],
    connection: Option<&[(&str, Value)]>,
) -> (Vec<String>, String) {
    let provisioner = provisioner(name);
    let config = object(provisioner.schema(), given);
    let connection = connection.map(|c| object(connection_schema(), c));
    let said = Mutex::new(Vec::new());
    let say = |line: &str| said.lock().unwrap().push(line.to_owned());
    let what = Provisioning { config: &config, connection: connection.as_ref(), say: &say };
    let outcome = match provisioner.run(&what).await {
        Ok(()) => String::new(),
        Err(error) => format!("{}: {}", error.summary, error.detail),
    };
    (said.into_inner().unwrap(), outcome)
}

fn words(words: &[&str]) -> Value {
    Value::list(Type::String, words.iter().map(|w| Value::string(*w)).collect())
}

#[tokio::test]
async fn commands_tell_what_they_print() {
    let check = async |given: &[(&str, Value)], lines: &[&str], outcome: &str| {
        let mut given = given.to_vec();
        given.push(("quiet", Value::from(true)));
        let (said, found) = run("local-exec", &given, None).await;
        assert_eq!(
            (&said[1..], found.as_str()),
            (lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>().as_slice(), outcome)
        );
    };
    let command = |text: &str| ("command", Value::string(text));
    check(&[command("echo a; echo b >&2; printf c")], &["a", "b", "c"], "").await;
    check(
        &[command("echo no; exit 3")],
        &["no"],
        "local-exec provisioner error: The command 'echo no; exit 3' failed with exit status 3. It printed: no.",
    )
    .await;
    check(&[command("pwd"), ("working_dir", Value::string("/"))], &["/"], "").await;
    check(&[command("x"), ("interpreter", words(&["/bin/echo", "-n", "said:"]))], &["said: x"], "").await;
    let environment = Value::map(Type::String, [("FW_X".into(), Value::string("y"))].into());
    check(&[command("echo $FW_X"), ("environment", environment)], &["y"], "").await;
    // What is left running in the background holds nobody up.
    check(&[command("sleep 60 & echo done")], &["done"], "").await;
}

#[tokio::test]
async fn what_is_dropped_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late").display().to_string();
    let line = format!("(sleep 1; touch {file}) & sleep 1; touch {file}");
    let given = [("command", Value::string(line))];
    let stopped =
        tokio::time::timeout(std::time::Duration::from_millis(300), run("local-exec", &given, None)).await;
    assert!(stopped.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(!std::path::Path::new(&file).exists());
}

#[tokio::test]
async fn connections_that_cannot_be_are_refused() {
    let check = async |connection: &[(&str, Value)], expected: &str| {
        let given = [("inline", words(&["true"]))];
        assert_eq!(run("remote-exec", &given, Some(connection)).await.1, expected);
    };
    let text = |name: &'static str, value: &str| (name, Value::string(value));
    check(
        &[text("host", "h"), text("type", "winrm")],
        "Invalid connection: WinRM is not supported: machines are reached by SSH only.",
    )
    .await;
    check(&[text("host", "")], "Invalid connection: The host is empty.").await;
    check(
        &[text("host", "h"), text("timeout", "soon")],
        "Invalid connection: The timeout \"soon\" is not a duration such as \"30s\", \"5m\" or \"1h30m\".",
    )
    .await;
    // Nothing listens there.
    let nobody = [text("host", "127.0.0.1"), ("port", Value::from(1i64)), text("timeout", "1s")];
    let (_, outcome) =
        run("file", &[("content", Value::string("x")), ("destination", Value::string("/x"))], Some(&nobody))
            .await;
    assert!(
        outcome.starts_with("Machine cannot be reached: root@127.0.0.1:1 did not let us in"),
        "{outcome}"
    );
}

#[test]
fn arguments_that_exclude_each_other() {
    let check = |name: &str, given: &[(&str, Value)], fine: bool| {
        let provisioner = provisioner(name);
        let config = object(provisioner.schema(), given);
        assert_eq!(provisioner.validate(&config).is_empty(), fine, "{name} {given:?}");
    };
    check("remote-exec", &[], false);
    check("remote-exec", &[("script", Value::string("a"))], true);
    check("remote-exec", &[("script", Value::string("a")), ("inline", words(&["b"]))], false);
    check("file", &[("source", Value::unknown(Type::String))], true);
    check("file", &[("source", Value::string("a")), ("content", Value::string("b"))], false);
    check("local-exec", &[("command", Value::string(""))], false);
}
