//! The quickstart, from nothing.

use crate::Failure;
use crate::steps::{Steps, cargo, clean, copy, root, target};
use std::path::{Path, PathBuf};

/// The line of the quickstart that gets changed, and what it becomes.
const EDIT: (&str, &str) = ("demo: this line changes", "demo: this line has changed");

/// Plans and applies a copy of `examples/quickstart`, shows what came of it, changes one line and plans again.
pub fn run(destroy: bool) -> Result<(), Failure> {
    let steps = Steps::new();
    steps.command("build", &mut cargo(&["build", "--package", "formwork", "--bin", "formwork"]))?;
    let demo = Demo { program: target().join("debug/formwork"), folder: target().join("demo/quickstart") };

    if demo.folder.join("terraform.tfstate").exists() {
        steps.announce("destroy what the last demo left");
        demo.formwork(&["destroy", "-auto-approve"])?;
    }
    steps.step("copy examples/quickstart to target/demo/quickstart", || {
        if demo.folder.exists() {
            std::fs::remove_dir_all(&demo.folder).map_err(|e| e.to_string())?;
        }
        copy(&root().join("examples/quickstart"), &demo.folder)
    })?;
    for (title, args) in [
        ("what is going to be made", &["plan"][..]),
        ("make it", &["apply", "-auto-approve"]),
        ("what the state knows", &["state", "list"]),
    ] {
        steps.announce(title);
        demo.formwork(args)?;
    }
    steps.announce("what there is");
    demo.tree(&demo.folder, 1)?;
    let edited = steps.step("change one line", || demo.edit())?;
    println!("  {edited}");
    steps.announce("what that changes");
    demo.formwork(&["plan"])?;
    if destroy {
        steps.announce("take it all down");
        demo.formwork(&["destroy", "-auto-approve"])?;
    } else {
        println!("\nIt is all in {}; `cargo xtask demo --destroy` takes it down.", demo.folder.display());
    }
    Ok(())
}

struct Demo {
    program: PathBuf,
    folder: PathBuf,
}

impl Demo {
    fn formwork(&self, args: &[&str]) -> Result<(), Failure> {
        println!("\n$ formwork {}", args.join(" "));
        let mut command = clean(&self.program);
        crate::steps::loudly(command.current_dir(&self.folder).args(args))
            .map_err(|e| format!("formwork {}: {e}", args.join(" ")))?;
        println!();
        Ok(())
    }

    fn tree(&self, folder: &Path, depth: usize) -> Result<(), Failure> {
        let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let indent = "  ".repeat(depth);
            if path.is_dir() {
                println!("{indent}{name}/");
                self.tree(&path, depth + 1)?;
            } else {
                let size = path.metadata().map(|m| m.len()).unwrap_or(0);
                println!("{indent}{name} ({size} bytes)");
            }
        }
        Ok(())
    }

    /// Changes the line that is meant for it; says which it was.
    fn edit(&self) -> Result<String, Failure> {
        let mut edited = None;
        crate::tidy::walk(&self.folder, &mut |path| {
            let Ok(text) = std::fs::read_to_string(path) else { return Ok(()) };
            if path.extension().is_none_or(|e| e != "tf") || edited.is_some() {
                return Ok(());
            }
            if let Some(line) = text.lines().find(|l| l.contains(EDIT.0)) {
                std::fs::write(path, text.replacen(EDIT.0, EDIT.1, 1))?;
                let name = path.strip_prefix(&self.folder).unwrap_or(path).display().to_string();
                edited =
                    Some(format!("{name}: {} -> {}", line.trim(), line.trim().replacen(EDIT.0, EDIT.1, 1)));
            }
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        edited.ok_or_else(|| format!("no line in examples/quickstart contains {:?}", EDIT.0))
    }
}
