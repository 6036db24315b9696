//! The quickstart, from nothing.

use crate::Failure;
use crate::steps::{Steps, clean, copy, root, target};
use std::path::{Path, PathBuf};

/// Plans and applies a copy of `examples/quickstart`, shows what came of it, changes one line and plans again.
pub fn run(destroy: bool) -> Result<(), Failure> {
    let steps = Steps::new();
    super::build(&steps)?;
    let demo = Demo { program: super::program(), folder: target().join("demo/quickstart") };

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
    let edited = steps.step("change one line", || super::edit(&demo.folder))?;
    println!("  {edited}");
    steps.announce("what that changes");
    demo.formwork(&["plan"])?;
    if destroy {
        steps.announce("take it all down");
        demo.formwork(&["destroy", "-auto-approve"])?;
    } else {
        println!(
            "\nIt is all in {}; `cargo xtask demo --quickstart --destroy` takes it down.",
            demo.folder.display()
        );
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
}
