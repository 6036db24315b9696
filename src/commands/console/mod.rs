//! `console`

mod line;
mod open;

use super::options::{Look, Variables, switch_parser};
use crate::context::Context;
use crate::operation;
use crate::variables::{self, Flag};
use crate::world::{RealWorld, now};
use clap::Args;
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_engine::{Console as Evaluator, PlanOptions};
use formwork_lang::{type_argument, type_text};
use formwork_syntax::{Expr, parse_expr};
use formwork_value::display;
use open::is_open;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

/// Try expressions
///
/// Reads expressions and shows their values, with the variables, locals, resources and modules of the configuration as they
/// are in the state. Nothing is changed. From a terminal, an expression may go over several lines while a bracket, a template
/// or a heredoc is open. From a pipe, one is read from each line in the same way, and the value of the last is shown.
#[derive(Debug, Args)]
pub struct Console {
    /// Make a plan first, and show values as they will be.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    plan: bool,
    /// The state file.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    look: Look,
}

/// What a line comes to.
enum Answer {
    Text(String),
    Exit,
    Wrong,
}

const HELP: &str = "\
Type an expression to see its value, such as 1 + 2, upper(var.name) or aws_instance.web.id. What refers to the
configuration has the value that it has in the state; what is in no state yet is (known after apply).

type(EXPRESSION) shows the type of a value. An open bracket or heredoc goes on in the next line.

To leave, type exit, or press Control-D.";

impl Console {
    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        self.look.set(cx);
        let mut inputs = match operation::configuration(cx, true) {
            Ok(inputs) => inputs,
            Err(code) => return code,
        };
        let (values, diags) = variables::partial(flags, &inputs.config, &mut inputs.sources);
        inputs.warnings.extend(diags);
        if has_errors(&inputs.warnings) {
            return cx.fail(&inputs.warnings, &inputs.sources);
        }
        inputs.variables = values;
        let opened = match cx.peek(self.state.as_deref()) {
            Ok(opened) => opened,
            Err(e) => return cx.refuse(e),
        };
        let world = if self.plan { RealWorld::planning(false, now()) } else { RealWorld::console() };
        let setup = operation::setup(cx, &inputs, Arc::new(world), 10);
        let (evaluator, diags) = if self.plan {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(e) => {
                    return cx
                        .refuse(Diagnostic::error("Planning cannot begin", format!("No event loop: {e}.")));
                }
            };
            let options = PlanOptions::default();
            runtime.block_on(Evaluator::of_plan(&setup, &opened.state, &options))
        } else {
            Evaluator::of_state(setup, opened.state)
        };
        inputs.warnings.extend(diags);
        if has_errors(&inputs.warnings) {
            inputs.warnings.push(Diagnostic::warning(
                "Some values are missing",
                "Because of the problems above, some expressions may not have the values that they should have.",
            ));
        }
        if !inputs.warnings.is_empty() {
            cx.screen.diagnostics(&inputs.warnings, &inputs.sources);
            // Values stand apart.
            cx.screen.line("");
        }
        let mut session = Session { cx, evaluator, sources: inputs.sources };
        if io::stdin().is_terminal() { session.talk() } else { session.read(io::stdin().lock()) }
    }
}

struct Session<'a> {
    cx: &'a Context,
    evaluator: Evaluator,
    sources: Sources,
}

impl Session<'_> {
    /// Lines of a pipe. What is wrong ends it.
    fn read(&mut self, input: impl BufRead) -> u8 {
        let mut last = None;
        let mut text = String::new();
        let mut lines = input.lines();
        loop {
            let line = match lines.next() {
                Some(Ok(line)) => Some(line),
                Some(Err(e)) => {
                    return self
                        .cx
                        .refuse(Diagnostic::error("Input cannot be read", format!("Standard input: {e}.")));
                }
                None if text.is_empty() => break,
                None => None,
            };
            if let Some(line) = line {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&line);
                if is_open(&text) {
                    continue;
                }
            }
            match self.answer(&std::mem::take(&mut text)) {
                Answer::Text(value) => last = Some(value),
                Answer::Exit => return 0,
                Answer::Wrong => return 1,
            }
        }
        self.cx.screen.line(&last.unwrap_or_default());
        0
    }

    /// Lines of a terminal.
    fn talk(&mut self) -> u8 {
        let mut editor = match line::editor(self.evaluator.names()) {
            Ok(editor) => editor,
            Err(e) => {
                return self.cx.refuse(Diagnostic::error("Terminal cannot be used", format!("{e}.")));
            }
        };
        loop {
            match line::read(&mut editor) {
                Ok(Some(text)) => match self.answer(&text) {
                    Answer::Text(value) => self.cx.screen.line(&value),
                    Answer::Exit => return 0,
                    Answer::Wrong => {}
                },
                Ok(None) => return 0,
                Err(e) => {
                    return self.cx.refuse(Diagnostic::error("Terminal cannot be read", format!("{e}.")));
                }
            }
        }
    }

    fn answer(&mut self, text: &str) -> Answer {
        match text.trim() {
            "" => return Answer::Text(String::new()),
            "exit" => return Answer::Exit,
            "help" => return Answer::Text(HELP.into()),
            _ => {}
        }
        let id = self.sources.add("<console-input>", text);
        let (expr, mut diags) = parse_expr(id, text);
        let value = match expr.filter(|_| !has_errors(&diags)) {
            None => None,
            Some(expr) => self.value(&expr, &mut diags),
        };
        self.cx.screen.diagnostics(&diags, &self.sources);
        value.map_or(Answer::Wrong, Answer::Text)
    }

    fn value(&mut self, expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<String> {
        diags.extend(self.evaluator.mistakes(expr));
        if has_errors(diags) {
            return None;
        }
        let of_type = type_argument(expr);
        match self.evaluator.eval(of_type.unwrap_or(expr)) {
            Ok((value, found)) => {
                diags.extend(found);
                Some(if of_type.is_some() { type_text(&value.ty()) } else { display(&value, 0) })
            }
            Err(found) => {
                diags.extend(found);
                None
            }
        }
    }
}
