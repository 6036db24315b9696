//! `validate`

use super::options::{Look, switch_parser};
use crate::context::Context;
use crate::operation::{self, Inputs};
use crate::ui::diagnostics_json;
use crate::ui::style::Role;
use crate::variables;
use crate::world::{RealWorld, now};
use clap::Args;
use formwork_addr::ModulePath;
use formwork_config::{Import, load, load_without_lost_imports, only_plans_refuse};
use formwork_diag::{Diagnostic, Severity, Sources, has_errors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Check whether the configuration is valid, without values, state or calls
#[derive(Debug, Args)]
pub struct Validate {
    /// As JSON.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
    /// Leave out test files. (There are none that are read.)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    no_tests: bool,
    /// Where test files are. (They are not read.)
    #[arg(long, value_name = "DIR", default_value = "tests", hide_default_value = true)]
    test_directory: String,
    /// The folder of the configuration, if it is another one than the working directory.
    #[arg(value_name = "DIR", hide = true)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    look: Look,
}

impl Validate {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let (diags, sources) = check(cx, self.folder.as_deref().unwrap_or(Path::new("")));
        let failed = has_errors(&diags);
        if self.json {
            cx.screen.line(&format!("{:#}", diagnostics_json::report(&diags, &sources)));
            return u8::from(failed);
        }
        cx.screen.diagnostics(&diags, &sources);
        if !failed {
            let style = cx.screen.out;
            let remark = if diags.is_empty() {
                "."
            } else {
                ", but there were some validation warnings as shown above."
            };
            cx.screen.line(&format!(
                "{} The configuration is valid{remark}\n",
                style.paint(Role::Good, "Success!")
            ));
        }
        u8::from(failed)
    }
}

/// Everything that is wrong with the configuration in a folder.
pub fn check(cx: &Context, folder: &Path) -> (Vec<Diagnostic>, Sources) {
    // Configuration for what import blocks name can be generated, by a plan; only one by one, and in the root module.
    let (loaded, lost) = load_without_lost_imports(folder, &operation::WorkingFiles);
    let can_be_written =
        |import: &Import| import.for_each.is_none() && import.to.key.is_none() && import.to.path.0.is_empty();
    let loaded =
        if lost.iter().all(can_be_written) { loaded } else { load(folder, &operation::WorkingFiles) };
    let loaded = operation::settled(cx, loaded);
    let mut diags = loaded.diagnostics;
    leave_to_plans(&mut diags);
    let Some(mut config) = loaded.config.filter(|_| !has_errors(&diags)) else {
        return (diags, loaded.sources);
    };
    // What else they say must be right.
    if let Some(root) = config.modules.get_mut(&ModulePath::default()) {
        Arc::make_mut(root).imports.extend(lost);
    }
    let variables = variables::unknown(&config);
    let inputs = Inputs {
        config: Arc::new(config),
        sources: loaded.sources,
        variables,
        given: BTreeMap::new(),
        unfit: BTreeMap::new(),
        files: BTreeMap::new(),
        warnings: Vec::new(),
    };
    let setup = operation::setup(cx, &inputs, Arc::new(RealWorld::planning(false, now())), 1);
    let mut found = formwork_engine::validate(&setup);
    // Moves that go round are said once, and better by the configuration itself.
    found.retain(|d| !only_plans_refuse(d) || diags.iter().all(|said| said.summary != d.summary));
    leave_to_plans(&mut found);
    diags.extend(found);
    (diags, inputs.sources)
}

/// A configuration that only plans refuse is valid, as it is to Terraform, but who asks is told.
fn leave_to_plans(diags: &mut [Diagnostic]) {
    for d in diags.iter_mut().filter(|d| d.is_error() && only_plans_refuse(d)) {
        d.severity = Severity::Warning;
        d.detail.push_str(" No plan can be made of this.");
    }
}
