//! Keys of AWS that stand nowhere: a role to take on, and what a container, a machine or a login in the browser is given; for
//! the key service and for a state in a bucket. With moto, and web servers of the tests' own for those who give keys out.

use crate::givers::Givers;
use crate::kms::{Moto, new_key};
use crate::{flat, run_with, sandbox, things};
use formwork_testkit::{HttpStore, Sandbox};

const OWN: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "very secret")];
const ROLE: &str = "assume_role = { role_arn = \"arn:aws:iam::123456789012:role/states\", duration = \"15m\", tags = { a = \"b\" } }";

fn run(sandbox: &Sandbox, env: &[(&str, &str)], code: i32, args: &[&str]) -> String {
    let ran = run_with(sandbox, args, env).expect(code);
    flat(&ran.unwrap_or_else(|e| panic!("{}: {e}", args.join(" "))))
}

/// Gives keys out as the agent of a container does; the environment that says where.
fn container(server: &HttpStore) -> [(&'static str, String); 2] {
    let keys = r#"{"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}"#;
    server.put("keys", keys);
    [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("keys")),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

/// A role is taken on with keys, keys come from a container, and what goes wrong is told.
fn check(sandbox: &Sandbox, configure: &dyn Fn(&str, &str), sts: &str) {
    configure(ROLE, sts);
    run(sandbox, &OWN, 0, &["apply", "-auto-approve"]);
    run(sandbox, &OWN, 0, &["plan", "-detailed-exitcode"]);
    configure(ROLE, "http://127.0.0.1:1");
    let told = run(sandbox, &OWN, 1, &["plan"]);
    assert!(told.contains("the role arn:aws:iam::123456789012:role/states cannot be taken on"), "{told}");
    assert!(!told.contains("very secret"), "{told}");

    configure("", sts);
    let server = HttpStore::start();
    let env = container(&server);
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, &**value)).collect();
    run(sandbox, &env, 0, &["plan", "-detailed-exitcode"]);
    assert!(server.requests().iter().any(|r| r.contains("/keys")), "{:?}", server.requests());
    let told = run(sandbox, &env[1..], 1, &["plan"]);
    assert!(told.contains("there is no access key for AWS"), "{told}");

    let givers = Givers::start();
    let url = givers.url();
    run(sandbox, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url)], 0, &["plan", "-detailed-exitcode"]);
    assert_eq!(givers.given(), ["machine"]);
    for (name, text) in Givers::logged_in() {
        sandbox.write(&format!("../{name}"), &text).expect(name);
    }
    let signed_on =
        [("AWS_PROFILE", "work"), ("AWS_ENDPOINT_URL_SSO", &*url), ("AWS_EC2_METADATA_DISABLED", "true")];
    run(sandbox, &signed_on, 0, &["plan", "-detailed-exitcode"]);
    assert_eq!(givers.given(), ["machine", "sign-on"]);

    configure("assume_role = { role_arn = \"r\", duration = \"soon\" }", sts);
    run(sandbox, &OWN, 1, &["plan"]);
    configure(
        "assume_role_with_web_identity = { role_arn = \"arn:aws:iam::123456789012:role/web\", web_identity_token_file = \"token\" }",
        sts,
    );
    let told = run(sandbox, &OWN, 1, &["plan"]);
    assert!(told.contains("token of the identity provider cannot be read"), "{told}");
    sandbox.write("token", "header.payload.signature\n").expect("a token");
    run(sandbox, &OWN, 0, &["plan", "-detailed-exitcode"]);
    configure("", sts);
    run(sandbox, &OWN, 0, &["destroy", "-auto-approve"]);
}

#[test]
fn the_key_service_is_asked_in_a_role() {
    let Some(moto) = Moto::start() else { return };
    let (key, sandbox) = (new_key(&moto), sandbox());
    let kms = moto.url.clone();
    let configure = |role: &str, sts: &str| {
        let block = format!(
            "terraform {{\n  encryption {{\n    key_provider \"aws_kms\" \"k\" {{\n      kms_key_id = \"{key}\"\n      key_spec = \
             \"AES_256\"\n      region = \"eu-west-1\"\n      max_retries = 0\n      {role}\n      endpoints {{\n        kms = \
             \"{kms}\"\n        sts = \"{sts}\"\n      }}\n    }}\n    method \"aes_gcm\" \"k\" {{\n      keys = \
             key_provider.aws_kms.k\n    }}\n    state {{\n      method = method.aes_gcm.k\n    }}\n  }}\n}}\n"
        );
        sandbox.write("main.tf", &(things("red") + &block)).expect("main.tf");
    };
    check(&sandbox, &configure, &moto.url);
}

#[test]
fn a_bucket_is_reached_in_a_role() {
    let Some(moto) = Moto::start() else { return };
    moto.ask("client('s3').create_bucket(Bucket='states', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})");
    let sandbox = sandbox();
    let s3 = moto.url.clone();
    let configure = |role: &str, sts: &str| {
        let block = format!(
            "terraform {{\n  backend \"s3\" {{\n    bucket = \"states\"\n    key = \"a\"\n    region = \"eu-west-1\"\n    max_retries = 0\n    \
             {role}\n    endpoints = {{ s3 = \"{s3}\", sts = \"{sts}\" }}\n  }}\n}}\n"
        );
        sandbox.write("main.tf", &(things("red") + &block)).expect("main.tf");
        // Another way to the same place.
        let _ = std::fs::remove_dir_all(sandbox.dir().join(".terraform"));
    };
    check(&sandbox, &configure, &moto.url);
}
