//! A state and its outputs as text.

use super::diff::{self, Change, Options};
use super::plan::Schemas;
use super::style::Style;
use formwork_addr::{InstanceAddr, ResourceMode};
use formwork_value::{Mark, Value, display};
use std::fmt::Write;

/// One object of a state, ready to be shown.
pub struct Shown {
    /// The instance.
    pub addr: InstanceAddr,
    /// The key of a deposed object.
    pub deposed: Option<String>,
    /// It is not known to be whole.
    pub tainted: bool,
    /// Its attributes, with marks on what must not be seen.
    pub value: Value,
}

const STATIC: Options = Options {
    no_null_suffix: true,
    forced: false,
    unchanged: true,
    anonymous: false,
    brief: false,
    no_symbols: true,
};

/// Writes one object: a comment with its address, then its attributes.
pub fn object(out: &mut String, shown: &Shown, schemas: &dyn Schemas, style: Style) {
    let remark = match (&shown.deposed, shown.tainted) {
        (Some(key), _) => format!(" (deposed object {key})"),
        (None, true) => " (tainted)".to_owned(),
        (None, false) => String::new(),
    };
    let _ = writeln!(out, "# {}:{remark}", shown.addr);
    let resource = &shown.addr.resource.resource;
    let kind = if resource.mode == ResourceMode::Data { "data" } else { "resource" };
    let _ = write!(out, "{kind} \"{}\" \"{}\" ", resource.type_name, resource.name);
    let change = Change::new(Some(&shown.value), Some(&shown.value));
    let node = diff::resource(&change, schemas.schema(resource));
    diff::render(out, style, &node, 0, STATIC);
    out.push('\n');
}

/// Writes the outputs of a state the way `show` does.
pub fn outputs<'v>(
    out: &mut String,
    outputs: impl Iterator<Item = (&'v str, &'v Value, bool)>,
    style: Style,
) {
    for (name, value, sensitive) in outputs {
        if sensitive {
            let _ = writeln!(out, "{name} = (sensitive value)");
            continue;
        }
        let node = diff::typed(&Change::new(Some(value), Some(value)), &value.ty());
        let _ = write!(out, "{name} = ");
        diff::render(out, style, &node, 0, STATIC);
        out.push('\n');
    }
}

/// One line (or more) for each output, as `output` and the end of `apply` give them.
pub fn output_values<'v>(outputs: impl Iterator<Item = (&'v str, &'v Value, bool)>) -> String {
    let mut out = String::new();
    for (name, value, sensitive) in outputs {
        if sensitive || value.has_mark(Mark::Sensitive) {
            let _ = writeln!(out, "{name} = <sensitive>");
        } else {
            let _ = writeln!(out, "{name} = {}", display(value, 0));
        }
    }
    out
}
