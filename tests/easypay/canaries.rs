//! Secrets are in the state and in files for their owner only, and nowhere that a person, a log or `ps` sees.

use crate::site::Site;
use crate::world::World;
use base64::Engine as _;
use serde_json::Value as Json;

/// Planted where no component gives a secret of its own.
const PLANTED: [&str; 2] = ["canary-extra-2f6d0a91", "canary-aws-8c41e7b3"];

/// The texts that must not be seen.
#[derive(Default)]
pub struct Secrets {
    /// Each on one line.
    pub all: Vec<String>,
}

impl Secrets {
    /// Keys and tokens that the configuration is pointed at.
    pub fn of_components(world: &World) -> Result<Secrets, String> {
        let mut secrets = Secrets::default();
        for (component, key) in [("hosts", "key"), ("etcd", "key"), ("kubernetes", "kubeconfig")] {
            let path = world.fact(component, key);
            let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
            if key == "kubeconfig" {
                let config: Json = serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
                secrets.add(config["users"][0]["user"]["token"].as_str().unwrap_or_default());
            } else {
                secrets.add(&text);
            }
        }
        Ok(secrets)
    }

    /// Adds what was made at random.
    pub fn learn(&mut self, site: &Site) -> Result<(), String> {
        let state = site.state()?;
        let before = self.all.len();
        for resource in state["resources"].as_array().into_iter().flatten() {
            for instance in resource["instances"].as_array().into_iter().flatten() {
                // Files of private keys have the public key in them, too, sometimes as a line of its own.
                let public = ["public_key_openssh", "public_key_pem"]
                    .map(|name| instance["attributes"][name].as_str().unwrap_or_default().replace('\n', ""));
                let attributes: &[&str] = match resource["type"].as_str() {
                    Some("random_password") => &["result", "bcrypt_hash"],
                    Some("tls_private_key") => {
                        &["private_key_pem", "private_key_openssh", "private_key_pem_pkcs8"]
                    }
                    _ => &[],
                };
                let first = self.all.len();
                for name in attributes {
                    self.add(instance["attributes"][name].as_str().unwrap_or_default());
                }
                let made = self.all.split_off(first);
                self.all.extend(made.into_iter().filter(|s| !public.iter().any(|p| p.contains(s.as_str()))));
            }
        }
        if self.all.len() - before < 4 {
            return Err(format!("only {} secrets were made", self.all.len() - before));
        }
        Ok(())
    }

    /// A secret of one or more lines, as it is and in base64.
    fn add(&mut self, secret: &str) {
        let lines = secret.lines().filter(|l| l.len() > 8 && !l.starts_with("-----")).map(str::to_owned);
        self.all.extend(lines);
        if secret.len() > 8 {
            let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
            // Its beginning would be a known heading.
            let middle = encoded.trim_end_matches('=');
            self.all.push(middle[middle.len() / 2..].to_owned());
        }
    }

    /// Fails when something printed has one of them.
    pub fn check(&self, printed: &[(String, String)]) -> Result<(), String> {
        for (command, output) in printed {
            if let Some(line) = output.lines().find(|l| self.all.iter().any(|s| l.contains(s.as_str()))) {
                let line: String = line.chars().take(400).collect();
                return Err(format!("formwork {command} printed a secret: {line}"));
            }
        }
        Ok(())
    }
}

#[test]
fn no_secret_is_printed_or_logged() {
    let Some(world) = World::get() else { return };
    canaries(&world).unwrap_or_else(|e| panic!("{e}"));
}

fn canaries(world: &World) -> Result<(), String> {
    let site = Site::quick(world, "canary")?;
    site.write(
        "canary_override.tf",
        &format!(
            "module \"configure\" {{\n  extra_vars = {{ canary = sensitive(\"{}\") }}\n}}\n",
            PLANTED[0]
        ),
    )?;
    let mut secrets = Secrets::of_components(world)?;
    PLANTED.iter().for_each(|p| secrets.add(p));
    let mut printed = Vec::new();
    let mut formwork = |args: &[&str], code: i32| -> Result<String, String> {
        let env = [("AWS_SECRET_ACCESS_KEY", PLANTED[1]), ("TF_LOG", "trace"), ("RUST_LOG", "trace")];
        let output = site.formwork_with(args, &env)?.expect(code)?;
        printed.push((args.join(" "), output.clone()));
        Ok(output)
    };
    formwork(&["validate"], 0)?;
    formwork(&["plan", "-json"], 0)?;
    formwork(&["plan", "-out=saved"], 0)?;
    formwork(&["show", "saved"], 0)?;
    formwork(&["apply", "-json", "saved"], 0)?;
    formwork(&["show"], 0)?;
    formwork(&["output"], 0)?;
    formwork(&["graph"], 0)?;
    let addresses = formwork(&["state", "list"], 0)?;
    for address in addresses.lines().map(str::trim).filter(|a| !a.is_empty()) {
        formwork(&["state", "show", address], 0)?;
    }
    // What changes is shown line by line: a new password must not be.
    let password = addresses.lines().find(|a| a.contains("random_password.")).ok_or("no random_password")?;
    secrets.learn(&site)?;
    formwork(&["plan", &format!("-replace={password}")], 0)?;
    formwork(&["apply", "-auto-approve", &format!("-replace={password}")], 0)?;
    secrets.learn(&site)?;
    formwork(&["plan", "-destroy"], 0)?;
    formwork(&["destroy", "-auto-approve", "-json"], 0)?;
    secrets.check(&printed)
}
