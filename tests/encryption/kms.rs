//! The key provider `aws_kms`, with moto's Key Management Service.

use crate::{CANARY, flat, holding, run_with, sandbox, things};
use formwork_testkit::Sandbox;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Moto's server, where its virtual environment was made.
pub struct Moto {
    child: Child,
    pub url: String,
}

impl Moto {
    pub fn start() -> Option<Moto> {
        let components = std::env::var_os("FORMWORK_COMPONENTS").map(PathBuf::from);
        let components = components.unwrap_or_else(|| crate::common::repository("target/components"));
        let program = components.join("cloud/venv/bin/moto_server");
        if !program.is_file() {
            println!("skipped: moto's virtual environment was not made (cargo xtask demo makes it)");
            return None;
        }
        let mut child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let lines = BufReader::new(child.stderr.take()?).lines().map_while(Result::ok);
        let mut url = None;
        let mut lines = lines;
        for line in lines.by_ref() {
            if let Some((_, rest)) = line.split_once("Running on ") {
                url = rest.split_whitespace().next().map(|u| u.trim_end_matches('/').to_owned());
                break;
            }
        }
        // Somebody has to read on, or the server waits for it.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(url) = url else {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        };
        Some(Moto { child, url })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key of the service.
pub fn new_key(moto: &Moto) -> String {
    moto.ask("print(client('kms').create_key()['KeyMetadata']['KeyId'])")
}

impl Moto {
    /// What a line of Python prints that speaks to the server with the SDK that moto brings.
    pub fn ask(&self, line: &str) -> String {
        let components = std::env::var_os("FORMWORK_COMPONENTS").map(PathBuf::from);
        let components = components.unwrap_or_else(|| crate::common::repository("target/components"));
        let script = format!(
            "import boto3, sys\ndef client(name):\n  return boto3.client(name, endpoint_url=sys.argv[1], region_name='eu-west-1', \
         aws_access_key_id='a', aws_secret_access_key='b')\n{line}"
        );
        let made = Command::new(components.join("cloud/venv/bin/python"))
            .args(["-c", &script, &self.url])
            .output()
            .expect("python runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    }
}

fn configure(sandbox: &Sandbox, url: &str, key: &str) {
    let block = format!(
        r#"
terraform {{
  encryption {{
    key_provider "aws_kms" "k" {{
      kms_key_id  = "{key}"
      key_spec    = "AES_256"
      region      = "eu-west-1"
      max_retries = 0
      endpoints {{
        kms = "{url}"
      }}
    }}
    method "aes_gcm" "k" {{
      keys = key_provider.aws_kms.k
    }}
    state {{
      method = method.aes_gcm.k
    }}
  }}
}}
"#
    );
    sandbox.write("main.tf", &(things("red") + &block)).expect("main.tf");
}

#[test]
fn a_state_is_encrypted_with_a_key_of_the_service() {
    let Some(moto) = Moto::start() else { return };
    let key = new_key(&moto);
    let sandbox = sandbox();
    let account =
        [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "very secret key")];
    let run = |code: i32, args: &[&str]| {
        let ran = run_with(&sandbox, args, &account).expect(code);
        ran.unwrap_or_else(|e| panic!("{}: {e}", args.join(" ")))
    };
    configure(&sandbox, &moto.url, &key);
    run(0, &["apply", "-auto-approve"]);
    assert_eq!(holding(&sandbox, CANARY), [""; 0]);
    let text = std::fs::read(sandbox.dir().join("terraform.tfstate")).expect("the state");
    let envelope: Json = serde_json::from_slice(&text).expect("JSON");
    assert!(envelope["meta"]["key_provider.aws_kms.k"].is_string(), "{envelope}");
    run(0, &["plan", "-detailed-exitcode"]);
    // A key that is not there, and a service that is not there.
    configure(&sandbox, &moto.url, "00000000-0000-0000-0000-000000000000");
    let refused = flat(&run(1, &["state", "mv", "terraform_data.c", "terraform_data.d"]));
    assert!(
        refused.contains("its key cannot be had") && refused.contains("key_provider.aws_kms.k"),
        "{refused}"
    );
    configure(&sandbox, "http://127.0.0.1:1", &key);
    let refused = flat(&run(1, &["plan"]));
    assert!(refused.contains("cannot be reached") && !refused.contains("very secret key"), "{refused}");
    configure(&sandbox, &moto.url, &key);
    let nobody = [("AWS_EC2_METADATA_DISABLED", "true")];
    let refused = run_with(&sandbox, &["plan"], &nobody).expect(1).expect("refused");
    let refused = flat(&refused);
    assert!(refused.contains("there is no access key for AWS"), "{refused}");
    run(0, &["destroy", "-auto-approve"]);
}
