//! `get`, and the fetching of modules that `init` does too

use super::options::{Look, switch_parser};
use crate::context::Context;
use crate::environment;
use crate::operation::WorkingFiles;
use clap::Args;
use formwork_config::Loaded;
use formwork_diag::has_errors;
use formwork_modules::{Event, Options, Tools, install};
use std::path::Path;

/// Fetch the modules of the configuration
///
/// Modules come from registries, from git repositories, from archives of web servers, or from folders. What was fetched is kept in the data
/// folder (.terraform/modules), and told in .formwork.lock.hcl, which belongs into version control: whoever fetches later
/// gets the same commits and contents.
#[derive(Debug, Args)]
pub struct Get {
    /// Fetch again what is there, and take what is new, whatever the lock says.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    update: bool,
    #[command(flatten)]
    look: Look,
}

impl Get {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let loaded = modules(cx, self.update);
        cx.screen.diagnostics(&loaded.diagnostics, &loaded.sources);
        u8::from(has_errors(&loaded.diagnostics))
    }
}

/// Fetches the modules of the configuration in the working directory, and tells of each.
pub fn modules(cx: &Context, update: bool) -> Loaded {
    let report = |event: Event<'_>| {
        let shown =
            |dir: &Path| if dir.as_os_str().is_empty() { ".".to_owned() } else { dir.display().to_string() };
        cx.screen.line(&match event {
            Event::Local { module, dir } | Event::Kept { module, dir } | Event::Fetched { module, dir } => {
                format!("- {module} in {}", shown(dir))
            }
            Event::Fetching { module, source, version: Some(version) } => {
                format!("Downloading {source} {version} for {module}...")
            }
            Event::Fetching { module, source, version: None } => {
                format!("Downloading {source} for {module}...")
            }
        });
    };
    let (accounts, remarks) = environment::accounts();
    let options = Options {
        root: Path::new(""),
        data_dir: &environment::data_dir(),
        update,
        tools: Tools { ssh: environment::git_ssh() },
        accounts: &accounts,
        report: &report,
    };
    let mut loaded = install(&WorkingFiles, &options);
    loaded.diagnostics.extend(remarks);
    loaded
}
