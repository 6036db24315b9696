//! Programs that know tokens: `terraform-credentials-NAME`, run as
//! <https://developer.hashicorp.com/terraform/internals/credentials-helpers> says.

use crate::fetch::Problem;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What settings say of the program that knows tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Helper {
    pub name: String,
    /// What it is given before the verb and the host.
    pub args: Vec<String>,
}

/// No answer is longer.
const MAX_ANSWER: u64 = 1 << 20;

impl Helper {
    /// The token for a host, by its name on the net; `None` if the program has none.
    pub fn token(&self, folders: &[PathBuf], host: &str) -> Result<Option<String>, Problem> {
        let Some(program) = self.find(folders) else {
            let places: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
            return Err(Problem::new(format!(
                "The settings name a credentials_helper \"{0}\", but there is no program terraform-credentials-{0}.",
                self.name
            ))
            .help(format!("It is looked for in: {}", places.join(", "))));
        };
        let failed = |why: &str| {
            Problem::new(format!("{} gives no token for {host}: {why}.", program.display()))
                .help("Run it by hand with the arguments: get HOST. It should answer with {\"token\": \"…\"}, or {} if it knows none.")
        };
        let mut command = Command::new(&program);
        command.args(&self.args).args(["get", host]);
        // What it says on standard error is for people, and goes to them.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(|e| failed(&e.to_string()))?;
        let mut answer = Vec::new();
        let read = match child.stdout.take() {
            Some(out) => out.take(MAX_ANSWER + 1).read_to_end(&mut answer),
            None => Ok(0),
        };
        if answer.len() as u64 > MAX_ANSWER {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|e| failed(&e.to_string()))?;
        read.map_err(|e| failed(&e.to_string()))?;
        if !status.success() {
            return Err(failed(&format!("it ended with {status}")));
        }
        // The parser's own words could quote a token.
        let json: Value = serde_json::from_slice(&answer).map_err(|_| failed("its answer is no JSON"))?;
        match json.get("token") {
            None | Some(Value::Null) if json.is_object() => Ok(None),
            Some(Value::String(token)) => Ok(Some(token.clone())),
            _ => Err(failed("its answer is not of the form {\"token\": \"…\"}")),
        }
    }

    /// The newest program of that name, which may carry a version: `terraform-credentials-NAME_v1.2.0`.
    fn find(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        let wanted = format!("terraform-credentials-{}", self.name);
        let version_of = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            let name = name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(name);
            let rest = name.strip_prefix(&wanted)?;
            let version = match rest.strip_prefix("_v") {
                Some(version) => Some(formwork_config::Version::parse(version.split("_x").next()?)?),
                None if rest.is_empty() => None,
                None => return None,
            };
            path.is_file().then_some(version)
        };
        let found = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let mut programs: Vec<_> =
            found.map(|e| e.path()).filter_map(|path| Some((version_of(&path)?, path))).collect();
        programs.sort();
        programs.pop().map(|(_, path)| path)
    }
}
