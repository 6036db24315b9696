//! Long flags with one dash, as Terraform's users type them, become what clap understands.

/// Flags whose value may be the next argument, and must then be left alone.
const TAKES_VALUE: [&str; 19] = [
    "var",
    "var-file",
    "out",
    "target",
    "target-file",
    "exclude",
    "exclude-file",
    "replace",
    "state",
    "state-out",
    "backup",
    "backup-out",
    "parallelism",
    "lock-timeout",
    "backend-config",
    "from-module",
    "plugin-dir",
    "id",
    "generate-config-out",
];

/// Flags that mean nothing when their value is empty, as scripts with an empty variable have it.
const EMPTY_IS_NONE: [&str; 5] = ["out", "state", "state-out", "backup", "backup-out"];

/// One argument: `-out=p` becomes `--out=p`; `-h`, `-`, `--x` and words stay.
pub fn two_dashes(arg: &str) -> String {
    match arg.strip_prefix('-') {
        Some(rest) if rest.len() > 1 && !rest.starts_with('-') => format!("--{rest}"),
        _ => arg.to_owned(),
    }
}

/// All arguments after a command.
pub fn all(args: Vec<String>) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg);
            out.extend(args);
            break;
        }
        let name = arg.strip_prefix('-').map_or("", |rest| rest.trim_start_matches('-'));
        let may_be_empty = |name: &str| EMPTY_IS_NONE.contains(&name);
        if name.strip_suffix('=').is_some_and(may_be_empty) {
            continue;
        }
        if !TAKES_VALUE.contains(&name) {
            out.push(two_dashes(&arg));
            continue;
        }
        let value = args.next();
        if !(may_be_empty(name) && value.as_deref() == Some("")) {
            out.push(two_dashes(&arg));
            out.extend(value);
        }
    }
    out
}
