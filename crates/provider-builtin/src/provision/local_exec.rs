//! `local-exec`: a command on this machine.

use super::{block, flag, process, text, texts};
use async_trait::async_trait;
use formwork_provider::{Block, CallError, Problem, Provisioner, Provisioning};
use formwork_value::{Path, Type, Value};
use std::sync::LazyLock;
use tokio::process::Command;

pub(super) struct LocalExec(LazyLock<Block>);

impl LocalExec {
    pub fn new() -> Self {
        LocalExec(LazyLock::new(|| {
            block(&[
                ("command", Type::String, true, "The command to run."),
                (
                    "interpreter",
                    Type::list(Type::String),
                    false,
                    "Program and arguments that the command is given to.",
                ),
                ("working_dir", Type::String, false, "The folder to run in."),
                ("environment", Type::map(Type::String), false, "Variables to add to the environment."),
                ("quiet", Type::Bool, false, "Do not show the command itself."),
            ])
        }))
    }
}

#[async_trait]
impl Provisioner for LocalExec {
    fn name(&self) -> &str {
        "local-exec"
    }

    fn schema(&self) -> &Block {
        &self.0
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        let command = config.get("command");
        if command.is_some_and(|c| c.is_known() && c.as_str().is_none_or(str::is_empty)) {
            let detail = "The command is empty, so there is nothing to run.";
            return vec![Problem::error(Path::root().attr("command"), "Invalid local-exec command", detail)];
        }
        Vec::new()
    }

    async fn run(&self, what: &Provisioning<'_>) -> Result<(), CallError> {
        let Some(line) = text(what.config, "command") else {
            return Err(CallError::new(
                "Invalid local-exec command",
                "The command is empty, so there is nothing to run.",
            ));
        };
        let mut words = texts(what.config, "interpreter");
        if words.is_empty() {
            words = vec!["/bin/sh".to_owned(), "-c".to_owned()];
        }
        words.push(line.to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if let Some(folder) = text(what.config, "working_dir") {
            command.current_dir(folder);
        }
        let environment = what.config.get("environment").and_then(Value::as_map);
        for (name, value) in environment.into_iter().flatten() {
            command.env(&**name, value.as_str().unwrap_or_default());
        }
        if flag(what.config, "quiet") == Some(true) {
            (what.say)("local-exec: Executing: Suppressed by quiet=true");
        } else {
            let shown: Vec<String> = words.iter().map(|w| format!("{w:?}")).collect();
            (what.say)(&format!("Executing: [{}]", shown.join(" ")));
        }
        let ended = process::run(command, None, what.say).await.map_err(|error| {
            let folder =
                text(what.config, "working_dir").map_or(String::new(), |f| format!(" in the folder {f}"));
            CallError::new(
                "local-exec provisioner error",
                format!("The program {:?} cannot be started{folder}: {error}.", words[0]),
            )
        })?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(CallError::new(
                "local-exec provisioner error",
                format!("The command '{line}' failed with {}.", ended.told()),
            )),
        }
    }
}
