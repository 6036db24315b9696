//! `init`

use super::get;
use super::options::{Look, Variables, switch_parser};
use crate::context::Context;
use crate::operation::WorkingFiles;
use crate::ui::style::Role;
use clap::Args;
use formwork_config::{has_configuration, load};
use formwork_diag::has_errors;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Fetch the modules of the configuration, and check that it can be used here
///
/// Providers are part of this program: of them nothing is downloaded. A configuration whose modules are all at local paths
/// needs no init. The flags are Terraform's, so that scripts go on working.
#[derive(Debug, Args)]
pub struct Init {
    /// Fetch modules again, and take what is new, whatever the lock says.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    upgrade: Option<bool>,
    /// Accepted; the state is in a local file.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    backend: Option<bool>,
    /// Accepted without effect.
    #[arg(long, value_name = "NAME=VALUE")]
    backend_config: Vec<String>,
    /// Accepted without effect.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    reconfigure: Option<bool>,
    /// Accepted without effect.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    migrate_state: Option<bool>,
    /// Accepted without effect.
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
    /// Accepted without effect.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    lock: Option<bool>,
    /// Accepted without effect.
    #[arg(long, value_name = "DURATION")]
    lock_timeout: Option<String>,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    look: Look,
}

impl Init {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let style = cx.screen.out;
        let loaded = if self.get.unwrap_or(true) {
            get::modules(cx, self.upgrade.unwrap_or(false))
        } else {
            load(Path::new(""), &WorkingFiles)
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
