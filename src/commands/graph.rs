//! `graph`

use super::options::{Look, switch_parser};
use crate::context::Context;
use crate::operation;
use crate::ui::graph::{Drawing, Node};
use clap::{Args, ValueEnum};
use formwork_addr::{ModulePath, Resource};
use formwork_diag::{Diagnostic, has_errors};
use formwork_engine::{Graph as ObjectGraph, Object};
use formwork_plan::{Action, Part, Plan, StepKind, file};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Show what depends on what, in the DOT language of Graphviz or for Mermaid
///
/// An edge leads to what has to be done before. Edges that longer ways imply are left out.
#[derive(Debug, Args)]
pub struct Graph {
    /// What is drawn: all objects of the configuration in place of its resources only, the order in which resources are removed, or what a
    /// saved plan does. [default: resources]
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<Kind>,
    /// Draw the steps of this saved plan.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The language of the drawing.
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    format: Format,
    /// Cycles are errors that name all their members; means nothing here.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = switch_parser(), value_name = "BOOL")]
    draw_cycles: bool,
    /// Terraform accepts it and ignores it, too.
    #[arg(long, hide = true, value_name = "N", allow_hyphen_values = true)]
    module_depth: Option<i64>,
    #[command(flatten)]
    look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Every object of the configuration, as planning evaluates them
    Plan,
    /// The same: refreshing evaluates them, too
    PlanRefreshOnly,
    /// Resources, in the order in which they are removed
    PlanDestroy,
    /// The steps of the saved plan that -plan names; without one, every object
    Apply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Dot,
    Mermaid,
}

impl Graph {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let drawing = match (&self.plan, self.kind) {
            (Some(path), None | Some(Kind::Apply)) => of_plan(cx, path),
            (Some(_), Some(_)) => Err(cx.refuse(
                Diagnostic::error(
                    "Invalid graph type",
                    "A saved plan has steps, and no other graph than that.",
                )
                .help("Leave -type away, or -plan."),
            )),
            (None, kind) => of_configuration(cx, kind),
        };
        match drawing {
            Ok(drawing) => {
                cx.screen.print(&match self.format {
                    Format::Dot => drawing.dot(),
                    Format::Mermaid => drawing.mermaid(),
                });
                0
            }
            Err(code) => code,
        }
    }
}

fn of_configuration(cx: &Context, kind: Option<Kind>) -> Result<Drawing, u8> {
    let inputs = operation::configuration(cx, true)?;
    let (graph, diags) = ObjectGraph::new(&inputs.config, cx.registry());
    if has_errors(&diags) {
        return Err(cx.fail(&diags, &inputs.sources));
    }
    let edges = graph.edges();
    let numbers: HashMap<&Object, usize> = edges.iter().enumerate().map(|(i, (o, _))| (*o, i)).collect();
    let all = !matches!(kind, None | Some(Kind::PlanDestroy));
    let nodes = edges.iter().map(|(object, _)| match object {
        Object::Resource(path, resource) => Some(of_resource(path, resource)),
        Object::Closed(..) => None,
        _ if !all => None,
        other => Some(Node { name: other.to_string(), label: other.to_string(), within: String::new() }),
    });
    let nodes = nodes.collect();
    let edges: Vec<Vec<usize>> =
        edges.iter().map(|(_, to)| to.iter().filter_map(|o| numbers.get(*o).copied()).collect()).collect();
    let drawing = Drawing::new(nodes, &edges);
    Ok(if kind == Some(Kind::PlanDestroy) { drawing.turned() } else { drawing })
}

fn of_resource(path: &ModulePath, resource: &Resource) -> Node {
    let (label, within) = (resource.to_string(), path.to_string());
    let name = if within.is_empty() { label.clone() } else { format!("{within}.{label}") };
    Node { name, label, within }
}

fn of_plan(cx: &Context, path: &Path) -> Result<Drawing, u8> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| {
        let d = Diagnostic::error("Failed to read the plan file", format!("Could not read {shown}: {e}."));
        cx.refuse(d.help("Give a plan that formwork plan -out=FILE saved."))
    })?;
    let bytes = cx.unseal_plan(bytes, &shown).map_err(|d| cx.refuse(d))?;
    let (plan, _) = file::read(&bytes).map_err(|e| cx.refuse(e.diagnostic(&shown)))?;
    let nodes = plan.steps.iter().map(|step| of_step(&plan, step.kind)).collect();
    let edges: Vec<Vec<usize>> =
        plan.steps.iter().map(|step| step.after.iter().map(|i| *i as usize).collect()).collect();
    Ok(Drawing::new(nodes, &edges))
}

/// A step by what it does; gates are hidden.
fn of_step(plan: &Plan, kind: StepKind) -> Option<Node> {
    let StepKind::Change(index, part) = kind else { return None };
    let change = plan.changes.get(index as usize)?;
    let verb = match (part, change.action) {
        (Part::Delete, _) => "destroy",
        (Part::Depose, _) => "set aside",
        (Part::Forget, _) => "forget",
        (Part::Apply, Action::Update) => "update",
        (Part::Apply, Action::Read) => "read",
        (Part::Apply, Action::NoOp) => "judge",
        (Part::Apply, _) => "create",
    };
    let deposed = change.deposed.as_ref().map_or(String::new(), |key| format!(" (deposed {key})"));
    let name = format!("{verb} {}{deposed}", change.addr);
    Some(Node { label: name.clone(), name, within: String::new() })
}
