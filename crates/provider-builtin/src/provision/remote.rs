//! `remote-exec` and `file`: on another machine.

use super::machine::{Machine, quoted};
use super::process::Ended;
use super::upload::{Source, upload};
use super::{block, text, texts};
use async_trait::async_trait;
use formwork_provider::{Block, CallError, Problem, Provisioner, Provisioning};
use formwork_value::{Path, Type, Value};
use std::sync::LazyLock;

pub(super) struct RemoteExec(LazyLock<Block>);

impl RemoteExec {
    pub fn new() -> Self {
        RemoteExec(LazyLock::new(|| {
            block(&[
                ("inline", Type::list(Type::String), false, "Lines of one script."),
                ("script", Type::String, false, "The script's file here."),
                (
                    "scripts",
                    Type::list(Type::String),
                    false,
                    "The files of scripts to run one after the other.",
                ),
            ])
        }))
    }
}

/// Which of some arguments are given. What is unknown may be.
fn given<'a>(config: &Value, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().filter(|n| config.get(n).is_some_and(|v| !v.is_null())).collect()
}

fn exactly_one(config: &Value, names: &[&str], of: &str) -> Vec<Problem> {
    let found = given(config, names);
    if found.len() == 1 {
        return Vec::new();
    }
    let how = if found.is_empty() { "none of them is given" } else { "more than one is given" };
    let detail = format!("{of} needs exactly one of {}, and {how}.", names.join(", "));
    let at = found.get(1).map_or_else(Path::root, |name| Path::root().attr(*name));
    vec![Problem::error(at, format!("Invalid {of} provisioner"), detail)]
}

#[async_trait]
impl Provisioner for RemoteExec {
    fn name(&self) -> &str {
        "remote-exec"
    }

    fn schema(&self) -> &Block {
        &self.0
    }

    fn connects(&self) -> bool {
        true
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        let mut problems = exactly_one(config, &["inline", "script", "scripts"], "remote-exec");
        for name in ["inline", "scripts"] {
            let items =
                config.get(name).filter(|v| v.is_known()).and_then(Value::as_slice).unwrap_or_default();
            for at in (0..items.len()).filter(|i| items.get(*i).is_some_and(Value::is_null)) {
                let path = Path::root().attr(name).index(at);
                let detail = format!("An element of {name} is null, and so says nothing to run.");
                problems.push(Problem::error(path, "Invalid remote-exec provisioner", detail));
            }
        }
        problems
    }

    async fn run(&self, what: &Provisioning<'_>) -> Result<(), CallError> {
        let mut scripts: Vec<(String, Vec<u8>)> = Vec::new();
        let inline = texts(what.config, "inline");
        if !inline.is_empty() {
            scripts.push(("the script".to_owned(), format!("{}\n", inline.join("\n")).into_bytes()));
        }
        for file in
            text(what.config, "script").map(str::to_owned).into_iter().chain(texts(what.config, "scripts"))
        {
            let bytes = std::fs::read(&file).map_err(|error| {
                CallError::new("Script cannot be read", format!("The file {file} cannot be read: {error}."))
            })?;
            scripts.push((file, bytes));
        }
        let machine = Machine::new(what)?;
        machine.connect(what).await?;
        for (name, mut script) in scripts {
            if !script.starts_with(b"#!") {
                script.splice(..0, b"#!/bin/sh\n".iter().copied());
            }
            let path = match &machine.script_path {
                Some(path) => path.replace("%RAND%", &random()),
                None => format!("/tmp/formwork_{}.sh", random()),
            };
            let place = quoted(&path);
            let upload = format!("umask 077 && cat > {place} && chmod 0700 {place}");
            let put = machine.run(&upload, Some(&script), &|_| {}).await?;
            if !put.status.success() {
                let detail = format!("{name} could not be written to {path}: {}.", put.told());
                return Err(CallError::new("Upload failed", detail));
            }
            let ended = machine.run(&place, None, what.say).await?;
            let removed = machine.run(&format!("rm -f {place}"), None, &|_| {}).await;
            if ended.lost() && removed.as_ref().is_ok_and(Ended::lost) {
                let said = ended.printed.lines().last().unwrap_or("nothing").trim_end_matches('.').to_owned();
                let detail = format!(
                    "The connection to {} broke while {name} ran, and there is no other. The last words: {said}.",
                    machine.shown
                );
                return Err(CallError::new("Connection lost", detail));
            }
            if !ended.status.success() {
                let detail = format!("{name} failed on the machine with {}.", ended.told());
                return Err(CallError::new("remote-exec provisioner error", detail));
            }
            removed?;
        }
        Ok(())
    }
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..10].to_owned()
}

pub(super) struct File(LazyLock<Block>);

impl File {
    pub fn new() -> Self {
        File(LazyLock::new(|| {
            block(&[
                (
                    "source",
                    Type::String,
                    false,
                    "The file or folder here. With a slash at its end: what is in the folder.",
                ),
                ("content", Type::String, false, "The text of the file to make there."),
                ("destination", Type::String, true, "Where it goes."),
            ])
        }))
    }
}

#[async_trait]
impl Provisioner for File {
    fn name(&self) -> &str {
        "file"
    }

    fn schema(&self) -> &Block {
        &self.0
    }

    fn connects(&self) -> bool {
        true
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        exactly_one(config, &["source", "content"], "file")
    }

    async fn run(&self, what: &Provisioning<'_>) -> Result<(), CallError> {
        let Some(to) = text(what.config, "destination") else {
            return Err(CallError::new("Invalid file provisioner", "The destination is empty."));
        };
        let source = match text(what.config, "source") {
            Some(path) => Source::Path(path),
            None => Source::Content(what.config.get("content").and_then(Value::as_str).unwrap_or_default()),
        };
        if let Source::Path(path) = source {
            std::fs::metadata(path).map_err(|error| {
                CallError::new("File cannot be read", format!("{path} cannot be read: {error}."))
            })?;
        }
        let machine = Machine::new(what)?;
        machine.connect(what).await?;
        upload(&machine, &source, to).await
    }
}
