//! The escaping block.

use super::{check, check_all, loaded};

#[test]
fn what_is_escaped_belongs_to_the_type() {
    let text = "resource \"t\" \"x\" {\n count = 2\n _ {\n count = 3\n rule {}\n }\n}\n";
    check(text, &[]);
    let all = loaded(&[("main.tf", text)]).config.unwrap();
    let body = &all.root().resources.values().next().unwrap().body;
    assert_eq!(body.attributes.iter().map(|a| &*a.name.name).collect::<Vec<_>>(), ["count"]);
    assert_eq!(body.blocks.iter().map(|b| &*b.kind.name).collect::<Vec<_>>(), ["rule"]);
    check("data \"t\" \"x\" {\n _ { provider = 1 }\n}\n", &[]);
    check("provider \"p\" {\n _ { alias = 1 }\n}\n", &[]);
    let json = r#"{"resource":{"t":{"x":{"_":{"count":3}}}}}"#;
    let all = loaded(&[("main.tf.json", json)]).config.unwrap();
    assert_eq!(all.root().resources.values().next().unwrap().body.attributes.len(), 1);
}

#[test]
fn modules_and_provisioners_have_it_too() {
    let module = ("m/main.tf", "variable \"v\" {}\n");
    let call = |content: &str| format!("module \"m\" {{\n source = \"./m\"\n {content}\n}}\n");
    check_all(&[("main.tf", &call("_ { v = 2 }")), module], &[]);
    check_all(&[("main.tf", &call("v = 1\n _ { v = 2 }")), module], &["Duplicate argument"]);
    check_all(&[("main.tf", &call("_ {}")), module], &["Missing required argument"]);
    check(
        "resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n _ { command = \"true\" }\n }\n}\n",
        &[],
    );
}

#[test]
fn there_is_one_without_labels() {
    let with = |content: &str| format!("resource \"t\" \"x\" {{\n {content}\n}}\n");
    check(&with("_ { a = 1 }\n _ { a = 2 }"), &["Duplicate escaping block"]);
    check(&with("_ \"a\" {}"), &["Extraneous label for _"]);
    check(&with("lifecycle {\n _ {}\n }"), &["Unsupported block type"]);
    check("variable \"v\" {\n _ {}\n}\n", &["Unsupported block type"]);
}
