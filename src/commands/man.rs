//! `man`

use super::cli;
use crate::context::Context;
use clap::{Args, Command};
use formwork_diag::Diagnostic;
use std::path::{Path, PathBuf};

/// Write manual pages, one for each command
///
/// For the current user, `formwork man ~/.local/share/man/man1`; then `man formwork-plan` shows the page of formwork plan.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder to write them to; it is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    /// Runs the command.
    pub fn run(self, cx: &Context) -> u8 {
        let mut root = cli();
        root.build();
        let mut written = 0;
        let result = std::fs::create_dir_all(&self.folder)
            .and_then(|()| pages(&root, "formwork", &self.folder, &mut written));
        match result {
            Ok(()) => {
                cx.screen.line(&format!("Wrote {written} pages to {}.", self.folder.display()));
                0
            }
            Err(e) => cx.refuse(
                Diagnostic::error(
                    "Manual pages cannot be written",
                    format!("Could not write to {}: {e}.", self.folder.display()),
                )
                .help("Name a folder that can be made and written."),
            ),
        }
    }
}

/// Writes the page of a command, and those of the commands below it.
fn pages(command: &Command, name: &str, folder: &Path, written: &mut usize) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone().name(name.to_owned()))
        .section("1")
        .source("Formwork")
        .manual("Formwork");
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    *written += 1;
    for inner in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        pages(inner, &format!("{name}-{}", inner.get_name()), folder, written)?;
    }
    Ok(())
}
