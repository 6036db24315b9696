//! Completions in fish and in the Z shell, by those shells themselves. (Bash is in a page of `tests/cases`.)

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::Sandbox;
use std::process::{Command, Stdio};

const CONFIGURATION: &str = "resource \"terraform_data\" \"by_key\" {\n  for_each = toset([\"a b\", \"c\"])\n}\n\noutput \"out\" {\n  value = 1\n}\n";

/// A terminal of zsh's own: types what `$1` says and a tabulator, and prints what the line is then. What it is told to do
/// first is typed, too, since a shell that is interactive reads nothing else.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell "TERM=dumb zsh -f -i"
zpty -w shell 'PROMPT=""; unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -u -D'
zpty -w shell 'source <(formwork completion zsh); print BEG''AN'
zpty -r shell line '*BEGAN*'
zpty -w -n shell "formwork $1"$'\t'
out=""
for round in {1..100}; do
  sleep 0.1
  if zpty -r -t shell more; then out+=$more; continue; fi
  [[ $out == *$2* ]] && break
done
print -r -- $out
zpty -d shell
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
    sandbox.write("main.tf", CONFIGURATION).unwrap();
    sandbox.write("try.zsh", ZSH).unwrap();
    std::fs::create_dir_all(sandbox.dir().join("bin")).unwrap();
    std::os::unix::fs::symlink(common::program(), sandbox.dir().join("bin/formwork")).unwrap();
    for args in
        [&["apply", "-auto-approve"][..], &["workspace", "new", "prod"], &["workspace", "select", "default"]]
    {
        sandbox.formwork(args).unwrap().expect(0).unwrap();
    }
    sandbox
}

/// What the shell prints; `None` where there is none.
fn shell(sandbox: &Sandbox, program: &str, args: &[&str]) -> Option<String> {
    let path = format!("{}:{}", sandbox.dir().join("bin").display(), std::env::var("PATH").unwrap());
    let ran = Command::new(program)
        .args(args)
        .current_dir(sandbox.dir())
        .env("PATH", path)
        .env("HOME", sandbox.dir())
        .stdin(Stdio::null())
        .output();
    match ran {
        Ok(ran) => Some(String::from_utf8_lossy(&ran.stdout).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: there is no {program} (Debian: apt-get install {program})");
            None
        }
        Err(e) => panic!("{program}: {e}"),
    }
}

#[test]
fn fish_completes() {
    let sandbox = sandbox();
    let complete = |line: &str| {
        let script = format!("formwork completion fish | source; complete -C '{line}'");
        shell(&sandbox, "fish", &["--no-config", "-c", &script])
    };
    let check = |line: &str, expected: &[&str]| {
        let Some(found) = complete(line) else { return };
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{line}");
    };
    check("formwork wor", &["workspace"]);
    check("formwork workspace select ", &["default", "prod"]);
    check("formwork output ", &["out"]);
    check(
        "formwork plan -target=terraform_data.",
        &[
            "-target=terraform_data.by_key",
            "-target=terraform_data.by_key[\"a b\"]",
            "-target=terraform_data.by_key[\"c\"]",
        ],
    );
}

#[test]
fn zsh_completes() {
    let sandbox = sandbox();
    let check = |line: &str, expected: &str| {
        let Some(found) = shell(&sandbox, "zsh", &["-f", "try.zsh", line, expected]) else { return };
        assert!(found.contains(expected), "{line}: {found:?}");
    };
    check("wor", "formwork workspace");
    check("workspace select p", "formwork workspace select prod");
    check("output ", "formwork output out");
    check("state show terraform_d", "formwork state show terraform_data.by_key");
}
