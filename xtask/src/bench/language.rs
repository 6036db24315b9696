//! What it costs to read configurations and evaluate expressions, with no plan and no state.

use std::fmt::Write as _;

/// A command over a folder.
pub struct Task {
    /// What to call it.
    pub name: &'static str,
    /// How many times faster than Terraform it has to be.
    pub faster: f64,
    /// The command.
    pub args: &'static [&'static str],
    /// The configuration.
    pub config: fn() -> String,
    /// What the command is given on standard input.
    pub input: fn() -> String,
}

/// All of them.
pub fn all() -> [Task; 3] {
    [
        Task {
            name: "validate, 10,000 blocks",
            faster: 20.0,
            args: &["validate"],
            config: blocks,
            input: String::new,
        },
        Task {
            name: "fmt, 1 MB",
            faster: 1.0,
            args: &["fmt", "-write=false", "-list=false"],
            config: ugly,
            input: String::new,
        },
        Task {
            name: "console, 10,000 expressions",
            faster: 1.0,
            args: &["console"],
            config: String::new,
            input: expressions,
        },
    ]
}

fn blocks() -> String {
    let mut text = String::new();
    for i in 0..10_000 {
        let needed =
            if i % 10 == 0 { "\"none\"".to_owned() } else { format!("terraform_data.r{}.id", i - 1) };
        let _ = write!(
            text,
            "resource \"terraform_data\" \"r{i}\" {{\n  input = {{\n    name = \"node-{i}\"\n    port = {} + {}\n    \
             tags = [\"a\", \"b-${{{i}}}\"]\n    need = {needed}\n  }}\n}}\n\n",
            8_000 + i % 100,
            i % 7
        );
    }
    text
}

/// Some blocks, without the spaces that the formatter puts in.
fn ugly() -> String {
    let mut text = blocks().replace(" = ", "=").replace("    ", " ");
    let end = text[..1_000_000.min(text.len())].rfind("}\n\n").map_or(0, |at| at + 2);
    text.truncate(end);
    text
}

/// Of the size that people type at a console.
fn expressions() -> String {
    let kinds: [fn(usize) -> String; 10] = [
        |i| format!("1 + {i} * 3"),
        |i| format!("upper(\"node-{i}\")"),
        |i| format!("[for n in range(5) : n + {i}]"),
        |i| format!("{{ a = {i}, b = \"x\" }}[\"a\"]"),
        |i| format!("join(\",\", [\"a\", \"b\", tostring({i})])"),
        |i| format!("cidrsubnet(\"10.0.0.0/8\", 8, {})", i % 200),
        |i| format!("{i} > 5 ? \"big\" : \"small\""),
        |i| format!("format(\"%s-%04d\", \"n\", {i})"),
        |i| format!("length(split(\",\", \"a,b,{i}\"))"),
        |i| format!("merge({{ a = 1 }}, {{ b = {i} }})"),
    ];
    (0..10_000).map(|i| kinds[i % kinds.len()](i) + "\n").collect()
}
