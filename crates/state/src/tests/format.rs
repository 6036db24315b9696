use crate::*;
use formwork_value::{Path, Value};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../state/golden");
const JOURNALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../state/golden-journals");

#[test]
fn what_terraform_wrote_is_written_back_byte_for_byte() {
    let mut count = 0;
    for entry in std::fs::read_dir(GOLDEN).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let state = snapshot::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(snapshot::render(&state), text, "{}", path.display());
        let again = snapshot::parse(&snapshot::render(&state)).unwrap();
        assert_eq!(again, state, "{}", path.display());
        count += 1;
    }
    assert!(count >= 5, "only {count} golden states");
}

#[test]
fn what_versions_wrote_into_their_journals_is_replayed() {
    let mut count = 0;
    for entry in std::fs::read_dir(JOURNALS).unwrap() {
        let journal = entry.unwrap().path();
        if journal.extension().is_none_or(|kind| kind != "journal") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("terraform.tfstate");
        std::fs::copy(journal.with_extension("tfstate"), &state).unwrap();
        std::fs::copy(&journal, dir.path().join(".terraform.tfstate.journal")).unwrap();
        let expected = match journal.file_stem().and_then(|name| name.to_str()) {
            Some("replacing") => &["toy_thing.a: 0 current, 1 aside"][..],
            _ => &["terraform_data.a", "terraform_data.b", "terraform_data.slow"],
        };
        let check = |state: &State, foreign: bool| {
            let shown = |(addr, _, instance): (formwork_addr::InstanceAddr, _, &ResourceInstance)| {
                let counts = (instance.current.iter().count(), instance.deposed.len());
                if counts == (1, 0) {
                    return addr.to_string();
                }
                format!("{addr}: {} current, {} aside", counts.0, counts.1)
            };
            let found: Vec<String> = state.instances().map(shown).collect();
            assert_eq!(
                (found.iter().map(String::as_str).collect::<Vec<_>>(), foreign),
                (expected.to_vec(), false),
                "{}",
                journal.display()
            );
        };
        let backend = LocalBackend::new(&state);
        let peeked = backend.peek().unwrap();
        check(&peeked.state, peeked.foreign);
        let session = backend.open(&super::options()).unwrap();
        check(session.state(), session.foreign());
        assert_eq!((session.state().serial, session.recovered()), (2, true));
        count += 1;
    }
    assert!(count >= 3, "only {count} golden journals");
}

#[test]
fn a_state_is_understood() {
    let read =
        |name: &str| snapshot::parse(&std::fs::read_to_string(format!("{GOLDEN}/{name}")).unwrap()).unwrap();
    let state = read("deposed-tainted.tfstate");
    let dep = state.instance(&"terraform_data.dep".parse().unwrap()).unwrap();
    assert_eq!(dep.deposed.keys().map(|k| &**k).collect::<Vec<_>>(), ["77398a1c", "96bd65eb"]);
    assert_eq!(dep.current.as_ref().unwrap().dependencies[0].to_string(), "terraform_data.base");
    assert!(dep.current.as_ref().unwrap().create_before_destroy);
    let taint = state.instance(&"terraform_data.taint[1]".parse().unwrap()).unwrap();
    assert_eq!(taint.current.as_ref().unwrap().status, Status::Tainted);

    let state = read("modules-counted-keyed-sensitive.tfstate");
    let each = state.instance(&"terraform_data.each[\"a\"]".parse().unwrap()).unwrap();
    let deep = Path::root().attr("input").attr("deep").index(Value::from(0)).attr("p");
    assert!(each.current.as_ref().unwrap().sensitive.contains(&deep));
    assert!(state.outputs["secret"].sensitive);
}

#[test]
fn values_as_deep_as_they_go_come_back() {
    let list = |v| Value::tuple(vec![v]);
    let map = |v| Value::object([("a", v)]);
    let both = |n: u32, v| if n.is_multiple_of(2) { list(v) } else { map(v) };
    let deep = |wrap: &dyn Fn(u32, Value) -> Value| {
        (0..formwork_value::MAX_DEPTH).fold(Value::from("x"), |v, n| wrap(n, v))
    };
    let mut state = State::default();
    for (name, value) in
        [("lists", deep(&|_, v| list(v))), ("objects", deep(&|_, v| map(v))), ("both", deep(&both))]
    {
        value.check_size().unwrap();
        state.outputs.insert(name.into(), OutputState { value, sensitive: false });
    }
    let text = snapshot::render(&state);
    assert_eq!(snapshot::parse(&text).unwrap(), state);
}

#[test]
fn what_we_do_not_know_is_kept() {
    let text = r#"{
  "version": 4,
  "terraform_version": "1.11.4",
  "serial": 1,
  "lineage": "l",
  "outputs": {},
  "resources": [
    {
      "mode": "managed",
      "type": "t",
      "name": "n",
      "provider": "p",
      "instances": [
        {
          "schema_version": 0,
          "attributes": {
            "x": 1.50
          },
          "sensitive_attributes": [],
          "identity_schema_version": 0,
          "identity": {
            "a": [
              "b"
            ]
          },
          "private": "AA=="
        }
      ]
    }
  ],
  "check_results": null
}
"#;
    let state = snapshot::parse(text).unwrap();
    assert_eq!(snapshot::render(&state), text);
}

#[test]
fn a_broken_state_says_where_and_no_secret() {
    let check = |text: &str, expected: &str| {
        let error = snapshot::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    };
    let resource = |instances: &str| {
        format!(
            r#"{{"version":4,"resources":[{{"mode":"managed","type":"t","name":"n","provider":"p","instances":[{instances}]}}]}}"#
        )
    };
    check("{", "ends in the middle of the JSON, at line 1, column 1");
    check("{\"version\":4,\n\"serial\":\"hunter2\"}", "a value of the wrong kind at line 2, column 18");
    check("{\"version\":4, hunter2}", "not valid JSON");
    check("{\"version\":4,\"serial\":18446744073709551615}", "no room for the next ones");
    check("{\"version\":3}", "version 3 of the state format");
    check("{\"version\":5}", "newer than this program");
    check("{\"format_version\":\"1.2\"}", "no \"version\" field");
    check("{\"version\":4,\"resources\":[{\"mode\":\"managed\"}]}", "missing field `type`");
    check(&resource("{},{}"), "an object of t.n is there twice");
    check(&resource("{\"index_key\":-1}"), "t.n cannot be read: its index_key is -1");
    check(&resource("{\"index_key\":1,\"status\":\"odd\"}"), "t.n[1] cannot be read: its status is \"odd\"");
    check(&resource("{\"private\":\"?\"}"), "private data is not valid base64");
    check(&resource("{\"dependencies\":[\"a.b[0]\"]}"), "of its dependencies");
    check(
        r#"{"version":4,"outputs":{"o":{"value":"hunter2","type":"number"}}}"#,
        "the output \"o\" has a value that does not fit",
    );
}

#[test]
fn objects_of_terraform_0_11_are_kept_and_not_worked_with() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    std::fs::copy(format!("{GOLDEN}/unknown-types-private.tfstate"), &path).unwrap();
    let backend = LocalBackend::new(&path);
    assert!(backend.peek().unwrap().state.usable().is_err());
    let error = backend.open(&super::options()).err().unwrap();
    assert!(error.to_string().contains("vendor_thing.old[\"b\"] has \"attributes_flat\""), "{error}");
}
