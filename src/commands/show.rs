//! `show`

use super::options::{Look, switch_parser};
use crate::context::Context;
use crate::operation;
use crate::represent::{Written, represent};
use crate::ui;
use crate::ui::plan::{Places, View};
use clap::Args;
use formwork_addr::ResourceAddr;
use formwork_config::{MemoryFiles, load};
use formwork_diag::Diagnostic;
use formwork_plan::{file, json};
use formwork_state::{State, StoredObject, snapshot};
use std::path::{Path, PathBuf};

/// Show the state, or a saved plan
#[derive(Debug, Args)]
pub struct Show {
    /// As JSON.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
    /// In a plan, show instances that change alike once, with their number.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    fold: bool,
    #[command(flatten)]
    look: Look,
    /// A saved plan or a state file; the current state when it is left away.
    path: Option<PathBuf>,
}

/// Whether the JSON object has a lineage that can be read.
fn has_lineage(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|envelope| envelope.get("lineage").is_some())
}

impl Show {
    /// Whether it shows a file that is named.
    pub fn is_of_file(&self) -> bool {
        self.path.is_some()
    }

    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        match &self.path {
            None => match cx.peek(None) {
                Ok(opened) => self.state(cx, &opened.state),
                Err(e) => cx.refuse(e),
            },
            Some(path) => self.file(cx, path),
        }
    }

    fn file(&self, cx: &Context, path: &Path) -> u8 {
        let shown = path.display().to_string();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                return cx.refuse(
                    Diagnostic::error(
                        "Failed to read the given file as a state or plan file",
                        format!("Could not read {shown}: {e}."),
                    )
                    .help("Give a plan that formwork plan -out=FILE saved, or a state file."),
                );
            }
        };
        // Of what is encrypted, only a state shows what it is.
        let text = file::unmarked(&bytes).0;
        let is_state = match formwork_state::is_sealed(text) {
            true => has_lineage(text),
            false => !file::is_plan(&bytes) && bytes.trim_ascii_start().starts_with(b"{"),
        };
        if is_state {
            return match cx.state_of(&bytes) {
                Ok(state) => self.state(cx, &state),
                Err(e) => cx.refuse(e.in_file(path)),
            };
        }
        let bytes = match cx.unseal_plan(bytes, &shown) {
            Ok(bytes) => bytes,
            Err(d) => return cx.refuse(d),
        };
        let (plan, bundle) = match file::read(&bytes) {
            Ok(read) => read,
            Err(e) => return cx.refuse(e.diagnostic(&shown)),
        };
        let schemas = cx.schemas();
        let files = bundle.sources.into_iter().map(|(path, bytes)| (path.into(), bytes)).collect();
        let loaded = operation::settled(cx, load(Path::new(&bundle.root), &MemoryFiles(files)));
        if !self.json {
            let written = loaded.config.as_ref().map(|c| Written::new(c, &loaded.sources));
            let view = View { fold: self.fold, places: written.as_ref().map(|w| w as &dyn Places) };
            cx.screen.show(&ui::plan::plan(&plan, &schemas, cx.screen.out, view));
            return 0;
        }
        let state = match snapshot::parse(&bundle.refreshed_state) {
            Ok(state) => state,
            Err(e) => return cx.refuse(e),
        };
        let decode = |addr: &ResourceAddr, object: &StoredObject| schemas.decode(addr, object);
        let prior = json::PriorState { state: &state, decode: &decode };
        let represented =
            loaded.config.map(|config| represent(&config, &loaded.sources, &plan, cx.registry()));
        let configuration = represented.as_ref().map(|r| json::Configuration {
            representation: &r.document,
            relevant_attributes: &r.relevant,
            checkable: &r.checkable,
        });
        cx.screen.line(&json::plan_text(&plan, configuration, Some(prior)));
        0
    }

    fn state(&self, cx: &Context, state: &State) -> u8 {
        let schemas = cx.schemas();
        if self.json {
            let decode = |addr: &ResourceAddr, object: &StoredObject| schemas.decode(addr, object);
            cx.screen.line(&json::state_text(state, &decode));
            return 0;
        }
        if state.is_empty() {
            cx.screen.line("The state file is empty. No resources are represented.");
            return 0;
        }
        let style = cx.screen.out;
        let mut out = String::new();
        for (i, shown) in schemas.shown(state, |_| true).iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            ui::state::object(&mut out, shown, &schemas, style);
        }
        if !state.outputs.is_empty() {
            out.push_str("\n\nOutputs:\n\n");
            let outputs = state.outputs.iter().map(|(k, v)| (&**k, &v.value, v.sensitive));
            ui::state::outputs(&mut out, outputs, style);
        }
        cx.screen.show(&out);
        0
    }
}
