//! Long flags with one dash, as Terraform's users type them, become what clap understands.

/// Flags whose value may be the next argument, and must then be left alone.
const TAKES_VALUE: [&str; 15] = [
    "var",
    "var-file",
    "out",
    "target",
    "replace",
    "state",
    "state-out",
    "backup",
    "parallelism",
    "lock-timeout",
    "backend-config",
    "from-module",
    "plugin-dir",
    "id",
    "generate-config-out",
];

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
        let takes = arg.starts_with('-') && TAKES_VALUE.contains(&arg.trim_start_matches('-'));
        out.push(two_dashes(&arg));
        if takes {
            out.extend(args.next());
        }
    }
    out
}
