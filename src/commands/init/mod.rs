//! `init`

mod backend;

use super::get;
use super::options::{Look, Variables, duration, switch_parser};
use crate::context::Context;
use crate::operation::WorkingFiles;
use crate::ui::style::Role;
use crate::variables::Flag;
use clap::Args;
use formwork_config::{has_configuration, load_structure};
use formwork_diag::has_errors;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fetch the modules of the configuration, and take note of where its state is
///
/// Providers are part of this program: of them nothing is downloaded. A configuration whose modules are all at local paths
/// needs no init, unless the state moves to another backend, or arguments of the backend are given here.
#[derive(Debug, Args)]
pub struct Init {
    /// Fetch modules again, and take what is new, whatever the lock says.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    upgrade: Option<bool>,
    /// Look at the backend.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    backend: Option<bool>,
    /// An argument of the backend, or a file of such. May be given several times.
    #[arg(long, value_name = "NAME=VALUE|FILE")]
    backend_config: Vec<String>,
    /// Take the backend as it is now, and leave states where they are.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    reconfigure: Option<bool>,
    /// Copy the states from the backend that was used last to the one that the configuration names.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    migrate_state: Option<bool>,
    /// Copy them without a question.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    force_copy: Option<bool>,
    /// Fetch modules.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    get: Option<bool>,
    /// Accepted without effect.
    #[arg(long, value_name = "MODE")]
    lockfile: Option<String>,
    /// Accepted without effect.
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
    /// Lock the states that are copied.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    lock: Option<bool>,
    /// How long to wait for a lock.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    look: Look,
}

impl Init {
    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        self.look.set(cx);
        let style = cx.screen.out;
        let loaded = if self.get.unwrap_or(true) {
            get::modules(cx, self.upgrade.unwrap_or(false))
        } else {
            load_structure(Path::new(""), &WorkingFiles)
        };
        if has_errors(&loaded.diagnostics) {
            return cx.fail(&loaded.diagnostics, &loaded.sources);
        }
        cx.screen.diagnostics(&loaded.diagnostics, &loaded.sources);
        if !has_configuration(Path::new(""), &WorkingFiles) {
            let begun = style.paint(Role::Good, "Formwork initialized in an empty directory!");
            cx.screen.print(&format!(
                "\n{begun}\n\nThere are no configuration files here yet: create them, and go on with \"formwork plan\".\n"
            ));
            return 0;
        }
        if self.backend.unwrap_or(true)
            && let Err(lost) = self.settle(cx, flags)
        {
            return cx.fail(&lost.diagnostics, &lost.sources);
        }
        let mut text = String::new();
        if let Some(config) = &loaded.config {
            let mut used: Vec<&str> = Vec::new();
            for module in config.modules.values() {
                for resource in module.resources.keys() {
                    let registry = cx.registry();
                    let found = match resource.mode {
                        formwork_addr::ResourceMode::Managed => {
                            registry.resource(&resource.type_name).map(|(p, _)| p)
                        }
                        formwork_addr::ResourceMode::Data => {
                            registry.data(&resource.type_name).map(|(p, _)| p)
                        }
                        formwork_addr::ResourceMode::Ephemeral => {
                            registry.ephemeral(&resource.type_name).map(|(p, _)| p)
                        }
                    };
                    used.extend(found.map(|p| p.source()));
                }
            }
            used.sort_unstable();
            used.dedup();
            if !used.is_empty() {
                text.push_str("\nProviders (part of this program; version constraints select nothing):\n");
                for source in used {
                    let _ = writeln!(text, "- {source}");
                }
            }
        }
        let _ = write!(
            text,
            "\n{}\n\nTry \"formwork plan\" to see what the configuration asks for.\n",
            style.paint(Role::Good, "Formwork has been successfully initialized!")
        );
        cx.screen.print(&text);
        0
    }
}
