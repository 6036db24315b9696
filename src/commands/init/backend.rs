//! What `init` does about the backend: takes note of its arguments, and copies states to it.

use super::Init;
use crate::commands::state::edit::settled;
use crate::context::{Context, Lock};
use crate::environment;
use crate::kept::{self, Kept, LOCAL, Lost};
use crate::memory::{self, Memory};
use crate::ui::Screen;
use crate::ui::style::Role;
use crate::variables::Flag;
use formwork_config::{GivenValue, Origin, const_eval, variable_file};
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_state::{Backend, Settings, State};

impl Init {
    /// Finds out which backend it is to be, and what becomes of the states of the one before.
    pub(super) fn settle(&self, cx: &Context, flags: &[Flag]) -> Result<(), Lost> {
        let said = kept::said(cx, flags)?;
        let extra = self.given()?;
        let (kind, block) = said.block.clone().unwrap_or_else(|| (LOCAL.into(), Settings::new()));
        if said.block.is_none() && !extra.is_empty() {
            let d = Diagnostic::warning(
                "Missing backend configuration",
                "-backend-config was given, but the root module has no backend block that it could add to.",
            );
            cx.refuse(d.help("Add one to the configuration: terraform { backend \"s3\" {} }"));
        }
        let memory = memory::read()?;
        let reconfigure = self.reconfigure.unwrap_or(false);
        let move_states = self.migrate_state.unwrap_or(false) || self.force_copy.unwrap_or(false);
        if reconfigure && move_states {
            return Err(Diagnostic::error(
                "Invalid init options",
                "-reconfigure leaves states where they are, and -migrate-state copies them: only one of them can be meant.",
            )
            .into());
        }
        let arguments = kept::arguments(&kind, cx.kinds());
        // What was given to init before goes on to count while the block stays as it is.
        let same = memory.as_ref().and_then(|m| m.merged(&kind, &block, arguments).ok());
        let mut settings = match &same {
            Some(merged) if !reconfigure && said.block.is_some() => merged.clone(),
            _ => block.clone(),
        };
        if said.block.is_some() {
            settings.extend(extra);
        }
        let mut next = kept::configured(cx, said, &kind, settings)?;
        // In the form that is remembered.
        next.settings.retain(|_, value| !value.is_null());
        let before = self.before(cx, memory.as_ref(), &next)?;
        if let Some(before) = before.filter(|_| !reconfigure) {
            let copied = self.migrate(cx, &before, &next, memory.is_some())?;
            if copied > 0 {
                let text = format!(
                    "Copied {copied} state(s) from the backend \"{}\" to the backend \"{kind}\".",
                    before.kind
                );
                cx.screen.line(&cx.screen.out.paint(Role::Good, &text));
            }
        }
        memory::write(Some((&kind, &next.settings, &block)), arguments).map_err(|e| {
            let path = environment::data_dir();
            Diagnostic::error(
                "The backend cannot be remembered",
                format!("Could not write terraform.tfstate in the folder {}: {e}.", path.display()),
            )
        })?;
        if !next.is_usual() {
            let text = format!("Successfully configured the backend \"{kind}\"!");
            cx.screen.line(&format!("\n{}", cx.screen.out.paint(Role::Good, &text)));
        }
        Ok(())
    }

    /// What `-backend-config` says; later ones win.
    fn given(&self) -> Result<Settings, Lost> {
        let mut out = Settings::new();
        for text in &self.backend_config {
            if let Some((name, value)) = text.split_once('=') {
                out.insert(name.trim().into(), value.into());
                continue;
            }
            let bytes = std::fs::read(text).map_err(|e| {
                Diagnostic::error(
                    "Invalid -backend-config option",
                    format!(
                        "\"{text}\" has no equals sign, so it names a file; and that cannot be read: {e}."
                    ),
                )
                .help("Write -backend-config='NAME=VALUE', or name a file with lines of that form.")
            })?;
            let mut sources = Sources::default();
            let content = String::from_utf8_lossy(&bytes);
            let (given, mut diagnostics) =
                variable_file(text, &content, &mut sources, &Origin::File(text.clone()));
            for given in given {
                if let GivenValue::Expr(expr) = &given.value
                    && let Some(value) = const_eval(expr, &mut diagnostics)
                {
                    out.insert(given.name.to_string(), formwork_value::json::to_serde(&value));
                }
            }
            if has_errors(&diagnostics) {
                return Err(Lost { diagnostics, sources });
            }
        }
        Ok(out)
    }

    /// The backend that was used before, if it is another one, or has other arguments.
    fn before(&self, cx: &Context, memory: Option<&Memory>, next: &Kept) -> Result<Option<Kept>, Lost> {
        let Some(memory) = memory else {
            // Nothing was remembered: then the state was in files here, or nowhere.
            return Ok((!next.is_usual()).then(Kept::default));
        };
        let arguments = kept::arguments(&memory.kind, cx.kinds());
        let same = memory.kind == next.kind && {
            let known =
                |(name, value): (&String, &serde_json::Value)| memory.leads_to(name, value, arguments);
            memory.settings.keys().all(|name| next.settings.contains_key(name))
                && next.settings.iter().all(known)
        };
        if same {
            return Ok(None);
        }
        if self.reconfigure.unwrap_or(false) {
            return Ok(Some(Kept::default()));
        }
        // Its secrets were not remembered, if the block had them; the new one's may be the same, where the place is.
        let mut settings = memory.settings.clone();
        for argument in arguments.iter().filter(|a| a.secret) {
            let now = next.settings.get(argument.name).filter(|_| memory.kind == next.kind);
            let now = now.filter(|value| memory.leads_to(argument.name, value, arguments)).cloned();
            if let Some(value) = now.or_else(|| memory.remembered_place(argument.name)) {
                settings.entry(argument.name.into()).or_insert(value);
            }
        }
        kept::configured(cx, kept::Said::default(), &memory.kind, settings).map(Some)
    }

    /// Copies the states of all workspaces. How many there were.
    fn migrate(&self, cx: &Context, from: &Kept, to: &Kept, remembered: bool) -> Result<usize, Diagnostic> {
        let asked = self.migrate_state.unwrap_or(false) || self.force_copy.unwrap_or(false);
        if remembered && !asked {
            return Err(Diagnostic::error(
                "Backend configuration changed",
                format!(
                    "The state was last in the backend \"{}\"; the configuration names another place in the backend \"{}\" now.",
                    from.kind, to.kind
                ),
            )
            .help(
                "If the state is to move, run formwork init -migrate-state, which copies it. If the other place is right as it \
                 is, run formwork init -reconfigure.",
            ));
        }
        let mut found: Vec<(String, Box<dyn Backend>, State)> = Vec::new();
        for name in from.workspaces()?.unwrap_or_else(|| vec!["default".into()]) {
            if from.shares(to, &name) {
                continue;
            }
            let backend = from.state(cx, &name)?;
            let opened = backend.peek()?;
            let state = opened.state;
            // What is pending has to be settled first, and may be all that tells of an object.
            let is_nothing =
                opened.pending.is_empty() && state.is_empty() && (state.serial == 0 || name == "default");
            if !is_nothing {
                found.push((name, backend, state));
            }
        }
        if found.is_empty() {
            return Ok(0);
        }
        if to.workspaces()?.is_none()
            && let Some((name, ..)) = found.iter().find(|(name, ..)| name != "default")
        {
            return Err(Diagnostic::error(
                "The states cannot all be copied",
                format!("There is a state of the workspace \"{name}\", and the backend \"{}\" holds one state only.", to.kind),
            )
            .help("Use a backend that has workspaces; or begin anew with -reconfigure, and copy one state with formwork state pull and push."));
        }
        self.confirm(cx, &found, from, to)?;
        let mut count = 0;
        for (name, backend, _) in found {
            if to.kind == LOCAL {
                kept::make_folder(&to.workspace_path(&name))?;
            }
            let target = to.state(cx, &name)?;
            // Only how it is reached is another, then.
            if from.kind != to.kind || backend.place() != target.place() {
                count += usize::from(self.copy(cx, &*backend, &*target, from.kind == LOCAL)?);
            }
        }
        Ok(count)
    }

    fn confirm(
        &self,
        cx: &Context,
        found: &[(String, Box<dyn Backend>, State)],
        from: &Kept,
        to: &Kept,
    ) -> Result<(), Diagnostic> {
        if self.force_copy.unwrap_or(false) {
            return Ok(());
        }
        let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
        let what =
            format!("The backend \"{}\" has {} state(s): {}.", from.kind, names.len(), names.join(", "));
        if !self.variables.ask() || !Screen::can_ask() {
            return Err(Diagnostic::error(
                "Nobody can be asked whether to copy the state",
                format!(
                    "{what} Whether it is to be copied to the backend \"{}\", somebody has to say.",
                    to.kind
                ),
            )
            .help("Give -force-copy, if it is to be copied; or -reconfigure, if it is to be left alone."));
        }
        let answer = cx.screen.ask(&format!(
            "Do you want to copy existing state to the new backend?\n  {what} What the backend \"{}\" has would be overwritten.\n  \
             Only 'yes' will be accepted to confirm.\n\n  Enter a value: ",
            to.kind
        ));
        if answer.as_deref() == Some("yes") {
            return Ok(());
        }
        Err(Diagnostic::error("Nothing was copied", "The backend is what it was before."))
    }

    /// Copies a state; whether there was anything to be copied. With `retire` it is emptied then, so that nobody takes it for
    /// the state; its backup stays.
    fn copy(
        &self,
        cx: &Context,
        from: &dyn Backend,
        to: &dyn Backend,
        retire: bool,
    ) -> Result<bool, Diagnostic> {
        let lock = Lock { take: self.lock.unwrap_or(true), timeout: self.lock_timeout };
        let mut source = cx.open(from, "init -migrate-state", lock)?;
        settled(source.pending(), |_| true)?;
        let mut target = cx.open(to, "init -migrate-state", lock)?;
        settled(target.pending(), |_| true)?;
        let there = target.state();
        if source.state().is_empty() && !there.is_empty() {
            // It was copied and emptied before, perhaps by a run that was cut short: an empty state replaces nothing.
            target.close()?;
            source.close()?;
            return Ok(false);
        }
        if !there.is_empty()
            && !self.force_copy.unwrap_or(false)
            && let Some(why) = source.state().must_not_replace(there)
        {
            return Err(Diagnostic::error(
                "There is another state already",
                format!("{} has a state of its own, and it was left alone: {why}.", to.place()),
            )
            .help("If the one that is copied shall replace it all the same, give -force-copy."));
        }
        target.replace(source.state())?;
        target.close()?;
        if retire {
            source.fold(&State::default())?;
        }
        source.close()?;
        Ok(true)
    }
}
