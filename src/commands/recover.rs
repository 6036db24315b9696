//! `recover`

use super::options::Shown;
use crate::context::Context;
use clap::Args;
use formwork_state::{Operation, Pending};
use serde_json::json;

/// Show what interrupted runs left open
///
/// Before a call that has effects, its intent is written into a journal beside the state. Where a run ended before the
/// outcome was recorded, the next plan or apply asks the provider and settles it; this command only shows what is open.
#[derive(Debug, Args)]
pub struct Recover {
    #[command(flatten)]
    shown: Shown,
}

fn operation(pending: &Pending) -> &'static str {
    match pending.intent.operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
    }
}

/// Why it is not known what became of it.
fn why(pending: &Pending) -> &'static str {
    match (pending.intent.operation, pending.partial.is_some()) {
        (Operation::Create, true) => "the object was made, and its creation was not seen to the end",
        (Operation::Create, false) => {
            "the call may have been made: there may be an object that the state does not know"
        }
        (Operation::Update, _) => {
            "the call may have been made: the object may have changed, wholly or in part"
        }
        (Operation::Delete, _) => "the call may have been made: the object may be gone",
    }
}

impl Recover {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.shown.look.set(cx);
        let backend = match cx.backend(self.shown.state.as_deref()) {
            Ok(backend) => backend,
            Err(e) => return cx.refuse(e),
        };
        let holder = match backend.holder() {
            Ok(holder) => holder,
            Err(e) => return cx.refuse(e),
        };
        let opened = match backend.peek() {
            Ok(opened) => opened,
            Err(e) => return cx.refuse(e),
        };
        let owner =
            holder.map(|info| info.map_or_else(|| "by another process".to_owned(), |i| i.to_string()));
        if self.shown.json {
            let pending: Vec<_> = opened
                .pending
                .iter()
                .map(|p| {
                    json!({
                        "address": p.intent.address.to_string(),
                        "operation": operation(p),
                        "deposed": p.intent.deposed.as_deref(),
                        "provider": &*p.intent.provider,
                        "token": &*p.intent.token,
                        "recorded": p.partial.is_some(),
                        "reason": why(p),
                    })
                })
                .collect();
            let document = json!({
                "format_version": "1.0",
                "locked": owner,
                "foreign": opened.foreign,
                "pending": pending,
            });
            cx.screen.line(&document.to_string());
            return 0;
        }
        if opened.pending.is_empty() {
            cx.screen.line("Nothing is open: the outcome of every operation is recorded.");
            return 0;
        }
        for p in &opened.pending {
            let deposed =
                p.intent.deposed.as_ref().map_or_else(String::new, |k| format!(" (deposed object {k})"));
            cx.screen.line(&format!("{}{deposed}: {} - {}", p.intent.address, operation(p), why(p)));
        }
        let next = match owner {
            Some(owner) => format!("\nThe state is locked {owner}: these may be what that run is doing now."),
            None if opened.foreign => {
                "\nAnother tool wrote the state in between. formwork plan asks the providers, and takes in what the state lacks."
                    .to_owned()
            }
            None => "\nformwork plan or apply asks the providers what became of them, and records it.".to_owned(),
        };
        cx.screen.line(&next);
        0
    }
}
